/*
 * router.h - which replica a request goes to.
 *
 * A router that wants the least loaded replica names the load it goes by (`key`), and the model keeps a
 * winner tree over that load (loads.h): the answer costs O(1), each change of a load O(log n).
 * Ties go to the lowest replica index.
 *
 * What takes more to know, a router asks for (`wants`): where the last call of a session went, who has a prompt's
 * beginning in its cache, what replicas were measured to do. What it does not ask for costs nothing.
 *
 * ROUTER_HOLD keeps the request in the one central queue; the model asks again whenever a replica's room
 * changes, in the order of [scheduler] order (by tenant: as they came).
 */
#ifndef POLICY_ROUTER_H
#define POLICY_ROUTER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/rng.h"
#include "policy/policy.h"

enum { ROUTER_HOLD = -1 };

enum router_key { /* the last two are measures (wants) */
    ROUTER_KEY_NONE,
    ROUTER_KEY_REQUESTS, /* requests routed there and not yet ended */
    ROUTER_KEY_TOKENS,   /* their prompt tokens plus the tokens generated so far; never the unseen output */
    ROUTER_KEY_ROOM,     /* as REQUESTS, and INT64_MAX while the replica cannot take one: in a step, max_num_seqs
                             reached, or requests sent there were left waiting by its latest plan */
    ROUTER_KEY_KV,       /* share of its KV blocks in use or to be taken by prompts sent there */
    ROUTER_KEY_WAIT      /* wait_ns, plus 1 ns for each of its tokens: who waits nowhere goes to the emptiest */
};

struct router_wants {
    bool sessions;        /* request.last */
    bool prefixes;        /* next_holder, look */
    bool measures;        /* wait_ns, token_ns, tpot_ns, kv */
    int64_t index_age_ns; /* prefixes as they were so long ago */
    int64_t window_ns;    /* of what is measured: older steps weigh less and less */
};

struct router_request {
    int64_t tokens;    /* to compute before its first token here: the prompt, and what it gave elsewhere */
    int64_t last;      /* replica that its session's previous call was sent to; -1: none */
    int64_t waited_ns; /* since the first attempt of its call */
    int64_t slo_ttft_ns, slo_tpot_ns; /* of its class; 0: none */
};

struct router_holder { /* what a replica has of the request's prompt, tokens from the start */
    int64_t replica;
    int64_t cached; /* in its HBM */
    int64_t below;  /* after those, in tiers that it reaches */
    int64_t most;   /* no holder that follows has more than this */
};

struct router_view {
    int64_t n;               /* replicas */
    const int64_t *requests; /* [n] outstanding requests */
    const int64_t *tokens;   /* [n] outstanding tokens */
    int64_t all_requests;    /* sum of requests */
    const bool *up;          /* [n] false: it cannot be chosen, and the model asks again; NULL: all can */
    int64_t least;           /* replica with the least `key`, if the policy named one */
    int64_t least_key;       /* its load */
    struct router_request request;

    /* measures, as of each replica's latest step and the latest request sent to it */
    const int64_t *wait_ns; /* [n] its prompt tokens left x token_ns */
    const double *token_ns; /* [n] time of a prompt token in steps that compute prompts */
    const double *tpot_ns;  /* [n] mean time between tokens of its decodes; 0: none yet */
    const double *kv;       /* [n] the share of ROUTER_KEY_KV */
    double kv_tokens;       /* that a replica's KV cache holds */
    int64_t seats;          /* requests that run at once at a replica */

    /* prefixes. Each call gives another replica that has some of the prompt, those with most in the beginning (`most`
     * never rises); false: no more. Left out: who has nothing that the least loaded replica has not. */
    void *ctx;
    bool (*next_holder)(const struct router_view *v, struct router_holder *out);
    void (*look)(const struct router_view *v, int64_t replica, struct router_holder *out); /* at one; most: 0 */
};

struct router_ops {
    struct policy policy;
    enum router_key key;
    size_t state_size;
    /* What it needs to know; NULL: loads alone. */
    void (*wants)(const void *options, struct router_wants *out);
    /* Gives a replica in [0, n) or ROUTER_HOLD. state is zeroed at the start of a run. */
    int64_t (*route)(const void *options, void *state, const struct router_view *view, struct rng *r);
};

#endif
