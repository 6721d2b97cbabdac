/*
 * interval.h - confidence intervals of means: Student's t over replications, differences of two sets of replications,
 * and batch means of one long series.
 *
 * Student    mean +- t(1 - (1 - c) / 2, n - 1) s / sqrt(n), s with n - 1 (Law, Simulation Modeling and Analysis, 5th
 *            ed., section 9.4.1). n values must be independent: one a replication.
 * Paired     the same of d[i] = b[i] - a[i], where a[i] and b[i] had common random numbers (ibid. 10.2.1).
 * Unpaired   Welch 1938: variances of their own, degrees of freedom by Satterthwaite (ibid. 10.2.2).
 * Ratio      b / a by Fieller 1954, with their covariance where paired: the r at which mean(b - r a) = 0 is not
 *            refuted. NaN ends where a's own interval reaches 0, since every ratio is then possible.
 * Next       where one further value will lie, not their mean: mean +- t(n - 1) s sqrt(1 + 1/n) of the logarithms, so
 *            of positive values (Hahn and Meeker, Statistical Intervals, 1991, section 4.7). It does not shrink to
 *            nothing with n.
 * p          two-sided, of "no difference".
 * Holm       1979: of m p-values, adjusted so that the chance of any wrong "significant" among all m is at most 1 - c,
 *            whatever the dependence between them. The step-down form of Bonferroni, never weaker.
 * Batches    a series cut into INTERVAL_BATCHES runs of equal length, whose means are taken as independent (ibid.
 *            9.5.3). The number is fixed: Schmeiser 1982 (Operations Research 30, 556-568) finds that between 10 and 30
 *            batches further ones hardly shorten the interval, and that few long batches are what independence needs.
 *            Whether it was reached is tested by von Neumann's ratio of the batch means: C = 1 - sum (x[i] - x[i+1])^2
 *            / (2 sum (x[i] - mean)^2), of variance (n - 2) / (n^2 - 1) where they are independent; beyond the 95%
 *            point they are said to be correlated: the interval is then too short. What does not fill a batch is left
 *            out at the beginning, next to the warm-up.
 *
 * NaN where there are too few values. Values that are all alike give an interval of no width: sd = 0 tells it apart.
 */
#ifndef STUDY_INTERVAL_H
#define STUDY_INTERVAL_H

#include <stdbool.h>
#include <stdint.h>

#define INTERVAL_CONFIDENCE 0.95

enum { INTERVAL_BATCHES = 20 };

struct interval {
    int64_t n;
    double mean, sd, low, high; /* sd: of the values, with n - 1 */
};

struct interval interval_of(const double *x, int64_t n, double confidence);
/* The interval of one further value, around the median of its law (exp of the mean logarithm). NaN unless all are > 0. */
struct interval interval_next(const double *x, int64_t n, double confidence);
/* Half its width over |mean|; 0 where both are. */
double interval_relative(const struct interval *i);

struct difference { /* b against a */
    bool paired;
    int64_t n_a, n_b;
    double a, b;                         /* means */
    double mean, sd, low, high;          /* of b - a; sd of one pair's, NaN where not paired */
    double p;                            /* 0 where all values of both are alike and differ */
    double ratio, ratio_low, ratio_high; /* b / a */
};

/* Of n pairs. */
struct difference interval_paired(const double *a, const double *b, int64_t n, double confidence);
struct difference interval_unpaired(const double *a, int64_t n_a, const double *b, int64_t n_b, double confidence);

/* p[i] becomes Holm's adjusted p-value; NaNs are left alone and not counted. */
void interval_holm(double *p, int64_t n);

/* Means of INTERVAL_BATCHES batches; false: fewer values than two a batch. */
bool interval_batches(const double *x, int64_t n, double mean[INTERVAL_BATCHES]);
/* Whether values in a row are positively correlated, beyond what chance gives in 95 of 100 independent ones. */
bool interval_correlated(const double *x, int64_t n);

#endif
