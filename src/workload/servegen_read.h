/*
 * servegen_read.h - reader of ServeGen's client parameters in their native files.
 *
 * chunk-N-trace.csv, without a header: how client N's requests arrive, by windows of equal length from 0 on.
 *
 *   start s, rate 1/s, CV of gaps, Gamma | Weibull | nothing, shape, scale       e.g. 600,0.348,0.94,Gamma,1.129,2.544
 *
 * Used are the rate and the fitted law's shape. The scale is not: the mean gap of the fit differs from 1/rate where a
 * window was partly idle (by up to 3x in published files), and the rate is what was counted. Nor is the CV, which the
 * shape says, as fitted. A window without a law must have rate 0.
 *
 * chunk-N-dataset.json: the lengths, by (longer) windows, in order; the inner value is a string that holds a Python
 * dictionary of value: probability. Fields but these two are passed over.
 *
 *   {"0": {"input_tokens": "{5: 0.25, 9: 0.75}", "output_tokens": "{160: 1.0}", ...}, "21600": {...}}
 *
 * A window of lengths that is empty takes those of the one before (of the first, of the last).
 *
 * Any other line or value is an error `path:line: what is wrong (want ...)`, EXIT_CODE_FAILED.
 *
 * Source: Xiang et al., "ServeGen: Workload Characterization and Generation of Large Language Model Serving in
 * Production", arXiv 2505.09999 (2025); files of its repository. Ownership: servegen_profiles_free.
 */
#ifndef WORKLOAD_SERVEGEN_READ_H
#define WORKLOAD_SERVEGEN_READ_H

#include <stdint.h>

#include "base/err.h"
#include "policy/gaps.h"

struct servegen_law { /* of a number of tokens */
    int64_t n, cap;
    int64_t *tokens;
    double *upto; /* sum of the probabilities to here */
};

struct servegen_lengths {
    double start_s;
    struct servegen_law input, output;
    int64_t same_as; /* the window whose laws these are: its own, or that of one before */
};

struct servegen_window {
    double per_s;
    struct gaps gaps; /* where per_s > 0 */
};

struct servegen_profile { /* a client */
    int64_t number;       /* N */
    double window_s, mean_per_s;
    struct servegen_window *window;
    int64_t n_windows;
    struct servegen_lengths *lengths;
    int64_t n_lengths;
};

struct servegen_profiles {
    struct servegen_profile *at; /* by mean rate, the highest first; then by number */
    int64_t n;
};

/* All clients of the folder; -1: err, and nothing to free. */
int servegen_read(const char *folder, struct servegen_profiles *p, struct err *e);
void servegen_profiles_free(struct servegen_profiles *p);

#endif
