#include "workload/trace_table.h"

#include <string.h>

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
    char *text, *field[TRACE_COLUMNS_MAX];
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
