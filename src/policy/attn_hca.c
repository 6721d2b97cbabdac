/*
 * attn_hca.c - DeepSeek-V4's heavily compressed attention, its window, and what all V4 layers share.
 *
 * A V4 cache entry is one vector of d = head_dim elements, key and value of all heads, r = qk_rope_dim of them rotary:
 *
 *   e = (d - r) b + r b_rope + scales     bytes
 *   4 H d                                 FLOPs of a query token with one entry: 2 H d each for score and sum
 *
 * Every V4 layer attends the last sliding_window tokens uncompressed, an entry each. HCA adds one entry for each 128
 * tokens, all attended; for a context of x tokens, rounding to whole entries left out:
 *
 *   stored, read   e x/128 + e min(x, window)
 *   FLOPs          4 H d (x/128 + min(x, window))     decode and prefill alike
 *
 * All caches are whole on each GPU that has other heads.
 *
 * An entry is pooled from the tokens it stands for; until it is made, the compressor keeps a value and a weight of d
 * elements for each of them (stored_const, where kv_format counts it). A step's traffic on that, a row written and on
 * average one read, is left out.
 *
 * Source: config.json of DeepSeek-V4 (compress_ratios, o_groups, o_lora_rank); the widths of the projections are those
 * that give the published parameter counts (284 and 1573 billion).
 */
#include "policy/attn_kinds.h"

enum { HCA_RATIO = 128 };

double attn_v4_entry(const struct model_options *m, const struct kv_format *f)
{
    return (double)(m->head_dim - m->qk_rope_dim) * f->elem_bytes + (double)m->qk_rope_dim * f->rope_bytes +
           f->latent_scale_bytes;
}

double attn_v4_flops(const struct model_options *m, const struct attn_share *s)
{
    return 4 * s->q_heads * (double)m->head_dim;
}

/* One entry each ratio tokens; ratio 1: uncompressed. */
static struct attn_term entries_term(const struct model_options *m, const struct kv_format *f,
                                     const struct attn_share *s, double ratio, double knee)
{
    double bytes = attn_v4_entry(m, f) / ratio, flops = attn_v4_flops(m, s) / ratio;

    return (struct attn_term){.knee = knee,
                              .stored = bytes,
                              .read = bytes,
                              .flops = flops,
                              .prefill_flops = flops,
                              .prefill = KERNEL_sparse_prefill,
                              .decode = KERNEL_sparse_decode};
}

void attn_v4_add_window(const struct model_options *m, const struct kv_format *f, const struct attn_share *s,
                        struct attn_profile *p)
{
    attn_add(p, s, entries_term(m, f, s, 1, (double)m->sliding_window));
}

static void window_profile(const struct model_options *m, const struct kv_format *f, int64_t tp, int64_t cp,
                           struct attn_profile *out)
{
    struct attn_share s = attn_share_of(m, tp, cp);

    *out = (struct attn_profile){0};
    attn_v4_add_window(m, f, &s, out);
}

static void profile(const struct model_options *m, const struct kv_format *f, int64_t tp, int64_t cp,
                    struct attn_profile *out)
{
    struct attn_share s = attn_share_of(m, tp, cp);

    *out = (struct attn_profile){.stored_const = 2.0 * HCA_RATIO * (double)m->head_dim * f->compressor_bytes};
    attn_add(out, &s, entries_term(m, f, &s, HCA_RATIO, INFINITY));
    attn_v4_add_window(m, f, &s, out);
}

/* Queries through a rank, one KV vector, the output in groups through a rank: q_a with kv, q_b, o_a, o_b. */
void attn_v4_weights(const struct model_options *m, struct attn_weights *out)
{
    double h = (double)m->hidden, rank = (double)m->q_lora_rank, heads = (double)m->q_heads * (double)m->head_dim;

    *out = (struct attn_weights){
        .sharded = rank * heads + heads * (double)m->o_lora_rank + (double)(m->o_groups * m->o_lora_rank) * h,
        .replicated = h * rank + h * (double)m->head_dim,
        .n_gemms = 4,
    };
}

/* The compressor's values and weights. */
static void weights(const struct model_options *m, struct attn_weights *out)
{
    attn_v4_weights(m, out);
    out->replicated += 2 * (double)m->hidden * (double)m->head_dim;
    out->n_gemms += 1;
}

const char *attn_v4_missing(const struct model_options *m)
{
    static const struct attn_need needs[] = {ATTN_NEED(head_dim),    ATTN_NEED(q_lora_rank), ATTN_NEED(qk_rope_dim),
                                             ATTN_NEED(o_lora_rank), ATTN_NEED(o_groups),    ATTN_NEED(sliding_window)};
    const char *key = attn_first_missing(m, needs, sizeof needs / sizeof *needs);

    return key ? key : m->qk_rope_dim > m->head_dim ? "qk_rope_dim" : NULL;
}

const struct attn_ops attn_hca_ops = {
    ATTN_HCA,        "hca",   "DeepSeek-V4: entries compressed 128:1, all attended, and a window",
    attn_v4_missing, profile, weights,
};

const struct attn_ops attn_v4_window_ops = {
    ATTN_V4_WINDOW, "v4_window", "DeepSeek-V4: the window alone", attn_v4_missing, window_profile, attn_v4_weights,
};
