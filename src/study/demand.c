#include "study/demand.h"

#include <math.h>
#include <string.h>

#include <sqlite3.h>

#include "policy/cost.h"
#include "report/load.h"

static const double GB = 1e9, S_PER_DAY = 86400, S_PER_H = 3600;

/* ---- the results file ---- */

static const char held_sql[] =
    "WITH u AS (SELECT s.tier, s.t_ns,"
    " s.weights_bytes + s.running_bytes + s.cached_bytes + s.expert_bytes + s.table_bytes AS b"
    " FROM room_sample s, run WHERE s.t_ns > run.warmup_ns),"
    " a AS (SELECT tier, t_ns, sum(b) AS b, max(b) AS unit FROM u GROUP BY tier, t_ns)"
    " SELECT t.name, avg(a.b), max(a.b), 1.0 * max(a.unit) / t.hardware_bytes FROM a JOIN tier t ON t.id = a.tier GROUP BY a.tier";

/* Intervals are alike but for the last, which may be short and is left out of the peaks. */
static const char moved_sql[] =
    "WITH i AS (SELECT p.tier, s.t_ns, s.bytes, s.busy_ns,"
    " s.t_ns - lag(s.t_ns, 1, 0) OVER (PARTITION BY s.port ORDER BY s.t_ns) AS dt"
    " FROM port_sample s JOIN port p ON p.id = s.port WHERE p.tier IS NOT NULL),"
    " c AS (SELECT i.* FROM i, run WHERE i.t_ns > run.warmup_ns), whole AS (SELECT max(dt) AS dt FROM c),"
    " a AS (SELECT tier, t_ns, sum(bytes) AS b, max(busy_ns) AS unit, max(c.dt) AS dt FROM c GROUP BY tier, t_ns)"
    " SELECT t.name, 1e9 * sum(a.b) / sum(a.dt), max(CASE WHEN a.dt = whole.dt THEN 1e9 * a.b / a.dt END),"
    " max(CASE WHEN a.dt = whole.dt THEN 1.0 * a.unit / a.dt END)"
    " FROM a JOIN tier t ON t.id = a.tier, whole GROUP BY a.tier";

static double real(sqlite3_stmt *s, int column)
{
    int type = sqlite3_column_type(s, column);

    return type == SQLITE_INTEGER || type == SQLITE_FLOAT ? sqlite3_column_double(s, column) : NAN;
}

/* That of the name; a new one where there is none yet; NULL: the file names more than a run can have. */
static struct demand_seen *seen_of(struct demand_run *r, const char *name)
{
    for (int64_t i = 0; i < r->n_seen; i++)
        if (strcmp(r->seen[i].name, name) == 0)
            return &r->seen[i];
    if (r->n_seen == DEMAND_MEMORIES_MAX)
        return NULL;
    r->seen[r->n_seen] = (struct demand_seen){arena_strdup(&r->arena, name), NAN, NAN, NAN, NAN, NAN, NAN, NAN};
    return &r->seen[r->n_seen++];
}

static int read_seen(struct demand_run *r, sqlite3 *db, const char *sql, bool moved)
{
    sqlite3_stmt *s;
    int rc = sqlite3_prepare_v2(db, sql, -1, &s, NULL);

    while (rc == SQLITE_OK && (rc = sqlite3_step(s)) == SQLITE_ROW) {
        const char *name = (const char *)sqlite3_column_text(s, 0);
        struct demand_seen *x = name ? seen_of(r, name) : NULL;
        rc = x ? SQLITE_OK : SQLITE_CORRUPT;
        if (x && moved) {
            x->moved_mean_Bps = real(s, 1);
            x->moved_peak_Bps = real(s, 2);
            x->unit_busy = real(s, 3);
        } else if (x) {
            x->held_mean_B = real(s, 1);
            x->held_peak_B = real(s, 2);
            x->unit_held = real(s, 3);
        }
    }
    sqlite3_finalize(s);
    return rc == SQLITE_DONE ? 0 : -1;
}

static int read_resolved(struct demand_run *r, sqlite3 *db)
{
    sqlite3_stmt *s;

    if (sqlite3_prepare_v2(db, "SELECT resolved FROM run", -1, &s, NULL) == SQLITE_OK && sqlite3_step(s) == SQLITE_ROW &&
        sqlite3_column_type(s, 0) == SQLITE_TEXT)
        r->resolved = arena_strdup(&r->arena, (const char *)sqlite3_column_text(s, 0));
    sqlite3_finalize(s);
    return r->resolved ? 0 : -1;
}

/* "drive_life_years/TIER" */
static int take_lives(struct demand_run *r, const struct results *f)
{
    static const char key[] = "drive_life_years/";

    for (int64_t i = 0; i < f->n_metrics; i++)
        if (f->metrics[i].class_id < 0 && strncmp(f->metrics[i].name, key, sizeof key - 1) == 0) {
            struct demand_seen *x = seen_of(r, f->metrics[i].name + sizeof key - 1);
            if (x == NULL)
                return -1;
            x->life_years = f->metrics[i].value;
        }
    return 0;
}

