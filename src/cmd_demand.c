/*
 * cmd_demand.c - tiersim demand: what memory a system takes that serves so many tokens a day as a finished run did.
 */
#include "config.h"

#include <argp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/bug.h"
#include "base/err.h"
#include "base/units.h"
#include "cmd.h"
#include "scenario/scenario.h"
#include "study/demand.h"

struct arguments {
    const char *file;
    double tokens_per_day;
    bool json;
    char **sets; /* argv's strings */
    size_t n_sets;
};

enum { OPT_JSON = 256, OPT_TOKENS };

static const struct argp_option options[] = {
    {"tokens-per-day", OPT_TOKENS, "N", 0, "of the whole system, input and output, e.g. 1e12 (what the run's fleet serves)", 0},
    {"set", 's', "SECTION.KEY=VALUE", 0,
     "set a key of the run's scenario, e.g. prices.preset=2026q4 or \"memory_price socamm.usd_per_gb=13\"; may be repeated", 0},
    {"json", OPT_JSON, NULL, 0, "print JSON instead of text", 0},
    {0},
};

static double tokens(const char *arg, const struct argp_state *state)
{
    const char *end;
    double n;

    if (!units_number(arg, &n, &end) || *end != '\0' || n <= 0)
        argp_error(state, "--tokens-per-day \"%s\" is no number above 0", arg);
    return n;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct arguments *a = state->input;

    switch (key) {
    case OPT_JSON:
        a->json = true;
        return 0;
    case OPT_TOKENS:
        a->tokens_per_day = tokens(arg, state);
        return 0;
    case 's':
        a->sets = mem_realloc(a->sets, (a->n_sets + 1) * sizeof *a->sets);
        a->sets[a->n_sets++] = arg;
        return 0;
    case ARGP_KEY_ARG:
        if (a->file)
            argp_error(state, "one results file at a time: \"%s\" is too many", arg);
        a->file = arg;
        return 0;
    case ARGP_KEY_END:
        if (a->file == NULL)
            argp_error(state, "which results file? e.g. tiersim demand quickstart.db -s prices.preset=2026q4");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp argp = {
    options,
    parse,
    "FILE.db",
    "From a finished run and [prices]: GB, GB/s and US$ of HBM, LPDDR and NAND for each million tokens a day and for a whole "
    "system, by supplier; what a price path ([memory_price NAME] path_usd_per_gb), another supply ([supplier NAME] "
    "available) and fewer modules make of it. Prices are the run's, or set here: the run need not have had any.",
    NULL,
    NULL,
    NULL};

static bool print(const struct arguments *a, struct demand_run *r, struct diags *d)
{
    struct scenario sc;
    struct demand demand;
    bool ok = scenario_load_text(&sc, a->file, demand_scenario(r, a->sets, a->n_sets), a->sets, a->n_sets, d);

    if (ok && !prices_given(&sc.prices)) {
        diags_add(d, a->file, 0, "the run had no [prices] (want e.g. -s prices.preset=2026q4)");
        ok = false;
    }
    if (ok) {
        demand_make(&demand, &sc, r, a->tokens_per_day);
        (a->json ? demand_json : demand_text)(&sc, r, &demand, stdout);
    }
    scenario_free(&sc);
    return ok;
}

int cmd_demand(int argc, char **argv)
{
    struct arguments a = {.file = NULL};
    struct demand_run r;
    struct diags d;
    struct err e = {0};
    int code = EXIT_CODE_OK;

    argp_parse(&argp, argc, argv, 0, NULL, &a);
    diags_init(&d);
    if (demand_read(&r, a.file, &e) != 0) {
        fprintf(stderr, "tiersim: %s\n", e.msg);
        code = e.code;
    } else if (!print(&a, &r, &d)) {
        diags_print(&d, stderr);
        code = EXIT_CODE_USAGE;
    }
    demand_run_free(&r);
    diags_free(&d);
    free(a.sets);
    return code;
}
