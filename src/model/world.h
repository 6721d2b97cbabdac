/*
 * world.h - the simulated system: requests in, replicas, router, the engine's clock; the one table of causes.
 *
 *   arrival ──router──► replica's front end ──► its waiting queue ──step begins/ends──► tokens, completions
 *      ▲        └─► central queue ──┘ when a replica has room                                 │
 *      └───────────────────────── closed loop: the next request ◄─────────────────────────────┘
 *
 * Order at one instant: steps end, then requests arrive, then steps begin; so a request that arrives as a step ends
 * can be in the next one.
 *
 * Front end: what the API server does between a request and the engine's queue (receiving, tokenising, handing over).
 * Each replica has one thread of it, which serves the requests routed there first come first served, for
 * request_service + input_tokens * token_service each; the rest of the way, request_latency, they go side by side:
 *
 *     end of service = max(routed, end of the previous service) + request_service + input_tokens * token_service
 *     in the queue   = end of service + request_latency
 *
 * so the order stays that of routing. A preempted request does not pass it again. A request in it counts as outstanding
 * at its replica for the router, and as waiting in rows and counters; times are from arrival, so it is part of TTFT and
 * of the queueing time. When all three are zero there is no front end, and no event of it.
 *
 * Attention data parallelism: the dp ranks of a replica step together and are one batch here, whose limits are dp times
 * those of a rank ([scheduler] gives a rank's, as the engines count). A request must fit one rank's share of the cache.
 *
 * Conservation is checked at the end of every run (world_finish): a broken law aborts with time, event and seed.
 *
 * That is with [replica] ranks = together; apart, each rank is a replica of the world, with others in a group
 * (group.h).
 *
 * Not modelled: network between client, router and replica; the way back (detokenising, streaming); which of a
 * replica's ranks a request is on, where they are together: their cache is filled as one.
 */
#ifndef MODEL_WORLD_H
#define MODEL_WORLD_H

#include "base/err.h"
#include "scenario/scenario.h"
#include "trace/trace.h"
#include "workload/workload.h"

struct world;
struct memory;

/* All owned by the caller and alive until world_free. */
struct world *world_new(const struct scenario *sc, struct workload *w, struct trace *t);
void world_free(struct world *w);

/* Handles at most max_events events. 1: more to do; 0: the run is over (drained, or the horizon); -1: err (a bad
 * trace line, a sink that failed). */
int world_run(struct world *w, uint64_t max_events, struct err *e);

int64_t world_now(const struct world *w);
uint64_t world_events(const struct world *w);
int64_t world_arrived(const struct world *w);
int64_t world_ended(const struct world *w); /* completed, rejected, failed, timed out */
int64_t world_unfit(const struct world *w); /* of the rejected: those that could never be served */

struct world_count {
    const char *name;
    int64_t value;
};
enum { WORLD_COUNTS_MAX = 112 };

/* Counts at this instant, checked against each other; call when no more events will run. Returns how many. */
int world_finish(struct world *w, struct world_count counts[WORLD_COUNTS_MAX]);
int64_t world_max_concurrent(const struct world *w);
const struct memory *world_memory(const struct world *w); /* NULL: no tiers */
bool world_caches(const struct world *w);                 /* KV of earlier requests is kept for later ones */
/* Of the values drawn by the routers and for retries. */
uint64_t world_digest(const struct world *w);

#endif
