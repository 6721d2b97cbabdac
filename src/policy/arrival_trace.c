/*
 * arrival_trace.c - requests come when the lines of a trace say; its path, speed and slice are keys of [workload].
 */
#include "policy/arrival.h"

const struct arrival_ops arrival_trace_ops = {
    .policy = {.name = "trace", .help = "replay of a trace file (workload.trace)"},
    .kind = ARRIVAL_TRACE,
};
