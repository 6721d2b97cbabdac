/*
 * trials.h - points of studies, run for their metrics alone: by a pool of processes, into files that are deleted once
 * read.
 *
 *   trial (study, point) --pool.h--> results file --outcome.h--> metrics
 *
 * For searches and comparisons. Without a file of its own, a trial's run lies in a folder that is deleted afterwards,
 * and is at log level request unless -s run.log says otherwise: quantiles are then exact, and files small. With one it
 * is kept, at the scenario's own level, and a complete one of the same configuration is read and not run again, as in a
 * sweep.
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
    const char *file;       /* where its run is kept; NULL: nowhere. Borrowed */
    struct shard_want want; /* with a file: what it must be (point.h) */
    struct outcome of;      /* of one run, after trials_run; the trial's owner frees it */
};

/* Runs all; workers 0: one a core. -1 with err: a run failed (its own message is in it), or a signal came (code 128 +
 * signal). */
int trials_run(struct trial *at, int64_t n, int workers, struct err *e);
void trials_free(struct trial *at, int64_t n);

/* The replications of one scenario as one outcome, which names it by path and sets. */
int trials_replicate(struct outcome *o, const char *path, char *const *sets, size_t n_sets, int64_t n, int workers,
                     struct err *e);

/* The first mistake of a scenario as an error. */
void trials_mistake(const struct diags *d, struct err *e);

#endif
