/*
 * cmd_describe.c - tiersim describe model NAME | gpu NAME: what a preset of data/ is, in figures.
 */
#include "config.h"

#include <argp.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "cmd.h"
#include "scenario/scenario.h"
#include "study/describe.h"

struct arguments {
    const char *what, *name;
    struct describe_options options;
};

enum { OPT_JSON = 256, OPT_CONVENTION, OPT_KV_DTYPE };

static const struct argp_option options[] = {
    {"json", OPT_JSON, NULL, 0, "print JSON instead of text", 0},
    {"convention", OPT_CONVENTION, "WAY", 0,
     "how KV cache is counted: plain, every element in its type; article, the same with index keys of 2 bytes; "
     "production, as serving engines keep it (the default)",
     0},
    {"kv-dtype", OPT_KV_DTYPE, "TYPE", 0, "type of KV cache elements: bf16, fp8 (the default) or nvfp4", 0},
    {0},
};

struct word {
    const char *name;
    int value;
};
static const struct word conventions[] = {
    {"plain", KV_PLAIN}, {"article", KV_ARTICLE}, {"production", KV_PRODUCTION}, {NULL, 0}};
static const struct word kv_dtypes[] = {{"bf16", DTYPE_BF16}, {"fp8", DTYPE_FP8}, {"nvfp4", DTYPE_NVFP4}, {NULL, 0}};

static int pick(const struct word *words, const char *arg, const char *option, const struct argp_state *state)
{
    for (; words->name; words++)
        if (strcmp(words->name, arg) == 0)
            return words->value;
    argp_error(state, "--%s has no \"%s\"", option, arg);
    return 0;
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
        return 0;
    case ARGP_KEY_ARG:
        if (state->arg_num > 1)
            argp_error(state, "one %s at a time: \"%s\" is too many", a->what, arg);
        if (state->arg_num == 1)
            a->name = arg;
        else if (strcmp(arg, "model") == 0 || strcmp(arg, "gpu") == 0)
            a->what = arg;
        else
            argp_error(state, "describe a model or a gpu, not \"%s\"", arg);
        return 0;
    case ARGP_KEY_END:
        if (a->name == NULL)
            argp_error(state, "which %s? e.g. tiersim describe %s", a->what ? a->what : "model",
                       a->what && strcmp(a->what, "gpu") == 0 ? "gpu h100" : "model deepseek-v4-pro");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp argp = {
    options,
    parse,
    "model NAME\ngpu NAME",
    "Tells what a preset of data/ is. A model: parameters, weights, and what its attention stores, reads and computes "
    "against the context. A GPU: its peaks, and how near its kernels come to them. NAME with a / is a file.",
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

int cmd_describe(int argc, char **argv)
{
    struct arguments a = {.options = {.convention = KV_PRODUCTION, .kv_dtype = DTYPE_FP8}};
    struct arena arena;
    struct diags d;

    argp_parse(&argp, argc, argv, 0, NULL, &a);
    arena_init(&arena);
    diags_init(&d);
    bool ok = strcmp(a.what, "gpu") == 0 ? print_gpu(&a, &arena, &d) : print_model(&a, &arena, &d);
    if (!ok)
        diags_print(&d, stderr);
    diags_free(&d);
    arena_free(&arena);
    return ok ? EXIT_CODE_OK : EXIT_CODE_USAGE;
}
