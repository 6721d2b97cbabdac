/*
 * kv_look.c - a waiting request and the cache: what its prompt finds, whether that is brought up, when it is admitted.
 *
 *   undecided --look--> nothing to bring up (looked), asked again each time while it waits --> may be admitted
 *                  \--> worth it, but no room: it stays undecided, and nobody overtakes it
 *                   \-> worth it: has blocks in HBM, its KV is on its way (considered) --> may be admitted when it has
 *                       come, or at once where it is computed while it arrives
 *
 * What is found is remembered when its restore begins, or when it is admitted without one, and told (HIT, hit_tokens)
 * when it is first admitted: a request that gave its KV back meanwhile has used none of it.
 */
#include "config.h"

#include "model/kv_state.h"

/* Of so many blocks that were found: whole KV blocks, and at least one token is left to compute. */
int64_t kv_usable(const struct kv *kv, const struct request *q, int64_t blocks)
{
    int64_t tokens = blocks * kv->block_tokens, most = q->input_tokens + q->generated - 1;
    int64_t kv_block = kv->kv_block;

    tokens = tokens < most ? tokens : most;
    if (kv->checkpoint > 0)
        tokens = tokens / kv->checkpoint * kv->checkpoint;
    return tokens / kv_block * kv_block;
}

bool kv_shares(const struct kv *kv, const struct request *q)
{
    return kv->sc->memory.cache.prefix && q->chain.n_runs > 0;
}

int64_t kv_match_hbm(const struct kv *kv, const struct replica *r, const struct request *q)
{
    int64_t hit[1];

    return kv_shares(kv, q) ? prefix_match(kv->prefix, q->chain, q->prompt_blocks, &kv->hbm[r->id], 1, hit) : 0;
}

void kv_stores(const struct kv *kv, int64_t replica, int32_t *stores)
{
    stores[0] = kv->hbm[replica];
    for (int t = 0; t < kv->n_tiers; t++)
        stores[1 + t] =
            memory_reaches(kv->memory, replica, t) ? kv->store[t][memory_unit(kv->memory, t, replica)] : kv->nowhere;
}

/* hit[0]: HBM; hit[1 + t]: tier t. */
static int64_t match_all(const struct kv *kv, const struct replica *r, const struct request *q, int64_t *hit)
{
    int32_t stores[1 + MEMORY_TIERS];

    kv_stores(kv, r->id, stores);
    for (int i = 0; i <= kv->n_tiers; i++)
        hit[i] = 0;
    return kv_shares(kv, q) ? prefix_match(kv->prefix, q->chain, q->prompt_blocks, stores, 1 + kv->n_tiers, hit) : 0;
}

/* KV blocks of the first `blocks` of its chain that lie in HBM and that nobody pins: they count as free, so whoever
 * pins them pays for them. */
int64_t kv_unpinned(const struct kv *kv, const struct replica *r, const struct request *q, int64_t blocks)
{
    if (kv->sc->memory.cache.unlimited || blocks == 0)
        return 0;
    return (blocks - prefix_pinned_prefix(kv->prefix, q->chain, blocks, kv->hbm[r->id])) * kv->ratio;
}

/* ---- look-up ---- */

/* What it finds now, to be told when it is first admitted. */
static void remember(const struct kv *kv, struct request *q, const int64_t *hit, int64_t now_ns)
{
    if (q->t_admit_ns >= 0)
        return;
    q->t_look_ns = now_ns;
    for (int i = 0; i <= kv->n_tiers; i++)
        q->hit[i] = (int32_t)hit[i];
}

/* With that much of its prompt computed already, it is first admitted. */
static void tell_hits(struct kv *kv, const struct replica *r, struct request *q)
{
    int64_t before = 0;

    q->hit_blocks = 0;
    q->hit_tokens = q->computed;
    for (int i = 0; i <= kv->n_tiers; i++) {
        q->hit_blocks += q->hit[i];
        int64_t end = q->hit_blocks * kv->block_tokens, tokens;
        end = end < q->input_tokens ? end : q->input_tokens;
        tokens = end - before;
        int64_t used = q->computed - before < 0 ? 0 : q->computed - before;
        if (q->hit[i] > 0)
            *trace_put_hit(kv->trace) = (struct ev_hit){.request = q->id,
                                                        .t_ns = q->t_look_ns,
                                                        .replica = r->id,
                                                        .tier = i,
                                                        .blocks = q->hit[i],
                                                        .tokens = tokens,
                                                        .bytes = kv_bytes(kv, tokens),
                                                        .restored = used < tokens ? used : tokens};
        before = end;
    }
}

