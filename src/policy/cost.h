/*
 * cost.h - how long one engine step takes, given what is in it.
 *
 * Called millions of times a second: prepare once per layout (tables over the number of tokens, coefficients of the
 * sums), then step() is two table look-ups and a dozen multiplications.
 */
#ifndef POLICY_COST_H
#define POLICY_COST_H

#include <stdint.h>

#include "policy/attn.h"
#include "policy/layout.h"
#include "policy/policy.h"

enum { COST_KNEES = 4 }; /* slot 0: the whole context; then the finite knees of the model's attention, rising */

/* What a step holds, in sums over its sequences, so that the cost is O(1). */
struct cost_step {
    int64_t n_decode;                  /* sequences that decode, each with its drafts */
    int64_t ctx[COST_KNEES];           /* sum over those of min(tokens attended, the new one included, knee) */
    int64_t n_prefill;                 /* prompts or parts of prompts */
    int64_t prefill_tokens;            /* sum of the chunks */
    int64_t prefill_kv;                /* sum over chunks of the cache length after the chunk: KV read */
    int64_t prefill_pairs[COST_KNEES]; /* sum over chunks of attn_pairs */
    int64_t rank_tokens;               /* of prefill_tokens, on the attention rank that has most; 0: not known */
    int64_t n_logits;                  /* sequences that yield a token: n_decode + prompts that end in this step */
    int64_t other_decode, other_prefill; /* [replica] ranks = apart: tokens of the replica's other ranks, for experts */
};

struct cost_knees {
    int64_t at[COST_KNEES]; /* at[0] = -1: none */
    int n;                  /* slots used, at least 1 */
};
struct cost_knees cost_knees(const struct layout *layout);

/* Adds a chunk of c prompt tokens after s in the cache; last: the prompt ends with it. */
void cost_add_chunk(struct cost_step *step, const struct cost_knees *k, int64_t s, int64_t c, bool last);

/* Adds a sequence that decodes after s tokens in the cache. */
void cost_add_decode(struct cost_step *step, const struct cost_knees *k, int64_t s);

/* What a layout can hold. Bytes per GPU. */
struct cost_memory {
    double weight_bytes;
    double activation_bytes;
    double kv_token_bytes; /* per token of context of the sequences of one attention rank */
    double seq_bytes;      /* reserved: bounded state (windows, linear layers) of max_num_seqs sequences */
};

/* A step's use of the HBM port, for those who share it: in bound_s of its time it takes all of the port, in the rest
 * (compute, communication, software) `share` of it. */
struct cost_port {
    double bound_s, share;
};

struct cost_ops {
    struct policy policy;
    size_t state_size;
    void (*prepare)(const void *options, const struct layout *layout, void *state);
    int64_t (*step_ns)(const void *state, const struct cost_step *step);       /* > 0 */
    struct cost_port (*port)(const void *state, const struct cost_step *step); /* of step_ns; NULL: no use of it */
    int64_t (*draft_ns)(const void *state, const struct cost_step *step); /* of step_ns: drafting; NULL: none */
    void (*release)(void *state);                                              /* NULL: nothing to free */
};

/* Of so many prompt tokens that are computed alone, up to `budget` a step. Its steps are taken to be alike, so O(1). */
int64_t cost_prompt_ns(const struct cost_ops *ops, const void *state, const struct cost_knees *k, int64_t tokens,
                       int64_t budget);

/* Memory of the model in its layout (cost_memory.c; equations in DESIGN.md). */
struct cost_memory cost_memory(const struct layout *layout);
/* KV blocks of one replica, all its attention ranks together; <= 0 when weights and activations do not fit. */
int64_t cost_kv_blocks(const struct layout *layout);
int64_t cost_member_blocks(const struct layout *layout); /* of one member; one that is not apart is all */
int64_t cost_rank_blocks(const struct layout *layout);   /* those that one sequence can have */
int64_t cost_hbm_blocks(const struct layout *layout); /* those of them in HBM: less by lower.overflow_bytes' */
/* Of one routed expert of one layer, whole; what a token reads of conditional memory tables. */
double cost_expert_bytes(const struct layout *layout);
double cost_table_bytes(const struct layout *layout);

/* KV of one copy, whatever tp replicates, as it is moved and kept below HBM: of a token, and the bounded state
 * (windows, linear layers) of a sequence. */
void cost_kv_bytes(const struct layout *layout, double *token_bytes, double *state_bytes);

/* The dtypes in use, once `same` is resolved. */
int layout_moe_dtype(const struct layout *l);
int layout_attention_dtype(const struct layout *l);
int layout_mlp_dtype(const struct layout *l); /* dense layers and shared experts */
bool dtype_is_four_bit(int dtype);
/* The experts' tp and ep, once 0 is resolved. */
void layout_experts(const struct layout *l, int64_t *moe_tp, int64_t *moe_ep);

#endif
