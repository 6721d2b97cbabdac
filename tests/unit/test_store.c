/*
 * test_store.c - the results file: rows as put, replaced requests, cut files, full disks, who may write where; and
 * that the report reads each back. Each test works in a folder of its own.
 */
#include <check.h>
#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sqlite3.h>

#include "base/bug.h"
#include "report/load.h"
#include "report/report.h"
#include "store/store.h"
#include "../run_suite.h"

static char folder[] = "test_store.XXXXXX";
static struct err err;
static const struct store_class classes[] = {{"chat", 3, 2000000000, 100000000, 0}, {"batch", 1, 0, 0, 0}};
static const struct store_tier tiers[] = {{.name = "hbm",
                                           .kind = "hbm",
                                           .units = 2,
                                           .gpus = 4,
                                           .usd_per_gb = NAN,
                                           .write_amplification = NAN,
                                           .drive_writes_per_day = NAN,
                                           .warranty_years = NAN,
                                           .caches = true}};
static const struct store_port ports[] = {{"hbm", "hbm", NULL, 0, 0}, {"hbm", "hbm", NULL, 1, 0}};
static const struct store_move_kind kinds[] = {{"step", "a step"}, {"restore", "a restore"}};
static const struct store_memory memory = {tiers, ports, kinds, 1, 2, 2};
static const struct store_param params[] = {{"replica.count", "2", 2, false}, {"router.policy", "random", NAN, false}};

static void enter(void)
{
    strcpy(folder, "test_store.XXXXXX");
    ck_assert(mkdtemp(folder) != NULL);
    ck_assert_int_eq(chdir(folder), 0);
    memset(&err, 0, sizeof err);
}

static void leave(void)
{
    char command[64];

    ck_assert_int_eq(chdir(".."), 0);
    snprintf(command, sizeof command, "rm -rf %s", folder);
    ck_assert_int_eq(system(command), 0);
}

static struct store_config config(bool force, enum log_level level)
{
    static const struct store_pool pool = {
        .name = "all", .role = "both", .n_replicas = 2, .members = 1, .gpus = 4, .kv_blocks = 100, .kv_block_tokens = 16};

    static const char *const agents[] = {"coder", "helper"}, *const tools[] = {"shell", "search"};

    return (struct store_config){.path = "r.db",
                                 .agents = agents,
                                 .n_agents = 2,
                                 .tools = tools,
                                 .n_tools = 2,
                                 .force = force,
                                 .level = level,
                                 .scenario_path = "s.ini",
                                 .scenario_text = "[run]\n",
                                 .resolved = "[run]\nseed = 1\n",
                                 .version = "test",
                                 .config_hash = 0xabc,
                                 .seed = -5,
                                 .warmup_ns = 1000,
                                 .classes = classes,
                                 .n_classes = 2,
                                 .pools = &pool,
                                 .n_pools = 1,
                                 .params = params,
                                 .n_params = 2};
}

static const struct store_metric metrics[] = {{-1, "completed", 7, "requests", false},
                                              {-1, "mean_ttft_ms", 0.1, "ms", false},
                                              {1, "p99_ttft_ms", NAN, "ms", true}};
static const struct store_counter counters[] = {{"requests_arrived", 9}};

static struct store_end the_end(const char *status)
{
    return (struct store_end){.status = status,
                              .fingerprint = 0xfeedface,
                              .t_end_ns = 5000000,
                              .events = 77,
                              .wall_s = 0.5,
                              .metrics = metrics,
                              .n_metrics = 3,
                              .counters = counters,
                              .n_counters = 1};
}

static struct store *open_store(bool force, enum log_level level)
{
    struct store_config c = config(force, level);
    struct store *s;

    ck_assert_msg(store_open(&s, &c, &err) == 0, "%s", err.msg);
    ck_assert_msg(store_put_memory(s, &memory, &err) == 0, "%s", err.msg);
    return s;
}

static void *put(struct trace_unit *u, enum ev_kind k)
{
    if (u->n[k] == u->cap[k]) {
        u->cap[k] = 2 * u->cap[k] + 16;
        u->rec[k] = mem_realloc(u->rec[k], u->cap[k] * (size_t)ev_info[k].n_fields * sizeof(int64_t));
    }
    return u->rec[k] + (size_t)u->n[k]++ * (size_t)ev_info[k].n_fields;
}

static void put_request(struct trace_unit *u, int64_t id, enum request_status status)
{
    bool done = status == REQUEST_COMPLETED;

    *(struct ev_request *)put(u, EV_REQUEST) = (struct ev_request){.id = id,
                                                                   .class = id % 2,
                                                                   .replica = done ? id % 2 : -1,
                                                                   .input_tokens = 10,
                                                                   .output_tokens = 3,
                                                                   .generated_tokens = done ? 3 : 0,
                                                                   .t_arrive_ns = id * 1000,
                                                                   .t_call_ns = id * 1000,
                                                                   .retry_of = -1,
                                                                   .t_admit_ns = done ? id * 1000 + 10 : -1,
                                                                   .t_first_ns = done ? id * 1000 + 20 : -1,
                                                                   .t_end_ns = done ? id * 1000 + 60 : -1,
                                                                   .status = status};
}

