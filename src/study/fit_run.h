/*
 * fit_run.h - one fit under way; shared by fit.c (the rounds) and fit_report.c (what is reported). Internal to the
 * fitter.
 */
#ifndef STUDY_FIT_RUN_H
#define STUDY_FIT_RUN_H

#include <gsl/gsl_vector.h>

#include "study/fit.h"

struct fit_run {
    const struct fit_problem *problem;
    struct fit_result *result;
    double scale;
    double *row_weight; /* sqrt of weight times the loss's, over the scale; [n] */
    double *r, *side;   /* residuals; those of a finite difference */
    double *jacobian;   /* dr/dp, then dr/du; [n * p] */
};

/* p inside its limits, u anywhere. */
double fit_to_u(const struct fit_parameter *a, double p);
double fit_to_p(const struct fit_parameter *a, double u);
double fit_dp_du(const struct fit_parameter *a, double p);
void fit_all_to_p(const struct fit_problem *f, const gsl_vector *u, double *p);

/* psi(x)/x of the loss. */
double fit_loss_weight(enum fit_loss loss, double x);
double fit_weight(const struct fit_problem *f, size_t i);

/* Fills run->jacobian with dr/du. */
bool fit_derivatives(struct fit_run *run, const gsl_vector *u);

/* Fills run->result for u, where run->r are the residuals; false: the covariance cannot be had. */
bool fit_report(struct fit_run *run, const gsl_vector *u);

#endif
