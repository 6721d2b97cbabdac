#include "model/replica.h"

#include <stdlib.h>

#include "model/kv.h"

void replica_init(struct replica *r, int64_t id, const struct replica_env *env, int64_t block_tokens, int64_t blocks)
{
    *r = (struct replica){.id = id, .env = env, .unseen = SLOT_NONE, .gone = SLOT_NONE, .speed = 1};
    batch_init(&r->batch, env->pool, block_tokens, blocks, &env->knees, env->order, env->reserves);
    r->batch.prompts_only = env->hands_over;
    if (env->attributes) {
        r->attribution = r->batch.attribution = mem_zalloc(1, sizeof *r->attribution);
        *r->attribution = (struct attribution){.pool = env->pool, .which = env->which_pool};
    }
    if (env->speculation == NULL || env->speculation->drafts == 0)
        return;
    r->batch.drafts = env->speculation->drafts;
    r->drafts = mem_zalloc(1, sizeof *r->drafts);
    rng_init(&r->drafts->rng, env->seed, env->replication, (uint64_t)id, RNG_SPECULATION);
}

void replica_free(struct replica *r)
{
    batch_free(&r->batch);
    sched_plan_free(&r->plan);
    free(r->held.at);
    free(r->attribution);
    free(r->drafts);
    free(r->ended);
    free(r->handed);
    free(r->victim);
}

/* ---- what came ---- */

void replica_enqueue(struct replica *r, uint32_t slot)
{
    batch_enqueue(&r->batch, slot);
    r->n_unseen++;
    if (r->unseen == SLOT_NONE)
        r->unseen = slot;
}

/* Whether those unseen, and the decodes, are batch_wait_tokens. */
static bool fill_step(const struct replica *r, const struct replica_env *env)
{
    const struct request *pool = env->pool->at;
    int64_t tokens = r->batch.n_decode;

    for (uint32_t s = r->unseen; s != SLOT_NONE && tokens < env->batch_wait_tokens; s = pool[s].next[LINK_QUEUE])
        tokens += pool[s].input_tokens;
    return tokens >= env->batch_wait_tokens;
}

/* Whether the server looks before its patience ends. */
static bool looks_early(const struct replica *r, const struct replica_env *env)
{
    if (env->balance_timeout > 0)
        return r->n_unseen >= env->ranks;
    if (env->batch_wait_timeout > 0)
        return r->batch.n_decode == 0 || fill_step(r, env);
    return r->now.n_prefill > 0; /* in the step before */
}

/* Before a step is planned. A timeout counts from the step that the first could have joined. */
static void look(struct replica *r, const struct replica_env *env)
{
    bool timeout = env->balance_timeout > 0 || env->batch_wait_timeout > 0;
    int64_t patience = env->balance_timeout > 0      ? env->balance_timeout
                       : env->batch_wait_timeout > 0 ? env->batch_wait_timeout + 1
                                                     : env->receive_interval;

    if (timeout && r->n_unseen == 0)
        r->looked = -1;
    if (++r->looked < patience && r->batch.running.n > 0 && !looks_early(r, env))
        return;
    batch_see(&r->batch, r->unseen);
    r->looked = r->n_unseen = 0;
    r->unseen = SLOT_NONE;
}

/* ---- applying the plan ---- */

int64_t replica_take_back(struct replica *r, const struct replica_env *env, uint32_t slot)
{
    struct request *q = &env->pool->at[slot];

    if (q->phase == PHASE_DECODING) {
        if (q->t_last_ns > r->last_token_ns)
            r->late_ns -= q->t_last_ns - r->last_token_ns;
        else
            q->t_last_ns = r->last_token_ns;
    }
    r->counts.dropped_tokens += batch_computed(&r->batch, q);
    return batch_preempt(&r->batch, slot);
}

void replica_preempt(struct replica *r, const struct replica_env *env, uint32_t slot, bool lost, int64_t now_ns)
{
    struct request *q = &env->pool->at[slot];
    int64_t computed = batch_computed(&r->batch, q);

    if (env->kv && lost)
        kv_let_go(env->kv, q);
    else if (env->kv)
        kv_preempt(env->kv, r, slot, now_ns);
    int64_t blocks = replica_take_back(r, env, slot);
    pool_touch(env->pool, slot);
    r->counts.preemptions++;
    *trace_put_preempt(env->trace) =
        (struct ev_preempt){.request = q->id, .t_ns = now_ns, .replica = r->id, .computed = computed, .blocks = blocks};
}

