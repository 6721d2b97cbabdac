#include "study/outcome.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sqlite3.h>

#include "base/bug.h"
#include "report/load.h"

bool outcome_is_file(const char *operand)
{
    static const char magic[] = "SQLite format 3";
    const char *at = access(operand, F_OK) == 0 ? NULL : strrchr(operand, '@');
    char *path = at ? strndup(operand, (size_t)(at - operand)) : strdup(operand), head[sizeof magic] = "";
    FILE *f = fopen(path, "rb");
    bool is = f && fread(head, 1, sizeof head, f) == sizeof head && memcmp(head, magic, sizeof magic) == 0;

    if (f)
        fclose(f);
    free(path);
    return is;
}

static int read_run(struct outcome *o, struct err *e)
{
    struct results r;
    int rc = results_load(&r, o->path, e);

    if (rc == 0 && strcmp(r.status, "complete") != 0)
        rc = err_set(e, EXIT_CODE_FAILED, "%s: its run is not complete (%s)", o->path, r.status);
    if (rc == 0) {
        o->runs = arena_alloc(&o->arena, sizeof *o->runs);
        o->n_runs = 1;
        *o->runs = (struct outcome_run){1, r.seed, r.replication,
                                        arena_strdup(&o->arena, r.fingerprint ? r.fingerprint : ""), ""};
        o->metrics = arena_alloc(&o->arena, ((size_t)r.n_metrics + 1) * sizeof *o->metrics);
        o->n_metrics = r.n_metrics;
        for (int64_t i = 0; i < r.n_metrics; i++) {
            const struct store_metric *m = &r.metrics[i];
            const char *class = m->class_id < 0 ? "" : r.classes[m->class_id].name;
            o->metrics[i] = (struct outcome_metric){
                arena_printf(&o->arena, "%s%s%s", class, *class ? ":" : "", m->name), arena_strdup(&o->arena, m->unit),
                arena_alloc(&o->arena, sizeof(double)), m->approximate};
            *o->metrics[i].value = m->value;
        }
    }
    results_free(&r);
    return rc;
}

static struct outcome_metric *metric_at(struct outcome *o, int64_t cap, const struct outcome_metric *like)
{
    struct outcome_metric *m = (struct outcome_metric *)outcome_metric(o, like->name);

    if (m || o->n_metrics == cap)
        return m;
    m = &o->metrics[o->n_metrics++];
    *m = (struct outcome_metric){arena_strdup(&o->arena, like->name), arena_strdup(&o->arena, like->unit),
                                 arena_alloc(&o->arena, (size_t)o->n_runs * sizeof(double)), like->approximate};
    for (int64_t i = 0; i < o->n_runs; i++)
        m->value[i] = NAN;
    return m;
}

/* ---- study files ---- */

enum { STUDY_RUNS_MAX = 1000000, STUDY_METRICS_MAX = 100000, STUDY_VALUES_MAX = 50000000, TEXT_MAX = 4096 };

struct reading {
    struct outcome *o;
    sqlite3 *db;
    const char *select; /* "rate=10/s gpus=8", or NULL */
};

static const char *text_at(const struct reading *r, sqlite3_stmt *stmt, int column)
{
    const char *s = (const char *)sqlite3_column_text(stmt, column);

    return s && sqlite3_column_bytes(stmt, column) < TEXT_MAX ? arena_strdup(&r->o->arena, s) : "";
}

