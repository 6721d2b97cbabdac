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

#include "base/bug.h"
#include "base/rng.h"
#include "workload/trace_format.h"
#include "workload/trace_table.h"
#include "workload/trace_time.h"

#define HEADER "Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type"

enum { TIMESTAMP, REQUEST, RESPONSE, SESSION, N_COLUMNS };

static const struct trace_column columns[N_COLUMNS] = {
    {"Timestamp", true}, {"Request tokens", true}, {"Response tokens", true}, {"Session ID", false}};

struct reader {
    struct trace_table table;
    int at[N_COLUMNS];
    struct trace_clock clock;
};

static bool sniff(const char *line, size_t n)
{
    return trace_table_sniff(line, n, columns, N_COLUMNS);
}

static void *open_reader(struct lines *in, const struct workload_options *o, struct trace_about *about, struct err *e)
{
    struct reader r = {0};

    (void)o;
    if (trace_table_open(&r.table, in, columns, N_COLUMNS, r.at, "a BurstGPT trace", HEADER, e) != 0)
        return NULL;
    about->times = true;
    about->sessions = r.at[SESSION] >= 0;
    struct reader *kept = mem_alloc(sizeof *kept);
    *kept = r;
    return kept;
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

static int next_row(void *reader, struct trace_row *row, struct err *e)
{
    static const char count_wanted[] = "a whole number from 0 to 2147483647";
    struct reader *r = reader;
    struct lines *in = r->table.in;
    char *field[TRACE_COLUMNS_MAX];
    int got = trace_table_next(&r->table, field, e);
    int64_t ns;

    if (got <= 0)
        return got;
    const char *time = field[r->at[TIMESTAMP]], *input = field[r->at[REQUEST]], *output = field[r->at[RESPONSE]];
    if (!trace_seconds_parse(time, &ns))
        return lines_bad_field(in, e, "Timestamp", time, "is no time", "seconds from 0 on");
    if (!trace_clock_take(&r->clock, ns, &row->t_ns))
        return lines_bad_field(in, e, "Timestamp", time, "is before that of the last line", "rows in order of time");
    if (!lines_count(input, &row->input_tokens))
        return lines_bad_field(in, e, "Request tokens", input, "is not a number of tokens", count_wanted);
    if (!lines_count(output, &row->output_tokens))
        return lines_bad_field(in, e, "Response tokens", output, "is not a number of tokens", count_wanted);
    row->session = r->at[SESSION] >= 0 ? session_of(field[r->at[SESSION]]) : TRACE_NO_SESSION;
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
