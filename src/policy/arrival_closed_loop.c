/*
 * arrival_closed_loop.c - a fixed number of users, each of whom sends the next request a think time after the last one
 * ended. The first `concurrency` requests come at time 0.
 */
#include "base/dist.h"
#include "policy/arrival.h"

enum think_dist { THINK_CONSTANT, THINK_EXPONENTIAL };

static const char *const think_dists[] = {"constant", "exponential", NULL};

struct options {
    int64_t concurrency, think_ns;
    int think_dist; /* enum think_dist */
};

static const struct opt rows[] = {
    {"concurrency", OPT_INT, UNIT_NONE, offsetof(struct options, concurrency), 1, 1e6, NULL, NULL,
     "users, and so requests in flight at most"},
    {"think", OPT_TIME, UNIT_SECOND, offsetof(struct options, think_ns), 0, 1e6, "0s", NULL,
     "mean time from the end of a user's request to the next"},
    {"think_dist", OPT_CHOICE, UNIT_NONE, offsetof(struct options, think_dist), OPT_NO_LIMITS, "constant", think_dists,
     "law of the think time"},
};

static double gap_s(const void *options, struct rng *r)
{
    const struct options *o = options;
    double mean = (double)o->think_ns * 1e-9;

    if (o->think_dist == THINK_EXPONENTIAL && o->think_ns > 0)
        return dist_exponential(r, mean);
    rng_mix_double(r, mean);
    return mean;
}

static int64_t concurrency(const void *options)
{
    const struct options *o = options;

    return o->concurrency;
}

const struct arrival_ops arrival_closed_loop_ops = {
    .policy = {"closed_loop", "a fixed number of users who wait for their answer and think", OPT_TABLE(rows),
               sizeof(struct options)},
    .kind = ARRIVAL_CLOSED,
    .gap_s = gap_s,
    .concurrency = concurrency,
};
