/*
 * gdsf - GreedyDual-Size-Frequency: what is used seldom and cheap to compute again goes first.
 *
 *   key = L + uses x cost / size      cost: seconds to compute a block again at its depth; size: bytes of a block
 *
 * L, the inflation, is the largest key given up so far: what stays unused is overtaken by what comes later (Cherkasova:
 * "Improving WWW Proxies Performance with Greedy-Dual-Size-Frequency Caching Policy", HPL-98-69R1, 1998). A block's
 * size is the same everywhere in a store, so deep blocks, whose attention costs more, are what it favours.
 */
#include "policy/evict.h"

struct state {
    double inflation;
};

static double key(const void *options, void *state, const struct evict_view *v)
{
    (void)options;
    return ((const struct state *)state)->inflation + (double)v->uses * v->recompute_s / (double)v->block_bytes;
}

static void evicted(void *state, double key, int64_t blocks)
{
    struct state *s = state;

    (void)blocks;
    if (key > s->inflation) /* a prefix, no candidate while what follows it is here, may have less */
        s->inflation = key;
}

const struct evict_ops evict_gdsf_ops = {
    .policy = {.name = "gdsf", .help = "what is used seldom and cheap to compute again goes first, with ageing"},
    .state_size = sizeof(struct state),
    .costly = true,
    .key = key,
    .evicted = evicted,
};
