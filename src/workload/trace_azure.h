/*
 * trace_azure.h - reader of the Azure LLM inference traces of 2023 in their native CSV.
 *
 *   TIMESTAMP,ContextTokens,GeneratedTokens
 *   2023-11-16 18:15:46.6805900,374,44
 *
 * Lines end in LF or CRLF; the last may lack its end. Timestamps have seven decimals; they turn to ns since the first
 * row by integer arithmetic (Gregorian calendar, no leap seconds, no time zone). Rows are in order of time; equal
 * timestamps are fine.
 *
 * Nothing is skipped: a line that is not such a row (a field missing or left over, no whole number of tokens from 1 to
 * TRACE_TOKENS_MAX, a malformed timestamp or one before the last row's, a NUL byte, an empty or over-long line)
 * is an error `path:line: what is wrong (want ...)`, EXIT_CODE_FAILED. What a cut within the last number of the file
 * leaves is a smaller number: that cannot be seen.
 *
 * The format says nothing of what the prompts hold: rows have no chain.
 * Bounded memory: one line is held. Ownership: trace_azure_close frees what trace_azure_open gave.
 */
#ifndef WORKLOAD_TRACE_AZURE_H
#define WORKLOAD_TRACE_AZURE_H

#include "base/err.h"
#include "workload/trace_row.h"

enum { TRACE_LINE_MAX = 255 }; /* bytes, without the line's end */

struct trace_azure;

/* NULL with err when the file cannot be read (EXIT_CODE_IO) or does not begin with the header above. */
struct trace_azure *trace_azure_open(const char *path, struct err *e);
void trace_azure_close(struct trace_azure *t); /* NULL is fine */

/* 1: a row; 0: the file has ended; -1: err. */
int trace_azure_next(struct trace_azure *t, struct trace_row *row, struct err *e) __attribute__((warn_unused_result));

#endif