/* Of a record of unit `unit`; references are to rows that there are. */
static int64_t value_of(const struct ev_field *f, int64_t unit)
{
    if (f->type == FIELD_STATUS)
        return REQUEST_REJECTED;
    if (f->type == FIELD_REF)
        return -1;
    if (strcmp(f->name, "replica") == 0 || strcmp(f->name, "class") == 0 || strcmp(f->name, "lost_ns") == 0)
        return 1;
    return *f->reference && strcmp(f->name, "request") != 0 ? 0 : unit;
}

/* Unit i: requests 100 i ... end; the next 50 are in flight, put highest first; 200 steps; one of each event. */
static void fill(struct trace_unit *u, int64_t unit)
{
    memset(u->n, 0, sizeof u->n);
    for (int64_t id = 100 * unit; id < 100 * (unit + 1); id++)
        put_request(u, id, REQUEST_COMPLETED);
    for (int64_t id = 100 * (unit + 1) + 49; id >= 100 * (unit + 1); id--)
        put_request(u, id, REQUEST_WAITING);
    for (int64_t i = 0; i < 200; i++) {
        int64_t t = unit * 100000 + i * 500;

        *(struct ev_step *)put(u, EV_STEP) = (struct ev_step){i & 1, t, t + 400, 450, 2, 1, 5, 999, 3, 40, 3, unit};
    }
    for (enum ev_kind k = EV_ARRIVE; k < EV_KINDS; k++) {
        int64_t *rec = put(u, k);

        for (int f = 0; f < ev_info[k].n_fields; f++)
            rec[f] = value_of(&ev_info[k].fields[f], k == EV_CONTENTION ? 5000 + unit : unit); /* after warm-up */
    }
    /* An agent's task of one step, after warm-up. */
    struct ev_agent_task *task = (struct ev_agent_task *)u->rec[EV_AGENT_TASK];
    struct ev_agent_step *step = (struct ev_agent_step *)u->rec[EV_AGENT_STEP];
    task->t_start_ns = 5000;
    task->t_end_ns = 6000;
    task->path_alone_ns = task->steps = task->answered = 1;
    step->t_end_ns = 1000;
    step->branch = 0;
    step->alone_ns = 1;
}

static int consume(struct store *s, struct trace_unit *u, struct err *e)
{
    return store_sink(s)->ops->consume(store_sink(s), u, e);
}

static void write_units(struct store *s, int n)
{
    struct trace_unit u = {0};

    for (int i = 0; i < n; i++) {
        fill(&u, i);
        ck_assert_msg(consume(s, &u, &err) == 0, "%s", err.msg);
    }
    for (int k = 0; k < EV_KINDS; k++)
        free(u.rec[k]);
}

