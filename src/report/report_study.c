#include "report/report_study.h"

#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <sqlite3.h>

#include "base/bug.h"
#include "report/json.h"
#include "report/load.h"
#include "store/study_schema.h"

/* Which metrics the table shows, where the study has them. */
static const struct shown {
    const char *name, *title;
} shown[] = {
    {"request_throughput", "requests/s"}, {"output_throughput", "output tok/s"}, {"mean_ttft_ms", "mean TTFT ms"},
    {"p99_ttft_ms", "p99 TTFT ms"},       {"mean_tpot_ms", "mean TPOT ms"},      {"slo_attainment", "SLO attained"},
    {"usd_per_m_output", "$/M output"},
};
enum { SHOWN = sizeof shown / sizeof *shown, WIDTH = 18, TEXT_MAX = 4096 };

struct table {
    sqlite3 *db;
    FILE *out;
    const char *path;
    struct err *e;
};

static int refused(const struct table *t)
{
    return err_set(t->e, EXIT_CODE_IO, "%s: cannot be read: %s", t->path, sqlite3_errmsg(t->db));
}

static const char *text(sqlite3_stmt *stmt, int column)
{
    const char *s = (const char *)sqlite3_column_text(stmt, column);

    return s && sqlite3_column_bytes(stmt, column) <= TEXT_MAX ? s : "-";
}

/* Texts of the file reach a terminal: control characters do not. */
static void print_clean(FILE *out, const char *s)
{
    for (; *s; s++)
        fputc(iscntrl((unsigned char)*s) ? '?' : *s, out);
}

static double real(sqlite3_stmt *stmt, int column)
{
    int type = sqlite3_column_type(stmt, column);

    return type == SQLITE_FLOAT || type == SQLITE_INTEGER ? sqlite3_column_double(stmt, column) : NAN;
}

/* As many decimals as give the half width two digits that count; without one, the mean has four. */
static void cell(char *out, size_t size, double mean, double half)
{
    int decimals = 0;

    for (double x = half; x > 0 && x < 10 && decimals < 6; x *= 10)
        decimals++;
    if (isnan(mean))
        snprintf(out, size, "-");
    else if (!(half > 0))
        snprintf(out, size, "%.4g%s", mean, half == 0 ? " +-0" : "");
    else
        snprintf(out, size, "%.*f +-%.*f", decimals, mean, decimals, half);
}

/* The points query, for all classes together, in the order of sets and metrics; parsed and stepped by the callers. */
static sqlite3_stmt *points(const struct table *t)
{
    char *sql =
        sqlite3_mprintf("SELECT param_set, params, name, n, mean, ci95_high - mean, unit, ci95_low, ci95_high, sd"
                        " FROM (%s) WHERE class IS NULL ORDER BY param_set",
                        study_points_sql);
    sqlite3_stmt *stmt = NULL;

    sim_assert(sql);
    if (sqlite3_prepare_v2(t->db, sql, -1, &stmt, NULL) != SQLITE_OK)
        refused(t);
    sqlite3_free(sql);
    return stmt;
}

struct line {
    int64_t set, n;
    char params[TEXT_MAX + 1], cells[SHOWN][64];
    bool any;
};

static void print_line(const struct table *t, const struct line *l, const bool *has, int width)
{
    int printed = (int)strlen(l->params);

    if (!l->any)
        return;
    print_clean(t->out, printed ? l->params : "-");
    fprintf(t->out, "%*s %3" PRId64, width > printed ? width - (printed ? printed : 1) : 0, "", l->n);
    for (int i = 0; i < SHOWN; i++)
        if (has[i])
            fprintf(t->out, " %*s", WIDTH, *l->cells[i] ? l->cells[i] : "-");
    fputc('\n', t->out);
}

static int which(const char *name)
{
    for (int i = 0; i < SHOWN; i++)
        if (strcmp(shown[i].name, name) == 0)
            return i;
    return -1;
}

/* Which metrics have a value, and how wide the parameters are. */
static int measure(const struct table *t, bool *has, int *width)
{
    sqlite3_stmt *stmt = points(t);
    int rc = SQLITE_ERROR;

    while (stmt && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        int i = which(text(stmt, 2)), n = (int)strlen(text(stmt, 1));
        if (i >= 0 && !isnan(real(stmt, 4)))
            has[i] = true;
        *width = n > *width ? n : *width;
    }
    sqlite3_finalize(stmt);
    return rc == SQLITE_DONE ? 0 : refused(t);
}

