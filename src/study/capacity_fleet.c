#include "study/capacity_fleet.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "conf/expr.h"
#include "scenario/bill.h"

/* ---- supply ---- */

int capacity_supply_read(const char *text, struct capacity_supply *s, int *n, struct err *e)
{
    char word[128];

    *n = 0;
    for (const char *at = text ? text + strspn(text, " ,\t") : ""; *at; at += strspn(at, " ,\t")) {
        size_t length = strcspn(at, " ,\t");
        struct expr_value v;
        if (*n == CAPACITY_SUPPLY_MAX)
            return err_set(e, EXIT_CODE_USAGE, "[capacity] supply: more than %d parts", CAPACITY_SUPPLY_MAX);
        snprintf(word, sizeof word, "%.*s", (int)(length < sizeof word ? length : sizeof word - 1), at);
        char *colon = strchr(word, ':');
        if (colon == NULL || colon == word || colon - word >= (int)sizeof s->name ||
            !expr_number(colon + 1, &v, NULL) || v.number < 0 || (v.unit != UNIT_NONE && v.unit != UNIT_BYTE))
            return err_set(e, EXIT_CODE_USAGE,
                           "[capacity] supply: \"%s\" is no part and amount (want e.g. h100:16 or lpddr:10TB)", word);
        *colon = '\0';
        s[*n] = (struct capacity_supply){.amount = v.number, .bytes = v.unit == UNIT_BYTE};
        snprintf(s[(*n)++].name, sizeof s->name, "%s", word);
        at += length;
    }
    return 0;
}

static bool is_named(const char *name, const char *s)
{
    return s && strcmp(name, s) == 0;
}

/* -1: the fleet has no such part. */
static double used_of(const struct scenario *sc, const struct bill *b, const struct capacity_supply *s)
{
    double used = -1;

    for (int64_t i = 0; !s->bytes && i < sc->n_pools; i++) {
        const struct layout *l = &sc->pools[i].as->layout;
        const struct gpu_price *price = bill_gpu_price(sc, i);
        if (is_named(s->name, "gpu") || is_named(s->name, l->gpu.name) || is_named(s->name, price ? price->name : NULL))
            used = fmax(used, 0) + (double)(l->replica.count * layout_gpus(l));
    }
    if (used >= 0)
        return used;
    for (int64_t i = 0; i < b->n_parts; i++)
        if (is_named(s->name, b->part[i].name) || is_named(s->name, b->part[i].product))
            used = fmax(used, 0) + (s->bytes ? b->part[i].bytes : b->part[i].count);
    return used;
}

/* ---- racks ---- */

/* Racks of all pools' hosts. NaN with err, or with why_not: a host takes more than a rack gives. */
static double racks_of(struct capacity_fleet *f, const struct scenario *sc, const struct bill *b, double rack_kw,
                       struct err *e)
{
    double racks = 0;

    for (int64_t i = 0; i < b->n_pools; i++) {
        const struct layout *l = &sc->pools[i].as->layout;
        double host_kw = (double)l->node.gpus * (b->power[i].busy_W + b->power[i].node_W) / 1000;
        if (!(host_kw > 0)) {
            err_set(e, EXIT_CODE_USAGE, "[capacity] rack_kw: the watts of %s are not known (busy_watts of [gpu_price])",
                    l->gpu.name);
            return NAN;
        }
        double hosts = floor(rack_kw / host_kw);
        if (hosts < 1) {
            snprintf(f->why_not, sizeof f->why_not, "a host takes %.4g kW, a rack has %.4g", host_kw, rack_kw);
            return NAN;
        }
        racks += (double)layout_hosts(l) / hosts;
    }
    return racks;
}

int capacity_fleet_make(struct capacity_fleet *f, const struct scenario *sc, const struct capacity_options *o,
                        const struct capacity_supply *s, int n_supply, struct err *e)
{
    struct bill b = {.n_parts = 0};

    *f = (struct capacity_fleet){.priced = bill_make(sc, &b) == 0, .racks = NAN};
    for (int64_t i = 0; i < sc->n_pools; i++)
        f->gpus += (double)(sc->pools[i].as->layout.replica.count * layout_gpus(&sc->pools[i].as->layout));
    f->cost = f->priced ? 0 : f->gpus;
    for (int64_t i = 0; i < b.n_parts; i++)
        f->cost += b.part[i].by_replica ? 0 : b.part[i].usd_per_h;
    for (int i = 0; i < n_supply; i++) {
        f->used[i] = used_of(sc, &b, &s[i]);
        if (f->used[i] < 0 && !f->priced)
            return err_set(e, EXIT_CODE_USAGE,
                           "[capacity] supply: \"%s\" is no GPU of the fleet, and other parts are only known with "
                           "[prices]",
                           s[i].name);
        f->used[i] = fmax(f->used[i], 0); /* a set may do without */
        if (f->used[i] > s[i].amount)
            snprintf(f->why_not, sizeof f->why_not, "takes %.4g of %s, there is %.4g", f->used[i], s[i].name,
                     s[i].amount);
    }
    if (o->rack_kw > 0 && !f->priced)
        return err_set(e, EXIT_CODE_USAGE, "[capacity] rack_kw: watts are only known with [prices]");
    if (o->rack_kw > 0)
        f->racks = racks_of(f, sc, &b, o->rack_kw, e);
    if (o->racks > 0 && f->racks > (double)o->racks)
        snprintf(f->why_not, sizeof f->why_not, "takes %.4g racks, there are %" PRId64, f->racks, o->racks);
    return e->code ? -1 : 0;
}

/* ---- what is down ---- */

const char *capacity_faults(const struct scenario *sc, const struct capacity_options *o, int64_t pool, struct arena *a)
{
    const struct layout *l = &sc->pools[pool].as->layout;
    bool replicas = o->domain == CAPACITY_REPLICA;
    int64_t first = 0, n = o->spare * (o->domain == CAPACITY_RACK ? o->rack_hosts : 1);
    const char *text = "";

    if (n >= (replicas ? l->replica.count : layout_hosts(l)))
        return NULL;
    for (int64_t i = 0; i < pool; i++) {
        const struct layout *before = &sc->pools[i].as->layout;
        first += replicas ? before->replica.count * layout_gpus(before) : layout_hosts(before);
    }
    for (int64_t i = 0; i < n; i++)
        text = arena_printf(a, "%s[fault spare-%" PRId64 "]\nwhat = %s\nunit = %" PRId64 "\nat = 0s\n", text, i,
                            replicas ? "gpu" : "host", first + i * (replicas ? layout_gpus(l) : 1));
    return text;
}
