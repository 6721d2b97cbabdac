/*
 * fleet.h - the replicas of one pool ([pool NAME]; without such sections there is one, of all replicas): what they
 * share.
 *
 * Replicas are numbered through all fleets; a router knows those of its own fleet, from 0. A fleet's replicas stand on
 * nodes of their own, so that what several GPUs share (links, tiers, hosts) is shared within a fleet, or by all. Where
 * a replica of the scenario has members (group.h), each of them is a replica here, with its part of the GPUs.
 * Ownership: the world. `requests` and the trace are the world's; the scenario outlives it.
 */
#ifndef MODEL_FLEET_H
#define MODEL_FLEET_H

#include "model/loads.h"
#include "model/replica.h"

struct fleet {
    const struct scenario *sc; /* as it is for these replicas */
    int role;                  /* enum pool_role */
    int64_t first, n;          /* replicas */
    int64_t members;           /* so many of them are one of the scenario's; 1: each is */
    int64_t gpus;              /* of a replica */
    struct scheduler_limits limits; /* of a replica: those of its attention ranks together */
    struct speculation speculation;
    struct replica_env env;
    void *cost_state;
    int64_t total_blocks, rank_blocks; /* of a replica, of one of its attention ranks */
    struct loads loads;
    void *router_state;
    struct rng router_rng;
    struct queue_env order;
    struct list held; /* LINK_QUEUE: its central queue, in the order of `queue` */
    struct queue queue;
    struct sight *sight; /* what its router sees beyond loads; NULL: nothing */
};

/* Its replicas are [first, first + the pool's count). */
void fleet_init(struct fleet *f, const struct pool_options *pool, int64_t index, int64_t first, struct trace *t,
                struct pool *requests);
void fleet_free(struct fleet *f);

/* The tokens that a rank's share of the cache holds. */
int64_t fleet_rank_tokens(const struct fleet *f);

#endif
