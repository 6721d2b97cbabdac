/*
 * capacity_fleet.h - what a fleet takes before anything runs in it, whether that is allowed, and the fleets that are
 * left when part of it is down.
 *
 * Cost    US$/h of the bill's parts (scenario/bill.h) that are paid whatever the load: no less than what a run then
 *         costs, which has the power of steps and of replicas that came with [autoscale] as well. Without [prices]:
 *         GPUs.
 * Racks   a host draws node.gpus * (busy_W + node_W); a rack feeds floor(rack_kw / that) hosts of a pool. A fleet takes
 *         sum over pools of hosts / that, in racks: pools, and fleets, may share one.
 * Supply  "NAME:AMOUNT": GPUs of that name (of [gpu] or [gpu_price], or "gpu"), units or bytes of a tier by its name or
 *         product.
 * Down    of each pool in turn, the first k domains: k hosts (domain = host), k * rack_hosts of them (rack), or the
 *         first GPU of each of the first k replicas. They fail at 0s for good, by [fault] (scenario/faults.c), and are
 *         still paid: the run is the scenario with these faults. Hosts are filled from the first on, so none has more
 *         replicas.
 *
 * Not modelled: the moment of the failure itself and what it loses (give [fault] for that), a rack's limits other than
 * power, domains that cut across hosts (a switch, a power feed).
 */
#ifndef STUDY_CAPACITY_FLEET_H
#define STUDY_CAPACITY_FLEET_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "scenario/capacity.h"
#include "scenario/scenario.h"

enum { CAPACITY_SUPPLY_MAX = 16 };

struct capacity_supply { /* what there is of a part */
    char name[128];
    double amount;
    bool bytes;
};

/* From [capacity] supply; *n of them. -1 with err. */
int capacity_supply_read(const char *text, struct capacity_supply *s, int *n, struct err *e);

struct capacity_fleet {
    double gpus;
    double cost; /* US$/h; without [prices], GPUs */
    bool priced;
    double racks;                     /* NaN: no rack_kw */
    double used[CAPACITY_SUPPLY_MAX]; /* of each supply */
    char why_not[256];                /* it is not allowed; "" else */
};

/* -1 with err: what the scenario lacks to be judged ([prices], watts, a part of that name). */
int capacity_fleet_make(struct capacity_fleet *f, const struct scenario *sc, const struct capacity_options *o,
                        const struct capacity_supply *s, int n_supply, struct err *e);

/* The text of the [fault]s that take domains of a pool down; NULL: nothing of the pool is left then. */
const char *capacity_faults(const struct scenario *sc, const struct capacity_options *o, int64_t pool, struct arena *a);

#endif
