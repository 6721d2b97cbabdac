/*
 * demand_print.c - the demand of a system as text and JSON: memories, who supplies them, what prices and supply do.
 *
 * Each table is made once, as rows of numbers (struct rows), and printed in either form: so both say the same.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "report/json.h"
#include "report/verdict.h"
#include "study/demand.h"

static const double GB = 1e9, S_PER_YEAR = 365 * 86400.;

enum { COLUMNS_MAX = 8, ROWS_MAX = 256 };

struct rows {
    const char *key, *title; /* of the table: in JSON, as text */
    const char *label[3];    /* of the texts that begin a row; NULL: fewer */
    const char *column[COLUMNS_MAX], *head[COLUMNS_MAX]; /* in JSON, as text */
    int n_columns;
    struct {
        const char *label[3];
        double at[COLUMNS_MAX];
    } row[ROWS_MAX];
    int n;
};

static double *add_row(struct rows *t, const char *a, const char *b, const char *c)
{
    if (t->n == ROWS_MAX)
        t->n--; /* the last one is lost: more suppliers than any market has */
    t->row[t->n].label[0] = a;
    t->row[t->n].label[1] = b;
    t->row[t->n].label[2] = c;
    return t->row[t->n++].at;
}

/* ---- the tables ---- */

static struct rows fleet_rows(const struct demand *d)
{
    struct rows t = {.key = "fleet",
                     .title = "one fleet: what it has, what it held and moved",
                     .label = {"memory", "product"},
                     .column = {"have_gb", "held_mean_gb", "held_peak_gb", "have_gbps", "moved_mean_gbps", "moved_peak_gbps",
                                "usd_per_gb", "usd"},
                     .head = {"GB", "held, mean", "most", "GB/s", "moved, mean", "most", "US$/GB", "US$"},
                     .n_columns = 8};

    for (int64_t i = 0; i < d->n; i++) {
        const struct demand_memory *m = &d->memory[i];
        double x[] = {m->have_B / GB,          m->seen.held_mean_B / GB,    m->seen.held_peak_B / GB,    m->have_Bps / GB,
                      m->seen.moved_mean_Bps / GB, m->seen.moved_peak_Bps / GB, m->usd_per_gb,           m->usd};
        memcpy(add_row(&t, m->name, m->product, NULL), x, sizeof x);
    }
    return t;
}

static struct rows system_rows(const struct demand *d)
{
    struct rows t = {.key = "system",
                     .title = "a million tokens a day, and the system",
                     .label = {"memory", "product"},
                     .column = {"gb_per_m", "gbps_per_m", "usd_per_m", "gb", "gbps", "usd"},
                     .head = {"GB / M a day", "GB/s / M", "US$ / M", "GB", "GB/s", "US$"},
                     .n_columns = 6};
    double m_a_day = d->tokens_per_day / 1e6;

    for (int64_t i = 0; i < d->n; i++) {
        const struct demand_memory *m = &d->memory[i];
        double x[] = {m->have_B / GB / m_a_day, m->have_Bps / GB / m_a_day, m->usd / m_a_day,
                      m->have_B / GB * d->fleets, m->have_Bps / GB * d->fleets, m->usd * d->fleets};
        memcpy(add_row(&t, m->name, m->product, NULL), x, sizeof x);
    }
    return t;
}

/* Whether a memory is of the product, or the supplier's. */
static bool is_of(const struct demand_memory *m, const char *product)
{
    return m->product && strcmp(m->product, product) == 0;
}

static struct memory_price *price_of(struct scenario *sc, const char *name)
{
    for (int64_t i = 0; i < sc->n_memory_prices; i++)
        if (strcmp(sc->memory_prices[i].name, name) == 0)
            return &sc->memory_prices[i];
    return NULL;
}

