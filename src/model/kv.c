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

void kv_count_cached(struct kv *kv, struct replica *r)
{
    r->batch.cached = unlimited(kv) ? 0 : prefix_blocks(kv->prefix, kv->hbm[r->id]) * kv->ratio;
}

void kv_expire(struct kv *kv, struct replica *r, int64_t now_ns)
{
    struct prefix_victim v;

    while (prefix_expire(kv->prefix, kv->hbm[r->id], now_ns, &v))
        kv_pass_down(kv, r->id, -1, r->id, &v, now_ns);
    kv_count_cached(kv, r);
    kv_expire_tiers(kv, r->id, now_ns);
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

    kv_count_cached(kv, r);
    while ((must = too_many(kv, r, &may)) > 0 || may > 0) {
        struct prefix_victim v;
        int64_t blocks = must > may ? must : may;
        bool got = prefix_evict(kv->prefix, kv->hbm[r->id], blocks > least ? blocks : least, &v);
        sim_assert(got || must == 0); /* plans keep to kv_free_blocks */
        if (!got)
            return;
        kv_pass_down(kv, r->id, -1, r->id, &v, now_ns);
        kv_count_cached(kv, r);
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
    kv_unpin(kv, q);
    q->pin = prefix_pin(kv->prefix, q->chain, to, kv->hbm[r->id]);
    batch_share(&r->batch, slot, to * kv->ratio);
    kv_count_cached(kv, r);
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

    if (!kv_shares(kv, q))
        return;
    kv_write(kv, r, q, share(kv, r, slot, whole, now_ns), whole, TIER_WRITE_THROUGH, now_ns);
    if (q->prompt_blocks > whole)
        copy_partial(kv, r, q, whole, now_ns);
}

void kv_preempt(struct kv *kv, struct replica *r, uint32_t slot, int64_t now_ns)
{
    struct request *q = &kv->env->pool->at[slot];

    q->considered = q->looked = false;
    if (kv->sc->memory.cache.preempt == PREEMPT_SWAP && kv->n_tiers > 0)
        r->n_loading += kv_swap_out(kv, r, slot, now_ns);
    if (q->swapped == 0 && kv->sc->memory.experts.adapt_ns > 0)
        r->counts.kv_wait_ns += kv_compute_ns(kv, q, 0) - kv_compute_ns(kv, q, batch_computed(&r->batch, q));
    kv_unpin(kv, q);
}

void kv_ended(struct kv *kv, struct replica *r, uint32_t slot, int64_t now_ns)
{
    struct request *q = &kv->env->pool->at[slot];
    int64_t blocks = chain_blocks(q->chain), computed = q->computed / kv->block_tokens;
    int64_t written = q->output_tokens > 1 ? q->input_tokens / kv->block_tokens : 0; /* by kv_prompt_done */

    if (!kv_shares(kv, q))
        return;
    blocks = blocks < computed ? blocks : computed;
    blocks = blocks > q->prompt_blocks ? blocks : q->prompt_blocks;
    prefix_put(kv->prefix, q->chain, 0, blocks, kv->hbm[r->id], now_ns);
    kv_unpin(kv, q);
    kv_make_room(kv, r, now_ns);
    kv_write(kv, r, q, written, blocks, TIER_WRITE_THROUGH, now_ns);
    kv_write(kv, r, q, 0, blocks, TIER_WRITE_COMPLETION, now_ns);
}

/* ---- faults ---- */

void kv_let_go(struct kv *kv, struct request *q)
{
    kv_unpin(kv, q);
    q->considered = q->looked = false;
}

int64_t kv_lose_hbm(struct kv *kv, struct replica *r)
{
    int64_t lost = prefix_drop_store(kv->prefix, kv->hbm[r->id]);

    kv_count_cached(kv, r);
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
