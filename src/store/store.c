#include "store/store.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sqlite3.h>

#include "base/bug.h"
#include "store/image.h"
#include "store/part.h"
#include "store/put.h"
#include "store/schema.h"
#include "store/vtab.h"

/*
 * Pages of 4, 16, 32 and 64 KiB write within 10% of each other (tests/bench/bench_store.c). 16: fewer, larger reads
 * for who scans the file, while a small run's file stays small (each of 20 tables takes a page). The cache holds
 * what one unit changes, so that nothing is written before its commit. Debian's SQLite zeroes what is deleted
 * unless told otherwise.
 */
static const char pragmas[] = "PRAGMA page_size=16384; PRAGMA journal_mode=TRUNCATE; PRAGMA synchronous=OFF;"
                              "PRAGMA cache_size=-8192; PRAGMA temp_store=MEMORY; PRAGMA foreign_keys=OFF;"
                              "PRAGMA secure_delete=OFF; PRAGMA auto_vacuum=NONE;";

enum { RESERVE_BYTES = 65536 };

struct store {
    struct sink sink;
    sqlite3 *db;
    char *file, *part;
    bool force, renamed;
    bool failed; /* the sink: nothing more is written but the status */
    struct err why;
    enum log_level level;
    struct vtab_source requests; /* rows that replace others */
    struct image image;          /* all other rows */
    sqlite3_stmt *insert[EV_KINDS], *begin, *commit;
    struct sort_pair *order; /* of the unit's request rows */
    uint32_t order_cap;
};

static const char *const level_names[] = {"summary", "request", "step", "all"};

/* The system's reason. A statement that failed in mid-step does not hand it on; the file that met it still knows. */
static int reason(sqlite3 *db)
{
    int why = sqlite3_system_errno(db);
    sqlite3_file *journal = NULL;

    if (why == 0)
        sqlite3_file_control(db, "main", SQLITE_FCNTL_LAST_ERRNO, &why);
    if (why == 0 && sqlite3_file_control(db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &journal) == SQLITE_OK && journal &&
        journal->pMethods)
        journal->pMethods->xFileControl(journal, SQLITE_FCNTL_LAST_ERRNO, &why);
    return why;
}

/* Says in plain words what SQLite could not do. */
static int failure(struct store *s, struct err *e, const char *doing)
{
    int code = sqlite3_errcode(s->db), why = code == SQLITE_IOERR || code == SQLITE_CANTOPEN ? reason(s->db) : 0;

    if (code == SQLITE_FULL)
        return err_set(e, EXIT_CODE_IO, "%s: the disk is full (%s)", s->part, doing);
    return err_set(e, EXIT_CODE_IO, "%s: %s: %s%s%s", s->part, doing, sqlite3_errmsg(s->db), why ? ": " : "",
                   why ? strerror(why) : "");
}

static int exec(struct store *s, const char *sql)
{
    return sqlite3_exec(s->db, sql, NULL, NULL, NULL);
}

static int run_once(sqlite3_stmt *stmt)
{
    sqlite3_step(stmt);
    return sqlite3_reset(stmt);
}

static int put(struct store *s, const char *sql, const char *format, ...)
{
    va_list values;

    va_start(values, format);
    int rc = put_row(s->db, sql, format, values);
    va_end(values);
    return rc;
}

static void hex64(char out[17], uint64_t v)
{
    snprintf(out, 17, "%016" PRIx64, v);
}

/* Numbered after those that there are. */
static int put_names(struct store *s, const char *const *agents, int64_t n_agents, const char *const *tools, int64_t n_tools)
{
    int rc = SQLITE_OK;

    for (int64_t i = 0; !rc && i < n_agents; i++)
        rc = put(s, "INSERT INTO agent SELECT count(*), ? FROM agent", "s", agents[i]);
    for (int64_t i = 0; !rc && i < n_tools; i++)
        rc = put(s, "INSERT INTO tool SELECT count(*), ? FROM tool", "s", tools[i]);
    return rc;
}

