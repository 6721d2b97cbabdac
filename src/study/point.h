/*
 * point.h - a study and its points: which runs it consists of, and how each is asked for.
 *
 *   study_open   the file and -s: variables, constraint, repeat (conf/iter.h)
 *   study_load   one point as a checked scenario
 *   study_argv   the command that runs it into a shard: tiersim run STUDY --point K -o SHARD ...
 *   shard_is     whether a shard holds that point, complete
 *
 * A point is a process and a results file (shard), and idempotent: who finds a complete shard of the same
 * configuration, log level and version need not run it again. A scenario without variables is a study of one point;
 * with -s sweep.repeat=N, of N replications.
 *
 * Ownership: path and sets are the caller's and must outlive the study; the rest is the study's until study_free.
 */
#ifndef STUDY_POINT_H
#define STUDY_POINT_H

#include <stdbool.h>
#include <stdint.h>

#include "conf/iter.h"
#include "scenario/scenario.h"

struct study {
    const char *path;
    char *const *sets; /* -s */
    size_t n_sets;
    const char *text; /* of the file */
    struct iter iter;
    int64_t n_points, n_params, repeat; /* points = parameter sets * repeat */
    struct arena arena;
};

/* Which run a point is. */
struct point {
    int64_t index, set, repetition;
};

/* False with diags; study_free in any case. */
bool study_open(struct study *s, const char *path, char *const *sets, size_t n_sets, struct diags *d);
void study_free(struct study *s);

struct point study_point(const struct study *s, int64_t index);
/* "rate=10/s gpus=8"; "" where nothing is varied. In the arena. */
const char *study_label(const struct study *s, int64_t set, struct arena *a);
/* Loads and checks; scenario_free(sc) in any case. */
bool study_load(const struct study *s, int64_t index, struct scenario *sc, struct diags *d);

/* The points that an expression over variables, repetition and point keeps (NULL: all), by index. -1 with why. */
int64_t study_filter(const struct study *s, const char *filter, int64_t *indices, char *why, size_t why_size);

/* The argument vector of the point's run, in the arena; extra (NULL or ends with NULL) comes after it. */
char **study_argv(const struct study *s, int64_t index, const char *shard, char *const *extra, struct arena *a);

enum shard_state {
    SHARD_NONE,  /* no such file */
    SHARD_OTHER, /* a complete results file of something else: another configuration, log level, version */
    SHARD_DONE   /* that point, complete */
};

/* What a shard must be to stand for a point. */
struct shard_want {
    uint64_t config_hash;
    int log; /* enum log_level */
};
struct shard_want shard_wanted(const struct scenario *sc);

/* A file that is no complete results file counts as none if it is empty or cut off, else as another. */
enum shard_state shard_state(const char *path, const struct shard_want *want);

/* "DIR/p000012.db" in the arena. */
const char *shard_path(const char *dir, int64_t index, struct arena *a);

#endif
