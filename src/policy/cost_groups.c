/*
 * cost_groups.c - what the operators of a layout come to: projections, MLPs, experts, attention, head and small kernels
 * as the lines and slopes of cost_roofline.h. Equations with sources: DESIGN.md, "Step time"; efficiencies: kernel.h.
 */
#include "policy/cost.h"

#include "base/bug.h"
#include "policy/cost_kernels.h"
#include "policy/cost_roofline.h"
#include "policy/experts.h"

/* Kernels of a layer that a host launches beside matrix products, attention and communication, as serving engines do
 * without CUDA graph: two norms with their residuals, rotary embedding, write of the cache, activation; with a latent
 * (MLA) its two norms and the joining of keys; for routed experts top-k, sort, quantise, two products, activation,
 * weighted sum. */
enum { SMALL_KERNELS = 5, LATENT_KERNELS = 3, MOE_KERNELS = 7 };

static double peak_of(const struct gpu_options *g, int dtype)
{
    double fp8 = g->fp8_flops > 0 ? g->fp8_flops : g->bf16_flops;

    if (dtype == DTYPE_NVFP4)
        return g->fp4_flops > 0 ? g->fp4_flops : fp8;
    return dtype_multiplies_fp8(dtype) ? fp8 : g->bf16_flops;
}

double roofline_activation_bytes(int dtype)
{
    if (dtype == DTYPE_NVFP4)
        return dtype_bytes(DTYPE_NVFP4);
    return dtype_bytes(dtype_multiplies_fp8(dtype) ? DTYPE_FP8 : DTYPE_BF16);
}

/* n_gemms matrix products in each of `layers` layers, `weights` elements and in + out widths of one layer together. */
static void add_gemm(struct roofline *s, const struct layout *l, int dtype, double layers, double weights, double in,
                     double out, double n_gemms)
{
    const struct kernel *k = &l->kernels.at[cost_gemm_kernel(dtype)];
    double scale = l->engine.gemm_scale * layers, compute = l->engine.gemm_flops_scale * layers;
    double flop_s = kernel_flops_s(k, 2 * weights, peak_of(&l->gpu, dtype));
    double byte_s = kernel_bytes_s(k, 1, l->gpu.memory_Bps);

    if (layers <= 0 || weights <= 0)
        return;
    sim_assert(s->n_token < LINES_MAX);
    s->token[s->n_token++] = (struct line){
        .c0 = compute * flop_s * k->half,
        .c1 = compute * flop_s,
        .m0 = scale * byte_s * weights * dtype_bytes(dtype),
        .m1 = scale * byte_s * (in * roofline_activation_bytes(dtype) + out * dtype_bytes(DTYPE_BF16)),
    };
    s->fixed_s += l->engine.launch_scale * layers * n_gemms * k->launch_s;
    s->kernels +=
        layers * n_gemms * (roofline_activation_bytes(dtype) < 2 ? 2 : 1); /* activations are quantised first */
}

static void add_attention_gemms(struct roofline *s, const struct layout *l)
{
    const struct model_options *m = &l->model;
    double tp = (double)l->replica.tp, kv = (double)m->kv_heads, kv_tp = kv > 0 && kv < tp ? kv : tp;

    for (int kind = 0; kind < ATTN_KINDS; kind++) {
        struct attn_weights w;
        double n = (double)attn_layers(m, (enum attn_kind)kind);
        if (n == 0)
            continue;
        attn_get((enum attn_kind)kind)->weights(m, &w);
        double weights = w.sharded / tp + w.kv_sharded / kv_tp + w.replicated;
        /* in and out of all products: about the weights over the hidden size, once on each side */
        add_gemm(s, l, layout_attention_dtype(l), n, weights, (double)m->hidden + weights / (double)m->hidden / 2,
                 (double)m->hidden + weights / (double)m->hidden / 2, (double)w.n_gemms);
        s->kernels += m->kv_lora_rank > 0 ? n * LATENT_KERNELS : 0;
    }
}

static void add_mlps(struct roofline *s, const struct layout *l)
{
    const struct model_options *m = &l->model;
    double hidden = (double)m->hidden, tp = (double)l->replica.tp, dense = roofline_dense_layers(m);
    double sparse = (double)m->layers - dense, inter = (double)m->dense_inter / tp,
           shared = (double)m->shared_inter / tp;

    add_gemm(s, l, layout_mlp_dtype(l), dense, 3 * hidden * inter, hidden + inter, hidden + 2 * inter, 2);
    if (!m->experts)
        return;
    add_gemm(s, l, layout_mlp_dtype(l), sparse, 3 * hidden * shared, hidden + shared, hidden + 2 * shared, 2);
    add_gemm(s, l, DTYPE_BF16, sparse, hidden * (double)m->experts, hidden, (double)m->experts, 1);
}

