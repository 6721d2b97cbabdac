/*
 * test_export.c - export --chrome-trace is JSON that holds what the file does: a slice a step, a lane a request and a
 * transfer, whose parts are within it, counters, names of processes, instants; a window of it. export
 * --datasette-metadata is JSON, with each table. export --csv read back by a parser of its own is the table. Compressed
 * output unpacks to the same. By the program itself, on runs of its own: needs TIERSIM and srcdir from the environment.
 */
#include <check.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include <sqlite3.h>

#include "study/export_chrome.h"
#include "study/export_table.h"
#include "../run_suite.h"

enum { PATH_BYTES = 512 };

static char folder[PATH_BYTES] = "/tmp/test_export_XXXXXX", db_path[PATH_BYTES + 8];

/* The program on the run's file; its exit code. */
static int program(const char *before, const char *after)
{
    char command[4 * PATH_BYTES];

    snprintf(command, sizeof command, "\"%s\" %s \"%s\" %s > /dev/null 2>&1", getenv("TIERSIM"), before, db_path,
             after);
    return WEXITSTATUS(system(command));
}

static void run_once(void)
{
    const char *srcdir = getenv("srcdir");
    char command[4 * PATH_BYTES];

    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(db_path, sizeof db_path, "%s/a.db", folder);
    snprintf(command, sizeof command,
             "\"%s\" run \"%s/scenarios/faults.ini\" -q -o \"%s\" -s workload.requests=300 -s run.log=all -s "
             "replica.memory_fraction=0.28 -s 'fault host.at=3s' -s 'fault link.at=4s' > \"%s/out\" 2>&1",
             getenv("TIERSIM"), srcdir ? srcdir : ".", db_path, folder);
    ck_assert_int_eq(system(command), 0);
}

static void remove_all(void)
{
    char command[2 * PATH_BYTES];

    snprintf(command, sizeof command, "rm -rf \"%s\"", folder);
    ck_assert_int_eq(system(command), 0);
}

