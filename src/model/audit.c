/*
 * audit.c - conservation: the world's running counts against what it holds (DESIGN.md, section 7).
 */
#include "model/world_state.h"
#include "workload/agents.h"
#include "workload/graph.h"

/* What the world holds at this instant, counted from the replicas and the requests themselves. */
struct audit {
    struct replica_counts sum;
    int64_t front, waiting, running, held, stepping;
    int64_t loading, prefilling, decoding; /* of the waiting, of the running */
    int64_t blocks_allocated, blocks_freed, blocks_held;
    int64_t flight, flight_front, flight_generated, flight_computed;
    uint64_t flight_sojourn_ns;
};

/* What a request must hold: within a step also the blocks of the tokens that the step computes. */
static int64_t blocks_of(const struct world *w, const struct request *q)
{
    const struct replica *r = &w->replicas[q->replica < 0 ? 0 : q->replica];
    bool decodes = q->phase == PHASE_DECODING;

    if (q->phase == PHASE_ARRIVED || q->phase == PHASE_FRONT)
        return 0;
    int64_t gain = r->stepping ? r->batch.gain : 0;
    return batch_blocks_of(&r->batch, batch_computed(&r->batch, q) + (decodes ? gain : q->chunk)) - q->shared;
}

static struct audit audit(const struct world *w)
{
    struct audit a = {0};

    for (int64_t i = 0; i < w->n_fleets; i++) {
        queue_check(&w->fleet[i].queue, &w->pool, &w->fleet[i].held);
        a.held += w->fleet[i].held.n;
    }
    for (int64_t i = 0; i < w->n_replicas; i++) {
        const struct replica *r = &w->replicas[i];
        a.sum.steps_started += r->counts.steps_started;
        a.sum.steps_ended += r->counts.steps_ended;
        a.sum.steps_abandoned += r->counts.steps_abandoned;
        a.sum.tokens_out += r->counts.tokens_out;
        a.sum.decode_tokens += r->counts.decode_tokens;
        a.sum.prefill_tokens += r->counts.prefill_tokens;
        a.sum.dropped_tokens += r->counts.dropped_tokens;
        a.sum.preemptions += r->counts.preemptions;
        a.sum.cached_tokens += r->counts.cached_tokens;
        a.front += r->n_front;
        a.waiting += r->batch.waiting.n;
        a.running += r->batch.running.n;
        a.decoding += r->batch.n_decode;
        a.prefilling += r->batch.partial.n;
        a.loading += r->n_loading;
        a.stepping += r->stepping;
        a.blocks_allocated += r->batch.allocated;
        a.blocks_freed += r->batch.freed;
        sim_assert(r->batch.used <= r->batch.total_blocks);
        if (!r->stepping)
            batch_check(&r->batch);
    }
    for (uint32_t s = w->pool.all.head; s != SLOT_NONE; s = w->pool.at[s].next[LINK_ALL]) {
        const struct request *q = &w->pool.at[s];
        const struct batch *b = &w->replicas[q->replica < 0 ? 0 : q->replica].batch;
        a.flight++;
        a.flight_front += q->phase == PHASE_FRONT;
        a.flight_generated += batch_generated(b, q);
        a.flight_computed += batch_computed(b, q);
        a.flight_sojourn_ns += (uint64_t)(sim_now(w->sim) - q->t_arrive_ns);
        a.blocks_held += blocks_of(w, q) + q->from_blocks + q->to_blocks;
    }
    return a;
}

