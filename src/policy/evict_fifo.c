/*
 * fifo - the copy that was put first goes first, whether used since or not: key = tick at which it was put.
 *
 * A prefix is put before what follows it and yet goes after it, since only leaves are candidates.
 */
#include "policy/evict.h"

static double key(const void *options, void *state, const struct evict_view *v)
{
    (void)options, (void)state;
    return (double)v->put_tick;
}

const struct evict_ops evict_fifo_ops = {
    .policy = {.name = "fifo", .help = "what was put first goes first, whether used since or not"},
    .key = key,
};
