/*
 * length_zipf.c - P(k tokens) proportional to k^-exponent for k from 1 to top. (`top`, since max is in [class] the
 * limit that any law is clamped to.)
 */
#include "base/dist.h"
#include "policy/length.h"

struct options {
    double exponent;
    int64_t top;
};

static const struct opt rows[] = {
    {"exponent", OPT_REAL, UNIT_NONE, offsetof(struct options, exponent), 0, 20, NULL, NULL,
     "how fast large ones get rare; 0 makes all equally likely"},
    {"top", OPT_INT, UNIT_NONE, offsetof(struct options, top), 1, 1e9, NULL, NULL, "the most"},
};

static double draw(const void *options, struct rng *r)
{
    const struct options *o = options;
    struct dist_zipf z;

    dist_zipf_init(&z, o->exponent,
                   (uint64_t)o->top); /* a draw costs one or two logs, its set-up six: not worth a state */
    return (double)dist_zipf_draw(r, &z);
}

const struct length_ops length_zipf_ops = {
    .policy = {"zipf", "Zipf: small numbers often, large ones rarely", OPT_TABLE(rows), sizeof(struct options)},
    .draw = draw,
};
