/*
 * cmd_calibrate.c - tiersim calibrate: figures of the models from measurements, written as presets.
 *
 *   kernels DIR        what kernels reach, into data/calibration      study/kernel_fit.h
 *   engine TABLE ...   what engines add, into data/engines            study/engine_fit.h
 *   --from FILE ...    an engine's figures moved to one's own runs    study/engine_own.h
 */
#include "config.h"

#include <argp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/err.h"
#include "cmd.h"
#include "study/bench_import.h"
#include "study/engine_fit.h"
#include "study/engine_own.h"
#include "study/kernel_fit.h"

enum { FILES_MAX = 64, SETS_MAX = 64, COUNT_MAX = 1000000000, DATE_BYTES = 16 };

struct arguments {
    const char *what; /* NULL with --from */
    const char *files[FILES_MAX];
    size_t n_files;
    const char *from[FILES_MAX];
    size_t n_from;
    const char *out, *only, *source, *recipes;
    struct import_given given;
    bool json, force;
    int workers;
    char *sets[SETS_MAX];
    size_t n_sets;
};

enum {
    OPT_JSON = 256,
    OPT_FROM,
    OPT_ONLY,
    OPT_SOURCE,
    OPT_RECIPES,
    OPT_GPU,
    OPT_MODEL,
    OPT_ENGINE,
    OPT_ENGINE_VERSION,
    OPT_PRECISION,
    OPT_TP,
    OPT_DP,
    OPT_PP,
    OPT_MOE_TP,
    OPT_MOE_EP,
    OPT_GPUS,
    OPT_ISL,
    OPT_OSL,
    OPT_CONCURRENCY
};

static const struct argp_option options[] = {
    {"output", 'o', "PATH", 0,
     "folder the presets are written to (without it they are only judged), or the file of --from "
     "(./ENGINE-mine.ini)",
     0},
    {"json", OPT_JSON, NULL, 0, "kernels: print the errors as JSON", 0},
    {"jobs", 'j', "N", 0, "simulate N rows at once (default: one a core)", 0},
    {"only", OPT_ONLY, "ENGINE-GENERATION", 0, "engine: only this one, e.g. vllm-hopper", 0},
    {"source", OPT_SOURCE, "TEXT", 0, "what the preset says of its measurements (default: the files' names)", 0},
    {"recipes", OPT_RECIPES, "NAME", 0, "--from: serving settings, of data/recipes or a path with a / (inferencex)", 0},
    {"from", OPT_FROM, "FILE", 0,
     "own runs: JSON of vLLM's or SGLang's serving benchmark, AIPerf's CSV, or a table as for engine; may be repeated",
     1},
    {"force", 'f', NULL, 0, "--from: replace an existing preset", 1},
    {"set", 's', "SECTION.KEY=VALUE", 0, "--from: set a key of every run's scenario; may be repeated", 1},
    {"gpu", OPT_GPU, "NAME", 0, "what the files of --from do not tell, or tell wrongly: the GPU (data/gpus)", 2},
    {"model", OPT_MODEL, "NAME", 0, "the model (data/models)", 2},
    {"engine", OPT_ENGINE, "NAME", 0, "the engine: vllm, sglang, trtllm", 2},
    {"engine-version", OPT_ENGINE_VERSION, "TEXT", 0, "its version", 2},
    {"precision", OPT_PRECISION, "NAME", 0, "of the large linear layers: bf16, fp8, fp4, int4 (as the name says)", 2},
    {"tp", OPT_TP, "N", 0, "tensor parallel ranks (1)", 2},
    {"dp", OPT_DP, "N", 0, "attention data parallel ranks (1)", 2},
    {"pp", OPT_PP, "N", 0, "pipeline stages (1)", 2},
    {"moe-tp", OPT_MOE_TP, "N", 0, "tensor parallel ranks of the experts", 2},
    {"moe-ep", OPT_MOE_EP, "N", 0, "expert parallel ranks", 2},
    {"gpus", OPT_GPUS, "N", 0, "of the whole deployment (those of one replica)", 2},
    {"isl", OPT_ISL, "TOKENS", 0, "prompt length, each the same", 2},
    {"osl", OPT_OSL, "TOKENS", 0, "answer length, each the same", 2},
    {"concurrency", OPT_CONCURRENCY, "N[,N...]", 0, "requests in flight: one number for all runs, or one a run", 2},
    {0},
};

