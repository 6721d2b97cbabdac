/* validate_html.c - predicted against measured as one page: two scatter plots and the tables. No script, nothing
 * loaded. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "study/errors.h"

enum { SIDE = 460, MARGIN = 58, PLOT = SIDE - MARGIN - 12, COLOURS = 6, LABEL_BYTES = 64 };

static const char style[] =
    ":root{--fg:#1c1f24;--bg:#fff;--dim:#6b7280;--line:#d5d9e0;--band:#eef1f5;"
    "--c0:#0b62c4;--c1:#c2410c;--c2:#15803d;--c3:#9333ea;--c4:#b91c5c;--c5:#57606f}\n"
    "@media (prefers-color-scheme:dark){:root{--fg:#e5e7eb;--bg:#14171c;--dim:#9aa3af;--line:#363c46;--band:#20252d;"
    "--c0:#6cb2ff;--c1:#fb923c;--c2:#4ade80;--c3:#c792ff;--c4:#fb7bb0;--c5:#b0b8c4}}\n"
    "body{font:15px/1.45 system-ui,sans-serif;color:var(--fg);background:var(--bg);max-width:76rem;margin:2rem auto;"
    "padding:0 1rem}\n"
    "h1{font-size:1.4rem}h2{font-size:1.1rem;margin-top:2rem}p,figcaption,.dim{color:var(--dim)}\n"
    ".plots{display:flex;flex-wrap:wrap;gap:1rem}figure{margin:0;flex:1 1 26rem}svg{width:100%;height:auto}\n"
    ".scroll{overflow-x:auto}table{border-collapse:collapse;font-variant-numeric:tabular-nums;white-space:nowrap}\n"
    "td,th{padding:.15rem .6rem;text-align:right;border-bottom:1px solid var(--line)}"
    "td:nth-child(-n+2),th:nth-child(-n+2){text-align:left}thead th{border-bottom:2px solid var(--dim)}\n"
    "text{fill:var(--fg);font-size:12px}.grid{stroke:var(--line)}.band{fill:var(--band)}.same{stroke:var(--dim)}\n"
    "circle{fill-opacity:.55}circle:hover{fill-opacity:1;stroke:var(--fg)}\n"
    ".k0{fill:var(--c0)}.k1{fill:var(--c1)}.k2{fill:var(--c2)}.k3{fill:var(--c3)}.k4{fill:var(--c4)}.k5{fill:var(--c5)}"
    "\n"
    "b.k0{color:var(--c0)}b.k1{color:var(--c1)}b.k2{color:var(--c2)}b.k3{color:var(--c3)}b.k4{color:var(--c4)}"
    "b.k5{color:var(--c5)}\n";

static const char *const titles[ERRORS_OF] = {"TTFT", "TPOT"};

/* Text of a table of strangers, made harmless. */
static void escaped(FILE *out, const char *s)
{
    for (; *s; s++)
        switch (*s) {
        case '&':
            fputs("&amp;", out);
            break;
        case '<':
            fputs("&lt;", out);
            break;
        case '>':
            fputs("&gt;", out);
            break;
        case '"':
            fputs("&quot;", out);
            break;
        default:
            fputc((unsigned char)*s < ' ' ? '?' : *s, out);
        }
}

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

struct axis { /* both axes have the same: log10 of ms */
    double low, high;
};

static struct axis axis_of(const struct errors_row *rows, int64_t n, enum errors_of of)
{
    struct axis a = {INFINITY, -INFINITY};

    for (int64_t i = 0; i < n; i++) {
        if (!plotted(&rows[i], of))
            continue;
        a.low = fmin(a.low, log10(fmin(rows[i].predicted[of], rows[i].measured[of])));
        a.high = fmax(a.high, log10(fmax(rows[i].predicted[of], rows[i].measured[of])));
    }
    a.low -= 0.1;
    a.high += 0.1;
    return a;
}

static double x_at(const struct axis *a, double log_ms)
{
    return MARGIN + PLOT * (log_ms - a->low) / (a->high - a->low);
}

static double y_at(const struct axis *a, double log_ms)
{
    return 12 + PLOT - PLOT * (log_ms - a->low) / (a->high - a->low);
}

static void put_grid(FILE *out, const struct axis *a, bool all)
{
    static const int steps[] = {1, 2, 5};

    for (int decade = (int)floor(a->low); decade <= (int)a->high; decade++)
        for (int i = 0; i < (all ? 3 : 1); i++) {
            double ms = steps[i] * pow(10, decade), at = log10(ms);
            if (at < a->low || at > a->high)
                continue;
            double x = x_at(a, at), y = y_at(a, at);
            fprintf(out, "<path class=\"grid\" d=\"M%.1f 12V%dM%d %.1fH%d\"/>", x, 12 + PLOT, MARGIN, y, MARGIN + PLOT);
            fprintf(out, "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%g</text>", x, 12 + PLOT + 16, ms);
            fprintf(out, "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%g</text>\n", MARGIN - 6, y + 4, ms);
        }
}

