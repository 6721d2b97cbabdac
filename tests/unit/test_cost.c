/* Step cost and memory: experts against their closed form, one group of operators at a time against figures worked out
 * by hand, ranks, stages and speculation against the same work without them. */
#include <check.h>
#include <math.h>
#include <stdlib.h>

#include "policy/cost.h"
#include "policy/cost_kernels.h"
#include "policy/experts.h"
#include "policy/ranks.h"
#include "policy/speculation.h"
#include "../run_suite.h"

/* ---- experts ---- */

/* E (1 - (1 - k/E)^T) when every expert is as popular as any other. */
START_TEST(uniform_experts_follow_the_closed_form)
{
    static const int shapes[][2] = {{8, 2}, {32, 4}, {128, 8}, {256, 8}, {384, 8}};
    struct experts x;

    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        int e = shapes[i][0], k = shapes[i][1];
        experts_init(&x, e, k, 0);
        ck_assert_double_eq_tol(x.share_square, 1.0 / e, 1e-12);
        for (int t = 0; t <= 100000; t = t < 40 ? t + 1 : t * 5 / 4) {
            double want = e * (1 - pow(1 - (double)k / e, t)), got = experts_distinct(&x, t);
            ck_assert_msg(fabs(got - want) <= (t <= 32 ? 1e-9 : 1e-3) * e, "%d of %d, %d tokens: %g, want %g", k, e, t,
                          got, want);
        }
    }
}
END_TEST

START_TEST(popular_experts_are_shared)
{
    struct experts even, x;

    experts_init(&even, 256, 8, 0);
    for (int skew = 1; skew <= 6; skew++) {
        double before = 0;
        experts_init(&x, 256, 8, 0.5 * skew);
        ck_assert_double_gt(x.share_square, even.share_square);
        ck_assert_double_eq_tol(experts_distinct(&x, 1), 8, 1e-9); /* a token picks topk of them */
        for (double t = 0.25; t < 1e7; t *= 1.3) {
            double got = experts_distinct(&x, t);
            ck_assert_double_ge(got, before);
            ck_assert_double_le(got, 256);
            ck_assert_double_le(got, experts_distinct(&even, t) + 1e-9);
            before = got;
        }
    }
    experts_init(&x, 8, 8, 2); /* every token picks all */
    ck_assert_double_eq_tol(experts_distinct(&x, 1), 8, 1e-9);
    ck_assert_double_eq_tol(experts_distinct(&x, 1e6), 8, 1e-9);
}
END_TEST

/* The expected largest of n normal variables; the wants were integrated numerically. */
START_TEST(the_spread_of_ranks)
{
    static const struct {
        int64_t n;
        double want;
    } known[] = {{1, 0},       {2, 0.5642},  {8, 1.4236},   {16, 1.7660},
                 {32, 2.0697}, {72, 2.3879}, {144, 2.6353}, {256, 2.8269}};

    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        ck_assert_msg(fabs(expert_spread(known[i].n) - known[i].want) <= 0.002 * known[i].want,
                      "%g of %d ranks, want %g", expert_spread(known[i].n), (int)known[i].n, known[i].want);
    for (int64_t n = 1; n < 300; n++)
        ck_assert_double_le(expert_spread(n), expert_spread(n + 1) + 1e-9);
}
END_TEST

/* Whole chunks, each to the emptiest; the twin looks at all. */
START_TEST(chunks_go_to_the_emptiest_rank)
{
    struct sched_ranks r;
    int64_t twin[5] = {0}, x = 7;

    sched_ranks_init(&r, 1, 100);
    ck_assert_int_eq(sched_ranks_room(&r), INT64_MAX);
    sched_ranks_init(&r, 5, 5000);
    for (int i = 0; i < 200; i++) {
        int64_t least = 0, most = 0;
        for (int64_t k = 0; k < 5; k++)
            least = twin[k] < twin[least] ? k : least;
        ck_assert_int_eq(sched_ranks_room(&r), 1000 - twin[least]);
        x = (x * 75 + 74) % 65537;
        twin[least] += x % 50;
        sched_ranks_add(&r, x % 50);
        for (int64_t k = 0; k < 5; k++)
            most = twin[k] > most ? twin[k] : most;
        ck_assert_int_eq(r.most, most);
    }
}
END_TEST

/* ---- layouts ---- */

static const struct cost_ops *roofline;
static int64_t options[8];

/* 8 layers of 1e6-ish weights each, widths easy to multiply; no kernel has figures, no software costs. */
static struct layout dense(void)
{
    return (struct layout){
        .node = {.gpus = 8},
        .gpu = {.memory_bytes = 1000000000,
                .memory_Bps = 1e12,
                .bf16_flops = 1e15,
                .fp8_flops = 2e15,
                .nvlink_Bps = 1e11,
                .network_Bps = 1e10},
        .model = {.layers = 8,
                  .hidden = 1000,
                  .vocab = 10000,
                  .q_heads = 10,
                  .kv_heads = 2,
                  .head_dim = 100,
                  .dense_inter = 3000,
                  .max_context = 100000},
        .replica =
            {.count = 1, .tp = 1, .dp = 1, .pp = 1, .cp = 1, .pcp = 1, .kv_block_tokens = 16, .memory_fraction = 0.9},
        .engine = {.gemm_scale = 1,
                   .gemm_flops_scale = 1,
                   .moe_scale = 1,
                   .moe_flops_scale = 1,
                   .moe4_scale = 1,
                   .attention_scale = 1,
                   .prefill_scale = 1,
                   .comm_scale = 1,
                   .launch_scale = 1},
        .limits = {.max_num_seqs = 100, .max_num_batched_tokens = 1000, .chunked_prefill = true},
    };
}

static struct layout sparse(void)
{
    struct layout l = dense();

    l.model.experts = 64;
    l.model.topk = 4;
    l.model.moe_inter = 500;
    l.model.dense_inter = 0;
    return l;
}

static void all_kernels(struct layout *l)
{
    for (int i = 0; i < KERNEL_COUNT; i++)
        l->kernels.at[i] = (struct kernel){0.5, 8, 0.8, 3e-6, 0};
}

static double seconds(const struct layout *l, const struct cost_step *step)
{
    void *state = calloc(1, roofline->state_size);

    roofline->prepare(options, l, state);
    int64_t ns = roofline->step_ns(state, step);
    if (roofline->release)
        roofline->release(state);
    free(state);
    ck_assert_int_gt(ns, 0);
    return (double)ns * 1e-9;
}

static struct cost_step decodes(const struct layout *l, int64_t n, int64_t context)
{
    struct cost_step s = {.n_decode = n, .n_logits = n};
    struct cost_knees k = cost_knees(l);

    for (int i = 0; i < k.n; i++)
        s.ctx[i] = n * (k.at[i] >= 0 && k.at[i] < context ? k.at[i] : context);
    return s;
}

static struct cost_step prompt(const struct layout *l, int64_t before, int64_t tokens)
{
    struct cost_step s = {.n_prefill = 0};
    struct cost_knees k = cost_knees(l);

    cost_add_chunk(&s, &k, before, tokens, true);
    return s;
}

static void near(double got, double want, double share)
{
    ck_assert_msg(fabs(got - want) <= share * want + 2e-9, "%g s, want %g s", got, want);
}

/* ---- one group at a time ---- */

/* Weights of a layer: q and o 1000 x 1000 each, k and v 1000 x 200 each, gated MLP 3 x 1000 x 3000; head 1000 x 10000.
 */
enum { LAYER_WEIGHTS = 2 * 1000000 + 2 * 200000 + 9000000, HEAD_WEIGHTS = 10000000 };

START_TEST(one_token_reads_the_weights)
{
    struct layout l = dense();
    struct cost_step s = decodes(&l, 1, 1);

    l.kernels.at[KERNEL_gemm_bf16].memory_efficiency = 0.5;
    near(seconds(&l, &s), 2.0 * (8.0 * LAYER_WEIGHTS + HEAD_WEIGHTS) / 0.5e12, 0.01);
    l.engine.gemm_scale = 3;
    near(seconds(&l, &s), 3 * 2.0 * (8.0 * LAYER_WEIGHTS + HEAD_WEIGHTS) / 0.5e12, 0.01);
    l.engine.gemm_scale = 1;
    l.replica.dtype = DTYPE_FP8;
    l.kernels.at[KERNEL_gemm_fp8].memory_efficiency = 0.25;
    near(seconds(&l, &s), 8.0 * LAYER_WEIGHTS / 0.25e12 + 2.0 * HEAD_WEIGHTS / 0.5e12, 0.01);
}
END_TEST

