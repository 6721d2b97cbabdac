/*
 * report_cost.h - the report's part on cost, as text: shown where the run had a bill (metric cost_usd, collect_cost.h).
 */
#ifndef REPORT_REPORT_COST_H
#define REPORT_REPORT_COST_H

#include <stdio.h>

#include "report/load.h"

bool report_has_cost(const struct results *r);
/* Lines of `label` columns and a value. */
void report_cost(const struct results *r, int label, FILE *out);

#endif
