/*
 * sight.h - what the router of a fleet sees beyond loads, where it asks for it (router.h, wants): sessions
 * (affinity.h), cached prefixes (holders.h), measures (loads.h).
 *
 * Prompt tokens left at a replica follow from sums that are kept anyway: those outstanding there (prompts and what was
 * given) less those that have KV (of the decoding, the partial, and of the waiting whose KV came from below) less the
 * latest token of each that decodes, which the next step computes. What the cache will spare of them is not known yet;
 * so tokens that came from the cache count as computed in the step that admits them, and make its prompt tokens cheap.
 *
 * Before any step: a prompt token takes what the cost model says of a step full of them.
 * Ownership: the fleet's, made by the world when the cache is there; freed with it.
 */
#ifndef MODEL_SIGHT_H
#define MODEL_SIGHT_H

#include "model/fleet.h"

/* NULL where the router asks for nothing. `now` and its ctx: of the simulated clock. */
struct sight *sight_new(struct fleet *f, struct kv *kv, int64_t (*now)(void *ctx), void *ctx);
void sight_free(struct sight *s);

/* Before the router is asked, each time. */
void sight_ask(struct fleet *f, const struct request *q, int64_t now_ns);
/* It was sent to that replica of the fleet. */
void sight_sent(struct fleet *f, const struct request *q, int64_t chosen);
/* Its session has ended before its last call. */
void sight_forget(struct fleet *f, const struct request *q);
/* Something has changed at the replica: before and after each of its steps, and when requests come or go. */
void sight_measure(struct fleet *f, const struct replica *r);

#endif
