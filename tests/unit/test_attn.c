/*
 * Attention kinds against figures of whole models: bytes a token, and what one decode token stores, reads and computes
 * from 1K to 1M. They were worked out from the models' configurations (config.json on the Hugging Face Hub) apart from
 * this code.
 */
#include <check.h>
#include <stdlib.h>

#include "policy/attn.h"
#include "../run_suite.h"

static const struct model_options llama_70b = {
    .layers = 80, .hidden = 8192, .vocab = 128256, .q_heads = 64, .kv_heads = 8, .head_dim = 128, .dense_inter = 28672};

static const struct model_options gpt_oss_120b = {.layers = 36,
                                                  .hidden = 2880,
                                                  .vocab = 201088,
                                                  .kind_layers[ATTN_WINDOW] = 18,
                                                  .q_heads = 64,
                                                  .kv_heads = 8,
                                                  .head_dim = 64,
                                                  .sliding_window = 128,
                                                  .experts = 128,
                                                  .topk = 4,
                                                  .moe_inter = 2880};

#define V3_BODY                                                                                                        \
    .layers = 61, .hidden = 7168, .vocab = 129280, .q_heads = 128, .q_lora_rank = 1536, .kv_lora_rank = 512,           \
    .qk_nope_dim = 128, .qk_rope_dim = 64, .v_head_dim = 128, .dense_inter = 18432, .dense_layers = 3, .experts = 256, \
    .topk = 8, .moe_inter = 2048, .shared_inter = 2048
static const struct model_options v3 = {.attention = ATTN_MLA, V3_BODY};
static const struct model_options v32 = {
    .attention = ATTN_DSA, .index_heads = 64, .index_head_dim = 128, .index_topk = 2048, V3_BODY};

static const struct model_options glm_52 = {.layers = 78,
                                            .hidden = 6144,
                                            .vocab = 154880,
                                            .attention = ATTN_DSA,
                                            .kind_layers[ATTN_DSA_SHARED] = 57,
                                            .q_heads = 64,
                                            .q_lora_rank = 2048,
                                            .kv_lora_rank = 512,
                                            .qk_nope_dim = 192,
                                            .qk_rope_dim = 64,
                                            .v_head_dim = 256,
                                            .index_heads = 32,
                                            .index_head_dim = 128,
                                            .index_topk = 2048,
                                            .dense_inter = 12288,
                                            .dense_layers = 3,
                                            .experts = 256,
                                            .topk = 8,
                                            .moe_inter = 2048,
                                            .shared_inter = 2048};

static const struct model_options v4_pro = {.layers = 61,
                                            .hidden = 7168,
                                            .vocab = 129280,
                                            .attention = ATTN_CSA,
                                            .kind_layers[ATTN_HCA] = 31,
                                            .q_heads = 128,
                                            .head_dim = 512,
                                            .q_lora_rank = 1536,
                                            .qk_rope_dim = 64,
                                            .o_lora_rank = 1024,
                                            .o_groups = 16,
                                            .index_heads = 64,
                                            .index_head_dim = 128,
                                            .index_topk = 1024,
                                            .sliding_window = 128,
                                            .experts = 384,
                                            .topk = 6,
                                            .moe_inter = 3072,
                                            .shared_inter = 3072};

static const struct model_options v4_flash = {.layers = 43,
                                              .hidden = 4096,
                                              .vocab = 129280,
                                              .attention = ATTN_CSA,
                                              .kind_layers[ATTN_HCA] = 20,
                                              .kind_layers[ATTN_V4_WINDOW] = 2,
                                              .q_heads = 64,
                                              .head_dim = 512,
                                              .q_lora_rank = 1024,
                                              .qk_rope_dim = 64,
                                              .o_lora_rank = 1024,
                                              .o_groups = 8,
                                              .index_heads = 64,
                                              .index_head_dim = 128,
                                              .index_topk = 512,
                                              .sliding_window = 128,
                                              .experts = 256,
                                              .topk = 6,
                                              .moe_inter = 2048,
                                              .shared_inter = 2048};

