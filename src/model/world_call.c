/*
 * world_call.c - calls of the workload: how they come in, what becomes of them, and what their ends set off; each as a
 * row of the request table.
 */
#include "config.h"

#include "model/alone.h"
#include "model/sight.h"
#include "model/world_state.h"
#include "workload/agents.h"

#include <inttypes.h>

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

/* What a request that ends took of each pool's steps. */
static void put_cost(struct world *w, uint32_t slot, enum request_status status)
{
    const struct request *q = &w->pool.at[slot];

    for (int64_t i = 0; i < w->n_fleets; i++) {
        const struct attributed *a = &w->pool.share[slot].of[i];
        if (a->prefill_ns == 0 && a->decode_ns == 0)
            continue;
        w->share_ended_ns += a->prefill_ns + a->decode_ns;
        *trace_put_request_cost(w->trace) = (struct ev_request_cost){.request = q->id,
                                                                     .pool = i,
                                                                     .t_arrive_ns = q->t_arrive_ns,
                                                                     .answered = status == REQUEST_COMPLETED,
                                                                     .session = q->session,
                                                                     .for_task = q->alone_ns > 0,
                                                                     .prefill_ns = a->prefill_ns,
                                                                     .decode_ns = a->decode_ns,
                                                                     .prefill_token_us = a->prefill_token_us,
                                                                     .decode_token_us = a->decode_token_us};
    }
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
void world_put_in_flight(void *ctx, bool last)
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
        world_next_arrival(w);
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
    if (w->pool.attributes)
        put_cost(w, slot, status);
    *trace_put_finish(w->trace) =
        (struct ev_finish){.request = q->id, .t_ns = now, .replica = q->replica, .status = status};
    end_of_attempt(w, q, status);
    q->t_gone_ns = -1;
    pool_give(&w->pool, slot);
}

/* ---- arrivals ---- */

void world_next_arrival(struct world *w)
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

void world_on_arrival(struct world *w, uint32_t item_index)
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
    if (item.of_agent)
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
        world_next_arrival(w);
}
