#include "base/dist.h"

#include <math.h> /* sqrt only: IEEE rounds it correctly everywhere */
#include <pthread.h>

#include "base/bug.h"
#include "base/num.h"

enum { LAYERS = 256 };

/* Where layer 0's box ends and the tail begins, and the area of a layer: the roots for 256 layers as the paper gives
 * them; make_layers checks that the layers close at the top of the curve. */
#define EXPONENTIAL_TAIL 7.69711747013104972
#define EXPONENTIAL_AREA 0.0039496598225815571993
#define NORMAL_TAIL      3.6541528853610088
#define NORMAL_AREA      0.00492867323399

struct dist_layer dist_exponential_layers[LAYERS];
static double exponential_height[LAYERS + 1]; /* f(x_i) */
static struct dist_layer normal_layers[LAYERS];
static double normal_height[LAYERS + 1];
static pthread_once_t tables_once = PTHREAD_ONCE_INIT;

static double exponential_curve(double x)
{
    return num_exp(-x);
}

static double exponential_inverse(double y)
{
    return -num_log(y);
}

static double normal_curve(double x)
{
    return num_exp(-0.5 * x * x);
}

static double normal_inverse(double y)
{
    return sqrt(-2 * num_log(y));
}

static void make_layers(struct dist_layer *layers, double *height, double tail, double area, double (*curve)(double),
                        double (*inverse)(double))
{
    double x[LAYERS + 1];

    x[0] = area / curve(tail); /* wider than the tail: the part beyond stands for the tail's area */
    x[1] = tail;
    for (int i = 2; i < LAYERS; i++)
        x[i] = inverse(curve(x[i - 1]) + area / x[i - 1]);
    double top = curve(x[LAYERS - 1]) + area / x[LAYERS - 1];
    sim_assert(top > 1 - 1e-8 && top < 1 + 1e-8);
    x[LAYERS] = 0;
    height[0] = 0; /* not used: layer 0 has its tail instead of a wedge */
    for (int i = 1; i <= LAYERS; i++)
        height[i] = curve(x[i]);
    for (int i = 0; i < LAYERS; i++) {
        layers[i].width = x[i] * 0x1p-52;
        layers[i].inside = (uint64_t)(x[i + 1] / x[i] * 0x1p52);
    }
}

static void make_tables(void)
{
    make_layers(dist_exponential_layers, exponential_height, EXPONENTIAL_TAIL, EXPONENTIAL_AREA, exponential_curve,
                exponential_inverse);
    make_layers(normal_layers, normal_height, NORMAL_TAIL, NORMAL_AREA, normal_curve, normal_inverse);
}

void dist_tables_make(void)
{
    pthread_once(&tables_once, make_tables);
}

static double abscissa(uint64_t word, double width)
{
    return ((double)(int64_t)(word >> 12) + 0.5) * width;
}

double dist_exponential_rare(struct rng *r, uint64_t word)
{
    for (;;) {
        unsigned i = word & 255;
        double x = abscissa(word, dist_exponential_layers[i].width);

        if (word >> 12 < dist_exponential_layers[i].inside)
            return x;
        if (i == 0) /* beyond the tail's start an exponential is one anew */
            return EXPONENTIAL_TAIL - num_log(rng_u01(r));
        double lower = exponential_height[i], upper = exponential_height[i + 1];
        if (lower + rng_u01(r) * (upper - lower) < exponential_curve(x))
            return x;
        word = rng_u64(r);
    }
}

static double standard_exponential(struct rng *r)
{
    return dist_exponential_rare(r, rng_u64(r));
}

/* Bits 0-7 choose the layer, bit 8 the sign, bits 12-63 the abscissa. The tail is Marsaglia's (1964). */
static double standard_normal(struct rng *r)
{
    for (;;) {
        uint64_t word = rng_u64(r);
        unsigned i = word & 255;
        double x = abscissa(word, normal_layers[i].width);
        double sign = word & 256 ? -1 : 1;

        if (__builtin_expect(word >> 12 < normal_layers[i].inside, 1))
            return sign * x;
        if (i == 0) {
            double y, z;
            do {
                y = -num_log(rng_u01(r)) / NORMAL_TAIL;
                z = -num_log(rng_u01(r));
            } while (z + z <= y * y);
            return sign * (NORMAL_TAIL + y);
        }
        double lower = normal_height[i], upper = normal_height[i + 1];
        if (lower + rng_u01(r) * (upper - lower) < normal_curve(x))
            return sign * x;
    }
}

static double mixed(struct rng *r, double x)
{
    rng_mix_double(r, x);
    return x;
}

double dist_uniform(struct rng *r, double lo, double hi)
{
    return mixed(r, lo + (hi - lo) * rng_u01(r));
}

double dist_normal(struct rng *r)
{
    return mixed(r, standard_normal(r));
}

