/*
 * share_solve.c - rates after a change, from the flows that it touches.
 *
 * Level by level. A set of flows is free, all others keep their rates:
 *
 *   1. free: the flows that started or changed. None, where flows only ended.
 *   2. fill: the free flows rise together (by rate/weight) in what the others leave, until limits and full resources
 *      stop each of them.
 *   3. look at each touched resource. What is fixed there may no longer stand: its bottleneck is no longer full, or a
 *      free flow rose above it, or it is above a free flow which this resource stops, or there is too little room for
 *      it. Such flows become free too; go on with 2. If there are none, the max-min condition (share.h) holds for all.
 *
 * The free set only grows, so this ends. Where 3 finds nothing, nothing beyond is looked at; that costs O(1) a resource
 * as long as no free flow is stopped there, since a resource knows how many fixed flows it stops, and how high.
 *
 * Which become free: those stopped at the resource, and those higher than its flows would stand if all others kept
 * their rates (even_water). Freeing more would be as right and slower, and so would freeing fewer.
 *
 * Filling freezes in each round whatever can be decided near by: a flow at its limit when no resource on its path lets
 * it go less high, and the flows of a resource when each of them can reach its water. The water of resources only rises
 * from round to round, so both are final. The lowest resource or flow can always be frozen.
 */
#include "model/share_state.h"

#include <math.h>

/* Passes of even_water: after so many its answer may be too low, and then flows are freed that need not be. */
enum { EVEN_PASSES = 8 };

static void set_limit(const struct share *s, struct share_slot *f)
{
    f->limit = f->cap;
    f->limit_at = -1;
    if (f->n_waits > 0)
        f->limit = 0;
    for (int h = f->n_shared; h < f->n_hops && f->n_waits == 0; h++) {
        const struct share_port *p = &s->port[f->hop[h].resource];
        double server = p->speed / p->servers / f->hop[h].cost;
        if (server < f->limit) {
            f->limit = server;
            f->limit_at = f->hop[h].resource;
        }
    }
}

/* From s->free.at[from] on: what they had is no longer fixed. */
static void release(struct share *s, int32_t from)
{
    for (int32_t i = from; i < s->free.n; i++) {
        struct share_slot *f = &s->slot[s->free.at[i]];
        s->visits++;
        set_limit(s, f);
        f->old_rate = f->rate;
        if (f->bottleneck >= 0)
            s->port[f->bottleneck].of[f->level].n_stopped--;
        for (int h = 0; h < f->n_hops; h++) {
            struct share_port *p = &s->port[f->hop[h].resource];
            if (f->rate > 0)
                share_add_use(&p->of[f->level], -f->hop[h].cost * f->rate);
            p->n_free++;
            if (h < f->n_shared)
                share_touch(s, f->hop[h].resource);
        }
    }
}

static void choose(struct share *s, int32_t flow)
{
    s->slot[flow].free = true;
    share_push(&s->free, flow);
}

/* How high each resource lets the rising flows on it go. */
static void round_water(struct share *s)
{
    for (int32_t i = 0; i < s->touched.n; i++) {
        s->port[s->touched.at[i]].load = 0;
        s->port[s->touched.at[i]].holds = false;
    }
    for (int32_t i = 0; i < s->rising.n; i++) {
        const struct share_slot *f = &s->slot[s->rising.at[i]];
        for (int h = 0; h < f->n_shared; h++)
            s->port[f->hop[h].resource].load += f->hop[h].load;
    }
    for (int32_t i = 0; i < s->touched.n; i++) {
        struct share_port *p = &s->port[s->touched.at[i]];
        if (p->load > 0)
            p->water = p->left > 0 ? p->left / p->load : 0;
    }
}

/* How high each rising flow can go, and by what; resources on which one can go less high than the others must wait. */
static void round_ratios(struct share *s)
{
    for (int32_t i = 0; i < s->rising.n; i++) {
        struct share_slot *f = &s->slot[s->rising.at[i]];
        f->bottleneck = -1;
        f->ratio = INFINITY;
        for (int h = 0; h < f->n_shared; h++) {
            const struct share_port *p = &s->port[f->hop[h].resource];
            if (p->water < f->ratio) {
                f->ratio = p->water;
                f->bottleneck = f->hop[h].resource;
            }
        }
        if (f->limit <= f->ratio * f->weight) {
            f->ratio = f->limit / f->weight;
            f->bottleneck = -1;
        }
        for (int h = 0; h < f->n_shared; h++)
            if (f->ratio < s->port[f->hop[h].resource].water)
                s->port[f->hop[h].resource].holds = true;
    }
}

static void freeze(struct share *s, struct share_slot *f)
{
    f->rate = f->bottleneck < 0 ? f->limit : f->ratio * f->weight;
    if (f->bottleneck >= 0) {
        s->port[f->bottleneck].stops = true;
        s->port[f->bottleneck].stop_water = f->ratio;
    }
    for (int h = 0; h < f->n_shared; h++) {
        struct share_port *p = &s->port[f->hop[h].resource];
        double use = f->hop[h].cost * f->rate;
        p->left -= use;
        p->tried_use += use;
        if (f->ratio > p->tried_water)
            p->tried_water = f->ratio;
    }
}

