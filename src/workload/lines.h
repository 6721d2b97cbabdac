/*
 * lines.h - a trace's text line by line, and what is said of a bad one.
 *
 * Lines end in LF or CRLF; the last may lack its end. Refused everywhere, with file:line: an empty line, a NUL byte, a
 * line longer than the format allows. Messages are `path:line: what (want ...)`; what stands in the file reaches them
 * without control characters, so that it cannot steer a terminal.
 *
 * Bounded memory: one line and a piece of 64 KiB (bytes.h).
 * Ownership: lines_close frees what lines_open gave; the path is copied, the hint borrowed.
 */
#ifndef WORKLOAD_LINES_H
#define WORKLOAD_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/err.h"

#define TRACE_TOKENS_WANTED "a whole number from 1 to 2147483647"

enum { LINES_CSV_MAX = 255, LINES_TABLE_MAX = 4095 }; /* bytes, without the line's end */

struct lines;

/* hint: as bytes_new's. file: NULL to open the path. NULL with err when that fails. */
struct lines *lines_open(FILE *file, const char *path, const char *hint, struct err *e);
void lines_close(struct lines *l); /* NULL is fine */

/* Of the lines to come: at most max bytes, which a message calls `limit`; want: what a row is, for messages. */
void lines_expect(struct lines *l, size_t max, const char *limit, const char *want);

/* The first line before any is read, or its first 64 KiB, without its end. 1; 0: the file is empty; -1: err. */
int lines_peek(struct lines *l, const char **text, size_t *n, struct err *e) __attribute__((warn_unused_result));

/* 1: the next line, ended by a NUL, the caller's to write on until the next call; 0: the end; -1: err. */
int lines_next(struct lines *l, char **text, size_t *n, struct err *e) __attribute__((warn_unused_result));

/* -1 and the message of the line that was read last; lines_bad wants what lines_expect said. */
int lines_bad(const struct lines *l, struct err *e, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* FIELD "TEXT" WHAT (want WANT), the text cut to 40 bytes. */
int lines_bad_field(const struct lines *l, struct err *e, const char *field, const char *text, const char *what,
                    const char *want);

/* ---- what stands in fields ---- */

/* Cuts the line at its commas into at most max fields; how many there are, max + 1 for more. No quotes. */
int lines_split(char *text, char **field, int max);

/* A whole number from 0 to 2147483647, in digits alone. */
bool lines_count(const char *text, int64_t *value);
/* The same, from 1. */
bool lines_tokens(const char *text, int64_t *tokens);

#endif
