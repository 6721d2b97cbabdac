/* The fitter finds known parameters among outliers, its errors cover them, priors and limits hold; the CSV reader says
 * what is wrong. */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bug.h"
#include "scenario/scenario.h"
#include "study/csv.h"
#include "study/fit.h"
#include "study/kernel_rows.h"
#include "../run_suite.h"

/* ---- t = a + b x / (c + x), measured with noise of 5%, one row in ten wrong by a factor ---- */

enum { ROWS = 200, TRUTHS = 3 };
static const double TRUTH[TRUTHS] = {2, 30, 12};

struct data {
    double x[ROWS], y[ROWS];
};

static double curve(const double *p, double x)
{
    return p[0] + p[1] * x / (p[2] + x);
}

/* Independent draws that need no generator of the program: a fixed linear congruence, Box and Muller. */
static uint64_t lcg;

static double uniform(void)
{
    lcg = lcg * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return ((double)(lcg >> 11) + 0.5) / 9007199254740992.0;
}

static double normal(void)
{
    double u = uniform();

    return sqrt(-2 * log(u)) * cos(2 * M_PI * uniform());
}

static void make(struct data *d, uint64_t seed, double noise, double outliers)
{
    lcg = seed * 7919 + 1;
    for (int i = 0; i < ROWS; i++) {
        d->x[i] = pow(2, 10 * uniform() - 2);
        d->y[i] = curve(TRUTH, d->x[i]) * exp(noise * normal());
        if (uniform() < outliers)
            d->y[i] *= 4;
    }
}

static bool residuals(void *context, const double *p, double *r)
{
    const struct data *d = context;

    for (int i = 0; i < ROWS; i++)
        r[i] = log(curve(p, d->x[i]) / d->y[i]);
    return true;
}

static bool jacobian(void *context, const double *p, double *j)
{
    const struct data *d = context;

    for (int i = 0; i < ROWS; i++, j += TRUTHS) {
        double s = p[2] + d->x[i], y = curve(p, d->x[i]);
        j[0] = 1 / y;
        j[1] = d->x[i] / s / y;
        j[2] = -p[1] * d->x[i] / (s * s) / y;
    }
    return true;
}

static const struct fit_parameter parameters[TRUTHS] = {
    {.name = "a", .start = 1, .min = 0, .max = INFINITY},
    {.name = "b", .start = 10, .min = 0, .max = INFINITY},
    {.name = "c", .start = 50, .min = 1, .max = 1000},
};

static struct fit_problem problem_of(struct data *d, enum fit_loss loss)
{
    return (struct fit_problem){.parameters = parameters,
                                .n_parameters = TRUTHS,
                                .n_residuals = ROWS,
                                .residuals = residuals,
                                .jacobian = jacobian,
                                .context = d,
                                .loss = loss};
}

static struct fit_result fitted(const struct fit_problem *p)
{
    struct fit_result r;
    char why[256] = "";

    ck_assert_msg(fit(p, &r, why, sizeof why), "%s", why);
    ck_assert(r.converged);
    return r;
}

START_TEST(exact_data_give_exact_parameters)
{
    struct data d;
    make(&d, 1, 0, 0);
    for (int loss = FIT_SQUARE; loss <= FIT_CAUCHY; loss++) {
        struct fit_problem p = problem_of(&d, (enum fit_loss)loss);
        struct fit_result r = fitted(&p);
        for (int j = 0; j < TRUTHS; j++)
            ck_assert_double_eq_tol(r.estimate[j], TRUTH[j], 1e-4 * TRUTH[j]);
        ck_assert_double_le(r.rms, 1e-5);
    }
}
END_TEST

