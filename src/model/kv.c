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
        stores[1 + t] = kv->store[t][memory_unit(kv->memory, t, r->id)];
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

/* True: the queue may be looked at further. kind: MOVE_RESTORE, or MOVE_PREFETCH where it does not stand at the head.
 */
static bool consider(struct kv *kv, struct replica *r, uint32_t slot, enum move_kind kind, int64_t now_ns)
{
    struct request *q = &kv->env->pool->at[slot];
    int64_t hit[1 + MEMORY_TIERS], found, kv_block = kv->sc->layout.replica.kv_block_tokens;

    if (q->considered || q->computed > 0)
        return true;
    if (q->swapped > 0) {
        if ((q->swapped + kv_block - 1) / kv_block > kv_free_blocks(kv, r))
            return false;
        q->considered = true;
        kv_swap_in(kv, r, slot, now_ns);
        r->n_loading++;
        return true;
    }
    found = match_all(kv, r, q, hit);
    int64_t from = kv_usable(kv, q, hit[0]), to = kv_usable(kv, q, found);
    if (to <= from || !kv_restore_pays(kv, r, q, hit, from, to)) {
        q->considered = true;
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

/* With nothing running, those behind the head give back what they hold: it must not wait for them. */
static void give_back(struct kv *kv, struct replica *r)
{
    struct batch *b = &r->batch;

    if (b->running.n > 0 || b->waiting.head == SLOT_NONE || r->n_loading > 0)
        return;
    for (uint32_t s = b->pool->at[b->waiting.head].next[LINK_QUEUE]; s != SLOT_NONE;
         s = b->pool->at[s].next[LINK_QUEUE]) {
        struct request *q = &b->pool->at[s];
        if (q->computed == 0 || q->loads > 0)
            continue;
        r->counts.dropped_tokens += q->computed;
        batch_drop_kv(b, s);
        unpin(kv, q);
        q->swapped = 0;
        q->considered = false;
    }
}

void kv_prepare(struct kv *kv, struct replica *r, uint32_t limit, int64_t now_ns)
{
    const struct scheduler_limits *l = kv->env->limits;
    int64_t slots = l->max_num_seqs - r->batch.running.n, tokens = l->max_num_batched_tokens;
    uint32_t next;

    give_back(kv, r);
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

void kv_make_room(struct kv *kv, struct replica *r, int64_t now_ns)
{
    struct batch *b = &r->batch;

    count_cached(kv, r);
    while (b->used + b->cached > b->total_blocks) {
        struct prefix_victim v;
        int64_t over = b->used + b->cached - b->total_blocks, blocks = (over + kv->ratio - 1) / kv->ratio;
        int64_t least = kv->sc->memory.cache.evict_tokens / kv->block_tokens;
        blocks = blocks > least ? blocks : least;
        bool got = prefix_evict(kv->prefix, kv->hbm[r->id], blocks, &v);
        sim_assert(got); /* plans keep to kv_free_blocks */
        kv_pass_down(kv, r->id, -1, r->id, &v, now_ns);
        count_cached(kv, r);
    }
}

/* ---- computed, preempted, ended ---- */

/* Blocks [.., to) of its chain are the cache's from now on. */
static void share(struct kv *kv, struct replica *r, uint32_t slot, int64_t to, int64_t now_ns)
{
    struct request *q = &kv->env->pool->at[slot];
    int64_t from = q->shared / kv->ratio;

    if (to <= from)
        return;
    prefix_put(kv->prefix, q->chain, from, to, kv->hbm[r->id], now_ns);
    unpin(kv, q);
    q->pin = prefix_pin(kv->prefix, q->chain, to, kv->hbm[r->id]);
    batch_share(&r->batch, slot, to * kv->ratio);
    count_cached(kv, r);
    kv_write(kv, r, q, from, to, TIER_WRITE_THROUGH, now_ns);
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
    int64_t whole = q->input_tokens / kv->block_tokens;

    if (!shares(kv, q))
        return;
    whole = whole < q->prompt_blocks ? whole : q->prompt_blocks;
    share(kv, r, slot, whole, now_ns);
    if (q->prompt_blocks > whole)
        copy_partial(kv, r, q, whole, now_ns);
}

void kv_preempt(struct kv *kv, struct replica *r, uint32_t slot, int64_t now_ns)
{
    struct request *q = &kv->env->pool->at[slot];

    q->considered = false;
    if (kv->sc->memory.cache.preempt == PREEMPT_SWAP && kv->n_tiers > 0)
        kv_swap_out(kv, r, slot, now_ns);
    unpin(kv, q);
}

void kv_ended(struct kv *kv, struct replica *r, uint32_t slot, int64_t now_ns)
{
    struct request *q = &kv->env->pool->at[slot];
    int64_t blocks = chain_blocks(q->chain), computed = q->computed / kv->block_tokens;

    if (!shares(kv, q))
        return;
    blocks = blocks < computed ? blocks : computed;
    blocks = blocks > q->prompt_blocks ? blocks : q->prompt_blocks;
    prefix_put(kv->prefix, q->chain, 0, blocks, kv->hbm[r->id], now_ns);
    kv_make_room(kv, r, now_ns);
    kv_write(kv, r, q, q->input_tokens / kv->block_tokens, blocks, TIER_WRITE_THROUGH, now_ns);
    kv_write(kv, r, q, 0, blocks, TIER_WRITE_COMPLETION, now_ns);
    unpin(kv, q);
}

/* ---- life ---- */

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
    kv->prefix = prefix_new(kv_bytes(kv, kv->block_tokens), c->evict.ops->oracle ? 1 : 0);
    kv->hbm = mem_zalloc((size_t)sc->layout.replica.count, sizeof *kv->hbm);
    for (int64_t i = 0; i < sc->layout.replica.count; i++) {
        int64_t room = c->unlimited ? INT64_MAX : replicas[i].batch.total_blocks / kv->ratio;
        kv->hbm[i] = prefix_store(kv->prefix, room, c->evict.ops, c->evict.options);
    }
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

void kv_set_oracle(struct kv *kv, int64_t (*next_use)(void *ctx, int64_t block), void *ctx)
{
    prefix_set_oracles(kv->prefix, &(struct prefix_oracles){.ctx = ctx, .next_use = next_use});
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
    for (int64_t i = 0; i < kv->sc->layout.replica.count; i++) {
        const struct batch *b = &kv->replicas[i].batch;
        sim_assert(unlimited(kv) || b->cached == prefix_blocks(kv->prefix, kv->hbm[i]) * kv->ratio);
        sim_assert(b->used + b->cached <= b->total_blocks);
    }
}
