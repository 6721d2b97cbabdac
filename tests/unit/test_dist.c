/*
 * test_dist.c - each sampler of dist.h against GSL's distribution of the same name, and its exact bits.
 *
 * Seeds are fixed, so a pass stays a pass. Bounds: 4 standard errors for moments, 1.95/sqrt(n) for Kolmogorov-Smirnov
 * distances (0.1%), and 3.72 standard deviations of a chi-square (0.01%, normal approximation).
 */
#include <check.h>
#include <gsl/gsl_cdf.h>
#include <gsl/gsl_randist.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/dist.h"
#include "base/num.h"
#include "../run_suite.h"

enum { N = 50000 };

static const struct dist_quantiles points = {
    .n = 6, .p = {0, 0.1, 0.5, 0.9, 0.99, 1}, .x = {2, 100, 1020, 1020, 4000, 14050}};

/* Name, our draw, GSL's draw, GSL's cdf, mean, variance. */
#define SAMPLERS(X)                                                                                                    \
    X(uniform, dist_uniform(r, -2, 5), gsl_ran_flat(g, -2, 5), gsl_cdf_flat_P(x, -2, 5), 1.5, 49.0 / 12)               \
    X(exponential, dist_exponential(r, 3), gsl_ran_exponential(g, 3), gsl_cdf_exponential_P(x, 3), 3, 9)               \
    X(normal, dist_normal(r), gsl_ran_ugaussian(g), gsl_cdf_ugaussian_P(x), 0, 1)                                      \
    X(gamma_below_1, dist_gamma(r, 0.3, 2), gsl_ran_gamma(g, 0.3, 2), gsl_cdf_gamma_P(x, 0.3, 2), 0.6, 1.2)            \
    X(gamma_1, dist_gamma(r, 1, 2), gsl_ran_gamma(g, 1, 2), gsl_cdf_gamma_P(x, 1, 2), 2, 4)                            \
    X(gamma_above_1, dist_gamma(r, 7.5, 2), gsl_ran_gamma(g, 7.5, 2), gsl_cdf_gamma_P(x, 7.5, 2), 15, 30)              \
    X(lognormal, dist_lognormal(r, 20, 0.5), gsl_ran_lognormal(g, log(20), 0.5), gsl_cdf_lognormal_P(x, log(20), 0.5), \
      20 * exp(0.125), 400 * exp(0.25) * expm1(0.25))                                                                  \
    X(weibull_below_1, dist_weibull(r, 0.7, 2), gsl_ran_weibull(g, 2, 0.7), gsl_cdf_weibull_P(x, 2, 0.7),              \
      2 * tgamma(1 + 1 / 0.7), 4 * (tgamma(1 + 2 / 0.7) - pow(tgamma(1 + 1 / 0.7), 2)))                                \
    X(weibull_above_1, dist_weibull(r, 3, 2), gsl_ran_weibull(g, 2, 3), gsl_cdf_weibull_P(x, 2, 3),                    \
      2 * tgamma(1 + 1.0 / 3), 4 * (tgamma(1 + 2.0 / 3) - pow(tgamma(1 + 1.0 / 3), 2)))

#define SAMPLER_FUNCTIONS(name, ours, gsl, cdf, mean, variance)                                                        \
    static double draw_##name(struct rng *r)                                                                           \
    {                                                                                                                  \
        return ours;                                                                                                   \
    }                                                                                                                  \
    static double gsl_##name(const gsl_rng *g)                                                                         \
    {                                                                                                                  \
        return gsl;                                                                                                    \
    }                                                                                                                  \
    static double cdf_##name(double x)                                                                                 \
    {                                                                                                                  \
        return cdf;                                                                                                    \
    }                                                                                                                  \
    static void moments_##name(double m[2])                                                                            \
    {                                                                                                                  \
        m[0] = mean, m[1] = variance;                                                                                  \
    }
SAMPLERS(SAMPLER_FUNCTIONS)

#define SAMPLER_ROW(name, ...) {#name, draw_##name, gsl_##name, cdf_##name, moments_##name},
static const struct {
    const char *name;
    double (*draw)(struct rng *r);
    double (*gsl)(const gsl_rng *g);
    double (*cdf)(double x);
    void (*moments)(double m[2]);
} samplers[] = {SAMPLERS(SAMPLER_ROW)};
enum { N_SAMPLERS = sizeof samplers / sizeof samplers[0] };

