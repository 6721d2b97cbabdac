/*
 * cost_memory.c - what a layout holds in the memory of each of its GPUs (equations: DESIGN.md, "Memory").
 *
 * A pipeline stage has layers/pp of the layers, and of the KV; the first and last hold embedding and head, here spread
 * evenly. Attention data parallel ranks each hold the attention, the dense layers and the shared experts; so do prefill
 * context parallel ranks, and all that their tp * dp hold of the experts. The tokens of a sequence are spread evenly
 * over those, windows too; a state that is not made of tokens (linear layers, compressors) is on each. Their
 * activations are counted as without: what fewer tokens save, gathered KV takes. Where multi-token prediction drafts,
 * its layers are there too, each as large as the mean layer, with a KV cache; a draft model is, whole, with its own KV
 * of the same tokens. Not modelled: fragmentation, CUDA contexts and graphs (memory_fraction stands for them), the
 * activations of drafting.
 */
#include "policy/cost.h"
#include "policy/speculation.h"

struct widths {
    double attention, mlp, moe; /* bytes of weights on one GPU */
    double widest;              /* elements of the widest layer's tensors, per token */
};

static void attention_widths(const struct layout *l, struct widths *w)
{
    double tp = (double)l->replica.tp, kv = (double)l->model.kv_heads;
    double kv_tp = kv > 0 && kv < tp ? kv : tp, each = dtype_bytes(layout_attention_dtype(l));

    for (int kind = 0; kind < ATTN_KINDS; kind++) {
        struct attn_weights a;
        double n = (double)attn_layers(&l->model, (enum attn_kind)kind);
        if (n == 0)
            continue;
        attn_get((enum attn_kind)kind)->weights(&l->model, &a);
        w->attention += n * each * (a.sharded / tp + a.kv_sharded / kv_tp + a.replicated);
    }
}

static void mlp_widths(const struct layout *l, struct widths *w)
{
    const struct model_options *m = &l->model;
    double hidden = (double)m->hidden, tp = (double)l->replica.tp;
    double dense = m->experts ? (double)m->dense_layers : (double)m->layers, sparse = (double)m->layers - dense;
    int64_t moe_tp, moe_ep;

    layout_experts(l, &moe_tp, &moe_ep);
    w->mlp = 3 * hidden * (dense * (double)m->dense_inter + sparse * (double)m->shared_inter) / tp *
             dtype_bytes(layout_mlp_dtype(l));
    w->mlp += sparse * hidden * (double)m->experts * dtype_bytes(DTYPE_BF16); /* routers */
    w->moe = sparse * 3 * hidden * (double)m->moe_inter * (double)(m->experts + l->replica.redundant_experts) /
             (double)(moe_tp * moe_ep) *
             dtype_bytes(layout_moe_dtype(l)) * (1 - l->lower.cold_experts);
    double inner = 2 * (double)m->dense_inter / tp;
    if (m->experts) /* each token has a row for each of its experts */
        inner += (double)m->topk * (hidden + 2 * (double)m->moe_inter / (double)moe_tp) / (double)moe_ep;
    w->widest = 4 * hidden + inner +
                (double)m->q_heads * (double)(m->head_dim > 0 ? m->head_dim : m->qk_nope_dim + m->qk_rope_dim) / tp;
}

/* That a rank may have at once: each micro-batch that is apart has as many as the scheduler lets one have. */
static double most_seqs(const struct layout *l)
{
    int64_t batches = l->replica.micro_batches == BATCHES_APART ? l->replica.pp : 1;

    return (double)(batches * l->limits.max_num_seqs);
}

/* With the layers of multi-token prediction, against without. */
static double with_mtp(const struct layout *l)
{
    bool mtp = l->replica.spec_tokens > 0 && l->replica.spec_method == SPEC_MTP;

    return mtp ? 1 + (double)l->model.mtp_layers / (double)l->model.layers : 1;
}

static bool has_draft_model(const struct layout *l)
{
    return l->replica.spec_tokens > 0 && l->replica.spec_method == SPEC_DRAFT;
}

static void add_draft_model(const struct layout *l, struct cost_memory *out)
{
    struct layout draft;

    speculation_layout(l, &draft);
    struct cost_memory m = cost_memory(&draft);
    out->weight_bytes += m.weight_bytes;
    out->kv_token_bytes += m.kv_token_bytes;
    out->seq_bytes += m.seq_bytes;
}

