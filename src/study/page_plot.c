#include <math.h>
#include <string.h>

#include "study/page.h"

enum {
    FRAME = 1000 /* a stretched frame is so wide */,
    NARROWEST = 250,
    CHARACTER = 7 /* px */,
    TICKS_X = 5,
    TICKS_Y = 4,
    TEXT_BYTES = 32,
    LEGEND_WIDTH = 22
};

/* ---- scales ---- */

struct page_scale page_scale(enum page_unit unit, bool log)
{
    return (struct page_scale){INFINITY, -INFINITY, log, unit, 0};
}

void page_scale_take(struct page_scale *s, double v)
{
    if (!isfinite(v) || (s->log && v <= 0))
        return;
    s->low = fmin(s->low, v);
    s->high = fmax(s->high, v);
}

bool page_scale_is_empty(const struct page_scale *s)
{
    return s->low > s->high;
}

/* 1, 2 or 5 times a power of ten, so that there are about n of them in span. */
static double round_step(double span, int n)
{
    double rough = span / n, power = pow(10, floor(log10(rough))), of = rough / power;

    return power * (of < 1.42 ? 1 : of < 2.84 ? 2 : of < 7.1 ? 5 : 10);
}

void page_scale_round(struct page_scale *s)
{
    if (page_scale_is_empty(s))
        *s = (struct page_scale){s->log, 1 + s->log, s->log, s->unit, 0};
    if (s->log) {
        s->low *= 0.85;
        s->high *= 1.18;
        return;
    }
    s->low = fmin(0, s->low);
    if (s->high <= s->low)
        s->high = s->low + 1;
    s->step = round_step(s->high - s->low, TICKS_Y);
    s->high = s->step * ceil(s->high / s->step - 1e-9);
    s->low = s->step * floor(s->low / s->step + 1e-9);
}

static double part(const struct page_scale *s, double v)
{
    if (s->log)
        return log(fmax(v, s->low) / s->low) / log(s->high / s->low);
    return (v - s->low) / (s->high - s->low);
}

double page_x(const struct page_plot *p, double v)
{
    return 100 * part(&p->x, v);
}

double page_y(const struct page_plot *p, double v)
{
    return p->height * (1 - part(&p->y, v));
}

/* ---- text of numbers ---- */

void page_number(char *text, size_t size, double v)
{
    static const struct {
        double of;
        const char *name;
    } unit[] = {{1e12, "T"}, {1e9, "G"}, {1e6, "M"}, {1e4, "k"}};

    for (size_t i = 0; i < sizeof unit / sizeof *unit; i++)
        if (fabs(v) >= unit[i].of) {
            double by = unit[i].of == 1e4 ? 1e3 : unit[i].of;
            snprintf(text, size, "%.4g%s", v / by, unit[i].name);
            return;
        }
    snprintf(text, size, fabs(v) < 1e-12 ? "0" : "%.4g", v);
}

void page_figure(char *text, size_t size, double v)
{
    snprintf(text, size, fabs(v) < 1e15 && v == nearbyint(v) ? "%.0f" : "%.6g", v);
}

static double of_time(const struct page_scale *s)
{
    return s->unit != PAGE_S ? 1 : s->high > 3 * 3600 ? 3600 : s->high > 600 ? 60 : 1;
}

static void tick_text(char *text, size_t size, const struct page_scale *s, double v)
{
    char number[TEXT_BYTES];

    switch (s->unit) {
    case PAGE_SHARE:
        snprintf(text, size, "%g%%", round(1e6 * v) / 1e4);
        break;
    case PAGE_MS:
        page_number(number, sizeof number, fabs(v) >= 1000 ? v / 1000 : v);
        snprintf(text, size, v != 0 ? "%.12s %s" : "0", number, fabs(v) >= 1000 ? "s" : "ms");
        break;
    default:
        page_number(text, size, v / of_time(s));
    }
}

/* ---- ticks ---- */

/* right: where the label before ends, in per cent of the narrowest plot there is; a label that would touch it is left
 * out. */
