/* scenario: values, overrides, the normal form's round trip, the hash, explain. Works on tests/bad/base.ini, whose
 * presets are its own, and on every file of scenarios/. */
#include <check.h>
#include <glob.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "scenario/scenario.h"
#include "scenario/tables.h"
#include "../run_suite.h"

static struct scenario sc;
static struct diags d;
static char srcdir[4096];

static void setup(void)
{
    const char *dir = getenv("srcdir");

    ck_assert_ptr_nonnull(realpath(dir ? dir : ".", srcdir));
    diags_init(&d);
}

static const char *in_tree(const char *path)
{
    static char full[3][8192];
    static int turn;

    turn = (turn + 1) % 3;
    snprintf(full[turn], sizeof full[turn], "%s/%s", srcdir, path);
    return full[turn];
}

static void load(const char *path, const char *const *sets)
{
    size_t n = 0;

    while (sets && sets[n])
        n++;
    bool ok = scenario_load(&sc, path, (char *const *)sets, n, &d);
    if (!ok)
        diags_print(&d, stderr);
    ck_assert_msg(ok, "%s does not load", path);
    ck_assert_uint_eq(d.n, 0);
}

static void load_base(const char *const *sets)
{
    setenv("TIERSIM_DATA", in_tree("tests/bad/data"), 1);
    load(in_tree("tests/bad/base.ini"), sets);
}

START_TEST(values)
{
    load_base(NULL);
    ck_assert_int_eq(sc.run.seed, 1);
    ck_assert_int_eq(sc.run.log, 3);
    ck_assert_int_eq(sc.layout.gpu.memory_bytes, 80000000000);
    ck_assert_double_eq(sc.layout.gpu.memory_Bps, 3e12);
    ck_assert_str_eq(sc.layout.gpu.kernels, "plain");
    ck_assert_str_eq(sc.layout.kernels.name, "plain");
    ck_assert_double_eq(sc.layout.kernels.at[KERNEL_gemm_bf16].flops_efficiency, 0.8);
    ck_assert_double_eq_tol(sc.layout.kernels.at[KERNEL_allreduce].launch_s, 5e-6, 1e-18);
    ck_assert_int_eq(sc.layout.node.gpus, 8);
    ck_assert_int_eq(sc.layout.model.kv_heads, 8);
    ck_assert_int_eq(sc.layout.replica.kv_block_tokens, 16);
    ck_assert_int_eq(sc.layout.limits.max_num_seqs, 256);
    ck_assert_int_eq(sc.layout.limits.max_num_batched_tokens, 8192);
    ck_assert(sc.layout.limits.chunked_prefill);
    ck_assert_str_eq(sc.scheduler->policy.name, "continuous");
    ck_assert_str_eq(sc.router->policy.name, "round_robin");
    ck_assert_str_eq(sc.cost->policy.name, "roofline");
    ck_assert_str_eq(sc.arrival->policy.name, "poisson");
    ck_assert_int_eq(sc.n_classes, 1);
    ck_assert_str_eq(sc.classes[0].name, "chat");
    ck_assert_str_eq(sc.classes[0].input.ops->policy.name, "constant");
    ck_assert_double_eq(sc.classes[0].weight, 1);
    ck_assert_int_eq(sc.classes[0].input_max, 0);
    ck_assert_int_eq(strncmp(sc.text, "; A good scenario", 17), 0);
    scenario_free(&sc);
}
END_TEST

START_TEST(overrides)
{
    static const char *const sets[] = {
        "gpu.preset=alto",        "gpu.memory=30GB",         "class chat.input=uniform",
        "class chat.input_low=3", "class chat.input_high=5", "workload.arrivals=closed_loop",
        "workload.concurrency=4", "run.log=summary",         NULL};

    load_base(sets);
    ck_assert_str_eq(sc.layout.gpu.name, "Alto, without NVLink");
    ck_assert_int_eq(sc.layout.gpu.memory_bytes, 30000000000);
    ck_assert_int_eq(sc.layout.node.gpus, 8); /* alto says nothing of it: the default */
    ck_assert_str_eq(sc.classes[0].input.ops->policy.name, "uniform");
    ck_assert_int_eq(sc.arrival->concurrency(sc.arrival_options), 4);
    ck_assert_int_eq(sc.run.log, 0);
    scenario_free(&sc);
}
END_TEST

