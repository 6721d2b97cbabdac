/*
 * model_params.c - how many parameters a model has, and how many a token uses.
 *
 * Linear weights only: norms, biases, convolutions, hyper-connections, Engram tables and the layers of multi-token
 * prediction are left out. All but the last two are small, and those two are counted apart by their publishers, too.
 */
#include "policy/attn.h"

static double attention_weights(const struct model_options *m)
{
    double sum = 0;

    for (int k = 0; k < ATTN_KINDS; k++) {
        int64_t layers = attn_layers(m, (enum attn_kind)k);
        struct attn_weights w;
        if (layers <= 0)
            continue;
        attn_get((enum attn_kind)k)->weights(m, &w);
        sum += (double)layers * (w.sharded + w.kv_sharded + w.replicated);
    }
    return sum;
}

struct model_parts model_parts_of(const struct model_options *m)
{
    double h = (double)m->hidden, table = h * (double)m->vocab;
    double dense_layers = (double)(m->experts > 0 ? m->dense_layers : m->layers);
    double moe_layers = (double)m->layers - dense_layers;

    return (struct model_parts){
        .attention = attention_weights(m),
        .dense = dense_layers * 3 * h * (double)m->dense_inter,
        .routed = moe_layers * 3 * h * (double)m->moe_inter * (double)m->experts,
        .shared = moe_layers * 3 * h * (double)m->shared_inter,
        .router = moe_layers * h * (double)m->experts,
        .embedding = table,
        .head = m->tie_embeddings ? 0 : table,
    };
}

double model_params(const struct model_options *m)
{
    struct model_parts p = model_parts_of(m);

    return p.attention + p.dense + p.routed + p.shared + p.router + p.embedding + p.head;
}

double model_active_params(const struct model_options *m)
{
    struct model_parts p = model_parts_of(m);
    double used = m->experts > 0 ? p.routed * (double)m->topk / (double)m->experts : 0;

    return p.attention + p.dense + used + p.shared + p.router + p.embedding; /* the head is as large as the table */
}
