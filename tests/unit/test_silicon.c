/* study: measured tables, recipes, rows into scenarios, predictions by processes, errors by slice. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "study/build.h"
#include "study/errors.h"
#include "study/predict.h"
#include "study/recipe.h"
#include "study/silicon.h"
#include "../run_suite.h"

#define HEADER                                                                                                         \
    "id,proto,engine,engine_version,model,system,precision,gemm_quant,moe_quant,isl,osl,isl_mean,osl_mean,"            \
    "concurrency,gpus,tp,dp,pp,moe_tp,moe_ep,ttft_ms,tpot_ms,measured,flag\n"

static struct diags d;
static char folder[64], path[96];

static void setup(void)
{
    diags_init(&d);
    strcpy(folder, "/tmp/tiersim-silicon-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/table", folder);
}

static void teardown(void)
{
    unlink(path);
    ck_assert_int_eq(rmdir(folder), 0);
    diags_free(&d);
}

static void put(const char *text)
{
    FILE *f = fopen(path, "w");
    ck_assert_ptr_nonnull(f);
    ck_assert_int_ge(fputs(text, f), 0);
    ck_assert_int_eq(fclose(f), 0);
}

static struct silicon table_of(const char *text)
{
    struct silicon s;

    put(text);
    bool ok = silicon_read(&s, path, &d);
    if (!ok)
        diags_print(&d, stderr);
    ck_assert(ok);
    return s;
}

/* ---- tables ---- */

START_TEST(columns_by_name)
{
    struct silicon s =
        table_of("tp,osl,isl,concurrency,engine,system,model,id,surplus\n4,200,100,8,vllm,h100_sxm,llama-3.1-8b,a,x\n");
    const struct silicon_config *c = &s.rows[0].config;

    ck_assert_uint_eq(s.n, 1);
    ck_assert_str_eq(s.rows[0].why_not, "");
    ck_assert_str_eq(c->id, "a");
    ck_assert_int_eq(c->tp, 4);
    ck_assert_int_eq(c->dp, 1);
    ck_assert_int_eq(c->moe_ep, 0);
    ck_assert_int_eq(c->isl, 100);
    ck_assert_str_eq(c->proto, "");
    ck_assert(isnan(s.rows[0].ttft_ms) && isnan(s.rows[0].tpot_ms));
    silicon_free(&s);
}
END_TEST

START_TEST(missing_columns_are_named)
{
    struct silicon s;

    put("id,model,engine,isl,osl\na,b,c,1,2\n");
    ck_assert(!silicon_read(&s, path, &d));
    ck_assert_uint_eq(d.n, 3);
    ck_assert_str_eq(d.at[0].text, "no column \"system\"");
    ck_assert_str_eq(d.at[1].text, "no column \"concurrency\"");
    ck_assert_str_eq(d.at[2].text, "no column \"tp\"");
}
END_TEST

START_TEST(rows_that_cannot_be_built_say_why)
{
    struct silicon s = table_of(HEADER "a,ix10c,vllm,,m,s,fp8,,,1,1,,,,,1,,,,,5,6,,\n"
                                       "b,ix10c,vllm,,m,s,fp8,,,1,1,,,2.5,,1,,,,,5,x,,p;q_r\n"
                                       ",ix10c,vllm,,m,s,fp8,,,1,1,0,,2,,1,,,,,-5,6,,q\n");

    ck_assert_str_eq(s.rows[0].why_not, "no concurrency");
    ck_assert_str_eq(s.rows[1].why_not, "concurrency is not a whole number from 1");
    ck_assert_str_eq(s.rows[2].why_not, "isl_mean is not a number of tokens");
    ck_assert(s.rows[0].ttft_ms == 5 && isnan(s.rows[1].tpot_ms) && isnan(s.rows[2].ttft_ms));
    ck_assert(silicon_has_flag(&s.rows[1], "p") && silicon_has_flag(&s.rows[1], "q_r"));
    ck_assert(!silicon_has_flag(&s.rows[1], "q") && !silicon_has_flag(&s.rows[0], "p"));
    silicon_free(&s);
}
END_TEST

START_TEST(pools_and_speculation_are_named)
{
    struct silicon s = table_of("id,model,system,engine,concurrency,isl,osl,p_workers,mode,spec\n"
                                "a,m,s,e,1,1,1,2,,\nb,m,s,e,1,1,1,,disagg,\nc,m,s,e,1,1,1,,agg,mtp\n");

    ck_assert_str_eq(s.rows[0].why_not, "no p_tp");
    ck_assert_str_eq(s.rows[1].why_not, "no p_workers");
    ck_assert_str_eq(s.rows[2].why_not, "speculative decoding, but no acceptance rate is given");
    ck_assert_str_eq(s.rows[0].mode, "disagg");
    silicon_free(&s);
}
END_TEST

