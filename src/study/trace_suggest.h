/* trace_suggest.h - [workload] and [class] of requests like a trace's (trace_describe.h says by which rules). */
#ifndef STUDY_TRACE_SUGGEST_H
#define STUDY_TRACE_SUGGEST_H

#include <stdio.h>

#include "study/trace_stats.h"
#include "workload/trace_format.h"

double trace_suggest_rate(const struct trace_stats *s); /* gaps in the span; NaN without a span */
void trace_suggest(const struct trace_stats *s, const struct trace_about *about, FILE *out);

#endif
