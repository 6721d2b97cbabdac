/*
 * calls.h - the completed calls of a results file, in the order of their arrival, and the batch means of one long run.
 *
 * Counted are those that collect.h counts: arrived at or after the warm-up, completed. The file is untrusted
 * (report/load.h).
 *
 * Batch means (interval.h): INTERVAL_BATCHES batches
 *   mean_{ttft,tpot,e2el,queue}_ms       of calls in the order of arrival, as many in each
 *   {median,p99}_{ttft,tpot,e2el}_ms     the quantile of each batch (Seila 1982, Management Science 28, 1084-1095),
 *                                        around that of all; only where 10 calls of a batch lie beyond it, so that it
 *                                        is hardly biased
 *   {request,output}_throughput          of equal parts of the time from the warm-up to the end: calls that ended in
 *                                        each
 * Where batches are found to be correlated the interval is too short, and is marked; a longer run or replications help.
 * Not given: what no series of calls tells (ITL, utilisation, memories).
 */
#ifndef STUDY_CALLS_H
#define STUDY_CALLS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/err.h"
#include "study/interval.h"

enum calls_of { CALLS_TTFT, CALLS_TPOT, CALLS_E2EL, CALLS_QUEUE, CALLS_OF };
extern const char *const calls_of_names[CALLS_OF]; /* ttft, tpot, e2el, queue */

struct call {
    int64_t id, t_arrive_ns, t_end_ns, output_tokens;
    double ms[CALLS_OF]; /* TPOT is NaN for answers of one token */
};

struct calls {
    struct call *at;
    int64_t n, warmup_ns, t_end_ns;
};

/* -1 with err: among them a file whose log level keeps no requests. To be freed in any case. */
int calls_read(struct calls *c, const char *path, struct err *e);
void calls_free(struct calls *c);

/* of: what each call has of it, without those that have none; room for n. Gives how many. */
int64_t calls_values(const struct calls *c, enum calls_of of, double *value);

struct calls_interval {
    char metric[32];
    struct interval of; /* mean: the metric over all; n: batches; NaN ends where there are too few calls */
    bool correlated;
};
enum { CALLS_INTERVALS = CALLS_OF + 2 * 3 + 2 };

void calls_intervals(const struct calls *c, struct calls_interval out[CALLS_INTERVALS]);
void calls_intervals_print(const struct calls_interval in[CALLS_INTERVALS], bool json, FILE *out);

#endif
