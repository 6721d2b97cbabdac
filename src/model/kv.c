#include "config.h"

#include "model/kv.h"

#include <stdlib.h>

#include "base/bug.h"
#include "model/kv_state.h"

/* ---- what lies where ---- */

int64_t kv_bytes(const struct kv *kv, int64_t tokens)
{
    return (int64_t)((double)tokens * kv->token_bytes + 0.5);
}

static bool unlimited(const struct kv *kv)
{
    return kv->sc->memory.cache.unlimited;
}

static void count_cached(struct kv *kv, struct replica *r)
{
    r->batch.cached = unlimited(kv) ? 0 : prefix_blocks(kv->prefix, kv->hbm[r->id]) * kv->ratio;
}

/* Of so many blocks that were found: whole KV blocks, and at least one token is left to compute. */
int64_t kv_usable(const struct kv *kv, const struct request *q, int64_t blocks)
{
    int64_t tokens = blocks * kv->block_tokens, most = q->input_tokens + q->generated - 1;
    int64_t kv_block = kv->sc->layout.replica.kv_block_tokens;

    tokens = tokens < most ? tokens : most;
    if (kv->checkpoint > 0)
        tokens = tokens / kv->checkpoint * kv->checkpoint;
    return tokens / kv_block * kv_block;
}

static bool shares(const struct kv *kv, const struct request *q)
{
    return kv->sc->memory.cache.prefix && q->chain.n_runs > 0;
}

static int64_t match_hbm(const struct kv *kv, const struct replica *r, const struct request *q)
{
    int64_t hit[1];

    return shares(kv, q) ? prefix_match(kv->prefix, q->chain, q->prompt_blocks, &kv->hbm[r->id], 1, hit) : 0;
}

/* hit[0]: HBM; hit[1 + t]: tier t. */
static int64_t match_all(const struct kv *kv, const struct replica *r, const struct request *q, int64_t *hit)
{
    int32_t stores[1 + MEMORY_TIERS];

    stores[0] = kv->hbm[r->id];
    for (int t = 0; t < kv->n_tiers; t++)
        stores[1 + t] =
            memory_reaches(kv->memory, r->id, t) ? kv->store[t][memory_unit(kv->memory, t, r->id)] : kv->nowhere;
    for (int i = 0; i <= kv->n_tiers; i++)
        hit[i] = 0;
    return shares(kv, q) ? prefix_match(kv->prefix, q->chain, q->prompt_blocks, stores, 1 + kv->n_tiers, hit) : 0;
}

int64_t kv_used_blocks(const struct kv *kv, const struct replica *r)
{
    return r->batch.total_blocks - kv_free_blocks(kv, r);
}

int64_t kv_free_blocks(const struct kv *kv, const struct replica *r)
{
    int64_t free = r->batch.total_blocks - r->batch.used;

    return unlimited(kv) ? free : free - prefix_pinned_blocks(kv->prefix, kv->hbm[r->id]) * kv->ratio;
}

/* KV blocks of the first `blocks` of its chain that lie in HBM and that nobody pins: they count as free, so whoever
 * pins them pays for them. */
static int64_t unpinned(const struct kv *kv, const struct replica *r, const struct request *q, int64_t blocks)
{
    if (unlimited(kv) || blocks == 0)
        return 0;
    return (blocks - prefix_pinned_prefix(kv->prefix, q->chain, blocks, kv->hbm[r->id])) * kv->ratio;
}

/* ---- look-up ---- */

/* The first look-up is the one that is told. reused: tokens that will not be computed. */
static void tell_hits(struct kv *kv, struct replica *r, struct request *q, const int64_t *hit, int64_t reused,
                      int64_t now_ns)
{
    int64_t before = 0;

    if (q->t_look_ns >= 0)
        return;
    q->t_look_ns = now_ns;
    q->hit_blocks = 0;
    q->hit_tokens = reused;
    for (int i = 0; i <= kv->n_tiers; i++) {
        q->hit_blocks += hit[i];
        int64_t end = q->hit_blocks * kv->block_tokens, tokens;
        end = end < q->input_tokens ? end : q->input_tokens;
        tokens = end - before;
        int64_t restored = reused - before < 0 ? 0 : reused - before;
        if (hit[i] > 0)
            *trace_put_hit(kv->env->trace) = (struct ev_hit){.request = q->id,
                                                             .t_ns = now_ns,
                                                             .replica = r->id,
                                                             .tier = i,
                                                             .blocks = hit[i],
                                                             .tokens = tokens,
                                                             .bytes = kv_bytes(kv, tokens),
                                                             .restored = restored < tokens ? restored : tokens};
        before = end;
    }
    pool_touch(kv->env->pool, (uint32_t)(q - kv->env->pool->at));
}

