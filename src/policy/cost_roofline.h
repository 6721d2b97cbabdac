/*
 * cost_roofline.h - what a layout comes to in the cost roofline: seconds by operator group, as lines in the tokens of a
 * step. Private to cost_groups.c and cost_comm.c, which fill it (operators, communication), and cost_roofline.c, which
 * evaluates it.
 */
#ifndef POLICY_COST_ROOFLINE_H
#define POLICY_COST_ROOFLINE_H

#include <stdbool.h>

#include "policy/attn.h"
#include "policy/cost.h"
#include "policy/experts.h"
#include "policy/layout.h"

/* t(T) = max(c0 + c1*T, m0 + m1*T): one operator over all its layers, seconds. Launches are summed apart. */
struct line {
    double c0, c1, m0, m1;
};

enum {
    LINES_MAX = ATTN_KINDS + 3, /* projections of each kind of attention; dense and shared MLPs, router */
    DECODES_MAX = 1024
};

/* A step of n sequences that decode, and nothing else, takes fixed_s + share * what their contexts take. */
struct decodes {
    double fixed_s, share;
};

struct roofline {
    double fixed_s;                          /* launches */
    double step_s, seq_s, prefill_s;         /* software: each step, each sequence, each step with prompts */
    double decode_launch_s, prompt_launch_s; /* of the attention kernels */
    struct line token[LINES_MAX];            /* of T, the tokens of the slowest rank */
    int n_token;
    double token_s;                           /* small kernels and communication, per token */
    double reduce_s[2], reduce_token_s[2];    /* all all-reduces by either kernel: the faster counts */
    double route_s, route_token_s[2];         /* dispatch and combine of the experts: each; of a token, there, back */
    double sent_again;                        /* copies of a decoded token that are sent, for one of a prompt's */
    double halves, beside;                    /* 2: the step is computed in two; what is left to compute meanwhile */
    double kernels, dispatch_s;               /* how many the host launches in a step; its time without CUDA graph */
    struct line head;                         /* of the sequences that yield a token */
    double ctx_s[COST_KNEES], decode_s;       /* decode attention: per sum S_k, per sequence */
    double pair_s[COST_KNEES], chunk_s, kv_s; /* prompts': per pair, per token, per token of cache read */
    double gather_s, gather_chunk_s, sum_s;   /* of pcp ranks: KV, per token of cache read and of the chunk; per token
                                               * that decodes, what it attended */
    int n_knees;
    /* routed experts */
    bool moe;
    struct experts experts;
    double expert_flop_s, expert_token_s; /* per token of an expert: compute, activations */
    double expert_byte_s;                 /* per distinct expert: weights */
    double ep, spread, topk;
    double excess, excess_rows; /* what the engine adds to compute, a share, of so many rows of each expert at most */
    double n_experts;
    double copies; /* experts with their second copies, over experts; 1: there are none */
    /* ranks, stages, speculation */
    double dp, pp, pcp;
    double verify, logits;  /* tokens of a sequence that decodes; those of them that go through the head */
    double decode_factor, prefill_factor; /* [engine] calibration; prefill 0: there is none */
    double drafts, host_s;  /* of a sequence and step; of a step with decodes */
    struct roofline *draft; /* [2]: a step's first pass of drafting, the further ones; NULL: no model drafts */
    struct decodes decodes[DECODES_MAX + 1]; /* [n], for n up to n_decodes: most steps are such */
    int64_t n_decodes;
};

static inline double roofline_dense_layers(const struct model_options *m)
{
    return m->experts ? (double)m->dense_layers : (double)m->layers;
}

static inline double roofline_larger(double a, double b)
{
    return a > b ? a : b;
}

/* cost_groups.c: all but the table of decodes and what drafts. knees: those of the steps' sums. verify, logits: tokens
 * of each sequence that decodes. */
void roofline_set(struct roofline *s, const struct layout *l, const struct cost_knees *knees, double verify,
                  double logits);

/* cost_comm.c: collectives of the layers and stages; what pcp ranks exchange in `layers` layers of attention `a`. */
void roofline_add_communication(struct roofline *s, const struct layout *l);
void roofline_add_exchange(struct roofline *s, const struct layout *l, double layers, const struct attn_profile *a);

/* Of an element that goes into a matrix product with weights of that type. */
double roofline_activation_bytes(int dtype);

#endif
