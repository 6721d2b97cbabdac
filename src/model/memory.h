/*
 * memory.h - the machine's memories as ports: which resources (share.h) a byte crosses between a replica's HBM and a
 * tier.
 *
 *   replica 0   replica 1   replica 2   replica 3        [replica] 2 GPUs each
 *     hbm 0       hbm 1       hbm 2       hbm 3          one port a replica: all its GPUs together
 *     c2c 0       c2c 1       c2c 2       c2c 3          [link c2c] gpus = 1: two units, one resource of twice the rate
 *        \         /             \         /
 *         lpddr 0                 lpddr 1                [tier lpddr] gpus = 4: a unit for two replicas
 *              \                    /
 *                    pool                                [tier pool] gpus = 0: one for all
 *
 * A replica whose GPUs have several units of a link or tier uses them evenly, so they count as one with their sum; a
 * unit for several replicas is one resource that they share. Either the unit's GPUs are a multiple of the replica's or
 * a divisor (scenario/check.c). A link has a port for each direction, and one for both where both_Bps says so; a tier
 * has one port, and a byte costs it 1/read or 1/write seconds. A tier that bounces crosses another's port in both ways.
 *
 * Pools (scenario/pools.h) stand on nodes of their own: no unit is shared by replicas of two pools, but one for the
 * whole cluster. Where one hands KV to another, each replica has a port in each direction to the other GPUs:
 * `handoff`'s share of network_bandwidth, or of nvlink_bandwidth where there is no network, of all its GPUs together.
 *
 * Time of a transfer beside its bytes: the links' and the tier's latency, and fragment_ns for each piece of
 * fragment_bytes, of those that one unit gets.
 * Not modelled: which GPU of a replica holds what; NUMA; the protocol overhead of small pieces beyond granularity.
 * Ownership: the world; the mover is its.
 */
#ifndef MODEL_MEMORY_H
#define MODEL_MEMORY_H

#include "base/rng.h"
#include "model/move.h"
#include "scenario/scenario.h"

enum { MEMORY_TIERS = 8, MEMORY_HBM = -1, MEMORY_POOLS = 2 };
enum memory_way { MEMORY_UP, MEMORY_DOWN }; /* towards HBM; from it */

struct memory_resource { /* what stands behind a resource id; for names in records */
    const char *name;    /* of link or tier; "hbm" */
    int64_t unit;        /* index among those of the name */
    bool is_tier;
    double speed; /* 1, or what faults leave */
};

struct memory {
    const struct scenario *sc;
    struct share *share;
    struct mover *mover;
    int64_t replicas;
    int n_pools;
    struct memory_pool {        /* the replicas of a [pool NAME] */
        int64_t first, n, gpus; /* gpus of a replica */
        double hbm_Bps;         /* of a replica */
        double nic_Bps;         /* what a replica's GPUs reach of others' together, one direction */
    } pool[MEMORY_POOLS];
    int32_t *hbm;           /* [replicas] */
    int32_t *nic[2];        /* [replicas] to and from a replica, where one pool hands KV to another; else NULL */
    struct memory_line {    /* a link or tier */
        int64_t units;      /* resources: of all replicas */
        struct memory_span {
            int64_t first;  /* unit */
            int64_t span;   /* replicas that share one; 1: each has its own */
            int64_t merged; /* units of the scenario that one resource stands for */
        } of[MEMORY_POOLS]; /* of each pool */
        int32_t *port[3];   /* [units]; links: to, from, both (NULL: none); tiers: one */
        int32_t *down;      /* [units] faults that keep it down */
        int64_t *lost;      /* [units] modules of a tier that are missing */
    } * link, tier[MEMORY_TIERS];
    struct memory_resource *resource;
    int32_t n_resources;
};

void memory_init(struct memory *m, const struct scenario *sc, struct sim *sim, uint32_t ev_done, uint32_t ev_part,
                 unsigned class_done);
void memory_free(struct memory *m);

const struct memory_pool *memory_pool_of(const struct memory *m, int64_t replica);
/* Of a replica: which unit of the tier, or link, it reaches; of a unit, how it is shared and the first such replica. */
int64_t memory_unit(const struct memory *m, int tier, int64_t replica);
int64_t memory_unit_of(const struct memory *m, const struct memory_line *l, int64_t replica);
const struct memory_span *memory_span_of(const struct memory *m, const struct memory_line *l, int64_t unit);
int64_t memory_first_replica(const struct memory *m, const struct memory_line *l, int64_t unit);
/* Room of a unit for cached KV, bytes; and what else it holds. */
int64_t memory_capacity(const struct memory *m, int tier, int64_t unit);
struct lower_use memory_use(const struct memory *m, int tier, int64_t unit);

/* The same of one of them, without its lost modules. */
int64_t memory_room(const struct memory *m, int tier, int64_t unit);
/* Whether the unit is up; and the whole way from a replica to a tier: its links, what it bounces through, its unit. */
bool memory_is_up(const struct memory *m, int tier, int64_t unit);
bool memory_reaches(const struct memory *m, int64_t replica, int tier);
/* A port has so much of its bandwidth from now on, > 0. (What is down is not slow: nobody starts a transfer to it.) */
void memory_set_speed(struct memory *m, int32_t port, double speed);

struct memory_path {
    struct share_hop hop[SHARE_HOPS];
    int n_hops;
    int64_t latency_ns, fragment_ns, fragment_bytes; /* fragment_bytes: of all units together */
    int64_t granularity_bytes;
};
void memory_path(const struct memory *m, int64_t replica, int tier, enum memory_way way, struct memory_path *out);
/* From a unit of a tier to one of another, without HBM. */
void memory_between(const struct memory *m, int from, int64_t from_unit, int to, int64_t to_unit,
                    struct memory_path *out);
/* From one replica's HBM to another's: their ports to other GPUs and both HBMs. */
void memory_handoff(const struct memory *m, int64_t from, int64_t to, struct memory_path *out);
/* From a unit of a tier, near replica `from`, to the HBM of one that may not reach it by its own links. */
void memory_handoff_from(const struct memory *m, int tier, int64_t from, int64_t to, struct memory_path *out);
/* A transfer of so many bytes (of HBM's format), rounded up as the tier asks; extra_ns: waits beside (conversion, GC).
 */
void memory_transfer(const struct memory *m, const struct memory_path *p, int64_t bytes, int64_t extra_ns, int level,
                     struct move_job *job);
/* What it would take alone, ns. */
int64_t memory_solo_ns(const struct memory *m, const struct memory_path *p, int64_t bytes);

/* A step of a replica: `bound_ns` of full use of HBM, then rest_ns with the share of its port. */
void memory_step(const struct memory *m, int64_t replica, int64_t bound_ns, int64_t rest_ns, double share,
                 struct move_job *job);

#endif
