/*
 * trace_mooncake.h - reader of Mooncake's traces (Qin et al., FAST'25): one JSON object a line.
 *
 *   {"timestamp": 27482, "input_length": 6955, "output_length": 52, "hash_ids": [46, 47, 48, ..., 2353, 2354]}
 *
 * timestamp is in ms, whole or with a fraction, and counts from the first row's. hash_ids names each block of the
 * prompt, 512 tokens or what the caller says; equal ids are equal content after an equal prefix, and the last block may
 * be partial (its id is then that of the partial content). Consecutive ids become one run of the row's chain.
 *
 * Lines end in LF or CRLF; the last may lack its end. Rows are in order of time; equal timestamps are fine. Fields
 * beside these four are not looked at.
 *
 * Nothing is skipped: a line that is not such an object (bad JSON, a field missing, twice or of another type, tokens
 * not from 1 to TRACE_TOKENS_MAX, other than one id a block, a time before the last row's, an empty or over-long line,
 * a NUL byte, JSON nested deeper than jansson allows, 2048) is an error `path:line: what is wrong (want ...)`,
 * EXIT_CODE_FAILED.
 *
 * Bounded memory: one line is held, of 16 MiB at most. Ownership: trace_mooncake_close frees what trace_mooncake_open
 * gave.
 */
#ifndef WORKLOAD_TRACE_MOONCAKE_H
#define WORKLOAD_TRACE_MOONCAKE_H

#include "base/err.h"
#include "workload/trace_row.h"

enum { TRACE_MOONCAKE_LINE_MAX = 1 << 24 }; /* bytes, without the line's end: ids of some 10^6 blocks */

struct trace_mooncake;

/* NULL with err when the file cannot be read (EXIT_CODE_IO). block_tokens >= 1: of each block but the last. */
struct trace_mooncake *trace_mooncake_open(const char *path, int64_t block_tokens, struct err *e);
void trace_mooncake_close(struct trace_mooncake *t); /* NULL is fine */

/* 1: a row; 0: the file has ended; -1: err. */
int trace_mooncake_next(struct trace_mooncake *t, struct trace_row *row, struct err *e)
    __attribute__((warn_unused_result));

#endif
