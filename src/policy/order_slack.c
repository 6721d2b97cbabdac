/*
 * slack - least slack first: who must be begun soonest if its next token is to come in time.
 *
 *   slack = deadline (order_deadline.h) - now - time_scale x time of the tokens to compute before its next one
 *
 * All slacks shrink as fast as time passes, so that deadline - time needed has the same order, and does not change
 * while a request waits (least laxity; Dertouzos and Mok, IEEE TSE 15(12), 1989). The time is that of the request alone
 * by the cost model (cost_prompt_ns); time_scale allows for the others that share its steps, 0 makes it edf.
 *
 * Who is preempted is the one that has the most slack after that, all its tokens to be computed again.
 * A class without the SLO comes last, by arrival. What is already late stays first: it is not given up.
 *
 * Not modelled: what the prefix cache will spare, which is not known before a look; that what was swapped out need not
 * be computed again; the transfer of what is handed over.
 */
#include "policy/order.h"

#include "policy/order_deadline.h"

struct options {
    double time_scale;
};

static const struct opt rows[] = {
    {"time_scale", OPT_REAL, UNIT_NONE, offsetof(struct options, time_scale), 0, 1000, "1", NULL,
     "times the time that a request's tokens would take alone, which its slack is less by; 0: as edf"},
};

static int64_t key(const void *options, const struct order_view *v)
{
    const struct options *o = options;
    int64_t deadline = order_deadline_ns(v);
    double needed = o->time_scale * (double)v->compute_ns;

    if (deadline == INT64_MAX)
        return deadline;
    return deadline - (needed < 4e18 ? (int64_t)needed : (int64_t)4e18);
}

const struct order_ops order_slack_ops = {
    .policy = {.name = "slack",
               .help = "the least slack first: deadline as for edf, less the time that its tokens take to compute",
               .options = OPT_TABLE(rows),
               .options_size = sizeof(struct options)},
    .key = key,
    .timed = true,
};
