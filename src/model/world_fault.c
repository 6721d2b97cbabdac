/*
 * world_fault.c - the world's part in [fault NAME] (policy/fault.h): things fail, slow down and come back.
 *
 * A process is one section, or with mtbf and no unit, one section for one unit of what it is about. It has one event at
 * a time, its next begin or its end:
 *
 *   wait --at, or exp(mtbf)--> begin --duration, or exp(mttr)--> end --mtbf--> wait
 *                                 \--neither--> for good
 *
 * What is down is counted, so that faults may overlap: it is up when the last of them has ended. Where speeds meet,
 * they multiply at a port, and the slowest GPU sets its replica's pace.
 *
 *   begin   1 count what is down: units of tiers and links, replicas
 *           2 cut off the transfers that cross it; whose requests wait for them has lost its KV, and so has who was
 *             swapped out to where nobody can read
 *           3 replicas that go down lose their step and their cache; caches in lost tiers are emptied, modules leave
 *           4 policy: each request hit stays and recomputes, is routed anew, or fails
 *           5 one record
 *
 * Changes of state come before policies, so that nobody is routed to what goes down with the same fault. A prompt whose
 * prefix still arrives, layer by layer, in a step that runs, loses it when the step ends.
 *
 * A replica whose steps need a tier (experts, tables, KV read in place) is down while it cannot reach it. While all are
 * down for good, requests fail; a run ends when it has no requests left, whatever faults are to come.
 *
 * Not modelled: how a fault is noticed (time-outs), reload of weights after it (part of its duration), one of several
 * units that a replica merges into one (memory.h): they fail together.
 */
#include "config.h"

#include <stdlib.h>

#include "base/dist.h"
#include "model/world_fault.h"

/* ---- 4: policies ---- */

static void apply(struct world *w, uint32_t slot, enum fault_requests policy)
{
    struct request *q = &w->pool.at[slot];

    switch (policy) {
    case FAULT_REROUTE:
        world_leave(w, slot);
        q->replica = -1;
        q->rerouted++;
        pool_touch(&w->pool, slot);
        world_route(w, slot);
        return;
    case FAULT_FAIL:
        world_leave(w, slot);
        world_end_request(w, slot, REQUEST_FAILED);
        return;
    default:
        q->lost = 0;
        world_wake(w, &w->replicas[q->replica]);
    }
}

/* Of a replica that is down: nobody waits for what never comes back. */
static enum fault_requests policy_at_home(const struct world *w, const struct fault_process *p, int64_t replica)
{
    enum fault_requests policy = fault_policy(p, true);

    if (policy == FAULT_RECOMPUTE && w->faults->forever[replica] > 0)
        policy = FAULT_REROUTE;
    return policy == FAULT_REROUTE && world_is_hopeless(w) ? FAULT_FAIL : policy;
}

static void apply_at_replicas(struct world *w, const struct fault_process *p)
{
    uint32_t next;

    for (uint32_t s = w->pool.all.head; s != SLOT_NONE; s = next) {
        const struct request *q = &w->pool.at[s];
        next = q->next[LINK_ALL];
        if (q->replica < 0 || !fault_takes_down(w, p, q->replica))
            continue;
        enum fault_requests policy = policy_at_home(w, p, q->replica);
        fault_tally(w, policy);
        if (policy != FAULT_RECOMPUTE)
            apply(w, s, policy);
    }
}

static void fail_held(struct world *w)
{
    for (int64_t i = 0; i < w->n_fleets; i++)
        while (w->fleet[i].held.n > 0) {
            uint32_t slot = w->fleet[i].held.head;
            world_unhold(w, slot);
            fault_tally(w, FAULT_FAIL);
            world_end_request(w, slot, REQUEST_FAILED);
        }
}

/* Those in a step that still runs are seen to at its end. */
static void apply_to_hits(struct world *w)
{
    for (int64_t i = 0; i < w->faults->n_hit; i++) {
        uint32_t slot = w->faults->hit[i];
        const struct request *q = &w->pool.at[slot];
        if (q->phase == PHASE_WAITING)
            apply(w, slot, (enum fault_requests)(q->lost - 1));
        else
            world_step_goes_on(w, &w->replicas[q->replica]);
    }
}

static void apply_to_lost(struct world *w, const struct sched_chunk *c, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        const struct request *q = &w->pool.at[c[i].seq];
        if (q->phase == PHASE_WAITING && q->lost > 0)
            apply(w, c[i].seq, (enum fault_requests)(q->lost - 1));
    }
}

/* The step's prompts. */
void world_lost_in_step(struct world *w, struct replica *r)
{
    apply_to_lost(w, r->plan.chunk, r->plan.n_chunk);
    apply_to_lost(w, r->plan.admit, r->plan.n_admit);
}

/* ---- begin and end ---- */

static void fail(struct world *w, struct fault_process *p)
{
    struct faults *f = w->faults;

    f->n_hit = 0;
    for (int32_t i = 0; i < w->memory.n_resources; i++)
        f->dead[i] = false;
    fault_count_lines(w, p, 1);
    fault_count_replicas(w, p, 1);
    fault_lose_transfers(w, p);
    for (int64_t i = 0; i < w->n_replicas; i++)
        if (fault_takes_down(w, p, i) && (world_is_up(w, i) || world_drains(w, i)))
            fault_lose_replica(w, &w->replicas[i]);
    fault_lose_tiers(w, p);
    fault_move_modules(w, p, p->lost);
    apply_at_replicas(w, p);
    apply_to_hits(w);
    if (world_is_hopeless(w))
        fail_held(w);
}

