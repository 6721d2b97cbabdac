/*
 * quantile.h - percentiles of sorted values: linear between the two nearest ranks (type 7 of Hyndman and Fan 1996),
 * with the arithmetic of GSL's gsl_stats_quantile_from_sorted_data, so that results are the same bits.
 *
 *   index = p (n - 1), i = floor(index), d = index - i:  x = (1 - d) x[i] + d x[i+1]
 *
 * NaN where there is nothing.
 */
#ifndef REPORT_QUANTILE_H
#define REPORT_QUANTILE_H

#include <stddef.h>
#include <stdint.h>

/* Where a quantile of n values lies, n > 0: between two ranks, which are one at the end. */
struct rank_between {
    uint64_t rank, next;
    double share; /* of the way from one to the other */
};
struct rank_between quantile_rank(uint64_t n, double p);
double quantile_between(const struct rank_between *r, double at, double next);

double quantile_sorted(const double *x, size_t n, double p);

#endif
