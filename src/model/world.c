#include "config.h"

#include "model/world.h"

#include <stdlib.h>

#include "engine/sim.h"
#include "model/loads.h"
#include "model/replica.h"

/* The same instant in this order. */
enum event_class { CLASS_COMPLETION, CLASS_ARRIVAL, CLASS_SCHEDULING };

enum event_kind { EVENT_STEP_END, EVENT_ARRIVAL, EVENT_STEP_BEGIN, EVENT_KINDS };

struct world {
    const struct scenario *sc;
    struct workload *workload;
    struct trace *trace;
    struct sim *sim;

    struct pool pool;
    struct list held; /* LINK_QUEUE: the central queue */
    struct replica_env env;
    void *cost_state;
    struct replica *replicas;
    struct loads loads;
    void *router_state;
    struct rng router_rng;

    struct work_item *items; /* arrivals that are pending events; slots, free ones linked by class_id */
    int64_t n_items, free_item;

    int64_t total_blocks;
    int64_t arrived, completed, rejected, max_concurrent;
    int64_t arrived_input;                          /* prompt tokens of all that arrived */
    int64_t done_input, done_output, done_computed; /* of the completed: prompts, answers, tokens that had KV */
    int64_t committed; /* requests below this id have had a row at a commit */
    uint64_t area_ns, area_t_ns, sojourn_ns; /* Little's law, mod 2^64 */
    struct err err;
};

/* ---- requests as records ---- */

static int64_t in_system(const struct world *w)
{
    return w->arrived - w->completed - w->rejected;
}

/* Call before each change of the number in system. */
static void count_area(struct world *w)
{
    uint64_t now = (uint64_t)sim_now(w->sim);

    w->area_ns += (uint64_t)in_system(w) * (now - w->area_t_ns);
    w->area_t_ns = now;
}

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
        .status = status,
    };
}

/* Requests that came since the last commit and are in flight get a row now, so that every event of this
 * commit has its request; the row is replaced when the request ends. */
static void put_in_flight(void *ctx)
{
    struct world *w = ctx;
    uint32_t slot = w->pool.all.tail;

    for (; slot != SLOT_NONE && w->pool.at[slot].id >= w->committed; slot = w->pool.at[slot].prev[LINK_ALL]) {
        const struct request *q = &w->pool.at[slot];
        bool runs = q->phase == PHASE_PARTIAL || q->phase == PHASE_DECODING;
        put_request(w, q, -1, runs ? REQUEST_RUNNING : REQUEST_WAITING);
    }
    w->committed = w->arrived;
}

static void end_request(struct world *w, uint32_t slot, enum request_status status)
{
    struct request *q = &w->pool.at[slot];
    int64_t now = sim_now(w->sim);

    count_area(w);
    w->sojourn_ns += (uint64_t)(now - q->t_arrive_ns);
    if (status == REQUEST_COMPLETED) {
        w->completed++;
        w->done_input += q->input_tokens;
        w->done_output += q->output_tokens;
        w->done_computed += q->computed;
    } else {
        w->rejected++;
    }
    put_request(w, q, now, status);
    *trace_put_finish(w->trace) =
        (struct ev_finish){.request = q->id, .t_ns = now, .replica = q->replica, .status = status};
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
    if (got <= 0)
        return;
    if (w->free_item < 0) {
        w->items = mem_realloc(w->items, (size_t)(w->n_items + 1) * 2 * sizeof *w->items);
        for (int64_t i = 2 * w->n_items + 1; i >= w->n_items; i--) {
            w->items[i].class_id = w->free_item;
            w->free_item = i;
        }
        w->n_items = 2 * (w->n_items + 1);
    }
    int64_t i = w->free_item;
    w->free_item = w->items[i].class_id;
    w->items[i] = item;
    sim_schedule(w->sim, item.t_ns, CLASS_ARRIVAL, EVENT_ARRIVAL, (uint32_t)i);
}

static void wake(struct world *w, struct replica *r)
{
    if (r->stepping || r->waking)
        return;
    r->waking = true;
    sim_schedule(w->sim, sim_now(w->sim), CLASS_SCHEDULING, EVENT_STEP_BEGIN, (uint32_t)r->id);
}

