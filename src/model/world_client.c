/*
 * world_client.c - what clients do when they are not served: they give up after a time, and call again.
 *
 * Giving up: an attempt that has not given its first token timeout_ttft after it came, or its last after timeout_e2el,
 * is cancelled wherever it is. A result at the very instant is in time. Who waits, or runs between two steps, leaves
 * at once with all its KV and the transfers that bring more; who is in a step leaves when that ends, since a batch
 * cannot change in a step: then its row ends a little after the record `timeout`. What the front end was going to do
 * for it, it does: those behind have their places.
 *
 *   arrives --refused--------------------------> rejected --.
 *      |---- in time --> completed                           >-- retries left? --> backoff --> arrives, a new request
 *      |---- timeout --> (end of step) --> timed_out --------|
 *      `---- fault --> failed -----------------------------'
 *
 * Calling again: the same prompt and answer, as a request of its own that knows its call's first attempt. Backoff as
 * the OpenAI client has it (openai-python, _base_client.py: doubled from attempt to attempt up to a maximum, times 1
 * minus a random share), from a stream for each call and attempt. A call that fits nowhere is not made again. A
 * session goes on when an attempt is answered, and ends with the call's last attempt; a closed loop's user waits for
 * the call's end.
 */
#include "config.h"

#include "model/world_state.h"

static const struct class_options *class_of(const struct world *w, const struct request *q)
{
    return &w->sc->classes[q->class_id];
}

/* ---- leaving ---- */

/* Transfers that bring KV for it, or take it away to bring it back later. */
static void cut_transfers(struct world *w, const struct request *q)
{
    struct mover *m = w->memory.mover;

    for (uint32_t job = move_next(m, 0); job != UINT32_MAX; job = move_next(m, job + 1)) {
        const struct move_state *s = move_get(m, job);
        enum move_kind kind = s->job.kind;
        if (s->job.owner != q->id ||
            (kind != MOVE_RESTORE && kind != MOVE_PREFETCH && kind != MOVE_SWAP && kind != MOVE_HANDOFF))
            continue;
        int64_t delivered = move_cancel(m, job);
        world_tell_losses(w, s);
        kv_job_lost(w->kv, s, delivered, sim_now(w->sim));
        move_release(m, job);
    }
    sim_assert(q->loads == 0);
}

/* What other replicas than its own keep for it, and its transfers. */
static void leave_others(struct world *w, struct request *q)
{
    int64_t other[] = {q->from, q->to};

    if (q->loads > 0 || kv_sets_out(q))
        cut_transfers(w, q);
    if (w->kv == NULL)
        return;
    kv_unswap(w->kv, q);
    kv_cancel_handoff(w->kv, q);
    for (int i = 0; i < 2; i++)
        if (other[i] >= 0)
            world_wake(w, &w->replicas[other[i]]); /* it has more room */
}

void world_leave(struct world *w, uint32_t slot)
{
    struct request *q = &w->pool.at[slot];
    struct replica *r = &w->replicas[q->replica];

    leave_others(w, q);
    if (q->phase == PHASE_FRONT) {
        sim_cancel(w->sim, q->front_event);
        r->n_front--;
        if (r->down > 0) /* nobody is left there */
            r->front_free_ns = sim_now(w->sim);
        q->phase = PHASE_ARRIVED;
    } else {
        replica_drop(r, r->env, slot);
    }
    world_add_load(w, r, -1, -(q->input_tokens + q->generated));
    world_update_room(w, r);
    q->lost = 0;
}

/* ---- giving up ---- */

static void give_up(struct world *w, uint32_t slot)
{
    struct request *q = &w->pool.at[slot];

    if (q->held > 0) {
        world_unhold(w, slot);
        leave_others(w, q);
        world_end_request(w, slot, REQUEST_TIMED_OUT);
        return;
    }
    struct replica *r = &w->replicas[q->replica];
    world_leave(w, slot);
    world_end_request(w, slot, REQUEST_TIMED_OUT);
    world_wake(w, r); /* the others have more room */
    world_scale_check(w, r);
    world_route_held(w, world_fleet(w, r->id));
}

