/*
 * capacity.h - tiersim capacity: the highest load at which a fleet holds its objectives, and the cheapest fleet that
 * holds them at its load. Both ask simulations; [capacity] (scenario/capacity.h) says what "holds" is.
 *
 * A parameter set of a study holds at a load if over its replications
 *   - the mean SLO attainment (with run.slo_window: that of the worst window of each) is at least `target`, and
 *   - not more than half of them are OVERLOADED (report/verdict.h), unless stable = no, and
 *   - with spare = k, the same is so while k failure domains are down, for each pool in turn (capacity_fleet.h).
 * It is `sure` where the 95% interval of the attainment lies on the same side of the target as the mean. How many of
 * the replications reached it by themselves is given as well: with calibration = drawn, the share of real fleets that
 * would.
 *
 * Replications are [sweep] repeat of the study, or what is asked for; replication r has the same random numbers in
 * every set and at every load. With [engine] calibration = drawn each draws how far the engine's measurements are off,
 * so that the intervals hold that as well.
 */
#ifndef STUDY_CAPACITY_H
#define STUDY_CAPACITY_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/err.h"
#include "scenario/capacity.h"
#include "study/interval.h"
#include "study/outcome.h"
#include "study/point.h"

enum { CAPACITY_REPLICATIONS = 5 };

struct capacity_ask {       /* strings are the caller's */
    const char *path, *out; /* out: study file of the cheapest fleet's search */
    char *const *sets;
    size_t n_sets;
    int64_t replications; /* 0: the study's, or CAPACITY_REPLICATIONS where it has one repetition */
    int workers;
    bool all;   /* cheapest: every set that is allowed is tried, for the whole front */
    bool force; /* replace out */
    bool quiet;
};

/* The study with its [capacity], and its replications as [sweep] repeat. -1 with err; capacity_close in any case. */
struct capacity_study {
    struct study study;
    struct capacity_options options;
    char **sets; /* of study: those asked for, and repeat */
    size_t n_sets;
    struct arena arena;
};
int capacity_open(struct capacity_study *c, const struct capacity_ask *ask, struct err *e);
void capacity_close(struct capacity_study *c);

/* What one run says of holding. -1 with err: no class has an objective. */
struct capacity_sign {
    double attainment;
    bool overloaded;
};
int capacity_sign(const struct outcome *o, struct capacity_sign *s, struct err *e);

/* Of n of them. */
struct capacity_verdict {
    struct interval attainment;
    int64_t overloaded, reached; /* reached: the target, and not overloaded */
    bool holds, sure;
};
struct capacity_verdict capacity_judge(const struct capacity_options *o, const struct capacity_sign *s, int64_t n);

#endif
