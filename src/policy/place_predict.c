/*
 * place_predict.c - lru, and the experts that a layer will use are guessed and fetched while the layer before it runs.
 *
 * Each expert that will be used is named with probability `accuracy`; for each that is missed, one that will not be
 * used is named in its place, all of those equally likely. As many are named as will be used, so that precision and
 * recall are both `accuracy`. Not modelled: that wrong guesses tend to be popular experts, which are resident more
 * often than others; that the first sparse layer has less to guess from.
 */
#include "policy/place.h"

struct options {
    double accuracy;
};

static const struct opt rows[] = {
    {"accuracy", OPT_REAL, UNIT_NONE, offsetof(struct options, accuracy), 0, 1, NULL, NULL,
     "share of the experts of the next layer that are guessed right"},
};

static double key(const void *options, const struct place_view *v)
{
    (void)options;
    return (double)v->step;
}

static double accuracy(const void *options)
{
    const struct options *o = options;
    return o->accuracy;
}

const struct place_ops place_predict_ops = {
    .policy = {"predict", "lru, with experts fetched a layer ahead by a guess of given accuracy", OPT_TABLE(rows),
               sizeof(struct options)},
    .key = key,
    .accuracy = accuracy,
};
