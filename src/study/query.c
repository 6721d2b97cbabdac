#include "study/query.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <sqlite3.h>

#include "base/bug.h"
#include "report/load.h"
#include "store/schema.h"
#include "store/study_schema.h"

enum { ROWS_MAX = 4000, COLUMNS_MAX = 40, TEXT_BYTES_MAX = 1 << 20, OPS_BETWEEN_LOOKS = 20000 };

/* ---- opening ---- */

/* Has the file this table, word for word, or nothing of the name? -1: cannot be asked. */
static int same_table(sqlite3 *db, const char *name, const char *sql)
{
    sqlite3_stmt *stmt;
    int same = 1, rc;

    if (sqlite3_prepare_v2(db,
                           "SELECT type = 'table' AND rootpage > 0 AND sql = ? FROM main.sqlite_schema WHERE "
                           "name = ? COLLATE NOCASE",
                           -1, &stmt, NULL) != SQLITE_OK)
        return -1;
    sqlite3_bind_text(stmt, 1, sql, -1, SQLITE_STATIC);
    sqlite3_bind_text(stmt, 2, name, -1, SQLITE_STATIC);
    while ((rc = sqlite3_step(stmt)) == SQLITE_ROW)
        same &= sqlite3_column_int(stmt, 0);
    sqlite3_finalize(stmt);
    return rc == SQLITE_DONE ? same : -1;
}

static int own_view(sqlite3 *db, const char *sql)
{
    static const char create[] = "CREATE VIEW ";
    char *temporary = sqlite3_mprintf("CREATE TEMP VIEW %s", sql + strlen(create));
    int rc = strncmp(sql, create, strlen(create)) != 0 || temporary == NULL
                 ? SQLITE_ERROR
                 : sqlite3_exec(db, temporary, NULL, NULL, NULL);

    sqlite3_free(temporary);
    return rc;
}

/* own: an empty results file. */
static int check_and_cover(sqlite3 *db, sqlite3 *own, const char *path, struct err *e)
{
    sqlite3_stmt *stmt;
    int rc = sqlite3_prepare_v2(own,
                                "SELECT type, name, sql FROM sqlite_schema WHERE type IN ('table', 'view') "
                                "ORDER BY rowid",
                                -1, &stmt, NULL);

    while (rc == SQLITE_OK && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        const char *type = (const char *)sqlite3_column_text(stmt, 0),
                   *name = (const char *)sqlite3_column_text(stmt, 1),
                   *sql = (const char *)sqlite3_column_text(stmt, 2);
        sim_assert(type && name && sql);
        rc = SQLITE_OK;
        if (strcmp(type, "view") == 0)
            rc = own_view(db, sql);
        else if (same_table(db, name, sql) != 1)
            rc = err_set(e, EXIT_CODE_IO, "%s: its table %s is not as this program writes it", path, name);
    }
    if (rc != SQLITE_DONE)
        err_set(e, EXIT_CODE_IO, "%s: cannot be read: %s", path, sqlite3_errmsg(db));
    sqlite3_finalize(stmt);
    return rc == SQLITE_DONE ? 0 : -1;
}

/* Sorting may take more room than memory has: temporary files, and they cannot be chosen within a transaction. */
static int begin_anew(sqlite3 *db, const char *path, struct err *e)
{
    if (sqlite3_exec(db, "COMMIT; PRAGMA temp_store=FILE; BEGIN", NULL, NULL, NULL) == SQLITE_OK)
        return 0;
    return err_set(e, EXIT_CODE_IO, "%s: cannot be read: %s", path, sqlite3_errmsg(db));
}

/* own: an empty file of the kind. */
static int cover(sqlite3 *file, int (*create)(sqlite3 *db), sqlite3 **db, const char *path, struct err *e)
{
    sqlite3 *own = NULL;
    int rc = -1;

    if (sqlite3_open(":memory:", &own) != SQLITE_OK || create(own) != SQLITE_OK)
        err_set(e, EXIT_CODE_IO, "the schema cannot be made: %s", sqlite3_errmsg(own));
    else if (begin_anew(file, path, e) == 0)
        rc = check_and_cover(file, own, path, e);
    sqlite3_close(own);
    if (rc == 0)
        *db = file;
    else
        sqlite3_close(file);
    return rc;
}

