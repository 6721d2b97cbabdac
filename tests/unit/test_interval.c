/*
 * test_interval.c - intervals that hold what they promise, on queues whose mean is known; MSER-5 against its definition.
 *
 * The queue is M/M/1, time from arrival to end: mean 1 / (mu - lambda) in the steady state. Lindley's recursion begins in that
 * state (a time in the system is exponential there), so that a run of any length has that mean. What covers it is
 * counted; a law of 95% that is simulated n times covers within 3.5 sqrt(0.95 0.05 / n) of that.
 */
#include <check.h>
#include <math.h>
#include <stdlib.h>

#include "base/dist.h"
#include "base/rng.h"
#include "study/interval.h"
#include "study/mser.h"
#include "../run_suite.h"

static double tolerance(int n)
{
    return 3.5 * sqrt(0.95 * 0.05 / n);
}

/* The next time in the system, after one of w. Arrivals and work are streams of their own: common to two servers. */
static double lindley(double w, double gap, double work, double mu)
{
    return (w > gap ? w - gap : 0) + work / mu;
}

struct queue {
    struct rng gaps, work;
};

static void queue_init(struct queue *q, uint64_t replication)
{
    rng_init(&q->gaps, 1, replication, 0, RNG_TEST);
    rng_init(&q->work, 1, replication, 1, RNG_TEST);
}

/* Mean times in the system of n calls, for two servers that meet the same calls; lambda = 1. */
static void pair_of(uint64_t replication, int n, double mu_a, double mu_b, double *mean_a, double *mean_b)
{
    struct queue q;

    queue_init(&q, replication);
    double first = dist_exponential(&q.work, 1), a = first / (mu_a - 1), b = first / (mu_b - 1), sum_a = 0, sum_b = 0;
    for (int i = 0; i < n; i++) {
        double gap = dist_exponential(&q.gaps, 1), work = dist_exponential(&q.work, 1);
        a = lindley(a, gap, work, mu_a);
        b = lindley(b, gap, work, mu_b);
        sum_a += a;
        sum_b += b;
    }
    *mean_a = sum_a / n;
    *mean_b = sum_b / n;
}

START_TEST(student_of_a_table)
{
    /* t(0.975, 3) = 3.182446 and t(0.95, 3) = 2.353363, any table. */
    const double x[] = {1, 2, 3, 6}, alike[] = {0.1, 0.1, 0.1};
    struct interval i = interval_of(x, 4, 0.95);

    ck_assert_double_eq_tol(i.mean, 3, 1e-15);
    ck_assert_double_eq_tol(i.sd, sqrt(14.0 / 3), 1e-15);
    ck_assert_double_eq_tol(i.high - 3, 3.182446 * i.sd / 2, 1e-6);
    ck_assert_double_eq_tol(3 - i.low, i.high - 3, 1e-12);
    ck_assert_double_eq_tol(interval_relative(&i), 3.182446 * i.sd / 6, 1e-6);
    i = interval_of(x, 4, 0.90);
    ck_assert_double_eq_tol(i.high - 3, 2.353363 * i.sd / 2, 1e-6);
    i = interval_of(x, 1, 0.95);
    ck_assert(i.mean == 1 && isnan(i.low) && isnan(i.high));
    i = interval_of(alike, 3, 0.95);
    ck_assert(i.mean == 0.1 && i.sd == 0 && i.low == 0.1 && i.high == 0.1 && interval_relative(&i) == 0);
    i = interval_of(x, 0, 0.95);
    ck_assert(isnan(i.mean));
}
END_TEST