START_TEST(pools_are_read)
{
    struct silicon s = table_of("id,model,system,engine,concurrency,isl,osl,p_workers,p_tp,p_dp,p_moe_tp,p_moe_ep,"
                                "d_workers,d_tp,d_dp,d_moe_tp,d_moe_ep\na,m,s,e,9,1,1,7,1,4,1,4,2,8,,8,1\n");
    const struct silicon_config *c = &s.rows[0].config;

    ck_assert_str_eq(s.rows[0].why_not, "");
    ck_assert_str_eq(s.rows[0].mode, "disagg");
    ck_assert(c->prefill.workers == 7 && c->prefill.tp == 1 && c->prefill.dp == 4 && c->prefill.moe_tp == 1 &&
              c->prefill.moe_ep == 4);
    ck_assert(c->decode.workers == 2 && c->decode.tp == 8 && c->decode.dp == 1 && c->decode.moe_tp == 8 &&
              c->decode.moe_ep == 1);
    silicon_free(&s);
}
END_TEST

START_TEST(a_curve_has_its_most_users)
{
    struct silicon s = table_of("id,model,system,engine,concurrency,isl,osl,tp,curve\n"
                                "a,m,s,e,4,1,1,1,x\nb,m,s,e,9,1,1,1,y\nc,m,s,e,7,1,1,1,x\nd,m,s,e,,1,1,1,x\n"
                                "e,m,s,e,5,1,1,1,\nf,m,s,e,6,1,1,1,\n");
    static const int64_t want[] = {7, 9, 7, 7, 5, 6};

    for (size_t i = 0; i < sizeof want / sizeof *want; i++)
        ck_assert_int_eq(s.rows[i].config.users_most, want[i]);
    silicon_free(&s);
}
END_TEST

/* ---- recipes ---- */

static void has(const char *text, const char *part)
{
    if (strstr(text, part) == NULL)
        ck_abort_msg("no \"%s\" in:\n%s", part, text);
}

static const char *find(const struct recipes *r, const char *e, const char *m, const char *p, const char *g)
{
    const char *v = recipes_find(r, &(struct recipe_query){e, m, p, g}, "max_num_seqs");
    return v ? v : "(none)";
}

START_TEST(the_most_specific_recipe_holds)
{
    put("[vllm]\nmax_num_seqs = 1\n[- - - b200]\nmax_num_seqs = 2\n[- - fp8]\nmax_num_seqs = 3\n"
        "[- m]\nmax_num_seqs = 4\n[vllm m - b200]\nmax_num_seqs = 5\nkv_dtype = fp8\n");
    struct recipes *r = recipes_read(path, &d);

    ck_assert_ptr_nonnull(r);
    ck_assert_str_eq(find(r, "vllm", "x", "fp4", "h100"), "1");
    ck_assert_str_eq(find(r, "vllm", "x", "fp4", "b200"), "2");
    ck_assert_str_eq(find(r, "vllm", "x", "fp8", "b200"), "3");
    ck_assert_str_eq(find(r, "vllm", "m", "fp8", "h100"), "4");
    ck_assert_str_eq(find(r, "vllm", "m", "fp8", "b200"), "5");
    ck_assert_str_eq(find(r, "other", "x", "fp4", "h100"), "(none)");
    recipes_free(r);
}
END_TEST

START_TEST(a_recipe_list_gives_what_fits)
{
    ck_assert_int_eq(recipe_pick("8192/32768", 2048), 8192);
    ck_assert_int_eq(recipe_pick("32768/8192", 8193), 32768);
    ck_assert_int_eq(recipe_pick("256/512", 4096), 512);
    ck_assert_int_eq(recipe_pick("7", 1), 7);
    ck_assert_int_eq(recipe_tokens("8192/32768", 8192, 1000), 32768);
    ck_assert_int_eq(recipe_tokens("prompt+64", 1024, 4), 1152);
    ck_assert_int_eq(recipe_tokens("prompt+64", 1024, 64), 1152);
    ck_assert_int_eq(recipe_tokens("prompt+64", 1024, 65), 1216);
}
END_TEST

