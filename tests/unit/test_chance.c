/*
 * test_chance.c - num.h against libm's long double, rng.h against published vectors and its own promises.
 */
#include <check.h>
#include <gsl/gsl_rng.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "base/rng.h"
#include "../run_suite.h"

enum { TRIES = 200000 };

/* ---- num ---- */

static double ulps(double got, long double want)
{
    int exponent;

    frexpl(want, &exponent);
    if (exponent < -1021)
        exponent = -1021;
    return (double)(fabsl((long double)got - want) / ldexpl(1, exponent - 53));
}

static double between(struct rng *r, double lo, double hi)
{
    return lo + (hi - lo) * rng_u01(r);
}

START_TEST(log_is_within_an_ulp)
{
    static const double edges[] = {0x1p-1074,           0x1p-1022,           0x1.fffffffffffffp+1023,
                                   0x1.6a09e667f3bccp0, 0x1.6a09e667f3bcdp0, 0x1.fffffffffffffp-1,
                                   0x1.0000000000001p0, 0x1.5555p-700};
    struct rng r;
    double worst = 0;

    rng_init(&r, 1, 0, 0, RNG_TEST);
    for (int i = 0; i < TRIES; i++) {
        double wide = ldexp(between(&r, 1, 2), (int)between(&r, -1074, 1023)), near = between(&r, 0.5, 2);
        worst = fmax(worst, fmax(ulps(num_log(wide), logl(wide)), ulps(num_log(near), logl(near))));
    }
    for (size_t i = 0; i < sizeof edges / sizeof edges[0]; i++)
        worst = fmax(worst, ulps(num_log(edges[i]), logl(edges[i])));
    ck_assert_msg(worst < 1, "num_log is off by %.3f ulp", worst);
    ck_assert(num_log(1) == 0);
}
END_TEST

START_TEST(exp_is_within_an_ulp)
{
    struct rng r;
    double worst = 0;

    rng_init(&r, 2, 0, 0, RNG_TEST);
    for (int i = 0; i < TRIES; i++) {
        double wide = between(&r, -708, 709), near = between(&r, -1, 1), tiny = near * 0x1p-30;
        worst = fmax(worst, fmax(ulps(num_exp(wide), expl(wide)), ulps(num_exp(near), expl(near))));
        worst = fmax(worst, ulps(num_exp(tiny), expl(tiny)));
    }
    ck_assert_msg(worst < 1, "num_exp is off by %.3f ulp", worst);
    ck_assert(num_exp(0) == 1);
    ck_assert(num_exp(-708) > 0 && num_exp(-708.0000001) == 0 && num_exp(-INFINITY) == 0);
    ck_assert(isfinite(num_exp(709)) && num_exp(709.0000001) == INFINITY && isnan(num_exp(NAN)));
}
END_TEST

START_TEST(pow_is_within_its_bounds)
{
    struct rng r;
    double worst = 0;

    rng_init(&r, 3, 0, 0, RNG_TEST);
    for (int i = 0; i < TRIES; i++) {
        double x = ldexp(between(&r, 1, 2), (int)between(&r, -1022, 1023)), z = between(&r, 0.5, 2);
        double l = (double)logl(x), y = between(&r, -32, 32) / l, far = between(&r, -707, 708) / l;
        double u = between(&r, -700, 700) / fmax(fabs(log(z)), 1e-3);
        worst = fmax(worst, ulps(num_pow(x, y), powl(x, y)));
        worst = fmax(worst, ulps(num_pow(x, far), powl(x, far)));
        if (fabs(u * log(z)) < 707)
            worst = fmax(worst, ulps(num_pow(z, u), powl(z, u)));
    }
    ck_assert_msg(worst < 2, "num_pow is off by %.3f ulp", worst);
    ck_assert(num_pow(1, 1e300) == 1 && num_pow(7, 0) == 1 && num_pow(2, 10) == 1024);
    ck_assert(num_pow(0.5, 1e300) == 0 && num_pow(2, 1e300) == INFINITY);
}
END_TEST

START_TEST(lgamma_is_near)
{
    struct rng r;
    double worst = 0;

    rng_init(&r, 4, 0, 0, RNG_TEST);
    for (int i = 0; i < TRIES; i++) {
        double x = i % 2 ? between(&r, 1e-3, 20) : ldexp(between(&r, 1, 2), (int)between(&r, -60, 60));
        long double want = lgammal(x);
        worst = fmax(worst, (double)(fabsl((long double)num_lgamma(x) - want) / fmaxl(1, fabsl(want))));
    }
    ck_assert_msg(worst < 4e-15, "num_lgamma is off by %.3g", worst);
    ck_assert(fabs(num_lgamma(1)) < 1e-15 && fabs(num_lgamma(2)) < 2e-15);
    for (double x = -3; x < 3; x += 0x1.1p-11)
        ck_assert_double_eq_tol(num_cos_turns(x), (double)cosl(2 * 3.14159265358979323846264338327950288L * x), 3e-16);
}
END_TEST

/* ---- rng ---- */