static char *text_of(const char *path)
{
    char *text = calloc(1, 65536);
    FILE *f = fopen(path, "r");

    ck_assert_ptr_nonnull(f);
    ck_assert_uint_lt(fread(text, 1, 65535, f), 65535);
    fclose(f);
    return text;
}

/* Text at hand gives the scenario that a file of the same text gives; a mistake in it stands at NAME:LINE. */
START_TEST(from_text)
{
    static const char *const sets[] = {"run.seed=9", NULL};
    char *text = text_of(in_tree("tests/bad/base.ini"));

    load_base(sets);
    uint64_t hash = sc.config_hash;
    scenario_free(&sc);
    ck_assert(scenario_load_text(&sc, "row 17", text, (char *const *)sets, 1, &d));
    ck_assert_uint_eq(sc.config_hash, hash);
    ck_assert_str_eq(sc.text, text);
    ck_assert_int_eq(sc.run.seed, 9);
    scenario_free(&sc);
    ck_assert(!scenario_load_text(&sc, "row 17", "[run]\nseed = x\n", NULL, 0, &d));
    bool found = false;
    for (size_t i = 0; i < d.n; i++)
        found |= d.at[i].line == 2 && strcmp(d.at[i].file, "row 17") == 0 && strstr(d.at[i].text, "whole number");
    ck_assert(found);
    scenario_free(&sc);
    diags_free(&d);
    free(text);
}
END_TEST

START_TEST(a_model_alone)
{
    struct arena a;
    struct model_options m;

    arena_init(&a);
    setenv("TIERSIM_DATA", in_tree("tests/bad/data"), 1);
    ck_assert(scenario_load_model("experts", &m, &a, &d));
    ck_assert_str_eq(m.name, "Experts");
    ck_assert_int_eq(m.attention, ATTN_GQA);
    ck_assert(m.experts == 32 && m.topk == 4 && m.moe_inter == 1024 && m.dense_layers == 0);
    ck_assert(scenario_load_model(in_tree("tests/bad/data/models/small.ini"), &m, &a, &d));
    ck_assert_str_eq(m.name, "Small");
    ck_assert(!scenario_load_model("smal", &m, &a, &d));
    ck_assert_uint_eq(d.n, 1);
    ck_assert_str_eq(d.at[0].text,
                     "[model] preset: there is no \"smal\" (known: experts, large, small); did you mean \"small\"?");
    diags_free(&d);
    arena_free(&a);
}
END_TEST

START_TEST(a_gpu_alone)
{
    struct arena a;
    struct gpu_options g;
    struct kernels k;

    arena_init(&a);
    setenv("TIERSIM_DATA", in_tree("tests/bad/data"), 1);
    ck_assert(scenario_load_gpu("alpha", &g, &k, &a, &d));
    ck_assert_str_eq(g.name, "Alpha");
    ck_assert_str_eq(k.name, "plain");
    ck_assert_double_eq(k.at[KERNEL_gemm_fp8].flops_efficiency, 0.7);
    ck_assert_double_eq(k.at[KERNEL_network].memory_efficiency, 0);
    ck_assert(!scenario_load_gpu("broken", &g, &k, &a, &d));
    diags_free(&d);
    arena_free(&a);
}
END_TEST

/* A key that no table knows is a mistake in a preset that is loaded alone, too. */
START_TEST(a_misspelt_key_alone)
{
    char file[] = "/tmp/tiersim-model-XXXXXX";
    int fd = mkstemp(file);
    static const char text[] = "[model]\nlayers = 2\nhiden = 64\n";
    struct arena a;
    struct model_options m;

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, text, sizeof text - 1), sizeof text - 1);
    close(fd);
    arena_init(&a);
    ck_assert(!scenario_load_model(file, &m, &a, &d));
    bool found = false;
    for (size_t i = 0; i < d.n; i++)
        found |= d.at[i].line == 3 && strstr(d.at[i].text, "did you mean \"hidden\"");
    ck_assert(found);
    unlink(file);
    diags_free(&d);
    arena_free(&a);
}
END_TEST

