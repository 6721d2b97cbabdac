/*
 * router.h - which replica a request goes to.
 *
 * A router that wants the least loaded replica names the load it goes by (`key`), and the model keeps a
 * winner tree over that load (loads.h): the answer costs O(1), each change of a load O(log n).
 * Ties go to the lowest replica index.
 *
 * ROUTER_HOLD keeps the request in the one central queue; the model asks again whenever a replica's room
 * changes, first come first served.
 */
#ifndef POLICY_ROUTER_H
#define POLICY_ROUTER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/rng.h"
#include "policy/policy.h"

enum { ROUTER_HOLD = -1 };

enum router_key {
    ROUTER_KEY_NONE,
    ROUTER_KEY_REQUESTS, /* requests routed there and not yet ended */
    ROUTER_KEY_TOKENS,   /* their prompt tokens plus the tokens generated so far; never the unseen output */
    ROUTER_KEY_ROOM,     /* as REQUESTS, and INT64_MAX while the replica cannot take one: in a step, max_num_seqs
                             reached, or requests sent there were left waiting by its latest plan */
};

struct router_view {
    int64_t n;               /* replicas */
    const int64_t *requests; /* [n] outstanding requests */
    const int64_t *tokens;   /* [n] outstanding tokens */
    const bool *up;          /* [n] false: it cannot be chosen, and the model asks again; NULL: all can */
    int64_t least;           /* replica with the least `key`, if the policy named one */
    int64_t least_key;       /* its load */
};

struct router_ops {
    struct policy policy;
    enum router_key key;
    size_t state_size;
    /* Gives a replica in [0, n) or ROUTER_HOLD. state is zeroed at the start of a run. */
    int64_t (*route)(const void *options, void *state, const struct router_view *view, struct rng *r);
};

#endif
