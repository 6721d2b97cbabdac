/*
 * trace_describe.h - tiersim describe trace: the figures of a trace, as text or JSON, and sections of a scenario that
 * draw requests like it.
 *
 * The suggestion: arrivals with the trace's rate and, where the coefficient of variation of gaps is further than 5 %
 * from 1, gamma's burstiness 1/cv^2; lengths lognormal by the median and the deviation of logarithms where that is
 * within 10 % of each of the quantiles 5, 10, 25, 75, 90 and 95, else quantiles. It draws gaps and the two lengths
 * independently: what that leaves out is said in comments.
 */
#ifndef STUDY_TRACE_DESCRIBE_H
#define STUDY_TRACE_DESCRIBE_H

#include <stdbool.h>
#include <stdio.h>

#include "base/err.h"
#include "scenario/scenario.h"

/* The trace that the options name; 0, or -1 with err and nothing printed. */
int trace_describe(const struct workload_options *o, bool json, FILE *out, struct err *e);

/* Instead of that, the hits of a prefix cache against its size (mrc.h); token_bytes of KV, 0: sizes in tokens alone. */
int trace_describe_mrc(const struct workload_options *o, double token_bytes, bool json, FILE *out, struct err *e);

#endif