static void add_experts(struct roofline *s, const struct layout *l)
{
    const struct model_options *m = &l->model;
    int dtype = layout_moe_dtype(l);
    const struct kernel *k = &l->kernels.at[cost_moe_kernel(dtype)];
    double layers = (double)m->layers - roofline_dense_layers(m);
    int64_t moe_tp, moe_ep;

    s->moe = m->experts > 0 && layers > 0;
    if (!s->moe)
        return;
    layout_experts(l, &moe_tp, &moe_ep);
    experts_init(&s->experts, m->experts, m->topk, l->replica.expert_skew);
    double inner = (double)m->moe_inter / (double)moe_tp,
           weights = 3 * (double)m->hidden * inner * kernel_narrow(k, inner);
    double scale = l->engine.moe_scale * (dtype_is_four_bit(dtype) ? l->engine.moe4_scale : 1) * layers;
    double flop_s = kernel_flops_s(k, 2 * weights, peak_of(&l->gpu, dtype));
    double byte_s = kernel_bytes_s(k, 1, l->gpu.memory_Bps);
    s->topk = (double)m->topk;
    s->ep = (double)moe_ep;
    s->spread = expert_spread(moe_ep);
    s->copies = (double)(m->experts + l->replica.redundant_experts) / (double)m->experts;
    double compute = layers;
    s->excess = dtype == DTYPE_BF16 ? 0 : l->engine.moe_flops_scale - 1;
    s->excess_rows = l->engine.moe_flops_rows;
    s->n_experts = (double)m->experts;
    s->expert_flop_s = compute * flop_s;
    s->expert_byte_s = scale * byte_s * weights * dtype_bytes(dtype);
    s->expert_token_s =
        compute * byte_s * kernel_narrow(k, inner) * (2 * (double)m->hidden + 3 * inner) * dtype_bytes(DTYPE_BF16);
    s->fixed_s += scale * k->launch_s;
    s->kernels += layers * MOE_KERNELS;
}

/* Norms, rotary embedding, activation, residual; hyper-connections mix hc_mult streams; Engram reads rows of its
 * tables. */
static void add_elementwise(struct roofline *s, const struct layout *l)
{
    const struct model_options *m = &l->model;
    const struct kernel *k = &l->kernels.at[KERNEL_elementwise];
    double streams = m->hc_mult > 1 ? (double)m->hc_mult : 1, tp = (double)l->replica.tp;
    double inter = m->experts ? (double)m->shared_inter / tp : (double)m->dense_inter / tp;
    double bytes = (double)m->layers * dtype_bytes(DTYPE_BF16) * (8 * (double)m->hidden * streams + 3 * inter);

    bytes += (double)m->engram_layers * (double)m->engram_rows * (double)m->engram_row_bytes;
    s->token_s += kernel_bytes_s(k, bytes, l->gpu.memory_Bps) * l->engine.gemm_scale;
    s->fixed_s += l->engine.launch_scale * (double)m->layers * k->launch_s;
    s->kernels += (double)m->layers * SMALL_KERNELS;
}

static int knee_slot(const struct cost_knees *k, double knee)
{
    for (int i = 1; i < k->n; i++)
        if (knee < 1e15 && k->at[i] == (int64_t)(knee + 0.5))
            return i;
    return 0;
}

static void add_term(struct roofline *s, const struct layout *l, double layers, const struct attn_term *t,
                     const struct cost_knees *knees)
{
    int slot = knee_slot(knees, t->knee);
    const struct kernel *d = &l->kernels.at[cost_kv_kernel(t->decode, l->replica.kv_dtype)];
    const struct kernel *p = &l->kernels.at[cost_kv_kernel(t->prefill, l->replica.kv_dtype)];
    double Bps = l->gpu.memory_Bps, flops = l->gpu.bf16_flops, decode = l->engine.attention_scale * layers;
    double prompt = l->engine.prefill_scale * layers, verify = s->verify;
    double pair = kernel_flops_s(p, prompt * t->prefill_flops, flops);

    s->ctx_s[slot] += decode * roofline_larger(kernel_flops_s(d, verify * t->flops, flops), kernel_bytes_s(d, t->read, Bps));
    s->pair_s[slot] += pair;
    s->chunk_s += pair * p->half;
    if (slot == 0) /* of all pcp ranks */
        s->kv_s += kernel_bytes_s(p, prompt * t->read * s->pcp, Bps);
}

