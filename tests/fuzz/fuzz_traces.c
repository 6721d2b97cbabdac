/*
 * fuzz_traces.c - any bytes as a trace file: no reader may crash, hang, leak or give a row that is none.
 *
 * libFuzzer's target (make fuzz builds it with clang, Makefile.am). The same function is what fuzz_replay.c calls for
 * the files of tests/fuzz/corpus in the ordinary build.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "workload/trace_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define DEMAND(condition)                                                                                              \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fprintf(stderr, "fuzz_traces: not so: %s\n", #condition);                                                  \
            abort();                                                                                                   \
        }                                                                                                              \
    } while (0)

/* Of tiersim's own traces: what a replay's graphs take without asking (workload/graph.c). */
static void check_call(const struct trace_row *row, const struct trace_about *about)
{
    int64_t size = about->block_tokens, blocks = 0;
    int64_t most = size ? (row->input_tokens + row->output_tokens - 1) / size + 1 : 0;

    for (int64_t r = 0; r < row->chain.n_runs; r++) {
        DEMAND(row->chain.run[r].id >= 0 && row->chain.run[r].n >= 1 && row->chain.run[r].n <= most - blocks);
        DEMAND(row->chain.run[r].id <= INT64_MAX - row->chain.run[r].n);
        blocks += row->chain.run[r].n;
    }
    DEMAND(row->prompt_blocks >= 0 && row->prompt_blocks <= blocks);
    DEMAND(row->id >= 0 && row->step >= 0 && row->tool_ns >= 0 && row->gap_ns >= 0 && row->n_parents >= 0);
    DEMAND((row->n_parents == 0) == (row->step == 0));
    DEMAND(row->n_parents > 0 || (row->tool == NULL && row->tool_ns == 0));
    for (int64_t i = 0; i < row->n_parents; i++)
        DEMAND(row->parents[i] >= 0);
    DEMAND(row->class_name == NULL || strlen(row->class_name) < 256);
    DEMAND(row->tool == NULL || strlen(row->tool) < 256);
    if (row->agent == NULL)
        return;
    DEMAND(strlen(row->agent) < 256 && row->task >= 0 && row->branch >= 0 && row->compaction >= 0 && row->compaction <= 1);
    DEMAND(row->reasoning_tokens >= 0 && row->reasoning_tokens <= row->output_tokens);
    DEMAND(row->repeated_tokens >= 0 && row->repeated_tokens <= row->input_tokens && row->n_tool_calls >= 0);
    for (int64_t i = 0; i < row->n_tool_calls; i++)
        DEMAND(row->tool_calls[i].latency_ns >= 0 && row->tool_calls[i].latency_ns <= row->tool_ns &&
               row->tool_calls[i].attempts >= 1 && row->tool_calls[i].result_tokens >= 0);
}

static void check_row(const struct trace_row *row, const struct trace_about *about, int64_t last_ns)
{
    int64_t blocks = 0, most = about->block_tokens ? (row->input_tokens - 1) / about->block_tokens + 1 : 0;

    DEMAND(row->t_ns >= last_ns && (about->times || row->t_ns == 0));
    DEMAND(row->input_tokens >= 1 && row->input_tokens <= TRACE_TOKENS_MAX);
    DEMAND(row->output_tokens >= 1 && row->output_tokens <= TRACE_TOKENS_MAX);
    DEMAND(row->session >= TRACE_NO_SESSION);
    if (about->graphs) {
        check_call(row, about);
        return;
    }
    for (int64_t r = 0; r < row->chain.n_runs; r++) {
        DEMAND(row->chain.run[r].id >= 0 && row->chain.run[r].n >= 1 && row->chain.run[r].n <= most - blocks);
        blocks += row->chain.run[r].n;
    }
    DEMAND(blocks == most);
}

static void check_message(const struct err *e)
{
    DEMAND(e->code != EXIT_CODE_OK && strncmp(e->msg, "fuzz", 4) == 0);
    for (const char *c = e->msg; *c; c++)
        DEMAND(*c >= ' ' && *c <= '~');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct workload_options o = {.trace = "fuzz", .trace_block_tokens = 16};
    FILE *f = size ? fmemopen((void *)(uintptr_t)data, size, "rb") : fopen("/dev/null", "rb");
    struct err e = {0};
    struct trace_row row;
    int64_t last_ns = 0;
    int got = -1;

    DEMAND(f);
    struct trace_file *t = trace_file_open(f, &o, "", &e);
    while (t && (got = trace_file_next(t, &row, &e)) == 1) {
        check_row(&row, trace_file_about(t), last_ns);
        last_ns = row.t_ns;
    }
    if (got < 0)
        check_message(&e);
    trace_file_close(t);
    return 0;
}