/* 20 users of places for 16 wait in part; 22 do not: the recipe was meant for 32. */
START_TEST(a_batch_is_what_its_users_fill)
{
    static const struct {
        const char *value;
        double users, most;
        int64_t want;
    } of[] = {{"256/512", 200, 600, 256},       {"256/512", 300, 10, 512},      {"8/16/32 full 1.3", 1, 16, 16},
              {"8/16/32 full 1.3", 1, 20, 16},  {"8/16/32 full 1.3", 1, 22, 32}, {"8/16/32 full 1.3", 99, 15.9, 16},
              {"32/16/8 full 1.3", 1, 10.4, 8}, {"8/16/32 full 1.3", 1, 7, 8},  {"8/16/32 full 1.3", 1, 100, 32}};
    static const char *const wrong[] = {"8 full", "8 full ", "8 full 0.9", "8 full x", "full 2", "8/ full 2",
                                        "8 full 2 3"};

    for (size_t i = 0; i < sizeof of / sizeof *of; i++)
        ck_assert_msg(recipe_seqs(of[i].value, of[i].users, of[i].most) == of[i].want, "case %zu", i);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char text[100];
        snprintf(text, sizeof text, "[trtllm]\ndecode_max_num_seqs = %s\n", wrong[i]);
        put(text);
        diags_free(&d);
        diags_init(&d);
        ck_assert_msg(recipes_read(path, &d) == NULL, "\"%s\"", wrong[i]);
        ck_assert_uint_eq(d.n, 1);
        has(d.at[0].text, "or 8/16/32 full 1.3");
    }
}
END_TEST

START_TEST(a_recipe_may_depend_on_the_shape)
{
    static const struct {
        const char *value;
        struct recipe_shape shape;
        int64_t want;
    } of[] = {{"7", {1, 2, 3, 4, 5}, 7},
              {"20 isl=1024 osl=512 tp<8", {1024, 512, 7, 1, 1}, 20},
              {"20 isl=1024 osl=512 tp<8", {1024, 512, 8, 1, 1}, 0},
              {"20 isl=1024 osl=512 tp<8", {1023, 512, 7, 1, 1}, 0},
              {"20 isl=1024 osl=512 tp<8", {1024, 1024, 7, 1, 1}, 0},
              {"20 osl=512", {1, 512, 64, 1, 1}, 20},
              {"32 ep>8", {1, 2, 3, 8, 9}, 0},
              {"32 ep>8", {1, 2, 3, 9, 1}, 32},
              {"50 dp>1", {1, 2, 3, 9, 1}, 0},
              {"50 dp>1", {1, 2, 3, 9, 2}, 50}};
    static const char *const wrong[] = {"0", "x", "20 isl=", "20 isl=0", "20 osl=1 isl=1", "20 tp=8", "20 tp<8x"};

    for (size_t i = 0; i < sizeof of / sizeof *of; i++)
        ck_assert_msg(recipe_where(of[i].value, &of[i].shape) == of[i].want, "case %zu", i);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char text[100];
        snprintf(text, sizeof text, "[trtllm]\nbatch_wait_timeout = %s\nmax_num_batched_tokens = prompt+%s\n", wrong[i],
                 wrong[i]);
        put(text);
        diags_free(&d);
        diags_init(&d);
        ck_assert_msg(recipes_read(path, &d) == NULL, "\"%s\"", wrong[i]);
        ck_assert_uint_eq(d.n, 2);
        has(d.at[0].text, "want a whole number, or where");
        has(d.at[1].text, "or prompt+64");
    }
}
END_TEST

START_TEST(a_recipe_may_depend_on_the_users)
{
    static const struct {
        const char *list;
        double users;
        int64_t want;
    } of[] = {{"7", 1, 7},           {"10 16:30", 1, 10},    {"10 16:30", 15.5, 10},  {"10 16:30", 16, 30},
              {"10 16:30", 1e9, 30}, {"3 2:1 40:200", 1, 3}, {"3 2:1 40:200", 39, 1}, {"3 2:1 40:200", 40, 200}};

    for (size_t i = 0; i < sizeof of / sizeof *of; i++)
        ck_assert_msg(recipe_from(of[i].list, of[i].users) == of[i].want, "case %zu", i);
    put("[vllm]\nreceive_interval = 3 2:1 40:200\n[sglang]\nreceive_interval = 1\n");
    struct recipes *r = recipes_read(path, &d);
    ck_assert_ptr_nonnull(r);
    recipes_free(r);
}
END_TEST