void kv_peek(const struct kv *kv, const struct replica *r, const struct request *q, int64_t *tokens, int64_t *blocks)
{
    if (q->computed > 0) { /* it has its KV */
        *tokens = q->computed;
        *blocks = batch_held(&r->batch, q) + q->shared;
        return;
    }
    int64_t hit = match_hbm(kv, r, q);
    *tokens = kv_usable(kv, q, hit);
    *blocks = *tokens / kv->sc->layout.replica.kv_block_tokens - unpinned(kv, r, q, hit);
}

static void pin(struct kv *kv, struct replica *r, struct request *q, int64_t blocks, int64_t now_ns)
{
    sim_assert(q->pin < 0);
    q->pin = prefix_pin(kv->prefix, q->chain, blocks, kv->hbm[r->id]);
    prefix_use(kv->prefix, q->chain, blocks, kv->hbm[r->id], now_ns);
}

static void unpin(struct kv *kv, struct request *q)
{
    if (q->pin >= 0)
        prefix_unpin(kv->prefix, q->pin);
    q->pin = -1;
}

/* Gives it the first `blocks` of its chain, of which HBM's cache has `here`. */
static void give(struct kv *kv, struct replica *r, uint32_t slot, int64_t here, int64_t blocks, int64_t now_ns)
{
    struct request *q = &kv->env->pool->at[slot];
    int64_t tokens = kv_usable(kv, q, blocks), kv_block = kv->sc->layout.replica.kv_block_tokens;
    int64_t shared = kv_usable(kv, q, here) / kv_block;

    if (tokens <= 0)
        return;
    if (here > 0)
        pin(kv, r, q, here, now_ns);
    batch_give_kv(&r->batch, slot, tokens, shared);
    r->counts.cached_tokens += tokens;
    count_cached(kv, r);
}

void kv_attach(struct kv *kv, struct replica *r, uint32_t slot, int64_t now_ns)
{
    struct request *q = &kv->env->pool->at[slot];
    int64_t hit[1 + MEMORY_TIERS];

    if (q->computed > 0)
        return;
    match_all(kv, r, q, hit);
    give(kv, r, slot, hit[0], hit[0], now_ns);
    tell_hits(kv, r, q, hit, q->computed, now_ns);
}

/* ---- restores ---- */

bool kv_loads(const struct kv *kv, const struct request *q)
{
    return q->loads > 0 && (q->swapped > 0 || !kv->sc->memory.cache.overlap);
}

bool kv_is_out(const struct request *q)
{
    return q->swapped > 0 && q->computed == 0;
}

/* True: the queue may be looked at further. kind: MOVE_RESTORE, or MOVE_PREFETCH where it does not stand at the head.
 */
static bool consider(struct kv *kv, struct replica *r, uint32_t slot, enum move_kind kind, int64_t now_ns)
{
    struct request *q = &kv->env->pool->at[slot];
    int64_t hit[1 + MEMORY_TIERS], found, kv_block = kv->sc->layout.replica.kv_block_tokens;

    if (q->considered || q->computed > 0)
        return true;
    if (q->swapped > 0) {
        if (q->loads > 0 || (q->swapped + kv_block - 1) / kv_block > kv_free_blocks(kv, r))
            return false; /* on its way out, or no room yet */
        q->considered = true;
        kv_swap_in(kv, r, slot, now_ns);
        r->n_loading++;
        return true;
    }
    found = match_all(kv, r, q, hit);
    int64_t from = kv_usable(kv, q, hit[0]), to = kv_usable(kv, q, found);
    if (to <= from || !kv_restore_pays(kv, r, q, hit, from, to)) {
        q->considered = kind == MOVE_RESTORE; /* on arrival it is early days */
        return true;
    }
    if (to / kv_block - from / kv_block + unpinned(kv, r, q, hit[0]) > kv_free_blocks(kv, r))
        return false;
    q->considered = true;
    give(kv, r, slot, hit[0], found, now_ns);
    tell_hits(kv, r, q, hit, q->computed, now_ns);
    kv_restore(kv, r, slot, hit, kind, now_ns);
    r->n_loading += kv_loads(kv, q);
    return true;
}

