/*
 * query.h - a results file asked by SQL for a page: the whole answer as a small table, or why there is none.
 *
 * The file is untrusted. Beside what results_open does, its tables must be those that this program would write, word
 * for word (no view, generated column or virtual table in a table's place), and of its views none is used: the
 * program's own are put before them as temporary ones, so that a query says the same here and in the sqlite3 shell. A
 * query that runs too long is cut off, rows and texts are capped.
 */
#ifndef STUDY_QUERY_H
#define STUDY_QUERY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"

struct sqlite3;

enum query_type { QUERY_NULL, QUERY_INTEGER, QUERY_REAL, QUERY_TEXT };

struct query_cell {
    enum query_type type;
    double number;    /* NaN where it is none */
    int64_t integer;  /* of QUERY_INTEGER */
    const char *text; /* of QUERY_TEXT */
};

struct query_table { /* lives in the arena of its query; ends with it */
    struct arena arena;
    const char **names;
    struct query_cell *cells; /* row by row */
    int n_columns, n_rows;
    bool cut; /* there were more rows */
};

enum query_end { QUERY_OK, QUERY_SLOW, QUERY_FAILED };

/* Of a run's file, of a study's; sqlite3_close it. -1 with err. */
int query_open(const char *path, struct sqlite3 **db, struct err *e);
int query_open_study(const char *path, struct sqlite3 **db, struct err *e);

/* QUERY_FAILED: `why` says it. query_free in any case. */
enum query_end query_run(struct sqlite3 *db, const char *sql, double timeout_s, struct query_table *out,
                         struct err *why);
void query_free(struct query_table *t);

const struct query_cell *query_at(const struct query_table *t, int row, int column);

#endif
