/*
 * lfu - the copy that was used least often since it was put goes first; of equals the one used least recently.
 *
 *   half_life 0    key = uses + tick / 2^32: the fraction orders equals and stays below 1 for 2^32 ticks
 *   half_life h    weight = sum over its uses i of 2^(-(now - tick_i) / h), in ticks of the store
 *
 * The decayed weight is LRFU's "combined recency and frequency" with lambda = 1/h (Lee, Choi, Kim, Noh, Min, Cho, Kim:
 * "LRFU: A Spectrum of Policies that Subsumes the Least Recently Used and Least Frequently Used Policies", IEEE Trans.
 * Computers 50(12), 2001). All weights shrink by the same factor as time goes by, so their order does not change
 * between uses; kept is the log of sum 2^(tick_i / h), which needs no renewal and does not overflow:
 *
 *   put  key = g,  g = tick ln2 / h        use  key' = max(key, g) + ln(1 + e^-|key - g|)
 */
#include "base/num.h"
#include "policy/evict.h"

#define LN2 0.69314718055994530942

struct options {
    double half_life;
};

static const struct opt rows[] = {
    {"half_life", OPT_REAL, UNIT_NONE, offsetof(struct options, half_life), 0, 1e12, "0", NULL,
     "a use counts half after so many uses and puts of the store; 0: uses count for ever"},
};

static double key(const void *options, void *state, const struct evict_view *v)
{
    double half_life = ((const struct options *)options)->half_life;

    (void)state;
    if (half_life == 0)
        return (double)v->uses + (double)v->tick * 0x1p-32;
    double now = (double)v->tick * LN2 / half_life, was = v->last_key;
    if (v->uses == 1)
        return now;
    return was > now ? was + num_log(1 + num_exp(now - was)) : now + num_log(1 + num_exp(was - now));
}

const struct evict_ops evict_lfu_ops = {
    .policy = {.name = "lfu",
               .help = "what was used least often goes first; uses may count less with age",
               .options = OPT_TABLE(rows),
               .options_size = sizeof(struct options)},
    .key = key,
};
