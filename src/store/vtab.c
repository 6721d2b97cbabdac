#include "store/vtab.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"

struct unit_table {
    sqlite3_vtab base;
    struct vtab_source *source;
    const struct ev_field *fields;
    int n_fields;
};

struct unit_cursor {
    sqlite3_vtab_cursor base;
    const int64_t *row; /* the current record */
    uint32_t at;
};

static int unit_connect(sqlite3 *db, void *aux, int argc, const char *const *argv, sqlite3_vtab **out, char **why)
{
    struct vtab_source *source = aux;
    const struct ev_info *info = &ev_info[source->kind];
    struct unit_table *t = mem_zalloc(1, sizeof *t);
    char ddl[1024];
    int at = snprintf(ddl, sizeof ddl, "CREATE TABLE u(");

    (void)argc, (void)argv, (void)why;
    for (int f = 0; f < info->n_fields; f++)
        at += snprintf(ddl + at, sizeof ddl - (size_t)at, "%s%s", f ? ", " : "", info->fields[f].name);
    at += snprintf(ddl + at, sizeof ddl - (size_t)at, ")");
    sim_assert((size_t)at < sizeof ddl);

    *t = (struct unit_table){.source = source, .fields = info->fields, .n_fields = info->n_fields};
    int rc = sqlite3_declare_vtab(db, ddl);
    if (rc != SQLITE_OK) {
        free(t);
        return rc;
    }
    *out = &t->base;
    return SQLITE_OK;
}

static int unit_disconnect(sqlite3_vtab *t)
{
    free(t);
    return SQLITE_OK;
}

static int unit_best_index(sqlite3_vtab *t, sqlite3_index_info *info)
{
    (void)t;
    info->estimatedCost = 1e6;
    return SQLITE_OK;
}

static int unit_open(sqlite3_vtab *t, sqlite3_vtab_cursor **out)
{
    struct unit_cursor *c = mem_zalloc(1, sizeof *c);

    (void)t;
    *out = &c->base;
    return SQLITE_OK;
}

static int unit_close(sqlite3_vtab_cursor *c)
{
    free(c);
    return SQLITE_OK;
}

static inline void place(struct unit_cursor *c, const struct unit_table *t)
{
    const struct vtab_source *s = t->source;

    if (c->at < s->n)
        c->row = s->rec + (s->order ? s->order[c->at].value : c->at) * (size_t)t->n_fields;
}

static int unit_filter(sqlite3_vtab_cursor *cursor, int idx, const char *str, int argc, sqlite3_value **argv)
{
    struct unit_cursor *c = (struct unit_cursor *)cursor;

    (void)idx, (void)str, (void)argc, (void)argv;
    c->at = 0;
    place(c, (struct unit_table *)cursor->pVtab);
    return SQLITE_OK;
}

static int unit_next(sqlite3_vtab_cursor *cursor)
{
    struct unit_cursor *c = (struct unit_cursor *)cursor;

    c->at++;
    place(c, (struct unit_table *)cursor->pVtab);
    return SQLITE_OK;
}

static int unit_eof(sqlite3_vtab_cursor *cursor)
{
    return ((struct unit_cursor *)cursor)->at >= ((struct unit_table *)cursor->pVtab)->source->n;
}

/* A column that is left without a result is NULL. */
static int unit_column(sqlite3_vtab_cursor *cursor, sqlite3_context *ctx, int i)
{
    const struct unit_table *t = (struct unit_table *)cursor->pVtab;
    int64_t v = ((struct unit_cursor *)cursor)->row[i];
    enum field_type type = t->fields[i].type;

    if (type == FIELD_INT || (type != FIELD_STATUS && v >= 0)) {
        sqlite3_result_int64(ctx, v);
    } else if (type == FIELD_STATUS) {
        sim_assert(v >= 0 && v < REQUEST_STATUSES);
        const char *name = request_status_names[v];
        sqlite3_result_text(ctx, name, (int)strlen(name), SQLITE_STATIC);
    }
    return SQLITE_OK;
}

static int unit_rowid(sqlite3_vtab_cursor *cursor, sqlite3_int64 *out)
{
    *out = ((struct unit_cursor *)cursor)->at;
    return SQLITE_OK;
}

/* No xCreate: the table exists by its name alone. */
static const sqlite3_module unit_module = {
    .iVersion = 0,
    .xConnect = unit_connect,
    .xBestIndex = unit_best_index,
    .xDisconnect = unit_disconnect,
    .xOpen = unit_open,
    .xClose = unit_close,
    .xFilter = unit_filter,
    .xNext = unit_next,
    .xEof = unit_eof,
    .xColumn = unit_column,
    .xRowid = unit_rowid,
};

int vtab_register(sqlite3 *db, struct vtab_source *source)
{
    char name[64];

    snprintf(name, sizeof name, "unit_%s", ev_info[source->kind].table);
    return sqlite3_create_module_v2(db, name, &unit_module, source, NULL);
}
