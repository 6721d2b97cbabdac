/*
 * world_state.h - what a world is made of. Private to the model: world.c moves it, audit.c checks it.
 */
#ifndef MODEL_WORLD_STATE_H
#define MODEL_WORLD_STATE_H

#include "engine/sim.h"
#include "model/loads.h"
#include "model/replica.h"
#include "model/world.h"

struct world {
    const struct scenario *sc;
    struct workload *workload;
    struct trace *trace;
    struct sim *sim;

    struct pool pool;
    struct list held;               /* LINK_QUEUE: the central queue */
    struct scheduler_limits limits; /* of a replica: those of its attention ranks together */
    struct replica_env env;
    void *cost_state;
    struct replica *replicas;
    struct loads loads;
    void *router_state;
    struct rng router_rng;

    struct work_item *items; /* arrivals that are pending events; slots, free ones linked by class_id */
    int64_t n_items, free_item;

    int64_t total_blocks, rank_blocks; /* of a replica, of one of its attention ranks */
    int64_t arrived, completed, rejected, max_concurrent;
    int64_t arrived_input;                          /* prompt tokens of all that arrived */
    int64_t done_input, done_output, done_computed; /* of the completed: prompts, answers, tokens that had KV */
    int64_t rejected_in_a_row, t_rejected_ns;       /* at t_rejected_ns, up to now */
    uint64_t area_ns, area_t_ns, sojourn_ns;        /* Little's law, mod 2^64; sojourns of the ended */
    struct err err;
};

static inline int64_t world_in_system(const struct world *w)
{
    return w->arrived - w->completed - w->rejected;
}

/* Call before each change of the number in system. */
static inline void world_count_area(struct world *w)
{
    uint64_t now = (uint64_t)sim_now(w->sim);

    w->area_ns += (uint64_t)world_in_system(w) * (now - w->area_t_ns);
    w->area_t_ns = now;
}

#endif