static int64_t count_of(const char *text, const char **end, int64_t most, struct argp_state *state)
{
    char *stop;
    long n = strtol(text, &stop, 10);

    if (stop == text || (*stop && (end == NULL || *stop != ',')) || n < 1 || n > most)
        argp_error(state, "\"%s\" is not a whole number from 1 to %ld", text, (long)most);
    if (end)
        *end = stop;
    return n;
}

static void take_concurrency(struct import_given *g, const char *text, struct argp_state *state)
{
    for (g->n_concurrency = 0;; text++) {
        if (g->n_concurrency == IMPORT_LOADS_MAX)
            argp_error(state, "--concurrency: at most %d numbers", IMPORT_LOADS_MAX);
        g->concurrency[g->n_concurrency++] = count_of(text, &text, COUNT_MAX, state);
        if (*text == '\0')
            return;
    }
}

static void take_argument(struct arguments *a, const char *arg, struct argp_state *state)
{
    if (a->what == NULL)
        a->what = arg;
    else if (a->n_files == FILES_MAX)
        argp_error(state, "at most %d files", FILES_MAX);
    else
        a->files[a->n_files++] = arg;
}

static void check(const struct arguments *a, struct argp_state *state)
{
    if (a->n_from && a->what)
        argp_error(state, "--from FILE stands for itself: \"%s\" is too many", a->what);
    if (a->n_from == 0 && (a->what == NULL || a->n_files == 0))
        argp_error(state, "calibrate what, from what? e.g. kernels DIR, engine TABLE.csv, --from bench.json");
}

/* What a run was, of --from. */
static error_t parse_given(int key, char *arg, struct import_given *g, struct argp_state *state)
{
    static const struct {
        int key;
        size_t text, number; /* offset + 1 in struct import_given of what it sets; 0: the other */
    } sets[] = {
        {OPT_GPU, offsetof(struct import_given, gpu) + 1, 0},
        {OPT_MODEL, offsetof(struct import_given, model) + 1, 0},
        {OPT_ENGINE, offsetof(struct import_given, engine) + 1, 0},
        {OPT_ENGINE_VERSION, offsetof(struct import_given, engine_version) + 1, 0},
        {OPT_PRECISION, offsetof(struct import_given, precision) + 1, 0},
        {OPT_TP, 0, offsetof(struct import_given, tp) + 1},
        {OPT_DP, 0, offsetof(struct import_given, dp) + 1},
        {OPT_PP, 0, offsetof(struct import_given, pp) + 1},
        {OPT_MOE_TP, 0, offsetof(struct import_given, moe_tp) + 1},
        {OPT_MOE_EP, 0, offsetof(struct import_given, moe_ep) + 1},
        {OPT_GPUS, 0, offsetof(struct import_given, gpus) + 1},
        {OPT_ISL, 0, offsetof(struct import_given, isl) + 1},
        {OPT_OSL, 0, offsetof(struct import_given, osl) + 1},
    };

    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++) {
        if (sets[i].key != key)
            continue;
        if (sets[i].text)
            *(const char **)(void *)((char *)g + sets[i].text - 1) = arg;
        else
            *(int64_t *)(void *)((char *)g + sets[i].number - 1) = count_of(arg, NULL, COUNT_MAX, state);
        return 0;
    }
    return ARGP_ERR_UNKNOWN;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct arguments *a = state->input;

    switch (key) {
    case 'o':
        a->out = arg;
        return 0;
    case 'f':
        a->force = true;
        return 0;
    case 'j':
        a->workers = cmd_workers(arg, state);
        return 0;
    case 's':
        if (a->n_sets == SETS_MAX)
            argp_error(state, "-s: at most %d times", SETS_MAX);
        a->sets[a->n_sets++] = arg;
        return 0;
    case OPT_JSON:
        a->json = true;
        return 0;
    case OPT_ONLY:
        a->only = arg;
        return 0;
    case OPT_SOURCE:
        a->source = arg;
        return 0;
    case OPT_RECIPES:
        a->recipes = arg;
        return 0;
    case OPT_FROM:
        if (a->n_from == FILES_MAX)
            argp_error(state, "--from: at most %d times", FILES_MAX);
        a->from[a->n_from++] = arg;
        return 0;
    case OPT_CONCURRENCY:
        take_concurrency(&a->given, arg, state);
        return 0;
    case ARGP_KEY_ARG:
        take_argument(a, arg, state);
        return 0;
    case ARGP_KEY_END:
        check(a, state);
        return 0;
    default:
        return parse_given(key, arg, &a->given, state);
    }
}

