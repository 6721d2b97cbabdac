/*
 * place.h - which experts of a layer stay in HBM where not all have room: a policy gives each a key, the least leaves.
 *
 * Each layer has its own slots: layers are visited in turn, so that one pool of all layers would be flushed by each
 * step under any rule that goes by recency. An expert that a step fetched takes a free slot or that of the resident
 * with the least key; one whose least-key resident was itself used in this step, or (where `challenge`) has no smaller
 * key than the newcomer, passes through a buffer and is not kept. Ties: the lower id leaves first.
 *
 * A key is asked for at the start (for all experts, as of step 0) and whenever the expert is used, resident or not; it
 * must be >= 0 and never fall by a use. `aging` multiplies all keys at the start of a step.
 * Weights are read only: nothing is written back when an expert leaves.
 */
#ifndef POLICY_PLACE_H
#define POLICY_PLACE_H

#include <stdbool.h>
#include <stdint.h>

#include "policy/policy.h"

struct place_view {
    int64_t step;      /* from 1 */
    double popularity; /* inclusion probability when experts were first placed */
    double last_key;   /* 0 at the start */
};

struct place_ops {
    struct policy policy;
    double (*key)(const void *options, const struct place_view *v);
    bool (*challenge)(const void *options);             /* NULL: newcomers always enter */
    double (*aging)(const void *options, int64_t step); /* in (0, 1]; NULL: 1 */
    /* Of the experts that a layer will use, the share that is named, and fetched, one layer ahead; for each that is
     * not, a wrong one is. NULL: nothing is fetched ahead. */
    double (*accuracy)(const void *options);
};

#endif
