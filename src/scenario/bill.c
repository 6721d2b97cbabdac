#include "scenario/bill.h"

#include <math.h>
#include <string.h>

#include "base/bug.h"
#include "base/num.h"
#include "scenario/scenario.h"

static const double GB = 1e9, HOURS_A_YEAR = 8760;

double bill_usd_per_h(const struct prices *p, double capex_usd)
{
    double r = p->interest, v = num_pow(1 + r, -p->years), s = p->residual;
    double annuity = r > 0 ? r * (1 - s * v) / (1 - v) : (1 - s) / p->years;

    return capex_usd * (annuity + p->upkeep) / HOURS_A_YEAR;
}

const struct gpu_price *bill_gpu_price(const struct scenario *sc, int64_t pool)
{
    for (int64_t i = 0; i < sc->n_gpu_prices; i++) {
        const struct gpu_price *g = &sc->gpu_prices[i];
        if (strcmp(g->gpu ? g->gpu : g->name, sc->pools[pool].as->layout.gpu.name) == 0)
            return g;
    }
    return NULL;
}

/* ---- prices of memory ---- */

/* NAME of "TIER:NAME" in a list of such words; *n is its length, 0 where the tier is not in it. */
static const char *product_in(const char *list, const char *tier, size_t *n)
{
    size_t length = strlen(tier);

    for (const char *at = list; at && *at; at += *n) {
        at += strspn(at, " \t");
        *n = strcspn(at, " \t");
        if (strncmp(at, tier, length) == 0 && at[length] == ':') {
            *n -= length + 1;
            return at + length + 1;
        }
    }
    *n = 0;
    return NULL;
}

static const struct memory_price *listed(const struct scenario *sc, const char *name, size_t n)
{
    for (int64_t i = 0; i < sc->n_memory_prices; i++)
        if (strlen(sc->memory_prices[i].name) == n && strncmp(sc->memory_prices[i].name, name, n) == 0)
            return &sc->memory_prices[i];
    return NULL;
}

const struct memory_price *bill_listed_price(const struct scenario *sc, int64_t pool, int64_t tier)
{
    const struct gpu_price *g = bill_gpu_price(sc, pool);
    const char *own = tier < 0 ? "hbm" : sc->memory.tier[tier].name;
    size_t n;
    const char *name = product_in(g ? g->products : NULL, own, &n);

    if (name == NULL)
        name = product_in(sc->prices.products, own, &n);
    return name ? listed(sc, name, n) : listed(sc, own, strlen(own));
}

struct memory_price bill_memory_price(const struct scenario *sc, int64_t pool, int64_t tier)
{
    const struct memory_price *m = bill_listed_price(sc, pool, tier);

    if (m)
        return *m;
    return (struct memory_price){.usd_per_gb =
                                     tier < 0 ? sc->memory.hbm_usd_per_gb : sc->memory.tier[tier].usd_per_gb};
}

/* ---- parts ---- */

/* One pool on its way into the bill. */
struct making {
    const struct scenario *sc;
    struct bill *b;
    int64_t pool;
    const struct layout *layout;
    const struct gpu_price *price; /* NULL: unknown, all prices 0 */
    double gpus;
    double left_GB[2];             /* of the bundle: dram, nand (as enum tier_kind) */
    double inside_usd;             /* of HBM and bundled memory, which the GPU's price has in it */
    double bundled_usd;            /* of that, the memory beside HBM */
};

static double hourly(const struct scenario *sc, double capex_usd)
{
    return bill_usd_per_h(&sc->prices, capex_usd) / sc->prices.utilisation;
}

static bool is_own(const struct scenario *sc)
{
    return sc->prices.basis == PRICES_OWN;
}

static struct bill_part *add(const struct making *m, const char *name, int kind)
{
    struct bill *b = m->b;

    sim_assert(b->n_parts < BILL_PARTS_MAX);
    struct bill_part *p = &b->part[b->n_parts++];
    *p = (struct bill_part){.name = name,
                            .kind = kind,
                            .pool = m->pool,
                            .tier = -1,
                            .by_replica = m->pool >= 0 && m->sc->pools[m->pool].as->scaler->want != NULL,
                            .count = m->gpus};
    return p;
}

/* So many US$ that a GPU's price has in it (inside), and so many that are bought beside it. */
static void set_price(const struct making *m, struct bill_part *p, double inside_usd, double bought_usd)
{
    p->capex_usd = bought_usd + (is_own(m->sc) ? inside_usd : 0);
    p->usd_per_h = hourly(m->sc, inside_usd) + hourly(m->sc, bought_usd);
}

static void add_hbm(struct making *m)
{
    struct memory_price price = bill_memory_price(m->sc, m->pool, -1);
    struct bill_part *p = add(m, "hbm", BILL_HBM);

    p->product = price.name;
    p->bytes = m->gpus * (double)m->layout->gpu.memory_bytes;
    p->unit_usd = memory_price_paid(&price);
    m->inside_usd += p->bytes / GB * p->unit_usd;
    set_price(m, p, p->bytes / GB * p->unit_usd, 0);
}

/* Whole units, since the model lets the fleet have all of each, and those of nodes that are paid. */
static double units_paid(const struct making *m, const struct tier_options *t)
{
    int64_t merged = layout_gpus(m->layout) > t->gpus ? layout_gpus(m->layout) / t->gpus : 1;
    double used = (double)(layout_units(m->layout, t->gpus) * merged), nodes = ceil(m->gpus / (double)t->gpus);

    return m->sc->prices.whole_nodes && nodes > used ? nodes : used;
}

