/*
 * dist.h - samplers that give the same bits on every CPU and compiler (num.h, rng.h).
 *
 * Each mixes the value it gives into the stream's digest, once. Parametrisation in each comment; tests compare
 * moments and Kolmogorov-Smirnov distances with GSL's distributions.
 *
 * The exponential and the normal are ziggurats (Marsaglia and Tsang, "The ziggurat method for generating random
 * variables", 2000) of 256 layers; their tables are computed once by num.h, by the first rng_init. Layer and abscissa
 * come from disjoint bits of one 64-bit word, which the 2000 paper's 32-bit version does not do.
 *
 *   f(x) |\                    layer i is the box [0, x_i) x [f(x_i), f(x_i+1)); a point left of x_i+1 lies under the
 *        |_|\__                curve for certain (99% of draws), else the curve itself is asked; layer 0 also stands
 *        |____|\____           for the tail beyond x_1. All layers have the same area.
 *        +-----------> x
 *
 * A draw may take a varying number of words from its stream, but never one that depends on a scale or mean: two
 * scenarios that differ in a rate see the same arrivals, stretched.
 */
#ifndef BASE_DIST_H
#define BASE_DIST_H

#include <stdint.h>

#include "base/rng.h"

struct dist_layer {
    uint64_t inside; /* of 2^52 abscissas, how many lie under the curve for certain */
    double width;    /* x_i / 2^52 */
};
extern struct dist_layer dist_exponential_layers[256]; /* written once, by dist_tables_make */

void dist_tables_make(void);                                /* thread-safe; rng_init calls it */
double dist_exponential_rare(struct rng *r, uint64_t word); /* the 1% of draws that need more than one word; mean 1 */

/* mean > 0 */
static inline double dist_exponential(struct rng *r, double mean)
{
    uint64_t u = rng_u64(r), j = u >> 12;
    const struct dist_layer *l = &dist_exponential_layers[u & 255];
    double x;

    if (__builtin_expect(j < l->inside, 1))
        x = ((double)(int64_t)j + 0.5) * l->width;
    else
        x = dist_exponential_rare(r, u);
    x *= mean;
    rng_mix_double(r, x);
    return x;
}

double dist_uniform(struct rng *r, double lo, double hi);          /* lo + (hi-lo)*U, continuous on (lo, hi) */
double dist_normal(struct rng *r);                                 /* mean 0, sd 1 */
double dist_gamma(struct rng *r, double shape, double scale);      /* mean shape*scale */
double dist_lognormal(struct rng *r, double median, double sigma); /* median * exp(sigma*N) */
double dist_weibull(struct rng *r, double shape, double scale);    /* P(X > x) = exp(-(x/scale)^shape) */

/* Zipf over the integers 1..n: P(k) proportional to k^-s, s >= 0, n <= 2^52. Rejection-inversion (Hoermann and
 * Derflinger 1996), constant set-up, O(1) a draw. */
struct dist_zipf {
    double s, n, h_x1, h_n, cut;
};
void dist_zipf_init(struct dist_zipf *z, double s, uint64_t n);
uint64_t dist_zipf_draw(struct rng *r, const struct dist_zipf *z);

/* Successes of n >= 0 trials of probability p each (dist_binomial.c): O(1). */
int64_t dist_binomial(struct rng *r, int64_t n, double p);

/* Empirical: the quantile function is linear between the points given (p in [0,1] ascending, first 0, last
 * 1; x non-decreasing). One uniform a draw. Two points with the same p are a jump. */
enum { DIST_QUANTILES_MAX = 40 };
struct dist_quantiles {
    int n;
    double p[DIST_QUANTILES_MAX];
    double x[DIST_QUANTILES_MAX];
};
double dist_empirical(struct rng *r, const struct dist_quantiles *q);
double dist_quantiles_mean(const struct dist_quantiles *q); /* exact mean of the piecewise-linear law */

#endif
