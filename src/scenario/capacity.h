/*
 * capacity.h - [capacity]: what a fleet must do, and what it may take: the question that `tiersim capacity` answers
 * (study/capacity.h). A run does not look at it.
 */
#ifndef SCENARIO_CAPACITY_H
#define SCENARIO_CAPACITY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/diag.h"
#include "conf/ini.h"
#include "conf/opt.h"

enum capacity_domain { CAPACITY_REPLICA, CAPACITY_HOST, CAPACITY_RACK };

struct capacity_options {
    const char *load;      /* section.key that is the offered load */
    const char *from, *to; /* of the search for the highest load, as that key takes them; NULL: none */
    double target;         /* SLO attainment */
    double precision;      /* of a search: the bracket's width over its upper end */
    bool stable;           /* a fleet that is OVERLOADED in most replications does not hold, whatever its attainment */
    int64_t spare;         /* k of N+k */
    int domain;            /* enum capacity_domain: what fails as one */
    int64_t rack_hosts;    /* hosts of a rack */
    double rack_kw;        /* 0: no limit */
    int64_t racks;         /* 0: no limit */
    const char *supply;    /* "NAME:AMOUNT ...": what there is of parts; NULL: enough */
};

/* The rows, for explain. */
extern const struct opt capacity_rows[];
enum { CAPACITY_ROWS = 12 };

/* From the entries of [capacity]; false with diags. */
bool capacity_read(struct capacity_options *o, const struct ini_entries *es, struct arena *a, struct diags *d);
/* Takes them out. */
void capacity_drop(struct ini_entries *es);

#endif