START_TEST(wrong_users_are_refused)
{
    static const char *const wrong[] = {"0",         "ten",      "10 16",          "10 16:",       "10 :30",
                                        "10 16:0",   "10 16/30", "10 16:30 16:40", "10 30:1 16:2", "10  16:30",
                                        "16:30",     "10,16:30", "10 0:30",        "10 16:30x",    "-1",
                                        "1234567890"};

    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char text[100];
        snprintf(text, sizeof text, "[vllm]\nreceive_interval = %s\n", wrong[i]);
        put(text);
        diags_free(&d);
        diags_init(&d);
        ck_assert_msg(recipes_read(path, &d) == NULL, "\"%s\"", wrong[i]);
        ck_assert_uint_eq(d.n, 1);
        has(d.at[0].text, "want a whole number, or e.g. 10 16:30");
    }
}
END_TEST

START_TEST(wrong_recipes_are_refused)
{
    put("[vllm]\nmax_num_seqs = 1/\nmemory_fraction = 1.5\nmemory_of = some\nper_rank = 1\nkvdtype = fp8\n");
    ck_assert_ptr_null(recipes_read(path, &d));
    ck_assert_uint_eq(d.n, 5);
    ck_assert_ptr_nonnull(strstr(d.at[4].text, "did you mean \"kv_dtype\""));
}
END_TEST

/* ---- scenarios ---- */

static struct silicon_config config(void)
{
    return (struct silicon_config){.id = "row1",
                                   .proto = "ix10c",
                                   .engine = "vllm",
                                   .engine_version = "",
                                   .model = "llama-3.1-8b",
                                   .system = "h100_sxm",
                                   .precision = "bf16",
                                   .gemm_quant = "",
                                   .moe_quant = "",
                                   .isl = 1024,
                                   .osl = 128,
                                   .isl_mean = 921.6,
                                   .osl_mean = 115.2,
                                   .concurrency = 4,
                                   .gpus = 1,
                                   .tp = 1,
                                   .dp = 1,
                                   .pp = 1};
}

static char *text_of(const struct silicon_config *c)
{
    struct build *b = build_open("inferencex", &d);
    char why_not[200] = "";

    ck_assert_ptr_nonnull(b);
    char *text = build_text(b, c, why_not, sizeof why_not);
    build_close(b);
    return text ? text : strdup(why_not);
}

static int64_t stream_interval_of(const struct silicon_config *c)
{
    struct build *b = build_open("inferencex", &d);
    ck_assert_ptr_nonnull(b);
    int64_t n = build_stream_interval(b, c);
    build_close(b);
    return n;
}

START_TEST(a_row_becomes_a_scenario)
{
    struct silicon_config c = config();
    char *text = text_of(&c);
    struct predict_case k;

    has(text, "\n[gpu]\npreset = h100\n");
    has(text, "\n[model]\npreset = llama-3.1-8b\n");
    has(text, "\ntp = 1\ndtype = bf16\nkv_dtype = bf16\n");
    has(text, "\narrivals = closed_loop\nconcurrency = 4\nrequests = 40\n");
    has(text, "\ninput = uniform\ninput_low = 820\ninput_high = 1024\noutput = uniform\noutput_low = 103\noutput_high "
              "= 128\n");
    bool ready = predict_prepare(&k, c.id, text, NULL, 0);
    ck_assert_msg(ready, "%s", k.why_not);
    ck_assert_int_eq(k.sc.workload.requests, 40);
    predict_release(&k);
    free(text);
}
END_TEST

START_TEST(a_row_of_pools_becomes_a_scenario)
{
    struct silicon_config c = config();
    struct predict_case k;
    char *text;

    c.engine = "trtllm";
    c.model = "deepseek-r1";
    c.system = "b200_sxm";
    c.precision = "fp8";
    c.gpus = 24;
    c.prefill = (struct silicon_pool){1, 1, 8, 1, 8};
    c.decode = (struct silicon_pool){2, 8, 1, 8, 1};
    text = text_of(&c);
    has(text, "\n[pool prefill]\nrole = prefill\n");
    has(text, "\n[replica prefill]\ntp = 1\ndp = 8\nmoe_tp = 1\nmoe_ep = 8\n");
    has(text, "\n[scheduler prefill]\npolicy = continuous\nmax_num_batched_tokens = 16384\nmax_num_seqs = 512\n");
    has(text, "\n[replica decode]\ncount = 2\ntp = 8\nmoe_tp = 8\nmoe_ep = 1\n");
    has(text, "\nmax_num_batched_tokens = 1152\nmax_num_seqs = 2\n"); /* two workers of two, four users */
    has(text, "\n[handoff]\noverlap = no\nlatency = ");
    bool ready = predict_prepare(&k, c.id, text, NULL, 0);
    ck_assert_msg(ready, "%s", k.why_not);
    ck_assert_int_eq(k.sc.n_pools, 2);
    ck_assert_int_eq(k.sc.pools[1].as->layout.replica.count, 2);
    predict_release(&k);
    free(text);
    c.users_most = 80; /* 40 a worker: 32 and a quarter more */
    has(text = text_of(&c), "\nmax_num_batched_tokens = 1152\nmax_num_seqs = 32\n");
    free(text);
    c.decode = (struct silicon_pool){1, 1, 16, 1, 16}; /* five a rank: four and a quarter more */
    has(text = text_of(&c), "\nmax_num_batched_tokens = 1152\nmax_num_seqs = 4\n");
    free(text);
    c.engine = "sglang";
    has(text = text_of(&c), "\n[engine decode]\nstream_interval = 50\n");
    free(text);
    c.engine = "trtllm";
    c.gpus = 32;
    has(text = text_of(&c), "gpus is not what the workers of both pools have");
    free(text);
}
END_TEST

