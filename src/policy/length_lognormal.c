/*
 * length_lognormal.c - the log of the length is normal: median * exp(sigma * N). The mean is median * exp(sigma^2 / 2).
 */
#include "base/dist.h"
#include "policy/length.h"

struct options {
    double median_tokens, sigma;
};

static const struct opt rows[] = {
    {"median", OPT_REAL, UNIT_NONE, offsetof(struct options, median_tokens), 1, 1e9, NULL, NULL,
     "their median, before rounding and limits"},
    {"sigma", OPT_REAL, UNIT_NONE, offsetof(struct options, sigma), 0, 10, NULL, NULL,
     "standard deviation of their log"},
};

static double draw(const void *options, struct rng *r)
{
    const struct options *o = options;

    return dist_lognormal(r, o->median_tokens, o->sigma);
}

const struct length_ops length_lognormal_ops = {
    .policy = {"lognormal", "lognormal, of a given median and spread", OPT_TABLE(rows), sizeof(struct options)},
    .draw = draw,
};
