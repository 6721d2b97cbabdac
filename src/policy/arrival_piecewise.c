/*
 * arrival_piecewise.c - a rate given at points in time: steps that hold until the next point, or straight lines between
 * them; once, or over and over.
 *
 *   steps    rates[i] from times[i] to times[i + 1]; the last one to the end of the period, or for ever
 *   linear   through (times[i], rates[i]); after the last point back to the first rate at the end of the period, or
 *            level for ever
 */
#include <math.h>

#include "policy/rate.h"

enum shape { SHAPE_STEPS, SHAPE_LINEAR };

static const char *const shapes[] = {"steps", "linear", NULL};

struct options {
    struct opt_list times, rates;
    int64_t period_ns; /* 0: once */
    int shape;         /* enum shape */
    struct gaps_options gaps;
};

struct state {
    struct rate_process process; /* first: next_piece is given it */
    const struct options *o;
    int at; /* the point that the piece began at */
};

static const struct opt rows[] = {
    {"times", OPT_LIST, UNIT_SECOND, offsetof(struct options, times), 0, 9e6, NULL, NULL,
     "points in time, rising from 0s, at which rates says the rate"},
    {"rates", OPT_LIST, UNIT_PER_S, offsetof(struct options, rates), 0, 1e9, NULL, NULL,
     "arrivals per second, over all replicas, at each of times"},
    {"shape", OPT_CHOICE, UNIT_NONE, offsetof(struct options, shape), OPT_NO_LIMITS, "steps", shapes,
     "whether the rate holds until the next point or goes there in a straight line"},
    {"period", OPT_TIME, UNIT_SECOND, offsetof(struct options, period_ns), 1e-3, 9e6, "", NULL,
     "after this time it begins anew; without it, the last rate holds for ever"},
    GAPS_ROWS(struct options, gaps),
};

static struct arrival_fault fault(const void *options)
{
    const struct options *o = options;
    const struct opt_list *t = &o->times;
    double most = 0;

    if (t->n != o->rates.n)
        return (struct arrival_fault){"rates", "needs as many values as times has"};
    if (t->x[0] != 0)
        return (struct arrival_fault){"times", "must begin with 0s"};
    for (int i = 1; i < t->n; i++)
        if (!(t->x[i] > t->x[i - 1]))
            return (struct arrival_fault){"times", "must rise from each to the next"};
    if (o->period_ns > 0 && !(t->x[t->n - 1] < (double)o->period_ns * 1e-9))
        return (struct arrival_fault){"period", "must be beyond the last of times"};
    for (int i = 0; i < t->n; i++)
        most = o->rates.x[i] > most ? o->rates.x[i] : most;
    if (most == 0)
        return (struct arrival_fault){"rates", "are all 0: nothing would ever arrive"};
    return gaps_fault(&o->gaps);
}

/* The piece from point i. */
static struct rate_piece piece(const struct options *o, int i)
{
    const double *t = o->times.x, *r = o->rates.x;
    bool last = i == o->times.n - 1;
    double end = last ? (double)o->period_ns * 1e-9 : t[i + 1], to = r[i];

    if (last && o->period_ns == 0)
        return (struct rate_piece){INFINITY, to, to};
    if (o->shape == SHAPE_LINEAR)
        to = r[last ? 0 : i + 1];
    return (struct rate_piece){end - t[i], r[i], to};
}

static struct rate_piece next_piece(void *process, struct rng *rate)
{
    struct state *s = process;

    (void)rate;
    s->at = (s->at + 1) % s->o->times.n;
    return piece(s->o, s->at);
}

static void begin(const void *options, void *state, struct rng *rate)
{
    struct state *s = state;

    (void)rate;
    s->o = options;
    rate_process_begin(&s->process, piece(s->o, 0), next_piece, &s->o->gaps);
}

const struct arrival_ops arrival_piecewise_ops = {
    .policy = {"piecewise", "a rate in steps or straight lines, once or periodic", OPT_TABLE(rows),
               sizeof(struct options)},
    .kind = ARRIVAL_OPEN,
    .state_size = sizeof(struct state),
    .begin = begin,
    .next_s = rate_process_next,
    .fault = fault,
};
