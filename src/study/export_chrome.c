#include "study/export_chrome.h"

#include <inttypes.h>
#include <stdbool.h>

#include <sqlite3.h>

#include "report/json.h"
#include "study/query.h"

enum { MACHINES = 0 /* the process of all that is no replica's */ };

struct trace {
    sqlite3 *db;
    FILE *out;
    int64_t from_ns, to_ns, events;
};

/* ---- the strokes of an event ---- */

static void begin(struct trace *t, const char *ph, int64_t pid, int64_t tid)
{
    fprintf(t->out, "%s\n{\"ph\":\"%s\",\"pid\":%" PRId64 ",\"tid\":%" PRId64, t->events ? "," : "", ph, pid, tid);
    t->events++;
}

static void put_us(struct trace *t, const char *key, int64_t ns)
{
    uint64_t size = ns < 0 ? -(uint64_t)ns : (uint64_t)ns;

    fprintf(t->out, ",\"%s\":%s%" PRIu64 ".%03d", key, ns < 0 ? "-" : "", size / 1000, (int)(size % 1000));
}

static void put_text(struct trace *t, const char *key, const char *text)
{
    fprintf(t->out, ",\"%s\":", key);
    json_quote(t->out, text);
}

static void end(struct trace *t)
{
    fputc('}', t->out);
}

static const char *text(sqlite3_stmt *s, int column)
{
    const char *is = (const char *)sqlite3_column_text(s, column);

    return is ? is : "";
}

/* Columns from `first` on, by their names; NULLs are left out, and what is no number is text. */
static void put_args(struct trace *t, sqlite3_stmt *s, int first)
{
    bool any = false;

    fputs(",\"args\":{", t->out);
    for (int i = first; i < sqlite3_column_count(s); i++) {
        int type = sqlite3_column_type(s, i);
        if (type == SQLITE_NULL || type == SQLITE_BLOB)
            continue;
        fputs(any ? "," : "", t->out);
        json_quote(t->out, sqlite3_column_name(s, i));
        fputc(':', t->out);
        if (type == SQLITE_INTEGER)
            fprintf(t->out, "%lld", sqlite3_column_int64(s, i));
        else if (type == SQLITE_FLOAT)
            fprintf(t->out, "%.9g", sqlite3_column_double(s, i));
        else
            json_quote(t->out, text(s, i));
        any = true;
    }
    fputc('}', t->out);
}

/* ---- rows to events; the first columns are the kind's own, the others arguments ---- */

typedef void put_row(struct trace *t, sqlite3_stmt *s);

/* ph, pid, tid, then the name */
static void put_name(struct trace *t, sqlite3_stmt *s)
{
    begin(t, "M", sqlite3_column_int64(s, 1), sqlite3_column_int64(s, 2));
    put_text(t, "name", text(s, 0));
    put_args(t, s, 3);
    end(t);
}

/* pid, tid, name, from, to; a file that was tampered with may hold any numbers */
static void put_slice(struct trace *t, sqlite3_stmt *s)
{
    int64_t from = sqlite3_column_int64(s, 3), took;

    if (__builtin_sub_overflow(sqlite3_column_int64(s, 4), from, &took))
        took = 0;

    begin(t, "X", sqlite3_column_int64(s, 0), sqlite3_column_int64(s, 1));
    put_text(t, "name", text(s, 2));
    put_us(t, "ts", from);
    put_us(t, "dur", took);
    put_args(t, s, 5);
    end(t);
}

static void put_lane_edge(struct trace *t, const char *ph, int64_t pid, const char *cat, int64_t id, const char *name,
                          int64_t at)
{
    begin(t, ph, pid, 0);
    put_text(t, "cat", cat);
    put_text(t, "name", name);
    fprintf(t->out, ",\"id\":\"%" PRId64 "\"", id);
    put_us(t, "ts", at);
}

/* A part of a lane; what has not begun is not there, what has not ended ends with `to`. */
static void put_part(struct trace *t, sqlite3_stmt *s, int64_t pid, int64_t id, const char *name, int from, int to,
                     int last)
{
    int stop = sqlite3_column_type(s, to) != SQLITE_NULL ? to : last;

    if (sqlite3_column_type(s, from) == SQLITE_NULL || sqlite3_column_int64(s, stop) <= sqlite3_column_int64(s, from))
        return;
    put_lane_edge(t, "b", pid, "request", id, name, sqlite3_column_int64(s, from));
    end(t);
    put_lane_edge(t, "e", pid, "request", id, name, sqlite3_column_int64(s, stop));
    end(t);
}

