/*
 * world_fault.c - the world's part in [fault NAME] (policy/fault.h): things fail, slow down and come back.
 *
 * A process is one section, or with mtbf and no unit, one section for one unit of what it is about. It has one event at
 * a time, its next begin or its end:
 *
 *   wait --at, or exp(mtbf)--> begin --duration, or exp(mttr)--> end --mtbf--> wait
 *                                 \--neither--> for good
 *
 * What is down is counted, so that faults may overlap: it is up when the last of them has ended. Where speeds meet, they
 * multiply at a port, and the slowest GPU sets its replica's pace.
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
#include "model/world_state.h"

struct process {
    const struct fault_options *o;
    int64_t fault; /* index of o */
    int64_t unit;  /* -1: drawn when it begins */
    struct rng rng;
    bool active, forever;
    int64_t at;   /* the unit that it is about, while active */
    int64_t lost; /* modules */
    bool dead;    /* all modules of the unit are lost */
};

struct faults {
    struct process *process;
    int64_t n;
    int64_t *forever; /* [replicas] of the faults that keep it down: those that do not end */
    bool *dead;       /* [memory.n_resources] ports that what fails now uses */
    uint32_t *hit;    /* slots of requests that lost KV at replicas that are up */
    int64_t n_hit, cap_hit;
    struct ev_fault now; /* the record being made */
};

/* ---- what a fault is about ---- */

struct range { /* of replicas */
    int64_t begin, end;
};

static struct range replicas_of_host(const struct world *w, int64_t host)
{
    int64_t gpus = layout_gpus(&w->sc->layout), node = w->sc->layout.node.gpus;
    int64_t nodes = (gpus + node - 1) / node, each = node / gpus;

    if (gpus > node)
        return (struct range){host / nodes, host / nodes + 1};
    return (struct range){host * each, (host + 1) * each};
}

static bool inside_host(const struct world *w, int64_t tier)
{
    int64_t gpus = w->sc->memory.tier[tier].gpus;

    return gpus > 0 && gpus <= w->sc->layout.node.gpus;
}

/* Whether it is about that unit of a tier, or link. */
static bool concerns(const struct world *w, const struct process *p, bool is_tier, int64_t line, int64_t unit)
{
    const struct fault_options *o = p->o;

    if (o->what == FAULT_HOST) {
        if (!is_tier || !inside_host(w, line))
            return false;
        struct range of = replicas_of_host(w, p->at);
        int64_t first = unit * w->memory.tier[line].span;
        return first >= of.begin && first < of.end;
    }
    return o->what != FAULT_GPU && is_tier == (o->what != FAULT_LINK) && line == o->target_at && unit == p->at;
}

static bool puts_down(const struct world *w, const struct process *p, bool is_tier, int64_t line, int64_t unit)
{
    return concerns(w, p, is_tier, line, unit) && (p->o->what != FAULT_DRIVE || p->dead);
}

static bool loses_data(const struct world *w, const struct process *p, int64_t tier, int64_t unit)
{
    bool stays = p->o->data == FAULT_KEPT && p->o->what != FAULT_MODULE &&
                 (p->o->what != FAULT_HOST || w->sc->memory.tier[tier].kind == TIER_NAND);

    return !stays && concerns(w, p, true, tier, unit);
}

/* Whether it cuts the replica off from the tier. */
static bool cuts(const struct world *w, const struct process *p, int64_t replica, int64_t tier)
{
    const struct tier_options *t = &w->sc->memory.tier[tier];
    const struct memory *m = &w->memory;

    for (int64_t i = 0; i < t->n_links; i++)
        if (puts_down(w, p, false, t->link_at[i], replica / m->link[t->link_at[i]].span))
            return true;
    return puts_down(w, p, true, tier, replica / m->tier[tier].span) ||
           (t->bounce_at >= 0 && puts_down(w, p, true, t->bounce_at, replica / m->tier[t->bounce_at].span));
}

/* Whether one of the replica's GPUs is what it is about. */
static bool is_home(const struct world *w, const struct process *p, int64_t replica)
{
    switch (p->o->what) {
    case FAULT_GPU:
        return p->at / layout_gpus(&w->sc->layout) == replica;
    case FAULT_HOST: {
        struct range of = replicas_of_host(w, p->at);
        return replica >= of.begin && replica < of.end;
    }
    case FAULT_MODULE:
        return memory_unit(&w->memory, (int)p->o->target_at, replica) == p->at;
    default:
        return false;
    }
}

