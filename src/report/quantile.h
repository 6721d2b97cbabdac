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

#include "base/sort.h"

double quantile_sorted(const double *x, size_t n, double p);

/* Of the list in which each key stands `value` times; total is the sum of these. Sorted by key. */
double quantile_weighted(const struct sort_pair *x, size_t n, uint64_t total, double p);

#endif
