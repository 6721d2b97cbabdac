/*
 * replicate.h - replications of one scenario: run --replications, run --until-ci.
 *
 * A sweep (sweep.h) of a study with one parameter set: replication r has run.replication = r on top of the scenario's
 * own, so that all streams of random numbers are others (base/rng.h), and independent. What comes out is a study file,
 * and a results file of each in its folder.
 *
 * Until an interval is narrow enough: begins with n replications, and adds as many as the intervals' widths make
 * likely, at most doubling, until half the 95% interval of each metric asked for is at most its target's share of
 * |mean|, or `most` is reached (relative precision by sequential replications: Law, Simulation Modeling and Analysis,
 * 5th ed., 9.4.1). Ending as soon as an interval is short makes the 95% a little less; with 10 to begin with, hardly.
 */
#ifndef STUDY_REPLICATE_H
#define STUDY_REPLICATE_H

#include <stdint.h>

#include "study/sweep.h"

enum { REPLICATE_TARGETS_MAX = 16 };

struct replicate_target {
    const char *metric; /* of outcome.h */
    double share;
};

struct replicate {
    struct sweep ask; /* the scenario; sweep.repeat is added to its sets */
    int64_t n, most;
    struct replicate_target targets[REPLICATE_TARGETS_MAX];
    int64_t n_targets; /* 0: n are run */
};

/* Says on stderr what goes wrong. Exit codes of sweep_run; EXIT_CODE_FAILED where `most` did not suffice: the study file
 * then holds those. */
int replicate_run(const struct replicate *r);

#endif
