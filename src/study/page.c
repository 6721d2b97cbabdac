#include "study/page.h"

#include <math.h>

enum { SIDE = 460, MARGIN = 58, PLOT = SIDE - MARGIN - 12 };

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

/* Text of a table of strangers, made harmless. */
void page_text(FILE *out, const char *s)
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

void page_begin(FILE *out, const char *heading, const char *title)
{
    fputs("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
          "<meta name=\"viewport\" content=\"width=device-width\"><title>tiersim validate</title>\n<style>\n",
          out);
    fputs(style, out);
    fprintf(out, "</style></head><body>\n<h1>%s: ", heading);
    page_text(out, title);
    fputs("</h1>\n", out);
}

void page_end(FILE *out)
{
    fputs("</body></html>\n", out);
}

/* ---- plots ---- */

struct page_axis page_axis_empty(void)
{
    return (struct page_axis){INFINITY, -INFINITY};
}

void page_axis_take(struct page_axis *a, double ms)
{
    a->low = fmin(a->low, log10(ms) - 0.1);
    a->high = fmax(a->high, log10(ms) + 0.1);
}

static double x_at(const struct page_axis *a, double log_ms)
{
    return MARGIN + PLOT * (log_ms - a->low) / (a->high - a->low);
}

static double y_at(const struct page_axis *a, double log_ms)
{
    return 12 + PLOT - PLOT * (log_ms - a->low) / (a->high - a->low);
}

static void put_grid(FILE *out, const struct page_axis *a, bool all)
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

static void put_band(FILE *out, const struct page_axis *a, int plot)
{
    double up = log10(1.2), down = log10(0.8);

    fprintf(out, "<clipPath id=\"c%d\"><path d=\"M%d 12h%dv%dh-%dz\"/></clipPath>", plot, MARGIN, PLOT, PLOT, PLOT);
    fprintf(out, "<g clip-path=\"url(#c%d)\"><path class=\"band\" d=\"M%.1f %.1fL%.1f %.1fL%.1f %.1fL%.1f %.1fz\"/>",
            plot, x_at(a, a->low), y_at(a, a->low + up), x_at(a, a->high), y_at(a, a->high + up), x_at(a, a->high),
            y_at(a, a->high + down), x_at(a, a->low), y_at(a, a->low + down));
    fprintf(out, "<path class=\"same\" d=\"M%.1f %.1fL%.1f %.1f\"/></g>\n", x_at(a, a->low), y_at(a, a->low),
            x_at(a, a->high), y_at(a, a->high));
}

double page_x(const struct page_axis *a, double ms)
{
    return x_at(a, log10(ms));
}

double page_y(const struct page_axis *a, double ms)
{
    return y_at(a, log10(ms));
}

void page_plot_begin(FILE *out, const struct page_axis *a, const char *label, int plot)
{
    fprintf(out, "<figure><svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"%s\">\n", SIDE, SIDE, label);
    put_band(out, a, plot);
    put_grid(out, a, a->high - a->low < 1.5);
}

void page_plot_end(FILE *out, const char *x_title, const char *y_title, const char *caption)
{
    fprintf(out,
            "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">%s</text>"
            "<text transform=\"translate(13 %d)rotate(-90)\" text-anchor=\"middle\">%s</text></svg>",
            MARGIN + PLOT / 2, SIDE - 8, x_title, 12 + PLOT / 2, y_title);
    fprintf(out, "<figcaption>%s</figcaption></figure>\n", caption);
}