START_TEST(outliers_do_not_pull)
{
    struct data d;
    make(&d, 2, 0.05, 0.1);
    struct fit_problem square = problem_of(&d, FIT_SQUARE), cauchy = problem_of(&d, FIT_CAUCHY);
    struct fit_result pulled = fitted(&square), robust = fitted(&cauchy);
    for (int j = 0; j < TRUTHS; j++)
        ck_assert_double_eq_tol(robust.estimate[j], TRUTH[j], 5 * robust.standard_error[j]);
    ck_assert_double_le(fabs(robust.estimate[1] - 30), 2);
    ck_assert_double_ge(pulled.median_error, 1.5 * robust.median_error);
    ck_assert_uint_ge(robust.n_outliers, 10);
    ck_assert_uint_le(robust.n_outliers, 35);
}
END_TEST

START_TEST(differences_agree_with_derivatives)
{
    struct data d;
    make(&d, 3, 0.05, 0.05);
    struct fit_problem p = problem_of(&d, FIT_SOFT_L1);
    struct fit_result exact = fitted(&p);
    p.jacobian = NULL;
    struct fit_result forward = fitted(&p);
    p.central = true;
    p.step = 0.01;
    struct fit_result central = fitted(&p);
    for (int j = 0; j < TRUTHS; j++) {
        ck_assert_double_eq_tol(forward.estimate[j], exact.estimate[j], 1e-3 * TRUTH[j]);
        ck_assert_double_eq_tol(central.estimate[j], exact.estimate[j], 1e-3 * TRUTH[j]);
        ck_assert_double_eq_tol(central.standard_error[j], exact.standard_error[j], 0.02 * exact.standard_error[j]);
    }
}
END_TEST

/* Of 1000 data sets the truth lies within 1.96 standard errors in 95%; binomial limits at 4 sigma. */
START_TEST(standard_errors_cover_the_truth)
{
    static const enum fit_loss losses[] = {FIT_SQUARE, FIT_SOFT_L1, FIT_CAUCHY};
    for (size_t l = 0; l < 3; l++) {
        int covered[TRUTHS] = {0};
        for (int k = 0; k < 1000; k++) {
            struct data d;
            make(&d, (uint64_t)(100 + k), 0.05, 0);
            struct fit_problem p = problem_of(&d, losses[l]);
            struct fit_result r = fitted(&p);
            for (int j = 0; j < TRUTHS; j++)
                covered[j] += fabs(r.estimate[j] - TRUTH[j]) <= 1.96 * r.standard_error[j];
        }
        for (int j = 0; j < TRUTHS; j++)
            ck_assert_msg(covered[j] >= 922 && covered[j] <= 978, "loss %d, parameter %d: %d of 1000", losses[l], j,
                          covered[j]);
    }
}
END_TEST

START_TEST(a_tight_prior_wins_a_wide_one_yields)
{
    struct data d;
    struct fit_parameter with[TRUTHS];
    make(&d, 4, 0.05, 0);
    struct fit_problem p = problem_of(&d, FIT_SOFT_L1);
    memcpy(with, parameters, sizeof with);
    p.parameters = with;
    struct fit_result free_fit = fitted(&p);
    with[0].prior = 4;
    with[0].prior_sd = 1e-4;
    ck_assert_double_eq_tol(fitted(&p).estimate[0], 4, 0.01);
    with[0].prior_sd = 100;
    ck_assert_double_eq_tol(fitted(&p).estimate[0], free_fit.estimate[0], 1e-3);
}
END_TEST

START_TEST(limits_hold)
{
    struct data d;
    struct fit_parameter with[TRUTHS];
    make(&d, 5, 0.05, 0);
    struct fit_problem p = problem_of(&d, FIT_SOFT_L1);
    memcpy(with, parameters, sizeof with);
    with[1].max = 20;
    with[1].prior = 15;
    with[1].prior_sd = 10;
    p.parameters = with;
    p.rounds_max = 10;
    struct fit_result r;
    char why[256];
    ck_assert(fit(&p, &r, why, sizeof why));
    ck_assert_double_le(r.estimate[1], 20);
    ck_assert_double_ge(r.estimate[1], 18);
}
END_TEST

static bool no_residuals(void *context, const double *p, double *r)
{
    (void)context;
    (void)p;
    r[0] = NAN;
    return true;
}

