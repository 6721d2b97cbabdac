#include "config.h"

#include "model/kv.h"

#include <stdlib.h>

#include "base/bug.h"
#include "model/kv_state.h"
#include "model/offload.h"

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
    struct request *q = &kv->requests->at[slot];
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
    const struct request *q = &kv->requests->at[slot];

    if (kv_shares(kv, q)) /* KV that was handed over comes whether or not anybody may share it */
        share(kv, r, slot, whole_blocks(kv, q, q->computed), now_ns);
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
    struct request *q = &kv->requests->at[slot];
    int64_t whole = whole_blocks(kv, q, q->input_tokens);

    if (!kv_shares(kv, q))
        return;
    kv_write(kv, r, q, share(kv, r, slot, whole, now_ns), whole, TIER_WRITE_THROUGH, now_ns);
    if (q->prompt_blocks > whole)
        copy_partial(kv, r, q, whole, now_ns);
}

void kv_preempt(struct kv *kv, struct replica *r, uint32_t slot, int64_t now_ns)
{
    struct request *q = &kv->requests->at[slot];

    q->considered = q->looked = false;
    if (kv->sc->memory.cache.preempt == PREEMPT_SWAP && kv->n_tiers > 0)
        r->n_loading += kv_swap_out(kv, r, slot, now_ns);
    if (q->swapped == 0 && kv->sc->memory.experts.adapt_ns > 0)
        r->counts.kv_wait_ns += kv_recompute_ns(kv, q, batch_computed(&r->batch, q));
    kv_unpin(kv, q);
}

void kv_ended(struct kv *kv, struct replica *r, uint32_t slot, int64_t now_ns)
{
    struct request *q = &kv->requests->at[slot];
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
    const struct replica_env *env = kv->replicas[0].env;
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

struct kv *kv_new(const struct scenario *sc, struct memory *memory, struct trace *trace, struct pool *requests,
                  struct replica *replicas, int64_t n_replicas, int64_t block_tokens)
{
    const struct cache_options *c = &sc->memory.cache;
    const struct layout *l = &sc->pools[0].as->layout; /* what matters here is alike in all (scenario/pools.c) */
    int64_t kv_block = l->replica.kv_block_tokens;

    struct kv *kv = mem_zalloc(1, sizeof *kv);
    *kv = (struct kv){.sc = sc,
                      .trace = trace,
                      .requests = requests,
                      .memory = memory,
                      .replicas = replicas,
                      .n_replicas = n_replicas,
                      .kv_block = kv_block,
                      .kv_dtype = l->replica.kv_dtype,
                      .free_cargo = -1};
    kv->block_tokens = block_tokens > 0 ? block_tokens : kv_block;
    kv->ratio = kv->block_tokens / kv_block;
    sim_assert(kv->block_tokens % kv_block == 0); /* scenario/check.c */
    cost_kv_bytes(l, &kv->token_bytes, &kv->state_bytes);
    kv->checkpoint = kv->state_bytes > 0 ? c->checkpoint_tokens : 0;
    kv->kept_bytes = kv->token_bytes + (kv->checkpoint > 0 ? kv->state_bytes / (double)kv->checkpoint : 0);
    kv->prefix = prefix_new(kv_bytes(kv, kv->block_tokens), c->evict.ops->oracle ? 1 : 0);
    prefix_set_oracles(kv->prefix,
                       &(struct prefix_oracles){.ctx = kv, .recompute_s = recompute_s, .next_use = next_use});
    kv->hbm = mem_zalloc((size_t)n_replicas, sizeof *kv->hbm);
    for (int64_t i = 0; i < n_replicas; i++) {
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
    free(kv->held);
    free(kv);
}

/* ---- what is there ---- */

void kv_set_oracle(struct kv *kv, int64_t (*oracle)(void *ctx, int64_t block), void *ctx)
{
    kv->next_use = oracle;
    kv->next_use_ctx = ctx;
}

/* ---- samples ---- */

/* Weights of a replica with that share of its routed experts. */
static double weights_with(const struct replica *r, double hot_share)
{
    struct layout l = *r->env->layout;

    l.lower.cold_experts = 1 - hot_share;
    return cost_memory(&l).weight_bytes * (double)(layout_gpus(&l) / layout_members(&l));
}

static int64_t overflow_blocks(const struct replica *r)
{
    return cost_kv_blocks(r->env->layout) - cost_hbm_blocks(r->env->layout);
}

int64_t kv_overflowed_blocks(const struct replica *r)
{
    int64_t over = r->batch.used + r->batch.cached - (r->batch.total_blocks - overflow_blocks(r));

    return over > 0 ? over : 0;
}

/* What does not fit in HBM is told of the tier that has room for it: first what requests have for themselves, then what
 * they share. */
static void sample_hbm(const struct kv *kv, const struct replica *r, double weights, double experts, int64_t now_ns)
{
    const struct batch *b = &r->batch;
    int64_t over = kv_overflowed_blocks(r), own = over < b->used ? over : b->used;

    *trace_put_room_sample(kv->trace) = (struct ev_room_sample){
        .t_ns = now_ns,
        .tier = 0,
        .unit = r->id,
        .capacity_bytes = kv_bytes(kv, (b->total_blocks - overflow_blocks(r)) * kv->kv_block),
        .weights_bytes = (int64_t)weights,
        .running_bytes = kv_bytes(kv, (b->used - own) * kv->kv_block),
        .cached_bytes = kv_bytes(kv, (b->cached - (over - own)) * kv->kv_block),
        .expert_bytes = (int64_t)experts,
    };
}

void kv_sample(const struct kv *kv, const struct offload *o, int64_t now_ns)
{
    bool offloads = kv->sc->memory.experts.tier_at >= 0;

    for (int64_t i = 0; i < kv->n_replicas; i++) {
        const struct replica *r = &kv->replicas[i];
        double weights = weights_with(r, offloads ? 0 : 1);
        sample_hbm(kv, r, weights, offloads ? weights_with(r, offload_hot_share(o, i)) - weights : 0, now_ns);
    }
    kv_sample_tiers(kv, now_ns);
}

void kv_check(const struct kv *kv)
{
    prefix_check(kv->prefix);
    kv_check_tiers(kv);
    for (int64_t i = 0; i < kv->n_replicas; i++) {
        const struct batch *b = &kv->replicas[i].batch;
        sim_assert(unlimited(kv) || b->cached == prefix_blocks(kv->prefix, kv->hbm[i]) * kv->ratio);
        sim_assert(b->used + b->cached <= b->total_blocks);
    }
}
