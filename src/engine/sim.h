/*
 * sim.h - the event-queue engine: a clock, a pending set, a run loop. Knows nothing of LLMs.
 *
 * Time is int64 ns. An event's key is (t_ns, class, seq): of events at the same instant the lower class
 * goes first (completions before arrivals before scheduling: the model's enum orders them), and within a
 * class the one scheduled first. seq is the engine's own count, so order never depends on the structure.
 *
 * An event carries ids, never pointers: kind (the model's enum) and arg (an id the model understands). One
 * dispatch function takes them all.
 *
 * Handles: sim_schedule gives one; it dies when the event fires or is cancelled. A dead handle is
 * recognised (sim_cancel gives false), since slots carry a generation. Rescheduling moves the event and
 * gives it a new seq, as if it were scheduled anew, and keeps its handle.
 *
 * Cost: all O(1) but for O(log n) of the few events that are next (pending.h, which says how).
 *
 * Invariants: the clock never goes back; scheduling in the past is a bug (abort).
 */
#ifndef ENGINE_SIM_H
#define ENGINE_SIM_H

#include <stdbool.h>
#include <stdint.h>

typedef uint64_t sim_handle; /* 0 is never a handle */

struct sim_event {
    int64_t t_ns;
    uint32_t kind;
    uint32_t arg;
};

struct sim; /* opaque; owned by whoever called sim_new */

/* Called for each event with the clock at its time; may schedule, cancel and reschedule. */
typedef void sim_dispatch(void *ctx, const struct sim_event *ev);

/* Told of events that will soon be due: the next one (near), and the one after it. Only to bring memory closer: it may
 * change nothing, and not every event is told of. With thousands of entities each event touches memory that no recent
 * one did. */
typedef void sim_soon(const void *ctx, uint32_t kind, uint32_t arg, bool near);

struct sim *sim_new(sim_dispatch *dispatch, void *ctx);
void sim_tell_soon(struct sim *s, sim_soon *soon); /* NULL: nobody is */
void sim_free(struct sim *s);

sim_handle sim_schedule(struct sim *s, int64_t t_ns, unsigned event_class, uint32_t kind, uint32_t arg);
bool sim_cancel(struct sim *s, sim_handle h);
bool sim_reschedule(struct sim *s, sim_handle h, int64_t t_ns);
bool sim_pending(const struct sim *s, sim_handle h);

int64_t sim_now(const struct sim *s);
int64_t sim_next_time(const struct sim *s); /* INT64_MAX when empty; O(1) */
uint64_t sim_count(const struct sim *s);    /* events handled so far */
uint64_t sim_size(const struct sim *s);     /* events pending */

/* Why sim_run came back. */
enum sim_stop {
    SIM_EMPTY,     /* nothing pending; the clock stays at the last event */
    SIM_UNTIL,     /* the next event is later than until_ns; the clock is at until_ns */
    SIM_COUNT,     /* max_events were handled, and another is due */
    SIM_REQUESTED, /* sim_request_stop was called: from a dispatch, or before the run */
};

/* Handles events with t <= until_ns, at most max_events of them. A request to stop is honoured once, before the
 * next event. */
enum sim_stop sim_run(struct sim *s, int64_t until_ns, uint64_t max_events);
void sim_request_stop(struct sim *s);

#endif