static const struct argp argp = {
    options,
    parse,
    "kernels DIR\nengine TABLE.csv...\n--from FILE...",
    "Fits figures of the models to measurements.\v"
    "kernels: what each GPU's kernels reach, from the tables in DIR, into PATH/GPU.ini (data/calibration).\n\n"
    "engine: what each engine adds on each generation of GPUs, from load points (columns as for `validate`), into "
    "PATH/ENGINE-GENERATION.ini (data/engines).\n\n"
    "--from: your own cluster. A few load points move the preset of their engine; the file written is used as "
    "[engine] preset = ./FILE.",
    NULL,
    NULL,
    NULL};

static int calibrate_kernels(const struct arguments *a)
{
    struct kernel_study study;
    struct diags diags;
    struct err e = {0};

    if (a->n_files > 1) {
        fprintf(stderr, "tiersim: one folder at a time: \"%s\" is too many\n", a->files[1]);
        return EXIT_CODE_USAGE;
    }
    diags_init(&diags);
    if (!kernel_study_run(&study, a->files[0], &diags)) {
        cmd_print_mistakes(&diags);
        e.code = EXIT_CODE_FAILED;
    } else {
        (a->json ? kernel_study_print_json : kernel_study_print)(&study, stdout);
        if (a->out && kernel_study_write(&study, a->out, &e))
            fprintf(stderr, "%s\n", e.msg);
    }
    kernel_study_free(&study);
    diags_free(&diags);
    return e.code;
}

static void today(char *out)
{
    time_t now = time(NULL);
    struct tm utc;

    if (gmtime_r(&now, &utc) == NULL || strftime(out, DATE_BYTES, "%Y-%m-%d", &utc) == 0)
        strcpy(out, "no date");
}

/* "agg.csv, other.csv"; for the caller to free. */
static char *names_of(const char *const *paths, size_t n)
{
    char *text = NULL;
    size_t size;
    FILE *f = open_memstream(&text, &size);

    if (f == NULL)
        return NULL;
    for (size_t i = 0; i < n; i++) {
        const char *slash = strrchr(paths[i], '/');
        fprintf(f, "%s%s", i ? ", " : "", slash ? slash + 1 : paths[i]);
    }
    if (fclose(f) == 0)
        return text;
    free(text);
    return NULL;
}

static int calibrate_engine(const struct arguments *a)
{
    char date[DATE_BYTES], *names = names_of(a->files, a->n_files);
    struct diags d;

    today(date);
    diags_init(&d);
    struct engine_fit_options o = {.tables = a->files,
                                   .n_tables = a->n_files,
                                   .folder = a->out,
                                   .only = a->only,
                                   .date = date,
                                   .source = a->source ? a->source
                                             : names   ? names
                                                       : "",
                                   .workers = a->workers};
    bool ok = engine_fit(&o, stdout, &d);
    if (!ok)
        cmd_print_mistakes(&d);
    diags_free(&d);
    free(names);
    return ok ? EXIT_CODE_OK : EXIT_CODE_FAILED;
}

static int calibrate_own(const struct arguments *a)
{
    char date[DATE_BYTES], *names = names_of(a->from, a->n_from);
    struct import im;
    struct diags d;

    today(date);
    diags_init(&d);
    import_init(&im);
    struct engine_own_options o = {.path = a->out,
                                   .recipes = a->recipes,
                                   .date = date,
                                   .source = a->source ? a->source
                                             : names   ? names
                                                       : "",
                                   .replace = a->force,
                                   .workers = a->workers,
                                   .sets = a->sets,
                                   .n_sets = a->n_sets};
    for (size_t i = 0; i < a->n_from; i++)
        import_read(&im, a->from[i], &a->given, &d);
    bool ok = d.n == 0 && engine_own(&im, &o, stdout, &d);
    if (!ok)
        cmd_print_mistakes(&d);
    import_free(&im);
    diags_free(&d);
    free(names);
    return ok ? EXIT_CODE_OK : EXIT_CODE_USAGE;
}

/* What can be calibrated. */
static const struct {
    const char *what;
    int (*run)(const struct arguments *a);
} kinds[] = {
    {"kernels", calibrate_kernels},
    {"engine", calibrate_engine},
};

int cmd_calibrate(int argc, char **argv)
{
    struct arguments a = {.recipes = "inferencex"};

    argp_parse(&argp, argc, argv, 0, NULL, &a);
    if (a.n_from)
        return calibrate_own(&a);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(kinds[i].what, a.what) == 0)
            return kinds[i].run(&a);
    fprintf(stderr, "cannot calibrate \"%s\" (want kernels, engine, or --from FILE)\n", a.what);
    return EXIT_CODE_USAGE;
}
