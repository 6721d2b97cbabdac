/*
 * outcome.h - what runs gave: the metrics of replications, out of a results file (one run) or a study file (as many as
 * it has points).
 *
 *   outcome_read("fleet.db")                 a results file, or a study file of one parameter set
 *   outcome_read("fleet.db@rate=10/s gpus=8")   of a study file, the points whose variables have these values
 *
 * Only complete runs count. Files are untrusted (report/load.h).
 */
#ifndef STUDY_OUTCOME_H
#define STUDY_OUTCOME_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"

struct outcome_run {
    int64_t id; /* in its file */
    int64_t seed, replication;
    const char *fingerprint, *params; /* params: the study's variables, "rate=10/s gpus=8"; "" where there are none */
};

struct outcome_metric {
    const char *name; /* of a class: CLASS:NAME */
    const char *unit;
    double *value; /* of each run; NaN: it has none */
    bool approximate;
};

struct outcome {
    const char *path; /* without what follows @ */
    bool is_study;
    struct outcome_run *runs;       /* in the order of seed, replication, id */
    struct outcome_metric *metrics; /* in the order of the file */
    int64_t n_runs, n_metrics;
    struct arena arena;
};

/* -1 with err: among them points of more than one parameter set. To be freed in any case. */
int outcome_read(struct outcome *o, const char *operand, struct err *e);
void outcome_free(struct outcome *o);

/* The runs of several as one; copies all. A metric that some of them lack is NaN there. */
void outcome_join(struct outcome *o, const char *path, const struct outcome *parts, int64_t n);

const struct outcome_metric *outcome_metric(const struct outcome *o, const char *name); /* NULL: none */

/* Whether the file is a database, so that it is no scenario. */
bool outcome_is_file(const char *operand);

#endif