/* The longest prompt that a class may have counts where prompts cannot be cut. */
START_TEST(unchunked_needs_a_budget)
{
    static const char *const enough[] = {"scheduler.chunked_prefill=no", "scheduler.max_num_batched_tokens=4096",
                                         "class chat.input_max=4096", "class chat.output_max=96", NULL};
    static char *const little[] = {(char *)"scheduler.chunked_prefill=no",
                                   (char *)"scheduler.max_num_batched_tokens=4096", (char *)"class chat.input_max=4097",
                                   (char *)"class chat.output_max=96"};

    load_base(enough);
    scenario_free(&sc);
    ck_assert(!scenario_load(&sc, in_tree("tests/bad/base.ini"), little, 4, &d));
    ck_assert_uint_eq(d.n, 1);
    scenario_free(&sc);
    diags_free(&d);
}
END_TEST

static char *written(bool origin)
{
    char *text = NULL;
    size_t size;
    FILE *f = open_memstream(&text, &size);

    scenario_print(&sc, origin, f);
    fclose(f);
    return text;
}

/* print -> load -> print: the same text, from another folder and without any presets; with origins as comments too. */
static void round_trip(const char *path, bool origin)
{
    char file[] = "/tmp/tiersim-normal-XXXXXX";
    int fd = mkstemp(file);

    ck_assert_int_ge(fd, 0);
    load(path, NULL);
    char *text = written(origin), *normal = strdup(sc.resolved);
    uint64_t hash = sc.config_hash;
    scenario_free(&sc);
    ck_assert_int_eq(write(fd, text, strlen(text)), (int)strlen(text));
    close(fd);
    ck_assert_int_eq(chdir("/tmp"), 0);
    setenv("TIERSIM_DATA", "/nonexistent", 1);
    load(file, NULL);
    unsetenv("TIERSIM_DATA");
    ck_assert_str_eq(sc.resolved, normal);
    ck_assert_uint_eq(sc.config_hash, hash);
    scenario_free(&sc);
    unlink(file);
    free(text);
    free(normal);
}

/* A study is many scenarios (tests/system/sweep.sh). */
static bool is_study(const char *path)
{
    char line[4096];
    bool found = false;
    FILE *f = fopen(path, "r");

    ck_assert_ptr_nonnull(f);
    while (fgets(line, sizeof line, f))
        found |= line[0] != ';' && strstr(line, "${") != NULL;
    fclose(f);
    return found;
}

START_TEST(round_trip_of_all_scenarios)
{
    static const char *const patterns[] = {"scenarios/*.ini", "tests/theory/*.ini", "tests/golden/*.ini"};
    glob_t g = {0};

    for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++)
        glob(in_tree(patterns[i]), i ? GLOB_APPEND : 0, NULL, &g);
    ck_assert_uint_ge(g.gl_pathc, 3);
    for (size_t i = 0; i < g.gl_pathc; i++) {
        if (strstr(g.gl_pathv[i], ".inc.ini") || is_study(g.gl_pathv[i])) /* a part of others, or many */
            continue;
        round_trip(g.gl_pathv[i], false);
        round_trip(g.gl_pathv[i], true);
    }
    globfree(&g);
}
END_TEST

START_TEST(hash)
{
    static const char *const log[] = {"run.log=step", "run.metrics_memory=1MB", NULL}, *const same[] = {"run.seed=1", NULL},
                             *const seed[] = {"run.seed=2", NULL};

    load_base(NULL);
    uint64_t h = sc.config_hash;
    scenario_free(&sc);
    load_base(log);
    ck_assert_uint_eq(sc.config_hash, h);
    scenario_free(&sc);
    load_base(same);
    ck_assert_uint_eq(sc.config_hash, h);
    scenario_free(&sc);
    load_base(seed);
    ck_assert_uint_ne(sc.config_hash, h);
    scenario_free(&sc);
}
END_TEST