/* Of transfers: the kinds that there were. Their bytes are checked by move_check. */
static int count_moves(const struct mover *m, struct world_count *out)
{
    static const char *const names[MOVE_KINDS][6] = {
#define NAMES(id, kind, help)                                                                                          \
    {"moves_" #kind "_started",         "moves_" #kind "_running",         "moves_" #kind "_bytes_started",            \
     "moves_" #kind "_bytes_delivered", "moves_" #kind "_bytes_cancelled", "moves_" #kind "_bytes_left"},
        MOVE_KINDS_LIST(NAMES)
#undef NAMES
    };
    int64_t left[MOVE_KINDS] = {0}; /* a transfer's bytes count when all have come */
    int n = 0;

    for (uint32_t j = move_next(m, 0); j != UINT32_MAX; j = move_next(m, j + 1))
        left[move_get(m, j)->job.kind] += move_get(m, j)->job.bytes;
    for (int k = MOVE_STEP + 1; k < MOVE_KINDS; k++) {
        struct move_totals t = move_totals(m, (enum move_kind)k);
        int64_t values[] = {t.jobs,      move_running(m, (enum move_kind)k), t.started, t.delivered,
                            t.cancelled, left[k]};
        for (int i = 0; t.jobs > 0 && i < 6; i++)
            out[n++] = (struct world_count){names[k][i], values[i]};
    }
    return n;
}

/* The time of all steps is that of requests: those that ended, and those in flight, with what none was given yet. */
static int count_shares(const struct world *w, struct world_count *out)
{
    int64_t steps_ns = 0, held_ns = 0;
    __int128 pending = 0;

    if (!w->pool.attributes)
        return 0;
    for (uint32_t s = w->pool.all.head; s != SLOT_NONE; s = w->pool.at[s].next[LINK_ALL]) {
        const struct request *q = &w->pool.at[s];
        for (int i = 0; i < ATTRIBUTE_POOLS; i++)
            held_ns += w->pool.share[s].of[i].prefill_ns + w->pool.share[s].of[i].decode_ns;
        if (q->phase == PHASE_DECODING)
            pending += attribute_pending(w->replicas[q->replica].attribution, s);
    }
    for (int64_t i = 0; i < w->n_replicas; i++) {
        const struct attribution *a = w->replicas[i].attribution;
        steps_ns += a->prefill_ns + a->decode_ns;
        pending += a->owed + a->left;
    }
    held_ns += (int64_t)(pending >> ATTRIBUTE_FRACTION);
    sim_assert(pending >= 0 && steps_ns == w->share_ended_ns + held_ns);
    out[0] = (struct world_count){"share_steps_ns", steps_ns};
    out[1] = (struct world_count){"share_ended_ns", w->share_ended_ns};
    out[2] = (struct world_count){"share_held_ns", held_ns};
    return 3;
}

static int count_agents(const struct world *w, struct world_count *out)
{
    struct agents_counts c;

    if (!workload_agents(w->workload, &c))
        return 0;
    const struct world_count counts[] = {
        {"agent_tasks_begun", c.tasks_begun},     {"agent_tasks_ended", c.tasks_ended},
        {"agent_tasks_live", c.tasks_live},       {"agent_calls_begun", c.calls_begun},
        {"agent_calls_ended", c.calls_ended},     {"agent_calls_live", c.calls_live},
        {"agent_steps_joining", c.steps_joining}, {"agent_tool_calls", c.tool_calls},
    };
    int n = (int)(sizeof counts / sizeof counts[0]);
    for (int i = 0; i < n; i++)
        out[i] = counts[i];
    return n;
}

static int count_graphs(const struct world *w, struct world_count *out)
{
    struct graph_counts c;

    if (!workload_graphs(w->workload, &c))
        return 0;
    const struct world_count counts[] = {
        {"trace_calls", c.calls},
        {"trace_calls_came", c.came},
        {"trace_calls_coming", w->coming - w->between_attempts},
        {"trace_calls_waiting", c.waiting},
        {"trace_calls_left_out", c.left_out},
    };
    int n = (int)(sizeof counts / sizeof counts[0]);
    for (int i = 0; i < n; i++)
        out[i] = counts[i];
    return n;
}

int world_finish(struct world *w, struct world_count out[WORLD_COUNTS_MAX])
{
    struct audit a = audit(w);
    uint64_t sojourn_ns = w->sojourn_ns + a.flight_sojourn_ns;

    if (w->kv)
        kv_check(w->kv);
    if (w->offload)
        offload_check(w->offload);
    if (w->memory.mover)
        move_check(w->memory.mover);
    world_count_area(w);
    sim_assert(w->arrived == w->completed + w->rejected + w->failed + w->timed_out + a.flight);
    sim_assert(a.running == a.prefilling + a.decoding && a.loading <= a.waiting);
    sim_assert(a.flight == a.front + a.waiting + a.running + a.held && a.front == a.flight_front);
    sim_assert(a.sum.tokens_out == w->done_output + w->failed_output + a.flight_generated);
    sim_assert(a.sum.prefill_tokens + a.sum.decode_tokens + a.sum.cached_tokens ==
               w->done_computed + a.flight_computed + a.sum.dropped_tokens);
    sim_assert(a.blocks_allocated == a.blocks_freed + a.blocks_held);
    sim_assert(a.sum.steps_started == a.sum.steps_ended + a.sum.steps_abandoned + a.stepping);
    sim_assert(w->area_ns == sojourn_ns);

    const struct world_count counts[] = {
        {"requests_arrived", w->arrived},
        {"requests_completed", w->completed},
        {"requests_rejected", w->rejected},
        {"requests_failed", w->failed},
        {"requests_timed_out", w->timed_out},
        {"requests_refused", w->refused},
        {"requests_retries", w->retries},
        {"calls_between_attempts", w->between_attempts},
        {"requests_waiting", a.front + a.waiting},
        {"requests_front", a.front},
        {"requests_loading", a.loading},
        {"requests_running", a.running},
        {"requests_prefilling", a.prefilling},
        {"requests_decoding", a.decoding},
        {"requests_held", a.held},
        {"tokens_in_arrived", w->arrived_input},
        {"tokens_in_done", w->done_input},
        {"tokens_out_done", w->done_output},
        {"tokens_out_failed", w->failed_output},
        {"tokens_out_partial", a.flight_generated},
        {"tokens_out_steps", a.sum.tokens_out},
        {"prefill_tokens_computed", a.sum.prefill_tokens},
        {"decode_tokens_computed", a.sum.decode_tokens},
        {"cached_tokens_used", a.sum.cached_tokens},
        {"kv_tokens_done", w->done_computed},
        {"kv_tokens_held", a.flight_computed},
        {"kv_tokens_dropped", a.sum.dropped_tokens},
        {"kv_blocks_allocated", a.blocks_allocated},
        {"kv_blocks_freed", a.blocks_freed},
        {"kv_blocks_held", a.blocks_held},
        {"preemptions", a.sum.preemptions},
        {"max_concurrent", w->max_concurrent},
        {"little_area_ns", (int64_t)w->area_ns},
        {"little_sojourn_ns", (int64_t)sojourn_ns},
        {"steps_started", a.sum.steps_started},
        {"steps_ended", a.sum.steps_ended},
        {"steps_abandoned", a.sum.steps_abandoned},
        {"steps_running", a.stepping},
    };
    int n = (int)(sizeof counts / sizeof counts[0]);
    for (int i = 0; i < n; i++)
        out[i] = counts[i];
    n += world_groups_count(w, out + n);
    if (w->memory.mover)
        n += count_moves(w->memory.mover, out + n);
    n += count_agents(w, out + n);
    n += count_graphs(w, out + n);
    n += count_shares(w, out + n);
    sim_assert(n <= WORLD_COUNTS_MAX);
    return n;
}
