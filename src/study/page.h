/*
 * page.h - what the reports' web pages share: head and style, text made harmless, square plots whose two axes are the
 * same logarithm of ms. No script, nothing loaded.
 */
#ifndef STUDY_PAGE_H
#define STUDY_PAGE_H

#include <stdbool.h>
#include <stdio.h>

enum { PAGE_COLOURS = 6 }; /* classes k0 to k5 */

/* Up to and with <h1>; title comes from strangers, heading does not. */
void page_begin(FILE *out, const char *heading, const char *title);
void page_end(FILE *out);

void page_text(FILE *out, const char *s);

struct page_axis { /* log10 of ms */
    double low, high;
};

struct page_axis page_axis_empty(void);
void page_axis_take(struct page_axis *a, double ms); /* widens it, with a margin; ms > 0 */

double page_x(const struct page_axis *a, double ms);
double page_y(const struct page_axis *a, double ms);

/* <figure> to the grid and the band of 20% about equality; plot is a number that no other plot of the page has. */
void page_plot_begin(FILE *out, const struct page_axis *a, const char *label, int plot);
void page_plot_end(FILE *out, const char *x_title, const char *y_title, const char *caption);

#endif
