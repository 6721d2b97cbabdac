#include "study/warmup.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/bug.h"
#include "model/world.h"
#include "study/mser.h"
#include "trace/trace.h"

enum { CHUNK_EVENTS = 1 << 14, LATENCIES_BEFORE_END = 3 };

enum { TTFT, TPOT, E2EL, SERIES };
static const char *const series_names[SERIES] = {"the time to first token", "the time per output token",
                                                 "the end-to-end latency"};

struct call {
    int64_t id, t_arrive_ns, t_first_ns, t_end_ns, output_tokens;
};

struct watch {
    struct sink sink;
    struct call *calls;
    size_t n, cap;
    int64_t t_last_ns; /* the last arrival from outside */
};

static int consume(struct sink *s, const struct trace_unit *u, struct err *e)
{
    struct watch *w = (struct watch *)s;
    const struct ev_request *r = (const struct ev_request *)u->rec[EV_REQUEST];

    (void)e;
    for (uint32_t i = 0; i < u->n[EV_REQUEST]; i++, r++) {
        if (r->turn == 0 && r->t_arrive_ns > w->t_last_ns)
            w->t_last_ns = r->t_arrive_ns;
        if (r->status != REQUEST_COMPLETED)
            continue;
        if (w->n == w->cap) {
            w->cap = w->cap ? 2 * w->cap : 1024;
            w->calls = mem_realloc(w->calls, w->cap * sizeof *w->calls);
        }
        w->calls[w->n++] = (struct call){r->id, r->t_arrive_ns, r->t_first_ns, r->t_end_ns, r->output_tokens};
    }
    return 0;
}

static const struct sink_ops watch_ops = {"warm-up", consume};

static int by_arrival(const void *x, const void *y)
{
    const struct call *a = x, *b = y;
    int64_t p = a->t_arrive_ns, q = b->t_arrive_ns;

    return p != q ? (p > q) - (p < q) : (a->id > b->id) - (a->id < b->id);
}

static double value_of(const struct call *c, int series)
{
    return series == TTFT   ? (double)(c->t_first_ns - c->t_arrive_ns)
           : series == E2EL ? (double)(c->t_end_ns - c->t_arrive_ns)
                            : (double)(c->t_end_ns - c->t_first_ns) / (double)(c->output_tokens - 1);
}

/* Leaves out the calls at the end, where the run is not what it was. */
static void drop_end(struct watch *w, int64_t t_end_ns)
{
    double sum_ns = 0, limit_ns = (double)(t_end_ns < w->t_last_ns ? t_end_ns : w->t_last_ns);

    for (size_t i = 0; i < w->n; i++)
        sum_ns += value_of(&w->calls[i], E2EL);
    if (w->n > 0)
        limit_ns -= LATENCIES_BEFORE_END * sum_ns / (double)w->n;
    while (w->n > 0 && (double)w->calls[w->n - 1].t_arrive_ns > limit_ns)
        w->n--;
}

/* One series: moves *warmup_ns to the first call that it keeps. value and of are room for all calls. */
static int cut_series(const struct watch *w, int series, double *value, size_t *of, int64_t *warmup_ns, struct err *e)
{
    int64_t n = 0, cut;

    for (size_t i = 0; i < w->n; i++)
        if (series != TPOT || w->calls[i].output_tokens > 1) {
            of[n] = i;
            value[n++] = value_of(&w->calls[i], series);
        }
    if (n == 0 && w->n > 0) /* answers of one token have no TPOT */
        return 0;
    enum mser_verdict v = mser_cut(value, n, &cut);
    if (v == MSER_TOO_FEW)
        return err_set(e, EXIT_CODE_FAILED,
                       "warmup_by = mser5 needs %d completed calls before arrivals end, the run has %" PRId64
                       ": make it longer",
                       MSER_LEAST, n);
    int64_t t_ns = w->calls[of[cut]].t_arrive_ns;
    if (v == MSER_PAST_HALF)
        return err_set(e, EXIT_CODE_FAILED,
                       "warmup_by = mser5: %s is not steady before call %" PRId64 " of %" PRId64
                       " (%.3f s), which is past half of them: the run is too short, or has no steady state",
                       series_names[series], cut, n, (double)t_ns * 1e-9);
    if (cut > 0 && t_ns > *warmup_ns)
        *warmup_ns = t_ns;
    return 0;
}

static int cut_all(struct watch *w, int64_t t_end_ns, int64_t *warmup_ns, struct err *e)
{
    double *value = mem_zalloc(w->n + 1, sizeof *value);
    size_t *of = mem_zalloc(w->n + 1, sizeof *of);
    int rc = 0;

    if (w->n > 0)
        qsort(w->calls, w->n, sizeof *w->calls, by_arrival);
    drop_end(w, t_end_ns);
    *warmup_ns = 0;
    for (int s = 0; s < SERIES && rc == 0; s++)
        rc = cut_series(w, s, value, of, warmup_ns, e);
    free(value);
    free(of);
    return rc;
}

int warmup_find(const struct scenario *sc, const volatile sig_atomic_t *interrupted, int64_t *warmup_ns, struct err *e)
{
    struct watch watch = {.sink.ops = &watch_ops};
    struct world_count counts[WORLD_COUNTS_MAX];
    struct workload *load = workload_new(sc, e);
    struct trace trace;

    if (load == NULL)
        return -1;
    trace_init(&trace, TRACE_UNIT_RECORDS);
    trace_add_sink(&trace, &watch.sink);
    trace_start(&trace);
    struct world *world = world_new(sc, load, &trace);
    while (!*interrupted && world_run(world, CHUNK_EVENTS, e) > 0)
        ;
    int64_t t_end_ns = world_now(world);
    trace_finish(&trace, e);
    world_finish(world, counts);
    world_free(world);
    trace_free(&trace);
    workload_free(load);
    if (e->code == 0 && !*interrupted)
        cut_all(&watch, t_end_ns, warmup_ns, e);
    free(watch.calls);
    return e->code ? -1 : 0;
}
