#include "workload/workload.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/bug.h"
#include "base/rng.h"
#include "workload/trace_azure.h"

struct workload {
    const struct scenario *sc; /* not owned */
    struct trace_azure *trace; /* NULL unless arrivals replay one */
    struct rng gaps, class_choice;
    struct rng *input, *output; /* [n_classes] */
    double total_weight;
    int64_t given; /* items so far */
    int64_t t_ns;  /* open loop: of the last arrival */
    double carry;  /* open loop: the fraction of a ns left over, [0, 1) */
};

enum { LENGTH_CAP = 2147483647 }; /* a lognormal may give anything; sums of lengths must stay within int64 */

struct workload *workload_new(const struct scenario *sc, struct err *e)
{
    struct trace_azure *trace = NULL;

    sim_assert(sc->n_classes >= 1);
    if (sc->arrival->kind == ARRIVAL_TRACE) {
        trace = trace_azure_open(sc->workload.trace, e);
        if (trace == NULL)
            return NULL;
    }
    struct workload *w = mem_zalloc(1, sizeof *w);
    uint64_t seed = (uint64_t)sc->run.seed, replication = (uint64_t)sc->run.replication;
    w->sc = sc;
    w->trace = trace;
    rng_init(&w->gaps, seed, replication, 0, sc->arrival->kind == ARRIVAL_CLOSED ? RNG_THINK : RNG_ARRIVAL);
    rng_init(&w->class_choice, seed, replication, 0, RNG_CLASS);
    w->input = mem_zalloc((size_t)sc->n_classes, sizeof *w->input);
    w->output = mem_zalloc((size_t)sc->n_classes, sizeof *w->output);
    for (int64_t c = 0; c < sc->n_classes; c++) {
        rng_init(&w->input[c], seed, replication, (uint64_t)c, RNG_INPUT);
        rng_init(&w->output[c], seed, replication, (uint64_t)c, RNG_OUTPUT);
        w->total_weight += sc->classes[c].weight;
    }
    return w;
}

void workload_free(struct workload *w)
{
    if (w == NULL)
        return;
    trace_azure_close(w->trace);
    free(w->input);
    free(w->output);
    free(w);
}

int64_t workload_concurrency(const struct workload *w)
{
    return w->sc->arrival->kind == ARRIVAL_CLOSED ? w->sc->arrival->concurrency(w->sc->arrival_options) : 0;
}

uint64_t workload_digest(const struct workload *w)
{
    uint64_t h = rng_hash(w->gaps.digest, w->gaps.draws);

    h = rng_hash(rng_hash(h, w->class_choice.digest), w->class_choice.draws);
    for (int64_t c = 0; c < w->sc->n_classes; c++) {
        h = rng_hash(rng_hash(h, w->input[c].digest), w->input[c].draws);
        h = rng_hash(rng_hash(h, w->output[c].digest), w->output[c].draws);
    }
    return h;
}

static int64_t choose_class(struct workload *w)
{
    const struct scenario *sc = w->sc;
    int64_t c = 0;

    if (sc->n_classes == 1)
        return 0;
    double u = rng_u01(&w->class_choice) * w->total_weight;
    int64_t last = 0; /* rounding may leave u past the last weight; a class of weight 0 is never chosen */
    for (; c < sc->n_classes; c++) {
        if (sc->classes[c].weight > 0)
            last = c;
        if (u < sc->classes[c].weight)
            break;
        u -= sc->classes[c].weight;
    }
    if (c == sc->n_classes)
        c = last;
    rng_mix_u64(&w->class_choice, (uint64_t)c);
    return c;
}

static int64_t draw_length(const struct length_choice *choice, struct rng *r, int64_t from_trace, int64_t min,
                           int64_t max)
{
    int64_t tokens = from_trace;

    if (choice->ops->draw) {
        double x = choice->ops->draw(choice->options, r);
        tokens = x < LENGTH_CAP ? (int64_t)(x + 0.5) : LENGTH_CAP;
    }
    if (tokens < 1)
        tokens = 1;
    if (tokens < min)
        tokens = min;
    if (max > 0 && tokens > max)
        tokens = max;
    return tokens;
}

