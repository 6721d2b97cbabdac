/*
 * cmd_sweep.c - tiersim sweep and merge: the points of a study, run and put into one file.
 */
#include "config.h"

#include <argp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "cmd.h"
#include "report/report.h"
#include "study/sweep.h"

struct arguments {
    struct sweep sweep;
    bool dry_run;
    struct cmd_scenario scenario;
};

enum { OPT_DRY_RUN = 256, OPT_FILTER, OPT_FRESH };

#define OPTION_OUTPUT {"output", 'o', "OUT.db", 0, "study file (default: STUDY's name with .db, here); shards go to OUT.d", 0}
#define OPTION_FILTER                                                                                                  \
    {"filter", OPT_FILTER, "EXPR", 0, "only the points for which it is true, e.g. 'rate < 20/s and repetition == 0'", 0}

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

static const struct argp_option merge_options[] = {
    OPTION_OUTPUT,
    OPTION_FILTER,
    {"force", 'f', NULL, 0, "replace OUT.db", 0},
    {"quiet", 'q', NULL, 0, "no report", 0},
    {0},
};

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
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &a->scenario;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_child children[] = {{&cmd_scenario_argp, 0, NULL, 0}, {0}};
static const struct argp sweep_argp = {
    sweep_options, parse,    NULL, "Runs all points of a study (a scenario with ${...} values), each as a process with a "
                                   "results file of its own, and merges them into OUT.db. Points that are there already "
                                   "are not run again: after an interruption, the same command goes on.",
    children,      NULL,     NULL};
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

static int with_arguments(const struct argp *argp, int argc, char **argv, int (*run)(const struct sweep *ask))
{
    struct arguments a = {.dry_run = false};
    struct arena names;
    int code;

    argp_parse(argp, argc, argv, 0, NULL, &a);
    arena_init(&names);
    a.sweep.study = a.scenario.path;
    a.sweep.sets = a.scenario.sets;
    a.sweep.n_sets = a.scenario.n_sets;
    if (a.sweep.out == NULL)
        a.sweep.out = default_output(a.scenario.path, &names);
    code = a.dry_run ? sweep_list(&a.sweep, stdout) : run(&a.sweep);
    if (code == EXIT_CODE_OK && !a.dry_run)
        code = report(&a);
    arena_free(&names);
    cmd_scenario_free(&a.scenario);
    return code;
}

int cmd_sweep(int argc, char **argv)
{
    return with_arguments(&sweep_argp, argc, argv, sweep_run);
}

int cmd_merge(int argc, char **argv)
{
    return with_arguments(&merge_argp, argc, argv, sweep_merge);
}