static int by_value(const void *a, const void *b)
{
    const double *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

static void sorted_draws(int i, double *x)
{
    struct rng r;

    rng_init(&r, 7, 0, (uint64_t)i, RNG_TEST);
    for (int k = 0; k < N; k++)
        x[k] = samplers[i].draw(&r);
    ck_assert_uint_eq(r.draws, N); /* each value is taken into the digest once */
    qsort(x, N, sizeof *x, by_value);
}

static double x[N], y[N];

START_TEST(moments_agree)
{
    double want[2], mean = 0, m2 = 0, m4 = 0;

    sorted_draws(_i, x);
    samplers[_i].moments(want);
    for (int k = 0; k < N; k++)
        mean += x[k] / N;
    for (int k = 0; k < N; k++) {
        double d2 = (x[k] - mean) * (x[k] - mean);
        m2 += d2 / N;
        m4 += d2 * d2 / N;
    }
    double mean_se = sqrt(want[1] / N), variance_se = sqrt((m4 - m2 * m2) / N);
    ck_assert_msg(fabs(mean - want[0]) < 4 * mean_se, "%s: mean %.6g, want %.6g +- %.2g", samplers[_i].name, mean,
                  want[0], mean_se);
    ck_assert_msg(fabs(m2 - want[1]) < 4 * variance_se, "%s: variance %.6g, want %.6g +- %.2g", samplers[_i].name, m2,
                  want[1], variance_se);
}
END_TEST

START_TEST(distribution_is_gsls)
{
    double d = 0;

    sorted_draws(_i, x);
    for (int k = 0; k < N; k++) {
        double p = samplers[_i].cdf(x[k]);
        d = fmax(d, fmax(p - (double)k / N, (double)(k + 1) / N - p));
    }
    ck_assert_msg(d * sqrt(N) < 1.95, "%s: D sqrt(n) = %.3f", samplers[_i].name, d * sqrt(N));
}
END_TEST

START_TEST(sample_is_like_gsls)
{
    gsl_rng *g = gsl_rng_alloc(rng_gsl_type);
    double d = 0;

    gsl_rng_set(g, 12345);
    sorted_draws(_i, x);
    for (int k = 0; k < N; k++)
        y[k] = samplers[_i].gsl(g);
    gsl_rng_free(g);
    qsort(y, N, sizeof *y, by_value);
    for (int i = 0, j = 0; i < N && j < N;) {
        if (x[i] <= y[j])
            i++;
        else
            j++;
        d = fmax(d, fabs((double)(i - j)) / N);
    }
    ck_assert_msg(d * sqrt(N / 2.0) < 1.95, "%s: D sqrt(n/2) = %.3f", samplers[_i].name, d * sqrt(N / 2.0));
}
END_TEST

static void chi_square_fits(const char *name, double chi2, double freedom)
{
    double z = (chi2 - freedom) / sqrt(2 * freedom);

    ck_assert_msg(z < 3.72, "%s: chi-square %.1f over %.0f degrees of freedom", name, chi2, freedom);
}

/* A ziggurat errs in its thin places, the wedges and the tail, which a KS distance hardly sees. */
static void fits_in_cells(const char *name, double (*draw)(struct rng *r), double (*cdf)(double))
{
    enum { CELLS = 4096, DRAWS = 2000000 };
    static double count[CELLS];
    const double want = (double)DRAWS / CELLS;
    struct rng r;
    double chi2 = 0;

    memset(count, 0, sizeof count);
    rng_init(&r, 8, 0, 0, RNG_TEST);
    for (int k = 0; k < DRAWS; k++)
        count[(int)(cdf(draw(&r)) * CELLS)]++;
    for (int c = 0; c < CELLS; c++)
        chi2 += (count[c] - want) * (count[c] - want) / want;
    chi_square_fits(name, chi2, CELLS - 1);
}

START_TEST(ziggurats_fit_in_thin_cells)
{
    fits_in_cells("exponential", draw_exponential, cdf_exponential);
    fits_in_cells("normal", draw_normal, cdf_normal);
}
END_TEST

START_TEST(ziggurat_tails_have_their_weight)
{
    enum { DRAWS = 8000000 };
    static const double far[] = {5, 7, 7.6, 7.8, 9, 11};      /* exponential; its tail begins at 7.697 */
    static const double wide[] = {3, 3.5, 3.65, 3.7, 4, 4.4}; /* normal, either side; 3.654 */
    double beyond[2][6] = {{0}}, below[6] = {0};
    struct rng r;

    rng_init(&r, 9, 0, 0, RNG_TEST);
    for (int k = 0; k < DRAWS; k++) {
        double e = dist_exponential(&r, 1), n = dist_normal(&r);
        for (int i = 0; i < 6; i++) {
            beyond[0][i] += e > far[i];
            beyond[1][i] += n > wide[i];
            below[i] += n < -wide[i];
        }
    }
    for (int i = 0; i < 6; i++) {
        double e = DRAWS * exp(-far[i]), n = DRAWS * gsl_cdf_ugaussian_Q(wide[i]);
        ck_assert_msg(fabs(beyond[0][i] - e) < 4 * sqrt(e), "exponential > %g: %g of %g", far[i], beyond[0][i], e);
        ck_assert_msg(fabs(beyond[1][i] - n) < 4 * sqrt(n), "normal > %g: %g of %g", wide[i], beyond[1][i], n);
        ck_assert_msg(fabs(below[i] - n) < 4 * sqrt(n), "normal < -%g: %g of %g", wide[i], below[i], n);
    }
}
END_TEST

/* The smallest and the largest words of each layer still give finite values above 0. */
START_TEST(extreme_words_give_positive_values)
{
    for (uint64_t layer = 0; layer < 256; layer++)
        for (int i = 0; i < 2; i++) {
            struct rng r;
            rng_init(&r, 1, 0, 0, RNG_TEST);
            r.out[RNG_BATCH - 1] = layer | (i ? ~UINT64_C(0xfff) : 0);
            r.left = 1;
            double e = dist_exponential(&r, 1);
            ck_assert(isfinite(e) && e > 0);
            rng_init(&r, 1, 0, 0, RNG_TEST);
            r.out[RNG_BATCH - 1] = layer | (i ? ~UINT64_C(0xfff) : 0);
            r.left = 1;
            ck_assert(isfinite(dist_normal(&r)));
        }
}
END_TEST

START_TEST(zipf_has_its_exact_weights)
{
    static const struct {
        double s;
        unsigned n;
    } cases[] = {{0, 10}, {0.5, 50}, {0.9999999, 50}, {1, 50}, {1.0000001, 50}, {1.5, 300}, {3, 1000}, {20, 5}, {1, 2}};
    enum { DRAWS = 400000 };

    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        static double count[1001];
        struct dist_zipf z;
        struct rng r;
        double sum = 0, chi2 = 0, rest_want = 0, rest_count = 0;
        int cells = 0;
        char name[40];

        memset(count, 0, sizeof count);
        rng_init(&r, 10, 0, c, RNG_TEST);
        dist_zipf_init(&z, cases[c].s, cases[c].n);
        for (int k = 0; k < DRAWS; k++) {
            uint64_t v = dist_zipf_draw(&r, &z);
            ck_assert(v >= 1 && v <= cases[c].n);
            count[v]++;
        }
        ck_assert_uint_eq(r.draws, DRAWS);
        for (unsigned k = 1; k <= cases[c].n; k++)
            sum += pow(k, -cases[c].s);
        for (unsigned k = 1; k <= cases[c].n; k++) {
            double want = DRAWS * pow(k, -cases[c].s) / sum;
            if (want < 10) { /* too few for a cell of their own */
                rest_want += want, rest_count += count[k];
                continue;
            }
            chi2 += (count[k] - want) * (count[k] - want) / want;
            cells++;
        }
        if (rest_want > 10)
            chi2 += (rest_count - rest_want) * (rest_count - rest_want) / rest_want, cells++;
        snprintf(name, sizeof name, "zipf(%.7g, %u)", cases[c].s, cases[c].n);
        if (cells > 1)
            chi_square_fits(name, chi2, cells - 1);
    }
    struct dist_zipf one, wide;
    struct rng r;
    double log_sum = 0;
    rng_init(&r, 10, 0, 99, RNG_TEST);
    dist_zipf_init(&one, 1.3, 1);
    dist_zipf_init(&wide, 1, UINT64_C(1) << 40);
    for (int k = 0; k < N; k++) {
        ck_assert_uint_eq(dist_zipf_draw(&r, &one), 1);
        log_sum += log((double)dist_zipf_draw(&r, &wide));
    }
    /* s = 1: E[log K] = sum(log k / k) / sum(1/k), and sum(log k / k) = log(n)^2/2 - 0.0728158, sum(1/k) = log n +
     * 0.5772157. log K spreads less than a uniform on [0, log n]: sd < log n / sqrt(12). */
    double l = 40 * log(2), mean = (l * l / 2 - 0.0728158) / (l + 0.5772157), se = l / sqrt(12.0 * N);
    ck_assert_msg(fabs(log_sum / N - mean) < 4 * se, "mean log %.4f, want %.4f", log_sum / N, mean);
}
END_TEST

