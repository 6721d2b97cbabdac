/*
 * arrival_trace.c - requests come when the lines of a trace say, or one (or some) at a time, each sent when one ends;
 * the trace's path, speed and slice are keys of [workload].
 */
#include "policy/arrival.h"

enum trace_order { ORDER_TIME, ORDER_CLOSED };

static const char *const trace_orders[] = {"time", "closed", NULL};

struct options {
    int trace_order;     /* enum trace_order */
    int64_t concurrency; /* 0: not given */
};

static const struct opt rows[] = {
    {"trace_order", OPT_CHOICE, UNIT_NONE, offsetof(struct options, trace_order), OPT_NO_LIMITS, "time", trace_orders,
     "when lines are sent: at their time, or in order, each when one before it ended"},
    {"concurrency", OPT_INT, UNIT_NONE, offsetof(struct options, concurrency), 1, 1e6, "", NULL,
     "with trace_order = closed: requests in flight at most (without it, 1)"},
};

static int64_t concurrency(const void *options)
{
    const struct options *o = options;

    if (o->trace_order == ORDER_TIME)
        return 0;
    return o->concurrency > 0 ? o->concurrency : 1;
}

const struct arrival_ops arrival_trace_ops = {
    .policy = {"trace", "replay of a trace file (workload.trace)", OPT_TABLE(rows), sizeof(struct options)},
    .kind = ARRIVAL_TRACE,
    .concurrency = concurrency,
};
