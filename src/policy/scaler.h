/*
 * scaler.h - how many replicas a pool should have.
 *
 * Asked every `interval` of [autoscale]; answers with a number of replicas, those that start included. The model keeps
 * it within min and the pool's count, minds the cooldowns, starts replicas or drains them (model/world_scale.c). A
 * policy may remember what it wants in `state`, zeroed when a run begins.
 */
#ifndef POLICY_SCALER_H
#define POLICY_SCALER_H

#include <stdint.h>

#include "policy/policy.h"

struct scaler_view {
    int64_t now_ns;
    int64_t ready, starting; /* replicas: that take requests; that will. Those that drain are in neither */
    int64_t outstanding;     /* requests of the pool: routed there and not ended, or held for it */
    int64_t waiting;         /* of these: not admitted to a batch */
    /* Means over the ready: of the interval, the share in steps; now, the share of max_num_seqs and KV blocks in use */
    double busy, slots, kv;
    int64_t ended, met; /* requests of the run that ended in the interval; of these, all SLOs met */
};

struct scaler_ops {
    struct policy policy;
    size_t state_size;
    int64_t (*want)(const void *options, void *state, const struct scaler_view *v); /* NULL: it never changes */
};

struct autoscale_options { /* [autoscale] */
    int64_t min, start;    /* replicas: always; at the beginning, 0: min */
    int64_t interval_ns, out_cooldown_ns, in_cooldown_ns;
    int64_t start_ns;      /* of a new replica, before its weights are loaded */
    int64_t load_ns;       /* of its weights; 0: as the memories have it */
};

#endif
