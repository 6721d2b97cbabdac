/*
 * world_memory.c - the world's part in what happens at shared ports: steps as jobs, ends of transfers, samples.
 */
#include "config.h"

#include <math.h>
#include <stdlib.h>

#include "model/world_state.h"

struct port_totals {
    int64_t bytes;
    double busy_s;
};

/* ---- steps ---- */

static void tell_experts(struct world *w, const struct replica *r, const struct offload_step *s)
{
    const struct expert_use *u = &s->experts;

    if (w->sc->memory.experts.tier_at < 0)
        return;
    *trace_put_experts(w->trace) = (struct ev_experts){
        .replica = r->id,
        .t_ns = sim_now(w->sim),
        .tokens = r->cost.n_decode * (w->sc->layout.replica.spec_tokens + 1) + r->cost.prefill_tokens,
        .distinct_experts = u->distinct,
        .hits = u->hits,
        .guessed = u->right,
        .absent = u->absent,
        .wrong = u->wrong,
        .evicted = u->evicted,
        .bytes = (int64_t)((double)(u->right + u->wrong + u->absent) * cost_expert_bytes(&w->sc->layout)),
    };
}

static void start_need(struct world *w, struct replica *r, const struct offload_need *n)
{
    struct move_job job = {.kind = n->kind, .owner = -1, .replica = r->id, .tag = n->tier};
    struct memory_path p;

    memory_path(&w->memory, r->id, n->tier, MEMORY_UP, &p);
    memory_transfer(&w->memory, &p, n->bytes, n->latency_ns, n->after ? 0 : 1, &job);
    struct move_part *bytes = &job.part[job.n_parts - 1];
    bytes->flow.cap_Bps /= n->slowed;
    bytes->solo_ns = (int64_t)((double)bytes->solo_ns * n->slowed);
    r->gates++;
    move_start(w->memory.mover, &job);
}

static void start_needs(struct world *w, struct replica *r, bool after)
{
    const struct offload_step *s = &w->needs[r->id];

    for (int i = 0; i < s->n; i++)
        if (s->need[i].after == after)
            start_need(w, r, &s->need[i]);
}

void world_start_step(struct world *w, struct replica *r, int64_t duration_ns)
{
    struct move_job job = {.kind = MOVE_STEP, .owner = -1, .replica = r->id};
    struct cost_port port = {0, 0};

    if (r->env->cost->port)
        port = r->env->cost->port(r->env->cost_state, &r->cost);
    int64_t bound_ns = (int64_t)(port.bound_s * 1e9);
    bound_ns = bound_ns < duration_ns ? bound_ns : duration_ns;
    int64_t rest_ns = duration_ns - bound_ns;
    if (w->offload) {
        struct offload_step *s = &w->needs[r->id];
        offload_step(w->offload, r, &r->cost, sim_now(w->sim), s);
        tell_experts(w, r, s);
        int64_t spared_ns = (int64_t)(s->not_read_bytes / memory_pool_of(&w->memory, r->id)->hbm_Bps * 1e9);
        bound_ns -= spared_ns < bound_ns ? spared_ns : bound_ns;
        start_needs(w, r, false);
    }
    memory_step(&w->memory, r->id, bound_ns, rest_ns, port.share, &job);
    r->computed = false;
    move_start(w->memory.mover, &job);
}

/* The step's own work, or something that it waits for, has come to its end. */
void world_step_goes_on(struct world *w, struct replica *r)
{
    if (!r->computed)
        return;
    if (replica_waits(r, r->env)) {
        if (r->gates == 0 && r->loads_from_ns < 0)
            r->loads_from_ns = sim_now(w->sim);
        return;
    }
    r->computed = false;
    if (r->group)
        world_group_goes_on(w, r->group);
    else
        world_step_end(w, r);
}

static void step_computed(struct world *w, struct replica *r)
{
    r->computed = true;
    if (w->offload)
        start_needs(w, r, true);
    world_step_goes_on(w, r);
}

void world_tell_need(struct world *w, const struct move_state *s, int64_t delivered)
{
    int tier = (int)s->job.tag;

    *trace_put_transfer(w->trace) = (struct ev_transfer){
        .kind = s->job.kind,
        .request = -1,
        .replica = s->job.replica,
        .tier = tier + 1,
        .unit = memory_unit(&w->memory, tier, s->job.replica),
        .up = 1,
        .bytes = s->job.bytes,
        .t_start_ns = s->t_start_ns,
        .t_end_ns = s->t_end_ns,
        .solo_ns = s->solo_ns,
        .waited_ns = (int64_t)s->waited_ns,
        .delivered = delivered,
    };
    if (s->job.kind == MOVE_EXPERT && w->replicas[s->job.replica].computed) /* it came after the step's own work */
        w->replicas[s->job.replica].counts.expert_wait_ns += s->t_end_ns - s->t_start_ns;
}

/* ---- who slowed whom ---- */

void world_tell_losses(struct world *w, const struct move_state *s)
{
    for (int i = 0; i < s->n_losses; i++)
        if (s->loss[i].ns >= 1)
            *trace_put_contention(w->trace) = (struct ev_contention){.t_ns = s->t_end_ns,
                                                                     .kind = s->job.kind,
                                                                     .request = s->job.owner,
                                                                     .replica = s->job.replica,
                                                                     .port = s->loss[i].resource,
                                                                     .by_kind = s->loss[i].to,
                                                                     .lost_ns = (int64_t)s->loss[i].ns};
}

