/*
 * queue_limit - no more than so many at once: with the one that asks, what is counted stays within the limit.
 *
 * What servers offer: a bound on the queue (SGLang's --max-queued-requests), on all that are in the server (TGI's
 * --max-concurrent-requests), or on their tokens. A limit for each replica counts those that are up; it bounds their
 * sum, since the door stands before the router.
 */
#include "policy/admission.h"

enum what { OF_WAITING, OF_REQUESTS, OF_TOKENS };
enum per { PER_REPLICA, PER_ALL };

struct options {
    int64_t limit;
    int of, per; /* enums above */
};

static const char *const whats[] = {"waiting", "requests", "tokens", NULL};
_Static_assert(OF_WAITING == 0 && OF_REQUESTS == 1 && OF_TOKENS == 2, "the order of whats");
static const char *const pers[] = {"replica", "all", NULL};
_Static_assert(PER_REPLICA == 0 && PER_ALL == 1, "the order of pers");

static const struct opt rows[] = {
    {"limit", OPT_INT, UNIT_NONE, offsetof(struct options, limit), 0, 1e15, NULL, NULL,
     "how many there may be; a request that would pass it is refused"},
    {"of", OPT_CHOICE, UNIT_NONE, offsetof(struct options, of), OPT_NO_LIMITS, "waiting", whats,
     "what is counted: requests that have given no token yet, all that have not ended, or the prompt tokens of these"},
    {"per", OPT_CHOICE, UNIT_NONE, offsetof(struct options, per), OPT_NO_LIMITS, "replica", pers,
     "the limit is for each replica that is up, or for all together"},
};

static bool admit(const void *options, void *state, void *of_class, const struct admission_view *v)
{
    const struct options *o = options;
    int64_t n = 1 + v->all.waiting, limit;

    (void)state, (void)of_class;
    if (o->of == OF_REQUESTS)
        n = 1 + v->all.requests;
    else if (o->of == OF_TOKENS)
        n = v->input_tokens + v->all.tokens;
    return (o->per == PER_REPLICA && __builtin_mul_overflow(o->limit, v->replicas, &limit)) ||
           n <= (o->per == PER_REPLICA ? limit : o->limit);
}

const struct admission_ops admit_queue_limit_ops = {
    .policy = {.name = "queue_limit",
               .help = "so many requests or tokens at once, and no more",
               .options = OPT_TABLE(rows),
               .options_size = sizeof(struct options)},
    .admit = admit,
};
