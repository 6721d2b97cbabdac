/*
 * num.h - log, exp and pow that give the same bits on every CPU and compiler.
 *
 * glibc picks variants of these by CPU feature (FMA or not), and they differ in the last bit. Samplers
 * used in runs therefore use these, which are made of + - * / and integer operations only. They need
 * -ffp-contract=off and no fast-math, which configure.ac sets. Not correctly rounded, which nothing needs.
 *
 * Accuracy, measured against glibc's long double over the whole range (tests/unit/test_chance.c):
 *   num_log     1 ulp
 *   num_exp     1 ulp
 *   num_pow     2 ulp
 *   num_lgamma  4e-15 of max(1, |result|): absolute near its zeros at 1 and 2
 *   num_cos_turns  3e-16, absolute
 * The rounding mode must be the default one, to nearest.
 */
#ifndef BASE_NUM_H
#define BASE_NUM_H

double num_log(double x);           /* x > 0, finite; subnormal numbers too */
double num_exp(double x);           /* 0 below -708, +inf above 709 */
double num_pow(double x, double y); /* x > 0; limits as num_exp */
double num_lgamma(double x);        /* log of the gamma function, x > 0 (Stirling's series) */
double num_cos_turns(double x);     /* cos(2 pi x), |x| < 2^52; num_cos_turns(x - 0.25) is the sine */

#endif
