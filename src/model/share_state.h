/*
 * share_state.h - what the files of share.h keep: share.c (who is where, who is served), share_solve.c (rates) and
 * share_check.c. Nobody else includes this.
 *
 *   slot[flow] --hop--> resource[r] --list--> flows that cross r, in order of start, as flow << HOP_BITS | hop
 *
 * A FIFO resource shares nothing once it is known who is served: it is a limit of each flow by itself. So a flow's
 * hops are kept with the shared resources first, and the solver looks at these alone.
 *
 * Two things that could be called level are told apart: the level of a flow is who goes first, water is a rate/weight.
 * Levels (SHARE_PRIORITY) are problems of their own, solved one after the other: what a resource has for a level is its
 * speed less the use of the levels before. Hence sums are kept for each level.
 *
 * Sums of use carry what rounding cut off (Neumaier's summation), since flows enter and leave them for a whole run.
 *
 * Invariants (share_check), after a solve: n_stopped counts the flows of the level whose bottleneck it is, and these
 * have the rate/weight `water`, the largest of that level there; use is the sum over its flows.
 */
#ifndef MODEL_SHARE_STATE_H
#define MODEL_SHARE_STATE_H

#include "base/bug.h"
#include "base/sort.h"
#include "model/share.h"

enum { HOP_BITS = 3 };
_Static_assert(SHARE_HOPS <= 1 << HOP_BITS, "a hop's number fits");

/* Rates that differ by less are the same rate. */
#define SHARE_SAME 1e-12
/* What is fuller than this is full. Above SHARE_SAME: rates that were left as they were may leave so much. Far below
 * the 1e-9 promised: a flow that lives on what others leave sees their errors in proportion to its own share. */
#define SHARE_SLACK 1e-11

struct share_path_hop {
    int32_t resource;
    bool waits;  /* FIFO: not among the first */
    double cost; /* s/B */
    double load; /* cost * weight */
};

struct share_slot {
    double rate;                             /* B/s; while the flow is free: as tried */
    double weight, cap;                      /* as they count */
    double limit;                            /* of a free flow: cap and FIFO servers; 0 while it waits */
    double old_rate;                         /* of a free flow: before the solve */
    uint64_t start;                          /* order of start */
    int32_t bottleneck;                      /* as in share_bottleneck, but -1 while it waits */
    int32_t limit_at;                        /* the FIFO resource that sets the limit, or -1 */
    int32_t next_free;                       /* id, of an unused slot */
    int8_t n_hops, n_shared, level, n_waits; /* n_waits: FIFO hops at which it is not among the first */
    bool live, fresh, seed, free;            /* fresh: not yet reported; free: its rate is being solved for */
    double ratio;                            /* of a free flow: rate / weight, this round */
    struct share_path_hop hop[SHARE_HOPS];   /* shared resources first */
};

struct share_at_level {
    double use, rest; /* port seconds a second: use + rest; in a solve, of the flows that are not free */
    double water;     /* rate / weight of those it stops */
    int32_t n;        /* flows of this level on it */
    int32_t n_stopped;
};

struct share_port { /* a resource */
    int32_t *at;    /* flow << HOP_BITS | hop, in order of start: at[head .. head + n) */
    int32_t head, n, room;
    int32_t servers;
    enum share_rule rule;
    bool touched, holds; /* holds: some flow on it cannot rise as far as its water, this round */
    bool stops;          /* it is a free flow's bottleneck */
    int32_t n_free;
    double speed;
    double left, load, water; /* this round: for flows still rising, their sum of load, the rate/weight they reach */
    double tried_use;         /* of the free flows */
    double tried_water;       /* largest rate / weight of them */
    double stop_water;        /* of those it stops */
    struct share_at_level of[SHARE_LEVELS];
};

struct share_ids {
    int32_t *at;
    int32_t n, room;
};

struct share {
    struct share_slot *slot;
    int32_t n_slots, slot_room, first_free;
    struct share_port *port;
    int32_t n_ports, port_room;
    int32_t n_level[SHARE_LEVELS]; /* live flows */
    uint64_t started, visits;
    struct share_ids seeds;   /* flows to be solved for: slot.seed, or stale */
    struct share_ids touched; /* resources to be looked at */
    struct share_ids free, rising, changed;
    struct sort_pair *order;
    int32_t order_room;
};

static inline void share_push(struct share_ids *ids, int32_t id)
{
    if (ids->n == ids->room) {
        ids->room = ids->room ? 2 * ids->room : 64;
        ids->at = mem_realloc(ids->at, (size_t)ids->room * sizeof *ids->at);
    }
    ids->at[ids->n++] = id;
}

static inline void share_touch(struct share *s, int32_t resource)
{
    if (s->port[resource].touched)
        return;
    s->port[resource].touched = true;
    share_push(&s->touched, resource);
}

static inline void share_seed(struct share *s, int32_t flow)
{
    if (s->slot[flow].seed)
        return;
    s->slot[flow].seed = true;
    share_push(&s->seeds, flow);
}

static inline void share_add_use(struct share_at_level *l, double x)
{
    double sum = l->use + x, back = sum - l->use;

    l->rest += (l->use - (sum - back)) + (x - back);
    l->use = sum;
}

/* A sum of nothing may have kept the last bit of what left it. */
static inline double share_used(const struct share_at_level *l)
{
    double used = l->use + l->rest;

    return used > 0 ? used : 0;
}

/* What a resource has for a level. */
static inline double share_room(const struct share_port *p, int level)
{
    double room = p->speed;

    for (int l = 0; l < level; l++)
        room -= share_used(&p->of[l]);
    return room > 0 ? room : 0;
}

/* A rate within rounding of the room, on a resource of this speed. */
static inline double share_slack(const struct share_port *p, double room)
{
    return SHARE_SLACK * room + 1e-14 * p->speed;
}

/* The first FIFO resource on its path at which the flow waits, or -1. */
static inline int32_t share_waits_at(const struct share_slot *f)
{
    for (int h = f->n_shared; f->n_waits > 0 && h < f->n_hops; h++)
        if (f->hop[h].waits)
            return f->hop[h].resource;
    return -1;
}

#endif
