#include "study/calls.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <sqlite3.h>

#include "base/bug.h"
#include "report/json.h"
#include "report/load.h"
#include "report/quantile.h"

enum { CALLS_MAX = 200000000, BEYOND_MIN = 10 };

const char *const calls_of_names[CALLS_OF] = {"ttft", "tpot", "e2el", "queue"};

/* ---- reading ---- */

static bool take(struct call *c, sqlite3_stmt *stmt)
{
    int64_t v[6];

    for (int i = 0; i < 6; i++) {
        if (sqlite3_column_type(stmt, i) != SQLITE_INTEGER)
            return false;
        v[i] = sqlite3_column_int64(stmt, i);
        if (v[i] < 0 || v[i] > INT64_C(1) << 60)
            return false;
    }
    *c = (struct call){.id = v[0], .t_arrive_ns = v[1], .t_end_ns = v[4], .output_tokens = v[5]};
    c->ms[CALLS_QUEUE] = (double)(v[2] - v[1]) * 1e-6;
    c->ms[CALLS_TTFT] = (double)(v[3] - v[1]) * 1e-6;
    c->ms[CALLS_E2EL] = (double)(v[4] - v[1]) * 1e-6;
    c->ms[CALLS_TPOT] = v[5] > 1 ? (double)(v[4] - v[3]) / (double)(v[5] - 1) * 1e-6 : NAN;
    return v[5] > 0;
}

static int read_rows(struct calls *c, sqlite3 *db, const char *path, struct err *e)
{
    static const char sql[] = "SELECT id, t_arrive_ns, t_admit_ns, t_first_ns, t_end_ns, output_tokens FROM request"
                              " WHERE status = 'completed' AND t_arrive_ns >= ?1 ORDER BY t_arrive_ns, id";
    sqlite3_stmt *stmt;
    int64_t cap = 0;
    int rc = sqlite3_prepare_v2(db, sql, -1, &stmt, NULL);

    sqlite3_bind_int64(stmt, 1, c->warmup_ns);
    while (rc == SQLITE_OK && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        if (c->n == cap) {
            cap = cap ? 2 * cap : 1024;
            c->at = mem_realloc(c->at, (size_t)cap * sizeof *c->at);
        }
        rc = c->n < CALLS_MAX && take(&c->at[c->n++], stmt) ? SQLITE_OK : SQLITE_CORRUPT;
    }
    sqlite3_finalize(stmt);
    return rc == SQLITE_DONE ? 0 : err_set(e, EXIT_CODE_IO, "%s: damaged: table request", path);
}

int calls_read(struct calls *c, const char *path, struct err *e)
{
    struct results r;
    sqlite3 *db;

    *c = (struct calls){0};
    int rc = results_load(&r, path, e);
    c->warmup_ns = r.warmup_ns;
    c->t_end_ns = r.t_end_ns;
    if (rc == 0 && strcmp(r.log, "summary") == 0)
        rc = err_set(e, EXIT_CODE_FAILED,
                     "%s: its log level is summary, which keeps no requests: run with run.log=request", path);
    results_free(&r);
    if (rc != 0 || results_open(path, &db, e) != 0)
        return -1;
    rc = read_rows(c, db, path, e);
    sqlite3_close(db);
    return rc;
}

void calls_free(struct calls *c)
{
    free(c->at);
    *c = (struct calls){0};
}

int64_t calls_values(const struct calls *c, enum calls_of of, double *value)
{
    int64_t n = 0;

    for (int64_t i = 0; i < c->n; i++)
        if (!isnan(c->at[i].ms[of]))
            value[n++] = c->at[i].ms[of];
    return n;
}

/* ---- batch means ---- */

/* Around `whole`, from values of the batches. */
static void from_batches(struct calls_interval *out, double whole, const double *batch)
{
    out->of = interval_of(batch, INTERVAL_BATCHES, INTERVAL_CONFIDENCE);
    out->of.low += whole - out->of.mean;
    out->of.high += whole - out->of.mean;
    out->of.mean = whole;
    out->correlated = interval_correlated(batch, INTERVAL_BATCHES);
}

static struct calls_interval *begin(struct calls_interval *out, const char *stat, const char *of)
{
    *out = (struct calls_interval){.of = {0, NAN, NAN, NAN, NAN}};
    snprintf(out->metric, sizeof out->metric, "%s_%s_ms", stat, of);
    return out;
}

static void mean_of(struct calls_interval *out, const char *of, const double *x, int64_t n)
{
    double batch[INTERVAL_BATCHES], sum = 0;

    begin(out, "mean", of);
    for (int64_t i = 0; i < n; i++)
        sum += x[i];
    out->of.mean = n > 0 ? sum / (double)n : NAN;
    if (interval_batches(x, n, batch))
        from_batches(out, out->of.mean, batch);
}

static int by_value(const void *x, const void *y)
{
    double a = *(const double *)x, b = *(const double *)y;

    return (a > b) - (a < b);
}

