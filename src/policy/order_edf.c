/*
 * edf - earliest deadline first, from the SLOs of the classes (order_deadline.h).
 *
 * A class without the SLO has no deadline and comes last. What is already late stays first: it is not given up.
 * How long the work takes that is due then is no matter here: see order_slack.c.
 */
#include "policy/order.h"

#include "policy/order_deadline.h"

static int64_t key(const void *options, const struct order_view *v)
{
    (void)options;
    return order_deadline_ns(v);
}

const struct order_ops order_edf_ops = {
    .policy = {.name = "edf",
               .help =
                   "the earliest deadline first: arrival + ttft, after a preemption that of the next token by tpot"},
    .key = key,
};