static void give_first(struct replica *r, const struct replica_env *env, uint32_t slot, int64_t now_ns)
{
    struct request *q = &env->pool->at[slot];

    q->t_first_ns = now_ns;
    if (env->starts) {
        env->starts->all++;
        env->starts->of_class[q->class_id]++;
    }
    pool_touch(env->pool, slot);
    *trace_put_first_token(env->trace) = (struct ev_first_token){.request = q->id, .t_ns = now_ns, .replica = r->id};
}

/* It comes with its KV and its first token, which the client is sent now. */
static void admit_handed(struct replica *r, const struct replica_env *env, uint32_t slot, int64_t now_ns)
{
    struct request *q = &env->pool->at[slot];

    q->handoff_ns = now_ns - q->t_handed_ns;
    if (q->generated < env->stream_interval)
        return;
    give_first(r, env, slot, now_ns);
    q->t_last_ns = now_ns;
}

static void admit(struct replica *r, const struct replica_env *env, const struct sched_chunk *c, int64_t now_ns)
{
    struct request *q = &env->pool->at[c->seq];

    if (env->kv)
        kv_attach(env->kv, r, c->seq, now_ns);
    *trace_put_admit(env->trace) = (struct ev_admit){.request = q->id,
                                                     .t_ns = now_ns,
                                                     .replica = r->id,
                                                     .prompt_left = request_prompt_left(q),
                                                     .n_running = r->batch.running.n};
    if (q->t_admit_ns < 0)
        q->t_admit_ns = now_ns;
    if (q->t_handed_ns >= 0 && q->t_first_ns < 0)
        admit_handed(r, env, c->seq, now_ns);
    batch_admit(&r->batch, c->seq, c->tokens);
    pool_touch(env->pool, c->seq);
}

static void add_chunk(struct cost_step *cost, const struct replica_env *env, uint32_t slot)
{
    const struct request *q = &env->pool->at[slot];

    cost_add_chunk(cost, &env->knees, q->computed, q->chunk, request_prompt_left(q) == q->chunk);
}

/* Who comes with all its KV (handed over, or swapped in) takes part in the step as those do that decode, though the
 * plan has it among the prompts. */
static bool comes_whole(const struct request *q)
{
    return q->generated > 0 && q->chunk == 1 && request_prompt_left(q) == 1;
}

/* Nothing would be computed. */
static bool stands_still(const struct replica *r)
{
    return r->plan.n_chunk + r->plan.n_admit == 0 && r->plan.n_preempt == r->batch.running.n;
}

/* KV is on its way: to those who wait for it, or out of or into the room that others need. */
static bool kv_moves(const struct replica *r)
{
    const struct batch *b = &r->batch;

    return r->n_loading > 0 || b->n_holding > 0 || b->n_handed > 0 || b->reserved > 0 ||
           (b->waiting.n > 0 && kv_is_away(&b->pool->at[b->waiting.head]));
}

/* KV that the waiting have ahead of time goes before anybody is preempted. */
static void make_way(struct replica *r, const struct replica_env *env, int64_t now_ns)
{
    while (env->kv && (r->plan.n_preempt > 0 || stands_still(r))) {
        bool looked = kv_look_away_from_one(env->kv);
        if (!looked && !kv_give_back(env->kv, r))
            return;
        if (!looked && stands_still(r)) /* the head may be swapped out */
            kv_prepare(env->kv, r, batch_next_waiting(&r->batch, batch_first_waiting(&r->batch)), now_ns);
        replica_plan(r, env, now_ns);
    }
}

/* All that run decode, and what they need is free: the only plan. Most steps are such, so nobody is asked. */
static bool nothing_to_decide(const struct replica *r, const struct replica_env *env)
{
    const struct batch *b = &r->batch;
    int64_t needs = batch_growth(b);

    return b->waiting.n == 0 && b->partial.n == 0 &&
           (needs == 0 || needs <= (env->kv ? kv_free_blocks(env->kv, r) : b->total_blocks - b->used));
}

