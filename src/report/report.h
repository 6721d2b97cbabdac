/*
 * report.h - what a results file says, as text in vLLM's layout or as JSON with vLLM's keys. All of it is
 * read from the file (tables run, metric, counter, class), so that each number can be had with plain sqlite3.
 */
#ifndef REPORT_REPORT_H
#define REPORT_REPORT_H

#include <stdio.h>

#include "base/err.h"

enum report_format { REPORT_TEXT, REPORT_JSON };

/* Opens path (refuses what is no results file, or of an unknown major version), rolls back a hot journal,
 * prints. -1 with err. */
int report_print(const char *path, enum report_format format, FILE *out, struct err *e);

#endif
