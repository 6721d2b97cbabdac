/*
 * length_uniform.c - each whole number from low to high equally likely. The keys are not min and max, which in [class]
 * are the limits that any law is clamped to.
 */
#include "policy/length.h"

struct options {
    int64_t low, high;
};

static const struct opt rows[] = {
    {"low", OPT_INT, UNIT_NONE, offsetof(struct options, low), 1, 1e9, NULL, NULL, "the fewest"},
    {"high", OPT_INT, UNIT_NONE, offsetof(struct options, high), 1, 1e9, NULL, NULL, "the most, at least low"},
};

static double draw(const void *options, struct rng *r)
{
    const struct options *o = options;

    return (double)rng_range(r, o->low, o->high);
}

const struct length_ops length_uniform_ops = {
    .policy = {"uniform", "whole numbers from low to high, equally likely", OPT_TABLE(rows), sizeof(struct options)},
    .draw = draw,
};
