#include "base/hist.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/bug.h"

void hist_init(struct hist *h)
{
    memset(h, 0, sizeof *h);
}

void hist_free(struct hist *h)
{
    for (int o = 0; o < HIST_OCTAVES; o++)
        free(h->octave[o]);
    hist_init(h);
}

uint64_t *hist_new_octave(struct hist *h, unsigned octave)
{
    return h->octave[octave] = mem_zalloc(HIST_BUCKETS, sizeof(uint64_t));
}

void hist_merge(struct hist *into, const struct hist *from)
{
    into->below_one += from->below_one;
    into->total += from->total;
    for (unsigned o = 0; o < HIST_OCTAVES; o++) {
        if (!from->octave[o])
            continue;
        uint64_t *to = into->octave[o] ? into->octave[o] : hist_new_octave(into, o);
        for (int b = 0; b < HIST_BUCKETS; b++)
            to[b] += from->octave[o][b];
    }
}

static double middle(unsigned octave, unsigned bucket)
{
    return ldexp(1.0 + (bucket + 0.5) / HIST_BUCKETS, (int)octave);
}

/* The values at ranks `rank` and rank + 1 (from 0; the latter only if there is one). */
static void values_at(const struct hist *h, uint64_t rank, double *here, double *next)
{
    uint64_t seen = h->below_one;
    bool have = rank < seen;

    *here = *next = 0;
    if (have && (rank + 1 < seen || rank + 1 == h->total))
        return;
    for (unsigned o = 0; o < HIST_OCTAVES; o++) {
        if (!h->octave[o])
            continue;
        for (unsigned b = 0; b < HIST_BUCKETS; b++) {
            seen += h->octave[o][b];
            if (!have && rank < seen) {
                *here = *next = middle(o, b);
                have = true;
            }
            if (have && (rank + 1 < seen || rank + 1 == h->total)) {
                if (h->octave[o][b])
                    *next = middle(o, b);
                return;
            }
        }
    }
}

double hist_quantile(const struct hist *h, double p)
{
    double here, next;

    if (!h->total)
        return NAN;
    double index = p * (double)(h->total - 1);
    uint64_t rank = (uint64_t)index;
    if (rank > h->total - 1)
        rank = h->total - 1;
    values_at(h, rank, &here, &next);
    double delta = index - (double)rank;
    return (1 - delta) * here + delta * next;
}
