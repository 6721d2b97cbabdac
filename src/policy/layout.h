/*
 * layout.h - what a replica is made of: hardware, model, layout, serving software. Typed option structs only.
 */
#ifndef POLICY_LAYOUT_H
#define POLICY_LAYOUT_H

#include <stdbool.h>
#include <stdint.h>

#include "policy/scheduler.h"

struct gpu_options { /* [gpu] */
    const char *name;
    int64_t memory_bytes;
    double memory_Bps;
    double bf16_flops, fp8_flops; /* dense, FLOP/s */
    double nvlink_Bps;            /* one direction */
    double gemm_efficiency;       /* share of peak FLOP/s that large bf16 GEMMs reach */
    double fp8_gemm_efficiency;   /* likewise fp8, of the fp8 peak */
    double attention_efficiency;  /* share of peak FLOP/s that prefill attention reaches */
    double memory_efficiency;     /* share of nominal bandwidth that weights and KV reads reach */
    double nvlink_efficiency;     /* share of nominal that all-reduce bus bandwidth reaches */
    int64_t allreduce_latency_ns; /* of one all-reduce of a few bytes */
    int64_t layer_launch_ns;      /* fixed time of one transformer layer's kernels beyond the roofline */
};

struct model_options { /* [model]: dense decoder with grouped-query attention */
    const char *name;
    int64_t layers, hidden, vocab, q_heads, kv_heads, head_dim, dense_inter, max_context;
    bool tie_embeddings;
};

enum dtype { DTYPE_BF16, DTYPE_FP8 };

struct replica_options { /* [replica] */
    int64_t count, tp;
    int dtype, kv_dtype; /* enum dtype */
    int64_t kv_block_tokens;
    double memory_fraction;
    int64_t activation_bytes; /* per GPU; 0: from the formula of DESIGN.md */
};

struct engine_options { /* [engine]: what the serving software costs beside the GPU's work */
    const char *name;
    int64_t step_overhead_ns; /* per step */
    int64_t seq_overhead_ns;  /* per running sequence and step */
};

struct layout {
    struct gpu_options gpu;
    struct model_options model;
    struct replica_options replica;
    struct engine_options engine;
    struct scheduler_limits limits;
};

#endif
