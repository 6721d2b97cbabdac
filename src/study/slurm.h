/*
 * slurm.h - a study on a cluster: a Slurm job array whose tasks run chunks of points, and a merge that waits for them.
 *
 *   slurm_submit   OUT.d/points.txt   the points that are not there yet, one a line
 *                  OUT.d/array.sh     the array: task T takes lines T * chunk + 1 to (T + 1) * chunk
 *                  OUT.d/merge.sh     `tiersim merge`, after all of them, however they end (afterany)
 *   slurm_task     what each task calls (tiersim sweep task)
 *
 * Points in chunks, since a scheduler starts few short tasks a second. A point is idempotent, so a task may be run any
 * number of times: one that was killed (out of memory, preempted, by hand) asks Slurm to be queued again, up to
 * SLURM_RESTARTS times, and goes on with what its chunk lacks. The merge checks that all points are there and refuses
 * else, with exit code 4; submitting again then runs what is missing, and only that.
 *
 * Needs a folder that all nodes see, and the program at the same place. Where sbatch is missing the files are written
 * and nothing is submitted: that is --dry-run.
 */
#ifndef STUDY_SLURM_H
#define STUDY_SLURM_H

#include <stdio.h>

#include "study/plan.h"

enum { SLURM_RESTARTS = 3 };

struct slurm {
    int64_t chunk;        /* points a task; 0: as many as make SLURM_TASKS tasks */
    char *const *options; /* of sbatch, e.g. "--partition=long" */
    size_t n_options;
    bool dry_run; /* write the files, submit nothing */
};

enum { SLURM_TASKS = 100 };

int slurm_submit(const struct sweep *ask, const struct slurm *how, FILE *out);

/* The chunk of task number `task`; ask names the same study and OUT.db. 128 + signal if a point was killed. */
int slurm_task(const struct sweep *ask, int64_t chunk, int64_t task);

#endif
