/*
 * attn_dsa.c - DeepSeek sparse attention (DeepSeek-V3.2, arXiv 2512.02556): MLA whose queries attend the index_topk
 * tokens that a light indexer picks, after scanning them all.
 *
 * e: bytes of a latent (attn_mla.c); i: bytes of an index key of w = index_head_dim elements, its scale included; g
 * index heads, H query heads, k = index_topk. Per layer, for a context of x tokens:
 *
 *   stored   (e + i) x
 *   read     i x + e min(x, k)
 *   FLOPs    2 g w x + 2 H (2 kv_lora_rank + qk_rope_dim) min(x, k)
 *
 * in decode and prefill alike: both work on the latent. The cache is cut down in reads, not in size. The indexer is
 * whole on each GPU that has other heads, weights and work.
 *
 * DSA_SHARED (GLM-5.2): a layer that takes the choice of the layer before has neither index keys nor indexer.
 */
#include "policy/attn_kinds.h"

static struct attn_term sparse_term(const struct model_options *m, const struct kv_format *f,
                                    const struct attn_share *s)
{
    double flops = attn_mla_flops(m, s);

    return (struct attn_term){.knee = (double)m->index_topk,
                              .read = attn_mla_entry(m, f),
                              .flops = flops,
                              .prefill_flops = flops,
                              .prefill = KERNEL_sparse_prefill,
                              .decode = KERNEL_sparse_decode};
}

static void shared_profile(const struct model_options *m, const struct kv_format *f, int64_t tp, int64_t cp,
                           struct attn_profile *out)
{
    struct attn_share s = attn_share_of(m, tp, cp);
    struct attn_term cache = {.knee = INFINITY,
                              .stored = attn_mla_entry(m, f),
                              .prefill = KERNEL_sparse_prefill,
                              .decode = KERNEL_sparse_decode};

    *out = (struct attn_profile){0};
    attn_add(out, &s, cache);
    attn_add(out, &s, sparse_term(m, f, &s));
}

static void profile(const struct model_options *m, const struct kv_format *f, int64_t tp, int64_t cp,
                    struct attn_profile *out)
{
    struct attn_share s = attn_share_of(m, tp, cp);
    double key = (double)m->index_head_dim * f->index_bytes + f->index_scale_bytes;
    double flops = 2 * (double)m->index_heads * (double)m->index_head_dim;

    *out = (struct attn_profile){0};
    attn_add(out, &s,
             (struct attn_term){.knee = INFINITY,
                                .stored = attn_mla_entry(m, f) + key,
                                .read = key,
                                .flops = flops,
                                .prefill_flops = flops,
                                .prefill = KERNEL_indexer_prefill,
                                .decode = KERNEL_indexer_decode});
    attn_add(out, &s, sparse_term(m, f, &s));
}

/* The indexer's query comes from q's latent, its key and its heads' weights from the residual stream. */
static void weights(const struct model_options *m, struct attn_weights *out)
{
    double h = (double)m->hidden, heads = (double)m->index_heads, width = (double)m->index_head_dim;

    attn_mla_weights(m, out);
    out->replicated += (double)m->q_lora_rank * heads * width + h * width + h * heads;
    out->n_gemms += 3;
}

static const char *shared_missing(const struct model_options *m)
{
    const char *key = attn_get(ATTN_MLA)->missing(m);

    return key ? key : m->index_topk > 0 ? NULL : "index_topk";
}

static const char *missing(const struct model_options *m)
{
    static const struct attn_need needs[] = {ATTN_NEED(q_lora_rank), ATTN_NEED(index_heads), ATTN_NEED(index_head_dim)};
    const char *key = shared_missing(m);

    return key ? key : attn_first_missing(m, needs, sizeof needs / sizeof *needs);
}

const struct attn_ops attn_dsa_ops = {
    ATTN_DSA, "dsa", "MLA whose queries attend the index_topk tokens that an indexer picks", missing, profile, weights,
};

const struct attn_ops attn_dsa_shared_ops = {
    ATTN_DSA_SHARED, "dsa_shared",   "DSA with the choice of the layer before: no indexer of its own",
    shared_missing,  shared_profile, attn_mla_weights,
};