void world_on_job(struct world *w, uint32_t job)
{
    const struct move_state *s = move_done(w->memory.mover, job);
    enum move_kind kind = s->job.kind;
    int64_t home = s->job.replica, replica = home, from = kind == MOVE_HANDOFF ? kv_job_source(w->kv, s) : -1;

    world_tell_losses(w, s);
    if (world_is_need(kind)) {
        world_tell_need(w, s, s->job.bytes);
        w->replicas[replica].gates--;
    }
    if (kind == MOVE_WEIGHTS)
        world_weights_done(w, s, s->job.bytes);
    else if (!world_is_need(kind) && kind != MOVE_STEP)
        replica = kv_job_done(w->kv, s, sim_now(w->sim));
    move_release(w->memory.mover, job);
    if (from >= 0 && replica >= 0)
        world_wake(w, &w->replicas[from]); /* it has room again */
    if (from >= 0)
        world_scale_check(w, &w->replicas[from]);
    if (home >= 0 && kind != MOVE_STEP)
        world_scale_check(w, &w->replicas[home]);
    if (replica < 0)
        return;
    struct replica *r = &w->replicas[replica];
    if (kind == MOVE_STEP)
        step_computed(w, r);
    else if (r->stepping)
        world_step_goes_on(w, r);
    else
        world_wake(w, r);
}

/* ---- samples ---- */

static void sample_ports(struct world *w)
{
    for (int32_t i = 0; i < w->memory.n_resources; i++) {
        struct port_totals now, *last = &w->port_total[i];
        move_resource(w->memory.mover, i, &now.bytes, &now.busy_s);
        *trace_put_port_sample(w->trace) =
            (struct ev_port_sample){.t_ns = sim_now(w->sim),
                                    .port = i,
                                    .busy_ns = (int64_t)((now.busy_s - last->busy_s) * 1e9 + 0.5),
                                    .bytes = now.bytes - last->bytes,
                                    .active = share_flows_on(w->memory.share, i)};
        *last = now;
    }
}

void world_on_sample(struct world *w, uint32_t unused)
{
    (void)unused;
    sample_ports(w);
    kv_sample(w->kv, w->offload, sim_now(w->sim));
    world_again(w, EVENT_SAMPLE, w->sc->memory.sample_ns, 0);
}

void world_again(struct world *w, enum event_kind kind, int64_t after_ns, uint32_t arg)
{
    w->background--;
    if (sim_size(w->sim) == w->background && (w->faults == NULL || world_in_system(w) == 0))
        return; /* nothing else will happen */
    sim_schedule(w->sim, sim_now(w->sim) + after_ns, CLASS_COMPLETION, kind, arg);
    w->background++;
}

/* ---- life ---- */

static int64_t next_use(void *ctx, int64_t block)
{
    const struct world *w = ctx;

    return workload_next_use(w->workload, block, w->arrived - w->retries - 1);
}

static bool needs_oracle(const struct scenario *sc)
{
    bool needs = sc->memory.cache.evict.ops->oracle;

    for (int64_t i = 0; i < sc->memory.n_tiers; i++)
        needs |= sc->memory.tier[i].evict.ops->oracle;
    return needs;
}

void world_memory_init(struct world *w)
{
    const struct memory_options *o = &w->sc->memory;

    if (o->n_tiers > 0 || w->n_fleets > 1) {
        memory_init(&w->memory, w->sc, w->sim, EVENT_JOB, EVENT_PART, CLASS_COMPLETION);
        w->port_total = mem_zalloc((size_t)w->memory.n_resources, sizeof *w->port_total);
        for (int64_t i = 0; i < w->n_fleets; i++)
            w->fleet[i].env.keeps_cost = true;
        w->offload = offload_new(w->sc);
        w->needs = mem_zalloc((size_t)w->memory.replicas, sizeof *w->needs);
        if (o->sample_ns > 0) {
            sim_schedule(w->sim, o->sample_ns, CLASS_COMPLETION, EVENT_SAMPLE, 0);
            w->background++;
        }
    }
    if (w->memory.share || (o->cache.prefix && workload_has_content(w->workload)))
        w->kv =
            kv_new(w->sc, w->memory.share ? &w->memory : NULL, w->trace, &w->pool, w->replicas, w->n_replicas, workload_block_tokens(w->workload));
    for (int64_t i = 0; i < w->n_fleets; i++)
        w->fleet[i].env.kv = w->kv;
    world_adapt_init(w);
    if (w->kv && needs_oracle(w->sc)) {
        if (workload_index_blocks(w->workload, &w->err) != 0)
            sim_request_stop(w->sim);
        kv_set_oracle(w->kv, next_use, w);
    }
}

void world_memory_free(struct world *w)
{
    kv_free(w->kv);
    offload_free(w->offload);
    free(w->needs);
    free(w->adapt);
    memory_free(&w->memory);
    free(w->port_total);
}

/* ---- for who asks ---- */

const struct memory *world_memory(const struct world *w)
{
    return w->memory.share ? &w->memory : NULL;
}

bool world_caches(const struct world *w)
{
    return w->kv && w->sc->memory.cache.prefix && workload_has_content(w->workload);
}
