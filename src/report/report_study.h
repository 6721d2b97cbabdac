/*
 * report_study.h - what a study file says: its parameter sets, a line each, with the means that matter most.
 */
#ifndef REPORT_REPORT_STUDY_H
#define REPORT_REPORT_STUDY_H

#include <stdio.h>

#include "base/err.h"
#include "report/report.h"

/* Text: a table of some metrics, with the half width of their 95 % intervals. JSON: all metrics. -1 with err. */
int report_study(const char *path, enum report_format format, FILE *out, struct err *e);

#endif
