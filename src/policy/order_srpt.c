/*
 * srpt - shortest remaining work first: the tokens to compute before the next one is given, and the predicted ones that
 * are still to come.
 *
 * It differs from sjf for those who were preempted, and in who is: the one with the most left to do. It does not
 * interrupt who runs for a shorter one that waits. An answer that outgrows its prediction is taken to end next.
 */
#include "policy/order.h"

#include "policy/order_predictor.h"

static int64_t key(const void *options, const struct order_view *v)
{
    int64_t left = v->predicted - v->generated;

    (void)options;
    return v->to_compute + (left > 1 ? left : 1);
}

const struct order_ops order_srpt_ops = {
    .policy = {.name = "srpt",
               .help = "the least work left first: tokens to compute and predicted ones to come",
               .options = OPT_TABLE(predictor_rows),
               .options_size = sizeof(struct predictor_options)},
    .key = key,
    .predictor_error = predictor_error,
};