static void put_tick(FILE *out, const struct page_plot *p, bool is_x, double v, double *right)
{
    char text[TEXT_BYTES];

    tick_text(text, sizeof text, is_x ? &p->x : &p->y, v);
    if (is_x) {
        double at = page_x(p, v), half = 50.0 * CHARACTER * (double)strlen(text) / NARROWEST,
               end = at > 96 ? at : at + half;
        fprintf(out, "<line class=\"grid\" x1=\"%.2f%%\" x2=\"%.2f%%\" y2=\"%d\"/>", at, at, p->height + 4);
        if (end - 2 * half > *right) {
            fprintf(out, "<text x=\"%.2f%%\" y=\"%d\" text-anchor=\"%s\">%s</text>\n", at, p->height + 18,
                    at > 96 ? "end" : "middle", text);
            *right = end + 100.0 * CHARACTER / NARROWEST;
        }
    } else {
        double at = page_y(p, v);
        fprintf(out, "<line class=\"grid\" x2=\"100%%\" y1=\"%.1f\" y2=\"%.1f\"/>", at, at);
        fprintf(out, "<text x=\"-7\" y=\"%.1f\" text-anchor=\"end\">%s</text>\n", at + 4, text);
    }
}

/* Ticks within a decade, the fewer the more decades there are. */
static const struct {
    double decades;
    int n;
    double within[3];
} log_ticks[] = {{1.3, 3, {1, 2, 5}}, {2.6, 2, {1, 3}}, {INFINITY, 1, {1}}};

static void put_log_ticks(FILE *out, const struct page_plot *p, bool is_x)
{
    const struct page_scale *s = is_x ? &p->x : &p->y;
    double low = log10(s->low), high = log10(s->high);
    double right = -INFINITY;
    int each = (int)ceil((high - low) / (TICKS_X + 1)), t = 0;

    while (high - low >= log_ticks[t].decades)
        t++;
    for (int decade = (int)floor(low); decade <= (int)high; decade++)
        for (int i = 0; i < log_ticks[t].n; i++) {
            double v = log_ticks[t].within[i] * pow(10, decade);
            if (v >= s->low && v <= s->high && (each <= 1 || decade % each == 0))
                put_tick(out, p, is_x, v, &right);
        }
}

static void put_ticks(FILE *out, const struct page_plot *p, bool is_x)
{
    const struct page_scale *s = is_x ? &p->x : &p->y;

    if (s->log && s->high > 4 * s->low) {
        put_log_ticks(out, p, is_x);
        return;
    }
    double right = -INFINITY, by = of_time(s),
           step = s->step > 0 ? s->step : by * round_step((s->high - s->low) / by, is_x ? TICKS_X : TICKS_Y);
    for (double i = ceil(s->low / step - 1e-9); i * step <= s->high * (1 + 1e-9); i++)
        put_tick(out, p, is_x, i * step + 0.0, &right); /* no -0 */
}

/* ---- a plot ---- */

void page_plot_begin(FILE *out, const struct page_plot *p, const char *label, const char *x_title)
{
    fprintf(out, "<svg class=\"plot\" height=\"%d\" role=\"img\" aria-label=\"", p->height);
    page_text(out, label);
    fputs("\">\n", out);
    put_ticks(out, p, false);
    put_ticks(out, p, true);
    fprintf(out, "<text x=\"50%%\" y=\"%d\" text-anchor=\"middle\">", p->height + 36);
    page_text(out, x_title);
    if (p->x.unit == PAGE_S)
        fputs(of_time(&p->x) == 1 ? ", s" : of_time(&p->x) == 60 ? ", min" : ", h", out);
    fputs("</text>\n", out);
}

void page_plot_end(FILE *out)
{
    fputs("</svg>\n", out);
}

static void frame_begin(FILE *out, const struct page_plot *p)
{
    fprintf(out,
            "<svg viewBox=\"0 0 %d %d\" preserveAspectRatio=\"none\" width=\"100%%\" "
            "height=\"%d\">",
            FRAME, p->height, p->height);
}

static double frame_x(const struct page_plot *p, double v)
{
    return FRAME / 100.0 * page_x(p, v);
}

void page_plot_same(FILE *out, const struct page_plot *p, double around)
{
    double a = fmax(p->x.low, p->y.low), b = fmin(p->x.high, p->y.high);
    const double by[] = {1 + around, 1 - around};

    fputs("<g class=\"clip\">", out);
    frame_begin(out, p);
    fprintf(out,
            "<path class=\"band\" d=\"M%.1f %.1fL%.1f %.1fL%.1f %.1fL%.1f "
            "%.1fz\"/>",
            frame_x(p, a), page_y(p, a * by[0]), frame_x(p, b), page_y(p, b * by[0]), frame_x(p, b),
            page_y(p, b * by[1]), frame_x(p, a), page_y(p, a * by[1]));
    fprintf(out,
            "<path class=\"same\" d=\"M%.1f %.1fL%.1f "
            "%.1f\"/></svg></g>\n",
            frame_x(p, a), page_y(p, a), frame_x(p, b), page_y(p, b));
}

