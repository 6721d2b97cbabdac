/*
 * figure.h - one picture of a page: a query, the plots that its answer becomes, and below them the query itself and
 * its answer as a table, so that what is seen can be had, and checked, by SQL. Nothing in a picture comes from
 * elsewhere.
 *
 * Where there is nothing to draw (tables that the log level left out, nothing of the kind in the run, a query that took
 * too long), there is no picture but a line that says why.
 */
#ifndef STUDY_FIGURE_H
#define STUDY_FIGURE_H

#include <stdbool.h>
#include <stdio.h>

#include "study/page.h"

struct sqlite3;
struct query_table;

enum { FIGURE_PLOTS = 8, FIGURE_NONE = -1 };

enum figure_kind {
    FIGURE_LINES, /* plots below */
    FIGURE_DOTS,  /* the same, dots without lines */
    FIGURE_BARS,  /* a bar a row: its label in column 0, then its parts */
    FIGURE_SPANS, /* label, from and to in s of the run: rows of a label on one line */
    FIGURE_TABLE, /* the answer itself */
};

struct figure_plot {
    const char *title, *x_title;
    int x, y, n_y; /* columns: y of them from y on, each a line */
    enum page_unit x_unit, y_unit;
    bool x_log, y_log;
    bool stacked;  /* areas, one upon the other */
    bool stepped;  /* y holds until the next x */
    int low;       /* column of an interval's lower end, the next its upper one; 0: none. With n_y = 1 */
    int name;      /* column of a dot's title; 0: none */
    int x_name;    /* column that names the x axis, instead of x_title; 0: none */
    bool x_log_if; /* logarithmic where it spans a factor of 30 */
    bool front;    /* dots: the first line's are joined */
};

struct figure {
    const char *section, *title, *text;
    const char *unless; /* SQL: why there can be none, or NULL. NULL: there always may be */
    const char *none;   /* why, where the answer is empty */
    const char *sql;
    enum figure_kind kind;
    int panel, series; /* columns: a set of plots for each value; a line, or a colour, for each value */
    const char *unit;  /* of a bar's value */
    bool whole;        /* bars: of 1 */
    int n_parts;       /* bars: columns that are parts; 0: all */
    struct figure_plot plots[FIGURE_PLOTS]; /* to title NULL */
    int interval;                           /* bars: column of its lower end, the next its upper one; 0: none */
};

struct figure_context {
    struct sqlite3 *db;
    double t_end_s, warmup_s; /* of the axes of time */
    double timeout_s;         /* for a query */
};

/* false: nothing was written, and `why` says why. */
bool figure_put(FILE *out, const struct figure_context *c, const struct figure *f, char *why, size_t why_size);

/* figure_table.c */
void figure_table(FILE *out, const struct query_table *t);
void figure_label(char *text, size_t size, const char *column); /* a column's name for a reader */

/* In the order of the page; end at sql NULL. */
extern const struct figure figures_run[], figures_study[];

#endif
