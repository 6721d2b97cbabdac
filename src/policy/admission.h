/*
 * admission.h - whether a request that arrives is let in, or refused at the door.
 *
 * Asked once for each attempt of a call, at its arrival, after it was found to fit at all and before it is routed. Who
 * is refused has ended (status rejected); whether the client calls again is its class's own to say (retries).
 *
 * A policy remembers what it wants: `state` for itself, and `of_class`, one piece for each class; both are zeroed when
 * a run begins. It is told of each first token (started), which is when a request has left the queue.
 *
 * Waiting are those that were let in and have given no token yet: held centrally, at a front end, queued at a replica,
 * or having their prompt computed. Outstanding are those that were let in and have not ended.
 */
#ifndef POLICY_ADMISSION_H
#define POLICY_ADMISSION_H

#include <stdbool.h>
#include <stdint.h>

#include "policy/policy.h"

struct admission_count {
    int64_t requests, waiting; /* outstanding; of these, waiting */
    int64_t tokens;            /* prompt tokens of the outstanding */
};

struct admission_view { /* the one that asks is not counted */
    int64_t now_ns;
    int64_t replicas; /* that are up where requests are routed to; at least 1 */
    struct admission_count all, class;
    int64_t waiting_ahead; /* of its own or a higher priority */
    int64_t input_tokens;
    int64_t priority; /* of its class; higher first */
    int64_t ttft_ns;  /* SLO of its class; 0: none */
};

struct admission_ops {
    struct policy policy;
    size_t state_size, class_size;
    /* NULL: all are let in, and nothing is counted. */
    bool (*admit)(const void *options, void *state, void *of_class, const struct admission_view *v);
    void (*started)(const void *options, void *state, int64_t now_ns); /* NULL: it does not want to know */
};

#endif
