/*
 * trace_file.h - the rows of a trace file, whatever its format and compression.
 *
 * The format is what workload.trace_format says; auto looks at the first line, never at the name. The file is opened
 * once and read forward only: a pipe will do (/dev/stdin too). Compression: bytes.h.
 *
 * Bounded memory: a row and a line are held. Ownership: trace_file_close frees what trace_file_open gave.
 */
#ifndef WORKLOAD_TRACE_FILE_H
#define WORKLOAD_TRACE_FILE_H

#include "workload/trace_format.h"

struct trace_file;

/* Opens o->trace, or takes `file` if that is not NULL (and o->trace names it). hint: as bytes_new's. Of the options
 * only trace, trace_format and trace_block_tokens are looked at; they are borrowed. NULL with err: the file cannot be
 * read, or its first line is not one that we know. */
struct trace_file *trace_file_open(FILE *file, const struct workload_options *o, const char *hint, struct err *e);
void trace_file_close(struct trace_file *t); /* NULL is fine */

/* 1: a row; 0: the file has ended; -1: err. */
int trace_file_next(struct trace_file *t, struct trace_row *row, struct err *e) __attribute__((warn_unused_result));

const struct trace_kind *trace_file_kind(const struct trace_file *t);
const struct trace_about *trace_file_about(const struct trace_file *t);
int64_t trace_file_failed(const struct trace_file *t); /* rows so far that the format marks as failed */

#endif