/* Tokens that each decoding sequence is to gain in the step. */
static int64_t gain(struct replica *r, const struct replica_env *env, int64_t now_ns)
{
    int64_t n = r->plan.decodes_pause ? 0 : r->batch.n_decode;

    if (r->drafts == NULL)
        return !r->plan.decodes_pause;
    r->speculation.sequences = n;
    if (n == 0)
        return !r->plan.decodes_pause;
    struct speculation_advance a = speculation_advance(env->speculation, r->drafts, n);
    r->speculation = (struct ev_speculation){.replica = r->id,
                                             .t_ns = now_ns,
                                             .sequences = n,
                                             .drafted = n * env->speculation->drafts,
                                             .accepted = a.accepted};
    return a.tokens;
}

int64_t replica_begin(struct replica *r, const struct replica_env *env, int64_t now_ns)
{
    struct batch *b = &r->batch;
    struct sched_plan *p = &r->plan;

    sim_assert(!r->stepping);
    if (b->running.n == 0 && b->waiting.n == 0)
        return 0;
    if (!env->looks_always || r->n_unseen > 0)
        look(r, env);
    if (env->kv)
        kv_prepare(env->kv, r, r->unseen, now_ns);
    if (nothing_to_decide(r, env)) {
        sched_plan_clear(p);
    } else {
        replica_plan(r, env, now_ns);
        make_way(r, env, now_ns);
        if (stands_still(r) && kv_moves(r)) {
            if (env->kv)
                kv_look_away(env->kv);
            sched_plan_clear(p);
            return 0;
        }
    }
    for (int64_t i = 0; i < p->n_preempt; i++)
        replica_preempt(r, env, p->preempt[i], false, now_ns);
    if (p->n_preempt > 0 && p->n_chunk + p->n_admit == 0 && b->running.n == 0)
        return replica_begin(r, env, now_ns); /* what only they shared with the cache is free now */
    batch_begin(b, gain(r, env, now_ns));

    struct cost_step cost = {0};
    int64_t n_whole = 0;
    if (!p->decodes_pause) {
        cost.n_decode = cost.n_logits = b->n_decode;
        batch_contexts(b, cost.ctx);
    }
    int64_t ctx_tokens = cost.ctx[0];
    for (int64_t i = 0; i < p->n_chunk; i++) {
        batch_chunk(b, p->chunk[i].seq, p->chunk[i].tokens);
        add_chunk(&cost, env, p->chunk[i].seq);
    }
    for (int64_t i = 0; i < p->n_admit; i++) {
        admit(r, env, &p->admit[i], now_ns);
        const struct request *q = &env->pool->at[p->admit[i].seq];
        if (comes_whole(q)) {
            cost_add_decode(&cost, &env->knees, q->computed);
            n_whole++;
        } else {
            add_chunk(&cost, env, p->admit[i].seq);
        }
    }
    cost.rank_tokens = p->rank_tokens < cost.prefill_tokens ? p->rank_tokens : cost.prefill_tokens;
    if (env->kv) {
        kv_look_away(env->kv);
        kv_make_room(env->kv, r, now_ns);
    }
    sim_assert((cost.n_decode - n_whole) * (1 + env->limits->drafts) + n_whole + cost.prefill_tokens <=
               env->limits->max_num_batched_tokens);
    sim_assert(b->running.n <= env->limits->max_num_seqs);
    sim_assert(cost.n_decode + cost.n_prefill > 0); /* a request that fits alone can always go on */

    r->now = (struct ev_step){
        .replica = r->id,
        .t_start_ns = now_ns,
        .n_decode = cost.n_decode - n_whole,
        .n_prefill = cost.n_prefill + n_whole,
        .prefill_tokens = cost.prefill_tokens + n_whole,
        .ctx_tokens = ctx_tokens,
        .tokens_out = cost.n_logits,
        .kv_blocks = env->kv ? kv_used_blocks(env->kv, r) : b->used,
        .n_running = b->running.n,
        .n_waiting = b->waiting.n,
    };
    r->stepping = true;
    r->loads_from_ns = -1;
    r->counts.steps_started++;
    if (env->keeps_cost)
        r->cost = cost;
    return env->cost->step_ns(env->cost_state, &cost);
}

static bool arrives(const struct replica_env *env, const struct sched_chunk *c, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        if (env->pool->at[c[i].seq].loads > 0)
            return true;
    return false;
}

bool replica_waits(const struct replica *r, const struct replica_env *env)
{
    return r->gates > 0 || arrives(env, r->plan.chunk, r->plan.n_chunk) || arrives(env, r->plan.admit, r->plan.n_admit);
}

/* ---- the end of a step ---- */

