/*
 * length.h - how many tokens a prompt or an answer has.
 *
 * draw gives a real number; the caller rounds to the nearest token and clamps to the class's limits. The
 * length `trace` has draw == NULL: the trace line says it.
 */
#ifndef POLICY_LENGTH_H
#define POLICY_LENGTH_H

#include "base/rng.h"
#include "policy/policy.h"

struct length_ops {
    struct policy policy;
    double (*draw)(const void *options, struct rng *r);
};

#endif
