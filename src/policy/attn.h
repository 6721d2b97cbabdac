/*
 * attn.h - attention kinds: what a layer stores, reads and computes as a function of the context, in closed form.
 *
 * Every kind is a sum of terms, each linear in the context up to a knee (a window, a top-k) and constant beyond it. For
 * a sequence that attends x tokens (the new one included), per GPU and layer,
 *
 *   stored(x) = stored_const + sum_i stored_i * min(x, knee_i)        bytes kept after the step
 *   read(x)   = read_const   + sum_i read_i   * min(x, knee_i)        bytes read by one decode token
 *   flops(x)  = flops_const  + sum_i flops_i  * min(x, knee_i)        FLOPs of one decode token
 *
 * so a batch needs only S_k = sum over its sequences of min(x, k) for the few knees of its model (batch.h), and a
 * prompt chunk of c tokens after s only P_k = sum over t = s+1 .. s+c of min(t, k) (attn_pairs): prefill FLOPs are
 * sum_i prefill_flops_i * P_(knee_i).
 *
 *   read |        ____________ knee (top-k)
 *        |      /
 *        |    /        + an indexer without knee: another term
 *        |  /
 *        +------------------------> x
 *
 * A compressed cache of one entry each r tokens has 1/r of an entry's bytes a token; roundings to whole entries and
 * blocks are left out. Weights of the projections are not attention: attn_weights counts them.
 * Adding a kind: one file with its ops, one line in attn.c.
 */
#ifndef POLICY_ATTN_H
#define POLICY_ATTN_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>

#include "policy/layout.h"

enum { ATTN_TERMS = 4 };

/* How cache elements are stored. */
struct kv_format {
    double elem_bytes;         /* of K and V, or of the latent without its rope part */
    double rope_bytes;         /* of a latent's or V4 entry's rope element: DSA and V4 keep them in bf16 */
    double latent_scale_bytes; /* added to each latent or V4 entry: 16 (DSA fp8), 8 (V4 fp8) */
    double index_bytes;        /* of an index key's element */
    double index_scale_bytes;  /* added to each index key */
    double compressor_bytes;   /* of an element that V4's compressors keep until an entry is made (fp32: 4); 0: not
                                  counted, as no convention of people does. Engines do hold it: memory counts it */
};

/* The conventions people count KV cache in; kv_format_of makes the format of one. */
enum kv_convention {
    KV_PLAIN,      /* every element in the KV dtype, no scales */
    KV_ARTICLE,    /* KV dtype, but 2-byte index keys, no scales */
    KV_PRODUCTION, /* as the engines keep it: scales, bf16 rope elements, fp8 or fp4 index keys with a scale */
    KV_CONVENTIONS
};

struct attn_term {
    double knee;                               /* tokens; INFINITY: none */
    double stored, read, flops, prefill_flops; /* per token of context below the knee */
    int prefill, decode;                       /* enum kernel_id: which kernel does it */
};

struct attn_profile { /* of one layer on one GPU of the tp group */
    struct attn_term term[ATTN_TERMS];
    int n_terms;
    double stored_const, read_const, flops_const; /* per sequence: state of linear layers, compressor */
    double token_flops;                           /* per prompt token, whatever the context (linear layers) */
};

struct attn_weights {  /* elements of one layer's linear weights */
    double sharded;    /* of the whole layer; each of tp GPUs has 1/tp */
    double kv_sharded; /* of the whole layer; each GPU has 1/min(tp, kv_heads) */
    double replicated; /* each GPU has all */
    int n_gemms;       /* matrix products one after the other: launches */
};

struct attn_ops {
    enum attn_kind kind;
    const char *name, *help;
    /* Checks what the kind needs: NULL, or the model key that is missing or wrong. */
    const char *(*missing)(const struct model_options *m);
    /* tp: GPUs the heads are split over; cp: over which of them the context is, too (1: none). */
    void (*profile)(const struct model_options *m, const struct kv_format *f, int64_t tp, int64_t cp,
                    struct attn_profile *out);
    void (*weights)(const struct model_options *m, struct attn_weights *out);
};

const struct attn_ops *attn_get(enum attn_kind kind);
/* Layers of a kind: kind_layers, or for the main kind what the others leave. */
int64_t attn_layers(const struct model_options *m, enum attn_kind kind);
/* kv_dtype: enum dtype. V4's index keys are fp4 in production, DSA's fp8. */
struct kv_format kv_format_of(const struct model_options *m, int kv_dtype, enum kv_convention convention);

/* Sums over all layers of the model, per GPU. */
double attn_stored(const struct model_options *m, const struct kv_format *f, int64_t tp, int64_t cp, double context);
double attn_read(const struct model_options *m, const struct kv_format *f, int64_t tp, int64_t cp, double context);
double attn_flops(const struct model_options *m, const struct kv_format *f, int64_t tp, int64_t cp, double context);

/* The distinct finite knees of a model, rounded to whole tokens, rising; at most max. Gives how many. */
int attn_knees(const struct model_options *m, int64_t *knees, int max);

/* Linear weights of the whole model, in elements. Norms, biases, convolutions and MTP layers are left out. */
struct model_parts {
    double attention, dense, routed, shared; /* routed: all experts */
    double router;
    double embedding, head; /* head 0 where tied: the embedding is used twice */
};
struct model_parts model_parts_of(const struct model_options *m);

/* Parameters of the whole model: all, and those a token uses (attention, dense, shared, topk experts, head; no
 * embedding). */
double model_params(const struct model_options *m);
double model_active_params(const struct model_options *m);

/* Sum over t = s+1 .. s+c of min(t, knee). Exact; knee < 0: none. */
static inline int64_t attn_pairs(int64_t s, int64_t c, int64_t knee)
{
    if (knee < 0 || s + c <= knee)
        return c * s + c * (c + 1) / 2;
    if (s >= knee)
        return c * knee;
    int64_t below = knee - s; /* tokens up to the knee */
    return below * s + below * (below + 1) / 2 + (c - below) * knee;
}

#endif