void kv_arrived(struct kv *kv, struct replica *r, uint32_t slot, int64_t now_ns)
{
    int when = kv->sc->memory.cache.prefetch;

    if (kv->n_tiers == 0 || when == PREFETCH_NONE)
        return;
    if (when == PREFETCH_ARRIVAL || kv->env->pool->at[slot].turn > 0)
        consider(kv, r, slot, MOVE_PREFETCH, now_ns);
    kv_make_room(kv, r, now_ns);
}

/* Those who run go first, and so does the queue's head: the last of the others that has its KV gives it back. What the
 * cache has of it stays there until it is evicted. It is not restored twice: else two might wait for each other. */
bool kv_give_back(struct kv *kv, struct replica *r)
{
    struct batch *b = &r->batch;

    for (uint32_t s = b->waiting.tail; b->n_holding > 0 && s != SLOT_NONE; s = b->pool->at[s].prev[LINK_QUEUE]) {
        struct request *q = &b->pool->at[s];
        if (q->computed == 0 || q->loads > 0 || (s == b->waiting.head && b->running.n == 0))
            continue;
        r->counts.dropped_tokens += q->computed;
        batch_drop_kv(b, s);
        unpin(kv, q);
        return true;
    }
    return false;
}

void kv_prepare(struct kv *kv, struct replica *r, uint32_t limit, int64_t now_ns)
{
    const struct scheduler_limits *l = kv->env->limits;
    int64_t slots = l->max_num_seqs - r->batch.running.n, tokens = l->max_num_batched_tokens;
    uint32_t next;

    if (kv->n_tiers == 0)
        return;
    for (uint32_t s = r->batch.waiting.head; s != limit && s != SLOT_NONE && slots > 0 && tokens > 0;
         s = next, slots--) {
        next = kv->env->pool->at[s].next[LINK_QUEUE];
        if (!consider(kv, r, s, MOVE_RESTORE, now_ns))
            break;
        tokens -= request_prompt_left(&kv->env->pool->at[s]);
    }
    kv_make_room(kv, r, now_ns);
}

/* ---- room ---- */

/* Blocks of the cache that must go; *may: those beyond the scenario's bound, which the pinned may exceed. */
static int64_t too_many(const struct kv *kv, const struct replica *r, int64_t *may)
{
    const struct batch *b = &r->batch;
    int64_t bound = kv->sc->memory.cache.blocks, over = b->used + b->cached - b->total_blocks;

    *may = bound > 0 ? prefix_blocks(kv->prefix, kv->hbm[r->id]) - bound : 0;
    return over > 0 ? (over + kv->ratio - 1) / kv->ratio : 0;
}

void kv_make_room(struct kv *kv, struct replica *r, int64_t now_ns)
{
    int64_t least = kv->sc->memory.cache.evict_tokens / kv->block_tokens, must, may;

    count_cached(kv, r);
    while ((must = too_many(kv, r, &may)) > 0 || may > 0) {
        struct prefix_victim v;
        int64_t blocks = must > may ? must : may;
        bool got = prefix_evict(kv->prefix, kv->hbm[r->id], blocks > least ? blocks : least, &v);
        sim_assert(got || must == 0); /* plans keep to kv_free_blocks */
        if (!got)
            return;
        kv_pass_down(kv, r->id, -1, r->id, &v, now_ns);
        count_cached(kv, r);
    }
}

void kv_resize(struct kv *kv, const struct replica *r)
{
    if (!unlimited(kv))
        prefix_resize(kv->prefix, kv->hbm[r->id], r->batch.total_blocks / kv->ratio);
}

/* ---- computed, preempted, ended ---- */

/* Blocks of the prompt that so many tokens fill. */
static int64_t whole_blocks(const struct kv *kv, const struct request *q, int64_t tokens)
{
    int64_t blocks = tokens / kv->block_tokens;

    return blocks < q->prompt_blocks ? blocks : q->prompt_blocks;
}

