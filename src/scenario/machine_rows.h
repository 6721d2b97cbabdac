/*
 * machine_rows.h - the keys of [cluster], [node], [gpu], [kernels] and [model]: a part of tables.c, which alone includes
 * it.
 */
#ifndef SCENARIO_MACHINE_ROWS_H
#define SCENARIO_MACHINE_ROWS_H

#include "policy/experts.h"
#include "scenario/rows.h"
#include "scenario/scenario.h"

static const struct opt cluster_rows[] = {
    INT("nodes", cluster_options, nodes, 1, 1e6, "", "nodes there are; without it, as many as the replicas need"),
};

static const struct opt node_rows[] = {
    INT("gpus", node_options, gpus, 1, 1024, "8", "GPUs of a node that NVLink joins; a replica stays within a node"),
};

/* Hardware figures have no defaults: no hardware number stands in C. */
static const struct opt gpu_rows[] = {
    TEXT("name", gpu_options, name, "custom", "what reports call it"),
    TEXT("generation", gpu_options, generation, "",
         "hopper, blackwell, ...: with [engine] preset = NAME the file NAME-GENERATION is taken if there is one"),
    TEXT("kernels", gpu_options, kernels, "",
         "preset of [kernels] that holds for this GPU; for one that was never measured, its nearest kin's"),
    BOOL("extrapolated", gpu_options, extrapolated, "no", "its kernels were measured on another GPU: results say so"),
    BYTES("memory", gpu_options, memory_bytes, 1, BIG, NULL, "memory of a GPU"),
    QUANTITY("memory_bandwidth", UNIT_BYTE_PER_S, gpu_options, memory_Bps, 1, BIG, NULL, "nominal memory bandwidth"),
    QUANTITY("bf16_flops", UNIT_FLOP_PER_S, gpu_options, bf16_flops, 1, BIG, NULL,
             "peak of dense bf16 matrix products"),
    QUANTITY("fp8_flops", UNIT_FLOP_PER_S, gpu_options, fp8_flops, 1, BIG, "", "peak of dense fp8 matrix products"),
    QUANTITY("fp4_flops", UNIT_FLOP_PER_S, gpu_options, fp4_flops, 1, BIG, "", "peak of dense fp4 matrix products"),
    QUANTITY("nvlink_bandwidth", UNIT_BYTE_PER_S, gpu_options, nvlink_Bps, 1, BIG, "",
             "nominal bandwidth between the GPUs of a node, one direction; needed where a replica has several"),
    QUANTITY("network_bandwidth", UNIT_BYTE_PER_S, gpu_options, network_Bps, 1, BIG, "",
             "nominal bandwidth of a GPU to other nodes, one direction; needed where a replica spans nodes"),
};

/* Of each kernel, with the prefix ID_: see kernel.h. */
static const struct opt kernel_rows[] = {
    REAL("flops_efficiency", kernel, flops_efficiency, 0, 2, "",
         "share of the peak that large problems reach; 0: compute bounds nothing"),
    REAL("half", kernel, half, 0, 1e6, "0", "size at which half of that is reached, in tokens (kernel.h)"),
    REAL("memory_efficiency", kernel, memory_efficiency, 0, 2, "",
         "share of the nominal bandwidth reached; 0: bytes bound nothing"),
    QUANTITY("launch", UNIT_SECOND, kernel, launch_s, 0, 1, "0s", "time of the smallest problem"),
    REAL("width", kernel, width, 0, 1e5, "0",
         "inner width of an expert's shard at which its work counts twice, wider ones less (kernel.h)"),
};

static const struct opt kernels_rows[] = {
    TEXT("name", kernels, name, "custom", "what reports call it"),
};

static const char *const attentions[] = {"gqa", "mla", "dsa", "csa", NULL};
_Static_assert(ATTN_GQA == 0 && ATTN_MLA == 1 && ATTN_DSA == 2 && ATTN_CSA == 3, "the order of attentions");
static const char *const fp4_scopes[] = {"all", "mlp", "experts", NULL};
_Static_assert(FP4_ALL == 0 && FP4_MLP == 1 && FP4_EXPERTS == 2, "the order of fp4_scopes");