/* Rates of the free flows in what the fixed ones leave. */
static void fill(struct share *s, int level)
{
    for (int32_t i = 0; i < s->touched.n; i++) {
        struct share_port *p = &s->port[s->touched.at[i]];
        p->left = share_room(p, level) - share_used(&p->of[level]);
        p->tried_use = p->tried_water = 0;
        p->stops = false;
    }
    s->rising.n = 0;
    for (int32_t i = 0; i < s->free.n; i++)
        share_push(&s->rising, s->free.at[i]);
    while (s->rising.n > 0) {
        int32_t n = 0;
        round_water(s);
        round_ratios(s);
        for (int32_t i = 0; i < s->rising.n; i++) {
            struct share_slot *f = &s->slot[s->rising.at[i]];
            if (f->bottleneck >= 0 && s->port[f->bottleneck].holds)
                s->rising.at[n++] = s->rising.at[i];
            else
                freeze(s, f);
        }
        sim_assert(n < s->rising.n);
        s->rising.n = n;
    }
}

/* How high flows stand that fill the resource when those that it does not stop go no higher than they are. */
static double even_water(struct share *s, int32_t resource, int level)
{
    const struct share_port *p = &s->port[resource];
    double even = 0;
    int32_t last_below = -1;

    s->visits += (uint64_t)p->n;
    for (int pass = 0; pass < EVEN_PASSES; pass++) {
        double left = share_room(p, level), load = 0;
        int32_t below = 0;
        for (int32_t i = 0; i < p->n; i++) {
            int32_t entry = p->at[p->head + i];
            const struct share_slot *f = &s->slot[entry >> HOP_BITS];
            const struct share_path_hop *hop = &f->hop[entry & ((1 << HOP_BITS) - 1)];
            if (f->level != level)
                continue;
            if (f->bottleneck != resource && f->rate <= even * f->weight) {
                left -= hop->cost * f->rate;
                below++;
            } else {
                load += hop->load;
            }
        }
        if (load <= 0 || below == last_below)
            break;
        last_below = below;
        even = left > 0 ? left / load : 0;
    }
    return even;
}

static void choose_on(struct share *s, int32_t resource, int level)
{
    const struct share_port *p = &s->port[resource];
    double even = even_water(s, resource, level) * (1 + SHARE_SLACK);

    for (int32_t i = 0; i < p->n; i++) {
        int32_t flow = p->at[p->head + i] >> HOP_BITS;
        const struct share_slot *f = &s->slot[flow];
        if (!f->free && f->level == level && (f->bottleneck == resource || f->rate > even * f->weight))
            choose(s, flow);
    }
}

/* Whether fixed flows on the resource may not stay as they are. */
static bool is_off(const struct share_port *p, int level)
{
    const struct share_at_level *of = &p->of[level];
    double room = share_room(p, level), slack = share_slack(p, room), use = share_used(of) + p->tried_use;

    if (of->n == p->n_free)
        return false;
    if (use > room + slack)
        return true;
    if (of->n_stopped == 0)
        return p->stops;
    return use < room - slack || p->tried_water > of->water * (1 + SHARE_SLACK) ||
           (p->stops && p->stop_water < of->water * (1 - SHARE_SLACK));
}

/* The free flows are fixed again; those whose rates are others than before are noted. */
static void settle(struct share *s)
{
    for (int32_t i = 0; i < s->free.n; i++) {
        struct share_slot *f = &s->slot[s->free.at[i]];
        double larger = f->rate > f->old_rate ? f->rate : f->old_rate;
        if (fabs(f->rate - f->old_rate) <= SHARE_SAME * larger)
            f->rate = f->old_rate;
        if (f->rate != f->old_rate || f->fresh)
            share_push(&s->changed, s->free.at[i]);
        f->fresh = f->free = false;
        if (f->bottleneck < 0)
            f->bottleneck = f->limit_at;
        else
            s->port[f->bottleneck].of[f->level].water = f->ratio;
        if (f->bottleneck >= 0)
            s->port[f->bottleneck].of[f->level].n_stopped++;
        for (int h = 0; h < f->n_hops; h++) {
            struct share_port *p = &s->port[f->hop[h].resource];
            p->n_free = 0;
            if (f->rate > 0)
                share_add_use(&p->of[f->level], f->hop[h].cost * f->rate);
        }
    }
    s->free.n = 0;
}

static void solve_level(struct share *s, int level)
{
    for (int32_t i = 0; i < s->seeds.n; i++) {
        struct share_slot *f = &s->slot[s->seeds.at[i]];
        if (!f->seed || f->level != level)
            continue;
        f->seed = false;
        choose(s, s->seeds.at[i]);
    }
    for (int32_t released = 0;;) {
        release(s, released);
        released = s->free.n;
        fill(s, level);
        for (int32_t i = 0; i < s->touched.n; i++)
            if (is_off(&s->port[s->touched.at[i]], level))
                choose_on(s, s->touched.at[i], level);
        if (s->free.n == released)
            break;
    }
    settle(s);
}

static void sort_changed(struct share *s)
{
    if (s->changed.n > s->order_room) {
        s->order_room = s->changed.room;
        s->order = mem_realloc(s->order, (size_t)s->order_room * sizeof *s->order);
    }
    for (int32_t i = 0; i < s->changed.n; i++)
        s->order[i] = (struct sort_pair){s->slot[s->changed.at[i]].start, (uint64_t)s->changed.at[i]};
    sort_pairs(s->order, (size_t)s->changed.n);
    for (int32_t i = 0; i < s->changed.n; i++)
        s->changed.at[i] = (int32_t)s->order[i].value;
}

int32_t share_solve(struct share *s, const int32_t **ids)
{
    s->changed.n = 0;
    for (int level = 0; level < SHARE_LEVELS; level++)
        if (s->n_level[level] > 0)
            solve_level(s, level);
    for (int32_t i = 0; i < s->touched.n; i++)
        s->port[s->touched.at[i]].touched = false;
    s->touched.n = s->seeds.n = 0;
    if (s->changed.n > 1)
        sort_changed(s);
    *ids = s->changed.at;
    return s->changed.n;
}
