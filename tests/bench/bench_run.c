/*
 * bench_run.c - the whole program against the clock, with the full log and without, each five times; medians. Time is
 * from exec to exit, so it has the rename and indices in it. The cases:
 *
 *   equal     scenarios/bench-100k.ini on 1, 4 and 32 replicas: what a step and a request cost
 *   wide      the same on 10 and on 10,000 replicas, with the log of requests alone, once: what many replicas cost. Each
 *             of 10,000 gets 100 requests, of 10 it gets 10,000: so batches fill and drain for more of the steps
 *   1m        scenarios/bench-1m.ini: contexts of a million tokens that move between three memories
 *             and the same with blocks of 16 tokens, of which a context has 62,000
 *   agents    scenarios/bench-agents.ini, 50,000 sessions, a million requests, and a tenth of it, once: what a call of an agent
 *             costs, and that memory does not grow with the sessions
 *   mooncake  scenarios/mooncake-8x3.ini: a production trace on eight replicas with three memories; left out, and said
 *             so, where the trace is not there
 *
 * "log x": wall time with the full log over that without. Nothing is asserted of times.
 *
 * Usage: bench_run TIERSIM SCENARIOS TRACE [RUNS]: SCENARIOS is the folder, TRACE Mooncake's conversation trace. Writes
 * its databases in the current folder and removes them.
 */
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <sqlite3.h>

enum { RUNS_MAX = 99, SETS_MAX = 3 };

static const char db_path[] = "bench-run.db";

struct bench_case {
    const char *name, *scenario;
    const char *set[SETS_MAX]; /* NULL: no more */
    bool wants_trace;
    bool wide; /* with the log of requests alone, and once */
    bool once;
};

static const struct bench_case cases[] = {
    {"equal, 1", "bench-100k.ini", {"replica.count=1", "workload.rate=10/s"}, false, false, false},
    {"equal, 4", "bench-100k.ini", {NULL}, false, false, false},
    {"equal, 32", "bench-100k.ini", {"replica.count=32", "workload.rate=320/s"}, false, false, false},
    {"wide, 10", "bench-100k.ini", {"replica.count=10", "workload.rate=100/s"}, false, true, false},
    {"wide, 10k",
     "bench-100k.ini",
     {"replica.count=10000", "workload.rate=100000/s", "workload.requests=1000000"},
     false,
     true,
     false},
    {"1m", "bench-1m.ini", {NULL}, false, false, false},
    {"1m, 16", "bench-1m.ini", {"cache.block_tokens=16"}, false, false, false},
    {"agents,5k", "bench-agents.ini", {"workload.requests=5000"}, false, false, true},
    {"agents", "bench-agents.ini", {NULL}, false, false, true},
    {"mooncake", "mooncake-8x3.ini", {NULL}, true, false, false},
};

static double now_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

struct sample {
    double wall_s, cpu_s, rss_mb; /* cpu: of all threads; rss: peak */
};

static double seconds(struct timeval t)
{
    return (double)t.tv_sec + (double)t.tv_usec * 1e-6;
}

/* Exits where the program fails. */
static struct sample run_once(char *const argv[])
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
    return (struct sample){now_s() - start, seconds(usage.ru_utime) + seconds(usage.ru_stime),
                           (double)usage.ru_maxrss / 1024};
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

/* Of all tables. */
static double rows(sqlite3 *db)
{
    sqlite3_stmt *tables;
    double n = 0;

    if (sqlite3_prepare_v2(db, "SELECT name FROM sqlite_schema WHERE type = 'table'", -1, &tables, NULL) != SQLITE_OK)
        exit(EXIT_FAILURE);
    while (sqlite3_step(tables) == SQLITE_ROW) {
        char sql[128];
        snprintf(sql, sizeof sql, "SELECT count(*) FROM \"%s\"", (const char *)sqlite3_column_text(tables, 0));
        n += query(db, sql);
    }
    sqlite3_finalize(tables);
    return n;
}

