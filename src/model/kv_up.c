/*
 * kv_up.c - KV on its way to HBM, and what was swapped out of it: restores, what they are estimated to take, swaps.
 */
#include "config.h"

#include "model/kv_state.h"

/* ---- restores ---- */

/* The tokens of its part that tier t brings: [*from, *to). */
static void part_of(const struct kv *kv, const struct request *q, const int64_t *hit, int t, int64_t *from, int64_t *to)
{
    int64_t before = 0;

    for (int i = 0; i <= t; i++)
        before += hit[i];
    *from = kv_usable(kv, q, before);
    *to = kv_usable(kv, q, before + hit[1 + t]);
}

int kv_restore(struct kv *kv, struct replica *r, uint32_t slot, const int64_t *hit, enum move_kind kind, int64_t now_ns)
{
    struct request *q = &kv->requests->at[slot];
    int64_t found = 0;
    int n = 0;

    for (int k = 0; k <= kv->n_tiers; k++)
        found += hit[k];
    for (int t = 0; t < kv->n_tiers; t++) {
        int64_t from, to;
        part_of(kv, q, hit, t, &from, &to);
        if (to <= from)
            continue;
        int32_t i = kv_take_cargo(kv);
        kv->cargo[i].tier = t;
        kv->cargo[i].slot = slot;
        kv->cargo[i].request = q->id;
        kv->cargo[i].up = true;
        kv->cargo[i].from = hit[0]; /* tiers may have them by turns */
        kv->cargo[i].to = found;
        kv_start_hbm(kv, kind, r->id, i, to - from);
        prefix_use(kv->prefix, q->chain, found, kv->store[t][kv->cargo[i].unit], now_ns);
        kv->cargo[i].pin = prefix_pin(kv->prefix, q->chain, found, kv->store[t][kv->cargo[i].unit]);
        n++;
    }
    q->loads += n;
    q->load_ns = now_ns;
    return n;
}

static int64_t chunk_ns(const struct kv *kv, const struct request *q, int64_t after, int64_t tokens)
{
    const struct replica_env *env = kv->replicas[q->replica].env;
    struct cost_step step = {0};

    cost_add_chunk(&step, &env->knees, after, tokens, true);
    return env->cost->step_ns(env->cost_state, &step);
}

int64_t kv_compute_ns(const struct kv *kv, const struct request *q, int64_t computed)
{
    return chunk_ns(kv, q, computed, q->input_tokens + q->generated - computed);
}

int64_t kv_recompute_ns(const struct kv *kv, const struct request *q, int64_t tokens)
{
    return tokens > 0 ? chunk_ns(kv, q, 0, tokens) : 0;
}

/* With an even share of each port for all that are on it now. */
static int64_t estimate_ns(const struct kv *kv, int64_t replica, int tier, int64_t tokens)
{
    int64_t bytes = kv_restored_bytes(kv, tier, tokens);
    struct memory_path p;
    double slowest = 0;

    memory_path(kv->memory, replica, tier, MEMORY_UP, &p);
    for (int i = 0; i < p.n_hops; i++) {
        double cost = p.hop[i].cost * (double)(1 + share_flows_on(kv->memory->share, p.hop[i].resource)) /
                      kv->memory->resource[p.hop[i].resource].speed;
        slowest = cost > slowest ? cost : slowest;
    }
    return memory_solo_ns(kv->memory, &p, 0) + (int64_t)((double)bytes * slowest * 1e9);
}

bool kv_restore_pays(const struct kv *kv, const struct replica *r, const struct request *q, const int64_t *hit,
                     int64_t from, int64_t to)
{
    int64_t longest = 0;

    if (kv->sc->memory.cache.restore != RESTORE_ESTIMATE)
        return kv->sc->memory.cache.restore == RESTORE_ALWAYS;
    for (int t = 0; t < kv->n_tiers; t++) {
        int64_t a, b;
        part_of(kv, q, hit, t, &a, &b);
        int64_t ns = b > a ? estimate_ns(kv, r->id, t, b - a) : 0;
        longest = ns > longest ? ns : longest;
    }
    return longest < kv_compute_ns(kv, q, from) - kv_compute_ns(kv, q, to);
}

/* ---- swap ---- */

int64_t kv_swap_blocks(const struct kv *kv, int64_t tokens)
{
    return (tokens + kv->block_tokens - 1) / kv->block_tokens;
}

bool kv_swap_out(struct kv *kv, struct replica *r, uint32_t slot, int64_t now_ns)
{
    struct request *q = &kv->requests->at[slot];
    int64_t tokens = batch_computed(&r->batch, q), unit = memory_unit(kv->memory, 0, r->id);

    if (tokens == 0 || !memory_reaches(kv->memory, r->id, 0) || !kv_tier_room(kv, 0, r->id, kv_swap_blocks(kv, tokens), now_ns))
        return false;
    kv->room[0][unit] -= kv_swap_blocks(kv, tokens);
    q->swapped = tokens;
    int32_t i = kv_take_cargo(kv);
    kv->cargo[i].request = q->id;
    kv->cargo[i].slot = slot;
    q->loads++;
    kv_start_hbm(kv, MOVE_SWAP, r->id, i, tokens);
    return true;
}

void kv_swap_in(struct kv *kv, struct replica *r, uint32_t slot, int64_t now_ns)
{
    struct request *q = &kv->requests->at[slot];
    int32_t i = kv_take_cargo(kv);

    batch_give_kv(&r->batch, slot, q->swapped, 0);
    r->counts.cached_tokens += q->swapped;
    kv->cargo[i].request = q->id;
    kv->cargo[i].slot = slot;
    kv->cargo[i].up = true;
    q->loads++;
    q->load_ns = now_ns;
    kv_start_hbm(kv, MOVE_SWAP, r->id, i, q->swapped);
}

void kv_swapped_in(struct kv *kv, struct request *q, int64_t unit)
{
    kv->room[0][unit] += kv_swap_blocks(kv, q->swapped);
    q->swapped = 0;
}

