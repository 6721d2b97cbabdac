/*
 * predict.h - the mean TTFT and TPOT of many scenarios, each really simulated, by several processes at once.
 *
 * In two parts, since a fit runs the same scenarios hundreds of times with other engine parameters:
 *   predict_prepare   once: text to checked scenario
 *   predict_all       each time: a run of each case, if need be with other [engine] figures
 *
 *   parent --fork--> workers: take the next case by a shared counter, simulate, write its slot of a shared array
 *
 * A result depends on its case (and engine) alone, not on how many workers there are or who ran it. A worker that dies
 * of a bug (sim_assert) leaves its case as failed; another takes its place. Workers end with their parent.
 *
 * Means are over completed requests, as collect.h defines TTFT and TPOT; nothing is left out as warm-up. Runs use the
 * scenario's seed; run.warmup and the results file play no part.
 */
#ifndef STUDY_PREDICT_H
#define STUDY_PREDICT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/layout.h"
#include "scenario/scenario.h"
#include "trace/trace.h"

enum { PREDICT_WHY_BYTES = 512 };

/* More events than any sane closed loop of a few thousand users; a run that thrashes is ended there and failed. */
#define PREDICT_EVENTS_MAX INT64_C(50000000)

struct predict_case {
    struct scenario sc;
    bool ready;                      /* sc is checked and can be run */
    char why_not[PREDICT_WHY_BYTES]; /* else why: its first mistake */
};

struct predict_result {
    bool ok;
    double ttft_ms, tpot_ms; /* means; NaN where no request gave one */
    int64_t completed, rejected, preemptions;
    double t_end_s;                  /* simulated */
    double wall_s;                   /* the only field that differs between runs */
    char why_not[PREDICT_WHY_BYTES]; /* where not ok */
};

/* name stands for the text in messages; sets are -s assignments. False: why_not is set. Free in any case. */
bool predict_prepare(struct predict_case *c, const char *name, const char *text, char *const *sets, size_t n_sets);
void predict_release(struct predict_case *c);

/* One case in this process; engine NULL: the scenario's own. */
void predict_simulate(const struct predict_case *c, const struct engine_options *engine, struct predict_result *out);

/* The same, and sink (not NULL) is given every record as well: for what is made of single requests. */
void predict_watch(const struct predict_case *c, const struct engine_options *engine, struct sink *sink,
                   struct predict_result *out);

/* n cases by so many workers (0: one a core). engines: NULL, or one pointer a case (NULL: the scenario's own). Cases
 * that are not ready fail with their reason. */
void predict_all(const struct predict_case *cases, int64_t n, const struct engine_options *const *engines, int workers,
                 struct predict_result *results);

#endif
