/*
 * utilisation - so many replicas that each would be used by `target`: ceil(ready * used / target), and no change while
 * used / target is within `tolerance` of 1 (the rule of Kubernetes' Horizontal Pod Autoscaler).
 *
 * Engines that batch are busy at nearly any load, since a step takes hardly less time for fewer sequences; what fills
 * up is the batch and its KV. So the default is `slots`.
 */
#include "policy/scaler.h"

enum what { OF_SLOTS, OF_KV, OF_BUSY };

struct options {
    int of; /* enum above */
    double target, tolerance;
};

static const char *const whats[] = {"slots", "kv", "busy", NULL};
_Static_assert(OF_SLOTS == 0 && OF_KV == 1 && OF_BUSY == 2, "the order of whats");

static const struct opt rows[] = {
    {"of", OPT_CHOICE, UNIT_NONE, offsetof(struct options, of), OPT_NO_LIMITS, "slots", whats,
     "what is used: the share of max_num_seqs that runs, of the KV blocks, or of the time in steps"},
    {"target", OPT_REAL, UNIT_NONE, offsetof(struct options, target), 0.01, 1, "0.7", NULL, "how much of it should be"},
    {"tolerance", OPT_REAL, UNIT_NONE, offsetof(struct options, tolerance), 0, 1, "0.1", NULL,
     "share of the target by which it may be missed"},
};

static int64_t want(const void *options, void *state, const struct scaler_view *v)
{
    const struct options *o = options;
    double used = o->of == OF_SLOTS ? v->slots : o->of == OF_KV ? v->kv : v->busy, ratio = used / o->target;

    (void)state;
    if (ratio >= 1 - o->tolerance && ratio <= 1 + o->tolerance)
        return v->ready + v->starting;
    double n = (double)v->ready * ratio;
    return (int64_t)n + (n > (double)(int64_t)n);
}

const struct scaler_ops scale_utilisation_ops = {
    .policy = {.name = "utilisation",
               .help = "as many as are used by a target share",
               .options = OPT_TABLE(rows),
               .options_size = sizeof(struct options)},
    .want = want,
};
