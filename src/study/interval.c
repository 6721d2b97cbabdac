#include "study/interval.h"

#include <math.h>
#include <stdlib.h>

#include <gsl/gsl_cdf.h>

#include "base/bug.h"

struct moments {
    double mean, var; /* of the values, with n - 1; NaN of one */
};

static struct moments moments_of(const double *x, int64_t n)
{
    struct moments m = {NAN, NAN};
    double sum = 0, squares = 0;

    for (int64_t i = 0; i < n; i++)
        sum += x[i];
    if (n > 0)
        m.mean = sum / (double)n;
    for (int64_t i = 0; i < n; i++)
        squares += (x[i] - m.mean) * (x[i] - m.mean);
    if (n > 1)
        m.var = squares / (double)(n - 1);
    for (int64_t i = 1; i < n; i++)
        if (x[i] != x[0])
            return m;
    if (n > 1) /* all alike: no dust of rounding */
        m = (struct moments){x[0], 0};
    return m;
}

static double t_quantile(double confidence, double dof)
{
    return gsl_cdf_tdist_Pinv(1 - (1 - confidence) / 2, dof);
}

struct interval interval_of(const double *x, int64_t n, double confidence)
{
    struct moments m = moments_of(x, n);
    struct interval i = {n, m.mean, sqrt(m.var), NAN, NAN};

    if (n > 1) {
        double half = t_quantile(confidence, (double)(n - 1)) * i.sd / sqrt((double)n);
        i.low = m.mean - half;
        i.high = m.mean + half;
    }
    return i;
}

struct interval interval_next(const double *x, int64_t n, double confidence)
{
    double *logs = mem_zalloc((size_t)n + 1, sizeof *logs);

    for (int64_t i = 0; i < n; i++)
        logs[i] = log(x[i]);
    struct moments m = moments_of(logs, n);
    struct interval i = {n, exp(m.mean), exp(sqrt(m.var)), NAN, NAN};
    free(logs);
    if (n > 1) {
        double half = t_quantile(confidence, (double)(n - 1)) * sqrt(m.var * (1 + 1 / (double)n));
        i.low = exp(m.mean - half);
        i.high = exp(m.mean + half);
    }
    return i;
}

double interval_relative(const struct interval *i)
{
    double half = (i->high - i->low) / 2;

    return half == 0 ? 0 : half / fabs(i->mean);
}

/* Two-sided, of a mean that lies se standard errors from 0. */
static double p_of(double mean, double se, double dof)
{
    if (se == 0)
        return mean == 0 ? 1 : 0;
    return 2 * gsl_cdf_tdist_Q(fabs(mean) / se, dof);
}

/* va, vb, vab: variances and covariance of the two means. */
static void ratio_of(struct difference *d, double va, double vb, double vab, double t)
{
    double g = t * t * va / (d->a * d->a), middle, root;

    if (!(g < 1))
        return;
    middle = d->ratio - (va > 0 ? g * vab / va : 0);
    root = vb - 2 * d->ratio * vab + d->ratio * d->ratio * va - (va > 0 ? g * (vb - vab * vab / va) : 0);
    root = t / fabs(d->a) * sqrt(root > 0 ? root : 0);
    d->ratio_low = (middle - root) / (1 - g);
    d->ratio_high = (middle + root) / (1 - g);
}

/* se: standard error of the difference. */
static void ends_of(struct difference *d, double se, double dof, double t)
{
    d->low = d->mean - t * se;
    d->high = d->mean + t * se;
    d->p = p_of(d->mean, se, dof);
}

static double covariance(const double *a, const double *b, int64_t n, double mean_a, double mean_b)
{
    double sum = 0;

    for (int64_t i = 0; i < n; i++)
        sum += (a[i] - mean_a) * (b[i] - mean_b);
    return sum / (double)(n - 1);
}

