/*
 * cmd_report.c - tiersim report: what a results file says.
 */
#include "config.h"

#include <argp.h>
#include <stdbool.h>
#include <stdio.h>

#include "base/err.h"
#include "cmd.h"
#include "report/report.h"

struct arguments {
    const char *file;
    bool json;
};

enum { OPT_JSON = 256 };

static const struct argp_option options[] = {
    {"json", OPT_JSON, NULL, 0, "print JSON with vLLM's keys instead of text", 0},
    {0},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct arguments *a = state->input;

    switch (key) {
    case OPT_JSON:
        a->json = true;
        return 0;
    case ARGP_KEY_ARG:
        if (a->file)
            argp_error(state, "one results file at a time: \"%s\" is too many", arg);
        a->file = arg;
        return 0;
    case ARGP_KEY_END:
        if (a->file == NULL)
            argp_error(state, "which results file? e.g. tiersim report quickstart.db");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp argp = {
    options,
    parse,
    "FILE.db",
    "Prints the metrics of a results file. FILE.db.part, which a run that was not completed leaves, "
    "is recovered and reported as cut short.",
    NULL,
    NULL,
    NULL};

int cmd_report(int argc, char **argv)
{
    struct arguments a = {0};
    struct err e = {0};

    argp_parse(&argp, argc, argv, 0, NULL, &a);
    if (report_print(a.file, a.json ? REPORT_JSON : REPORT_TEXT, stdout, &e) != 0) {
        fprintf(stderr, "tiersim: %s\n", e.msg);
        return e.code;
    }
    return EXIT_CODE_OK; /* main looks after standard output */
}