static const struct model_options qwen35 = {.layers = 60,
                                            .hidden = 4096,
                                            .vocab = 248320,
                                            .kind_layers[ATTN_LINEAR] = 45,
                                            .q_heads = 32,
                                            .kv_heads = 2,
                                            .head_dim = 256,
                                            .linear_k_heads = 16,
                                            .linear_v_heads = 64,
                                            .linear_k_dim = 128,
                                            .linear_v_dim = 128,
                                            .linear_conv = 4,
                                            .experts = 512,
                                            .topk = 10,
                                            .moe_inter = 1024,
                                            .shared_inter = 1024};

static const double million = 1048576;

static struct attn_profile profile(const struct model_options *m, enum attn_kind kind, int64_t tp, int64_t cp)
{
    struct kv_format f = kv_format_of(m, DTYPE_FP8, KV_PRODUCTION);
    struct attn_profile p = {0};

    attn_get(kind)->profile(m, &f, tp, cp, &p);
    return p;
}

/* Production, fp8: stored and read bytes, FLOPs of one decode token. */
static void production(const struct model_options *m, double context, double stored, double read, double flops)
{
    struct kv_format f = kv_format_of(m, DTYPE_FP8, KV_PRODUCTION);

    ck_assert_double_eq(attn_stored(m, &f, 1, 1, context), stored);
    ck_assert_double_eq(attn_read(m, &f, 1, 1, context), read);
    ck_assert_double_eq(attn_flops(m, &f, 1, 1, context), flops);
}

static double stored(const struct model_options *m, int dtype, enum kv_convention convention, double context)
{
    struct kv_format f = kv_format_of(m, dtype, convention);
    return attn_stored(m, &f, 1, 1, context);
}

START_TEST(every_kind_is_listed)
{
    for (int k = 0; k < ATTN_KINDS; k++) {
        ck_assert_int_eq(attn_get((enum attn_kind)k)->kind, k);
        ck_assert_ptr_nonnull(attn_get((enum attn_kind)k)->help);
    }
    ck_assert_int_eq(attn_layers(&v4_flash, ATTN_CSA), 21);
    ck_assert_int_eq(attn_layers(&v4_flash, ATTN_HCA), 20);
    ck_assert_int_eq(attn_layers(&v4_flash, ATTN_GQA), 0);
    ck_assert_int_eq(attn_layers(&qwen35, ATTN_GQA), 15);
}
END_TEST

START_TEST(gqa)
{
    /* 2 * 80 layers * 8 heads * 128 = 163,840 bytes, 4 * 80 * 64 * 128 = 2,621,440 FLOPs a token */
    production(&llama_70b, 1024, 167772160, 167772160, 2684354560);
    production(&llama_70b, million, 171798691840, 171798691840, 2748779069440);
    ck_assert_double_eq(stored(&llama_70b, DTYPE_BF16, KV_PLAIN, 1), 327680);
    ck_assert_double_eq(stored(&llama_70b, DTYPE_NVFP4, KV_PLAIN, 1), 81920);
    ck_assert_double_eq(stored(&llama_70b, DTYPE_NVFP4, KV_PRODUCTION, 1),
                        92160); /* a byte of scale each 16 elements */
}
END_TEST

START_TEST(window)
{
    /* 2 * 8 heads * 64 = 1,024 bytes a token and layer: 18 layers keep all, 18 the last 128 tokens */
    ck_assert_double_eq(stored(&gpt_oss_120b, DTYPE_FP8, KV_PLAIN, 100), 36 * 1024 * 100.0);
    ck_assert_double_eq(stored(&gpt_oss_120b, DTYPE_FP8, KV_PLAIN, 1000), 18 * 1024 * 1128.0);
    production(&gpt_oss_120b, 4096, 18 * 1024 * 4224.0, 18 * 1024 * 4224.0, 18 * 4 * 64 * 64 * 4224.0);
}
END_TEST

