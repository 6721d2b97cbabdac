/*
 * alone.h - what a call takes on an idle machine: the yardstick of agents' slowdown.
 *
 *   front end: request_service + input_tokens * token_service + request_latency
 * + chunks of at most max_num_batched_tokens prompt tokens, less what it finds in the cache: all that earlier calls of its
 *   context left, and its agent's system prompt, unless this is the agent's first context ever; all of it in HBM
 * + output - 1 steps with one sequence
 *
 * A step's time is linear in the context between the knees of the model's attention (cost.h), so the steps of an answer
 * are summed in closed form, (first + last) / 2 times their number for each piece: exact but for the rounding of each
 * step to ns, so off by less than a ns a token.
 *
 * With speculation: by the tokens expected of a step, so right on average only.
 *
 * So the machine is idle, but has seen the agent before: nothing that a run can find in its caches is missing here, and no
 * call is faster than alone (but by that rounding, or by drafts that hold).
 *
 * Not modelled: handoff between pools, what steps move from below HBM, restores, stream_interval.
 */
#ifndef MODEL_ALONE_H
#define MODEL_ALONE_H

#include "model/world_state.h"

/* Of a request that has just arrived. */
int64_t alone_ns(const struct world *w, const struct request *q);

#endif
