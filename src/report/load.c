#include "report/load.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <sqlite3.h>

#include "base/bug.h"
#include "report/rows.h"
#include "store/part.h"

/* Far above what a run writes, and still soon read. A name has no thousand bytes; a path or a message, a few. */
enum { CLASSES_MAX = 1000, METRICS_MAX = 100000, REPLICAS_MAX = 10000000, POOLS_MAX = 100, NAME_BYTES_MAX = 512, TEXT_BYTES_MAX = 8192 };

#define TABLES_READ                                                                                                    \
    "('run', 'class', 'replica', 'metric', 'counter', 'request', 'step', 'resume', 'preempt', 'run_param', 'tier', "     \
    "'port', 'move_kind', 'hit', 'transfer', 'contention', 'evict', 'agent_task', 'agent_step', 'content', "    \
    "'bill', 'bill_pool', 'step_share', 'request_cost', 'room_sample')"

enum { TABLES_READ_N = 25 };

struct file {
    sqlite3 *db;
    const char *path;
    struct results *r;
};

static int damaged(const struct file *f, struct err *e, const char *what)
{
    return err_set(e, EXIT_CODE_IO, "%s: damaged: %s", f->path, what);
}

static int refused(const struct file *f, struct err *e)
{
    int code = sqlite3_errcode(f->db);

    if (code == SQLITE_NOTADB)
        return err_set(e, EXIT_CODE_IO, "%s: is no results file of tiersim", f->path);
    if (code == SQLITE_BUSY)
        return err_set(e, EXIT_CODE_IO, "%s: a run is writing it; ask again when it has ended", f->path);
    return err_set(e, EXIT_CODE_IO, "%s: cannot be read: %s", f->path, sqlite3_errmsg(f->db));
}

static bool has_suffix(const char *s, const char *suffix)
{
    size_t n = strlen(s), m = strlen(suffix);

    return n >= m && strcmp(s + n - m, suffix) == 0;
}

static int check_file(const char *path, struct err *e)
{
    struct stat st;

    if (stat(path, &st) != 0) {
        int why = errno;
        size_t size = strlen(path) + sizeof ".part";
        char *part = mem_alloc(size);

        snprintf(part, size, "%s.part", path);
        if (why == ENOENT && stat(part, &st) == 0)
            err_set(e, EXIT_CODE_IO, "%s: the run that was to write it is not complete; see `tiersim report %s`", path,
                    part);
        else
            err_set(e, EXIT_CODE_IO, "%s: %s", path, strerror(why));
        free(part);
        return -1;
    }
    if (!S_ISREG(st.st_mode))
        return err_set(e, EXIT_CODE_IO, "%s: is not a regular file", path);
    if (st.st_size == 0)
        return err_set(e, EXIT_CODE_IO, "%s: is empty: its run ended before it wrote anything", path);
    return 0;
}

