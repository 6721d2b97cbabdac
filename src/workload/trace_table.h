/*
 * trace_table.h - a CSV with a header whose columns are found by name: their order, and other columns, do not matter.
 *
 * Every row has as many fields as the header. No quotes: the formats that are read this way have none.
 *
 * trace_rows is such a file with the fields of its latest row by column, and a clock: what formats share whose rows come
 * in order of time.
 */
#ifndef WORKLOAD_TRACE_TABLE_H
#define WORKLOAD_TRACE_TABLE_H

#include "workload/lines.h"
#include "workload/trace_time.h"

enum { TRACE_COLUMNS_MAX = 64, TRACE_ROWS_COLUMNS = 8 };

struct trace_column {
    const char *name;
    bool needed;
};

struct trace_table {
    struct lines *in; /* not owned */
    int n;            /* columns of the file */
    char *name[TRACE_COLUMNS_MAX]; /* theirs, until the first row is read */
};

/* Whether the line, which has no NUL, has every column that is needed. */
bool trace_table_sniff(const char *line, size_t n, const struct trace_column *columns, int n_columns);

/* Reads the header; at[i] is where column i stands, -1: it has none. want: the header, for messages. */
int trace_table_open(struct trace_table *t, struct lines *in, const struct trace_column *columns, int n_columns,
                     int *at, const char *is, const char *want, struct err *e);

/* 1: the fields of a row; 0: the end; -1: err. */
int trace_table_next(struct trace_table *t, char *field[TRACE_COLUMNS_MAX], struct err *e);

struct trace_rows {
    struct trace_table table;
    const struct trace_column *columns; /* not owned; at most TRACE_ROWS_COLUMNS */
    int at[TRACE_ROWS_COLUMNS];
    struct trace_clock clock;
    char *field[TRACE_COLUMNS_MAX];
};

/* As trace_table_open; NULL with err. To be freed with free. */
struct trace_rows *trace_rows_open(struct lines *in, const struct trace_column *columns, int n_columns, const char *is,
                                   const char *want, struct err *e);
bool trace_rows_has(const struct trace_rows *r, int column);
/* As trace_table_next. */
int trace_rows_next(struct trace_rows *r, struct err *e);
/* Of the row, where the file has the column. */
char *trace_rows_field(const struct trace_rows *r, int column);
/* -1 and what is wrong with the field, as lines_bad_field. */
int trace_rows_bad(const struct trace_rows *r, int column, const char *what, const char *want, struct err *e);
/* Seconds in that column as the time of the row, since the first; 0 in a file without it. 0, or -1 with err. */
int trace_rows_time(struct trace_rows *r, int column, int64_t *t_ns, struct err *e);

#endif
