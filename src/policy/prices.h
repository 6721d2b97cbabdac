/*
 * prices.h - what hardware, memory and power cost, and what a model's tokens are sold for: typed options only.
 *
 *   [prices]             basis, amortisation, power; preset = NAME is data/prices-NAME.ini. Without it nothing is priced
 *   [gpu_price NAME]     of one GPU: rent, published cost of owning, system price, watts
 *   [memory_price NAME]  of one kind of memory: US$/GB, reseller's margin
 *   [supplier NAME]      of one kind of memory: module size, share of the supply, US$/GB (study/demand.h)
 *   [price_card]         published prices of a model's tokens; preset = NAME of data/cards
 *
 * All money is US$. A GPU's price of any basis is per GPU of a whole system: GPU, CPU, board, switches, NICs, and the
 * memory that comes with it (bundled_*). Which figures enter a bill: scenario/bill.h.
 */
#ifndef POLICY_PRICES_H
#define POLICY_PRICES_H

#include <stdbool.h>
#include <stdint.h>

#include "conf/opt.h"

enum prices_basis {
    PRICES_RENT, /* by the hour, of somebody who has it: all in */
    PRICES_OWN,  /* bought: capital by annuity, upkeep and power beside it */
    PRICES_TCO   /* published cost of owning by the hour: all in, as rent without the seller's margin */
};

struct prices { /* [prices] */
    const char *name;
    int basis;               /* enum prices_basis */
    double years;            /* amortisation; > 0 in every [prices] that was given */
    double interest;         /* a year, on what is not paid back yet */
    double residual;         /* share of the price that is left at the end */
    double upkeep;           /* a year, share of the price: repairs, staff, space */
    double utilisation;      /* share of the hours paid in which the fleet works as in the run */
    bool whole_nodes;        /* GPUs of nodes that replicas only partly use are paid, too */
    double pue;              /* power of the building over that of the machines in it */
    double usd_per_kwh;
    const char *products;    /* "TIER:NAME ...": the [memory_price NAME] of a tier, or of "hbm"; NULL: by their own names */
};

struct gpu_price { /* [gpu_price NAME] */
    const char *name;
    const char *gpu;               /* [gpu] name that it is of; NULL: the section's own */
    double rent_usd_per_h;         /* of a GPU; 0: unknown, as all below */
    double tco_usd_per_h;
    double system_usd;             /* of a system, per GPU */
    double card_usd;               /* of it, the GPU with its HBM */
    double nic_usd;                /* of it, the NICs of a GPU */
    double bundled_dram_gb;        /* in the price whatever the basis, per GPU: soldered memory, or what is always sold with it */
    double bundled_nand_gb;
    double idle_watts, busy_watts; /* of a GPU without a step, and in one */
    double node_watts;             /* of the rest of the system, per GPU, whatever it does */
    const char *products;          /* as of [prices], before it, in this GPU's machines */
};

struct memory_price { /* [memory_price NAME] */
    const char *name;
    double usd_per_gb; /* what its maker takes */
    double margin;     /* of who sells it on, in his price: the buyer pays usd_per_gb / (1 - margin) */
    struct opt_list path_usd_per_gb; /* through the year ahead, in equal parts of it; n = 0: as it is */
    double elasticity;               /* of all buyers: price * s^(-1/elasticity) where supply falls to s; 0: it stays */
};

struct supplier { /* [supplier NAME] */
    const char *name;
    const char *memory;   /* [memory_price NAME] */
    int64_t module_bytes;
    double share;         /* of all that is made */
    double available;     /* of that, what can be had */
    double usd_per_gb;    /* 0: that of memory */
};

struct price_card { /* [price_card] */
    const char *name;
    double input_usd_per_m, cached_input_usd_per_m, output_usd_per_m; /* a million tokens; input: not found cached */
    const char *date;
};

static inline bool prices_given(const struct prices *p)
{
    return p->years > 0;
}

static inline bool price_card_given(const struct price_card *c)
{
    return c->output_usd_per_m > 0;
}

static inline double memory_price_paid(const struct memory_price *m)
{
    return m->usd_per_gb / (1 - m->margin);
}

#endif
