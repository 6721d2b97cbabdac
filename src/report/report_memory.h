/*
 * report_memory.h - the report's part on memories, as text: hits by tier, bytes moved, who slowed whom, wear.
 *
 * Shown where the file has metrics of them (collect_memory.h). All lines come from metrics; which there are follows
 * from their names, so that a tier or link is found whatever it is called.
 */
#ifndef REPORT_REPORT_MEMORY_H
#define REPORT_REPORT_MEMORY_H

#include <stdio.h>

#include "report/load.h"

bool report_has_memory(const struct results *r);
/* Lines of `label` columns and a value; texts of the file are cleaned of control characters. */
void report_memory(const struct results *r, int label, FILE *out);

#endif