static bool takes_down(const struct world *w, const struct process *p, int64_t replica)
{
    const struct memory_options *m = &w->sc->memory;
    const int64_t needed[] = {m->experts.tier_at, m->tables_at, m->cache.overflow_at};

    if (is_home(w, p, replica))
        return true;
    for (int i = 0; i < 3 && w->offload; i++)
        if (needed[i] >= 0 && cuts(w, p, replica, needed[i]))
            return true;
    return false;
}

bool world_is_hopeless(const struct world *w)
{
    if (w->loads.n_up > 0)
        return false;
    for (int64_t i = 0; i < w->loads.view.n; i++)
        if (w->faults->forever[i] == 0)
            return false;
    return true;
}

/* ---- speeds ---- */

static double modules_speed(const struct world *w, int64_t tier, int64_t unit)
{
    const struct tier_options *t = &w->sc->memory.tier[tier];
    const struct memory_line *l = &w->memory.tier[tier];
    int64_t all = t->modules * l->merged, left = all - l->lost[unit];

    return t->module_Bps > 0 && left > 0 ? (double)left / (double)all : 1;
}

static void set_port_speed(struct world *w, bool is_tier, int64_t line, int64_t unit)
{
    const struct memory_line *l = is_tier ? &w->memory.tier[line] : &w->memory.link[line];
    double speed = is_tier ? modules_speed(w, line, unit) : 1;

    for (int64_t i = 0; i < w->faults->n; i++) {
        const struct process *p = &w->faults->process[i];
        if (p->active && p->o->speed > 0 && p->o->what != FAULT_HOST && concerns(w, p, is_tier, line, unit))
            speed *= p->o->speed;
    }
    for (int way = 0; way < 3; way++)
        if (l->port[way])
            memory_set_speed(&w->memory, l->port[way][unit], speed);
}

static void set_replica_speed(struct world *w, struct replica *r)
{
    r->speed = 1;
    for (int64_t i = 0; i < w->faults->n; i++) {
        const struct process *p = &w->faults->process[i];
        if (p->active && p->o->speed > 0 && p->o->speed < r->speed && is_home(w, p, r->id))
            r->speed = p->o->speed;
    }
}

static void set_speeds(struct world *w, const struct process *p)
{
    if (p->o->what == FAULT_TIER || p->o->what == FAULT_LINK)
        set_port_speed(w, p->o->what == FAULT_TIER, p->o->target_at, p->at);
    for (int64_t i = 0; i < w->loads.view.n; i++)
        if (is_home(w, p, i))
            set_replica_speed(w, &w->replicas[i]);
}

/* ---- 1: what is down ---- */

static void count_line(const struct world *w, const struct process *p, bool is_tier, int64_t line, int by)
{
    const struct memory_line *l = is_tier ? &w->memory.tier[line] : &w->memory.link[line];

    for (int64_t unit = 0; unit < l->units; unit++) {
        bool lost = is_tier && loses_data(w, p, line, unit), down = puts_down(w, p, is_tier, line, unit);
        if (down)
            l->down[unit] += by;
        for (int way = 0; way < 3 && by > 0; way++)
            if ((down || lost) && l->port[way])
                w->faults->dead[l->port[way][unit]] = true;
    }
}

static void count_lines(const struct world *w, const struct process *p, int by)
{
    if (w->memory.share == NULL)
        return;
    for (int64_t i = 0; i < w->sc->memory.n_links; i++)
        count_line(w, p, false, i, by);
    for (int64_t i = 0; i < w->sc->memory.n_all; i++)
        count_line(w, p, true, i, by);
}

static void count_replicas(struct world *w, const struct process *p, int by)
{
    for (int64_t i = 0; i < w->loads.view.n; i++) {
        if (!takes_down(w, p, i))
            continue;
        w->replicas[i].down += by;
        w->faults->forever[i] += p->forever ? by : 0;
        if (by > 0 && w->memory.share)
            w->faults->dead[w->memory.hbm[i]] = true;
    }
}

/* ---- 2: transfers, and who waits for them ---- */