static void add_tier(struct making *m, int64_t tier)
{
    const struct tier_options *t = &m->sc->memory.tier[tier];
    struct memory_price price = bill_memory_price(m->sc, m->pool < 0 ? 0 : m->pool, tier);
    struct bill_part *p = add(m, t->name, t->kind == TIER_NAND ? BILL_COLD : BILL_WARM);
    double *left = &m->left_GB[t->kind == TIER_NAND];

    p->product = price.name;
    p->tier = tier;
    p->count = t->gpus > 0 ? units_paid(m, t) : 1;
    p->bytes = p->count * (double)tier_capacity_bytes(t, t->modules);
    p->unit_usd = memory_price_paid(&price);
    double all_GB = p->bytes / GB, bundled_GB = all_GB < *left ? all_GB : *left;
    *left -= bundled_GB;
    m->inside_usd += bundled_GB * p->unit_usd;
    m->bundled_usd += bundled_GB * p->unit_usd;
    set_price(m, p, bundled_GB * p->unit_usd, (all_GB - bundled_GB) * p->unit_usd);
}

static void add_own_gpus(struct making *m, double hbm_usd)
{
    const struct gpu_price *g = m->price;
    double card = g ? g->card_usd : 0, system = g ? g->system_usd : 0, nic = g ? g->nic_usd : 0;
    double rest = m->gpus * (system - card - nic) - m->bundled_usd;
    struct bill_part *p = add(m, "gpu", BILL_GPU);

    p->product = m->layout->gpu.name;
    p->unit_usd = card > 0 ? card : system;
    set_price(m, p, (card > 0 ? m->gpus * card : rest) - hbm_usd, 0);
    if (nic > 0) {
        p = add(m, "nic", BILL_NIC);
        p->unit_usd = nic;
        set_price(m, p, m->gpus * nic, 0);
    }
    if (card > 0) {
        p = add(m, "node", BILL_NODE);
        p->unit_usd = system - card - nic;
        set_price(m, p, rest, 0);
    }
}

static void add_hired_gpus(struct making *m)
{
    const struct prices *o = &m->sc->prices;
    double rate = m->price == NULL ? 0 : o->basis == PRICES_RENT ? m->price->rent_usd_per_h : m->price->tco_usd_per_h;
    struct bill_part *p = add(m, "gpu", BILL_GPU);

    p->product = m->layout->gpu.name;
    p->usd_per_h = m->gpus * rate / o->utilisation - hourly(m->sc, m->inside_usd);
}

static void add_power(struct making *m)
{
    const struct gpu_price none = {0}, *g = m->price ? m->price : &none;
    struct bill_power *w = &m->b->power[m->pool];
    const struct prices *o = &m->sc->prices;
    struct bill_part *p = add(m, "power", BILL_POWER);

    *w = (struct bill_power){.gpus = m->gpus,
                             .idle_W = g->idle_watts,
                             .busy_W = g->busy_watts,
                             .node_W = g->node_watts,
                             .replicas = m->layout->replica.count};
    p->unit_usd = m->b->usd_per_kwh;
    p->usd_per_h = m->gpus * (w->idle_W + w->node_W) / 1000 * o->pue * m->b->usd_per_kwh / o->utilisation;
}

static double gpus_paid(const struct scenario *sc, const struct layout *l)
{
    int64_t nodes = sc->cluster.nodes > 0 && sc->n_pools == 1 ? sc->cluster.nodes : layout_hosts(l);

    return (double)(sc->prices.whole_nodes ? nodes * l->node.gpus : l->replica.count * layout_gpus(l));
}

static void add_pool(const struct scenario *sc, struct bill *b, int64_t pool)
{
    const struct layout *l = &sc->pools[pool].as->layout;
    struct making m = {.sc = sc, .b = b, .pool = pool, .layout = l, .price = bill_gpu_price(sc, pool)};

    m.gpus = gpus_paid(sc, l);
    if (m.price) {
        m.left_GB[0] = m.gpus * m.price->bundled_dram_gb;
        m.left_GB[1] = m.gpus * m.price->bundled_nand_gb;
    }
    b->gpus += m.gpus;
    add_hbm(&m);
    double hbm_usd = m.inside_usd;
    for (int64_t t = 0; t < sc->memory.n_all; t++)
        if (sc->memory.tier[t].gpus > 0)
            add_tier(&m, t);
    if (is_own(sc))
        add_own_gpus(&m, hbm_usd);
    else
        add_hired_gpus(&m);
    add_power(&m);
}

/* Tiers that the whole cluster shares come with no GPU. */
static void add_shared(const struct scenario *sc, struct bill *b)
{
    struct making m = {.sc = sc, .b = b, .pool = -1};

    for (int64_t t = 0; t < sc->memory.n_all; t++)
        if (sc->memory.tier[t].gpus == 0)
            add_tier(&m, t);
}

int bill_make(const struct scenario *sc, struct bill *b)
{
    *b = (struct bill){.n_pools = 0};
    if (!prices_given(&sc->prices))
        return -1;
    sim_assert(sc->n_pools <= BILL_POOLS_MAX);
    b->pue = sc->prices.pue;
    b->usd_per_kwh = is_own(sc) ? sc->prices.usd_per_kwh : 0;
    b->n_pools = sc->n_pools;
    for (int64_t p = 0; p < sc->n_pools; p++)
        add_pool(sc, b, p);
    add_shared(sc, b);
    for (int64_t i = 0; i < b->n_parts; i++) {
        b->capex_usd += b->part[i].capex_usd;
        b->usd_per_h += b->part[i].usd_per_h;
    }
    return 0;
}