/* Of SGLang by the users, of TensorRT-LLM where there are attention ranks to balance. */
START_TEST(recipes_say_when_a_server_looks)
{
    struct silicon_config c = config();
    char *text;

    c.engine = "sglang";
    c.model = "deepseek-r1";
    c.system = "b200_sxm";
    c.precision = "fp8";
    c.gpus = c.tp = 8;
    c.concurrency = 15;
    has(text = text_of(&c), "\n[engine]\npreset = sglang\nreceive_interval = 10\n");
    free(text);
    c.concurrency = 16;
    has(text = text_of(&c), "\n[engine]\npreset = sglang\nreceive_interval = 30\n");
    free(text);
    c.engine = "trtllm";
    has(text = text_of(&c), "\n[engine]\npreset = trtllm\nstream_interval = 1\n\n[replica]\n");
    free(text);
    c.tp = 4;
    c.dp = 2;
    has(text = text_of(&c), "\n[engine]\npreset = trtllm\nstream_interval = 1\nbalance_timeout = 60\n");
    free(text);
    c.dp = 1;
    c.model = "llama-3.1-70b";
    c.osl = 1024;
    has(text = text_of(&c),
        "\n[engine]\npreset = trtllm\nstream_interval = 1\nbatch_wait_timeout = 20\nbatch_wait_share = 0.9\n\n");
    free(text);
    c.tp = 8;
    has(text = text_of(&c), "\n[engine]\npreset = trtllm\nstream_interval = 1\n\n[replica]\n");
    ck_assert_int_eq(stream_interval_of(&c), 1);
    c.engine = "vllm";
    ck_assert_int_eq(stream_interval_of(&c), 0); /* it does not say */
    c.model = "gpt-9";
    ck_assert_int_eq(stream_interval_of(&c), 0);
    free(text);
}
END_TEST

/* Without chunked prefill the budget holds the longest prompt: the scenario is one that can run. */
START_TEST(recipes_say_what_a_step_holds)
{
    struct silicon_config c = config();
    struct predict_case k;

    c.engine = "trtllm";
    c.model = "deepseek-r1";
    c.system = "b200_sxm";
    c.precision = "fp4";
    c.gpus = c.tp = 4;
    c.isl = 8192;
    c.isl_mean = 0;
    c.concurrency = 16;
    char *text = text_of(&c);
    has(text, "\nmax_num_batched_tokens = 8320\nmax_num_seqs = 512\nchunked_prefill = no\n");
    has(text, "\ninput_max = 8192\n");
    bool ready = predict_prepare(&k, c.id, text, NULL, 0);
    ck_assert_msg(ready, "%s", k.why_not);
    predict_release(&k);
    free(text);
}
END_TEST

START_TEST(lengths_follow_mean_or_proto)
{
    struct silicon_config c = config();

    c.isl_mean = 0;
    c.osl_mean = 128;
    char *text = text_of(&c);
    has(text, "\ninput_low = 820\n");
    has(text, "\noutput = constant\noutput_tokens = 128\n");
    free(text);
    c.proto = "nv";
    text = text_of(&c);
    has(text, "\ninput = constant\ninput_tokens = 1024\n");
    free(text);
}
END_TEST

START_TEST(the_seed_is_the_ids)
{
    struct silicon_config a = config(), b = config();
    char *x = text_of(&a), *y = text_of(&b);

    ck_assert_str_eq(x, y);
    free(y);
    b.id = "row2";
    y = text_of(&b);
    ck_assert(strncmp(strstr(x, "seed ="), strstr(y, "seed ="), 20) != 0);
    free(x);
    free(y);
}
END_TEST

