/*
 * cmd_export.c - tiersim export: what a results file holds, in another form.
 */
#include "config.h"

#include <argp.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "cmd.h"
#include "report/export_trace.h"

struct arguments {
    const char *file, *output;
    bool trace, csv, force;
};

enum { OPT_TRACE = 256, OPT_CSV };

static const struct argp_option options[] = {
    {"trace", OPT_TRACE, NULL, 0, "the calls of the run, as a trace that `arrivals = trace` replays", 0},
    {"csv", OPT_CSV, NULL, 0, "the trace as CSV instead of JSON lines; so, too, where FILE ends in .csv", 0},
    {"output", 'o', "FILE", 0, "where to; - is standard output", 0},
    {"force", 'f', NULL, 0, "replace an existing file", 0},
    {0},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct arguments *a = state->input;

    switch (key) {
    case OPT_TRACE:
        a->trace = true;
        return 0;
    case OPT_CSV:
        a->csv = true;
        return 0;
    case 'o':
        a->output = arg;
        return 0;
    case 'f':
        a->force = true;
        return 0;
    case ARGP_KEY_ARG:
        if (a->file)
            argp_error(state, "one results file at a time: \"%s\" is too many", arg);
        a->file = arg;
        return 0;
    case ARGP_KEY_END:
        if (a->file == NULL)
            argp_error(state, "which results file? e.g. tiersim export --trace quickstart.db -o quickstart.jsonl");
        if (!a->trace || a->output == NULL)
            argp_error(state, "%s", a->trace ? "where to? want -o FILE" : "in which form? want --trace");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp argp = {options, parse, "RESULTS.db", "Writes what a results file holds in another form.", NULL, NULL,
                                 NULL};

static bool is_csv(const struct arguments *a)
{
    size_t n = strlen(a->output);

    return a->csv || (n > 4 && strcmp(a->output + n - 4, ".csv") == 0);
}

static int write_to(const struct arguments *a, FILE *out, struct err *e)
{
    int64_t rows = 0, left_out = 0;

    if (export_trace(a->file, is_csv(a), out, &rows, &left_out, e) != 0)
        return -1;
    if (fflush(out) != 0 || ferror(out))
        return err_set(e, EXIT_CODE_IO, "%s: %s", a->output, strerror(errno));
    if (left_out > 0)
        fprintf(stderr, "tiersim: %" PRId64 " calls of agents' tasks that had not ended are left out\n", left_out);
    return 0;
}

int cmd_export(int argc, char **argv)
{
    struct arguments a = {0};
    struct err e = {0};

    argp_parse(&argp, argc, argv, 0, NULL, &a);
    bool to_stdout = strcmp(a.output, "-") == 0;
    FILE *out = to_stdout ? stdout : fopen(a.output, a.force ? "w" : "wx");
    if (out == NULL) {
        fprintf(stderr, "tiersim: %s: %s%s\n", a.output, strerror(errno), errno == EEXIST ? " (want --force)" : "");
        return EXIT_CODE_IO;
    }
    int rc = write_to(&a, out, &e);
    if (!to_stdout && fclose(out) != 0 && rc == 0)
        rc = err_set(&e, EXIT_CODE_IO, "%s: %s", a.output, strerror(errno));
    if (rc == 0)
        return EXIT_CODE_OK;
    if (!to_stdout)
        remove(a.output);
    fprintf(stderr, "tiersim: %s\n", e.msg);
    return e.code;
}
