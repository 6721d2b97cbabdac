/*
 * sjf - shortest job first: the least prompt and predicted answer together, in tokens.
 *
 * Not preemptive: a short job does not interrupt a long one. Prompt and answer tokens count alike, though one that
 * decodes takes up a slot for a whole step.
 */
#include "policy/order.h"

#include "policy/order_predictor.h"

static int64_t key(const void *options, const struct order_view *v)
{
    (void)options;
    return v->input_tokens + v->predicted;
}

const struct order_ops order_sjf_ops = {
    .policy = {.name = "sjf",
               .help = "the shortest prompt and predicted answer first",
               .options = OPT_TABLE(predictor_rows),
               .options_size = sizeof(struct predictor_options)},
    .key = key,
    .predictor_error = predictor_error,
};
