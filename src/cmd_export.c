/*
 * cmd_export.c - tiersim export: what a results file holds, in another form.
 */
#include "config.h"

#include <argp.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "cmd.h"
#include "report/export_trace.h"
#include "study/export_chrome.h"
#include "study/export_table.h"
#include "study/gz.h"

struct arguments {
    const char *file, *output, *table;
    double from_s, to_s;
    bool trace, chrome, csv, datasette, force;
};

enum { OPT_TRACE = 256, OPT_CSV, OPT_CHROME, OPT_FROM, OPT_TO, OPT_DATASETTE };

static const struct argp_option options[] = {
    {"trace", OPT_TRACE, NULL, 0, "the calls of the run, as a trace that `arrivals = trace` replays", 0},
    {"chrome-trace", OPT_CHROME, NULL, 0, "steps, requests, transfers and counters for ui.perfetto.dev; compressed "
     "where FILE ends in .gz", 0},
    {"from", OPT_FROM, "SECONDS", 0, "--chrome-trace: from this time of the run on", 0},
    {"to", OPT_TO, "SECONDS", 0, "--chrome-trace: up to this", 0},
    {"csv", OPT_CSV, "TABLE", OPTION_ARG_OPTIONAL,
     "a table or view of the file as CSV. Without TABLE, with --trace: the trace as CSV instead of JSON lines; so, "
     "too, where FILE ends in .csv", 0},
    {"datasette-metadata", OPT_DATASETTE, NULL, 0, "metadata.json for datasette: what tables and columns mean, and "
     "the queries of report --html", 0},
    {"output", 'o', "FILE", 0, "where to; - is standard output", 0},
    {"force", 'f', NULL, 0, "replace an existing file", 0},
    {0},
};

static double seconds(const char *text, const char *option, struct argp_state *state)
{
    char *end;
    double s = strtod(text, &end);

    if (end == text || *end || !(s >= 0 && s <= 9e9))
        argp_error(state, "%s wants seconds: \"%s\" is no such number", option, text);
    return s;
}

static void check(const struct arguments *a, struct argp_state *state)
{
    int forms = a->trace + a->chrome + (a->table != NULL) + a->datasette;

    if (a->file == NULL)
        argp_error(state, "which results file? e.g. tiersim export --trace quickstart.db -o quickstart.jsonl");
    if (forms == 0)
        argp_error(state, "in which form? want --trace, --chrome-trace, --csv=TABLE or --datasette-metadata");
    if (forms > 1)
        argp_error(state, "one form at a time%s", a->trace && a->table ? ": of --trace, --csv has no table" : "");
    if (a->output == NULL)
        argp_error(state, "where to? want -o FILE");
    if (!(a->from_s < a->to_s))
        argp_error(state, "--from %g is not before --to %g", a->from_s, a->to_s);
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct arguments *a = state->input;

    switch (key) {
    case OPT_TRACE:
        a->trace = true;
        return 0;
    case OPT_CHROME:
        a->chrome = true;
        return 0;
    case OPT_FROM:
        a->from_s = seconds(arg, "--from", state);
        return 0;
    case OPT_TO:
        a->to_s = seconds(arg, "--to", state);
        return 0;
    case OPT_CSV:
        a->csv = true;
        a->table = arg ? arg : a->table;
        return 0;
    case OPT_DATASETTE:
        a->datasette = true;
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
        check(a, state);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp argp = {options, parse, "RESULTS.db", "Writes what a results file holds in another "
     "form.", NULL, NULL,
                                 NULL};

static bool ends_in(const char *name, const char *suffix)
{
    size_t n = strlen(name), m = strlen(suffix);

    return n > m && strcmp(name + n - m, suffix) == 0;
}

static int write_to(const struct arguments *a, FILE *out, struct err *e)
{
    int64_t rows = 0, left_out = 0;
    int rc;

    if (a->chrome)
        rc = export_chrome(a->file, (int64_t)(1e9 * a->from_s), (int64_t)(1e9 * a->to_s), out, &rows, e);
    else if (a->table)
        rc = export_csv(a->file, a->table, out, &rows, e);
    else if (a->datasette)
        rc = export_datasette(a->file, out, e);
    else
        rc = export_trace(a->file, a->csv || ends_in(a->output, ".csv"), out, &rows, &left_out, e);
    if (rc != 0)
        return -1;
    if (fflush(out) != 0 || ferror(out))
        return err_set(e, EXIT_CODE_IO, "%s: %s", a->output, strerror(errno));
    if (left_out > 0)
        fprintf(stderr, "tiersim: %" PRId64 " calls of agents' tasks that had not ended are left out\n", left_out);
    return 0;
}

static FILE *open_output(const struct arguments *a)
{
    if (!ends_in(a->output, ".gz"))
        return fopen(a->output, a->force ? "w" : "wx");
    int fd = open(a->output, O_WRONLY | O_CREAT | (a->force ? O_TRUNC : O_EXCL), 0666);
    FILE *f = fd < 0 ? NULL : gz_fdopen(fd);
    if (fd >= 0 && f == NULL)
        close(fd);
    return f;
}

int cmd_export(int argc, char **argv)
{
    struct arguments a = {.to_s = 9e9};
    struct err e = {0};

    argp_parse(&argp, argc, argv, 0, NULL, &a);
    bool to_stdout = strcmp(a.output, "-") == 0;
    FILE *out = to_stdout ? stdout : open_output(&a);
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
