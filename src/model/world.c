#include "config.h"

#include "model/sight.h"
#include "model/world_state.h"

#include <inttypes.h>
#include <stdlib.h>

/* ---- steps ---- */

void world_wake(struct world *w, struct replica *r)
{
    if (r->stepping || r->waking || r->down > 0)
        return;
    if (r->group && (r = world_group_wakes(r)) == NULL)
        return;
    r->waking = true;
    sim_schedule(w->sim, sim_now(w->sim), CLASS_SCHEDULING, r->group ? EVENT_GROUP_BEGIN : EVENT_STEP_BEGIN,
                 (uint32_t)r->id);
}

/* Between steps, with a slot free and nobody left waiting by the latest plan (short of blocks or budget). */
static inline void update_room(struct fleet *f, const struct replica *r)
{
    if (f->sight)
        sight_measure(f, r);
    if (f->loads.key == ROUTER_KEY_ROOM)
        loads_set_room(&f->loads, r->id - f->first,
                       r->down == 0 && !r->stepping && (r->now.n_waiting == 0 || r->batch.waiting.n == 0) &&
                           r->n_front + r->batch.running.n + r->batch.waiting.n < f->limits.max_num_seqs);
}

void world_update_room(struct world *w, const struct replica *r)
{
    update_room(world_fleet(w, r->id), r);
}

void world_add_load(struct world *w, const struct replica *r, int64_t requests, int64_t tokens)
{
    struct fleet *f = world_fleet(w, r->id);

    loads_add(&f->loads, r->id - f->first, requests, tokens);
}

static int64_t slowed(int64_t duration_ns, double speed)
{
    double ns = (double)duration_ns / speed;

    return ns < (double)INT64_MAX ? (int64_t)ns : INT64_MAX;
}

bool world_step_fits(struct world *w, const struct replica *r, int64_t duration_ns)
{
    if (duration_ns < INT64_MAX - sim_now(w->sim))
        return true;
    err_set(&w->err, EXIT_CODE_FAILED,
            "a step of replica %" PRId64 " that begins at %.9f s takes %.3g s and so ends after the clock does, at "
            "%.4g s (look at the figures of [gpu], and at the rate)",
            r->id, (double)sim_now(w->sim) * 1e-9, (double)duration_ns * 1e-9, (double)INT64_MAX * 1e-9);
    sim_request_stop(w->sim);
    return false;
}

static void begin_step(struct world *w, struct fleet *f, struct replica *r)
{
    if (r->down > 0)
        return;
    int64_t duration = replica_begin(r, r->env, sim_now(w->sim));

    if (duration > 0 && f->env.hands_over)
        world_send_early(w, r);

    if (r->speed < 1)
        duration = slowed(duration, r->speed);

#ifdef TIERSIM_BROKEN
    duration += duration / 20; /* the deliberately wrong model: every step takes 5% too long */
#endif
    update_room(f, r);
    if (!world_step_fits(w, r, duration))
        return;
    if (duration > 0 && w->memory.share) {
        world_start_step(w, r, duration);
    } else if (duration > 0) {
        r->end_event =
            sim_schedule(w->sim, sim_now(w->sim) + duration, CLASS_COMPLETION, EVENT_STEP_END, (uint32_t)r->id);
    }
}

static void on_step_begin(struct world *w, uint32_t replica)
{
    struct replica *r = &w->replicas[replica];

    r->waking = false;
    begin_step(w, world_fleet(w, r->id), r);
}

static void on_step_end(struct world *w, uint32_t replica)
{
    world_step_end(w, &w->replicas[replica]);
}

static void end_requests(struct world *w, struct replica *r)
{
    for (int64_t i = 0; i < r->n_ended; i++) {
        const struct request *q = &w->pool.at[r->ended[i]];
        world_add_load(w, r, -1, -(q->input_tokens + q->output_tokens));
        if (w->kv)
            kv_ended(w->kv, r, r->ended[i], sim_now(w->sim));
        world_end_request(w, r->ended[i], q->t_gone_ns >= 0 ? REQUEST_TIMED_OUT : REQUEST_COMPLETED);
    }
}

