/*
 * workload.h - the requests that come in: when, of which class, how long, and what their prompts share.
 *
 * Open-loop arrivals and traces give items in order of time, one after the other. Closed loops, and traces with
 * trace_order = closed, give the next item when one ended: the caller asks `concurrency` times at the start and once a
 * request that ended. Calls of a session (sessions.h) after its first come from workload_done. The calls, in full:
 *
 *   at the start            workload_next, max(1, workload_concurrency) times
 *   an item arrives         open loop or trace: workload_next, for the one after it
 *   a request ends          workload_done, always, before work_item_free of its chain; gave it 0 and is the loop
 * closed: workload_next. (A closed loop's user goes on with the session, and begins another after.)
 *
 * Bounded memory: a trace is read as it is needed; sessions take room while they last.
 *
 * Lengths of a trace with drawn arrivals (a class's input or output = trace): each item takes the next row's, whatever
 * its class, and its content; the row's time counts for the slice only.
 *
 * Draws: separate streams for gaps (RNG_ARRIVAL; RNG_THINK in closed loops), for what moves a rate (RNG_ARRIVAL,
 * entity 1), classes (RNG_CLASS; one class draws
 * nothing) and each class's input and output lengths (RNG_INPUT, RNG_OUTPUT, entity = class index), so that changing
 * one leaves the others. Sessions have their own (sessions.h).
 *
 * Times: gaps are added in ns with the fraction carried on, so that a rate of 3/s is kept in the long run. The first
 * open-loop arrival comes one gap after 0. Traces: see replay.h; in closed order their times count for the slice only.
 *
 * Lengths: rounded to the nearest token, at least 1; a prompt is system_tokens and the drawn input together; clamped to
 * the class's limits (a limit of 0 is none). A class whose length is `trace` takes the line's, also clamped.
 *
 * Content: a row's chain, as the trace has it; where the class's law or limits change the prompt's length, the whole
 * blocks that are in both. Sessions and shared system prompts: sessions.h. Else nothing is known and nothing shared.
 *
 * Ends: after workload.requests items, with the trace or its slice, or, for drawn arrivals, where the clock (int64 ns)
 * would.
 */
#ifndef WORKLOAD_WORKLOAD_H
#define WORKLOAD_WORKLOAD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "scenario/scenario.h"
#include "workload/chain.h"

#define WORK_NO_SESSION UINT32_MAX

struct work_item {
    int64_t t_ns;
    int64_t class_id;                    /* index into scenario.classes */
    int64_t input_tokens, output_tokens; /* >= 1 each */
    /* The context's blocks; the taker's, until work_item_free. The first prompt_blocks are the prompt's, what follows
     * is the answer's, as far as a later call may ask for it. */
    struct chain chain;
    int64_t prompt_blocks;
    int64_t session;       /* its number, in order of begin; -1: none */
    int64_t turn;          /* of the session, from 0 */
    uint32_t session_slot; /* for workload_done; WORK_NO_SESSION: no further call will follow */
    /* The caller's own, of a call that it sends again: which attempt this is (the workload gives attempt 0), the first
     * attempt's request and when that came. */
    int64_t attempt, first_request, t_call_ns;
};

struct workload;

/* NULL with err when the trace cannot be opened or its header is not one we know. */
struct workload *workload_new(const struct scenario *sc, struct err *e);
void workload_free(struct workload *w);

/* 1: an item; 0: no more will come; -1: err (a bad trace line, file:line). now_ns matters to closed loops only:
 * the item comes at now + think time (the first `concurrency` items come at 0). */
int workload_next(struct workload *w, int64_t now_ns, struct work_item *item, struct err *e);

/* A request of session slot `slot` (or WORK_NO_SESSION) has ended, answered in full or else (rejected, failed), which
 * ends its session. 1: the session's next call, at now + turn_gap; 0: there is none. */
int workload_done(struct workload *w, uint32_t slot, bool answered, int64_t now_ns, struct work_item *item);

void work_item_free(struct work_item *item); /* frees and empties its chain */

int64_t workload_concurrency(const struct workload *w);  /* 0: open loop, or trace in order of time */
/* Whether any item can have a chain. */
bool workload_has_content(const struct workload *w);
int64_t workload_block_tokens(const struct workload *w); /* of each block of the chains */
uint64_t workload_digest(const struct workload *w);      /* of all draws so far (and trace items) */

/* Reads the whole trace ahead, for oracles; memory in proportion to its blocks. -1: err (a bad line; no trace). */
int workload_index_blocks(struct workload *w, struct err *e);
/* Requests count from 0 in the order workload_next gives them. The first after `request` whose prompt has the block;
 * INT64_MAX: none. workload_index_blocks comes first. */
int64_t workload_next_use(const struct workload *w, int64_t block_id, int64_t request);

#endif
