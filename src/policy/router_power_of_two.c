/*
 * power_of_two - the less loaded of two distinct replicas drawn at random (Mitzenmacher 2001).
 *
 * Load is outstanding tokens, as for least_tokens; on a tie the first drawn wins. One replica: no draw.
 */
#include "policy/router.h"

static int64_t load(const struct router_view *v, int64_t replica)
{
    return v->up && !v->up[replica] ? INT64_MAX : v->tokens[replica];
}

static int64_t route(const void *options, void *state, const struct router_view *v, struct rng *r)
{
    (void)options, (void)state;
    if (v->n == 1)
        return 0;
    int64_t a = (int64_t)rng_below(r, (uint64_t)v->n);
    int64_t b = (int64_t)rng_below(r, (uint64_t)v->n - 1);
    if (b >= a)
        b++;
    return load(v, b) < load(v, a) ? b : a;
}

const struct router_ops router_power_of_two_ops = {
    .policy = {.name = "power_of_two", .help = "the one with fewer outstanding tokens of two replicas drawn at random"},
    .route = route,
};
