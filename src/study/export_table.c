#include "study/export_table.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <sqlite3.h>

#include "report/json.h"
#include "study/figure.h"
#include "study/query.h"

enum { NAME_BYTES = 200 };

/* ---- CSV ---- */

static void put_field(FILE *out, const char *s)
{
    bool quote = strpbrk(s, ",\"\r\n") != NULL;

    if (quote)
        fputc('"', out);
    for (; *s; s++) {
        if (*s == '"')
            fputc('"', out);
        fputc(*s, out);
    }
    if (quote)
        fputc('"', out);
}

static void put_real(FILE *out, double v)
{
    char text[40];

    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, v);
        if (strtod(text, NULL) == v)
            break;
    }
    fputs(text, out);
}

static void put_row(FILE *out, sqlite3_stmt *s)
{
    for (int i = 0; i < sqlite3_column_count(s); i++) {
        fputs(i ? "," : "", out);
        switch (sqlite3_column_type(s, i)) {
        case SQLITE_INTEGER:
            fprintf(out, "%lld", sqlite3_column_int64(s, i));
            break;
        case SQLITE_FLOAT:
            put_real(out, sqlite3_column_double(s, i));
            break;
        case SQLITE_TEXT:
            put_field(out, (const char *)sqlite3_column_text(s, i));
            break;
        default:
            break;
        }
    }
    fputs("\r\n", out);
}

/* Of the program's own schema: tables, and the views that query_open has put before the file's. */
static int find_table(sqlite3 *db, const char *results, const char *table, char **sql, struct err *e)
{
    sqlite3_stmt *s;
    int rc = sqlite3_prepare_v2(db,
                                "SELECT name FROM (SELECT name FROM temp.sqlite_schema WHERE type = 'view' UNION "
                                "ALL SELECT name FROM"
                                " main.sqlite_schema WHERE type = 'table') WHERE name = ? COLLATE NOCASE LIMIT 1",
                                -1, &s, NULL);

    *sql = NULL;
    if (rc == SQLITE_OK) {
        sqlite3_bind_text(s, 1, table, -1, SQLITE_STATIC);
        rc = sqlite3_step(s);
    }
    if (rc == SQLITE_ROW)
        *sql = sqlite3_mprintf("SELECT * FROM \"%w\"", sqlite3_column_text(s, 0));
    else if (rc == SQLITE_DONE)
        err_set(e, EXIT_CODE_USAGE,
                "%s: no table \"%s\": SELECT DISTINCT table_name FROM doc has "
                "them",
                results, table);
    else
        err_set(e, EXIT_CODE_IO, "%s: cannot be read: %s", results, sqlite3_errmsg(db));
    sqlite3_finalize(s);
    return *sql ? 0 : -1;
}

int export_csv(const char *results, const char *table, FILE *out, int64_t *rows, struct err *e)
{
    sqlite3 *db;
    sqlite3_stmt *s = NULL;
    char *sql;

    if (query_open(results, &db, e) != 0)
        return -1;
    int rc = find_table(db, results, table, &sql, e);
    if (rc == 0) {
        int step = sqlite3_prepare_v2(db, sql, -1, &s, NULL);
        for (int i = 0; step == SQLITE_OK && i < sqlite3_column_count(s); i++) {
            fputs(i ? "," : "", out);
            put_field(out, sqlite3_column_name(s, i));
        }
        fputs("\r\n", out);
        for (*rows = 0; step == SQLITE_OK && !ferror(out) && (step = sqlite3_step(s)) == SQLITE_ROW;
             step = SQLITE_OK, (*rows)++)
            put_row(out, s);
        if (step != SQLITE_DONE && step != SQLITE_OK)
            rc = err_set(e, EXIT_CODE_IO, "%s: cannot be read: %s", results, sqlite3_errmsg(db));
    }
    sqlite3_finalize(s);
    sqlite3_free(sql);
    sqlite3_close(db);
    return rc;
}

/* ---- datasette ---- */

/* The file's name without its folder and what follows the last dot: datasette's name of it. */
static void database_name(char *name, size_t size, const char *path)
{
    const char *slash = strrchr(path, '/');

    snprintf(name, size, "%s", slash ? slash + 1 : path);
    char *dot = strrchr(name, '.');
    if (dot && dot != name)
        *dot = '\0';
}

static void put_tables(struct json *j, const struct query_table *doc)
{
    bool open = false;

    json_open(j, "tables", '{');
    for (int i = 0; i < doc->n_rows; i++) {
        const struct query_cell *table = query_at(doc, i, 0), *column = query_at(doc, i, 1),
                                *help = query_at(doc, i, 2);
        if (table->type != QUERY_TEXT || help->type != QUERY_TEXT ||
            (column->type != QUERY_TEXT && column->type != QUERY_NULL))
            continue;
        if (column->type == QUERY_NULL) { /* its columns follow */
            if (open) {
                json_close(j, '}');
                json_close(j, '}');
            }
            json_open(j, table->text, '{');
            json_text(j, "description", help->text);
            json_open(j, "columns", '{');
            open = true;
        } else if (open) {
            json_text(j, column->text, help->text);
        }
    }
    if (open) {
        json_close(j, '}');
        json_close(j, '}');
    }
    json_close(j, '}');
}

static void put_queries(struct json *j)
{
    char name[NAME_BYTES];

    json_open(j, "queries", '{');
    for (const struct figure *f = figures_run; f->sql; f++) {
        snprintf(name, sizeof name, "%s", f->title);
        for (char *c = name; *c; c++)
            *c = *c == ' ' ? '-' : *c == '\'' ? '_' : *c;
        json_open(j, name, '{');
        json_text(j, "title", f->title);
        json_text(j, "description", f->text);
        json_text(j, "sql", f->sql);
        json_close(j, '}');
    }
    json_close(j, '}');
}

int export_datasette(const char *results, FILE *out, struct err *e)
{
    struct json j = {.out = out};
    struct query_table doc;
    char name[NAME_BYTES];
    sqlite3 *db;
    int rc = 0;

    if (query_open(results, &db, e) != 0)
        return -1;
    if (query_run(db,
                  "SELECT table_name, column_name, help FROM doc ORDER BY table_name, column_name IS NOT NULL, "
                  "rowid",
                  60, &doc, e) != QUERY_OK) {
        rc = err_set(e, EXIT_CODE_IO, "%s: cannot be read", results);
    } else {
        database_name(name, sizeof name, results);
        json_open(&j, NULL, '{');
        json_text(&j, "title", "tiersim");
        json_open(&j, "databases", '{');
        json_open(&j, name, '{');
        put_tables(&j, &doc);
        put_queries(&j);
        json_close(&j, '}');
        json_close(&j, '}');
        json_close(&j, '}');
    }
    query_free(&doc);
    sqlite3_close(db);
    return rc;
}
