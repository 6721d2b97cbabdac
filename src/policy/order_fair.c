/*
 * fair - fair share between tenants by virtual token counters (VTC: Sheng et al., "Fairness in Serving Large Language
 * Models", OSDI 2024, algorithm 2).
 *
 *   counter of a tenant = (input_weight x prompt tokens + output_weight x answer tokens, both of what it was served)
 *                         / share + lifts
 *
 * The tenant with the least counter is served next, within a tenant by arrival. A prompt is charged when it is first
 * admitted, whole; an answer token by token as it is given. A tenant with nobody waiting who sends a request is lifted
 * to the least counter of those who wait, or if nobody does, to that of the last who did: idleness saves up no credit.
 *
 * Counters are a replica's own. What the prefix cache has is charged like the rest, and what is computed again after a
 * preemption is not charged twice.
 */
#include "policy/order.h"

struct options {
    double input_weight, output_weight;
};

static const struct opt rows[] = {
    {"input_weight", OPT_REAL, UNIT_NONE, offsetof(struct options, input_weight), 0, 1e6, "1", NULL,
     "what a prompt token costs its tenant"},
    {"output_weight", OPT_REAL, UNIT_NONE, offsetof(struct options, output_weight), 0, 1e6, "2", NULL,
     "what an answer token costs it"},
};

static double cost(const void *options, int64_t input, int64_t output)
{
    const struct options *o = options;

    return o->input_weight * (double)input + o->output_weight * (double)output;
}

const struct order_ops order_fair_ops = {
    .policy = {.name = "fair",
               .help = "the tenant served least first (virtual token counters), within it by arrival",
               .options = OPT_TABLE(rows),
               .options_size = sizeof(struct options)},
    .cost = cost,
};
