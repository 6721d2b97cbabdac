/*
 * vtab.h - an array of records as an SQLite table, so that `INSERT OR REPLACE INTO request SELECT * FROM unit_request`
 * writes all of it with one statement, in an order of our choice. For rows that replace others; the rest, which is
 * nine rows of ten, takes the faster way of image.h.
 *
 * An eponymous, read-only virtual table, "unit_" + the kind's name, on the writer's own connection; nothing of it
 * reaches the file. It reads what its vtab_source points to at that time; the caller keeps the
 * arrays alive and unchanged while a statement runs. Only full scans, in array order (or in that of `order`).
 */
#ifndef STORE_VTAB_H
#define STORE_VTAB_H

#include <stdint.h>

#include <sqlite3.h>

#include "base/sort.h"
#include "trace/trace.h"

struct vtab_source {
    enum ev_kind kind;
    const int64_t *rec;
    uint32_t n;
    const struct sort_pair *order; /* NULL: as they lie; else n pairs, value = index of a record */
};

/* Registers the table; source must outlive the connection. Gives an SQLite result code. */
int vtab_register(sqlite3 *db, struct vtab_source *source);

#endif
