/*
 * export_table.h - tables and views of a results file as CSV, and what datasette wants to know of it.
 */
#ifndef STUDY_EXPORT_TABLE_H
#define STUDY_EXPORT_TABLE_H

#include <stdint.h>
#include <stdio.h>

#include "base/err.h"

/* RFC 4180: a header, quotes where they must be, NULL as nothing. -1 with err, also where there is no such table. */
int export_csv(const char *results, const char *table, FILE *out, int64_t *rows, struct err *e);

/* metadata.json of datasette: what tables and columns mean, and the pages' pictures as queries. */
int export_datasette(const char *results, FILE *out, struct err *e);

#endif