static int64_t ask(const char *sql)
{
    sqlite3 *db;
    sqlite3_stmt *s;

    ck_assert_int_eq(sqlite3_open_v2(db_path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    ck_assert_msg(sqlite3_prepare_v2(db, sql, -1, &s, NULL) == SQLITE_OK, "%s: %s", sql, sqlite3_errmsg(db));
    ck_assert_int_eq(sqlite3_step(s), SQLITE_ROW);
    int64_t v = sqlite3_column_int64(s, 0);
    sqlite3_finalize(s);
    sqlite3_close(db);
    return v;
}

/* ---- the trace ---- */

static json_t *trace(double from_s, double to_s, int64_t *events)
{
    char *text = NULL;
    size_t size;
    struct err e = {0};
    json_error_t where;
    FILE *out = open_memstream(&text, &size);

    ck_assert_msg(export_chrome(db_path, (int64_t)(1e9 * from_s), (int64_t)(1e9 * to_s), out, events, &e) == 0, "%s",
                  e.msg);
    ck_assert_int_eq(fclose(out), 0);
    json_t *root = json_loadb(text, size, JSON_REJECT_DUPLICATES, &where);
    ck_assert_msg(root != NULL, "line %d: %s", where.line, where.text);
    free(text);
    return root;
}

static bool is(const json_t *event, const char *key, const char *value)
{
    const char *has = json_string_value(json_object_get(event, key));

    return has && strcmp(has, value) == 0;
}

static double of(const json_t *event, const char *key)
{
    const json_t *v = json_object_get(event, key);

    ck_assert_msg(json_is_number(v), "no number %s", key);
    return json_number_value(v);
}

static int64_t count(const json_t *events, const char *ph, const char *key, const char *value)
{
    int64_t n = 0;
    size_t i;
    json_t *event;

    json_array_foreach(events, i, event) n += is(event, "ph", ph) && (key == NULL || is(event, key, value));
    return n;
}

/* All lanes of a category: depth and open times by id. */
static void check_lanes(const json_t *events, const char *cat, int64_t want)
{
    json_t *open = json_object(), *event;
    int64_t lanes = 0;
    size_t i;

    json_array_foreach(events, i, event)
    {
        bool begins = is(event, "ph", "b");
        if (!is(event, "cat", cat))
            continue;
        const char *id = json_string_value(json_object_get(event, "id"));
        ck_assert_ptr_nonnull(id);
        json_t *stack = json_object_get(open, id);
        if (stack == NULL) {
            json_object_set_new(open, id, stack = json_array());
            lanes++;
        }
        if (begins) {
            if (json_array_size(stack))
                ck_assert(of(event, "ts") >= of(json_array_get(stack, 0), "ts"));
            json_array_append(stack, event);
        } else {
            ck_assert(is(event, "ph", "e") && json_array_size(stack) > 0);
            json_t *last = json_array_get(stack, json_array_size(stack) - 1);
            ck_assert_str_eq(json_string_value(json_object_get(last, "name")),
                             json_string_value(json_object_get(event, "name")));
            ck_assert(of(event, "ts") >= of(last, "ts") && of(event, "pid") == of(last, "pid"));
            json_array_remove(stack, json_array_size(stack) - 1);
        }
    }
    const char *id;
    json_t *stack;
    json_object_foreach(open, id, stack)
        ck_assert_msg(json_array_size(stack) == 0, "lane %s of %s is not closed", id, cat);
    ck_assert_int_eq(lanes, want);
    json_decref(open);
}

/* ns of all parts of lanes of a name. */
static int64_t length(const json_t *events, const char *name)
{
    double us = 0;
    size_t i;
    json_t *event;

    json_array_foreach(events, i, event)
    {
        if (is(event, "cat", "request") && is(event, "name", name))
            us += (is(event, "ph", "e") ? 1 : -1) * of(event, "ts");
    }
    return (int64_t)(1e3 * us + 0.5);
}

static void check_length(const json_t *events, const char *name, const char *sql)
{
    int64_t has = length(events, name), want = ask(sql);

    ck_assert_msg(llabs(has - want) < 100000, "%s: %lld ns, not %lld", name, (long long)has, (long long)want);
}

START_TEST(trace_holds_the_file)
{
    int64_t n;
    json_t *root = trace(0, 9e9, &n), *events = json_object_get(root, "traceEvents"), *event;
    size_t i;
    double ns = 0;

    ck_assert_int_eq(json_array_size(events), n);
    ck_assert_int_eq(count(events, "X", NULL, NULL), ask("SELECT count(*) FROM step"));
    ck_assert_int_eq(count(events, "X", "name", "mixed"),
                     ask("SELECT count(*) FROM step WHERE n_decode > 0 AND n_prefill > 0"));
    ck_assert_int_eq(count(events, "M", "name", "process_name"), 1 + ask("SELECT count(*) FROM replica"));
    ck_assert_int_eq(count(events, "i", "name", "preempted"), ask("SELECT count(*) FROM preempt"));
    ck_assert_int_eq(count(events, "i", "s", "g"),
                     ask("SELECT count(*) FROM fault") + ask("SELECT count(*) FROM reject"));
    ck_assert_int_gt(ask("SELECT count(*) FROM fault"), 0);
    ck_assert_int_eq(
        count(events, "C", "name", "lpddr 0, GB"),
        ask("SELECT count(*) FROM room_sample r JOIN tier t ON t.id = r.tier WHERE name = 'lpddr' AND unit = 0"));
    ck_assert_int_eq(count(events, "C", "name", "sequences"), ask("SELECT count(*) FROM step"));
    ck_assert_int_gt(count(events, "C", "name", "c2c.up 0, GB/s"), 0);
    ck_assert_int_gt(ask("SELECT count(*) FROM transfer"), 0);
    check_lanes(events, "request", ask("SELECT count(*) FROM request"));
    check_lanes(events, "transfer", ask("SELECT count(*) FROM transfer"));
    check_length(events, "queue", "SELECT sum(t_admit_ns - t_arrive_ns) FROM request");
    check_length(events, "prefill", "SELECT sum(t_first_ns - t_admit_ns) FROM request");
    check_length(events, "decode", "SELECT sum(t_end_ns - t_first_ns) FROM request");
    json_array_foreach(events, i, event)
    {
        if (!is(event, "ph", "M"))
            ck_assert(of(event, "ts") >= 0);
        if (is(event, "ph", "X"))
            ns += 1e3 * of(event, "dur");
    }
    ck_assert_double_eq_tol(ns, (double)ask("SELECT sum(t_end_ns - t_start_ns) FROM step"), 1e4);
    json_decref(root);
}
END_TEST

START_TEST(trace_of_a_window)
{
    int64_t n;
    json_t *root = trace(3, 4.5, &n), *events = json_object_get(root, "traceEvents");

    ck_assert_int_eq(count(events, "X", NULL, NULL),
                     ask("SELECT count(*) FROM step WHERE t_end_ns > 3000000000 AND t_start_ns < 4500000000"));
    ck_assert_int_gt(count(events, "X", NULL, NULL), 0);
    check_lanes(events, "request",
                ask("SELECT count(*) FROM request WHERE t_end_ns > 3000000000 AND t_arrive_ns < 4500000000"));
    json_decref(root);
}
END_TEST

static void change(const char *sql)
{
    sqlite3 *db;

    ck_assert_int_eq(sqlite3_open_v2(db_path, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
    ck_assert_int_eq(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

START_TEST(times_that_no_run_has)
{
    int64_t n, start = ask("SELECT t_start_ns FROM step ORDER BY rowid LIMIT 1");
    char back[128];
    size_t i;

    snprintf(back, sizeof back, "UPDATE step SET t_start_ns = %lld WHERE t_start_ns < 0", (long long)start);
    change("UPDATE step SET t_start_ns = -9223372036854775807 - 1 WHERE rowid = (SELECT min(rowid) FROM step)");
    json_t *root = trace(0, 9e9, &n), *events = json_object_get(root, "traceEvents"), *event;
    change(back);
    ck_assert_int_eq(count(events, "X", NULL, NULL), ask("SELECT count(*) FROM step"));
    json_array_foreach(events, i, event)
    {
        if (is(event, "ph", "X"))
            ck_assert(of(event, "dur") >= 0);
    }
    json_decref(root);
}
END_TEST

START_TEST(compressed)
{
    char name[2 * PATH_BYTES], text[1 << 16];
    json_error_t where;
    gzFile gz;
    FILE *plain;
    int n;

    snprintf(name, sizeof name, "-o \"%s/x.json.gz\" --to 2", folder);
    ck_assert_int_eq(program("export --chrome-trace", name), 0);
    snprintf(name, sizeof name, "%s/x.json.gz", folder);
    ck_assert_ptr_nonnull(gz = gzopen(name, "rb"));
    snprintf(name, sizeof name, "%s/x.json", folder);
    ck_assert_ptr_nonnull(plain = fopen(name, "wb"));
    ck_assert_int_eq(gzdirect(gz), 0);
    while ((n = gzread(gz, text, sizeof text)) > 0)
        ck_assert_int_eq(fwrite(text, 1, (size_t)n, plain), (size_t)n);
    ck_assert_int_eq(n, 0);
    ck_assert_int_eq(gzclose(gz), Z_OK);
    ck_assert_int_eq(fclose(plain), 0);
    json_t *root = json_load_file(name, 0, &where);
    ck_assert_msg(root != NULL, "%s", where.text);
    ck_assert_int_gt(json_array_size(json_object_get(root, "traceEvents")), 10);
    json_decref(root);
}
END_TEST

/* ---- tables ---- */

/* The fields of a CSV, each ended by a zero byte; rows and columns by the way. A parser of its own. */
static size_t parse_csv(const char *csv, char *fields, int64_t *rows)
{
    size_t n = 0;

    for (*rows = 0; *csv; csv++) {
        if (*csv == '"') {
            for (csv++; *csv != '"' || csv[1] == '"'; csv++) {
                ck_assert(*csv);
                fields[n++] = *csv;
                csv += *csv == '"';
            }
        } else if (*csv == ',') {
            fields[n++] = '\0';
        } else if (*csv == '\r') {
            ck_assert_int_eq(*++csv, '\n');
            fields[n++] = '\0';
            (*rows)++;
        } else {
            ck_assert_int_ne(*csv, '\n');
            fields[n++] = *csv;
        }
    }
    return n;
}

static void check_table(const char *table)
{
    char *text = NULL, sql[128], *fields, *field;
    size_t size;
    struct err e = {0};
    int64_t rows, lines;
    sqlite3 *db;
    sqlite3_stmt *s;
    FILE *out = open_memstream(&text, &size);

    ck_assert_msg(export_csv(db_path, table, out, &rows, &e) == 0, "%s", e.msg);
    ck_assert_int_eq(fclose(out), 0);
    field = fields = calloc(1, size + 1);
    parse_csv(text, fields, &lines);
    ck_assert_int_eq(lines, rows + 1);
    ck_assert_int_eq(sqlite3_open_v2(db_path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    snprintf(sql, sizeof sql, "SELECT * FROM %s", table);
    ck_assert_int_eq(sqlite3_prepare_v2(db, sql, -1, &s, NULL), SQLITE_OK);
    for (int i = 0; i < sqlite3_column_count(s); i++, field += strlen(field) + 1)
        ck_assert_str_eq(field, sqlite3_column_name(s, i));
    while (sqlite3_step(s) == SQLITE_ROW)
        for (int i = 0; i < sqlite3_column_count(s); i++, field += strlen(field) + 1)
            switch (sqlite3_column_type(s, i)) {
            case SQLITE_FLOAT:
                ck_assert_double_eq(strtod(field, NULL), sqlite3_column_double(s, i));
                break;
            case SQLITE_NULL:
                ck_assert_str_eq(field, "");
                break;
            default:
                ck_assert_str_eq(field, (const char *)sqlite3_column_text(s, i));
            }
    sqlite3_finalize(s);
    sqlite3_close(db);
    free(fields);
    free(text);
}

START_TEST(csv_is_the_table)
{
    check_table("run"); /* texts of many lines with commas and quotes */
    check_table("metric");
    check_table("request");
    check_table("doc");
    check_table("v_tier"); /* a view */
}
END_TEST

START_TEST(csv_of_no_table)
{
    int64_t rows;
    struct err e = {0};
    FILE *out = tmpfile();

    ck_assert_int_eq(export_csv(db_path, "nothing", out, &rows, &e), -1);
    ck_assert_int_eq(e.code, EXIT_CODE_USAGE);
    ck_assert_ptr_nonnull(strstr(e.msg, "no table \"nothing\""));
    e = (struct err){0};
    ck_assert_int_eq(export_csv(db_path, "step; DROP TABLE step", out, &rows, &e), -1);
    e = (struct err){0};
    ck_assert_int_eq(export_csv(db_path, "sqlite_schema", out, &rows, &e), -1);
    fclose(out);
}
END_TEST

START_TEST(datasette)
{
    char *text = NULL;
    size_t size;
    struct err e = {0};
    json_error_t where;
    FILE *out = open_memstream(&text, &size);

    ck_assert_int_eq(export_datasette(db_path, out, &e), 0);
    ck_assert_int_eq(fclose(out), 0);
    json_t *root = json_loadb(text, size, JSON_REJECT_DUPLICATES, &where);
    ck_assert_msg(root != NULL, "line %d: %s", where.line, where.text);
    json_t *a = json_object_get(json_object_get(root, "databases"), "a"), *tables = json_object_get(a, "tables"),
           *query;
    ck_assert_int_eq(json_object_size(tables), ask("SELECT count(*) FROM doc WHERE column_name IS NULL"));
    ck_assert_ptr_nonnull(json_object_get(json_object_get(json_object_get(tables, "step"), "columns"), "n_decode"));
    const char *name;
    json_object_foreach(json_object_get(a, "queries"), name, query)
    {
        sqlite3 *db;
        sqlite3_stmt *s;
        ck_assert_int_eq(sqlite3_open_v2(db_path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
        ck_assert_msg(sqlite3_prepare_v2(db, json_string_value(json_object_get(query, "sql")), -1, &s, NULL) ==
                          SQLITE_OK,
                      "%s: %s", name, sqlite3_errmsg(db));
        sqlite3_finalize(s);
        sqlite3_close(db);
    }
    json_decref(root);
    free(text);
}
END_TEST

START_TEST(command_line)
{
    ck_assert_int_eq(program("export", "-o -"), 2);
    ck_assert_int_eq(program("export --chrome-trace", ""), 2);
    ck_assert_int_eq(program("export --chrome-trace --trace", "-o -"), 2);
    ck_assert_int_eq(program("export --chrome-trace --from 2 --to 1", "-o -"), 2);
    ck_assert_int_eq(program("export --csv=metric", "-o -"), 0);
    ck_assert_int_eq(program("export --csv=no", "-o -"), 2);
    ck_assert_int_eq(program("export --datasette-metadata", "-o -"), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("export");
    TCase *t = tcase_create("all");

    if (getenv("TIERSIM") == NULL) {
        puts("# skipped: TIERSIM, the path of the program, is not set");
        return 77;
    }
    tcase_set_timeout(t, 60);
    tcase_add_unchecked_fixture(t, run_once, remove_all);
    tcase_add_test(t, trace_holds_the_file);
    tcase_add_test(t, trace_of_a_window);
    tcase_add_test(t, times_that_no_run_has);
    tcase_add_test(t, compressed);
    tcase_add_test(t, csv_is_the_table);
    tcase_add_test(t, csv_of_no_table);
    tcase_add_test(t, datasette);
    tcase_add_test(t, command_line);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