static int print_table(const struct table *t)
{
    bool has[SHOWN] = {false};
    int width = 6, rc = SQLITE_ERROR;
    struct line *l = mem_zalloc(1, sizeof *l);
    sqlite3_stmt *stmt = NULL;

    if (measure(t, has, &width) == 0 && (stmt = points(t)) != NULL) {
        fprintf(t->out, "%-*s %3s", width, "values", "n");
        for (int i = 0; i < SHOWN; i++)
            if (has[i])
                fprintf(t->out, " %*s", WIDTH, shown[i].title);
        fputc('\n', t->out);
        while ((rc = sqlite3_step(stmt)) == SQLITE_ROW) {
            int64_t set = sqlite3_column_int64(stmt, 0);
            int i = which(text(stmt, 2));
            if (!l->any || set != l->set) {
                print_line(t, l, has, width);
                *l = (struct line){.set = set, .any = true};
                snprintf(l->params, sizeof l->params, "%s", text(stmt, 1));
            }
            l->n = sqlite3_column_int64(stmt, 3) > l->n ? sqlite3_column_int64(stmt, 3) : l->n;
            if (i >= 0)
                cell(l->cells[i], sizeof l->cells[i], real(stmt, 4), real(stmt, 5));
        }
        print_line(t, l, has, width);
    }
    sqlite3_finalize(stmt);
    free(l);
    return rc == SQLITE_DONE ? 0 : refused(t);
}

static int print_head(const struct table *t)
{
    sqlite3_stmt *stmt = NULL;
    int rc = sqlite3_prepare_v2(t->db,
                                "SELECT scenario_path, n_points, n_params, repeat, filter, (SELECT count(*) FROM run)"
                                " FROM study LIMIT 1",
                                -1, &stmt, NULL);

    if (rc == SQLITE_OK && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        print_clean(t->out, text(stmt, 0));
        fprintf(t->out, ": %" PRId64 " of %" PRId64 " points (%" PRId64 " sets of values, %" PRId64 " repetition%s)",
                (int64_t)sqlite3_column_int64(stmt, 5), (int64_t)sqlite3_column_int64(stmt, 1),
                (int64_t)sqlite3_column_int64(stmt, 2), (int64_t)sqlite3_column_int64(stmt, 3),
                sqlite3_column_int64(stmt, 3) == 1 ? "" : "s");
        if (sqlite3_column_type(stmt, 4) == SQLITE_TEXT) {
            fputs(", filter ", t->out);
            print_clean(t->out, text(stmt, 4));
        }
        fprintf(t->out, "\n%s\n",
                sqlite3_column_int64(stmt, 3) > 1 ? "mean +- half of Student's 95 % interval over repetitions"
                                                  : "one run each, so no intervals ([sweep] repeat gives them)");
    }
    sqlite3_finalize(stmt);
    return rc == SQLITE_ROW ? 0 : refused(t);
}

static int print_json(const struct table *t)
{
    struct json j = {.out = t->out};
    sqlite3_stmt *stmt = points(t);
    int rc = SQLITE_ERROR;
    int64_t set = -1;

    json_open(&j, NULL, '{');
    json_open(&j, "points", '[');
    while (stmt && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        if (sqlite3_column_int64(stmt, 0) != set) {
            if (set >= 0) {
                json_close(&j, '}');
                json_close(&j, '}');
            }
            set = sqlite3_column_int64(stmt, 0);
            json_open(&j, NULL, '{');
            json_int(&j, "param_set", set);
            json_text(&j, "params", text(stmt, 1));
            json_open(&j, "metrics", '{');
        }
        json_open(&j, text(stmt, 2), '{');
        json_int(&j, "n", sqlite3_column_int64(stmt, 3));
        json_real(&j, "mean", real(stmt, 4));
        json_real(&j, "sd", real(stmt, 9));
        json_real(&j, "ci95_low", real(stmt, 7));
        json_real(&j, "ci95_high", real(stmt, 8));
        json_close(&j, '}');
    }
    if (set >= 0) {
        json_close(&j, '}');
        json_close(&j, '}');
    }
    json_close(&j, ']');
    json_close(&j, '}');
    sqlite3_finalize(stmt);
    return rc == SQLITE_DONE ? 0 : refused(t);
}

int report_study(const char *path, enum report_format format, FILE *out, struct err *e)
{
    struct table t = {.out = out, .path = path, .e = e};

    if (results_open_study(path, &t.db, e))
        return -1;
    int rc = format == REPORT_JSON ? print_json(&t) : print_head(&t) ? -1 : print_table(&t);
    sqlite3_close(t.db);
    return rc;
}