int query_open(const char *path, sqlite3 **db, struct err *e)
{
    sqlite3 *file = NULL;

    return results_open(path, &file, e) == 0 ? cover(file, schema_create, db, path, e) : -1;
}

static int create_study(sqlite3 *db)
{
    return study_schema_create(db) == SQLITE_OK ? study_schema_finish(db, NULL, 0) : SQLITE_ERROR;
}

int query_open_study(const char *path, sqlite3 **db, struct err *e)
{
    sqlite3 *file = NULL;

    return results_open_study(path, &file, e) == 0 ? cover(file, create_study, db, path, e) : -1;
}

/* ---- one query ---- */

static double now_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int too_late(void *until_s)
{
    return now_s() > *(const double *)until_s;
}

static struct query_cell cell(struct arena *a, sqlite3_stmt *stmt, int column)
{
    struct query_cell c = {QUERY_NULL, NAN, 0, NULL};

    switch (sqlite3_column_type(stmt, column)) {
    case SQLITE_INTEGER:
        c.type = QUERY_INTEGER;
        c.integer = sqlite3_column_int64(stmt, column);
        c.number = (double)c.integer;
        break;
    case SQLITE_FLOAT:
        c.type = QUERY_REAL;
        c.number = sqlite3_column_double(stmt, column);
        break;
    case SQLITE_TEXT:
        if (sqlite3_column_bytes(stmt, column) > TEXT_BYTES_MAX)
            break;
        c.type = QUERY_TEXT;
        c.text = arena_strdup(a, (const char *)sqlite3_column_text(stmt, column));
        break;
    default:
        break;
    }
    return c;
}

static int fill(struct query_table *t, sqlite3_stmt *stmt)
{
    int cap = 0, rc;

    while ((rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        if (t->n_rows == ROWS_MAX) {
            t->cut = true;
            return SQLITE_DONE;
        }
        if (t->n_rows == cap) {
            cap = cap ? 2 * cap : 64;
            t->cells = mem_realloc(t->cells, (size_t)cap * (size_t)t->n_columns * sizeof *t->cells);
        }
        for (int i = 0; i < t->n_columns; i++)
            t->cells[t->n_rows * t->n_columns + i] = cell(&t->arena, stmt, i);
        t->n_rows++;
    }
    return rc;
}

enum query_end query_run(sqlite3 *db, const char *sql, double timeout_s, struct query_table *out, struct err *why)
{
    double until_s = now_s() + timeout_s;
    sqlite3_stmt *stmt = NULL;

    memset(out, 0, sizeof *out);
    arena_init(&out->arena);
    sqlite3_progress_handler(db, OPS_BETWEEN_LOOKS, too_late, &until_s);
    int rc = sqlite3_prepare_v2(db, sql, -1, &stmt, NULL);
    if (rc == SQLITE_OK) {
        out->n_columns = sqlite3_column_count(stmt);
        sim_assert(out->n_columns <= COLUMNS_MAX);
        out->names = arena_alloc(&out->arena, (size_t)out->n_columns * sizeof *out->names);
        for (int i = 0; i < out->n_columns; i++)
            out->names[i] = arena_strdup(&out->arena, sqlite3_column_name(stmt, i));
        rc = fill(out, stmt);
    }
    if (rc != SQLITE_DONE && rc != SQLITE_INTERRUPT)
        err_set(why, EXIT_CODE_IO, "%s", sqlite3_errmsg(db));
    sqlite3_finalize(stmt);
    sqlite3_progress_handler(db, 0, NULL, NULL);
    return rc == SQLITE_DONE ? QUERY_OK : rc == SQLITE_INTERRUPT ? QUERY_SLOW : QUERY_FAILED;
}

void query_free(struct query_table *t)
{
    free(t->cells);
    arena_free(&t->arena);
}

const struct query_cell *query_at(const struct query_table *t, int row, int column)
{
    sim_assert(row >= 0 && row < t->n_rows && column >= 0 && column < t->n_columns);
    return &t->cells[row * t->n_columns + column];
}
