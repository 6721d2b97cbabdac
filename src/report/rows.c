#include "report/rows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/sort.h"
#include "report/collect.h"
#include "report/rows_bill.h"
#include "report/rows_memory.h"
#include "trace/trace.h"

/* Above these a value cannot be of a run, and sums of them might overflow. */
static const int64_t TIME_MAX = INT64_C(1) << 60, COUNT_MAX = INT64_C(1) << 33;
enum { CHUNK = 4096 };

struct reading {
    struct collect *collect;
    struct store_memory memory;
    struct store_bill bill;
    int64_t n_classes, t_last_ns;
    uint64_t *arrive, *end; /* of requests that were served, for the peak of concurrency */
    size_t n_arrive, n_end, cap;
};

static bool ends_with(const char *s, const char *end)
{
    size_t n = strlen(s), m = strlen(end);

    return n >= m && strcmp(s + n - m, end) == 0;
}

/* Times that are never missing are INT too; they may last as long as a run, and bytes are as many. */
static int64_t max_of(const struct ev_field *f)
{
    bool large = f->type == FIELD_TIME || ends_with(f->name, "_ns") || ends_with(f->name, "_us") || ends_with(f->name, "bytes") ||
                 strcmp(f->name, "delivered") == 0;

    return large ? TIME_MAX : COUNT_MAX;
}

static bool to_record(sqlite3_stmt *stmt, const struct ev_info *info, int64_t *rec, int64_t *t_last_ns)
{
    for (int f = 0; f < info->n_fields; f++) {
        enum field_type type = info->fields[f].type;
        int stored = sqlite3_column_type(stmt, f);

        if (type == FIELD_STATUS) {
            const char *name = (const char *)sqlite3_column_text(stmt, f);

            for (rec[f] = REQUEST_WAITING; rec[f] < REQUEST_STATUSES; rec[f]++)
                if (name && strcmp(name, request_status_names[rec[f]]) == 0)
                    break;
            if (rec[f] >= REQUEST_STATUSES)
                return false;
            continue;
        }
        if (stored != SQLITE_INTEGER && !(stored == SQLITE_NULL && type != FIELD_INT))
            return false;
        rec[f] = stored == SQLITE_NULL ? -1 : sqlite3_column_int64(stmt, f);
        if (stored == SQLITE_INTEGER && (rec[f] < 0 || rec[f] > max_of(&info->fields[f])))
            return false;
        if (type == FIELD_TIME && rec[f] > *t_last_ns)
            *t_last_ns = rec[f];
    }
    return true;
}

/* What the arithmetic of collect relies on. */
static bool plausible(enum ev_kind k, const int64_t *rec, int64_t n_classes)
{
    const struct ev_request *q = (const struct ev_request *)rec;
    const struct ev_step *s = (const struct ev_step *)rec;
    const struct ev_agent_task *t = (const struct ev_agent_task *)rec;

    if (k == EV_STEP)
        return s->t_start_ns >= 0 && s->t_end_ns >= s->t_start_ns;
    if (k == EV_AGENT_TASK)
        return t->t_start_ns >= 0 && t->t_end_ns >= t->t_start_ns;
    if (k != EV_REQUEST)
        return true;
    if (q->class >= n_classes || q->t_arrive_ns < 0)
        return false;
    if (q->t_call_ns < 0 || q->t_call_ns > q->t_arrive_ns || (q->t_end_ns >= 0 && q->t_end_ns < q->t_arrive_ns))
        return false;
    return q->status != REQUEST_COMPLETED ||
           (q->t_admit_ns >= q->t_arrive_ns && q->t_first_ns >= q->t_admit_ns && q->t_end_ns >= q->t_first_ns);
}

static void note_request(struct reading *g, const struct ev_request *q)
{
    if (q->status == REQUEST_REJECTED || (q->status == REQUEST_FAILED && q->t_end_ns == q->t_arrive_ns))
        return; /* turned away at once: it was never in the system */
    if (g->n_arrive == g->cap) {
        g->cap = g->cap ? 2 * g->cap : 1024;
        g->arrive = mem_realloc(g->arrive, g->cap * sizeof *g->arrive);
        g->end = mem_realloc(g->end, g->cap * sizeof *g->end);
    }
    g->arrive[g->n_arrive++] = (uint64_t)q->t_arrive_ns;
    if (q->t_end_ns >= 0)
        g->end[g->n_end++] = (uint64_t)q->t_end_ns;
}

/* At the same instant ends come before arrivals, as in the model. */
static int64_t peak_concurrency(struct reading *g)
{
    int64_t peak = 0;

    sort_u64(g->arrive, g->n_arrive);
    sort_u64(g->end, g->n_end);
    for (size_t a = 0, d = 0; a < g->n_arrive; a++) {
        while (d < g->n_end && g->end[d] <= g->arrive[a] && d < a)
            d++;
        if ((int64_t)(a + 1 - d) > peak)
            peak = (int64_t)(a + 1 - d);
    }
    return peak;
}

static sqlite3_stmt *select_all(sqlite3 *db, const struct ev_info *info)
{
    char sql[512];
    int at = snprintf(sql, sizeof sql, "SELECT ");
    sqlite3_stmt *stmt = NULL;

    for (int f = 0; f < info->n_fields; f++)
        at += snprintf(sql + at, sizeof sql - (size_t)at, "%s, ", info->fields[f].name);
    at += snprintf(sql + at, sizeof sql - (size_t)at, "rowid FROM %s ORDER BY rowid", info->table);
    sim_assert((size_t)at < sizeof sql);
    return sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) == SQLITE_OK ? stmt : NULL;
}

