/*
 * trace_own_csv.c - reader of tiersim's own traces as CSV: the columns of trace_own.c, for who writes or reads traces
 * with tables.
 *
 *   id,t_ns,class,input_tokens,output_tokens,session,step,parents,tool,tool_ns,gap_ns,block_tokens,prompt_blocks,blocks
 *   0,0,coding,2000,40,0,0,,,,,16,125,4611686018427387904:31 4611686018444165151:96
 *   4,1100000000,coding,2340,40,0,1,0,shell,700000000,0,16,,
 *
 * Columns are found by name, in any order; id, t_ns, input_tokens and output_tokens must be there, and block_tokens
 * where blocks is. Any other is a mistake. An empty field is as a key that is not there. parents: ids, a space
 * between two; blocks: runs FIRST:COUNT, likewise; tool_calls: LATENCY:ATTEMPTS:FAILED:TOKENS. block_tokens is the same in every row. There are no quotes.
 *
 * What the file's blocks measure must be known before its first row is asked for; so that row is read with the header.
 */
#include <stdlib.h>

#include "base/bug.h"
#include "workload/trace_own.h"
#include "workload/trace_table.h"

#define HEADER "id,t_ns,input_tokens,output_tokens, and others as tiersim export --trace --csv writes them"

enum { BLOCK_TOKENS = OWN_COLUMNS, N_COLUMNS };

struct reader {
    struct own_reader own;
    struct trace_table table;
    int at[N_COLUMNS];
    int ahead; /* what reading the first row gave */
    char *field[TRACE_COLUMNS_MAX];
};

static void fill_columns(struct trace_column *columns)
{
    for (int i = 0; i < OWN_COLUMNS; i++)
        columns[i] = (struct trace_column){own_names[i], i <= OWN_OUTPUT};
    columns[BLOCK_TOKENS] = (struct trace_column){"block_tokens", false};
}

static bool sniff(const char *line, size_t n)
{
    struct trace_column columns[N_COLUMNS];

    fill_columns(columns);
    return trace_table_sniff(line, n, columns, N_COLUMNS);
}

/* ---- fields ---- */

/* The digits at *s, which it passes; -1: there is none, or the number is too large. */
static int64_t digits(const char **s)
{
    int64_t v = **s >= '0' && **s <= '9' ? 0 : -1;

    for (; **s >= '0' && **s <= '9'; ++*s)
        v = v < 0 || v > (INT64_MAX - 9) / 10 ? -1 : v * 10 + (**s - '0');
    return v;
}

static int64_t number(const char *s)
{
    int64_t v = digits(&s);

    return *s == '\0' ? v : -1;
}

/* Passes the space before the next of a list; false: there is none. Anything else is left to the next, as a mistake. */
static bool more(const char **s)
{
    if (**s == ' ')
        ++*s;
    else
        return **s != '\0';
    return true;
}

static void take_parents(struct own_line *l, const char *s)
{
    do {
        int64_t id = digits(&s);
        own_line_add_parent(l, id);
        if (id < 0)
            return;
    } while (more(&s));
}

static void take_blocks(struct own_line *l, const char *s)
{
    do {
        int64_t first = digits(&s), count = *s == ':' ? (s++, digits(&s)) : -1;
        own_line_add_run(l, first, count);
        if (first < 0 || count < 0)
            return;
    } while (more(&s));
}

static int64_t after_colon(const char **s)
{
    return **s == ':' ? (++*s, digits(s)) : -1;
}

static void take_tool_calls(struct own_line *l, const char *s)
{
    struct trace_tool call;

    do {
        call.latency_ns = digits(&s);
        call.attempts = after_colon(&s);
        call.failed = after_colon(&s);
        call.result_tokens = after_colon(&s);
        own_line_add_tool_call(l, &call);
    } while (call.result_tokens >= 0 && more(&s));
}

static void take_line(struct reader *r)
{
    struct own_line *l = &r->own.line;

    own_line_clear(l);
    for (int i = 0; i < OWN_COLUMNS; i++) {
        const char *text = r->at[i] >= 0 ? r->field[r->at[i]] : "";
        l->has[i] = *text != '\0';
        if (!l->has[i])
            continue;
        if (i < OWN_NUMBERS)
            l->number[i] = number(text);
        else if (i < OWN_PARENTS)
            l->text[i - OWN_NUMBERS] = text;
        else
            (i == OWN_PARENTS ? take_parents : i == OWN_BLOCKS ? take_blocks : take_tool_calls)(l, text);
    }
}

/* ---- life ---- */

static int next(void *reader, struct trace_row *row, struct err *e)
{
    struct reader *r = reader;
    int got = r->ahead ? r->ahead : trace_table_next(&r->table, r->field, e);

    r->ahead = 0;
    if (got <= 0)
        return got;
    if (r->at[BLOCK_TOKENS] >= 0 && number(r->field[r->at[BLOCK_TOKENS]]) != r->own.block_tokens)
        return lines_bad_field(r->own.in, e, "block_tokens", r->field[r->at[BLOCK_TOKENS]],
                               "is not that of the first row", "one for the whole file");
    take_line(r);
    return own_row(&r->own, row, e);
}

static int take_block_tokens(struct reader *r, struct err *e)
{
    if (r->at[BLOCK_TOKENS] < 0)
        return r->at[OWN_BLOCKS] < 0 ? 0 : lines_bad(r->own.in, e, "the header has blocks, but no block_tokens");
    r->ahead = trace_table_next(&r->table, r->field, e);
    if (r->ahead <= 0)
        return r->ahead;
    r->own.block_tokens = number(r->field[r->at[BLOCK_TOKENS]]);
    if (r->own.block_tokens < 1 || r->own.block_tokens > OWN_BLOCK_TOKENS_MAX)
        return lines_bad_field(r->own.in, e, "block_tokens", r->field[r->at[BLOCK_TOKENS]], "is no size of a block",
                               "a whole number from 1 to 1000000");
    return 0;
}

static int check_columns(const struct reader *r, const struct trace_column *columns, struct err *e)
{
    const char *names[N_COLUMNS];

    for (int i = 0; i < N_COLUMNS; i++)
        names[i] = columns[i].name;
    for (int i = 0; i < r->table.n; i++)
        if (own_check_name(&r->own, "column", r->table.name[i], names, N_COLUMNS, e) != 0)
            return -1;
    return 0;
}

static void close(void *reader)
{
    struct reader *r = reader;

    own_free(&r->own);
    free(r);
}

static void *open(struct lines *in, const struct workload_options *o, struct trace_about *about, struct err *e)
{
    struct trace_column columns[N_COLUMNS];
    struct reader *r = mem_zalloc(1, sizeof *r);

    (void)o;
    r->own.in = in;
    fill_columns(columns);
    int got = trace_table_open(&r->table, in, columns, N_COLUMNS, r->at, "tiersim's own CSV", HEADER, e);
    lines_expect(in, OWN_LINE_MAX, OWN_LINE_LIMIT, HEADER);
    if (got != 0 || check_columns(r, columns, e) != 0 || take_block_tokens(r, e) != 0) {
        close(r);
        return NULL;
    }
    *about = (struct trace_about){.times = true, .sessions = true, .graphs = true, .block_tokens = r->own.block_tokens};
    return r;
}

const struct trace_kind trace_own_csv = {
    .name = "tiersim_csv",
    .is = "tiersim's own CSV",
    .first_line = HEADER,
    .sniff = sniff,
    .open = open,
    .next = next,
    .close = close,
};
