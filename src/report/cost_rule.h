/*
 * cost_rule.h - who a run's bill falls on: from sums over its records to US$, part by part. Arithmetic alone.
 *
 * A part of the bill is cut by what was used of it, and by whom (DESIGN.md, "What a token costs"):
 *
 *   gpu, nic, node, power   by the time of steps, of the time that the pool's replicas were there
 *   hbm                     weights and what else is no room for KV: as those. Room for KV, by blocks x time in steps: of
 *                           prompts under way, of contexts that decode, of the prefix cache alone
 *   warm, cold              by bytes x time, as sampled: cached KV; KV of sequences that run, as in HBM; experts and
 *                           tables by the time of steps
 *
 * What is left is idle. Who used it: requests that were answered (input: what their prompts caused; output: their
 * answers), those that were not (lost), and those of the edges (other: they came before warm-up, or were in flight at
 * the end). What cached KV takes goes to the tokens found cached (cached).
 *
 * The full cost of a use has its share of the idle, pro rata within the part; a part that nobody used counts as used by
 * the pool's steps, or by those of all pools where that has none. Rates are full costs of a unit of use, so that the
 * cost of any request is a sum of products.
 *
 * Invariant: of each part, the shares add up to what the bill has for it, and none is negative (cost_rule_check).
 */
#ifndef REPORT_COST_RULE_H
#define REPORT_COST_RULE_H

#include <stdbool.h>
#include <stdint.h>

#include "store/store.h"

enum cost_who { COST_INPUT, COST_CACHED, COST_OUTPUT, COST_LOST, COST_OTHER, COST_IDLE, COST_WHOS };
extern const char *const cost_who_names[COST_WHOS];

/* What requests took of a pool's steps. */
enum cost_use { COST_PREFILL_NS, COST_DECODE_NS, COST_PREFILL_TOKEN_US, COST_DECODE_TOKEN_US, COST_USES };
struct cost_taken {
    double of[COST_USES];
};

struct cost_pool { /* from warm-up to the end */
    double there_ns;                         /* of its replicas, or members of replicas: time that they were there */
    double gpus;                             /* of each of those */
    struct cost_taken all, served, lost;
    double prompt_room, decode_room, cached_room; /* shares of the room for KV of all that time, in steps */
};

struct cost_tier { /* mean shares of all its bytes; 0: not sampled */
    double cached, running, others;
};

struct cost_seen {
    double duration_s;
    struct cost_pool pool[STORE_BILL_POOLS_MAX];
    struct cost_tier tier[STORE_BILL_TIERS_MAX]; /* ids of table tier */
    double hits_served, hits_lost, hits_all;     /* prompt tokens found cached */
};

struct cost_share { /* of a part */
    double usd;               /* all of it: the bill */
    double who[COST_WHOS];    /* as used, and idle */
    double full[COST_WHOS];   /* with the idle's; COST_IDLE: where nothing was ever used */
};

struct cost_result {
    struct cost_share part[STORE_BILL_PARTS_MAX], sum;
    double rate[STORE_BILL_POOLS_MAX][COST_USES]; /* US$ of one */
    double cached_rate;                           /* of a token found cached */
    double gpu_hours;                             /* that were paid */
    double joules, input_joules, output_joules, lost_joules; /* of all; of the answered requests; full, as US$ are */
};

void cost_rule(const struct store_bill *bill, const struct cost_seen *seen, struct cost_result *out);
/* US$ of a use, full. */
double cost_of_use(const struct cost_result *r, int64_t n_pools, const struct cost_taken taken[], double hits);

#endif
