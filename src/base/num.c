/*
 * num.c - elementary functions from + - * /.
 *
 * The series are plain Taylor series with their textbook coefficients: a minimax polynomial would save three terms and
 * cost a table of numbers nobody can check by eye.
 */
#include "base/num.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "base/bug.h"

/* ln 2 in two parts; the first has 42 significant bits, so that its product with any exponent is exact. */
static const double ln2_hi = 0x1.62e42fefa38p-1, ln2_lo = 0x1.ef35793c7673p-45;
static const double log2_e = 0x1.71547652b82fep+0;
static const double half_log_2pi = 0x1.d67f1c864beb5p-1;

static uint64_t bits_of(double x)
{
    uint64_t b;

    memcpy(&b, &x, sizeof b);
    return b;
}

static double from_bits(uint64_t b)
{
    double x;

    memcpy(&x, &b, sizeof x);
    return x;
}

/* x = 2^k * (1 + s) with 1 + s in [sqrt(1/2), sqrt 2); s is exact. */
static double split(double x, double *k)
{
    int64_t below = 0;

    sim_assert(x > 0 && x <= 0x1.fffffffffffffp+1023);
    if (x < 0x1p-1022) {
        x *= 0x1p54;
        below = 54;
    }
    /* Adding to the bits what lies between sqrt(1/2) and 1 carries into the exponent where the significand is
     * sqrt 2 or more. */
    uint64_t b = bits_of(x) + (UINT64_C(0x3ff0000000000000) - UINT64_C(0x3fe6a09e667f3bcd));
    *k = (double)((int64_t)(b >> 52) - 1023 - below);
    return from_bits((b & UINT64_C(0x000fffffffffffff)) + UINT64_C(0x3fe6a09e667f3bcd)) - 1;
}

/*
 * With f = s/(2+s) and z = f^2: log(1+s) = 2 atanh(f) = 2f + f*(2z/3 + rest), rest = 2z^2/5 + 2z^3/7 + ... ; |f| <
 * 0.1716, z < 0.0295. Twelve terms in all leave 5e-22, which num_pow may multiply by 709. Two chains, over even and odd
 * powers, halve the waiting time.
 */
static double atanh_rest(double z)
{
    double w = z * z;
    double even = w * (2.0 / 5 + w * (2.0 / 9 + w * (2.0 / 13 + w * (2.0 / 17 + w * (2.0 / 21 + w * (2.0 / 25))))));
    double odd = z * w * (2.0 / 7 + w * (2.0 / 11 + w * (2.0 / 15 + w * (2.0 / 19 + w * (2.0 / 23)))));

    return even + odd;
}

double num_log(double x)
{
    double k, s = split(x, &k);
    double f = s / (2 + s), z = f * f;

    /* 2f = s - f*s, and s is exact: the rounding of f counts only by its product with s. */
    return k * ln2_hi + (s - (f * (s - (z * (2.0 / 3) + atanh_rest(z))) - k * ln2_lo));
}

/* exp(hi + lo), |lo| tiny. Taylor to r^13 for |r| <= ln2/2: the next term is 4e-18. */
static double exp_sum(double hi, double lo)
{
    if (hi < -708)
        return 0;
    if (!(hi <= 709))
        return hi + INFINITY; /* keeps a NaN */
    int64_t k = (int64_t)(hi * log2_e + (hi < 0 ? -0.5 : 0.5));
    double kd = (double)k;
    double r = (hi - kd * ln2_hi) - (kd * ln2_lo - lo);
    double w = r * r;
    double even =
        1.0 / 2 + w * (1.0 / 24 + w * (1.0 / 720 + w * (1.0 / 40320 + w * (1.0 / 3628800 + w * (1.0 / 479001600)))));
    double odd = 1.0 / 6 + w * (1.0 / 120 +
                                w * (1.0 / 5040 + w * (1.0 / 362880 + w * (1.0 / 39916800 + w * (1.0 / 6227020800)))));
    double e = 1 + (r + w * (even + r * odd));
    /* k is from -1021 to 1023, so that 2^k is a normal number and the product is exact. */
    return e * from_bits((uint64_t)(k + 1023) << 52);
}

double num_exp(double x)
{
    return exp_sum(x, 0);
}