/* Between steps, with a slot free and nobody left waiting by the latest plan (short of blocks or budget). */
static void update_room(struct world *w, const struct replica *r)
{
    if (w->loads.key == ROUTER_KEY_ROOM)
        loads_set_room(&w->loads, r->id,
                       !r->stepping && r->now.n_waiting == 0 &&
                           r->batch.running.n + r->batch.waiting.n < w->env.limits->max_num_seqs);
}

/* Sends the request to a replica; false: the router holds it. */
static bool route(struct world *w, uint32_t slot)
{
    struct request *q = &w->pool.at[slot];
    int64_t chosen = w->sc->router->route(w->sc->router_options, w->router_state, loads_view(&w->loads), &w->router_rng);

    if (chosen == ROUTER_HOLD)
        return false;
    sim_assert(chosen >= 0 && chosen < w->loads.view.n);
    struct replica *r = &w->replicas[chosen];
    *trace_put_route(w->trace) = (struct ev_route){.request = q->id,
                                                   .t_ns = sim_now(w->sim),
                                                   .replica = chosen,
                                                   .outstanding = w->loads.requests[chosen]};
    q->replica = chosen;
    batch_enqueue(&r->batch, slot);
    loads_add(&w->loads, chosen, 1, q->input_tokens);
    update_room(w, r);
    wake(w, r);
    return true;
}

static void route_held(struct world *w)
{
    while (w->held.n > 0) {
        uint32_t slot = w->held.head;
        list_remove(&w->pool, &w->held, LINK_QUEUE, slot);
        if (!route(w, slot)) {
            list_push_front(&w->pool, &w->held, LINK_QUEUE, slot);
            return;
        }
    }
}

/* Whether an empty replica could serve it: its context, and the KV of all tokens but the last. */
static bool can_fit(const struct world *w, const struct work_item *item)
{
    int64_t tokens = item->input_tokens + item->output_tokens;

    return tokens <= w->sc->layout.model.max_context &&
           batch_blocks_of(&w->replicas[0].batch, tokens - 1) <= w->total_blocks;
}

static void on_arrival(struct world *w, uint32_t item_index)
{
    struct work_item item = w->items[item_index];
    uint32_t slot = pool_take(&w->pool);
    struct request *q = &w->pool.at[slot];

    w->items[item_index].class_id = w->free_item;
    w->free_item = item_index;

    count_area(w);
    q->id = w->arrived++;
    q->class_id = item.class_id;
    q->input_tokens = item.input_tokens;
    q->output_tokens = item.output_tokens;
    q->t_arrive_ns = sim_now(w->sim);
    w->arrived_input += item.input_tokens;
    *trace_put_arrive(w->trace) = (struct ev_arrive){.request = q->id,
                                                     .t_ns = q->t_arrive_ns,
                                                     .class = q->class_id,
                                                     .input_tokens = q->input_tokens,
                                                     .output_tokens = q->output_tokens};

    bool closed = workload_concurrency(w->workload) > 0;
    if (!can_fit(w, &item)) {
        end_request(w, slot, REQUEST_REJECTED);
        if (closed)
            schedule_arrival(w);
    } else {
        if (in_system(w) > w->max_concurrent)
            w->max_concurrent = in_system(w);
        if (w->held.n > 0 || !route(w, slot))
            list_push_back(&w->pool, &w->held, LINK_QUEUE, slot);
    }
    if (!closed)
        schedule_arrival(w);
}

/* ---- steps ---- */

static void begin_step(struct world *w, struct replica *r)
{
    int64_t duration = replica_begin(r, &w->env, sim_now(w->sim));

#ifdef TIERSIM_BROKEN
    duration += duration / 20; /* the deliberately wrong model: every step takes 5% too long */
#endif
    update_room(w, r);
    if (duration > 0)
        sim_schedule(w->sim, sim_now(w->sim) + duration, CLASS_COMPLETION, EVENT_STEP_END, (uint32_t)r->id);
}

