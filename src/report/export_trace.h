/*
 * export_trace.h - the calls of a run as a trace of tiersim's own format (workload/trace_own.c), as JSON lines
 * or CSV, to be replayed.
 *
 * A row a call: its first attempt's arrival, class, lengths and content; what it waited for. Calls of a session follow
 * each other, gap_ns after the end of the one before; those of agents wait for the call before them in their branch,
 * its tools (tool_ns) and its sub-agents (parents), a session's further task for the end of the one before and gap_ns.
 * So another policy meets the same work, and the same policy the same run.
 *
 * Needs log = all (the content), or log = request where prompts share nothing. Of agents only tasks that ended are
 * there: `left_out` counts the calls of others, which a horizon cut off, and of what a failure kept from ending.
 * Refused: calls of a session that overlap, as in a replay of such a trace.
 */
#ifndef REPORT_EXPORT_TRACE_H
#define REPORT_EXPORT_TRACE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/err.h"

/* -1 with err. */
int export_trace(const char *results, bool as_csv, FILE *out, int64_t *rows, int64_t *left_out, struct err *e);

#endif
