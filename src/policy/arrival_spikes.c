/*
 * arrival_spikes.c - a base rate, which may swing as sinusoid's does, and spikes on top of it: times of spike_duration
 * in which spike_rate more arrive. They begin at given times, or at equal or exponential distances.
 *
 * spike_every is from the end of one to the start of the next, so they never overlap, and the mean rate is
 * rate + spike_rate * spike_duration / (spike_every + spike_duration). The first comes a distance after 0.
 */
#include <math.h>

#include "base/dist.h"
#include "policy/rate.h"

enum spacing { SPACING_CONSTANT, SPACING_EXPONENTIAL };

static const char *const spacings[] = {"constant", "exponential", NULL};

struct options {
    double rate_per_s, spike_per_s, amplitude, phase;
    int64_t duration_ns, every_ns, period_ns;
    struct opt_list times;
    int spacing; /* enum spacing */
    struct gaps_options gaps;
};

struct state {
    struct rate_process process; /* first: next_piece is given it */
    const struct options *o;
    bool in_spike;
    int given; /* spikes begun of those at given times */
};

static const struct opt rows[] = {
    {"rate", OPT_QUANTITY, UNIT_PER_S, offsetof(struct options, rate_per_s), 0, 1e9, NULL, NULL,
     "mean arrivals per second between spikes, over all replicas"},
    {"spike_rate", OPT_QUANTITY, UNIT_PER_S, offsetof(struct options, spike_per_s), 1e-9, 1e9, NULL, NULL,
     "arrivals per second that a spike adds"},
    {"spike_duration", OPT_TIME, UNIT_SECOND, offsetof(struct options, duration_ns), 1e-3, 9e6, NULL, NULL,
     "how long a spike lasts"},
    {"spike_times", OPT_LIST, UNIT_SECOND, offsetof(struct options, times), 0, 9e6, "", NULL,
     "when spikes begin, rising; or else spike_every"},
    {"spike_every", OPT_TIME, UNIT_SECOND, offsetof(struct options, every_ns), 1e-3, 9e6, "", NULL,
     "mean time from the end of a spike to the start of the next"},
    {"spike_spacing", OPT_CHOICE, UNIT_NONE, offsetof(struct options, spacing), OPT_NO_LIMITS, "constant", spacings,
     "law of spike_every"},
    {"amplitude", OPT_REAL, UNIT_NONE, offsetof(struct options, amplitude), 0, 1, "0", NULL,
     "how far the rate between spikes swings to either side (see sinusoid), as a share of its mean"},
    {"period", OPT_TIME, UNIT_SECOND, offsetof(struct options, period_ns), 1e-3, 9e6, "24h", NULL,
     "time of a full swing"},
    {"phase", OPT_REAL, UNIT_NONE, offsetof(struct options, phase), 0, 1, "0", NULL,
     "part of the period that is over at time 0: 0 at the mean and rising, 0.75 at the least"},
    GAPS_ROWS(struct options, gaps),
};

static struct arrival_fault fault(const void *options)
{
    const struct options *o = options;

    if (o->times.n == 0 && o->every_ns == 0)
        return (struct arrival_fault){"spike_every", "missing: when spikes begin (want spike_every or spike_times)"};
    if (o->times.n > 0 && o->every_ns > 0)
        return (struct arrival_fault){"spike_every", "spike_times says when spikes begin (want one of the two)"};
    if (o->times.n > 0 && o->spacing != SPACING_CONSTANT)
        return (struct arrival_fault){"spike_spacing", "has no effect with spike_times (want spike_every)"};
    for (int i = 1; i < o->times.n; i++)
        if (o->times.x[i] < o->times.x[i - 1] + (double)o->duration_ns * 1e-9)
            return (struct arrival_fault){"spike_times", "has a spike that begins before the last one ended"};
    if (o->amplitude == 0 && o->phase != 0)
        return (struct arrival_fault){"phase", "has no effect with amplitude = 0"};
    return gaps_fault(&o->gaps);
}

/* The time from the end of a spike (or from 0) to the start of the next. */
static double lull_s(struct state *s, struct rng *rate)
{
    const struct options *o = s->o;
    double every = (double)o->every_ns * 1e-9;

    if (o->times.n == 0)
        return o->spacing == SPACING_EXPONENTIAL ? dist_exponential(rate, every) : every;
    if (s->given == o->times.n)
        return INFINITY;
    double ended = s->given > 0 ? o->times.x[s->given - 1] + (double)o->duration_ns * 1e-9 : 0;
    return o->times.x[s->given++] - ended;
}

static struct rate_piece next_piece(void *process, struct rng *rate)
{
    struct state *s = process;
    const struct options *o = s->o;
    double all = o->rate_per_s + o->spike_per_s;

    s->in_spike = !s->in_spike;
    if (s->in_spike)
        return (struct rate_piece){(double)o->duration_ns * 1e-9, all, all};
    return (struct rate_piece){lull_s(s, rate), o->rate_per_s, o->rate_per_s};
}

static void begin(const void *options, void *state, struct rng *rate)
{
    struct state *s = state;

    s->o = options;
    s->in_spike = true; /* so that a lull is next */
    rate_process_begin(&s->process, next_piece(s, rate), next_piece, &s->o->gaps);
    s->process.walk.wave =
        (struct rate_wave){s->o->rate_per_s * s->o->amplitude, (double)s->o->period_ns * 1e-9, s->o->phase};
}

const struct arrival_ops arrival_spikes_ops = {
    .policy = {"spikes", "a base rate and spikes, at given times or random ones", OPT_TABLE(rows),
               sizeof(struct options)},
    .kind = ARRIVAL_OPEN,
    .state_size = sizeof(struct state),
    .begin = begin,
    .next_s = rate_process_next,
    .fault = fault,
};
