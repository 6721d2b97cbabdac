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

#include "workload/trace_format.h"
#include "workload/trace_table.h"

#define HEADER "arrived_at,num_prefill_tokens,num_decode_tokens"

enum { ARRIVED, PREFILL, DECODE, N_COLUMNS };

static const struct trace_column columns[N_COLUMNS] = {
    {"arrived_at", false}, {"num_prefill_tokens", true}, {"num_decode_tokens", true}};

static bool sniff(const char *line, size_t n)
{
    return trace_table_sniff(line, n, columns, N_COLUMNS);
}

static void *open_reader(struct lines *in, const struct workload_options *o, struct trace_about *about, struct err *e)
{
    struct trace_rows *r = trace_rows_open(in, columns, N_COLUMNS, "a Vidur trace", HEADER, e);

    (void)o;
    if (r)
        about->times = trace_rows_has(r, ARRIVED);
    return r;
}

static int take_tokens(struct trace_rows *r, int column, int64_t *tokens, struct err *e)
{
    char *text = trace_rows_field(r, column), *dot = strchr(text, '.');

    if (dot && dot[1] == '0' && dot[2] == '\0')
        *dot = '\0';
    if (lines_tokens(text, tokens))
        return 0;
    return trace_rows_bad(r, column, "is not a number of tokens", TRACE_TOKENS_WANTED, e);
}

static int next_row(void *reader, struct trace_row *row, struct err *e)
{
    struct trace_rows *r = reader;
    int got = trace_rows_next(r, e);

    if (got <= 0)
        return got;
    if (trace_rows_time(r, ARRIVED, &row->t_ns, e) != 0 || take_tokens(r, PREFILL, &row->input_tokens, e) != 0 ||
        take_tokens(r, DECODE, &row->output_tokens, e) != 0)
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
