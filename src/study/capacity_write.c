/*
 * capacity_write.c - the study file of a search: the sets that were tried in full, merged as a sweep's points are, and
 * the table `capacity` of what was found of each set.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <sqlite3.h>

#include "base/bug.h"
#include "study/capacity_search.h"
#include "study/merge.h"
#include "study/trials.h"

static const char ddl[] =
    "CREATE TABLE capacity(\n"
    "  param_set INTEGER PRIMARY KEY,\n  params TEXT NOT NULL,\n  status TEXT NOT NULL,\n  why TEXT,\n"
    "  cheapest INTEGER NOT NULL,\n  front INTEGER NOT NULL,\n  sure INTEGER NOT NULL,\n  gpus REAL,\n  racks REAL,\n"
    "  cost REAL,\n  cost_low REAL,\n  cost_high REAL,\n  cost_unit TEXT NOT NULL,\n"
    "  attainment REAL,\n  attainment_low REAL,\n  attainment_high REAL,\n  attainment_down REAL,\n"
    "  replications INTEGER NOT NULL,\n  reached INTEGER NOT NULL\n) STRICT;\n"
    "INSERT INTO doc VALUES('capacity', NULL, 'what tiersim capacity found of each parameter set'),\n"
    "  ('capacity', 'param_set', 'as in run and param'),\n"
    "  ('capacity', 'params', 'the values of the variables'),\n"
    "  ('capacity', 'status', 'left out, dearer (not tried: it cannot be the cheapest), given up, fails, fails with "
    "domains down, "
    "holds'),\n"
    "  ('capacity', 'why', 'it was left out'),\n"
    "  ('capacity', 'cheapest', '1: the answer'),\n"
    "  ('capacity', 'front', '1: of those that hold, none is better in one of US$ per output token, tokens/s/user and "
    "tokens/s/GPU "
    "and no worse in the others'),\n"
    "  ('capacity', 'sure', '1: the interval of the attainment lies on one side of the target'),\n"
    "  ('capacity', 'gpus', 'GPUs of the fleet'),\n"
    "  ('capacity', 'racks', 'racks that it fills, by their power'),\n"
    "  ('capacity', 'cost', 'with its load; NULL: not tried'),\n"
    "  ('capacity', 'cost_low', 'Student''s 95 % interval'),\n"
    "  ('capacity', 'cost_high', 'Student''s 95 % interval'),\n"
    "  ('capacity', 'cost_unit', 'US$/h; GPUs where there are no [prices]'),\n"
    "  ('capacity', 'attainment', 'mean of its replications; NULL: not tried'),\n"
    "  ('capacity', 'attainment_low', 'Student''s 95 % interval'),\n"
    "  ('capacity', 'attainment_high', 'Student''s 95 % interval'),\n"
    "  ('capacity', 'attainment_down', 'with domains down, of the worst pool; NULL: not tried'),\n"
    "  ('capacity', 'replications', 'that were run; given up: not all'),\n"
    "  ('capacity', 'reached', 'of these, that reached the target by themselves');\n";

static void bind_real(sqlite3_stmt *stmt, int at, double x)
{
    if (!isnan(x))
        sqlite3_bind_double(stmt, at, x);
}

static int put_set(sqlite3_stmt *stmt, const struct capacity_search *s, int64_t i)
{
    const struct capacity_set *x = &s->sets[i];
    bool tried = x->whole.attainment.n > 0, down = x->down.attainment.n > 0;

    sqlite3_clear_bindings(stmt);
    sqlite3_bind_int64(stmt, 1, x->set);
    sqlite3_bind_text(stmt, 2, x->params, -1, SQLITE_STATIC);
    sqlite3_bind_text(stmt, 3, capacity_status_names[x->status], -1, SQLITE_STATIC);
    sqlite3_bind_text(stmt, 4, x->why, -1, SQLITE_STATIC);
    sqlite3_bind_int(stmt, 5, i == s->chosen);
    sqlite3_bind_int(stmt, 6, x->front);
    sqlite3_bind_int(stmt, 7, tried && x->whole.sure);
    bind_real(stmt, 8, x->why && x->fleet.gpus == 0 ? NAN : x->fleet.gpus);
    bind_real(stmt, 9, x->fleet.racks == 0 ? NAN : x->fleet.racks);
    bind_real(stmt, 10, tried ? x->cost.mean : NAN);
    bind_real(stmt, 11, tried ? x->cost.low : NAN);
    bind_real(stmt, 12, tried ? x->cost.high : NAN);
    sqlite3_bind_text(stmt, 13, s->priced ? "US$/h" : "GPUs", -1, SQLITE_STATIC);
    bind_real(stmt, 14, tried ? x->whole.attainment.mean : NAN);
    bind_real(stmt, 15, tried ? x->whole.attainment.low : NAN);
    bind_real(stmt, 16, tried ? x->whole.attainment.high : NAN);
    bind_real(stmt, 17, down ? x->down.attainment.mean : NAN);
    sqlite3_bind_int64(stmt, 18, x->whole.attainment.n);
    sqlite3_bind_int64(stmt, 19, x->whole.reached);
    sqlite3_step(stmt);
    return sqlite3_reset(stmt);
}

static int put_table(const struct capacity_search *s, const char *path, struct err *e)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *stmt = NULL;
    int rc = sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL);

    if (rc == SQLITE_OK)
        rc = sqlite3_exec(db, "BEGIN", NULL, NULL, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(db, ddl, NULL, NULL, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_prepare_v2(db, "INSERT INTO capacity VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)", -1, &stmt,
                                NULL);
    for (int64_t i = 0; rc == SQLITE_OK && i < s->n_sets; i++)
        rc = put_set(stmt, s, i);
    sqlite3_finalize(stmt);
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(db, "COMMIT", NULL, NULL, NULL);
    if (rc != SQLITE_OK)
        err_set(e, EXIT_CODE_IO, "%s: writing the table capacity: %s", path, db ? sqlite3_errmsg(db) : "out of memory");
    sqlite3_close(db);
    return e->code ? -1 : 0;
}

static int by_set(const void *x, const void *y)
{
    int64_t a = *(const int64_t *)x, b = *(const int64_t *)y;

    return (a > b) - (a < b);
}

/* The points of sets that were tried in full, in order. */
static int plan_tried(struct plan *p, const struct capacity_search *s, struct err *e)
{
    int64_t n = s->c.study.repeat, *sets = arena_alloc(&p->arena, (size_t)s->n_sets * sizeof *sets), n_tried = 0;
    struct diags d;

    for (int64_t i = 0; i < s->n_sets; i++)
        if (s->sets[i].whole.attainment.n == n)
            sets[n_tried++] = s->sets[i].set;
    qsort(sets, (size_t)n_tried, sizeof *sets, by_set);
    p->at = arena_alloc(&p->arena, (size_t)(n_tried * n + 1) * sizeof *p->at);
    diags_init(&d);
    for (int64_t i = 0; i < n_tried * n && e->code == 0; i++) {
        struct scenario sc;
        int64_t index = sets[i / n] * n + i % n;
        if (!study_load(&p->study, index, &sc, &d))
            trials_mistake(&d, e);
        else
            p->at[p->n++] = (struct plan_point){
                .index = index, .shard = shard_path(p->dir, index, &p->arena), .want = shard_wanted(&sc)};
        scenario_free(&sc);
    }
    diags_free(&d);
    return e->code ? -1 : 0;
}

int capacity_search_write(struct capacity_search *s, struct err *e)
{
    const struct sweep ask = {.study = s->ask->path,
                              .out = s->ask->out,
                              .sets = s->c.sets,
                              .n_sets = s->c.n_sets,
                              .filter = "(tiersim capacity: the sets tried in full)",
                              .force = s->ask->force};
    struct plan p = {.ask = &ask, .dir = s->dir};
    struct diags d;

    arena_init(&p.arena);
    diags_init(&d);
    if (!study_open(&p.study, ask.study, ask.sets, ask.n_sets, &d))
        trials_mistake(&d, e);
    else if (plan_tried(&p, s, e) == 0 && p.n > 0 && merge_write(&p, e) == 0)
        put_table(s, ask.out, e);
    diags_free(&d);
    plan_free(&p);
    return e->code ? -1 : 0;
}