START_TEST(a_long_prompt_multiplies_by_the_weights)
{
    struct layout l = dense();
    struct cost_step s = prompt(&l, 0, 4000);

    l.kernels.at[KERNEL_gemm_bf16].flops_efficiency = 0.5;
    near(seconds(&l, &s), 2.0 * (4000 * 8.0 * LAYER_WEIGHTS + HEAD_WEIGHTS) / 0.5e15, 0.001);
    l.kernels.at[KERNEL_gemm_bf16].half = 1000; /* as if 1000 tokens more */
    near(seconds(&l, &s), 2.0 * (5000 * 8.0 * LAYER_WEIGHTS + 1001.0 * HEAD_WEIGHTS) / 0.5e15, 0.001);
}
END_TEST

/* K and V of a token: 2 x 2 heads x 100 x 2 bytes in each of 8 layers. */
START_TEST(decodes_read_their_context)
{
    struct layout l = dense();
    struct cost_step s = decodes(&l, 50, 3000);

    l.kernels.at[KERNEL_decode_bf16].memory_efficiency = 0.8;
    near(seconds(&l, &s), 50 * 3000 * 8.0 * 800 / 0.8e12, 0.001);
    l.replica.tp = 2; /* one KV head each */
    near(seconds(&l, &s), 50 * 3000 * 8.0 * 400 / 0.8e12, 0.001);
    l.model.kind_layers[ATTN_WINDOW] = 6;
    l.model.sliding_window = 100;
    l.replica.tp = 1;
    s = decodes(&l, 50, 3000);
    near(seconds(&l, &s), 50 * (3000 * 2.0 + 100 * 6.0) * 800 / 0.8e12, 0.001);
}
END_TEST

/* A pair of tokens: 4 x 10 heads x 100 FLOPs in each of 8 layers. */
START_TEST(prompts_attend_by_pairs)
{
    struct layout l = dense();
    struct cost_step s = prompt(&l, 1000, 2000);

    l.kernels.at[KERNEL_prefill_bf16].flops_efficiency = 0.5;
    near(seconds(&l, &s), (2000.0 * 1000 + 2000.0 * 2001 / 2) * 4000 * 8 / 0.5e15, 0.001);
}
END_TEST

/* Two all-reduces a layer; each GPU sends 2 (tp-1)/tp of 1000 bf16 numbers a token. */
START_TEST(tensor_parallel_ranks_reduce)
{
    struct layout l = dense();
    struct cost_step s = prompt(&l, 0, 4000);

    l.kernels.at[KERNEL_allreduce] = (struct kernel){.memory_efficiency = 0.5, .launch_s = 1e-5};
    near(seconds(&l, &s), 0, 0);
    l.replica.tp = 2;
    near(seconds(&l, &s), 16 * (1e-5 + 4000 * 2000.0 / 0.5e11), 0.001);
}
END_TEST

/* An expert: 3 x 1000 x 500 weights. */
START_TEST(a_batch_reads_its_distinct_experts)
{
    struct layout l = sparse();
    struct cost_step s = decodes(&l, 16, 1);
    double distinct = 64 * (1 - pow(1 - 4.0 / 64, 16)), bytes = 8 * distinct * 1500000 * 2;

    l.kernels.at[KERNEL_moe_bf16].memory_efficiency = 0.5;
    near(seconds(&l, &s), bytes / 0.5e12, 0.03); /* activations are read, too */
    l.replica.expert_skew = 1;
    ck_assert_double_lt(seconds(&l, &s), 0.9 * bytes / 0.5e12);
}
END_TEST

START_TEST(software)
{
    struct layout l = dense();
    struct cost_step d = decodes(&l, 20, 1), p = prompt(&l, 0, 10);

    l.engine.step_overhead_ns = 1000000;
    l.engine.seq_overhead_ns = 10000;
    l.engine.prefill_overhead_ns = 500000;
    near(seconds(&l, &d), 1.2e-3, 0);
    near(seconds(&l, &p), 1.51e-3, 0);
    l.engine.kernel_dispatch_ns = 10000;
    near(seconds(&l, &d), 1.2e-3, 0);           /* a graph */
    near(seconds(&l, &p), 1.51e-3 + 0.8e-3, 0); /* of a layer 4 products, 5 small kernels and the attention */
}
END_TEST

/* What a token needs beside weights and cache. */
START_TEST(engram_rows_and_streams_are_read)
{
    struct layout l = dense();
    struct cost_step s = decodes(&l, 50, 1);

    l.kernels.at[KERNEL_elementwise].memory_efficiency = 0.5;
    double plain = seconds(&l, &s);
    l.model.engram_layers = 2;
    l.model.engram_rows = 24;
    l.model.engram_row_bytes = 264;
    near(seconds(&l, &s) - plain, 50 * 2 * 24 * 264 / 0.5e12, 0.01);
    l.model.engram_layers = 0;
    l.model.hc_mult = 4;
    near(seconds(&l, &s) - plain, 50 * 8 * 2 * 8.0 * 1000 * 3 / 0.5e12, 0.01);
}
END_TEST

START_TEST(a_chunk_reads_the_cache_before_it)
{
    struct layout l = dense();
    struct cost_step s = prompt(&l, 50000, 10);

    l.kernels.at[KERNEL_prefill_bf16].memory_efficiency = 0.5;
    near(seconds(&l, &s), 50010 * 8.0 * 800 / 0.5e12, 0.001);
}
END_TEST

/* Of 6 linear layers: 2 heads of 50 x 50 float32 and 3 earlier inputs of 3 x 100 bf16 channels, read and written. */
START_TEST(linear_layers_read_their_state)
{
    struct layout l = dense();
    struct cost_step s = decodes(&l, 50, 3000);

    l.model.kind_layers[ATTN_LINEAR] = 6;
    l.model.linear_k_heads = l.model.linear_v_heads = 2;
    l.model.linear_k_dim = l.model.linear_v_dim = 50;
    l.model.linear_conv = 4;
    l.kernels.at[KERNEL_linear_decode].memory_efficiency = 0.5;
    near(seconds(&l, &s), 50 * 6 * 2 * (4 * 2 * 2500 + 2 * 3 * 300.0) / 0.5e12, 0.001);
    s = prompt(&l, 1000, 2000);
    l.kernels.at[KERNEL_linear_prefill].flops_efficiency = 0.5;
    near(seconds(&l, &s), 2000 * 6 * (7 * 2 * 2500 + 2 * 4 * 300.0) / 0.5e15, 0.001);
}
END_TEST

/* The latent's down projection is whole on each rank: 1000 x (100 + 20). */
START_TEST(a_latent_is_on_every_rank)
{
    struct layout l = dense();
    struct cost_step s = decodes(&l, 50, 1000);

    l.model.attention = ATTN_MLA;
    l.model.kv_lora_rank = 100;
    l.model.qk_nope_dim = l.model.v_head_dim = 50;
    l.model.qk_rope_dim = 20;
    double whole = cost_memory(&l).weight_bytes;
    l.replica.tp = 2;
    ck_assert_double_eq_tol(cost_memory(&l).weight_bytes, whole / 2 + 8 * 120000, 1);
    ck_assert_double_eq_tol(cost_memory(&l).kv_token_bytes, 8 * 240, 1e-3);
    l.kernels.at[KERNEL_mla_decode_bf16].memory_efficiency = 0.5;
    near(seconds(&l, &s), 50 * 1000 * 8 * 240 / 0.5e12, 0.001);
    l.replica.cp = 2;
    ck_assert_double_eq_tol(cost_memory(&l).kv_token_bytes, 8 * 120, 1e-3);
    near(seconds(&l, &s), 50 * 1000 * 8 * 120 / 0.5e12, 0.001);
    l.kernels.at[KERNEL_mla_decode_bf16].memory_efficiency = 0;
    l.kernels.at[KERNEL_gemm_bf16].memory_efficiency = 0.5;
    s = decodes(&l, 1, 1);
    double sharded = 1000 * 10 * 70 + 100 * 10 * 100 + 10 * 50 * 1000, mlp = 9000000;
    near(seconds(&l, &s), 2 * (8 * ((sharded + mlp) / 2 + 120000) + HEAD_WEIGHTS / 2) / 0.5e12, 0.01);
}
END_TEST

