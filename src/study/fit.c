#include "study/fit.h"

#include <gsl/gsl_errno.h>
#include <gsl/gsl_multifit_nlinear.h>
#include <gsl/gsl_sort.h>
#include <gsl/gsl_statistics.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "study/fit_run.h"

enum { ROUNDS_MAX = 50, STEPS_MAX = 100 };
static const double STEP = 1e-6, ACCURACY = 1e-6, U_MAX = 40, SCALE_MIN = 1e-9;

/* ---- parameters: p inside its limits, u anywhere ---- */

double fit_to_u(const struct fit_parameter *a, double p)
{
    if (isinf(a->min))
        return p;
    return isinf(a->max) ? log(p - a->min) : log((p - a->min) / (a->max - p));
}

double fit_to_p(const struct fit_parameter *a, double u)
{
    if (isinf(a->min))
        return u;
    u = fmax(-U_MAX, fmin(U_MAX, u));
    return isinf(a->max) ? a->min + exp(u) : a->min + (a->max - a->min) / (1 + exp(-u));
}

double fit_dp_du(const struct fit_parameter *a, double p)
{
    if (isinf(a->min))
        return 1;
    return isinf(a->max) ? p - a->min : (p - a->min) * (a->max - p) / (a->max - a->min);
}

void fit_all_to_p(const struct fit_problem *f, const gsl_vector *u, double *p)
{
    for (size_t j = 0; j < f->n_parameters; j++)
        p[j] = fit_to_p(&f->parameters[j], gsl_vector_get(u, j));
}

/* ---- the loss ---- */

double fit_loss_weight(enum fit_loss loss, double x)
{
    switch (loss) {
    case FIT_CAUCHY:
        return 1 / (1 + x * x);
    case FIT_SOFT_L1:
        return 1 / sqrt(1 + x * x);
    default:
        return 1;
    }
}

double fit_weight(const struct fit_problem *f, size_t i)
{
    return f->weight ? f->weight[i] : 1;
}

/* ---- residuals and derivatives ---- */

static bool residuals_at(struct fit_run *run, const double *p, double *r)
{
    const struct fit_problem *f = run->problem;

    run->result->calls++;
    if (!f->residuals(f->context, p, r))
        return false;
    for (size_t i = 0; i < f->n_residuals; i++)
        if (!isfinite(r[i]))
            return false;
    return true;
}

/* Residuals with u_j moved by h. */
static bool residuals_beside(struct fit_run *run, const gsl_vector *u, size_t j, double h, double *r)
{
    double p[FIT_PARAMETERS_MAX] = {0};

    fit_all_to_p(run->problem, u, p);
    p[j] = fit_to_p(&run->problem->parameters[j], gsl_vector_get(u, j) + h);
    return residuals_at(run, p, r);
}

static bool differences(struct fit_run *run, const gsl_vector *u)
{
    const struct fit_problem *f = run->problem;
    size_t n = f->n_residuals, k = f->n_parameters;
    double h = f->step > 0 ? f->step : STEP, *base = mem_alloc(n * sizeof *base);
    bool ok = true;

    for (size_t j = 0; ok && j < k; j++) {
        ok = residuals_beside(run, u, j, h, run->side) && residuals_beside(run, u, j, f->central ? -h : 0, base);
        for (size_t i = 0; ok && i < n; i++)
            run->jacobian[i * k + j] = (run->side[i] - base[i]) / (f->central ? 2 * h : h);
    }
    free(base);
    return ok;
}

bool fit_derivatives(struct fit_run *run, const gsl_vector *u)
{
    const struct fit_problem *f = run->problem;
    size_t k = f->n_parameters;
    double p[FIT_PARAMETERS_MAX] = {0};

    if (f->jacobian == NULL)
        return differences(run, u);
    fit_all_to_p(f, u, p);
    if (!f->jacobian(f->context, p, run->jacobian))
        return false;
    for (size_t j = 0; j < k; j++) {
        double slope = fit_dp_du(&f->parameters[j], p[j]);
        for (size_t i = 0; i < f->n_residuals; i++)
            run->jacobian[i * k + j] *= slope;
    }
    return true;
}