static void on_step_begin(struct world *w, uint32_t replica)
{
    struct replica *r = &w->replicas[replica];

    r->waking = false;
    begin_step(w, r);
}

static void on_step_end(struct world *w, uint32_t replica)
{
    struct replica *r = &w->replicas[replica];
    bool closed = workload_concurrency(w->workload) > 0;

    replica_end(r, &w->env, sim_now(w->sim));
    loads_add(&w->loads, r->id, 0, r->now.tokens_out);
    for (int64_t i = 0; i < r->n_ended; i++) {
        const struct request *q = &w->pool.at[r->ended[i]];
        loads_add(&w->loads, r->id, -1, -(q->input_tokens + q->output_tokens));
        end_request(w, r->ended[i], REQUEST_COMPLETED);
        if (closed)
            schedule_arrival(w);
    }
    update_room(w, r);
    route_held(w);
    if (r->waking)
        return;
    /* The next step begins after all else of this instant; when there is nothing else, now. */
    if (sim_next_time(w->sim) > sim_now(w->sim))
        begin_step(w, r);
    else
        wake(w, r);
}

static void dispatch(void *ctx, const struct sim_event *ev)
{
    static void (*const causes[EVENT_KINDS])(struct world *, uint32_t) = {
        [EVENT_STEP_END] = on_step_end,
        [EVENT_ARRIVAL] = on_arrival,
        [EVENT_STEP_BEGIN] = on_step_begin,
    };
    struct world *w = ctx;

    causes[ev->kind](w, ev->arg);
    if (trace_tick(w->trace, &w->err) != 0)
        sim_request_stop(w->sim);
}

/* ---- life ---- */

struct world *world_new(const struct scenario *sc, struct workload *workload, struct trace *t)
{
    struct world *w = mem_zalloc(1, sizeof *w);
    int64_t n = sc->layout.replica.count;

    w->sc = sc;
    w->workload = workload;
    w->trace = t;
    t->on_rotate = put_in_flight;
    t->on_rotate_ctx = w;
    w->sim = sim_new(dispatch, w);
    pool_init(&w->pool);
    list_init(&w->held);
    w->free_item = -1;
    w->cost_state = mem_zalloc(1, sc->cost->state_size);
    sc->cost->prepare(sc->cost_options, &sc->layout, w->cost_state);
    w->env = (struct replica_env){
        .trace = t,
        .pool = &w->pool,
        .limits = &sc->layout.limits,
        .scheduler = sc->scheduler,
        .scheduler_options = sc->scheduler_options,
        .cost = sc->cost,
        .cost_state = w->cost_state,
    };
    w->total_blocks = cost_kv_blocks(&sc->layout);
    w->replicas = mem_zalloc((size_t)n, sizeof *w->replicas);
    for (int64_t i = 0; i < n; i++)
        replica_init(&w->replicas[i], i, &w->env, sc->layout.replica.kv_block_tokens, w->total_blocks);
    loads_init(&w->loads, n, sc->router->key);
    w->router_state = mem_zalloc(1, sc->router->state_size);
    rng_init(&w->router_rng, (uint64_t)sc->run.seed, (uint64_t)sc->run.replication, 0, RNG_ROUTER);

    int64_t first = workload_concurrency(workload);
    for (int64_t i = 0; i < (first > 0 ? first : 1); i++)
        schedule_arrival(w);
    return w;
}

void world_free(struct world *w)
{
    if (w == NULL)
        return;
    for (int64_t i = 0; i < w->loads.view.n; i++)
        replica_free(&w->replicas[i]);
    loads_free(&w->loads);
    pool_free(&w->pool);
    sim_free(w->sim);
    free(w->replicas);
    free(w->cost_state);
    free(w->router_state);
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
    return w->completed + w->rejected;
}

int64_t world_max_concurrent(const struct world *w)
{
    return w->max_concurrent;
}

uint64_t world_digest(const struct world *w)
{
    return w->router_rng.digest;
}

/* ---- conservation ---- */

/* What the world holds at this instant, counted from the replicas and the requests themselves. */
struct audit {
    struct replica_counts sum;
    int64_t waiting, running, stepping;
    int64_t blocks_allocated, blocks_freed, blocks_held;
    int64_t flight, flight_generated, flight_computed;
};

