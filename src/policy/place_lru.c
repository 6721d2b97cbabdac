/* place_lru.c - the expert that was not used for the longest time leaves. */
#include "policy/place.h"

static double key(const void *options, const struct place_view *v)
{
    (void)options;
    return (double)v->step;
}

const struct place_ops place_lru_ops = {
    .policy = {.name = "lru", .help = "the expert not used for the longest time leaves"},
    .key = key,
};
