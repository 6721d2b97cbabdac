/* study: names of strangers, load tests of other programs as rows, samples compared. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "study/bench_import.h"
#include "study/catalogue.h"
#include "study/requests.h"
#include "../run_suite.h"

static struct diags d;
static struct import im;
static struct arena arena;
static char folder[64], path[96];
static const struct import_given h100 = {.gpu = "h100"};

static void setup(void)
{
    diags_init(&d);
    import_init(&im);
    arena_init(&arena);
    strcpy(folder, "/tmp/tiersim-import-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/bench", folder);
}

static void teardown(void)
{
    unlink(path);
    ck_assert_int_eq(rmdir(folder), 0);
    arena_free(&arena);
    import_free(&im);
    diags_free(&d);
}

static bool take(const char *text, const struct import_given *g)
{
    FILE *f = fopen(path, "w");

    ck_assert_ptr_nonnull(f);
    ck_assert_int_ge(fputs(text, f), 0);
    ck_assert_int_eq(fclose(f), 0);
    return import_read(&im, path, g, &d);
}

/* ---- names ---- */

START_TEST(models_by_their_published_names)
{
    static const char *const same[][2] = {
        {"meta-llama/Meta-Llama-3.1-8B-Instruct", "llama-3.1-8b"},
        {"/models/Llama-3.1-70B-Instruct-FP8", "llama-3.1-70b"},
        {"nvidia/DeepSeek-R1-0528-FP4-v2", "deepseek-r1"},
        {"deepseek-ai/DeepSeek-V3.2-Exp", "deepseek-v3.2"},
        {"Qwen/Qwen3-30B-A3B-Instruct-2507", "qwen3-30b-a3b"},
        {"mistralai/Mixtral-8x7B-Instruct-v0.1", "mixtral-8x7b"},
        {"openai/gpt-oss-120b", "gpt-oss-120b"},
        {"qwen3_8b", "qwen3-8b"},
    };
    static const char *const none[] = {
        "deepseek-ai/DeepSeek-R1-Distill-Llama-70B", "", "/", "fp8", "Walrus-9B", "meta-llama/Llama-3.1-8B/"};

    for (size_t i = 0; i < sizeof same / sizeof *same; i++)
        ck_assert_pstr_eq(catalogue_model(same[i][0], &arena), same[i][1]);
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        ck_assert_ptr_null(catalogue_model(none[i], &arena));
}
END_TEST

START_TEST(gpus_by_letters_and_digits)
{
    ck_assert_pstr_eq(catalogue_gpu("RTXPRO6000", &arena), "rtx-pro-6000");
    ck_assert_pstr_eq(catalogue_gpu("rtx_pro_6000_server", &arena), "rtx-pro-6000");
    ck_assert_pstr_eq(catalogue_gpu("h200_sxm", &arena), "h200");
    ck_assert_ptr_null(catalogue_gpu("XH200", &arena)); /* holds h200's name, is none */
    ck_assert_ptr_null(catalogue_gpu("", &arena));
}
END_TEST

/* ---- files ---- */

#define RUN                                                                                                            \
    "\"backend\": \"vllm\", \"model_id\": \"Llama-3.1-8B\", \"num_prompts\": 50, \"completed\": 40, \"duration\": 20," \
    "\"total_input_tokens\": 40000, \"total_output_tokens\": 4000, \"mean_ttft_ms\": 55.5, \"mean_tpot_ms\": 7.25"

START_TEST(vllm_closed_loop)
{
    ck_assert(take("{" RUN ", \"request_rate\": \"inf\", \"max_concurrency\": 8}", &h100));
    const struct import_row *r = &im.rows[0];
    ck_assert_int_eq(im.n, 1);
    ck_assert_str_eq(r->row.config.model, "llama-3.1-8b");
    ck_assert_str_eq(r->row.config.engine, "vllm");
    ck_assert_str_eq(r->row.config.precision, "bf16");
    ck_assert_int_eq(r->row.config.isl, 1000); /* of those completed */
    ck_assert_int_eq(r->row.config.osl, 100);
    ck_assert_int_eq(r->row.config.concurrency, 8);
    ck_assert_int_eq(r->requests, 50);
    ck_assert_double_eq(r->rate, 0);
    ck_assert_double_eq(r->row.ttft_ms, 55.5);
    ck_assert_double_eq(r->row.tpot_ms, 7.25);
}
END_TEST

/* As Python's json writes them; in texts they are words. */
START_TEST(sglang_infinite_rate)
{
    ck_assert(take("{" RUN
                   ", \"request_rate\": Infinity, \"max_concurrency\": 8, \"p99\": NaN, \"x\": [-Infinity, -1e-5],"
                   "\"note\": \"NaN \\\" Infinity\"}",
                   &h100));
    ck_assert_double_eq(im.rows[0].rate, 0);
    ck_assert_int_eq(im.rows[0].row.config.concurrency, 8);
    ck_assert(!take("{" RUN ", \"request_rate\": Infinite}", &h100));
}
END_TEST

START_TEST(vllm_rates)
{
    ck_assert(take("{" RUN ", \"request_rate\": 2.1, \"max_concurrency\": 8}\n{" RUN ", \"request_rate\": 9, "
                   "\"max_concurrency\": 8}\n{" RUN ", \"request_rate\": 9, \"max_concurrency\": null}\n{" RUN "}\n",
                   &h100));
    ck_assert_int_eq(im.n, 4);
    ck_assert_double_eq(im.rows[0].rate, 2.1); /* 2/s served: held */
    ck_assert_double_eq(im.rows[1].rate, 0);   /* not held: 8 at once */
    ck_assert_double_eq(im.rows[2].rate, 9);
    ck_assert_double_eq(im.rows[3].rate, 0); /* no rate, no limit: all at once */
    ck_assert_int_eq(im.rows[3].row.config.concurrency, 50);
}
END_TEST

