/*
 * order.h - which of the waiting requests is admitted next.
 *
 * How a step is filled (scheduler.h) and in which order the waiting are taken are two decisions: every scheduler takes
 * its waiting requests in the order that [scheduler] order names. An order is one of three sorts:
 *
 *   as they came   neither key nor cost: a list; who is preempted returns to its head
 *   by key         each request gets a key when it comes to wait, from its arrival or from a preemption; the least key
 *                  first, equal ones by arrival. It does not change while the request waits
 *   by tenant      cost: each tenant has a queue by arrival and a count of its service; the least served goes first
 *
 * Who is preempted when KV blocks run out is the last of the running in that order: by key, as it is then; by tenant,
 * of the most served; equal ones, and all where it goes as they came, from the latest admitted on.
 */
#ifndef POLICY_ORDER_H
#define POLICY_ORDER_H

#include <stdbool.h>
#include <stdint.h>

#include "policy/policy.h"

/* What an order knows of a request's class. */
struct order_class {
    int64_t priority; /* higher first */
    int64_t ttft_ns;  /* SLOs; 0: none */
    int64_t tpot_ns;
    int64_t max_tokens; /* that its requests announce; 0: each its own output's length */
    int64_t tenant;     /* index; classes may share one */
    double share;       /* of the service its tenant has a right to, relative to the others */
};

/* A request that comes to wait, or runs. */
struct order_view {
    const struct order_class *class;
    int64_t t_arrive_ns;
    int64_t t_first_ns; /* -1: it has given no token yet */
    int64_t input_tokens;
    int64_t generated;  /* tokens given */
    int64_t to_compute; /* tokens before it gives the next: the prompt, after a preemption also what it gave */
    int64_t predicted;  /* output tokens in all, as the predictor has it; at least 1 */
    int64_t compute_ns; /* of its tokens to compute, alone; of one that runs: if it were preempted */
};

struct order_ops {
    struct policy policy;
    int64_t (*key)(const void *options, const struct order_view *v);
    /* Sigma of the predictor's error; NULL: the key takes no prediction. */
    double (*predictor_error)(const void *options);
    bool timed; /* the key takes compute_ns; else that is 0 */
    double (*cost)(const void *options, int64_t input, int64_t output); /* of so many tokens served */
};

#endif
