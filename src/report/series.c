#include "report/series.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/sort.h"
#include "report/quantile.h"

/* Doubles that are not negative order as their bits do. */
static uint64_t key_of(double value)
{
    uint64_t key;

    sim_assert(value >= 0);
    memcpy(&key, &value, sizeof key);
    return key;
}

static double value_of(uint64_t key)
{
    double value;

    memcpy(&value, &key, sizeof value);
    return value;
}

/* Of `total` values, as quantile.h says; from the two beside each. */
static int quantiles(const struct values *const *v, size_t n_v, uint64_t total, const double *p, int n,
                     double value(uint64_t), double *out, struct err *e)
{
    struct rank_between at[QUANTILES_MAX];
    struct sort_pair order[2 * QUANTILES_MAX]; /* ranks, and whose they are */
    uint64_t rank[2 * QUANTILES_MAX], key[2 * QUANTILES_MAX];
    double side[2 * QUANTILES_MAX];

    sim_assert(n <= QUANTILES_MAX);
    for (int i = 0; i < n; i++)
        out[i] = NAN;
    if (total == 0)
        return 0;
    for (int i = 0; i < n; i++) {
        at[i] = quantile_rank(total, p[i]);
        order[2 * i] = (struct sort_pair){at[i].rank, (uint64_t)(2 * i)};
        order[2 * i + 1] = (struct sort_pair){at[i].next, (uint64_t)(2 * i + 1)};
    }
    sort_pairs(order, (size_t)(2 * n));
    for (int i = 0; i < 2 * n; i++)
        rank[i] = order[i].key;
    if (values_at_ranks(v, n_v, rank, (size_t)(2 * n), key, e))
        return -1;
    for (int i = 0; i < 2 * n; i++)
        side[order[i].value] = value(key[i]);
    for (int i = 0; i < n; i++)
        out[i] = quantile_between(&at[i], side[2 * i], side[2 * i + 1]);
    return 0;
}

void series_init(struct series *s, struct value_pool *p)
{
    *s = (struct series){.exact = p != NULL};
    values_init(&s->values, p, false);
}

void series_add(struct series *s, double value)
{
    double off = value - s->mean;

    s->n++;
    s->mean += off / (double)s->n;
    s->squares += off * (value - s->mean);
    if (s->exact)
        values_add(&s->values, key_of(value));
    else
        hist_add(&s->hist, value, 1);
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
        to->also = mem_realloc((void *)to->also, (to->n_also + 1) * sizeof *to->also);
        to->also[to->n_also++] = &from->values;
    } else {
        hist_merge(&to->hist, &from->hist);
    }
    to->n = n;
}

double series_mean(const struct series *s)
{
    return s->n ? s->mean : NAN;
}

double series_std(const struct series *s)
{
    return s->n ? sqrt(s->squares / (double)s->n) : NAN;
}

int series_quantiles(const struct series *s, const double *p, int n, double *out, struct err *e)
{
    if (!s->exact) {
        for (int i = 0; i < n; i++)
            out[i] = hist_quantile(&s->hist, p[i]);
        return 0;
    }
    const struct values **all = mem_alloc((s->n_also + 1) * sizeof *all);
    all[0] = &s->values;
    for (size_t i = 0; i < s->n_also; i++)
        all[i + 1] = s->also[i];
    int status = quantiles(all, s->n_also + 1, s->n, p, n, value_of, out, e);
    free((void *)all);
    return status;
}

void series_free(struct series *s)
{
    values_free(&s->values);
    free((void *)s->also);
    hist_free(&s->hist);
}

void weighted_init(struct weighted *w, struct value_pool *p)
{
    *w = (struct weighted){.exact = p != NULL};
    values_init(&w->values, p, true);
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

static double number_of(uint64_t key)
{
    return (double)key;
}

int weighted_quantiles(const struct weighted *w, const double *p, int n, double *out, struct err *e)
{
    const struct values *v = &w->values;

    if (w->exact)
        return quantiles(&v, 1, w->total, p, n, number_of, out, e);
    for (int i = 0; i < n; i++)
        out[i] = hist_quantile(&w->hist, p[i]);
    return 0;
}

void weighted_free(struct weighted *w)
{
    values_free(&w->values);
    hist_free(&w->hist);
}
