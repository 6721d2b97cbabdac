/* round_robin - each replica in turn, whatever its load. */
#include "policy/router.h"

struct state {
    int64_t next;
};

static int64_t route(const void *options, void *state, const struct router_view *v, struct rng *r)
{
    struct state *s = state;
    int64_t chosen = s->next;

    (void)options, (void)r;
    s->next = chosen + 1 == v->n ? 0 : chosen + 1;
    return chosen;
}

const struct router_ops router_round_robin_ops = {
    .policy = {.name = "round_robin", .help = "each replica in turn, whatever its load"},
    .state_size = sizeof(struct state),
    .route = route,
};
