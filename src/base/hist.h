/*
 * hist.h - a log histogram: percentiles of a stream in bounded memory.
 *
 * Buckets are the leading bits of the IEEE double: its exponent and 10 bits of mantissa. Each is 1/1024 of its lower
 * bound wide and answers with its middle, so a value comes back within 1/2048 (0.05 %) of itself. Whole
 * numbers below 1024 get a bucket of their own each but come back half a bucket too high (within the
 * same bound). Values below 1 are all counted as 0: the unit is a ns, less is nothing.
 *
 * A percentile (type 7, linear between two ranks) is a convex mix of two such values, so it keeps the bound.
 * Each value carries a weight: how many times it counts.
 *
 * Memory: 8 KiB for each power of two seen, 63 at most. Not thread-safe. hist_free leaves it empty.
 */
#ifndef BASE_HIST_H
#define BASE_HIST_H

#include <stdint.h>
#include <string.h>

enum { HIST_BITS = 10, HIST_OCTAVES = 64, HIST_BUCKETS = 1 << HIST_BITS };

struct hist {
    uint64_t *octave[HIST_OCTAVES]; /* NULL until a value in [2^i, 2^(i+1)) comes */
    uint64_t below_one;
    uint64_t total; /* sum of all weights */
};

void hist_init(struct hist *h);
void hist_free(struct hist *h);
uint64_t *hist_new_octave(struct hist *h, unsigned octave);
void hist_merge(struct hist *into, const struct hist *from);

/* 0 <= p <= 1; NaN when the histogram is empty. */
double hist_quantile(const struct hist *h, double p);

/* value: any double that is not NaN; from 2^64 on they share the last octave. */
static inline void hist_add(struct hist *h, double value, uint64_t weight)
{
    uint64_t bits;

    h->total += weight;
    if (value < 1) {
        h->below_one += weight;
        return;
    }
    memcpy(&bits, &value, sizeof bits);
    unsigned octave = (unsigned)(bits >> 52) - 1023;
    if (octave >= HIST_OCTAVES)
        octave = HIST_OCTAVES - 1;
    uint64_t *bucket = h->octave[octave];
    if (__builtin_expect(!bucket, 0))
        bucket = hist_new_octave(h, octave);
    bucket[bits >> (52 - HIST_BITS) & (HIST_BUCKETS - 1)] += weight;
}

#endif
