#include "report/report_memory.h"

#include <ctype.h>
#include <math.h>
#include <stdarg.h>
#include <string.h>

enum { HOPS = 3 };                   /* that are named */
static const double SHOWN_MS = 0.01; /* what tokens lost at a port, at least */

struct sheet {
    const struct results *r;
    int label;
    FILE *out;
};

/* What follows PREFIX in the name of a metric, or NULL. */
static const char *of(const char *name, const char *prefix)
{
    size_t n = strlen(prefix);

    return strncmp(name, prefix, n) == 0 ? name + n : NULL;
}

static void label(const struct sheet *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void label(const struct sheet *s, const char *fmt, ...)
{
    char text[128];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    for (char *c = text; *c; c++)
        *c = iscntrl((unsigned char)*c) ? '?' : *c;
    fprintf(s->out, "%-*s ", s->label, text);
}

static void value(const struct sheet *s, double v, int decimals, const char *unit)
{
    if (isnan(v))
        fputs("-\n", s->out);
    else
        fprintf(s->out, "%.*f%s\n", decimals, v, unit);
}

static void bytes(const struct sheet *s, double v)
{
    static const char *const units[] = {" B", " kB", " MB", " GB", " TB", " PB"};
    size_t u = 0;

    while (v >= 1000 && u + 1 < sizeof units / sizeof units[0]) {
        v /= 1000;
        u++;
    }
    value(s, v, u ? 2 : 0, units[u]);
}

static double metric(const struct sheet *s, const char *what, const char *name)
{
    char full[640];

    snprintf(full, sizeof full, "%s/%s", what, name);
    return results_metric(s->r, -1, full, NULL);
}

/* ---- hits, moves, wear ---- */

typedef void line_of(const struct sheet *s, const char *name, double v);

static void each(const struct sheet *s, const char *prefix, line_of *line)
{
    for (int64_t i = 0; i < s->r->n_metrics; i++) {
        const char *name = s->r->metrics[i].class_id < 0 ? of(s->r->metrics[i].name, prefix) : NULL;
        if (name)
            line(s, name, s->r->metrics[i].value);
    }
}

static void hit(const struct sheet *s, const char *name, double v)
{
    label(s, "  found in %.24s:", name);
    if (isnan(v)) {
        fputs("-\n", s->out);
        return;
    }
    fprintf(s->out, "%.2f %%, ", 100 * v);
    bytes(s, metric(s, "hit_bytes", name));
}

static void moved(const struct sheet *s, const char *name, double v)
{
    label(s, "Moved, %.24s:", name);
    bytes(s, v);
}

static void evicted(const struct sheet *s, const char *name, double v)
{
    label(s, "Evicted from %.24s (blocks):", name);
    value(s, v, 0, "");
}

static void life(const struct sheet *s, const char *name, double v)
{
    label(s, "Drive writes per day, %.20s:", name);
    value(s, metric(s, "drive_writes_per_day", name), 2, "");
    label(s, "Drive life, %.24s (years):", name);
    value(s, v, 2, "");
}

/* ---- contention ---- */

struct hop {
    const char *name; /* KIND/PORT/BY */
    double lost;
};

/* Has to do with steps: their own work, or transfers that they wait for. */
static bool is_of_steps(const char *name)
{
    return of(name, "step/") || of(name, "expert/") || of(name, "read/") || of(name, "table/");
}

/* The worst of those of a prefix; of transfers, without what tokens wait for. */
static int worst(const struct sheet *s, const char *prefix, bool of_steps, struct hop out[HOPS])
{
    int n = 0;

    for (int64_t i = 0; i < s->r->n_metrics; i++) {
        const struct store_metric *m = &s->r->metrics[i];
        const char *name = m->class_id < 0 ? of(m->name, prefix) : NULL;
        if (!name || isnan(m->value) || is_of_steps(name) != of_steps)
            continue;
        int at = n < HOPS ? n++ : HOPS;
        for (; at > 0 && out[at - 1].lost < m->value; at--)
            if (at < HOPS)
                out[at] = out[at - 1];
        if (at < HOPS)
            out[at] = (struct hop){name, m->value};
    }
    return n;
}

static bool label_hop(const struct sheet *s, const char *name, const char *unit)
{
    const char *first = strchr(name, '/'), *last = strrchr(name, '/');

    if (first == NULL || first == last)
        return false;
    label(s, "  %.*s at %.*s, by %.10s (%s):", (int)(first - name < 10 ? first - name : 10), name,
          (int)(last - first - 1 < 14 ? last - first - 1 : 14), first + 1, last + 1, unit);
    return true;
}

/* What tokens waited for, and at which ports to whom: worst first. */
static void gaps(const struct sheet *s)
{
    struct hop hop[HOPS];
    double all = results_metric(s->r, -1, "itl_contention_ms", NULL);
    int n = worst(s, "itl_contention_ms/", true, hop);

    label(s, "Contention in mean ITL (ms):");
    value(s, all, 2, "");
    for (int i = 0; i < n; i++)
        if (hop[i].lost >= SHOWN_MS && label_hop(s, hop[i].name, "ms"))
            fprintf(s->out, "%.2f (%.1f %%)\n", hop[i].lost, 100 * hop[i].lost / all);
}

static void transfers(const struct sheet *s)
{
    struct hop hop[HOPS];
    int n = worst(s, "contention_s/", false, hop);

    for (int i = 0; i < n; i++)
        if (label_hop(s, hop[i].name, "s"))
            value(s, hop[i].lost, 3, "");
}

/* ---- all ---- */

bool report_has_memory(const struct results *r)
{
    for (int64_t i = 0; i < r->n_metrics; i++)
        if (strcmp(r->metrics[i].name, "prefix_hit_rate") == 0 || of(r->metrics[i].name, "written_bytes/"))
            return true;
    return false;
}

/* Present, even if not a number. */
static bool has(const struct results *r, const char *name)
{
    for (int64_t i = 0; i < r->n_metrics; i++)
        if (strcmp(r->metrics[i].name, name) == 0)
            return true;
    return false;
}

void report_memory(const struct results *r, int label_columns, FILE *out)
{
    struct sheet s = {r, label_columns, out};

    if (has(r, "prefix_hit_rate")) {
        label(&s, "Prompt tokens from the cache:");
        value(&s, 100 * results_metric(r, -1, "prefix_hit_rate", NULL), 2, " %");
        each(&s, "hit_rate/", hit);
        label(&s, "Mean wait for cached KV (ms):");
        value(&s, results_metric(r, -1, "mean_restore_ms", NULL), 2, "");
    }
    each(&s, "moved_bytes/", moved);
    each(&s, "evicted_blocks/", evicted);
    if (has(r, "steps_slowed_share")) {
        label(&s, "Steps slowed by contention:");
        value(&s, 100 * results_metric(r, -1, "steps_slowed_share", NULL), 2, " %");
        gaps(&s);
        transfers(&s);
    }
    each(&s, "drive_life_years/", life);
}
