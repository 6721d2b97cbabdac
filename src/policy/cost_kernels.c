/*
 * cost_kernels.c - which kernels a layout uses, and whether [kernels] has figures for each.
 *
 * A kernel without any efficiency would cost nothing but launches, so a scenario that needs one is refused. Half of the
 * figures are enough: some kernels were never seen bound by bytes, or by FLOPs. All-reduce by NCCL (allreduce_large)
 * may be missing: then the other one counts.
 */
#include "policy/cost_kernels.h"

#include "policy/cost.h"

enum kernel_id cost_gemm_kernel(int dtype)
{
    switch (dtype) {
    case DTYPE_FP8:
    case DTYPE_MXFP4_FP8:
        return KERNEL_gemm_fp8;
    case DTYPE_FP8_BLOCK:
        return KERNEL_gemm_fp8_block;
    case DTYPE_NVFP4:
        return KERNEL_gemm_nvfp4;
    default:
        return KERNEL_gemm_bf16;
    }
}

enum kernel_id cost_moe_kernel(int dtype)
{
    static const enum kernel_id kernel[DTYPES] = {
        [DTYPE_BF16] = KERNEL_moe_bf16,   [DTYPE_FP8] = KERNEL_moe_fp8,     [DTYPE_FP8_BLOCK] = KERNEL_moe_fp8_block,
        [DTYPE_NVFP4] = KERNEL_moe_nvfp4, [DTYPE_MXFP4] = KERNEL_moe_mxfp4, [DTYPE_MXFP4_FP8] = KERNEL_moe_mxfp4_fp8,
        [DTYPE_INT4] = KERNEL_moe_int4,
    };
    return kernel[dtype];
}

enum kernel_id cost_kv_kernel(int kernel, int kv_dtype)
{
    if (kv_dtype == DTYPE_BF16)
        return (enum kernel_id)kernel;
    return kernel == KERNEL_prefill_bf16      ? KERNEL_prefill_fp8
           : kernel == KERNEL_decode_bf16     ? KERNEL_decode_fp8
           : kernel == KERNEL_mla_decode_bf16 ? KERNEL_mla_decode_fp8
                                              : (enum kernel_id)kernel;
}

enum kernel_id cost_pcp_kernel(const struct layout *l)
{
    return l->replica.tp * l->replica.pcp > l->node.gpus ? KERNEL_network : KERNEL_allgather;
}

static void use_products(const struct layout *l, bool *used)
{
    const struct model_options *m = &l->model;

    used[KERNEL_gemm_bf16] = true; /* head */
    used[cost_gemm_kernel(layout_attention_dtype(l))] = true;
    if (m->experts == 0 || m->dense_layers > 0 || m->shared_inter > 0)
        used[cost_gemm_kernel(layout_mlp_dtype(l))] = true;
    if (m->experts > 0 && m->dense_layers < m->layers)
        used[cost_moe_kernel(layout_moe_dtype(l))] = true;
    used[KERNEL_elementwise] = true;
}

static void use_attention(const struct layout *l, bool *used)
{
    struct kv_format f = kv_format_of(&l->model, l->replica.kv_dtype, KV_PRODUCTION);

    for (int kind = 0; kind < ATTN_KINDS; kind++) {
        struct attn_profile p = {0};
        if (attn_layers(&l->model, (enum attn_kind)kind) <= 0)
            continue;
        attn_get((enum attn_kind)kind)->profile(&l->model, &f, l->replica.tp, l->replica.cp, &p);
        for (int i = 0; i < p.n_terms; i++) {
            used[cost_kv_kernel(p.term[i].decode, l->replica.kv_dtype)] = true;
            used[cost_kv_kernel(p.term[i].prefill, l->replica.kv_dtype)] = true;
        }
        if (kind == ATTN_LINEAR)
            used[KERNEL_linear_decode] = used[KERNEL_linear_prefill] = true;
    }
}

static void use_communication(const struct layout *l, bool *used)
{
    const struct replica_options *r = &l->replica;
    bool far = layout_gpus(l) > l->node.gpus;

    if (r->tp > 1)
        used[KERNEL_allreduce] = true;
    if (r->dp > 1 && l->model.experts > 0)
        used[far ? KERNEL_network : KERNEL_alltoall] = true;
    if (r->pp > 1)
        used[far ? KERNEL_network : KERNEL_allgather] = true;
    if (r->cp > 1)
        used[KERNEL_allgather] = true;
    if (r->pcp > 1)
        used[cost_pcp_kernel(l)] = true;
}

const char *cost_missing_kernel(const struct layout *l)
{
    static const char *const ids[KERNEL_COUNT] = {
#define KERNEL_NAME(id, help) #id,
        KERNELS(KERNEL_NAME)
#undef KERNEL_NAME
    };
    bool used[KERNEL_COUNT] = {false};

    use_products(l, used);
    use_attention(l, used);
    use_communication(l, used);
    for (int i = 0; i < KERNEL_COUNT; i++)
        if (used[i] && l->kernels.at[i].flops_efficiency <= 0 && l->kernels.at[i].memory_efficiency <= 0)
            return ids[i];
    return NULL;
}