static int put_config(struct store *s, const struct store_config *c)
{
    char hash[17];
    int rc;

    hex64(hash, c->config_hash);
    rc = put(s,
             "INSERT INTO run(id, status, version, scenario_path, config_hash, seed, replication, log, warmup_ns,"
             " horizon_ns, content_block_tokens, scenario_text, resolved)"
             " VALUES(1, 'running', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
             "sssiisiIiss", c->version, c->scenario_path, hash, c->seed, c->replication, level_names[c->level],
             c->warmup_ns, c->horizon_ns, c->content_block_tokens, c->scenario_text, c->resolved);
    for (int64_t i = 0; !rc && i < c->n_params; i++)
        rc = put(s, "INSERT INTO run_param VALUES(1, ?, ?, ?, ?)", "ssdi", c->params[i].key,
                 c->params[i].value_text, c->params[i].value_num, (int64_t)c->params[i].is_iter);
    for (int64_t i = 0; !rc && i < c->n_classes; i++)
        rc = put(s, "INSERT INTO class VALUES(?, ?, ?, ?, ?, ?)", "isdIII", i, c->classes[i].name, c->classes[i].weight,
                 c->classes[i].slo_ttft_ns, c->classes[i].slo_tpot_ns, c->classes[i].slo_e2el_ns);
    if (!rc)
        rc = put_names(s, c->agents, c->n_agents, c->tools, c->n_tools);
    for (int64_t i = 0, id = 0; !rc && i < c->n_pools; i++)
        for (int64_t k = 0; !rc && k < c->pools[i].n_replicas; k++, id++)
            rc = put(s, "INSERT INTO replica VALUES(?, ?, ?, ?, ?, ?, ?)", "iiiissi", id, c->pools[i].gpus,
                     c->pools[i].kv_blocks, c->pools[i].kv_block_tokens, c->pools[i].name, c->pools[i].role,
                     id - k % c->pools[i].members);
    if (!rc)
        rc = put(s, "INSERT INTO reserve VALUES(zeroblob(?))", "i", (int64_t)RESERVE_BYTES);
    return rc;
}

static int put_memory(struct store *s, const struct store_memory *m)
{
    int rc = exec(s, "BEGIN");

    for (int64_t i = 0; !rc && i < m->n_tiers; i++) {
        const struct store_tier *t = &m->tiers[i];

        rc = put(s, "INSERT INTO tier VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", "issiiiiddididdd", i,
                 t->name, t->kind, t->units, t->gpus, t->capacity_bytes, t->hardware_bytes, t->read_Bps, t->write_Bps,
                 t->latency_ns, t->usd_per_gb, (int64_t)t->caches, t->write_amplification, t->drive_writes_per_day,
                 t->warranty_years);
    }
    for (int64_t i = 0; !rc && i < m->n_ports; i++) {
        const struct store_port *p = &m->ports[i];

        rc = put(s, "INSERT INTO port VALUES(?, ?, ?, ?, ?, CASE WHEN ?6 >= 0 THEN ?6 END)", "isissi", i, p->name,
                 p->unit, p->kind, p->direction, p->tier);
    }
    for (int64_t i = 0; !rc && i < m->n_kinds; i++)
        rc = put(s, "INSERT INTO move_kind VALUES(?, ?, ?)", "iss", i, m->kinds[i].name, m->kinds[i].help);
    return rc ? rc : exec(s, "COMMIT");
}

static int put_bill(struct store *s, const struct store_bill *b)
{
    int rc = exec(s, "BEGIN");

    for (int64_t i = 0; !rc && i < b->n_parts; i++) {
        const struct store_bill_part *p = &b->part[i];

        rc = put(s,
                 "INSERT INTO bill VALUES(?, ?, ?, ?, CASE WHEN ?5 >= 0 THEN ?5 END, CASE WHEN ?6 >= 0 THEN ?6 END,"
                 " ?, ?, ?, ?, ?, ?)",
                 "isssiiiddddd", i, p->name, p->kind, p->product, p->pool, p->tier, (int64_t)p->by_replica, p->count,
                 p->bytes, p->unit_usd, p->capex_usd, p->usd_per_h);
    }
    for (int64_t i = 0; !rc && b->n_parts > 0 && i < b->n_pools; i++) {
        const struct store_bill_pool *p = &b->pool[i];

        rc = put(s, "INSERT INTO bill_pool VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", "iiiddddddd", i, p->replicas, p->members,
                 p->gpus, p->idle_W, p->busy_W, p->node_W, p->kv_share, b->pue, b->usd_per_kwh);
    }
    return rc ? rc : exec(s, "COMMIT");
}

static int prepare_inserts(struct store *s)
{
    char sql[160];
    int rc = sqlite3_prepare_v3(s->db, "BEGIN", -1, SQLITE_PREPARE_PERSISTENT, &s->begin, NULL);

    if (!rc)
        rc = sqlite3_prepare_v3(s->db, "COMMIT", -1, SQLITE_PREPARE_PERSISTENT, &s->commit, NULL);
    s->requests.kind = EV_REQUEST;
    if (!rc)
        rc = vtab_register(s->db, &s->requests);
    if (!rc)
        rc = image_attach(&s->image, s->db);
    for (int k = 0; !rc && k < EV_KINDS; k++) {
        const char *table = ev_info[k].table;

        if (k == EV_REQUEST)
            snprintf(sql, sizeof sql, "INSERT OR REPLACE INTO main.%s SELECT * FROM unit_%s", table, table);
        else
            snprintf(sql, sizeof sql, "INSERT INTO main.%s SELECT * FROM unit.%s", table, table);
        rc = sqlite3_prepare_v3(s->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &s->insert[k], NULL);
    }
    return rc;
}

