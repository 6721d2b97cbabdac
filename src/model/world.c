#include "config.h"

#include "model/alone.h"
#include "model/sight.h"
#include "model/world_state.h"
#include "workload/agents.h"

#include <inttypes.h>
#include <stdlib.h>

/* A closed loop without think time and without an end, all of whose requests are rejected, would stand still: so many
 * rejections in a row at one instant fail the run. */
enum { REJECTED_IN_A_ROW_MAX = 1000000 };

/* ---- requests as records ---- */

static void put_request(struct world *w, const struct request *q, int64_t t_end_ns, enum request_status status)
{
    int64_t generated = q->generated;

    if (q->phase == PHASE_DECODING && t_end_ns < 0)
        generated = batch_generated(&w->replicas[q->replica].batch, q);
    *trace_put_request(w->trace) = (struct ev_request){
        .id = q->id,
        .class = q->class_id,
        .replica = q->replica,
        .input_tokens = q->input_tokens,
        .output_tokens = q->output_tokens,
        .generated_tokens = generated,
        .t_arrive_ns = q->t_arrive_ns,
        .t_admit_ns = q->t_admit_ns,
        .t_first_ns = q->t_first_ns,
        .t_end_ns = t_end_ns,
        .preemptions = q->preemptions,
        .rerouted = q->rerouted,
        .blocks = q->chain.n_runs ? q->prompt_blocks : 0,
        .hit_blocks = q->hit_blocks,
        .hit_tokens = q->hit_tokens,
        .restore_ns = q->restored_ns,
        .prefill_replica = q->prefill_replica,
        .handoff_ns = q->handoff_ns,
        .session = q->session,
        .turn = q->turn,
        .attempt = q->attempt,
        .retry_of = q->attempt > 0 ? q->first_request : -1,
        .t_call_ns = q->t_call_ns,
        .retried = t_end_ns >= 0 && world_calls_again(q, status),
        .status = status,
    };
}

static void put_content(struct world *w, const struct request *q)
{
    for (int64_t r = 0; r < q->chain.n_runs; r++)
        *trace_put_content(w->trace) = (struct ev_content){.request = q->id,
                                                           .prompt_blocks = q->prompt_blocks,
                                                           .first = q->chain.run[r].id,
                                                           .count = q->chain.run[r].n};
}

static void put_in_flight_row(struct world *w, uint32_t slot)
{
    struct request *q = &w->pool.at[slot];
    bool runs = q->phase == PHASE_PARTIAL || q->phase == PHASE_DECODING;

    q->touched = false;
    put_request(w, q, -1, runs ? REQUEST_RUNNING : REQUEST_WAITING);
}

/* Requests in flight whose state changed since the last commit get a row now, so that the rows and the events of a
 * commit agree: as many rows as there were events, at most. Generated tokens change in each step and are
 * brought up to date for all by the last commit only. */
static void put_in_flight(void *ctx, bool last)
{
    struct world *w = ctx;

    for (int64_t i = 0; i < w->pool.n_touched && !last; i++)
        if (w->pool.at[w->pool.touched[i]].touched)
            put_in_flight_row(w, w->pool.touched[i]);
    w->pool.n_touched = 0;
    for (uint32_t s = w->pool.all.head; last && s != SLOT_NONE; s = w->pool.at[s].next[LINK_ALL])
        put_in_flight_row(w, s);
}

static void schedule_item(struct world *w, const struct work_item *item);
static void schedule_arrival(struct world *w);

static struct work_ended ended_call(const struct request *q, enum request_status status, int64_t now_ns)
{
    /* Instants that it did not come to count as its end. */
    int64_t admit_ns = q->t_admit_ns >= 0 ? q->t_admit_ns : now_ns, first_ns = q->t_first_ns >= 0 ? q->t_first_ns : now_ns;
    int64_t waited_ns = admit_ns - q->t_arrive_ns, prefill_ns = first_ns - admit_ns;
    int64_t restore_ns = q->restored_ns < waited_ns ? q->restored_ns : waited_ns;
    int64_t handoff_ns = q->handoff_ns < prefill_ns ? q->handoff_ns : prefill_ns;

    return (struct work_ended){.class_id = q->class_id,
                               .slot = q->session_slot,
                               .answered = status == REQUEST_COMPLETED,
                               .request = q->id,
                               .hit_tokens = q->hit_tokens,
                               .retry_ns = q->t_arrive_ns - q->t_call_ns,
                               .queue_ns = waited_ns - restore_ns,
                               .restore_ns = restore_ns,
                               .prefill_ns = prefill_ns - handoff_ns,
                               .handoff_ns = handoff_ns,
                               .decode_ns = now_ns - first_ns,
                               .alone_ns = q->alone_ns};
}

