/*
 * cmd_describe.c - tiersim describe model NAME | gpu NAME | tiers ... | bill SCENARIO | trace FILE: what a preset of
 * data/, a fleet's bill, or a trace, is in figures.
 */
#include "config.h"

#include <argp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/err.h"
#include "cmd.h"
#include "scenario/scenario.h"
#include "study/describe.h"
#include "study/retention.h"
#include "study/trace_describe.h"

struct arguments {
    const char *what, *name;
    struct describe_options options;
    /* of tiers */
    const char *preset, *model;
    bool kv_dtype_given;
    char **sets; /* argv's strings */
    size_t n_sets;
    /* of trace */
    int format; /* enum trace_format */
    int64_t block_tokens;
    bool mrc;
};

enum { OPT_JSON = 256, OPT_CONVENTION, OPT_KV_DTYPE, OPT_PRESET, OPT_MODEL, OPT_FORMAT, OPT_BLOCK_TOKENS, OPT_MRC };

#define DEFAULT_MODEL "deepseek-v3"

enum { DEFAULT_BLOCK_TOKENS = 512, BLOCK_TOKENS_MAX = 1000000 };

static const struct argp_option options[] = {
    {"json", OPT_JSON, NULL, 0, "print JSON instead of text", 0},
    {"convention", OPT_CONVENTION, "WAY", 0,
     "how KV cache is counted: plain, every element in its type; article, the same with index keys of 2 bytes; "
     "production, as serving engines keep it (the default)",
     0},
    {"kv-dtype", OPT_KV_DTYPE, "TYPE", 0,
     "type of KV cache elements: bf16, fp8 (the default; of a scenario's tiers, its own) or nvfp4", 0},
    {"preset", OPT_PRESET, "NAMES", 0, "tiers: of presets of data/memory, e.g. gb300 or \"gb300 pool\"", 0},
    {"model", OPT_MODEL, "NAME", 0, "tiers: whose KV is read (the scenario's model, or " DEFAULT_MODEL "); trace --mrc: whose KV is kept", 0},
    {"set", 's', "SECTION.KEY=VALUE", 0, "tiers, bill, retention: set a key; may be repeated", 0},
    {"format", OPT_FORMAT, "NAME", 0,
     "trace: azure, mooncake, burstgpt, vidur, tiersim or tiersim_csv (else its first line says it)", 0},
    {"mrc", OPT_MRC, NULL, 0, "trace: instead, the misses of a prefix cache (LRU) of every size", 0},
    {"block-tokens", OPT_BLOCK_TOKENS, "N", 0, "trace: tokens of each block that a Mooncake trace names (512)", 0},
    {0},
};

struct word {
    const char *name;
    int value;
};
static const struct word conventions[] = {
    {"plain", KV_PLAIN}, {"article", KV_ARTICLE}, {"production", KV_PRODUCTION}, {NULL, 0}};
static const struct word kv_dtypes[] = {{"bf16", DTYPE_BF16}, {"fp8", DTYPE_FP8}, {"nvfp4", DTYPE_NVFP4}, {NULL, 0}};
static const struct word formats[] = {{"auto", TRACE_AUTO},         {"azure", TRACE_AZURE}, {"mooncake", TRACE_MOONCAKE},
                                      {"burstgpt", TRACE_BURSTGPT}, {"vidur", TRACE_VIDUR}, {"tiersim", TRACE_OWN},
                                      {"tiersim_csv", TRACE_OWN_CSV}, {NULL, 0}};

static int pick(const struct word *words, const char *arg, const char *option, const struct argp_state *state)
{
    for (; words->name; words++)
        if (strcmp(words->name, arg) == 0)
            return words->value;
    argp_error(state, "--%s has no \"%s\"", option, arg);
    return 0;
}

static bool is_tiers(const struct arguments *a)
{
    return a->what && strcmp(a->what, "tiers") == 0;
}

/* Of a scenario with [prices]. */
static bool is_bill(const struct arguments *a)
{
    return a->what && (strcmp(a->what, "bill") == 0 || strcmp(a->what, "retention") == 0);
}

static bool is_trace(const struct arguments *a)
{
    return a->what && strcmp(a->what, "trace") == 0;
}

static int64_t block_tokens(const char *arg, const struct argp_state *state)
{
    char *end;
    long n = strtol(arg, &end, 10);

    if (*arg < '0' || *arg > '9' || *end != '\0' || n < 1 || n > BLOCK_TOKENS_MAX)
        argp_error(state, "--block-tokens \"%s\" is no whole number from 1 to %d", arg, BLOCK_TOKENS_MAX);
    return n;
}

