/*
 * engine_slice.h - the measured rows of one (engine, GPU generation), and their residuals as functions of the figures
 * of [engine]: whole simulations. Private to the fit (engine_fit.c), which gives priors and takes estimates.
 *
 * Figures that are fitted are the same in all rows; what a row's recipe says is not, and stays: also stream_interval,
 * which is fitted where no recipe says it.
 *
 * Ownership: slice_add takes the case; the row stays the caller's and must live as long as the slice.
 */
#ifndef STUDY_ENGINE_SLICE_H
#define STUDY_ENGINE_SLICE_H

#include <stdbool.h>
#include <stdint.h>

#include "study/engine_preset.h"
#include "study/fit.h"
#include "study/predict.h"
#include "study/silicon.h"

struct group {
    char name[96]; /* "llama-3.1-70b b200_sxm" */
    int n;
};

struct slice {
    char name[64]; /* ENGINE-GENERATION */
    const struct silicon_row **rows;
    struct predict_case *cases;
    struct engine_options *engine; /* one a row: what is fitted is the same in all, what its recipe says is not */
    const struct engine_options **engines; /* pointers to them */
    struct predict_result *results;
    int64_t *interval;       /* stream_interval, where the row's recipe says it; else 0 */
    int64_t common_interval; /* where it is the same of all rows; else 0 */
    int *group;
    bool *headline;
    struct group *groups;
    int64_t n, n_groups, n_headline;
    double prior[ENGINE_KEYS], estimate[ENGINE_KEYS];
    double *r0, *jacobian;           /* [2 n] and [2 n * ENGINE_KEYS], at the estimate */
    struct fit_result result;        /* its standard errors */
    double tpot_spread, ttft_spread; /* of rows left out, spread_of */
    bool fitted;
    int workers;
};

/* interval: stream_interval of the row's recipe, or 0. */
void slice_add(struct slice *s, const struct silicon_row *row, int64_t interval, struct predict_case *c);

/* After the last row, with the priors set. */
void slice_close(struct slice *s);
void slice_free(struct slice *s);

/* ln(simulated / measured) for figures p: TPOT of every row, then TTFT of every row. A row that could not be simulated
 * or measured counts 0, and the TTFT of rows that are not headline ones. */
void slice_residuals(struct slice *s, const double *p, double *r);

/* Derivatives of the residuals by the logarithms of the figures. */
void slice_jacobian(struct slice *s, const double *at, double *r0, double *jacobian);

/* Of the residuals, with a group left out; -1: none. */
void slice_weights(const struct slice *s, int64_t leave_out, double *w);

#endif
