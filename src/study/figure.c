#include "study/figure.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "study/query.h"

enum { HEIGHT = 210, HEIGHT_DOTS = 340, LINES = PAGE_COLOURS, PANELS_MAX = 6, BARS_MAX = 24, DOTS_MAX = 16, NAME_BYTES = 96, TEXT_BYTES = 200 };

/* ---- distinct texts of a column, in order of appearance ---- */

struct names {
    const char *name[LINES];
    int n;
    bool more;
};

static const char *text_at(const struct query_table *t, int row, int column)
{
    const struct query_cell *c = query_at(t, row, column);

    return c->type == QUERY_TEXT ? c->text : "";
}

static int find(const struct names *l, const char *name)
{
    for (int i = 0; i < l->n; i++)
        if (strcmp(l->name[i], name) == 0)
            return i;
    return -1;
}

static struct names distinct(const struct query_table *t, int column, int max)
{
    struct names l = {0};

    for (int row = 0; column != FIGURE_NONE && row < t->n_rows; row++) {
        const char *name = text_at(t, row, column);
        if (find(&l, name) >= 0)
            continue;
        if (l.n < max)
            l.name[l.n++] = name;
        else
            l.more = true;
    }
    return l;
}

/* ---- one plot ---- */

struct line { /* of a plot; arrays of the table's rows */
    double *x, *y, *low, *high;
    int *row, n, colour;
    char name[NAME_BYTES];
};

struct lines {
    struct line line[LINES];
    int n;
    bool more; /* than have colours */
};

static bool in_panel(const struct query_table *t, const struct figure *f, int row, const char *panel)
{
    return panel == NULL || strcmp(text_at(t, row, f->panel), panel) == 0;
}

