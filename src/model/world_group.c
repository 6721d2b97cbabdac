/*
 * world_group.c - the world's part in groups (group.h): events at which their members' steps begin and end.
 *
 * A group in lockstep has one event for the begin of all its members' steps and one for their end, of its first member;
 * where steps share ports with transfers, each member's is a job of its own as long as the slowest's, and the group's
 * ends with the last of them. All members are done with their step before the central queue is asked for more.
 */
#include "config.h"

#include <inttypes.h>
#include <stdlib.h>

#include "model/group.h"
#include "model/world_state.h"

static bool is_staggered(const struct group *g)
{
    return g->free_ns != NULL;
}

struct replica *world_group_wakes(struct replica *r)
{
    struct group *g = r->group;

    if (is_staggered(g))
        return r;
    return g->running > 0 || g->member->waking ? NULL : g->member;
}

static void schedule(struct world *w, int64_t t_ns, enum event_class class, enum event_kind kind, const struct replica *r)
{
    sim_schedule(w->sim, t_ns, class, kind, (uint32_t)r->id);
}

/* ---- begin ---- */

static void begin_lockstep(struct world *w, struct group *g)
{
    int64_t now = sim_now(w->sim), duration;

    for (int64_t i = 0; i < g->n; i++) {
        struct replica *r = &g->member[i];
        if (replica_begin(r, r->env, now) > 0) {
            g->running++;
            world_send_early(w, r);
        }
        world_update_room(w, r);
    }
    if (g->running == 0)
        return;
    duration = group_lockstep_ns(g);
    if (!world_step_fits(w, g->member, duration))
        return;
    for (int64_t i = 0; i < g->n && w->memory.share; i++)
        if (g->member[i].stepping)
            world_start_step(w, &g->member[i], duration);
    if (w->memory.share == NULL)
        schedule(w, now + duration, CLASS_COMPLETION, EVENT_GROUP_END, g->member);
}

static void begin_staggered(struct world *w, struct replica *r)
{
    int64_t now = sim_now(w->sim), alone = replica_begin(r, r->env, now), end;

    world_update_room(w, r);
    if (alone == 0)
        return;
    end = group_pass(r->group, r, alone, now);
    if (world_step_fits(w, r, end < 0 ? INT64_MAX : end - now))
        schedule(w, end, CLASS_COMPLETION, EVENT_GROUP_END, r);
}

static void begin(struct world *w, struct replica *r)
{
    if (is_staggered(r->group))
        begin_staggered(w, r);
    else
        begin_lockstep(w, r->group);
}

void world_on_group_begin(struct world *w, uint32_t replica)
{
    struct replica *r = &w->replicas[replica];

    r->waking = false;
    begin(w, r);
}

/* ---- end ---- */

static void end_member(struct world *w, struct replica *r)
{
    world_step_done(w, r);
    group_count(r->group, r);
}

static void end_lockstep(struct world *w, struct group *g)
{
    for (int64_t i = 0; i < g->n; i++)
        if (g->member[i].stepping)
            end_member(w, &g->member[i]);
    g->running = 0;
}

void world_on_group_end(struct world *w, uint32_t replica)
{
    struct replica *r = &w->replicas[replica];

    if (is_staggered(r->group))
        end_member(w, r);
    else
        end_lockstep(w, r->group);
    world_route_held(w, world_fleet(w, r->id));
    if (r->waking)
        return;
    if (sim_next_time(w->sim) > sim_now(w->sim)) /* as world_step_end */
        begin(w, r);
    else
        world_wake(w, r);
}

void world_group_goes_on(struct world *w, struct group *g)
{
    if (--g->running == 0)
        world_on_group_end(w, (uint32_t)g->member->id);
}

/* ---- life ---- */

void world_groups_init(struct world *w)
{
    for (int64_t i = 0; i < w->n_fleets; i++)
        w->n_groups += w->fleet[i].members > 1 ? w->fleet[i].n / w->fleet[i].members : 0;
    w->groups = w->n_groups > 0 ? mem_zalloc((size_t)w->n_groups, sizeof *w->groups) : NULL;
    struct group *g = w->groups;
    for (int64_t i = 0; i < w->n_fleets; i++) {
        const struct fleet *f = &w->fleet[i];
        for (int64_t k = 0; f->members > 1 && k < f->n; k++) {
            struct replica *r = &w->replicas[f->first + k];
            if (k % f->members == 0) {
                *g++ = (struct group){.member = r, .n = f->members};
                if (layout_is_staggered(&f->sc->layout))
                    g[-1].free_ns = mem_zalloc((size_t)f->members, sizeof *g->free_ns);
            }
            r->group = g - 1;
        }
    }
}

void world_groups_free(struct world *w)
{
    for (int64_t i = 0; i < w->n_groups; i++)
        free(w->groups[i].free_ns);
    free(w->groups);
}

int world_groups_count(const struct world *w, struct world_count *out)
{
    int64_t busy = 0, own = 0;

    for (int64_t i = 0; i < w->n_groups; i++) {
        busy += w->groups[i].busy_ns * w->groups[i].n;
        own += w->groups[i].own_ns;
    }
    out[0] = (struct world_count){"member_busy_ns", busy};
    out[1] = (struct world_count){"member_own_ns", own};
    return w->n_groups > 0 ? 2 : 0;
}
