/* random - a replica at random, each as likely. */
#include "policy/router.h"

static int64_t route(const void *options, void *state, const struct router_view *v, struct rng *r)
{
    (void)options, (void)state;
    return (int64_t)rng_below(r, (uint64_t)v->n);
}

const struct router_ops router_random_ops = {
    .policy = {.name = "random", .help = "a replica at random, each as likely"},
    .route = route,
};