static double prior_sd(const struct fit_problem *f, size_t j)
{
    return f->parameters[j].prior_sd;
}

/* GSL's view: n weighted residuals, then a row for each parameter's prior (zero where it has none). */
static int gsl_residuals(const gsl_vector *u, void *context, gsl_vector *out)
{
    struct fit_run *run = context;
    const struct fit_problem *f = run->problem;
    double p[FIT_PARAMETERS_MAX] = {0};

    fit_all_to_p(f, u, p);
    if (!residuals_at(run, p, run->r))
        return GSL_EDOM;
    for (size_t i = 0; i < f->n_residuals; i++)
        gsl_vector_set(out, i, run->row_weight[i] * run->r[i]);
    for (size_t j = 0; j < f->n_parameters; j++) {
        const struct fit_parameter *a = &f->parameters[j];
        double away = prior_sd(f, j) > 0 ? (gsl_vector_get(u, j) - fit_to_u(a, a->prior)) / prior_sd(f, j) : 0;
        gsl_vector_set(out, f->n_residuals + j, away);
    }
    return GSL_SUCCESS;
}

static int gsl_jacobian(const gsl_vector *u, void *context, gsl_matrix *out)
{
    struct fit_run *run = context;
    const struct fit_problem *f = run->problem;
    size_t k = f->n_parameters;

    if (!fit_derivatives(run, u))
        return GSL_EDOM;
    gsl_matrix_set_zero(out);
    for (size_t i = 0; i < f->n_residuals; i++)
        for (size_t j = 0; j < k; j++)
            gsl_matrix_set(out, i, j, run->row_weight[i] * run->jacobian[i * k + j]);
    for (size_t j = 0; j < k; j++)
        if (prior_sd(f, j) > 0)
            gsl_matrix_set(out, f->n_residuals + j, j, 1 / prior_sd(f, j));
    return GSL_SUCCESS;
}

/* ---- rounds ---- */

static void set_scale(struct fit_run *run)
{
    const struct fit_problem *f = run->problem;
    size_t n = f->n_residuals;

    if (f->scale > 0) {
        run->scale = f->scale;
        return;
    }
    for (size_t i = 0; i < n; i++)
        run->side[i] = fabs(run->r[i]);
    gsl_sort(run->side, 1, n);
    run->scale = fmax(1.4826 * gsl_stats_median_from_sorted_data(run->side, 1, n), SCALE_MIN);
}

static void set_weights(struct fit_run *run)
{
    const struct fit_problem *f = run->problem;

    for (size_t i = 0; i < f->n_residuals; i++)
        run->row_weight[i] = sqrt(fit_weight(f, i) * fit_loss_weight(f->loss, run->r[i] / run->scale)) / run->scale;
}

/* One weighted least-squares fit from u, which it moves. Gives GSL's status; GSL_ENOPROG is as good as it gets. */
static int least_squares(struct fit_run *run, gsl_vector *u)
{
    const struct fit_problem *f = run->problem;
    size_t rows = f->n_residuals + f->n_parameters;
    gsl_multifit_nlinear_parameters how = gsl_multifit_nlinear_default_parameters();
    gsl_multifit_nlinear_fdf fdf = {
        .f = gsl_residuals, .df = gsl_jacobian, .n = rows, .p = f->n_parameters, .params = run};
    int info, status;

    how.solver = gsl_multifit_nlinear_solver_qr;
    gsl_multifit_nlinear_workspace *w =
        gsl_multifit_nlinear_alloc(gsl_multifit_nlinear_trust, &how, rows, f->n_parameters);
    status = gsl_multifit_nlinear_init(u, &fdf, w);
    if (status == GSL_SUCCESS)
        status = gsl_multifit_nlinear_driver((size_t)(f->steps_max ? f->steps_max : STEPS_MAX), 1e-10, 1e-10, 0, NULL,
                                             NULL, &info, w);
    if (status == GSL_SUCCESS || status == GSL_EMAXITER || status == GSL_ENOPROG) {
        gsl_vector_memcpy(u, gsl_multifit_nlinear_position(w));
        status = GSL_SUCCESS;
    }
    gsl_multifit_nlinear_free(w);
    return status;
}