static void take_metrics(struct demand_run *r, const struct results *f)
{
    double seconds = results_metric(f, -1, "replica_seconds", NULL);

    r->duration_s = results_metric(f, -1, "duration", NULL);
    r->input_tokens = results_metric(f, -1, "total_input_tokens", NULL);
    r->output_tokens = results_metric(f, -1, "total_output_tokens", NULL);
    r->attainment = results_metric(f, -1, "slo_attainment", NULL);
    r->verdict = results_metric(f, -1, "verdict", NULL);
    r->peak_kv_blocks = results_metric(f, -1, "peak_kv_blocks", NULL);
    r->counted = results_metric(f, -1, "usd_per_m_total", NULL) * (r->input_tokens + r->output_tokens) / 1e6 /
                 results_metric(f, -1, "cost_usd", NULL);
    if (!(r->counted > 0))
        r->counted = 1;
    r->there = seconds / (r->duration_s * (double)f->n_replicas);
    for (int64_t p = 0; p < BILL_POOLS_MAX; p++) {
        char name[64];
        snprintf(name, sizeof name, "utilisation/%.40s", p < f->n_pools ? f->pools[p].name : "");
        r->busy[p] = results_metric(f, -1, f->n_pools > 1 ? name : "utilisation", NULL);
    }
}

int demand_read(struct demand_run *r, const char *path, struct err *e)
{
    struct results f;
    sqlite3 *db;

    *r = (struct demand_run){.n_seen = 0};
    arena_init(&r->arena);
    int rc = results_load(&f, path, e);
    if (rc == 0) {
        take_metrics(r, &f);
        if (take_lives(r, &f) != 0)
            rc = err_set(e, EXIT_CODE_IO, "%s: damaged: more memories than a run can have", path);
    }
    results_free(&f);
    if (rc != 0 || results_open(path, &db, e) != 0)
        return -1;
    if (read_resolved(r, db) != 0 || read_seen(r, db, held_sql, false) != 0 || read_seen(r, db, moved_sql, true) != 0)
        rc = err_set(e, EXIT_CODE_IO, "%s: damaged: its scenario or its samples cannot be read", path);
    else if (!(r->duration_s > 0) || !(r->input_tokens + r->output_tokens > 0))
        rc = err_set(e, EXIT_CODE_FAILED, "%s: nothing was served after warm-up: there is no demand to tell of", path);
    sqlite3_close(db);
    return rc;
}

void demand_run_free(struct demand_run *r)
{
    arena_free(&r->arena);
}

static bool is_prices(const char *line)
{
    static const char *const sections[] = {"[prices]", "[gpu_price ", "[memory_price ", "[supplier "};

    for (size_t i = 0; i < sizeof sections / sizeof *sections; i++)
        if (strncmp(line, sections[i], strlen(sections[i])) == 0)
            return true;
    return false;
}

const char *demand_scenario(struct demand_run *r, char *const *sets, size_t n_sets)
{
    static const char key[] = "prices.preset=";
    char *text = arena_strdup(&r->arena, r->resolved), *to = text;
    bool other = false, leave = false;

    for (size_t i = 0; i < n_sets; i++)
        other |= strncmp(sets[i], key, sizeof key - 1) == 0;
    for (const char *line = r->resolved; *line && other;) {
        size_t n = strcspn(line, "\n") + (strchr(line, '\n') != NULL);
        if (*line == '[')
            leave = is_prices(line);
        if (!leave) {
            memcpy(to, line, n);
            to += n;
        }
        line += n;
        *to = '\0';
    }
    return text;
}

/* ---- money ---- */

double demand_run_usd(const struct demand_run *r, const struct bill *b)
{
    double hours = r->duration_s / S_PER_H, usd = 0;

    for (int64_t i = 0; i < b->n_parts; i++)
        usd += b->part[i].usd_per_h * hours * (b->part[i].by_replica ? r->there : 1);
    for (int64_t p = 0; p < b->n_pools; p++) {
        const struct bill_power *w = &b->power[p];
        double steps_h = b->usd_per_kwh > 0 ? w->gpus * r->there * r->busy[p] * hours : 0;
        usd += steps_h * (w->busy_W - w->idle_W) / 1000 * b->pue * b->usd_per_kwh;
    }
    return usd;
}

struct demand_supply demand_supply(const struct scenario *sc, const struct memory_price *m)
{
    double named = 0, supply = 0;

