/*
 * priority - classes of a higher priority first, within a priority by arrival (vLLM's --scheduling-policy priority).
 *
 * Who runs is preempted for a higher class only with preempt_for = priority (sched_continuous.c); vLLM v1 does so only
 * when blocks run out, which the victims' order (order.h) brings here too.
 */
#include "policy/order.h"

static int64_t key(const void *options, const struct order_view *v)
{
    (void)options;
    return -v->class->priority;
}

const struct order_ops order_priority_ops = {
    .policy = {.name = "priority", .help = "the class of the highest priority first, within it by arrival"},
    .key = key,
};