START_TEST(hash_leaves_folders_out)
{
    static const char *sets[] = {"workload.arrivals=trace", "class chat.input=trace", "workload.trace=/x/t.csv", NULL};
    uint64_t h[3];

    for (int i = 0; i < 3; i++) {
        sets[2] = (const char *[]){"workload.trace=/x/t.csv", "workload.trace=y/t.csv", "workload.trace=/x/u.csv"}[i];
        load_base(sets);
        h[i] = sc.config_hash;
        scenario_free(&sc);
    }
    ck_assert_uint_eq(h[0], h[1]);
    ck_assert_uint_ne(h[0], h[2]);
}
END_TEST

/* Presets, overrides and own tiers; order of use; names as indices; a tier that is only bounced through. */
START_TEST(tiers)
{
    static const char *const sets[] = {"memory.preset=plain", "tier ddr.capacity=2TB", "tier nvme.evict=ttl",
                                       "tier nvme.ttl=3s", NULL};
    static const char *const one[] = {"memory.preset=plain", "memory.tiers=nvme", NULL};

    load_base(NULL);
    ck_assert(sc.memory.n_tiers == 0 && sc.memory.n_all == 0 && sc.memory.n_links == 0);
    ck_assert_str_eq(sc.memory.cache.evict.ops->policy.name, "lru");
    scenario_free(&sc);
    load_base(sets);
    const struct memory_options *m = &sc.memory;
    ck_assert_str_eq(m->name, "Plain");
    ck_assert(m->n_tiers == 2 && m->n_all == 2 && m->n_links == 1);
    ck_assert_str_eq(m->tier[0].name, "ddr");
    ck_assert_str_eq(m->tier[1].name, "nvme");
    ck_assert_int_eq(tier_capacity_bytes(&m->tier[0], 0), 2000000000000);
    ck_assert_int_eq(tier_capacity_bytes(&m->tier[1], m->tier[1].modules), 16000000000000);
    ck_assert_int_eq(tier_capacity_bytes(&m->tier[1], 3), 12000000000000);
    ck_assert_double_eq(tier_read_Bps(&m->tier[0], 0), 300e9);
    ck_assert_double_eq(tier_write_Bps(&m->tier[0], 0), 300e9);
    ck_assert_double_eq(tier_read_Bps(&m->tier[1], 3), 30e9);
    ck_assert_double_eq(tier_write_Bps(&m->tier[1], 3), 15e9);
    ck_assert_double_eq(link_from_gpu_Bps(&m->link[0]), 40e9);
    ck_assert(m->tier[1].n_links == 1 && m->tier[1].link_at[0] == 0);
    ck_assert(m->tier[0].bounce_at == -1 && m->tier[1].bounce_at == 0);
    ck_assert_str_eq(m->tier[1].evict.ops->policy.name, "ttl");
    ck_assert_str_eq(m->tier[0].evict.ops->policy.name, "lru");
    scenario_free(&sc);
    load_base(one);
    ck_assert(m->n_tiers == 1 && m->n_all == 2);
    ck_assert_str_eq(m->tier[0].name, "nvme");
    ck_assert_str_eq(m->tier[1].name, "ddr");
    ck_assert_int_eq(m->tier[0].bounce_at, 1);
    scenario_free(&sc);
}
END_TEST

/* A machine's own tiers are warmer than those that a scenario adds, wherever it says so. */
START_TEST(own_tiers_come_last)
{
    char *text = text_of(in_tree("tests/bad/base.ini"));
    static const char more[] =
        "[tier far]\ngpus = 0\ncapacity = 1TB\nread_bandwidth = 1GB/s\n[memory]\npreset = plain\n";

    setenv("TIERSIM_DATA", in_tree("tests/bad/data"), 1);
    ck_assert(scenario_load_text(&sc, "own", strcat(text, more), NULL, 0, &d));
    ck_assert_int_eq(sc.memory.n_tiers, 3);
    ck_assert_str_eq(sc.memory.tier[0].name, "ddr");
    ck_assert_str_eq(sc.memory.tier[2].name, "far");
    scenario_free(&sc);
    free(text);
}
END_TEST

