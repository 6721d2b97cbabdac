/*
 * length_trace.c - the trace line says it; or the client's law; only with arrivals = trace and servegen.
 */
#include "policy/length.h"

const struct length_ops length_trace_ops = {
    .policy = {.name = "trace", .help = "as the trace line or the client says (with arrivals = trace or servegen)"},
};
