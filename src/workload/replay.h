/*
 * replay.h - the rows of a trace that are replayed, whatever its format: a slice of its time, faster or slower.
 *
 * Formats and compression: trace_file.h. Rows without times cannot be sliced, and need arrivals that are drawn or a
 * closed loop.
 *
 * A row t within [trace_from, trace_to) comes at (t - trace_from) / trace_speed; rows before the slice are read and
 * checked, rows after it are not read. A slice without rows is an error, and so is a row beyond the clock.
 *
 * Bounded memory: one row is held. Ownership: replay_close frees what replay_open gave.
 */
#ifndef WORKLOAD_REPLAY_H
#define WORKLOAD_REPLAY_H

#include <stdbool.h>

#include "base/err.h"
#include "scenario/scenario.h"
#include "workload/trace_row.h"

struct replay;

/* NULL with err when the trace cannot be opened, its first line is not one we know, or its rows lack times that the
 * caller needs. Options are borrowed. */
struct replay *replay_open(const struct workload_options *o, bool needs_times, struct err *e);
void replay_close(struct replay *r); /* NULL is fine */

/* 1: a row as the file has it, and when it comes; 0: no more; -1: err. */
int replay_next(struct replay *r, struct trace_row *row, int64_t *at_ns, struct err *e)
    __attribute__((warn_unused_result));

/* Rows may wait for others, and tell their class, session and content (trace_own.c). */
bool replay_has_graphs(const struct replay *r);
int64_t replay_block_tokens(const struct replay *r); /* of the rows' chains; 0: the format has none */

#endif
