/* figure_plots.c - lines, areas and dots of a figure, and their legends. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "study/figure_parts.h"

enum { HEIGHT = 210, HEIGHT_DOTS = 340, DOTS_MAX = 16, TEXT_BYTES = 200 };

/* ---- its lines ---- */

struct line { /* of a plot; arrays of the table's rows */
    double *x, *y, *low, *high;
    int *row, n, colour;
    char name[FIGURE_NAME_BYTES];
};

struct lines {
    struct line line[FIGURE_LINES_MAX];
    int n;
    bool more; /* than have colours */
};

static bool in_panel(const struct query_table *t, const struct figure *f, int row, const char *panel)
{
    return panel == NULL || strcmp(figure_text(t, row, f->panel), panel) == 0;
}

static void name_line(struct line *l, const struct query_table *t, const struct figure_plot *p, const char *series,
                      int of_series, int y)
{
    char column[FIGURE_NAME_BYTES];

    figure_label(column, sizeof column, t->names[p->y + y]);
    if (p->n_y == 1)
        snprintf(l->name, sizeof l->name, "%s", series ? series : column);
    else if (series && of_series > 1)
        snprintf(l->name, sizeof l->name, "%.40s: %.50s", series, column);
    else
        snprintf(l->name, sizeof l->name, "%s", column);
}

/* false: no value in it. */
static bool take_line(struct line *l, const struct query_table *t, const struct figure *f, const struct figure_plot *p,
                      const char *panel, const char *series, int y)
{
    size_t n = (size_t)t->n_rows + 1;
    bool any = false;

    l->x = mem_alloc(4 * n * sizeof *l->x);
    l->y = l->x + n;
    l->low = l->y + n;
    l->high = l->low + n;
    l->row = mem_alloc(n * sizeof *l->row);
    l->n = 0;
    for (int row = 0; row < t->n_rows; row++) {
        if (!in_panel(t, f, row, panel) || (series && strcmp(figure_text(t, row, f->series), series) != 0))
            continue;
        l->row[l->n] = row;
        l->x[l->n] = query_at(t, row, p->x)->number;
        l->y[l->n] = query_at(t, row, p->y + y)->number;
        l->low[l->n] = p->low ? query_at(t, row, p->low)->number : NAN;
        l->high[l->n] = p->low ? query_at(t, row, p->low + 1)->number : NAN;
        any |= !isnan(l->x[l->n]) && !isnan(l->y[l->n]);
        l->n++;
    }
    return any;
}

static void free_line(struct line *l)
{
    free(l->x);
    free(l->row);
}

static struct lines take_lines(const struct query_table *t, const struct figure *f, const struct figure_plot *p,
                               const char *panel)
{
    struct figure_names series = figure_distinct(t, f->series, FIGURE_LINES_MAX);
    struct lines all = {.more = series.more};

    for (int s = 0; s < (f->series == FIGURE_NONE ? 1 : series.n); s++)
        for (int y = 0; y < p->n_y; y++) {
            const char *name = f->series == FIGURE_NONE ? NULL : series.name[s];
            if (all.n == FIGURE_LINES_MAX) {
                all.more = true;
                return all;
            }
            struct line *l = &all.line[all.n];
            if (take_line(l, t, f, p, panel, name, y)) {
                name_line(l, t, p, name, series.n, y);
                l->colour = (s * p->n_y + y) % PAGE_COLOURS; /* the same in all plots of the figure */
                all.n++;
            } else {
                free_line(l);
            }
        }
    return all;
}

/* ---- one plot ---- */

static void stack(struct lines *all)
{
    for (int i = 0; i < all->n; i++)
        for (int k = 0; k < all->line[i].n; k++) {
            double below = i ? all->line[i - 1].high[k] : 0, y = all->line[i].y[k];
            all->line[i].low[k] = below;
            all->line[i].high[k] = below + (isnan(y) ? 0 : y);
        }
}

static struct page_plot frame_of(const struct figure_context *c, const struct figure *f, const struct figure_plot *p,
                                 const struct lines *all)
{
    struct page_plot plot = {page_scale(p->x_unit, p->x_log), page_scale(p->y_unit, p->y_log),
                             f->kind == FIGURE_DOTS ? HEIGHT_DOTS : HEIGHT};

    for (int i = 0; i < all->n; i++)
        for (int k = 0; k < all->line[i].n; k++) {
            const struct line *l = &all->line[i];
            page_scale_take(&plot.x, l->x[k]);
            page_scale_take(&plot.y, p->stacked ? l->high[k] : l->y[k]);
            if (p->low && !p->stacked) {
                page_scale_take(&plot.y,
                                l->y[k] >= 0 ? fmax(0, l->low[k]) : l->low[k]); /* what cannot be below 0, or above 1 */
                page_scale_take(&plot.y, p->y_unit == PAGE_SHARE && l->y[k] <= 1 ? fmin(1, l->high[k]) : l->high[k]);
            }
        }
    plot.x.log |= p->x_log_if && plot.x.low > 0 && plot.x.high > 30 * plot.x.low;
    if (p->x_unit == PAGE_S) {
        plot.x.low = 0;
        plot.x.high = fmax(c->t_end_s, plot.x.high);
    } else {
        page_scale_round(&plot.x);
    }
    page_scale_round(&plot.y);
    if (p->y_unit == PAGE_SHARE && !p->y_log && plot.y.high > 0.5 && plot.y.high <= 1.25)
        plot.y.high = 1, plot.y.step = 0.2;
    return plot;
}