/* a*b = the result + *lo exactly, from halves of 26 bits (Dekker 1971). |a|, |b| < 2^970. */
static double two_product(double a, double b, double *lo)
{
    double p = a * b;
    double t = a * 0x1.0000002p+27, ah = t - (t - a), al = a - ah;
    double u = b * 0x1.0000002p+27, bh = u - (u - b), bl = b - bh;

    *lo = ((ah * bh - p) + ah * bl + al * bh) + al * bl;
    return p;
}

/* a+b = the result + *lo exactly (Knuth). */
static double two_sum(double a, double b, double *lo)
{
    double s = a + b, bb = s - a;

    *lo = (a - (s - bb)) + (b - bb);
    return s;
}

/* log x as hi + lo, ten bits better than a double: k ln2, 2f and 2f^3/3 are carried in two parts, the rest is not. */
static double log_two(double x, double *lo)
{
    double k, s = split(x, &k);
    double d_lo, d = two_sum(2, s, &d_lo);
    double f = s / d;
    double fd_lo, fd = two_product(f, d, &fd_lo);
    double f_lo = (((s - fd) - fd_lo) - f * d_lo) / d;
    double z_lo, z = two_product(f, f, &z_lo);
    double cube_lo, cube = two_product(f, z, &cube_lo);
    double third_lo, third = two_product(cube, 2.0 / 3, &third_lo);
    double sum_lo, sum = two_sum(k * ln2_hi, 2 * f, &sum_lo);
    double out_lo, out = two_sum(sum, third, &out_lo);

    third_lo +=
        (cube_lo + f * z_lo + 3 * z * f_lo) * (2.0 / 3) + cube * 0x1.5555555555555p-55; /* 2/3 beyond a double */
    *lo = out_lo + (sum_lo + (2 * f_lo + k * ln2_lo + third_lo + f * atanh_rest(z)));
    return out;
}

double num_pow(double x, double y)
{
    double lo, hi = log_two(x, &lo);

    if (y > 0x1p900 || y < -0x1p900) /* beyond what two_product may see; the answer is 0, 1 or infinite anyway */
        return exp_sum(hi * y, 0);
    double p_lo, p = two_product(hi, y, &p_lo);
    return exp_sum(p, p_lo + lo * y);
}

/*
 * Stirling: lgamma(x) = (x - 1/2) log x - x + log(2 pi)/2 + sum B_2n / (2n (2n-1) x^(2n-1)) (Abramowitz and Stegun
 * 6.1.40). The terms to x^-13 leave 3e-17 from x = 10 on; a smaller x is moved up by
 * gamma(x+1) = x gamma(x).
 */
double num_lgamma(double x)
{
    double product = 1;

    sim_assert(x > 0);
    if (x > 0x1p500)
        return x * (num_log(x) - 1);
    while (x < 10) {
        product *= x;
        x += 1;
    }
    double z = 1 / (x * x);
    double tail =
        (1.0 / 12 -
         z * (1.0 / 360 -
              z * (1.0 / 1260 - z * (1.0 / 1680 - z * (1.0 / 1188 - z * (691.0 / 360360 - z * (1.0 / 156))))))) /
        x;
    double lo, hi = log_two(x, &lo);
    double main_lo, main_hi = two_product(x - 0.5, hi, &main_lo);

    return ((main_hi - x) - num_log(product)) + (half_log_2pi + (tail + (main_lo + (x - 0.5) * lo)));
}

/* |a| <= pi/4; the next terms are below 1e-18. */
static double cos_series(double a)
{
    double z = a * a, sum = 1;

    for (int k = 18; k > 0; k -= 2)
        sum = 1 - z / (k * (k - 1)) * sum;
    return sum;
}

static double sin_series(double a)
{
    double z = a * a, sum = 1;

    for (int k = 19; k > 1; k -= 2)
        sum = 1 - z / (k * (k - 1)) * sum;
    return a * sum;
}

double num_cos_turns(double x)
{
    static const double two_pi = 0x1.921fb54442d18p+2;
    double r = x < 0 ? -x : x;

    sim_assert(r < 0x1p52);
    r -= (double)(int64_t)r;
    if (r > 0.5)
        r = 1 - r;
    double sign = r > 0.25 ? -1 : 1;
    if (r > 0.25)
        r = 0.5 - r;
    return sign * (r <= 0.125 ? cos_series(two_pi * r) : sin_series(two_pi * (0.25 - r)));
}
