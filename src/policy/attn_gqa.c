/*
 * attn_gqa.c - grouped-query attention (Ainslie et al., arXiv 2305.13245), over the whole context or a sliding window.
 *
 * With H query heads, k KV heads of size d and b bytes an element, per layer and token of context:
 *
 *   stored, read   2 k d b     K and V
 *   FLOPs          4 H d       2 H d each for the scores and the weighted sum; decode and a pair of prefill alike
 *
 * A window keeps, reads and computes its last sliding_window tokens.
 *
 * Not modelled: attention sinks (gpt-oss: one number a head), softmax, rotary embedding.
 */
#include "policy/attn_kinds.h"

static void profile_below(const struct model_options *m, const struct kv_format *f, int64_t tp, int64_t cp, double knee,
                          struct attn_profile *out)
{
    struct attn_share s = attn_share_of(m, tp, cp);
    double bytes = 2 * s.kv_heads * (double)m->head_dim * f->elem_bytes;
    double flops = 4 * s.q_heads * (double)m->head_dim;

    *out = (struct attn_profile){0};
    attn_add(out, &s,
             (struct attn_term){.knee = knee,
                                .stored = bytes,
                                .read = bytes,
                                .flops = flops,
                                .prefill_flops = flops,
                                .prefill = KERNEL_prefill_bf16,
                                .decode = KERNEL_decode_bf16});
}

static void profile(const struct model_options *m, const struct kv_format *f, int64_t tp, int64_t cp,
                    struct attn_profile *out)
{
    profile_below(m, f, tp, cp, INFINITY, out);
}

static void window_profile(const struct model_options *m, const struct kv_format *f, int64_t tp, int64_t cp,
                           struct attn_profile *out)
{
    profile_below(m, f, tp, cp, (double)m->sliding_window, out);
}

/* Qwen3-Next and Qwen3.5, the models with linear layers, gate the heads' outputs: the query projection is twice as wide
 * (config.json: attn_output_gate). */
static double query_widths(const struct model_options *m)
{
    return m->kind_layers[ATTN_LINEAR] > 0 ? 2 : 1;
}

static void weights(const struct model_options *m, struct attn_weights *out)
{
    double h = (double)m->hidden, d = (double)m->head_dim;

    *out = (struct attn_weights){.sharded = (query_widths(m) + 1) * h * (double)m->q_heads * d,
                                 .kv_sharded = 2 * h * (double)m->kv_heads * d,
                                 .n_gemms = 2};
}

static const char *missing(const struct model_options *m)
{
    static const struct attn_need needs[] = {ATTN_NEED(kv_heads), ATTN_NEED(head_dim)};
    const char *key = attn_first_missing(m, needs, sizeof needs / sizeof *needs);

    return key ? key : m->kv_heads > m->q_heads || m->q_heads % m->kv_heads != 0 ? "kv_heads" : NULL;
}

static const char *window_missing(const struct model_options *m)
{
    return m->sliding_window > 0 ? missing(m) : "sliding_window";
}

const struct attn_ops attn_gqa_ops = {
    ATTN_GQA, "gqa",   "grouped queries over the whole context; multi-head is kv_heads = q_heads",
    missing,  profile, weights,
};

const struct attn_ops attn_window_ops = {
    ATTN_WINDOW,    "window",       "grouped queries over the last sliding_window tokens",
    window_missing, window_profile, weights,
};
