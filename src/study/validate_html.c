/* validate_html.c - predicted against measured as one page: two scatter plots and the tables. No script, nothing
 * loaded. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "study/errors.h"
#include "study/page.h"

enum { COLOURS = PAGE_COLOURS, LABEL_BYTES = 64, TITLE_BYTES = 160, HEIGHT = 400 };

static const char *const titles[ERRORS_OF] = {"TTFT", "TPOT"};

/* ---- colours: one an engine, in order of name; past COLOURS the last ---- */

struct legend {
    char name[COLOURS][LABEL_BYTES];
    int n;
};

static bool plotted(const struct errors_row *r, enum errors_of of)
{
    return r->built && r->predicted[of] > 0 && r->measured[of] > 0;
}

static int by_text(const void *x, const void *y)
{
    return strcmp(x, y);
}

static int colour_of(const struct legend *l, const char *engine)
{
    for (int i = 0; i < l->n; i++)
        if (strncmp(l->name[i], engine, LABEL_BYTES - 1) == 0)
            return i;
    return COLOURS - 1;
}

static struct legend legend_of(const struct errors_row *rows, int64_t n)
{
    struct legend l = {0};

    for (int64_t i = 0; i < n; i++) {
        const char *engine = rows[i].row->config.engine;
        bool seen = !rows[i].built;
        for (int k = 0; k < l.n && !seen; k++)
            seen = strncmp(l.name[k], engine, LABEL_BYTES - 1) == 0;
        if (!seen && l.n < COLOURS - 1)
            snprintf(l.name[l.n++], LABEL_BYTES, "%s", engine);
        else if (!seen && l.n == COLOURS - 1)
            snprintf(l.name[l.n++], LABEL_BYTES, "others");
    }
    qsort(l.name, (size_t)(l.n < COLOURS ? l.n : COLOURS - 1), LABEL_BYTES, by_text);
    return l;
}

/* ---- one plot ---- */

static struct page_plot plot_of(const struct errors_row *rows, int64_t n, enum errors_of of)
{
    struct page_scale s = page_scale(PAGE_MS, true);

    for (int64_t i = 0; i < n; i++)
        if (plotted(&rows[i], of)) {
            page_scale_take(&s, rows[i].predicted[of]);
            page_scale_take(&s, rows[i].measured[of]);
        }
    page_scale_round(&s);
    return (struct page_plot){s, s, HEIGHT};
}

static void put_point(FILE *out, const struct page_plot *p, const struct errors_row *r, enum errors_of of, int colour)
{
    const struct silicon_config *c = &r->row->config;

    page_plot_dot(out, p, r->measured[of], r->predicted[of], colour);
    fputs("<title>", out);
    page_text(out, c->id);
    fputs(": ", out);
    page_text(out, c->model);
    fputs(", ", out);
    page_text(out, c->system);
    fputs(", ", out);
    page_text(out, c->engine);
    fputs(", ", out);
    page_text(out, c->precision);
    fprintf(out, ", tp %" PRId64 ", %" PRId64 " at once, %" PRId64 "/%" PRId64, c->tp, c->concurrency, c->isl, c->osl);
    fprintf(out, ": measured %.4g ms, predicted %.4g ms (%+.1f%%)</title></circle>\n", r->measured[of],
            r->predicted[of], errors_percent(r, of));
}

static void put_plot(FILE *out, const struct errors_row *rows, int64_t n, const struct legend *l, enum errors_of of)
{
    struct page_plot p = plot_of(rows, n, of);
    char label[TITLE_BYTES], x_title[TITLE_BYTES];

    snprintf(label, sizeof label, "%s, predicted against measured", titles[of]);
    snprintf(x_title, sizeof x_title, "measured mean %s", titles[of]);
    fprintf(out,
            "<figure><figcaption><b>Predicted mean %s.</b> The line: predicted = measured; the band: within 20%%. Point at "
            "a dot for its row.</figcaption>\n",
            titles[of]);
    page_plot_begin(out, &p, label, x_title);
    page_plot_same(out, &p, 0.2);
    for (int64_t i = 0; i < n; i++)
        if (plotted(&rows[i], of))
            put_point(out, &p, &rows[i], of, colour_of(l, rows[i].row->config.engine));
    page_plot_end(out);
    fputs("</figure>\n", out);
}

