#include "study/predict.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/bug.h"
#include "model/world.h"
#include "trace/trace.h"

enum { CHUNK_EVENTS = 1 << 16, UNIT_RECORDS = 2048, WORKERS_MAX = 256 };

/* ---- one case ---- */

bool predict_prepare(struct predict_case *c, const char *name, const char *text, char *const *sets, size_t n_sets)
{
    struct diags d;

    diags_init(&d);
    c->ready = scenario_load_text(&c->sc, name, text, sets, n_sets, &d);
    snprintf(c->why_not, sizeof c->why_not, "%s", c->ready ? "" : d.at[0].text);
    diags_free(&d);
    return c->ready;
}

void predict_release(struct predict_case *c)
{
    scenario_free(&c->sc);
    c->ready = false;
}

/* A sink that keeps what the means need. */
struct means {
    struct sink sink;
    double ttft_ns, tpot_ns; /* sums */
    int64_t n_tpot;
    int64_t completed, preemptions;
};

static int consume(struct sink *s, const struct trace_unit *u, struct err *e)
{
    struct means *m = (struct means *)s;
    const struct ev_request *r = (const struct ev_request *)u->rec[EV_REQUEST];

    (void)e;
    for (uint32_t i = 0; i < u->n[EV_REQUEST]; i++, r++) {
        if (r->status != REQUEST_COMPLETED)
            continue;
        m->completed++;
        m->preemptions += r->preemptions;
        m->ttft_ns += (double)(r->t_first_ns - r->t_arrive_ns);
        if (r->output_tokens > 1) {
            m->tpot_ns += (double)(r->t_end_ns - r->t_first_ns) / (double)(r->output_tokens - 1);
            m->n_tpot++;
        }
    }
    return 0;
}

static const struct sink_ops means_ops = {"means", consume};

/* NaN where n is 0. */
static double mean_ms(double sum_ns, int64_t n)
{
    return n ? sum_ns / (double)n * 1e-6 : NAN;
}

static void simulate(const struct scenario *sc, struct workload *load, struct sink *sink, struct predict_result *out,
                     struct err *e)
{
    struct means means = {.sink.ops = &means_ops};
    struct world_count counts[WORLD_COUNTS_MAX];
    struct trace trace;
    int more = 1;

    trace_init(&trace, UNIT_RECORDS);
    trace_add_sink(&trace, &means.sink);
    if (sink)
        trace_add_sink(&trace, sink);
    trace_start(&trace);
    struct world *world = world_new(sc, load, &trace);
    while (more > 0 && world_events(world) < PREDICT_EVENTS_MAX)
        more = world_run(world, CHUNK_EVENTS, e);
    if (trace_finish(&trace, e) == 0 && more > 0)
        err_set(e, EXIT_CODE_FAILED, "the run did not end within %" PRId64 " events", PREDICT_EVENTS_MAX);
    world_finish(world, counts);
    out->ttft_ms = mean_ms(means.ttft_ns, means.completed);
    out->tpot_ms = mean_ms(means.tpot_ns, means.n_tpot);
    out->completed = means.completed;
    out->preemptions = means.preemptions;
    out->rejected = world_unfit(world);
    out->t_end_s = (double)world_now(world) * 1e-9;
    if (means.completed == 0)
        err_set(e, EXIT_CODE_FAILED,
                "no request was completed (%" PRId64 " rejected: too long for the model or the "
                "KV cache)",
                out->rejected);
    world_free(world);
    trace_free(&trace);
}

static double wall_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void fail(struct predict_result *r, const char *why)
{
    r->ok = false;
    r->ttft_ms = r->tpot_ms = NAN;
    snprintf(r->why_not, sizeof r->why_not, "%s", why);
}

void predict_watch(const struct predict_case *c, const struct engine_options *engine, struct sink *sink,
                   struct predict_result *out)
{
    struct scenario sc = c->sc; /* shallow: the arena stays the case's */
    struct err e = {0};
    double start = wall_s();

