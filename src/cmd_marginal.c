/*
 * cmd_marginal.c - tiersim marginal SCENARIO: what one more token of each kind costs, beside what attribution gives it.
 */
#include "config.h"

#include <argp.h>
#include <stdlib.h>

#include "base/bug.h"
#include "cmd.h"
#include "study/marginal.h"

enum { OPT_JSON = 256, OPT_REPLICATIONS, OPT_MORE };

struct arguments {
    struct marginal_ask ask;
    char **sets;
    bool json;
};

static const struct argp_option options[] = {
    {"more", OPT_MORE, "PERCENT%", 0, "how many more tokens (default 1%)", 0},
    {"replications", OPT_REPLICATIONS, "N", 0, "how often each of the three runs is made (default 10)", 0},
    {"jobs", 'j', "N", 0, "runs at once (default: one a core)", 0},
    {"set", 's', "SECTION.KEY=VALUE", 0, "set a key; may be repeated", 0},
    {"json", OPT_JSON, NULL, 0, "print JSON", 0},
    {0},
};

static double percent(const char *text, struct argp_state *state)
{
    char *end;
    double value = strtod(text, &end);

    if (end == text || end[0] != '%' || end[1] || !(value > 0 && value <= 100))
        argp_error(state, "--more: \"%s\" is no share (want more than 0%% and at most 100%%, e.g. 1%%)", text);
    return value / 100;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct arguments *a = state->input;

    switch (key) {
    case OPT_MORE:
        a->ask.more = percent(arg, state);
        return 0;
    case OPT_REPLICATIONS:
        a->ask.replications = cmd_replications(arg, state);
        return 0;
    case 'j':
        a->ask.workers = cmd_workers(arg, state);
        return 0;
    case 's':
        a->sets = mem_realloc(a->sets, (a->ask.n_sets + 1) * sizeof *a->sets);
        a->sets[a->ask.n_sets++] = arg;
        return 0;
    case OPT_JSON:
        a->json = true;
        return 0;
    case ARGP_KEY_ARG:
        if (a->ask.path)
            argp_error(state, "one scenario at a time: \"%s\" is too many", arg);
        a->ask.path = arg;
        return 0;
    case ARGP_KEY_END:
        if (a->ask.path == NULL)
            argp_error(state, "which scenario? e.g. tiersim marginal chat.ini");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp argp = {
    options,
    parse,
    "SCENARIO",
    "Runs a scenario with [prices] as it is, with a little more input and with a little more output: what one more token "
    "of each costs, beside what attribution says.",
    NULL,
    NULL,
    NULL};

int cmd_marginal(int argc, char **argv)
{
    struct arguments a = {.ask = {.more = 0.01, .replications = 10}};
    struct marginal_result r;
    struct err e = {0};

    argp_parse(&argp, argc, argv, 0, NULL, &a);
    a.ask.sets = a.sets;
    if (marginal_find(&a.ask, &r, &e) == 0)
        marginal_print(&r, &a.ask, a.json, stdout);
    else
        fprintf(stderr, "tiersim: %s\n", e.msg);
    free(a.sets);
    return e.code;
}