/* Each of the texts NAME=VALUE that select holds must be a value of the parameter set. Texts end at blanks. */
static bool is_selected(const struct reading *r, int64_t set, struct err *e)
{
    static const char sql[] = "SELECT count(*) FROM param WHERE param_set = ?1 AND name || '=' || value_text = ?2";
    sqlite3_stmt *stmt;
    bool all = true;

    if (r->select == NULL)
        return true;
    if (sqlite3_prepare_v2(r->db, sql, -1, &stmt, NULL) != SQLITE_OK) {
        err_set(e, EXIT_CODE_IO, "%s: damaged: table param", r->o->path);
        return false;
    }
    for (const char *s = r->select + strspn(r->select, " "); all && *s; s += strspn(s, " ")) {
        size_t length = strcspn(s, " ");
        sqlite3_bind_int64(stmt, 1, set);
        sqlite3_bind_text(stmt, 2, s, (int)length, SQLITE_TRANSIENT);
        all = sqlite3_step(stmt) == SQLITE_ROW && sqlite3_column_int64(stmt, 0) > 0;
        sqlite3_reset(stmt);
        s += length;
    }
    sqlite3_finalize(stmt);
    return all;
}

/* The runs that are selected, which must be of one parameter set. */
static int read_runs(struct reading *r, struct err *e)
{
    static const char sql[] = "SELECT id, param_set, seed, replication, fingerprint, params FROM run"
                              " WHERE status = 'complete' ORDER BY seed, replication, id";
    struct outcome *o = r->o;
    sqlite3_stmt *stmt;
    int64_t cap = 0, set = -1, sets = 0;
    const char *first = "", *other = "";
    struct outcome_run *runs = NULL;
    int rc = sqlite3_prepare_v2(r->db, sql, -1, &stmt, NULL);

    while (rc == SQLITE_OK && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        int64_t of = sqlite3_column_int64(stmt, 1);
        rc = o->n_runs < STUDY_RUNS_MAX ? SQLITE_OK : SQLITE_CORRUPT;
        if (rc != SQLITE_OK || !is_selected(r, of, e))
            continue;
        if (o->n_runs == cap)
            runs = mem_realloc(runs, (size_t)(cap = cap ? 2 * cap : 64) * sizeof *runs);
        runs[o->n_runs] = (struct outcome_run){sqlite3_column_int64(stmt, 0), sqlite3_column_int64(stmt, 2),
                                               sqlite3_column_int64(stmt, 3), text_at(r, stmt, 4), text_at(r, stmt, 5)};
        if (of != set) {
            other = sets++ ? runs[o->n_runs].params : "";
            first = sets == 1 ? runs[o->n_runs].params : first;
            set = of;
        }
        o->n_runs++;
    }
    sqlite3_finalize(stmt);
    if (rc != SQLITE_DONE)
        err_set(e, EXIT_CODE_IO, "%s: damaged: table run", o->path);
    else if (o->n_runs == 0)
        err_set(e, EXIT_CODE_USAGE, "%s: %s%s%s", o->path, r->select ? "no point has " : "has no complete runs",
                r->select ? r->select : "", r->select ? " (as in v_point.params)" : "");
    else if (sets > 1)
        err_set(e, EXIT_CODE_USAGE,
                "%s: has points of several parameter sets (\"%s\", \"%s\", ...): choose one by '%s@%s'", o->path, first,
                other, o->path, first);
    o->runs = arena_alloc(&o->arena, ((size_t)o->n_runs + 1) * sizeof *runs);
    if (runs)
        memcpy(o->runs, runs, (size_t)o->n_runs * sizeof *runs);
    free(runs);
    return e->code ? -1 : 0;
}

/* Of the runs selected; -1: another. Rows of a run lie together. */
static int64_t run_at(const struct outcome *o, int64_t id, int64_t last)
{
    if (last >= 0 && o->runs[last].id == id)
        return last;
    for (int64_t i = 0; i < o->n_runs; i++)
        if (o->runs[i].id == id)
            return i;
    return -1;
}