START_TEST(mla)
{
    /* 61 * (512 + 64) = 35,136 bytes a token; 61 * 2 * 128 * 1088 FLOPs */
    production(&v3, 1024, 35979264, 35979264, 17397972992);
    production(&v3, million, 36842766336, 36842766336, 17815524343808);
    ck_assert_double_eq(stored(&v3, DTYPE_BF16, KV_PLAIN, 1), 70272);
    struct attn_profile p = profile(&v3, ATTN_MLA, 1, 1);
    ck_assert_double_eq(p.term[0].prefill_flops, 2 * 128 * (128 + 64 + 128)); /* decompressed */
    ck_assert_int_eq(p.term[0].prefill, KERNEL_mla_prefill);
    ck_assert_int_eq(p.term[0].decode, KERNEL_mla_decode_bf16);
}
END_TEST

START_TEST(dsa)
{
    /* 656 + 132 bytes a token and layer; the indexer reads all of its 132, attention at most 2048 times 656 */
    production(&v32, 1024, 49221632, 49221632, 18421383168);
    production(&v32, 4096, 196886528, 114933760, 38889586688);
    production(&v32, million, 50402951168, 8525086720, 1082767966208);
    ck_assert_double_eq(stored(&v32, DTYPE_FP8, KV_PLAIN, 1), 42944);
    ck_assert_double_eq(stored(&v32, DTYPE_FP8, KV_ARTICLE, 1), 50752);
    ck_assert_double_eq(stored(&v32, DTYPE_BF16, KV_PLAIN, 1), 85888);
    ck_assert_double_eq(stored(&v32, DTYPE_FP8, KV_PRODUCTION, 1), 48068);
}
END_TEST

START_TEST(dsa_shared)
{
    /* 21 of 78 layers have an indexer: 78 * 656 + 21 * 132 = 53,940 bytes a token */
    production(&glm_52, 1024, 55234560, 55234560, 11299454976);
    production(&glm_52, 131072, 7070023680, 468123648, 44795166720);
    production(&glm_52, million, 56560189440, 3011444736, 202635214848);
    ck_assert_double_eq(stored(&glm_52, DTYPE_FP8, KV_ARTICLE, 1), 50304);
    ck_assert_double_eq(stored(&glm_52, DTYPE_BF16, KV_PLAIN, 1), 95232);
}
END_TEST

START_TEST(v4)
{
    /* entries of 584 bytes, fp4 index keys of 68 */
    production(&v4_pro, 1024, 9712064, 9712064, 4250927104);
    production(&v4_pro, 8192, 45777408, 27836928, 11626610688);
    production(&v4_pro, million, 5280404480, 705582080, 205520896000);
    production(&v4_flash, 1024, 6812928, 6812928, 1535115264);
    production(&v4_flash, 4096, 17608704, 11329536, 2566914048);
    production(&v4_flash, million, 3688172544, 479517696, 113799856128);
    /* below the window everything is linear: 30 * (584 + 652/4) + 31 * 584 * (1 + 1/128) bytes a token */
    ck_assert_double_eq_tol(stored(&v4_pro, DTYPE_FP8, KV_PRODUCTION, 64), 64 * (61 * 584 + 5031.4375), 1e-6);
    /* bytes a token in the long run */
    ck_assert_double_eq(stored(&v4_pro, DTYPE_FP8, KV_PLAIN, 2e6) - stored(&v4_pro, DTYPE_FP8, KV_PLAIN, 1e6), 4924e6);
    ck_assert_double_eq(stored(&v4_pro, DTYPE_FP8, KV_ARTICLE, 2e6) - stored(&v4_pro, DTYPE_FP8, KV_ARTICLE, 1e6),
                        5884e6);
    ck_assert_double_eq(stored(&v4_flash, DTYPE_BF16, KV_PLAIN, 2e6) - stored(&v4_flash, DTYPE_BF16, KV_PLAIN, 1e6),
                        6880e6);
}
END_TEST

