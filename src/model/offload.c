#include "config.h"

#include "model/offload.h"

#include <stdlib.h>

#include "base/bug.h"

struct offload {
    const struct scenario *sc;
    struct expert_pool **experts; /* by replica; NULL: all in HBM */
    double expert_bytes, table_bytes;
    int64_t ranks;
    /* KV of running sequences: bytes that a step reads per token of each sum S_k, one copy */
    double dense[COST_KNEES], sparse[COST_KNEES];
    int64_t hbm_blocks;
};

/* ---- KV ---- */

static int slot_of(const struct cost_knees *k, double knee)
{
    for (int i = 1; i < k->n; i++)
        if (knee < 1e15 && k->at[i] == (int64_t)(knee + 0.5))
            return i;
    return 0;
}

/* With top-k attention the picked entries are the cold ones; what scans all (indexers) stays in HBM, as windows do. */
static void read_rates(struct offload *o)
{
    const struct layout *l = &o->sc->layout;
    const struct model_options *m = &l->model;
    struct kv_format f = kv_format_of(m, l->replica.kv_dtype, l->replica.kv_scales ? KV_PRODUCTION : KV_PLAIN);
    struct cost_knees knees = cost_knees(l);

    for (int kind = 0; kind < ATTN_KINDS; kind++) {
        struct attn_profile p;
        double layers = (double)attn_layers(m, (enum attn_kind)kind);
        if (layers == 0 || kind == ATTN_WINDOW || kind == ATTN_V4_WINDOW || kind == ATTN_LINEAR)
            continue;
        attn_get((enum attn_kind)kind)->profile(m, &f, 1, 1, &p);
        for (int i = 0; i < p.n_terms; i++) {
            int slot = slot_of(&knees, p.term[i].knee);
            if (m->index_topk == 0)
                o->dense[slot] += layers * p.term[i].read;
            else if (slot > 0)
                o->sparse[slot] += layers * p.term[i].read;
        }
    }
}

static double reads(const double *rate, const struct cost_step *step)
{
    double bytes = 0;

    for (int i = 0; i < COST_KNEES; i++)
        bytes += rate[i] * (double)step->ctx[i];
    return bytes;
}

static void add(struct offload_step *out, struct offload_need need)
{
    if (need.bytes <= 0)
        return;
    sim_assert(out->n < OFFLOAD_NEEDS);
    out->need[out->n++] = need;
}

static void need_kv(const struct offload *o, const struct replica *r, const struct cost_step *step,
                    struct offload_step *out)
{
    const struct cache_options *c = &o->sc->memory.cache;
    int64_t held = r->now.kv_blocks;

    if (c->overflow_at < 0 || held <= o->hbm_blocks)
        return;
    double cold = (double)(held - o->hbm_blocks) / (double)held;
    double dense = cold * reads(o->dense, step), picked = cold * (1 - c->sparse_hit) * reads(o->sparse, step);
    add(out,
        (struct offload_need){.kind = MOVE_READ, .tier = (int)c->overflow_at, .bytes = (int64_t)dense, .slowed = 1});
    add(out, (struct offload_need){.kind = MOVE_READ,
                                   .tier = (int)c->overflow_at,
                                   .bytes = (int64_t)picked,
                                   .slowed = 1,
                                   .latency_ns =
                                       o->sc->memory.tier[c->overflow_at].latency_ns * (o->sc->layout.model.layers - 1),
                                   .after = true});
    out->not_read_bytes += dense + picked;
}

/* ---- experts and tables ---- */

static void need_experts(struct offload *o, const struct replica *r, int64_t tokens, int64_t now_ns,
                         struct offload_step *out)
{
    const struct expert_options *x = &o->sc->memory.experts;

    if (o->experts == NULL)
        return;
    expert_drift(o->experts[r->id], now_ns);
    struct expert_use u = expert_step(o->experts[r->id], tokens);
    double uneven = u.absent > 0 ? (double)(u.absent_slowest * o->ranks) / (double)u.absent : 1;
    out->experts = u;
    add(out, (struct offload_need){.kind = MOVE_EXPERT,
                                   .tier = (int)x->tier_at,
                                   .bytes = (int64_t)((double)(u.right + u.wrong) * o->expert_bytes),
                                   .slowed = 1});
    add(out, (struct offload_need){.kind = MOVE_EXPERT,
                                   .tier = (int)x->tier_at,
                                   .bytes = (int64_t)((double)u.absent * o->expert_bytes),
                                   .slowed = uneven > 1 ? uneven : 1,
                                   .after = true});
    if (x->access == EXPERTS_IN_PLACE)
        out->not_read_bytes += (double)u.absent * o->expert_bytes;
}