static void add_slot(uint32_t **at, int64_t *n, int64_t *cap, uint32_t slot)
{
    if (*n == *cap) {
        *cap = *cap ? *cap * 2 : 16;
        *at = mem_realloc(*at, (size_t)*cap * sizeof **at);
    }
    (*at)[(*n)++] = slot;
}

static void mark_ended(struct replica *r, uint32_t slot)
{
    add_slot(&r->ended, &r->n_ended, &r->cap_ended, slot);
}

/* The client sees its tokens once there are stream_interval of them: in so many decode steps. */
static void hold_first(struct replica *r, const struct replica_env *env, uint32_t slot)
{
    const struct request *q = &env->pool->at[slot];
    struct held_first h = {slot, q->id, r->batch.step + (uint64_t)(env->stream_interval - q->generated)};

    if (r->held.n == r->held.cap) { /* unroll the ring into twice the room */
        int64_t cap = r->held.cap ? 2 * r->held.cap : 16;
        struct held_first *at = mem_zalloc((size_t)cap, sizeof *at);
        for (int64_t i = 0; i < r->held.n; i++)
            at[i] = r->held.at[(r->held.head + i) % r->held.cap];
        free(r->held.at);
        r->held = (struct held_ring){.at = at, .n = r->held.n, .cap = cap};
    }
    r->held.at[(r->held.head + r->held.n++) % r->held.cap] = h;
}

/* Those whose time has come, unless they ended or were preempted meanwhile (then they are held again when they go on).
 */
static void release_firsts(struct replica *r, const struct replica_env *env, int64_t now_ns)
{
    while (r->held.n > 0 && r->held.at[r->held.head].due <= r->batch.step) {
        struct held_first h = r->held.at[r->held.head];
        const struct request *q = &env->pool->at[h.slot];
        r->held.head = (r->held.head + 1) % r->held.cap;
        r->held.n--;
        if (q->id == h.request && q->replica == r->id && q->phase == PHASE_DECODING && q->t_first_ns < 0 &&
            batch_generated(&r->batch, q) >= env->stream_interval)
            give_first(r, env, h.slot, now_ns);
    }
}

/* Of the step that ends: whose its time is, and who has KV in HBM meanwhile. */
static void attribute(struct replica *r, const struct replica_env *env)
{
    const struct ev_step *s = &r->now;
    const struct batch *b = &r->batch;
    int64_t took_ns = s->t_end_ns - s->t_start_ns, all = b->used + b->cached;
    int64_t loads_ns = r->loads_from_ns >= 0 ? s->t_end_ns - r->loads_from_ns : 0;
    struct step_cut cut = attribute_cut(env->cost, env->cost_state, &r->cost, took_ns, loads_ns);
    int64_t decode_blocks = batch_blocks_of(b, r->cost.ctx[0]);

    attribute_step(r->attribution, &cut, &r->cost, s->n_decode, b->step);
    decode_blocks = decode_blocks < s->kv_blocks ? decode_blocks : s->kv_blocks;
    *trace_put_step_share(env->trace) = (struct ev_step_share){
        .replica = r->id,
        .t_start_ns = s->t_start_ns,
        .prefill_ns = cut.prefill_ns,
        .decode_ns = cut.decode_ns,
        .context_ns = cut.context_ns,
        .prefill_blocks = s->kv_blocks - decode_blocks,
        .decode_blocks = decode_blocks,
        .cached_blocks = all > s->kv_blocks ? all - s->kv_blocks : 0,
        .prefill_token_us = (int64_t)((__int128)r->cost.prefill_kv * took_ns / 1000),
        .decode_token_us = (int64_t)((__int128)r->cost.ctx[0] * took_ns / 1000),
    };
}

static void attribute_one(struct replica *r, const struct request *q, uint32_t slot, bool admitted)
{
    if (admitted && comes_whole(q))
        attribute_whole(r->attribution, slot, q->computed);
    else
        attribute_chunk(r->attribution, slot, q->computed, q->chunk);
}