/* Requests in order of id: rows of one page together, whether they are new or replaced. */
static const struct sort_pair *order_requests(struct store *s, const struct trace_unit *u)
{
    uint32_t n = u->n[EV_REQUEST];
    const struct ev_request *row = (const struct ev_request *)u->rec[EV_REQUEST];

    if (n > s->order_cap) {
        s->order_cap = n;
        s->order = mem_realloc(s->order, n * sizeof *s->order);
    }
    for (uint32_t i = 0; i < n; i++)
        s->order[i] = (struct sort_pair){(uint64_t)row[i].id, i};
    sort_pairs(s->order, n);
    return s->order;
}

static int write_unit(struct store *s, const struct trace_unit *u)
{
    int rc = image_fill(&s->image, s->db, u, s->level);

    s->requests.rec = u->rec[EV_REQUEST];
    s->requests.n = u->n[EV_REQUEST];
    s->requests.order = order_requests(s, u);
    if (!rc)
        rc = run_once(s->begin);
    for (int k = 0; !rc && k < EV_KINDS; k++) {
        if (ev_info[k].level > s->level || u->n[k] == 0)
            continue;
        rc = run_once(s->insert[k]);
    }
    return rc ? rc : run_once(s->commit);
}

/* SQLite has rolled back by itself after most errors of the disk. */
static void roll_back(struct store *s)
{
    if (!sqlite3_get_autocommit(s->db))
        exec(s, "ROLLBACK");
}

static int consume(struct sink *sink, const struct trace_unit *u, struct err *e)
{
    struct store *s = (struct store *)sink;

    if (s->failed)
        return err_set(e, s->why.code, "%s", s->why.msg);
    if (s->level == LOG_SUMMARY || write_unit(s, u) == SQLITE_OK)
        return 0;
    s->failed = true;
    failure(s, &s->why, "writing the log");
    roll_back(s);
    return err_set(e, s->why.code, "%s", s->why.msg);
}

int store_put_memory(struct store *s, const struct store_memory *m, struct err *e)
{
    if (put_memory(s, m) == SQLITE_OK)
        return 0;
    s->failed = true;
    failure(s, &s->why, "writing its memories");
    roll_back(s);
    return err_set(e, s->why.code, "%s", s->why.msg);
}

int store_put_bill(struct store *s, const struct store_bill *b, struct err *e)
{
    if (s->failed)
        return -1;
    if (put_bill(s, b) == SQLITE_OK)
        return 0;
    s->failed = true;
    failure(s, &s->why, "writing its bill");
    roll_back(s);
    return err_set(e, s->why.code, "%s", s->why.msg);
}

static const struct sink_ops store_ops = {.name = "sqlite", .consume = consume};

static void release(struct store *s)
{
    for (int k = 0; k < EV_KINDS; k++)
        sqlite3_finalize(s->insert[k]);
    sqlite3_finalize(s->begin);
    sqlite3_finalize(s->commit);
    sqlite3_close(s->db);
    image_free(&s->image);
    free(s->order);
    free(s->file);
    free(s->part);
    free(s);
}

/* A journal in mode TRUNCATE stays, empty; one that is not empty is still needed, while its file is there. The lock
 * keeps others' away. */
static void remove_journal(struct store *s, bool file_is_gone)
{
    size_t size = strlen(s->part) + sizeof "-journal";
    char *journal = mem_alloc(size);
    struct stat st;

    snprintf(journal, size, "%s-journal", s->part);
    if (file_is_gone || (stat(journal, &st) == 0 && st.st_size == 0))
        unlink(journal);
    free(journal);
}

int store_open(struct store **out, const struct store_config *c, struct err *e)
{
    struct store *s = mem_zalloc(1, sizeof *s);
    size_t size = strlen(c->path) + sizeof ".part";

    *out = NULL;
    s->sink.ops = &store_ops;
    s->level = c->level;
    s->force = c->force;
    s->file = mem_alloc(size);
    s->part = mem_alloc(size);
    snprintf(s->file, size, "%s", c->path);
    snprintf(s->part, size, "%s.part", c->path);
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0); /* a mutex less an allocation; refused, harmlessly, once SQLite runs */
    if (part_open(&s->db, s->file, s->part, c->force, e)) {
        release(s);
        return -1;
    }
    if (exec(s, pragmas) || exec(s, "BEGIN") || schema_create(s->db) || put_config(s, c) || exec(s, "COMMIT") ||
        prepare_inserts(s)) {
        failure(s, e, "beginning the file");
        roll_back(s);
        unlink(s->part); /* empty but for our own first words */
        remove_journal(s, true);
        release(s);
        return -1;
    }
    *out = s;
    return 0;
}

