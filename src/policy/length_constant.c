/*
 * length_constant.c - the same number of tokens each time. Nothing is drawn; the number is mixed into the digest all
 * the same, so that a change of it shows in the fingerprint.
 */
#include "policy/length.h"

struct options {
    int64_t tokens;
};

static const struct opt rows[] = {
    {"tokens", OPT_INT, UNIT_NONE, offsetof(struct options, tokens), 1, 1e9, NULL, NULL, "how many, each time"},
};

static double draw(const void *options, struct rng *r)
{
    const struct options *o = options;

    rng_mix_double(r, (double)o->tokens);
    return (double)o->tokens;
}

const struct length_ops length_constant_ops = {
    .policy = {"constant", "the same number each time", OPT_TABLE(rows), sizeof(struct options)},
    .draw = draw,
};
