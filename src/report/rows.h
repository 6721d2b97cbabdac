/*
 * rows.h - the metrics of a file whose run never got to write them: its rows, back through collect.
 */
#ifndef REPORT_ROWS_H
#define REPORT_ROWS_H

#include <sqlite3.h>

#include "report/load.h"

/* Fills metrics and t_end_ns of r, which has run, classes and replicas. -1 with err: rows that cannot be. */
int rows_to_metrics(struct results *r, sqlite3 *db, const char *path, struct err *e);

#endif