START_TEST(says_why_it_cannot)
{
    struct data d;
    struct fit_result r;
    char why[256] = "";
    make(&d, 6, 0.05, 0);
    struct fit_problem p = problem_of(&d, FIT_SQUARE);
    p.n_residuals = 2;
    ck_assert(!fit(&p, &r, why, sizeof why));
    ck_assert_str_eq(why, "2 residuals for 3 parameters");
    p.n_residuals = ROWS;
    p.residuals = no_residuals;
    ck_assert(!fit(&p, &r, why, sizeof why));
    ck_assert_str_eq(why, "no residuals after 0 rounds");
}
END_TEST

START_TEST(errors_of_given_residuals)
{
    double r[] = {log(1.1), log(0.8), log(1.3), 0, log(1.05)};
    struct fit_result result = {0};
    fit_errors(r, 5, &result);
    ck_assert_double_eq_tol(result.median_error, 0.1, 1e-12);
    ck_assert_double_eq_tol(result.median_signed_error, 0.05, 1e-12);
    ck_assert_double_eq_tol(result.p90_error, 0.26, 1e-12);
}
END_TEST

/* ---- csv ---- */

static char path[] = "test_fit.csv";

static struct csv *read_text(const char *text, size_t n, struct diags *d)
{
    FILE *f = fopen(path, "w");
    ck_assert_ptr_nonnull(f);
    fwrite(text, 1, n, f);
    fclose(f);
    diags_init(d);
    struct csv *t = csv_read(path, d);
    unlink(path);
    return t;
}

START_TEST(csv_reads_names_quotes_and_both_line_ends)
{
    struct diags d;
    static const char text[] = "name,x\r\n\"a, \"\"b\"\"\",1.5e3\n,\n\"\",\"7\"";
    struct csv *t = read_text(text, sizeof text - 1, &d);
    double v;
    ck_assert_ptr_nonnull(t);
    ck_assert_uint_eq(csv_rows(t), 3);
    int name = csv_need(t, "name", &d), x = csv_need(t, "x", &d);
    ck_assert_str_eq(csv_text(t, 0, name), "a, \"b\"");
    ck_assert(csv_number(t, 0, x, &v, &d) && v == 1500);
    ck_assert(csv_empty(t, 1, name) && csv_empty(t, 1, x) && csv_empty(t, 2, name));
    ck_assert(csv_is(t, 2, x, "7"));
    ck_assert_int_eq(csv_line(t, 2), 4);
    ck_assert_int_eq(csv_column(t, "y"), -1);
    ck_assert_uint_eq(d.n, 0);
    ck_assert(!csv_number(t, 1, x, &v, &d));
    ck_assert_int_eq(csv_need(t, "y", &d), -1);
    ck_assert_str_eq(d.at[0].text, "x \"\" is not a number");
    ck_assert_int_eq(d.at[0].line, 3);
    ck_assert_str_eq(d.at[1].text, "no column \"y\"");
    csv_free(t);
    diags_free(&d);
}
END_TEST

static const struct {
    const char *text;
    int line;
    const char *message;
} mistakes[] = {
    {"", 1, "empty (want a header line with the columns' names)"},
    {"a,b\n1\n", 2, "1 field, the header has 2"},
    {"a\n1,2\n", 2, "2 fields, the header has 1"},
    {"a,a\n", 1, "column \"a\" is there twice"},
    {"a,,b\n", 1, "column 2 has no name"},
    {"a\n\n1\n", 2, "an empty line"},
    {"a\n\"1\n", 2, "field 1: a quoted field must end with a quote and then a comma or the line's end"},
    {"a\n\"1\"\"\n", 2, "field 1: a quoted field must end with a quote and then a comma or the line's end"},
    {"a,b\n1,\"2\"3\n", 2, "field 2: a quoted field must end with a quote and then a comma or the line's end"},
    {"a\nx\"y\n", 2, "field 1: a quote inside an unquoted field (want \"...\" around the whole field)"},
};

