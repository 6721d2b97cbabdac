/*
 * trials.h - points of studies, run for their metrics alone: by a pool of processes, into files that are deleted once read.
 *
 *   trial (study, point) --pool.h--> results file in a folder of its own --outcome.h--> metrics
 *
 * For searches and comparisons, whose result is not the runs. What is to keep its runs is a sweep.
 *
 * Runs are at log level request unless -s run.log says otherwise: quantiles are then exact, and files small.
 */
#ifndef STUDY_TRIALS_H
#define STUDY_TRIALS_H

#include <stdint.h>

#include "base/err.h"
#include "study/outcome.h"
#include "study/point.h"

struct trial {
    const struct study *study; /* borrowed */
    int64_t point;
    struct outcome of; /* of one run, after trials_run; the trial's owner frees it */
};

/* Runs all; workers 0: one a core. -1 with err: a run failed (its own message is in it), or a signal came (code 128 +
 * signal). */
int trials_run(struct trial *at, int64_t n, int workers, struct err *e);
void trials_free(struct trial *at, int64_t n);

/* The replications of one scenario as one outcome, which names it by path and sets. */
int trials_replicate(struct outcome *o, const char *path, char *const *sets, size_t n_sets, int64_t n, int workers,
                     struct err *e);

#endif