/* The known answers published with Random123. */
START_TEST(philox_gives_the_known_answers)
{
    static const struct {
        uint64_t counter[4], key[2], out[4];
    } known[] = {
        {{0, 0, 0, 0}, {0, 0}, {0x16554d9eca36314c, 0xdb20fe9d672d0fdc, 0xd7e772cee186176b, 0x7e68b68aec7ba23b}},
        {{UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX},
         {UINT64_MAX, UINT64_MAX},
         {0x87b092c3013fe90b, 0x438c3c67be8d0224, 0x9cc7d7c69cd777b6, 0xa09caebf594f0ba0}},
        {{0x243f6a8885a308d3, 0x13198a2e03707344, 0xa4093822299f31d0, 0x082efa98ec4e6c89},
         {0x452821e638d01377, 0xbe5466cf34e90c6c},
         {0xa528f45403e61d95, 0x38c72dbd566e9788, 0xa5a1610e72fd18b5, 0x57bd43b5e52b7fe6}},
    };

    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        uint64_t out[4];
        rng_philox(known[i].counter, known[i].key, out);
        for (int j = 0; j < 4; j++)
            ck_assert_uint_eq(out[j], known[i].out[j]);
    }
}
END_TEST

START_TEST(a_stream_is_its_blocks_in_order)
{
    struct rng r;

    rng_init(&r, 11, 22, 33, RNG_OUTPUT);
    for (uint64_t block = 0; block < 20; block++) {
        uint64_t out[4], counter[4] = {block, 0, 22, 33}, key[2] = {11, RNG_OUTPUT};
        rng_philox(counter, key, out);
        for (int j = 0; j < 4; j++)
            ck_assert_uint_eq(rng_u64(&r), out[j]);
    }
}
END_TEST

START_TEST(streams_are_apart)
{
    enum { NAMES = 2 * 2 * 3 * 4, EACH = 32 };
    static uint64_t first[NAMES * EACH];
    int n = 0;

    for (uint64_t seed = 1; seed <= 2; seed++)
        for (uint64_t replication = 0; replication < 2; replication++)
            for (uint64_t entity = 0; entity < 3; entity++)
                for (unsigned purpose = RNG_ARRIVAL; purpose <= RNG_OUTPUT; purpose++) {
                    struct rng r;
                    rng_init(&r, seed, replication, entity, (enum rng_purpose)purpose);
                    for (int i = 0; i < EACH; i++)
                        first[n++] = rng_u64(&r);
                }
    ck_assert_int_eq(n, NAMES * EACH);
    for (int i = 0; i < n; i++)
        for (int j = 0; j < i; j++)
            ck_assert_uint_ne(first[i], first[j]);
}
END_TEST

START_TEST(using_one_stream_leaves_another)
{
    struct rng a, b, alone;

    rng_init(&a, 1, 0, 0, RNG_ARRIVAL);
    rng_init(&b, 1, 0, 0, RNG_INPUT);
    rng_init(&alone, 1, 0, 0, RNG_ARRIVAL);
    for (int i = 0; i < 1000; i++) {
        for (int j = 0; j < i % 7; j++)
            rng_below(&b, 10);
        ck_assert_uint_eq(rng_below(&a, 1000), rng_below(&alone, 1000));
    }
    ck_assert_uint_eq(a.digest, alone.digest);
}
END_TEST

static struct rng with_next(uint64_t word)
{
    struct rng r;

    rng_init(&r, 1, 0, 0, RNG_TEST);
    r.out[RNG_BATCH - 1] = word;
    r.left = 1;
    return r;
}

START_TEST(u01_is_inside_its_bounds)
{
    struct rng lowest = with_next(0), highest = with_next(UINT64_MAX), half = with_next(UINT64_C(1) << 63);

    ck_assert(rng_u01(&lowest) == 0x1p-53);
    ck_assert(rng_u01(&highest) == 1 - 0x1p-53);
    ck_assert(rng_u01(&half) == 0.5 + 0x1p-53);
}
END_TEST

START_TEST(below_is_even)
{
    enum { CELLS = 7, DRAWS = 700000 };
    struct rng r;
    double count[CELLS] = {0}, chi2 = 0;

    rng_init(&r, 5, 0, 0, RNG_TEST);
    for (int i = 0; i < DRAWS; i++)
        count[rng_below(&r, CELLS)]++;
    for (int i = 0; i < CELLS; i++)
        chi2 += (count[i] - DRAWS / CELLS) * (count[i] - DRAWS / CELLS) / (DRAWS / CELLS);
    ck_assert_msg(chi2 < 22.46, "chi-square %.2f over 6 degrees of freedom (0.1%%: 22.46)", chi2);
    ck_assert_uint_eq(rng_below(&r, 1), 0);
}
END_TEST

/* With n just above 2^63 nearly half of the words are refused; taking them would favour the even results. */
START_TEST(below_refuses_the_spare_words)
{
    enum { DRAWS = 100000 };
    const uint64_t n = (UINT64_C(1) << 63) + 1;
    struct rng r;
    uint64_t words = 0;
    int odd = 0;

    rng_init(&r, 6, 0, 0, RNG_TEST);
    for (int i = 0; i < DRAWS; i++) {
        uint64_t v = rng_below(&r, n);
        ck_assert(v < n);
        odd += v & 1;
    }
    words = r.counter[0] * 4 - r.left;
    ck_assert_int_lt(abs(odd - DRAWS / 2), 4 * 158);
    ck_assert_msg(words > 1.98 * DRAWS && words < 2.02 * DRAWS, "%lu words for %d draws", (unsigned long)words, DRAWS);
}
END_TEST