static double empirical_cdf(double v)
{
    for (int i = 0; i + 1 < points.n; i++)
        if (v < points.x[i + 1])
            return points.p[i] + (v - points.x[i]) / (points.x[i + 1] - points.x[i]) * (points.p[i + 1] - points.p[i]);
    return 1;
}

START_TEST(empirical_has_its_quantiles)
{
    double d = 0, mean = 0, m2 = 0;
    int at_flat = 0;
    struct rng r;

    rng_init(&r, 11, 0, 0, RNG_TEST);
    for (int k = 0; k < N; k++) {
        x[k] = dist_empirical(&r, &points);
        ck_assert(x[k] >= 2 && x[k] <= 14050);
        mean += x[k] / N;
        at_flat += x[k] == 1020;
    }
    for (int k = 0; k < N; k++)
        m2 += (x[k] - mean) * (x[k] - mean) / N;
    /* By hand: 0.1*51 + 0.4*560 + 0.4*1020 + 0.09*2510 + 0.01*9025. */
    ck_assert_double_eq_tol(dist_quantiles_mean(&points), 953.25, 1e-9);
    ck_assert_msg(fabs(mean - 953.25) < 4 * sqrt(m2 / N), "mean %.3f", mean);
    ck_assert_msg(abs(at_flat - N * 2 / 5) < 4 * 110, "%d of %d on the flat part", at_flat, N); /* sd 109.5 */
    qsort(x, N, sizeof *x, by_value);
    for (int k = 0; k < N; k++)
        if (x[k] != 1020)
            d = fmax(d, fabs(empirical_cdf(x[k]) - (k + 0.5) / N));
    ck_assert_msg(d * sqrt(N) < 1.95, "D sqrt(n) = %.3f", d * sqrt(N));
}
END_TEST