static enum fault_requests policy_of(const struct process *p, bool at_home)
{
    if (p->o->requests != FAULT_AUTO)
        return (enum fault_requests)p->o->requests;
    return at_home ? FAULT_REROUTE : FAULT_RECOMPUTE;
}

static void tally(struct world *w, enum fault_requests policy)
{
    w->faults->now.requests++;
    w->faults->now.rerouted += policy == FAULT_REROUTE;
    w->faults->now.failed += policy == FAULT_FAIL;
}

/* Its KV, or some of it, will not come; those whose replica is down are seen to with it. */
static void note_hit(struct world *w, const struct process *p, uint32_t slot)
{
    struct faults *f = w->faults;
    struct request *q = &w->pool.at[slot];

    if (q->lost > 0 || w->replicas[q->replica].down > 0)
        return;
    q->lost = 1 + (int)policy_of(p, false);
    tally(w, policy_of(p, false));
    if (f->n_hit == f->cap_hit) {
        f->cap_hit = f->cap_hit ? 2 * f->cap_hit : 64;
        f->hit = mem_realloc(f->hit, (size_t)f->cap_hit * sizeof *f->hit);
    }
    f->hit[f->n_hit++] = slot;
}

static bool crosses(const struct move_job *j, const bool *ports)
{
    for (int i = 0; i < j->n_parts; i++)
        for (int h = 0; h < j->part[i].flow.n_hops; h++)
            if (ports[j->part[i].flow.hop[h].resource])
                return true;
    return false;
}

static void cut(struct world *w, const struct process *p, uint32_t job)
{
    const struct move_state *s = move_get(w->memory.mover, job);
    int64_t delivered = move_cancel(w->memory.mover, job);

    world_tell_losses(w, s);
    if (world_is_need(s->job.kind)) {
        world_tell_need(w, s, delivered);
    } else if (s->job.kind != MOVE_STEP) {
        uint32_t slot = kv_job_lost(w->kv, s, delivered, sim_now(w->sim));
        if (slot != SLOT_NONE)
            note_hit(w, p, slot);
    }
    w->faults->now.transfers += s->job.kind != MOVE_STEP;
    move_release(w->memory.mover, job);
}

/* What a step needs is cut off with its replica only: a tier that lost some drives still has the rest. */
static bool is_cut(const struct world *w, const struct move_job *j)
{
    return crosses(j, w->faults->dead) && !(world_is_need(j->kind) && w->replicas[j->replica].down == 0);
}

static void cut_transfers(struct world *w, const struct process *p)
{
    struct mover *m = w->memory.mover;

    for (uint32_t job = move_next(m, 0); job != UINT32_MAX; job = move_next(m, job + 1))
        if (is_cut(w, &move_get(m, job)->job))
            cut(w, p, job);
}

/* All the others that bring KV to or from it. */
static void cut_of_request(struct world *w, const struct process *p, int64_t request)
{
    struct mover *m = w->memory.mover;

    for (uint32_t job = move_next(m, 0); job != UINT32_MAX; job = move_next(m, job + 1)) {
        const struct move_job *j = &move_get(m, job)->job;
        if (j->owner == request && (j->kind == MOVE_RESTORE || j->kind == MOVE_PREFETCH || j->kind == MOVE_SWAP))
            cut(w, p, job);
    }
}

/* Who was swapped out to what is lost or out of reach. */
static void note_swapped(struct world *w, const struct process *p)
{
    for (uint32_t s = w->pool.all.head; s != SLOT_NONE; s = w->pool.at[s].next[LINK_ALL]) {
        struct request *q = &w->pool.at[s];
        if (q->swapped == 0)
            continue;
        if (memory_reaches(&w->memory, q->replica, 0) &&
            !concerns(w, p, true, 0, memory_unit(&w->memory, 0, q->replica)))
            continue;
        if (w->replicas[q->replica].down > 0)
            kv_unswap(w->kv, q);
        else
            note_hit(w, p, s);
    }
}

static void lose_kv_of_hits(struct world *w, const struct process *p)
{
    for (int64_t i = 0; i < w->faults->n_hit; i++) {
        uint32_t slot = w->faults->hit[i];
        struct request *q = &w->pool.at[slot];
        cut_of_request(w, p, q->id);
        replica_lose_kv(&w->replicas[q->replica], &w->env, slot);
        kv_unswap(w->kv, q);
    }
}