START_TEST(v4_compressor_state)
{
    struct kv_format f = kv_format_of(&v4_pro, DTYPE_FP8, KV_PRODUCTION);

    ck_assert_double_eq(attn_stored(&v4_pro, &f, 1, 1, 0), 0);
    f.compressor_bytes = 4;
    /* CSA: value and weight of 8 tokens, 2 * (512 + 128) wide; HCA: of 128 tokens, 512 wide */
    ck_assert_double_eq(attn_stored(&v4_pro, &f, 1, 1, 0), 4 * (30 * 2 * 8 * 1280.0 + 31 * 2 * 128 * 512.0));
}
END_TEST

START_TEST(linear)
{
    /* 4 bytes * 64 * 128 * 128, and 3 inputs of 2 * 2048 + 8192 bf16 channels */
    double state = 4194304 + 3 * 12288 * 2.0;
    double flops = 7 * 64 * 128 * 128.0 + 2 * 4 * 12288;
    struct attn_profile p = profile(&qwen35, ATTN_LINEAR, 1, 1), half = profile(&qwen35, ATTN_LINEAR, 2, 2);

    ck_assert_int_eq(p.n_terms, 0);
    ck_assert_double_eq(p.stored_const, state);
    ck_assert_double_eq(p.read_const, 2 * state);
    ck_assert_double_eq(p.flops_const, flops);
    ck_assert_double_eq(p.token_flops, flops);
    ck_assert_double_eq(half.stored_const, state / 2);
    ck_assert_double_eq(stored(&qwen35, DTYPE_FP8, KV_PLAIN, 1e6), 45 * state + 15360e6);
}
END_TEST

/* The article's table: 1e6 tokens, GiB. */
START_TEST(article)
{
    double gib = 1024.0 * 1024 * 1024;

    ck_assert_double_eq_tol(stored(&v4_pro, DTYPE_FP8, KV_ARTICLE, 1e6) / gib, 5.484, 0.0005);
    ck_assert_double_eq_tol(stored(&glm_52, DTYPE_FP8, KV_ARTICLE, 1e6) / gib, 46.849, 0.0005);
    ck_assert_double_eq_tol(stored(&v32, DTYPE_FP8, KV_ARTICLE, 1e6) / gib, 47.266, 0.0005);
}
END_TEST

START_TEST(sharding)
{
    struct attn_profile p = profile(&llama_70b, ATTN_GQA, 4, 1);

    ck_assert_double_eq(p.term[0].stored, 2 * 2 * 128); /* 2 of 8 KV heads, 16 of 64 query heads */
    ck_assert_double_eq(p.term[0].flops, 4 * 16 * 128);
    p = profile(&llama_70b, ATTN_GQA, 16, 1); /* a KV head on two GPUs each */
    ck_assert_double_eq(p.term[0].stored, 2 * 128);
    ck_assert_double_eq(p.term[0].flops, 4 * 4 * 128);
    p = profile(&llama_70b, ATTN_GQA, 16, 2); /* which then have half of its tokens each, for twice the query heads */
    ck_assert_double_eq(p.term[0].stored, 128);
    ck_assert_double_eq(p.term[0].flops, 4 * 4 * 128);
    p = profile(&llama_70b, ATTN_GQA, 8, 2); /* nothing was doubled: nothing is saved */
    ck_assert_double_eq(p.term[0].stored, 2 * 128);

    p = profile(&v3, ATTN_MLA, 8, 1); /* the latent is whole on each GPU */
    ck_assert_double_eq(p.term[0].stored, 576);
    ck_assert_double_eq(p.term[0].flops, 2 * 16 * 1088);
    p = profile(&v3, ATTN_MLA, 8, 8);
    ck_assert_double_eq(p.term[0].stored, 72);
    ck_assert_double_eq(p.term[0].flops, 2 * 16 * 1088);

    p = profile(&v32, ATTN_DSA, 8, 1); /* and so is the indexer's work */
    ck_assert_double_eq(p.term[0].stored, 788);
    ck_assert_double_eq(p.term[0].flops, 2 * 64 * 128);
    ck_assert_double_eq(p.term[1].flops, 2 * 16 * 1088);
    p = profile(&v32, ATTN_DSA, 8, 2);
    ck_assert_double_eq(p.term[0].flops, 64 * 128);
}
END_TEST

