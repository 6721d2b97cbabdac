/*
 * lru - the copy that was used least recently goes first: key = tick of its last use.
 *
 * What vLLM's free queue and SGLang's radix cache do (leaves first, oldest first).
 */
#include "policy/evict.h"

static double key(const void *options, void *state, const struct evict_view *v)
{
    (void)options, (void)state;
    return (double)v->tick;
}

const struct evict_ops evict_lru_ops = {
    .policy = {.name = "lru", .help = "what was used least recently goes first"},
    .key = key,
};