void kv_peek(const struct kv *kv, const struct replica *r, const struct request *q, int64_t *tokens, int64_t *blocks)
{
    if (q->computed > 0) { /* it has its KV */
        *tokens = q->computed;
        *blocks = batch_held(&r->batch, q) + q->shared;
        return;
    }
    int64_t hit = kv_match_hbm(kv, r, q);
    *tokens = kv_usable(kv, q, hit);
    *blocks = *tokens / kv->kv_block - kv_unpinned(kv, r, q, hit);
}

static void pin(struct kv *kv, struct replica *r, struct request *q, int64_t blocks, int64_t now_ns)
{
    sim_assert(q->pin < 0);
    q->pin = prefix_pin(kv->prefix, q->chain, blocks, kv->hbm[r->id]);
    prefix_use(kv->prefix, q->chain, blocks, kv->hbm[r->id], now_ns);
}

void kv_unpin(struct kv *kv, struct request *q)
{
    if (q->pin >= 0)
        prefix_unpin(kv->prefix, q->pin);
    q->pin = -1;
}

/* Gives it the first `blocks` of its chain, of which HBM's cache has `here`. */
static void give(struct kv *kv, struct replica *r, uint32_t slot, int64_t here, int64_t blocks, int64_t now_ns)
{
    struct request *q = &kv->requests->at[slot];
    int64_t tokens = kv_usable(kv, q, blocks), kv_block = kv->kv_block;
    int64_t shared = kv_usable(kv, q, here) / kv_block;

    if (tokens <= 0)
        return;
    if (here > 0)
        pin(kv, r, q, here, now_ns);
    batch_give_kv(&r->batch, slot, tokens, shared);
    r->counts.cached_tokens += tokens;
    kv_count_cached(kv, r);
}

void kv_attach(struct kv *kv, struct replica *r, uint32_t slot, int64_t now_ns)
{
    struct request *q = &kv->requests->at[slot];

    if (q->computed == 0) {
        int64_t hit[1 + MEMORY_TIERS];
        kv_unpin(kv, q); /* of the look */
        match_all(kv, r, q, hit);
        remember(kv, q, hit, now_ns);
        give(kv, r, slot, hit[0], hit[0], now_ns);
    }
    if (q->t_admit_ns < 0)
        tell_hits(kv, r, q);
}

/* ---- restores ---- */

bool kv_loads(const struct kv *kv, const struct request *q)
{
    return q->loads > 0 && (q->swapped > 0 || kv_is_away(q) || !kv->sc->memory.cache.overlap);
}

bool kv_is_out(const struct request *q)
{
    return q->swapped > 0 && q->computed == 0;
}

bool kv_undecided(const struct kv *kv, const struct request *q)
{
    if (q->computed > 0)
        return false;
    return kv_is_away(q) || (kv->n_tiers > 0 && !q->considered && !q->looked);
}

int64_t kv_spare_blocks(const struct kv *kv, const struct replica *r)
{
    return kv_free_blocks(kv, r) - r->batch.ahead;
}

/* Swapped out: it comes back when there is room for all of it and its next token: without that, those who run would
 * have it given up again as soon as they grow. */
static bool consider_swapped(struct kv *kv, struct replica *r, uint32_t slot, int64_t now_ns)
{
    struct request *q = &kv->requests->at[slot];

    if (q->loads > 0 || batch_blocks_of(&r->batch, q->swapped + 1) > kv_spare_blocks(kv, r))
        return false; /* on its way out, or no room yet */
    q->considered = true;
    kv_swap_in(kv, r, slot, now_ns);
    r->n_loading++;
    return true;
}

/* HBM keeps what it has for it, until the plan is made: who comes after it may need room for a restore. */
static void hold(struct kv *kv, struct replica *r, uint32_t slot, int64_t blocks)
{
    struct request *q = &kv->requests->at[slot];

    if (blocks == 0 || kv_unpinned(kv, r, q, blocks) > kv_free_blocks(kv, r)) /* a restore has taken the room */
        return;
    if (kv->n_held == kv->cap_held) {
        kv->cap_held = kv->cap_held ? 2 * kv->cap_held : 16;
        kv->held = mem_realloc(kv->held, (size_t)kv->cap_held * sizeof *kv->held);
    }
    kv->held[kv->n_held++] = slot;
    q->pin = prefix_pin(kv->prefix, q->chain, blocks, kv->hbm[r->id]);
}