/* Blocks [.., to) of its chain are the cache's from now on. Gives the first that was not before. */
static int64_t share(struct kv *kv, struct replica *r, uint32_t slot, int64_t to, int64_t now_ns)
{
    struct request *q = &kv->env->pool->at[slot];
    int64_t from = q->shared / kv->ratio;

    if (to <= from)
        return to;
    prefix_put(kv->prefix, q->chain, from, to, kv->hbm[r->id], now_ns);
    unpin(kv, q);
    q->pin = prefix_pin(kv->prefix, q->chain, to, kv->hbm[r->id]);
    batch_share(&r->batch, slot, to * kv->ratio);
    count_cached(kv, r);
    return from;
}

void kv_restored(struct kv *kv, struct replica *r, uint32_t slot, int64_t now_ns)
{
    share(kv, r, slot, whole_blocks(kv, &kv->env->pool->at[slot], kv->env->pool->at[slot].computed), now_ns);
}

/* The last block of the prompt, where it is not whole: a copy, if there is room. */
static void copy_partial(struct kv *kv, struct replica *r, struct request *q, int64_t whole, int64_t now_ns)
{
    if (q->prompt_blocks <= whole || (!unlimited(kv) && kv_free_blocks(kv, r) < kv->ratio))
        return;
    prefix_put(kv->prefix, q->chain, whole, whole + 1, kv->hbm[r->id], now_ns);
    kv_make_room(kv, r, now_ns);
    kv_write(kv, r, q, whole, whole + 1, TIER_WRITE_THROUGH, now_ns);
}

void kv_prompt_done(struct kv *kv, struct replica *r, uint32_t slot, int64_t now_ns)
{
    struct request *q = &kv->env->pool->at[slot];
    int64_t whole = whole_blocks(kv, q, q->input_tokens);

    if (!shares(kv, q))
        return;
    kv_write(kv, r, q, share(kv, r, slot, whole, now_ns), whole, TIER_WRITE_THROUGH, now_ns);
    if (q->prompt_blocks > whole)
        copy_partial(kv, r, q, whole, now_ns);
}

void kv_preempt(struct kv *kv, struct replica *r, uint32_t slot, int64_t now_ns)
{
    struct request *q = &kv->env->pool->at[slot];

    q->considered = false;
    if (kv->sc->memory.cache.preempt == PREEMPT_SWAP && kv->n_tiers > 0)
        r->n_loading += kv_swap_out(kv, r, slot, now_ns);
    if (q->swapped == 0 && kv->sc->memory.experts.adapt_ns > 0)
        r->counts.kv_wait_ns += kv_compute_ns(kv, q, 0) - kv_compute_ns(kv, q, batch_computed(&r->batch, q));
    unpin(kv, q);
}

void kv_ended(struct kv *kv, struct replica *r, uint32_t slot, int64_t now_ns)
{
    struct request *q = &kv->env->pool->at[slot];
    int64_t blocks = chain_blocks(q->chain), computed = q->computed / kv->block_tokens;
    int64_t written = q->output_tokens > 1 ? q->input_tokens / kv->block_tokens : 0; /* by kv_prompt_done */

    if (!shares(kv, q))
        return;
    blocks = blocks < computed ? blocks : computed;
    blocks = blocks > q->prompt_blocks ? blocks : q->prompt_blocks;
    prefix_put(kv->prefix, q->chain, 0, blocks, kv->hbm[r->id], now_ns);
    unpin(kv, q);
    kv_make_room(kv, r, now_ns);
    kv_write(kv, r, q, written, blocks, TIER_WRITE_THROUGH, now_ns);
    kv_write(kv, r, q, 0, blocks, TIER_WRITE_COMPLETION, now_ns);
}

/* ---- faults ---- */

void kv_let_go(struct kv *kv, struct request *q)
{
    unpin(kv, q);
    q->considered = false;
}

int64_t kv_lose_hbm(struct kv *kv, struct replica *r)
{
    int64_t lost = prefix_drop_store(kv->prefix, kv->hbm[r->id]);

    count_cached(kv, r);
    return lost;
}

/* ---- life ---- */