static struct audit audit(struct world *w)
{
    struct audit a = {0};

    for (int64_t i = 0; i < w->loads.view.n; i++) {
        const struct replica *r = &w->replicas[i];
        a.sum.steps_started += r->counts.steps_started;
        a.sum.steps_ended += r->counts.steps_ended;
        a.sum.tokens_out += r->counts.tokens_out;
        a.sum.decode_tokens += r->counts.decode_tokens;
        a.sum.prefill_tokens += r->counts.prefill_tokens;
        a.sum.dropped_tokens += r->counts.dropped_tokens;
        a.sum.preemptions += r->counts.preemptions;
        a.waiting += r->batch.waiting.n;
        a.running += r->batch.running.n;
        a.stepping += r->stepping;
        a.blocks_allocated += r->batch.allocated;
        a.blocks_freed += r->batch.freed;
        a.blocks_held += r->batch.used;
        if (!r->stepping)
            batch_check(&r->batch);
    }
    for (uint32_t s = w->pool.all.head; s != SLOT_NONE; s = w->pool.at[s].next[LINK_ALL]) {
        const struct request *q = &w->pool.at[s];
        const struct batch *b = &w->replicas[q->replica < 0 ? 0 : q->replica].batch;
        a.flight++;
        a.flight_generated += batch_generated(b, q);
        a.flight_computed += batch_computed(b, q);
    }
    return a;
}

int world_finish(struct world *w, struct world_count out[WORLD_COUNTS_MAX])
{
    struct audit a = audit(w);

    count_area(w);
    for (uint32_t s = w->pool.all.head; s != SLOT_NONE; s = w->pool.at[s].next[LINK_ALL])
        w->sojourn_ns += (uint64_t)(sim_now(w->sim) - w->pool.at[s].t_arrive_ns);

    sim_assert(w->arrived == w->completed + w->rejected + a.flight);
    sim_assert(a.flight == a.waiting + a.running + w->held.n);
    sim_assert(a.sum.tokens_out == w->done_output + a.flight_generated);
    sim_assert(a.sum.prefill_tokens + a.sum.decode_tokens == w->done_computed + a.flight_computed + a.sum.dropped_tokens);
    sim_assert(a.blocks_allocated == a.blocks_freed + a.blocks_held);
    sim_assert(a.sum.steps_started == a.sum.steps_ended + a.stepping);
    sim_assert(w->area_ns == w->sojourn_ns);

    const struct world_count counts[] = {
        {"requests_arrived", w->arrived},
        {"requests_completed", w->completed},
        {"requests_rejected", w->rejected},
        {"requests_waiting", a.waiting},
        {"requests_running", a.running},
        {"requests_held", w->held.n},
        {"tokens_in_arrived", w->arrived_input},
        {"tokens_in_done", w->done_input},
        {"tokens_out_done", w->done_output},
        {"tokens_out_partial", a.flight_generated},
        {"tokens_out_steps", a.sum.tokens_out},
        {"prefill_tokens_computed", a.sum.prefill_tokens},
        {"decode_tokens_computed", a.sum.decode_tokens},
        {"kv_tokens_done", w->done_computed},
        {"kv_tokens_held", a.flight_computed},
        {"kv_tokens_dropped", a.sum.dropped_tokens},
        {"kv_blocks_allocated", a.blocks_allocated},
        {"kv_blocks_freed", a.blocks_freed},
        {"kv_blocks_held", a.blocks_held},
        {"preemptions", a.sum.preemptions},
        {"max_concurrent", w->max_concurrent},
        {"little_area_ns", (int64_t)w->area_ns},
        {"little_sojourn_ns", (int64_t)w->sojourn_ns},
        {"steps_started", a.sum.steps_started},
        {"steps_ended", a.sum.steps_ended},
        {"steps_running", a.stepping},
    };
    int n = (int)(sizeof counts / sizeof counts[0]);
    for (int i = 0; i < n; i++)
        out[i] = counts[i];
    return n;
}
