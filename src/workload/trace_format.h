/*
 * trace_format.h - what a reader of one format of traces is. trace_file.c lists them.
 *
 * A reader gets lines and gives rows. It says no to whatever is no row of its format, with file:line, and skips nothing
 * but rows that the format itself marks as failed, by a rule that its file states; those it returns as
 * TRACE_ROW_FAILED, to be counted. Lines and options are borrowed and outlive it.
 */
#ifndef WORKLOAD_TRACE_FORMAT_H
#define WORKLOAD_TRACE_FORMAT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "scenario/scenario.h"
#include "workload/lines.h"
#include "workload/trace_row.h"

enum { TRACE_ROW_FAILED = 2 };

struct trace_about { /* what rows of this file have */
    bool times;      /* else every t_ns is 0 */
    bool sessions;
    bool graphs;     /* rows may wait for others, and tell their class and prompt_blocks (trace_own.c) */
    int64_t block_tokens; /* of the blocks of their chains; 0: they have none */
};

struct trace_kind {
    const char *name; /* as trace_format names it */
    const char *is;   /* whose, for messages */
    const char *first_line;
    /* Whether a file that begins with this line (cut to 64 KiB) is of the format. */
    bool (*sniff)(const char *line, size_t n);
    /* NULL with err: the first line is not one of the format. Fills what is known of the rows. */
    void *(*open)(struct lines *in, const struct workload_options *o, struct trace_about *about, struct err *e);
    /* 1: a row; TRACE_ROW_FAILED; 0: the end; -1: err. */
    int (*next)(void *reader, struct trace_row *row, struct err *e);
    void (*close)(void *reader);
};

extern const struct trace_kind trace_azure, trace_burstgpt, trace_mooncake, trace_own, trace_own_csv, trace_vidur;

#endif
