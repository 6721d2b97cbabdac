/*
 * workload.h - the requests that come in: when, of which class, how long.
 *
 * Open-loop arrivals and traces give items in order of time, one after the other. Closed loops give the next
 * item when one ended: the caller asks `concurrency` times at the start and once a completion.
 * Bounded memory: a trace is read as it is needed.
 *
 * Draws: separate streams for gaps (RNG_ARRIVAL; RNG_THINK in closed loops), classes (RNG_CLASS; one class draws
 * nothing) and each class's input and output lengths (RNG_INPUT, RNG_OUTPUT, entity = class index), so that changing
 * one leaves the others.
 *
 * Times: gaps are added in ns with the fraction carried on, so that a rate of 3/s is kept in the long run. The first
 * open-loop arrival comes one gap after 0. A trace row t within [trace_from, trace_to) comes at (t - trace_from) /
 * trace_speed; rows before the slice are read and checked, rows after it are not read. A slice without rows is an
 * error.
 *
 * Lengths: rounded to the nearest token, at least 1, clamped to the class's limits (a limit of 0 is none). A class
 * whose length is `trace` takes the line's, also clamped.
 *
 * Ends: after workload.requests items, with the trace or its slice, or, for drawn arrivals, where the clock (int64 ns)
 * would. A trace row beyond the clock is an error: no row is left out.
 */
#ifndef WORKLOAD_WORKLOAD_H
#define WORKLOAD_WORKLOAD_H

#include <stdint.h>

#include "base/err.h"
#include "scenario/scenario.h"

struct work_item {
    int64_t t_ns;
    int64_t class_id;                    /* index into scenario.classes */
    int64_t input_tokens, output_tokens; /* >= 1 each */
};

struct workload;

/* NULL with err when the trace cannot be opened or its header is not one we know. */
struct workload *workload_new(const struct scenario *sc, struct err *e);
void workload_free(struct workload *w);

/* 1: an item; 0: no more will come; -1: err (a bad trace line, file:line). now_ns matters to closed loops only:
 * the item comes at now + think time (the first `concurrency` items come at 0). */
int workload_next(struct workload *w, int64_t now_ns, struct work_item *item, struct err *e);

int64_t workload_concurrency(const struct workload *w); /* 0: open loop or trace */
uint64_t workload_digest(const struct workload *w);     /* of all draws so far (and trace items) */

#endif
