/*
 * bill.h - what a scenario's fleet costs by the hour, part by part, before anything runs in it.
 *
 * Every part has its price for each hour that passes, used or not (usd_per_h). Only power has more: what a GPU in a step
 * draws above idle. So a run costs
 *
 *   sum over parts of usd_per_h * hours                              hours: of the run; where by_replica, replica-hours
 *                                                                    of the part's pool / its replicas
 *   + GPU-hours in steps * (busy_W - idle_W) / 1000 * pue * usd_per_kwh
 *
 * and nothing else: the shares of requests must sum to that. All prices are divided by [prices] utilisation already,
 * power above idle excepted, since the fleet draws that only while it works. Rules and sources: DESIGN.md.
 *
 * Capital c becomes US$/h by annuity, with r = interest, n = years, s = residual and v = (1 + r)^-n:
 *
 *   c * (r * (1 - s * v) / (1 - v) + upkeep) / 8760 h            r = 0: (1 - s) / n instead
 *
 * Basis own: system = card + NICs + bundled memory + rest; HBM is taken out of the card at its price, bundled memory and
 * NICs out of the rest, and memory beyond the bundle is bought at what its seller takes. Basis rent or tco: the hourly
 * price has it all; HBM and bundled memory are taken out of it by annuity, and what is left is the part "gpu"; memory
 * beyond the bundle is bought, and kept, by the annuity.
 *
 * Not modelled: discounts by volume, taxes, parts that fail and are replaced beyond `upkeep`, power lost in conversion
 * beyond `pue`, tiers' and NICs' watts of their own (node_watts has them).
 */
#ifndef SCENARIO_BILL_H
#define SCENARIO_BILL_H

#include <stdbool.h>
#include <stdint.h>

#include "policy/memory.h"
#include "policy/prices.h"

enum bill_kind { BILL_GPU, BILL_HBM, BILL_WARM, BILL_COLD, BILL_NIC, BILL_NODE, BILL_POWER, BILL_KINDS };

/* Pools: at most one of prefill and one of decode. */
enum { BILL_POOLS_MAX = 2, BILL_PARTS_MAX = BILL_POOLS_MAX * (5 + MEMORY_TIERS_MAX) };

struct bill_part {
    const char *name;    /* "gpu", "hbm", "nic", "node", "power", or the tier's */
    const char *product; /* GPU or [memory_price] by name; NULL: neither */
    int kind;            /* enum bill_kind: WARM a tier of dram, COLD one of nand */
    int64_t pool;        /* index; -1: all pools share it (a tier with gpus = 0) */
    int64_t tier;        /* index into memory_options' tier; -1: none */
    bool by_replica;     /* paid while its replica exists ([autoscale]); else always */
    double count;        /* of GPUs, and of units of a tier, which are whole: the fleet can use all of each */
    double bytes;        /* of memory, all together; 0: none */
    double unit_usd;     /* price of one, memory a GB; 0: not bought, or unknown on this basis */
    double capex_usd;    /* of all; 0 with basis = rent or tco but for memory */
    double usd_per_h;    /* of all */
};

struct bill_power { /* of a pool, per GPU */
    double gpus;    /* that are paid, at the pool's full count of replicas */
    double idle_W, busy_W, node_W;
    int64_t replicas;
};

struct bill {
    struct bill_part part[BILL_PARTS_MAX];
    int64_t n_parts;
    struct bill_power power[BILL_POOLS_MAX];
    int64_t n_pools;
    double pue;
    double usd_per_kwh; /* what the bill pays; 0 with basis = rent or tco, whose price has it */
    double gpus;        /* of all pools */
    double capex_usd, usd_per_h; /* sums of the parts */
};

struct scenario;

/* 0, or -1 where the scenario has no [prices] (the bill is empty then). Names are the scenario's. */
int bill_make(const struct scenario *sc, struct bill *b);

/* Of the pool's GPU; NULL: there is none. */
const struct gpu_price *bill_gpu_price(const struct scenario *sc, int64_t pool);
/* Of a tier, or of HBM (tier -1), in a pool; NULL: none is listed. */
const struct memory_price *bill_listed_price(const struct scenario *sc, int64_t pool, int64_t tier);
/* The price of a tier, or of HBM (tier -1), in a pool: of [memory_price], else of [tier] or [memory]; usd_per_gb 0: none. */
struct memory_price bill_memory_price(const struct scenario *sc, int64_t pool, int64_t tier);

/* US$/h of capital: annuity and upkeep, without utilisation. */
double bill_usd_per_h(const struct prices *p, double capex_usd);

#endif