/* Of a block at that depth, in a step that computes as many tokens there as its budget allows. */
static double recompute_s(void *ctx, int64_t depth)
{
    const struct kv *kv = ctx;
    const struct replica_env *env = kv->env;
    int64_t budget = env->limits->max_num_batched_tokens;
    struct cost_step step = {0};

    cost_add_chunk(&step, &env->knees, depth * kv->block_tokens, budget, false);
    return (double)env->cost->step_ns(env->cost_state, &step) * 1e-9 * (double)kv->block_tokens / (double)budget;
}

static int64_t next_use(void *ctx, int64_t block)
{
    const struct kv *kv = ctx;

    return kv->next_use(kv->next_use_ctx, block);
}

struct kv *kv_new(const struct scenario *sc, struct memory *memory, const struct replica_env *env,
                  struct replica *replicas, int64_t block_tokens)
{
    const struct cache_options *c = &sc->memory.cache;
    int64_t kv_block = sc->layout.replica.kv_block_tokens;

    struct kv *kv = mem_zalloc(1, sizeof *kv);
    *kv = (struct kv){.sc = sc, .env = env, .memory = memory, .replicas = replicas, .free_cargo = -1};
    kv->block_tokens = block_tokens > 0 ? block_tokens : kv_block;
    kv->ratio = kv->block_tokens / kv_block;
    sim_assert(kv->block_tokens % kv_block == 0); /* scenario/check.c */
    cost_kv_bytes(&sc->layout, &kv->token_bytes, &kv->state_bytes);
    kv->checkpoint = kv->state_bytes > 0 ? c->checkpoint_tokens : 0;
    kv->kept_bytes = kv->token_bytes + (kv->checkpoint > 0 ? kv->state_bytes / (double)kv->checkpoint : 0);
    kv->prefix = prefix_new(kv_bytes(kv, kv->block_tokens), c->evict.ops->oracle ? 1 : 0);
    prefix_set_oracles(kv->prefix,
                       &(struct prefix_oracles){.ctx = kv, .recompute_s = recompute_s, .next_use = next_use});
    kv->hbm = mem_zalloc((size_t)sc->layout.replica.count, sizeof *kv->hbm);
    for (int64_t i = 0; i < sc->layout.replica.count; i++) {
        int64_t room = c->unlimited ? INT64_MAX : replicas[i].batch.total_blocks / kv->ratio;
        kv->hbm[i] = prefix_store(kv->prefix, room, c->evict.ops, c->evict.options);
    }
    kv->nowhere = sc->n_faults > 0 ? prefix_store(kv->prefix, 0, c->evict.ops, c->evict.options) : -1;
    kv_tiers_init(kv);
    return kv;
}

void kv_free(struct kv *kv)
{
    if (kv == NULL)
        return;
    kv_tiers_free(kv);
    prefix_free(kv->prefix);
    free(kv->hbm);
    free(kv);
}

/* ---- what is there ---- */

void kv_set_oracle(struct kv *kv, int64_t (*oracle)(void *ctx, int64_t block), void *ctx)
{
    kv->next_use = oracle;
    kv->next_use_ctx = ctx;
}

void kv_sample(const struct kv *kv, int64_t now_ns)
{
    int64_t kv_block = kv->sc->layout.replica.kv_block_tokens;
    struct cost_memory m = cost_memory(&kv->sc->layout);

    for (int64_t i = 0; i < kv->sc->layout.replica.count; i++) {
        const struct batch *b = &kv->replicas[i].batch;
        *trace_put_room_sample(kv->env->trace) =
            (struct ev_room_sample){.t_ns = now_ns,
                                    .tier = 0,
                                    .unit = i,
                                    .capacity_bytes = kv_bytes(kv, b->total_blocks * kv_block),
                                    .weights_bytes = (int64_t)m.weight_bytes * layout_gpus(&kv->sc->layout),
                                    .running_bytes = kv_bytes(kv, b->used * kv_block),
                                    .cached_bytes = kv_bytes(kv, b->cached * kv_block)};
    }
    kv_sample_tiers(kv, now_ns);
}

void kv_check(const struct kv *kv)
{
    prefix_check(kv->prefix);
    kv_check_tiers(kv);
    for (int64_t i = 0; i < kv->sc->layout.replica.count; i++) {
        const struct batch *b = &kv->replicas[i].batch;
        sim_assert(unlimited(kv) || b->cached == prefix_blocks(kv->prefix, kv->hbm[i]) * kv->ratio);
        sim_assert(b->used + b->cached <= b->total_blocks);
    }
}
