/* figure_bars.c - bars of a figure: of parts, and spans of time. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "study/figure_parts.h"

enum { BARS_MAX = 24 };

static double part_at(const struct query_table *t, int row, int column)
{
    return fmax(0, query_at(t, row, column)->number); /* fmax: NaN counts as 0 */
}

/* Columns that have anything in some row, in order. */
struct parts {
    int column[FIGURE_LINES_MAX], n;
    double widest; /* of the rows' totals */
};

static struct parts parts_of(const struct query_table *t, const struct figure *f)
{
    struct parts p = {0};
    int columns = f->n_parts ? f->n_parts + 1 : t->n_columns;

    for (int i = 1; i < columns && p.n < FIGURE_LINES_MAX; i++)
        for (int row = 0; row < t->n_rows; row++)
            if (part_at(t, row, i) > 0) {
                p.column[p.n++] = i;
                break;
            }
    for (int row = 0; row < t->n_rows; row++) {
        double total = 0;
        for (int i = 0; i < p.n; i++)
            total += part_at(t, row, p.column[i]);
        p.widest = fmax(p.widest, total);
    }
    return p;
}

/* " (LOW to HIGH)" */
static void put_interval(char *text, size_t size, const struct query_table *t, const struct figure *f, int row)
{
    char low[FIGURE_NAME_BYTES], high[FIGURE_NAME_BYTES];

    text[0] = '\0';
    if (!f->interval || isnan(query_at(t, row, f->interval)->number) ||
        isnan(query_at(t, row, f->interval + 1)->number))
        return;
    page_number(low, sizeof low, query_at(t, row, f->interval)->number);
    page_number(high, sizeof high, query_at(t, row, f->interval + 1)->number);
    snprintf(text, size, " (%.15s to %.15s)", low, high);
}

static void put_bar(FILE *out, const struct query_table *t, const struct figure *f, int row, const struct parts *p,
                    double widest)
{
    struct page_part parts[FIGURE_LINES_MAX];
    char titles[FIGURE_LINES_MAX][FIGURE_NAME_BYTES], value[FIGURE_NAME_BYTES], number[FIGURE_NAME_BYTES],
        interval[FIGURE_NAME_BYTES];
    double at = 0;

    for (int i = 0; i < p->n; i++) {
        double v = part_at(t, row, p->column[i]);
        figure_label(number, sizeof number, t->names[p->column[i]]);
        snprintf(titles[i], sizeof titles[i], "%.60s: %.4g", number, v);
        parts[i] = (struct page_part){at / widest, (at + v) / widest, i, titles[i]};
        at += v;
    }
    if (f->whole) {
        snprintf(value, sizeof value, "%.1f %%", 100 * at);
    } else {
        page_number(number, sizeof number, at);
        put_interval(interval, sizeof interval, t, f, row);
        snprintf(value, sizeof value, "%.20s%.40s %s", number, interval, f->unit);
    }
    page_bar(out, figure_text(t, row, 0), value, parts, p->n);
}

bool figure_bars(FILE *out, const struct query_table *t, const struct figure *f)
{
    const char *names[FIGURE_LINES_MAX];
    char name[FIGURE_LINES_MAX][FIGURE_NAME_BYTES];
    int colours[FIGURE_LINES_MAX];
    struct parts p = parts_of(t, f);

    if (!(p.widest > 0))
        return false;
    for (int i = 0; i < p.n; i++) {
        figure_label(name[i], sizeof name[i], t->names[p.column[i]]);
        names[i] = name[i];
        colours[i] = i;
    }
    if (t->n_columns > 2 && f->n_parts != 1)
        page_legend(out, names, colours, p.n, true);
    for (int row = 0; row < t->n_rows && row < BARS_MAX; row++)
        put_bar(out, t, f, row, &p, f->whole ? fmax(1, p.widest) : p.widest);
    if (t->n_rows > BARS_MAX)
        fputs("<p class=\"dim\">The table below has the others.</p>\n", out);
    return true;
}

bool figure_spans(FILE *out, const struct figure_context *c, const struct query_table *t)
{
    char title[FIGURE_NAME_BYTES], value[FIGURE_NAME_BYTES];
    int bars = 0;

    for (int row = 0, next; row < t->n_rows && bars < BARS_MAX; row = next, bars++) {
        const char *label = figure_text(t, row, 0);
        struct page_part *parts = mem_alloc((size_t)t->n_rows * sizeof *parts);
        int n = 0;
        for (next = row; next < t->n_rows && strcmp(figure_text(t, next, 0), label) == 0; next++) {
            double from = query_at(t, next, 1)->number / c->t_end_s, to = query_at(t, next, 2)->number / c->t_end_s;
            parts[n++] = (struct page_part){from, fmin(1, fmax(to, from + 0.002)), 1, label};
        }
        if (n == 1)
            snprintf(value, sizeof value, "%.6g to %.6g s", query_at(t, row, 1)->number, query_at(t, row, 2)->number);
        else
            snprintf(value, sizeof value, "%d times", n);
        snprintf(title, sizeof title, "%.90s", label);
        page_bar(out, title, value, parts, n);
        free(parts);
    }
    fprintf(out, "<p class=\"dim\">From 0 to %.6g s.</p>\n", c->t_end_s);
    return bars > 0;
}