START_TEST(systems_are_presets)
{
    static const char *const of[][2] = {
        {"b200_sxm", "b200"}, {"gb300", "gb300"}, {"rtx_pro_6000_server", "rtx-pro-6000"}, {"h100_pcie", "h100-pcie"}};
    char gpu[64];

    for (size_t i = 0; i < sizeof of / sizeof *of; i++) {
        build_gpu(of[i][0], gpu, sizeof gpu);
        ck_assert_str_eq(gpu, of[i][1]);
    }
}
END_TEST

START_TEST(what_is_not_known_is_said)
{
    struct silicon_config c = config();
    char *text;

    c.model = "gpt-9";
    has(text = text_of(&c), "model \"gpt-9\" is not in data/models");
    free(text);
    c = config();
    c.system = "abacus";
    has(text = text_of(&c), "system \"abacus\" is not in data/gpus");
    free(text);
    c = config();
    c.gemm_quant = "int2";
    has(text = text_of(&c), "precision \"int2\" is not modelled");
    free(text);
    c = config();
    c.gpus = 3;
    c.tp = 2;
    has(text = text_of(&c), "gpus is no multiple");
    free(text);
}
END_TEST

START_TEST(precisions_become_dtypes)
{
    static const struct {
        const char *model, *system, *precision, *gemm, *moe, *want;
    } of[] = {
        {"llama-3.1-70b", "b200_sxm", "fp4", "nvfp4", "nvfp4", "dtype = nvfp4\nkv_dtype = fp8\n"},
        {"glm-5", "b200_sxm", "fp8", "fp8", "fp8_block", "dtype = fp8_block\nkv_dtype"},
        {"gpt-oss-120b", "h200_sxm", "fp4", "nvfp4", "nvfp4", "dtype = bf16\nmoe_dtype = mxfp4\n"},
        {"gpt-oss-120b", "b200_sxm", "fp4", "nvfp4", "nvfp4", "dtype = bf16\nmoe_dtype = mxfp4_fp8\n"},
        {"kimi-k2.5", "b200_sxm", "int4", "int4_wo", "int4_wo", "dtype = bf16\nmoe_dtype = int4\n"},
        {"qwen3-32b", "h100_sxm", "fp8", "", "", "dtype = fp8\nkv_dtype"},
    };

    for (size_t i = 0; i < sizeof of / sizeof *of; i++) {
        struct silicon_config c = config();
        c.model = of[i].model;
        c.system = of[i].system;
        c.precision = of[i].precision;
        c.gemm_quant = of[i].gemm;
        c.moe_quant = of[i].moe;
        char *text = text_of(&c);
        has(text, of[i].want);
        free(text);
    }
}
END_TEST

/* ---- predictions ---- */

enum { CASES = 5 };

static void prepare_cases(struct predict_case *k)
{
    for (int i = 0; i < CASES; i++) {
        struct silicon_config c = config();
        c.concurrency = 1 + i;
        char *text = text_of(&c);
        ck_assert(predict_prepare(&k[i], c.id, text, NULL, 0));
        free(text);
    }
}

static void release_cases(struct predict_case *k)
{
    for (int i = 0; i < CASES; i++)
        predict_release(&k[i]);
}

START_TEST(workers_do_not_matter)
{
    struct predict_case k[CASES];
    struct predict_result one[CASES], three[CASES], here;

    prepare_cases(k);
    predict_all(k, CASES, NULL, 1, one);
    predict_all(k, CASES, NULL, 3, three);
    for (int i = 0; i < CASES; i++) {
        predict_simulate(&k[i], NULL, &here);
        ck_assert(one[i].ok && three[i].ok && here.ok);
        ck_assert(one[i].ttft_ms == three[i].ttft_ms && one[i].ttft_ms == here.ttft_ms);
        ck_assert(one[i].tpot_ms == three[i].tpot_ms && one[i].tpot_ms == here.tpot_ms);
        ck_assert_int_eq(one[i].completed, 10 * (i + 1));
    }
    release_cases(k);
}
END_TEST

