/*
 * workload.h - the requests that come in: when, of which class, how long, and what their prompts share.
 *
 * Open-loop arrivals and traces give items in order of time, one after the other. Closed loops, and traces with
 * trace_order = closed, give the next item when one ended: the caller asks `concurrency` times at the start and once a
 * request that ended. Calls after the first of a session (sessions.h) or of an agent's (agents.h) come when others end:
 * one call may release none yet (a join), one, or several (a fan-out). The calls, in full:
 *
 *   at the start            workload_next, max(1, workload_concurrency) times
 *   an item arrives         open loop or trace: workload_next, for the one after it, unless it is such a later call
 *   a call ends             workload_ended, always, before work_item_free of its chain; then workload_next_ready until
 *                           it gives false; and where workload_ended said that the session is over and the loop is
 *                           closed, workload_next. (A closed loop's user goes on with the session, and begins another
 *                           after.) A call ends with its last attempt.
 *
 * Bounded memory: a trace is read as it is needed; sessions take room while they last.
 *
 * Lengths of a trace with drawn arrivals (a class's input or output = trace): each item takes the next row's, whatever
 * its class, and its content; the row's time counts for the slice only.
 *
 * Draws: separate streams for gaps (RNG_ARRIVAL; RNG_THINK in closed loops), for what moves a rate (RNG_ARRIVAL,
 * entity 1), classes (RNG_CLASS; one class draws
 * nothing) and each class's input and output lengths (RNG_INPUT, RNG_OUTPUT, entity = class index), so that changing
 * one leaves the others. Sessions and agents have their own (sessions.h, agents.h).
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
 * Ends: after workload.requests items (later calls of sessions count, those of agents do not), with the trace or its
 * slice, or, for drawn arrivals, where the clock (int64 ns) would.
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
    int64_t known_blocks;  /* of them from the first: earlier calls of its context, or agent, had them (agents only) */
    bool of_agent;         /* what it takes alone is wanted */
    int64_t session;       /* its number, in order of begin; -1: none */
    int64_t turn;          /* of the session, from 0 */
    uint32_t session_slot; /* for workload_ended; WORK_NO_SESSION: no further call will follow */
    /* The caller's own, of a call that it sends again: which attempt this is (the workload gives attempt 0), the first
     * attempt's request and when that came. */
    int64_t attempt, first_request, t_call_ns;
};

/* A call that has ended, answered in full or else (rejected, timed out, failed), which ends its session. */
struct work_ended {
    int64_t class_id;
    uint32_t slot; /* the item's session_slot */
    bool answered;
    /* For the records of agents; else 0. The parts add up to the time from the first attempt's arrival. */
    int64_t request, hit_tokens;
    int64_t retry_ns, queue_ns, restore_ns, prefill_ns, handoff_ns, decode_ns; /* table agent_step */
    int64_t alone_ns;
};

struct workload;
struct trace;
struct agents_counts;
struct graph_counts;

/* NULL with err when the trace cannot be opened or its header is not one we know. */
struct workload *workload_new(const struct scenario *sc, struct err *e);
void workload_free(struct workload *w);

/* 1: an item; 0: no more will come; -1: err (a bad trace line, file:line). now_ns matters to closed loops only:
 * the item comes at now + think time (the first `concurrency` items come at 0). */
int workload_next(struct workload *w, int64_t now_ns, struct work_item *item, struct err *e);

/* Calls that follow it are ready then. True: none will; its session is over. */
bool workload_ended(struct workload *w, const struct work_ended *call, int64_t now_ns);
/* A call that the end of another has released: it comes at item->t_ns, now or later. */
bool workload_next_ready(struct workload *w, struct work_item *item);

void work_item_free(struct work_item *item); /* frees and empties its chain */

/* Where rows of agents' tasks go. */
void workload_record(struct workload *w, struct trace *t);
/* The agents' counts (agents.h), checked; false: neither the scenario nor what was read of its trace has any. */
bool workload_agents(const struct workload *w, struct agents_counts *out);

/* Names of agents and tools that a trace has beyond the scenario's, numbered after these; the workload's. */
int64_t workload_agent_names(const struct workload *w, const char *const **names);
int64_t workload_tool_names(const struct workload *w, const char *const **names);
/* Those of a trace whose calls wait for others (graph.h), checked; false: it is none. */
bool workload_graphs(const struct workload *w, struct graph_counts *out);

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
