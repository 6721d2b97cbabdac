/*
 * fit.h - robust nonlinear least squares: parameters from residuals, with their uncertainty.
 *
 * Minimises  sum_i weight_i rho(r_i(p) / s) + sum_j ((u_j - v_j) / sd_j)^2  by Levenberg-Marquardt
 * (gsl_multifit_nlinear) with iterative reweighting. rho is the Cauchy loss ln(1 + x^2), soft L1 2 (sqrt(1 + x^2) - 1),
 * or x^2; s is given or estimated in each round as 1.4826 times the median absolute residual. The second sum are
 * Gaussian priors. Parameters are fitted as u: ln(p - min) where only min is finite, ln((p - min) / (max - p)) where
 * both are, p itself where none is, so p stays inside.
 *
 * Residuals are ln(model / measured) by convention: errors are reported as |exp(r) - 1|. They may come from anything,
 * also from simulations: a caller without derivatives names a step and gets finite differences in u.
 *
 * Covariance: Huber's, for residuals that are independent and alike, A^-1 B A^-1 with A = mean(psi') J'J + P and
 * B = n/(n-p) mean(psi^2) J'J + P, P the priors' precision (Huber, Ronchetti, Robust Statistics, 2009, section 7.6).
 * Where the model's form is wrong rather than the data noisy, residuals are neither, and the errors are a lower bound.
 */
#ifndef STUDY_FIT_H
#define STUDY_FIT_H

#include <stdbool.h>
#include <stddef.h>

enum { FIT_PARAMETERS_MAX = 32 };

enum fit_loss { FIT_SQUARE, FIT_SOFT_L1, FIT_CAUCHY };

struct fit_parameter {
    const char *name;
    double start, min, max; /* min < start < max; -INFINITY, INFINITY: none. A max without min is refused */
    double prior;           /* the prior's centre, inside the limits */
    double prior_sd;        /* in u (so of ln p where min is 0); 0: no prior */
};

struct fit_problem {
    const struct fit_parameter *parameters;
    size_t n_parameters, n_residuals;
    /* Fills r[n_residuals] for p[n_parameters]; false: cannot (the step is shortened). */
    bool (*residuals)(void *context, const double *p, double *r);
    /* Fills jacobian[i * n_parameters + j] = dr_i/dp_j; NULL: finite differences. */
    bool (*jacobian)(void *context, const double *p, double *jacobian);
    void *context;
    const double *weight; /* [n_residuals], relative; NULL: all 1 */
    double step;          /* of finite differences, in u; 0: 1e-6. Noisy residuals (simulations) want 0.01 or more */
    bool central;         /* differences to both sides: twice the calls, the error of second order */
    enum fit_loss loss;
    double scale;    /* s; 0: from the residuals */
    int rounds_max;  /* of reweighting; 0: 50 */
    int steps_max;   /* Levenberg-Marquardt steps a round; 0: 100 */
    double accuracy; /* stop when no u moves more in a round; 0: 1e-6 */
};

struct fit_result {
    double estimate[FIT_PARAMETERS_MAX], standard_error[FIT_PARAMETERS_MAX];
    double covariance[FIT_PARAMETERS_MAX][FIT_PARAMETERS_MAX]; /* of the parameters themselves */
    double loss;                                               /* the minimum, for comparing starts at a given scale */
    double scale;                                              /* s of the last round */
    double rms;                                                /* of the residuals, outliers and all */
    /* Of |exp(r) - 1|, and of exp(r) - 1. */
    double median_error, p90_error, median_signed_error;
    size_t n, n_outliers; /* outliers: |r| > 3 s */
    int rounds;
    long calls;     /* of residuals */
    bool converged; /* else: stopped by rounds_max */
};

/* False where the residuals cannot be had at the start, or GSL finds no way (why says what). */
bool fit(const struct fit_problem *problem, struct fit_result *result, char *why, size_t why_size);

/* The errors alone, of residuals that were not fitted (held out, another slice): fills n, rms and the three errors. */
void fit_errors(const double *residuals, size_t n, struct fit_result *result);

#endif
