/*
 * roofline - step time as the sum of operator groups, each the larger of compute and memory time plus its launches
 * (Williams, Waterman, Patterson, CACM 2009), with efficiencies that were measured per kernel (kernel.h).
 *
 *   step = attention projections + MLP, shared and routed experts + small kernels + communication     of T tokens
 *        + attention of decodes (sums S_k) + attention of prompts (pairs P_k) + head + software
 *
 * prepare reduces each group to a line or two in the number of tokens of the slowest rank, so that a step costs some
 * dozen multiplications. Equations with sources: DESIGN.md, "Step time".
 *
 * Ranks: a replica of dp attention ranks steps together, so the one with most tokens counts; whole prompts stay on one
 * rank. Where they have batches of their own (ranks = apart), a step is what one rank has, and other_decode and
 * other_prefill are what the experts get from the others. pp stages each work on 1/pp of the batch at a time, so a token takes as long as the whole model does for 1/pp
 * of the batch, but a sequence is in one part only; chunks of a prompt follow each other through the stages, so that
 * its last one alone takes all of the model's time; with micro_batches = apart a step is one micro-batch, alone through
 * all stages (model/group.c has them wait for each other).
 * Speculation: a step verifies 1 + spec_tokens tokens of each sequence that decodes - products, experts, head and
 * exchanges grow by that, KV is read once - and drafts the next ones in as many passes of the drafting model, one after
 * the other, each a step of its own (the model's layers of multi-token prediction: one layer and the head). As engines
 * do, the first pass takes the verified tokens and the step's prompts, so that the drafting model has their KV; the
 * further ones one token of each sequence. Not modelled: the projection that joins a draft layer's two inputs, drafts of
 * prompts that end in the step beyond the first, draft layers being on the last stage only.
 * Prefill context parallelism, as vLLM's: each of pcp ranks computes the ith and the ith last of 2 pcp pieces of a
 * chunk, so that all attend as many pairs (Llama 3, arXiv 2407.21783, 3.3.2), and gathers the KV that the others hold,
 * layer by layer. Every rank computes the decoded tokens, attends the 1/(cp pcp) of the context that it holds, and
 * partial results are added up. Experts are spread over the tp * dp GPUs of a rank.
 * Two-batch overlap: each half of a step reads the weights and launches its kernels, and the experts' dispatch and
 * combine of one half run beside the other's computing, phase by phase as in SGLang's operations_strategy.py.
 * Not modelled: CUDA-graph padding of the batch, attention kernels' split heuristics, communication overlapped with
 * compute beyond what comm_scale says, decompression of an MLA prompt's earlier chunks; of pcp, the state that a linear
 * layer's rank waits for, the windows that precede a chunk, and the gathering of a step's last hidden states.
 * Communication is added by cost_comm.c.
 */
#include "policy/cost.h"

#include <stdlib.h>

#include "base/bug.h"
#include "policy/cost_kernels.h"
#include "policy/cost_roofline.h"
#include "policy/experts.h"
#include "policy/speculation.h"

/* Kernels of a layer that a host launches beside matrix products, attention and communication, as serving engines do
 * without CUDA graph: two norms with their residuals, rotary embedding, write of the cache, activation; with a latent
 * (MLA) its two norms and the joining of keys; for routed experts top-k, sort, quantise, two products, activation,
 * weighted sum. */
enum { SMALL_KERNELS = 5, LATENT_KERNELS = 3, MOE_KERNELS = 7 };

static double larger(double a, double b)
{
    return a > b ? a : b;
}

/* ---- prepare ---- */

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

    s->ctx_s[slot] += decode * larger(kernel_flops_s(d, verify * t->flops, flops), kernel_bytes_s(d, t->read, Bps));
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

/* ---- a step ---- */

/* Port time of HBM in what was added: of groups that it bounds, of the others. */
struct port_s {
    double bound, other;
};

/* A group that computes for c and reads for m, at the same time. */
static inline double group_s(double c, double m, struct port_s *port)
{
    if (port)
        *(m >= c ? &port->bound : &port->other) += m;
    return larger(c, m);
}

static inline double line_port_s(const struct line *l, double x, struct port_s *port)
{
    return group_s(l->c0 + l->c1 * x, l->m0 + l->m1 * x, port);
}

/* Routed experts of one step, which sees the tokens of all attention ranks: the expert rank with most distinct ones,
 * and the one with most rows. */
static inline double experts_s(const struct roofline *s, double all, struct port_s *port)
{
    double distinct = experts_distinct(&s->experts, all) * s->copies, share = 1 / s->ep;
    double local = distinct * share, rows = all * s->topk, here = rows * share;

    if (s->ep > 1) {
        double left =
            1 - distinct / s->copies * s->experts.share_square; /* of the variance, when few experts are left out */
        local += s->spread * __builtin_sqrt(local * (1 - share) * (left > 0 ? left : 0));
        here += s->spread *
                __builtin_sqrt(share * (1 - share) * rows * (s->copies > 1 ? 1 : rows * s->experts.share_square));
        local = local < here ? local : here;
    }
    if (port)
        port->bound += local * s->expert_byte_s;
    double each = rows / s->n_experts;
    here *= 1 + s->excess * (each > s->excess_rows ? s->excess_rows / each : 1);
    return local * s->expert_byte_s + group_s(here * s->expert_flop_s, here * s->expert_token_s, port);
}

