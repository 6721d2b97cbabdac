/*
 * sweep.h - a study on this machine: each point that is not there yet as a process, then one file of all.
 *
 * Resumable after any interruption, kill -9 included: what is complete is a shard under its final name, and nothing
 * else is looked at. A second sweep of the same OUT.d at the same time is refused (a lock on the folder, which the
 * kernel drops when its holder dies).
 */
#ifndef STUDY_SWEEP_H
#define STUDY_SWEEP_H

#include <stdio.h>

#include "study/plan.h"

/* Says on stderr what goes wrong, as points fail. Exit codes: EXIT_CODE_INCOMPLETE where points failed, 128 + signal.
 */
int sweep_run(const struct sweep *ask);

/* The same for a part of the points, by one process of several at a time: nothing is merged. 128 + signal where a point
 * was killed by one. */
int sweep_part(const struct sweep *ask);

/* The plan, mistakes told on stderr. plan_free in any case. */
bool sweep_plan(struct plan *p, const struct sweep *ask);
/* Looks at the shards, and refuses those of something else, but for ask->force. */
int sweep_look(struct plan *p, struct err *e);

/* The points, and which of them are there, on out; nothing is run. */
int sweep_list(const struct sweep *ask, FILE *out);

/* OUT.db from what shards there are; EXIT_CODE_INCOMPLETE if some are missing. */
int sweep_merge(const struct sweep *ask);

#endif