static struct difference difference_of(bool paired, int64_t n_a, int64_t n_b, double a, double b)
{
    return (struct difference){.paired = paired,
                               .n_a = n_a,
                               .n_b = n_b,
                               .a = a,
                               .b = b,
                               .mean = b - a,
                               .sd = NAN,
                               .low = NAN,
                               .high = NAN,
                               .p = NAN,
                               .ratio = a == 0 ? NAN : b / a,
                               .ratio_low = NAN,
                               .ratio_high = NAN};
}

struct difference interval_paired(const double *a, const double *b, int64_t n, double confidence)
{
    struct moments ma = moments_of(a, n), mb = moments_of(b, n);
    struct difference d = difference_of(true, n, n, ma.mean, mb.mean);

    if (n < 2)
        return d;
    double *each = mem_zalloc((size_t)n, sizeof *each), t = t_quantile(confidence, (double)(n - 1)), size = (double)n;
    for (int64_t i = 0; i < n; i++)
        each[i] = b[i] - a[i];
    struct moments m = moments_of(each, n);
    free(each);
    d.mean = m.mean;
    d.sd = sqrt(m.var);
    ends_of(&d, d.sd / sqrt(size), size - 1, t);
    ratio_of(&d, ma.var / size, mb.var / size, covariance(a, b, n, ma.mean, mb.mean) / size, t);
    return d;
}

struct difference interval_unpaired(const double *a, int64_t n_a, const double *b, int64_t n_b, double confidence)
{
    struct moments ma = moments_of(a, n_a), mb = moments_of(b, n_b);
    struct difference d = difference_of(false, n_a, n_b, ma.mean, mb.mean);
    double va = ma.var / (double)n_a, vb = mb.var / (double)n_b, dof = (double)(n_a + n_b - 2);

    if (n_a < 2 || n_b < 2)
        return d;
    if (va + vb > 0)
        dof = (va + vb) * (va + vb) / (va * va / (double)(n_a - 1) + vb * vb / (double)(n_b - 1));
    double t = t_quantile(confidence, dof);
    ends_of(&d, sqrt(va + vb), dof, t);
    ratio_of(&d, va, vb, 0, t);
    return d;
}

struct ranked {
    double p;
    int64_t at;
};

static int by_p(const void *x, const void *y)
{
    const struct ranked *a = x, *b = y;

    return a->p != b->p ? (a->p > b->p) - (a->p < b->p) : (a->at > b->at) - (a->at < b->at);
}

void interval_holm(double *p, int64_t n)
{
    struct ranked *rank = mem_zalloc((size_t)n + 1, sizeof *rank);
    int64_t m = 0;
    double worst = 0;

    for (int64_t i = 0; i < n; i++)
        if (!isnan(p[i]))
            rank[m++] = (struct ranked){p[i], i};
    qsort(rank, (size_t)m, sizeof *rank, by_p);
    for (int64_t k = 0; k < m; k++) {
        double adjusted = (double)(m - k) * rank[k].p;
        worst = adjusted > worst ? adjusted : worst;
        p[rank[k].at] = worst < 1 ? worst : 1;
    }
    free(rank);
}

bool interval_batches(const double *x, int64_t n, double mean[INTERVAL_BATCHES])
{
    int64_t size = n / INTERVAL_BATCHES;

    if (size < 2)
        return false;
    x += n - size * INTERVAL_BATCHES;
    for (int k = 0; k < INTERVAL_BATCHES; k++, x += size)
        mean[k] = moments_of(x, size).mean;
    return true;
}

bool interval_correlated(const double *x, int64_t n)
{
    struct moments m = moments_of(x, n);
    double steps = 0, size = (double)n;

    if (n < 3 || m.var == 0)
        return false;
    for (int64_t i = 1; i < n; i++)
        steps += (x[i] - x[i - 1]) * (x[i] - x[i - 1]);
    double c = 1 - steps / (2 * m.var * (size - 1));
    return c / sqrt((size - 2) / (size * size - 1)) > gsl_cdf_ugaussian_Pinv(0.95);
}