START_TEST(csv_says_what_is_wrong_and_where)
{
    struct diags d;
    ck_assert_ptr_null(read_text(mistakes[_i].text, strlen(mistakes[_i].text), &d));
    ck_assert_uint_eq(d.n, 1);
    ck_assert_str_eq(d.at[0].text, mistakes[_i].message);
    ck_assert_int_eq(d.at[0].line, mistakes[_i].line);
    diags_free(&d);
}
END_TEST

START_TEST(csv_refuses_what_is_no_text)
{
    struct diags d;
    ck_assert_ptr_null(read_text("a\n1\0002\n", 6, &d));
    ck_assert_str_eq(d.at[0].text, "a NUL byte: is this text? (lines have at most 8192 bytes)");
    diags_free(&d);
    char *line = mem_alloc(CSV_LINE_MAX + 2);
    memset(line, 'x', CSV_LINE_MAX + 1);
    ck_assert_ptr_null(read_text(line, CSV_LINE_MAX + 1, &d));
    ck_assert_str_eq(d.at[0].text, "longer than 8192 bytes");
    diags_free(&d);
    struct csv *t = read_text(line, CSV_LINE_MAX, &d);
    ck_assert_ptr_nonnull(t);
    csv_free(t);
    free(line);
    diags_init(&d);
    ck_assert_ptr_null(csv_read("no/such.csv", &d));
    ck_assert_str_eq(d.at[0].text, "cannot read: No such file or directory");
    diags_free(&d);
}
END_TEST

/* Kernels are fitted as shares of the peaks in kernel_rows.c and used as shares of those in data/gpus: the same
 * figures. */
START_TEST(peaks_are_those_of_the_presets)
{
    for (size_t i = 0; i < kernel_n_gpus; i++) {
        const struct kernel_gpu *k = &kernel_gpus[i];
        struct gpu_options g;
        struct kernels unused;
        struct arena a;
        struct diags d;
        arena_init(&a);
        diags_init(&d);
        ck_assert_msg(scenario_load_gpu(k->file, &g, &unused, &a, &d), "%s", k->file);
        const double pairs[][2] = {{k->bf16_flops, g.bf16_flops}, {k->fp8_flops, g.fp8_flops},
                                   {k->fp4_flops, g.fp4_flops},   {k->memory_Bps, g.memory_Bps},
                                   {k->nvlink_Bps, g.nvlink_Bps}, {k->network_Bps, g.network_Bps}};
        for (size_t j = 0; j < sizeof pairs / sizeof *pairs; j++)
            ck_assert_msg(fabs(pairs[j][0] - pairs[j][1]) <= 1e-9 * pairs[j][1], "%s, figure %zu: %g, want %g", k->file,
                          j, pairs[j][0], pairs[j][1]);
        diags_free(&d);
        arena_free(&a);
    }
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("fit");
    TCase *fits = tcase_create("fit"), *tables = tcase_create("csv");

    tcase_add_test(fits, exact_data_give_exact_parameters);
    tcase_add_test(fits, outliers_do_not_pull);
    tcase_add_test(fits, differences_agree_with_derivatives);
    tcase_add_test(fits, standard_errors_cover_the_truth);
    tcase_add_test(fits, a_tight_prior_wins_a_wide_one_yields);
    tcase_add_test(fits, limits_hold);
    tcase_add_test(fits, says_why_it_cannot);
    tcase_add_test(fits, errors_of_given_residuals);
    tcase_add_test(tables, csv_reads_names_quotes_and_both_line_ends);
    tcase_add_loop_test(tables, csv_says_what_is_wrong_and_where, 0, (int)(sizeof mistakes / sizeof *mistakes));
    tcase_add_test(tables, csv_refuses_what_is_no_text);
    tcase_add_test(tables, peaks_are_those_of_the_presets);
    tcase_set_timeout(fits, 60);
    suite_add_tcase(s, fits);
    suite_add_tcase(s, tables);
    return s;
}

int main(void)
{
    bug_catch_gsl();
    return run_suite(suite());
}