static void take_word(struct arguments *a, const char *arg, const struct argp_state *state)
{
    if (state->arg_num > 1)
        argp_error(state, "one %s at a time: \"%s\" is too many", is_tiers(a) || is_bill(a) ? "scenario" : a->what, arg);
    else if (state->arg_num == 1)
        a->name = arg;
    else if (strcmp(arg, "model") == 0 || strcmp(arg, "gpu") == 0 || strcmp(arg, "tiers") == 0 ||
             strcmp(arg, "bill") == 0 || strcmp(arg, "retention") == 0 || strcmp(arg, "trace") == 0)
        a->what = arg;
    else
        argp_error(state, "describe a model or a gpu or tiers or a bill or retention or a trace, not \"%s\"", arg);
}

static void check_words(const struct arguments *a, const struct argp_state *state)
{
    if (is_tiers(a) && (a->name == NULL) == (a->preset == NULL))
        argp_error(state, "whose tiers? a scenario's or a preset's, e.g. tiersim describe tiers --preset gb300");
    else if (!is_tiers(a) && (a->preset || (a->model && !a->mrc)))
        argp_error(state, "--preset and --model are of tiers, --model of a trace with --mrc, too");
    else if (!is_tiers(a) && !is_bill(a) && a->n_sets)
        argp_error(state, "-s is of tiers, of a bill and of retention");
    else if (is_bill(a) && a->name == NULL)
        argp_error(state, "whose %s? e.g. tiersim describe %s scenario.ini -s prices.preset=2026q4", a->what, a->what);
    else if (!is_trace(a) && (a->format != TRACE_AUTO || a->block_tokens || a->mrc))
        argp_error(state, "--format, --mrc and --block-tokens are of a trace");
    else if (is_trace(a) && a->name == NULL)
        argp_error(state, "which trace? e.g. tiersim describe trace AzureLLMInferenceTrace_conv.csv");
    else if (!is_tiers(a) && a->name == NULL)
        argp_error(state, "which %s? e.g. tiersim describe %s", a->what ? a->what : "model",
                   a->what && strcmp(a->what, "gpu") == 0 ? "gpu h100" : "model deepseek-v4-pro");
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct arguments *a = state->input;

    switch (key) {
    case OPT_JSON:
        a->options.json = true;
        return 0;
    case OPT_CONVENTION:
        a->options.convention = pick(conventions, arg, "convention", state);
        return 0;
    case OPT_KV_DTYPE:
        a->options.kv_dtype = pick(kv_dtypes, arg, "kv-dtype", state);
        a->kv_dtype_given = true;
        return 0;
    case OPT_PRESET:
        a->preset = arg;
        return 0;
    case OPT_MODEL:
        a->model = arg;
        return 0;
    case OPT_FORMAT:
        a->format = pick(formats, arg, "format", state);
        return 0;
    case OPT_MRC:
        a->mrc = true;
        return 0;
    case OPT_BLOCK_TOKENS:
        a->block_tokens = block_tokens(arg, state);
        return 0;
    case 's':
        a->sets = mem_realloc(a->sets, (a->n_sets + 1) * sizeof *a->sets);
        a->sets[a->n_sets++] = arg;
        return 0;
    case ARGP_KEY_ARG:
        take_word(a, arg, state);
        return 0;
    case ARGP_KEY_END:
        check_words(a, state);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp argp = {
    options,
    parse,
    "model NAME\ngpu NAME\ntiers --preset NAMES\ntiers SCENARIO\nbill SCENARIO\nretention SCENARIO\ntrace FILE",
    "Tells what a preset of data/ is. A model: parameters, weights, and what its attention stores, reads and computes "
    "against the context. A GPU: its peaks, and how near its kernels come to them. Tiers, of a preset or in use in a "
    "scenario: what each memory holds, what a GPU reaches of it, and how long reading takes. A bill: what the fleet of a scenario with [prices] costs an hour, part by part. Retention: how long keeping a context's KV in each memory is cheaper than computing it again. A trace, plain, .gz or .zst: rows, rate, burstiness, lengths, what prefixes share, and "
    "sections of a scenario that draw requests like it; with --mrc, misses against the size of a prefix cache. NAME with a / is a file.",
    NULL,
    NULL,
    NULL};

static bool print_model(const struct arguments *a, struct arena *arena, struct diags *d)
{
    struct model_options m;

    if (!scenario_load_model(a->name, &m, arena, d) || !describe_check(&m, d))
        return false;
    describe_model(&m, &a->options, stdout);
    return true;
}

static bool print_gpu(const struct arguments *a, struct arena *arena, struct diags *d)
{
    struct gpu_options g;
    struct kernels k;

    if (!scenario_load_gpu(a->name, &g, &k, arena, d))
        return false;
    describe_gpu(&g, &k, a->options.json, stdout);
    return true;
}

/* GPUs there are: those of the nodes, as many as are given or as the replicas need. */
static int64_t cluster_gpus(const struct scenario *sc)
{
    int64_t gpus = 0;

    for (int64_t i = 0; i < sc->n_pools; i++) {
        const struct layout *l = &sc->pools[i].as->layout;
        gpus += (sc->cluster.nodes && sc->n_pools == 1 ? sc->cluster.nodes : layout_hosts(l)) * l->node.gpus;
    }
    return gpus;
}

/* What --model and --kv-dtype say, else the scenario's own, else the defaults. A preset's cluster is one node. */
static bool print_tiers_of(const struct arguments *a, const struct scenario *sc, struct arena *arena, struct diags *d)
{
    bool whole = a->preset == NULL;
    const struct layout *l = whole ? &sc->pools[0].as->layout : &sc->layout; /* of several pools, the first's GPU */
    struct model_options m = l->model;

    if ((a->model || !whole) && !scenario_load_model(a->model ? a->model : DEFAULT_MODEL, &m, arena, d))
        return false;
    if (!describe_check(&m, d))
        return false;
    struct describe_tiers t = {.memory = &sc->memory,
                               .gpu = &l->gpu,
                               .cluster_gpus = whole                             ? cluster_gpus(sc)
                                               : l->gpu.memory_bytes > 0 ? l->node.gpus
                                                                         : 0,
                               .model = &m,
                               .kv_dtype =
                                   whole && !a->kv_dtype_given ? l->replica.kv_dtype : a->options.kv_dtype};
    describe_tiers(&t, a->options.json, stdout);
    return true;
}

static bool print_tiers(const struct arguments *a, struct arena *arena, struct diags *d)
{
    struct scenario sc;
    bool ok = a->preset ? scenario_load_memory(&sc, a->preset, a->sets, a->n_sets, d)
                        : scenario_load(&sc, a->name, a->sets, a->n_sets, d);

    ok = ok && print_tiers_of(a, &sc, arena, d);
    scenario_free(&sc);
    return ok;
}

static bool print_bill(const struct arguments *a, struct diags *d)
{
    struct scenario sc;
    bool ok = scenario_load(&sc, a->name, a->sets, a->n_sets, d);

    if (ok && !prices_given(&sc.prices)) {
        diags_add(d, a->name, 0, "[prices] is missing (want e.g. -s prices.preset=2026q4)");
        ok = false;
    }
    if (ok && strcmp(a->what, "bill") == 0)
        describe_bill(&sc, a->options.json, stdout);
    else if (ok)
        retention_print(&sc, a->options.json, stdout);
    scenario_free(&sc);
    return ok;
}

/* KV of a token of a long context. */
static bool token_bytes(const struct arguments *a, struct arena *arena, struct diags *d, double *bytes)
{
    struct model_options m;

    if (a->model == NULL)
        return true;
    if (!scenario_load_model(a->model, &m, arena, d) || !describe_check(&m, d))
        return false;
    struct kv_format f = kv_format_of(&m, a->options.kv_dtype, a->options.convention);
    *bytes = attn_stored(&m, &f, 1, 1, 1e6) / 1e6;
    return true;
}

static int print_trace(const struct arguments *a, struct arena *arena, struct diags *d)
{
    const struct workload_options o = {.trace = a->name,
                                       .trace_format = a->format,
                                       .trace_block_tokens = a->block_tokens ? a->block_tokens : DEFAULT_BLOCK_TOKENS};
    struct err e = {0};
    double bytes = 0;

    if (!token_bytes(a, arena, d, &bytes))
        return EXIT_CODE_USAGE;
    if ((a->mrc ? trace_describe_mrc(&o, bytes, a->options.json, stdout, &e)
                : trace_describe(&o, a->options.json, stdout, &e)) == 0)
        return EXIT_CODE_OK;
    fprintf(stderr, "tiersim: %s\n", e.msg);
    return e.code;
}

static int print_other(const struct arguments *a, struct arena *arena, struct diags *d)
{
    bool ok = is_tiers(a)                    ? print_tiers(a, arena, d)
              : is_bill(a)                   ? print_bill(a, d)
              : strcmp(a->what, "gpu") == 0 ? print_gpu(a, arena, d)
                                             : print_model(a, arena, d);

    return ok ? EXIT_CODE_OK : EXIT_CODE_USAGE;
}

int cmd_describe(int argc, char **argv)
{
    struct arguments a = {.options = {.convention = KV_PRODUCTION, .kv_dtype = DTYPE_FP8}};
    struct arena arena;
    struct diags d;

    argp_parse(&argp, argc, argv, 0, NULL, &a);
    arena_init(&arena);
    diags_init(&d);
    int code = is_trace(&a) ? print_trace(&a, &arena, &d) : print_other(&a, &arena, &d);
    if (d.n > 0)
        diags_print(&d, stderr);
    diags_free(&d);
    arena_free(&arena);
    free(a.sets);
    return code;
}
