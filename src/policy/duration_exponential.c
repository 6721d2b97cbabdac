/*
 * duration_exponential.c - exponential times of a given mean.
 */
#include "base/dist.h"
#include "policy/duration.h"

struct options {
    int64_t mean_ns;
};

static const struct opt rows[] = {
    {"mean", OPT_TIME, UNIT_SECOND, offsetof(struct options, mean_ns), 1e-9, 9e6, NULL, NULL, "mean time"},
};

static double draw(const void *options, struct rng *r)
{
    const struct options *o = options;

    return dist_exponential(r, (double)o->mean_ns * 1e-9);
}

const struct duration_ops duration_exponential_ops = {
    .policy = {"exponential", "exponential times", OPT_TABLE(rows), sizeof(struct options)},
    .draw = draw,
};
