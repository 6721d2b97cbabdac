/*
 * ranks.h - the prompts of one step over attention data parallel ranks.
 *
 * Each chunk lies on one rank, the one with least to compute so far; a rank takes no more than its share of the step's
 * tokens, so that what no rank has room for waits or is cut, however much is left in all ranks together. Kept is a
 * heap of the ranks' tokens: adding a chunk is O(log n).
 *
 * Not modelled: that a prompt, once begun, stays with its rank.
 */
#ifndef POLICY_RANKS_H
#define POLICY_RANKS_H

#include <stdint.h>

#include "base/bug.h"

enum { RANKS_MAX = 1024 };

struct sched_ranks {
    int64_t n;     /* 0: there is one rank, or no limit to each */
    int64_t limit; /* tokens that one takes */
    int64_t most;  /* tokens of the fullest */
    int64_t used[RANKS_MAX]; /* a heap, the emptiest first; the first n are in use */
};

/* n ranks, which take so many tokens together. */
static inline void sched_ranks_init(struct sched_ranks *r, int64_t n, int64_t tokens)
{
    sim_assert(n <= RANKS_MAX);
    r->n = n > 1 ? n : 0;
    r->most = 0;
    r->limit = n > 1 ? tokens / n : tokens;
    for (int64_t i = 0; i < r->n; i++)
        r->used[i] = 0;
}

void sched_ranks_add(struct sched_ranks *r, int64_t tokens);

/* Tokens that the emptiest can still take. */
static inline int64_t sched_ranks_room(const struct sched_ranks *r)
{
    return r->n > 1 ? r->limit - r->used[0] : INT64_MAX;
}

#endif
