/*
 * rows_bill.h - the tables bill and bill_pool of a results file, and its price card, read back and checked: what the
 * metrics of cost need beside records, where a run was killed before it wrote them.
 */
#ifndef REPORT_ROWS_BILL_H
#define REPORT_ROWS_BILL_H

#include <stdbool.h>

#include <sqlite3.h>

#include "base/arena.h"
#include "base/err.h"
#include "store/store.h"
#include "trace/trace.h"

/* n_pools: of table replica, whose GPUs and blocks it fills in. No parts: the run had no bill. -1 with err: rows that
 * cannot be. */
int rows_bill(struct store_bill *b, struct store_pool *pools, int64_t n_pools, sqlite3 *db, const char *path,
              struct arena *a, struct err *e);

/* Whether a record refers to a pool that there is. */
bool rows_bill_has(const struct store_bill *b, enum ev_kind k, const int64_t *rec);

#endif
