/*
 * check.h - what the files of cross-field checks share.
 */
#ifndef SCENARIO_CHECK_H
#define SCENARIO_CHECK_H

#include "scenario/scenario.h"

struct check {
    const struct scenario *sc;
    struct diags *d;
};

/* The entry that set the key; NULL for a default. */
const struct ini_entry *check_origin(const struct scenario *sc, const char *section, const char *key);

/* A mistake, at the line of its key; where the key has its default, at the file. */
__attribute__((format(printf, 4, 5))) void check_wrong(const struct check *c, const char *section, const char *key,
                                                       const char *fmt, ...);

/* Replicas whose ranks or micro-batches are apart (check_members.c). */
void check_members(const struct check *c);

/* Tiers and links against GPUs, replicas and the workload (check_tiers.c). */
void check_tiers(const struct check *c);

#endif