static void put_band(FILE *out, const struct axis *a, int plot)
{
    double up = log10(1.2), down = log10(0.8);

    fprintf(out, "<clipPath id=\"c%d\"><path d=\"M%d 12h%dv%dh-%dz\"/></clipPath>", plot, MARGIN, PLOT, PLOT, PLOT);
    fprintf(out, "<g clip-path=\"url(#c%d)\"><path class=\"band\" d=\"M%.1f %.1fL%.1f %.1fL%.1f %.1fL%.1f %.1fz\"/>",
            plot, x_at(a, a->low), y_at(a, a->low + up), x_at(a, a->high), y_at(a, a->high + up), x_at(a, a->high),
            y_at(a, a->high + down), x_at(a, a->low), y_at(a, a->low + down));
    fprintf(out, "<path class=\"same\" d=\"M%.1f %.1fL%.1f %.1f\"/></g>\n", x_at(a, a->low), y_at(a, a->low),
            x_at(a, a->high), y_at(a, a->high));
}

static void put_point(FILE *out, const struct axis *a, const struct errors_row *r, enum errors_of of, int colour)
{
    const struct silicon_config *c = &r->row->config;

    fprintf(out, "<circle class=\"k%d\" cx=\"%.1f\" cy=\"%.1f\" r=\"3\"><title>", colour,
            x_at(a, log10(r->measured[of])), y_at(a, log10(r->predicted[of])));
    escaped(out, c->id);
    fputs(": ", out);
    escaped(out, c->model);
    fputs(", ", out);
    escaped(out, c->system);
    fputs(", ", out);
    escaped(out, c->engine);
    fputs(", ", out);
    escaped(out, c->precision);
    fprintf(out, ", tp %" PRId64 ", %" PRId64 " at once, %" PRId64 "/%" PRId64, c->tp, c->concurrency, c->isl, c->osl);
    fprintf(out, ": measured %.4g ms, predicted %.4g ms (%+.1f%%)</title></circle>\n", r->measured[of],
            r->predicted[of], errors_percent(r, of));
}

static void put_plot(FILE *out, const struct errors_row *rows, int64_t n, const struct legend *l, enum errors_of of,
                     int plot)
{
    struct axis a = axis_of(rows, n, of);

    fprintf(out, "<figure><svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"%s, predicted against measured\">\n",
            SIDE, SIDE, titles[of]);
    put_band(out, &a, plot);
    put_grid(out, &a, a.high - a.low < 1.5);
    for (int64_t i = 0; i < n; i++)
        if (plotted(&rows[i], of))
            put_point(out, &a, &rows[i], of, colour_of(l, rows[i].row->config.engine));
    fprintf(out,
            "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">measured mean %s, ms</text>"
            "<text transform=\"translate(13 %d)rotate(-90)\" text-anchor=\"middle\">predicted mean %s, ms</text></svg>",
            MARGIN + PLOT / 2, SIDE - 8, titles[of], 12 + PLOT / 2, titles[of]);
    fprintf(out,
            "<figcaption>%s. The line: predicted = measured; the band: within 20%%. Point at a dot for its row."
            "</figcaption></figure>\n",
            titles[of]);
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
            escaped(out, l.name[i]);
            fputs("</b> ", out);
        }
        fputs("</p>\n<div class=\"plots\">\n", out);
        for (enum errors_of of = 0; of < ERRORS_OF; of++)
            if (any[of])
                put_plot(out, in, kept, &l, of, (int)set * ERRORS_OF + (int)of);
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
            fputs("<td>&ndash;</td>", out);
        else
            fprintf(out, "<td>%.1f</td>", x[i]);
    if (s->n_interval)
        fprintf(out, "<td>%.0f%%</td>", 100 * (double)s->inside / (double)s->n_interval);
    else
        fputs("<td>&ndash;</td>", out);
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
        fprintf(out, "<tr><td>%s</td><td>", i && s->by == e->slices[i - 1].by ? "" : errors_by_names[s->by]);
        escaped(out, s->by == ERRORS_ALL ? "" : s->value);
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
        escaped(out, reasons[i].why);
        fputs("</li>\n", out);
    }
    if (n_reasons)
        fputs("</ul>\n", out);
    free(reasons);
}

void errors_html(const struct errors_row *rows, int64_t n, const char *title, FILE *out)
{
    fputs("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
          "<meta name=\"viewport\" content=\"width=device-width\"><title>tiersim validate</title>\n<style>\n",
          out);
    fputs(style, out);
    fputs("</style></head><body>\n<h1>Predicted against measured: ", out);
    escaped(out, title);
    fprintf(out,
            "</h1>\n<p>%" PRId64 " rows. Errors are 100 (predicted / measured &minus; 1); median, mean and p90 of "
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
    fputs("</body></html>\n", out);
}
