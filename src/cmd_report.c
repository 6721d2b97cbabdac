/*
 * cmd_report.c - tiersim report: what a results file says.
 */
#include "config.h"

#include <argp.h>
#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "cmd.h"
#include "report/report.h"
#include "study/calls.h"
#include "study/report_html.h"

struct arguments {
    const char *file, *output;
    double timeout_s;
    bool json, intervals, html, force;
};

enum { OPT_JSON = 256, OPT_INTERVALS, OPT_HTML, OPT_TIMEOUT };

static const struct argp_option options[] = {
    {"json", OPT_JSON, NULL, 0, "print JSON with vLLM's keys instead of text", 0},
    {"intervals", OPT_INTERVALS, NULL, 0, "instead of the report, 95 % intervals of one long run by batch means", 0},
    {"html", OPT_HTML, NULL, 0, "a page with pictures, the SQL behind each, and the scenario, which needs nothing "
     "else; want -o", 0},
    {"output", 'o', "FILE", 0, "where to; - is standard output, as without -o", 0},
    {"force", 'f', NULL, 0, "replace an existing file", 0},
    {"timeout", OPT_TIMEOUT, "SECONDS", 0, "--html: leave out pictures whose query takes longer (default 20)", 0},
    {0},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct arguments *a = state->input;
    char *end;

    switch (key) {
    case OPT_JSON:
        a->json = true;
        return 0;
    case OPT_INTERVALS:
        a->intervals = true;
        return 0;
    case OPT_HTML:
        a->html = true;
        return 0;
    case 'o':
        a->output = arg;
        return 0;
    case 'f':
        a->force = true;
        return 0;
    case OPT_TIMEOUT:
        a->timeout_s = strtod(arg, &end);
        if (end == arg || *end || !(a->timeout_s > 0) || isinf(a->timeout_s))
            argp_error(state, "--timeout wants seconds: \"%s\" is no such number", arg);
        return 0;
    case ARGP_KEY_ARG:
        if (a->file)
            argp_error(state, "one results file at a time: \"%s\" is too many", arg);
        a->file = arg;
        return 0;
    case ARGP_KEY_END:
        if (a->file == NULL)
            argp_error(state, "which results file? e.g. tiersim report quickstart.db");
        if (a->html && (a->json || a->intervals))
            argp_error(state, "--html is a form of its own: without --%s", a->json ? "json" : "intervals");
        if (a->html && a->output == NULL)
            argp_error(state, "where to? want -o FILE.html, or -o - for standard output");
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

static int print_intervals(const struct arguments *a, FILE *out, struct err *e)
{
    struct calls_interval intervals[CALLS_INTERVALS];
    struct calls calls;
    int rc = calls_read(&calls, a->file, e);

    if (rc == 0) {
        calls_intervals(&calls, intervals);
        calls_intervals_print(intervals, a->json, out);
    }
    calls_free(&calls);
    return rc;
}

static int print(const struct arguments *a, FILE *out, struct err *e)
{
    if (a->intervals)
        return print_intervals(a, out, e);
    if (a->html)
        return report_html(a->file, a->timeout_s, out, e);
    return report_print(a->file, a->json ? REPORT_JSON : REPORT_TEXT, out, e);
}

static int print_to_file(const struct arguments *a, struct err *e)
{
    FILE *out = fopen(a->output, a->force ? "w" : "wx");

    if (out == NULL && errno == EEXIST)
        return err_set(e, EXIT_CODE_USAGE, "%s: exists (--force replaces it)", a->output);
    if (out == NULL)
        return err_set(e, EXIT_CODE_IO, "%s: cannot be written: %s", a->output, strerror(errno));
    int rc = print(a, out, e);
    bool lost = ferror(out);
    if ((fclose(out) != 0 || lost) && rc == 0)
        rc = err_set(e, EXIT_CODE_IO, "%s: cannot be written: %s", a->output, strerror(errno));
    if (rc != 0)
        remove(a->output);
    return rc;
}

int cmd_report(int argc, char **argv)
{
    struct arguments a = {.timeout_s = 20};
    struct err e = {0};

    argp_parse(&argp, argc, argv, 0, NULL, &a);
    bool to_stdout = a.output == NULL || strcmp(a.output, "-") == 0;
    if ((to_stdout ? print(&a, stdout, &e) : print_to_file(&a, &e)) != 0) {
        fprintf(stderr, "tiersim: %s\n", e.msg);
        return e.code;
    }
    return EXIT_CODE_OK; /* main looks after standard output */
}
