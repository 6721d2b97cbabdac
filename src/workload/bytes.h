/*
 * bytes.h - the bytes of a file as they were before it was compressed: plain, gzip (zlib) or Zstandard (libzstd).
 *
 * Which of them is seen from the first bytes (RFC 1952: 1f 8b; RFC 8878: 28 b5 2f fd, or a skippable frame), never from
 * the name. The file is opened once and read forward only, so a pipe will do. Several members or frames one after the
 * other are one text; data that ends within one is an error, and so is anything that is no further one after it.
 *
 * Bounded memory: two buffers of 64 KiB and the decoder's window: 32 KiB (gzip), at most 128 MiB (zstd; files of the
 * levels up to 19 ask for 8 MiB or less, those of --long=28 and more are refused). At most `most` bytes come out of
 * compressed data, so that a small file cannot keep a run busy for ever.
 * Ownership: bytes_close frees what bytes_new gave, and closes the file.
 */
#ifndef WORKLOAD_BYTES_H
#define WORKLOAD_BYTES_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/err.h"

#define BYTES_MOST (UINT64_C(1) << 38) /* 256 GiB: some 10^9 rows */

struct bytes;

/* The file is bytes' from here on. path names it in messages, hint ends those about files that cannot be read
 * ("": none); both are borrowed. */
struct bytes *bytes_new(FILE *file, const char *path, const char *hint, uint64_t most);
void bytes_close(struct bytes *b); /* NULL is fine */

/* 1: the next piece, of 64 KiB unless it is the last, bytes' own until the next call; 0: the end; -1: err. */
int bytes_next(struct bytes *b, const char **piece, size_t *n, struct err *e) __attribute__((warn_unused_result));

/* -1, and err says that the file cannot be read for the reason `error` (errno's). */
int bytes_unreadable(const char *path, const char *hint, int error, struct err *e);

#endif
