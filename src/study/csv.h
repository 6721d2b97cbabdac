/*
 * csv.h - tables of measurements: comma-separated text with one header line, held whole in memory.
 *
 * Strict, because a table that is read wrongly gives a wrong fit and no crash: columns are found by the header's names
 * (each once), each row has as many fields as the header, a quoted field ("a,b", with "" for a quote) may stand where a
 * field starts and must end where it ends, and lines do not run on. LF and CRLF are taken. All mistakes are collected
 * as file:line. Numbers are decimal and finite; an empty field is not a number (ask csv_empty first where it may be).
 */
#ifndef STUDY_CSV_H
#define STUDY_CSV_H

#include <stdbool.h>
#include <stddef.h>

#include "base/diag.h"

enum { CSV_LINE_MAX = 8192, CSV_COLUMNS_MAX = 128 };

struct csv;

/* NULL if the file cannot be read or anything in it is wrong; diags then says what. Free with csv_free. */
struct csv *csv_read(const char *path, struct diags *d);
void csv_free(struct csv *t);

const char *csv_path(const struct csv *t);
size_t csv_rows(const struct csv *t);
int csv_line(const struct csv *t, size_t row); /* for messages; rows count from 0 without the header, lines from 1 */

/* The index of a column, or -1. csv_need says in d that it is missing. */
int csv_column(const struct csv *t, const char *name);
int csv_need(const struct csv *t, const char *name, struct diags *d);

const char *csv_text(const struct csv *t, size_t row, int column);
bool csv_is(const struct csv *t, size_t row, int column, const char *text);
bool csv_empty(const struct csv *t, size_t row, int column);
/* False, and a mistake in d, where the field is no number. */
bool csv_number(const struct csv *t, size_t row, int column, double *value, struct diags *d);

#endif
