/*
 * prices.c - what [prices] and its sections name, and whether all that the fleet is made of has a price.
 *
 * The rules themselves are bill.c's: this file asks for the bill and refuses one that would be wrong.
 */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "scenario/bill.h"
#include "scenario/check.h"

static const char *section_of(struct scenario *sc, const char *kind, const char *name)
{
    return arena_printf(&sc->arena, "%s %s", kind, name);
}

/* ---- sections without [prices] ---- */

static void check_alone(struct scenario *sc, const struct check *c)
{
    const char *section = sc->n_gpu_prices      ? section_of(sc, "gpu_price", sc->gpu_prices[0].name)
                          : sc->n_memory_prices ? section_of(sc, "memory_price", sc->memory_prices[0].name)
                          : sc->n_suppliers     ? section_of(sc, "supplier", sc->suppliers[0].name)
                                                : NULL;

    if (section)
        diags_add(c->d, sc->path, 0, "[%s] has no effect without [prices]", section);
    if (price_card_given(&sc->price_card))
        check_wrong(c, "price_card", "output_usd_per_m", "has no effect without [prices]");
}

/* ---- names ---- */

static bool is_memory_price(const struct scenario *sc, const char *name, size_t n)
{
    for (int64_t i = 0; i < sc->n_memory_prices; i++)
        if (strlen(sc->memory_prices[i].name) == n && strncmp(sc->memory_prices[i].name, name, n) == 0)
            return true;
    return false;
}

static void check_products(const struct check *c, const char *section, const char *list)
{
    for (const char *at = list; at && *at;) {
        at += strspn(at, " \t");
        size_t n = strcspn(at, " \t");
        const char *colon = memchr(at, ':', n);
        if (n > 0 && (colon == NULL || colon == at || colon + 1 == at + n))
            check_wrong(c, section, "products", "\"%.*s\" (want TIER:NAME, e.g. lpddr:socamm)", (int)n, at);
        else if (n > 0 && !is_memory_price(c->sc, colon + 1, (size_t)(at + n - colon) - 1))
            check_wrong(c, section, "products", "there is no [memory_price %.*s]", (int)(at + n - colon) - 1, colon + 1);
        at += n;
    }
}

static const char *of_gpu(const struct gpu_price *g)
{
    return g->gpu ? g->gpu : g->name;
}

static void check_gpu_prices(struct scenario *sc, const struct check *c)
{
    for (int64_t i = 0; i < sc->n_gpu_prices; i++) {
        const struct gpu_price *g = &sc->gpu_prices[i];
        const char *section = section_of(sc, "gpu_price", g->name);
        for (int64_t k = 0; k < i; k++)
            if (strcmp(of_gpu(&sc->gpu_prices[k]), of_gpu(g)) == 0)
                check_wrong(c, section, "gpu", "\"%s\" has a price already: [gpu_price %s]", of_gpu(g),
                            sc->gpu_prices[k].name);
        check_products(c, section, g->products);
        if (g->busy_watts > 0 && g->idle_watts > g->busy_watts)
            check_wrong(c, section, "idle_watts", "%g, more than busy_watts = %g", g->idle_watts, g->busy_watts);
    }
}

static void check_suppliers(struct scenario *sc, const struct check *c)
{
    for (int64_t i = 0; i < sc->n_suppliers; i++) {
        const struct supplier *s = &sc->suppliers[i];
        const char *section = section_of(sc, "supplier", s->name);
        double share = 0;
        if (!is_memory_price(sc, s->memory, strlen(s->memory)))
            check_wrong(c, section, "memory", "there is no [memory_price %s]", s->memory);
        for (int64_t k = 0; k <= i; k++)
            share += strcmp(sc->suppliers[k].memory, s->memory) == 0 ? sc->suppliers[k].share : 0;
        if (share > 1 + 1e-9)
            check_wrong(c, section, "share", "the suppliers of %s have %g of it together, more than 1", s->memory, share);
    }
}

/* ---- what the fleet is made of ---- */

static void check_basis(struct scenario *sc, const struct check *c, int64_t pool)
{
    static const char *const keys[] = {
        [PRICES_RENT] = "rent_usd_per_h", [PRICES_OWN] = "system_usd", [PRICES_TCO] = "tco_usd_per_h"};
    const struct gpu_price *g = bill_gpu_price(sc, pool);
    const char *gpu = sc->pools[pool].as->layout.gpu.name;
    int basis = sc->prices.basis;

    if (g == NULL) {
        check_wrong(c, "prices", "preset", "there is no price of the GPU \"%s\" (want [gpu_price NAME] with gpu = %s)",
                    gpu, gpu);
        return;
    }
    double price = basis == PRICES_RENT ? g->rent_usd_per_h : basis == PRICES_OWN ? g->system_usd : g->tco_usd_per_h;
    if (!(price > 0))
        check_wrong(c, "prices", "basis", "[gpu_price %s] has no %s (want it, or another basis)", g->name, keys[basis]);
    if (basis == PRICES_OWN && !(g->busy_watts > 0))
        check_wrong(c, "prices", "basis", "own pays for power: [gpu_price %s] needs busy_watts", g->name);
}

/* What lies on the command line alone, so that the normal form, which has all of a preset's prices, can be loaded. */
static void check_set(const struct check *c, const char *section, const char *key, const struct memory_price *m)
{
    const struct ini_entry *e = check_origin(c->sc, section, key);

    if (m && e && e->rank == INI_RANK_SET)
        check_wrong(c, section, key, "has no effect: [memory_price %s] has the price", m->name);
}

static void check_parts(struct scenario *sc, const struct check *c)
{
    struct bill b;

    bill_make(sc, &b);
    for (int64_t i = 0; i < b.n_parts; i++) {
        const struct bill_part *p = &b.part[i];
        if (p->tier >= 0 && !(p->unit_usd > 0))
            check_wrong(c, section_of(sc, "tier", p->name), "usd_per_gb",
                        "it has no price (want it, or [memory_price %s], or [prices] products)", p->name);
        if (p->usd_per_h < 0 || p->capex_usd < 0)
            check_wrong(c, "prices", "basis",
                        "the price of the GPU \"%s\" is less than that of the parts in it: HBM, bundled memory, NICs",
                        sc->pools[p->pool].as->layout.gpu.name);
    }
}

void prices_resolve(struct scenario *sc, struct diags *d)
{
    struct check c = {.sc = sc, .d = d};
    size_t before = d->n;

    if (!prices_given(&sc->prices)) {
        check_alone(sc, &c);
        return;
    }
    check_products(&c, "prices", sc->prices.products);
    check_gpu_prices(sc, &c);
    check_suppliers(sc, &c);
    for (int64_t p = 0; p < sc->n_pools; p++)
        check_basis(sc, &c, p);
    if (sc->prices.basis == PRICES_OWN && !(sc->prices.usd_per_kwh > 0))
        check_wrong(&c, "prices", "usd_per_kwh", "basis = own pays for power: it needs the price");
    for (int64_t t = -1; t < sc->memory.n_all; t++)
        check_set(&c, t < 0 ? "memory" : section_of(sc, "tier", sc->memory.tier[t].name),
                  t < 0 ? "hbm_usd_per_gb" : "usd_per_gb", bill_listed_price(sc, 0, t));
    if (d->n == before)
        check_parts(sc, &c);
}
