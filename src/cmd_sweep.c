/*
 * cmd_sweep.c - tiersim sweep, sweep submit, merge: the points of a study, run and put into one file.
 */
#include "config.h"

#include <argp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/bug.h"
#include "base/err.h"
#include "cmd.h"
#include "report/report.h"
#include "study/slurm.h"
#include "study/sweep.h"

struct arguments {
    struct sweep sweep;
    struct slurm slurm;
    int64_t task;
    bool dry_run, engine;
    struct cmd_scenario scenario;
};

enum { OPT_DRY_RUN = 256, OPT_FILTER, OPT_FRESH, OPT_ENGINE, OPT_CHUNK, OPT_SBATCH, OPT_TASK };

#define OPTION_OUTPUT                                                                                                  \
    {                                                                                                                  \
        "output", 'o', "OUT.db", 0, "study file (default: STUDY's name with .db, here); shards go to OUT.d", 0         \
    }
#define OPTION_FILTER                                                                                                  \
    {                                                                                                                  \
        "filter", OPT_FILTER, "EXPR", 0,                                                                               \
            "only the points for which it is true, e.g. 'rate < 20/s and repetition == 0'", 0                          \
    }

static const struct argp_option sweep_options[] = {
    OPTION_OUTPUT,
    {"jobs", 'j', "N", 0, "processes at a time (default: one a core)", 0},
    {"dry-run", OPT_DRY_RUN, NULL, 0, "list the points and run nothing", 0},
    OPTION_FILTER,
    {"force", 'f', NULL, 0, "replace OUT.db, and shards of another configuration", 0},
    {"fresh", OPT_FRESH, NULL, 0, "run points again whose shards are complete", 0},
    {"quiet", 'q', NULL, 0, "no report, no progress", 0},
    {0},
};

static const struct argp_option submit_options[] = {
    OPTION_OUTPUT,
    {"engine", OPT_ENGINE, "NAME", 0, "what runs it: slurm", 0},
    {"chunk", OPT_CHUNK, "K", 0, "points a task of the job array (default: as many as make 100 tasks)", 0},
    {"sbatch", OPT_SBATCH, "OPTION", 0, "an option for sbatch, e.g. --sbatch=--partition=long; may be repeated", 0},
    {"dry-run", OPT_DRY_RUN, NULL, 0, "write the scripts into OUT.d and submit nothing", 0},
    OPTION_FILTER,
    {"force", 'f', NULL, 0, "replace OUT.db, and shards of another configuration", 0},
    {0},
};

static const struct argp_option task_options[] = {
    OPTION_OUTPUT,
    {"chunk", OPT_CHUNK, "K", 0, "points a task", 0},
    {"task", OPT_TASK, "T", 0, "which task, from 0 on", 0},
    {"force", 'f', NULL, 0, "replace shards of another configuration", 0},
    {"quiet", 'q', NULL, 0, "no progress", 0},
    {0},
};

static const struct argp_option merge_options[] = {
    OPTION_OUTPUT, OPTION_FILTER, {"force", 'f', NULL, 0, "replace OUT.db", 0}, {"quiet", 'q', NULL, 0, "no report", 0},
    {0},
};

/* From min on. */
static int64_t whole(const char *text, int64_t min, const char *option, struct argp_state *state)
{
    bool ok = *text && text[strspn(text, "0123456789")] == '\0' && strlen(text) < 10;

    if (!ok || strtoll(text, NULL, 10) < min)
        argp_error(state, "%s: \"%s\" is not a whole number from %d on", option, text, (int)min);
    return strtoll(text, NULL, 10);
}

