/*
 * session_affinity - where the session's previous call went, so that its context is still in that cache.
 *
 * Without one (its first call, or a request of no session), where that replica is down, and where it is too full, the
 * replica with the fewest requests; the session stays with that from then on. Too full: with this request it would
 * have more than load_bound times the mean of all replicas, rounded up: the bound of consistent hashing with bounded
 * loads (Mirrokni, Thorup, Zadimoghaddam, SODA 2018), here on a table of sessions in place of a hash.
 *
 * Not modelled: sessions that a balancer forgets (time-outs, restarts).
 */
#include "policy/router.h"

struct options {
    double load_bound;
};

static const struct opt rows[] = {
    {"load_bound", OPT_REAL, UNIT_NONE, offsetof(struct options, load_bound), 0, 1e6, "2", NULL,
     "a session moves on from a replica with more than so many times the mean number of requests; 0: never"},
};

static void wants(const void *options, struct router_wants *out)
{
    (void)options;
    out->sessions = true;
}

static bool too_full(double bound, const struct router_view *v, int64_t replica)
{
    if (bound == 0)
        return false;
    double most = bound * (double)(v->all_requests + 1) / (double)v->n;
    return (double)v->requests[replica] >= most; /* so with it, more than that rounded up */
}

static int64_t route(const void *options, void *state, const struct router_view *v, struct rng *r)
{
    const struct options *o = options;
    int64_t last = v->request.last;

    (void)state, (void)r;
    if (last < 0 || (v->up && !v->up[last]) || too_full(o->load_bound, v, last))
        return v->least;
    return last;
}

const struct router_ops router_session_affinity_ops = {
    .policy = {.name = "session_affinity",
               .help = "where the session's previous call went; new ones to the fewest outstanding requests",
               .options = OPT_TABLE(rows),
               .options_size = sizeof(struct options)},
    .key = ROUTER_KEY_REQUESTS,
    .wants = wants,
    .route = route,
};
