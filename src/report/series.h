/*
 * series.h - the values of one latency: all of them (exact; values.h), or in a log histogram (within 0.1%).
 * Mean and std are exact either way. Values are ns >= 0; results are ns; NaN where there is nothing.
 */
#ifndef REPORT_SERIES_H
#define REPORT_SERIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hist.h"
#include "report/values.h"

struct series {
    bool exact;
    struct values values;
    const struct values **also; /* of those that were appended */
    size_t n, n_also;
    double mean, squares; /* running mean; sum of squared distances from it (Welford 1962) */
    struct hist hist;
};

void series_init(struct series *s, struct value_pool *p); /* NULL: not exact */
void series_add(struct series *s, double value);
/* The values of both, as if added one by one; borrows those of `from`, to which none may come after. */
void series_append(struct series *to, const struct series *from);
double series_mean(const struct series *s);
double series_std(const struct series *s); /* population */
enum { QUANTILES_MAX = 8 };
/* n at most QUANTILES_MAX. -1 with err where the values cannot be read. */
int series_quantiles(const struct series *s, const double *p, int n, double *out, struct err *e);
void series_free(struct series *s);

/* The same for whole numbers that come with a weight, millions of them: sums are exact, in 128 bits. */
struct weighted {
    bool exact;
    struct values values;
    uint64_t total;                 /* weight */
    unsigned __int128 sum, squares; /* of value, of value squared, by weight */
    struct hist hist;
};

void weighted_init(struct weighted *w, struct value_pool *p); /* NULL: not exact */
double weighted_mean(const struct weighted *w);
double weighted_std(const struct weighted *w);
int weighted_quantiles(const struct weighted *w, const double *p, int n, double *out, struct err *e);
void weighted_free(struct weighted *w);

static inline void weighted_add(struct weighted *w, uint64_t value, uint64_t weight)
{
    w->total += weight;
    w->sum += (unsigned __int128)value * weight;
    w->squares += (unsigned __int128)value * value * weight;
    if (w->exact)
        values_add_weighted(&w->values, value, weight);
    else
        hist_add(&w->hist, (double)value, weight);
}

#endif
