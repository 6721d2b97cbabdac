/*
 * slru - segmented LRU: what was used but once goes before what was used again.
 *
 * Two LRU lists (Karedla, Love, Wherry: "Caching Strategies to Improve Disk System Performance", IEEE Computer 27(3),
 * 1994). A copy enters the probationary one; a use moves it to the recent end of the protected one. What overflows the
 * protected one, of `protected` x the store's capacity, falls back to the recent end of the probationary one. Victims
 * come from the probationary one, and from the protected one only when that has no candidate.
 *
 *   probationary  key = tick          protected  key = EVICT_PROTECTED + tick
 */
#include "policy/evict.h"

struct options {
    double protected_share;
};

static const struct opt rows[] = {
    {"protected", OPT_REAL, UNIT_NONE, offsetof(struct options, protected_share), 0, 1, "0.8", NULL,
     "share of the store for what was used again"},
};

static double key(const void *options, void *state, const struct evict_view *v)
{
    (void)options, (void)state;
    return v->uses == 1 || v->demoted ? (double)v->tick : EVICT_PROTECTED + (double)v->tick;
}

static int64_t protects(const void *options, int64_t store_blocks)
{
    return (int64_t)(((const struct options *)options)->protected_share * (double)store_blocks);
}

const struct evict_ops evict_slru_ops = {
    .policy = {.name = "slru",
               .help = "segmented LRU: what was used but once goes before what was used again",
               .options = OPT_TABLE(rows),
               .options_size = sizeof(struct options)},
    .key = key,
    .protects = protects,
};
