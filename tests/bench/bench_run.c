/*
 * bench_run.c - the whole program against the clock: scenarios/bench-100k.ini on 1, 4 and 32 replicas, with the
 * full log and without, each five times; medians. Time is from exec to exit, so it has the rename and indices in it.
 *
 * Usage: bench_run TIERSIM SCENARIO [RUNS]. Writes its databases in the current folder and removes them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <sqlite3.h>

enum { RUNS_MAX = 99 };

static const char db_path[] = "bench-run.db";

static double now_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* Wall seconds; peak RSS in MB. Exits where the program fails. */
static double run_once(char *const argv[], double *rss_mb)
{
    struct rusage usage;
    int status;
    double start = now_s();
    pid_t pid = fork();

    if (pid == 0) {
        execv(argv[0], argv);
        _exit(127);
    }
    if (pid < 0 || wait4(pid, &status, 0, &usage) < 0 || !WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        fprintf(stderr, "bench_run: %s failed\n", argv[0]);
        exit(EXIT_FAILURE);
    }
    *rss_mb = (double)usage.ru_maxrss / 1024;
    return now_s() - start;
}

static double query(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *st;
    double value = 0;

    if (sqlite3_prepare_v2(db, sql, -1, &st, NULL) != SQLITE_OK) {
        fprintf(stderr, "bench_run: %s: %s\n", sql, sqlite3_errmsg(db));
        exit(EXIT_FAILURE);
    }
    if (sqlite3_step(st) == SQLITE_ROW)
        value = sqlite3_column_double(st, 0);
    sqlite3_finalize(st);
    return value;
}

static double metric(sqlite3 *db, const char *name)
{
    char sql[128];

    snprintf(sql, sizeof sql, "SELECT value FROM metric WHERE class IS NULL AND name = '%s'", name);
    return query(db, sql);
}

static double rows(sqlite3 *db)
{
    static const char *const tables[] = {"request", "step",        "arrive",  "route",  "admit",
                                         "prefill", "first_token", "preempt", "resume", "finish"};
    char sql[64];
    double n = 0;

    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
        snprintf(sql, sizeof sql, "SELECT count(*) FROM %s", tables[i]);
        n += query(db, sql);
    }
    return n;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void bench(const char *tiersim, const char *scenario, int replicas, const char *level, int runs)
{
    char count[64], rate[64], log[64];
    double wall[RUNS_MAX], rss = 0, most = 0;
    sqlite3 *db;

    snprintf(count, sizeof count, "replica.count=%d", replicas);
    snprintf(rate, sizeof rate, "workload.rate=%d/s", 10 * replicas);
    snprintf(log, sizeof log, "run.log=%s", level);
    char *const argv[] = {(char *)tiersim,
                          "run",
                          (char *)scenario,
                          "-o",
                          (char *)db_path,
                          "--force",
                          "--quiet",
                          "-s",
                          count,
                          "-s",
                          rate,
                          "-s",
                          log,
                          NULL};
    for (int i = 0; i < runs; i++) {
        wall[i] = run_once(argv, &rss);
        most = rss > most ? rss : most;
    }
    qsort(wall, (size_t)runs, sizeof *wall, ascending);
    double t = wall[runs / 2];
    if (sqlite3_open(db_path, &db) != SQLITE_OK)
        exit(EXIT_FAILURE);
    double done = metric(db, "completed"), steps = metric(db, "steps");
    printf("%8d  %-7s  %10.0f  %6.2f  %9.2f  %9.0f  %10.2f  %7.2f  %6.1f  %6.0f\n", replicas, level, done / t, t,
           query(db, "SELECT events FROM run") / t * 1e-6, rows(db), steps / done, metric(db, "mean_tpot_ms"),
           metric(db, "mean_batch"), most);
    fflush(stdout);
    sqlite3_close(db);
    unlink(db_path);
}

int main(int argc, char **argv)
{
    static const int replicas[] = {1, 4, 32};
    static const char *const levels[] = {"all", "summary"};
    int runs = argc > 3 ? atoi(argv[3]) : 5;

    if (argc < 3 || runs < 1 || runs > RUNS_MAX) {
        fprintf(stderr, "usage: bench_run TIERSIM SCENARIO [RUNS]\n");
        return EXIT_FAILURE;
    }
    printf("replicas  log      requests/s  wall s  M events/s     rows  steps/req.  TPOT ms  batch  RSS MB\n");
    for (size_t l = 0; l < 2; l++)
        for (size_t i = 0; i < 3; i++)
            bench(argv[1], argv[2], replicas[i], levels[l], runs);
    return EXIT_SUCCESS;
}
