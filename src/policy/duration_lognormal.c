/*
 * duration_lognormal.c - the log of the time is normal: median * exp(sigma * N). The mean is median * exp(sigma^2 / 2).
 */
#include "base/dist.h"
#include "policy/duration.h"

struct options {
    int64_t median_ns;
    double sigma;
};

static const struct opt rows[] = {
    {"median", OPT_TIME, UNIT_SECOND, offsetof(struct options, median_ns), 1e-9, 9e6, NULL, NULL, "median time"},
    {"sigma", OPT_REAL, UNIT_NONE, offsetof(struct options, sigma), 0, 10, NULL, NULL,
     "standard deviation of the log of the time"},
};

static double draw(const void *options, struct rng *r)
{
    const struct options *o = options;

    return dist_lognormal(r, (double)o->median_ns * 1e-9, o->sigma);
}

const struct duration_ops duration_lognormal_ops = {
    .policy = {"lognormal", "lognormal times of a given median and spread", OPT_TABLE(rows), sizeof(struct options)},
    .draw = draw,
};