/* ---- ranks, stages, speculation ---- */

/* Four ranks of which one has half of the tokens. */
START_TEST(the_fullest_rank_counts)
{
    struct layout l = dense();

    l.replica.dp = 4;
    l.kernels.at[KERNEL_gemm_bf16] = (struct kernel){.flops_efficiency = 0.5};
    struct cost_step s = {.n_prefill = 4, .prefill_tokens = 400};
    double even = seconds(&l, &s);
    s.rank_tokens = 200;
    near(seconds(&l, &s), 2 * even, 0.001);
}
END_TEST

/* All experts are read; compute is the longer: 6 layers of 1.5e6 weights, 4 of 64 experts, on 4 ranks. */
START_TEST(second_copies_even_out_ranks)
{
    struct layout l = sparse();
    struct cost_step s = {.n_prefill = 4, .prefill_tokens = 40000};

    l.replica.dp = 4;
    l.replica.expert_skew = 1;
    l.kernels.at[KERNEL_moe_bf16] = (struct kernel){.flops_efficiency = 0.5};
    double flops = 2 * 1.5e6 / 0.5e15 * 8, rows = 40000 * 4, skewed = seconds(&l, &s);
    l.replica.redundant_experts = 16;
    double got = seconds(&l, &s), chance = expert_spread(4) * sqrt(rows * 3 / 16);
    near(got, flops * (rows / 4 + chance), 0.001);
    ck_assert_double_gt(skewed, 1.2 * got);
    l.replica.dtype = DTYPE_FP8; /* what the engine adds, of up to 1000 of the 2500 rows of an expert */
    l.kernels.at[KERNEL_moe_fp8] = (struct kernel){.flops_efficiency = 0.25};
    l.engine.moe_flops_scale = 2;
    l.engine.moe_flops_rows = 1000;
    near(seconds(&l, &s), 1.4 * got, 0.001);
}
END_TEST

/* Compute alone, dispatch alone, and both with and without overlap: four phases, of which the longer counts. */
START_TEST(two_batches_overlap)
{
    struct layout l = dense(), d = sparse();
    struct cost_step s = {.n_prefill = 4, .prefill_tokens = 4000};

    l = d;
    l.replica.dp = d.replica.dp = 4;
    d.kernels.at[KERNEL_alltoall] = (struct kernel){.memory_efficiency = 0.5};
    l.kernels.at[KERNEL_gemm_bf16] = (struct kernel){.flops_efficiency = 0.002};
    double sent = seconds(&d, &s), rest = seconds(&l, &s);
    l.kernels.at[KERNEL_alltoall] = d.kernels.at[KERNEL_alltoall];
    near(seconds(&l, &s), sent + rest, 0.001);
    l.replica.two_batch_overlap = true;
    l.replica.overlap_compute = 0.5;
    double phase = sent / 4; /* half of the tokens, one way */
    near(seconds(&l, &s), 2 * fmax(rest, phase) + 2 * phase, 0.001);
}
END_TEST

/* 6 of 8 layers have experts. A token goes to those of 8 GPUs that have one of its topk, one in 8 times its own, and
 * comes back, in each layer; half of its numbers from each of 2 tp ranks. Between nodes a prompt's goes once to each
 * node, a decoded one to each expert. Attention of all layers and the MLP of 2 are reduced over tp. */
START_TEST(attention_ranks_exchange_tokens)
{
    struct layout l = sparse();

    l.model.dense_layers = 2;
    l.model.dense_inter = 3000;
    l.replica.tp = 2;
    l.replica.dp = 4;
    struct cost_step s = decodes(&l, 400, 1);
    l.kernels.at[KERNEL_alltoall] = (struct kernel){.memory_efficiency = 0.5, .launch_s = 1e-5};
    double reached = 8 * (1 - pow(7 / 8.0, 4));
    near(seconds(&l, &s), 12 * (1e-5 + 100 * reached * 7 / 8.0 * 2000 / 2 / 0.5e11), 0.001);
    l.kernels.at[KERNEL_alltoall].memory_efficiency = 0;
    l.node.gpus = 4;
    l.kernels.at[KERNEL_network] = (struct kernel){.memory_efficiency = 0.25, .launch_s = 1e-4};
    near(seconds(&l, &s), 12 * (1e-4 + 100 * 4 / 2.0 * 2000 / 2 / 0.25e10), 0.001);
    struct cost_step p = {.n_prefill = 4, .prefill_tokens = 400};
    near(seconds(&l, &p), 12 * (1e-4 + 100 * (2 - 2 / 16.0) / 2 * 2000 / 2 / 0.25e10), 0.001);
    l.kernels.at[KERNEL_network].memory_efficiency = 0;
    l.kernels.at[KERNEL_allreduce] = (struct kernel){.memory_efficiency = 0.5, .launch_s = 1e-5};
    near(seconds(&l, &s), 10 * (1e-5 + 100 * 2000 / 0.5e11), 0.001);
    l.kernels.at[KERNEL_allreduce_large] = (struct kernel){.memory_efficiency = 1, .launch_s = 2e-6}; /* is faster */
    near(seconds(&l, &s), 10 * (2e-6 + 100 * 2000 / 1e11), 0.001);
}
END_TEST

/* 64 experts over 8 ranks, 8 whole ones each or an eighth of each. */
START_TEST(experts_are_spread_over_ranks)
{
    struct layout l = sparse();

    l.replica.dp = 8;
    struct cost_step s = decodes(&l, 200, 1); /* read nearly all */
    l.kernels.at[KERNEL_moe_bf16].memory_efficiency = 0.5;
    near(seconds(&l, &s), 8 * 8 * 1500000 * 2.0 / 0.5e12, 0.06); /* and activations */
    ck_assert_double_eq_tol(cost_memory(&l).weight_bytes,
                            2 * 8 * (2400000.0 + 1000 * 64 + 8 * 1500000) + 2 * 2 * HEAD_WEIGHTS, 1);
    s = decodes(&l, 16, 1); /* few: the slowest rank has more than its share */
    double share = 8 * (1 - pow(1 - 4.0 / 64, 16)), each = 8 * 1500000 * 2 / 0.5e12;
    ck_assert_double_gt(seconds(&l, &s), 1.1 * share * each);
    ck_assert_double_lt(seconds(&l, &s), 8.1 * each);
    s = decodes(&l, 8000, 1);
    l.kernels.at[KERNEL_moe_bf16] = (struct kernel){.flops_efficiency = 0.5};
    double mean = 8000 * 4 / 8 * 8 * 2 * 1500000.0 / 0.5e15;
    ck_assert_double_gt(seconds(&l, &s), mean * 1.01);
    ck_assert_double_lt(seconds(&l, &s), mean * 1.5);
    l.replica.moe_tp = 8;
    l.replica.moe_ep = 1;
    near(seconds(&l, &s), mean, 0.001);         /* as even as can be */
    l.kernels.at[KERNEL_moe_bf16].width = 62.5; /* 500/8: twice the work */
    near(seconds(&l, &s), 2 * mean, 0.001);
}
END_TEST

static void accept_each(struct layout *l, double p)
{
    l->replica.spec_acceptance = (struct opt_list){.n = 1, .x = {p}};
}

/* 3 drafts: 4 tokens by one reading of the cache, of the experts that 4 times the tokens pick; and 3 passes of one more
 * layer, the first of which takes the 4 tokens too. */