static void come_back(struct world *w, struct fault_process *p)
{
    fault_count_lines(w, p, -1);
    fault_count_replicas(w, p, -1);
    if (p->o->what == FAULT_DRIVE)
        fault_move_modules(w, p, -p->lost);
    for (int64_t i = 0; i < w->n_replicas; i++) {
        struct replica *r = &w->replicas[i];
        if (r->down > 0 || world_is_up(w, i))
            continue;
        if (!world_drains(w, i))
            world_set_up(w, i, true);
        world_update_room(w, r);
        world_wake(w, r);
    }
    for (int64_t i = 0; i < w->n_fleets; i++)
        world_route_held(w, &w->fleet[i]);
}

/* An exponential time of that mean from now on; false: after the clock's end. */
static bool schedule(struct world *w, const struct fault_process *p, double after_ns)
{
    int64_t now = sim_now(w->sim);

    if (after_ns >= (double)(INT64_MAX - now))
        return false;
    sim_schedule(w->sim, now + (int64_t)after_ns, CLASS_COMPLETION, EVENT_FAULT, (uint32_t)(p - w->faults->process));
    w->background++;
    return true;
}

static void begin(struct world *w, struct fault_process *p)
{
    const struct fault_options *o = p->o;

    p->active = true;
    p->at = p->unit >= 0 ? p->unit : (int64_t)rng_below(&p->rng, (uint64_t)o->units);
    fault_take_modules(w, p);
    p->forever = o->what == FAULT_MODULE && p->dead; /* nothing is left to come back with */
    w->faults->now.unit = p->at;
    if (o->mttr_ns > 0 && !p->forever)
        p->forever = !schedule(w, p, dist_exponential(&p->rng, (double)o->mttr_ns));
    else if (o->duration_ns > 0 && !p->forever)
        p->forever = !schedule(w, p, (double)o->duration_ns);
    else
        p->forever = true;
    if (o->speed > 0)
        fault_set_speeds(w, p);
    else
        fail(w, p);
}

static void end(struct world *w, struct fault_process *p)
{
    p->active = false;
    if (p->o->speed > 0)
        fault_set_speeds(w, p);
    else
        come_back(w, p);
    if (p->o->mtbf_ns > 0)
        schedule(w, p, dist_exponential(&p->rng, (double)p->o->mtbf_ns));
}

void world_on_fault(struct world *w, uint32_t process)
{
    struct fault_process *p = &w->faults->process[process];
    bool begins = !p->active;

    w->background--;
    w->faults->now = (struct ev_fault){.t_ns = sim_now(w->sim), .fault = p->fault, .unit = p->at, .begins = begins};
    if (begins)
        begin(w, p);
    else
        end(w, p);
    *trace_put_fault(w->trace) = w->faults->now;
}

/* ---- life ---- */

static void add(struct world *w, int64_t fault, int64_t unit)
{
    const struct run_options *run = &w->sc->run;
    struct fault_process *p = &w->faults->process[w->faults->n++];
    uint64_t entity = (uint64_t)fault << 32 | (uint64_t)(unit + 1);

    *p = (struct fault_process){.o = &w->sc->faults[fault], .fault = fault, .unit = unit};
    rng_init(&p->rng, (uint64_t)run->seed, (uint64_t)run->replication, entity, RNG_FAULT);
    double after_ns = (double)p->o->at_ns;
    if (p->o->mtbf_ns > 0)
        after_ns += dist_exponential(&p->rng, (double)p->o->mtbf_ns);
    schedule(w, p, after_ns);
}

/* One for each unit: any of them may fail at any time. */
static bool each_unit(const struct fault_options *o)
{
    return o->unit < 0 && o->mtbf_ns > 0;
}

void world_faults_init(struct world *w)
{
    const struct scenario *sc = w->sc;
    int64_t n = 0;

    if (sc->n_faults == 0)
        return;
    for (int64_t i = 0; i < sc->n_faults; i++)
        n += each_unit(&sc->faults[i]) ? sc->faults[i].units : 1;
    w->faults = mem_zalloc(1, sizeof *w->faults);
    w->faults->process = mem_zalloc((size_t)n, sizeof *w->faults->process);
    w->faults->forever = mem_zalloc((size_t)w->n_replicas, sizeof *w->faults->forever);
    w->faults->dead = mem_zalloc((size_t)w->memory.n_resources + 1, sizeof *w->faults->dead);
    for (int64_t i = 0; i < sc->n_faults; i++)
        for (int64_t unit = 0; unit < (each_unit(&sc->faults[i]) ? sc->faults[i].units : 1); unit++)
            add(w, i, each_unit(&sc->faults[i]) ? unit : sc->faults[i].unit);
}

void world_faults_free(struct world *w)
{
    if (w->faults == NULL)
        return;
    free(w->faults->process);
    free(w->faults->forever);
    free(w->faults->dead);
    free(w->faults->hit);
    free(w->faults);
}
