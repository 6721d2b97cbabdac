/*
 * serving_rows.h - the keys of [replica] and [engine]: a part of tables.c, which alone includes it.
 */
#ifndef SCENARIO_SERVING_ROWS_H
#define SCENARIO_SERVING_ROWS_H

#include "scenario/rows.h"
#include "scenario/scenario.h"

static const char *const dtypes[] = {"bf16", "fp8", "fp8_block", "nvfp4", "mxfp4", "mxfp4_fp8", "int4", NULL};
static const char *const own_dtypes[] = {"same",  "bf16",      "fp8",  "fp8_block", "nvfp4",
                                         "mxfp4", "mxfp4_fp8", "int4", NULL};
static const char *const kv_dtypes[] = {"bf16", "fp8", "fp8_block", "nvfp4", NULL};
_Static_assert(DTYPE_BF16 == 0 && DTYPE_FP8 == 1 && DTYPE_FP8_BLOCK == 2 && DTYPE_NVFP4 == 3 && DTYPE_MXFP4 == 4 &&
                   DTYPE_MXFP4_FP8 == 5 && DTYPE_INT4 == 6,
               "the order of dtypes");

static const char *const batches[] = {"together", "apart", NULL};
_Static_assert(BATCHES_TOGETHER == 0 && BATCHES_APART == 1, "the order of batches");

static const char *const spec_methods[] = {"mtp", "draft", "ngram", NULL};
_Static_assert(SPEC_MTP == 0 && SPEC_DRAFT == 1 && SPEC_NGRAM == 2, "the order of spec_methods");

static const struct opt replica_rows[] = {
    INT("count", replica_options, count, 1, 1e6, "1", "copies of the model"),
    INT("tp", replica_options, tp, 1, 1024, "1", "GPUs that share each layer of one copy (tensor parallelism)"),
    INT("pp", replica_options, pp, 1, 1024, "1", "stages that the layers are cut into (pipeline parallelism)"),
    INT("dp", replica_options, dp, 1, 1024, "1",
        "attention data parallelism: groups of tp GPUs, each with its own sequences; the experts are spread over all"),
    CHOICE("ranks", AT(replica_options, ranks), batches, "together",
           "with dp > 1: the attention ranks are one batch, spread evenly; apart: each has its own, with its own KV, as a "
           "target of the router, and the slowest sets the time of a step"),
    CHOICE("micro_batches", AT(replica_options, micro_batches), batches, "together",
           "with pp > 1: one batch, of which each stage has 1/pp at any time; apart: pp batches, each with 1/pp of the KV "
           "and a target of the router, pass the stages in turn (vLLM v0's virtual engines)"),
    INT("moe_tp", replica_options, moe_tp, 0, 1024, "0",
        "GPUs over which each expert is cut; with moe_ep 0 too, tp where dp = 1"),
    INT("moe_ep", replica_options, moe_ep, 0, 1024, "0",
        "groups over which the experts are spread; with moe_tp 0 too, tp x dp where dp > 1"),
    INT("cp", replica_options, cp, 1, 1024, "1",
        "of the tp GPUs, those over which each sequence's KV is spread (decode)"),
    INT("pcp", replica_options, pcp, 1, 1024, "1",
        "prefill context parallelism: groups of tp GPUs that share the prompts and the KV of the same sequences"),
    CHOICE("dtype", AT(replica_options, dtype), dtypes, "bf16", "type of the weights of the layers"),
    CHOICE("moe_dtype", AT(replica_options, moe_dtype), own_dtypes, "same", "type of the experts' weights"),
    CHOICE("attention_dtype", AT(replica_options, attention_dtype), own_dtypes, "same",
           "type of the attention's projections; same: as dtype, unless that has 4 bits and model.fp4_scope leaves "
           "them bf16"),
    CHOICE("kv_dtype", AT(replica_options, kv_dtype), kv_dtypes, "bf16", "type of the KV cache"),
    BOOL("kv_scales", replica_options, kv_scales, "yes",
         "a quantised latent keeps its scales and bf16 rope elements, as the engines store it"),
    INT("kv_block_tokens", replica_options, kv_block_tokens, 1, 65536, "16", "tokens of a KV block"),
    REAL("memory_fraction", replica_options, memory_fraction, 0.01, 1, "0.9",
         "share of a GPU's memory that may be used; what weights and activations leave is KV cache"),
    BYTES("activation_bytes", replica_options, activation_bytes, 1, BIG, "",
          "memory of a GPU set aside for activations; without it, computed from the token budget (DESIGN.md)"),
    INT("spec_tokens", replica_options, spec_tokens, 0, SPEC_TOKENS_MAX, "0",
        "speculation: draft tokens that each step verifies for each sequence that decodes; 0: none"),
    CHOICE("spec_method", AT(replica_options, spec_method), spec_methods, "mtp",
           "who drafts: the model's own multi-token prediction layers (mtp), the model of [draft] (draft), or a look-up in "
           "the text so far, which costs the GPU nothing (ngram)"),
    NUMBERS("spec_acceptance", replica_options, spec_acceptance, 0, 1, "0",
            "probability that a draft token is accepted when those before it were: one number for all, or one for each "
            "of spec_tokens positions"),
    TIME("spec_host_time", replica_options, spec_host_ns, 0, 1, "0s",
         "time of the host in each step that decodes, to have drafts: look-ups of ngram, what drafting adds to "
         "step_overhead"),
    REAL("expert_skew", replica_options, expert_skew, 0, 3, "0.5",
         "Zipf exponent of the experts' popularity: how many distinct ones a batch reads"),
    INT("redundant_experts", replica_options, redundant_experts, 0, 4096, "0",
        "second copies of popular experts of a layer, over all ranks: with them, experts are placed so that all ranks "
        "have as many rows to expect (DeepSeek's EPLB)"),
    BOOL("two_batch_overlap", replica_options, two_batch_overlap, "no",
         "a step is computed in two halves; one half's dispatch and combine of the experts run beside the other's "
         "computing (dp > 1)"),
    REAL("overlap_compute", replica_options, overlap_compute, 0.05, 1, "1",
         "with two_batch_overlap: share of a GPU's multiprocessors that the kernels of dispatch and combine leave"),
};