START_TEST(drafts_verify_together)
{
    struct layout l = sparse();
    struct cost_step s = decodes(&l, 4, 20000);

    l.replica.spec_tokens = 3;
    l.kernels.at[KERNEL_decode_bf16].memory_efficiency = 0.5;
    near(seconds(&l, &s), 4 * 20000 * (8 + 3) * 800 / 0.5e12, 0.001);
    l.kernels.at[KERNEL_decode_bf16] = (struct kernel){.flops_efficiency = 0.5};
    near(seconds(&l, &s), 4 * 20000.0 * (4 * (8 + 1) + 2) * 4000 / 0.5e15, 0.001);
    l.kernels.at[KERNEL_decode_bf16].flops_efficiency = 0;
    l.kernels.at[KERNEL_moe_bf16].memory_efficiency = 0.5;
    double of_16 = 64 * (1 - pow(1 - 4.0 / 64, 16)), of_4 = 64 * (1 - pow(1 - 4.0 / 64, 4));
    near(seconds(&l, &s), (of_16 * (8 + 1) + of_4 * 2) * 1500000 * 2 / 0.5e12, 0.03);
    l.replica.spec_method = SPEC_NGRAM; /* no passes */
    near(seconds(&l, &s), of_16 * 8 * 1500000 * 2 / 0.5e12, 0.03);
    l.replica.spec_host_ns = 70000;
    near(seconds(&l, &s), of_16 * 8 * 1500000 * 2 / 0.5e12 + 7e-5, 0.03);
}
END_TEST

/* The head: all 4 tokens of a sequence when they are verified, one of it in each pass of drafting. */
START_TEST(drafts_go_through_the_head)
{
    struct layout l = dense();
    struct cost_step s = decodes(&l, 1000, 1);

    l.model.layers = 1; /* the same products in the model and in the layer that drafts, apart from their tokens */
    l.replica.spec_tokens = 3;
    l.kernels.at[KERNEL_gemm_bf16] = (struct kernel){.flops_efficiency = 0.5};
    double tokens = 1000.0 * (4 + 4 + 1 + 1), heads = 1000.0 * (4 + 1 + 1 + 1);
    near(seconds(&l, &s), 2 * (tokens * LAYER_WEIGHTS + heads * HEAD_WEIGHTS) / 0.5e15, 0.001);
    l.kernels.at[KERNEL_gemm_bf16] = (struct kernel){.memory_efficiency = 0.5};
    double read = 4 * 2.0 * (LAYER_WEIGHTS + HEAD_WEIGHTS) / 0.5e12;
    s = decodes(&l, 1, 1);
    near(seconds(&l, &s), read, 0.03); /* and activations */
}
END_TEST

/* A draft model has layers and widths of its own, and its prompts are computed too. */
START_TEST(a_draft_model_has_steps_of_its_own)
{
    struct layout l = dense(), alone;

    all_kernels(&l);
    l.engine.step_overhead_ns = 500000;
    l.replica.spec_method = SPEC_DRAFT;
    l.draft = l.model;
    l.draft.layers = 3;
    l.draft.dense_inter = 1000;
    l.model.kind_layers[ATTN_WINDOW] = 4; /* the draft attends all of its context */
    l.model.sliding_window = 128;
    struct cost_step d = decodes(&l, 20, 700), p = prompt(&l, 0, 300);
    double plain = seconds(&l, &d), plain_p = seconds(&l, &p);
    l.replica.spec_tokens = 1;
    double verified = seconds(&l, &d);
    l.replica.spec_method = SPEC_NGRAM;
    verified -= seconds(&l, &d); /* one pass of 2 tokens each */
    l.replica.spec_method = SPEC_DRAFT;
    alone = l;
    alone.model = l.draft;
    alone.replica.spec_tokens = 0;
    alone.engine.step_overhead_ns = 0;
    struct cost_step one = decodes(&alone, 20, 700), whole = prompt(&alone, 0, 300);
    ck_assert_double_gt(verified, seconds(&alone, &one));
    ck_assert_double_lt(verified, 1.5 * seconds(&alone, &one)); /* its weights are read once */
    near(seconds(&l, &p) - plain_p, seconds(&alone, &whole), 1e-3);
    double before = seconds(&l, &d);
    l.replica.spec_tokens = 2;
    double second = seconds(&l, &d);
    l.replica.spec_method = SPEC_NGRAM;
    double of_3 = seconds(&l, &d);
    l.replica.spec_tokens = 1;
    double of_2 = seconds(&l, &d);
    ck_assert_double_gt(second - of_3, (before - of_2) + 0.999 * seconds(&alone, &one));
    ck_assert_double_gt(of_2, plain);
}
END_TEST

START_TEST(two_attention_ranks_do_twice_the_work)
{
    struct layout l = dense(), two = dense();

    all_kernels(&l);
    two.kernels = l.kernels;
    two.replica.dp = 2;
    struct cost_step one = decodes(&l, 30, 500), both = decodes(&two, 60, 500), odd = decodes(&two, 59, 500);
    near(seconds(&two, &both), seconds(&l, &one), 1e-6);
    near(seconds(&two, &odd), seconds(&l, &one), 1e-6); /* the rank that has more counts */
    ck_assert_int_eq(cost_kv_blocks(&two), 2 * cost_kv_blocks(&l));
    struct cost_step alone = prompt(&l, 0, 3000); /* a prompt stays on one */
    near(seconds(&two, &alone), seconds(&l, &alone), 1e-6);
}
END_TEST

/* A rank that is apart, told of the others, takes what all take together where they have as much as it: decodes and
 * prompts, with drafts and without. More context is its own; more tokens of others are the experts'. */
START_TEST(a_rank_apart_knows_the_others)
{
    struct layout l = sparse();

    all_kernels(&l);
    l.replica.dp = 4;
    l.engine.seq_overhead_ns = 1000;
    for (int drafts = 0; drafts < 3; drafts += 2) {
        l.replica.ranks = BATCHES_TOGETHER;
        l.replica.spec_tokens = drafts;
        struct cost_step all = decodes(&l, 120, 500), chunks = {.n_logits = 0};
        for (int i = 0; i < 4; i++)
            cost_add_chunk(&chunks, &(struct cost_knees){.at = {-1}, .n = 1}, 100, 200, true);
        double together = seconds(&l, &all), prompts = seconds(&l, &chunks);
        l.replica.ranks = BATCHES_APART;
        struct cost_step one = decodes(&l, 30, 500), chunk = prompt(&l, 100, 200), mixed = chunk, more = one;
        ck_assert_double_lt(seconds(&l, &one), 0.99 * together); /* as if there were no others */
        one.other_decode = 90;
        chunk.other_prefill = 600;
        near(seconds(&l, &one), together, 1e-6);
        near(seconds(&l, &chunk), prompts, 1e-6);
        mixed.other_decode = 90; /* of its own it has a prompt alone, which drafts do not shorten */
        ck_assert_double_gt(seconds(&l, &mixed), seconds(&l, &(struct cost_step){.n_prefill = 1}));
        more.ctx[0] += 10000;
        double context = seconds(&l, &more) - seconds(&l, &(struct cost_step){.n_decode = 30, .n_logits = 30, .ctx = {15000}});
        more.other_decode = 90;
        near(seconds(&l, &more) - seconds(&l, &one), context, 1e-3);
    }
    ck_assert_int_eq(cost_member_blocks(&l) * 4, cost_kv_blocks(&l));
    ck_assert_int_eq(cost_rank_blocks(&l), cost_member_blocks(&l));
    ck_assert_int_eq(layout_members(&l), 4);
    l.replica.ranks = BATCHES_TOGETHER;
    ck_assert_int_eq(cost_rank_blocks(&l) * 4, cost_member_blocks(&l));
    ck_assert_int_eq(layout_members(&l), 1);
}
END_TEST

/* A micro-batch that is apart takes, through all stages, what the whole batch takes of which it is a part of equals; it
 * has its part of the KV, and as many sequences' windows as others. */