/* copy: room for n. */
static void quantile_of(struct calls_interval *out, double p, const double *x, int64_t n, double *copy)
{
    double batch[INTERVAL_BATCHES];
    int64_t size = n / INTERVAL_BATCHES;

    if ((double)size * (1 - p) >= BEYOND_MIN) {
        memcpy(copy, x, (size_t)n * sizeof *x);
        for (int k = 0; k < INTERVAL_BATCHES; k++) {
            double *from = copy + n - (INTERVAL_BATCHES - k) * size;
            qsort(from, (size_t)size, sizeof *from, by_value);
            batch[k] = quantile_sorted(from, (size_t)size, p);
        }
    }
    memcpy(copy, x, (size_t)n * sizeof *x);
    qsort(copy, (size_t)n, sizeof *copy, by_value);
    out->of.mean = quantile_sorted(copy, (size_t)n, p);
    if ((double)size * (1 - p) >= BEYOND_MIN)
        from_batches(out, out->of.mean, batch);
}

/* Calls, or their tokens, that ended in equal parts of the time. */
static void throughput_of(struct calls_interval *out, const struct calls *c, bool tokens)
{
    double batch[INTERVAL_BATCHES] = {0}, span = (double)(c->t_end_ns - c->warmup_ns) * 1e-9, sum = 0;

    *out = (struct calls_interval){.of = {0, NAN, NAN, NAN, NAN}};
    snprintf(out->metric, sizeof out->metric, "%s_throughput", tokens ? "output" : "request");
    if (!(span > 0) || c->n < 2 * INTERVAL_BATCHES)
        return;
    for (int64_t i = 0; i < c->n; i++) {
        double at = (double)(c->at[i].t_end_ns - c->warmup_ns) * 1e-9 / span * INTERVAL_BATCHES;
        int k = at < INTERVAL_BATCHES ? (int)at : INTERVAL_BATCHES - 1;
        double what = (tokens ? (double)c->at[i].output_tokens : 1) / span;
        batch[k] += what * INTERVAL_BATCHES;
        sum += what;
    }
    from_batches(out, sum, batch);
}

void calls_intervals(const struct calls *c, struct calls_interval out[CALLS_INTERVALS])
{
    double *x = mem_zalloc(2 * (size_t)c->n + 1, sizeof *x);

    for (int of = 0; of < CALLS_OF; of++) {
        int64_t n = calls_values(c, (enum calls_of)of, x);
        mean_of(out++, calls_of_names[of], x, n);
        if (of == CALLS_QUEUE)
            continue;
        quantile_of(begin(out++, "median", calls_of_names[of]), 0.5, x, n, x + c->n);
        quantile_of(begin(out++, "p99", calls_of_names[of]), 0.99, x, n, x + c->n);
    }
    throughput_of(out++, c, false);
    throughput_of(out++, c, true);
    free(x);
}

/* ---- text and JSON ---- */

static void print_json(const struct calls_interval *in, FILE *out)
{
    struct json j = {.out = out};

    json_open(&j, NULL, '{');
    json_text(&j, "method", "batch means");
    json_int(&j, "batches", INTERVAL_BATCHES);
    json_real(&j, "confidence", INTERVAL_CONFIDENCE);
    json_open(&j, "metrics", '{');
    for (int i = 0; i < CALLS_INTERVALS; i++) {
        json_open(&j, in[i].metric, '{');
        json_real(&j, "value", in[i].of.mean);
        json_real(&j, "low", in[i].of.low);
        json_real(&j, "high", in[i].of.high);
        json_bool(&j, "correlated", in[i].correlated);
        json_close(&j, '}');
    }
    json_close(&j, '}');
    json_close(&j, '}');
}

void calls_intervals_print(const struct calls_interval in[CALLS_INTERVALS], bool json, FILE *out)
{
    bool correlated = false, few = false;

    if (json) {
        print_json(in, out);
        return;
    }
    fprintf(out, "%.0f %% intervals by batch means: %d batches of calls in the order of arrival\n",
            100 * INTERVAL_CONFIDENCE, INTERVAL_BATCHES);
    for (int i = 0; i < CALLS_INTERVALS; i++) {
        if (isnan(in[i].of.mean))
            continue;
        fprintf(out, "%-20s %14.3f ", in[i].metric, in[i].of.mean);
        if (isnan(in[i].of.low))
            fputs(" -\n", out);
        else
            fprintf(out, "%14.3f - %.3f (+- %.2f %%)%s\n", in[i].of.low, in[i].of.high,
                    100 * interval_relative(&in[i].of), in[i].correlated ? " correlated" : "");
        correlated |= in[i].correlated;
        few |= isnan(in[i].of.low);
    }
    if (correlated)
        fputs("correlated: batches are not independent, so the interval is too short: make the run longer, or use "
              "run --replications\n",
              out);
    if (few)
        fputs("-: too few calls\n", out);
}