/* The latest of them; false: there is none. Who was admitted has a pin of its own. */
bool kv_look_away_from_one(struct kv *kv)
{
    while (kv->n_held > 0) {
        struct request *q = &kv->requests->at[kv->held[--kv->n_held]];
        if (q->phase != PHASE_WAITING || q->computed > 0 || q->pin < 0)
            continue;
        kv_unpin(kv, q);
        return true;
    }
    return false;
}

void kv_look_away(struct kv *kv)
{
    while (kv_look_away_from_one(kv))
        ;
}

/* True: the queue may be looked at further. kind: MOVE_RESTORE, or MOVE_PREFETCH where others may be before it. */
static bool consider(struct kv *kv, struct replica *r, uint32_t slot, enum move_kind kind, int64_t now_ns)
{
    struct request *q = &kv->requests->at[slot];
    int64_t hit[1 + MEMORY_TIERS], kv_block = kv->kv_block;

    if (q->computed > 0)
        return true;
    if (kv_is_away(q))
        return kv_consider_handed(kv, r, slot, now_ns);
    if (q->considered || kv->n_tiers == 0)
        return true;
    if (q->swapped > 0)
        return consider_swapped(kv, r, slot, now_ns);
    kv_unpin(kv, q); /* of an earlier look */
    int64_t found = match_all(kv, r, q, hit);
    int64_t from = kv_usable(kv, q, hit[0]), to = kv_usable(kv, q, found);
    if (to <= from || !kv_restore_pays(kv, r, q, hit, from, to)) {
        q->looked = kind == MOVE_RESTORE; /* and again while it waits: what is being written may land */
        if (q->looked)
            hold(kv, r, slot, hit[0]);
        return true;
    }
    q->looked = false;
    if (to / kv_block - from / kv_block + kv_unpinned(kv, r, q, hit[0]) > kv_spare_blocks(kv, r))
        return false;
    q->considered = true;
    remember(kv, q, hit, now_ns);
    give(kv, r, slot, hit[0], found, now_ns);
    kv_restore(kv, r, slot, hit, kind, now_ns);
    r->n_loading += kv_loads(kv, q);
    return true;
}

void kv_arrived(struct kv *kv, struct replica *r, uint32_t slot, int64_t now_ns)
{
    int when = kv->sc->memory.cache.prefetch;

    if (kv->n_tiers == 0 || when == PREFETCH_NONE)
        return;
    kv_expire(kv, r, now_ns);
    if (when == PREFETCH_ARRIVAL || kv->requests->at[slot].turn > 0)
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
        kv_unpin(kv, q);
        return true;
    }
    return false;
}

/* Tokens of a waiting request that steps to come compute, as far as is known now. */
static int64_t left_of(const struct kv *kv, const struct replica *r, const struct request *q)
{
    int64_t tokens, blocks;

    if (kv_loads(kv, q))
        return 0;
    kv_peek(kv, r, q, &tokens, &blocks);
    return q->input_tokens + q->generated - tokens;
}

void kv_prepare(struct kv *kv, struct replica *r, uint32_t limit, int64_t now_ns)
{
    const struct scheduler_limits *l = r->env->limits;
    const struct pool *p = kv->requests;
    bool may_preempt = l->preempt_for == PREEMPT_FOR_PRIORITY; /* then the slots of those who run are in reach, too */
    int64_t slots = l->max_num_seqs - (may_preempt ? 0 : r->batch.running.n), tokens = l->max_num_batched_tokens;

    kv_expire(kv, r, now_ns);
    if (kv->n_tiers == 0 && kv->sc->n_pools == 1)
        return;
    for (uint32_t s = batch_first_waiting(&r->batch); s != limit && s != SLOT_NONE && slots > 0 && tokens > 0;
         s = batch_next_waiting(&r->batch, s), slots--) {
        if (!consider(kv, r, s, MOVE_RESTORE, now_ns))
            break;
        tokens -= left_of(kv, r, &p->at[s]);
    }
    kv_make_room(kv, r, now_ns);
}
