/*
 * central_queue - requests wait in one queue, in [scheduler] order; a replica with a free slot takes the next.
 *
 * Among replicas with a free slot the one with the fewest requests is taken. A replica that is short of KV
 * blocks, so that a request it was sent waits there, has no free slot (router.h, ROUTER_KEY_ROOM).
 * Not modelled: order = fair, whose counts of service each replica keeps for itself (refused).
 */
#include "policy/router.h"

static int64_t route(const void *options, void *state, const struct router_view *v, struct rng *r)
{
    (void)options, (void)state, (void)r;
    return v->least_key == INT64_MAX ? ROUTER_HOLD : v->least;
}

const struct router_ops router_central_queue_ops = {
    .policy = {.name = "central_queue", .help = "one queue for all; a replica with a free slot takes the next"},
    .key = ROUTER_KEY_ROOM,
    .route = route,
};