/* pid, id, name, arrived, admitted, first token, ended (or the run did) */
static void put_request(struct trace *t, sqlite3_stmt *s)
{
    int64_t pid = sqlite3_column_int64(s, 0), id = sqlite3_column_int64(s, 1);

    put_lane_edge(t, "b", pid, "request", id, text(s, 2), sqlite3_column_int64(s, 3));
    put_args(t, s, 7);
    end(t);
    put_part(t, s, pid, id, "queue", 3, 4, 6);
    put_part(t, s, pid, id, "prefill", 4, 5, 6);
    put_part(t, s, pid, id, "decode", 5, 6, 6);
    put_lane_edge(t, "e", pid, "request", id, text(s, 2), sqlite3_column_int64(s, 6));
    end(t);
}

/* id, name, from, to */
static void put_transfer(struct trace *t, sqlite3_stmt *s)
{
    put_lane_edge(t, "b", MACHINES, "transfer", sqlite3_column_int64(s, 0), text(s, 1), sqlite3_column_int64(s, 2));
    put_args(t, s, 4);
    end(t);
    put_lane_edge(t, "e", MACHINES, "transfer", sqlite3_column_int64(s, 0), text(s, 1), sqlite3_column_int64(s, 3));
    end(t);
}

/* pid, name, at */
static void put_counter(struct trace *t, sqlite3_stmt *s)
{
    begin(t, "C", sqlite3_column_int64(s, 0), 0);
    put_text(t, "name", text(s, 1));
    put_us(t, "ts", sqlite3_column_int64(s, 2));
    put_args(t, s, 3);
    end(t);
}

/* pid, name, at */
static void put_instant(struct trace *t, sqlite3_stmt *s)
{
    int64_t pid = sqlite3_column_int64(s, 0);

    begin(t, "i", pid, 0);
    put_text(t, "name", text(s, 1));
    put_us(t, "ts", sqlite3_column_int64(s, 2));
    put_text(t, "s", pid == MACHINES ? "g" : "p");
    put_args(t, s, 3);
    end(t);
}

/* ?1 and ?2: the window. */
static const struct {
    put_row *put;
    const char *sql;
} parts[] = {
    {put_name, "SELECT 'process_name', 0, 0, 'memories, links, faults' AS name"},
    {put_name, "SELECT 'process_name', id + 1, 0, 'replica ' || id || CASE pool WHEN 'all' THEN '' ELSE ', pool ' "
               "|| pool END AS name FROM replica "
               "WHERE first_member = id"},
    {put_name, "SELECT 'process_sort_index', id + 1, 0, id + 1 AS sort_index FROM replica WHERE first_member = id"},
    {put_name, "SELECT 'thread_name', first_member + 1, id - first_member, CASE (SELECT count(*) FROM replica m "
               "WHERE m.first_member = r.first_member) "
               "WHEN 1 THEN 'steps' ELSE 'steps of member ' || (id - first_member) END AS name FROM replica r"},
    {put_slice, "SELECT r.first_member + 1, r.id - r.first_member, CASE WHEN n_prefill = 0 THEN 'decode' WHEN "
                "n_decode = 0 THEN 'prefill' ELSE 'mixed' END,"
                " t_start_ns, t_end_ns, n_decode, n_prefill, prefill_tokens, ctx_tokens, tokens_out FROM step s "
                "JOIN replica r ON r.id = s.replica "
                "WHERE t_end_ns > ?1 AND t_start_ns < ?2"},
    {put_counter, "SELECT r.first_member + 1, CASE WHEN r.id = r.first_member THEN 'sequences' ELSE 'sequences of "
                  "member ' || (r.id - r.first_member) END,"
                  " t_start_ns, n_running AS running, n_waiting AS waiting FROM step s JOIN replica r ON r.id = "
                  "s.replica "
                  "WHERE t_end_ns > ?1 AND t_start_ns < ?2"},
    {put_counter, "SELECT r.first_member + 1, CASE WHEN r.id = r.first_member THEN 'KV blocks' ELSE 'KV blocks of "
                  "member ' || (r.id - r.first_member) END,"
                  " t_start_ns, s.kv_blocks AS blocks FROM step s JOIN replica r ON r.id = s.replica WHERE t_end_ns "
                  "> ?1 AND t_start_ns < ?2"},
    {put_request, "SELECT coalesce(e.first_member + 1, 0), q.id, 'request, class ' || c.name, q.t_arrive_ns, "
                  "q.t_admit_ns, q.t_first_ns,"
                  " max(coalesce(q.t_end_ns, u.t_end_ns, q.t_arrive_ns), q.t_arrive_ns), q.id AS request, q.status, "
                  "q.input_tokens, q.output_tokens,"
                  " q.hit_tokens, q.preemptions, q.session, q.turn, q.attempt FROM run u CROSS JOIN request q JOIN "
                  "class c ON c.id = q.class"
                  " LEFT JOIN replica e ON e.id = q.replica WHERE coalesce(q.t_end_ns, ?1 + 1) > ?1 AND "
                  "q.t_arrive_ns < ?2"},
    {put_transfer, "SELECT x.rowid, k.name || CASE x.up WHEN 1 THEN ' from ' ELSE ' to ' END || t.name, t_start_ns, "
                   "t_end_ns, x.bytes, x.request, x.replica,"
                   " x.unit, x.solo_ns / 1e3 AS alone_us FROM transfer x JOIN move_kind k ON k.id = x.kind JOIN "
                   "tier t ON t.id = x.tier "
                   "WHERE t_end_ns > ?1 AND t_start_ns < ?2"},
    {put_counter, "SELECT 0, t.name || ' ' || r.unit || ', GB', r.t_ns, r.running_bytes / 1e9 AS running, "
                  "r.cached_bytes / 1e9 AS cached "
                  "FROM room_sample r JOIN tier t ON t.id = r.tier WHERE r.t_ns >= ?1 AND r.t_ns < ?2"},
    {put_counter, "SELECT 0, name || ', GB/s', t0, 1.0 * bytes / (t_ns - t0) AS GBps FROM (SELECT p.name || "
                  "coalesce('.' || p.direction, '') || ' ' || p.unit AS"
                  " name, s.t_ns, lag(s.t_ns, 1, 0) OVER (PARTITION BY s.port ORDER BY s.t_ns) AS t0, s.bytes FROM "
                  "port_sample s JOIN port p ON p.id = s.port)"
                  " WHERE t_ns > t0 AND t0 >= ?1 AND t0 < ?2"},
    {put_instant, "SELECT r.first_member + 1, 'preempted', p.t_ns, p.request, p.computed, p.blocks FROM preempt p "
                  "JOIN replica r ON r.id = p.replica "
                  "WHERE p.t_ns >= ?1 AND p.t_ns < ?2"},
    {put_instant, "SELECT replica + 1, CASE what WHEN 0 THEN 'starts' WHEN 1 THEN 'ready' WHEN 2 THEN 'drains' WHEN "
                  "3 THEN 'ended' ELSE 'start failed' END, t_ns,"
                  " ready, starting, draining, waiting FROM scale WHERE t_ns >= ?1 AND t_ns < ?2"},
    {put_instant, "SELECT 0, 'fault ' || fault || CASE begins WHEN 1 THEN ' begins' ELSE ' is over' END, t_ns, "
                  "unit, requests, rerouted, failed FROM fault "
                  "WHERE t_ns >= ?1 AND t_ns < ?2"},
    {put_instant, "SELECT 0, 'request rejected', t_ns, request, outstanding, waiting FROM reject WHERE t_ns >= ?1 "
                  "AND t_ns < ?2"},
};