/* ---- 3: caches, modules, replicas ---- */

static void fail_replica(struct world *w, struct replica *r)
{
    if (r->stepping && w->memory.share == NULL)
        sim_cancel(w->sim, r->end_event);
    replica_fail(r, &w->env, sim_now(w->sim));
    if (w->kv)
        w->faults->now.blocks += kv_lose_hbm(w->kv, r);
    loads_set_up(&w->loads, r->id, false);
    world_update_room(w, r);
}

static void lose_tiers(struct world *w, const struct process *p)
{
    for (int64_t t = 0; t < w->sc->memory.n_all && w->memory.share; t++)
        for (int64_t unit = 0; unit < w->memory.tier[t].units; unit++)
            if (loses_data(w, p, t, unit))
                w->faults->now.blocks += kv_lose_tier(w->kv, (int)t, unit);
}

/* The unit of the target that loses modules: of a host, its first. */
static int64_t module_unit(const struct world *w, const struct process *p)
{
    if (p->o->what != FAULT_HOST)
        return p->at;
    return replicas_of_host(w, p->at).begin / w->memory.tier[p->o->target_at].span;
}

/* How many it takes: no more than there are. */
static void take_modules(struct world *w, struct process *p)
{
    const struct fault_options *o = p->o;

    p->lost = 0;
    p->dead = false;
    if (o->modules == 0)
        return;
    int64_t unit = module_unit(w, p);
    const struct memory_line *l = &w->memory.tier[o->target_at];
    int64_t left = w->sc->memory.tier[o->target_at].modules * l->merged - l->lost[unit];
    p->lost = o->modules < left ? o->modules : left;
    p->dead = p->lost == left;
}

static void move_modules(struct world *w, const struct process *p, int64_t lost)
{
    if (lost == 0 || (p->dead && p->o->what == FAULT_DRIVE && p->o->data == FAULT_KEPT))
        return; /* none is left to hold less: the unit is down with what it has */
    kv_lose_modules(w->kv, (int)p->o->target_at, module_unit(w, p), lost, sim_now(w->sim));
    set_port_speed(w, true, p->o->target_at, module_unit(w, p));
}

/* ---- 4: policies ---- */

/* It is at a replica no more. */
static void leave(struct world *w, uint32_t slot)
{
    struct request *q = &w->pool.at[slot];
    struct replica *r = &w->replicas[q->replica];

    if (w->kv)
        kv_unswap(w->kv, q);
    if (q->phase == PHASE_FRONT) {
        sim_cancel(w->sim, q->front_event);
        r->n_front--;
        r->front_free_ns = sim_now(w->sim);
        q->phase = PHASE_ARRIVED;
    } else {
        replica_withdraw(r, &w->env, slot);
    }
    loads_add(&w->loads, r->id, -1, -(q->input_tokens + q->generated));
    world_update_room(w, r);
    q->lost = 0;
}

static void apply(struct world *w, uint32_t slot, enum fault_requests policy)
{
    struct request *q = &w->pool.at[slot];

    switch (policy) {
    case FAULT_REROUTE:
        leave(w, slot);
        q->replica = -1;
        q->rerouted++;
        pool_touch(&w->pool, slot);
        world_route(w, slot);
        return;
    case FAULT_FAIL:
        leave(w, slot);
        world_end_request(w, slot, REQUEST_FAILED);
        return;
    default:
        q->lost = 0;
        world_wake(w, &w->replicas[q->replica]);
    }
}

/* Of a replica that is down: nobody waits for what never comes back. */
static enum fault_requests policy_at_home(const struct world *w, const struct process *p, int64_t replica)
{
    enum fault_requests policy = policy_of(p, true);

    if (policy == FAULT_RECOMPUTE && w->faults->forever[replica] > 0)
        policy = FAULT_REROUTE;
    return policy == FAULT_REROUTE && world_is_hopeless(w) ? FAULT_FAIL : policy;
}

static void apply_at_replicas(struct world *w, const struct process *p)
{
    uint32_t next;

    for (uint32_t s = w->pool.all.head; s != SLOT_NONE; s = next) {
        const struct request *q = &w->pool.at[s];
        next = q->next[LINK_ALL];
        if (q->replica < 0 || !takes_down(w, p, q->replica))
            continue;
        enum fault_requests policy = policy_at_home(w, p, q->replica);
        tally(w, policy);
        if (policy != FAULT_RECOMPUTE)
            apply(w, s, policy);
    }
}