/* Tokens of the rank that has most: decodes spread evenly, prompts stay whole. */
static double rank_share(double n, double ranks)
{
    return n > 0 && ranks > 1 ? __builtin_ceil(n / ranks) / n : 1;
}

/* Dispatch (way 0) or combine (1) of so many tokens of a rank. */
static inline double routed_s(const struct roofline *s, double tokens, int way)
{
    return s->route_s + s->route_token_s[way] * tokens;
}

/* Two halves take turns at computing: while one's tokens are on their way to the experts, the other's attend or its
 * experts compute; while they come back, the other's experts compute, or its next layer attends. */
static double overlapped_s(const struct roofline *s, double rest, double experts, double half)
{
    double r = rest / 2 / s->beside, e = experts / 2 / s->beside;
    double there = routed_s(s, half, 0), back = routed_s(s, half, 1);

    return larger(r, there) + larger(e, there) + larger(e, back) + larger(r, back);
}

/* port: NULL where nobody asks. */
static inline double time_s(const struct roofline *s, const struct cost_step *step, double n_prefill,
                            struct port_s *port)
{
    double decodes = (double)step->n_decode / s->pp, prompts = n_prefill / s->pp;
    bool ends = step->n_logits > step->n_decode;
    /* of the tokens: on the slowest rank, in one stage of all ranks */
    double decode_share = rank_share((double)step->n_decode, s->dp * s->pp),
           decode_stage = rank_share((double)step->n_decode, s->pp);
    double share = ends ? rank_share(n_prefill, s->dp * s->pp) : rank_share(n_prefill, s->dp) / s->pp,
           stage = ends ? rank_share(n_prefill, s->pp) : 1 / s->pp;
    if (step->rank_tokens > 0 && s->pp <= 1)
        share = (double)step->rank_tokens / (double)step->prefill_tokens;
    double drafted = s->verify * decode_share * (double)step->n_decode;
    double chunk = n_prefill > 0 ? share * (double)step->prefill_tokens / s->pcp : 0, tokens = drafted + chunk;
    double h = s->halves, half = tokens / h, experts = 0;
    double t = h * s->fixed_s + s->token_s * tokens;
    double reduce = s->reduce_s[0] + s->reduce_token_s[0] * tokens,
           other = s->reduce_s[1] + s->reduce_token_s[1] * tokens;

    t += reduce < other ? reduce : other;

    for (int i = 0; i < s->n_token; i++)
        t += h * line_port_s(&s->token[i], half, port);
    if (s->moe)
        experts = h * experts_s(s,
                                (s->verify * (double)step->n_decode * decode_stage +
                                 (n_prefill > 0 ? (double)step->prefill_tokens * stage / s->pcp : 0) +
                                 (s->verify * (double)step->other_decode + (double)step->other_prefill / s->pcp)) /
                                    h,
                                port);
    if (port) { /* of one half so far */
        port->bound *= h;
        port->other *= h;
    }
    if (step->n_decode > 0) {
        double sum = s->decode_s * (double)step->n_decode;
        for (int i = 0; i < s->n_knees; i++)
            sum += s->ctx_s[i] * (double)step->ctx[i];
        t += h * s->decode_launch_s + sum * decode_share + s->sum_s * drafted;
        if (port)
            port->bound += sum * decode_share;
    }
    if (n_prefill > 0) {
        double sum = s->chunk_s * (double)step->prefill_tokens;
        for (int i = 0; i < s->n_knees; i++)
            sum += s->pair_s[i] * (double)step->prefill_pairs[i];
        double gather = s->gather_s * (double)step->prefill_kv + s->gather_chunk_s * (double)step->prefill_tokens;
        t += h * s->prompt_launch_s + group_s(sum * share, s->kv_s * (double)step->prefill_kv * share, port) +
             gather * share;
    }
    double prompts_out = n_prefill > 0 ? (double)(step->n_logits - step->n_decode) * share : 0;
    double decodes_out = s->logits * decode_share * (double)step->n_decode;
    if (decodes_out + prompts_out > 0)
        t += line_port_s(&s->head, decodes_out + prompts_out, port);
    double sent = drafted * s->sent_again + chunk;
    t = h > 1 ? overlapped_s(s, t, experts, sent / h) : t + experts + routed_s(s, sent, 0) + routed_s(s, sent, 1);
    if (n_prefill > 0)
        t = s->prefill_s + larger(t, s->dispatch_s);
    return t + s->step_s + s->seq_s * (decodes + prompts) / s->dp;
}

/* Two halves of a step that overlap are no sum of what n and the contexts take; nor do these tell it where the experts get
 * tokens of others too. */
