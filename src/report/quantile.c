#include "report/quantile.h"

#include <math.h>

struct rank_between quantile_rank(uint64_t n, double p)
{
    double index = p * (double)(n - 1);
    uint64_t rank = (uint64_t)index;

    if (rank >= n - 1)
        return (struct rank_between){n - 1, n - 1, 0};
    return (struct rank_between){rank, rank + 1, index - (double)rank};
}

double quantile_between(const struct rank_between *r, double at, double next)
{
    return r->rank == r->next ? at : (1 - r->share) * at + r->share * next;
}

double quantile_sorted(const double *x, size_t n, double p)
{
    if (n == 0)
        return NAN;
    struct rank_between r = quantile_rank(n, p);
    return quantile_between(&r, x[r.rank], x[r.next]);
}
