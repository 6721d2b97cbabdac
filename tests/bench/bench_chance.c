/*
 * bench_chance.c - nanoseconds a draw, per sampler; the median of five rounds.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/dist.h"
#include "base/num.h"
#include "base/rng.h"

enum { DRAWS = 2000000, ROUNDS = 5 };

static volatile double sink;

static double now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static int by_value(const void *a, const void *b)
{
    const double *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

static struct dist_zipf zipf;
static struct dist_quantiles quantiles = {
    .n = 7, .p = {0, 0.1, 0.25, 0.5, 0.75, 0.9, 1}, .x = {1, 91, 390, 1020, 1500, 2400, 14050}};

#define BENCH(name, draw)                                                                                              \
    do {                                                                                                               \
        double took[ROUNDS];                                                                                           \
        for (int round = 0; round < ROUNDS; round++) {                                                                 \
            struct rng r;                                                                                              \
            rng_init(&r, 1, 0, 0, RNG_TEST);                                                                           \
            double start = now_ns(), sum = 0;                                                                          \
            for (int i = 0; i < DRAWS; i++)                                                                            \
                sum += (double)(draw);                                                                                 \
            took[round] = (now_ns() - start) / DRAWS;                                                                  \
            sink = sum + (double)r.digest;                                                                             \
        }                                                                                                              \
        qsort(took, ROUNDS, sizeof took[0], by_value);                                                                 \
        printf("%-28s %6.2f ns/draw\n", name, took[ROUNDS / 2]);                                                       \
    } while (0)

int main(void)
{
    dist_zipf_init(&zipf, 1.2, 8192);
    BENCH("rng_u64", rng_u64(&r));
    BENCH("rng_u01", rng_u01(&r));
    BENCH("rng_below(1000)", rng_below(&r, 1000));
    BENCH("uniform", dist_uniform(&r, 0, 2));
    BENCH("exponential", dist_exponential(&r, 2));
    BENCH("normal", dist_normal(&r));
    BENCH("lognormal", dist_lognormal(&r, 1020, 1.1));
    BENCH("gamma(0.5)", dist_gamma(&r, 0.5, 2));
    BENCH("gamma(2.5)", dist_gamma(&r, 2.5, 2));
    BENCH("weibull(0.7)", dist_weibull(&r, 0.7, 2));
    BENCH("zipf(1.2, 8192)", dist_zipf_draw(&r, &zipf));
    BENCH("empirical, 7 points", dist_empirical(&r, &quantiles));
    BENCH("-num_log(u01)", -num_log(rng_u01(&r)));
    BENCH("num_exp(u01)", num_exp(rng_u01(&r)));
    BENCH("num_pow(u01, 1.4)", num_pow(rng_u01(&r), 1.4));
    return 0;
}