START_TEST(a_micro_batch_apart_passes_all_stages)
{
    struct layout l = dense(), apart;

    all_kernels(&l);
    l.replica.pp = 4;
    l.engine.step_overhead_ns = 10000;
    l.engine.seq_overhead_ns = 1000;
    apart = l;
    apart.replica.micro_batches = BATCHES_APART;
    struct cost_step all = decodes(&l, 120, 500), one = decodes(&l, 30, 500), alone = prompt(&l, 0, 900);
    near(seconds(&apart, &one), seconds(&l, &all), 1e-6);
    l.engine.seq_overhead_ns = apart.engine.seq_overhead_ns = 0; /* of one prompt in one of four micro-batches: a quarter */
    near(seconds(&apart, &alone), seconds(&l, &alone), 1e-6);
    ck_assert_int_eq(layout_members(&apart), 4);
    ck_assert_int_eq(cost_kv_blocks(&apart), cost_kv_blocks(&l));
    ck_assert_int_eq(cost_rank_blocks(&apart), cost_kv_blocks(&l) / 4);
    l.model.kind_layers[ATTN_WINDOW] = apart.model.kind_layers[ATTN_WINDOW] = 4;
    l.model.sliding_window = apart.model.sliding_window = 128;
    ck_assert_double_eq_tol(cost_memory(&apart).seq_bytes, 4 * cost_memory(&l).seq_bytes, 1);
}
END_TEST

START_TEST(stages_share_layers)
{
    struct layout l = dense(), two = dense();

    all_kernels(&l);
    two.kernels = l.kernels;
    two.replica.pp = 2;
    two.kernels.at[KERNEL_allgather].memory_efficiency = 0; /* what is handed on costs nothing */
    struct cost_step one = decodes(&l, 30, 500), both = decodes(&two, 60, 500);
    near(seconds(&two, &both), seconds(&l, &one), 1e-6);
    ck_assert_double_eq_tol(cost_memory(&two).weight_bytes, cost_memory(&l).weight_bytes / 2, 1);
    ck_assert_double_eq_tol(cost_memory(&two).kv_token_bytes, cost_memory(&l).kv_token_bytes / 2, 1e-9);
}
END_TEST

/* One request alone gains nothing from a pipeline; the chunks of a long prompt do, but for the last. */
START_TEST(a_request_alone_passes_all_stages)
{
    struct layout l = dense(), two = dense();

    all_kernels(&l);
    two.kernels = l.kernels;
    two.replica.pp = 2;
    two.kernels.at[KERNEL_allgather].memory_efficiency = 0;
    struct cost_step one = decodes(&l, 1, 50000), last = prompt(&l, 0, 900), first = last;
    near(seconds(&two, &one), seconds(&l, &one), 1e-6);
    near(seconds(&two, &last), seconds(&l, &last), 1e-6);
    first.n_logits = 0;
    ck_assert_double_lt(seconds(&two, &first), 0.8 * seconds(&l, &first));
}
END_TEST

/* A stage hands on 1000 bf16 numbers a token, over the network where the replica is larger than a node. */
START_TEST(stages_hand_on)
{
    struct layout l = dense();
    struct cost_step s = prompt(&l, 0, 900);

    l.replica.pp = 4;
    l.kernels.at[KERNEL_allgather].memory_efficiency = 0.5;
    near(seconds(&l, &s), 3 * 900 * 2000 / 0.5e11, 0.001);
    l.node.gpus = 2;
    l.kernels.at[KERNEL_network].memory_efficiency = 0.25;
    near(seconds(&l, &s), 3 * 900 * 2000 / 0.25e10, 0.001);
}
END_TEST

/* Two ranks of a prompt: what one has of its 4 pieces, the first and the last, and the products of its tokens. */
START_TEST(prompt_ranks_share_the_work)
{
    static const enum kernel_id own[] = {KERNEL_gemm_bf16, KERNEL_prefill_bf16, KERNEL_elementwise, KERNEL_moe_bf16};
    struct layout one = sparse(), two;
    enum { BEFORE = 400, TOKENS = 8000 };

    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        one.kernels.at[own[i]] = (struct kernel){0.5, 8, 0.8, 3e-6, 0};
    two = one;
    two.replica.pcp = 2;
    ck_assert_int_eq(layout_gpus(&two), 2);
    struct cost_step all = prompt(&two, BEFORE, TOKENS), part = all;
    part.prefill_tokens = TOKENS / 2;
    part.prefill_pairs[0] = attn_pairs(BEFORE, TOKENS / 4, -1) + attn_pairs(BEFORE + 3 * TOKENS / 4, TOKENS / 4, -1);
    near(seconds(&two, &all), seconds(&one, &part), 1e-6);
    ck_assert_double_lt(seconds(&two, &all), 0.7 * seconds(&one, &all));
    struct cost_step few = decodes(&one, 20, 500); /* every rank computes them, and attends its half */
    near(seconds(&two, &few), seconds(&one, &few), 1e-6);
    one.kernels.at[KERNEL_decode_bf16].memory_efficiency = two.kernels.at[KERNEL_decode_bf16].memory_efficiency = 0.5;
    struct cost_step half = decodes(&one, 20, 250);
    near(seconds(&two, &few), seconds(&one, &half), 1e-6);
    one.kernels.at[KERNEL_decode_bf16] = two.kernels.at[KERNEL_decode_bf16] = (struct kernel){1e-3, 0, 0, 0, 0};
    near(seconds(&two, &few), seconds(&one, &half), 1e-6);
    one.kernels.at[KERNEL_prefill_bf16] = two.kernels.at[KERNEL_prefill_bf16] = (struct kernel){0, 0, 1e-4, 0, 0};
    all = prompt(&two, 50000, 10); /* each reads all keys and values */
    part = all;
    part.prefill_tokens = 5;
    near(seconds(&two, &all), seconds(&one, &part), 1e-6);
}
END_TEST

/* K and V of a token are 800 bytes a layer; of 4 ranks, 3 hold what the fourth lacks. Of a window, that of the chunk.
 */
START_TEST(prompt_ranks_gather_keys_and_values)
{
    struct layout l = dense();
    struct cost_step s = prompt(&l, 50000, 1000);

    l.replica.pcp = 4;
    l.kernels.at[KERNEL_allgather] = (struct kernel){.memory_efficiency = 0.5, .launch_s = 1e-5};
    near(seconds(&l, &s), 8 * (1e-5 + 51000 * 0.75 * 800 / 0.5e11), 0.001);
    l.engine.comm_scale = 3;
    near(seconds(&l, &s), 3 * 8 * (1e-5 + 51000 * 0.75 * 800 / 0.5e11), 0.001);
    l.engine.comm_scale = 1;
    l.replica.tp = 2; /* a head each; 8 GPUs, of one node */
    near(seconds(&l, &s), 8 * (1e-5 + 51000 * 0.75 * 400 / 0.5e11), 0.001);
    l.replica.dp = 2; /* whose ranks gather apart; the prompt is of one */
    near(seconds(&l, &s), 8 * (1e-5 + 51000 * 0.75 * 400 / 0.5e11), 0.001);
    cost_add_chunk(&s, &(struct cost_knees){{-1}, 1}, 50000, 1000, true); /* one each */
    near(seconds(&l, &s), 8 * (1e-5 + 51000 * 0.75 * 400 / 0.5e11), 0.001);
    s = prompt(&l, 50000, 1000);
    l.node.gpus = 4;
    l.kernels.at[KERNEL_network] = (struct kernel){.memory_efficiency = 0.25, .launch_s = 1e-4};
    near(seconds(&l, &s), 8 * (1e-4 + 51000 * 0.75 * 400 / 0.25e10), 0.001);
    l.node.gpus = 8;
    l.replica.tp = l.replica.dp = 1;
    l.model.kind_layers[ATTN_WINDOW] = 6;
    l.model.sliding_window = 100;
    s = prompt(&l, 50000, 1000);
    near(seconds(&l, &s), 8e-5 + (2 * 51000 + 6 * 1000) * 0.75 * 800 / 0.5e11, 0.001);
    l.model.kind_layers[ATTN_WINDOW] = 0;
    l.kernels.at[KERNEL_allgather] = (struct kernel){.memory_efficiency = 0.5};
    s = prompt(&l, 0, 10);
    l.engine.kernel_dispatch_ns = 10000; /* 10 kernels of a layer, and this one */
    near(seconds(&l, &s), 8 * 11 * 1e-5, 0.001);
}
END_TEST

