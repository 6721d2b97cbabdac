/*
 * page.h - what the reports' web pages are made of: head and style, text made harmless, plots and bars. No script,
 * nothing loaded; light and dark by the reader's preference; every page is well-formed XML as well.
 *
 * A plot is as wide as there is room. So that its text keeps its size, places across are in per cent and places down in
 * px; only shapes (lines, areas) are drawn in a frame of their own that is stretched.
 */
#ifndef STUDY_PAGE_H
#define STUDY_PAGE_H

#include <stdbool.h>
#include <stdio.h>

enum { PAGE_COLOURS = 8 }; /* fills k0 to k7, strokes l0 to l7 */

/* Up to and with <h1>; name comes from strangers, heading does not. */
void page_begin(FILE *out, const char *heading, const char *name);
void page_end(FILE *out);

/* What is no UTF-8 or could not stand in a page is replaced; line ends and tabs stay. */
void page_text(FILE *out, const char *s);

/* ---- plots (page_plot.c) ---- */

enum page_unit { PAGE_NUMBER, PAGE_SHARE, PAGE_MS, PAGE_S /* of a run: its own scale of s, min or h */ };

struct page_scale {
    double low, high;
    bool log;
    enum page_unit unit;
    double step; /* between ticks, linear; 0: to be found */
};

struct page_plot {
    struct page_scale x, y;
    int height; /* of the plotting area, px */
};

struct page_scale page_scale(enum page_unit unit, bool log);
void page_scale_take(struct page_scale *s,
                     double v); /* widens it; NaN, and on a log scale what is not > 0, is no value */
bool page_scale_is_empty(const struct page_scale *s);
void page_scale_round(struct page_scale *s); /* linear: from 0 to a round number; log: a little room */

double page_x(const struct page_plot *p, double v); /* per cent */
double page_y(const struct page_plot *p, double v); /* px */

/* <svg> with its grid and ticks. Texts come from strangers. */
void page_plot_begin(FILE *out, const struct page_plot *p, const char *label, const char *x_title);
void page_plot_end(FILE *out);

void page_plot_same(FILE *out, const struct page_plot *p, double around); /* where y = x, and a band about it */
void page_plot_shade(FILE *out, const struct page_plot *p, double x_low, double x_high);  /* over all its height */
void page_plot_dot(FILE *out, const struct page_plot *p, double x, double y, int colour); /* leaves <circle> open */
/* A line through n points; a gap where y is NaN. Stepped: y holds until the next x. */
void page_plot_line(FILE *out, const struct page_plot *p, const double *x, const double *y, int n, int colour,
                    bool stepped);
void page_plot_area(FILE *out, const struct page_plot *p, const double *x, const double *low, const double *high, int n,
                    int colour, bool faint);
void page_plot_bar(FILE *out, const struct page_plot *p, double x, double low, double high,
                   int colour); /* an interval */

void page_legend(FILE *out, const char *const *names, const int *colours, int n, bool filled);

struct page_part {
    double from, to; /* shares of the bar's whole width */
    int colour;
    const char *title;
};
void page_bar(FILE *out, const char *label, const char *value, const struct page_part *parts, int n);

/* As a reader wants it: four digits, k, M and G; and for tables: whole numbers as they are, others to six digits. */
void page_number(char *text, size_t size, double v);
void page_figure(char *text, size_t size, double v);

#endif
