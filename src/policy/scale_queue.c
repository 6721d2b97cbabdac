/*
 * queue - as many replicas as bring the outstanding requests, or those that wait, to `target` each: ceil(n / target),
 * where that is more than there are; fewer only where one less would still keep to `low` of the target (so that it does
 * not swing).
 */
#include "policy/scaler.h"

enum what { OF_REQUESTS, OF_WAITING };

struct options {
    int of; /* enum above */
    double target, low;
};

static const char *const whats[] = {"requests", "waiting", NULL};
_Static_assert(OF_REQUESTS == 0 && OF_WAITING == 1, "the order of whats");

static const struct opt rows[] = {
    {"of", OPT_CHOICE, UNIT_NONE, offsetof(struct options, of), OPT_NO_LIMITS, "requests", whats,
     "what is counted: requests that have not ended, or those of them that are not in a batch"},
    {"target", OPT_REAL, UNIT_NONE, offsetof(struct options, target), 1e-3, 1e9, NULL, NULL,
     "how many each replica should have at most"},
    {"low", OPT_REAL, UNIT_NONE, offsetof(struct options, low), 0, 1, "0.7", NULL,
     "one is given up when the others would have no more than this share of the target"},
};

static int64_t want(const void *options, void *state, const struct scaler_view *v)
{
    const struct options *o = options;
    int64_t have = v->ready + v->starting;
    double n = (double)(o->of == OF_WAITING ? v->waiting : v->outstanding), wanted = n / o->target;

    (void)state;
    if (wanted > (double)have)
        return (int64_t)wanted + (wanted > (double)(int64_t)wanted);
    return n <= o->low * o->target * (double)(have - 1) ? have - 1 : have;
}

const struct scaler_ops scale_queue_ops = {
    .policy = {.name = "queue",
               .help = "as many as bring the requests of each to a target",
               .options = OPT_TABLE(rows),
               .options_size = sizeof(struct options)},
    .want = want,
};
