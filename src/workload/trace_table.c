#include "workload/trace_table.h"

#include <string.h>

#include "base/bug.h"

static int find(const char *name, char *const *field, int n)
{
    for (int i = 0; i < n; i++)
        if (strcmp(field[i], name) == 0)
            return i;
    return -1;
}

bool trace_table_sniff(const char *line, size_t n, const struct trace_column *columns, int n_columns)
{
    char text[LINES_TABLE_MAX + 1], *field[TRACE_COLUMNS_MAX];

    if (n > LINES_TABLE_MAX)
        return false;
    memcpy(text, line, n);
    text[n] = '\0';
    int fields = lines_split(text, field, TRACE_COLUMNS_MAX);
    for (int i = 0; i < n_columns && fields <= TRACE_COLUMNS_MAX; i++)
        if (columns[i].needed && find(columns[i].name, field, fields) < 0)
            return false;
    return fields <= TRACE_COLUMNS_MAX;
}

static int check_twice(const struct trace_table *t, char *const *field, const int *at, int n_columns, struct err *e)
{
    for (int i = 0; i < n_columns; i++)
        if (at[i] >= 0 && find(field[at[i]], field + at[i] + 1, t->n - at[i] - 1) >= 0)
            return lines_bad(t->in, e, "the header has %s twice", field[at[i]]);
    return 0;
}

int trace_table_open(struct trace_table *t, struct lines *in, const struct trace_column *columns, int n_columns,
                     int *at, const char *is, const char *want, struct err *e)
{
    char *text, **field = t->name;
    size_t n;

    t->in = in;
    lines_expect(in, LINES_TABLE_MAX, "4095 bytes", want);
    if (lines_next(in, &text, &n, e) <= 0)
        return -1;
    t->n = lines_split(text, field, TRACE_COLUMNS_MAX);
    if (t->n > TRACE_COLUMNS_MAX)
        return lines_bad(in, e, "the header has more than %d columns", TRACE_COLUMNS_MAX);
    for (int i = 0; i < n_columns; i++) {
        at[i] = find(columns[i].name, field, t->n);
        if (at[i] < 0 && columns[i].needed)
            return lines_bad(in, e, "the header has no \"%s\", so it is not that of %s", columns[i].name, is);
    }
    return check_twice(t, field, at, n_columns, e);
}

int trace_table_next(struct trace_table *t, char *field[TRACE_COLUMNS_MAX], struct err *e)
{
    char *text;
    size_t n;
    int got = lines_next(t->in, &text, &n, e);

    if (got <= 0)
        return got;
    int fields = lines_split(text, field, TRACE_COLUMNS_MAX);
    if (fields != t->n)
        return lines_bad(t->in, e, "%d fields, but the header has %d", fields, t->n);
    return 1;
}

/* ---- rows by column ---- */

struct trace_rows *trace_rows_open(struct lines *in, const struct trace_column *columns, int n_columns, const char *is,
                                   const char *want, struct err *e)
{
    struct trace_rows r = {.columns = columns};

    sim_assert(n_columns <= TRACE_ROWS_COLUMNS);
    if (trace_table_open(&r.table, in, columns, n_columns, r.at, is, want, e) != 0)
        return NULL;
    struct trace_rows *kept = mem_alloc(sizeof *kept);
    *kept = r;
    return kept;
}

bool trace_rows_has(const struct trace_rows *r, int column)
{
    return r->at[column] >= 0;
}

int trace_rows_next(struct trace_rows *r, struct err *e)
{
    return trace_table_next(&r->table, r->field, e);
}

char *trace_rows_field(const struct trace_rows *r, int column)
{
    return r->field[r->at[column]];
}

int trace_rows_bad(const struct trace_rows *r, int column, const char *what, const char *want, struct err *e)
{
    return lines_bad_field(r->table.in, e, r->columns[column].name, trace_rows_field(r, column), what, want);
}

int trace_rows_time(struct trace_rows *r, int column, int64_t *t_ns, struct err *e)
{
    int64_t ns;

    *t_ns = 0;
    if (!trace_rows_has(r, column))
        return 0;
    if (!trace_seconds_parse(trace_rows_field(r, column), &ns))
        return trace_rows_bad(r, column, "is no time", "seconds from 0 on", e);
    if (!trace_clock_take(&r->clock, ns, t_ns))
        return trace_rows_bad(r, column, "is before that of the last line", "rows in order of time", e);
    return 0;
}
