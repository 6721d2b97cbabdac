/*
 * compare.h - two sets of runs: by how much their metrics differ, and which differences are more than chance.
 *
 * Paired: a run of A and one of B of the same seed and replication met the same random numbers (base/rng.h: arrivals,
 * lengths, tools, faults each have a stream of their own), so their difference is free of what both shared. Paired
 * where each run of the one has a partner in the other, else not at all: half a pairing is none. Said in the result.
 *
 * One run on either side has no replications: intervals are then of batch means of its calls (calls.h), for the metrics
 * that a series of calls tells; paired call by call where both runs have the same seed and replication and their calls
 * came at the same instants (so not in closed loops or agents' chains, where later calls wait for earlier ones).
 *
 * Significant: Holm's p-value (interval.h), adjusted for all metrics that are shown, is at most 1 - confidence.
 * Intervals themselves are of each metric alone.
 *
 * A difference without any variation (all pairs differ by the same) has an interval of no width: it says that
 * replications are alike, as without random draws, not that the model is exact.
 */
#ifndef STUDY_COMPARE_H
#define STUDY_COMPARE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/err.h"
#include "study/interval.h"
#include "study/outcome.h"

struct compare_row {
    const char *name, *unit; /* of the outcomes */
    struct difference of;
    double p_holm;
    bool significant;
    bool correlated; /* batches that are not independent */
};

enum compare_by { COMPARE_REPLICATIONS, COMPARE_BATCHES };

struct compare {
    const struct outcome *a, *b;
    enum compare_by by;
    bool paired;
    const char *why_not; /* paired */
    int64_t n_pairs;
    struct compare_row *rows;
    int64_t n_rows, n_tests; /* n_tests: rows with a p-value */
};

/* names: the metrics; n_names = 0: the usual ones, or all. -1 with err: a name that neither has, one run where batches
 * cannot be had. To be freed in any case; a and b must outlive it. */
int compare_make(struct compare *c, const struct outcome *a, const struct outcome *b, const char *const *names,
                 int64_t n_names, bool all, struct err *e);
void compare_free(struct compare *c);

void compare_print(const struct compare *c, bool json, FILE *out);

#endif