struct cost_memory cost_memory(const struct layout *l)
{
    const struct model_options *m = &l->model;
    const struct replica_options *r = &l->replica;
    struct kv_format f = kv_format_of(m, r->kv_dtype, r->kv_scales ? KV_PRODUCTION : KV_PLAIN);
    double tp = (double)r->tp, pp = (double)r->pp, bf16 = dtype_bytes(DTYPE_BF16);
    double elsewhere = 1 - 1 / (double)r->pcp; /* of a sequence's tokens */
    double far = 1e9;                          /* beyond every knee */
    double drafts = with_mtp(l);
    struct widths w = {0};

    f.compressor_bytes = 4; /* float32, see attn.h */
    attention_widths(l, &w);
    mlp_widths(l, &w);
    double embeddings = (double)(m->tie_embeddings ? 1 : 2) * (double)m->vocab * (double)m->hidden / tp;
    double stored = attn_stored(m, &f, r->tp, r->cp, far),
           token = (attn_stored(m, &f, r->tp, r->cp, 2 * far) - stored) / far;
    double bounded = stored - token * far, states = attn_stored(m, &f, r->tp, r->cp, 0);
    struct cost_memory out = {
        .weight_bytes = ((w.attention + w.mlp + w.moe) * drafts + embeddings * bf16) / pp,
        .activation_bytes = (double)r->activation_bytes,
        .kv_token_bytes = token * drafts / pp / (double)r->pcp,
        .seq_bytes = (bounded - (bounded - states) * elsewhere) / pp * most_seqs(l),
    };
    if (r->activation_bytes == 0)
        out.activation_bytes = (double)l->limits.max_num_batched_tokens * w.widest * bf16 +
                               (double)l->limits.max_num_seqs * (double)m->vocab * 4;
    if (has_draft_model(l))
        add_draft_model(l, &out);
    return out;
}

void cost_kv_bytes(const struct layout *l, double *token_bytes, double *state_bytes)
{
    struct kv_format f = kv_format_of(&l->model, l->replica.kv_dtype, l->replica.kv_scales ? KV_PRODUCTION : KV_PLAIN);
    double far = 1e9, drafts = with_mtp(l);

    f.compressor_bytes = 4; /* float32, see attn.h */
    double stored = attn_stored(&l->model, &f, 1, 1, far);
    *token_bytes = (attn_stored(&l->model, &f, 1, 1, 2 * far) - stored) / far * drafts;
    *state_bytes = stored - *token_bytes / drafts * far;
    if (has_draft_model(l)) {
        struct layout draft;
        double token, state;
        speculation_layout(l, &draft);
        cost_kv_bytes(&draft, &token, &state);
        *token_bytes += token;
        *state_bytes += state;
    }
}

int64_t cost_hbm_blocks(const struct layout *l)
{
    struct cost_memory m = cost_memory(l);
    double room = (double)l->gpu.memory_bytes * l->replica.memory_fraction - m.weight_bytes - m.activation_bytes;
    int64_t block = l->replica.kv_block_tokens;

    room -= m.seq_bytes;
    if (room < 0)
        return 0;
    if (m.kv_token_bytes <= 0) /* windows and states alone: whatever the sequences may need */
        return (l->model.max_context + block - 1) / block * (int64_t)most_seqs(l) * l->replica.dp;
    return (int64_t)(room / (m.kv_token_bytes * (double)block)) * l->replica.dp;
}

int64_t cost_kv_blocks(const struct layout *l)
{
    int64_t blocks = cost_hbm_blocks(l);
    double token, state;

    if (l->lower.overflow_bytes == 0 || blocks < 1)
        return blocks;
    cost_kv_bytes(l, &token, &state);
    if (token <= 0)
        return blocks;
    return blocks + (int64_t)((double)l->lower.overflow_bytes / (token * (double)l->replica.kv_block_tokens));
}

int64_t cost_member_blocks(const struct layout *l)
{
    return cost_kv_blocks(l) / layout_members(l);
}

int64_t cost_rank_blocks(const struct layout *l)
{
    return cost_member_blocks(l) / layout_ranks(l);
}

double cost_expert_bytes(const struct layout *l)
{
    return 3 * (double)l->model.hidden * (double)l->model.moe_inter * dtype_bytes(layout_moe_dtype(l));
}

double cost_table_bytes(const struct layout *l)
{
    return (double)l->model.engram_layers * (double)l->model.engram_rows * (double)l->model.engram_row_bytes;
}
