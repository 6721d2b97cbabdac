/*
 * trace_table.h - a CSV with a header whose columns are found by name: their order, and other columns, do not matter.
 *
 * Every row has as many fields as the header. No quotes: the formats that are read this way have none.
 */
#ifndef WORKLOAD_TRACE_TABLE_H
#define WORKLOAD_TRACE_TABLE_H

#include "workload/lines.h"

enum { TRACE_COLUMNS_MAX = 64 };

struct trace_column {
    const char *name;
    bool needed;
};

struct trace_table {
    struct lines *in; /* not owned */
    int n;            /* columns of the file */
};

/* Whether the line, which has no NUL, has every column that is needed. */
bool trace_table_sniff(const char *line, size_t n, const struct trace_column *columns, int n_columns);

/* Reads the header; at[i] is where column i stands, -1: it has none. want: the header, for messages. */
int trace_table_open(struct trace_table *t, struct lines *in, const struct trace_column *columns, int n_columns,
                     int *at, const char *is, const char *want, struct err *e);

/* 1: the fields of a row; 0: the end; -1: err. */
int trace_table_next(struct trace_table *t, char *field[TRACE_COLUMNS_MAX], struct err *e);

#endif
