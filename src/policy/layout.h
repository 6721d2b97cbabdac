/*
 * layout.h - what a replica is made of: hardware, kernels, model, layout, serving software. Typed option structs only.
 */
#ifndef POLICY_LAYOUT_H
#define POLICY_LAYOUT_H

#include <stdbool.h>
#include <stdint.h>

#include "policy/kernel.h"
#include "policy/scheduler.h"

struct gpu_options { /* [gpu]: spec-sheet figures */
    const char *name;
    const char *generation; /* hopper, blackwell, ...: which calibration of an engine holds */
    const char *kernels;    /* preset of [kernels] that holds where the scenario names none */
    bool extrapolated;      /* its kernels were measured on another GPU */
    int64_t memory_bytes;
    double memory_Bps;
    double bf16_flops, fp8_flops, fp4_flops; /* dense, FLOP/s; 0: the type has no units of its own */
    double nvlink_Bps;                       /* one direction, per GPU; 0: none */
    double network_Bps;                      /* one direction, per GPU, between nodes; 0: none */
};

/* What attends to what. A model has one main kind and may have some layers of another. */
enum attn_kind {
    ATTN_GQA,        /* grouped queries over the whole context; multi-head is kv_heads = q_heads */
    ATTN_MLA,        /* latent of kv_lora_rank + qk_rope_dim elements */
    ATTN_DSA,        /* MLA whose queries attend the index_topk tokens that an indexer picks */
    ATTN_CSA,        /* DeepSeek-V4: entries compressed 4:1, indexer and top-k over them, and a window */
    ATTN_WINDOW,     /* GQA over the last sliding_window tokens */
    ATTN_DSA_SHARED, /* DSA that uses the choice of the layer before: no indexer of its own */
    ATTN_HCA,        /* DeepSeek-V4: entries compressed 128:1, all attended, and a window */
    ATTN_V4_WINDOW,  /* DeepSeek-V4: the window alone */
    ATTN_LINEAR,     /* gated delta net: a state of fixed size */
    ATTN_KINDS
};

struct model_options { /* [model]; widths in elements, 0 where the model has no such part */
    const char *name;
    int64_t layers, hidden, vocab, max_context;
    bool tie_embeddings;
    int attention;                       /* main kind: ATTN_GQA, MLA, DSA or CSA */
    int64_t kind_layers[ATTN_KINDS];     /* of the others; those of the main kind are the rest (attn_layers) */
    int64_t q_heads, kv_heads, head_dim; /* head_dim: of GQA and V4; MLA has the four below */
    int64_t q_lora_rank, kv_lora_rank, qk_nope_dim, qk_rope_dim, v_head_dim;
    int64_t o_lora_rank, o_groups;                   /* V4: output projection in groups through a rank */
    int64_t index_heads, index_head_dim, index_topk; /* topk: in entries of the cache */
    int64_t sliding_window;
    int64_t linear_k_heads, linear_v_heads, linear_k_dim, linear_v_dim, linear_conv;
    int64_t dense_inter, dense_layers;              /* gated MLP; layers without experts (all where experts = 0) */
    int64_t experts, topk, moe_inter, shared_inter; /* shared_inter: of all shared experts together */
    int64_t norm_reduces; /* small all-reduces a layer beside the two of a block, where tp > 1 */
    int64_t mtp_layers;
    int64_t hc_mult;                                      /* V4: residual streams (hyper-connections) */
    int64_t engram_layers, engram_rows, engram_row_bytes; /* table rows read per token and layer */
    int fp4_scope;                                        /* what 4-bit checkpoints quantise: enum fp4_scope */
};

enum fp4_scope { FP4_ALL, FP4_MLP, FP4_EXPERTS };

/* Whether attention ranks, or the micro-batches of pipeline stages, are one batch or have their own. */
enum batches { BATCHES_TOGETHER, BATCHES_APART };

enum spec_method { SPEC_MTP, SPEC_DRAFT, SPEC_NGRAM };

enum { SPEC_TOKENS_MAX = 64 }; /* no more than a list holds */

struct replica_options { /* [replica]; GPUs of one copy: tp * dp * pp * pcp */
    int64_t count, tp, pp;
    int64_t dp;             /* attention data parallel ranks */
    int ranks, micro_batches; /* enum batches: of the dp ranks, of the pp stages */
    int64_t moe_tp, moe_ep; /* of the experts; moe_tp * moe_ep = tp * dp. 0, 0: tp * dp, 1 or with dp > 1: 1, tp * dp */
    int64_t cp;             /* decode context parallel: KV of one sequence over so many of the tp ranks */
    int64_t pcp;            /* prefill context parallel: so many groups of tp GPUs share prompts and KV of a sequence */
    int dtype;              /* enum dtype */
    int moe_dtype, attention_dtype; /* 0: as dtype and the model's fp4_scope say; else 1 + enum dtype */
    int kv_dtype;                   /* enum dtype: bf16, fp8, nvfp4 */
    bool kv_scales;                 /* scales of quantised KV are stored with it */
    int64_t kv_block_tokens;
    double memory_fraction;
    int64_t activation_bytes; /* per GPU; 0: from the formula of DESIGN.md */
    int64_t spec_tokens;      /* draft tokens verified in a step; 0: no speculation */
    int spec_method;          /* enum spec_method: where they come from */
    struct opt_list spec_acceptance; /* of each, given that those before it were accepted; one number: of all */
    int64_t spec_host_ns;     /* of a step: what the host does to have drafts */
    double expert_skew;       /* Zipf exponent of the experts' popularity */
    int64_t redundant_experts; /* copies of popular ones, placed so that ranks have as much to do */
    bool two_batch_overlap;    /* dispatch and combine of one half of a step beside the other half's computing */
    double overlap_compute;    /* share of a GPU that is left to computing beside them */
};