    for (int64_t i = 0; i < sc->n_suppliers; i++)
        if (strcmp(sc->suppliers[i].memory, m->name) == 0) {
            named += sc->suppliers[i].share;
            supply += sc->suppliers[i].share * sc->suppliers[i].available;
        }
    supply += named < 1 ? 1 - named : 0;
    return (struct demand_supply){supply, m->elasticity > 0 && supply > 0 ? pow(supply, -1 / m->elasticity) : 1};
}

/* ---- memories ---- */

static struct demand_memory *memory_of(struct demand *d, const struct bill_part *p)
{
    for (int64_t i = 0; i < d->n; i++)
        if (d->memory[i].tier == p->tier && d->memory[i].kind == p->kind)
            return &d->memory[i];
    d->memory[d->n] = (struct demand_memory){.tier = p->tier, .name = p->name, .product = p->product, .kind = p->kind};
    return &d->memory[d->n++];
}

static void add_part(struct demand *d, const struct scenario *sc, const struct bill_part *p)
{
    struct demand_memory *m = memory_of(d, p);

    m->units += p->count;
    m->have_B += p->bytes;
    m->usd += p->bytes / GB * p->unit_usd;
    if (p->tier < 0) {
        m->have_Bps += p->count * sc->pools[p->pool].as->layout.gpu.memory_Bps;
    } else {
        const struct tier_options *t = &sc->memory.tier[p->tier];
        m->have_Bps += p->count * tier_read_Bps(t, t->modules) * t->efficiency;
        m->module_B = (double)t->module_bytes;
        m->module_Bps = t->module_Bps * t->efficiency;
        m->modules += t->capacity_bytes > 0 ? 0 : p->count * (double)t->modules;
    }
}

/* Of all GPUs, beside what samples have. */
static double activation_B(const struct scenario *sc)
{
    double all = 0;

    for (int64_t p = 0; p < sc->n_pools; p++) {
        const struct layout *l = &sc->pools[p].as->layout;
        all += cost_memory(l).activation_bytes * (double)(l->replica.count * layout_gpus(l));
    }
    return all;
}

/* Without samples: what must be there, and the most KV of any replica, as if all had it at once. */
static void hbm_without_samples(struct demand_memory *m, const struct scenario *sc, const struct demand_run *r)
{
    const struct layout *l = scenario_layout(sc);
    double token, state;

    if (sc->n_pools > 1 || sc->memory.n_all > 0)
        return;
    cost_kv_bytes(l, &token, &state);
    double weights = cost_memory(l).weight_bytes * (double)(l->replica.count * layout_gpus(l));
    double kv = r->peak_kv_blocks * (double)l->replica.kv_block_tokens * token * (double)(l->replica.count);
    m->seen.held_peak_B = weights + kv;
}

static void add_seen(struct demand_memory *m, const struct scenario *sc, const struct demand_run *r)
{
    const struct tier_options *t = m->tier < 0 ? NULL : &sc->memory.tier[m->tier];
    double beside = t ? (double)t->reserved_bytes : 0, all = t ? beside * m->units : activation_B(sc);

    m->seen = (struct demand_seen){m->name, NAN, NAN, NAN, NAN, NAN, NAN, NAN};
    for (int64_t i = 0; i < r->n_seen; i++)
        if (strcmp(r->seen[i].name, m->name) == 0)
            m->seen = r->seen[i];
    if (t == NULL && isnan(m->seen.held_peak_B))
        hbm_without_samples(m, sc, r);
    m->seen.held_mean_B += all;
    m->seen.held_peak_B += all;
    if (t == NULL || m->modules == 0)
        return;
    double held = m->seen.unit_held + beside / (double)tier_capacity_bytes(t, t->modules);
    double hold = ceil(held * (double)t->modules - 1e-9), move = ceil(m->seen.unit_busy * (double)t->modules - 1e-9);
    m->fewest = m->module_Bps > 0 && move > hold ? move : hold;
}

void demand_make(struct demand *d, const struct scenario *sc, const struct demand_run *r, double tokens_per_day)
{
    double tokens = (r->input_tokens + r->output_tokens) / r->counted;

    *d = (struct demand){.n = 0};
    bill_make(sc, &d->bill);
    for (int64_t i = 0; i < d->bill.n_parts; i++)
        if (d->bill.part[i].bytes > 0)
            add_part(d, sc, &d->bill.part[i]);
    for (int64_t i = 0; i < d->n; i++) {
        d->memory[i].usd_per_gb = d->memory[i].usd / (d->memory[i].have_B / GB);
        add_seen(&d->memory[i], sc, r);
    }
    d->tokens_per_day = tokens / r->duration_s * S_PER_DAY * sc->prices.utilisation;
    d->usd_per_m = demand_run_usd(r, &d->bill) / (tokens / 1e6);
    d->system_tokens_per_day = tokens_per_day > 0 ? tokens_per_day : d->tokens_per_day;
    d->fleets = d->system_tokens_per_day / d->tokens_per_day;
}
