/*
 * figure_parts.h - between the files that draw a figure: figure.c asks and frames, figure_plots.c draws plots,
 * figure_bars.c bars.
 */
#ifndef STUDY_FIGURE_PARTS_H
#define STUDY_FIGURE_PARTS_H

#include <stdbool.h>
#include <stdio.h>

#include "study/figure.h"
#include "study/query.h"

enum { FIGURE_LINES_MAX = PAGE_COLOURS, FIGURE_PANELS_MAX = 6, FIGURE_NAME_BYTES = 96 };

struct figure_names { /* distinct texts of a column, in order of appearance */
    const char *name[FIGURE_LINES_MAX];
    int n;
    bool more;
};
struct figure_names figure_distinct(const struct query_table *t, int column, int max); /* FIGURE_NONE: none */
const char *figure_text(const struct query_table *t, int row, int column);             /* "" where it is no text */

/* false: nothing to draw. */
bool figure_plots(FILE *out, const struct figure_context *c, const struct query_table *t, const struct figure *f);
bool figure_bars(FILE *out, const struct query_table *t, const struct figure *f);
bool figure_spans(FILE *out, const struct figure_context *c, const struct query_table *t);

#endif
