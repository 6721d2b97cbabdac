/*
 * arrival_weibull.c - gaps from a Weibull law; its scale follows from the rate, mean gap = scale * gamma(1 + 1/shape).
 */
#include "base/dist.h"
#include "base/num.h"
#include "policy/arrival.h"

struct options {
    double rate_per_s, shape;
};

static const struct opt rows[] = {
    {"rate", OPT_QUANTITY, UNIT_PER_S, offsetof(struct options, rate_per_s), 1e-9, 1e9, NULL, NULL,
     "mean arrivals per second, over all replicas"},
    {"shape", OPT_REAL, UNIT_NONE, offsetof(struct options, shape), 0.1, 1000, NULL, NULL,
     "shape of the Weibull law: below 1 in bursts, 1 as poisson, above 1 more regular"},
};

static double gap_s(const void *options, struct rng *r)
{
    const struct options *o = options;
    double mean_of_unit = num_exp(num_lgamma(1 + 1 / o->shape));

    return dist_weibull(r, o->shape, 1 / (o->rate_per_s * mean_of_unit));
}

const struct arrival_ops arrival_weibull_ops = {
    .policy = {"weibull", "Weibull-distributed gaps of a given shape", OPT_TABLE(rows), sizeof(struct options)},
    .kind = ARRIVAL_OPEN,
    .gap_s = gap_s,
};
