/*
 * duration_pareto.c - a power-law tail: P(T > t) = (least / t)^shape from the least time on. Mean least * shape /
 * (shape - 1) where shape > 1, else none: then a longest time is worth giving.
 */
#include "base/dist.h"
#include "base/num.h"
#include "policy/duration.h"

struct options {
    int64_t least_ns, most_ns; /* most 0: no limit */
    double shape;
};

static const struct opt rows[] = {
    {"least", OPT_TIME, UNIT_SECOND, offsetof(struct options, least_ns), 1e-9, 9e6, NULL, NULL, "the shortest time"},
    {"shape", OPT_REAL, UNIT_NONE, offsetof(struct options, shape), 0.05, 100, NULL, NULL,
     "exponent of the tail: the smaller, the heavier"},
    {"most", OPT_TIME, UNIT_SECOND, offsetof(struct options, most_ns), 1e-9, 9e6, "",  NULL,
     "the longest: longer ones are cut to it"},
};

static double draw(const void *options, struct rng *r)
{
    const struct options *o = options;

    double s = (double)o->least_ns * 1e-9 * num_exp(-num_log(rng_u01(r)) / o->shape), most = (double)o->most_ns * 1e-9;

    s = o->most_ns > 0 && s > most ? most : s;
    rng_mix_double(r, s);
    return s;
}

const struct duration_ops duration_pareto_ops = {
    .policy = {"pareto", "times with a power-law tail", OPT_TABLE(rows), sizeof(struct options)},
    .draw = draw,
};
