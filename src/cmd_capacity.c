/*
 * cmd_capacity.c - tiersim capacity: the highest load that a fleet holds, or the cheapest fleet that holds its load.
 */
#include "config.h"

#include <argp.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "cmd.h"
#include "study/capacity_rate.h"

enum { OPT_JSON = 256, OPT_FIND, OPT_REPLICATIONS };

struct arguments {
    struct capacity_ask ask;
    struct cmd_scenario scenario;
    bool json;
};

static const struct argp_option options[] = {
    {"replications", OPT_REPLICATIONS, "N", 0, "of each parameter set (default: [sweep] repeat, or 5)", 0},
    {"jobs", 'j', "N", 0, "runs at a time (default: one a core)", 0},
    {"json", OPT_JSON, NULL, 0, "print JSON", 0},
    {"quiet", 'q', NULL, 0, "no progress", 0},
    {0},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct arguments *a = state->input;

    switch (key) {
    case OPT_REPLICATIONS:
        a->ask.replications = cmd_replications(arg, state);
        return 0;
    case 'j':
        a->ask.workers = cmd_workers(arg, state);
        return 0;
    case OPT_JSON:
        a->json = true;
        return 0;
    case 'q':
        a->ask.quiet = true;
        return 0;
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &a->scenario;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_child children[] = {{&cmd_scenario_argp, 0, NULL, 0}, {0}};
static const struct argp argp = {options, parse, NULL,
                                 "The highest load at which each parameter set of a study holds its objectives, as [capacity] says.",
                                 children, NULL, NULL};

static int find_rate(const struct arguments *a, struct err *e)
{
    struct capacity_rates r;

    if (capacity_rates_find(&r, &a->ask, e) == 0)
        capacity_rates_print(&r, a->json, stdout);
    capacity_rates_free(&r);
    return e->code;
}

int cmd_capacity(int argc, char **argv)
{
    struct arguments a = {.json = false};
    struct err e = {0};

    argp_parse(&argp, argc, argv, 0, NULL, &a);
    a.ask.path = a.scenario.path;
    a.ask.sets = a.scenario.sets;
    a.ask.n_sets = a.scenario.n_sets;
    find_rate(&a, &e);
    if (e.code)
        fprintf(stderr, "tiersim: %s\n", e.msg);
    cmd_scenario_free(&a.scenario);
    return e.code;
}
