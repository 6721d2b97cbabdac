/*
 * describe_bill.c - what a scenario's fleet costs by the hour, part by part (scenario/bill.h).
 *
 * Nothing is computed here but sums over GPUs, of power and the price of a GPU-hour; and what a GB of each memory costs its
 * maker's customer, its buyer and, of HBM, with its GPU: "so much more capacity for a dollar" depends on which are compared. Of
 * several pools, the first's GPU.
 */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "report/json.h"
#include "scenario/bill.h"
#include "scenario/scenario.h"
#include "study/describe.h"

static const double GB = 1e9, HOURS_A_YEAR = 8760;

static const char *const bases[] = {[PRICES_RENT] = "rent", [PRICES_OWN] = "own", [PRICES_TCO] = "tco"};
static const char *const kinds[BILL_KINDS] = {"gpu", "hbm", "warm", "cold", "nic", "node", "power"};

/* Of the fleet at the socket of the building. */
struct power {
    double idle_W, busy_W;
    double busy_usd_per_h; /* of GPUs all in steps, beyond the bill's hourly sum */
};

static struct power power_of(const struct bill *b)
{
    struct power p = {0};

    for (int64_t i = 0; i < b->n_pools; i++) {
        const struct bill_power *w = &b->power[i];
        p.idle_W += w->gpus * (w->idle_W + w->node_W) * b->pue;
        p.busy_W += w->gpus * (w->busy_W + w->node_W) * b->pue;
    }
    p.busy_usd_per_h = (p.busy_W - p.idle_W) / 1000 * b->usd_per_kwh;
    return p;
}

static const char *pool_name(const struct scenario *sc, const struct bill_part *p)
{
    return p->pool < 0 ? "all" : sc->pools[p->pool].name ? sc->pools[p->pool].name : "";
}

/* US$ a GB of a pool's memory on each basis: what its maker takes, what a buyer pays, and, of HBM, at the price of its GPU. */
struct per_gb {
    const char *name, *product;
    double maker, buyer, with_gpu; /* 0: unknown, or none */
};

static struct per_gb per_gb_of(const struct scenario *sc, int64_t pool, int64_t tier)
{
    struct memory_price m = bill_memory_price(sc, pool, tier);
    const struct gpu_price *g = bill_gpu_price(sc, pool);
    struct per_gb x = {tier < 0 ? "hbm" : sc->memory.tier[tier].name, m.name, m.usd_per_gb, memory_price_paid(&m), 0};

    if (tier < 0 && g)
        x.with_gpu = (g->card_usd > 0 ? g->card_usd : g->system_usd) /
                     ((double)sc->pools[pool].as->layout.gpu.memory_bytes / GB);
    return x;
}

/* How many times as much HBM costs; NaN: unknown. */
static double times(double hbm, double tier)
{
    return hbm > 0 && tier > 0 ? hbm / tier : NAN;
}

/* ---- text ---- */

static void cell(FILE *out, int width, double value, int decimals)
{
    if (value == 0)
        fprintf(out, " %*s", width, "-");
    else
        fprintf(out, " %*.*f", width, decimals, value);
}

static void part_text(const struct scenario *sc, const struct bill *b, const struct bill_part *p, FILE *out)
{
    char name[64];

    snprintf(name, sizeof name, "%s%s%s", p->name, b->n_pools > 1 ? " " : "", b->n_pools > 1 ? pool_name(sc, p) : "");
    fprintf(out, "  %-16s %-14s", name, p->product ? p->product : "-");
    cell(out, 9, p->kind == BILL_POWER ? 0 : p->count, p->count == floor(p->count) ? 0 : 2);
    cell(out, 12, p->bytes / GB, 1);
    cell(out, 12, p->kind == BILL_POWER ? 0 : p->unit_usd, 3);
    cell(out, 14, p->capex_usd, 0);
    cell(out, 12, p->usd_per_h, 4);
    cell(out, 7, 100 * p->usd_per_h / b->usd_per_h, 1);
    fprintf(out, "%s\n", p->by_replica ? "  a replica-hour" : "");
}

static void power_text(const struct bill *b, FILE *out)
{
    struct power w = power_of(b);

    fprintf(out, "  power %.2f kW without a step, %.2f kW with all GPUs in steps, building included (PUE %g)", w.idle_W / 1e3,
            w.busy_W / 1e3, b->pue);
    if (b->usd_per_kwh > 0)
        fprintf(out, "; steps add up to US$ %.4f an hour\n", w.busy_usd_per_h);
    else
        fprintf(out, "; the price of a GPU has it\n");
}

static void ratio(FILE *out, double x)
{
    if (isnan(x))
        fprintf(out, " %12s", "-");
    else
        fprintf(out, " %12.4g", x);
}

static void per_gb_text(const struct scenario *sc, FILE *out)
{
    struct per_gb hbm = per_gb_of(sc, 0, -1);

    fprintf(out, "\n  %-16s %-14s %9s %12s %12s   %s\n", "US$ a GB", "product", "maker", "buyer", "with its GPU",
            "HBM costs, times: maker's, buyer's, with its GPU");
    for (int64_t t = -1; t < sc->memory.n_all; t++) {
        struct per_gb x = per_gb_of(sc, 0, t);
        fprintf(out, "  %-16s %-14s", x.name, x.product ? x.product : "-");
        cell(out, 9, x.maker, 3);
        cell(out, 12, x.buyer, 3);
        cell(out, 12, x.with_gpu, 2);
        fprintf(out, "  ");
        for (int k = 0; t >= 0 && k < 3; k++)
            ratio(out, times(k == 0 ? hbm.maker : k == 1 ? hbm.buyer : hbm.with_gpu, k == 0 ? x.maker : x.buyer));
        fputc('\n', out);
    }
}

