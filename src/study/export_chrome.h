/*
 * export_chrome.h - a run as a trace in Chrome's format (JSON object with traceEvents), which ui.perfetto.dev and
 * chrome://tracing open.
 *
 *   process  one a replica (its id + 1), and one for memories, links and what befalls the whole (0)
 *   thread   of a replica: its members (attention ranks, micro-batches), 0 where there is one: its steps as slices,
 * with their counts as arguments; preemptions and what [autoscale] does as instants lanes    each request: queue,
 * prefill, decode, at the replica that served it; each transfer, at its lower tier counters of a replica: sequences,
 * waiting, KV blocks; of each tier's unit: GB of KV; of each port: GB/s
 *
 * Written as the file's rows are read, in bounded memory; times in us from the start of the run. Only what touches
 * [from, to) is there: a long run is some GB as text. What the log level left out is not there.
 */
#ifndef STUDY_EXPORT_CHROME_H
#define STUDY_EXPORT_CHROME_H

#include <stdint.h>
#include <stdio.h>

#include "base/err.h"

/* -1 with err. */
int export_chrome(const char *results, int64_t from_ns, int64_t to_ns, FILE *out, int64_t *events, struct err *e);

#endif