static int try_open(struct file *f, int flags)
{
    char *plain = part_sqlite_path(f->path);

    sqlite3_close(f->db);
    int rc = sqlite3_open_v2(plain, &f->db, flags | SQLITE_OPEN_NOMUTEX, NULL);
    free(plain);
    if (rc == SQLITE_OK) {
        sqlite3_db_config(f->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
        sqlite3_db_config(f->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
        sqlite3_db_config(f->db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
        sqlite3_limit(f->db, SQLITE_LIMIT_LENGTH, 100 << 20);
        sqlite3_limit(f->db, SQLITE_LIMIT_ATTACHED, 0);
        rc = sqlite3_exec(f->db, "PRAGMA cell_size_check=ON; SELECT count(*) FROM sqlite_schema", NULL, NULL, NULL);
    }
    return rc;
}

/* Only a read-write connection may roll back a hot journal. */
static int open_file(struct file *f, struct err *e)
{
    bool part = has_suffix(f->path, ".part");
    int rc = try_open(f, part ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY);

    if (rc != SQLITE_OK && sqlite3_extended_errcode(f->db) == SQLITE_READONLY_ROLLBACK)
        rc = try_open(f, SQLITE_OPEN_READWRITE);
    return rc == SQLITE_OK ? 0 : refused(f, e);
}

/* The first column of the first row, or `none`. */
static int64_t number(const struct file *f, const char *sql, int64_t none)
{
    sqlite3_stmt *stmt;
    int64_t v = none;

    if (sqlite3_prepare_v2(f->db, sql, -1, &stmt, NULL) == SQLITE_OK && sqlite3_step(stmt) == SQLITE_ROW &&
        sqlite3_column_type(stmt, 0) == SQLITE_INTEGER)
        v = sqlite3_column_int64(stmt, 0);
    sqlite3_finalize(stmt);
    return v;
}

static bool is_study(const struct file *f)
{
    return number(f, "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = 'study'", 0) > 0;
}

static int check_version(const struct file *f, struct err *e)
{
    int64_t version = number(f, "PRAGMA user_version", -1);

    if (number(f, "PRAGMA application_id", -1) != STORE_APPLICATION_ID)
        return err_set(e, EXIT_CODE_IO, "%s: is no results file of tiersim", f->path);
    if (version != STORE_SCHEMA_VERSION)
        return err_set(e, EXIT_CODE_IO, "%s: has schema version %lld, this program reads %d", f->path,
                       (long long)version, STORE_SCHEMA_VERSION);
    return 0;
}

#define TABLES_STUDY "('study', 'variable', 'param', 'run', 'run_param', 'metric', 'student')"

enum { TABLES_STUDY_N = 7 };

static int check_study_schema(const struct file *f, struct err *e)
{
    if (check_version(f, e))
        return -1;
    if (!is_study(f))
        return err_set(e, EXIT_CODE_IO, "%s: is the results file of one run, no study file", f->path);
    if (number(f, "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND rootpage > 0 AND name IN" TABLES_STUDY,
               0) != TABLES_STUDY_N)
        return damaged(f, e, "a table is missing");
    if (number(f,
               "SELECT count(*) FROM sqlite_schema t, pragma_table_xinfo(t.name) c WHERE t.type = 'table'"
               " AND (c.hidden > 0 OR lower(c.name) = 'rowid') AND t.name IN" TABLES_STUDY,
               1) != 0)
        return damaged(f, e, "a table has a column that cannot be");
    return 0;
}

static int check_schema(const struct file *f, struct err *e)
{
    if (check_version(f, e))
        return -1;
    if (is_study(f))
        return err_set(e, EXIT_CODE_IO, "%s: is a study file, which has the metrics of many runs; their records are in "
                       "the files that its table run names (shard)", f->path);
    /* Views and virtual tables in their place (no rootpage) could do anything. */
    if (number(f, "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND rootpage > 0 AND name IN" TABLES_READ,
               0) != TABLES_READ_N)
        return damaged(f, e, "a table is missing");
    /* A generated column costs its reader what it likes; one called rowid would stand for the real one. */
    if (number(f,
               "SELECT count(*) FROM sqlite_schema t, pragma_table_xinfo(t.name) c WHERE t.type = 'table'"
               " AND (c.hidden > 0 OR lower(c.name) = 'rowid') AND t.name IN" TABLES_READ,
               1) != 0)
        return damaged(f, e, "a table has a column that cannot be");
    return 0;
}

/* NULL also for what is longer than can be. */
static const char *text(const struct file *f, sqlite3_stmt *stmt, int column, int max)
{
    const char *s = (const char *)sqlite3_column_text(stmt, column);

    return s && sqlite3_column_bytes(stmt, column) <= max ? arena_strdup(&f->r->arena, s) : NULL;
}

static int64_t int_or(sqlite3_stmt *stmt, int column, int64_t none)
{
    return sqlite3_column_type(stmt, column) == SQLITE_INTEGER ? sqlite3_column_int64(stmt, column) : none;
}

static double real_or_nan(sqlite3_stmt *stmt, int column)
{
    int type = sqlite3_column_type(stmt, column);

    return type == SQLITE_INTEGER || type == SQLITE_FLOAT ? sqlite3_column_double(stmt, column) : NAN;
}

/* Runs sql and gives each row to take; -1 from it stops. */
typedef int take_row(struct file *f, sqlite3_stmt *stmt, int64_t row, struct err *e);

static int each(struct file *f, const char *sql, take_row *take, struct err *e)
{
    sqlite3_stmt *stmt;
    int rc = sqlite3_prepare_v2(f->db, sql, -1, &stmt, NULL), result = 0;

    if (rc == SQLITE_OK)
        for (int64_t row = 0; !result && (rc = sqlite3_step(stmt)) == SQLITE_ROW; row++)
            result = take(f, stmt, row, e);
    if (!result && rc != SQLITE_DONE)
        result = refused(f, e);
    sqlite3_finalize(stmt);
    return result;
}

static int take_run(struct file *f, sqlite3_stmt *stmt, int64_t row, struct err *e)
{
    struct results *r = f->r;

    (void)row;
    r->status = text(f, stmt, 0, TEXT_BYTES_MAX);
    r->message = text(f, stmt, 1, TEXT_BYTES_MAX);
    r->fingerprint = text(f, stmt, 2, TEXT_BYTES_MAX);
    r->version = text(f, stmt, 3, TEXT_BYTES_MAX);
    r->scenario_path = text(f, stmt, 4, TEXT_BYTES_MAX);
    r->config_hash = text(f, stmt, 5, TEXT_BYTES_MAX);
    r->log = text(f, stmt, 6, TEXT_BYTES_MAX);
    r->seed = int_or(stmt, 7, 0);
    r->replication = int_or(stmt, 8, 0);
    r->warmup_ns = int_or(stmt, 9, 0);
    r->horizon_ns = int_or(stmt, 10, 0);
    r->t_end_ns = int_or(stmt, 11, 0);
    r->events = int_or(stmt, 12, 0);
    r->wall_s = real_or_nan(stmt, 13);
    if (!r->status || !r->log || r->warmup_ns < 0)
        return damaged(f, e, "table run");
    return 0;
}

static int take_class(struct file *f, sqlite3_stmt *stmt, int64_t row, struct err *e)
{
    struct store_class *c = &f->r->classes[row];

    if (row >= f->r->n_classes || int_or(stmt, 0, -1) != row || !(c->name = text(f, stmt, 1, NAME_BYTES_MAX)))
        return damaged(f, e, "table class");
    c->weight = real_or_nan(stmt, 2);
    c->slo_ttft_ns = int_or(stmt, 3, 0);
    c->slo_tpot_ns = int_or(stmt, 4, 0);
    c->slo_e2el_ns = int_or(stmt, 5, 0);
    return 0;
}

static int take_metric(struct file *f, sqlite3_stmt *stmt, int64_t row, struct err *e)
{
    struct store_metric *m = &f->r->metrics[row];

    if (row >= f->r->n_metrics)
        return damaged(f, e, "table metric");
    m->class_id = int_or(stmt, 0, -1);
    m->name = text(f, stmt, 1, NAME_BYTES_MAX);
    m->value = real_or_nan(stmt, 2);
    m->unit = text(f, stmt, 3, NAME_BYTES_MAX);
    m->approximate = int_or(stmt, 4, 0) != 0;
    if (!m->name || !m->unit || m->class_id < -1 || m->class_id >= f->r->n_classes)
        return damaged(f, e, "table metric");
    return 0;
}

static int take_counter(struct file *f, sqlite3_stmt *stmt, int64_t row, struct err *e)
{
    struct store_counter *c = &f->r->counters[row];

    if (row >= f->r->n_counters)
        return damaged(f, e, "table counter");
    c->name = text(f, stmt, 0, NAME_BYTES_MAX);
    c->value = int_or(stmt, 1, 0);
    return c->name ? 0 : damaged(f, e, "table counter");
}

static int take_replicas(struct file *f, sqlite3_stmt *stmt, int64_t row, struct err *e)
{
    (void)row, (void)e;
    f->r->n_members = int_or(stmt, 0, 0);
    f->r->gpus = int_or(stmt, 1, 0);
    f->r->kv_blocks = int_or(stmt, 2, 0);
    f->r->n_replicas = int_or(stmt, 3, 0);
    return 0;
}

static int take_pool(struct file *f, sqlite3_stmt *stmt, int64_t row, struct err *e)
{
    struct store_pool *p = &f->r->pools[row];

    if (row >= POOLS_MAX)
        return damaged(f, e, "table replica");
    p->name = text(f, stmt, 0, NAME_BYTES_MAX);
    p->n_replicas = int_or(stmt, 1, 0);
    f->r->n_pools = row + 1;
    return p->name ? 0 : damaged(f, e, "table replica");
}

/* [engine] key, or that of a pool's own. */
static bool is_engine_key(const char *key, const char *name)
{
    const char *dot = strrchr(key, '.');

    return dot && strcmp(dot + 1, name) == 0 && strncmp(key, "engine", 6) == 0 && (key[6] == '.' || key[6] == ' ');
}

/* The least of all. */
static int take_front(struct file *f, sqlite3_stmt *stmt, int64_t row, struct err *e)
{
    struct verdict_front *t = &f->r->front;
    const struct {
        const char *name;
        int64_t *ns;
    } times[] = {
        {"request_latency", &t->latency_ns}, {"request_service", &t->service_ns}, {"token_service", &t->token_ns}};
    const char *key = text(f, stmt, 0, NAME_BYTES_MAX);
    double ns = real_or_nan(stmt, 1) * 1e9;

    (void)e;
    if (row == 0)
        *t = (struct verdict_front){INT64_MAX, INT64_MAX, INT64_MAX};
    for (size_t i = 0; key && i < sizeof times / sizeof *times; i++)
        if (is_engine_key(key, times[i].name) && ns >= 0 && ns < 1e18 && llround(ns) < *times[i].ns)
            *times[i].ns = llround(ns);
    return 0;
}

static int take_param(struct file *f, sqlite3_stmt *stmt, int64_t row, struct err *e)
{
    struct calibration *c = &f->r->calibration;
    const struct {
        const char *key;
        double *value;
    } reals[] = {{"engine.tpot_low", &c->tpot_low},
                 {"engine.tpot_high", &c->tpot_high},
                 {"engine.ttft_low", &c->ttft_low},
                 {"engine.ttft_high", &c->ttft_high}};
    const char *key = text(f, stmt, 0, NAME_BYTES_MAX), *value = text(f, stmt, 1, NAME_BYTES_MAX);

    (void)row, (void)e;
    if (key == NULL || value == NULL)
        return 0;
    for (size_t i = 0; i < sizeof reals / sizeof *reals; i++)
        if (strcmp(key, reals[i].key) == 0 && real_or_nan(stmt, 2) > 0)
            *reals[i].value = real_or_nan(stmt, 2);
    if (strcmp(key, "run.slo_window") == 0 && real_or_nan(stmt, 2) > 0 && real_or_nan(stmt, 2) < 1e9)
        f->r->slo_window_ns = llround(real_or_nan(stmt, 2) * 1e9);
    if (strcmp(key, "run.warmup_by") == 0)
        f->r->mser5 = strcmp(value, "mser5") == 0;
    if (is_engine_key(key, "calibration") && strcmp(value, "best") != 0)
        c->at = value;
    if (strcmp(key, "gpu.extrapolated") == 0)
        c->gpu_extrapolated = strcmp(value, "yes") == 0;
    if (strcmp(key, "engine.extrapolated") == 0)
        c->engine_extrapolated = strcmp(value, "yes") == 0;
    return 0;
}

/* The count, then an array for it; the transaction around both keeps them one, but in a file made to deceive they may
 * still differ. Rows themselves are counted, no index, and not past max: pages that name each other have no end. */
static int count_rows(const struct file *f, const char *table, int64_t max, int64_t *n, struct err *e)
{
    char sql[128];

    snprintf(sql, sizeof sql, "SELECT count(*) FROM (SELECT 1 FROM %s NOT INDEXED LIMIT %lld)", table,
             (long long)max + 1);
    *n = number(f, sql, -1);
    return *n < 0 || *n > max ? damaged(f, e, "a table with more rows than can be") : 0;
}

static int read_tables(struct file *f, struct err *e)
{
    struct results *r = f->r;

    if (each(f,
             "SELECT status, message, fingerprint, version, scenario_path, config_hash, log, seed, replication, "
             "warmup_ns,"
             " horizon_ns, t_end_ns, events, wall_s FROM run LIMIT 1",
             take_run, e))
        return -1;
    if (!r->status)
        return damaged(f, e, "table run is empty");
    if (count_rows(f, "class", CLASSES_MAX, &r->n_classes, e) ||
        count_rows(f, "metric", METRICS_MAX, &r->n_metrics, e) ||
        count_rows(f, "counter", METRICS_MAX, &r->n_counters, e))
        return -1;
    r->classes = arena_alloc(&r->arena, (size_t)(r->n_classes + 1) * sizeof *r->classes);
    r->metrics = arena_alloc(&r->arena, (size_t)(r->n_metrics + 1) * sizeof *r->metrics);
    r->counters = arena_alloc(&r->arena, (size_t)(r->n_counters + 1) * sizeof *r->counters);
    if (each(f, "SELECT id, name, weight, slo_ttft_ns, slo_tpot_ns, slo_e2el_ns FROM class ORDER BY id", take_class,
             e) ||
        each(f, "SELECT class, name, value, unit, approximate FROM metric ORDER BY rowid", take_metric, e) ||
        each(f, "SELECT name, value FROM counter ORDER BY rowid", take_counter, e) ||
        count_rows(f, "replica", REPLICAS_MAX, &r->n_members, e) ||
        each(f,
             "SELECT key, value_text, value_num FROM run_param WHERE key GLOB 'engine.t[pt]*' OR key GLOB "
             "'engine*.calibration' OR key GLOB '*.extrapolated' OR key IN ('run.warmup_by', 'run.slo_window')"
             " LIMIT 100",
             take_param, e) ||
        each(f,
             "SELECT key, value_num FROM run_param WHERE key GLOB 'engine*.request_latency' OR"
             " key GLOB 'engine*.request_service' OR key GLOB 'engine*.token_service' LIMIT 1000",
             take_front, e) ||
        each(f,
             "SELECT count(*), sum(gpus), max(kv_blocks), count(DISTINCT first_member) FROM replica NOT INDEXED",
             take_replicas, e))
        return -1;
    r->pools = arena_alloc(&r->arena, POOLS_MAX * sizeof *r->pools);
    if (each(f, "SELECT pool, count(*) FROM replica NOT INDEXED GROUP BY pool ORDER BY min(id)", take_pool, e))
        return -1;
    return r->n_metrics ? 0 : rows_to_metrics(r, f->db, f->path, e);
}

static int open_checked(const char *path, int (*check)(const struct file *f, struct err *e), sqlite3 **db, struct err *e)
{
    struct file f = {.path = path};

    if (check_file(path, e) == 0 && open_file(&f, e) == 0) {
        if (sqlite3_exec(f.db, "PRAGMA temp_store=MEMORY; BEGIN", NULL, NULL, NULL) != SQLITE_OK)
            refused(&f, e);
        else if (check(&f, e) == 0) {
            *db = f.db;
            return 0;
        }
    }
    sqlite3_close(f.db);
    return -1;
}

int results_open(const char *path, sqlite3 **db, struct err *e)
{
    return open_checked(path, check_schema, db, e);
}

int results_open_study(const char *path, sqlite3 **db, struct err *e)
{
    return open_checked(path, check_study_schema, db, e);
}

bool results_is_study(const char *path)
{
    struct file f = {.path = path};
    struct err e = {0};
    bool is = check_file(path, &e) == 0 && open_file(&f, &e) == 0 && is_study(&f);

    sqlite3_close(f.db);
    return is;
}

int results_load(struct results *r, const char *path, struct err *e)
{
    struct file f = {.path = path, .r = r};
    int rc = -1;

    memset(r, 0, sizeof *r);
    r->calibration = (struct calibration){NAN, NAN, NAN, NAN, NULL, false, false};
    arena_init(&r->arena);
    if (check_file(path, e) == 0 && open_file(&f, e) == 0) {
        if (sqlite3_exec(f.db, "BEGIN", NULL, NULL, NULL) != SQLITE_OK)
            refused(&f, e);
        else if (check_schema(&f, e) == 0)
            rc = read_tables(&f, e);
    }
    sqlite3_close(f.db);
    return rc;
}

void results_free(struct results *r)
{
    arena_free(&r->arena);
}

double results_metric(const struct results *r, int64_t class_id, const char *name, bool *approximate)
{
    for (int64_t i = 0; i < r->n_metrics; i++)
        if (r->metrics[i].class_id == class_id && strcmp(r->metrics[i].name, name) == 0) {
            if (approximate)
                *approximate = r->metrics[i].approximate;
            return r->metrics[i].value;
        }
    if (approximate)
        *approximate = false;
    return NAN;
}

bool results_counter(const struct results *r, const char *name, int64_t *value)
{
    for (int64_t i = 0; i < r->n_counters; i++)
        if (strcmp(r->counters[i].name, name) == 0) {
            *value = r->counters[i].value;
            return true;
        }
    return false;
}