static void add_supplier(struct rows *t, struct scenario *sc, const struct demand *d, const struct demand_memory *m,
                         const struct supplier *s)
{
    const struct memory_price *p = price_of(sc, m->product);
    double share = s->share * s->available / demand_supply(sc, p).supply;
    double gb = m->have_B / GB * d->fleets * share, modules = gb * GB / (double)s->module_bytes;
    double usd_per_gb = s->usd_per_gb > 0 ? s->usd_per_gb / (1 - p->margin) : memory_price_paid(p);
    double x[] = {(double)s->module_bytes / GB, share, gb, modules, m->module_Bps > 0 ? modules * m->module_Bps / GB : NAN,
                  usd_per_gb, gb * usd_per_gb};

    memcpy(add_row(t, m->name, m->product, s->name), x, sizeof x);
}

static struct rows supplier_rows(struct scenario *sc, const struct demand *d)
{
    struct rows t = {.key = "suppliers",
                     .title = "who supplies the system (GB/s come with modules)",
                     .label = {"memory", "product", "supplier"},
                     .column = {"module_gb", "share", "gb", "modules", "gbps", "usd_per_gb", "usd"},
                     .head = {"module, GB", "share", "GB", "modules", "GB/s", "US$/GB", "US$"},
                     .n_columns = 7};

    for (int64_t i = 0; i < d->n; i++)
        for (int64_t k = 0; k < sc->n_suppliers; k++)
            if (is_of(&d->memory[i], sc->suppliers[k].memory) && sc->suppliers[k].available > 0)
                add_supplier(&t, sc, d, &d->memory[i], &sc->suppliers[k]);
    return t;
}

/* The system with other prices of a memory: US$ of that memory, of all that is bought, and of a million tokens. */
static void priced(double x[4], struct scenario *sc, const struct demand_run *r, const struct demand *d, const char *product)
{
    struct demand now;

    demand_make(&now, sc, r, d->system_tokens_per_day);
    x[0] = x[1] = 0;
    for (int64_t i = 0; i < now.n; i++)
        if (is_of(&now.memory[i], product)) {
            x[0] = now.memory[i].usd_per_gb;
            x[1] += now.memory[i].usd * now.fleets;
        }
    x[2] = now.bill.capex_usd * now.fleets;
    x[3] = now.usd_per_m;
}

static bool is_used(const struct demand *d, const char *product)
{
    for (int64_t i = 0; i < d->n; i++)
        if (is_of(&d->memory[i], product))
            return true;
    return false;
}

static struct rows supply_rows(struct scenario *sc, const struct demand_run *r, const struct demand *d)
{
    struct rows t = {.key = "supply",
                     .title = "with another supply: the price, or what can be built if all buyers are cut alike",
                     .label = {"product"},
                     .column = {"supply", "price_factor", "usd_per_gb", "memory_usd", "bought_usd", "usd_per_m_tokens",
                                "tokens_per_day"},
                     .head = {"supply", "price x", "US$/GB", "memory, US$", "bought, US$", "US$ / M tokens", "or tokens a day"},
                     .n_columns = 7};

    for (int64_t i = 0; i < sc->n_memory_prices; i++) {
        struct memory_price *p = &sc->memory_prices[i];
        struct demand_supply s = demand_supply(sc, p);
        if (!is_used(d, p->name) || s.supply == 1)
            continue;
        double *x = add_row(&t, p->name, NULL, NULL), was = p->usd_per_gb;
        x[0] = s.supply;
        x[1] = s.price_factor;
        p->usd_per_gb *= s.price_factor;
        priced(x + 2, sc, r, d, p->name);
        p->usd_per_gb = was;
        x[6] = d->system_tokens_per_day * fmin(1, s.supply);
    }
    return t;
}

static struct rows path_rows(struct scenario *sc, const struct demand_run *r, const struct demand *d)
{
    struct rows t = {.key = "path",
                     .title = "prices through the year ahead, each memory's alone",
                     .label = {"product"},
                     .column = {"part_of_year", "usd_per_gb", "memory_usd", "bought_usd", "usd_per_m_tokens"},
                     .head = {"from year's", "US$/GB", "memory, US$", "bought, US$", "US$ / M tokens"},
                     .n_columns = 5};

