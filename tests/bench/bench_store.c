/*
 * bench_store.c - how many rows a second the results file takes, everything included: open, commits, indices,
 * last sync, rename. Synthetic units with the mix of the model at 10 req/s a replica: for a request 10 steps,
 * 6 events (arrive, route, admit, prefill, first_token, finish) and its own row, with some in flight at each commit.
 *
 *   bench_store [requests] [--index]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <sqlite3.h>

#include "base/bug.h"
#include "store/store.h"

enum { IN_FLIGHT = 60 };

static double now_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void *put(struct trace_unit *u, enum ev_kind k)
{
    if (u->n[k] == u->cap[k]) {
        u->cap[k] = u->cap[k] ? 2 * u->cap[k] : 4096;
        u->rec[k] = mem_realloc(u->rec[k], u->cap[k] * (size_t)ev_info[k].n_fields * sizeof(int64_t));
    }
    u->total++;
    return u->rec[k] + (size_t)u->n[k]++ * (size_t)ev_info[k].n_fields;
}

static void put_request(struct trace_unit *u, int64_t id, int64_t t, bool done)
{
    *(struct ev_request *)put(u, EV_REQUEST) =
        (struct ev_request){.id = id,
                            .replica = id & 3,
                            .input_tokens = 512,
                            .output_tokens = 512,
                            .generated_tokens = done ? 512 : 100,
                            .t_arrive_ns = t,
                            .t_admit_ns = t + 1234567,
                            .t_first_ns = t + 31234567,
                            .t_end_ns = done ? t + 6131234567 : -1,
                            .status = done ? REQUEST_COMPLETED : REQUEST_RUNNING};
}

static void put_life(struct trace_unit *u, int64_t id, int64_t t)
{
    int64_t r = id & 3, s = t;

    for (int i = 0; i < 10; i++, s += 9876543)
        *(struct ev_step *)put(u, EV_STEP) = (struct ev_step){.replica = r,
                                                              .t_start_ns = s,
                                                              .t_end_ns = s + 9876543,
                                                              .gap_ns = 9876543,
                                                              .n_decode = 60,
                                                              .n_prefill = i == 0,
                                                              .prefill_tokens = i ? 0 : 512,
                                                              .ctx_tokens = 60 * 768 + i,
                                                              .tokens_out = 60,
                                                              .kv_blocks = 60 * 48,
                                                              .n_running = 60};
    *(struct ev_arrive *)put(u, EV_ARRIVE) = (struct ev_arrive){id, t, 0, 512, 512};
    *(struct ev_route *)put(u, EV_ROUTE) = (struct ev_route){id, t, r, 60};
    *(struct ev_admit *)put(u, EV_ADMIT) = (struct ev_admit){id, t + 1234567, r, 512, 60};
    *(struct ev_prefill *)put(u, EV_PREFILL) = (struct ev_prefill){id, t + 1234567, t + 31234567, r, 512, 0};
    *(struct ev_first_token *)put(u, EV_FIRST_TOKEN) = (struct ev_first_token){id, t + 31234567, r};
    *(struct ev_finish *)put(u, EV_FINISH) = (struct ev_finish){id, t + 6131234567, r, REQUEST_COMPLETED};
}

static int build_indices(const char *path)
{
    static const char *const tables[] = {"arrive", "route", "admit", "prefill", "first_token", "finish"};
    sqlite3 *db;
    char sql[128];
    int rc = sqlite3_open(path, &db);

    for (size_t i = 0; !rc && i < sizeof tables / sizeof tables[0]; i++) {
        snprintf(sql, sizeof sql, "CREATE INDEX %s_request ON %s(request)", tables[i], tables[i]);
        rc = sqlite3_exec(db, sql, NULL, NULL, NULL);
    }
    sqlite3_close(db);
    return rc;
}

int main(int argc, char **argv)
{
    const char *path = "bench_store.tmp.db";
    int64_t requests = argc > 1 ? atoll(argv[1]) : 100000, done = 0;
    bool index = argc > 2 && strcmp(argv[2], "--index") == 0;
    struct store_class class = {.name = "chat", .weight = 1};
    struct store_pool pool = {
        .name = "all", .role = "both", .n_replicas = 4, .gpus = 1, .kv_blocks = 10000, .kv_block_tokens = 16};
    struct store_config c = {.path = path,
                             .force = true,
                             .level = LOG_ALL,
                             .scenario_path = "bench",
                             .scenario_text = "",
                             .resolved = "",
                             .version = "bench",
                             .classes = &class,
                             .n_classes = 1,
                             .pools = &pool,
                             .n_pools = 1};
    struct store_end end = {.status = "complete"};
    struct trace_unit u = {0};
    struct store *s;
    struct err e = {0};
    struct rusage usage;
    struct stat st;
    double start = now_s(), sink_s = 0;
    uint64_t rows = 0;

    if (store_open(&s, &c, &e))
        goto failed;
    for (int64_t id = 0; id < requests; id++) {
        put_life(&u, id, id * 25000000);
        if (id >= IN_FLIGHT)
            put_request(&u, done++, (id - IN_FLIGHT) * 25000000, true);
        if (u.total < TRACE_UNIT_RECORDS && id + 1 < requests)
            continue;
        for (int64_t r = done; r <= id; r++)
            put_request(&u, r, r * 25000000, id + 1 == requests);
        double t = now_s();
        if (store_sink(s)->ops->consume(store_sink(s), &u, &e))
            goto failed;
        sink_s += now_s() - t;
        rows += u.total;
        memset(u.n, 0, sizeof u.n);
        u.total = 0;
    }
    if (store_close(s, &end, &e))
        goto failed;
    if (index && build_indices(path))
        return EXIT_FAILURE;
    double all_s = now_s() - start;
    getrusage(RUSAGE_SELF, &usage);
    stat(path, &st);
    printf("store: %llu rows, %.2f M rows/s in the sink, %.2f M rows/s from open to rename%s, %.1f bytes/row, peak RSS "
           "%ld MB\n",
           (unsigned long long)rows, 1e-6 * (double)rows / sink_s, 1e-6 * (double)rows / all_s,
           index ? " with six indices" : "", (double)st.st_size / (double)rows, usage.ru_maxrss / 1024);
    unlink(path);
    return EXIT_SUCCESS;
failed:
    fprintf(stderr, "%s\n", e.msg);
    return EXIT_FAILURE;
}
