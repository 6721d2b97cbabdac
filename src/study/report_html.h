/*
 * report_html.h - tiersim report --html: what a results file says as one page that needs nothing else.
 */
#ifndef STUDY_REPORT_HTML_H
#define STUDY_REPORT_HTML_H

#include <stdio.h>

#include "base/err.h"

/* timeout_s: of each picture's query; one that takes longer is left out, and the page says so. -1 with err. */
int report_html(const char *path, double timeout_s, FILE *out, struct err *e);

#endif
