#include "study/point.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <sqlite3.h>

#include "config.h"
#include "report/load.h"
#include "trace/trace.h"

bool study_open(struct study *s, const char *path, char *const *sets, size_t n_sets, struct diags *d)
{
    struct ini_entries es = {.n = 0};
    size_t before = d->n;

    *s = (struct study){.path = path, .sets = sets, .n_sets = n_sets, .text = ""};
    arena_init(&s->arena);
    if (ini_load(&es, path, INI_RANK_SCENARIO, &s->arena, d)) {
        for (size_t i = 0; i < n_sets; i++)
            ini_set(&es, sets[i], &s->arena, d);
        if (es.text)
            s->text = arena_strdup(&s->arena, es.text);
        if (d->n == before)
            iter_read(&s->iter, &es, &s->arena, d);
    }
    ini_entries_free(&es);
    s->n_points = s->iter.n_points;
    s->n_params = s->iter.n_sets;
    s->repeat = s->iter.sweep.repeat;
    return d->n == before;
}

void study_free(struct study *s)
{
    arena_free(&s->arena);
    *s = (struct study){0};
}

struct point study_point(const struct study *s, int64_t index)
{
    return (struct point){index, index / s->repeat, index % s->repeat};
}

const char *study_label(const struct study *s, int64_t set, struct arena *a)
{
    return iter_label(&s->iter, set, a);
}

bool study_load(const struct study *s, int64_t index, struct scenario *sc, struct diags *d)
{
    return scenario_load_point(sc, s->path, s->sets, s->n_sets, index, d);
}

int64_t study_filter(const struct study *s, const char *filter, int64_t *indices, char *why, size_t why_size)
{
    struct arena a;
    struct expr_value is = {.kind = EXPR_BOOL, .number = 1};
    int64_t n = 0;

    arena_init(&a);
    const struct expr *e = filter ? iter_parse(&s->iter, filter, &a, why, why_size) : NULL;
    if (filter && e == NULL)
        n = -1;
    for (int64_t i = 0; n >= 0 && i < s->n_points; i++) {
        if (e && !iter_eval(&s->iter, e, i, &is, why, why_size)) {
            n = -1;
        } else if (is.kind != EXPR_BOOL) {
            snprintf(why, why_size, "gives %s and not true or false (want e.g. rate < 20/s)", expr_kind_name(&is));
            n = -1;
        } else if (is.number != 0) {
            indices[n++] = i;
        }
    }
    arena_free(&a);
    return n;
}

char **study_argv(const struct study *s, int64_t index, const char *shard, char *const *extra, struct arena *a)
{
    size_t n_extra = 0, n = 0;

    while (extra && extra[n_extra])
        n_extra++;
    char **argv = arena_alloc(a, (10 + 2 * s->n_sets + n_extra) * sizeof *argv);
    argv[n++] = arena_strdup(a, "tiersim");
    argv[n++] = arena_strdup(a, "run");
    argv[n++] = arena_strdup(a, "--quiet");
    argv[n++] = arena_strdup(a, "--force");
    argv[n++] = arena_strdup(a, "-o");
    argv[n++] = arena_strdup(a, shard);
    argv[n++] = arena_printf(a, "--point=%" PRId64, index);
    for (size_t i = 0; i < s->n_sets; i++) {
        argv[n++] = arena_strdup(a, "-s");
        argv[n++] = s->sets[i];
    }
    for (size_t i = 0; i < n_extra; i++)
        argv[n++] = extra[i];
    argv[n++] = arena_strdup(a, "--"); /* a file may be called -x */
    argv[n] = arena_strdup(a, s->path);
    return argv;
}

/* ---- shards ---- */

const char *shard_path(const char *dir, int64_t index, struct arena *a)
{
    return arena_printf(a, "%s/p%06" PRId64 ".db", dir, index);
}

struct shard_want shard_wanted(const struct scenario *sc)
{
    return (struct shard_want){sc->config_hash, sc->run.log};
}

static bool is_text(sqlite3_stmt *stmt, int column, const char *want)
{
    const char *s = (const char *)sqlite3_column_text(stmt, column);

    return s && strcmp(s, want) == 0;
}

enum shard_state shard_state(const char *path, const struct shard_want *want)
{
    static const char *const levels[] = {"summary", "request", "step", "all"};
    struct err e = {0};
    sqlite3 *db = NULL;
    sqlite3_stmt *stmt = NULL;
    char hash[17];
    bool same = false;

    if (access(path, F_OK) != 0)
        return SHARD_NONE;
    snprintf(hash, sizeof hash, "%016" PRIx64, want->config_hash);
    if (results_open(path, &db, &e) == 0 &&
        sqlite3_prepare_v2(db, "SELECT status, config_hash, log, version FROM run", -1, &stmt, NULL) == SQLITE_OK &&
        sqlite3_step(stmt) == SQLITE_ROW)
        same = is_text(stmt, 0, "complete") && is_text(stmt, 1, hash) && is_text(stmt, 2, levels[want->log]) &&
               is_text(stmt, 3, PACKAGE_VERSION);
    sqlite3_finalize(stmt);
    sqlite3_close(db);
    return same ? SHARD_DONE : SHARD_OTHER;
}
