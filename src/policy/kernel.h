/*
 * kernel.h - the time of one kernel on one GPU, by a few measured figures.
 *
 *   t = launch + max( (FLOPs + half * FLOPs of a unit) / (peak * e_c),  bytes / (bandwidth * e_m) )
 *
 * with e_c = flops_efficiency, e_m = memory_efficiency. Both shares are smooth functions of size: of the peak,
 * e_c * m / (m + half) is reached by m units of work; of the bandwidth, e_m * b / (b + b0) with b0 = launch * bandwidth
 * * e_m. What a unit is: a token (GEMM), a query token of a sequence (attention).
 *
 * Routed experts read their weights and then compute, tile by tile, with little overlap; measured times are sums:
 *
 *   t = launch + (1 + width / w) * ( weights / (bandwidth * e_m) + max( FLOPs / (peak * e_c), activations / (bandwidth
 * * e_m) ) )
 *
 * for shards w wide inside: narrow ones waste part of each tile.
 *
 * The figures are fitted per GPU, dtype and operator by `tiersim calibrate kernels` (data/calibration); times in
 * seconds, bytes in bytes, peak in FLOP/s. Not modelled: wave quantisation, split heuristics, L2 residency.
 */
#ifndef POLICY_KERNEL_H
#define POLICY_KERNEL_H

#include <stdbool.h>
#include <stdint.h>

enum dtype {
    DTYPE_BF16,
    DTYPE_FP8,       /* one scale a tensor */
    DTYPE_FP8_BLOCK, /* a scale each 128 x 128 */
    DTYPE_NVFP4,     /* weights and activations; an fp8 scale each 16 */
    DTYPE_MXFP4,     /* weights only, bf16 activations; an e8m0 scale each 32 */
    DTYPE_MXFP4_FP8, /* the same with fp8 activations */
    DTYPE_INT4,      /* weights only; a bf16 scale each 32 */
    DTYPES
};

/* Whether products with weights of this type run on the fp8 units; activations are then fp8 too. */
static inline bool dtype_multiplies_fp8(int dtype)
{
    return dtype == DTYPE_FP8 || dtype == DTYPE_FP8_BLOCK || dtype == DTYPE_MXFP4_FP8;
}

/* Bytes of an element, scales included. */
static inline double dtype_bytes(int dtype)
{
    static const double bytes[DTYPES] = {2, 1, 1, 0.5 + 1.0 / 16, 0.5 + 1.0 / 32, 0.5 + 1.0 / 32, 0.5 + 2.0 / 32};
    return bytes[dtype];
}

/* One row a kernel: id, what its unit is. Keys of [kernels] are ID_flops_efficiency, ID_half, ID_memory_efficiency,
 * ID_launch, ID_width. */
#define KERNELS(K)                                                                                                     \
    K(gemm_bf16, "dense matrix products, bf16")                                                                        \
    K(gemm_fp8, "dense matrix products, fp8, one scale a tensor")                                                      \
    K(gemm_fp8_block, "dense matrix products, fp8, block scales")                                                      \
    K(gemm_nvfp4, "dense matrix products, nvfp4")                                                                      \
    K(moe_bf16, "routed experts, bf16")                                                                                \
    K(moe_fp8, "routed experts, fp8, one scale a tensor")                                                              \
    K(moe_fp8_block, "routed experts, fp8, block scales")                                                              \
    K(moe_nvfp4, "routed experts, nvfp4")                                                                              \
    K(moe_mxfp4, "routed experts, mxfp4 weights, bf16 activations")                                                    \
    K(moe_mxfp4_fp8, "routed experts, mxfp4 weights, fp8 activations")                                                 \
    K(moe_int4, "routed experts, int4 weights, bf16 activations")                                                      \
    K(prefill_bf16, "prefill attention (GQA), bf16 KV")                                                                \
    K(prefill_fp8, "prefill attention (GQA), fp8 KV")                                                                  \
    K(decode_bf16, "decode attention (GQA), bf16 KV")                                                                  \
    K(decode_fp8, "decode attention (GQA), fp8 KV")                                                                    \
    K(mla_prefill, "prefill attention of MLA, decompressed")                                                           \
    K(mla_decode_bf16, "decode attention of MLA on the latent, bf16 KV")                                               \
    K(mla_decode_fp8, "decode attention of MLA on the latent, fp8 KV")                                                 \
    K(sparse_prefill, "top-k attention on the latent (DSA, CSA), HCA and V4's window: prefill")                        \
    K(sparse_decode, "the same: decode")                                                                               \
    K(indexer_prefill, "indexer's logits and top-k (DSA, CSA): prefill")                                               \
    K(indexer_decode, "the same: decode")                                                                              \
    K(linear_prefill, "linear attention (gated delta net): prefill")                                                   \
    K(linear_decode, "the same: decode")                                                                               \
    K(elementwise, "norms, rotary embedding, activation, residual: one layer's small kernels")                         \
    K(allreduce, "all-reduce over NVLink in one kernel, as engines do small ones; bytes are what each GPU sends")      \
    K(allreduce_large, "the same by NCCL; the faster of both is taken")                                                \
    K(allgather, "all-gather and reduce-scatter over NVLink; likewise")                                                \
    K(alltoall, "all-to-all, dispatch or combine, over NVLink; likewise")                                              \
    K(network, "sends between nodes; likewise")

enum kernel_id {
#define KERNEL_ID(id, help) KERNEL_##id,
    KERNELS(KERNEL_ID)
#undef KERNEL_ID
        KERNEL_COUNT
};

struct kernel {
    double flops_efficiency;  /* of the peak, by large problems; 0: no compute bound */
    double half;              /* units at which half of it is reached */
    double memory_efficiency; /* of the nominal bandwidth; 0: no bound by bytes */
    double launch_s;
    double width; /* experts only: work grows by 1 + width/w for a shard w wide inside (kernel_narrow) */
};

struct kernels { /* [kernels] */
    const char *name;
    struct kernel at[KERNEL_COUNT];
};

/* Narrow shards of an expert waste part of each tile: its FLOPs and bytes count so many times. */
static inline double kernel_narrow(const struct kernel *k, double inner)
{
    return 1 + k->width / inner;
}

/* The two bounds of a kernel, seconds; 0 where it is not bound so. */
static inline double kernel_flops_s(const struct kernel *k, double flops, double peak)
{
    return k->flops_efficiency > 0 ? flops / (peak * k->flops_efficiency) : 0;
}

static inline double kernel_bytes_s(const struct kernel *k, double bytes, double Bps)
{
    return k->memory_efficiency > 0 ? bytes / (Bps * k->memory_efficiency) : 0;
}

#endif
