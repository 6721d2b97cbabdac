/*
 * capacity_rate.h - the highest load at which each parameter set holds.
 *
 * Each replication is a search of its own: from `from` on the load is doubled until the run no longer holds, at most to
 * `to`; then the bracket is halved until its width is at most `precision` of its upper end. A run holds if its
 * attainment is at least the target and it is not OVERLOADED (stable = yes). A replication meets the same random
 * numbers at every load, so its attainment hardly ever rises with the load; where it does, the search ends at one of
 * the crossings. What it gives is the highest load at which it held. Replications being independent, their mean has
 * Student's interval: its lower end from the loads that held, its upper one from those, next to them, that did not, so
 * that the search's own width is in it. That interval is of the mean, and shrinks with their number; where one further
 * replication, or with [engine] calibration = drawn one real fleet, will lie is given beside it (interval_next).
 *
 * That mean is then tried: the attainment there, over all replications, stands beside it.
 *
 * A set of which some replication does not hold at `from`, or holds at `to`, has no interval: it is said to be below
 * the one or to reach the other.
 */
#ifndef STUDY_CAPACITY_RATE_H
#define STUDY_CAPACITY_RATE_H

#include "study/capacity.h"

struct capacity_rate_row {
    const char *params;     /* the set's values */
    struct interval load;   /* over replications, ends from both sides of their brackets; in the unit of from and to */
    struct interval next;   /* likewise, of one more of them: with calibration = drawn, where a real fleet will be */
    const double *each;     /* of each replication */
    int64_t below, reaches; /* replications beyond the ends: the mean is then that of the ends */
    struct capacity_verdict there;                              /* at load.mean; n = 0: not tried */
    double output_per_gpu, tokens_per_s_user, usd_per_m_output; /* there; NaN: none */
};

struct capacity_rates {
    struct capacity_study c;
    const char *unit; /* "/s" */
    struct capacity_rate_row *rows;
    int64_t n_rows, runs;
};

/* -1 with err; capacity_rates_free in any case. */
int capacity_rates_find(struct capacity_rates *r, const struct capacity_ask *ask, struct err *e);
void capacity_rates_free(struct capacity_rates *r);
void capacity_rates_print(const struct capacity_rates *r, bool json, FILE *out);

#endif
