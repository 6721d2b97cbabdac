/*
 * attn_linear.c - gated delta net (Yang et al., arXiv 2412.06464), the linear layers of Qwen3-Next and Qwen3.5.
 *
 * A sequence keeps a state of fixed size instead of a cache: for each of V = linear_v_heads a matrix of k x v =
 * linear_k_dim x linear_v_dim in float32, and the last w - 1 inputs (w = linear_conv) of the convolution over queries
 * and keys (K = linear_k_heads of size k each) and values, in bf16. Per layer:
 *
 *   stored   4 V k v + 2 (w - 1) (2 K k + V v)     bytes a sequence, whatever its context
 *   read     twice that                            a step reads and writes it
 *   FLOPs    7 V k v + 2 w (2 K k + V v)           a token: on each element of the state 1 for the decay, 2 each for
 *                                                  reading with the key, the rank-1 update, reading with the query
 *
 * Prefill works in chunks and does more FLOPs on faster units; the kernel's measured efficiency stands for that. All is
 * split over tp by heads; the context has no part in it, so decode context parallel changes nothing.
 */
#include "policy/attn_kinds.h"

static double state_elements(const struct model_options *m)
{
    return (double)m->linear_v_heads * (double)m->linear_k_dim * (double)m->linear_v_dim;
}

static double key_width(const struct model_options *m)
{
    return (double)(m->linear_k_heads * m->linear_k_dim);
}

static double value_width(const struct model_options *m)
{
    return (double)(m->linear_v_heads * m->linear_v_dim);
}

static void profile(const struct model_options *m, const struct kv_format *f, int64_t tp, int64_t cp,
                    struct attn_profile *out)
{
    double channels = 2 * key_width(m) + value_width(m), share = 1 / (double)tp;
    double bytes = share * (4 * state_elements(m) + 2 * (double)(m->linear_conv - 1) * channels);
    double flops = share * (7 * state_elements(m) + 2 * (double)m->linear_conv * channels);

    (void)f; /* the state keeps its own types */
    (void)cp;
    *out = (struct attn_profile){
        .stored_const = bytes, .read_const = 2 * bytes, .flops_const = flops, .token_flops = flops};
}

/* Queries, keys, values and output gate in one; decay and step size of each value head; output. */
static void weights(const struct model_options *m, struct attn_weights *out)
{
    double h = (double)m->hidden, values = value_width(m);

    *out = (struct attn_weights){
        .sharded = h * (2 * key_width(m) + 2 * values) + 2 * h * (double)m->linear_v_heads + values * h, .n_gemms = 3};
}

static const char *missing(const struct model_options *m)
{
    static const struct attn_need needs[] = {ATTN_NEED(linear_k_heads), ATTN_NEED(linear_v_heads),
                                             ATTN_NEED(linear_k_dim), ATTN_NEED(linear_v_dim), ATTN_NEED(linear_conv)};
    return attn_first_missing(m, needs, sizeof needs / sizeof *needs);
}

const struct attn_ops attn_linear_ops = {
    ATTN_LINEAR, "linear", "gated delta net: a state of fixed size", missing, profile, weights,
};
