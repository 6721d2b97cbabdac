/*
 * cmd_explain.c - tiersim explain [KEY]: what a section, a key or a policy means.
 */
#include "config.h"

#include <argp.h>
#include <stdio.h>

#include "base/err.h"
#include "cmd.h"
#include "scenario/scenario.h"

static error_t parse(int key, char *arg, struct argp_state *state)
{
    const char **what = state->input;

    switch (key) {
    case ARGP_KEY_ARG:
        if (**what)
            argp_error(state, "one key at a time: \"%s\" is too many", arg);
        *what = arg;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp argp = {
    NULL,
    parse,
    "[SECTION[.KEY] | KEY | POLICY]",
    "Tells type, unit, range, default and meaning. Without an argument, lists the sections.",
    NULL,
    NULL,
    NULL};

int cmd_explain(int argc, char **argv)
{
    const char *what = "";

    argp_parse(&argp, argc, argv, 0, NULL, &what);
    return scenario_explain(what, stdout, stderr) ? EXIT_CODE_OK : EXIT_CODE_USAGE;
}
