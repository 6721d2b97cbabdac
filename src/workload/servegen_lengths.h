/* servegen_lengths.h - chunk-N-dataset.json of servegen_read.h. */
#ifndef WORKLOAD_SERVEGEN_LENGTHS_H
#define WORKLOAD_SERVEGEN_LENGTHS_H

#include "workload/servegen_read.h"

/* Fills p->lengths, n_lengths; -1: err. What was filled is the caller's to free either way. */
int servegen_lengths_read(const char *path, struct servegen_profile *p, struct err *e);
void servegen_law_free(struct servegen_law *law);

/* The value at the share u of the law, u in (0, 1). */
int64_t servegen_law_at(const struct servegen_law *law, double u);

#endif