static void fail_held(struct world *w)
{
    while (w->held.n > 0) {
        uint32_t slot = w->held.head;
        list_remove(&w->pool, &w->held, LINK_QUEUE, slot);
        tally(w, FAULT_FAIL);
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

void world_lost_in_step(struct world *w, struct replica *r)
{
    uint32_t next;

    for (uint32_t s = r->batch.waiting.head; s != SLOT_NONE && w->pool.at[s].lost > 0; s = next) {
        next = w->pool.at[s].next[LINK_QUEUE];
        apply(w, s, (enum fault_requests)(w->pool.at[s].lost - 1));
    }
}

/* ---- begin and end ---- */

static void fail(struct world *w, struct process *p)
{
    struct faults *f = w->faults;

    f->n_hit = 0;
    for (int32_t i = 0; i < w->memory.n_resources; i++)
        f->dead[i] = false;
    count_lines(w, p, 1);
    count_replicas(w, p, 1);
    if (w->memory.share) {
        cut_transfers(w, p);
        note_swapped(w, p);
        lose_kv_of_hits(w, p);
    }
    for (int64_t i = 0; i < w->loads.view.n; i++)
        if (takes_down(w, p, i) && w->loads.up[i])
            fail_replica(w, &w->replicas[i]);
    lose_tiers(w, p);
    move_modules(w, p, p->lost);
    apply_at_replicas(w, p);
    apply_to_hits(w);
    if (world_is_hopeless(w))
        fail_held(w);
}

static void come_back(struct world *w, struct process *p)
{
    count_lines(w, p, -1);
    count_replicas(w, p, -1);
    if (p->o->what == FAULT_DRIVE)
        move_modules(w, p, -p->lost);
    for (int64_t i = 0; i < w->loads.view.n; i++) {
        struct replica *r = &w->replicas[i];
        if (r->down > 0 || w->loads.up[i])
            continue;
        loads_set_up(&w->loads, i, true);
        world_update_room(w, r);
        world_wake(w, r);
    }
    world_route_held(w);
}

/* An exponential time of that mean from now on; false: after the clock's end. */
static bool schedule(struct world *w, const struct process *p, double after_ns)
{
    int64_t now = sim_now(w->sim);

    if (after_ns >= (double)(INT64_MAX - now))
        return false;
    sim_schedule(w->sim, now + (int64_t)after_ns, CLASS_COMPLETION, EVENT_FAULT, (uint32_t)(p - w->faults->process));
    w->background++;
    return true;
}

static void begin(struct world *w, struct process *p)
{
    const struct fault_options *o = p->o;

    p->active = true;
    p->at = p->unit >= 0 ? p->unit : (int64_t)rng_below(&p->rng, (uint64_t)o->units);
    take_modules(w, p);
    p->forever = o->what == FAULT_MODULE && p->dead; /* nothing is left to come back with */
    w->faults->now.unit = p->at;
    if (o->mttr_ns > 0 && !p->forever)
        p->forever = !schedule(w, p, dist_exponential(&p->rng, (double)o->mttr_ns));
    else if (o->duration_ns > 0 && !p->forever)
        p->forever = !schedule(w, p, (double)o->duration_ns);
    else
        p->forever = true;
    if (o->speed > 0)
        set_speeds(w, p);
    else
        fail(w, p);
}

static void end(struct world *w, struct process *p)
{
    p->active = false;
    if (p->o->speed > 0)
        set_speeds(w, p);
    else
        come_back(w, p);
    if (p->o->mtbf_ns > 0)
        schedule(w, p, dist_exponential(&p->rng, (double)p->o->mtbf_ns));
}

void world_on_fault(struct world *w, uint32_t process)
{
    struct process *p = &w->faults->process[process];
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
    struct process *p = &w->faults->process[w->faults->n++];
    uint64_t entity = (uint64_t)fault << 32 | (uint64_t)(unit + 1);

    *p = (struct process){.o = &w->sc->faults[fault], .fault = fault, .unit = unit};
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
    w->faults->forever = mem_zalloc((size_t)sc->layout.replica.count, sizeof *w->faults->forever);
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
