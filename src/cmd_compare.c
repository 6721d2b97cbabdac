/*
 * cmd_compare.c - tiersim compare A B: by how much two sets of runs differ, with intervals, and what is significant.
 *
 * A and B are results files, study files or scenarios. Scenarios are run first, in replications, into a folder of
 * their own that is removed again.
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
#include "study/compare.h"
#include "study/trials.h"

enum { NAMES_MAX = 100, OPT_JSON = 256, OPT_METRIC, OPT_ALL, OPT_REPLICATIONS, OPT_SET_A, OPT_SET_B };

struct sets {
    char **at;
    size_t n;
};

struct arguments {
    const char *operand[2];
    const char *names[NAMES_MAX];
    int64_t n_names;
    bool json, all;
    int workers;
    int64_t replications;
    struct sets sets[2];
};

static const struct argp_option options[] = {
    {"metric", OPT_METRIC, "NAME", 0, "compare this metric (CLASS:NAME: of a class); may be repeated", 0},
    {"all", OPT_ALL, NULL, 0, "compare all metrics that both have", 0},
    {"json", OPT_JSON, NULL, 0, "print JSON", 0},
    {"replications", OPT_REPLICATIONS, "N", 0, "of scenarios: how often each is run (default 10)", 0},
    {"jobs", 'j', "N", 0, "of scenarios: runs at once (default: one a core)", 0},
    {"set", 's', "SECTION.KEY=VALUE", 0, "of scenarios: set a key in both; may be repeated", 0},
    {"set-a", OPT_SET_A, "SECTION.KEY=VALUE", 0, "set a key in A", 0},
    {"set-b", OPT_SET_B, "SECTION.KEY=VALUE", 0, "set a key in B", 0},
    {0},
};

static void add_set(struct sets *s, char *assignment)
{
    s->at = mem_realloc(s->at, (s->n + 1) * sizeof *s->at);
    s->at[s->n++] = assignment;
}

static void take_operand(struct arguments *a, char *arg, struct argp_state *state)
{
    if (a->operand[1])
        argp_error(state, "two at a time: \"%s\" is too many", arg);
    a->operand[a->operand[0] != NULL] = arg;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct arguments *a = state->input;

    switch (key) {
    case OPT_METRIC:
        if (a->n_names == NAMES_MAX)
            argp_error(state, "more than %d metrics", NAMES_MAX);
        a->names[a->n_names++] = arg;
        return 0;
    case OPT_ALL:
        a->all = true;
        return 0;
    case OPT_JSON:
        a->json = true;
        return 0;
    case OPT_REPLICATIONS:
        a->replications = cmd_replications(arg, state);
        return 0;
    case 'j':
        a->workers = cmd_workers(arg, state);
        return 0;
    case 's':
        add_set(&a->sets[0], arg);
        add_set(&a->sets[1], arg);
        return 0;
    case OPT_SET_A:
        add_set(&a->sets[0], arg);
        return 0;
    case OPT_SET_B:
        add_set(&a->sets[1], arg);
        return 0;
    case ARGP_KEY_ARG:
        take_operand(a, arg, state);
        return 0;
    case ARGP_KEY_END:
        if (a->operand[1] == NULL)
            argp_error(state, "which two? e.g. tiersim compare before.db after.db");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp argp = {options,
                                 parse,
                                 "A B",
                                 "Compares two results files, study files (FILE.db, or FILE.db@rate=10/s of several "
                                 "points) or scenarios: differences with "
                                 "intervals, paired where both met the same random numbers.",
                                 NULL,
                                 NULL,
                                 NULL};

/* Runs it first where it is a scenario. */
static int read_operand(const struct arguments *a, int i, struct outcome *o, struct err *e)
{
    const char *operand = a->operand[i];
    const struct sets *s = &a->sets[i];

    return outcome_is_file(operand) ? outcome_read(o, operand, e)
                                    : trials_replicate(o, operand, s->at, s->n, a->replications, a->workers, e);
}

int cmd_compare(int argc, char **argv)
{
    struct arguments a = {.replications = 10};
    struct outcome both[2] = {0};
    struct compare c = {0};
    struct err e = {0};

    argp_parse(&argp, argc, argv, 0, NULL, &a);
    for (int i = 0; i < 2 && e.code == 0; i++)
        read_operand(&a, i, &both[i], &e);
    if (e.code == 0 && compare_make(&c, &both[0], &both[1], a.names, a.n_names, a.all, &e) == 0)
        compare_print(&c, a.json, stdout);
    if (e.code)
        fprintf(stderr, "tiersim: %s\n", e.msg);
    compare_free(&c);
    for (int i = 0; i < 2; i++) {
        outcome_free(&both[i]);
        free(a.sets[i].at);
    }
    return e.code;
}
