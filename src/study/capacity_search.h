/*
 * capacity_search.h - the cheapest fleet of a study that holds its load (capacity.h), and what lies on the Pareto
 * front.
 *
 *   1  every parameter set is loaded; what is not valid (a model that does not fit) or not allowed (capacity_fleet.h)
 *      is left out, with its reason
 *   2  the rest are tried from the cheapest on, by what they cost before anything runs
 *   3  a set of which the replications already run show that it cannot reach the target, whatever the others give, is
 *      given up
 *   4  it ends where the next set costs more, idle, than the cheapest that held does with its load
 *
 * Steps 3 and 4 leave out nothing that could be the answer: it is that of an exhaustive sweep. `all` does without both,
 * for the whole front.
 *
 * Several studies, one a model of the fleet: replicas of different models share no GPU, so that each is simulated
 * alone. What they share are racks and supply, as the first study's [capacity] says: chosen is the set of each whose
 * sum is cheapest within these. All sets are tried then where there is such a limit. Not modelled: models that share a
 * replica's GPUs in turns, or tiers or links across replicas of different models.
 *
 * Runs are kept in OUT.d as a sweep's, and not run again; those with domains down beside them (down-...). OUT.db is the
 * study file of the sets that were tried in full, with the table `capacity` of what was found of every set.
 */
#ifndef STUDY_CAPACITY_SEARCH_H
#define STUDY_CAPACITY_SEARCH_H

#include "study/capacity.h"
#include "study/capacity_fleet.h"

enum capacity_status {
    CAPACITY_LEFT_OUT, /* not valid, or not allowed */
    CAPACITY_DEARER,   /* not tried: it cannot be the cheapest */
    CAPACITY_GIVEN_UP, /* cannot reach the target any more */
    CAPACITY_FAILS,
    CAPACITY_FAILS_DOWN, /* holds whole, but not with domains down */
    CAPACITY_HOLDS,
    CAPACITY_STATUSES
};
extern const char *const capacity_status_names[CAPACITY_STATUSES];

struct capacity_set {
    int64_t set;
    const char *params, *why; /* why: left out; NULL else */
    struct capacity_fleet fleet;
    int status;                          /* enum capacity_status */
    struct capacity_verdict whole, down; /* down: of the worst pool; attainment.n = 0: not tried */
    struct interval cost, usd_per_m_output, tokens_per_s_user,
        output_per_gpu; /* n = 0: not tried; cost in US$/h or GPUs */
    bool front; /* of those that hold, none is better in one and no worse in the others of US$ a token (without prices:
                 * of nothing), tokens/s/user and tokens/s/GPU */
};

struct capacity_search {
    const struct capacity_ask *ask;
    struct capacity_study c;
    const char *dir;
    struct capacity_supply supply[CAPACITY_SUPPLY_MAX];
    int n_supply;
    struct capacity_set *sets; /* from the cheapest on */
    int64_t n_sets, runs;
    int64_t best;   /* index; -1: none holds */
    int64_t chosen; /* with other studies; as best where there is one */
    bool priced;
};

/* n studies, each with its ask. -1 with err; capacity_search_free of each in any case. */
int capacity_search_run(struct capacity_search *s, const struct capacity_ask *ask, int64_t n, struct err *e);
void capacity_search_free(struct capacity_search *s);

/* OUT.db of one (capacity_write.c). Nothing is written where no set was tried in full. */
int capacity_search_write(struct capacity_search *s, struct err *e);
/* capacity_report.c */
void capacity_search_print(const struct capacity_search *s, int64_t n, bool json, FILE *out);

#endif
