/*
 * roofline - step time from the machine's peaks (Williams, Waterman, Patterson, CACM 2009), with measured efficiencies.
 *
 *   step = gemm + attention(decode) + attention(prefill) + head + all-reduce + launch + overheads
 *
 * each of the first four the larger of FLOPs / reachable FLOP/s and bytes / reachable bandwidth, in seconds.
 * Equations with sources: DESIGN.md, "Step time". All terms are linear in the step's sums, so that prepare leaves a
 * dozen coefficients and a step costs a dozen multiplications.
 *
 * Not modelled here: efficiency that varies with size, overlap of communication with compute, CUDA-graph
 * padding of the batch, attention kernels' split heuristics. The calibrated model takes them over.
 */
#include "policy/cost.h"

#include "policy/cost_params.h"

struct state {
    double fixed_s;                             /* launches, step overhead, all-reduce latency */
    double weights_s, gemm_flop_s, gemm_byte_s; /* GEMMs: max(T * flop, weights + T * byte) */
    double ctx_s;                               /* per token of decode context */
    double pair_s, kv_s;                        /* prefill attention: max(pairs * pair, kv * kv) */
    double head_s, head_flop_s, head_byte_s;    /* max(n * flop, head + n * byte) */
    double reduce_s;                            /* all-reduce, per token */
    double seq_s;                               /* per sequence */
};

static double larger(double a, double b)
{
    return a > b ? a : b;
}

static void prepare(const void *options, const struct layout *l, void *state)
{
    struct state *s = state;
    const struct gpu_options *g = &l->gpu;
    const struct model_options *m = &l->model;
    struct cost_params p = cost_params(l);
    double tp = (double)l->replica.tp, layers = (double)m->layers, hidden = (double)m->hidden;
    double w = dtype_bytes(l->replica.dtype), bf16 = dtype_bytes(DTYPE_BF16);
    double head_flops = g->bf16_flops * g->gemm_efficiency;
    double gemm_flops = l->replica.dtype == DTYPE_FP8 ? g->fp8_flops * g->fp8_gemm_efficiency : head_flops;
    double attention_flops = g->bf16_flops * g->attention_efficiency;
    double bytes = g->memory_Bps * g->memory_efficiency;
    double kv_bytes = 2 * layers * p.kv_width_gpu * dtype_bytes(l->replica.kv_dtype);
    double pair_flops = 4 * layers * p.q_width / tp;
    /* activations read and written by the four GEMMs of a layer, per token */
    double traffic = (4 * hidden + (2 * p.q_width + 3 * (double)m->dense_inter) / tp + 2 * p.kv_width_gpu) * bf16;

    (void)options;
    s->weights_s = layers * p.layer_params_gpu * w / bytes;
    s->gemm_flop_s = 2 * layers * p.layer_params_gpu / gemm_flops;
    s->gemm_byte_s = layers * traffic / bytes;
    s->ctx_s = larger(pair_flops / attention_flops, kv_bytes / bytes);
    s->pair_s = pair_flops / attention_flops;
    s->kv_s = kv_bytes / bytes;
    s->head_s = p.vocab_params / tp * bf16 / bytes;
    s->head_flop_s = 2 * p.vocab_params / tp / head_flops;
    s->head_byte_s = (hidden + (double)m->vocab / tp) * bf16 / bytes;
    s->seq_s = (double)l->engine.seq_overhead_ns * 1e-9;
    s->fixed_s = (double)l->engine.step_overhead_ns * 1e-9 + layers * (double)g->layer_launch_ns * 1e-9;
    if (l->replica.tp > 1) {
        s->fixed_s += 2 * layers * (double)g->allreduce_latency_ns * 1e-9;
        s->reduce_s = 2 * layers * (2 * (tp - 1) / tp) * hidden * bf16 / (g->nvlink_Bps * g->nvlink_efficiency);
    }
}

static int64_t step_ns(const void *state, const struct cost_step *step)
{
    const struct state *s = state;
    double tokens = (double)(step->n_decode + step->prefill_tokens), logits = (double)step->n_logits;
    double t = s->fixed_s + s->seq_s * (double)(step->n_decode + step->n_prefill) + s->reduce_s * tokens +
               s->ctx_s * (double)step->ctx_tokens;

    t += larger(tokens * s->gemm_flop_s, s->weights_s + tokens * s->gemm_byte_s);
    t += larger((double)step->prefill_pairs * s->pair_s, (double)step->prefill_kv * s->kv_s);
    if (step->n_logits)
        t += larger(logits * s->head_flop_s, s->head_s + logits * s->head_byte_s);
    t *= 1e9;
    return t < 9e18 ? (int64_t)t + 1 : INT64_MAX; /* beyond the clock: the world says so */
}

const struct cost_ops cost_roofline_ops = {
    .policy = {.name = "roofline",
               .help = "the larger of compute and memory time for each operator group, plus overheads"},
    .state_size = sizeof(struct state),
    .prepare = prepare,
    .step_ns = step_ns,
};