START_TEST(scale_only_stretches)
{
    struct rng a, b;

    rng_init(&a, 12, 0, 0, RNG_TEST);
    rng_init(&b, 12, 0, 0, RNG_TEST);
    for (int k = 0; k < N; k++) {
        ck_assert(dist_exponential(&a, 1) * 4 == dist_exponential(&b, 4));
        ck_assert(dist_gamma(&a, 0.4, 1) * 4 == dist_gamma(&b, 0.4, 4));
    }
    ck_assert_uint_eq(a.counter[0], b.counter[0]);
    ck_assert_uint_ne(a.digest, b.digest);
}
END_TEST

/* The first values of every sampler, bit for bit: the same from each compiler, -O level and CPU. To be changed only
 * with a MODEL: entry in ChangeLog, since every run's fingerprint moves with them. */
#include "golden_dist.h"

START_TEST(bits_are_the_golden_ones)
{
    for (int i = 0; i < N_SAMPLERS + 2; i++) {
        struct rng r;
        struct dist_zipf z;
        dist_zipf_init(&z, 1.2, 8192);
        rng_init(&r, 2023, 1, 2, RNG_TEST);
        const char *name = i < N_SAMPLERS ? samplers[i].name : i == N_SAMPLERS ? "zipf" : "empirical";
        for (int k = 0; k < GOLDEN_VALUES + 1; k++) {
            double v = i < N_SAMPLERS    ? samplers[i].draw(&r)
                       : i == N_SAMPLERS ? (double)dist_zipf_draw(&r, &z)
                                         : dist_empirical(&r, &points);
            uint64_t bits;
            memcpy(&bits, &v, sizeof bits);
            if (k == GOLDEN_VALUES) { /* after many more, so that rare paths count too */
                for (int more = 0; more < 100000; more++)
                    i < N_SAMPLERS    ? (void)samplers[i].draw(&r)
                    : i == N_SAMPLERS ? (void)dist_zipf_draw(&r, &z)
                                      : (void)dist_empirical(&r, &points);
                bits = r.digest;
            }
            if (getenv("GOLDEN_PRINT"))
                printf("%s0x%016" PRIx64 "%s", k ? ", " : "    {", bits, k == GOLDEN_VALUES ? "},\n" : "");
            else
                ck_assert_msg(bits == golden[i][k], "%s, value %d: 0x%016" PRIx64 ", want 0x%016" PRIx64, name, k, bits,
                              golden[i][k]);
        }
    }
}
END_TEST

int main(void)
{
    Suite *s = suite_create("dist");
    TCase *gsl = tcase_create("against GSL"), *own = tcase_create("own");

    tcase_set_timeout(gsl, 120);
    tcase_add_loop_test(gsl, moments_agree, 0, N_SAMPLERS);
    tcase_add_loop_test(gsl, distribution_is_gsls, 0, N_SAMPLERS);
    tcase_add_loop_test(gsl, sample_is_like_gsls, 0, N_SAMPLERS);
    tcase_set_timeout(own, 120);
    tcase_add_test(own, ziggurats_fit_in_thin_cells);
    tcase_add_test(own, ziggurat_tails_have_their_weight);
    tcase_add_test(own, extreme_words_give_positive_values);
    tcase_add_test(own, zipf_has_its_exact_weights);
    tcase_add_test(own, empirical_has_its_quantiles);
    tcase_add_test(own, scale_only_stretches);
    tcase_add_test(own, bits_are_the_golden_ones);
    suite_add_tcase(s, gsl);
    suite_add_tcase(s, own);
    return run_suite(s);
}
