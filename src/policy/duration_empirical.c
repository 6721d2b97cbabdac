/*
 * duration_empirical.c - times with given quantiles, linear between them.
 */
#include "base/dist.h"
#include "policy/duration.h"

struct options {
    struct dist_quantiles quantiles;
};

static const struct opt rows[] = {
    {"quantiles", OPT_QUANTILES, UNIT_NONE, offsetof(struct options, quantiles), 0, 9e6, NULL, NULL,
     "per cent:seconds from 0 to 100, ascending; between two of them the time is uniform"},
};

static double draw(const void *options, struct rng *r)
{
    const struct options *o = options;

    return dist_empirical(r, &o->quantiles);
}

const struct duration_ops duration_empirical_ops = {
    .policy = {"empirical", "times with measured quantiles", OPT_TABLE(rows), sizeof(struct options)},
    .draw = draw,
};
