/*
 * kv_utilisation - the replica with the least share of its KV blocks in use: by the running, and by the prompts that
 * were sent there and are not computed yet. What a cache keeps for later and nobody uses is free. Ties go to the
 * lowest index.
 *
 * Servers report the first of the two (vLLM's kv_cache_usage_perc, which the Kubernetes gateway's inference extension
 * scores by); without the second all arrivals between two reports would go to one replica.
 */
#include "policy/router.h"

static void wants(const void *options, struct router_wants *out)
{
    (void)options;
    out->measures = true;
}

static int64_t route(const void *options, void *state, const struct router_view *v, struct rng *r)
{
    (void)options, (void)state, (void)r;
    return v->least;
}

const struct router_ops router_kv_utilisation_ops = {
    .policy = {.name = "kv_utilisation",
               .help = "the replica with the least share of KV blocks in use or to be taken by prompts sent there"},
    .key = ROUTER_KEY_KV,
    .wants = wants,
    .route = route,
};
