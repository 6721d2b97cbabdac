/*
 * comm - communication of the cost roofline: all-reduces of the layers, dispatch and combine of the experts, stages,
 * context parallel ranks.
 *
 * Each collective is a kernel (kernel.h): a launch and bytes over a link, times the engine's comm_scale. Equations with
 * sources: DESIGN.md, "Step time". Not modelled: communication overlapped with compute beyond what comm_scale and
 * two-batch overlap (cost_roofline.c) say; of DeepEP, the forwarding over NVLink, and waiting for counts.
 */
#include "policy/cost_kernels.h"
#include "policy/cost_roofline.h"

/* `count` collectives a step; each GPU sends `bytes` for a token of its rank in each. */
static void add_collective(struct roofline *s, const struct layout *l, enum kernel_id id, double count, double bytes,
                           double Bps)
{
    const struct kernel *k = &l->kernels.at[id];

    if (Bps <= 0 || k->memory_efficiency <= 0)
        return;
    s->fixed_s += l->engine.comm_scale * count * k->launch_s;
    s->kernels += count;
    s->token_s += kernel_bytes_s(k, l->engine.comm_scale * count * bytes, Bps);
}

static void add_allreduces(struct roofline *s, const struct layout *l, double count, double bytes)
{
    const struct kernel *kernels[] = {&l->kernels.at[KERNEL_allreduce], &l->kernels.at[KERNEL_allreduce_large]};

    s->kernels += count;
    for (int i = 0; i < 2; i++) {
        const struct kernel *k = kernels[kernels[i]->memory_efficiency > 0 ? i : 1 - i]; /* where only one is known */
        if (k->memory_efficiency <= 0)
            continue;
        s->reduce_s[i] = l->engine.comm_scale * count * k->launch_s;
        s->reduce_token_s[i] = kernel_bytes_s(k, l->engine.comm_scale * count * bytes, l->gpu.nvlink_Bps);
    }
}

/* GPUs or nodes that a token's k experts lie on, all alike. */
static double places_reached(double places, int64_t k)
{
    double missed = 1;

    while (k-- > 0)
        missed *= 1 - 1 / places;
    return places * (1 - missed);
}

/* A token of the hidden size goes to its experts in the type they multiply, and comes back in bf16: once to each GPU;
 * where they are spread over nodes, a prompt's goes once to each node, which hands it on over NVLink meanwhile, a
 * decoded one to each of its experts straight (DeepEP's normal and low-latency kernels). As the kernels were measured:
 * comm_scale is what engines' all-reduces of tp ranks take. */
static void add_dispatch(struct roofline *s, const struct layout *l, double sparse, bool far, double Bps)
{
    const struct model_options *m = &l->model;
    const struct kernel *k = &l->kernels.at[far ? KERNEL_network : KERNEL_alltoall];
    double gpus = (double)(l->replica.tp * l->replica.dp), tp = (double)l->replica.tp;
    double places = far ? __builtin_ceil(gpus / (double)l->node.gpus) : gpus;
    double copies = places_reached(places, m->topk), there = roofline_activation_bytes(layout_moe_dtype(l)),
           back = dtype_bytes(DTYPE_BF16);
    double elements = copies * (places - 1) / places * (double)m->hidden / tp;

    if (Bps <= 0 || k->memory_efficiency <= 0)
        return;
    s->route_s = sparse * k->launch_s;
    s->sent_again = far ? (double)m->topk / copies : 1;
    s->route_token_s[0] = kernel_bytes_s(k, sparse * elements * there, Bps);
    s->route_token_s[1] = kernel_bytes_s(k, sparse * elements * back, Bps);
    s->kernels += 2 * sparse;
}

/* All-reduce of a tensor of the hidden size over tp GPUs sends 2 (tp-1)/tp of it; a stage hands on the hidden states.
 */
void roofline_add_communication(struct roofline *s, const struct layout *l)
{
    const struct model_options *m = &l->model;
    const struct replica_options *r = &l->replica;
    double tp = (double)r->tp, width = (double)m->hidden * dtype_bytes(DTYPE_BF16), layers = (double)m->layers;
    double sparse = m->experts ? layers - roofline_dense_layers(m) : 0;
    bool far = layout_gpus(l) > l->node.gpus; /* between nodes */
    double far_Bps = far ? l->gpu.network_Bps : l->gpu.nvlink_Bps;

    if (r->tp > 1) /* after the attention, and after the MLP where that is sharded over the same GPUs */
        add_allreduces(s, l, r->dp > 1 ? layers + (layers - sparse) : 2 * layers, 2 * (tp - 1) / tp * width);
    if (r->tp > 1 && l->kernels.at[KERNEL_allreduce].memory_efficiency > 0)
        s->fixed_s +=
            l->engine.comm_scale * layers * (double)m->norm_reduces * l->kernels.at[KERNEL_allreduce].launch_s;
    if (r->dp > 1 && sparse > 0)
        add_dispatch(s, l, sparse, far, far_Bps);
    if (r->cp > 1)
        add_collective(s, l, KERNEL_allgather, layers, width, l->gpu.nvlink_Bps);
    if (r->pp > 1)
        add_collective(s, l, far ? KERNEL_network : KERNEL_allgather, (double)(r->pp - 1), width, far_Bps);
}

/* What pcp ranks exchange in `layers` layers. Prompts: a rank lacks pcp - 1 times the KV that it stores; of windows,
 * the chunk's. Decodes: an all-reduce of the heads' partial outputs, as its two halves. */
void roofline_add_exchange(struct roofline *s, const struct layout *l, double layers, const struct attn_profile *a)
{
    const struct model_options *m = &l->model;
    enum kernel_id id = cost_pcp_kernel(l);
    const struct kernel *k = &l->kernels.at[id];
    double Bps = id == KERNEL_network ? l->gpu.network_Bps : l->gpu.nvlink_Bps, scale = l->engine.comm_scale * layers;
    double width = (double)(m->kv_lora_rank > 0 ? m->kv_lora_rank : m->head_dim) * dtype_bytes(DTYPE_BF16);
    double outputs = (double)m->q_heads / (double)l->replica.tp * width;

    if (s->pcp == 1 || a->n_terms == 0)
        return;
    for (int i = 0; i < a->n_terms; i++)
        *(a->term[i].knee < 1e15 ? &s->gather_chunk_s : &s->gather_s) +=
            kernel_bytes_s(k, scale * (s->pcp - 1) * a->term[i].stored, Bps);
    s->prompt_launch_s += scale * k->launch_s;
    s->kernels += layers;
    s->sum_s += kernel_bytes_s(k, scale * 2 * (s->pcp - 1) / s->pcp * outputs, Bps);
    s->decode_launch_s += 2 * scale * k->launch_s;
}
