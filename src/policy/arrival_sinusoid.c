/*
 * arrival_sinusoid.c - a rate that swings about its mean: rate (1 + amplitude sin(2 pi (t / period + phase))).
 */
#include <math.h>

#include "policy/rate.h"

struct options {
    double rate_per_s, amplitude, phase;
    int64_t period_ns;
    struct gaps_options gaps;
};

static const struct opt rows[] = {
    {"rate", OPT_QUANTITY, UNIT_PER_S, offsetof(struct options, rate_per_s), 1e-9, 1e9, NULL, NULL,
     "mean arrivals per second, over all replicas"},
    {"amplitude", OPT_REAL, UNIT_NONE, offsetof(struct options, amplitude), 0, 1, NULL, NULL,
     "how far the rate swings to either side, as a share of its mean"},
    {"period", OPT_TIME, UNIT_SECOND, offsetof(struct options, period_ns), 1e-3, 9e6, "24h", NULL,
     "time of a full swing"},
    {"phase", OPT_REAL, UNIT_NONE, offsetof(struct options, phase), 0, 1, "0", NULL,
     "part of the period that is over at time 0: 0 at the mean and rising, 0.75 at the least"},
    GAPS_ROWS(struct options, gaps),
};

static struct arrival_fault fault(const void *options)
{
    const struct options *o = options;

    return gaps_fault(&o->gaps);
}

static void begin(const void *options, void *state, struct rng *rate)
{
    const struct options *o = options;
    struct rate_process *p = state;

    (void)rate;
    rate_process_begin(p, (struct rate_piece){INFINITY, o->rate_per_s, o->rate_per_s}, NULL, &o->gaps);
    p->walk.wave = (struct rate_wave){o->rate_per_s * o->amplitude, (double)o->period_ns * 1e-9, o->phase};
}

const struct arrival_ops arrival_sinusoid_ops = {
    .policy = {"sinusoid", "a rate that swings about its mean, day and night", OPT_TABLE(rows), sizeof(struct options)},
    .kind = ARRIVAL_OPEN,
    .state_size = sizeof(struct rate_process),
    .begin = begin,
    .next_s = rate_process_next,
    .fault = fault,
};
