/* trace_row.h - one request of a trace, whatever the file's format. */
#ifndef WORKLOAD_TRACE_ROW_H
#define WORKLOAD_TRACE_ROW_H

#include <stdint.h>

#include "workload/chain.h"

#define TRACE_TOKENS_MAX INT64_C(2147483647)
#define TRACE_NO_SESSION INT64_C(-1)

struct trace_tool { /* a call of a tool */
    int64_t latency_ns, attempts, failed, result_tokens;
};

struct trace_row {
    int64_t t_ns; /* since the first row */
    int64_t input_tokens, output_tokens;
    struct chain chain; /* blocks of the prompt; the reader's, until its next row */
    int64_t session;    /* equal within a session: its number, or a hash of its name; TRACE_NO_SESSION: none */
    /* Of tiersim's own traces alone (trace_own.c); the reader's, too. */
    const char *class_name; /* NULL: it does not say */
    int64_t id, step;
    const int64_t *parents;
    int64_t n_parents, tool_ns, gap_ns;
    const char *tool;      /* names of what tool_ns went to, joined by +; NULL: it does not say */
    int64_t prompt_blocks; /* of the chain, whose others are the answer's */
    const char *agent;     /* NULL: none, and what follows says nothing */
    int64_t task, branch, compaction, reasoning_tokens, repeated_tokens, deadline_ns; /* deadline below 0: none */
    const struct trace_tool *tool_calls; /* in the order of `tool` */
    int64_t n_tool_calls;
};

#endif
