/*
 * part.h - who may write FILE, and how FILE.part becomes FILE.
 *
 * The lock is SQLite's own exclusive lock on FILE.part, held from part_open until the connection is closed; the kernel
 * drops it when the process dies. So a run in progress can be told from a dead one's leftover:
 *   locked            another run is writing it: always refused
 *   empty             a run that died before its first commit: taken over
 *   anything else     partial results (killed, interrupted, failed): replaced only with force
 * FILE itself, when it exists, also needs force, and is replaced by the rename alone.
 *
 * Paths go to SQLite with "./" before relative ones: "file:x" and ":memory:" are files like any other here.
 */
#ifndef STORE_PART_H
#define STORE_PART_H

#include <stdbool.h>

#include <sqlite3.h>

#include "base/err.h"

/* path as SQLite must see it to take it as a plain file name; to be freed. */
char *part_sqlite_path(const char *path);

/* Opens an empty database at part (= file + ".part") and locks it. -1 with err: refused, or not writable. */
int part_open(sqlite3 **db, const char *file, const char *part, bool force, struct err *e);

/* Renames part to file, refusing to replace unless force, and makes the rename durable. */
int part_rename(const char *file, const char *part, bool force, struct err *e);

#endif
