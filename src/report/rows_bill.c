#include "report/rows_bill.h"

#include <math.h>
#include <string.h>

enum { NAME_BYTES_MAX = 512 };
static const double MOST = 1e18; /* US$, watts, bytes, GPUs: nothing real is near it */

struct row {
    sqlite3_stmt *stmt;
    struct arena *arena;
    bool bad;
};

static int64_t whole(struct row *r, int column, int64_t null, int64_t most)
{
    if (sqlite3_column_type(r->stmt, column) == SQLITE_NULL && null < 0)
        return null;
    int64_t v = sqlite3_column_int64(r->stmt, column);
    r->bad |= sqlite3_column_type(r->stmt, column) != SQLITE_INTEGER || v < 0 || v > most;
    return v;
}

static double real(struct row *r, int column)
{
    double v = sqlite3_column_double(r->stmt, column);
    int type = sqlite3_column_type(r->stmt, column);

    r->bad |= (type != SQLITE_FLOAT && type != SQLITE_INTEGER) || !(v >= 0 && v <= MOST);
    return v;
}

static const char *name(struct row *r, int column)
{
    const char *s = (const char *)sqlite3_column_text(r->stmt, column);

    r->bad |= s == NULL || sqlite3_column_bytes(r->stmt, column) > NAME_BYTES_MAX;
    return r->bad ? "" : arena_strdup(r->arena, s);
}

static void take_part(struct row *r, struct store_bill *b)
{
    if (b->n_parts == STORE_BILL_PARTS_MAX) {
        r->bad = true;
        return;
    }
    struct store_bill_part *p = &b->part[b->n_parts++];
    *p = (struct store_bill_part){.name = name(r, 0),
                                  .kind = name(r, 1),
                                  .pool = whole(r, 2, -1, STORE_BILL_POOLS_MAX - 1),
                                  .tier = whole(r, 3, -1, STORE_BILL_TIERS_MAX - 1),
                                  .by_replica = whole(r, 4, 0, 1),
                                  .usd_per_h = real(r, 5)};
    p->is_hbm = strcmp(p->kind, "hbm") == 0;
    p->is_power = strcmp(p->kind, "power") == 0;
}

static void take_pool(struct row *r, struct store_bill *b)
{
    if (b->n_pools == STORE_BILL_POOLS_MAX) {
        r->bad = true;
        return;
    }
    b->pool[b->n_pools++] = (struct store_bill_pool){.replicas = whole(r, 0, 0, 1000000),
                                                     .members = whole(r, 1, 0, 1000000),
                                                     .gpus = real(r, 2),
                                                     .idle_W = real(r, 3),
                                                     .busy_W = real(r, 4),
                                                     .node_W = real(r, 5),
                                                     .kv_share = real(r, 6)};
    b->pue = real(r, 7);
    b->usd_per_kwh = real(r, 8);
    r->bad |= b->pool[b->n_pools - 1].kv_share > 1;
}

static void take_card(struct row *r, struct store_bill *b)
{
    static const char *const keys[] = {"price_card.input_usd_per_m", "price_card.cached_input_usd_per_m",
                                       "price_card.output_usd_per_m"};
    double *const values[] = {&b->card_input, &b->card_cached, &b->card_output};
    const char *key = name(r, 0);

    for (int i = 0; i < 3; i++)
        if (strcmp(key, keys[i]) == 0)
            *values[i] = real(r, 1);
}

struct filling { /* of pools, in the order of table replica */
    struct store_pool *pools;
    int64_t n, at;
};

static void take_replicas(struct row *r, struct filling *f)
{
    if (f->at < f->n) {
        f->pools[f->at].gpus = whole(r, 0, 0, 1000000);
        f->pools[f->at].kv_blocks = whole(r, 1, 0, INT64_C(1) << 40);
    }
    f->at++;
}

enum table { PARTS, POOLS, CARD, REPLICAS };

static bool read_rows(enum table table, const char *sql, struct store_bill *b, struct filling *f, sqlite3 *db,
                      struct arena *a)
{
    struct row r = {.arena = a};
    int rc = sqlite3_prepare_v2(db, sql, -1, &r.stmt, NULL) == SQLITE_OK ? SQLITE_ROW : SQLITE_ERROR;

    while (rc == SQLITE_ROW && !r.bad) {
        rc = sqlite3_step(r.stmt);
        if (rc != SQLITE_ROW)
            break;
        if (table == PARTS)
            take_part(&r, b);
        else if (table == POOLS)
            take_pool(&r, b);
        else if (table == CARD)
            take_card(&r, b);
        else
            take_replicas(&r, f);
    }
    sqlite3_finalize(r.stmt);
    return rc == SQLITE_DONE && !r.bad;
}

int rows_bill(struct store_bill *b, struct store_pool *pools, int64_t n_pools, sqlite3 *db, const char *path,
              struct arena *a, struct err *e)
{
    struct filling f = {pools, n_pools, 0};

    *b = (struct store_bill){.card_input = NAN, .card_cached = NAN, .card_output = NAN};
    bool good = read_rows(PARTS, "SELECT name, kind, pool, tier, by_replica, usd_per_h FROM bill ORDER BY id LIMIT 100",
                          b, &f, db, a);
    if (good && b->n_parts == 0)
        return 0;
    good = good &&
           read_rows(POOLS, "SELECT replicas, members, gpus, idle_w, busy_w, node_w, kv_share, pue, usd_per_kwh"
                            " FROM bill_pool ORDER BY pool LIMIT 100", b, &f, db, a) &&
           read_rows(CARD, "SELECT key, value_num FROM run_param WHERE key GLOB 'price_card.*_usd_per_m'"
                           " AND value_num > 0 LIMIT 10",
                     b, &f, db, a) &&
           read_rows(REPLICAS, "SELECT min(gpus), min(kv_blocks) FROM replica NOT INDEXED GROUP BY pool"
                               " ORDER BY min(id)", b, &f, db, a);
    for (int64_t i = 0; good && i < b->n_parts; i++)
        good = b->part[i].pool < b->n_pools;
    if (!good || b->n_pools != n_pools || f.at != n_pools)
        return err_set(e, EXIT_CODE_IO, "%s: damaged: the bill cannot be", path);
    for (int64_t i = 0; i < n_pools; i++)
        pools[i].members = b->pool[i].members;
    return 0;
}

bool rows_bill_has(const struct store_bill *b, enum ev_kind k, const int64_t *rec)
{
    return k != EV_REQUEST_COST || ((const struct ev_request_cost *)rec)->pool < b->n_pools;
}