    for (int64_t i = 0; i < sc->n_memory_prices; i++) {
        struct memory_price *p = &sc->memory_prices[i];
        double was = p->usd_per_gb;
        for (int k = 0; k < p->path_usd_per_gb.n && is_used(d, p->name); k++) {
            double *x = add_row(&t, p->name, NULL, NULL);
            x[0] = (double)k / p->path_usd_per_gb.n;
            p->usd_per_gb = p->path_usd_per_gb.x[k];
            priced(x + 1, sc, r, d, p->name);
        }
        p->usd_per_gb = was;
    }
    return t;
}

/* Modules of the fewest that held and moved enough, at what their reseller takes; or as many as there are, soldered, at what
 * their maker takes. equal: the reseller's margin at which they cost the same. */
static struct rows module_rows(struct scenario *sc, const struct demand *d)
{
    struct rows t = {.key = "modules",
                     .title = "the system's modules: as they are, the fewest that would do, and as much soldered",
                     .label = {"memory", "product"},
                     .column = {"gb", "usd", "fewest_gb", "fewest_usd", "soldered_usd", "equal_margin"},
                     .head = {"GB", "US$", "fewest, GB", "US$", "soldered, US$", "equal at margin"},
                     .n_columns = 6};

    for (int64_t i = 0; i < d->n; i++) {
        const struct demand_memory *m = &d->memory[i];
        const struct memory_price *p = m->product ? price_of(sc, m->product) : NULL;
        if (m->kind != BILL_WARM || m->modules == 0 || p == NULL)
            continue;
        double share = m->fewest > 0 ? m->fewest / (double)sc->memory.tier[m->tier].modules : NAN;
        double gb = m->have_B / GB * d->fleets, soldered = gb * p->usd_per_gb, paid = memory_price_paid(p);
        double x[] = {gb, gb * paid, gb * share, gb * share * paid, soldered, share < 1 ? 1 - share : 0};
        if (isnan(share))
            x[5] = NAN;
        memcpy(add_row(&t, m->name, m->product, NULL), x, sizeof x);
    }
    return t;
}

/* What drives are worn by the run, beside the bill, which has them last as long as everything else. */
static struct rows wear_rows(const struct demand_run *r, const struct demand *d)
{
    struct rows t = {.key = "wear",
                     .title = "drives worn by writing, beside the bill",
                     .label = {"memory", "product"},
                     .column = {"life_years", "usd_per_m_tokens"},
                     .head = {"life, years", "US$ / M tokens"},
                     .n_columns = 2};
    double m_tokens = (r->input_tokens + r->output_tokens) / r->counted / 1e6;

    for (int64_t i = 0; i < d->n; i++) {
        const struct demand_memory *m = &d->memory[i];
        if (!(m->seen.life_years > 0))
            continue;
        double x[] = {m->seen.life_years, m->usd * r->duration_s / (m->seen.life_years * S_PER_YEAR) / m_tokens};
        memcpy(add_row(&t, m->name, m->product, NULL), x, sizeof x);
    }
    return t;
}

/* ---- either form ---- */

static void cell(FILE *out, double x)
{
    if (isnan(x))
        fprintf(out, " %15s", "-");
    else
        fprintf(out, fabs(x) < 1e5 ? " %15.5g" : fabs(x) < 1e9 ? " %15.0f" : " %15.6g", x);
}

static void rows_text(const struct rows *t, FILE *out)
{
    if (t->n == 0)
        return;
    fprintf(out, "\n%s\n", t->title);
    for (int k = 0; k < 3 && t->label[k]; k++)
        fprintf(out, "  %-10s", t->label[k]);
    for (int c = 0; c < t->n_columns; c++)
        fprintf(out, " %15s", t->head[c]);
    fputc('\n', out);
    for (int i = 0; i < t->n; i++) {
        for (int k = 0; k < 3 && t->label[k]; k++)
            fprintf(out, "  %-10s", t->row[i].label[k] ? t->row[i].label[k] : "-");
        for (int c = 0; c < t->n_columns; c++)
            cell(out, t->row[i].at[c]);
        fputc('\n', out);
    }
}