static int read_kind(struct reading *g, sqlite3 *db, enum ev_kind k, const char *path, struct err *e)
{
    const struct ev_info *info = &ev_info[k];
    size_t fields = (size_t)info->n_fields;
    struct trace_unit unit = {.last = true}; /* a request has one row here */
    sqlite3_stmt *stmt = select_all(db, info);
    int64_t row = 0, last = INT64_MIN, id;
    int rc = stmt ? SQLITE_ROW : SQLITE_ERROR, result = -1;

    unit.rec[k] = mem_alloc(CHUNK * fields * sizeof(int64_t));
    while (rc == SQLITE_ROW) {
        rc = sqlite3_step(stmt);
        if (rc == SQLITE_ROW) {
            int64_t *rec = unit.rec[k] + unit.n[k] * fields;

            row++;
            id = sqlite3_column_int64(stmt, info->n_fields);
            /* Rows that do not rise come from pages that are in the tree twice: there might be no end of them. */
            if ((row > 1 && id <= last) || !to_record(stmt, info, rec, &g->t_last_ns) ||
                !plausible(k, rec, g->n_classes) || !rows_memory_has(&g->memory, k, rec) ||
                !rows_bill_has(&g->bill, k, rec)) {
                err_set(e, EXIT_CODE_IO, "%s: damaged: row %lld of table %s cannot be", path, (long long)row,
                        info->table);
                goto out;
            }
            last = id;
            if (k == EV_REQUEST)
                note_request(g, (const struct ev_request *)rec);
            unit.n[k]++;
        }
        if (unit.n[k] == CHUNK || rc != SQLITE_ROW) {
            struct sink *sink = collect_sink(g->collect);

            if (sink->ops->consume(sink, &unit, e))
                goto out;
            unit.n[k] = 0;
        }
    }
    if (rc != SQLITE_DONE)
        err_set(e, EXIT_CODE_IO, "%s: table %s: %s", path, info->table, sqlite3_errmsg(db));
    else
        result = 0;
out:
    free(unit.rec[k]);
    sqlite3_finalize(stmt);
    return result;
}

static bool is_logged(const char *log, enum log_level level)
{
    static const char *const names[] = {
        [LOG_SUMMARY] = "summary", [LOG_REQUEST] = "request", [LOG_STEP] = "step", [LOG_ALL] = "all"};

    for (int l = level; l <= LOG_ALL; l++)
        if (log && strcmp(log, names[l]) == 0)
            return true;
    return false;
}

/* Nobody else wants them. */
static bool is_of_bill(enum ev_kind k)
{
    return k == EV_STEP_SHARE || k == EV_REQUEST_COST || k == EV_ROOM_SAMPLE || k == EV_AGENT_STEP;
}

int rows_to_metrics(struct results *r, sqlite3 *db, const char *path, struct err *e)
{
    static const enum ev_kind kinds[] = {/* of the memories; hits before the requests */
                                         EV_HIT, EV_EVICT, EV_TRANSFER, EV_CONTENTION,
                                         /* of every run */
                                         EV_REQUEST, EV_STEP, EV_RESUME, EV_PREEMPT, EV_SCALE, EV_SPECULATION,
                                         /* of the bill; calls before their tasks */
                                         EV_STEP_SHARE, EV_REQUEST_COST, EV_ROOM_SAMPLE, EV_AGENT_STEP,
                                         EV_AGENT_TASK};
    enum { N_MEMORY = 4 };
    /* Who reads writes nothing: what a dead run left has its values in memory. */
    struct value_pool *pool = value_pool_new("", INT64_MAX);
    struct reading g = {.collect = collect_new(r->classes, r->n_classes, r->warmup_ns, pool),
                        .n_classes = r->n_classes};
    const struct store_metric *metrics;
    int result = -1;

    if (rows_memory(&g.memory, db, path, &r->arena, e) ||
        rows_bill(&g.bill, r->pools, r->n_pools, db, path, &r->arena, e))
        goto out;
    collect_front(g.collect, &r->front);
    collect_slo_window(g.collect, r->slo_window_ns);
    collect_pools(g.collect, r->pools, r->n_pools);
    collect_bill(g.collect, &g.bill, r->pools, &g.memory);
    for (size_t i = collect_memory(g.collect, &g.memory) ? 0 : N_MEMORY; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (g.bill.n_parts == 0 && is_of_bill(kinds[i]))
            continue;
        if (!is_logged(r->log, ev_info[kinds[i]].level))
            collect_lacks(g.collect, kinds[i]);
        else if (read_kind(&g, db, kinds[i], path, e))
            goto out;
    }
    r->t_end_ns = g.t_last_ns;
    const struct collect_fleet fleet = {r->n_replicas, r->n_members, r->gpus};
    int64_t n_metrics = collect_metrics(g.collect, r->t_end_ns, &fleet, peak_concurrency(&g), &metrics, e);
    if (n_metrics < 0)
        goto out;
    r->n_metrics = n_metrics;
    r->metrics = arena_alloc(&r->arena, (size_t)r->n_metrics * sizeof *r->metrics);
    memcpy(r->metrics, metrics, (size_t)r->n_metrics * sizeof *r->metrics);
    for (int64_t i = 0; i < r->n_metrics; i++)
        r->metrics[i].name = arena_strdup(&r->arena, metrics[i].name);
    r->recomputed = true;
    result = 0;
out:
    collect_free(g.collect);
    value_pool_free(pool);
    free(g.arrive);
    free(g.end);
    return result;
}