/* The normal form has all tiers as bound and needs no preset; the order of use is a key. */
START_TEST(round_trip_of_tiers)
{
    static const char *const sets[] = {"memory.preset=plain", "memory.tiers=nvme ddr", NULL};
    static const char *const all[] = {"memory.preset=plain", NULL};

    load_base(all);
    uint64_t other = sc.config_hash;
    scenario_free(&sc);
    load_base(sets);
    char *normal = strdup(sc.resolved);
    uint64_t h = sc.config_hash;
    ck_assert_uint_ne(h, other);
    ck_assert_str_eq(sc.memory.tier[0].name, "nvme");
    ck_assert_ptr_null(strstr(normal, "gpu = alpha"));
    scenario_free(&sc);
    setenv("TIERSIM_DATA", "/nonexistent", 1);
    ck_assert(scenario_load_text(&sc, "normal", normal, NULL, 0, &d));
    unsetenv("TIERSIM_DATA");
    ck_assert_str_eq(sc.resolved, normal);
    ck_assert_uint_eq(sc.config_hash, h);
    ck_assert_str_eq(sc.memory.tier[0].name, "nvme");
    scenario_free(&sc);
    free(normal);
}
END_TEST

START_TEST(memory_alone)
{
    static char *const sets[] = {(char *)"tier ddr.gpus=2", (char *)"gpu.memory=81GB"};
    static char *const wrong[] = {(char *)"tier dr.gpus=2"};

    setenv("TIERSIM_DATA", in_tree("tests/bad/data"), 1);
    ck_assert(scenario_load_memory(&sc, "plain", sets, 2, &d));
    ck_assert_int_eq(sc.memory.n_tiers, 2);
    ck_assert_int_eq(sc.memory.tier[0].gpus, 2);
    ck_assert_int_eq(sc.layout.gpu.memory_bytes, 81000000000);
    ck_assert_str_eq(sc.layout.gpu.name, "Alpha");
    ck_assert_int_eq(sc.layout.node.gpus, 8);
    scenario_free(&sc);
    ck_assert(!scenario_load_memory(&sc, "plain", wrong, 1, &d));
    ck_assert_uint_eq(d.n, 1);
    ck_assert_str_eq(d.at[0].text, "the scenario has no [tier dr]; did you mean [tier ddr]?");
    scenario_free(&sc);
    ck_assert(!scenario_load_memory(&sc, "plane", NULL, 0, &d));
    scenario_free(&sc);
    diags_free(&d);
}
END_TEST

struct seen {
    int n, rate, memory, log;
};

static void see(void *ctx, const char *key, const char *value, double num, bool is_iter)
{
    struct seen *s = ctx;

    (void)is_iter;
    s->n++;
    ck_assert_ptr_nonnull(strchr(key, '.'));
    s->rate += strcmp(key, "workload.rate") == 0 && strcmp(value, "10/s") == 0 && num == 10;
    s->memory += strcmp(key, "gpu.memory") == 0 && strcmp(value, "80GB") == 0 && num == 80e9;
    s->log += strcmp(key, "run.log") == 0 && strcmp(value, "all") == 0 && isnan(num);
}

/* With all experts alike a step takes as long as with a skew of 0, whatever skew is given: longer than by default. */
START_TEST(uniform_experts_have_no_skew)
{
    static const char *const uniform[] = {"experts.popularity=uniform", "replica.expert_skew=0.9", NULL};
    static const char *const flat[] = {"replica.expert_skew=0", NULL};
    const char *const *const sets[] = {uniform, flat, NULL};
    const struct cost_step step = {.n_decode = 16, .ctx = {16000}, .n_logits = 16};
    int64_t took[3];

    setenv("TIERSIM_DATA", in_tree("data"), 1);
    for (int i = 0; i < 3; i++) {
        load(in_tree("scenarios/moe-offload.ini"), sets[i]);
        ck_assert(i == 2 || sc.layout.replica.expert_skew == 0);
        void *state = calloc(1, sc.cost->state_size);
        sc.cost->prepare(sc.cost_options, &sc.layout, state);
        took[i] = sc.cost->step_ns(state, &step);
        free(state);
        scenario_free(&sc);
    }
    unsetenv("TIERSIM_DATA");
    ck_assert_int_eq(took[0], took[1]);
    ck_assert_int_gt(took[0], took[2]);
}
END_TEST

