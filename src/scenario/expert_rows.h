/*
 * expert_rows.h - the keys of [experts] (policy/memory.h): a part of tables.c, which alone includes it.
 */
#ifndef SCENARIO_EXPERT_ROWS_H
#define SCENARIO_EXPERT_ROWS_H

#include "policy/memory.h"
#include "scenario/rows.h"

static const char *const expert_popularities[] = {"zipf", "uniform", "table", NULL};
_Static_assert(EXPERTS_ZIPF == 0 && EXPERTS_UNIFORM == 1 && EXPERTS_TABLE == 2, "the order of expert_popularities");
static const char *const expert_accesses[] = {"fetch", "in_place", NULL};
_Static_assert(EXPERTS_FETCH == 0 && EXPERTS_IN_PLACE == 1, "the order of expert_accesses");

static const struct opt expert_rows[] = {
    REAL("hot_share", expert_options, hot_share, 0, 1, "1",
         "share of the routed experts' bytes that stays in HBM; below 1, each step's experts are drawn one by one"),
    TEXT("tier", expert_options, tier, "warmest", "the tier where the others lie: a name, or the warmest in use"),
    CHOICE("access", AT(expert_options, access), expert_accesses, "fetch",
           "an expert that is not in HBM is copied there before its layer runs, or read in place by its kernel"),
    CHOICE(
        "popularity", AT(expert_options, popularity), expert_popularities, "zipf",
        "how often tokens pick an expert: by Zipf's law with the exponent replica.expert_skew, all alike (which makes "
        "that 0), or by table"),
    {"table", OPT_PATH, UNIT_NONE, AT(expert_options, table), OPT_NO_LIMITS, "", NULL,
     "with popularity = table: a file of weights, one row of all experts for all layers, or one for each layer that "
     "has "
     "experts; numbers separated by blanks or commas, # starts a comment"},
    TIME("drift", expert_options, drift_ns, 1e-9, 9e6, "",
         "time from one move of the popularity ranking to the next; without it, it stays"),
    REAL("drift_share", expert_options, drift_share, 0, 1, "0.05",
         "share of each layer's experts that exchange their popularity, in pairs, in such a move"),
    TIME("adapt", expert_options, adapt_ns, 0, 1e6, "0s",
         "time between moves of a fiftieth of the experts' bytes of HBM to the KV cache or back, whichever made requests "
         "wait longer since the last one; experts never get more than hot_share; 0: the split stays"),
    INT("layers", expert_options, layers, 0, 1e6, "0",
        "layers whose experts are drawn, each standing for several alike; 0: all that have experts"),
};

#endif
