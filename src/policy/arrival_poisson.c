/*
 * arrival_poisson.c - independent arrivals at a constant rate: exponential gaps.
 */
#include "base/dist.h"
#include "policy/arrival.h"

struct options {
    double rate_per_s;
};

static const struct opt rows[] = {
    {"rate", OPT_QUANTITY, UNIT_PER_S, offsetof(struct options, rate_per_s), 1e-9, 1e9, NULL, NULL,
     "mean arrivals per second, over all replicas"},
};

static double gap_s(const void *options, struct rng *r)
{
    const struct options *o = options;

    return dist_exponential(r, 1 / o->rate_per_s);
}

const struct arrival_ops arrival_poisson_ops = {
    .policy = {"poisson", "independent arrivals at a constant rate", OPT_TABLE(rows), sizeof(struct options)},
    .kind = ARRIVAL_OPEN,
    .gap_s = gap_s,
};