/* Tokens and completions. Nothing is called for what the scenario does not have: this runs for every step. */
static inline void step_done(struct world *w, struct fleet *f, struct replica *r)
{
    replica_end(r, r->env, sim_now(w->sim));
    if (w->scaling)
        world_scale_step(w, r);
    loads_add(&f->loads, r->id - f->first, 0, r->now.tokens_out);
    end_requests(w, r);
    if (w->starts.told < w->starts.all)
        world_tell_starts(w);
    if (r->n_handed > 0)
        world_hand_over(w, r);
    if (r->gone != SLOT_NONE)
        world_drop_gone(w, r);
    if (w->faults)
        world_lost_in_step(w, r);
    update_room(f, r);
}

void world_step_done(struct world *w, struct replica *r)
{
    step_done(w, world_fleet(w, r->id), r);
}

void world_step_end(struct world *w, struct replica *r)
{
    struct fleet *f = world_fleet(w, r->id);

    step_done(w, f, r);
    if (f->held.n > 0)
        world_route_held(w, f);
    if (w->scaling)
        world_scale_check(w, r);
    if (r->waking)
        return;
    /* The next step begins after all else of this instant; when there is nothing else, now. */
    if (sim_next_time(w->sim) > sim_now(w->sim))
        begin_step(w, f, r);
    else
        world_wake(w, r);
}

static void on_part(struct world *w, uint32_t arg)
{
    move_event(w->memory.mover, arg);
}

static void dispatch(void *ctx, const struct sim_event *ev)
{
    static void (*const causes[EVENT_KINDS])(struct world *, uint32_t) = {
        [EVENT_STEP_END] = on_step_end,     [EVENT_ARRIVAL] = world_on_arrival,   [EVENT_QUEUED] = world_on_queued,
        [EVENT_STEP_BEGIN] = on_step_begin, [EVENT_JOB] = world_on_job,     [EVENT_PART] = on_part,
        [EVENT_SAMPLE] = world_on_sample,   [EVENT_FAULT] = world_on_fault, [EVENT_ADAPT] = world_on_adapt,
        [EVENT_TIMEOUT] = world_on_timeout, [EVENT_SCALE] = world_on_scale, [EVENT_START] = world_on_start,
        [EVENT_GROUP_BEGIN] = world_on_group_begin, [EVENT_GROUP_END] = world_on_group_end,
    };
    struct world *w = ctx;

    causes[ev->kind](w, ev->arg);
    if (w->faults && sim_size(w->sim) == w->background && world_in_system(w) == 0)
        sim_request_stop(w->sim); /* only faults would follow */
    if (w->scaling && w->coming == 0 && world_in_system(w) == 0)
        sim_request_stop(w->sim); /* only replicas that start would */
    if (trace_tick(w->trace, &w->err) != 0)
        sim_request_stop(w->sim);
}

/* ---- life ---- */

static int64_t clock_now(void *sim)
{
    return sim_now(sim);
}

struct world *world_new(const struct scenario *sc, struct workload *workload, struct trace *t)
{
    struct world *w = mem_zalloc(1, sizeof *w);

