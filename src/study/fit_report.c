/*
 * fit_report.c - what a fit tells beside its estimates: errors of the residuals, Huber's covariance (fit.h).
 */
#include <gsl/gsl_blas.h>
#include <gsl/gsl_errno.h>
#include <gsl/gsl_linalg.h>
#include <gsl/gsl_sort.h>
#include <gsl/gsl_statistics.h>
#include <math.h>
#include <stdlib.h>

#include "base/bug.h"
#include "study/fit_run.h"

static double rho(enum fit_loss loss, double x)
{
    switch (loss) {
    case FIT_CAUCHY:
        return log1p(x * x);
    case FIT_SOFT_L1:
        return 2 * (sqrt(1 + x * x) - 1);
    default:
        return x * x;
    }
}

/* psi'(x) */
static double psi_slope(enum fit_loss loss, double x)
{
    double w = fit_loss_weight(loss, x);

    switch (loss) {
    case FIT_CAUCHY:
        return (1 - x * x) * w * w;
    case FIT_SOFT_L1:
        return w * w * w;
    default:
        return 1;
    }
}

static double total_loss(const struct fit_run *run, const gsl_vector *u)
{
    const struct fit_problem *f = run->problem;
    double sum = 0;

    for (size_t i = 0; i < f->n_residuals; i++)
        sum += fit_weight(f, i) * rho(f->loss, run->r[i] / run->scale);
    for (size_t j = 0; j < f->n_parameters; j++)
        if (f->parameters[j].prior_sd > 0)
            sum += pow((gsl_vector_get(u, j) - fit_to_u(&f->parameters[j], f->parameters[j].prior)) /
                           f->parameters[j].prior_sd,
                       2);
    return sum;
}

/* The meat's and the bread's factors of Huber's covariance, see fit.h. */
static void moments(const struct fit_run *run, double *psi2, double *slope)
{
    const struct fit_problem *f = run->problem;
    double n = (double)f->n_residuals, k = (double)f->n_parameters, sum2 = 0, sum_slope = 0, sum_w = 0;

    for (size_t i = 0; i < f->n_residuals; i++) {
        double x = run->r[i] / run->scale, psi = x * fit_loss_weight(f->loss, x), w = fit_weight(f, i);
        sum2 += w * psi * psi;
        sum_slope += w * psi_slope(f->loss, x);
        sum_w += w;
    }
    *psi2 = sum2 / sum_w * (n > k ? n / (n - k) : 1);
    *slope = fmax(sum_slope / sum_w, 1e-6);
}

/* a = J'WJ / s^2 times factor, plus the priors' precision. Parameters nothing tells of get precision 1e-12. */
static void information(const struct fit_run *run, double factor, int weight_power, gsl_matrix *a)
{
    const struct fit_problem *f = run->problem;
    size_t k = f->n_parameters;

    for (size_t j = 0; j < k; j++) {
        for (size_t l = 0; l < k; l++) {
            double sum = 0;
            for (size_t i = 0; i < f->n_residuals; i++)
                sum += pow(fit_weight(f, i), weight_power) * run->jacobian[i * k + j] * run->jacobian[i * k + l];
            sum *= factor / (run->scale * run->scale);
            if (j == l)
                sum +=
                    f->parameters[j].prior_sd > 0 ? 1 / (f->parameters[j].prior_sd * f->parameters[j].prior_sd) : 1e-12;
            gsl_matrix_set(a, j, l, sum);
        }
    }
}

static bool set_covariance(struct fit_run *run, const gsl_vector *u)
{
    const struct fit_problem *f = run->problem;
    size_t k = f->n_parameters;
    double psi2, slope;

    if (!fit_derivatives(run, u))
        return false;
    moments(run, &psi2, &slope);
    gsl_matrix *a = gsl_matrix_alloc(k, k), *b = gsl_matrix_alloc(k, k), *t = gsl_matrix_alloc(k, k);
    information(run, slope, 1, a);
    information(run, psi2, 2, b);
    bool ok = gsl_linalg_cholesky_decomp1(a) == GSL_SUCCESS && gsl_linalg_cholesky_invert(a) == GSL_SUCCESS;
    if (ok) {
        gsl_blas_dgemm(CblasNoTrans, CblasNoTrans, 1, a, b, 0, t);
        gsl_blas_dgemm(CblasNoTrans, CblasNoTrans, 1, t, a, 0, b);
        for (size_t j = 0; j < k; j++)
            for (size_t l = 0; l < k; l++)
                run->result->covariance[j][l] = gsl_matrix_get(b, j, l) *
                                                fit_dp_du(&f->parameters[j], run->result->estimate[j]) *
                                                fit_dp_du(&f->parameters[l], run->result->estimate[l]);
        for (size_t j = 0; j < k; j++)
            run->result->standard_error[j] = sqrt(run->result->covariance[j][j]);
    }
    gsl_matrix_free(a);
    gsl_matrix_free(b);
    gsl_matrix_free(t);
    return ok;
}

void fit_errors(const double *residuals, size_t n, struct fit_result *result)
{
    double *e = mem_alloc(n * sizeof *e), sum = 0;

    sim_assert(n > 0);
    for (size_t i = 0; i < n; i++) {
        sum += residuals[i] * residuals[i];
        e[i] = expm1(residuals[i]);
    }
    result->n = n;
    result->rms = sqrt(sum / (double)n);
    gsl_sort(e, 1, n);
    result->median_signed_error = gsl_stats_median_from_sorted_data(e, 1, n);
    for (size_t i = 0; i < n; i++)
        e[i] = fabs(e[i]);
    gsl_sort(e, 1, n);
    result->median_error = gsl_stats_median_from_sorted_data(e, 1, n);
    result->p90_error = gsl_stats_quantile_from_sorted_data(e, 1, n, 0.9);
    free(e);
}

bool fit_report(struct fit_run *run, const gsl_vector *u)
{
    const struct fit_problem *f = run->problem;
    struct fit_result *result = run->result;

    fit_all_to_p(f, u, result->estimate);
    result->scale = run->scale;
    result->loss = total_loss(run, u);
    for (size_t i = 0; i < f->n_residuals; i++)
        result->n_outliers += fabs(run->r[i]) > 3 * run->scale;
    fit_errors(run->r, f->n_residuals, result);
    return set_covariance(run, u);
}
