/* cost.c - what a step's cost is made of, beside the times themselves: knees, sums of chunks, the layout's own rules.
 */
#include "policy/cost.h"

struct cost_knees cost_knees(const struct layout *l)
{
    struct cost_knees k = {.at = {-1}, .n = 1};

    k.n += attn_knees(&l->model, k.at + 1, COST_KNEES - 1);
    return k;
}

void cost_add_chunk(struct cost_step *step, const struct cost_knees *k, int64_t s, int64_t c, bool last)
{
    step->n_prefill++;
    step->prefill_tokens += c;
    step->prefill_kv += s + c;
    for (int i = 0; i < k->n; i++)
        step->prefill_pairs[i] += attn_pairs(s, c, k->at[i]);
    step->n_logits += last;
}

void cost_add_decode(struct cost_step *step, const struct cost_knees *k, int64_t s)
{
    step->n_decode++;
    step->n_logits++;
    for (int i = 0; i < k->n; i++)
        step->ctx[i] += i > 0 && s + 1 > k->at[i] ? k->at[i] : s + 1;
}

int64_t cost_prompt_ns(const struct cost_ops *ops, const void *state, const struct cost_knees *k, int64_t tokens,
                       int64_t budget)
{
    int64_t steps = tokens > budget ? (tokens + budget - 1) / budget : 1, each, all;
    struct cost_step step = {0};

    cost_add_chunk(&step, k, 0, tokens, false);
    step.rank_tokens = step.prefill_tokens = (tokens + steps - 1) / steps;
    step.prefill_kv = (step.prefill_tokens + tokens) / 2; /* from the first chunk alone to all of them */
    for (int i = 0; i < k->n; i++)
        step.prefill_pairs[i] /= steps;
    each = ops->step_ns(state, &step);
    step.n_logits = 1;
    int64_t last = ops->step_ns(state, &step);
    return __builtin_mul_overflow(each, steps - 1, &all) || __builtin_add_overflow(all, last, &all) ? INT64_MAX : all;
}

bool dtype_is_four_bit(int dtype)
{
    return dtype == DTYPE_NVFP4 || dtype == DTYPE_MXFP4 || dtype == DTYPE_MXFP4_FP8 || dtype == DTYPE_INT4;
}

int layout_moe_dtype(const struct layout *l)
{
    return l->replica.moe_dtype > 0 ? l->replica.moe_dtype - 1 : l->replica.dtype;
}

int layout_attention_dtype(const struct layout *l)
{
    if (l->replica.attention_dtype > 0)
        return l->replica.attention_dtype - 1;
    return dtype_is_four_bit(l->replica.dtype) && l->model.fp4_scope != FP4_ALL ? DTYPE_BF16 : l->replica.dtype;
}

int layout_mlp_dtype(const struct layout *l)
{
    return dtype_is_four_bit(l->replica.dtype) && l->model.fp4_scope == FP4_EXPERTS ? DTYPE_BF16 : l->replica.dtype;
}

void layout_experts(const struct layout *l, int64_t *moe_tp, int64_t *moe_ep)
{
    const struct replica_options *r = &l->replica;

    *moe_tp = r->moe_tp > 0 ? r->moe_tp : 1;
    *moe_ep = r->moe_ep > 0 ? r->moe_ep : 1;
    if (r->moe_tp == 0 && r->moe_ep == 0)
        *(r->dp > 1 ? moe_ep : moe_tp) = r->tp * r->dp;
}
