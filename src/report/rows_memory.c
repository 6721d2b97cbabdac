#include "report/rows_memory.h"

#include <math.h>
#include <string.h>

/* Far above what a run writes; units and ports grow with replicas, the rest with the scenario's sections. */
enum { TIERS_MAX = 64, KINDS_MAX = 32, NAMES_MAX = 512, UNITS_MAX = 10000000, NAME_BYTES_MAX = 512 };

struct table {
    sqlite3 *db;
    sqlite3_stmt *stmt;
    struct arena *arena;
    bool bad;
};

static int64_t whole(struct table *t, int column, int64_t min, int64_t max)
{
    int64_t v = sqlite3_column_int64(t->stmt, column);

    t->bad |= sqlite3_column_type(t->stmt, column) != SQLITE_INTEGER || v < min || v > max;
    return v;
}

/* NaN for NULL. */
static double real(struct table *t, int column, double min)
{
    int type = sqlite3_column_type(t->stmt, column);
    double v = type == SQLITE_NULL ? NAN : sqlite3_column_double(t->stmt, column);

    t->bad |= (type != SQLITE_NULL && type != SQLITE_FLOAT && type != SQLITE_INTEGER) || v < min || v > 1e300;
    return v;
}

static const char *name(struct table *t, int column)
{
    const char *s = (const char *)sqlite3_column_text(t->stmt, column);

    t->bad |= s == NULL || sqlite3_column_bytes(t->stmt, column) > NAME_BYTES_MAX;
    return t->bad ? "" : arena_strdup(t->arena, s);
}

static const char *name_or_null(struct table *t, int column)
{
    return sqlite3_column_type(t->stmt, column) == SQLITE_NULL ? NULL : name(t, column);
}

static void take_tier(struct table *t, struct store_tier *out)
{
    int64_t most = INT64_C(1) << 60;

    *out = (struct store_tier){
        .name = name(t, 1),
        .kind = name(t, 2),
        .units = whole(t, 3, 0, UNITS_MAX),
        .hardware_bytes = whole(t, 4, 0, most),
        .caches = whole(t, 5, 0, 1),
        .write_amplification = real(t, 6, 0),
        .drive_writes_per_day = real(t, 7, 0),
        .warranty_years = real(t, 8, 0),
    };
}

/* The rows of sql, whose ids must count from 0. Gives how many, or -1. */
static int64_t begin(struct table *t, const char *table, int64_t max, const char *columns, size_t size, void **rows)
{
    char *sql = arena_printf(t->arena, "SELECT count(*) FROM (SELECT 1 FROM %s NOT INDEXED LIMIT %lld)", table,
                             (long long)max + 1);
    int64_t n = -1;

    if (sqlite3_prepare_v2(t->db, sql, -1, &t->stmt, NULL) == SQLITE_OK && sqlite3_step(t->stmt) == SQLITE_ROW)
        n = sqlite3_column_int64(t->stmt, 0);
    sqlite3_finalize(t->stmt);
    t->stmt = NULL;
    if (n < 0 || n > max)
        return -1;
    *rows = arena_alloc(t->arena, (size_t)(n + 1) * size);
    sql = arena_printf(t->arena, "SELECT id, %s FROM %s ORDER BY id", columns, table);
    return sqlite3_prepare_v2(t->db, sql, -1, &t->stmt, NULL) == SQLITE_OK ? n : -1;
}

/* 1: row i is there; 0: the end, as it should be; -1. */
static int next(struct table *t, int64_t i, int64_t n)
{
    int rc = sqlite3_step(t->stmt);

    if (rc == SQLITE_ROW && !t->bad && i < n && whole(t, 0, i, i) == i && !t->bad)
        return 1;
    sqlite3_finalize(t->stmt);
    t->stmt = NULL;
    return rc == SQLITE_DONE && i == n && !t->bad ? 0 : -1;
}

static int read_tiers(struct table *t, struct store_memory *m)
{
    void *rows;
    int rc = -1;

    m->n_tiers = begin(t, "tier", TIERS_MAX,
                       "name, kind, units, hardware_bytes, caches, write_amplification, drive_writes_per_day, "
                       "warranty_years",
                       sizeof(struct store_tier), &rows);
    if (m->n_tiers < 0)
        return -1;
    m->tiers = rows;
    for (int64_t i = 0; (rc = next(t, i, m->n_tiers)) > 0; i++)
        take_tier(t, (struct store_tier *)rows + i);
    return rc;
}

/* Of those that differ in more than their unit there are few. */
static int read_ports(struct table *t, struct store_memory *m)
{
    struct store_port *p;
    void *rows;
    int rc = -1, names = 0;

    m->n_ports = begin(t, "port", UNITS_MAX, "name, unit, kind, direction", sizeof *p, &rows);
    if (m->n_ports < 0)
        return -1;
    m->ports = p = rows;
    for (int64_t i = 0; (rc = next(t, i, m->n_ports)) > 0; i++) {
        p[i] = (struct store_port){
            .name = name(t, 1), .unit = whole(t, 2, 0, UNITS_MAX), .kind = name(t, 3), .direction = name_or_null(t, 4)};
        names += p[i].unit == 0;
        t->bad |= names > NAMES_MAX || (i > 0 && p[i].unit != 0 && p[i].unit != p[i - 1].unit + 1);
        if (i > 0 && p[i].unit != 0)
            t->bad |= strcmp(p[i].name, p[i - 1].name) != 0;
    }
    return rc;
}

static int read_kinds(struct table *t, struct store_memory *m)
{
    void *rows;
    int rc = -1;

    m->n_kinds = begin(t, "move_kind", KINDS_MAX, "name, help", sizeof(struct store_move_kind), &rows);
    if (m->n_kinds < 0)
        return -1;
    m->kinds = rows;
    for (int64_t i = 0; (rc = next(t, i, m->n_kinds)) > 0; i++)
        ((struct store_move_kind *)rows)[i] = (struct store_move_kind){name(t, 1), name(t, 2)};
    return rc;
}

int rows_memory(struct store_memory *m, sqlite3 *db, const char *path, struct arena *a, struct err *e)
{
    struct table t = {.db = db, .arena = a};

    *m = (struct store_memory){0};
    if (read_tiers(&t, m) == 0 && read_ports(&t, m) == 0 && read_kinds(&t, m) == 0)
        return 0;
    sqlite3_finalize(t.stmt);
    return err_set(e, EXIT_CODE_IO, "%s: damaged: the tables of its memories", path);
}

bool rows_memory_has(const struct store_memory *m, enum ev_kind k, const int64_t *rec)
{
    const struct ev_hit *h = (const struct ev_hit *)rec;
    const struct ev_evict *v = (const struct ev_evict *)rec;
    const struct ev_transfer *x = (const struct ev_transfer *)rec;
    const struct ev_contention *c = (const struct ev_contention *)rec;

    int64_t replicas = m->n_tiers > 0 ? m->tiers[0].units : INT64_MAX;

    switch (k) {
    case EV_STEP:
        return ((const struct ev_step *)rec)->replica < replicas;
    case EV_HIT:
        return h->tier < m->n_tiers;
    case EV_EVICT:
        return v->tier < m->n_tiers;
    case EV_TRANSFER:
        return x->kind < m->n_kinds && x->tier < m->n_tiers && x->unit < m->tiers[x->tier].units &&
               x->replica < replicas;
    case EV_CONTENTION:
        return c->kind < m->n_kinds && c->by_kind < m->n_kinds && c->port < m->n_ports && c->replica < replicas;
    default:
        return true;
    }
}
