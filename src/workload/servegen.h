/*
 * servegen.h - the requests of many clients together, each with its own rate over the day, burstiness and lengths.
 *
 * Each client is a renewal process of its window's law of gaps (gamma or Weibull), laid over its rate by time rescaling
 * (policy/gaps.h, rate.h): a gap keeps the law it was drawn by when it reaches into the next window. It begins in
 * equilibrium, so that its expected requests are the integral of its rate from time 0 on. Lengths: one draw each from
 * the laws of the window the request comes in. The workload is their superposition.
 *
 *   clients ──► heap of (time of its next request, client) ──► the least: given; that client's next one goes in
 *
 * O(log clients) a request; memory: a kilobyte a client, and the laws of the files, which copies of a client share.
 *
 * Not modelled: what input and output lengths have to do with each other, and with the time since the last request (the
 * files give each alone); which part of an answer is reasoning (reason_ratio: output_tokens has both); conversations
 * and shared prompts (the classes' keys may add them). rate_scale keeps each client's law of gaps, so its bursts are of
 * as many requests as before, in less time; more clients (clients) leave them as they are.
 *
 * Streams: client c has RNG_ARRIVAL and RNG_INPUT of entities of its own, so that more clients leave those there were.
 */
#ifndef WORKLOAD_SERVEGEN_H
#define WORKLOAD_SERVEGEN_H

#include <stdbool.h>

#include "base/err.h"
#include "policy/servegen.h"
#include "workload/trace_row.h"

struct servegen;

/* NULL with err: a file is missing or wrong. Options are borrowed. */
struct servegen *servegen_open(const struct servegen_options *o, uint64_t seed, uint64_t replication, struct err *e);
void servegen_close(struct servegen *s); /* NULL is fine */

/* The next request, in order of time: true; false where the clock would end. */
bool servegen_next(struct servegen *s, struct trace_row *row);

#endif