static void end_chunk(struct replica *r, const struct replica_env *env, const struct sched_chunk *c, bool admitted,
                      int64_t now_ns)
{
    struct request *q = &env->pool->at[c->seq];
    bool ended;

    *trace_put_prefill(env->trace) = (struct ev_prefill){.request = q->id,
                                                         .t_start_ns = r->now.t_start_ns,
                                                         .t_end_ns = now_ns,
                                                         .replica = r->id,
                                                         .tokens = c->tokens,
                                                         .computed = q->computed};
    if (r->attribution)
        attribute_one(r, q, c->seq, admitted);
    if (q->lost > 0) {
        batch_lose_chunk(&r->batch, c->seq);
        return;
    }
    if (!batch_chunk_done(&r->batch, c->seq, &ended))
        return;
    if (env->hands_over && !ended && q->t_gone_ns < 0) { /* its first token goes the same way */
        q->t_last_ns = now_ns;
        kv_prompt_done(env->kv, r, c->seq, now_ns);
        add_slot(&r->handed, &r->n_handed, &r->cap_handed, c->seq);
        return;
    }
    if (q->generated > 1) /* it was preempted while it decoded, or comes with its first token */
        *trace_put_resume(env->trace) =
            (struct ev_resume){.request = q->id, .t_ns = now_ns, .replica = r->id, .gap_ns = now_ns - q->t_last_ns};
    if (q->t_first_ns < 0) {
        if (ended || q->generated >= env->stream_interval)
            give_first(r, env, c->seq, now_ns);
        else
            hold_first(r, env, c->seq);
    }
    q->t_last_ns = now_ns;
    if (env->kv && !ended)
        kv_prompt_done(env->kv, r, c->seq, now_ns);
    if (ended)
        mark_ended(r, c->seq);
    else
        r->late_ns += now_ns - r->last_token_ns;
}

/* From the last to the first, so that they keep their order at the queue's head. */
static void preempt_lost(struct replica *r, const struct replica_env *env, const struct sched_chunk *c, int64_t n,
                         int64_t now_ns)
{
    while (n-- > 0)
        if (env->pool->at[c[n].seq].lost > 0)
            replica_preempt(r, env, c[n].seq, true, now_ns);
}

/* The mean time since the previous tokens of the decoding sequences. */
static int64_t gap_ns(const struct replica *r, int64_t now_ns)
{
    int64_t longest = now_ns - r->last_token_ns;

    return r->late_ns == 0 ? longest : longest - (int64_t)(r->late_ns / r->now.n_decode);
}

/* The decodes' tokens, one of each sequence at a time. */
static void end_decodes(struct replica *r, const struct replica_env *env, int64_t now_ns)
{
    struct batch *b = &r->batch;
    int64_t tokens = 0;
    uint32_t slot;

    while (b->gain > 0) {
        tokens += b->n_decode;
        batch_end(b);
        release_firsts(r, env, now_ns);
        while ((slot = batch_next_completed(b)) != SLOT_NONE) {
            if (env->pool->at[slot].t_first_ns < 0)
                give_first(r, env, slot, now_ns);
            mark_ended(r, slot);
        }
    }
    r->now.tokens_out += tokens - r->now.n_decode;
    r->counts.decode_tokens += tokens;
    if (r->drafts == NULL || r->speculation.sequences == 0)
        return;
    r->speculation.tokens = tokens;
    if (env->cost->draft_ns)
        r->speculation.draft_ns = env->cost->draft_ns(env->cost_state, &r->cost);
    *trace_put_speculation(env->trace) = r->speculation;
}

void replica_end(struct replica *r, const struct replica_env *env, int64_t now_ns)
{
    sim_assert(r->stepping);
    r->stepping = false;
    r->n_ended = r->n_handed = 0;
    r->now.t_end_ns = now_ns;
    r->now.gap_ns = r->now.n_decode ? gap_ns(r, now_ns) : 0;
    if (r->attribution)
        attribute(r, env);
    end_decodes(r, env, now_ns);
    *trace_put_step(env->trace) = r->now;
    r->counts.steps_ended++;
    r->counts.tokens_out += r->now.tokens_out;
    r->counts.prefill_tokens += r->now.prefill_tokens;
    if (!r->plan.decodes_pause) {
        r->last_token_ns = now_ns;
        r->late_ns = 0;
    }
    for (int64_t i = 0; i < r->plan.n_chunk; i++)
        end_chunk(r, env, &r->plan.chunk[i], false, now_ns);
    for (int64_t i = 0; i < r->plan.n_admit; i++)
        end_chunk(r, env, &r->plan.admit[i], true, now_ns);
    preempt_lost(r, env, r->plan.admit, r->plan.n_admit, now_ns);
    preempt_lost(r, env, r->plan.chunk, r->plan.n_chunk, now_ns);
}
