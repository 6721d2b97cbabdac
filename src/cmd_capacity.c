/*
 * cmd_capacity.c - tiersim capacity: the cheapest fleet that holds its load, or the highest load that a fleet holds.
 */
#include "config.h"

#include <argp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/bug.h"
#include "cmd.h"
#include "study/capacity_rate.h"
#include "study/capacity_search.h"

enum { OPT_JSON = 256, OPT_FIND, OPT_REPLICATIONS, OPT_ALL, STUDIES_MAX = 16 };

enum find { FIND_AUTO, FIND_RATE, FIND_CHEAPEST };

struct arguments {
    struct capacity_ask ask; /* what is the same for all */
    char *paths[STUDIES_MAX];
    int64_t n_paths;
    char **sets;
    size_t n_sets;
    enum find find;
    bool json;
};

static const struct argp_option options[] = {
    {"find", OPT_FIND, "WHAT", 0,
     "rate: the highest load of each parameter set; cheapest: the cheapest set that holds its load "
     "(default: cheapest, if there are several sets)",
     0},
    {"output", 'o', "OUT.db", 0,
     "cheapest: study file of the sets that were tried (default: STUDY's name with .db, here); runs "
     "are kept in OUT.d",
     0},
    {"all", OPT_ALL, NULL, 0, "cheapest: try every set that is allowed, for the whole Pareto front", 0},
    {"force", 'f', NULL, 0, "replace OUT.db", 0},
    {"set", 's', "SECTION.KEY=VALUE", 0, "set a key of each study; may be repeated", 0},
    {"replications", OPT_REPLICATIONS, "N", 0, "of each parameter set (default: [sweep] repeat, or 5)", 0},
    {"jobs", 'j', "N", 0, "runs at a time (default: one a core)", 0},
    {"json", OPT_JSON, NULL, 0, "print JSON", 0},
    {"quiet", 'q', NULL, 0, "no progress", 0},
    {0},
};

static enum find find_of(const char *text, struct argp_state *state)
{
    if (strcmp(text, "rate") == 0)
        return FIND_RATE;
    if (strcmp(text, "cheapest") != 0)
        argp_error(state, "--find: \"%s\" is none of rate, cheapest", text);
    return FIND_CHEAPEST;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct arguments *a = state->input;

    switch (key) {
    case OPT_FIND:
        a->find = find_of(arg, state);
        return 0;
    case 'o':
        if (*arg == '\0')
            argp_error(state, "-o needs the name of a file");
        a->ask.out = arg;
        return 0;
    case OPT_ALL:
        a->ask.all = true;
        return 0;
    case 'f':
        a->ask.force = true;
        return 0;
    case 's':
        a->sets = mem_realloc(a->sets, (a->n_sets + 1) * sizeof *a->sets);
        a->sets[a->n_sets++] = arg;
        return 0;
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
    case ARGP_KEY_ARG:
        if (a->n_paths == STUDIES_MAX)
            argp_error(state, "more than %d studies", STUDIES_MAX);
        a->paths[a->n_paths++] = arg;
        return 0;
    case ARGP_KEY_END:
        if (a->n_paths == 0)
            argp_error(state, "which study? e.g. tiersim capacity fleet.ini");
        if (a->n_paths > 1 && (a->ask.out || a->find == FIND_RATE))
            argp_error(state, "%s is of one study", a->ask.out ? "-o" : "--find=rate");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp argp = {
    options,
    parse,
    "STUDY...",
    "The cheapest of a study's parameter sets that holds its objectives at its load, or the highest load that each "
    "holds, as [capacity] "
    "says. Of several studies, each of a model in one fleet: the cheapest choice of a set of each.",
    NULL,
    NULL,
    NULL};

static int find_rate(const struct arguments *a, struct err *e)
{
    struct capacity_rates r;

    if (capacity_rates_find(&r, &a->ask, e) == 0)
        capacity_rates_print(&r, a->json, stdout);
    capacity_rates_free(&r);
    return e->code;
}

static const char *default_output(const char *study, struct arena *a)
{
    const char *slash = strrchr(study, '/'), *base = slash ? slash + 1 : study, *dot = strrchr(base, '.');

    return arena_printf(a, "%.*s.db", dot && dot != base ? (int)(dot - base) : (int)strlen(base), base);
}

static int make_asks(const struct arguments *a, struct capacity_ask *asks, struct arena *names, struct err *e)
{
    for (int64_t i = 0; i < a->n_paths; i++) {
        asks[i] = a->ask;
        asks[i].path = a->paths[i];
        asks[i].out = a->ask.out ? a->ask.out : default_output(a->paths[i], names);
        for (int64_t k = 0; k < i; k++)
            if (strcmp(asks[k].out, asks[i].out) == 0)
                return err_set(e, EXIT_CODE_USAGE, "%s and %s would both write %s", asks[k].path, asks[i].path,
                               asks[i].out);
        if (strcmp(asks[i].out, asks[i].path) == 0)
            return err_set(e, EXIT_CODE_USAGE, "-o %s is the study itself; name another file", asks[i].out);
    }
    return 0;
}

static int find_cheapest(const struct arguments *a, struct err *e)
{
    struct capacity_search s[STUDIES_MAX] = {{0}};
    struct capacity_ask asks[STUDIES_MAX];
    struct arena names;

    arena_init(&names);
    if (make_asks(a, asks, &names, e) == 0 && capacity_search_run(s, asks, a->n_paths, e) == 0) {
        for (int64_t i = 0; i < a->n_paths && e->code == 0; i++)
            capacity_search_write(&s[i], e);
        capacity_search_print(s, a->n_paths, a->json, stdout);
    }
    for (int64_t i = 0; i < a->n_paths; i++)
        capacity_search_free(&s[i]);
    arena_free(&names);
    return e->code;
}

static enum find guess(const struct arguments *a, struct err *e)
{
    struct capacity_study c;
    enum find find = FIND_RATE;

    if (a->n_paths > 1)
        return FIND_CHEAPEST;
    if (capacity_open(&c, &a->ask, e) == 0 && c.study.n_params > 1)
        find = FIND_CHEAPEST;
    capacity_close(&c);
    return find;
}

int cmd_capacity(int argc, char **argv)
{
    struct arguments a = {.json = false};
    struct err e = {0};

    argp_parse(&argp, argc, argv, 0, NULL, &a);
    a.ask.path = a.paths[0];
    a.ask.sets = a.sets;
    a.ask.n_sets = a.n_sets;
    if (a.find == FIND_AUTO)
        a.find = guess(&a, &e);
    if (e.code == 0)
        a.find == FIND_RATE ? find_rate(&a, &e) : find_cheapest(&a, &e);
    if (e.code)
        fprintf(stderr, "tiersim: %s\n", e.msg);
    free(a.sets);
    return e.code;
}
