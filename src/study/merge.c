#include "study/merge.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <gsl/gsl_cdf.h>
#include <sqlite3.h>

#include "base/bug.h"
#include "config.h"
#include "report/json.h"
#include "report/load.h"
#include "store/part.h"
#include "store/put.h"
#include "store/study_schema.h"

struct merging {
    struct plan *p;
    sqlite3 *out;
    struct err *e;
    const char *file, *part;
};

static int failed(const struct merging *m, const char *doing)
{
    return err_set(m->e, EXIT_CODE_IO, "%s: %s: %s", m->part, doing, sqlite3_errmsg(m->out));
}

static int exec(const struct merging *m, const char *sql)
{
    return sqlite3_exec(m->out, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : failed(m, "writing the study file");
}

static int put(const struct merging *m, const char *sql, const char *format, ...)
{
    va_list values;

    va_start(values, format);
    int rc = put_row(m->out, sql, format, values);
    va_end(values);
    return rc == SQLITE_OK ? 0 : failed(m, "writing the study file");
}

/* ---- the study ---- */

static char *sets_json(const struct study *s)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    sim_assert(out);
    struct json j = {.out = out};
    json_open(&j, NULL, '[');
    for (size_t i = 0; i < s->n_sets; i++)
        json_text(&j, NULL, s->sets[i]);
    json_close(&j, ']');
    int bad = fclose(out);
    sim_assert(bad == 0);
    return text;
}

static int put_study(const struct merging *m)
{
    const struct study *s = &m->p->study;
    char *sets = sets_json(s);
    int rc = put(m, "INSERT INTO study VALUES(?, ?, ?, ?, ?, ?, ?, ?, 1)", "sssssiii", PACKAGE_VERSION, s->path,
                 s->text, sets, m->p->ask->filter, s->n_points, s->n_params, s->repeat);

    free(sets);
    for (int i = 0; !rc && i < s->iter.n_vars; i++) {
        const struct iter_var *v = &s->iter.vars[i];
        rc = put(m, "INSERT INTO variable VALUES(?, ?, ?, ?)", "issN", (int64_t)i, v->name,
                 arena_printf(&m->p->arena, "%s.%s", v->section, v->key), (int64_t)v->in_step);
    }
    for (int64_t df = 1; !rc && df < s->repeat; df++)
        rc = put(m, "INSERT INTO student VALUES(?, ?)", "id", df, gsl_cdf_tdist_Pinv(0.975, (double)df));
    return rc;
}

static int put_params(const struct merging *m, int64_t set)
{
    const struct iter *it = &m->p->study.iter;
    int rc = 0;

    for (int i = 0; !rc && i < it->n_vars; i++) {
        const struct iter_value *v = iter_value(it, i, set);
        rc = put(m, "INSERT INTO param VALUES(?, ?, ?, ?)", "issd", set, it->vars[i].name, v->text,
                 v->is.kind == EXPR_NUMBER ? v->is.number : NAN);
    }
    return rc;
}

/* ---- a shard ---- */

/* "OUT.d/p000000.db", as seen from OUT.db. */
static const char *last_two(const char *path)
{
    const char *at = path + strlen(path);

    for (int slashes = 0; at > path; at--)
        if (at[-1] == '/' && ++slashes == 2)
            break;
    return at;
}

/* Each row of sql in the shard goes through insert. Where sql has parameters, they are the run's: id, point, set,
 * repetition, label, shard. 1: the shard cannot be read. */
static int copy_rows(const struct merging *m, sqlite3 *shard, const struct plan_point *x, const char *sql,
                     const char *insert)
{
    struct point at = study_point(&m->p->study, x->index);
    sqlite3_stmt *from = NULL, *to = NULL;
    int rc = sqlite3_prepare_v2(shard, sql, -1, &from, NULL), step = SQLITE_DONE;

    sqlite3_bind_int64(from, 1, x->index + 1);
    if (rc == SQLITE_OK && sqlite3_bind_parameter_count(from) > 1) {
        sqlite3_bind_int64(from, 2, at.index);
        sqlite3_bind_int64(from, 3, at.set);
        sqlite3_bind_int64(from, 4, at.repetition);
        sqlite3_bind_text(from, 5, study_label(&m->p->study, at.set, &m->p->arena), -1, SQLITE_STATIC);
        sqlite3_bind_text(from, 6, last_two(x->shard), -1, SQLITE_STATIC);
    }
    if (rc == SQLITE_OK)
        rc = sqlite3_prepare_v2(m->out, insert, -1, &to, NULL);
    while (rc == SQLITE_OK && (step = sqlite3_step(from)) == SQLITE_ROW) {
        for (int c = 0; c < sqlite3_column_count(from); c++)
            sqlite3_bind_value(to, c + 1, sqlite3_column_value(from, c));
        sqlite3_step(to);
        rc = sqlite3_reset(to);
    }
    sqlite3_finalize(from);
    sqlite3_finalize(to);
    if (rc != SQLITE_OK && sqlite3_errcode(m->out) != SQLITE_OK && sqlite3_errcode(m->out) != SQLITE_DONE)
        return failed(m, "writing the study file");
    return rc == SQLITE_OK && step == SQLITE_DONE ? 0 : 1;
}

/* What a study varies and no key of the normal form tells: presets. */
static int put_presets(const struct merging *m, int64_t id, int64_t set)
{
    const struct iter *it = &m->p->study.iter;
    int rc = 0;

    for (int i = 0; !rc && i < it->n_vars; i++) {
        const struct iter_value *v = iter_value(it, i, set);
        const char *key = arena_printf(&m->p->arena, "%s.%s", it->vars[i].section, it->vars[i].key);
        rc = put(m,
                 "INSERT INTO run_param SELECT ?1, ?2, ?3, ?4, 1"
                 " WHERE NOT EXISTS (SELECT 1 FROM run_param WHERE run_id = ?1 AND key = ?2)",
                 "issd", id, key, v->text, v->is.kind == EXPR_NUMBER ? v->is.number : NAN);
    }
    return rc;
}

