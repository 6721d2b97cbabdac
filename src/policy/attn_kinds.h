/*
 * attn_kinds.h - what the files of the attention kinds share among themselves; everybody else includes attn.h.
 *
 * How a layer is split. Of tp GPUs, cp hold other tokens of the same heads (decode context parallel) and tp/cp other
 * heads. A GPU so has q_heads/(tp/cp) query heads over 1/cp of the context: its FLOPs are 1/tp of the layer's for any
 * cp. It keeps max(kv_heads/(tp/cp), 1) KV heads of those tokens; a latent and its index keys are whole on each of the
 * tp/cp, as is the indexer's work.
 */
#ifndef POLICY_ATTN_KINDS_H
#define POLICY_ATTN_KINDS_H

#include <math.h>
#include <stddef.h>

#include "policy/attn.h"

extern const struct attn_ops attn_gqa_ops, attn_window_ops, attn_mla_ops, attn_dsa_ops, attn_dsa_shared_ops,
    attn_csa_ops, attn_hca_ops, attn_v4_window_ops, attn_linear_ops;

struct attn_share { /* of one GPU */
    double q_heads, kv_heads;
    double context; /* share of the tokens */
};

static inline struct attn_share attn_share_of(const struct model_options *m, int64_t tp, int64_t cp)
{
    double heads = (double)cp / (double)tp;

    return (struct attn_share){(double)m->q_heads * heads, fmax((double)m->kv_heads * heads, 1), 1 / (double)cp};
}

/* Adds a term whose figures are of all tokens: they are divided over the GPUs that share the context. */
static inline void attn_add(struct attn_profile *p, const struct attn_share *s, struct attn_term t)
{
    t.stored *= s->context;
    t.read *= s->context;
    t.flops *= s->context;
    t.prefill_flops *= s->context;
    p->term[p->n_terms++] = t;
}

/* A key of [model] that a kind cannot do without. */
struct attn_need {
    const char *key;
    size_t offset; /* of its int64_t in struct model_options */
};
#define ATTN_NEED(member)                                                                                              \
    {                                                                                                                  \
#member, offsetof(struct model_options, member)                                                                \
    }
/* The first of n that is not positive, or NULL. */
const char *attn_first_missing(const struct model_options *m, const struct attn_need *needs, size_t n);

/* attn_mla.c: bytes of a token's latent, FLOPs of a query token with one cached token, linear weights. */
double attn_mla_entry(const struct model_options *m, const struct kv_format *f);
double attn_mla_flops(const struct model_options *m, const struct attn_share *s);
void attn_mla_weights(const struct model_options *m, struct attn_weights *out);

/* DeepSeek-V4 (attn_hca.c): bytes of a cache entry, FLOPs of a query token with one entry, the window's term, and the
 * linear weights that all its layers have. */
double attn_v4_entry(const struct model_options *m, const struct kv_format *f);
double attn_v4_flops(const struct model_options *m, const struct attn_share *s);
void attn_v4_add_window(const struct model_options *m, const struct kv_format *f, const struct attn_share *s,
                        struct attn_profile *p);
const char *attn_v4_missing(const struct model_options *m);
void attn_v4_weights(const struct model_options *m, struct attn_weights *out);

#endif