static const char *const calibrations[] = {"best", "low", "high", "drawn", NULL};
_Static_assert(CALIBRATION_BEST == 0 && CALIBRATION_LOW == 1 && CALIBRATION_HIGH == 2 && CALIBRATION_DRAWN == 3,
               "the order of calibrations");

#define SCALE(name, member, help) REAL(name, engine_options, member, 0.01, 100, "1", help)
static const struct opt engine_rows[] = {
    TEXT("name", engine_options, name, "custom", "what reports call it"),
    TIME("step_overhead", engine_options, step_overhead_ns, 0, 10, NULL,
         "time of the software in each step beside the GPU's work"),
    TIME("seq_overhead", engine_options, seq_overhead_ns, 0, 1, NULL, "the same for each running sequence of the step"),
    TIME("prefill_overhead", engine_options, prefill_overhead_ns, 0, 10, "0s",
         "the same for each step that computes prompt tokens"),
    TIME("kernel_dispatch", engine_options, kernel_dispatch_ns, 0, 1, "0s",
         "host time to launch a kernel where no CUDA graph does it: a step with prompt tokens takes at least this for "
         "each kernel of the model (DESIGN.md counts them)"),
    INT("receive_interval", engine_options, receive_interval, 1, 1e6, "1",
        "decode steps from one look at the requests that came to the next (SGLang's scheduler-recv-interval)"),
    INT("balance_timeout", engine_options, balance_timeout, 0, 1e6, "0",
        "with dp > 1: decode steps that new prompts wait at most until there is one for each rank (TensorRT-LLM's "
        "attention_dp_config timeout_iters); 0: they do not"),
    INT("batch_wait_timeout", engine_options, batch_wait_timeout, 0, 1e6, "0",
        "with dp = 1: steps that new prompts wait at most, while others decode, for more of them (TensorRT-LLM's "
        "batch_wait_timeout_iters); 0: they do not"),
    REAL("batch_wait_share", engine_options, batch_wait_share, 0.001, 1, "1",
         "they wait no longer once they and the decodes have this share of max_num_batched_tokens (TensorRT-LLM's "
         "batch_wait_max_tokens_ratio)"),
    INT("stream_interval", engine_options, stream_interval, 1, 1e6, "1",
        "tokens that are sent to the client at once: it sees the first with that many, or with its last"),
    TIME("request_latency", engine_options, request_latency_ns, 0, 100, "0s",
         "time from a request's arrival to the replica's queue"),
    TIME("request_service", engine_options, request_service_ns, 0, 100, "0s",
         "time that the front end works on a request, on one at a time"),
    TIME("token_service", engine_options, token_service_ns, 0, 1, "0s", "likewise for each prompt token"),
    SCALE("gemm_scale", gemm_scale, "time to read the weights of matrix products, against [kernels]"),
    SCALE("gemm_flops_scale", gemm_flops_scale, "time to compute matrix products, against [kernels]"),
    SCALE("moe_scale", moe_scale, "time of the routed experts that does not grow with their tokens, against [kernels]"),
    SCALE("moe_flops_scale", moe_flops_scale, "time of quantised routed experts that does, against [kernels]"),
    REAL("moe_flops_rows", engine_options, moe_flops_rows, 1, 1e9, "512",
         "what moe_flops_scale adds grows with the rows of an expert in a step up to so many (512: 16384 tokens, 8 of "
         "256 experts, as large as the steps that it is fitted to)"),
    SCALE("moe4_scale", moe4_scale, "a further factor of moe_scale for experts of 4 bits"),
    SCALE("attention_scale", attention_scale, "time of decode attention against [kernels]"),
    SCALE("prefill_scale", prefill_scale, "time of prefill attention against [kernels]"),
    SCALE("comm_scale", comm_scale, "time of communication against [kernels]"),
    SCALE("launch_scale", launch_scale, "time of kernel launches against [kernels]"),
    BOOL("extrapolated", engine_options, extrapolated, "no", "fitted on another generation of GPUs: results say so"),
    REAL("tpot_low", engine_options, tpot_low, 0, 10, "",
         "measured mean TPOT over predicted, in runs not fitted on: lower end of the 90% interval"),
    REAL("tpot_high", engine_options, tpot_high, 0, 100, "", "its upper end"),
    REAL("ttft_low", engine_options, ttft_low, 0, 10, "", "the same of the mean TTFT"),
    REAL("ttft_high", engine_options, ttft_high, 0, 100, "", "its upper end"),
    CHOICE("calibration", AT(engine_options, calibration), calibrations, "best",
           "where in these intervals the times of steps are: as predicted; at their lower (faster) or upper ends, the time of "
           "decodes by TPOT's and that of prompts by TTFT's; or drawn for each replication from lognormal laws with these ends, so "
           "that intervals over replications contain what calibration does not know"),
};

#endif