static void add_sbatch(struct arguments *a, char *option)
{
    char **more = mem_realloc((void *)(uintptr_t)a->slurm.options, (a->slurm.n_options + 1) * sizeof *more);

    more[a->slurm.n_options++] = option;
    a->slurm.options = more;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct arguments *a = state->input;

    switch (key) {
    case 'o':
        if (*arg == '\0')
            argp_error(state, "-o needs the name of a file");
        a->sweep.out = arg;
        return 0;
    case 'j':
        a->sweep.workers = cmd_workers(arg, state);
        return 0;
    case OPT_DRY_RUN:
        a->dry_run = true;
        return 0;
    case OPT_FILTER:
        a->sweep.filter = arg;
        return 0;
    case 'f':
        a->sweep.force = true;
        return 0;
    case OPT_FRESH:
        a->sweep.fresh = true;
        return 0;
    case 'q':
        a->sweep.quiet = true;
        return 0;
    case OPT_ENGINE:
        if (strcmp(arg, "slurm") != 0)
            argp_error(state, "--engine: \"%s\" is not known (want slurm)", arg);
        a->engine = true;
        return 0;
    case OPT_CHUNK:
        a->slurm.chunk = whole(arg, 1, "--chunk", state);
        return 0;
    case OPT_TASK:
        a->task = whole(arg, 0, "--task", state);
        return 0;
    case OPT_SBATCH:
        add_sbatch(a, arg);
        return 0;
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &a->scenario;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_child children[] = {{&cmd_scenario_argp, 0, NULL, 0}, {0}};
static const struct argp sweep_argp = {
    sweep_options,
    parse,
    NULL,
    "Runs all points of a study (a scenario with ${...} values), each as a process with a "
    "results file of its own, and merges them into OUT.db. Points that are there already "
    "are not run again: after an interruption, the same command goes on. `sweep submit` "
    "is for clusters.",
    children,
    NULL,
    NULL};
static const struct argp submit_argp = {
    submit_options,
    parse,
    NULL,
    "Runs a study on a cluster: a Slurm job array whose tasks run chunks of points, and a merge "
    "that waits for them. Given again, it runs what is missing.",
    children,
    NULL,
    NULL};
static const struct argp task_argp = {
    task_options,
    parse,
    NULL,
    "One task of the job array that `tiersim sweep submit` makes: the points of its chunk that "
    "are not there.",
    children,
    NULL,
    NULL};
static const struct argp merge_argp = {
    merge_options, parse, NULL, "Merges the shards of a study in OUT.d into OUT.db. Refused while one is missing.",
    children,      NULL,  NULL};

static const char *default_output(const char *study, struct arena *a)
{
    const char *slash = strrchr(study, '/'), *base = slash ? slash + 1 : study, *dot = strrchr(base, '.');

    return arena_printf(a, "%.*s.db", dot && dot != base ? (int)(dot - base) : (int)strlen(base), base);
}

static int report(const struct arguments *a)
{
    struct err e = {0};

    if (a->sweep.quiet || report_print(a->sweep.out, REPORT_TEXT, stdout, &e) == 0)
        return EXIT_CODE_OK;
    fprintf(stderr, "tiersim: %s\n", e.msg);
    return e.code;
}

typedef int run_f(const struct arguments *a);

static int with_arguments(const struct argp *argp, int argc, char **argv, run_f *run)
{
    struct arguments a = {.task = -1};
    struct arena names;
    int code;

    argp_parse(argp, argc, argv, 0, NULL, &a);
    arena_init(&names);
    a.sweep.study = a.scenario.path;
    a.sweep.sets = a.scenario.sets;
    a.sweep.n_sets = a.scenario.n_sets;
    if (a.sweep.out == NULL)
        a.sweep.out = default_output(a.scenario.path, &names);
    code = run(&a);
    arena_free(&names);
    free((void *)(uintptr_t)a.slurm.options);
    cmd_scenario_free(&a.scenario);
    return code;
}

static int run_sweep(const struct arguments *a)
{
    if (a->dry_run)
        return sweep_list(&a->sweep, stdout);
    int code = sweep_run(&a->sweep);
    return code == EXIT_CODE_OK ? report(a) : code;
}

static int run_merge(const struct arguments *a)
{
    int code = sweep_merge(&a->sweep);

    return code == EXIT_CODE_OK ? report(a) : code;
}

static int run_submit(const struct arguments *a)
{
    struct slurm how = a->slurm;

    if (!a->engine) {
        fprintf(stderr, "tiersim: submit to what? want --engine slurm\n");
        return EXIT_CODE_USAGE;
    }
    how.dry_run = a->dry_run;
    return slurm_submit(&a->sweep, &how, stdout);
}

static int run_task(const struct arguments *a)
{
    struct sweep ask = a->sweep;

    if (a->task < 0 || a->slurm.chunk == 0) {
        fprintf(stderr,
                "tiersim: which points? want --task T --chunk K (`tiersim sweep submit` writes a script that has "
                "them)\n");
        return EXIT_CODE_USAGE;
    }
    ask.workers = ask.workers ? ask.workers : 1;
    return slurm_task(&ask, a->slurm.chunk, a->task);
}

/* `tiersim sweep WORD`: argp says "tiersim sweep WORD" of itself then. */
static int with_word(const struct argp *argp, int argc, char **argv, run_f *run)
{
    char name[64];

    snprintf(name, sizeof name, "tiersim sweep %s", argv[1]);
    argv[1] = name;
    return with_arguments(argp, argc - 1, argv + 1, run);
}

int cmd_sweep(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "submit") == 0)
        return with_word(&submit_argp, argc, argv, run_submit);
    if (argc > 1 && strcmp(argv[1], "task") == 0)
        return with_word(&task_argp, argc, argv, run_task);
    return with_arguments(&sweep_argp, argc, argv, run_sweep);
}

int cmd_merge(int argc, char **argv)
{
    return with_arguments(&merge_argp, argc, argv, run_merge);
}