static void need_tables(const struct offload *o, int64_t tokens, struct offload_step *out)
{
    const struct memory_options *m = &o->sc->memory;

    if (m->tables_at < 0)
        return;
    int64_t row = o->sc->layout.model.engram_row_bytes, g = m->tier[m->tables_at].granularity_bytes;
    double larger = g > 1 ? (double)((row + g - 1) / g * g) / (double)row : 1;
    add(out, (struct offload_need){.kind = MOVE_TABLE,
                                   .tier = (int)m->tables_at,
                                   .bytes = (int64_t)((double)tokens * o->table_bytes * larger),
                                   .slowed = 1});
    out->not_read_bytes += (double)tokens * o->table_bytes;
}

void offload_step(struct offload *o, const struct replica *r, const struct cost_step *step, int64_t now_ns,
                  struct offload_step *out)
{
    int64_t tokens = step->n_decode * (o->sc->layout.replica.spec_tokens + 1) + step->prefill_tokens;

    out->n = 0;
    out->not_read_bytes = 0;
    out->experts = (struct expert_use){0};
    need_experts(o, r, tokens, now_ns, out);
    need_tables(o, tokens, out);
    need_kv(o, r, step, out);
}

/* ---- life ---- */

static void new_experts(struct offload *o)
{
    const struct scenario *sc = o->sc;
    const struct model_options *m = &sc->layout.model;
    int64_t moe_tp;

    layout_experts(&sc->layout, &moe_tp, &o->ranks);
    o->experts = mem_zalloc((size_t)sc->layout.replica.count, sizeof *o->experts);
    for (int64_t i = 0; i < sc->layout.replica.count; i++) {
        struct expert_config c = {.layers = m->layers - m->dense_layers,
                                  .experts = m->experts,
                                  .topk = m->topk,
                                  .ranks = o->ranks,
                                  .skew = sc->layout.replica.expert_skew,
                                  .options = &sc->memory.experts,
                                  .seed = (uint64_t)sc->run.seed,
                                  .replication = (uint64_t)sc->run.replication,
                                  .entity = (uint64_t)i};
        o->experts[i] = expert_new(&c);
    }
}

struct offload *offload_new(const struct scenario *sc)
{
    const struct memory_options *m = &sc->memory;

    if (m->experts.tier_at < 0 && m->tables_at < 0 && m->cache.overflow_at < 0)
        return NULL;
    struct offload *o = mem_zalloc(1, sizeof *o);
    o->sc = sc;
    o->expert_bytes = cost_expert_bytes(&sc->layout);
    o->table_bytes = cost_table_bytes(&sc->layout);
    o->hbm_blocks = cost_hbm_blocks(&sc->layout);
    read_rates(o);
    if (m->experts.tier_at >= 0)
        new_experts(o);
    return o;
}

void offload_free(struct offload *o)
{
    if (o == NULL)
        return;
    for (int64_t i = 0; o->experts && i < o->sc->layout.replica.count; i++)
        expert_free(o->experts[i]);
    free(o->experts);
    free(o);
}

void offload_resize(struct offload *o, int64_t replica, double hot_share)
{
    expert_resize(o->experts[replica], hot_share);
}

double offload_hot_share(const struct offload *o, int64_t replica)
{
    const struct model_options *m = &o->sc->layout.model;

    if (o->experts == NULL)
        return 1;
    return (double)expert_resident(o->experts[replica]) / (double)(m->experts * (m->layers - m->dense_layers));
}

uint64_t offload_digest(const struct offload *o)
{
    uint64_t h = 0;

    for (int64_t i = 0; o->experts && i < o->sc->layout.replica.count; i++)
        h = rng_hash(h, expert_digest(o->experts[i]));
    return h;
}

void offload_check(const struct offload *o)
{
    for (int64_t i = 0; o->experts && i < o->sc->layout.replica.count; i++)
        expert_check(o->experts[i]);
}
