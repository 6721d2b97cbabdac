#include "report/series.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "report/quantile.h"

void series_add(struct series *s, double value)
{
    double off = value - s->mean;

    s->n++;
    s->mean += off / (double)s->n;
    s->squares += off * (value - s->mean);
    if (!s->exact) {
        hist_add(&s->hist, value, 1);
        return;
    }
    if (s->n > s->cap) {
        s->cap = s->cap ? 2 * s->cap : 1024;
        s->value = mem_realloc(s->value, s->cap * sizeof *s->value);
    }
    s->value[s->n - 1] = value;
}

/* Moments of the union: Chan, Golub, LeVeque 1979. */
void series_append(struct series *to, const struct series *from)
{
    size_t n = to->n + from->n;

    if (from->n == 0)
        return;
    double a = (double)to->n, b = (double)from->n, off = from->mean - to->mean;
    to->mean += off * b / (a + b);
    to->squares += from->squares + off * off * a * b / (a + b);
    if (to->exact) {
        if (n > to->cap) {
            to->cap = n;
            to->value = mem_realloc(to->value, n * sizeof *to->value);
        }
        memcpy(to->value + to->n, from->value, from->n * sizeof *to->value);
    } else {
        hist_merge(&to->hist, &from->hist);
    }
    to->n = n;
}

void series_sort(struct series *s)
{
    if (s->exact)
        sort_doubles(s->value, s->n);
}

double series_mean(const struct series *s)
{
    return s->n ? s->mean : NAN;
}

double series_std(const struct series *s)
{
    return s->n ? sqrt(s->squares / (double)s->n) : NAN;
}

double series_quantile(const struct series *s, double p)
{
    return s->exact ? quantile_sorted(s->value, s->n, p) : hist_quantile(&s->hist, p);
}

void series_free(struct series *s)
{
    free(s->value);
    hist_free(&s->hist);
}

void weighted_grow(struct weighted *w)
{
    w->cap = w->cap ? 2 * w->cap : 4096;
    w->pair = mem_realloc(w->pair, w->cap * sizeof *w->pair);
}

void weighted_sort(struct weighted *w)
{
    if (w->exact)
        sort_pairs(w->pair, w->n);
}

double weighted_mean(const struct weighted *w)
{
    return w->total ? (double)w->sum / (double)w->total : NAN;
}

/* sum w (x - m)^2 with m the mean rounded down, in whole numbers; then moved to the true mean. */
double weighted_std(const struct weighted *w)
{
    if (!w->total)
        return NAN;
    unsigned __int128 m = w->sum / w->total, rest = w->sum % w->total;
    unsigned __int128 about = w->squares - m * (2 * w->sum - m * w->total);
    double part = (double)rest / (double)w->total, variance = (double)about / (double)w->total - part * part;
    return variance > 0 ? sqrt(variance) : 0;
}

double weighted_quantile(const struct weighted *w, double p)
{
    return w->exact ? quantile_weighted(w->pair, w->n, w->total, p) : hist_quantile(&w->hist, p);
}

void weighted_free(struct weighted *w)
{
    free(w->pair);
    hist_free(&w->hist);
}
