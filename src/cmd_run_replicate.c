/*
 * cmd_run_replicate.c - run --replications and --until-ci: the options, as a child of run's.
 */
#include <argp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd.h"

enum { OPT_REPLICATIONS = 512, OPT_UNTIL_CI, OPT_MAX_REPLICATIONS, FIRST = 10, MOST = 100 };

static const struct argp_option options[] = {
    {"replications", OPT_REPLICATIONS, "N", 0, "run N independent replications into a study file", 0},
    {"until-ci", OPT_UNTIL_CI, "P%[=METRIC]", 0,
     "as many replications as it takes for a 95 % interval of METRIC within +- P % (default: the mean TTFT, TPOT, "
     "E2EL and the output throughput); may be repeated",
     0},
    {"max-replications", OPT_MAX_REPLICATIONS, "N", 0, "with --until-ci: no more than N (default 100)", 0},
    {"jobs", 'j', "N", 0, "replications at a time (default: one a core)", 0},
    {0},
};

static void add_target(struct replicate *r, const char *metric, double share, struct argp_state *state)
{
    if (r->n_targets == REPLICATE_TARGETS_MAX)
        argp_error(state, "--until-ci: more than %d metrics", REPLICATE_TARGETS_MAX);
    r->targets[r->n_targets++] = (struct replicate_target){metric, share};
}

/* "2%" or "2%=p99_ttft_ms" */
static void take_target(struct replicate *r, const char *text, struct argp_state *state)
{
    static const char *const usual[] = {"mean_ttft_ms", "mean_tpot_ms", "mean_e2el_ms", "output_throughput"};
    char *end;
    double percent = strtod(text, &end);

    if (end == text || *end != '%' || (end[1] && (end[1] != '=' || !end[2])) || !(percent > 0 && percent < 100))
        argp_error(state, "--until-ci: \"%s\" is no such target (want e.g. 2%% or 2%%=p99_ttft_ms)", text);
    for (size_t i = 0; end[1] == '\0' && i < sizeof usual / sizeof *usual; i++)
        add_target(r, usual[i], percent / 100, state);
    if (end[1])
        add_target(r, end + 2, percent / 100, state);
}

static void finish(struct replicate *r, struct argp_state *state)
{
    if (r->n == 0 && r->n_targets == 0 && r->ask.workers > 0)
        argp_error(state, "-j is for --replications or --until-ci: one run is one process");
    if (r->n_targets == 0 && r->most > 0)
        argp_error(state, "--max-replications is for --until-ci");
    if (r->n_targets == 0)
        return;
    r->n = r->n ? r->n : FIRST;
    r->most = r->most ? r->most : MOST;
    if (r->most < r->n)
        argp_error(state, "--max-replications is less than the %d to begin with", (int)r->n);
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct replicate *r = state->input;

    switch (key) {
    case OPT_REPLICATIONS:
        r->n = cmd_replications(arg, state);
        return 0;
    case OPT_MAX_REPLICATIONS:
        r->most = cmd_replications(arg, state);
        return 0;
    case OPT_UNTIL_CI:
        take_target(r, arg, state);
        return 0;
    case 'j':
        r->ask.workers = cmd_workers(arg, state);
        return 0;
    case ARGP_KEY_END:
        finish(r, state);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

const struct argp cmd_replicate_argp = {options, parse, NULL, NULL, NULL, NULL, NULL};
