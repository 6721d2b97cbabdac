/*
 * series.h - the values of one latency: kept and sorted (exact), or in a log histogram (bounded memory).
 * Mean and std are exact either way. Values are ns >= 0; results are ns; NaN where there is nothing.
 */
#ifndef REPORT_SERIES_H
#define REPORT_SERIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hist.h"
#include "base/sort.h"

struct series { /* zeroed but for `exact`: empty */
    bool exact;
    double *value;
    size_t n, cap;
    double mean, squares; /* running mean; sum of squared distances from it (Welford 1962) */
    struct hist hist;
};

void series_add(struct series *s, double value);
void series_append(struct series *to, const struct series *from); /* the values of both, as if added one by one */
void series_sort(struct series *s);                               /* before quantiles of an exact one */
double series_mean(const struct series *s);
double series_std(const struct series *s); /* population */
double series_quantile(const struct series *s, double p);
void series_free(struct series *s);

/* The same for whole numbers that come with a weight, millions of them: sums are exact, in 128 bits. */
struct weighted {
    bool exact;
    struct sort_pair *pair; /* value, weight */
    size_t n, cap;
    uint64_t total;                 /* weight */
    unsigned __int128 sum, squares; /* of value, of value squared, by weight */
    struct hist hist;
};

void weighted_grow(struct weighted *w);
void weighted_sort(struct weighted *w);
double weighted_mean(const struct weighted *w);
double weighted_std(const struct weighted *w);
double weighted_quantile(const struct weighted *w, double p);
void weighted_free(struct weighted *w);

static inline void weighted_add(struct weighted *w, uint64_t value, uint64_t weight)
{
    w->total += weight;
    w->sum += (unsigned __int128)value * weight;
    w->squares += (unsigned __int128)value * value * weight;
    if (!w->exact) {
        hist_add(&w->hist, (double)value, weight);
        return;
    }
    if (__builtin_expect(w->n == w->cap, 0))
        weighted_grow(w);
    w->pair[w->n++] = (struct sort_pair){value, weight};
}

#endif