static int read_metrics(struct reading *r, struct err *e)
{
    static const char sql[] = "SELECT class, name, value, unit, approximate, run_id FROM metric ORDER BY rowid";
    struct outcome *o = r->o;
    sqlite3_stmt *stmt;
    int64_t run = -1;
    int rc = sqlite3_prepare_v2(r->db, sql, -1, &stmt, NULL);

    o->metrics = arena_alloc(&o->arena, STUDY_METRICS_MAX * sizeof *o->metrics);
    while (rc == SQLITE_OK && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        rc = SQLITE_OK;
        if ((run = run_at(o, sqlite3_column_int64(stmt, 5), run)) < 0)
            continue;
        const char *class = text_at(r, stmt, 0), *name = text_at(r, stmt, 1);
        struct outcome_metric like = {.name = *class ? arena_printf(&o->arena, "%s:%s", class, name) : name,
                                      .unit = text_at(r, stmt, 3),
                                      .approximate = sqlite3_column_int64(stmt, 4) != 0};
        bool full = o->n_metrics * o->n_runs > STUDY_VALUES_MAX; /* no file of ours; and much to allocate */
        struct outcome_metric *m = full ? NULL : metric_at(o, STUDY_METRICS_MAX, &like);
        if (m == NULL)
            rc = SQLITE_CORRUPT;
        else if (sqlite3_column_type(stmt, 2) == SQLITE_FLOAT)
            m->value[run] = sqlite3_column_double(stmt, 2);
    }
    sqlite3_finalize(stmt);
    return rc == SQLITE_DONE ? 0 : err_set(e, EXIT_CODE_IO, "%s: damaged: table metric", o->path);
}

static int read_study(struct outcome *o, const char *select, struct err *e)
{
    struct reading r = {.o = o, .select = select};

    if (results_open_study(o->path, &r.db, e) != 0)
        return -1;
    o->is_study = true;
    int rc = read_runs(&r, e);
    if (rc == 0)
        rc = read_metrics(&r, e);
    sqlite3_close(r.db);
    return rc;
}

int outcome_read(struct outcome *o, const char *operand, struct err *e)
{
    *o = (struct outcome){0};
    arena_init(&o->arena);
    const char *at = access(operand, F_OK) == 0 ? NULL : strrchr(operand, '@');
    o->path = at ? arena_printf(&o->arena, "%.*s", (int)(at - operand), operand) : arena_strdup(&o->arena, operand);
    if (results_is_study(o->path))
        return read_study(o, at ? at + 1 : NULL, e);
    if (at)
        return err_set(e, EXIT_CODE_USAGE, "%s: is no study file, so \"%s\" chooses nothing", o->path, at);
    return read_run(o, e);
}

void outcome_join(struct outcome *o, const char *path, const struct outcome *parts, int64_t n)
{
    int64_t cap = 0, run = 0;

    *o = (struct outcome){.is_study = true};
    arena_init(&o->arena);
    o->path = arena_strdup(&o->arena, path);
    for (int64_t k = 0; k < n; k++) {
        o->n_runs += parts[k].n_runs;
        cap += parts[k].n_metrics;
    }
    o->runs = arena_alloc(&o->arena, (size_t)o->n_runs * sizeof *o->runs);
    o->metrics = arena_alloc(&o->arena, (size_t)cap * sizeof *o->metrics);
    for (int64_t k = 0; k < n; run += parts[k++].n_runs) {
        for (int64_t i = 0; i < parts[k].n_runs; i++) {
            o->runs[run + i] = parts[k].runs[i];
            o->runs[run + i].fingerprint = arena_strdup(&o->arena, parts[k].runs[i].fingerprint);
            o->runs[run + i].params = arena_strdup(&o->arena, parts[k].runs[i].params);
        }
        for (int64_t i = 0; i < parts[k].n_metrics; i++) {
            struct outcome_metric *m = metric_at(o, cap, &parts[k].metrics[i]);
            memcpy(m->value + run, parts[k].metrics[i].value, (size_t)parts[k].n_runs * sizeof *m->value);
            m->approximate |= parts[k].metrics[i].approximate;
        }
    }
}

void outcome_free(struct outcome *o)
{
    arena_free(&o->arena);
    *o = (struct outcome){0};
}

const struct outcome_metric *outcome_metric(const struct outcome *o, const char *name)
{
    for (int64_t i = 0; i < o->n_metrics; i++)
        if (strcmp(o->metrics[i].name, name) == 0)
            return &o->metrics[i];
    return NULL;
}