START_TEST(next_covers)
{
    enum { EXPERIMENTS = 2000, VALUES = 5 };
    struct rng r;
    int covered = 0;

    rng_init(&r, 3, 0, 0, RNG_TEST);
    for (int k = 0; k < EXPERIMENTS; k++) {
        double x[VALUES + 1];
        for (int i = 0; i <= VALUES; i++)
            x[i] = exp(1 + 0.4 * dist_normal(&r));
        struct interval i = interval_next(x, VALUES, 0.95);
        covered += i.low <= x[VALUES] && x[VALUES] <= i.high;
    }
    ck_assert_msg(fabs((double)covered / EXPERIMENTS - 0.95) < tolerance(EXPERIMENTS), "covered %d", covered);
    const double same[] = {2, 2, 2}, some[] = {1, 0};
    struct interval i = interval_next(same, 3, 0.95);
    ck_assert_double_eq_tol(i.low, 2, 1e-12);
    ck_assert_double_eq_tol(i.high, 2, 1e-12);
    i = interval_next(some, 2, 0.95);
    ck_assert(!(i.low > 0));
}
END_TEST

START_TEST(student_covers)
{
    enum { EXPERIMENTS = 1500, REPLICATIONS = 10, CALLS = 1500 };
    const double truth = 1 / (1.5 - 1);
    int covered = 0;

    for (int k = 0; k < EXPERIMENTS; k++) {
        double x[REPLICATIONS], other;
        for (int r = 0; r < REPLICATIONS; r++)
            pair_of((uint64_t)(k * REPLICATIONS + r), CALLS, 1.5, 2, &x[r], &other);
        struct interval i = interval_of(x, REPLICATIONS, 0.95);
        covered += i.low <= truth && truth <= i.high;
    }
    ck_assert_msg(fabs((double)covered / EXPERIMENTS - 0.95) < tolerance(EXPERIMENTS), "covered %d of %d", covered,
                  EXPERIMENTS);
}
END_TEST

START_TEST(paired_covers_and_is_shorter)
{
    enum { EXPERIMENTS = 1500, REPLICATIONS = 10, CALLS = 800 };
    const double truth = 1 / (2.2 - 1.0) - 1 / (2 - 1.0), ratio = (2 - 1.0) / (2.2 - 1.0);
    int paired = 0, unpaired = 0, ratios = 0;
    double shorter = 0;

    for (int k = 0; k < EXPERIMENTS; k++) {
        double a[REPLICATIONS], b[REPLICATIONS], c[REPLICATIONS], unused;
        for (int r = 0; r < REPLICATIONS; r++) {
            uint64_t replication = (uint64_t)(k * REPLICATIONS + r);
            pair_of(replication, CALLS, 2, 2.2, &a[r], &b[r]);
            pair_of(1000000 + replication, CALLS, 2.2, 2, &c[r], &unused);
        }
        struct difference p = interval_paired(a, b, REPLICATIONS, 0.95), u = interval_unpaired(a, REPLICATIONS, c, REPLICATIONS, 0.95);
        paired += p.low <= truth && truth <= p.high;
        unpaired += u.low <= truth && truth <= u.high;
        ratios += p.ratio_low <= ratio && ratio <= p.ratio_high;
        shorter += (p.high - p.low) / (u.high - u.low) / EXPERIMENTS;
    }
    ck_assert_msg(fabs((double)paired / EXPERIMENTS - 0.95) < tolerance(EXPERIMENTS), "paired: %d", paired);
    ck_assert_msg(fabs((double)unpaired / EXPERIMENTS - 0.95) < tolerance(EXPERIMENTS), "unpaired: %d", unpaired);
    ck_assert_msg(fabs((double)ratios / EXPERIMENTS - 0.95) < tolerance(EXPERIMENTS), "ratios: %d", ratios);
    ck_assert_msg(shorter < 0.5, "paired over unpaired: %g", shorter);
}
END_TEST

