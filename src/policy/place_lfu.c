/*
 * place_lfu.c - the expert used in the fewest steps leaves; counts are halved at times, so that old favourites fade
 * (the ageing of TinyLFU: Einziger, Friedman, Manes, "TinyLFU", ACM TOS 2017). Counts go on for absent experts too;
 * with admit = better a fetched one is kept only if it has been used more than the one that would leave.
 */
#include "policy/place.h"

enum { ADMIT_ALWAYS, ADMIT_BETTER };
static const char *const admits[] = {"always", "better", NULL};

struct options {
    int64_t halve_steps;
    int admit;
};

static const struct opt rows[] = {
    {"halve_steps", OPT_INT, UNIT_NONE, offsetof(struct options, halve_steps), 0, 1e12, "1000", NULL,
     "steps after which all counts are halved; 0: never"},
    {"admit", OPT_CHOICE, UNIT_NONE, offsetof(struct options, admit), OPT_NO_LIMITS, "better", admits,
     "whether a fetched expert always takes the slot of the least used, or only if it was used more"},
};

static double key(const void *options, const struct place_view *v)
{
    (void)options;
    return v->step == 0 ? 0 : v->last_key + 1;
}

static bool challenge(const void *options)
{
    const struct options *o = options;
    return o->admit == ADMIT_BETTER;
}

static double aging(const void *options, int64_t step)
{
    const struct options *o = options;
    return o->halve_steps > 0 && step % o->halve_steps == 0 ? 0.5 : 1;
}

const struct place_ops place_lfu_ops = {
    .policy = {"lfu", "the expert used in the fewest steps leaves; counts are halved at times", OPT_TABLE(rows),
               sizeof(struct options)},
    .key = key,
    .challenge = challenge,
    .aging = aging,
};