/* Marsaglia and Tsang, "A simple method for generating gamma variables" (2000), whose squeeze saves most of the logs;
 * below shape 1 by gamma(a) = gamma(a+1) * U^(1/a). */
double dist_gamma(struct rng *r, double shape, double scale)
{
    sim_assert(shape > 0);
    double power = shape < 1 ? num_pow(rng_u01(r), 1 / shape) : 1;
    double d = (shape < 1 ? shape + 1 : shape) - 1.0 / 3, c = 1 / sqrt(9 * d);

    for (;;) {
        double x = standard_normal(r), v = 1 + c * x;
        if (v <= 0)
            continue;
        v = v * v * v;
        double u = rng_u01(r);
        if (u < 1 - 0.0331 * (x * x) * (x * x) || num_log(u) < 0.5 * x * x + d * (1 - v + num_log(v)))
            return mixed(r, d * v * power * scale);
    }
}

double dist_lognormal(struct rng *r, double median, double sigma)
{
    return mixed(r, median * num_exp(sigma * standard_normal(r)));
}

double dist_weibull(struct rng *r, double shape, double scale)
{
    sim_assert(shape > 0);
    return mixed(r, scale * num_pow(standard_exponential(r), 1 / shape));
}

/* (exp(t) - 1) / t and log(1 + t) / t; near 0 by their series, whose next terms are below 1e-16. */
static double expm1_over(double t)
{
    if (t < 1e-3 && t > -1e-3)
        return 1 + t * (1.0 / 2 + t * (1.0 / 6 + t * (1.0 / 24 + t * (1.0 / 120))));
    return (num_exp(t) - 1) / t;
}

static double log1p_over(double t)
{
    if (t < 1e-3 && t > -1e-3)
        return 1 - t * (1.0 / 2 - t * (1.0 / 3 - t * (1.0 / 4 - t * (1.0 / 5 - t * (1.0 / 6)))));
    return num_log(1 + t) / t;
}

/*
 * h(x) = x^-s; H, its integral from 1, is (x^(1-s) - 1) / (1-s), log x at s = 1, in a form that is smooth there.
 * Draw u uniform on (H(1.5) - h(1), H(n + 0.5)), take k nearest to H^-1(u), and accept where u falls in the upper h(k)
 * of k's stretch of H; left of `cut` it always does.
 */
static double zipf_integral(const struct dist_zipf *z, double x)
{
    double l = num_log(x);

    return expm1_over((1 - z->s) * l) * l;
}

static double zipf_inverse(const struct dist_zipf *z, double y)
{
    double t = (1 - z->s) * y;

    if (t < -1 + 0x1p-52) /* only by rounding, at the far end */
        t = -1 + 0x1p-52;
    return num_exp(log1p_over(t) * y);
}

static double zipf_h(const struct dist_zipf *z, double x)
{
    return num_exp(-z->s * num_log(x));
}

void dist_zipf_init(struct dist_zipf *z, double s, uint64_t n)
{
    sim_assert(s >= 0 && n >= 1 && n <= UINT64_C(1) << 52);
    z->s = s;
    z->n = (double)n;
    z->h_x1 = zipf_integral(z, 1.5) - 1;
    z->h_n = zipf_integral(z, z->n + 0.5);
    z->cut = 2 - zipf_inverse(z, zipf_integral(z, 2.5) - zipf_h(z, 2));
}

uint64_t dist_zipf_draw(struct rng *r, const struct dist_zipf *z)
{
    for (;;) {
        double u = z->h_n + rng_u01(r) * (z->h_x1 - z->h_n);
        double x = zipf_inverse(z, u);
        double k = x < z->n ? (double)(int64_t)(x + 0.5) : z->n;

        if (k < 1)
            k = 1;
        if (k - x <= z->cut || u >= zipf_integral(z, k + 0.5) - zipf_h(z, k)) {
            rng_mix_u64(r, (uint64_t)k);
            return (uint64_t)k;
        }
    }
}

double dist_empirical(struct rng *r, const struct dist_quantiles *q)
{
    double u = rng_u01(r);
    int lo = 0, hi = q->n - 1;

    sim_assert(q->n >= 2);
    while (hi - lo > 1) { /* p[lo] < u <= p[hi] */
        int mid = (lo + hi) / 2;
        if (q->p[mid] < u)
            lo = mid;
        else
            hi = mid;
    }
    double share = (u - q->p[lo]) / (q->p[hi] - q->p[lo]);
    return mixed(r, q->x[lo] + share * (q->x[hi] - q->x[lo]));
}

double dist_quantiles_mean(const struct dist_quantiles *q)
{
    double mean = 0;

    for (int i = 0; i + 1 < q->n; i++)
        mean += (q->p[i + 1] - q->p[i]) * (q->x[i] + q->x[i + 1]) / 2;
    return mean;
}
