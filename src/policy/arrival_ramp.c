/*
 * arrival_ramp.c - a rate that goes in a straight line from one to another, and then holds.
 */
#include <math.h>

#include "policy/rate.h"

struct options {
    double from_per_s, to_per_s;
    int64_t over_ns;
    struct gaps_options gaps;
};

struct state {
    struct rate_process process; /* first: next_piece is given it */
    double to_per_s;
};

static const struct opt rows[] = {
    {"rate_from", OPT_QUANTITY, UNIT_PER_S, offsetof(struct options, from_per_s), 0, 1e9, "0/s", NULL,
     "arrivals per second, over all replicas, at time 0"},
    {"rate_to", OPT_QUANTITY, UNIT_PER_S, offsetof(struct options, to_per_s), 0, 1e9, NULL, NULL,
     "arrivals per second at the end of the ramp, and from then on"},
    {"over", OPT_TIME, UNIT_SECOND, offsetof(struct options, over_ns), 1e-9, 9e6, NULL, NULL, "length of the ramp"},
    GAPS_ROWS(struct options, gaps),
};

static struct arrival_fault fault(const void *options)
{
    const struct options *o = options;

    if (o->from_per_s == 0 && o->to_per_s == 0)
        return (struct arrival_fault){"rate_to", "0/s, as rate_from: nothing would ever arrive"};
    return gaps_fault(&o->gaps);
}

static struct rate_piece next_piece(void *process, struct rng *rate)
{
    const struct state *s = process;

    (void)rate;
    return (struct rate_piece){INFINITY, s->to_per_s, s->to_per_s};
}

static void begin(const void *options, void *state, struct rng *rate)
{
    const struct options *o = options;
    struct state *s = state;

    (void)rate;
    s->to_per_s = o->to_per_s;
    struct rate_piece first = {(double)o->over_ns * 1e-9, o->from_per_s, o->to_per_s};
    rate_process_begin(&s->process, first, next_piece, &o->gaps);
}

const struct arrival_ops arrival_ramp_ops = {
    .policy = {"ramp", "a rate that goes in a straight line from one to another", OPT_TABLE(rows),
               sizeof(struct options)},
    .kind = ARRIVAL_OPEN,
    .state_size = sizeof(struct state),
    .begin = begin,
    .next_s = rate_process_next,
    .fault = fault,
};
