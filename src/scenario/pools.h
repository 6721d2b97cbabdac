/*
 * pools.h - [pool NAME]: groups of replicas that differ in what they do, their hardware or their layout.
 *
 *   [pool prefill]            a pool, and what its replicas do (role)
 *   [replica prefill] tp = 4  as [replica], for that pool alone; so [node], [gpu], [kernels], [engine], [scheduler],
 *                             [router]
 *
 * A pool is the scenario with some keys otherwise: it is loaded again for each pool, with the pool's own entries on top
 * of all others, and checked as a whole. So presets, policies and messages are those of any scenario.
 * Where a pool names another preset, keys that the common section gives beside its preset hold for it too.
 */
#ifndef SCENARIO_POOLS_H
#define SCENARIO_POOLS_H

#include "scenario/load.h"

/* Entries by pool; of the scenario, not of its own struct. */
struct pools_raw {
    struct ini_entries common; /* what the files and -s say, but for what stands in sections of one pool */
    struct ini_entry *own;     /* what stands there */
    size_t n_own;
};

/* Takes the entries of sections such as [replica prefill] away from the others. Call when all are read, before
 * presets. */
void pools_split(struct loader *l, struct pools_raw *raw);
/* Loads each pool into sc->pools[i].as; without pools there is one, of the scenario itself. */
void pools_load(struct loader *l, const struct pools_raw *raw);
void pools_raw_free(struct pools_raw *raw);
/* Whether a section's keys may differ from pool to pool. */
bool pools_may(const char *section);

/* ---- pools_check.c ---- */

struct check;
void pools_resolve_via(const struct check *c, struct handoff_options *h);
void pools_check_roles(const struct check *c); /* before pools are loaded; what follows after that */
void pools_check(const struct check *c);

/* Binds what the entries say, with presets, and checks it (load.c). False with diags: more than there were before. */
bool load_entries(struct loader *l, bool pool, size_t before);

#endif
