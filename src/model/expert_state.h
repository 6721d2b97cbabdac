/*
 * expert_state.h - what a pool of experts holds: shared by expert.c (steps, residency) and expert_make.c (popularity,
 * making). Private to those.
 */
#ifndef MODEL_EXPERT_STATE_H
#define MODEL_EXPERT_STATE_H

#include <string.h>

#include "base/bug.h"
#include "base/heap.h"
#include "model/expert.h"
#include "model/topk.h"

struct expert {           /* of one layer */
    double q;             /* popularity, now */
    double placed_q;      /* and when first placed */
    double key;           /* of the policy */
    int64_t used_step;    /* named or used last; a guess that was wrong counts */
    int64_t fetched_step; /* ahead of need: at hand for this step even if it took no slot */
};

/* Keys only rise, so the heap keeps those at which experts entered or were last looked at: use costs it nothing, and
 * the least one is brought up to date until it is its present key that is least. */
struct expert_layer {
    struct topk topk;
    struct expert *at;
    struct heap resident;
    uint32_t *pos; /* in the heap, by expert */
    int64_t slots;
    int64_t stands_for;
};

struct expert_pool {
    struct expert_config c;
    struct expert_options options;
    struct expert_layer *layer;
    int64_t n; /* layers drawn */
    int64_t step, moves;
    struct rng drawn, guessed, drift;
    double *q;           /* scratch of topk_set */
    int32_t *ids, *deck; /* scratch: the activated; experts to choose from */
    int32_t *named;      /* scratch: guessed and absent */
    int64_t n_named;
    int64_t *rank_absent;
    int64_t *touched; /* ranks with a count */
};

static inline uint64_t expert_bits(double key) /* of doubles >= 0, in their order */
{
    uint64_t b;

    sim_assert(key >= 0);
    memcpy(&b, &key, sizeof b);
    return b;
}

static inline bool expert_holds(const struct expert_layer *l, int32_t i)
{
    return l->pos[i] != HEAP_NONE;
}

/* Gives each layer its slots for a share of HBM. */
void expert_set_slots(struct expert_pool *p, double hot_share);

#endif
