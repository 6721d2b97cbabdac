/*
 * place_static.c - the experts that were most popular at the start stay; what else is used is fetched each time.
 * Popularity drifts under it; it is placed once.
 */
#include "policy/place.h"

static double key(const void *options, const struct place_view *v)
{
    (void)options;
    return v->popularity;
}

static bool challenge(const void *options)
{
    (void)options;
    return true;
}

const struct place_ops place_static_ops = {
    .policy = {.name = "static", .help = "the most popular experts at the start, for good"},
    .key = key,
    .challenge = challenge,
};
