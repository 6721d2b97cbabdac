#include "report/quantile.h"

#include <math.h>

double quantile_sorted(const double *x, size_t n, double p)
{
    if (n == 0)
        return NAN;
    double index = p * (double)(n - 1);
    size_t i = (size_t)index;
    if (i >= n - 1)
        return x[n - 1];
    double d = index - (double)i;
    return (1 - d) * x[i] + d * x[i + 1];
}

double quantile_weighted(const struct sort_pair *x, size_t n, uint64_t total, double p)
{
    uint64_t seen = 0;
    size_t i = 0;

    if (total == 0)
        return NAN;
    double index = p * (double)(total - 1);
    uint64_t rank = (uint64_t)index;
    if (rank > total - 1)
        rank = total - 1;
    while (i < n && seen + x[i].value <= rank)
        seen += x[i++].value;
    double here = (double)x[i].key;
    if (rank == total - 1)
        return here;
    for (seen += x[i].value; seen <= rank + 1; seen += x[i].value)
        i++;
    double d = index - (double)rank;
    return (1 - d) * here + d * (double)x[i].key;
}