/* Partial outputs of 10 heads of 100 bf16 numbers: half of them is sent twice. */
START_TEST(prompt_ranks_add_up_what_decodes_attend)
{
    struct layout l = dense();
    struct cost_step s = decodes(&l, 60, 500);

    l.replica.pcp = 2;
    l.kernels.at[KERNEL_allgather] = (struct kernel){.memory_efficiency = 0.5, .launch_s = 1e-5};
    near(seconds(&l, &s), 8 * (2e-5 + 60 * 2000 / 0.5e11), 0.001);
    l.replica.tp = 2;
    near(seconds(&l, &s), 8 * (2e-5 + 60 * 1000 / 0.5e11), 0.001);
    l.replica.dp = 2;
    near(seconds(&l, &s), 8 * (2e-5 + 30 * 1000 / 0.5e11), 0.001);
    l.replica.tp = l.replica.dp = 1;
    l.kernels.at[KERNEL_allgather].launch_s = 0;
    l.replica.spec_tokens = 1;
    near(seconds(&l, &s), (8 + 1) * 2 * 60 * 2000 / 0.5e11, 0.001);
    l.replica.spec_tokens = 0;
    l.model.kv_lora_rank = 300; /* of a latent, in its width */
    l.model.attention = ATTN_MLA;
    l.model.qk_nope_dim = l.model.v_head_dim = 50;
    l.model.qk_rope_dim = 20;
    near(seconds(&l, &s), 8 * 60 * 6000 / 0.5e11, 0.001);
}
END_TEST

/* A linear layer's prompt is shared, its state is not: no KV to exchange. */
START_TEST(prompt_ranks_have_whole_states)
{
    struct layout one = dense(), two;

    one.model.kind_layers[ATTN_LINEAR] = 8;
    one.model.linear_k_heads = one.model.linear_v_heads = 2;
    one.model.linear_k_dim = one.model.linear_v_dim = 50;
    one.model.linear_conv = 4;
    one.kernels.at[KERNEL_linear_prefill].flops_efficiency = 1e-3;
    one.kernels.at[KERNEL_linear_decode].memory_efficiency = 1e-3;
    two = one;
    two.replica.pcp = 2;
    two.kernels.at[KERNEL_allgather] = (struct kernel){.memory_efficiency = 0.5, .launch_s = 1e-5};
    struct cost_step long_prompt = prompt(&two, 1000, 2000), half = prompt(&one, 500, 1000);
    near(seconds(&two, &long_prompt), seconds(&one, &half), 1e-6);
    struct cost_step s = decodes(&two, 50, 3000);
    near(seconds(&two, &s), seconds(&one, &s), 1e-6);
}
END_TEST

/* Weights, states and activations as without; tokens are held by one of the ranks each. */
START_TEST(prompt_ranks_hold_their_tokens)
{
    struct layout l = sparse();

    l.model.kind_layers[ATTN_WINDOW] = 2;
    l.model.kind_layers[ATTN_LINEAR] = 2;
    l.model.sliding_window = 128;
    l.model.linear_k_heads = l.model.linear_v_heads = 2;
    l.model.linear_k_dim = l.model.linear_v_dim = 50;
    l.model.linear_conv = 4;
    l.gpu.memory_bytes = 10000000000;
    struct cost_memory before = cost_memory(&l);
    double windows = 100.0 * 2 * 128 * 800;
    int64_t blocks = cost_kv_blocks(&l);
    l.replica.pcp = 4;
    struct cost_memory m = cost_memory(&l);
    ck_assert_double_eq(m.weight_bytes, before.weight_bytes);
    ck_assert_double_eq(m.activation_bytes, before.activation_bytes);
    ck_assert_double_eq_tol(m.kv_token_bytes, 4 * 800 / 4, 1e-6);
    ck_assert_double_eq_tol(before.seq_bytes - m.seq_bytes, windows * 3 / 4, 100);
    ck_assert_double_gt(m.seq_bytes, windows / 4 + 100 * 2 * 2 * 50 * 50 * 4);
    ck_assert_int_ge(cost_kv_blocks(&l), 4 * blocks);
    ck_assert_int_le(cost_kv_blocks(&l), 4 * blocks + (int64_t)(windows / (16 * 800)) + 4);
    l = dense();
    l.model.attention = ATTN_MLA;
    l.model.kv_lora_rank = 100;
    l.model.qk_nope_dim = l.model.v_head_dim = 50;
    l.model.qk_rope_dim = 20;
    l.replica.tp = l.replica.cp = 2; /* each 1/(cp pcp) */
    l.replica.pcp = 4;
    ck_assert_double_eq_tol(cost_memory(&l).kv_token_bytes, 8 * 240 / 8.0, 1e-6);
    struct cost_step s = decodes(&l, 50, 1000);
    l.kernels.at[KERNEL_mla_decode_bf16].memory_efficiency = 0.5;
    near(seconds(&l, &s), 50 * 1000 * 8 * 240 / 8.0 / 0.5e12, 0.001);
}
END_TEST

static double per_token(struct layout *l, const struct cost_step *s, int64_t drafts)
{
    l->replica.spec_tokens = drafts;
    return seconds(l, s) / speculation_of(&l->replica).expected;
}

/* In a small batch a step reads weights, and more tokens are nearly free; in a large one it computes, and those that do
 * not hold are lost. */
START_TEST(speculation_pays_in_small_batches)
{
    struct layout l = dense();
    double before = 0;

    all_kernels(&l);
    accept_each(&l, 0.6);
    for (int64_t n = 1; n <= 16384; n *= 2) {
        struct cost_step s = decodes(&l, n, 100);
        double against = per_token(&l, &s, 3) / per_token(&l, &s, 0);
        ck_assert_double_ge(against, before);
        before = against;
        if (n == 1)
            ck_assert_double_lt(against, 0.8);
    }
    ck_assert_double_gt(before, 1.3);
    struct cost_step s = decodes(&l, 1, 100);
    for (int i = 0; i <= 10; i++) {
        accept_each(&l, 0.1 * i);
        ck_assert_double_lt(per_token(&l, &s, 3), i > 0 ? before : INFINITY);
        before = per_token(&l, &s, 3);
    }
    ck_assert_double_gt(before, per_token(&l, &s, 0) / 4); /* at best 4 tokens a step, and drafts cost */
}
END_TEST

/* Each sum may only lengthen the step. */
START_TEST(more_work_takes_longer)
{
    struct layout all[7] = {dense(), sparse(), dense(), sparse(), sparse(), dense(), sparse()};

    all[2].replica.tp = 2;
    all[3].replica.dp = 4;
    all[4].replica.pp = 2;
    all[4].replica.spec_tokens = 2;
    all[5].model.kind_layers[ATTN_WINDOW] = 4;
    all[5].model.sliding_window = 128;
    all[6].replica.pcp = 4;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        struct layout *l = &all[i];
        all_kernels(l);
        struct cost_step d = decodes(l, 20, 300), p = prompt(l, 200, 300), base = p;
        base.n_decode = d.n_decode;
        base.n_logits += d.n_logits;
        for (int k = 0; k < COST_KNEES; k++)
            base.ctx[k] = d.ctx[k];
        double t = seconds(l, &base);
        for (size_t field = 0; field < sizeof base / sizeof(int64_t); field++) {
            struct cost_step more = base;
            if (&((int64_t *)&more)[field] == &more.n_prefill || &((int64_t *)&more)[field] == &more.n_decode)
                continue; /* more sequences of the same sum spread better over ranks */
            ((int64_t *)&more)[field] += 10000;
            ck_assert_msg(seconds(l, &more) >= t, "layout %zu, field %zu", i, field);
        }
        ck_assert_msg(t > seconds(l, &d), "layout %zu", i);
        ck_assert_msg(t > seconds(l, &p), "layout %zu: %g s, its prompt alone %g s", i, t, seconds(l, &p));
    }
}
END_TEST