static void draw(FILE *out, const struct page_plot *plot, const struct figure *f, const struct figure_plot *p,
                 const struct lines *all, const struct query_table *t)
{
    for (int i = 0; i < all->n; i++) {
        const struct line *l = &all->line[i];
        if (p->stacked)
            page_plot_area(out, plot, l->x, l->low, l->high, l->n, l->colour, false);
        else if (p->low && p->x_unit == PAGE_S)
            page_plot_area(out, plot, l->x, l->low, l->high, l->n, l->colour, true);
    }
    for (int i = 0; i < all->n && !p->stacked; i++) {
        const struct line *l = &all->line[i];
        if (f->kind == FIGURE_LINES || (p->front && i == 0))
            page_plot_line(out, plot, l->x, l->y, l->n, l->colour, p->stepped);
        for (int k = 0;
             k < l->n && (f->kind == FIGURE_DOTS || (p->x_unit != PAGE_S && !p->stepped && l->n <= DOTS_MAX)); k++) {
            if (isnan(l->x[k]) || isnan(l->y[k]))
                continue;
            if (p->x_unit != PAGE_S && !isnan(l->low[k]) && !isnan(l->high[k]))
                page_plot_bar(out, plot, l->x[k], l->low[k], l->high[k], l->colour);
            page_plot_dot(out, plot, l->x[k], l->y[k], l->colour);
            fputs("<title>", out);
            page_text(out, p->name ? figure_text(t, l->row[k], p->name) : l->name);
            fprintf(out, ": %.4g, %.4g</title></circle>\n", l->x[k], l->y[k]);
        }
    }
}

/* ---- legends ---- */

static const char more_lines[] = "<p class=\"dim\">More lines than colours: the table below has all.</p>\n";

static void put_legend(FILE *out, const struct lines *all, bool filled)
{
    const char *names[FIGURE_LINES_MAX];
    int colours[FIGURE_LINES_MAX];

    for (int i = 0; i < all->n; i++) {
        names[i] = all->line[i].name;
        colours[i] = all->line[i].colour;
    }
    page_legend(out, names, colours, all->n, filled);
    if (all->more)
        fputs(more_lines, out);
}

/* One legend for all plots of a figure, where each line is a series of the same name in each. */
static bool common_legend(const struct figure *f)
{
    bool is = f->series != FIGURE_NONE && f->plots[1].title != NULL;

    for (int i = 0; i < FIGURE_PLOTS && f->plots[i].title; i++)
        is &= f->plots[i].n_y == 1 && !f->plots[i].stacked;
    return is;
}

static void put_common_legend(FILE *out, const struct query_table *t, const struct figure *f)
{
    struct figure_names series = figure_distinct(t, f->series, FIGURE_LINES_MAX);
    int colours[FIGURE_LINES_MAX];

    for (int i = 0; i < series.n; i++)
        colours[i] = i;
    if (series.n > 1 || strcmp(series.name[0], "all") != 0)
        page_legend(out, series.name, colours, series.n, false);
    if (series.more)
        fputs(more_lines, out);
}

/* false: nothing to draw. */
/* ---- all plots ---- */

static bool put_plot(FILE *out, const struct figure_context *c, const struct query_table *t, const struct figure *f,
                     const struct figure_plot *p, const char *panel)
{
    struct lines all = take_lines(t, f, p, panel);
    char label[TEXT_BYTES];
    bool any = all.n > 0;

    if (any) {
        if (p->stacked)
            stack(&all);
        struct page_plot plot = frame_of(c, f, p, &all);
        snprintf(label, sizeof label, "%.60s%s%s", panel ? panel : "", panel && panel[0] ? ": " : "", p->title);
        fputs("<figure><figcaption><b>", out);
        page_text(out, label);
        fputs("</b></figcaption>\n", out);
        if (!common_legend(f) &&
            (all.n > 1 || p->n_y > 1 || (f->series != FIGURE_NONE && strcmp(all.line[0].name, "all") != 0)))
            put_legend(out, &all, p->stacked);
        page_plot_begin(out, &plot, label, p->x_name ? figure_text(t, all.line[0].row[0], p->x_name) : p->x_title);
        if (p->x_unit == PAGE_S && c->warmup_s > 0)
            page_plot_shade(out, &plot, 0, fmin(c->warmup_s, plot.x.high));
        draw(out, &plot, f, p, &all, t);
        page_plot_end(out);
        fputs("</figure>\n", out);
    }
    for (int i = 0; i < all.n; i++)
        free_line(&all.line[i]);
    return any;
}

static int plots_of(const struct query_table *t, const struct figure *f)
{
    int n = 0;

    while (n < FIGURE_PLOTS && f->plots[n].title)
        n++;
    return f->panel == FIGURE_NONE ? n : n * figure_distinct(t, f->panel, FIGURE_PANELS_MAX).n;
}

bool figure_plots(FILE *out, const struct figure_context *c, const struct query_table *t, const struct figure *f)
{
    struct figure_names panels = figure_distinct(t, f->panel, FIGURE_PANELS_MAX);
    bool any = false;

    if (common_legend(f))
        put_common_legend(out, t, f);
    fprintf(out, "<div class=\"plots%s\">\n", plots_of(t, f) % 3 ? "" : " three");
    for (int k = 0; k < (f->panel == FIGURE_NONE ? 1 : panels.n); k++)
        for (int i = 0; i < FIGURE_PLOTS && f->plots[i].title; i++)
            any |= put_plot(out, c, t, f, &f->plots[i], f->panel == FIGURE_NONE ? NULL : panels.name[k]);
    fputs("</div>\n", out);
    return any;
}
