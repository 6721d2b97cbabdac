/*
 * arrival.h - when requests arrive.
 *
 * Open-loop processes give gaps between arrivals; closed_loop and trace are told apart by their kind,
 * since the model feeds them (a completion, a trace line).
 */
#ifndef POLICY_ARRIVAL_H
#define POLICY_ARRIVAL_H

#include "base/rng.h"
#include "policy/policy.h"

enum arrival_kind { ARRIVAL_OPEN, ARRIVAL_CLOSED, ARRIVAL_TRACE };

struct arrival_ops {
    struct policy policy;
    enum arrival_kind kind;
    /* ARRIVAL_OPEN: seconds to the next arrival, > = 0. ARRIVAL_CLOSED: think time in seconds. */
    double (*gap_s)(const void *options, struct rng *r);
    /* ARRIVAL_CLOSED, ARRIVAL_TRACE: how many are in flight at once; 0: as the times say. Else NULL. */
    int64_t (*concurrency)(const void *options);
};

#endif
