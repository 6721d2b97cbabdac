/*
 * report_run.h - what a page says of one run beside its pictures: which it was, its results in short, all its metrics.
 */
#ifndef STUDY_REPORT_RUN_H
#define STUDY_REPORT_RUN_H

#include <stdio.h>

#include "report/load.h"

void report_run_head(FILE *out, const struct results *r, const char *path);
/* With intervals, where there are: of the run by batch means, of measured systems of its kind. */
void report_run_cards(FILE *out, const struct results *r, const char *path);
void report_run_metrics(FILE *out, const struct results *r);

/* One of <dl class="cards">; "; " in note begins a new line. name, unit and class are the caller's own. */
void report_card(FILE *out, const char *name, const char *value, const char *unit, const char *class, const char *note);

#endif
