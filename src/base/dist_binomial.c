/*
 * dist_binomial.c - how many of n independent trials succeed.
 *
 * Few trials are made one by one. Few successes (n p < 10) by inversion: the distribution function is summed from 0 up.
 * Else Hoermann's transformed rejection with squeeze (BTRS; "The generation of binomial random variates", J. Stat.
 * Comput. Simul. 46, 1993): a constant number of draws at any n. All three are exact up to the 52 bits of a uniform.
 */
#include <math.h> /* sqrt, floor, fabs: exact or correctly rounded everywhere */
#include <stdbool.h>

#include "base/bug.h"
#include "base/dist.h"
#include "base/num.h"

enum { ONE_BY_ONE = 12 };
#define INVERSION_MEAN 10

static int64_t one_by_one(struct rng *r, int64_t n, double p)
{
    int64_t k = 0;

    for (int64_t i = 0; i < n; i++)
        k += rng_u01(r) < p;
    return k;
}

static int64_t by_inversion(struct rng *r, int64_t n, double p)
{
    double odds = p / (1 - p), left = rng_u01(r), mass = num_pow(1 - p, (double)n);
    int64_t k = 0;

    while (left > mass && k < n) {
        left -= mass;
        mass *= odds * (double)(n - k) / (double)(k + 1);
        k++;
        if (mass < 1e-300) /* the sum fell short of 1 by rounding */
            break;
    }
    return k;
}

/* log of P(k) / P(mode) and a constant */
static double log_mass(double n, double k, double log_odds)
{
    return k * log_odds - num_lgamma(k + 1) - num_lgamma(n - k + 1);
}

/* p <= 1/2, n p >= 10. Names as in the paper. */
static int64_t by_rejection(struct rng *r, double n, double p)
{
    double spq = sqrt(n * p * (1 - p)), b = 1.15 + 2.53 * spq, a = -0.0873 + 0.0248 * b + 0.01 * p;
    double c = n * p + 0.5, v_r = 0.92 - 4.2 / b, alpha = (2.83 + 5.1 / b) * spq;
    double log_odds = num_log(p / (1 - p)), mode = floor((n + 1) * p), top = log_mass(n, mode, log_odds);

    for (;;) {
        double u = rng_u01(r) - 0.5, v = rng_u01(r), us = 0.5 - fabs(u);
        double k = floor((2 * a / us + b) * u + c);
        if (k < 0 || k > n)
            continue;
        if (us >= 0.07 && v <= v_r)
            return (int64_t)k;
        if (num_log(v * alpha / (a / (us * us) + b)) <= log_mass(n, k, log_odds) - top)
            return (int64_t)k;
    }
}

int64_t dist_binomial(struct rng *r, int64_t n, double p)
{
    bool swapped = p > 0.5;
    double q = swapped ? 1 - p : p;
    int64_t k = 0;

    sim_assert(n >= 0 && p >= 0 && p <= 1);
    if (n <= ONE_BY_ONE)
        k = q > 0 ? one_by_one(r, n, q) : 0;
    else if (q > 0)
        k = q * (double)n < INVERSION_MEAN ? by_inversion(r, n, q) : by_rejection(r, (double)n, q);
    k = swapped ? n - k : k;
    rng_mix_u64(r, (uint64_t)k);
    return k;
}
