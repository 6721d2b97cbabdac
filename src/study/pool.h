/*
 * pool.h - N child processes at a time, each one job: an argument vector of this program.
 *
 *   next --argv--> fork, exec /proc/self/exe --exit code--> done
 *
 * A job is a process and not a thread, since a run may die (a bug, out of memory, the user's kill) without the rest,
 * and since a Slurm task is the same command.
 *
 * Jobs start in the order next gives them, and end in any. Callbacks run in the caller's process, one at a time, so
 * they need no locks; done may change what next gives (a study that ends when its interval is narrow enough).
 *
 * SIGINT and SIGTERM: the first is handed to the children, which mark their results as interrupted and end; nothing new
 * starts, and pool_run gives the signal. A second one kills them. Children have process groups of their own, so that
 * Ctrl-C in a terminal reaches them once, by way of their parent; they die with it (PR_SET_PDEATHSIG), kill -9 too.
 *
 * Ownership: the job's strings are the caller's until done was called for it.
 */
#ifndef STUDY_POOL_H
#define STUDY_POOL_H

#include <stdbool.h>
#include <stdint.h>

enum { POOL_WORKERS_MAX = 256 };

struct pool_job {
    int64_t id;        /* the caller's */
    char *const *argv; /* argv[0] is the name it goes by; ends with NULL */
    const char *log;   /* file that takes its standard output and error, replaced; NULL: they are dropped */
};

struct pool_end {
    int64_t id;
    int exit_code; /* 128 + signal where it was killed by one */
    double wall_s;
};

struct pool {
    int workers;                                         /* 0: one a core */
    bool (*next)(void *ctx, struct pool_job *out);       /* false: none for now; asked again after each done */
    void (*done)(void *ctx, const struct pool_end *end); /* NULL: nothing to do */
    void (*tick)(void *ctx, int running);                /* four times a second, for progress; NULL: none */
    void *ctx;
};

/* Runs until next has none and none runs. Gives 0, or the signal that cut it short. A job for which the system has no
 * process ends with exit code EXIT_CODE_IO. */
int pool_run(const struct pool *p);

/* What an exit code of pool_end means, in a few words: "killed by signal 9", "exit code 2". */
const char *pool_why(int exit_code, char *out, int size);

/* Seconds of a clock that only goes forward. */
double pool_clock_s(void);

#endif