static void rows_json(const struct rows *t, struct json *j)
{
    json_open(j, t->key, '[');
    for (int i = 0; i < t->n; i++) {
        json_open(j, NULL, '{');
        for (int k = 0; k < 3 && t->label[k]; k++)
            json_text(j, t->label[k], t->row[i].label[k]);
        for (int c = 0; c < t->n_columns; c++)
            json_real(j, t->column[c], t->row[i].at[c]);
        json_close(j, '}');
    }
    json_close(j, ']');
}

enum { TABLES = 7 };

static void tables(struct rows t[TABLES], struct scenario *sc, const struct demand_run *r, const struct demand *d)
{
    t[0] = fleet_rows(d);
    t[1] = system_rows(d);
    t[2] = supplier_rows(sc, d);
    t[3] = supply_rows(sc, r, d);
    t[4] = path_rows(sc, r, d);
    t[5] = module_rows(sc, d);
    t[6] = wear_rows(r, d);
}

static const char *verdict(const struct demand_run *r)
{
    return r->verdict >= 0 && r->verdict < VERDICTS ? verdict_names[(int)r->verdict] : "no verdict";
}

void demand_text(struct scenario *sc, const struct demand_run *r, const struct demand *d, FILE *out)
{
    static const char *const bases[] = {[PRICES_RENT] = "rent", [PRICES_OWN] = "own", [PRICES_TCO] = "tco"};
    struct rows t[TABLES];

    tables(t, sc, r, d);
    fprintf(out, "prices %s, basis %s, utilisation %g %%\n", sc->prices.name, bases[sc->prices.basis],
            100 * sc->prices.utilisation);
    fprintf(out, "the run: %s", verdict(r));
    if (!isnan(r->attainment))
        fprintf(out, ", %.2f %% of the requests in time", 100 * r->attainment);
    if (r->counted < 0.999)
        fprintf(out, ", %.1f %% of the bill for counted requests", 100 * r->counted);
    fprintf(out, "; %.6g GPUs serve %.6g M tokens a day (%.2f %% output) at US$ %.5g a million\n", d->bill.gpus,
            d->tokens_per_day / 1e6, 100 * r->output_tokens / (r->input_tokens + r->output_tokens), d->usd_per_m);
    fprintf(out, "the system: %.6g M tokens a day, %.6g such fleets, %.6g GPUs, US$ %.6g bought, US$ %.6g a day\n",
            d->system_tokens_per_day / 1e6, d->fleets, d->bill.gpus * d->fleets, d->bill.capex_usd * d->fleets,
            d->usd_per_m * d->system_tokens_per_day / 1e6);
    for (int i = 0; i < TABLES; i++)
        rows_text(&t[i], out);
}

void demand_json(struct scenario *sc, const struct demand_run *r, const struct demand *d, FILE *out)
{
    struct json j = {.out = out};
    struct rows t[TABLES];

    tables(t, sc, r, d);
    json_open(&j, NULL, '{');
    json_text(&j, "prices", sc->prices.name);
    json_text(&j, "verdict", verdict(r));
    json_real(&j, "slo_attainment", r->attainment);
    json_real(&j, "counted_share", r->counted);
    json_real(&j, "gpus", d->bill.gpus);
    json_real(&j, "tokens_per_day", d->tokens_per_day);
    json_real(&j, "output_share", r->output_tokens / (r->input_tokens + r->output_tokens));
    json_real(&j, "run_usd", demand_run_usd(r, &d->bill));
    json_real(&j, "usd_per_m_tokens", d->usd_per_m);
    json_real(&j, "system_tokens_per_day", d->system_tokens_per_day);
    json_real(&j, "fleets", d->fleets);
    json_real(&j, "system_bought_usd", d->bill.capex_usd * d->fleets);
    for (int i = 0; i < TABLES; i++)
        rows_json(&t[i], &j);
    json_close(&j, '}');
}
