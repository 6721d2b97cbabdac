/*
 * engine_own.h - one's own cluster: an engine's figures moved by a few load tests of one's own.
 *
 * A handful of load points cannot tell all figures of [engine] apart (engine_fit.h does that from hundreds). Four are
 * moved, with a prior at the preset that the rows would use:
 *   step_overhead     sd of its logarithm 0.7
 *   request_latency   1
 *   weights           a common factor of gemm, moe, attention, comm and launch_scale, 0.15: what a decode step reads
 *   prompts           a common factor of gemm_flops, moe_flops and prefill_scale, 0.25: what grows with the tokens
 * Residuals are ln(simulated / measured) of mean TPOT, and of mean TTFT at half a TPOT's weight in standard deviations;
 * each is a simulation of the row. Loss: soft L1 from 5% on (fit.h), which is also the error the model is taken to
 * have.
 *
 * Standard errors are the posterior's, (J'J / s^2 + P)^-1 at the optimum. A figure whose error is over 0.8 of its
 * prior's has hardly been measured, and is said to be mostly the prior.
 *
 * Writes a preset of [engine] with all its keys: those that were not moved are the old preset's, its 90% interval too.
 */
#ifndef STUDY_ENGINE_OWN_H
#define STUDY_ENGINE_OWN_H

#include <stdbool.h>
#include <stdio.h>

#include "base/diag.h"
#include "study/bench_import.h"

struct engine_own_options {
    const char *path; /* of the preset written; NULL: ./ENGINE-mine.ini */
    const char *recipes, *date, *source;
    bool replace; /* a file that is there */
    int workers;
    char *const *sets; /* -s of every row's scenario */
    size_t n_sets;
};

/* False with diags. Prints its report to out. */
bool engine_own(const struct import *im, const struct engine_own_options *o, FILE *out, struct diags *d);

#endif
