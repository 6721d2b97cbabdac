/*
 * policy.h - what every policy has, and the explicit lists of them (registry.c).
 *
 * A policy reads a snapshot and answers; it cannot schedule events, move bytes or touch the world. Each is
 * one small file with a `const struct KIND_ops`, whose first member is a struct policy. To add one: write
 * the file, add one line to registry.c. (Constructor functions would be dropped by the linker from
 * a static library, hence the lists.)
 */
#ifndef POLICY_POLICY_H
#define POLICY_POLICY_H

#include <stddef.h>

#include "conf/opt.h"

struct policy {
    const char *name; /* as written in a scenario */
    const char *help; /* one line for `explain` */
    struct opt_table options;
    size_t options_size; /* of the struct the table fills; 0 with an empty table */
};

/* A registry: NULL-terminated list of ops, seen as their first member. */
enum policy_kind {
    POLICY_ARRIVAL,
    POLICY_LENGTH,
    POLICY_ROUTER,
    POLICY_SCHEDULER,
    POLICY_ORDER,
    POLICY_COST,
    POLICY_EVICT,
    POLICY_PLACE,
    POLICY_ADMISSION,
    POLICY_SCALER,
    POLICY_DURATION,
    POLICY_KINDS
};

const struct policy *const *policy_list(enum policy_kind kind);
const struct policy *policy_find(enum policy_kind kind, const char *name); /* NULL if unknown */

#endif