static int put_part_of(struct trace *t, size_t i)
{
    sqlite3_stmt *s;
    int rc = sqlite3_prepare_v2(t->db, parts[i].sql, -1, &s, NULL);

    if (rc == SQLITE_OK && sqlite3_bind_parameter_count(s) == 2) {
        sqlite3_bind_int64(s, 1, t->from_ns);
        sqlite3_bind_int64(s, 2, t->to_ns);
    }
    while (rc == SQLITE_OK && (rc = sqlite3_step(s)) == SQLITE_ROW) {
        parts[i].put(t, s);
        rc = ferror(t->out) ? SQLITE_DONE : SQLITE_OK; /* the caller finds out */
    }
    sqlite3_finalize(s);
    return rc == SQLITE_DONE ? 0 : -1;
}

static bool is_summary(sqlite3 *db)
{
    struct query_table t;
    struct err e = {0};
    bool is = query_run(db, "SELECT 1 FROM run WHERE log = 'summary'", 1, &t, &e) == QUERY_OK && t.n_rows > 0;

    query_free(&t);
    return is;
}

int export_chrome(const char *results, int64_t from_ns, int64_t to_ns, FILE *out, int64_t *events, struct err *e)
{
    struct trace t = {.out = out, .from_ns = from_ns, .to_ns = to_ns};
    int rc = 0;

    if (query_open(results, &t.db, e) != 0)
        return -1;
    if (is_summary(t.db))
        rc = err_set(e, EXIT_CODE_FAILED, "%s: holds no requests (want run.log = request, step or all)", results);
    if (rc == 0)
        fputs("{\"displayTimeUnit\":\"ms\",\"traceEvents\":[", out);
    for (size_t i = 0; rc == 0 && i < sizeof parts / sizeof *parts; i++)
        if (put_part_of(&t, i) != 0)
            rc = err_set(e, EXIT_CODE_IO, "%s: cannot be read: %s", results, sqlite3_errmsg(t.db));
    fputs("\n]}\n", out);
    *events = t.events;
    sqlite3_close(t.db);
    return rc;
}
