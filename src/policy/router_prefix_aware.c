/*
 * prefix_aware - the longest cached prefix weighed against load: least
 *
 *     outstanding tokens + prefix_weight x (prompt tokens - cached tokens - tier_weight x those in tiers in reach)
 *
 * Both terms are tokens, so a cached prefix is worth as many tokens of queue as it spares of computing, times a weight:
 * the cost that NVIDIA Dynamo's KV router takes the least of (overlap weight x blocks of prompt to compute + active
 * blocks; its documentation, 2025, with a weight of 1). The default is more, since most outstanding tokens are contexts
 * of decodes, which cost less than tokens to compute.
 *
 * Of those who have nothing cached only the least loaded can win, so it is compared with the holders, longest prefix
 * first, until no later one can be better: who has at most so much costs at least the least load + prefix_weight x
 * (prompt - that). A prefix that very many have (a system prompt) is followed up to `candidates` holders only.
 *
 * The index is that of index_age ago: what was cached since is not seen, what was evicted since is still believed in.
 * Loads are as of now. Ties go to the lowest replica index.
 */
#include "policy/router.h"

struct options {
    double prefix_weight, tier_weight;
    int64_t index_age_ns, candidates;
};

static const struct opt rows[] = {
    {"prefix_weight", OPT_REAL, UNIT_NONE, offsetof(struct options, prefix_weight), 0, 1e6, "4", NULL,
     "outstanding tokens that a cached token of the prompt is worth"},
    {"tier_weight", OPT_REAL, UNIT_NONE, offsetof(struct options, tier_weight), 0, 1, "0.5", NULL,
     "what a token cached in a lower tier counts of one in HBM"},
    {"index_age", OPT_TIME, UNIT_SECOND, offsetof(struct options, index_age_ns), 0, 1e6, "0s", NULL,
     "how far the router's index of the caches is behind them"},
    {"candidates", OPT_INT, UNIT_NONE, offsetof(struct options, candidates), 1, 1e6, "32", NULL,
     "holders of a prefix that are compared at most"},
};

static void wants(const void *options, struct router_wants *out)
{
    const struct options *o = options;

    out->prefixes = true;
    out->index_age_ns = o->index_age_ns;
}

static double cost(const struct options *o, const struct router_view *v, const struct router_holder *h)
{
    double spared = (double)h->cached + o->tier_weight * (double)h->below;

    return (double)v->tokens[h->replica] + o->prefix_weight * ((double)v->request.tokens - spared);
}

static int64_t route(const void *options, void *state, const struct router_view *v, struct rng *r)
{
    const struct options *o = options;
    struct router_holder h;

    (void)state, (void)r;
    v->look(v, v->least, &h);
    int64_t best = v->least;
    double best_cost = cost(o, v, &h);
    for (int64_t i = 0; i < o->candidates && v->next_holder(v, &h); i++) {
        double bound = (double)v->least_key + o->prefix_weight * (double)(v->request.tokens - h.most);
        if (best_cost < bound || (best_cost == bound && best == v->least)) /* that is the lowest of its load */
            break;
        if (v->up && !v->up[h.replica])
            continue;
        double c = cost(o, v, &h);
        if (c < best_cost || (c == best_cost && h.replica < best)) {
            best = h.replica;
            best_cost = c;
        }
    }
    return best;
}

const struct router_ops router_prefix_aware_ops = {
    .policy = {.name = "prefix_aware",
               .help = "the longest cached prefix of the prompt, weighed against outstanding tokens",
               .options = OPT_TABLE(rows),
               .options_size = sizeof(struct options)},
    .key = ROUTER_KEY_TOKENS,
    .wants = wants,
    .route = route,
};
