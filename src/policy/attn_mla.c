/*
 * attn_mla.c - multi-head latent attention (DeepSeek-V2, arXiv 2405.04434).
 *
 * A token keeps one latent of c = kv_lora_rank elements for all heads, and a rotary key of r = qk_rope_dim. Decode
 * works on the latent (the up-projections are absorbed into queries and outputs), prefill on keys and values
 * decompressed from it. H query heads, n = qk_nope_dim, v = v_head_dim, per layer:
 *
 *   stored, read   c b + r b_rope + scales     bytes a token of context
 *   decode         2 H (2 c + r)               FLOPs a token of context: scores over c + r, sum over c
 *   prefill        2 H (n + r + v)             FLOPs a pair
 *
 * The latent is whole on each GPU that has other heads. The down projections (q_a, kv_a) are replicated, the rest is
 * split by heads.
 *
 * Not modelled: decompressing the cached latents again for each later chunk of a prompt.
 */
#include "policy/attn_kinds.h"

double attn_mla_entry(const struct model_options *m, const struct kv_format *f)
{
    return (double)m->kv_lora_rank * f->elem_bytes + (double)m->qk_rope_dim * f->rope_bytes + f->latent_scale_bytes;
}

double attn_mla_flops(const struct model_options *m, const struct attn_share *s)
{
    return 2 * s->q_heads * (double)(2 * m->kv_lora_rank + m->qk_rope_dim);
}

/* n_gemms, of a decode step: q_a with kv_a, q_b, the two absorbed products, o. */
void attn_mla_weights(const struct model_options *m, struct attn_weights *out)
{
    double h = (double)m->hidden, heads = (double)m->q_heads, rank = (double)m->q_lora_rank;
    double query = heads * (double)(m->qk_nope_dim + m->qk_rope_dim);
    double latent = (double)m->kv_lora_rank;

    *out = (struct attn_weights){
        .sharded = (rank > 0 ? rank : h) * query + latent * heads * (double)(m->qk_nope_dim + m->v_head_dim) +
                   heads * (double)m->v_head_dim * h,
        .replicated = h * rank + h * (latent + (double)m->qk_rope_dim),
        .n_gemms = 5,
    };
}

static void profile(const struct model_options *m, const struct kv_format *f, int64_t tp, int64_t cp,
                    struct attn_profile *out)
{
    struct attn_share s = attn_share_of(m, tp, cp);
    double bytes = attn_mla_entry(m, f);

    *out = (struct attn_profile){0};
    attn_add(
        out, &s,
        (struct attn_term){.knee = INFINITY,
                           .stored = bytes,
                           .read = bytes,
                           .flops = attn_mla_flops(m, &s),
                           .prefill_flops = 2 * s.q_heads * (double)(m->qk_nope_dim + m->qk_rope_dim + m->v_head_dim),
                           .prefill = KERNEL_mla_prefill,
                           .decode = KERNEL_mla_decode_bf16});
}

static const char *missing(const struct model_options *m)
{
    static const struct attn_need needs[] = {ATTN_NEED(kv_lora_rank), ATTN_NEED(qk_nope_dim), ATTN_NEED(qk_rope_dim),
                                             ATTN_NEED(v_head_dim)};
    return attn_first_missing(m, needs, sizeof needs / sizeof *needs);
}

const struct attn_ops attn_mla_ops = {
    ATTN_MLA, "mla",   "one latent of kv_lora_rank + qk_rope_dim elements for all heads",
    missing,  profile, attn_mla_weights,
};
