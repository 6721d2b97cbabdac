/*
 * trace_azure.c - reader of the Azure LLM inference traces of 2023 and 2024 in their native CSV.
 *
 *   TIMESTAMP,ContextTokens,GeneratedTokens
 *   2023-11-16 18:15:46.6805900,374,44             (2023: seven decimals)
 *   2024-05-10 00:00:00.009930+00:00,2162,5        (2024: six decimals, or none where they are zero, and a zone)
 *
 * Published with Patel et al., Splitwise (ISCA 2024) and Stojkovic et al., DynamoLLM (HPCA 2025):
 * https://github.com/Azure/AzurePublicDataset, AzureLLMInferenceDataset2023.md and ...2024.md.
 *
 * Times turn to ns since the first row by integer arithmetic; rows are in order of time, equal ones are fine; either
 * all have a zone or none. Nothing is skipped: a line that is not such a row is an error. What a cut within the last
 * number of the file leaves is a smaller number: that cannot be seen.
 *
 * The format says nothing of what the prompts hold: rows have no chain.
 */
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "workload/trace_format.h"
#include "workload/trace_time.h"

#define HEADER "TIMESTAMP,ContextTokens,GeneratedTokens"

#define NS_PER_S INT64_C(1000000000)
/* A trace that spans more is taken for a mistake; it also keeps ns within int64. */
#define SPAN_MAX_S (INT64_C(36525) * 86400)

struct reader {
    struct lines *in;
    bool any; /* a row was read */
    struct trace_stamp first, last;
};

static bool sniff(const char *line, size_t n)
{
    return n == strlen(HEADER) && memcmp(line, HEADER, n) == 0;
}

static void *open_reader(struct lines *in, const struct workload_options *o, struct trace_about *about, struct err *e)
{
    char *text;
    size_t n;

    (void)o;
    lines_expect(in, LINES_CSV_MAX, "255 bytes", HEADER);
    if (lines_next(in, &text, &n, e) <= 0)
        return NULL;
    if (!sniff(text, n)) {
        lines_bad_field(in, e, "the header", text, "is not that of an Azure LLM inference trace", HEADER);
        return NULL;
    }
    struct reader *r = mem_zalloc(1, sizeof *r);
    r->in = in;
    about->times = true;
    return r;
}

static int take_time(struct reader *r, const char *text, int64_t *t_ns, struct err *e)
{
    struct trace_stamp at;

    if (!trace_stamp_parse(text, &at))
        return lines_bad_field(r->in, e, "TIMESTAMP", text, "is malformed", TRACE_STAMP_WANTED);
    if (!r->any)
        r->first = r->last = at;
    r->any = true;
    if (at.zone != r->first.zone)
        return lines_bad_field(r->in, e, "TIMESTAMP", text, at.zone ? "has a time zone" : "has no time zone",
                               "all rows as the first");
    if (at.s < r->last.s || (at.s == r->last.s && at.ns < r->last.ns))
        return lines_bad_field(r->in, e, "TIMESTAMP", text, "is before that of the last line", "rows in order of time");
    if (at.s - r->first.s > SPAN_MAX_S)
        return lines_bad_field(r->in, e, "TIMESTAMP", text, "is over a century after the first", "one trace");
    r->last = at;
    *t_ns = (at.s - r->first.s) * NS_PER_S + at.ns - r->first.ns;
    return 0;
}

static int next_row(void *reader, struct trace_row *row, struct err *e)
{
    struct reader *r = reader;
    char *text, *field[3];
    size_t n;
    int got = lines_next(r->in, &text, &n, e);

    if (got <= 0)
        return got;
    switch (lines_split(text, field, 3)) {
    case 1:
        return lines_bad(r->in, e, "ContextTokens is missing");
    case 2:
        return lines_bad(r->in, e, "GeneratedTokens is missing");
    case 4:
        return lines_bad(r->in, e, "there is a field too many");
    }
    if (take_time(r, field[0], &row->t_ns, e) != 0)
        return -1;
    if (!lines_tokens(field[1], &row->input_tokens))
        return lines_bad_field(r->in, e, "ContextTokens", field[1], "is not a number of tokens", TRACE_TOKENS_WANTED);
    if (!lines_tokens(field[2], &row->output_tokens))
        return lines_bad_field(r->in, e, "GeneratedTokens", field[2], "is not a number of tokens", TRACE_TOKENS_WANTED);
    return 1;
}

const struct trace_kind trace_azure = {
    .name = "azure",
    .is = "Azure's LLM inference traces",
    .first_line = HEADER,
    .sniff = sniff,
    .open = open_reader,
    .next = next_row,
    .close = free,
};