/* One launch a kernel, whatever its terms. */
static void add_launches(struct roofline *s, const struct layout *l, double layers, const struct attn_profile *a)
{
    bool launched[KERNEL_COUNT] = {false};

    for (int i = 0; i < a->n_terms; i++) {
        enum kernel_id d = cost_kv_kernel(a->term[i].decode, l->replica.kv_dtype),
                       p = cost_kv_kernel(a->term[i].prefill, l->replica.kv_dtype);
        if (!launched[d] && (a->term[i].read > 0 || a->term[i].flops > 0))
            s->decode_launch_s += l->engine.attention_scale * layers * l->kernels.at[d].launch_s;
        if (!launched[p] && a->term[i].prefill_flops > 0)
            s->prompt_launch_s += l->engine.prefill_scale * layers * l->kernels.at[p].launch_s;
        s->kernels += launched[p] ? 0 : layers;
        launched[d] = launched[p] = true;
    }
}

/* Of a rank of pcp: its tokens of the context and of the prompts. */
static void share_over_pcp(struct attn_profile *a, double pcp)
{
    for (int i = 0; i < a->n_terms; i++) {
        a->term[i].stored /= pcp;
        a->term[i].read /= pcp;
        a->term[i].flops /= pcp;
        a->term[i].prefill_flops /= pcp;
    }
    a->token_flops /= pcp;
}

static void add_attention(struct roofline *s, const struct layout *l, const struct cost_knees *knees)
{
    const struct replica_options *r = &l->replica;
    struct kv_format f = kv_format_of(&l->model, r->kv_dtype, r->kv_scales ? KV_PRODUCTION : KV_PLAIN);

    s->n_knees = knees->n;
    for (int kind = 0; kind < ATTN_KINDS; kind++) {
        struct attn_profile a;
        double n = (double)attn_layers(&l->model, (enum attn_kind)kind);
        if (n == 0)
            continue;
        attn_get((enum attn_kind)kind)->profile(&l->model, &f, r->tp, r->cp, &a);
        share_over_pcp(&a, s->pcp);
        for (int i = 0; i < a.n_terms; i++)
            add_term(s, l, n, &a.term[i], knees);
        add_launches(s, l, n, &a);
        roofline_add_exchange(s, l, n, &a);
        if (a.read_const > 0 || a.token_flops > 0) {
            const struct kernel *d = &l->kernels.at[KERNEL_linear_decode], *p = &l->kernels.at[KERNEL_linear_prefill];
            s->decode_s += kernel_bytes_s(d, l->engine.attention_scale * n * a.read_const, l->gpu.memory_Bps);
            s->chunk_s += kernel_flops_s(p, l->engine.prefill_scale * n * a.token_flops, l->gpu.bf16_flops);
            if (a.n_terms == 0) {
                s->decode_launch_s += l->engine.attention_scale * n * d->launch_s;
                s->prompt_launch_s += l->engine.prefill_scale * n * p->launch_s;
                s->kernels += n;
            }
        }
    }
}

static void add_head(struct roofline *s, const struct layout *l)
{
    const struct kernel *k = &l->kernels.at[KERNEL_gemm_bf16];
    double tp = (double)l->replica.tp, width = (double)l->model.hidden, vocab = (double)l->model.vocab / tp;
    double flop_s = kernel_flops_s(k, 2 * width * vocab, l->gpu.bf16_flops);
    double byte_s = kernel_bytes_s(k, dtype_bytes(DTYPE_BF16), l->gpu.memory_Bps);
    double scale = l->engine.gemm_scale, compute = l->engine.gemm_flops_scale;

    s->head = (struct line){compute * flop_s * k->half, compute * flop_s, scale * byte_s * width * vocab,
                            scale * byte_s * (width + vocab)};
}

void roofline_set(struct roofline *s, const struct layout *l, const struct cost_knees *knees, double verify,
                  double logits)
{
    *s = (struct roofline){.dp = (double)layout_ranks(l),
                           .pp = (double)l->replica.pp,
                           .pcp = (double)l->replica.pcp,
                           .verify = verify,
                           .logits = logits};
    if (l->replica.micro_batches == BATCHES_APART)
        s->pp = 1; /* of a micro-batch alone, through all stages */
    s->halves = l->replica.two_batch_overlap && l->replica.dp > 1 ? 2 : 1;
    s->beside = l->replica.overlap_compute;
    s->seq_s = (double)l->engine.seq_overhead_ns * 1e-9;
    s->step_s = (double)l->engine.step_overhead_ns * 1e-9;
    s->prefill_s = (double)l->engine.prefill_overhead_ns * 1e-9;
    add_attention_gemms(s, l);
    add_mlps(s, l);
    add_experts(s, l);
    add_elementwise(s, l);
    roofline_add_communication(s, l);
    add_attention(s, l, knees);
    add_head(s, l);
    s->dispatch_s = (double)l->engine.kernel_dispatch_ns * 1e-9 * s->kernels;
}
