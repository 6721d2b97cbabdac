/*
 * plan.h - what a sweep is to do: its points, each checked, with the shard that is to hold it and what lies there now.
 *
 * Every point is loaded before any is run: a mistake at point 900 is said at once. Shards lie in OUT.d beside OUT.db,
 * named by point.
 */
#ifndef STUDY_PLAN_H
#define STUDY_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "study/point.h"

/* What the user asks for. Strings are the caller's and must outlive the plan. */
struct sweep {
    const char *study, *out; /* out: OUT.db */
    char *const *sets;
    size_t n_sets;
    const char *filter;  /* NULL: all points */
    const int64_t *only; /* n_only points; NULL: those that filter takes */
    int64_t n_only;
    int workers; /* 0: one a core */
    bool force;  /* replace OUT.db, and shards of other configurations */
    bool fresh;  /* run points again whose shards are complete */
    bool quiet;  /* no progress */
};

struct plan_point {
    int64_t index;
    const char *shard;
    struct shard_want want;
    enum shard_state state;
};

struct plan {
    const struct sweep *ask;
    struct study study;
    const char *dir; /* of the shards */
    struct plan_point *at;
    int64_t n;
    struct arena arena;
};

/* Mistakes go to d, one a line of the files, with the first point that has it. False: nothing may be run. plan_free in
 * any case. */
bool plan_make(struct plan *p, const struct sweep *ask, struct diags *d);
void plan_free(struct plan *p);

/* "OUT.d" of "OUT.db", in the arena. */
const char *plan_folder(const char *out, struct arena *a);

/* Looks at the shards again; gives how many are complete. */
int64_t plan_look(struct plan *p);

/* The point and its values: "point 3 (rate=10/s), repetition 1". In the plan's arena. */
const char *plan_name(struct plan *p, int64_t index);

#endif