static void name_line(struct line *l, const struct query_table *t, const struct figure_plot *p, const char *series, int of_series,
                      int y)
{
    char column[NAME_BYTES];

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
        if (!in_panel(t, f, row, panel) || (series && strcmp(text_at(t, row, f->series), series) != 0))
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

static struct lines take_lines(const struct query_table *t, const struct figure *f, const struct figure_plot *p, const char *panel)
{
    struct names series = distinct(t, f->series, LINES);
    struct lines all = {.more = series.more};

    for (int s = 0; s < (f->series == FIGURE_NONE ? 1 : series.n); s++)
        for (int y = 0; y < p->n_y; y++) {
            const char *name = f->series == FIGURE_NONE ? NULL : series.name[s];
            if (all.n == LINES) {
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

static void stack(struct lines *all)
{
    for (int i = 0; i < all->n; i++)
        for (int k = 0; k < all->line[i].n; k++) {
            double below = i ? all->line[i - 1].high[k] : 0, y = all->line[i].y[k];
            all->line[i].low[k] = below;
            all->line[i].high[k] = below + (isnan(y) ? 0 : y);
        }
}

static struct page_plot frame_of(const struct figure_context *c, const struct figure *f, const struct figure_plot *p, const struct lines *all)
{
    struct page_plot plot = {page_scale(p->x_unit, p->x_log), page_scale(p->y_unit, p->y_log), f->kind == FIGURE_DOTS ? HEIGHT_DOTS : HEIGHT};

    for (int i = 0; i < all->n; i++)
        for (int k = 0; k < all->line[i].n; k++) {
            const struct line *l = &all->line[i];
            page_scale_take(&plot.x, l->x[k]);
            page_scale_take(&plot.y, p->stacked ? l->high[k] : l->y[k]);
            if (p->low && !p->stacked) {
                page_scale_take(&plot.y, l->y[k] >= 0 ? fmax(0, l->low[k]) : l->low[k]); /* what cannot be below 0, or above 1 */
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
        for (int k = 0; k < l->n && (f->kind == FIGURE_DOTS || (p->x_unit != PAGE_S && !p->stepped && l->n <= DOTS_MAX)); k++) {
            if (isnan(l->x[k]) || isnan(l->y[k]))
                continue;
            if (p->x_unit != PAGE_S && !isnan(l->low[k]) && !isnan(l->high[k]))
                page_plot_bar(out, plot, l->x[k], l->low[k], l->high[k], l->colour);
            page_plot_dot(out, plot, l->x[k], l->y[k], l->colour);
            fputs("<title>", out);
            page_text(out, p->name ? text_at(t, l->row[k], p->name) : l->name);
            fprintf(out, ": %.4g, %.4g</title></circle>\n", l->x[k], l->y[k]);
        }
    }
}

static const char more_lines[] = "<p class=\"dim\">More lines than colours: the table below has all.</p>\n";

static void put_legend(FILE *out, const struct lines *all, bool filled)
{
    const char *names[LINES];
    int colours[LINES];

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
    struct names series = distinct(t, f->series, LINES);
    int colours[LINES];

    for (int i = 0; i < series.n; i++)
        colours[i] = i;
    if (series.n > 1 || strcmp(series.name[0], "all") != 0)
        page_legend(out, series.name, colours, series.n, false);
    if (series.more)
        fputs(more_lines, out);
}

/* false: nothing to draw. */
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
        if (!common_legend(f) && (all.n > 1 || p->n_y > 1 || (f->series != FIGURE_NONE && strcmp(all.line[0].name, "all") != 0)))
            put_legend(out, &all, p->stacked);
        page_plot_begin(out, &plot, label, p->x_name ? text_at(t, all.line[0].row[0], p->x_name) : p->x_title);
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
    return f->panel == FIGURE_NONE ? n : n * distinct(t, f->panel, PANELS_MAX).n;
}

static bool put_plots(FILE *out, const struct figure_context *c, const struct query_table *t, const struct figure *f)
{
    struct names panels = distinct(t, f->panel, PANELS_MAX);
    bool any = false;

    for (int k = 0; k < (f->panel == FIGURE_NONE ? 1 : panels.n); k++)
        for (int i = 0; i < FIGURE_PLOTS && f->plots[i].title; i++)
            any |= put_plot(out, c, t, f, &f->plots[i], f->panel == FIGURE_NONE ? NULL : panels.name[k]);
    return any;
}

/* ---- bars ---- */

static double part_at(const struct query_table *t, int row, int column)
{
    return fmax(0, query_at(t, row, column)->number); /* fmax: NaN counts as 0 */
}

/* Columns that have anything in some row, in order. */
struct parts {
    int column[LINES], n;
    double widest; /* of the rows' totals */
};

static struct parts parts_of(const struct query_table *t, const struct figure *f)
{
    struct parts p = {0};
    int columns = f->n_parts ? f->n_parts + 1 : t->n_columns;

    for (int i = 1; i < columns && p.n < LINES; i++)
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
    char low[NAME_BYTES], high[NAME_BYTES];

    text[0] = '\0';
    if (!f->interval || isnan(query_at(t, row, f->interval)->number) || isnan(query_at(t, row, f->interval + 1)->number))
        return;
    page_number(low, sizeof low, query_at(t, row, f->interval)->number);
    page_number(high, sizeof high, query_at(t, row, f->interval + 1)->number);
    snprintf(text, size, " (%.15s to %.15s)", low, high);
}

static void put_bar(FILE *out, const struct query_table *t, const struct figure *f, int row, const struct parts *p, double widest)
{
    struct page_part parts[LINES];
    char titles[LINES][NAME_BYTES], value[NAME_BYTES], number[NAME_BYTES], interval[NAME_BYTES];
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
    page_bar(out, text_at(t, row, 0), value, parts, p->n);
}

static bool put_bars(FILE *out, const struct query_table *t, const struct figure *f)
{
    const char *names[LINES];
    char name[LINES][NAME_BYTES];
    int colours[LINES];
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

static bool put_spans(FILE *out, const struct figure_context *c, const struct query_table *t)
{
    char title[NAME_BYTES], value[NAME_BYTES];
    int bars = 0;

    for (int row = 0, next; row < t->n_rows && bars < BARS_MAX; row = next, bars++) {
        const char *label = text_at(t, row, 0);
        struct page_part *parts = mem_alloc((size_t)t->n_rows * sizeof *parts);
        int n = 0;
        for (next = row; next < t->n_rows && strcmp(text_at(t, next, 0), label) == 0; next++) {
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

/* ---- the whole ---- */

static bool put_kind(FILE *out, const struct figure_context *c, const struct query_table *t, const struct figure *f)
{
    bool any;

    switch (f->kind) {
    case FIGURE_BARS:
        return put_bars(out, t, f);
    case FIGURE_SPANS:
        return put_spans(out, c, t);
    case FIGURE_TABLE:
        figure_table(out, t);
        return true;
    default:
        if (common_legend(f))
            put_common_legend(out, t, f);
        fprintf(out, "<div class=\"plots%s\">\n", plots_of(t, f) % 3 ? "" : " three");
        any = put_plots(out, c, t, f);
        fputs("</div>\n", out);
        return any;
    }
}

static void put_source(FILE *out, const struct query_table *t, const struct figure *f)
{
    fprintf(out, "<details><summary>%s", f->kind == FIGURE_TABLE ? "SQL" : "SQL and data");
    if (f->kind != FIGURE_TABLE)
        fprintf(out, ": %d rows%s", t->n_rows, t->cut ? ", and more" : "");
    fputs("</summary>\n<pre>", out);
    page_text(out, f->sql);
    fputs("</pre>\n", out);
    if (f->kind != FIGURE_TABLE)
        figure_table(out, t);
    fputs("</details>\n", out);
}

static bool impossible(const struct figure_context *c, const struct figure *f, char *why, size_t why_size)
{
    struct query_table t;
    struct err e = {0};
    bool is = false;

    if (f->unless == NULL)
        return false;
    if (query_run(c->db, f->unless, c->timeout_s, &t, &e) != QUERY_OK) {
        snprintf(why, why_size, "%s", e.code ? e.msg : "it took too long to find out whether there is one");
        is = true;
    } else if (t.n_rows > 0 && query_at(&t, 0, 0)->type == QUERY_TEXT) {
        snprintf(why, why_size, "%s", query_at(&t, 0, 0)->text);
        is = true;
    }
    query_free(&t);
    return is;
}

bool figure_put(FILE *out, const struct figure_context *c, const struct figure *f, char *why, size_t why_size)
{
    struct query_table t;
    struct err e = {0};
    char *text = NULL;
    size_t size;
    bool any = false;

    if (impossible(c, f, why, why_size))
        return false;
    enum query_end end = query_run(c->db, f->sql, c->timeout_s, &t, &e);
    FILE *plots = open_memstream(&text, &size); /* written only where there is something */
    sim_assert(plots);
    if (end == QUERY_SLOW)
        snprintf(why, why_size, "its query took more than %g s (--timeout)", c->timeout_s);
    else if (end == QUERY_FAILED)
        snprintf(why, why_size, "its query failed: %s", e.msg);
    else if (t.n_rows > 0)
        any = put_kind(plots, c, &t, f);
    if (end == QUERY_OK && !any)
        snprintf(why, why_size, "%s", f->none);
    sim_assert(fclose(plots) == 0);
    if (any) {
        fputs("<h3>", out);
        page_text(out, f->title);
        fputs("</h3>\n<p>", out);
        page_text(out, f->text);
        fprintf(out, "</p>\n%s", text);
        put_source(out, &t, f);
    }
    free(text);
    query_free(&t);
    return any;
}
