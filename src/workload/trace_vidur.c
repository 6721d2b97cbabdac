/*
 * trace_vidur.c - reader of the traces of Vidur (Agrawal et al., MLSys 2024) in their native CSV.
 *
 *   arrived_at,num_prefill_tokens,num_decode_tokens
 *   num_prefill_tokens,num_decode_tokens,num_total_tokens,pd_ratio
 *
 * Schema: https://github.com/microsoft/vidur, data/processed_traces and the request generators that read them
 * (trace_replay_request_generator.py, trace_request_length_generator.py). Columns are found by name; others are not
 * looked at. arrived_at is in seconds and counts from the first row's; a file without it has lengths only and needs
 * arrivals that are drawn. Counts may be written as floats, as pandas does (12.0). Nothing is skipped.
 */
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "workload/trace_format.h"
#include "workload/trace_table.h"
#include "workload/trace_time.h"

#define HEADER "arrived_at,num_prefill_tokens,num_decode_tokens"

enum { ARRIVED, PREFILL, DECODE, N_COLUMNS };

static const struct trace_column columns[N_COLUMNS] = {
    {"arrived_at", false}, {"num_prefill_tokens", true}, {"num_decode_tokens", true}};

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
    if (trace_table_open(&r.table, in, columns, N_COLUMNS, r.at, "a Vidur trace", HEADER, e) != 0)
        return NULL;
    about->times = r.at[ARRIVED] >= 0;
    struct reader *kept = mem_alloc(sizeof *kept);
    *kept = r;
    return kept;
}

static int take_tokens(struct reader *r, int column, char *text, int64_t *tokens, struct err *e)
{
    char *dot = strchr(text, '.');

    if (dot && dot[1] == '0' && dot[2] == '\0')
        *dot = '\0';
    if (lines_tokens(text, tokens))
        return 0;
    return lines_bad_field(r->table.in, e, columns[column].name, text, "is not a number of tokens",
                           TRACE_TOKENS_WANTED);
}

static int next_row(void *reader, struct trace_row *row, struct err *e)
{
    struct reader *r = reader;
    char *field[TRACE_COLUMNS_MAX];
    int got = trace_table_next(&r->table, field, e);
    int64_t ns = 0;

    if (got <= 0)
        return got;
    const char *time = r->at[ARRIVED] >= 0 ? field[r->at[ARRIVED]] : "0";
    if (!trace_seconds_parse(time, &ns))
        return lines_bad_field(r->table.in, e, "arrived_at", time, "is no time", "seconds from 0 on");
    if (!trace_clock_take(&r->clock, ns, &row->t_ns))
        return lines_bad_field(r->table.in, e, "arrived_at", time, "is before that of the last line",
                               "rows in order of time");
    if (take_tokens(r, PREFILL, field[r->at[PREFILL]], &row->input_tokens, e) != 0 ||
        take_tokens(r, DECODE, field[r->at[DECODE]], &row->output_tokens, e) != 0)
        return -1;
    return 1;
}

const struct trace_kind trace_vidur = {
    .name = "vidur",
    .is = "Vidur's traces",
    .first_line = "[arrived_at,]num_prefill_tokens,num_decode_tokens",
    .sniff = sniff,
    .open = open_reader,
    .next = next_row,
    .close = free,
};
