/*
 * duration_constant.c - always the same time.
 */
#include "base/dist.h"
#include "policy/duration.h"

struct options {
    int64_t time_ns;
};

static const struct opt rows[] = {
    {"time", OPT_TIME, UNIT_SECOND, offsetof(struct options, time_ns), 0, 9e6, NULL, NULL, "the time"},
};

static double draw(const void *options, struct rng *r)
{
    const struct options *o = options;

    double s = (double)o->time_ns * 1e-9;

    rng_mix_double(r, s);
    return s;
}

const struct duration_ops duration_constant_ops = {
    .policy = {"constant", "always the same time", OPT_TABLE(rows), sizeof(struct options)},
    .draw = draw,
};
