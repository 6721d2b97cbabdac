/*
 * engine_fit.h - what a serving engine adds to the kernels, fitted to measured load points by simulating them.
 *
 * One fit for each (engine, generation of GPUs): the parameters of [engine] (policy/layout.h), priors around "as the
 * kernels were measured", residuals ln(simulated / measured) of mean TPOT and mean TTFT of every row, robust loss
 * (fit.h). Each residual is a whole simulation of the row's closed loop; rows are simulated by several processes at
 * once. What a row's recipe says is not fitted (engine_slice.h).
 *
 * Rows: proto ix10c without a flag count fully; other rows of the generation count SECONDARY_WEIGHT and their TPOT only
 * (how many requests they ran is not known, and the start-up burst is in the mean TTFT). Each of the n rows of a
 * (model, GPU) group weighs n^-1/4, so that no large group decides alone.
 *
 * Left out in turn: each (model, GPU) group is predicted with parameters fitted without it. That refit is a
 * Gauss-Newton step on the Jacobian at the optimum, the predictions are simulations. The 90% quantile of
 * |ln(measured/predicted)| over all groups left out gives the intervals tpot_low .. ttft_high, 1/q to q.
 *
 * Writes FOLDER/ENGINE-GENERATION.ini, where a folder is given. Ownership: none kept.
 */
#ifndef STUDY_ENGINE_FIT_H
#define STUDY_ENGINE_FIT_H

#include <stdbool.h>
#include <stdio.h>

#include "base/diag.h"

struct engine_fit_options {
    const char *const *tables; /* CSV files of measured rows */
    size_t n_tables;
    const char *folder;        /* of the files written */
    const char *only;          /* ENGINE-GENERATION, or NULL: all there are */
    const char *date, *source; /* for the files' comments */
    int workers;
};

/* False with diags. Prints its report to out. */
bool engine_fit(const struct engine_fit_options *o, FILE *out, struct diags *d);

#endif