static void bill_text(const struct scenario *sc, const struct bill *b, FILE *out)
{
    const struct prices *p = &sc->prices;

    fprintf(out, "prices %s, basis %s; %g years at %g %%, upkeep %g %%, utilisation %g %%\n\n", p->name, bases[p->basis], p->years,
            100 * p->interest, 100 * p->upkeep, 100 * p->utilisation);
    fprintf(out, "  %-16s %-14s %9s %12s %12s %14s %12s %7s\n", "part", "product", "count", "GB", "US$ each", "US$ bought",
            "US$/h", "%");
    for (int64_t i = 0; i < b->n_parts; i++)
        part_text(sc, b, &b->part[i], out);
    fprintf(out, "  %-16s %-14s", "sum", "");
    cell(out, 9, b->gpus, b->gpus == floor(b->gpus) ? 0 : 2);
    fprintf(out, " %12s %12s", "", "");
    cell(out, 14, b->capex_usd, 0);
    cell(out, 12, b->usd_per_h, 4);
    fprintf(out, " %7.1f\n\n", 100.0);
    fprintf(out, "  US$ %.4f a GPU-hour, US$ %.0f a year; US$ each: memory a GB, else one; a dash: none, or not told apart\n",
            b->usd_per_h / b->gpus, b->usd_per_h * HOURS_A_YEAR);
    power_text(b, out);
    per_gb_text(sc, out);
    if (price_card_given(&sc->price_card))
        fprintf(out, "  sold at %s's prices: US$ %g input, %g cached, %g output a million tokens\n", sc->price_card.name,
                sc->price_card.input_usd_per_m, sc->price_card.cached_input_usd_per_m, sc->price_card.output_usd_per_m);
}

/* ---- JSON ---- */

static void part_json(const struct scenario *sc, struct json *j, const struct bill_part *p)
{
    json_open(j, NULL, '{');
    json_text(j, "name", p->name);
    json_text(j, "kind", kinds[p->kind]);
    json_text(j, "product", p->product);
    json_text(j, "pool", pool_name(sc, p));
    json_real(j, "count", p->count);
    json_real(j, "bytes", p->bytes);
    json_real(j, "unit_usd", p->unit_usd);
    json_real(j, "capex_usd", p->capex_usd);
    json_real(j, "usd_per_h", p->usd_per_h);
    json_bool(j, "by_replica", p->by_replica);
    json_close(j, '}');
}

static void per_gb_json(const struct scenario *sc, struct json *j)
{
    struct per_gb hbm = per_gb_of(sc, 0, -1);

    json_open(j, "usd_per_gb", '[');
    for (int64_t t = -1; t < sc->memory.n_all; t++) {
        struct per_gb x = per_gb_of(sc, 0, t);
        json_open(j, NULL, '{');
        json_text(j, "memory", x.name);
        json_text(j, "product", x.product);
        json_real(j, "maker_usd_per_gb", x.maker);
        json_real(j, "buyer_usd_per_gb", x.buyer);
        json_real(j, "with_gpu_usd_per_gb", x.with_gpu > 0 ? x.with_gpu : NAN);
        json_real(j, "hbm_over_maker", t < 0 ? NAN : times(hbm.maker, x.maker));
        json_real(j, "hbm_over_buyer", t < 0 ? NAN : times(hbm.buyer, x.buyer));
        json_real(j, "hbm_with_gpu_over_buyer", t < 0 ? NAN : times(hbm.with_gpu, x.buyer));
        json_close(j, '}');
    }
    json_close(j, ']');
}

static void bill_json(const struct scenario *sc, const struct bill *b, FILE *out)
{
    struct json j = {.out = out};
    struct power w = power_of(b);

    json_open(&j, NULL, '{');
    json_text(&j, "prices", sc->prices.name);
    json_text(&j, "basis", bases[sc->prices.basis]);
    json_real(&j, "gpus", b->gpus);
    json_open(&j, "parts", '[');
    for (int64_t i = 0; i < b->n_parts; i++)
        part_json(sc, &j, &b->part[i]);
    json_close(&j, ']');
    json_real(&j, "capex_usd", b->capex_usd);
    json_real(&j, "usd_per_h", b->usd_per_h);
    json_real(&j, "usd_per_gpu_h", b->usd_per_h / b->gpus);
    json_real(&j, "idle_W", w.idle_W);
    json_real(&j, "busy_W", w.busy_W);
    json_real(&j, "busy_usd_per_h", w.busy_usd_per_h);
    per_gb_json(sc, &j);
    json_close(&j, '}');
}

void describe_bill(const struct scenario *sc, bool json, FILE *out)
{
    struct bill b;

    bill_make(sc, &b);
    if (json)
        bill_json(sc, &b, out);
    else
        bill_text(sc, &b, out);
}
