/*
 * cost.h - how long one engine step takes, given what is in it.
 *
 * The interface that the calibrated model takes over from the roofline. Called millions of times a second:
 * prepare once per layout, then step() is a dozen multiplications on the prepared struct.
 */
#ifndef POLICY_COST_H
#define POLICY_COST_H

#include <stdint.h>

#include "policy/layout.h"
#include "policy/policy.h"

/* What a step holds, in sums over its sequences, so that the cost is O(1). */
struct cost_step {
    int64_t n_decode;       /* sequences that decode one token */
    int64_t ctx_tokens;     /* sum over those of the tokens attended, the new one included */
    int64_t n_prefill;      /* prompts or parts of prompts */
    int64_t prefill_tokens; /* sum of the chunks */
    int64_t prefill_kv;     /* sum over chunks of the cache length after the chunk: KV read */
    int64_t prefill_pairs;  /* sum over chunks of query-key pairs: c*s + c*(c+1)/2 for a chunk of c tokens after s */
    int64_t n_logits;       /* sequences that yield a token: n_decode + prompts that end in this step */
};

/* What a layout can hold. Bytes per GPU of the tp group. */
struct cost_memory {
    double weight_bytes;
    double activation_bytes;
    double kv_token_bytes; /* per token of context */
};

struct cost_ops {
    struct policy policy;
    size_t state_size;
    void (*prepare)(const void *options, const struct layout *layout, void *state);
    int64_t (*step_ns)(const void *state, const struct cost_step *step); /* > 0 */
};

/* Memory of the model in its layout (cost_memory.c; equations in DESIGN.md). */
struct cost_memory cost_memory(const struct layout *layout);
/* KV blocks of one replica; <= 0 when weights and activations do not fit. */
int64_t cost_kv_blocks(const struct layout *layout);

#endif