#define WIDTH(name, member, help) INT(name, model_options, member, 0, 1e9, "0", help)
static const struct opt model_rows[] = {
    TEXT("name", model_options, name, "custom", "what reports call it"),
    INT("layers", model_options, layers, 1, 10000, NULL, "transformer layers"),
    INT("hidden", model_options, hidden, 1, 1e6, NULL, "width of the residual stream"),
    INT("vocab", model_options, vocab, 1, 1e8, NULL, "tokens of the vocabulary"),
    INT("max_context", model_options, max_context, 1, 1e9, NULL, "longest context, prompt and answer, in tokens"),
    BOOL("tie_embeddings", model_options, tie_embeddings, "no", "the output head is the embedding table"),
    CHOICE("attention", AT(model_options, attention), attentions, "gqa",
           "kind of the layers that no key below gives another: grouped queries, MLA, MLA with a sparse indexer, "
           "DeepSeek-V4's compressed sparse attention"),
    WIDTH("window_layers", kind_layers[ATTN_WINDOW], "layers that attend sliding_window tokens"),
    WIDTH("dsa_shared_layers", kind_layers[ATTN_DSA_SHARED], "dsa layers that use the choice of the layer before"),
    WIDTH("hca_layers", kind_layers[ATTN_HCA], "DeepSeek-V4's layers compressed 128:1"),
    WIDTH("v4_window_layers", kind_layers[ATTN_V4_WINDOW], "DeepSeek-V4's layers with the window alone"),
    WIDTH("linear_layers", kind_layers[ATTN_LINEAR], "gated delta net layers"),
    INT("q_heads", model_options, q_heads, 1, 1e5, NULL, "query heads of a layer"),
    WIDTH("kv_heads", kv_heads, "key and value heads of a layer"),
    WIDTH("head_dim", head_dim, "width of a head"),
    WIDTH("q_lora_rank", q_lora_rank, "rank of the query projection (MLA, CSA)"),
    WIDTH("kv_lora_rank", kv_lora_rank, "rank of the KV latent (MLA)"),
    WIDTH("qk_nope_dim", qk_nope_dim, "query and key width of a head without position (MLA)"),
    WIDTH("qk_rope_dim", qk_rope_dim, "query and key width with rotary position (MLA, CSA)"),
    WIDTH("v_head_dim", v_head_dim, "value width of a head (MLA)"),
    WIDTH("o_lora_rank", o_lora_rank, "rank of each group of the output projection (CSA)"),
    WIDTH("o_groups", o_groups, "groups of the output projection (CSA)"),
    WIDTH("index_heads", index_heads, "heads of the indexer (DSA, CSA)"),
    WIDTH("index_head_dim", index_head_dim, "width of an index key"),
    WIDTH("index_topk", index_topk, "cache entries that a query attends, picked by the indexer"),
    WIDTH("sliding_window", sliding_window, "tokens of the window"),
    WIDTH("linear_k_heads", linear_k_heads, "key heads of a linear layer"),
    WIDTH("linear_v_heads", linear_v_heads, "value heads of a linear layer"),
    WIDTH("linear_k_dim", linear_k_dim, "key width of a linear layer's head"),
    WIDTH("linear_v_dim", linear_v_dim, "value width of a linear layer's head"),
    WIDTH("linear_conv", linear_conv, "length of a linear layer's convolution"),
    WIDTH("dense_inter", dense_inter, "inner width of the gated MLP"),
    WIDTH("dense_layers", dense_layers, "layers that have no experts, in a model that has"),
    INT("experts", model_options, experts, 0, EXPERTS_MAX, "0", "routed experts of a layer; 0: a dense model"),
    WIDTH("topk", topk, "routed experts that a token uses"),
    WIDTH("moe_inter", moe_inter, "inner width of an expert"),
    WIDTH("shared_inter", shared_inter, "inner width of the shared experts together"),
    WIDTH("norm_reduces", norm_reduces,
          "small all-reduces of a layer beside its two, as norms over all heads need them"),
    WIDTH("mtp_layers", mtp_layers, "layers that predict further tokens (their weights are left out unless used)"),
    WIDTH("hc_mult", hc_mult, "residual streams (DeepSeek-V4's hyper-connections)"),
    WIDTH("engram_layers", engram_layers, "layers that look up n-gram tables (Engram)"),
    WIDTH("engram_rows", engram_rows, "rows that each of those reads a token"),
    WIDTH("engram_row_bytes", engram_row_bytes, "bytes of a row"),
    CHOICE("fp4_scope", AT(model_options, fp4_scope), fp4_scopes, "all",
           "what the 4-bit checkpoints quantise: all linear layers, those of the MLP and experts, the experts only"),
};

#endif
