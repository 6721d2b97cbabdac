/*
 * length_empirical.c - lengths with given quantiles, linear between them.
 */
#include "base/dist.h"
#include "policy/length.h"

struct options {
    struct dist_quantiles quantiles;
};

static const struct opt rows[] = {
    {"quantiles", OPT_QUANTILES, UNIT_NONE, offsetof(struct options, quantiles), 0, 1e9, NULL, NULL,
     "per cent:number from 0 to 100, ascending; between two of them all numbers are equally likely"},
};

static double draw(const void *options, struct rng *r)
{
    const struct options *o = options;

    return dist_empirical(r, &o->quantiles);
}

const struct length_ops length_empirical_ops = {
    .policy = {"empirical", "with measured quantiles", OPT_TABLE(rows), sizeof(struct options)},
    .draw = draw,
};
