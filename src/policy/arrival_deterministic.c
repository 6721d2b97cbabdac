/*
 * arrival_deterministic.c - equal gaps. Nothing is drawn; the gap is mixed into the digest all the same, so that a
 * change of rate shows in the fingerprint.
 */
#include "policy/arrival.h"

struct options {
    double rate_per_s;
};

static const struct opt rows[] = {
    {"rate", OPT_QUANTITY, UNIT_PER_S, offsetof(struct options, rate_per_s), 1e-9, 1e9, NULL, NULL,
     "arrivals per second, over all replicas"},
};

static double gap_s(const void *options, struct rng *r)
{
    const struct options *o = options;
    double gap = 1 / o->rate_per_s;

    rng_mix_double(r, gap);
    return gap;
}

const struct arrival_ops arrival_deterministic_ops = {
    .policy = {"deterministic", "arrivals at equal gaps", OPT_TABLE(rows), sizeof(struct options)},
    .kind = ARRIVAL_OPEN,
    .gap_s = gap_s,
};
