/*
 * order_deadline.h - the deadline of orders that go by the SLOs of the classes: a part of each, no interface.
 *
 *   no token yet     arrival + ttft
 *   preempted        first token + tpot x tokens given: when the next is due if the mean is to be tpot
 *
 * INT64_MAX: its class has no such SLO, or it is due after the clock ends.
 */
#ifndef POLICY_ORDER_DEADLINE_H
#define POLICY_ORDER_DEADLINE_H

#include "policy/order.h"

static int64_t order_after_ns(int64_t from, int64_t gap, int64_t n)
{
    int64_t at;

    return gap == 0 || __builtin_mul_overflow(gap, n, &at) || __builtin_add_overflow(from, at, &at) ? INT64_MAX : at;
}

static int64_t order_deadline_ns(const struct order_view *v)
{
    if (v->t_first_ns < 0)
        return order_after_ns(v->t_arrive_ns, v->class->ttft_ns, 1);
    return order_after_ns(v->t_first_ns, v->class->tpot_ns, v->generated);
}

#endif