START_TEST(another_engine_for_the_same_scenario)
{
    struct predict_case k[CASES];
    struct predict_result plain[CASES], slow[CASES], again[CASES];
    const struct engine_options *engines[CASES] = {NULL};

    prepare_cases(k);
    struct engine_options e = k[1].sc.layout.engine;
    e.step_overhead_ns += 5000000;
    engines[1] = &e;
    predict_all(k, CASES, NULL, 2, plain);
    predict_all(k, CASES, engines, 2, slow);
    predict_all(k, CASES, NULL, 2, again);
    ck_assert(fabs(slow[1].tpot_ms - plain[1].tpot_ms - 5) < 0.2);
    ck_assert(slow[0].tpot_ms == plain[0].tpot_ms);
    ck_assert(again[1].tpot_ms == plain[1].tpot_ms);
    release_cases(k);
}
END_TEST

START_TEST(a_worker_that_dies_leaves_the_rest)
{
    struct predict_case k[CASES];
    struct predict_result r[CASES];

    prepare_cases(k);
    k[0].sc.arrival = NULL; /* nothing survives that */
    k[2].ready = false;
    strcpy(k[2].why_not, "for a reason");
    predict_all(k, CASES, NULL, 1, r);
    ck_assert(!r[0].ok && isnan(r[0].ttft_ms));
    has(r[0].why_not, "the simulation died");
    ck_assert(!r[2].ok);
    ck_assert_str_eq(r[2].why_not, "for a reason");
    ck_assert(r[1].ok && r[3].ok && r[4].ok);
    release_cases(k);
}
END_TEST

START_TEST(a_mistake_in_a_scenario_is_its_reason)
{
    struct silicon_config c = config();
    struct predict_case k;
    char *text, *set = (char[]){"replica.tp=3"};

    text = text_of(&c);
    ck_assert(!predict_prepare(&k, c.id, text, &set, 1));
    has(k.why_not, "[replica] tp: 3");
    predict_release(&k);
    free(text);
}
END_TEST

/* ---- errors ---- */

enum { ROWS = 6 };

static void make_rows(struct silicon_row *s, struct errors_row *e)
{
    static const double percent[ROWS] = {10, -20, 30, -40, 50, NAN};
    static struct scenario sc; /* only its engine is read */

    sc.layout.engine = (struct engine_options){.ttft_low = 0.75, .ttft_high = 1.3};
    for (int i = 0; i < ROWS; i++) {
        struct predict_result r = {.ok = true, .ttft_ms = 100 + percent[i], .tpot_ms = 10};
        if (isnan(percent[i]))
            r.ttft_ms = 100;
        s[i] = (struct silicon_row){.config = config(), .mode = "agg", .flag = "", .ttft_ms = 100, .tpot_ms = 10};
        s[i].config.model = i < 3 ? "a" : "b";
        s[i].config.concurrency = i < 2 ? 8 : 9;
        if (isnan(percent[i]))
            s[i].ttft_ms = s[i].tpot_ms = NAN;
        errors_fill(&e[i], &s[i], &r, &sc, "");
    }
}

START_TEST(errors_by_slice)
{
    struct silicon_row s[ROWS];
    struct errors_row rows[ROWS];

    make_rows(s, rows);
    struct errors e = errors_make(rows, ROWS, ERRORS_HEADLINE);
    const struct errors_stats *all = &e.slices[0].of[ERRORS_TTFT];
    ck_assert_int_eq(e.rows, ROWS);
    ck_assert_int_eq(e.slices[0].by, ERRORS_ALL);
    ck_assert_int_eq(all->n, 5);
    ck_assert_double_eq_tol(all->median, 30, 1e-9);
    ck_assert_double_eq_tol(all->mean, 30, 1e-9);
    ck_assert_double_eq_tol(all->p90, 46, 1e-9);
    ck_assert_double_eq_tol(all->bias, 10, 1e-9);
    /* predicted 110, 80, 130, 60, 150: 100 is within 0.75 to 1.3 times the first three */
    ck_assert_int_eq(all->n_interval, 5);
    ck_assert_int_eq(all->inside, 3);
    ck_assert_int_eq(e.slices[0].of[ERRORS_TPOT].n_interval, 0);
    ck_assert_int_eq(e.slices[1].by, ERRORS_MODEL);
    ck_assert_str_eq(e.slices[1].value, "a");
    ck_assert_double_eq_tol(e.slices[1].of[ERRORS_TTFT].median, 20, 1e-9);
    ck_assert_double_eq_tol(e.slices[2].of[ERRORS_TTFT].median, 45, 1e-9);
    ck_assert_int_eq(e.n_groups, 2);
    ck_assert_double_eq_tol(e.group_median[ERRORS_TTFT], 32.5, 1e-9);
    ck_assert_str_eq(e.slices[e.n - 2].value, "1-8");
    ck_assert_str_eq(e.slices[e.n - 1].value, "9-32");
    errors_free(&e);
}
END_TEST