START_TEST(differences_by_hand)
{
    const double a[] = {1, 2, 3}, b[] = {2, 4, 6}, c[] = {5, 5, 5}, d[] = {7, 7, 7};
    struct difference x = interval_paired(a, b, 3, 0.95);

    /* Differences 1, 2, 3: mean 2, sd 1, t = 2 sqrt(3) = 3.4641 with 2 degrees: p = 0.0742 */
    ck_assert(x.paired && x.mean == 2 && x.sd == 1);
    ck_assert_double_eq_tol(x.p, 0.074180, 1e-5);
    ck_assert_double_eq_tol(x.high, 2 + 4.302653 / sqrt(3), 1e-5);
    /* a may be 0 for all that is known: no ratio is refuted */
    ck_assert(x.ratio == 2 && isnan(x.ratio_low));
    /* Welch: variances 1 and 4 of three each: se^2 = 5/3, dof = (5/3)^2 / ((1/9 + 16/9) / 2) = 50/17 */
    x = interval_unpaired(a, 3, b, 3, 0.95);
    ck_assert(!x.paired && x.mean == 2);
    ck_assert_double_eq_tol(x.p, 0.2208811, 1e-5);
    ck_assert(x.ratio == 2 && x.ratio_low < 2 && x.ratio_high > 2);
    x = interval_paired(c, d, 3, 0.95);
    ck_assert(x.p == 0 && x.low == 2 && x.high == 2 && x.ratio_low == 1.4 && x.ratio_high == 1.4);
    x = interval_paired(c, c, 3, 0.95);
    ck_assert(x.p == 1 && x.mean == 0 && x.ratio == 1);
    x = interval_paired(a, b, 1, 0.95);
    ck_assert(x.mean == 1 && isnan(x.p) && isnan(x.low));
}
END_TEST

START_TEST(holm_by_hand)
{
    double p[] = {0.01, NAN, 0.04, 0.03, 0.005}, all[] = {0.5, 0.6};

    interval_holm(p, 5); /* 4 x 0.005, 3 x 0.01, 2 x 0.03, 1 x 0.04 -> not below the one before */
    ck_assert_double_eq_tol(p[4], 0.02, 1e-15);
    ck_assert_double_eq_tol(p[0], 0.03, 1e-15);
    ck_assert_double_eq_tol(p[3], 0.06, 1e-15);
    ck_assert_double_eq_tol(p[2], 0.06, 1e-15);
    ck_assert(isnan(p[1]));
    interval_holm(all, 2);
    ck_assert(all[0] == 1 && all[1] == 1);
}
END_TEST

/* Coverage of one long run by batch means; *correlated: how often that was said. */
static double batches_cover(int experiments, int calls, int *correlated)
{
    double *x = malloc((size_t)calls * sizeof *x), mean[INTERVAL_BATCHES];
    int covered = 0;

    *correlated = 0;
    for (int k = 0; k < experiments; k++) {
        struct queue q;
        queue_init(&q, (uint64_t)k);
        double w = dist_exponential(&q.work, 1) / (1.5 - 1);
        for (int i = 0; i < calls; i++) {
            double gap = dist_exponential(&q.gaps, 1);
            x[i] = w = lindley(w, gap, dist_exponential(&q.work, 1), 1.5);
        }
        ck_assert(interval_batches(x, calls, mean));
        struct interval i = interval_of(mean, INTERVAL_BATCHES, 0.95);
        covered += i.low <= 2 && 2 <= i.high;
        *correlated += interval_correlated(mean, INTERVAL_BATCHES);
    }
    free(x);
    return (double)covered / experiments;
}

START_TEST(batch_means_cover)
{
    int correlated;
    double long_run = batches_cover(1000, 20000, &correlated);

    ck_assert_msg(fabs(long_run - 0.95) < tolerance(1000), "covered %g", long_run);
    ck_assert_msg(correlated < 85, "correlated: %d of 1000", correlated); /* 50 by chance */
    /* Batches of 10 calls are far from independent: it is said, and rightly so. */
    double short_run = batches_cover(1000, 200, &correlated);
    ck_assert_msg(short_run < 0.85, "covered %g", short_run);
    ck_assert_msg(correlated > 400, "correlated: %d of 1000", correlated);
}
END_TEST

