/* least_requests - the replica with the fewest outstanding requests. Ties go to the lowest index. */
#include "policy/router.h"

static int64_t route(const void *options, void *state, const struct router_view *v, struct rng *r)
{
    (void)options, (void)state, (void)r;
    return v->least;
}

const struct router_ops router_least_requests_ops = {
    .policy = {.name = "least_requests", .help = "the replica with the fewest outstanding requests"},
    .key = ROUTER_KEY_REQUESTS,
    .route = route,
};