START_TEST(nothing_measured_is_no_error)
{
    struct silicon_row s[ROWS];
    struct errors_row rows[ROWS];

    make_rows(s, rows);
    struct errors e = errors_make(&rows[ROWS - 1], 1, ERRORS_HEADLINE);
    ck_assert_int_eq(e.slices[0].rows, 1);
    ck_assert_int_eq(e.slices[0].of[ERRORS_TTFT].n, 0);
    ck_assert(isnan(e.slices[0].of[ERRORS_TTFT].median));
    ck_assert_int_eq(e.n_groups, 0);
    errors_free(&e);
    e = errors_make(rows, 0, ERRORS_HEADLINE);
    ck_assert_int_eq(e.n, 0);
    errors_free(&e);
}
END_TEST

START_TEST(sets_are_told_apart)
{
    struct silicon_row s = {.config = config(), .flag = ""};

    ck_assert_int_eq(errors_set_of(&s), ERRORS_HEADLINE);
    s.flag = "ttft_outlier";
    ck_assert_int_eq(errors_set_of(&s), ERRORS_SECONDARY);
    s.flag = "ttft_outlier;queue_saturated";
    ck_assert_int_eq(errors_set_of(&s), ERRORS_SATURATED);
    s.flag = "";
    s.config.proto = "nv";
    ck_assert_int_eq(errors_set_of(&s), ERRORS_SECONDARY);
    ck_assert_str_eq(errors_band(8), "1-8");
    ck_assert_str_eq(errors_band(33), "33-128");
    ck_assert_str_eq(errors_band(129), ">128");
}
END_TEST

START_TEST(what_was_not_built_is_counted)
{
    struct silicon_row s = {.config = config(), .flag = ""};
    struct errors_row rows[3];
    struct errors_reason *reasons;

    errors_fill(&rows[0], &s, NULL, NULL, "first");
    errors_fill(&rows[1], &s, NULL, NULL, "second");
    errors_fill(&rows[2], &s, NULL, NULL, "second");
    ck_assert_int_eq(errors_reasons(rows, 3, &reasons), 2);
    ck_assert_str_eq(reasons[0].why, "second");
    ck_assert_int_eq(reasons[0].n, 2);
    ck_assert_str_eq(reasons[1].why, "first");
    free(reasons);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("silicon");
    TCase *c = tcase_create("silicon");

    tcase_add_checked_fixture(c, setup, teardown);
    tcase_set_timeout(c, 60);
    tcase_add_test(c, columns_by_name);
    tcase_add_test(c, missing_columns_are_named);
    tcase_add_test(c, rows_that_cannot_be_built_say_why);
    tcase_add_test(c, pools_and_speculation_are_named);
    tcase_add_test(c, pools_are_read);
    tcase_add_test(c, a_curve_has_its_most_users);
    tcase_add_test(c, a_row_of_pools_becomes_a_scenario);
    tcase_add_test(c, the_most_specific_recipe_holds);
    tcase_add_test(c, a_recipe_list_gives_what_fits);
    tcase_add_test(c, a_batch_is_what_its_users_fill);
    tcase_add_test(c, a_recipe_may_depend_on_the_users);
    tcase_add_test(c, a_recipe_may_depend_on_the_shape);
    tcase_add_test(c, wrong_users_are_refused);
    tcase_add_test(c, wrong_recipes_are_refused);
    tcase_add_test(c, a_row_becomes_a_scenario);
    tcase_add_test(c, recipes_say_when_a_server_looks);
    tcase_add_test(c, recipes_say_what_a_step_holds);
    tcase_add_test(c, lengths_follow_mean_or_proto);
    tcase_add_test(c, the_seed_is_the_ids);
    tcase_add_test(c, systems_are_presets);
    tcase_add_test(c, what_is_not_known_is_said);
    tcase_add_test(c, precisions_become_dtypes);
    tcase_add_test(c, workers_do_not_matter);
    tcase_add_test(c, another_engine_for_the_same_scenario);
    tcase_add_test(c, a_worker_that_dies_leaves_the_rest);
    tcase_add_test(c, a_mistake_in_a_scenario_is_its_reason);
    tcase_add_test(c, errors_by_slice);
    tcase_add_test(c, nothing_measured_is_no_error);
    tcase_add_test(c, sets_are_told_apart);
    tcase_add_test(c, what_was_not_built_is_counted);
    suite_add_tcase(suite, c);
    return run_suite(suite);
}
