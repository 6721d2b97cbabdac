/*
 * group.h - a replica of the scenario whose attention ranks, or whose micro-batches, are apart ([replica] ranks,
 * micro_batches): its members. Each is a struct replica: a batch, KV blocks, a scheduler's plan and records of its own,
 * and a target of the router. What joins them is when their steps begin and end.
 *
 * Ranks (dp) are in lockstep, since each layer's experts take the tokens of all. Whenever none steps and one has
 * work, all plan; the step takes as long as that of the slowest, each with its own tokens in the attention and what is
 * computed once a rank, and the tokens of all in the experts. A rank without work goes along (a dummy batch): no
 * record.
 *
 *     rank 0   |== own ==|------|== own ========|      own: as long as the step would be if this rank were the slowest
 *     rank 1   |== own =========|== own ===|----|      ---: it waits
 *     rank 2   |----------------|== own ==|-----|           no work in the first step
 *
 * Micro-batches (pp) are staggered, as the virtual engines of vLLM v0: each plans when its own latest step has ended,
 * and passes the n stages in turn. A stage has one micro-batch at a time, in the order in which they began:
 *
 *     C[s] = max(C[s - 1], free[s]) + t      free[s] = C[s]      the step ends at C[n - 1]
 *
 *     stage 0   | A | B |   | A | B |        t: what the model takes for that micro-batch alone, sends between stages
 *     stage 1       | A | B |   | A | B |       included, over n: stages are alike (embedding and head spread evenly)
 *
 * O(1) a rank's step; O(n) a micro-batch's.
 *
 * A member's own work is own_ns of its step: n t of a micro-batch. While its replica has any member in a step, what it
 * does not work is bubble (view v_gpu_slots): of all members together, that of all ranks or stages.
 *
 * Invariants: intervals of a group's steps begin and end in the same order; own_ns <= the step's time.
 * Not modelled: experts that a rank without work computes for others count as its bubble; stages of unequal layers;
 * requests that move from one member to another. Ownership: the world.
 */
#ifndef MODEL_GROUP_H
#define MODEL_GROUP_H

#include "model/replica.h"

struct group {
    struct replica *member; /* [n] */
    int64_t n;
    int64_t *free_ns; /* [n] of staggered members: when each stage has done all that was given to it; NULL: lockstep */
    int64_t running;  /* members whose part of the lockstep has not come to its end */
    int64_t until_ns; /* end of its latest step */
    int64_t busy_ns;  /* of ended steps: the time in which any member was in one */
    int64_t own_ns;   /* of them: own work */
};

/* What a member's step is set to take in lockstep, once all have planned: that of the slowest; own_ns of each is
 * set. */
int64_t group_lockstep_ns(struct group *g);
/* A staggered member that begins now, with a micro-batch which takes so long alone: when its step ends; -1: after the
 * clock does. */
int64_t group_pass(struct group *g, struct replica *r, int64_t alone_ns, int64_t now_ns);
/* A member's step has ended (r->now): counted, and its record put. */
void group_count(struct group *g, const struct replica *r);

#endif
