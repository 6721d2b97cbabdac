/*
 * attn_csa.c - DeepSeek-V4's compressed sparse attention: one cache entry for each 4 tokens, an indexer that scans all
 * of them, the top k attended, and a window.
 *
 * e: bytes of an entry (attn_hca.c); i: bytes of an index key of w = index_head_dim elements, its scale included, one
 * an entry; g index heads, H query heads of d = head_dim, k = index_topk entries. Per layer, for a context of x tokens,
 * rounding to whole entries left out:
 *
 *   stored   (e + i) x/4 + e min(x, window)
 *   read     i x/4 + e min(x, 4 k)/4 + e min(x, window)
 *   FLOPs    2 g w x/4 + 4 H d (min(x, 4 k)/4 + min(x, window))     decode and prefill alike
 *
 * Caches and indexer are whole on each GPU that has other heads.
 *
 * An entry is pooled from 8 tokens, its own 4 and the 4 before, each with values and weights of twice the entry's width
 * (one half for either entry): the compressors' widths, and what they keep until the entry is made (see attn_hca.c).
 */
#include "policy/attn_kinds.h"

enum { CSA_RATIO = 4, OVERLAP = 2 };

static void profile(const struct model_options *m, const struct kv_format *f, int64_t tp, int64_t cp,
                    struct attn_profile *out)
{
    struct attn_share s = attn_share_of(m, tp, cp);
    double entry = attn_v4_entry(m, f) / CSA_RATIO;
    double key = ((double)m->index_head_dim * f->index_bytes + f->index_scale_bytes) / CSA_RATIO;
    double index_flops = 2 * (double)m->index_heads * (double)m->index_head_dim / CSA_RATIO;
    double flops = attn_v4_flops(m, &s) / CSA_RATIO;
    double kept = 2.0 * (OVERLAP * CSA_RATIO) * (double)(OVERLAP * (m->head_dim + m->index_head_dim));

    *out = (struct attn_profile){.stored_const = kept * f->compressor_bytes};
    attn_add(out, &s,
             (struct attn_term){.knee = INFINITY,
                                .stored = entry + key,
                                .read = key,
                                .flops = index_flops,
                                .prefill_flops = index_flops,
                                .prefill = KERNEL_indexer_prefill,
                                .decode = KERNEL_indexer_decode});
    attn_add(out, &s,
             (struct attn_term){.knee = (double)(CSA_RATIO * m->index_topk),
                                .read = entry,
                                .flops = flops,
                                .prefill_flops = flops,
                                .prefill = KERNEL_sparse_prefill,
                                .decode = KERNEL_sparse_decode});
    attn_v4_add_window(m, f, &s, out);
}

/* Beside a V4 layer's: the compressors of entries and of index keys, the indexer's queries and its heads' weights. */
static void weights(const struct model_options *m, struct attn_weights *out)
{
    double h = (double)m->hidden, heads = (double)m->index_heads, width = (double)m->index_head_dim;

    attn_v4_weights(m, out);
    out->replicated +=
        2 * OVERLAP * h * ((double)m->head_dim + width) + (double)m->q_lora_rank * heads * width + h * heads;
    out->n_gemms += 4;
}

static const char *missing(const struct model_options *m)
{
    static const struct attn_need needs[] = {ATTN_NEED(index_heads), ATTN_NEED(index_head_dim), ATTN_NEED(index_topk)};
    const char *key = attn_v4_missing(m);

    return key ? key : attn_first_missing(m, needs, sizeof needs / sizeof *needs);
}

const struct attn_ops attn_csa_ops = {
    ATTN_CSA, "csa",   "DeepSeek-V4: entries compressed 4:1, an indexer and top-k over them, and a window",
    missing,  profile, weights,
};
