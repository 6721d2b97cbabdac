/*
 * arrival.h - when requests arrive.
 *
 * Open-loop processes give gaps between arrivals; closed_loop, trace and servegen are told apart by their kind,
 * since the model feeds them (a completion, a trace line, a client's next call).
 *
 * An open-loop process either draws its gaps one like the other (gap_s), or has a state: a rate that changes. Then
 * begin fills state_size bytes of zeros at time 0, and next_s moves the state on to the next arrival. What moves the
 * rate is drawn from a stream of its own, so that two laws of gaps meet the same rate.
 */
#ifndef POLICY_ARRIVAL_H
#define POLICY_ARRIVAL_H

#include "base/rng.h"
#include "policy/policy.h"

enum arrival_kind { ARRIVAL_OPEN, ARRIVAL_CLOSED, ARRIVAL_TRACE, ARRIVAL_CLIENTS };

/* A key whose value does not go with the others' and what is wrong with it, as it follows the key. */
struct arrival_fault {
    const char *key, *what; /* NULL: none */
};

struct arrival_ops {
    struct policy policy;
    enum arrival_kind kind;
    /* ARRIVAL_OPEN: seconds to the next arrival, > = 0. ARRIVAL_CLOSED: think time in seconds. */
    double (*gap_s)(const void *options, struct rng *r);
    /* ARRIVAL_CLOSED, ARRIVAL_TRACE: how many are in flight at once; 0: as the times say. Else NULL. */
    int64_t (*concurrency)(const void *options);
    /* ARRIVAL_OPEN without gap_s. next_s: seconds from the last arrival (from 0, the first) to the next; INFINITY:
     * there is none. Each mixes what it draws. */
    size_t state_size;
    void (*begin)(const void *options, void *state, struct rng *rate);
    double (*next_s)(void *state, struct rng *gaps, struct rng *rate);
    struct arrival_fault (*fault)(const void *options); /* NULL: each value alone is all there is to check */
};

#endif
