/*
 * roofline - step time as the sum of operator groups, each the larger of compute and memory time plus its launches
 * (Williams, Waterman, Patterson, CACM 2009), with efficiencies that were measured per kernel (kernel.h).
 *
 *   step = attention projections + MLP, shared and routed experts + small kernels + communication     of T tokens
 *        + attention of decodes (sums S_k) + attention of prompts (pairs P_k) + head + software
 *
 * cost_groups.c reduces each group to a line or two in the number of tokens of the slowest rank, so that a step costs
 * some dozen multiplications. Equations with sources: DESIGN.md, "Step time".
 *
 * Ranks: a replica of dp attention ranks steps together, so the one with most tokens counts; whole prompts stay on one
 * rank. Where they have batches of their own (ranks = apart), a step is what one rank has, and other_decode and
 * other_prefill are what the experts get from the others. pp stages each work on 1/pp of the batch at a time, so a
 * token takes as long as the whole model does for 1/pp of the batch, but a sequence is in one part only; chunks of a
 * prompt follow each other through the stages, so that its last one alone takes all of the model's time; with
 * micro_batches = apart a step is one micro-batch, alone through all stages (model/group.c has them wait for each
 * other). Speculation: a step verifies 1 + spec_tokens tokens of each sequence that decodes - products, experts, head
 * and exchanges grow by that, KV is read once - and drafts the next ones in as many passes of the drafting model, one
 * after the other, each a step of its own (the model's layers of multi-token prediction: one layer and the head). As
 * engines do, the first pass takes the verified tokens and the step's prompts, so that the drafting model has their KV;
 * the further ones one token of each sequence. Not modelled: the projection that joins a draft layer's two inputs,
 * drafts of prompts that end in the step beyond the first, draft layers being on the last stage only.
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
#include "policy/cost_roofline.h"
#include "policy/speculation.h"

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
    return roofline_larger(c, m);
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

    return roofline_larger(r, there) + roofline_larger(e, there) + roofline_larger(e, back) + roofline_larger(r, back);
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
        t = s->prefill_s + roofline_larger(t, s->dispatch_s);
    return t + s->step_s + s->seq_s * (decodes + prompts) / s->dp;
}

/* Two halves of a step that overlap are no sum of what n and the contexts take; nor do these tell it where the experts
 * get tokens of others too. */
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

/* What decodes take alone goes by their factor, what prompts add to it by theirs. */
static double calibrated_s(const struct roofline *s, const struct cost_step *step, double t)
{
    struct cost_step decodes = further_pass(s, step);

    decodes.other_prefill = step->other_prefill;
    if (step->n_decode == 0)
        return t * s->prefill_factor;
    double alone = step->n_prefill > 0 ? model_s(s, &decodes) : t;
    return alone * s->decode_factor + (t > alone ? t - alone : 0) * s->prefill_factor;
}

static int64_t step_ns(const void *state, const struct cost_step *step)
{
    const struct roofline *s = state;
    double t = model_s(s, step);

    if (s->prefill_factor > 0)
        t = calibrated_s(s, step, t);
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

static void set_model(struct roofline *s, const struct layout *l, const struct cost_knees *knees, double verify,
                      double logits)
{
    roofline_set(s, l, knees, verify, logits);
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
    if (l->engine.calibration != CALIBRATION_BEST) {
        s->decode_factor = l->engine.decode_factor;
        s->prefill_factor = l->engine.prefill_factor;
    }
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
