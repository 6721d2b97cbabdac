/*
 * slo_windows.h - SLO attainment window by window: a mean over hours may hide ten bad minutes.
 *
 * Windows of [run] slo_window lie end to end from the warm-up on. A call belongs to that in which its last attempt
 * arrived; it is met, or not, as for slo_attainment (collect.h). The worst of all windows is the metric
 * slo_attainment_worst. A last window that the run's end cuts is left out, unless it is the only one; so is one without
 * calls.
 *
 * Memory grows with the run's length over the window: 16 bytes each.
 */
#ifndef REPORT_SLO_WINDOWS_H
#define REPORT_SLO_WINDOWS_H

#include <stdbool.h>
#include <stdint.h>

#include "store/store.h"
#include "trace/trace.h"

struct slo_windows;

/* Whether a completed request met every objective of its class (<=), measured from its call's first attempt. */
bool slo_met(const struct store_class *k, const struct ev_request *r);

/* NULL where there is no such window: the other functions then do nothing. */
struct slo_windows *slo_windows_new(int64_t window_ns, int64_t warmup_ns);
void slo_windows_add(struct slo_windows *w, int64_t t_arrive_ns, bool met);
double slo_windows_worst(const struct slo_windows *w, int64_t t_end_ns); /* NaN: no calls */
void slo_windows_free(struct slo_windows *w);

#endif