/* Steps taken to be alike, against one chunk after the other. */
START_TEST(a_prompt_alone)
{
    struct layout all[3] = {dense(), sparse(), dense()};

    all[1].replica.dp = 4;
    all[2].model.kind_layers[ATTN_WINDOW] = 4;
    all[2].model.sliding_window = 128;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        struct layout *l = &all[i];
        all_kernels(l);
        struct cost_knees k = cost_knees(l);
        void *state = calloc(1, roofline->state_size);
        roofline->prepare(options, l, state);
        for (int64_t tokens = 1; tokens < 100000; tokens = tokens * 3 / 2 + 1) {
            int64_t ns = 0;
            for (int64_t at = 0, c; at < tokens; at += c) {
                c = tokens - at < 512 ? tokens - at : 512;
                struct cost_step step = {.rank_tokens = c};
                cost_add_chunk(&step, &k, at, c, at + c == tokens);
                ns += roofline->step_ns(state, &step);
            }
            int64_t got = cost_prompt_ns(roofline, state, &k, tokens, 512);
            near((double)got * 1e-9, (double)ns * 1e-9, tokens <= 512 ? 0 : 0.02);
            int64_t whole = cost_prompt_ns(roofline, state, &k, tokens, tokens);
            ck_assert(tokens <= 512 ? whole == got : whole < got);
        }
        free(state);
    }
}
END_TEST

/* ---- memory ---- */

START_TEST(blocks_by_hand)
{
    struct layout l = dense();

    l.replica.activation_bytes = 100000000;
    /* 900 MB less 100 MB less 2 bytes of 8 layers, embedding and head; a block of 16 tokens has 16 x 8 x 800 bytes. */
    double left = 0.8e9 - 2 * (8.0 * LAYER_WEIGHTS + 2.0 * HEAD_WEIGHTS);
    ck_assert_int_eq(cost_kv_blocks(&l), (int64_t)(left / (16 * 8 * 800)));
    l.model.tie_embeddings = true;
    ck_assert_int_eq(cost_kv_blocks(&l), (int64_t)((left + 2.0 * HEAD_WEIGHTS) / (16 * 8 * 800)));
    l.model.tie_embeddings = false;
    l.replica.kv_dtype = DTYPE_FP8;
    ck_assert_int_eq(cost_kv_blocks(&l), (int64_t)(left / (16 * 8 * 400)));
    l.replica.dtype = DTYPE_FP8;
    ck_assert_int_eq(cost_kv_blocks(&l), (int64_t)((left + 8.0 * LAYER_WEIGHTS) / (16 * 8 * 400)));
    l.gpu.memory_bytes = 200000000;
    ck_assert_int_le(cost_kv_blocks(&l), 0);
}
END_TEST

START_TEST(windows_are_reserved)
{
    struct layout l = dense();

    l.model.kind_layers[ATTN_WINDOW] = 4;
    l.model.sliding_window = 128;
    struct cost_memory m = cost_memory(&l);
    ck_assert_double_eq_tol(m.kv_token_bytes, 4 * 800, 1e-3);
    ck_assert_double_eq_tol(m.seq_bytes, 100.0 * 4 * 128 * 800, 100);
}
END_TEST

/* 2 ratio values and weights of d float32 elements a layer (HCA: 128 x 512). */
START_TEST(compressor_state_is_reserved)
{
    struct layout l = dense();

    l.model.attention = ATTN_CSA;
    l.model.kind_layers[ATTN_HCA] = 8;
    l.model.q_lora_rank = l.model.o_lora_rank = 64;
    l.model.o_groups = 2;
    l.model.head_dim = 512;
    l.model.qk_rope_dim = 64;
    l.model.sliding_window = 128;
    l.replica.kv_dtype = DTYPE_FP8;
    l.replica.kv_scales = true;
    ck_assert_double_eq_tol(cost_memory(&l).seq_bytes, 100.0 * 8 * (128 * 584 + 2 * 128 * 512 * 4), 1000);
}
END_TEST

START_TEST(draft_layers_take_memory)
{
    struct layout l = dense();
    struct cost_memory before = cost_memory(&l);

    l.model.mtp_layers = 1;
    ck_assert_double_eq(cost_memory(&l).weight_bytes, before.weight_bytes); /* not loaded */
    l.replica.spec_tokens = 2;
    ck_assert_double_eq_tol(cost_memory(&l).weight_bytes, before.weight_bytes + 2.0 * LAYER_WEIGHTS, 1);
    ck_assert_double_eq_tol(cost_memory(&l).kv_token_bytes, before.kv_token_bytes + 800, 1e-3);
    l.replica.spec_method = SPEC_NGRAM;
    ck_assert_double_eq(cost_memory(&l).weight_bytes, before.weight_bytes);
    ck_assert_double_eq(cost_memory(&l).kv_token_bytes, before.kv_token_bytes);
    l.replica.spec_method = SPEC_DRAFT;
    l.draft = l.model;
    l.draft.layers = 3;
    ck_assert_double_eq_tol(cost_memory(&l).weight_bytes,
                            before.weight_bytes + 2.0 * (3 * LAYER_WEIGHTS + 2 * HEAD_WEIGHTS), 1);
    ck_assert_double_eq_tol(cost_memory(&l).kv_token_bytes, before.kv_token_bytes + 3 * 800, 1e-3);
    double token, state;
    cost_kv_bytes(&l, &token, &state);
    ck_assert_double_eq_tol(token, (8 + 3) * 800, 1e-3);
}
END_TEST

START_TEST(windows_alone_need_no_blocks)
{
    struct layout l = dense();

    l.model.kind_layers[ATTN_WINDOW] = 8;
    l.model.sliding_window = 128;
    l.gpu.memory_bytes = 2000000000;
    ck_assert_int_eq(cost_kv_blocks(&l), 100 * 100000 / 16); /* every sequence, as long as it may be */
    l.gpu.memory_bytes = 200000000;
    ck_assert_int_le(cost_kv_blocks(&l), 0);
}
END_TEST

/* As many groups of operators as a scenario can ask for. */
START_TEST(every_kind_of_attention_in_one_model)
{
    struct layout l = sparse();

    l.model = (struct model_options){
        .layers = 60,
        .hidden = 1000,
        .vocab = 10000,
        .max_context = 4096,
        .attention = ATTN_DSA,
        .kind_layers =
            {[ATTN_WINDOW] = 10, [ATTN_DSA_SHARED] = 10, [ATTN_HCA] = 10, [ATTN_V4_WINDOW] = 10, [ATTN_LINEAR] = 10},
        .q_heads = 10,
        .kv_heads = 10,
        .head_dim = 64,
        .q_lora_rank = 64,
        .kv_lora_rank = 64,
        .qk_nope_dim = 32,
        .qk_rope_dim = 32,
        .v_head_dim = 64,
        .o_lora_rank = 32,
        .o_groups = 2,
        .index_heads = 4,
        .index_head_dim = 32,
        .index_topk = 100,
        .sliding_window = 64,
        .linear_k_heads = 2,
        .linear_v_heads = 2,
        .linear_k_dim = 32,
        .linear_v_dim = 32,
        .linear_conv = 4,
        .dense_inter = 500,
        .dense_layers = 2,
        .experts = 64,
        .topk = 4,
        .moe_inter = 500,
        .shared_inter = 500};
    struct cost_step s = decodes(&l, 1, 1);
    l.kernels.at[KERNEL_gemm_bf16].memory_efficiency = 1;
    struct model_parts p = model_parts_of(&l.model);
    near(seconds(&l, &s), 2e-12 * (p.attention + p.dense + p.shared + p.router + p.head), 0.1);
}
END_TEST

/* ---- dtypes ---- */

START_TEST(what_a_four_bit_checkpoint_quantises)
{
    static const struct {
        int scope, attention, mlp;
    } cases[] = {
        {FP4_ALL, DTYPE_NVFP4, DTYPE_NVFP4}, {FP4_MLP, DTYPE_BF16, DTYPE_NVFP4}, {FP4_EXPERTS, DTYPE_BF16, DTYPE_BF16}};
    struct layout l = sparse();

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        l.replica.dtype = DTYPE_NVFP4;
        l.replica.attention_dtype = 0;
        l.model.fp4_scope = cases[i].scope;
        ck_assert_int_eq(layout_attention_dtype(&l), cases[i].attention);
        ck_assert_int_eq(layout_mlp_dtype(&l), cases[i].mlp);
        ck_assert_int_eq(layout_moe_dtype(&l), DTYPE_NVFP4);
        l.replica.attention_dtype = 1 + DTYPE_FP8;
        ck_assert_int_eq(layout_attention_dtype(&l), DTYPE_FP8);
        l.replica.dtype = DTYPE_FP8_BLOCK; /* all layers, whatever the scope */
        l.replica.attention_dtype = 0;
        ck_assert_int_eq(layout_attention_dtype(&l), DTYPE_FP8_BLOCK);
        ck_assert_int_eq(layout_mlp_dtype(&l), DTYPE_FP8_BLOCK);
    }
}
END_TEST