/* [engine]: what the serving software does beside and to the GPU's kernels. Fitted by `tiersim calibrate`. */
struct engine_options {
    const char *name;
    int64_t step_overhead_ns;    /* per step */
    int64_t seq_overhead_ns;     /* per running sequence and step */
    int64_t prefill_overhead_ns; /* per step that computes prompt tokens: input preparation */
    int64_t kernel_dispatch_ns;  /* a step with prompts runs without CUDA graph: it takes at least so long a kernel */
    int64_t receive_interval;    /* decode steps from one look at the requests that came to the next; SGLang */
    int64_t balance_timeout; /* dp > 1: steps that prompts wait for one a rank at most; TensorRT-LLM; 0: they don't */
    int64_t batch_wait_timeout; /* dp = 1: steps that prompts wait for more of them; TensorRT-LLM; 0: they don't */
    double batch_wait_share;    /* of a step's tokens: with so many they wait no longer */
    int64_t stream_interval; /* a client is sent its first token with so many that follow it, or with its last */
    int64_t request_latency_ns; /* from arrival to the replica's queue */
    int64_t request_service_ns; /* of it, one request after the other (the front end is one thread) */
    int64_t token_service_ns;   /* likewise for each prompt token: tokenising */
    /* Time of the GPU's work against the kernels measured: what grows with the tokens (flops) and what does not,
     * weights and launches (weights). moe_flops: of quantised experts, those that engines were measured with; bf16 ones
     * keep the kernels' time. moe4: of 4-bit experts, on top. attention: of decodes, prefill: of prompts. */
    double gemm_scale, gemm_flops_scale, moe_scale, moe_flops_scale, moe4_scale;
    double moe_flops_rows; /* of an expert: what moe_flops_scale adds grows with its rows up to so many */
    double attention_scale, prefill_scale, comm_scale, launch_scale;
    bool extrapolated; /* fitted on another generation of GPUs */
    /* Measured/predicted: 90% interval of rows not fitted on; 0: unknown. */
    double tpot_low, tpot_high, ttft_low, ttft_high;
    int calibration; /* enum engine_calibration: where in those intervals the run is */
    double decode_factor, prefill_factor; /* of steps' times, which follow from that (scenario/calibration.c); 0: 1 */
};

enum engine_calibration { CALIBRATION_BEST, CALIBRATION_LOW, CALIBRATION_HIGH, CALIBRATION_DRAWN };

struct node_options { /* [node] */
    int64_t gpus;     /* that NVLink joins */
};

/* What of a replica lies below HBM, from [experts], [memory] and [cache]; all 0: nothing. */
struct lower_share {
    double cold_experts;    /* share of the routed experts' bytes */
    bool tables;            /* conditional memory tables */
    int64_t overflow_bytes; /* room for KV of running sequences */
};

struct layout {
    struct node_options node;
    struct gpu_options gpu;
    struct kernels kernels;
    struct model_options model;
    struct replica_options replica;
    struct engine_options engine;
    struct scheduler_limits limits;
    struct lower_share lower;
    struct model_options draft; /* [draft], of spec_method = draft; layers 0: there is none */
};

static inline int64_t layout_gpus(const struct layout *l)
{
    return l->replica.tp * l->replica.dp * l->replica.pp * l->replica.pcp;
}

/* Members of a replica: batches of their own, with their own KV (model/group.h); 1: it is one batch. */
static inline int64_t layout_members(const struct layout *l)
{
    const struct replica_options *r = &l->replica;

    return r->ranks == BATCHES_APART && r->dp > 1 ? r->dp : r->micro_batches == BATCHES_APART ? r->pp : 1;
}

/* Its members are micro-batches of pipeline stages. */
static inline bool layout_is_staggered(const struct layout *l)
{
    return l->replica.micro_batches == BATCHES_APART && l->replica.pp > 1;
}

/* Attention ranks that are one batch. */
static inline int64_t layout_ranks(const struct layout *l)
{
    return l->replica.ranks == BATCHES_APART ? 1 : l->replica.dp;
}

/* What has the KV cache that a sequence must fit into, for messages. */
static inline const char *layout_holder(const struct layout *l)
{
    return l->replica.dp > 1 ? "an attention rank (dp)" : layout_members(l) > 1 ? "a micro-batch (pp)" : "a replica";
}

/* Nodes that its replicas stand on. */
static inline int64_t layout_hosts(const struct layout *l)
{
    int64_t gpus = layout_gpus(l), node = l->node.gpus, n = l->replica.count;

    return gpus > node ? n * ((gpus + node - 1) / node) : (n + node / gpus - 1) / (node / gpus);
}

/* Units of a link or tier with so many GPUs each (0: all), as the model counts them (model/memory.h): what a replica on
 * more GPUs spreads over counts as one. */
static inline int64_t layout_units(const struct layout *l, int64_t gpus)
{
    int64_t replica = layout_gpus(l), n = l->replica.count;
    int64_t span = gpus == 0 || gpus > replica * n ? n : gpus > replica ? gpus / replica : 1;

    return (n + span - 1) / span;
}

#endif
