/*
 * least_tokens - the replica with the fewest outstanding tokens: prompts plus what was generated so far, never the
 * unseen output length. Ties go to the lowest index.
 *
 * When answers have equal lengths, requests that came together end together; their replica then looks empty and is
 * sent the next several arrivals in a row, whose prompts queue behind each other. So more replicas can mean a worse
 * tail of TTFT than with least_requests.
 */
#include "policy/router.h"

static int64_t route(const void *options, void *state, const struct router_view *v, struct rng *r)
{
    (void)options, (void)state, (void)r;
    return v->least;
}

const struct router_ops router_least_tokens_ops = {
    .policy = {.name = "least_tokens",
               .help = "the replica with the fewest outstanding tokens: prompts plus what was generated so far, never "
                       "the unseen output"},
    .key = ROUTER_KEY_TOKENS,
    .route = route,
};
