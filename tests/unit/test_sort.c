/* test_sort.c - the radix sorts against qsort, and the log histogram's promise. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <gsl/gsl_statistics_double.h>

#include "base/bug.h"
#include "base/hist.h"
#include "base/sort.h"
#include "../run_suite.h"

/* SplitMix64: any bits will do here. */
static uint64_t next(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

static int by_u64(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

static int by_double(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* Sizes on both sides of the switch to insertion; masks that leave digits constant, and all 64 bits. */
static const size_t sizes[] = {0, 1, 2, 3, 47, 48, 49, 50, 1000, 20011};
static const uint64_t masks[] = {0, 1, 0x7ff, 0xff00ff00ff, (uint64_t)1 << 63, UINT64_MAX};
enum { N_SIZES = sizeof sizes / sizeof sizes[0], N_MASKS = sizeof masks / sizeof masks[0] };

START_TEST(u64_as_qsort)
{
    uint64_t seed = 1;

    for (size_t i = 0; i < N_SIZES * N_MASKS; i++) {
        size_t n = sizes[i % N_SIZES];
        uint64_t mask = masks[i / N_SIZES], *a = mem_alloc((n + 1) * sizeof *a), *b = mem_alloc((n + 1) * sizeof *b);

        for (size_t j = 0; j < n; j++)
            a[j] = b[j] = next(&seed) & mask;
        sort_u64(a, n);
        qsort(b, n, sizeof *b, by_u64);
        ck_assert_mem_eq(a, b, n * sizeof *a);
        free(a);
        free(b);
    }
}
END_TEST

START_TEST(pairs_are_stable)
{
    uint64_t seed = 2;

    for (size_t i = 0; i < N_SIZES * N_MASKS; i++) {
        size_t n = sizes[i % N_SIZES];
        struct sort_pair *a = mem_alloc((n + 1) * sizeof *a);
        unsigned char *seen = mem_zalloc(n + 1, 1);

        for (size_t j = 0; j < n; j++)
            a[j] = (struct sort_pair){next(&seed) & masks[i / N_SIZES], j};
        sort_pairs(a, n);
        for (size_t j = 0; j < n; j++) {
            ck_assert_uint_eq(seen[a[j].value]++, 0);
            if (j > 0)
                ck_assert(a[j - 1].key < a[j].key || (a[j - 1].key == a[j].key && a[j - 1].value < a[j].value));
        }
        free(a);
        free(seen);
    }
}
END_TEST

START_TEST(doubles_of_both_signs)
{
    enum { N = 5000 };
    static double a[N], b[N];
    uint64_t seed = 3;

    for (int i = 0; i < N; i++)
        a[i] = b[i] = ldexp((double)(int64_t)next(&seed), (int)(next(&seed) % 200) - 100);
    a[0] = b[0] = 0;
    a[1] = b[1] = INFINITY;
    a[2] = b[2] = -INFINITY;
    sort_doubles(a, N);
    qsort(b, N, sizeof *b, by_double);
    ck_assert_mem_eq(a, b, sizeof a);
}
END_TEST

/* Every percentile within 0.1 % of GSL's over the values themselves, for several shapes. */
START_TEST(histogram_within_a_thousandth)
{
    enum { N = 30000 };
    static double x[N];
    uint64_t seed = 4;

    for (int shape = 0; shape < 4; shape++) {
        struct hist h;

        hist_init(&h);
        for (int i = 0; i < N; i++) {
            double u = (double)(next(&seed) >> 11) * 0x1p-53;

            x[i] = shape == 0   ? 1 + u * 1e9
                   : shape == 1 ? floor(1 + u * 50)
                   : shape == 2 ? exp(40 * u)
                                : (u < 0.3 ? 0 : 1e6 + (double)(i % 7));
            hist_add(&h, x[i], 1);
        }
        sort_doubles(x, N);
        for (int p = 0; p <= 1000; p++) {
            double want = gsl_stats_quantile_from_sorted_data(x, 1, N, p / 1000.0), got = hist_quantile(&h, p / 1000.0);

            ck_assert_msg(fabs(got - want) <= 1e-3 * want, "shape %d, p %d: %g for %g", shape, p, got, want);
        }
        hist_free(&h);
    }
}
END_TEST

START_TEST(histogram_weights_and_merge)
{
    struct hist one, a, b;
    uint64_t seed = 5;

    hist_init(&one);
    hist_init(&a);
    hist_init(&b);
    ck_assert(isnan(hist_quantile(&one, 0.5)));
    for (int i = 0; i < 2000; i++) {
        double v = (double)(next(&seed) >> (next(&seed) % 60));
        uint64_t weight = next(&seed) % 5;

        for (uint64_t w = 0; w < weight; w++)
            hist_add(&one, v, 1);
        hist_add(i % 2 ? &a : &b, v, weight);
    }
    hist_merge(&a, &b);
    ck_assert_uint_eq(a.total, one.total);
    for (int p = 0; p <= 100; p++)
        ck_assert_double_eq(hist_quantile(&a, p / 100.0), hist_quantile(&one, p / 100.0));
    hist_free(&one);
    hist_free(&a);
    hist_free(&b);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sort");
    TCase *tc = tcase_create("sort");

    tcase_add_test(tc, u64_as_qsort);
    tcase_add_test(tc, pairs_are_stable);
    tcase_add_test(tc, doubles_of_both_signs);
    tcase_add_test(tc, histogram_within_a_thousandth);
    tcase_add_test(tc, histogram_weights_and_merge);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
