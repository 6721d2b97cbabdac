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
#include "study/calls.h"

struct arguments {
    const char *file;
    bool json, intervals;
};

enum { OPT_JSON = 256, OPT_INTERVALS };

static const struct argp_option options[] = {
    {"json", OPT_JSON, NULL, 0, "print JSON with vLLM's keys instead of text", 0},
    {"intervals", OPT_INTERVALS, NULL, 0, "instead of the report, 95 % intervals of one long run by batch means", 0},
    {0},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct arguments *a = state->input;

    switch (key) {
    case OPT_JSON:
        a->json = true;
        return 0;
    case OPT_INTERVALS:
        a->intervals = true;
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

static int print_intervals(const struct arguments *a, struct err *e)
{
    struct calls_interval intervals[CALLS_INTERVALS];
    struct calls calls;
    int rc = calls_read(&calls, a->file, e);

    if (rc == 0) {
        calls_intervals(&calls, intervals);
        calls_intervals_print(intervals, a->json, stdout);
    }
    calls_free(&calls);
    return rc;
}

int cmd_report(int argc, char **argv)
{
    struct arguments a = {0};
    struct err e = {0};

    argp_parse(&argp, argc, argv, 0, NULL, &a);
    if ((a.intervals ? print_intervals(&a, &e)
                     : report_print(a.file, a.json ? REPORT_JSON : REPORT_TEXT, stdout, &e)) != 0) {
        fprintf(stderr, "tiersim: %s\n", e.msg);
        return e.code;
    }
    return EXIT_CODE_OK; /* main looks after standard output */
}
