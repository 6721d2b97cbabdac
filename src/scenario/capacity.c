#include "scenario/capacity.h"

#include <string.h>

#include "scenario/rows.h"

static const char *const domains[] = {"replica", "host", "rack", NULL};
_Static_assert(CAPACITY_REPLICA == 0 && CAPACITY_HOST == 1 && CAPACITY_RACK == 2, "the order of domains");

const struct opt capacity_rows[CAPACITY_ROWS] = {
    TEXT("load", capacity_options, load, "workload.rate",
         "the key that is the offered load, which a search for the highest rate sets; e.g. workload.rate, "
         "workload.concurrency"),
    TEXT("from", capacity_options, from, "",
         "where the search for the highest load begins, as that key takes it, e.g. 1/s"),
    TEXT("to", capacity_options, to, "", "the load beyond which it does not look"),
    REAL("target", capacity_options, target, 1e-9, 1, "0.99",
         "least SLO attainment; with run.slo_window, of the worst window"),
    REAL("precision", capacity_options, precision, 1e-4, 0.5, "0.02",
         "a search for the highest load ends when it knows it within this share"),
    BOOL("stable", capacity_options, stable, "yes",
         "a fleet whose verdict is OVERLOADED in most replications does not hold, whatever its attainment"),
    INT("spare", capacity_options, spare, 0, 1000, "0",
        "N+k: the fleet must also hold while so many failure domains of each pool are down, from the start to the end"),
    CHOICE("domain", AT(capacity_options, domain), domains, "host",
           "what fails as one: a replica, a host (node) with its tiers, or a rack of rack_hosts hosts"),
    INT("rack_hosts", capacity_options, rack_hosts, 1, 1000, "1", "hosts of a rack, with domain = rack"),
    REAL("rack_kw", capacity_options, rack_kw, 0, 1e6, "0",
         "power of a rack, kW, with all its GPUs in a step; 0: no limit. Needs [prices] with watts"),
    INT("racks", capacity_options, racks, 0, 1e9, "0",
        "racks that there are, each with as many hosts as rack_kw feeds; 0: no limit"),
    TEXT("supply", capacity_options, supply, "",
         "what there is of parts, \"NAME:AMOUNT ...\": GPUs by their name, units of a tier, or bytes, e.g. h100:16 "
         "lpddr:10TB"),
};

static const struct opt_table table = {capacity_rows, CAPACITY_ROWS};

bool capacity_read(struct capacity_options *o, const struct ini_entries *es, struct arena *a, struct diags *d)
{
    struct ini_entries own = {.top = es->top};
    struct opt_bind b = {.section = "capacity", .prefix = "", .table = &table, .base = o};
    size_t mistakes = d->n;

    *o = (struct capacity_options){0};
    own.at = arena_alloc(a, (es->n + 1) * sizeof *own.at);
    for (size_t i = 0; i < es->n; i++)
        if (strcmp(es->at[i].section, "capacity") == 0)
            own.at[own.n++] = es->at[i];
    opt_apply(&b, &own, a, d);
    opt_check_unknown(&b, 1, &own, d);
    if (d->n == mistakes && o->racks > 0 && o->rack_kw == 0)
        diags_add(d, ini_find(es, "capacity", "racks")->file, ini_find(es, "capacity", "racks")->line,
                  "[capacity] racks: needs rack_kw, which says how many hosts a rack has power for");
    if (d->n == mistakes && (o->from == NULL) != (o->to == NULL))
        diags_add(d, own.top, 0, "[capacity] from and to belong together");
    return d->n == mistakes;
}

void capacity_drop(struct ini_entries *es)
{
    size_t kept = 0;

    for (size_t i = 0; i < es->n; i++)
        if (strcmp(es->at[i].section, "capacity") != 0)
            es->at[kept++] = es->at[i];
    es->n = kept;
}
