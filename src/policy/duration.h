/*
 * duration.h - how long something outside the machine takes: a tool, a user who thinks.
 *
 * draw gives seconds, not negative; the caller rounds to ns.
 */
#ifndef POLICY_DURATION_H
#define POLICY_DURATION_H

#include "base/rng.h"
#include "policy/policy.h"

struct duration_ops {
    struct policy policy;
    double (*draw)(const void *options, struct rng *r);
};

#endif