START_TEST(vllm_lengths)
{
    char why[256];
    struct build *b = build_open("inferencex", &d);

    ck_assert(take("{" RUN ", \"max_concurrency\": 8, \"input_lens\": [100, 300], \"output_lens\": [10, 10, 10, 170]}",
                   &h100));
    ck_assert_int_eq(im.rows[0].row.config.isl, 200);
    ck_assert_double_eq_tol(im.rows[0].isl_sd, 100, 1e-9);
    ck_assert_int_eq(im.rows[0].row.config.osl, 50);
    char *text = import_text(b, &im.rows[0], why, sizeof why);
    ck_assert_ptr_nonnull(text);
    ck_assert_ptr_nonnull(strstr(text, "input = uniform\ninput_low = 27\ninput_high = 373\n"));
    ck_assert_ptr_nonnull(strstr(text, "output = lognormal\n"));
    ck_assert_ptr_nonnull(strstr(text, "concurrency = 8\n"));
    free(text);
    build_close(b);
}
END_TEST

START_TEST(given_outranks)
{
    struct import_given g = {.gpu = "H100",
                             .model = "qwen3-32b",
                             .engine = "sglang",
                             .precision = "fp8",
                             .tp = 2,
                             .isl = 128,
                             .osl = 64,
                             .concurrency = {3, 4},
                             .n_concurrency = 2};

    ck_assert(take("{" RUN ", \"max_concurrency\": 8}{" RUN "}", &g));
    ck_assert_str_eq(im.rows[0].row.config.model, "qwen3-32b");
    ck_assert_str_eq(im.rows[0].row.config.engine, "sglang");
    ck_assert_str_eq(im.rows[0].row.config.precision, "fp8");
    ck_assert_int_eq(im.rows[0].row.config.tp, 2);
    ck_assert_int_eq(im.rows[0].row.config.isl, 128);
    ck_assert_int_eq(im.rows[0].row.config.concurrency, 3);
    ck_assert_int_eq(im.rows[1].row.config.concurrency, 4);
    ck_assert(!take("{" RUN "}", &g)); /* a third run */
}
END_TEST

START_TEST(aiperf)
{
    struct import_given g = {.gpu = "h100", .model = "llama-3.1-8b", .engine = "vllm"};

    ck_assert(take("Metric,avg,min,max,std\nTime to First Token (ms),\"1,055.50\",1,2,3\nInter Token Latency (ms),7.25,"
                   "1,2,3\nRequest Latency (ms),2000.00,1,2,3\nOutput Sequence Length (tokens),100.00,90,110,5.00\n"
                   "Input Sequence Length (tokens),1000,1,2,0\n\nMetric,Value\nRequest Count,80.00\n"
                   "Request Throughput (requests/sec),4.00\n",
                   &g));
    const struct import_row *r = &im.rows[0];
    ck_assert_double_eq(r->row.ttft_ms, 1055.5);
    ck_assert_double_eq(r->row.tpot_ms, 7.25);
    ck_assert_int_eq(r->row.config.isl, 1000);
    ck_assert_int_eq(r->row.config.osl, 100);
    ck_assert_double_eq(r->osl_sd, 5);
    ck_assert_int_eq(r->requests, 80);
    ck_assert_int_eq(r->row.config.concurrency, 8); /* 4/s for 2 s each */
}
END_TEST

START_TEST(mistakes_are_collected)
{
    ck_assert(!take("{\"num_prompts\": 5}", &(struct import_given){0}));
    ck_assert_int_ge(d.n, 5); /* model, GPU, engine, two lengths, nothing measured */
    ck_assert(!take("[1]", &h100));
    ck_assert(!take("{} {", &h100));
    ck_assert(!take("", &h100));
}
END_TEST

/* ---- samples ---- */

START_TEST(wasserstein)
{
    const double x[] = {1, 2, 3}, y[] = {2, 3, 5}, two[] = {0, 10}, one[] = {4};

    ck_assert_double_eq(requests_wasserstein(x, 3, x, 3), 0);
    ck_assert_double_eq_tol(requests_wasserstein(x, 3, y, 3), 4.0 / 3, 1e-12);
    ck_assert_double_eq_tol(requests_wasserstein(two, 2, one, 1), 5, 1e-12);
    /* by thirds and halves: 1 to 0, then half of 2 to 0 and half to 10, 3 to 10 */
    ck_assert_double_eq_tol(requests_wasserstein(x, 3, two, 2), 1.0 / 3 + 2.0 / 6 + 8.0 / 6 + 7.0 / 3, 1e-12);
    ck_assert(isnan(requests_wasserstein(x, 0, y, 3)));
}
END_TEST

int main(void)
{
    Suite *s = suite_create("import");
    TCase *t = tcase_create("import");

    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, models_by_their_published_names);
    tcase_add_test(t, gpus_by_letters_and_digits);
    tcase_add_test(t, vllm_closed_loop);
    tcase_add_test(t, sglang_infinite_rate);
    tcase_add_test(t, vllm_rates);
    tcase_add_test(t, vllm_lengths);
    tcase_add_test(t, given_outranks);
    tcase_add_test(t, aiperf);
    tcase_add_test(t, mistakes_are_collected);
    tcase_add_test(t, wasserstein);
    suite_add_tcase(s, t);
    return run_suite(s);
}