static void put_plots(FILE *out, const struct errors_row *rows, int64_t n, enum errors_set set)
{
    struct errors_row *in = mem_alloc((size_t)n * sizeof *in);
    int64_t kept = 0;
    bool any[ERRORS_OF] = {false};

    for (int64_t i = 0; i < n; i++)
        if (rows[i].set == set && rows[i].built)
            in[kept++] = rows[i];
    for (int64_t i = 0; i < kept; i++)
        for (enum errors_of of = 0; of < ERRORS_OF; of++)
            any[of] |= plotted(&in[i], of);
    struct legend l = legend_of(in, kept);
    if (any[ERRORS_TTFT] || any[ERRORS_TPOT]) {
        fputs("<p>", out);
        for (int i = 0; i < l.n; i++) {
            fprintf(out, "<b class=\"k%d\">&#9679; ", i);
            page_text(out, l.name[i]);
            fputs("</b> ", out);
        }
        fputs("</p>\n<div class=\"plots\">\n", out);
        for (enum errors_of of = 0; of < ERRORS_OF; of++)
            if (any[of])
                put_plot(out, in, kept, &l, of);
        fputs("</div>\n", out);
    }
    free(in);
}

/* ---- tables ---- */

static void put_stats(FILE *out, const struct errors_stats *s)
{
    const double x[] = {s->median, s->mean, s->p90, s->bias};

    fprintf(out, "<td>%" PRId64 "</td>", s->n);
    for (size_t i = 0; i < sizeof x / sizeof *x; i++)
        if (isnan(x[i]))
            fputs("<td>–</td>", out);
        else
            fprintf(out, "<td>%.1f</td>", x[i]);
    if (s->n_interval)
        fprintf(out, "<td>%.0f%%</td>", 100 * (double)s->inside / (double)s->n_interval);
    else
        fputs("<td>–</td>", out);
}

static void put_table(FILE *out, const struct errors *e)
{
    static const char columns[] = "<th>n</th><th>median</th><th>mean</th><th>p90</th><th>bias</th><th>in 90%</th>";

    fprintf(out,
            "<div class=\"scroll\"><table><thead><tr><th></th><th></th><th colspan=\"6\">TTFT error, %%</th>"
            "<th colspan=\"6\">TPOT error, %%</th></tr><tr><th></th><th></th>%s%s</tr></thead><tbody>\n",
            columns, columns);
    for (int64_t i = 0; i < e->n; i++) {
        const struct errors_slice *s = &e->slices[i];
        fprintf(out, "<tr><td class=\"t\">%s</td><td class=\"t\">", i && s->by == e->slices[i - 1].by ? "" : errors_by_names[s->by]);
        page_text(out, s->by == ERRORS_ALL ? "" : s->value);
        fputs("</td>", out);
        put_stats(out, &s->of[ERRORS_TTFT]);
        put_stats(out, &s->of[ERRORS_TPOT]);
        fputs("</tr>\n", out);
    }
    fputs("</tbody></table></div>\n", out);
    if (e->n_groups)
        fprintf(out, "<p>Median of %" PRId64 " (model, GPU) groups' medians: TTFT %.1f%%, TPOT %.1f%%.</p>\n",
                e->n_groups, e->group_median[ERRORS_TTFT], e->group_median[ERRORS_TPOT]);
}

static void put_reasons(FILE *out, const struct errors_row *rows, int64_t n)
{
    struct errors_reason *reasons;
    int64_t n_reasons = errors_reasons(rows, n, &reasons);

    if (n_reasons)
        fputs("<h2>Not simulated</h2>\n<ul>\n", out);
    for (int64_t i = 0; i < n_reasons; i++) {
        fprintf(out, "<li>%" PRId64 ": ", reasons[i].n);
        page_text(out, reasons[i].why);
        fputs("</li>\n", out);
    }
    if (n_reasons)
        fputs("</ul>\n", out);
    free(reasons);
}

void errors_html(const struct errors_row *rows, int64_t n, const char *title, FILE *out)
{
    page_begin(out, "Predicted against measured", title);
    fprintf(out,
            "<p>%" PRId64 " rows. Errors are 100 (predicted / measured − 1); median, mean and p90 of "
            "their size, bias their median; in 90%%: rows within the stated interval.</p>\n",
            n);
    for (enum errors_set set = 0; set < ERRORS_SETS; set++) {
        struct errors e = errors_make(rows, n, set);
        if (e.rows) {
            fprintf(out, "<h2>%s: %" PRId64 " rows</h2>\n<p>%s</p>\n", errors_set_names[set], e.rows,
                    errors_set_help[set]);
            put_plots(out, rows, n, set);
            put_table(out, &e);
        }
        errors_free(&e);
    }
    put_reasons(out, rows, n);
    page_end(out);
}
