/*
 * trace_burstgpt.c - reader of BurstGPT's traces (Wang et al., arXiv 2401.17644) in their native CSV, both versions.
 *
 *   Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type
 *   Timestamp,Session ID,Elapsed time,Model,Request tokens,Response tokens,Total tokens,Log Type
 *
 * Schema: https://github.com/HPMLL/BurstGPT, README. Timestamp is in seconds, whole or with a fraction, and counts from
 * the file's first row here. Session ID may be any text, or empty. Elapsed time, Model, Total tokens and Log Type are
 * not looked at.
 *
 * Failed rows: the README says that a failure has 0 response tokens. A row with 0 request or response tokens is left
 * out and counted; its time must be in order all the same.
 */
#include <stdlib.h>

#include "base/rng.h"
#include "workload/trace_format.h"
#include "workload/trace_table.h"

#define HEADER "Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type"

enum { TIMESTAMP, REQUEST, RESPONSE, SESSION, N_COLUMNS };

static const struct trace_column columns[N_COLUMNS] = {
    {"Timestamp", true}, {"Request tokens", true}, {"Response tokens", true}, {"Session ID", false}};

static bool sniff(const char *line, size_t n)
{
    return trace_table_sniff(line, n, columns, N_COLUMNS);
}

static void *open_reader(struct lines *in, const struct workload_options *o, struct trace_about *about, struct err *e)
{
    struct trace_rows *r = trace_rows_open(in, columns, N_COLUMNS, "a BurstGPT trace", HEADER, e);

    (void)o;
    if (r == NULL)
        return NULL;
    about->times = true;
    about->sessions = trace_rows_has(r, SESSION);
    return r;
}

static int64_t session_of(const char *name)
{
    uint64_t h = 0;

    if (*name == '\0')
        return TRACE_NO_SESSION;
    for (const char *c = name; *c; c++)
        h = rng_hash(h, (unsigned char)*c);
    return (int64_t)(h >> 1);
}

static int take_count(struct trace_rows *r, int column, int64_t *count, struct err *e)
{
    if (lines_count(trace_rows_field(r, column), count))
        return 0;
    return trace_rows_bad(r, column, "is not a number of tokens", "a whole number from 0 to 2147483647", e);
}

static int next_row(void *reader, struct trace_row *row, struct err *e)
{
    struct trace_rows *r = reader;
    int got = trace_rows_next(r, e);

    if (got <= 0)
        return got;
    if (trace_rows_time(r, TIMESTAMP, &row->t_ns, e) != 0 || take_count(r, REQUEST, &row->input_tokens, e) != 0 ||
        take_count(r, RESPONSE, &row->output_tokens, e) != 0)
        return -1;
    row->session = trace_rows_has(r, SESSION) ? session_of(trace_rows_field(r, SESSION)) : TRACE_NO_SESSION;
    return row->input_tokens > 0 && row->output_tokens > 0 ? 1 : TRACE_ROW_FAILED;
}

const struct trace_kind trace_burstgpt = {
    .name = "burstgpt",
    .is = "BurstGPT's traces",
    .first_line = HEADER,
    .sniff = sniff,
    .open = open_reader,
    .next = next_row,
    .close = free,
};