static bool refresh(struct fit_run *run, const gsl_vector *u)
{
    double p[FIT_PARAMETERS_MAX] = {0};

    fit_all_to_p(run->problem, u, p);
    if (!residuals_at(run, p, run->r))
        return false;
    set_scale(run);
    set_weights(run);
    return true;
}

static double farthest(const gsl_vector *a, const gsl_vector *b)
{
    double most = 0;

    for (size_t j = 0; j < a->size; j++)
        most = fmax(most, fabs(gsl_vector_get(a, j) - gsl_vector_get(b, j)));
    return most;
}

static int run_rounds(struct fit_run *run, gsl_vector *u)
{
    const struct fit_problem *f = run->problem;
    int rounds_max = f->rounds_max ? f->rounds_max : ROUNDS_MAX, status = GSL_SUCCESS;
    double accuracy = f->accuracy > 0 ? f->accuracy : ACCURACY;
    gsl_vector *before = gsl_vector_alloc(u->size);

    for (int i = 0; i < rounds_max && !run->result->converged && status == GSL_SUCCESS; i++) {
        gsl_vector_memcpy(before, u);
        status = least_squares(run, u);
        if (status == GSL_SUCCESS && !refresh(run, u))
            status = GSL_EDOM;
        run->result->rounds++;
        run->result->converged = farthest(before, u) <= accuracy;
    }
    gsl_vector_free(before);
    return status;
}

static bool check(const struct fit_problem *f, char *why, size_t why_size)
{
    sim_assert(f->n_parameters >= 1 && f->n_parameters <= FIT_PARAMETERS_MAX);
    if (f->n_residuals < f->n_parameters) {
        snprintf(why, why_size, "%zu residuals for %zu parameters", f->n_residuals, f->n_parameters);
        return false;
    }
    for (size_t j = 0; j < f->n_parameters; j++) {
        const struct fit_parameter *a = &f->parameters[j];
        sim_assert(!isinf(a->min) || isinf(a->max));
        sim_assert(a->start > a->min && a->start < a->max);
        sim_assert(a->prior_sd <= 0 || (a->prior > a->min && a->prior < a->max));
    }
    return true;
}

static int solve(struct fit_run *run, gsl_vector *u)
{
    const struct fit_problem *f = run->problem;

    for (size_t j = 0; j < f->n_parameters; j++)
        gsl_vector_set(u, j, fit_to_u(&f->parameters[j], f->parameters[j].start));
    if (!refresh(run, u))
        return GSL_EDOM;
    int status = run_rounds(run, u);
    if (status != GSL_SUCCESS)
        return status;
    return fit_report(run, u) ? GSL_SUCCESS : GSL_ESING;
}

bool fit(const struct fit_problem *problem, struct fit_result *result, char *why, size_t why_size)
{
    size_t n = problem->n_residuals;

    *result = (struct fit_result){0};
    if (!check(problem, why, why_size))
        return false;
    struct fit_run run = {.problem = problem,
                          .result = result,
                          .row_weight = mem_zalloc(n, sizeof(double)),
                          .r = mem_zalloc(n, sizeof(double)),
                          .side = mem_zalloc(n, sizeof(double)),
                          .jacobian = mem_zalloc(n * problem->n_parameters, sizeof(double))};
    gsl_vector *u = gsl_vector_alloc(problem->n_parameters);
    /* GSL's statuses are answered here; its handler would abort. */
    gsl_error_handler_t *handler = gsl_set_error_handler_off();
    int status = solve(&run, u);
    gsl_set_error_handler(handler);
    if (status != GSL_SUCCESS)
        snprintf(why, why_size, "%s after %d rounds", status == GSL_EDOM ? "no residuals" : gsl_strerror(status),
                 result->rounds);
    gsl_vector_free(u);
    free(run.row_weight);
    free(run.r);
    free(run.side);
    free(run.jacobian);
    return status == GSL_SUCCESS;
}