/* The client calls again; or the calls that waited for it come, or, in a closed loop, the next user's. */
static void end_of_attempt(struct world *w, struct request *q, enum request_status status)
{
    struct work_item item, next;

    if (world_calls_again(q, status) && world_call_again(w, q, &next)) {
        schedule_item(w, &next);
        return;
    }
    item = (struct work_item){.chain = q->chain};
    struct work_ended call = ended_call(q, status, sim_now(w->sim));
    bool over = workload_ended(w->workload, &call, sim_now(w->sim));
    while (workload_next_ready(w->workload, &next))
        schedule_item(w, &next);
    for (int64_t i = 0; i < w->n_fleets && (over || status != REQUEST_COMPLETED); i++)
        sight_forget(&w->fleet[i], q);
    if (over && workload_concurrency(w->workload) > 0)
        schedule_arrival(w);
    work_item_free(&item);
    q->chain = item.chain;
}

void world_end_request(struct world *w, uint32_t slot, enum request_status status)
{
    struct request *q = &w->pool.at[slot];
    int64_t now = sim_now(w->sim);

    world_count_area(w);
    w->sojourn_ns += (uint64_t)(now - q->t_arrive_ns);
    sim_cancel(w->sim, q->timeout_event);
    world_leaves(w, q);
    world_scale_end(w, q, status);
    if (status == REQUEST_COMPLETED) {
        w->completed++;
        w->done_input += q->input_tokens;
        w->done_output += q->output_tokens;
    } else {
        w->rejected += status == REQUEST_REJECTED;
        w->failed += status == REQUEST_FAILED;
        w->timed_out += status == REQUEST_TIMED_OUT;
        w->failed_output += q->generated;
    }
    w->done_computed += q->computed; /* of one that gave its last token as its client gave up, too */
    put_request(w, q, now, status);
    *trace_put_finish(w->trace) =
        (struct ev_finish){.request = q->id, .t_ns = now, .replica = q->replica, .status = status};
    end_of_attempt(w, q, status);
    q->t_gone_ns = -1;
    pool_give(&w->pool, slot);
}

/* ---- arrivals ---- */

/* Asks the workload for its next item and schedules it. */
static void schedule_arrival(struct world *w)
{
    struct work_item item;
    int got = workload_next(w->workload, sim_now(w->sim), &item, &w->err);

    if (got < 0)
        sim_request_stop(w->sim);
    if (got > 0)
        schedule_item(w, &item);
}

static void schedule_item(struct world *w, const struct work_item *item)
{
    if (w->free_item < 0) {
        w->items = mem_realloc(w->items, (size_t)(w->n_items + 1) * 2 * sizeof *w->items);
        for (int64_t i = 2 * w->n_items + 1; i >= w->n_items; i--) {
            w->items[i] = (struct work_item){.class_id = w->free_item};
            w->free_item = i;
        }
        w->n_items = 2 * (w->n_items + 1);
    }
    int64_t i = w->free_item;
    w->free_item = w->items[i].class_id;
    w->items[i] = *item;
    w->coming++;
    sim_schedule(w->sim, item->t_ns, CLASS_ARRIVAL, EVENT_ARRIVAL, (uint32_t)i);
}

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

/* Where answers are given. */
static const struct fleet *decoding(const struct world *w)
{
    return &w->fleet[w->n_fleets - 1];
}

/* Whether an empty rank of a replica could serve it: its context, and the KV of all tokens but the last; where prompts
 * are computed elsewhere, that of the prompt there. With speculation, that of the drafts beyond the last one too. */
static bool can_fit(const struct world *w, const struct work_item *item)
{
    int64_t tokens = item->input_tokens + item->output_tokens, drafts = decoding(w)->limits.drafts;

    return tokens <= w->sc->layout.model.max_context && tokens - 1 + drafts <= fleet_rank_tokens(decoding(w)) &&
           (w->n_fleets == 1 || item->input_tokens <= fleet_rank_tokens(&w->fleet[0]));
}