static void tabulate_decodes(struct roofline *s, const struct layout *l)
{
    int64_t most = l->limits.max_num_seqs * layout_ranks(l);
    bool others = s->moe && layout_ranks(l) < l->replica.dp;

    s->n_decodes = s->halves > 1 || others ? 0 : most < DECODES_MAX ? most : DECODES_MAX;
    for (int64_t n = 1; n <= s->n_decodes; n++) {
        struct cost_step step = {.n_decode = n, .n_logits = n};
        s->decodes[n] = (struct decodes){time_s(s, &step, 0, NULL), rank_share((double)n, s->dp * s->pp)};
    }
}

/* Of one model: that of the layout, or the one that drafts. */
static double model_s(const struct roofline *s, const struct cost_step *step)
{
    if (step->n_prefill > 0 || step->n_decode > s->n_decodes)
        return time_s(s, step, (double)step->n_prefill, NULL);
    const struct decodes *d = &s->decodes[step->n_decode];
    double contexts = 0;
    for (int i = 0; i < s->n_knees; i++)
        contexts += s->ctx_s[i] * (double)step->ctx[i];
    return d->fixed_s + d->share * contexts;
}

/* Drafting has passes of its own: the first takes all of a step, so that the drafting model has its KV. */
static struct cost_step further_pass(const struct roofline *s, const struct cost_step *step)
{
    struct cost_step decodes = {
        .n_decode = step->n_decode, .n_logits = step->n_decode, .other_decode = step->other_decode};

    for (int i = 0; i < s->n_knees; i++)
        decodes.ctx[i] = step->ctx[i];
    return decodes;
}

static double pass_s(const struct roofline *s, const struct cost_step *step, struct port_s *port)
{
    return port ? time_s(s, step, (double)step->n_prefill, port) : model_s(s, step);
}

/* The drafts that the step after this one verifies. What they take of the port is added to it. */
static double drafting_s(const struct roofline *s, const struct cost_step *step, struct port_s *port)
{
    double t = step->n_decode > 0 ? s->host_s : 0, more = s->drafts - 1;
    struct port_s first = {0, 0}, each = {0, 0};

    if (s->draft == NULL)
        return t;
    t += pass_s(&s->draft[0], step, port ? &first : NULL);
    if (step->n_decode > 0 && more > 0) {
        struct cost_step further = further_pass(s, step);
        t += more * pass_s(&s->draft[1], &further, port ? &each : NULL);
    }
    if (port) {
        port->bound += first.bound + more * each.bound;
        port->other += first.other + more * each.other;
    }
    return t;
}

static int64_t whole_ns(double t)
{
    t *= 1e9;
    return t < 9e18 ? (int64_t)t + 1 : INT64_MAX; /* beyond the clock: the world says so */
}

static int64_t step_ns(const void *state, const struct cost_step *step)
{
    const struct roofline *s = state;
    double t = model_s(s, step);

    return whole_ns(s->drafts > 0 ? t + drafting_s(s, step, NULL) : t);
}

static int64_t draft_ns(const void *state, const struct cost_step *step)
{
    const struct roofline *s = state;

    return s->drafts > 0 ? whole_ns(drafting_s(s, step, NULL)) - 1 : 0;
}

static struct cost_port port(const void *state, const struct cost_step *step)
{
    const struct roofline *s = state;
    struct port_s p = {0, 0};
    double all = time_s(s, step, (double)step->n_prefill, &p);
    if (s->drafts > 0)
        all += drafting_s(s, step, &p);
    double scale = (double)step_ns(state, step) * 1e-9 / all;
    double rest = all - p.bound;

    return (struct cost_port){.bound_s = p.bound * scale,
                              .share = rest > 0 && p.other < rest ? p.other / rest : rest > 0};
}

/* knees: those of the steps' sums. verify, logits: tokens of each sequence that decodes. */
static void set_model(struct roofline *s, const struct layout *l, const struct cost_knees *knees, double verify,
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
    tabulate_decodes(s, l);
}

static void prepare(const void *options, const struct layout *l, void *state)
{
    struct roofline *s = state;
    struct cost_knees knees = cost_knees(l);
    struct layout draft;
    double verify = (double)(l->replica.spec_tokens + 1);

    (void)options;
    set_model(s, l, &knees, verify, verify);
    if (l->replica.spec_tokens == 0)
        return;
    s->drafts = (double)l->replica.spec_tokens;
    s->host_s = (double)l->replica.spec_host_ns * 1e-9;
    if (!speculation_has_model(&l->replica))
        return;
    speculation_layout(l, &draft);
    s->draft = mem_alloc(2 * sizeof *s->draft);
    set_model(&s->draft[0], &draft, &knees, verify, 1);
    set_model(&s->draft[1], &draft, &knees, 1, 1);
}

static void release(void *state)
{
    free(((struct roofline *)state)->draft);
}

const struct cost_ops cost_roofline_ops = {
    .policy = {.name = "roofline",
               .help = "the larger of compute and memory time for each operator group, plus launches and overheads"},
    .state_size = sizeof(struct roofline),
    .prepare = prepare,
    .step_ns = step_ns,
    .port = port,
    .draft_ns = draft_ns,
    .release = release,
};