/* What the GPUs of a layer compute together is the layer's, for any split: the heads' terms of every kind. */
START_TEST(split_flops_add_up)
{
    static const struct {
        const struct model_options *m;
        enum attn_kind kind;
        int term;
    } cases[] = {{&llama_70b, ATTN_GQA, 0}, {&gpt_oss_120b, ATTN_WINDOW, 0}, {&v3, ATTN_MLA, 0},
                 {&v32, ATTN_DSA, 1},       {&glm_52, ATTN_DSA_SHARED, 1},   {&v4_pro, ATTN_CSA, 1},
                 {&v4_pro, ATTN_CSA, 2},    {&v4_pro, ATTN_HCA, 0},          {&v4_flash, ATTN_V4_WINDOW, 0}};

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int64_t tp = 1; tp <= 32; tp *= 2)
            for (int64_t cp = 1; cp <= tp; cp *= 2) {
                struct attn_profile whole = profile(cases[i].m, cases[i].kind, 1, 1);
                struct attn_profile part = profile(cases[i].m, cases[i].kind, tp, cp);
                int t = cases[i].term;
                ck_assert_double_eq((double)tp * part.term[t].flops, whole.term[t].flops);
                ck_assert_double_eq((double)tp * part.term[t].prefill_flops, whole.term[t].prefill_flops);
                ck_assert_double_ge((double)tp * part.term[t].stored, whole.term[t].stored);
            }
}
END_TEST

START_TEST(knees)
{
    int64_t at[3] = {0};

    ck_assert_int_eq(attn_knees(&llama_70b, at, 3), 0);
    ck_assert_int_eq(attn_knees(&v3, at, 3), 0);
    ck_assert_int_eq(attn_knees(&qwen35, at, 3), 0);
    ck_assert_int_eq(attn_knees(&gpt_oss_120b, at, 3), 1);
    ck_assert_int_eq(at[0], 128);
    ck_assert_int_eq(attn_knees(&glm_52, at, 3), 1);
    ck_assert_int_eq(at[0], 2048);
    ck_assert_int_eq(attn_knees(&v4_pro, at, 3), 2);
    ck_assert_int_eq(at[0], 128);
    ck_assert_int_eq(at[1], 4096);
    ck_assert_int_eq(attn_knees(&v4_flash, at, 3), 2);
    ck_assert_int_eq(at[1], 2048);
}
END_TEST

START_TEST(pairs)
{
    for (int64_t s = 0; s < 12; s++)
        for (int64_t c = 0; c < 12; c++)
            for (int64_t knee = -1; knee < 26; knee++) {
                int64_t sum = 0;
                for (int64_t t = s + 1; t <= s + c; t++)
                    sum += knee < 0 || t < knee ? t : knee;
                ck_assert_int_eq(attn_pairs(s, c, knee), sum);
            }
}
END_TEST