START_TEST(range_includes_both_ends)
{
    struct rng r;
    int low = 0, high = 0;
    uint64_t last = 0;

    rng_init(&r, 7, 0, 0, RNG_TEST);
    for (int i = 0; i < 30000; i++) {
        int64_t v = rng_range(&r, -1, 1);
        ck_assert(v >= -1 && v <= 1);
        low += v == -1, high += v == 1;
    }
    ck_assert(abs(low - 10000) < 4 * 82 && abs(high - 10000) < 4 * 82); /* sd 81.6 */
    ck_assert_int_eq(rng_range(&r, INT64_MAX, INT64_MAX), INT64_MAX);
    for (int i = 0; i < 64; i++)
        last |= (uint64_t)rng_range(&r, INT64_MIN, INT64_MAX);
    ck_assert_uint_eq(last, UINT64_MAX);

    /* The digest sees the value, not only its distance from low. */
    struct rng a, b;
    rng_init(&a, 7, 0, 0, RNG_TEST);
    rng_init(&b, 7, 0, 0, RNG_TEST);
    ck_assert_int_eq(rng_range(&a, 8, 16) + 1, rng_range(&b, 9, 17));
    ck_assert_uint_ne(a.digest, b.digest);
}
END_TEST

static uint64_t digest_of(const double *x, int n)
{
    struct rng r;

    rng_init(&r, 1, 0, 0, RNG_TEST);
    for (int i = 0; i < n; i++)
        rng_mix_double(&r, x[i]);
    ck_assert_uint_eq(r.draws, (uint64_t)n);
    return r.digest;
}

START_TEST(digest_sees_every_change)
{
    double x[5] = {1.5, 2.5, 1e-3, 7, 1e9};
    uint64_t whole = digest_of(x, 5);

    for (int i = 0; i < 5; i++) {
        double kept = x[i];
        uint64_t bits;
        for (int bit = 0; bit < 64; bit++) {
            memcpy(&bits, &kept, sizeof bits);
            bits ^= UINT64_C(1) << bit;
            memcpy(&x[i], &bits, sizeof bits);
            ck_assert_uint_ne(digest_of(x, 5), whole);
        }
        x[i] = kept;
    }
    for (int i = 0; i < 4; i++) {
        double swapped[5];
        memcpy(swapped, x, sizeof swapped);
        swapped[i] = x[i + 1], swapped[i + 1] = x[i];
        ck_assert_uint_ne(digest_of(swapped, 5), whole);
    }
    ck_assert_uint_ne(digest_of(x, 4), whole);
    /* Two changes of the sign bit, the one whose product reaches no other bit, must not cancel. */
    double minus[5] = {-1.5, -2.5, 1e-3, 7, 1e9};
    ck_assert_uint_ne(digest_of(minus, 5), whole);
}
END_TEST

START_TEST(gsl_sees_the_same_generator)
{
    gsl_rng *g = gsl_rng_alloc(rng_gsl_type);
    struct rng r;

    gsl_rng_set(g, 99);
    rng_init(&r, 99, 0, 0, RNG_TEST);
    for (int i = 0; i < 100; i++)
        ck_assert_uint_eq(gsl_rng_get(g), rng_u64(&r));
    for (int i = 0; i < 100; i++)
        ck_assert(gsl_rng_uniform(g) == rng_u01(&r));
    gsl_rng *copy = gsl_rng_clone(g);
    ck_assert_uint_eq(gsl_rng_get(copy), rng_u64(&r));
    ck_assert_uint_lt(gsl_rng_uniform_int(g, 10), 10);
    gsl_rng_free(copy);
    gsl_rng_free(g);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("chance");
    TCase *num = tcase_create("num"), *rng = tcase_create("rng");

    tcase_set_timeout(num, 60);
    tcase_add_test(num, log_is_within_an_ulp);
    tcase_add_test(num, exp_is_within_an_ulp);
    tcase_add_test(num, pow_is_within_its_bounds);
    tcase_add_test(num, lgamma_is_near);
    tcase_set_timeout(rng, 60);
    tcase_add_test(rng, philox_gives_the_known_answers);
    tcase_add_test(rng, a_stream_is_its_blocks_in_order);
    tcase_add_test(rng, streams_are_apart);
    tcase_add_test(rng, using_one_stream_leaves_another);
    tcase_add_test(rng, u01_is_inside_its_bounds);
    tcase_add_test(rng, below_is_even);
    tcase_add_test(rng, below_refuses_the_spare_words);
    tcase_add_test(rng, range_includes_both_ends);
    tcase_add_test(rng, digest_sees_every_change);
    tcase_add_test(rng, gsl_sees_the_same_generator);
    suite_add_tcase(s, num);
    suite_add_tcase(s, rng);
    return run_suite(s);
}
