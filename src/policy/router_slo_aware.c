/*
 * slo_aware - the fullest replica that will meet the request's SLOs; where none is found, the one whose prompts are
 * computed soonest.
 *
 *     predicted TTFT = (prompt tokens left there + those of the request) x time of a prompt token there, as measured
 *
 * (the queueing and prefill time by which Mooncake's conductor chooses: Qin et al., FAST 2025). A replica will do if
 * that is within `slack` of what is left of the TTFT SLO, its measured time between tokens within `slack` of the TPOT
 * SLO, a slot is free, and the prompt fits in what is left of its KV blocks. Packing patient requests on full replicas
 * leaves the others to those in a hurry (best fit; PolyServe, Zhu et al. 2025, routes so for that reason).
 *
 * Looked at: all replicas where there are no more than `candidates`, else so many drawn at random (power of d choices,
 * Mitzenmacher 2001). candidates = 0, a class without a TTFT SLO, a pool that only decodes: the shortest wait. So a
 * decision costs O(candidates), whatever the number of replicas. Fullest: by outstanding tokens. Ties go to the first
 * looked at, which is the lowest index where all are.
 *
 * Not seen: what of the prompt is cached, how far a replica is in its current step.
 */
#include "policy/router.h"

struct options {
    double slack;
    int64_t candidates, window_ns;
};

static const struct opt rows[] = {
    {"slack", OPT_REAL, UNIT_NONE, offsetof(struct options, slack), 0, 1, "0.25", NULL,
     "share of an SLO that the prediction may use up"},
    {"candidates", OPT_INT, UNIT_NONE, offsetof(struct options, candidates), 0, 1e6, "8", NULL,
     "replicas of which the fullest that meets the SLOs is taken; 0: always the shortest wait"},
    {"window", OPT_TIME, UNIT_SECOND, offsetof(struct options, window_ns), 1e-3, 1e6, "1s", NULL,
     "of steps, over which speeds are measured"},
};

static void wants(const void *options, struct router_wants *out)
{
    out->measures = true;
    out->window_ns = ((const struct options *)options)->window_ns;
}

static bool meets(const struct options *o, const struct router_view *v, int64_t i)
{
    const struct router_request *q = &v->request;
    double tokens = (double)q->tokens;
    double ttft_ns = (double)q->waited_ns + (double)v->wait_ns[i] + tokens * v->token_ns[i];

    return (v->up == NULL || v->up[i]) && v->requests[i] < v->seats && v->kv[i] + tokens / v->kv_tokens <= 1 &&
           ttft_ns <= o->slack * (double)q->slo_ttft_ns &&
           (q->slo_tpot_ns == 0 || v->tpot_ns[i] <= o->slack * (double)q->slo_tpot_ns);
}

static int64_t route(const void *options, void *state, const struct router_view *v, struct rng *r)
{
    const struct options *o = options;
    bool all = v->n <= o->candidates;
    int64_t best = -1, n = all ? v->n : o->candidates;

    (void)state;
    if (v->request.slo_ttft_ns == 0 || n == 0)
        return v->least;
    for (int64_t i = 0; i < n; i++) {
        int64_t replica = all ? i : (int64_t)rng_below(r, (uint64_t)v->n);
        if ((best < 0 || v->tokens[replica] > v->tokens[best]) && meets(o, v, replica))
            best = replica;
    }
    return best < 0 ? v->least : best;
}

const struct router_ops router_slo_aware_ops = {
    .policy = {.name = "slo_aware",
               .help = "the fullest of some replicas that will meet the SLOs of the class; else the shortest wait",
               .options = OPT_TABLE(rows),
               .options_size = sizeof(struct options)},
    .key = ROUTER_KEY_WAIT,
    .wants = wants,
    .route = route,
};