START_TEST(batches_leave_out_the_first)
{
    double x[2 * INTERVAL_BATCHES + 3], mean[INTERVAL_BATCHES];

    for (int i = 0; i < 2 * INTERVAL_BATCHES + 3; i++)
        x[i] = i;
    ck_assert(interval_batches(x, 2 * INTERVAL_BATCHES + 3, mean));
    ck_assert(mean[0] == 3.5 && mean[INTERVAL_BATCHES - 1] == 2 * INTERVAL_BATCHES + 1.5);
    ck_assert(!interval_batches(x, 2 * INTERVAL_BATCHES - 1, mean));
}
END_TEST

/* ---- MSER-5 ---- */

/* As it is defined, each d anew. */
static int64_t defined_cut(const double *x, int64_t n)
{
    int64_t m = n / 5, best = 0;
    double least = INFINITY;

    for (int64_t d = 0; d < m - MSER_TAIL; d++) {
        double sum = 0, squares = 0, kept = (double)(m - d);
        for (int64_t i = 5 * d; i < 5 * m; i++)
            sum += x[i] / 5;
        for (int64_t i = d; i < m; i++) {
            double z = (x[5 * i] + x[5 * i + 1] + x[5 * i + 2] + x[5 * i + 3] + x[5 * i + 4]) / 5 - sum / kept;
            squares += z * z;
        }
        if (squares / (kept * kept) < least) {
            least = squares / (kept * kept);
            best = d;
        }
    }
    return 5 * best;
}

/* Noise around `bias` until `until`, then around 0, of which neighbours are correlated. */
static void biased(double *x, int n, int until, double bias, uint64_t seed)
{
    struct rng r;
    double noise = 0;

    rng_init(&r, seed, 0, 0, RNG_TEST);
    for (int i = 0; i < n; i++) {
        noise = 0.5 * noise + dist_normal(&r);
        x[i] = noise + (i < until ? bias : 0);
    }
}

START_TEST(mser_as_defined)
{
    double x[1003];
    int64_t cut;

    for (uint64_t seed = 0; seed < 50; seed++) {
        biased(x, 1003, (int)seed * 8, 2, seed);
        enum mser_verdict v = mser_cut(x, 1003, &cut);
        ck_assert_int_eq(cut, defined_cut(x, 1003));
        ck_assert_int_eq(v, cut > 500 ? MSER_PAST_HALF : MSER_OK);
    }
}
END_TEST

START_TEST(mser_cuts_the_bias)
{
    double x[2000];
    int64_t cut;

    for (uint64_t seed = 0; seed < 20; seed++) {
        biased(x, 2000, 400, 20, seed);
        ck_assert_int_eq(mser_cut(x, 2000, &cut), MSER_OK);
        ck_assert_msg(cut >= 400 && cut <= 500, "cut at %d", (int)cut);
        biased(x, 2000, 1200, 20, seed); /* most of it is not steady */
        ck_assert_int_eq(mser_cut(x, 2000, &cut), MSER_PAST_HALF);
        ck_assert(cut >= 1200);
    }
    for (int i = 0; i < 2000; i++) /* never steady */
        x[i] = i;
    ck_assert_int_eq(mser_cut(x, 2000, &cut), MSER_PAST_HALF);
    for (int i = 0; i < 2000; i++) /* nothing to cut */
        x[i] = 7;
    ck_assert_int_eq(mser_cut(x, 2000, &cut), MSER_OK);
    ck_assert_int_eq(cut, 0);
    ck_assert_int_eq(mser_cut(x, MSER_LEAST - 1, &cut), MSER_TOO_FEW);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("interval");
    TCase *t = tcase_create("all");

    tcase_set_timeout(t, 60);
    tcase_add_test(t, student_of_a_table);
    tcase_add_test(t, next_covers);
    tcase_add_test(t, student_covers);
    tcase_add_test(t, paired_covers_and_is_shorter);
    tcase_add_test(t, differences_by_hand);
    tcase_add_test(t, holm_by_hand);
    tcase_add_test(t, batch_means_cover);
    tcase_add_test(t, batches_leave_out_the_first);
    tcase_add_test(t, mser_as_defined);
    tcase_add_test(t, mser_cuts_the_bias);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
