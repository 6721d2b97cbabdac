/*
 * theory_arrivals.c - arrival processes whose rate changes, clients together, and traces rescaled, against closed forms.
 *
 * Each case runs with REPLICATIONS fixed streams of its own. The mean over them must lie within 3.5 standard errors,
 * from their spread, of the exact value (Student's t with 23 degrees of freedom: once in 500 times); where the value is
 * one of many, as a bin of an intensity is, within 4.5 (once in 6000). The standard error must be below 3% of what the
 * value is judged against, so that passing means something. With l the rates, D0 = Q - L and D1 = L of a
 * Markov-modulated Poisson process, pi its chain's stationary law, M = (-D0)^-1 and phi the law at arrivals:
 *
 *   mean rate         pi l                    gaps   E[X] = phi M 1, E[X^2] = 2 phi M M 1, E[X1 X2] = phi M (M D1) M 1
 *   two states, leaving rates r1, r2, with V = (l1 - l2)^2 r1 r2 / (r1 + r2)^2, r = r1 + r2, l = pi l:
 *   index of dispersion of counts    I(t) = 1 + 2 V / (r l) (1 - (1 - exp(-r t)) / (r t))
 *   covariance of next windows       V ((1 - exp(-r t)) / r)^2
 *     (Heffes and Lucantoni, IEEE JSAC 4(6), 1986; Fischer and Meier-Hellstern, Performance Evaluation 18, 1993)
 *   any law over a rate      E N(a, b) = integral of the rate (gaps.h: equilibrium); Poisson: chi-square of bins; the
 *                            integral between two arrivals has mean 1 and the law's CV (time rescaling)
 *   n clients in equilibrium, at one's arrival   P(gap > x) = S(x) Se(x)^(n-1), Se(x) = integral of S from x on / mean
 *                            (which tends to the exponential: Palm 1943, Khinchine 1960)
 *   rows kept with p         E N = p n, and I - 1 becomes p (I - 1)
 */
#include <check.h>
#include <gsl/gsl_cdf.h>
#include <gsl/gsl_linalg.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/bug.h"
#include "conf/opt_value.h"
#include "policy/arrival.h"
#include "workload/rescale.h"
#include "workload/servegen.h"
#include "../run_suite.h"

enum { REPLICATIONS = 24, BINS = 12 };

static struct arena arena;
static struct err err;
static char folder[64];

