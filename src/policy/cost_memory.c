/*
 * cost_memory.c - what a layout holds in the memory of each GPU of its tp group (equations: DESIGN.md, "Memory").
 */
#include "policy/cost.h"

#include "policy/cost_params.h"

struct cost_memory cost_memory(const struct layout *l)
{
    const struct model_options *m = &l->model;
    struct cost_params p = cost_params(l);
    double tp = (double)l->replica.tp, bf16 = dtype_bytes(DTYPE_BF16);
    double wide = (double)m->hidden * 4 + (2 * (double)m->dense_inter + p.q_width + 2 * p.kv_width) / tp;
    double embeddings = (double)(m->tie_embeddings ? 1 : 2) * p.vocab_params / tp;
    struct cost_memory out = {
        .weight_bytes = (double)m->layers * p.layer_params_gpu * dtype_bytes(l->replica.dtype) + embeddings * bf16,
        .activation_bytes = (double)l->replica.activation_bytes,
        .kv_token_bytes = 2 * (double)m->layers * p.kv_width_gpu * dtype_bytes(l->replica.kv_dtype),
    };

    if (l->replica.activation_bytes == 0)
        out.activation_bytes = (double)l->limits.max_num_batched_tokens * wide * bf16 +
                               (double)l->limits.max_num_seqs * (double)m->vocab * 4;
    return out;
}

int64_t cost_kv_blocks(const struct layout *l)
{
    struct cost_memory m = cost_memory(l);
    double room = (double)l->gpu.memory_bytes * l->replica.memory_fraction - m.weight_bytes - m.activation_bytes;

    return (int64_t)(room / (m.kv_token_bytes * (double)l->replica.kv_block_tokens));
}
