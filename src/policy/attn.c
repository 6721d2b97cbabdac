/*
 * attn.c - the list of attention kinds, the conventions of counting, and sums over a model's layers.
 */
#include "policy/attn.h"

#include "base/bug.h"
#include "policy/attn_kinds.h"

static const struct attn_ops *const kinds[ATTN_KINDS] = {
    [ATTN_GQA] = &attn_gqa_ops,       [ATTN_MLA] = &attn_mla_ops,
    [ATTN_DSA] = &attn_dsa_ops,       [ATTN_CSA] = &attn_csa_ops,
    [ATTN_WINDOW] = &attn_window_ops, [ATTN_DSA_SHARED] = &attn_dsa_shared_ops,
    [ATTN_HCA] = &attn_hca_ops,       [ATTN_V4_WINDOW] = &attn_v4_window_ops,
    [ATTN_LINEAR] = &attn_linear_ops,
};

const struct attn_ops *attn_get(enum attn_kind kind)
{
    return kinds[kind];
}

int64_t attn_layers(const struct model_options *m, enum attn_kind kind)
{
    int64_t others = 0;

    if ((int)kind != m->attention)
        return m->kind_layers[kind];
    for (int k = 0; k < ATTN_KINDS; k++)
        if (k != m->attention)
            others += m->kind_layers[k];
    return m->layers - others;
}

const char *attn_first_missing(const struct model_options *m, const struct attn_need *needs, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (*(const int64_t *)(const void *)((const char *)m + needs[i].offset) <= 0)
            return needs[i].key;
    return NULL;
}

/* ---- formats ---- */

static bool is_four_bit(int dtype)
{
    return dtype == DTYPE_NVFP4 || dtype == DTYPE_MXFP4 || dtype == DTYPE_MXFP4_FP8 || dtype == DTYPE_INT4;
}

/*
 * As serving engines keep it. GQA and MLA: one dtype, fp8 with one scale a tensor. DSA's fp8 latent (vLLM's and
 * FlashMLA's fp8_ds_mla, 656 bytes): 512 fp8, a float32 scale each 128, 64 bf16 rope elements; its index keys, fp8 with
 * a float32 scale (132 bytes) whatever the KV dtype. V4: an entry of 448 fp8 elements with an e8m0 scale each 64 (7,
 * padded to 8 bytes) and 64 bf16 rope elements (584 bytes); index keys fp4 with an e8m0 scale each 32 (68 bytes).
 * Scales of nvfp4 are in its dtype_bytes.
 */
static struct kv_format production_format(const struct model_options *m, int kv_dtype)
{
    struct kv_format f = {.elem_bytes = dtype_bytes(kv_dtype), .rope_bytes = dtype_bytes(kv_dtype)};
    bool fp8 = kv_dtype == DTYPE_FP8 || kv_dtype == DTYPE_FP8_BLOCK;

    if (m->attention == ATTN_DSA) {
        f.rope_bytes = 2;
        f.latent_scale_bytes = fp8 ? 4 * (double)m->kv_lora_rank / 128 : 0;
        f.index_bytes = 1;
        f.index_scale_bytes = 4;
    } else if (m->attention == ATTN_CSA) {
        f.rope_bytes = 2;
        f.latent_scale_bytes = fp8 ? ceil((double)(m->head_dim - m->qk_rope_dim) / 64 / 8) * 8 : 0;
        f.index_bytes = 0.5;
        f.index_scale_bytes = (double)m->index_head_dim / 32;
    }
    return f;
}

struct kv_format kv_format_of(const struct model_options *m, int kv_dtype, enum kv_convention convention)
{
    double bytes = is_four_bit(kv_dtype) ? 0.5 : dtype_bytes(kv_dtype);

    if (convention == KV_PRODUCTION)
        return production_format(m, kv_dtype);
    return (struct kv_format){
        .elem_bytes = bytes, .rope_bytes = bytes, .index_bytes = convention == KV_ARTICLE ? 2 : bytes};
}

/* ---- sums ---- */

enum figure { STORED, READ, FLOPS };

static double profile_sum(const struct attn_profile *p, enum figure which, double context)
{
    double sum = which == STORED ? p->stored_const : which == READ ? p->read_const : p->flops_const;

    for (int i = 0; i < p->n_terms; i++) {
        const struct attn_term *t = &p->term[i];
        double slope = which == STORED ? t->stored : which == READ ? t->read : t->flops;
        sum += slope * fmin(context, t->knee);
    }
    return sum;
}

static double model_sum(const struct model_options *m, const struct kv_format *f, int64_t tp, int64_t cp,
                        enum figure which, double context)
{
    double sum = 0;

    for (int k = 0; k < ATTN_KINDS; k++) {
        int64_t layers = attn_layers(m, (enum attn_kind)k);
        struct attn_profile p = {0};
        if (layers <= 0)
            continue;
        kinds[k]->profile(m, f, tp, cp, &p);
        sum += (double)layers * profile_sum(&p, which, context);
    }
    return sum;
}

double attn_stored(const struct model_options *m, const struct kv_format *f, int64_t tp, int64_t cp, double context)
{
    return model_sum(m, f, tp, cp, STORED, context);
}

double attn_read(const struct model_options *m, const struct kv_format *f, int64_t tp, int64_t cp, double context)
{
    return model_sum(m, f, tp, cp, READ, context);
}

double attn_flops(const struct model_options *m, const struct kv_format *f, int64_t tp, int64_t cp, double context)
{
    return model_sum(m, f, tp, cp, FLOPS, context);
}

/* ---- knees ---- */

/* Into a rising list without doubles. */
static int insert_knee(int64_t *knees, int n, int max, int64_t knee)
{
    int at = 0;

    while (at < n && knees[at] < knee)
        at++;
    if (at < n && knees[at] == knee)
        return n;
    sim_assert(n < max);
    for (int i = n; i > at; i--)
        knees[i] = knees[i - 1];
    knees[at] = knee;
    return n + 1;
}

int attn_knees(const struct model_options *m, int64_t *knees, int max)
{
    struct kv_format f = kv_format_of(m, DTYPE_BF16, KV_PLAIN);
    int n = 0;

    for (int k = 0; k < ATTN_KINDS; k++) {
        struct attn_profile p = {0};
        if (attn_layers(m, (enum attn_kind)k) <= 0)
            continue;
        kinds[k]->profile(m, &f, 1, 1, &p);
        for (int i = 0; i < p.n_terms; i++)
            if (isfinite(p.term[i].knee))
                n = insert_knee(knees, n, max, (int64_t)(p.term[i].knee + 0.5));
    }
    return n;
}