void page_plot_shade(FILE *out, const struct page_plot *p, double x_low, double x_high)
{
    fprintf(out, "<rect class=\"band\" x=\"%.2f%%\" width=\"%.2f%%\" height=\"%d\"/>\n", page_x(p, x_low),
            page_x(p, x_high) - page_x(p, x_low), p->height);
}

void page_plot_dot(FILE *out, const struct page_plot *p, double x, double y, int colour)
{
    fprintf(out, "<circle class=\"k%d\" cx=\"%.2f%%\" cy=\"%.1f\" r=\"3.5\">", colour, page_x(p, x), page_y(p, y));
}

void page_plot_bar(FILE *out, const struct page_plot *p, double x, double low, double high, int colour)
{
    double at = page_x(p, x), y1 = page_y(p, fmax(low, p->y.low)), y2 = page_y(p, fmin(high, p->y.high));

    fprintf(out,
            "<line class=\"l l%d\" x1=\"%.2f%%\" x2=\"%.2f%%\" y1=\"%.1f\" "
            "y2=\"%.1f\"/>\n",
            colour, at, at, y1, y2);
}

void page_plot_line(FILE *out, const struct page_plot *p, const double *x, const double *y, int n, int colour,
                    bool stepped)
{
    bool drawing = false;

    frame_begin(out, p);
    fprintf(out, "<path class=\"l l%d\" d=\"", colour);
    for (int i = 0; i < n; i++) {
        if (isnan(y[i]) || isnan(x[i])) {
            drawing = false;
            continue;
        }
        if (drawing && stepped)
            fprintf(out, "H%.1f", frame_x(p, x[i]));
        fprintf(out, "%c%.1f %.1f", drawing ? 'L' : 'M', frame_x(p, x[i]), page_y(p, y[i]));
        drawing = true;
    }
    fputs("\"/></svg>\n", out);
}

/* From the first point to the last; a gap counts as 0. */
void page_plot_area(FILE *out, const struct page_plot *p, const double *x, const double *low, const double *high, int n,
                    int colour, bool faint)
{
    frame_begin(out, p);
    fprintf(out, "<path class=\"%s k%d\" d=\"", faint ? "faint" : "area", colour);
    for (int i = 0; i < n; i++)
        fprintf(out, "%c%.1f %.1f", i ? 'L' : 'M', frame_x(p, x[i]), page_y(p, isnan(high[i]) ? 0 : high[i]));
    for (int i = n - 1; i >= 0; i--)
        fprintf(out, "L%.1f %.1f", frame_x(p, x[i]), page_y(p, isnan(low[i]) ? 0 : low[i]));
    fputs("z\"/></svg>\n", out);
}

/* ---- beside plots ---- */

void page_legend(FILE *out, const char *const *names, const int *colours, int n, bool filled)
{
    fputs("<div class=\"legend\">", out);
    for (int i = 0; i < n; i++) {
        fprintf(out, "<span><svg width=\"%d\" height=\"10\" aria-hidden=\"true\">", LEGEND_WIDTH);
        if (filled)
            fprintf(out, "<rect class=\"k%d\" x=\"5\" width=\"12\" height=\"10\"/>", colours[i] % PAGE_COLOURS);
        else
            fprintf(out, "<path class=\"l l%d\" d=\"M0 5H%d\"/>", colours[i] % PAGE_COLOURS, LEGEND_WIDTH);
        fputs("</svg>", out);
        page_text(out, names[i]);
        fputs("</span>", out);
    }
    fputs("</div>\n", out);
}

void page_bar(FILE *out, const char *label, const char *value, const struct page_part *parts, int n)
{
    fputs("<div class=\"bar\"><p><span>", out);
    page_text(out, label);
    fputs("</span><span>", out);
    page_text(out, value);
    fputs("</span></p><svg role=\"img\" aria-label=\"", out);
    page_text(out, label);
    fputs("\"><rect class=\"band\" width=\"100%\" height=\"14\"/>", out);
    for (int i = 0; i < n; i++) {
        fprintf(out,
                "<rect class=\"k%d\" x=\"%.3f%%\" width=\"%.3f%%\" "
                "height=\"14\"><title>",
                parts[i].colour % PAGE_COLOURS, 100 * parts[i].from, 100 * fmax(parts[i].to - parts[i].from, 0));
        page_text(out, parts[i].title);
        fputs("</title></rect>", out);
    }
    fputs("</svg></div>\n", out);
}
