/*
 * rows_memory.h - the tables tier, port and move_kind of a results file, read back and checked: every id, count and
 * name that records refer to or metrics are made of.
 */
#ifndef REPORT_ROWS_MEMORY_H
#define REPORT_ROWS_MEMORY_H

#include <stdbool.h>

#include <sqlite3.h>

#include "base/arena.h"
#include "base/err.h"
#include "store/store.h"
#include "trace/trace.h"

/* Into the arena. -1 with err: rows that cannot be. */
int rows_memory(struct store_memory *m, sqlite3 *db, const char *path, struct arena *a, struct err *e);

/* Whether a record refers to what there is. */
bool rows_memory_has(const struct store_memory *m, enum ev_kind k, const int64_t *rec);

#endif
