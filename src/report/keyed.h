/*
 * keyed.h - sums by id, for ids that come and go: a hash table of rows of doubles.
 *
 * Linear probing; what is taken out leaves no gap in a chain. Ids are >= 0. A row's address holds until the next call.
 */
#ifndef REPORT_KEYED_H
#define REPORT_KEYED_H

#include <stddef.h>
#include <stdint.h>

struct keyed {
    int64_t *id; /* -1: free */
    double *row;
    size_t n, cap, width; /* cap: a power of two, or 0 */
};

/* k zeroed, but for width. The row of the id; a new one is of zeros. */
double *keyed_at(struct keyed *k, int64_t id);
double *keyed_find(const struct keyed *k, int64_t id); /* NULL: there is none */
void keyed_drop(struct keyed *k, int64_t id);
void keyed_free(struct keyed *k);

#endif
