/*
 * edf - earliest deadline first, from the SLOs of the classes.
 *
 *   no token yet     arrival + ttft
 *   preempted        first token + tpot x tokens given: when the next is due if the mean is to be tpot
 *
 * A class without that SLO has no deadline and comes last. What is already late stays first: it is not given up.
 * Not modelled: slack, the deadline less the time that the work needs; where prompts take about equally long, it is the
 * same order.
 */
#include "policy/order.h"

static int64_t after(int64_t from, int64_t gap, int64_t n)
{
    int64_t at;

    return gap == 0 || __builtin_mul_overflow(gap, n, &at) || __builtin_add_overflow(from, at, &at) ? INT64_MAX : at;
}

static int64_t key(const void *options, const struct order_view *v)
{
    (void)options;
    if (v->t_first_ns < 0)
        return after(v->t_arrive_ns, v->class->ttft_ns, 1);
    return after(v->t_first_ns, v->class->tpot_ns, v->generated);
}

const struct order_ops order_edf_ops = {
    .policy = {.name = "edf",
               .help =
                   "the earliest deadline first: arrival + ttft, after a preemption that of the next token by tpot"},
    .key = key,
};