START_TEST(missing)
{
    struct model_options m = v4_pro;

    for (int k = 0; k < ATTN_KINDS; k++)
        ck_assert_ptr_nonnull(attn_get((enum attn_kind)k)->missing(&(struct model_options){.layers = 1, .q_heads = 1}));
    ck_assert_ptr_null(attn_get(ATTN_CSA)->missing(&m));
    ck_assert_ptr_null(attn_get(ATTN_HCA)->missing(&m));
    m.index_topk = 0;
    ck_assert_str_eq(attn_get(ATTN_CSA)->missing(&m), "index_topk");
    ck_assert_ptr_null(attn_get(ATTN_HCA)->missing(&m));
    m = llama_70b;
    ck_assert_ptr_null(attn_get(ATTN_GQA)->missing(&m));
    ck_assert_str_eq(attn_get(ATTN_WINDOW)->missing(&m), "sliding_window");
    m.kv_heads = 7;
    ck_assert_str_eq(attn_get(ATTN_GQA)->missing(&m), "kv_heads");
    ck_assert_ptr_null(attn_get(ATTN_MLA)->missing(&v3));
    ck_assert_ptr_null(attn_get(ATTN_DSA)->missing(&v32));
    ck_assert_ptr_null(attn_get(ATTN_DSA_SHARED)->missing(&glm_52));
    ck_assert_ptr_null(attn_get(ATTN_V4_WINDOW)->missing(&v4_flash));
    ck_assert_ptr_null(attn_get(ATTN_LINEAR)->missing(&qwen35));
}
END_TEST

START_TEST(weights)
{
    struct attn_weights w;

    attn_get(ATTN_GQA)->weights(&llama_70b, &w);
    ck_assert_double_eq(w.sharded, 2 * 8192.0 * 8192); /* queries and output */
    ck_assert_double_eq(w.kv_sharded, 2 * 8192.0 * 1024);
    ck_assert_double_eq(w.replicated, 0);
    attn_get(ATTN_MLA)->weights(&v3, &w);
    ck_assert_double_eq(w.sharded, 1536.0 * 128 * 192 + 512.0 * 128 * 256 + 128.0 * 128 * 7168);
    ck_assert_double_eq(w.replicated, 7168.0 * (1536 + 576)); /* the down projections */
    attn_get(ATTN_DSA)->weights(&v32, &w);
    ck_assert_double_eq(w.replicated, 7168.0 * (1536 + 576) + 1536.0 * 64 * 128 + 7168.0 * (128 + 64));
}
END_TEST

/* Their publishers round to 117/5.1, 671/37, 284/13, 1573/49 billion. */
START_TEST(parameters)
{
    static const struct {
        const struct model_options *m;
        double all, active;
    } cases[] = {{&llama_70b, 70.55, 69.50}, {&gpt_oss_120b, 116.79, 5.13}, {&v3, 671.03, 36.62},
                 {&v32, 671.88, 37.48},      {&glm_52, 743.38, 40.30},      {&v4_flash, 284.30, 13.23},
                 {&v4_pro, 1572.91, 48.77},  {&qwen35, 396.34, 16.33}};

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ck_assert_double_eq_tol(model_params(cases[i].m) / 1e9, cases[i].all, 0.006);
        ck_assert_double_eq_tol(model_active_params(cases[i].m) / 1e9, cases[i].active, 0.006);
    }
    struct model_options tied = llama_70b;
    tied.tie_embeddings = true;
    ck_assert_double_eq(model_params(&llama_70b) - model_params(&tied), 8192.0 * 128256);
    ck_assert_double_eq(model_active_params(&llama_70b), model_active_params(&tied));
}
END_TEST

int main(void)
{
    Suite *s = suite_create("attn");
    TCase *t = tcase_create("attn");

    tcase_add_test(t, every_kind_is_listed);
    tcase_add_test(t, gqa);
    tcase_add_test(t, window);
    tcase_add_test(t, mla);
    tcase_add_test(t, dsa);
    tcase_add_test(t, dsa_shared);
    tcase_add_test(t, v4);
    tcase_add_test(t, v4_compressor_state);
    tcase_add_test(t, linear);
    tcase_add_test(t, article);
    tcase_add_test(t, sharding);
    tcase_add_test(t, split_flops_add_up);
    tcase_add_test(t, knees);
    tcase_add_test(t, pairs);
    tcase_add_test(t, missing);
    tcase_add_test(t, weights);
    tcase_add_test(t, parameters);
    suite_add_tcase(s, t);
    return run_suite(s);
}