static int put_shard(const struct merging *m, const struct plan_point *x)
{
    sqlite3 *shard = NULL;

    if (results_open(x->shard, &shard, m->e))
        return -1;
    int rc = copy_rows(m, shard, x,
                       "SELECT ?1, ?2, ?3, ?4, ?5, ?6, status, fingerprint, version, config_hash, seed, replication,"
                       " log, warmup_ns, horizon_ns, t_end_ns, events, resolved FROM run",
                       "INSERT INTO run VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
    if (!rc)
        rc = copy_rows(m, shard, x, "SELECT ?1, key, value_text, value_num, is_iter FROM run_param ORDER BY rowid",
                       "INSERT INTO run_param VALUES(?, ?, ?, ?, ?)");
    if (!rc)
        rc = copy_rows(m, shard, x,
                       "SELECT ?1, c.name, m.name, m.value, m.unit, m.approximate FROM metric m"
                       " LEFT JOIN class c ON c.id = m.class ORDER BY m.rowid",
                       "INSERT INTO metric VALUES(?, ?, ?, ?, ?, ?)");
    if (!rc)
        rc = put_presets(m, x->index + 1, study_point(&m->p->study, x->index).set);
    if (rc > 0)
        rc = err_set(m->e, EXIT_CODE_IO, "%s: cannot be read: %s", x->shard, sqlite3_errmsg(shard));
    sqlite3_close(shard);
    return rc;
}

/* ---- all ---- */

static int check_complete(struct plan *p, struct err *e)
{
    int64_t done = plan_look(p);

    for (int64_t i = 0; done < p->n && i < p->n; i++)
        if (p->at[i].state != SHARD_DONE)
            return err_set(e, EXIT_CODE_INCOMPLETE,
                           "%s: incomplete: %" PRId64 " of %" PRId64 " points are there; %s %s", p->ask->out, done,
                           p->n, plan_name(p, p->at[i].index),
                           p->at[i].state == SHARD_NONE ? "is missing"
                                                        : "has the shard of another configuration, or a damaged one");
    return 0;
}

static int fill(const struct merging *m)
{
    const char *names[ITER_VARS_MAX];
    const struct iter *it = &m->p->study.iter;
    int64_t last = -1;

    if (exec(m, "PRAGMA journal_mode=TRUNCATE; PRAGMA temp_store=MEMORY; BEGIN"))
        return -1;
    if (study_schema_create(m->out) != SQLITE_OK)
        return failed(m, "creating tables");
    if (put_study(m))
        return -1;
    for (int64_t i = 0; i < m->p->n; i++) {
        int64_t set = study_point(&m->p->study, m->p->at[i].index).set;
        if (set != last && put_params(m, last = set))
            return -1;
        if (put_shard(m, &m->p->at[i]))
            return -1;
    }
    for (int i = 0; i < it->n_vars; i++)
        names[i] = it->vars[i].name;
    if (study_schema_finish(m->out, names, it->n_vars) != SQLITE_OK)
        return failed(m, "creating views");
    return exec(m, "COMMIT");
}

int merge_write(struct plan *p, struct err *e)
{
    struct merging m = {.p = p, .e = e, .file = p->ask->out, .part = arena_printf(&p->arena, "%s.part", p->ask->out)};

    if (check_complete(p, e) || part_open(&m.out, m.file, m.part, p->ask->force, e))
        return -1;
    int rc = fill(&m);
    if (rc == 0)
        rc = part_rename(m.file, m.part, p->ask->force, e);
    sqlite3_close(m.out);
    if (rc)
        remove(m.part);
    remove(arena_printf(&p->arena, "%s-journal", m.part)); /* in mode TRUNCATE it stays, empty */
    return rc;
}

static bool same_column(sqlite3_stmt *stmt, int column, const char *want)
{
    const char *s = (const char *)sqlite3_column_text(stmt, column);

    return s == want || (s && want && strcmp(s, want) == 0);
}

bool merge_is_current(struct plan *p)
{
    struct err e = {0};
    sqlite3 *db = NULL;
    sqlite3_stmt *stmt = NULL;
    int64_t same = 0, rows = 0;
    char hash[17];

    if (results_open_study(p->ask->out, &db, &e))
        return false;
    bool is = sqlite3_prepare_v2(db, "SELECT version, filter, n_points FROM study WHERE complete", -1, &stmt, NULL) ==
                  SQLITE_OK &&
              sqlite3_step(stmt) == SQLITE_ROW && same_column(stmt, 0, PACKAGE_VERSION) &&
              same_column(stmt, 1, p->ask->filter) && sqlite3_column_int64(stmt, 2) == p->study.n_points;
    sqlite3_finalize(stmt);
    stmt = NULL;
    if (is &&
        sqlite3_prepare_v2(db, "SELECT id, config_hash, params FROM run ORDER BY id", -1, &stmt, NULL) == SQLITE_OK)
        for (; sqlite3_step(stmt) == SQLITE_ROW; rows++) {
            if (rows >= p->n)
                break;
            const struct plan_point *x = &p->at[rows];
            snprintf(hash, sizeof hash, "%016" PRIx64, x->want.config_hash);
            same += sqlite3_column_int64(stmt, 0) == x->index + 1 && same_column(stmt, 1, hash) &&
                    same_column(stmt, 2, study_label(&p->study, study_point(&p->study, x->index).set, &p->arena));
        }
    sqlite3_finalize(stmt);
    sqlite3_close(db);
    return is && rows == p->n && same == p->n;
}
