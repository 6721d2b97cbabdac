/*
 * arrival_gamma.c - gaps from a gamma law, with burstiness as vLLM's benchmark client means it: the shape. The
 * coefficient of variation of the gaps is 1/sqrt(burstiness); 1 is Poisson.
 */
#include "base/dist.h"
#include "policy/arrival.h"

struct options {
    double rate_per_s, burstiness;
};

static const struct opt rows[] = {
    {"rate", OPT_QUANTITY, UNIT_PER_S, offsetof(struct options, rate_per_s), 1e-9, 1e9, NULL, NULL,
     "mean arrivals per second, over all replicas"},
    {"burstiness", OPT_REAL, UNIT_NONE, offsetof(struct options, burstiness), 1e-2, 1e6, "1", NULL,
     "shape of the gamma law, 1/cv^2: below 1 in bursts, 1 as poisson, above 1 more regular"},
};

static double gap_s(const void *options, struct rng *r)
{
    const struct options *o = options;

    return dist_gamma(r, o->burstiness, 1 / (o->rate_per_s * o->burstiness));
}

const struct arrival_ops arrival_gamma_ops = {
    .policy = {"gamma", "gamma-distributed gaps of a given burstiness", OPT_TABLE(rows), sizeof(struct options)},
    .kind = ARRIVAL_OPEN,
    .gap_s = gap_s,
};
