/*
 * world_fault_loss.c - what goes down with a fault and what is lost: transfers, KV of requests, caches, modules, steps.
 */
#include "config.h"

#include "model/world_fault.h"

/* ---- 1: what is down ---- */

static void count_line(const struct world *w, const struct fault_process *p, bool is_tier, int64_t line, int by)
{
    const struct memory_line *l = is_tier ? &w->memory.tier[line] : &w->memory.link[line];

    for (int64_t unit = 0; unit < l->units; unit++) {
        bool lost = is_tier && fault_loses_data(w, p, line, unit), down = fault_puts_down(w, p, is_tier, line, unit);
        if (down)
            l->down[unit] += by;
        for (int way = 0; way < 3 && by > 0; way++)
            if ((down || lost) && l->port[way])
                w->faults->dead[l->port[way][unit]] = true;
    }
}

void fault_count_lines(const struct world *w, const struct fault_process *p, int by)
{
    if (w->memory.share == NULL)
        return;
    for (int64_t i = 0; i < w->sc->memory.n_links; i++)
        count_line(w, p, false, i, by);
    for (int64_t i = 0; i < w->sc->memory.n_all; i++)
        count_line(w, p, true, i, by);
}

void fault_count_replicas(struct world *w, const struct fault_process *p, int by)
{
    for (int64_t i = 0; i < w->n_replicas; i++) {
        if (!fault_takes_down(w, p, i))
            continue;
        w->replicas[i].down += by;
        w->faults->forever[i] += p->forever ? by : 0;
        if (by > 0 && w->memory.share)
            w->faults->dead[w->memory.hbm[i]] = true;
    }
}

/* ---- 2: transfers, and who waits for them ---- */

enum fault_requests fault_policy(const struct fault_process *p, bool at_home)
{
    if (p->o->requests != FAULT_AUTO)
        return (enum fault_requests)p->o->requests;
    return at_home ? FAULT_REROUTE : FAULT_RECOMPUTE;
}

void fault_tally(struct world *w, enum fault_requests policy)
{
    w->faults->now.requests++;
    w->faults->now.rerouted += policy == FAULT_REROUTE;
    w->faults->now.failed += policy == FAULT_FAIL;
}

/* Its KV, or some of it, will not come; those whose replica is down are seen to with it. */
static void note_hit(struct world *w, const struct fault_process *p, uint32_t slot)
{
    struct faults *f = w->faults;
    struct request *q = &w->pool.at[slot];

    if (q->lost > 0 || w->replicas[q->replica].down > 0)
        return;
    q->lost = 1 + (int)fault_policy(p, false);
    fault_tally(w, fault_policy(p, false));
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

static void cut(struct world *w, const struct fault_process *p, uint32_t job)
{
    const struct move_state *s = move_get(w->memory.mover, job);
    int64_t delivered = move_cancel(w->memory.mover, job);

    world_tell_losses(w, s);
    if (s->job.kind == MOVE_WEIGHTS) {
        world_weights_done(w, s, delivered);
    } else if (world_is_need(s->job.kind)) {
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

static void cut_transfers(struct world *w, const struct fault_process *p)
{
    struct mover *m = w->memory.mover;

    for (uint32_t job = move_next(m, 0); job != UINT32_MAX; job = move_next(m, job + 1))
        if (is_cut(w, &move_get(m, job)->job))
            cut(w, p, job);
}

/* All the others that bring KV to or from it. */
static void cut_of_request(struct world *w, const struct fault_process *p, int64_t request)
{
    struct mover *m = w->memory.mover;

    for (uint32_t job = move_next(m, 0); job != UINT32_MAX; job = move_next(m, job + 1)) {
        const struct move_job *j = &move_get(m, job)->job;
        if (j->owner == request && (j->kind == MOVE_RESTORE || j->kind == MOVE_PREFETCH || j->kind == MOVE_SWAP))
            cut(w, p, job);
    }
}

/* Who was swapped out to what is lost or out of reach. */
static void note_swapped(struct world *w, const struct fault_process *p)
{
    for (uint32_t s = w->pool.all.head; s != SLOT_NONE; s = w->pool.at[s].next[LINK_ALL]) {
        struct request *q = &w->pool.at[s];
        if (q->swapped == 0)
            continue;
        if (memory_reaches(&w->memory, q->replica, 0) &&
            !fault_concerns(w, p, true, 0, memory_unit(&w->memory, 0, q->replica)))
            continue;
        if (w->replicas[q->replica].down > 0)
            kv_unswap(w->kv, q);
        else
            note_hit(w, p, s);
    }
}

static void lose_kv_of_hits(struct world *w, const struct fault_process *p)
{
    for (int64_t i = 0; i < w->faults->n_hit; i++) {
        uint32_t slot = w->faults->hit[i];
        struct request *q = &w->pool.at[slot];
        cut_of_request(w, p, q->id);
        replica_lose_kv(&w->replicas[q->replica], w->replicas[q->replica].env, slot);
        kv_unswap(w->kv, q);
    }
}

void fault_lose_transfers(struct world *w, const struct fault_process *p)
{
    if (w->memory.share == NULL)
        return;
    cut_transfers(w, p);
    note_swapped(w, p);
    lose_kv_of_hits(w, p);
}

/* ---- 3: caches, modules, replicas ---- */

void fault_lose_replica(struct world *w, struct replica *r)
{
    if (r->stepping && w->memory.share == NULL)
        sim_cancel(w->sim, r->end_event);
    replica_fail(r, r->env, sim_now(w->sim));
    world_drop_gone(w, r);
    if (w->kv)
        w->faults->now.blocks += kv_lose_hbm(w->kv, r);
    world_set_up(w, r->id, false);
    world_update_room(w, r);
}

void fault_lose_tiers(struct world *w, const struct fault_process *p)
{
    for (int64_t t = 0; t < w->sc->memory.n_all && w->memory.share; t++)
        for (int64_t unit = 0; unit < w->memory.tier[t].units; unit++)
            if (fault_loses_data(w, p, t, unit))
                w->faults->now.blocks += kv_lose_tier(w->kv, (int)t, unit);
}

/* The unit of the target that loses modules: of a host, its first. */
static int64_t module_unit(const struct world *w, const struct fault_process *p)
{
    if (p->o->what != FAULT_HOST)
        return p->at;
    return memory_unit(&w->memory, (int)p->o->target_at, fault_replicas_of_host(w, p->at).begin);
}

void fault_take_modules(struct world *w, struct fault_process *p)
{
    const struct fault_options *o = p->o;

    p->lost = 0;
    p->dead = false;
    if (o->modules == 0)
        return;
    int64_t unit = module_unit(w, p);
    const struct memory_line *l = &w->memory.tier[o->target_at];
    int64_t all = w->sc->memory.tier[o->target_at].modules * memory_span_of(&w->memory, l, unit)->merged;
    int64_t left = all - l->lost[unit];
    p->lost = o->modules < left ? o->modules : left;
    p->dead = p->lost == left;
}

void fault_move_modules(struct world *w, const struct fault_process *p, int64_t lost)
{
    if (lost == 0 || (p->dead && p->o->what == FAULT_DRIVE && p->o->data == FAULT_KEPT))
        return; /* none is left to hold less: the unit is down with what it has */
    kv_lose_modules(w->kv, (int)p->o->target_at, module_unit(w, p), lost, sim_now(w->sim));
    fault_set_port_speed(w, true, p->o->target_at, module_unit(w, p));
}