struct sink *store_sink(struct store *s)
{
    return &s->sink;
}

const char *store_file(const struct store *s)
{
    return s->renamed ? s->file : s->part;
}

static int write_end(struct store *s, const struct store_end *end)
{
    char hash[17];
    int rc;

    hex64(hash, end->fingerprint);
    if ((rc = exec(s, "PRAGMA synchronous=FULL")) || (rc = exec(s, "BEGIN")) || (rc = exec(s, "DROP TABLE reserve")) ||
        (rc = exec(s, "DELETE FROM doc WHERE table_name = 'reserve'")))
        return rc;
    for (int64_t i = 0; !rc && i < end->n_metrics; i++) {
        const struct store_metric *m = &end->metrics[i];

        rc = put(s, "INSERT INTO metric VALUES(CASE WHEN ?1 >= 0 THEN ?1 END, ?, ?, ?, ?)", "isdsi", m->class_id,
                 m->name, m->value, m->unit, (int64_t)m->approximate);
    }
    if (!rc)
        rc = put_names(s, end->agents, end->n_agents, end->tools, end->n_tools);
    for (int64_t i = 0; !rc && i < end->n_counters; i++)
        rc = put(s, "INSERT INTO counter VALUES(?, ?)", "si", end->counters[i].name, end->counters[i].value);
    for (int64_t i = 0; !rc && i < end->n_costs; i++)
        rc = put(s, "INSERT INTO cost VALUES(?, ?, ?, ?)", "isdd", end->costs[i].part, end->costs[i].who,
                 end->costs[i].usd, end->costs[i].full_usd);
    for (int64_t i = 0; !rc && i < end->n_rates; i++)
        rc = put(s, "INSERT INTO cost_rate VALUES(CASE WHEN ?1 >= 0 THEN ?1 END, ?, ?)", "isd", end->rates[i].pool,
                 end->rates[i].what, end->rates[i].usd);
    if (!rc)
        rc = put(s,
                 "UPDATE run SET status = ?, message = ?, fingerprint = ?, t_end_ns = ?, events = ?, wall_s = ?"
                 " WHERE id = 1",
                 "sssiid", end->status, end->message, hash, end->t_end_ns, (int64_t)end->events, end->wall_s);
    return rc ? rc : exec(s, "COMMIT");
}

/*
 * The last words after a failure: no metrics, since they would tell of more than the rows do.
 * First as any commit; where not even its journal finds room, without one: the pages are then
 * overwritten in place, and what the reserve gave up is room enough within the file.
 */
static int write_failure(struct store *s, const char *message)
{
    /* By way of OFF: SQLite 3.40 would go on with the journal that is open, although the mode says memory. */
    static const char *const journals[] = {"PRAGMA journal_mode=TRUNCATE",
                                           "PRAGMA journal_mode=OFF; PRAGMA journal_mode=MEMORY"};
    int rc = SQLITE_ERROR;

    for (int i = 0; i < 2 && rc; i++) {
        exec(s, "PRAGMA synchronous=FULL");
        if ((rc = exec(s, journals[i])) || (rc = exec(s, "BEGIN")) || (rc = exec(s, "DROP TABLE IF EXISTS reserve")) ||
            (rc = put(s, "UPDATE run SET status = 'failed', message = ? WHERE id = 1", "s", message)) ||
            (rc = exec(s, "COMMIT")))
            roll_back(s);
    }
    return rc;
}

int store_close(struct store *s, const struct store_end *end, struct err *e)
{
    int rc = 0;

    if (!s->failed && write_end(s, end) != SQLITE_OK) {
        s->failed = true;
        failure(s, &s->why, "writing the results");
        roll_back(s);
        rc = err_set(e, s->why.code, "%s", s->why.msg);
    }
    if (s->failed) {
        if (write_failure(s, s->why.msg) != SQLITE_OK)
            rc = failure(s, e, "recording the failure");
    }
    remove_journal(s, false); /* before the rename: after it, the name is free for the next run's */
    if (!s->failed && strcmp(end->status, "complete") == 0) {
        rc = part_rename(s->file, s->part, s->force, e);
        s->renamed = rc == 0;
    }
    release(s);
    return rc;
}
