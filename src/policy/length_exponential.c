/*
 * length_exponential.c - exponential lengths; theory tests use them for service times.
 */
#include "base/dist.h"
#include "policy/length.h"

struct options {
    double mean_tokens;
};

static const struct opt rows[] = {
    {"mean", OPT_REAL, UNIT_NONE, offsetof(struct options, mean_tokens), 1, 1e9, NULL, NULL,
     "their mean, before rounding and limits"},
};

static double draw(const void *options, struct rng *r)
{
    const struct options *o = options;

    return dist_exponential(r, o->mean_tokens);
}

const struct length_ops length_exponential_ops = {
    .policy = {"exponential", "exponential, of a given mean", OPT_TABLE(rows), sizeof(struct options)},
    .draw = draw,
};