/* The answer to sql, columns by '|', rows by newline. */
static const char *ask(const char *file, const char *sql)
{
    static char answer[4096];
    sqlite3 *db;
    sqlite3_stmt *stmt;
    size_t at = 0;
    int rc;

    answer[0] = '\0';
    ck_assert_int_eq(sqlite3_open_v2(file, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
    rc = sqlite3_prepare_v2(db, sql, -1, &stmt, NULL);
    ck_assert_msg(rc == SQLITE_OK, "%s: %s", sql, sqlite3_errmsg(db));
    while ((rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        for (int i = 0; i < sqlite3_column_count(stmt); i++) {
            const char *v = (const char *)sqlite3_column_text(stmt, i);

            at += (size_t)snprintf(answer + at, sizeof answer - at, "%s%s", i ? "|" : at ? "\n" : "", v ? v : "NULL");
            ck_assert_uint_lt(at, sizeof answer);
        }
    }
    ck_assert_msg(rc == SQLITE_DONE, "%s: %s", sql, sqlite3_errmsg(db));
    sqlite3_finalize(stmt);
    sqlite3_close(db);
    return answer;
}

static bool exists(const char *path)
{
    return access(path, F_OK) == 0;
}

static void check_sound(const char *file)
{
    ck_assert_str_eq(ask(file, "PRAGMA integrity_check"), "ok");
    ck_assert_str_eq(ask(file, "PRAGMA foreign_key_check"), "");
}

START_TEST(rows_as_put)
{
    struct store *s = open_store(false, LOG_ALL);
    struct store_end end = the_end("complete");

    ck_assert_str_eq(store_file(s), "r.db.part");
    write_units(s, 3);
    ck_assert(!exists("r.db"));
    ck_assert_msg(store_close(s, &end, &err) == 0, "%s", err.msg);
    ck_assert(exists("r.db") && !exists("r.db.part") && !exists("r.db.part-journal"));
    check_sound("r.db");
    ck_assert_str_eq(ask("r.db", "PRAGMA application_id"), "1414746673");
    ck_assert_str_eq(
        ask("r.db", "SELECT count(*), sum(status = 'completed'), count(t_end_ns), count(replica) FROM request"),
        "350|300|300|300");
    ck_assert_str_eq(ask("r.db", "SELECT * FROM request WHERE id IN (100, 349)"),
                     "100|0|0|10|3|3|100000|100010|100020|100060|0|0|0|0|0|0|0|0|0|0|0|NULL|100000|0|completed\n"
                     "349|1|NULL|10|3|0|349000|NULL|NULL|NULL|0|0|0|0|0|0|0|0|0|0|0|NULL|349000|0|waiting");
    ck_assert_str_eq(ask("r.db", "SELECT count(*) FROM step"), "600");
    ck_assert_str_eq(ask("r.db", "SELECT * FROM step WHERE rowid = 402"), "1|200500|200900|450|2|1|5|999|3|40|3|2");
    ck_assert_str_eq(ask("r.db", "SELECT * FROM finish"), "0|0|NULL|rejected\n1|1|NULL|rejected\n2|2|NULL|rejected");
    ck_assert_str_eq(ask("r.db", "SELECT * FROM route WHERE rowid = 3"), "2|2|1|2");
    ck_assert_str_eq(ask("r.db",
                         "SELECT status, message, fingerprint, config_hash, seed, log, warmup_ns, horizon_ns, t_end_ns,"
                         " events, wall_s FROM run"),
                     "complete|NULL|00000000feedface|0000000000000abc|-5|all|1000|NULL|5000000|77|0.5");
    ck_assert_str_eq(ask("r.db", "SELECT * FROM metric"),
                     "NULL|completed|7.0|requests|0\nNULL|mean_ttft_ms|0.1|ms|0\n1|p99_ttft_ms|NULL|ms|1");
    ck_assert_str_eq(ask("r.db", "SELECT * FROM class"),
                     "0|chat|3.0|2000000000|100000000|NULL\n1|batch|1.0|NULL|NULL|NULL");
    ck_assert_str_eq(ask("r.db", "SELECT * FROM run_param"), "1|replica.count|2|2.0|0\n1|router.policy|random|NULL|0");
    ck_assert_str_eq(ask("r.db", "SELECT count(*) FROM sqlite_schema WHERE name = 'reserve'"), "0");
}
END_TEST

/* Every column of every table is documented, and nothing else; every view answers. */
START_TEST(documented)
{
    struct store *s = open_store(false, LOG_ALL);
    struct store_end end = the_end("complete");
    char sql[256], name[64];

    write_units(s, 2);
    ck_assert_int_eq(store_close(s, &end, &err), 0);
    ck_assert_str_eq(
        ask("r.db", "SELECT m.name, c.name FROM sqlite_schema m, pragma_table_info(m.name) c WHERE m.type = 'table'"
                    " EXCEPT SELECT table_name, column_name FROM doc"),
        "");
    ck_assert_str_eq(
        ask("r.db", "SELECT name FROM sqlite_schema EXCEPT SELECT table_name FROM doc WHERE column_name IS NULL"), "");
    ck_assert_str_eq(ask("r.db",
                         "SELECT d.table_name, d.column_name FROM doc d WHERE column_name IS NOT NULL AND NOT EXISTS"
                         " (SELECT 1 FROM pragma_table_info(d.table_name) c WHERE c.name = d.column_name)"),
                     "");
    for (int i = 0; i < 9; i++) {
        snprintf(sql, sizeof sql,
                 "SELECT name FROM sqlite_schema JOIN doc ON table_name = name AND column_name IS NULL WHERE type = 'view'"
                 " AND help NOT LIKE 'with [prices]%%' ORDER BY name LIMIT 1 OFFSET %d", i);
        snprintf(name, sizeof name, "%.60s", ask("r.db", sql));
        ck_assert_str_ne(name, "");
        snprintf(sql, sizeof sql, "SELECT count(*) > 0 FROM %s", name);
        ck_assert_msg(strcmp(ask("r.db", sql), "1") == 0, "%s is empty", name);
    }
    ck_assert_str_eq(ask("r.db", "SELECT class_name, completed, failed, met, attainment FROM v_goodput"),
                     "chat|99|0|99|1.0\nbatch|100|0|100|1.0\nall|199|0|199|1.0");
    ck_assert_str_eq(
        ask("r.db", "SELECT queue_ms, ttft_ms, tpot_ms, e2el_ms, counted FROM v_latency WHERE request = 7"),
        "1.0e-05|2.0e-05|2.0e-05|6.0e-05|1");
    ck_assert_str_eq(ask("r.db", "SELECT event FROM v_request_event WHERE request = 1 ORDER BY t_ns, life"),
                     "arrive\nroute\nadmit\nprefill\nfirst_token\nresume\npreempt\nfinish");
    ck_assert_str_eq(
        ask("r.db",
            "SELECT name, \"left\", \"right\", ok FROM v_conservation WHERE name LIKE 'output tokens: rows of step%'"
            " OR name = 'requests: arrived = rows of request'"),
        "requests: arrived = rows of request|9|250|0\noutput tokens: rows of step = rows of request|1200|600|0");
    ck_assert_str_eq(ask("r.db", "SELECT sum(weight) FROM v_itl"), "802");
}
END_TEST

/* Values of every size and sign, in units that need one page, many, and more than the image had room for, then few
 * again. */
START_TEST(all_values_survive)
{
    static const int rows[] = {1, 900, 20000, 150000, 0, 30};
    struct store *s = open_store(false, LOG_ALL);
    struct store_end end = the_end("complete");
    struct trace_unit u = {0};
    uint64_t state = 99;
    int64_t *want = NULL;
    size_t n = 0, fields = (size_t)ev_info[EV_STEP].n_fields;
    sqlite3 *db;
    sqlite3_stmt *stmt;

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        u.n[EV_STEP] = 0;
        want = mem_realloc(want, (n + (size_t)rows[i] + 1) * fields * sizeof *want);
        for (int row = 0; row < rows[i]; row++, n++) {
            int64_t *rec = put(&u, EV_STEP);

            for (size_t f = 0; f < fields; f++) {
                state = state * 6364136223846793005u + 1442695040888963407u;
                int shift = (int)(state >> 58); /* 0 ... 63: every length; both signs; 0, 1 and -1 among them */
                rec[f] = (int64_t)((state << 6) | (state >> 26 & 63)) >> shift;
                want[n * fields + f] = rec[f] < 0 && ev_info[EV_STEP].fields[f].type == FIELD_TIME ? -1 : rec[f];
            }
        }
        ck_assert_msg(consume(s, &u, &err) == 0, "%s", err.msg);
    }
    free(u.rec[EV_STEP]);
    ck_assert_int_eq(store_close(s, &end, &err), 0);
    ck_assert_str_eq(ask("r.db", "PRAGMA integrity_check"), "ok");
    ck_assert_int_eq(sqlite3_open("r.db", &db), SQLITE_OK);
    ck_assert_int_eq(sqlite3_prepare_v2(db, "SELECT * FROM step ORDER BY rowid", -1, &stmt, NULL), SQLITE_OK);
    for (size_t row = 0; row < n; row++) {
        if (sqlite3_step(stmt) != SQLITE_ROW)
            ck_abort_msg("row %zu of %zu is missing", row, n);
        for (size_t f = 0; f < fields; f++) {
            int64_t *w = &want[row * fields + f];
            bool null = ev_info[EV_STEP].fields[f].type == FIELD_TIME && *w == -1;

            if (null ? sqlite3_column_type(stmt, (int)f) != SQLITE_NULL : sqlite3_column_int64(stmt, (int)f) != *w)
                ck_abort_msg("row %zu, field %zu: not %lld", row, f, (long long)*w);
        }
    }
    ck_assert_int_eq(sqlite3_step(stmt), SQLITE_DONE);
    sqlite3_finalize(stmt);
    sqlite3_close(db);
    free(want);
}
END_TEST

START_TEST(levels_pick_tables)
{
    static const struct {
        enum log_level level;
        const char *counts;
    } cases[] = {{LOG_SUMMARY, "0|0|0"}, {LOG_REQUEST, "250|0|0"}, {LOG_STEP, "250|400|0"}, {LOG_ALL, "250|400|2"}};

    for (int i = 0; i < 4; i++) {
        struct store *s = open_store(true, cases[i].level);
        struct store_end end = the_end("complete");

        write_units(s, 2);
        ck_assert_int_eq(store_close(s, &end, &err), 0);
        ck_assert_str_eq(ask("r.db", "SELECT (SELECT count(*) FROM request), (SELECT count(*) FROM step),"
                                     " (SELECT count(*) FROM finish)"),
                         cases[i].counts);
    }
}
END_TEST

START_TEST(not_complete_stays_part)
{
    struct store *s = open_store(false, LOG_ALL);
    struct store_end end = the_end("interrupted");

    write_units(s, 1);
    ck_assert_int_eq(store_close(s, &end, &err), 0);
    ck_assert(!exists("r.db") && exists("r.db.part") && !exists("r.db.part-journal"));
    ck_assert_str_eq(ask("r.db.part", "SELECT status FROM run"), "interrupted");
    ck_assert_str_eq(ask("r.db.part", "SELECT count(*) FROM metric"), "3");
}
END_TEST

/* A child writes two units and begins a third behind the store's back, then dies without a word. */
static void killed_run(enum log_level level)
{
    pid_t child = fork();
    int status;

    if (child == 0) {
        struct store *s = open_store(false, level);
        struct rlimit none = {0, 0};

        setrlimit(RLIMIT_CORE, &none);
        write_units(s, 2);
        raise(SIGKILL);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

START_TEST(killed_leaves_prefix)
{
    struct results r;

    killed_run(LOG_ALL);
    ck_assert(!exists("r.db"));
    check_sound("r.db.part");
    ck_assert_str_eq(ask("r.db.part", "SELECT status, t_end_ns FROM run"), "running|NULL");
    ck_assert_str_eq(ask("r.db.part", "SELECT count(*), sum(status = 'completed') FROM request"), "250|200");

    ck_assert_int_eq(results_load(&r, "r.db", &err), -1);
    ck_assert_msg(strstr(err.msg, "r.db.part") != NULL, "%s", err.msg);
    results_free(&r);
    memset(&err, 0, sizeof err);
    ck_assert_msg(results_load(&r, "r.db.part", &err) == 0, "%s", err.msg);
    ck_assert(r.recomputed);
    ck_assert_int_eq(r.t_end_ns, 249000);                                /* the last instant in the rows: an arrival */
    ck_assert_double_eq(results_metric(&r, -1, "completed", NULL), 199); /* request 0 came before warm-up */
    ck_assert_double_eq(results_metric(&r, -1, "mean_e2el_ms", NULL), 60e-6);
    ck_assert_double_eq(results_metric(&r, -1, "steps", NULL), 398);
    ck_assert_double_eq(results_metric(&r, -1, "slo_attainment", NULL), 1);
    ck_assert_double_eq(results_metric(&r, -1, "max_concurrent_requests", NULL), 50);
    results_free(&r);
}
END_TEST

START_TEST(killed_at_lower_levels)
{
    struct results r;

    killed_run(LOG_REQUEST);
    ck_assert_msg(results_load(&r, "r.db.part", &err) == 0, "%s", err.msg);
    ck_assert_double_eq(results_metric(&r, -1, "completed", NULL), 199);
    ck_assert_double_nan(results_metric(&r, -1, "steps", NULL));
    ck_assert_double_nan(results_metric(&r, -1, "p99_itl_ms", NULL));
    results_free(&r);
    unlink("r.db.part");
    killed_run(LOG_SUMMARY);
    ck_assert_msg(results_load(&r, "r.db.part", &err) == 0, "%s", err.msg);
    ck_assert_double_nan(results_metric(&r, -1, "completed", NULL));
    results_free(&r);
}
END_TEST

/* A hot journal: a transaction of another connection whose pages reached the file, but whose commit never came. */
START_TEST(hot_journal_rolled_back)
{
    int status;
    struct results r;
    pid_t child;

    killed_run(LOG_ALL);
    if ((child = fork()) == 0) {
        sqlite3 *db;

        sqlite3_open("r.db.part", &db);
        sqlite3_exec(db,
                     "PRAGMA cache_size=2; PRAGMA synchronous=OFF; BEGIN; UPDATE request SET status = 'rejected';"
                     "DELETE FROM step",
                     NULL, NULL, NULL);
        raise(SIGKILL);
    }
    waitpid(child, &status, 0);
    struct stat st;
    ck_assert_int_eq(stat("r.db.part-journal", &st), 0);
    ck_assert_int_gt(st.st_size, 512);
    ck_assert_msg(results_load(&r, "r.db.part", &err) == 0, "%s", err.msg);
    ck_assert_double_eq(results_metric(&r, -1, "completed", NULL), 199);
    ck_assert_double_eq(results_metric(&r, -1, "steps", NULL), 398);
    results_free(&r);
}
END_TEST

static void refused(bool force, int code, const char *text)
{
    struct store_config c = config(force, LOG_ALL);
    struct store *s;

    memset(&err, 0, sizeof err);
    ck_assert_int_eq(store_open(&s, &c, &err), -1);
    ck_assert_ptr_null(s);
    ck_assert_int_eq(err.code, code);
    ck_assert_msg(strstr(err.msg, text) != NULL, "%s", err.msg);
    memset(&err, 0, sizeof err);
}

static void write_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");

    ck_assert(f != NULL && fputs(text, f) >= 0 && fclose(f) == 0);
}

START_TEST(who_may_write)
{
    struct store_end end = the_end("complete");
    struct store *s;

    /* An existing FILE: refused; with force kept until the rename. */
    write_file("r.db", "mine");
    refused(false, EXIT_CODE_USAGE, "r.db: exists; --force replaces it");
    ck_assert(!exists("r.db.part"));
    s = open_store(true, LOG_ALL);
    write_units(s, 1);
    struct stat st;
    ck_assert_int_eq(stat("r.db", &st), 0);
    ck_assert_int_eq(st.st_size, 4);
    /* A run in progress: refused, with force too. */
    refused(false, EXIT_CODE_USAGE, "r.db: exists");
    pid_t child = fork();
    int status;
    if (child == 0) {
        refused(true, EXIT_CODE_IO, "another run is writing it");
        unlink("r.db");
        refused(false, EXIT_CODE_IO, "another run is writing it");
        _exit(0);
    }
    waitpid(child, &status, 0);
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    ck_assert_int_eq(store_close(s, &end, &err), 0);
    check_sound("r.db");
    ck_assert_str_eq(ask("r.db", "PRAGMA page_size"), "16384");
    unlink("r.db");
    /* What a dead run left: only with force. What is no database too. An empty one is free. */
    killed_run(LOG_ALL);
    refused(false, EXIT_CODE_USAGE, "holds what an unfinished run left");
    ck_assert_str_eq(ask("r.db.part", "SELECT count(*) FROM request"), "250");
    s = open_store(true, LOG_ALL);
    ck_assert_int_eq(store_close(s, &end, &err), 0);
    ck_assert_str_eq(ask("r.db", "SELECT count(*) FROM request"), "0");
    unlink("r.db");
    write_file(
        "r.db.part",
        "no database at all, but long enough to look for a header in its first hundred bytes, or so it seems ...");
    refused(false, EXIT_CODE_USAGE, "holds what an unfinished run left");
    s = open_store(true, LOG_ALL);
    ck_assert_int_eq(store_close(s, &end, &err), 0);
    unlink("r.db");
    write_file("r.db.part", "");
    s = open_store(false, LOG_ALL);
    /* FILE that comes to be during the run is not replaced without force. */
    write_file("r.db", "mine");
    ck_assert_int_eq(store_close(s, &end, &err), -1);
    ck_assert_msg(strstr(err.msg, "appeared during the run") != NULL, "%s", err.msg);
    ck_assert_str_eq(ask("r.db.part", "SELECT status FROM run"), "complete");
    unlink("r.db.part");
    /* A journal beside FILE would be rolled into ours. */
    write_file("r.db-journal", "x");
    refused(true, EXIT_CODE_IO, "left in mid-change");
    unlink("r.db-journal");
    ck_assert_int_eq(mkdir("r.db.part", 0700), 0);
    refused(true, EXIT_CODE_USAGE, "not a regular file");
}
END_TEST

START_TEST(nowhere_to_write)
{
    struct store_config c = config(false, LOG_ALL);
    struct store *s;

    c.path = "no/such/folder/r.db";
    ck_assert_int_eq(store_open(&s, &c, &err), -1);
    ck_assert_int_eq(err.code, EXIT_CODE_IO);
    ck_assert_msg(strstr(err.msg, "no/such/folder/r.db.part: cannot be written: No such file") != NULL, "%s", err.msg);
}
END_TEST

/* Writes until the file may not grow; what was committed must be there, and the status. */
static void full_disk(rlim_t bytes)
{
    struct store *s = open_store(false, LOG_ALL);
    struct rlimit limit = {bytes, RLIM_INFINITY};
    struct store_end end = the_end("failed");
    struct trace_unit u = {0};
    int64_t unit = 0;
    char want[32];

    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    do
        fill(&u, unit);
    while (consume(s, &u, &err) == 0 && ++unit < 100000);
    ck_assert_int_eq(err.code, EXIT_CODE_IO);
    ck_assert_msg(strncmp(err.msg, "r.db.part: ", 11) == 0, "%s", err.msg);
    ck_assert_int_gt(unit, 3);
    /* Later units are refused; the end is written all the same. */
    struct err later = {0};
    ck_assert_int_eq(consume(s, &u, &later), -1);
    later = (struct err){0};
    ck_assert_msg(store_close(s, &end, &later) == 0, "%s", later.msg);
    limit.rlim_cur = RLIM_INFINITY;
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    ck_assert(!exists("r.db"));
    check_sound("r.db.part");
    ck_assert_str_eq(ask("r.db.part", "SELECT status, message LIKE 'r.db.part: %' FROM run"), "failed|1");
    snprintf(want, sizeof want, "%lld|%lld", (long long)unit * 100, (long long)unit * 200);
    ck_assert_str_eq(
        ask("r.db.part", "SELECT (SELECT sum(status = 'completed') FROM request), (SELECT count(*) FROM step)"), want);
    for (int k = 0; k < EV_KINDS; k++)
        free(u.rec[k]);
}

START_TEST(full_while_running)
{
    signal(SIGXFSZ, SIG_IGN);
    for (rlim_t kib = 1100; kib < 1200; kib += 17) { /* the limit falls on different pages */
        full_disk(kib * 1024);
        unlink("r.db.part");
        memset(&err, 0, sizeof err);
    }
}
END_TEST

/* Nothing can be written any more, not even in place: what was committed stays, with status running. */
START_TEST(full_at_the_end)
{
    struct store *s = open_store(false, LOG_ALL);
    struct store_end end = the_end("complete");
    struct rlimit limit = {4096, RLIM_INFINITY};

    signal(SIGXFSZ, SIG_IGN);
    write_units(s, 3);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    ck_assert_int_eq(store_close(s, &end, &err), -1);
    ck_assert_int_eq(err.code, EXIT_CODE_IO);
    limit.rlim_cur = RLIM_INFINITY;
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    ck_assert(!exists("r.db"));
    check_sound("r.db.part");
    ck_assert_str_eq(ask("r.db.part", "SELECT (SELECT status FROM run), count(*) FROM request"), "running|350");
}
END_TEST

/* SQLite's pwrite when other programs took the room: what is there may be changed, no file may grow past `room`. */
static off_t room;

static ssize_t pwrite_in_place(int fd, const void *bytes, size_t n, off_t at)
{
    struct stat st;

    if (fstat(fd, &st) != 0 || (at + (off_t)n > st.st_size && at + (off_t)n > room)) {
        errno = ENOSPC;
        return -1;
    }
    return pwrite(fd, bytes, n, at);
}

static void set_pwrite(sqlite3_syscall_ptr call)
{
    sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);

    /* Which of the two it calls depends on how it was built. NULL gives its own back. */
    vfs->xSetSystemCall(vfs, "pwrite", call);
    vfs->xSetSystemCall(vfs, "pwrite64", call);
}

/* Not even a journal can be begun. */
START_TEST(filled_by_others)
{
    for (int at_end = 0; at_end < 2; at_end++) {
        struct store *s = open_store(false, LOG_ALL);
        struct store_end end = the_end("complete");

        write_units(s, 3);
        room = 0;
        set_pwrite((sqlite3_syscall_ptr)pwrite_in_place);
        if (!at_end) {
            struct trace_unit u = {0};

            fill(&u, 3);
            ck_assert_int_eq(consume(s, &u, &err), -1);
            ck_assert_msg(strstr(err.msg, "the disk is full (writing the log)") != NULL, "%s", err.msg);
            for (int k = 0; k < EV_KINDS; k++)
                free(u.rec[k]);
            memset(&err, 0, sizeof err);
        }
        ck_assert_int_eq(store_close(s, &end, &err), at_end ? -1 : 0);
        set_pwrite(NULL);
        ck_assert(!exists("r.db"));
        ck_assert(!exists("r.db.part-journal"));
        check_sound("r.db.part");
        ck_assert_str_eq(ask("r.db.part", "SELECT (SELECT status FROM run), count(*) FROM request"), "failed|350");
        unlink("r.db.part");
        memset(&err, 0, sizeof err);
    }
}
END_TEST

/* The first words find no room: nothing is left behind. */
START_TEST(no_room_to_begin)
{
    struct store_config c = config(false, LOG_ALL);
    struct store *s;

    set_pwrite((sqlite3_syscall_ptr)pwrite_in_place);
    for (room = 0; room < 400 * 1024; room = 2 * room + 300) {
        ck_assert_int_eq(store_open(&s, &c, &err), -1);
        ck_assert_int_eq(err.code, EXIT_CODE_IO);
        ck_assert(!exists("r.db"));
        ck_assert(!exists("r.db.part-journal"));
        memset(&err, 0, sizeof err);
    }
    set_pwrite(NULL);
}
END_TEST

/* What a report must refuse, each with a message and no crash. */
START_TEST(strange_files)
{
    static const struct {
        const char *sql, *text;
    } cases[] = {
        {"PRAGMA user_version = 99", "schema version 99"},
        {"PRAGMA application_id = 1", "no results file"},
        {"DROP TABLE metric", "a table is missing"},
        {"DROP TABLE metric; CREATE VIEW metric AS SELECT 1", "a table is missing"},
        {"DELETE FROM run", "table run is empty"},
        {"UPDATE class SET id = id + 5", "table class"},
        {"DELETE FROM metric; UPDATE request SET t_first_ns = NULL", "row 1 of table request"},
        {"DELETE FROM metric; UPDATE request SET class = 7 WHERE id = 3", "row 4 of table request"},
        {"DELETE FROM metric; UPDATE request SET t_end_ns = 9223372036854775807 WHERE id = 3",
         "row 4 of table request"},
        {"DELETE FROM metric; UPDATE request SET status = 'dreaming' WHERE id = 3", "row 4 of table request"},
        {"DELETE FROM metric; UPDATE step SET n_decode = -4 WHERE rowid = 9", "row 9 of table step"},
        {"DELETE FROM metric; UPDATE step SET t_end_ns = 1 WHERE rowid = 9", "row 9 of table step"},
        {"DROP VIEW v_verdict; DROP VIEW v_cost; DROP VIEW v_demand; ALTER TABLE metric DROP COLUMN value", "cannot be read"},
        {"ALTER TABLE metric ADD COLUMN x TEXT AS (hex(zeroblob(1 << 20)))", "a column that cannot be"},
        {"ALTER TABLE step ADD COLUMN rowid INTEGER", "a column that cannot be"},
        {"UPDATE class SET name = hex(zeroblob(1000))", "table class"},
        {"WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c LIMIT 100001)"
         "INSERT INTO counter SELECT 'x', i FROM c",
         "more rows than can be"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct store *s = open_store(true, LOG_ALL);
        struct store_end end = the_end("complete");
        sqlite3 *db;
        struct results r;

        write_units(s, 1);
        ck_assert_int_eq(store_close(s, &end, &err), 0);
        ck_assert_int_eq(sqlite3_open("r.db", &db), SQLITE_OK);
        ck_assert_msg(sqlite3_exec(db, cases[i].sql, NULL, NULL, NULL) == SQLITE_OK, "%s: %s", cases[i].sql,
                      sqlite3_errmsg(db));
        sqlite3_close(db);
        ck_assert_msg(results_load(&r, "r.db", &err) == -1, "%s", cases[i].sql);
        ck_assert_msg(strstr(err.msg, cases[i].text) != NULL, "%s: %s", cases[i].sql, err.msg);
        results_free(&r);
        memset(&err, 0, sizeof err);
    }
    write_file(
        "r.db",
        "this is not a database, however long one looks at it; and it is over a hundred bytes long, as a header is.");
    ck_assert_int_eq(report_print("r.db", REPORT_TEXT, stdout, &err), -1);
    ck_assert_msg(strstr(err.msg, "no results file") != NULL, "%s", err.msg);
}
END_TEST

/* An index that says the table is empty, and a gap of 40 minutes: rows are counted in the table; gaps may be long. */
START_TEST(lying_index)
{
    struct store *s = open_store(false, LOG_ALL);
    struct store_end end = the_end("complete");
    struct results r;
    sqlite3 *db;

    write_units(s, 1);
    ck_assert_int_eq(store_close(s, &end, &err), 0);
    ck_assert_int_eq(sqlite3_open("r.db", &db), SQLITE_OK);
    ck_assert_int_eq(
        sqlite3_exec(db,
                     "UPDATE run SET message = hex(zeroblob(4000));" /* the arrays come to lie at a block's end */
                     "CREATE TABLE none(a); CREATE INDEX empty ON none(a); CREATE INDEX liar ON metric(name);"
                     "WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c LIMIT 2000)"
                     "INSERT INTO metric SELECT NULL, 'x', 1, 's', 0 FROM c;"
                     "PRAGMA writable_schema = ON;"
                     "UPDATE sqlite_schema SET rootpage = (SELECT rootpage FROM sqlite_schema WHERE name = 'empty')"
                     " WHERE name = 'liar'; DELETE FROM sqlite_schema WHERE name = 'empty'",
                     NULL, NULL, NULL),
        SQLITE_OK);
    sqlite3_close(db);
    ck_assert_str_eq(ask("r.db", "SELECT (SELECT count(*) FROM metric), count(*) FROM metric NOT INDEXED"), "0|2003");
    ck_assert_msg(results_load(&r, "r.db", &err) == 0, "%s", err.msg);
    ck_assert_int_eq(r.n_metrics, 2003);
    results_free(&r);

    ck_assert_str_eq(ask("r.db", "DROP INDEX liar"), "");
    ck_assert_str_eq(ask("r.db", "DELETE FROM metric"), "");
    ck_assert_str_eq(ask("r.db", "UPDATE step SET gap_ns = 2400000000000"), "");
    ck_assert_msg(results_load(&r, "r.db", &err) == 0, "%s", err.msg);
    ck_assert(r.recomputed && r.n_metrics > 30);
    results_free(&r);
}
END_TEST

/* No byte of a file makes the report crash: each byte of its header and some of all pages turned, one at a time. */
START_TEST(turned_bytes)
{
    struct store *s = open_store(false, LOG_ALL);
    struct store_end end = the_end("complete");
    FILE *null = fopen("/dev/null", "w");
    static unsigned char bytes[1 << 21];

    end.n_metrics = 0; /* so that all rows are read */
    write_units(s, 1);
    ck_assert_int_eq(store_close(s, &end, &err), 0);
    FILE *f = fopen("r.db", "r");
    size_t size = fread(bytes, 1, sizeof bytes, f);
    fclose(f);
    ck_assert(null != NULL && size > 100000 && size < sizeof bytes);
    for (size_t at = 0; at < size; at += at < 120 ? 1 : 2999) {
        bytes[at] ^= 0xa5;
        f = fopen("t.db", "w");
        ck_assert_uint_eq(fwrite(bytes, 1, size, f), size);
        fclose(f);
        memset(&err, 0, sizeof err);
        int rc = report_print("t.db", REPORT_JSON, null, &err);
        ck_assert_int_eq(rc == 0, err.code == 0);
        bytes[at] ^= 0xa5;
    }
    fclose(null);
}
END_TEST

START_TEST(report_texts)
{
    struct store *s = open_store(false, LOG_ALL);
    struct store_end end = the_end("failed");
    char text[8192] = "";
    FILE *out;

    end.message = "trace \"x\"\n\033[31m:3";
    write_units(s, 1);
    ck_assert_int_eq(store_close(s, &end, &err), 0);
    ck_assert((out = fmemopen(text, sizeof text, "w")) != NULL);
    ck_assert_int_eq(report_print("r.db.part", REPORT_TEXT, out, &err), 0);
    fclose(out);
    ck_assert_msg(strncmp(text,
                          "NOT COMPLETE: status failed (trace \"x\"??[31m:3); results up to 0.005 s simulated\n"
                          "============ Serving Benchmark Result ============\n"
                          "Successful requests:                     7\n"
                          "Failed requests:                         -\n",
                          200) == 0,
                  "%s", text);
    memset(text, 0, sizeof text);
    ck_assert((out = fmemopen(text, sizeof text, "w")) != NULL);
    ck_assert_int_eq(report_print("r.db.part", REPORT_JSON, out, &err), 0);
    fclose(out);
    ck_assert(strstr(text, "\"message\": \"trace \\\"x\\\"\\u000a\\u001b[31m:3\"") != NULL);
    ck_assert(strstr(text, "\"completed\": 7,\n  \"mean_ttft_ms\": 0.1,\n") != NULL);
    ck_assert(strstr(text, "\"p99_ttft_ms\": null") != NULL);
    ck_assert(strstr(text, "\"requests_arrived\": 9") != NULL);
    sqlite3 *db;
    sqlite3_stmt *stmt;
    ck_assert_int_eq(sqlite3_open("", &db), SQLITE_OK);
    ck_assert_int_eq(sqlite3_prepare_v2(db, "SELECT json_valid(?)", -1, &stmt, NULL), SQLITE_OK);
    sqlite3_bind_text(stmt, 1, text, -1, SQLITE_STATIC);
    ck_assert_int_eq(sqlite3_step(stmt), SQLITE_ROW);
    ck_assert_int_eq(sqlite3_column_int(stmt, 0), 1);
    sqlite3_finalize(stmt);
    sqlite3_close(db);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("store");
    TCase *tc = tcase_create("store");

    tcase_add_checked_fixture(tc, enter, leave);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, rows_as_put);
    tcase_add_test(tc, documented);
    tcase_add_test(tc, all_values_survive);
    tcase_add_test(tc, levels_pick_tables);
    tcase_add_test(tc, not_complete_stays_part);
    tcase_add_test(tc, killed_leaves_prefix);
    tcase_add_test(tc, killed_at_lower_levels);
    tcase_add_test(tc, hot_journal_rolled_back);
    tcase_add_test(tc, who_may_write);
    tcase_add_test(tc, nowhere_to_write);
    tcase_add_test(tc, full_while_running);
    tcase_add_test(tc, full_at_the_end);
    tcase_add_test(tc, filled_by_others);
    tcase_add_test(tc, no_room_to_begin);
    tcase_add_test(tc, strange_files);
    tcase_add_test(tc, lying_index);
    tcase_add_test(tc, turned_bytes);
    tcase_add_test(tc, report_texts);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