/* Experts of 4 bits and a scale each 16; their factor is on top; a shared expert on each of 2 ranks by half. */
START_TEST(four_bit_experts)
{
    struct layout l = sparse();
    struct cost_step s = decodes(&l, 1, 1);

    l.replica.dtype = DTYPE_NVFP4;
    l.model.fp4_scope = FP4_EXPERTS;
    l.gpu.fp4_flops = 4e15;
    l.kernels.at[KERNEL_moe_nvfp4].memory_efficiency = 0.5;
    double bytes = 8 * 4 * 1500000 * 0.5625;
    near(seconds(&l, &s), bytes / 0.5e12, 0.01);
    l.engine.moe_scale = 2;
    l.engine.moe4_scale = 3;
    near(seconds(&l, &s), 6 * bytes / 0.5e12, 0.01);
    l.kernels.at[KERNEL_moe_nvfp4] = (struct kernel){.flops_efficiency = 0.5};
    s = prompt(&l, 0, 900);
    near(seconds(&l, &s), 900 * 8 * 4 * 2 * 1500000.0 / (0.5 * 4e15), 0.001);
    l.kernels.at[KERNEL_moe_nvfp4].flops_efficiency = 0;
    l.kernels.at[KERNEL_gemm_bf16].flops_efficiency = 0.5;
    double before = seconds(&l, &s);
    l.model.shared_inter = 2000;
    near(seconds(&l, &s) - before, 900 * 8 * 2 * 3 * 1000 * 2000.0 / 0.5e15, 0.001);
    l.replica.tp = 2;
    double with = seconds(&l, &s);
    l.model.shared_inter = 0;
    near(with - seconds(&l, &s), 900 * 8 * 3 * 1000 * 2000.0 / 0.5e15, 0.001);
}
END_TEST

/* ---- which kernels ---- */

START_TEST(a_kernel_without_figures_is_named)
{
    static const struct {
        int kernel, dtype, moe_dtype, kv_dtype, tp, dp, pcp;
        bool experts;
    } cases[] = {
        {KERNEL_gemm_bf16, DTYPE_BF16, 0, DTYPE_BF16, 1, 1, 1, false},
        {KERNEL_gemm_fp8_block, DTYPE_FP8_BLOCK, 0, DTYPE_BF16, 1, 1, 1, false},
        {KERNEL_gemm_nvfp4, DTYPE_NVFP4, 0, DTYPE_BF16, 1, 1, 1, false},
        {KERNEL_prefill_bf16, DTYPE_FP8, 0, DTYPE_BF16, 1, 1, 1, false},
        {KERNEL_decode_fp8, DTYPE_BF16, 0, DTYPE_FP8, 1, 1, 1, false},
        {KERNEL_moe_mxfp4, DTYPE_BF16, 1 + DTYPE_MXFP4, DTYPE_BF16, 1, 1, 1, true},
        {KERNEL_elementwise, DTYPE_BF16, 0, DTYPE_BF16, 1, 1, 1, false},
        {KERNEL_allreduce, DTYPE_BF16, 0, DTYPE_BF16, 2, 1, 1, false},
        {KERNEL_alltoall, DTYPE_BF16, 0, DTYPE_BF16, 1, 4, 1, true},
        {KERNEL_network, DTYPE_BF16, 0, DTYPE_BF16, 2, 8, 1, true},
        {KERNEL_allgather, DTYPE_BF16, 0, DTYPE_BF16, 2, 1, 4, false},
        {KERNEL_network, DTYPE_BF16, 0, DTYPE_BF16, 4, 1, 4, false},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct layout l = cases[i].experts ? sparse() : dense();
        all_kernels(&l);
        l.replica.dtype = cases[i].dtype;
        l.replica.moe_dtype = cases[i].moe_dtype;
        l.replica.kv_dtype = cases[i].kv_dtype;
        l.replica.tp = cases[i].tp;
        l.replica.dp = cases[i].dp;
        l.replica.pcp = cases[i].pcp;
        ck_assert_ptr_null(cost_missing_kernel(&l));
        struct kernel *k = &l.kernels.at[cases[i].kernel];
        *k = (struct kernel){.launch_s = 1e-6};
        ck_assert_msg(cost_missing_kernel(&l) != NULL, "case %zu", i);
        k->flops_efficiency = 0.1; /* half of the figures will do */
        ck_assert_ptr_null(cost_missing_kernel(&l));
    }
}
END_TEST

static void setup(void)
{
    roofline = (const struct cost_ops *)policy_find(POLICY_COST, "roofline");
    ck_assert_ptr_nonnull(roofline);
}

int main(void)
{
    Suite *s = suite_create("cost");
    TCase *t = tcase_create("cost");

    tcase_add_checked_fixture(t, setup, NULL);
    tcase_add_test(t, uniform_experts_follow_the_closed_form);
    tcase_add_test(t, popular_experts_are_shared);
    tcase_add_test(t, the_spread_of_ranks);
    tcase_add_test(t, one_token_reads_the_weights);
    tcase_add_test(t, a_long_prompt_multiplies_by_the_weights);
    tcase_add_test(t, decodes_read_their_context);
    tcase_add_test(t, prompts_attend_by_pairs);
    tcase_add_test(t, tensor_parallel_ranks_reduce);
    tcase_add_test(t, a_batch_reads_its_distinct_experts);
    tcase_add_test(t, software);
    tcase_add_test(t, engram_rows_and_streams_are_read);
    tcase_add_test(t, a_chunk_reads_the_cache_before_it);
    tcase_add_test(t, linear_layers_read_their_state);
    tcase_add_test(t, a_latent_is_on_every_rank);
    tcase_add_test(t, attention_ranks_exchange_tokens);
    tcase_add_test(t, experts_are_spread_over_ranks);
    tcase_add_test(t, drafts_verify_together);
    tcase_add_test(t, drafts_go_through_the_head);
    tcase_add_test(t, a_draft_model_has_steps_of_its_own);
    tcase_add_test(t, two_attention_ranks_do_twice_the_work);
    tcase_add_test(t, a_rank_apart_knows_the_others);
    tcase_add_test(t, a_micro_batch_apart_passes_all_stages);
    tcase_add_test(t, stages_share_layers);
    tcase_add_test(t, a_request_alone_passes_all_stages);
    tcase_add_test(t, stages_hand_on);
    tcase_add_test(t, prompt_ranks_share_the_work);
    tcase_add_test(t, prompt_ranks_gather_keys_and_values);
    tcase_add_test(t, prompt_ranks_add_up_what_decodes_attend);
    tcase_add_test(t, prompt_ranks_have_whole_states);
    tcase_add_test(t, chunks_go_to_the_emptiest_rank);
    tcase_add_test(t, the_fullest_rank_counts);
    tcase_add_test(t, second_copies_even_out_ranks);
    tcase_add_test(t, two_batches_overlap);
    tcase_add_test(t, prompt_ranks_hold_their_tokens);
    tcase_add_test(t, speculation_pays_in_small_batches);
    tcase_add_test(t, more_work_takes_longer);
    tcase_add_test(t, a_prompt_alone);
    tcase_add_test(t, blocks_by_hand);
    tcase_add_test(t, windows_are_reserved);
    tcase_add_test(t, compressor_state_is_reserved);
    tcase_add_test(t, draft_layers_take_memory);
    tcase_add_test(t, windows_alone_need_no_blocks);
    tcase_add_test(t, every_kind_of_attention_in_one_model);
    tcase_add_test(t, what_a_four_bit_checkpoint_quantises);
    tcase_add_test(t, four_bit_experts);
    tcase_add_test(t, a_kernel_without_figures_is_named);
    suite_add_tcase(s, t);
    return run_suite(s);
}