void world_drop_gone(struct world *w, struct replica *r)
{
    uint32_t slot = r->gone, next;

    r->gone = SLOT_NONE;
    for (; slot != SLOT_NONE; slot = next) {
        next = w->pool.at[slot].next_gone;
        if (w->pool.at[slot].t_gone_ns >= 0) /* else it has ended with the step */
            give_up(w, slot);
    }
}

static void watch(struct world *w, uint32_t slot, int64_t after_ns)
{
    struct request *q = &w->pool.at[slot];

    if (after_ns <= INT64_MAX - q->t_arrive_ns)
        q->timeout_event =
            sim_schedule(w->sim, q->t_arrive_ns + after_ns, CLASS_TIMEOUT, EVENT_TIMEOUT, slot);
}

void world_watch(struct world *w, uint32_t slot)
{
    const struct class_options *c = class_of(w, &w->pool.at[slot]);
    int64_t first = c->timeout_ttft_ns, last = c->timeout_e2el_ns;

    if (first > 0 || last > 0)
        watch(w, slot, first > 0 && (last == 0 || first < last) ? first : last);
}

void world_on_timeout(struct world *w, uint32_t slot)
{
    struct request *q = &w->pool.at[slot];
    int64_t last = class_of(w, q)->timeout_e2el_ns, waited_ns = sim_now(w->sim) - q->t_arrive_ns;

    q->timeout_event = 0;
    if (q->t_first_ns >= 0 && waited_ns != last) { /* the first token came in time */
        if (last > 0)
            watch(w, slot, last);
        return;
    }
    bool runs = q->phase == PHASE_PARTIAL || q->phase == PHASE_DECODING;
    *trace_put_timeout(w->trace) = (struct ev_timeout){
        .request = q->id, .t_ns = sim_now(w->sim), .replica = q->replica, .running = runs};
    q->t_gone_ns = sim_now(w->sim);
    if (!runs || !w->replicas[q->replica].stepping) {
        give_up(w, slot);
        return;
    }
    q->next_gone = w->replicas[q->replica].gone;
    w->replicas[q->replica].gone = slot;
}

/* ---- calling again ---- */

static double backoff_ns(struct world *w, const struct request *q)
{
    const struct class_options *c = class_of(w, q);
    const struct run_options *run = &w->sc->run;
    double ns = (double)c->retry_backoff_ns, most = (double)c->retry_backoff_max_ns;
    struct rng r;

    for (int64_t i = 0; i < q->attempt && ns < most; i++)
        ns *= 2;
    ns = ns < most ? ns : most;
    if (c->retry_jitter <= 0)
        return ns;
    /* Attempts of a call are at most 1 + 1000. */
    rng_init(&r, (uint64_t)run->seed, (uint64_t)run->replication,
             (uint64_t)q->first_request << 10 | (uint64_t)q->attempt, RNG_RETRY);
    ns *= 1 - c->retry_jitter * rng_u01(&r);
    rng_mix_double(&r, ns);
    w->retry_digest = rng_hash(w->retry_digest, r.digest);
    return ns;
}

bool world_calls_again(const struct request *q, enum request_status status)
{
    return status != REQUEST_COMPLETED && q->retries_left > 0;
}

bool world_call_again(struct world *w, struct request *q, struct work_item *item)
{
    int64_t from_ns = q->t_gone_ns >= 0 ? q->t_gone_ns : sim_now(w->sim), now_ns = sim_now(w->sim);
    double after_ns = backoff_ns(w, q) + 0.5;

    if (!(after_ns < (double)(INT64_MAX - from_ns)))
        return false;
    int64_t t_ns = from_ns + (int64_t)after_ns;
    *item = (struct work_item){.t_ns = t_ns > now_ns ? t_ns : now_ns,
                               .class_id = q->class_id,
                               .input_tokens = q->input_tokens,
                               .output_tokens = q->output_tokens,
                               .chain = q->chain,
                               .prompt_blocks = q->prompt_blocks,
                               .known_blocks = q->known_blocks,
                               .of_agent = q->alone_ns > 0,
                               .session = q->session,
                               .turn = q->turn,
                               .session_slot = q->session_slot,
                               .attempt = q->attempt + 1,
                               .first_request = q->first_request,
                               .t_call_ns = q->t_call_ns};
    q->chain = (struct chain){0};
    w->between_attempts++;
    return true;
}