    w->sc = sc;
    w->workload = workload;
    w->trace = t;
    t->on_rotate = world_put_in_flight;
    t->on_rotate_ctx = w;
    workload_record(workload, t);
    w->sim = sim_new(dispatch, w);
    pool_init(&w->pool);
    w->pool.attributes = prices_given(&sc->prices);
    w->free_item = -1;
    w->n_fleets = sc->n_pools;
    w->fleet = mem_zalloc((size_t)w->n_fleets, sizeof *w->fleet);
    for (int64_t i = 0; i < w->n_fleets; i++) {
        fleet_init(&w->fleet[i], &sc->pools[i], i, w->n_replicas, t, &w->pool);
        w->n_replicas += w->fleet[i].n;
    }
    w->replicas = mem_zalloc((size_t)w->n_replicas, sizeof *w->replicas);
    world_soon_init(w);
    for (int64_t i = 0; i < w->n_replicas; i++) {
        const struct fleet *f = world_fleet(w, i);
        replica_init(&w->replicas[i], i, &f->env, f->sc->layout.replica.kv_block_tokens, f->total_blocks);
    }
    world_groups_init(w);
    world_admission_init(w);
    world_memory_init(w);
    for (int64_t i = 0; i < w->n_fleets; i++)
        w->fleet[i].sight = sight_new(&w->fleet[i], w->kv, clock_now, w->sim);
    world_faults_init(w);
    world_scaling_init(w);

    int64_t first = workload_concurrency(workload);
    for (int64_t i = 0; i < (first > 0 ? first : 1); i++)
        world_next_arrival(w);
    return w;
}

/* Of requests that a horizon has cut off, and of those still to come. */
static void free_chains(struct world *w)
{
    for (uint32_t s = w->pool.all.head; s != SLOT_NONE; s = w->pool.at[s].next[LINK_ALL]) {
        struct work_item item = {.chain = w->pool.at[s].chain};
        work_item_free(&item);
    }
    for (int64_t i = 0; i < w->n_items; i++)
        work_item_free(&w->items[i]);
}

void world_free(struct world *w)
{
    if (w == NULL)
        return;
    free_chains(w);
    world_faults_free(w);
    for (int64_t i = 0; i < w->n_fleets; i++)
        sight_free(w->fleet[i].sight);
    world_groups_free(w);
    world_memory_free(w);
    world_admission_free(w);
    world_scaling_free(w);
    for (int64_t i = 0; i < w->n_replicas; i++)
        replica_free(&w->replicas[i]);
    for (int64_t i = 0; i < w->n_fleets; i++)
        fleet_free(&w->fleet[i]);
    pool_free(&w->pool);
    sim_free(w->sim);
    free(w->fleet);
    free(w->replicas);
    free(w->items);
    free(w);
}

int world_run(struct world *w, uint64_t max_events, struct err *e)
{
    int64_t until = w->sc->run.horizon_ns > 0 ? w->sc->run.horizon_ns : INT64_MAX - 1;

    enum sim_stop stop = SIM_REQUESTED;
    if (!w->err.code)
        stop = sim_run(w->sim, until, max_events);
    if (w->err.code)
        return err_set(e, w->err.code, "%s", w->err.msg);
    return stop == SIM_COUNT;
}

int64_t world_now(const struct world *w)
{
    return sim_now(w->sim);
}

uint64_t world_events(const struct world *w)
{
    return sim_count(w->sim);
}

int64_t world_arrived(const struct world *w)
{
    return w->arrived;
}

int64_t world_ended(const struct world *w)
{
    return w->completed + w->rejected + w->failed + w->timed_out;
}

int64_t world_unfit(const struct world *w)
{
    return w->rejected - w->refused;
}

int64_t world_max_concurrent(const struct world *w)
{
    return w->max_concurrent;
}

uint64_t world_digest(const struct world *w)
{
    uint64_t digest = w->fleet[0].router_rng.digest;

    for (int64_t i = 1; i < w->n_fleets; i++)
        digest = rng_hash(digest, w->fleet[i].router_rng.digest);
    for (int64_t i = 0; i < w->n_replicas; i++)
        if (w->replicas[i].drafts)
            digest = rng_hash(digest, w->replicas[i].drafts->rng.digest);
    if (w->retry_digest != 0)
        digest = rng_hash(digest, w->retry_digest);
    return w->offload ? rng_hash(digest, offload_digest(w->offload)) : digest;
}
