/*
 * cost_params.h - parameter counts of a dense decoder with grouped-query attention, shared by memory and time.
 *
 * A layer has q, k, v and output projections and a gated MLP (gate, up, down); norms (2 hidden a layer) are left
 * out: under 0.01% of the weights. Widths are in elements.
 */
#ifndef POLICY_COST_PARAMS_H
#define POLICY_COST_PARAMS_H

#include "policy/layout.h"

struct cost_params {
    double q_width, kv_width; /* H*d and kv*d */
    double kv_width_gpu;      /* of one GPU: kv heads are replicated when tp exceeds their number */
    double layer_params_gpu;  /* linear weights of one layer on one GPU */
    double vocab_params;      /* of the embedding, and of the head when untied */
};

static inline double dtype_bytes(int dtype)
{
    return dtype == DTYPE_FP8 ? 1 : 2;
}

static inline struct cost_params cost_params(const struct layout *l)
{
    const struct model_options *m = &l->model;
    double tp = (double)l->replica.tp, hidden = (double)m->hidden, d = (double)m->head_dim;
    double kv_heads_gpu = (double)m->kv_heads / tp;
    struct cost_params p = {.q_width = (double)m->q_heads * d, .kv_width = (double)m->kv_heads * d};

    p.kv_width_gpu = (kv_heads_gpu > 1 ? kv_heads_gpu : 1) * d;
    p.layer_params_gpu =
        2 * hidden * p.q_width / tp + 2 * hidden * p.kv_width_gpu + 3 * hidden * (double)m->dense_inter / tp;
    p.vocab_params = (double)m->vocab * hidden;
    return p;
}

#endif
