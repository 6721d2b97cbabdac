/*
 * demand.h - what memory it takes to serve so many tokens a day: GB, GB/s and US$ of each, from a finished run.
 *
 * The run says what one fleet served while it met its objectives as well as it did, what its memories held and moved;
 * [prices] say what they cost; [supplier NAME] who makes them. A system for D tokens a day is D / d such fleets, not rounded:
 *
 *   d = tokens (input, found cached or not, and output) of counted requests / counted share / duration * utilisation
 *
 * The counted share of the bill is what these requests caused (report/cost_rule.h). The rest of the fleet's time went to
 * requests that came before warm-up or were in flight at the end, and is taken to have served tokens at the same price. So US$ a
 * million tokens are the report's, and with d they are the bill. A run that had no [prices] does not tell: then all of it.
 *
 *   have     what the bill has of a memory (scenario/bill.h), GB and GB/s as reached
 *   held     what lay there: mean and most at one sample, of all units together; HBM with weights and activations
 *   moved    bytes over its port, mean and in the busiest whole interval between samples; HBM with what steps read
 *   US$      have at what the buyer pays, whether the basis buys it or has it in a rent
 *
 * Held and moved need samples: log = step or all, and tiers in use. Without, HBM's weights, activations and the most KV
 * of any replica (as if all had it at once) are told, and the rest is NaN.
 *
 * Suppliers share a memory as their `share * available` do, those not named as what is left to 1. Their sum is what is
 * made of what was made before: the supply. If buyers are cut alike, so much of the system can be built; if price cuts
 * them, it rises by supply^(-1/elasticity). GB/s come with modules, so a mix of larger ones has less.
 *
 * Not modelled: fleets of another shape where a memory is dear (that is a sweep's question), demand that answers to the
 * price of tokens, contracts and stocks, lead times.
 */
#ifndef STUDY_DEMAND_H
#define STUDY_DEMAND_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/err.h"
#include "scenario/bill.h"
#include "scenario/scenario.h"

enum { DEMAND_MEMORIES_MAX = 1 + MEMORY_TIERS_MAX };

struct demand_seen { /* of all units of a tier; NaN: not known */
    const char *name; /* of the tier, or "hbm" */
    double held_mean_B, held_peak_B, unit_held;     /* unit_held: of the fullest unit, at its fullest, the share held */
    double life_years; /* of drives, as they were written */
    double moved_mean_Bps, moved_peak_Bps, unit_busy; /* of the busiest one, the share of the time in the busiest interval */
};

struct demand_run { /* a results file; texts in its arena */
    const char *resolved;           /* the scenario, in normal form */
    double verdict;                 /* enum verdict; NaN: none */
    double duration_s, input_tokens, output_tokens;
    double attainment;              /* share of the requests in time; NaN: no objectives */
    double counted;                 /* share of the bill that counted requests caused; 1 where it is not known */
    double there;                   /* replicas that were there, of all: below 1 with [autoscale] */
    double busy[BILL_POOLS_MAX];    /* share of the time, of a pool's replicas that were there, in steps */
    double peak_kv_blocks;          /* of any replica */
    struct demand_seen seen[DEMAND_MEMORIES_MAX];
    int64_t n_seen;
    struct arena arena;
};

struct demand_memory {
    int64_t tier;             /* -1: HBM */
    const char *name, *product;
    int kind;                 /* enum bill_kind: BILL_HBM, BILL_WARM, BILL_COLD */
    double units;             /* of the tier, whole or not; of HBM the GPUs */
    double have_B, have_Bps, usd_per_gb, usd;
    double module_B, module_Bps, modules; /* 0: it is not made of them */
    struct demand_seen seen;
    /* Of modules, the fewest of a unit that hold, and move, what the fullest and busiest unit did; 0: not known. */
    double fewest;
};

struct demand {
    struct bill bill;
    double tokens_per_day; /* of one fleet */
    double usd_per_m;      /* a million tokens, of either kind */
    double fleets, system_tokens_per_day;
    struct demand_memory memory[DEMAND_MEMORIES_MAX];
    int64_t n;
};

/* Reads what is needed of it. -1 with err. demand_run_free in any case. */
int demand_read(struct demand_run *r, const char *path, struct err *e);
void demand_run_free(struct demand_run *r);
/* r->resolved; where one of the assignments names a preset of [prices], without the prices of the run, which would override it. In
 * r's arena. */
const char *demand_scenario(struct demand_run *r, char *const *sets, size_t n_sets);

/* sc: what r->resolved loads as, with [prices]. tokens_per_day of the system; 0: one fleet. */
void demand_make(struct demand *out, const struct scenario *sc, const struct demand_run *r, double tokens_per_day);

/* US$ that the run cost by the bill: its hours, and power above idle of its steps. */
double demand_run_usd(const struct demand_run *r, const struct bill *b);

/* Of a memory: what of it can be had, as a share of what was, and what that makes of its price. 1, 1 without suppliers. */
struct demand_supply {
    double supply, price_factor;
};
struct demand_supply demand_supply(const struct scenario *sc, const struct memory_price *m);

/* demand_print.c. sc's prices change on the way and are put back. */
void demand_text(struct scenario *sc, const struct demand_run *r, const struct demand *d, FILE *out);
void demand_json(struct scenario *sc, const struct demand_run *r, const struct demand *d, FILE *out);

#endif