/* row: NULL, or the trace line. */
static int give(struct workload *w, int64_t t_ns, const struct trace_row *row, struct work_item *item)
{
    item->t_ns = t_ns;
    item->class_id = choose_class(w);
    const struct class_options *c = &w->sc->classes[item->class_id];
    sim_assert(row || (c->input.ops->draw && c->output.ops->draw));
    item->input_tokens =
        draw_length(&c->input, &w->input[item->class_id], row ? row->input_tokens : 0, c->input_min, c->input_max);
    item->output_tokens =
        draw_length(&c->output, &w->output[item->class_id], row ? row->output_tokens : 0, c->output_min, c->output_max);
    w->given++;
    return 1;
}

/* Adds s seconds to *t_ns, to the ns below, and leaves the rest in *carry. False where the clock would end. */
static bool advance(int64_t *t_ns, double *carry, double s)
{
    double ns = s * 1e9 + *carry;

    if (!(ns < (double)(INT64_MAX - *t_ns)))
        return false;
    int64_t whole = (int64_t)ns;
    *carry = ns - (double)whole;
    *t_ns += whole;
    return true;
}

static int next_open(struct workload *w, struct work_item *item)
{
    double gap = w->sc->arrival->gap_s(w->sc->arrival_options, &w->gaps);

    if (!advance(&w->t_ns, &w->carry, gap))
        return 0;
    return give(w, w->t_ns, NULL, item);
}

static int next_closed(struct workload *w, int64_t now_ns, struct work_item *item)
{
    int64_t t_ns = now_ns;
    double half = 0.5; /* rounds to nearest: a think time has no neighbour to carry to */

    if (w->given < workload_concurrency(w))
        return give(w, 0, NULL, item);
    if (!advance(&t_ns, &half, w->sc->arrival->gap_s(w->sc->arrival_options, &w->gaps)))
        return 0;
    return give(w, t_ns, NULL, item);
}

static int next_row(struct workload *w, struct work_item *item, struct err *e)
{
    const struct workload_options *o = &w->sc->workload;
    struct trace_row row;
    int got;

    do
        got = trace_azure_next(w->trace, &row, e);
    while (got == 1 && row.t_ns < o->trace_from_ns);
    if (got < 0)
        return -1;
    if (got == 0 || (o->trace_to_ns > 0 && row.t_ns >= o->trace_to_ns)) {
        if (w->given == 0)
            return err_set(e, EXIT_CODE_FAILED,
                           "%s: no row is in the slice (workload.trace_from and trace_to, in time since the first row)",
                           o->trace);
        return 0;
    }
    rng_mix_u64(&w->gaps, (uint64_t)row.t_ns);
    rng_mix_u64(&w->gaps, (uint64_t)row.input_tokens);
    rng_mix_u64(&w->gaps, (uint64_t)row.output_tokens);
    int64_t t_ns = row.t_ns - o->trace_from_ns;
    if (o->trace_speed != 1) {
        double slowed = (double)t_ns / o->trace_speed + 0.5;
        if (!(slowed < (double)INT64_MAX))
            return err_set(e, EXIT_CODE_FAILED,
                           "%s: at trace_speed = %g the row of %.7f s comes after the clock ends, at %.4g s (raise "
                           "workload.trace_speed, or end the slice before with trace_to)",
                           o->trace, o->trace_speed, (double)row.t_ns * 1e-9, (double)INT64_MAX * 1e-9);
        t_ns = (int64_t)slowed;
    }
    return give(w, t_ns, &row, item);
}

int workload_next(struct workload *w, int64_t now_ns, struct work_item *item, struct err *e)
{
    if (w->sc->workload.requests > 0 && w->given >= w->sc->workload.requests)
        return 0;
    switch (w->sc->arrival->kind) {
    case ARRIVAL_OPEN:
        return next_open(w, item);
    case ARRIVAL_CLOSED:
        return next_closed(w, now_ns, item);
    case ARRIVAL_TRACE:
        return next_row(w, item, e);
    }
    sim_assert(!"arrival kind");
    return -1;
}