    *out = (struct predict_result){.ok = true};
    if (!c->ready) {
        fail(out, c->why_not);
        return;
    }
    struct pool_options pool = sc.pools ? *sc.pools : (struct pool_options){.as = NULL};
    if (sc.n_pools == 1) { /* the scenario itself (rows have no pools, or two): this copy now */
        pool.as = &sc;
        sc.pools = &pool;
    }
    if (engine)
        sc.layout.engine = *engine;
    bug_context.seed = (uint64_t)sc.run.seed;
    struct workload *load = workload_new(&sc, &e);
    if (load)
        simulate(&sc, load, sink, out, &e);
    workload_free(load);
    if (e.code)
        fail(out, e.msg);
    out->wall_s = wall_s() - start;
}

void predict_simulate(const struct predict_case *c, const struct engine_options *engine, struct predict_result *out)
{
    predict_watch(c, engine, NULL, out);
}

/* ---- all ---- */

struct shared { /* between the processes */
    atomic_llong next;
    atomic_llong running[WORKERS_MAX]; /* the case each is at; -1: none */
    struct predict_result results[];
};

struct pool {
    const struct predict_case *cases;
    int64_t n;
    const struct engine_options *const *engines;
    struct shared *shared;
    pid_t pids[WORKERS_MAX]; /* 0: ended */
};

static void work(const struct pool *p, int worker, pid_t parent)
{
    struct shared *s = p->shared;
    int64_t i;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    while (getppid() == parent && (i = atomic_fetch_add(&s->next, 1)) < p->n) {
        atomic_store(&s->running[worker], i);
        predict_simulate(&p->cases[i], p->engines ? p->engines[i] : NULL, &s->results[i]);
        atomic_store(&s->running[worker], -1);
    }
}

/* Where the system gives no process, the work is done here. */
static void start(struct pool *p, int worker)
{
    pid_t parent = getpid(), pid;

    atomic_store(&p->shared->running[worker], -1);
    fflush(NULL); /* or a worker would print it again */
    pid = fork();
    if (pid == 0) {
        work(p, worker, parent);
        _exit(0);
    }
    p->pids[worker] = pid > 0 ? pid : 0;
    if (pid < 0 && worker == 0)
        while (atomic_load(&p->shared->next) < p->n) {
            int64_t i = atomic_fetch_add(&p->shared->next, 1);
            predict_simulate(&p->cases[i], p->engines ? p->engines[i] : NULL, &p->shared->results[i]);
        }
}

/* A worker ended. What it was at when it died has failed; another goes on with the rest. */
static void reap(struct pool *p, int worker, int status)
{
    int64_t at = atomic_load(&p->shared->running[worker]);
    bool killed = WIFSIGNALED(status);
    char why[64];

    p->pids[worker] = 0;
    if (at < 0)
        return;
    snprintf(why, sizeof why, "the simulation died (%s %d)", killed ? "signal" : "exit code",
             killed ? WTERMSIG(status) : WEXITSTATUS(status));
    fail(&p->shared->results[at], why);
    if (atomic_load(&p->shared->next) < p->n)
        start(p, worker);
}

static void wait_all(struct pool *p, int workers)
{
    for (int w = 0; w < workers; w++)
        while (p->pids[w]) {
            int status;
            pid_t pid = waitpid(p->pids[w], &status, 0);
            sim_assert(pid > 0 || errno == EINTR);
            if (pid > 0)
                reap(p, w, status);
        }
}

static int workers_for(int64_t n, int wanted)
{
    int64_t w = wanted > 0 ? wanted : sysconf(_SC_NPROCESSORS_ONLN);

    w = w > n ? n : w;
    return (int)(w < 1 ? 1 : w > WORKERS_MAX ? WORKERS_MAX : w);
}

void predict_all(const struct predict_case *cases, int64_t n, const struct engine_options *const *engines, int workers,
                 struct predict_result *results)
{
    struct pool p = {.cases = cases, .n = n, .engines = engines};
    size_t bytes = sizeof *p.shared + (size_t)n * sizeof *results;

    p.shared = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    sim_assert(p.shared != MAP_FAILED);
    workers = workers_for(n, workers);
    for (int w = 0; w < workers; w++)
        start(&p, w);
    wait_all(&p, workers);
    memcpy(results, p.shared->results, (size_t)n * sizeof *results);
    munmap(p.shared, bytes);
}
