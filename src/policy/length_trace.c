/*
 * length_trace.c - the trace line says it; only with arrivals = trace.
 */
#include "policy/length.h"

const struct length_ops length_trace_ops = {
    .policy = {.name = "trace", .help = "as the trace line says (with arrivals = trace)"},
};