static void setup(void)
{
    arena_init(&arena);
    memset(&err, 0, sizeof err);
    strcpy(folder, "/tmp/tiersim-arrivals-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
}

static void teardown(void)
{
    char command[128];

    snprintf(command, sizeof command, "rm -r %s", folder);
    ck_assert_int_eq(system(command), 0);
    arena_free(&arena);
}

/* ---- what is measured, once a replication, and judged ---- */

struct sample {
    double x[REPLICATIONS];
};

/* scale: what the standard error is judged against; 0: the value. */
static void judge(const char *what, const struct sample *s, double want, double errors, double scale)
{
    double mean = 0, m2 = 0;

    for (int k = 0; k < REPLICATIONS; k++)
        mean += s->x[k] / REPLICATIONS;
    for (int k = 0; k < REPLICATIONS; k++)
        m2 += (s->x[k] - mean) * (s->x[k] - mean) / (REPLICATIONS - 1);
    double error = sqrt(m2 / REPLICATIONS);
    ck_assert_msg(error <= 0.03 * (scale > 0 ? scale : fabs(want)), "%s: %g +- %g says too little of %g", what, mean,
                  error, want);
    ck_assert_msg(fabs(mean - want) <= errors * error + 1e-9 * fabs(want), "%s: %g +- %g, want %g", what, mean, error,
                  want);
}

/* ---- a process from the text of its keys ---- */

struct process {
    const struct arrival_ops *ops;
    void *options, *state;
    struct rng gaps, rate;
};

/* "key=value|key=value" */
static struct process process(const char *name, const char *keys)
{
    const struct policy *p = policy_find(POLICY_ARRIVAL, name);
    char text[512], why[256], *save, *key, *value;

    ck_assert_ptr_nonnull(p);
    struct process a = {.ops = (const struct arrival_ops *)p, .options = arena_alloc(&arena, p->options_size)};
    memset(a.options, 0, p->options_size);
    for (size_t i = 0; i < p->options.n; i++) {
        const struct opt *row = &p->options.rows[i];
        const char *deflt = row->deflt;
        snprintf(text, sizeof text, "%s", keys);
        for (key = strtok_r(text, "|", &save); key; key = strtok_r(NULL, "|", &save)) {
            value = strchr(key, '=');
            if (strncmp(key, row->name, (size_t)(value - key)) == 0 && row->name[value - key] == '\0')
                deflt = value + 1;
        }
        ck_assert_msg(deflt, "%s needs %s", name, row->name);
        if (*deflt)
            ck_assert_msg(opt_value_parse(row, deflt, ".", (char *)a.options + row->offset, &arena, why, sizeof why),
                          "%s", why);
    }
    struct arrival_fault f = a.ops->fault(a.options);
    ck_assert_msg(f.key == NULL, "%s: %s %s", name, f.key, f.what);
    a.state = arena_alloc(&arena, a.ops->state_size);
    return a;
}

static void restart(struct process *a, uint64_t seed)
{
    memset(a->state, 0, a->ops->state_size);
    rng_init(&a->gaps, seed, 0, 0, RNG_ARRIVAL);
    rng_init(&a->rate, seed, 0, 1, RNG_ARRIVAL);
    a->ops->begin(a->options, a->state, &a->rate);
}

static double next(struct process *a)
{
    return a->ops->next_s(a->state, &a->gaps, &a->rate);
}

/* ---- rates that time alone moves ---- */

static double swing(double t)
{
    return 20 * (1 + 0.8 * sin(2 * M_PI * (t / 100 + 0.3)));
}

static double steps(double t)
{
    double in = fmod(t, 60);

    return in < 10 ? 5 : in < 25 ? 40 : 0;
}

static double lines(double t)
{
    double in = fmod(t, 60);

    return in < 20 ? 5 + in * 1.5 : 35 - (in - 20) * 0.75;
}

static double once(double t)
{
    return t < 50 ? 10 + t * 0.4 : 30;
}

static double ramp(double t)
{
    return t < 90 ? t / 3 : 30;
}

static double spiky(double t)
{
    bool spike = (t >= 15 && t < 20) || (t >= 70 && t < 75);

    return 10 * (1 + 0.5 * sin(2 * M_PI * t / 40)) + (spike ? 80 : 0);
}

static const struct intensity {
    const char *name, *keys;
    double (*rate)(double t);
} intensities[] = {
    {"sinusoid", "rate=20/s|amplitude=0.8|period=100s|phase=0.3", swing},
    {"piecewise", "times=0s 10s 25s|rates=5/s 40/s 0/s|period=60s", steps},
    {"piecewise", "times=0s 20s|rates=5/s 35/s|period=60s|shape=linear", lines},
    {"piecewise", "times=0s 50s|rates=10/s 30/s|shape=linear", once},
    {"ramp", "rate_to=30/s|over=90s", ramp},
    {"spikes", "rate=10/s|amplitude=0.5|period=40s|spike_rate=80/s|spike_duration=5s|spike_times=15s 70s", spiky},
};
enum { INTENSITIES = sizeof intensities / sizeof *intensities };
static const double HORIZON = 120;

/* Integral from a to b; the midpoints of so fine a grid miss the steps' edges, which lie on it. */
static double integral(double (*rate)(double), double a, double b)
{
    int n = (int)ceil((b - a) * 500 - 1e-6);
    double sum = 0;

    n = n > 0 ? n : 1;
    for (int k = 0; k < n; k++)
        sum += rate(a + (b - a) * (k + 0.5) / n);
    return sum * (b - a) / n;
}

/* Arrivals up to the horizon, by bins. */
static void count(struct process *a, uint64_t seed, double counts[BINS])
{
    restart(a, seed);
    memset(counts, 0, BINS * sizeof *counts);
    for (double t = next(a); t < HORIZON; t += next(a))
        counts[(int)(t / HORIZON * BINS)]++;
}

START_TEST(poisson_counts_have_the_intensity)
{
    const struct intensity *it = &intensities[_i];
    struct process a = process(it->name, it->keys);
    double counts[BINS], want[BINS], chi2 = 0;
    int degrees = 0;

    for (int b = 0; b < BINS; b++)
        want[b] = integral(it->rate, b * HORIZON / BINS, (b + 1) * HORIZON / BINS);
    for (int k = 0; k < 5 * REPLICATIONS; k++) {
        count(&a, (uint64_t)(1000 * _i + k), counts);
        for (int b = 0; b < BINS; b++) {
            if (want[b] < 1e-9) {
                ck_assert_double_eq(counts[b], 0);
                continue;
            }
            chi2 += (counts[b] - want[b]) * (counts[b] - want[b]) / want[b];
            degrees++;
        }
    }
    /* Too near is as wrong as too far: the counts would not be Poisson's. */
    double above = gsl_cdf_chisq_Q(chi2, degrees);
    ck_assert_msg(above > 5e-4 && above < 1 - 5e-4, "%s %s: chi2 %g of %d", it->name, it->keys, chi2, degrees);
}
END_TEST

static const struct law {
    const char *keys;
    double cv;
    int runs; /* that any_law_keeps_the_intensity takes the mean of, so that a standard error is small enough */
} laws[] = {{"gaps=poisson", 1, 2},
            {"gaps=gamma|gaps_cv=3", 3, 6},
            {"gaps=weibull|gaps_cv=2", 2, 3},
            {"gaps=deterministic", 0, 1}};
enum { LAWS = sizeof laws / sizeof *laws };

START_TEST(any_law_keeps_the_intensity)
{
    const struct intensity *it = &intensities[_i / LAWS];
    const struct law *law = &laws[_i % LAWS];
    char keys[512], what[600];
    struct sample s[BINS] = {0};
    double counts[BINS];

    snprintf(keys, sizeof keys, "%s|%s", it->keys, law->keys);
    struct process a = process(it->name, keys);
    for (int k = 0; k < REPLICATIONS * law->runs; k++) {
        count(&a, (uint64_t)(100000 * (_i + 1) + k), counts);
        for (int b = 0; b < BINS; b++)
            s[b].x[k / law->runs] += counts[b] / law->runs;
    }
    for (int b = 0; b < BINS; b++) {
        snprintf(what, sizeof what, "%s %s, bin %d", it->name, keys, b);
        double want = integral(it->rate, b * HORIZON / BINS, (b + 1) * HORIZON / BINS);
        judge(what, &s[b], want, 4.5, want + 30);
    }
}
END_TEST

/* A whole first gap would give (cv^2 - 1) / 2 more: 4 and 1.5 of gamma and Weibull, half a one less of equal gaps. */
START_TEST(any_law_begins_in_equilibrium)
{
    enum { RUNS = 500 };
    char keys[128];
    struct sample s = {0};

    snprintf(keys, sizeof keys, "times=0s|rates=10/s|%s", laws[_i].keys);
    struct process a = process("piecewise", keys);
    for (int k = 0; k < REPLICATIONS * RUNS; k++) {
        restart(&a, (uint64_t)k + 1);
        for (double t = next(&a); t < 0.95; t += next(&a))
            s.x[k / RUNS] += 1.0 / RUNS;
    }
    judge(keys, &s, 9.5, 3.5, 0);
}
END_TEST

/* The integral between arrivals has mean 1, the law's CV, and no memory. */
START_TEST(rescaled_gaps_have_their_law)
{
    const struct intensity *it = &intensities[_i / LAWS];
    const struct law *law = &laws[_i % LAWS];
    enum { GAPS = 1000 };
    char keys[512];
    struct sample mean = {0}, square = {0}, product = {0};

    snprintf(keys, sizeof keys, "%s|%s", it->keys, law->keys);
    struct process a = process(it->name, keys);
    for (int k = 0; k < REPLICATIONS; k++) {
        restart(&a, (uint64_t)(100000 * (_i + 1) + k));
        double t = next(&a), last = 1;
        for (int i = 0; i < GAPS; i++) {
            double gap = next(&a), x = integral(it->rate, t, t + gap);
            t += gap;
            mean.x[k] += x / GAPS;
            square.x[k] += x * x / GAPS;
            product.x[k] += x * last / GAPS;
            last = x;
        }
    }
    judge("mean", &mean, 1, 3.5, 0);
    if (law->cv == 0) { /* nothing is random: what is left is the grid of integral() */
        for (int k = 0; k < REPLICATIONS; k++)
            ck_assert_double_eq_tol(square.x[k], 1, 0.02);
        return;
    }
    judge("mean square", &square, 1 + law->cv * law->cv, 3.5, 3 * (1 + law->cv * law->cv));
    judge("product of neighbours", &product, 1, 3.5, (1 + law->cv * law->cv) / 2 + 2);
}
END_TEST

START_TEST(random_spikes_have_their_share)
{
    struct process a =
        process("spikes", "rate=5/s|spike_rate=50/s|spike_duration=2s|spike_every=18s|spike_spacing=exponential");
    static const double LENGTH = 40000;
    struct sample rate = {0}, dispersion = {0};

    for (int k = 0; k < REPLICATIONS; k++) {
        double in = 0, squares = 0, all = 0, window = 40, end = window;
        restart(&a, (uint64_t)k + 1);
        for (double t = next(&a); t < LENGTH; t += next(&a)) {
            while (t >= end) {
                squares += in * in;
                in = 0;
                end += window;
            }
            in++, all++;
        }
        double mean = all * window / LENGTH;
        rate.x[k] = all / LENGTH;
        dispersion.x[k] = (squares * window / LENGTH - mean * mean) / mean;
    }
    judge("rate", &rate, 5 + 50 * 2.0 / 20, 3.5, 0);
    /* Spikes are a renewal process of gaps 2 s + exponential 18 s: in 40 s about 2 come, 100 requests each. Constant
     * spacing would give some 5 (the edges of windows). */
    for (int k = 0; k < REPLICATIONS; k++)
        ck_assert_msg(dispersion.x[k] > 30, "spikes are too regular: index of dispersion %g", dispersion.x[k]);
}
END_TEST

/* ---- MMPP ---- */

enum { STATES = 3 };

struct markov {
    const char *keys;
    int n;
    double rate[STATES], sojourn[STATES], next[STATES][STATES];
};

static const struct markov chains[] = {
    {"rates=2/s 20/s|sojourns=5s 1s", 2, {2, 20}, {5, 1}, {{0, 1}, {1, 0}}},
    {"rates=0/s 30/s|sojourns=1s 0.2s", 2, {0, 30}, {1, 0.2}, {{0, 1}, {1, 0}}},
    {"rates=1/s 8/s 40/s|sojourns=3s 2s 0.5s|transitions=0 0.9 0.1 0.4 0 0.6 1 0 0",
     3,
     {1, 8, 40},
     {3, 2, 0.5},
     {{0, 0.9, 0.1}, {0.4, 0, 0.6}, {1, 0, 0}}},
    {"rates=1/s 8/s 40/s|sojourns=3s 2s 0.5s",
     3,
     {1, 8, 40},
     {3, 2, 0.5},
     {{0, 0.5, 0.5}, {0.5, 0, 0.5}, {0.5, 0.5, 0}}},
};
enum { CHAINS = sizeof chains / sizeof *chains };

static void invert(int n, double m[STATES][STATES], double inverse[STATES][STATES])
{
    gsl_matrix *a = gsl_matrix_alloc((size_t)n, (size_t)n), *b = gsl_matrix_alloc((size_t)n, (size_t)n);
    gsl_permutation *p = gsl_permutation_alloc((size_t)n);
    int sign;

    for (int i = 0; i < n; i++)
        for (int j = 0; j < n; j++)
            gsl_matrix_set(a, (size_t)i, (size_t)j, m[i][j]);
    gsl_linalg_LU_decomp(a, p, &sign);
    gsl_linalg_LU_invert(a, p, b);
    for (int i = 0; i < n; i++)
        for (int j = 0; j < n; j++)
            inverse[i][j] = gsl_matrix_get(b, (size_t)i, (size_t)j);
    gsl_matrix_free(a);
    gsl_matrix_free(b);
    gsl_permutation_free(p);
}

/* row <- row m */
static void through(int n, double row[STATES], double m[STATES][STATES])
{
    double out[STATES] = {0};

    for (int i = 0; i < n; i++)
        for (int j = 0; j < n; j++)
            out[j] += row[i] * m[i][j];
    memcpy(row, out, sizeof out);
}

static double total(int n, const double row[STATES])
{
    double sum = 0;

    for (int i = 0; i < n; i++)
        sum += row[i];
    return sum;
}

struct moments {
    double rate, mean, square, product;
};

static struct moments exact(const struct markov *c)
{
    double minus_d0[STATES][STATES], m[STATES][STATES], pi[STATES], flow[STATES] = {1, 1, 1};
    int n = c->n;
    struct moments out = {0};

    /* Visits by power iteration (halved, so that a period is no trouble); shares of time are visits times sojourn. */
    for (int k = 0; k < 10000; k++) {
        double after[STATES];
        memcpy(after, flow, sizeof after);
        through(n, after, (double (*)[STATES])c->next);
        for (int i = 0; i < n; i++)
            flow[i] = (flow[i] + after[i]) / 2;
    }
    for (int i = 0; i < n; i++)
        pi[i] = flow[i] * c->sojourn[i];
    double sum = total(n, pi);
    for (int i = 0; i < n; i++) {
        pi[i] /= sum;
        out.rate += pi[i] * c->rate[i];
        for (int j = 0; j < n; j++)
            minus_d0[i][j] = i == j ? c->rate[i] + 1 / c->sojourn[i] : -c->next[i][j] / c->sojourn[i];
    }
    invert(n, minus_d0, m);
    double row[STATES];
    for (int i = 0; i < n; i++)
        row[i] = pi[i] * c->rate[i] / out.rate; /* phi: the state at an arrival */
    through(n, row, m);
    out.mean = total(n, row);
    double twice[STATES];
    memcpy(twice, row, sizeof twice);
    through(n, twice, m);
    out.square = 2 * total(n, twice);
    for (int i = 0; i < n; i++)
        twice[i] *= c->rate[i]; /* phi M M D1 */
    through(n, twice, m);
    out.product = total(n, twice);
    return out;
}

START_TEST(mmpp_gaps_are_correlated_as_they_must)
{
    const struct markov *c = &chains[_i];
    struct process a = process("mmpp", c->keys);
    struct moments want = exact(c);
    struct sample mean = {0}, square = {0}, product = {0};
    enum { GAPS = 25000 };

    for (int k = 0; k < REPLICATIONS; k++) {
        restart(&a, (uint64_t)(1000 * (_i + 1) + k));
        for (int i = 0; i < 200; i++)
            next(&a); /* the first gaps are from a point in time, not from an arrival */
        for (int i = 0, odd = 0; i < GAPS; i++, odd = !odd) {
            static double last;
            double x = next(&a);
            mean.x[k] += x / GAPS;
            square.x[k] += x * x / GAPS;
            if (odd)
                product.x[k] += 2 * last * x / GAPS;
            last = x;
        }
    }
    judge("mean gap", &mean, want.mean, 3.5, 0);
    judge("mean square", &square, want.square, 3.5, 0);
    judge("product of neighbours", &product, want.product, 3.5, 0);
    /* An interrupted Poisson process is a renewal process; of the others, independent gaps would be seen. */
    if (c->rate[0] == 0)
        ck_assert_double_eq_tol(want.product, want.mean * want.mean, 1e-9);
    else
        ck_assert_double_gt(want.product, 1.05 * want.mean * want.mean);
}
END_TEST

START_TEST(mmpp_counts_have_their_dispersion)
{
    const struct markov *c = &chains[_i];
    struct process a = process("mmpp", c->keys);
    double r1 = 1 / c->sojourn[0], r2 = 1 / c->sojourn[1], r = r1 + r2;
    double l = (c->rate[0] * r2 + c->rate[1] * r1) / r, v = pow(c->rate[0] - c->rate[1], 2) * r1 * r2 / (r * r);
    static const double windows[] = {0.5, 2, 20};

    for (int w = 0; w < 3; w++) {
        enum { WINDOWS = 2500 };
        double t = windows[w], decay = 1 - exp(-r * t);
        struct sample rate = {0}, variance = {0}, beside = {0};
        for (int k = 0; k < REPLICATIONS; k++) {
            restart(&a, (uint64_t)(100000 * (_i + 1) + 1000 * w + k));
            double at = next(&a), last = l * t;
            for (int i = 0; i < WINDOWS; i++) {
                double n = 0;
                for (; at < (i + 1) * t; at += next(&a))
                    n++;
                rate.x[k] += n / t / WINDOWS;
                variance.x[k] += (n - l * t) * (n - l * t) / WINDOWS;
                beside.x[k] += (n - l * t) * (last - l * t) / WINDOWS;
                last = n;
            }
        }
        judge("rate", &rate, l, 3.5, 0);
        judge("index of dispersion times mean", &variance, l * t * (1 + 2 * v / (r * l) * (1 - decay / (r * t))), 3.5, 0);
        judge("covariance of next windows", &beside, v * pow(decay / r, 2) * (1 - 1.0 / WINDOWS), 3.5, l * t * 10);
    }
}
END_TEST

/* Stationary from the start on: no drift of the rate. */
START_TEST(mmpp_begins_where_it_would_be)
{
    struct process a = process("mmpp", chains[2].keys);
    double want = exact(&chains[2]).rate;
    struct sample s = {0};
    enum { RUNS = 1000 };

    for (int k = 0; k < REPLICATIONS * RUNS; k++) {
        restart(&a, (uint64_t)k + 1);
        for (double t = next(&a); t < 0.5; t += next(&a))
            s.x[k / RUNS] += 1 / 0.5 / RUNS;
    }
    judge("rate of the first half second", &s, want, 3.5, 0);
}
END_TEST

/* ---- clients ---- */

/* Client `number`: rates by windows of 100 s, one law, all prompts of `number` tokens. */
static void write_client(int number, const char *law, double shape, int n, const double *rates)
{
    char path[128];

    snprintf(path, sizeof path, "%s/chunk-%d-trace.csv", folder, number);
    FILE *f = fopen(path, "w");
    ck_assert_ptr_nonnull(f);
    for (int i = 0; i < n; i++)
        fprintf(f, "%d,%.17g,1,%s,%.17g,1\n", 100 * i, rates[i], rates[i] > 0 ? law : "", rates[i] > 0 ? shape : 0);
    fclose(f);
    snprintf(path, sizeof path, "%s/chunk-%d-dataset.json", folder, number);
    f = fopen(path, "w");
    ck_assert_ptr_nonnull(f);
    fprintf(f,
            "{\"0\": {\"input_tokens\": \"{%d: 1.0}\", \"output_tokens\": \"{10: 0.25, 20: 7.5e-1}\"}, "
            "\"200\": {\"input_tokens\": \"{}\", \"output_tokens\": \"{}\", \"reason_ratio\": \"{}\"},\n"
            " \"300\": {\"input_tokens\": \"{%d: 1.0}\", \"output_tokens\": \"{100: 1}\"}}",
            number, number);
    fclose(f);
}

START_TEST(clients_keep_their_rates_and_bursts)
{
    static const double rates[3][4] = {{10, 30, 0, 20}, {5, 5, 5, 5}, {0, 0, 40, 1}};
    static const double cv2[3] = {4, 1, 0}; /* of the gamma laws' shapes 1/4 and 1, and the Weibull */
    struct sample counts[3][4] = {{{{0}}}}, square[2] = {{{0}}}, gaps[2] = {{{0}}}, output[2] = {{{0}}};
    enum { DAYS = 10 };

    write_client(1, "Gamma", 0.25, 4, rates[0]);
    write_client(2, "Gamma", 1, 4, rates[1]);
    write_client(30, "Weibull", 0.7, 4, rates[2]);
    struct servegen_options o = {.folder = folder, .rate_scale = 1};
    for (int k = 0; k < REPLICATIONS; k++) {
        struct servegen *s = servegen_open(&o, (uint64_t)k, 0, &err);
        ck_assert_msg(s, "%s", err.msg);
        struct trace_row row;
        double last[3] = {-1, -1, -1}, n[2] = {0}, outputs[2] = {0};
        int64_t before = 0;
        while (servegen_next(s, &row) && row.t_ns < DAYS * INT64_C(400000000000)) {
            int c = row.input_tokens == 30 ? 2 : (int)row.input_tokens - 1;
            double t = (double)row.t_ns * 1e-9;
            int window = (int)fmod(t / 100, 4);
            ck_assert(row.t_ns >= before);
            before = row.t_ns;
            counts[c][window].x[k] += 1.0 / DAYS;
            output[window == 3].x[k] += (double)row.output_tokens;
            outputs[window == 3]++;
            /* Gaps within a window, in units of its mean gap: those that would reach beyond it are not seen, so only
             * windows of many. */
            if (c < 2 && last[c] >= 0 && (int)fmod(last[c] / 100, 4) == window && t - last[c] < 100) {
                double x = (t - last[c]) * rates[c][window];
                gaps[c].x[k] += x;
                square[c].x[k] += x * x;
                n[c]++;
            }
            last[c] = t;
        }
        servegen_close(s);
        for (int c = 0; c < 2; c++) {
            gaps[c].x[k] /= n[c];
            square[c].x[k] = square[c].x[k] / n[c] / (gaps[c].x[k] * gaps[c].x[k]) - 1;
            output[c].x[k] /= outputs[c];
        }
    }
    for (int c = 0; c < 3; c++)
        for (int window = 0; window < 4; window++)
            judge("a client's requests in a window", &counts[c][window], 100 * rates[c][window], 4.5,
                  100 * rates[c][window] + 30);
    for (int c = 0; c < 2; c++) /* cut at the windows' ends: 2% is their share */
        for (int k = 0; k < REPLICATIONS; k++)
            ck_assert_msg(fabs(square[c].x[k] - cv2[c]) < 0.15 * cv2[c] + 0.05, "client %d: cv^2 %g", c, square[c].x[k]);
    judge("answers of the first windows", &output[0], 17.5, 3.5, 0); /* the empty one takes them too */
    for (int k = 0; k < REPLICATIONS; k++)
        ck_assert_double_eq(output[1].x[k], 100);
}
END_TEST

/* Gamma of cv 2, mean 1: survival now, and of what is left at a random point. */
static double alive(double x)
{
    return gsl_cdf_gamma_Q(x, 0.25, 4);
}

static double left(double x) /* integral of alive from x on: E[X; X > x] - x P(X > x) */
{
    return gsl_cdf_gamma_Q(x, 1.25, 4) - x * alive(x);
}

START_TEST(many_clients_tend_to_poisson)
{
    static const int64_t clients[] = {1, 10, 300};
    static const double flat[] = {1, 1};
    int64_t n = clients[_i];
    static const double at[] = {0.1, 1, 2};
    struct sample beyond[3] = {{{0}}}, rate = {0};
    enum { GAPS = 15000 };

    write_client(7, "Gamma", 0.25, 2, flat);
    struct servegen_options o = {.folder = folder, .rate_scale = 1, .clients = n};
    for (int k = 0; k < REPLICATIONS; k++) {
        struct servegen *s = servegen_open(&o, (uint64_t)(1000 * _i + k), 0, &err);
        struct trace_row row;
        ck_assert_msg(s && servegen_next(s, &row), "%s", err.msg);
        int64_t last = row.t_ns, first = last;
        for (int i = 0; i < GAPS; i++) {
            ck_assert(servegen_next(s, &row));
            double x = (double)(row.t_ns - last) * 1e-9 * (double)n;
            for (int j = 0; j < 3; j++)
                beyond[j].x[k] += (x > at[j]) / (double)GAPS;
            last = row.t_ns;
        }
        rate.x[k] = GAPS / ((double)(last - first) * 1e-9);
        servegen_close(s);
    }
    judge("rate of all", &rate, (double)n, 3.5, 0);
    for (int j = 0; j < 3; j++) {
        double x = at[j] / (double)n, want = alive(x) * pow(left(x), (double)(n - 1));
        judge("gaps beyond", &beyond[j], want, 3.5, 0);
        if (n == 300)
            ck_assert_double_eq_tol(want, exp(-at[j]), 0.1);
        if (n == 1 && j == 0) /* of exponential gaps 0.90 */
            ck_assert_double_lt(want, 0.6);
    }
}
END_TEST

/* Published clients, where they lie beside the project: requests of a quarter of a day are what the file counts. */
START_TEST(published_clients_have_their_rates)
{
    const char *srcdir = getenv("srcdir");
    char path[1024], line[512];
    static double want[4];
    struct sample got[4] = {{{0}}};

    const int64_t QUARTER_NS = INT64_C(21600000000000);
    snprintf(path, sizeof path, "%s/../shared/data/traces/servegen/reason/deepseek-r1", srcdir ? srcdir : ".");
    if (access(path, R_OK) != 0)
        return;
    snprintf(line, sizeof line, "cat %.400s/chunk-*-trace.csv", path);
    FILE *f = popen(line, "r");
    ck_assert_ptr_nonnull(f);
    double start, rate;
    while (fgets(line, sizeof line, f) && sscanf(line, "%lf,%lf", &start, &rate) == 2)
        want[(int)(start / 21600)] += 600 * rate;
    pclose(f);
    /* From the second quarter on, a day a replication. */
    struct servegen_options o = {.folder = path, .rate_scale = 0.05, .day_start_ns = QUARTER_NS};
    struct servegen *s = servegen_open(&o, 1, 0, &err);
    struct trace_row row;
    ck_assert_msg(s, "%s", err.msg);
    while (servegen_next(s, &row) && row.t_ns < REPLICATIONS * 4 * QUARTER_NS)
        got[(row.t_ns / QUARTER_NS + 1) % 4].x[row.t_ns / (4 * QUARTER_NS)]++;
    servegen_close(s);
    for (int q = 0; q < 4; q++)
        judge("requests of a quarter of a day", &got[q], 0.05 * want[q], 3.5, 0);
}
END_TEST

/* ---- traces rescaled ---- */

enum { SECONDS = 400 };

/* Rows in batches: every 10 s, 30 at once (over 300 ms), the prompts numbered. */
static const char *write_trace(char *path, size_t size)
{
    snprintf(path, size, "%s/t.jsonl", folder);
    FILE *f = fopen(path, "w");
    ck_assert_ptr_nonnull(f);
    for (int i = 0; i < SECONDS / 10 * 30; i++)
        fprintf(f, "{\"timestamp\": %d, \"input_length\": 600, \"output_length\": %d, \"hash_ids\": [%d, %d]}\n",
                i / 30 * 10000 + i % 30 * 10, i + 1, 2 * i, 2 * i + 1);
    fclose(f);
    return path;
}

START_TEST(a_rescaled_trace_has_its_rate_and_bursts)
{
    static const double scales[] = {0.25, 1, 2.5, 3};
    enum { ROWS = SECONDS / 10 * 30 };
    char path[128];
    double scale = scales[_i];
    struct workload_options o = {.trace = write_trace(path, sizeof path),
                                 .trace_block_tokens = 512,
                                 .trace_speed = 1,
                                 .trace_rate_scale = scale,
                                 .trace_to_ns = SECONDS * INT64_C(1000000000)};
    struct sample all = {0}, square = {0};

    for (int k = 0; k < REPLICATIONS; k++) {
        struct rescale *s = rescale_open(&o, true, (uint64_t)k, 0, &err);
        ck_assert_msg(s, "%s", err.msg);
        static int seen[ROWS], owner[300 * ROWS];
        static double counts[SECONDS / 10];
        struct trace_row row;
        int64_t at_ns, before = 0;
        int got;
        memset(seen, 0, sizeof seen);
        memset(owner, 0, sizeof owner);
        memset(counts, 0, sizeof counts);
        while ((got = rescale_next(s, &row, &at_ns, &err)) == 1) {
            ck_assert(at_ns >= before && at_ns < o.trace_to_ns);
            before = at_ns;
            int64_t id = row.chain.run[0].id, which = row.output_tokens - 1;
            ck_assert(row.chain.n_runs == 1 && row.chain.run[0].n == 2 && id < 300 * ROWS);
            ck_assert(owner[id] == 0); /* else two rows have one block */
            owner[id] = 1;
            seen[which]++;
            all.x[k]++;
            /* Turned copies move by the time of a row: 10 ms grains within a batch. */
            counts[(at_ns + 5000000000) / 10000000000 % (SECONDS / 10)]++;
        }
        ck_assert_msg(got == 0, "%s", err.msg);
        rescale_close(s);
        for (int i = 0; i < ROWS; i++)
            ck_assert_msg(seen[i] >= floor(scale) && seen[i] <= ceil(scale), "row %d came %d times", i, seen[i]);
        for (int i = 0; i < SECONDS / 10; i++)
            square.x[k] += counts[i] * counts[i] / (SECONDS / 10);
    }
    if (scale == floor(scale)) {
        for (int k = 0; k < REPLICATIONS; k++)
            ck_assert_double_eq(all.x[k], scale * ROWS);
        return;
    }
    judge("rows", &all, scale * ROWS, 3.5, 0);
    /* 30 a window, I = 0; kept with p: I - 1 = p (0 - 1), of what is thinned. */
    double p = scale - floor(scale);
    if (scale < 1)
        judge("mean square of counts", &square, 900 * p * p + 30 * p * (1 - p), 3.5, 0);
}
END_TEST

/* What a mistake in a file is told as. */
START_TEST(wrong_files_of_clients_are_told)
{
    static const struct {
        const char *csv, *json, *message;
    } cases[] = {
        {"", NULL, "trace.csv:0: the file ends"},
        {"0,1,1,Gamma,1,1\n", NULL, "trace.csv:1: the file ends"},
        {"600,1,1,Gamma,1,1\n", NULL, "trace.csv:1: the window does not begin"},
        {"0,1,1,Gamma,1,1\n600,0,0,,0,0\n1300,0,0,,0,0\n", NULL, "trace.csv:3: the window does not begin"},
        {"0,1,1,Pareto,1,1\n", NULL, "trace.csv:1: a window with a rate has no law"},
        {"0,1,1,Gamma,0,1\n", NULL, "trace.csv:1: the law's shape"},
        {"0,1,1,Gamma,1\n", NULL, "trace.csv:1: shape or scale"},
        {"0,-1,1,Gamma,1,1\n", NULL, "trace.csv:1: start, rate or cv"},
        {"0,1,1,Gamma,1,1,9\n", NULL, "trace.csv:1: shape or scale"},
        {NULL, "", "dataset.json:1: the file ends"},
        {NULL, "{}", "dataset.json:1: no window has lengths"},
        {NULL, "{\"0\": {\"input_tokens\": \"{1: 1.0}\"}}", "one of input_tokens and output_tokens"},
        {NULL, "{\"0\":\n{\"input_tokens\": \"{1: 0.5}\"", "dataset.json:2: the probabilities do not add up"},
        {NULL, "{\"0\": {\"input_tokens\": \"{1.5: 1}\"", "a value is not a number of tokens"},
        {NULL, "{\"0\": {\"input_tokens\": \"{x: 1}\"", "a value is not a number"},
        {NULL, "{\"0\": {\"input_tokens\": \"{1: 2}\"", "a probability is out of range"},
        {NULL, "{\"9\": {", "the windows do not rise"},
        {NULL, "{\"0\": {\"x\": \"a\\\\b\"", "a string has no end"},
    };
    static const double flat[] = {1, 1};
    char path[128];

    write_client(7, "Gamma", 1, 2, flat);
    snprintf(path, sizeof path, "%s/chunk-7-%s", folder, cases[_i].csv ? "trace.csv" : "dataset.json");
    FILE *f = fopen(path, "w");
    ck_assert_ptr_nonnull(f);
    fputs(cases[_i].csv ? cases[_i].csv : cases[_i].json, f);
    fclose(f);
    struct servegen_options o = {.folder = folder, .rate_scale = 1};
    ck_assert_ptr_null(servegen_open(&o, 1, 0, &err));
    ck_assert_msg(strstr(err.msg, cases[_i].message), "%s, want %s", err.msg, cases[_i].message);
    ck_assert_int_eq(err.code, EXIT_CODE_FAILED);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("arrivals");
    TCase *c = tcase_create("arrivals"), *files = tcase_create("files");

    tcase_add_checked_fixture(c, setup, teardown);
    tcase_set_timeout(c, 60);
    tcase_set_tags(c, "statistics");
    tcase_add_loop_test(c, poisson_counts_have_the_intensity, 0, INTENSITIES);
    tcase_add_loop_test(c, any_law_keeps_the_intensity, 0, INTENSITIES * LAWS);
    tcase_add_loop_test(c, any_law_begins_in_equilibrium, 0, LAWS);
    tcase_add_loop_test(c, rescaled_gaps_have_their_law, 0, INTENSITIES * LAWS);
    tcase_add_test(c, random_spikes_have_their_share);
    tcase_add_loop_test(c, mmpp_gaps_are_correlated_as_they_must, 0, CHAINS);
    tcase_add_loop_test(c, mmpp_counts_have_their_dispersion, 0, 2);
    tcase_add_test(c, mmpp_begins_where_it_would_be);
    tcase_add_test(c, clients_keep_their_rates_and_bursts);
    tcase_add_loop_test(c, many_clients_tend_to_poisson, 0, 3);
    tcase_add_test(c, published_clients_have_their_rates);
    tcase_add_loop_test(c, a_rescaled_trace_has_its_rate_and_bursts, 0, 4);
    suite_add_tcase(suite, c);
    tcase_add_checked_fixture(files, setup, teardown);
    tcase_add_loop_test(files, wrong_files_of_clients_are_told, 0, 18);
    suite_add_tcase(suite, files);
    return run_suite(suite);
}