static int by_wall(const void *a, const void *b)
{
    const struct sample *x = a, *y = b;

    return (x->wall_s > y->wall_s) - (x->wall_s < y->wall_s);
}

/* The one of median wall time. */
static struct sample time_runs(char *const argv[], int runs)
{
    struct sample s[RUNS_MAX];

    for (int i = 0; i < runs; i++)
        s[i] = run_once(argv);
    qsort(s, (size_t)runs, sizeof *s, by_wall);
    return s[runs / 2];
}

/* One line; gives the median. without_log_s: of the run without; 0: this is it, or there is none. */
static double bench(char *const argv[], const struct bench_case *c, const char *log, double without_log_s, int runs)
{
    struct sample s = time_runs(argv, runs);
    sqlite3 *db;

    if (sqlite3_open(db_path, &db) != SQLITE_OK)
        exit(EXIT_FAILURE);
    double done = metric(db, "completed"), steps = metric(db, "steps");
    printf("%-9s  %-7s  %6.2f  %6.2f  %10.0f  %9.2f  %9.2f  %8.0f  %7.1f  %8.2f  %6.1f  %6.0f", c->name,
           log, s.wall_s, s.cpu_s, done / s.wall_s,
           query(db, "SELECT events FROM run") / s.wall_s * 1e-6, steps / s.wall_s * 1e-6, rows(db), steps / done,
           metric(db, "mean_tpot_ms"), metric(db, "mean_batch"), s.rss_mb);
    if (without_log_s > 0)
        printf("  %5.2f", s.wall_s / without_log_s);
    putchar('\n');
    fflush(stdout);
    sqlite3_close(db);
    unlink(db_path);
    return s.wall_s;
}

static void bench_case(const char *tiersim, const char *scenarios, const char *trace, const struct bench_case *c,
                       int runs_asked)
{
    int runs = c->once ? 1 : runs_asked;
    char scenario[PATH_MAX], set_trace[PATH_MAX + 32];
    char *argv[32] = {(char *)tiersim, "run", scenario, "-o", (char *)db_path, "--force", "--quiet"};
    int n = 7;

    snprintf(scenario, sizeof scenario, "%s/%s", scenarios, c->scenario);
    for (int i = 0; i < SETS_MAX && c->set[i]; i++) {
        argv[n++] = "-s";
        argv[n++] = (char *)c->set[i];
    }
    if (c->wants_trace) {
        snprintf(set_trace, sizeof set_trace, "workload.trace=%s", trace);
        argv[n++] = "-s";
        argv[n++] = set_trace;
    }
    argv[n++] = "-s";
    if (c->wide) {
        argv[n] = "run.log=request";
        bench(argv, c, "request", 0, 1);
        return;
    }
    argv[n] = "run.log=summary";
    double without_log_s = bench(argv, c, "summary", 0, runs);
    argv[n] = "run.log=all";
    bench(argv, c, "all", without_log_s, runs);
}

int main(int argc, char **argv)
{
    int runs = argc > 4 ? atoi(argv[4]) : 5;
    char trace[PATH_MAX];

    if (argc < 4 || runs < 1 || runs > RUNS_MAX) {
        fprintf(stderr, "usage: bench_run TIERSIM SCENARIOS TRACE [RUNS]\n");
        return EXIT_FAILURE;
    }
    bool there = realpath(argv[3], trace) && access(trace, R_OK) == 0;
    puts("case       log      wall s   CPU s  requests/s  M event/s  M steps/s      rows  steps/r  TPOT, ms   batch  "
         "RSS MB  log x");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (!cases[i].wants_trace || there)
            bench_case(argv[1], argv[2], trace, &cases[i], runs);
        else
            printf("%-9s  left out: the trace %s is not there\n", cases[i].name, argv[3]);
    return EXIT_SUCCESS;
}