/* The output tokens that it announces: its class's, within the context and the KV of a rank, or its own. */
static int64_t announced(const struct world *w, const struct work_item *item)
{
    int64_t tokens = decoding(w)->order.class[item->class_id].max_tokens, own = item->output_tokens;
    int64_t kv_tokens = fleet_rank_tokens(decoding(w)) - decoding(w)->limits.drafts;
    int64_t most = w->sc->layout.model.max_context - item->input_tokens;

    most = most < kv_tokens - item->input_tokens + 1 ? most : kv_tokens - item->input_tokens + 1;
    tokens = tokens < most ? tokens : most;
    return tokens > own ? tokens : own;
}

/* After a request was turned away. */
static void watch_rejections(struct world *w, const char *why)
{
    if (sim_now(w->sim) != w->t_rejected_ns)
        w->rejected_in_a_row = 0;
    w->t_rejected_ns = sim_now(w->sim);
    if (++w->rejected_in_a_row < REJECTED_IN_A_ROW_MAX || w->sc->workload.requests > 0 ||
        workload_concurrency(w->workload) == 0)
        return;
    err_set(&w->err, EXIT_CODE_FAILED,
            "%d requests in a row were rejected at %.9f s: %s, and without think time the clock stands still "
            "(shorten the lengths, or give [workload] requests or think)",
            REJECTED_IN_A_ROW_MAX, (double)sim_now(w->sim) * 1e-9, why);
    sim_request_stop(w->sim);
}

static void on_arrival(struct world *w, uint32_t item_index)
{
    struct work_item item = w->items[item_index];
    uint32_t slot = pool_take(&w->pool);
    struct request *q = &w->pool.at[slot];

    w->items[item_index] = (struct work_item){.class_id = w->free_item}; /* its chain is the request's now */
    w->free_item = item_index;
    w->coming--;

    world_count_area(w);
    q->id = w->arrived++;
    q->class_id = item.class_id;
    q->input_tokens = item.input_tokens;
    q->output_tokens = item.output_tokens;
    q->max_tokens = announced(w, &item);
    q->t_arrive_ns = sim_now(w->sim);
    q->chain = item.chain;
    q->prompt_blocks = item.prompt_blocks;
    q->known_blocks = item.known_blocks;
    q->session = item.session;
    q->turn = item.turn;
    q->session_slot = item.session_slot;
    q->attempt = item.attempt;
    q->retries_left = w->sc->classes[q->class_id].retries - q->attempt;
    q->first_request = q->attempt > 0 ? item.first_request : q->id;
    q->t_call_ns = q->attempt > 0 ? item.t_call_ns : q->t_arrive_ns;
    w->retries += q->attempt > 0;
    w->between_attempts -= q->attempt > 0;
    if (agents_has(&w->sc->classes[q->class_id]))
        q->alone_ns = alone_ns(w, q);
    if (w->sc->run.log == LOG_ALL && q->attempt == 0)
        put_content(w, q);
    pool_touch(&w->pool, slot);
    w->arrived_input += item.input_tokens;
    *trace_put_arrive(w->trace) = (struct ev_arrive){.request = q->id,
                                                     .t_ns = q->t_arrive_ns,
                                                     .class = q->class_id,
                                                     .input_tokens = q->input_tokens,
                                                     .output_tokens = q->output_tokens};

    bool closed = workload_concurrency(w->workload) > 0;
    if (!can_fit(w, &item)) {
        q->retries_left = 0;
        world_tell_reject(w, q, false);
        world_end_request(w, slot, REQUEST_REJECTED);
        watch_rejections(w, "none fits");
    } else if (world_is_hopeless(w)) {
        world_end_request(w, slot, REQUEST_FAILED);
        watch_rejections(w, "all replicas are down for good");
    } else if (!world_admits(w, q)) {
        world_tell_reject(w, q, true);
        world_end_request(w, slot, REQUEST_REJECTED);
        watch_rejections(w, "[admission] lets none in");
    } else {
        w->rejected_in_a_row = 0;
        world_enters(w, q);
        world_watch(w, slot);
        if (world_in_system(w) > w->max_concurrent)
            w->max_concurrent = world_in_system(w);
        world_route(w, slot);
    }
    /* Later calls of a session, and attempts, come beside the arrivals, not instead of one. */
    if (!closed && item.turn <= 0 && item.attempt == 0)
        schedule_arrival(w);
}

/* ---- steps ---- */

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
        [EVENT_STEP_END] = on_step_end,     [EVENT_ARRIVAL] = on_arrival,   [EVENT_QUEUED] = world_on_queued,
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
    t->on_rotate = put_in_flight;
    t->on_rotate_ctx = w;
    workload_record(workload, t);
    w->sim = sim_new(dispatch, w);
    pool_init(&w->pool);
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
        schedule_arrival(w);
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