START_TEST(params)
{
    struct seen s = {0};

    load_base(NULL);
    scenario_each_param(&sc, see, &s);
    ck_assert(s.rate == 1 && s.memory == 1 && s.log == 1);
    ck_assert_int_gt(s.n, 40);
    scenario_free(&sc);
}
END_TEST

/* Every key of every section and every policy can be explained, and is not empty. */
START_TEST(explains_everything)
{
    const struct section *s = sections_get();
    char key[128], *out = NULL, *err = NULL;
    size_t n;
    FILE *f = open_memstream(&out, &n), *e = open_memstream(&err, &n);

    ck_assert(scenario_explain("", f, e));
    for (int i = 0; i < SECTIONS; i++) {
        ck_assert(scenario_explain(s[i].name, f, e));
        for (size_t k = 0; k < s[i].table.n; k++) {
            ck_assert_str_ne(s[i].table.rows[k].help, "");
            snprintf(key, sizeof key, "%s.%s", s[i].name, s[i].table.rows[k].name);
            ck_assert_msg(scenario_explain(key, f, e), "%s", key);
        }
        for (int c = 0; c < s[i].n_choices; c++)
            for (const struct policy *const *p = policy_list(s[i].choice[c].kind); *p; p++) {
                ck_assert(scenario_explain((*p)->name, f, e));
                for (size_t k = 0; k < (*p)->options.n; k++) {
                    snprintf(key, sizeof key, "%s.%s%s", s[i].name, s[i].choice[c].prefix, (*p)->options.rows[k].name);
                    ck_assert_msg(scenario_explain(key, f, e), "%s", key);
                }
            }
    }
    ck_assert(scenario_explain("class chat.weight", f, e));
    ck_assert(scenario_explain("tier lpddr.capacity", f, e));
    fflush(e);
    ck_assert_str_eq(err, "");
    ck_assert(!scenario_explain("replica.cuont", f, e));
    fclose(f);
    fclose(e);
    ck_assert_str_eq(err, "tiersim: there is no \"replica.cuont\" to explain; did you mean \"replica.count\"?\n");
    ck_assert_ptr_nonnull(strstr(out, "[workload] rate\n    mean arrivals per second"));
    free(out);
    free(err);
}
END_TEST

/* Two policies of a section may not differ about a key, nor take one of the section's own. */
START_TEST(no_policy_key_shadows_a_section_key)
{
    const struct section *s = sections_get();

    for (int i = 0; i < SECTIONS; i++)
        for (int c = 0; c < s[i].n_choices; c++)
            for (const struct policy *const *p = policy_list(s[i].choice[c].kind); *p; p++)
                for (size_t k = 0; k < (*p)->options.n; k++)
                    for (size_t r = 0; r < s[i].table.n; r++) {
                        char key[128];
                        snprintf(key, sizeof key, "%s%s", s[i].choice[c].prefix, (*p)->options.rows[k].name);
                        ck_assert_str_ne(key, s[i].table.rows[r].name);
                    }
}
END_TEST

int main(void)
{
    Suite *s = suite_create("scenario");
    TCase *t = tcase_create("scenario");

    tcase_add_checked_fixture(t, setup, NULL);
    tcase_add_test(t, values);
    tcase_add_test(t, overrides);
    tcase_add_test(t, from_text);
    tcase_add_test(t, a_model_alone);
    tcase_add_test(t, a_gpu_alone);
    tcase_add_test(t, a_misspelt_key_alone);
    tcase_add_test(t, unchunked_needs_a_budget);
    tcase_add_test(t, round_trip_of_all_scenarios);
    tcase_add_test(t, hash);
    tcase_add_test(t, hash_leaves_folders_out);
    tcase_add_test(t, uniform_experts_have_no_skew);
    tcase_add_test(t, params);
    tcase_add_test(t, tiers);
    tcase_add_test(t, own_tiers_come_last);
    tcase_add_test(t, round_trip_of_tiers);
    tcase_add_test(t, memory_alone);
    tcase_add_test(t, explains_everything);
    tcase_add_test(t, no_policy_key_shadows_a_section_key);
    tcase_set_timeout(t, 60);
    suite_add_tcase(s, t);
    return run_suite(s);
}
