#include "study/errors.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "report/quantile.h"
#include "study/build.h"

const char *const errors_set_names[ERRORS_SETS] = {"headline", "saturated", "secondary"};
const char *const errors_set_help[ERRORS_SETS] = {
    "InferenceX runs without a flag", "requests wait longer than they run: a test of KV capacity",
    "other protocols (lengths and requests partly unknown), and rows with a flag"};
const char *const errors_by_names[ERRORS_BYS] = {"all",       "model", "gpu",        "engine", "engine_version",
                                                 "precision", "mode",  "concurrency"};

enum errors_set errors_set_of(const struct silicon_row *row)
{
    if (silicon_has_flag(row, "queue_saturated"))
        return ERRORS_SATURATED;
    return strcmp(row->config.proto, "ix10c") == 0 && *row->flag == '\0' ? ERRORS_HEADLINE : ERRORS_SECONDARY;
}

const char *errors_band(int64_t concurrency)
{
    return concurrency <= 8 ? "1-8" : concurrency <= 32 ? "9-32" : concurrency <= 128 ? "33-128" : ">128";
}

static void fill_interval(struct errors_row *r, enum errors_of of, double low, double high)
{
    bool stated = r->built && low > 0 && high > 0;

    r->low[of] = stated ? r->predicted[of] * low : NAN;
    r->high[of] = stated ? r->predicted[of] * high : NAN;
}

void errors_fill(struct errors_row *out, const struct silicon_row *row, const struct predict_result *result,
                 const struct scenario *sc, const char *why_not)
{
    *out =
        (struct errors_row){.row = row, .set = errors_set_of(row), .why_not = why_not, .built = result && result->ok};
    build_gpu(row->config.system, out->gpu, sizeof out->gpu);
    if (result && !result->ok)
        out->why_not = result->why_not;
    out->predicted[ERRORS_TTFT] = out->built ? result->ttft_ms : NAN;
    out->predicted[ERRORS_TPOT] = out->built ? result->tpot_ms : NAN;
    out->measured[ERRORS_TTFT] = row->ttft_ms;
    out->measured[ERRORS_TPOT] = row->tpot_ms;
    const struct engine_options none = {0}, *e = sc ? &sc->layout.engine : &none;
    fill_interval(out, ERRORS_TTFT, e->ttft_low, e->ttft_high);
    fill_interval(out, ERRORS_TPOT, e->tpot_low, e->tpot_high);
    out->extrapolated = sc && (e->extrapolated || sc->layout.gpu.extrapolated);
}

double errors_percent(const struct errors_row *r, enum errors_of of)
{
    return 100 * (r->predicted[of] / r->measured[of] - 1);
}

/* ---- slices ---- */

static const char *value_of(const struct errors_row *r, enum errors_by by)
{
    const struct silicon_config *c = &r->row->config;
    const char *v = by == ERRORS_ALL         ? "all"
                    : by == ERRORS_MODEL     ? c->model
                    : by == ERRORS_GPU       ? r->gpu
                    : by == ERRORS_ENGINE    ? c->engine
                    : by == ERRORS_PRECISION ? c->precision
                    : by == ERRORS_MODE      ? r->row->mode
                                             : errors_band(c->concurrency);

    return *v ? v : "(none)";
}

/* A version means little without its engine. */
static void name_slice(const struct errors_row *r, enum errors_by by, char *out, size_t size)
{
    const struct silicon_config *c = &r->row->config;

    if (by == ERRORS_VERSION)
        snprintf(out, size, "%.20s %.40s", c->engine, *c->engine_version ? c->engine_version : "(not recorded)");
    else
        snprintf(out, size, "%.60s", value_of(r, by));
}

static int compare(const void *x, const void *y)
{
    const double *a = x, *b = y;

    return (*a > *b) - (*a < *b);
}

static double median_of(double *x, int64_t n)
{
    qsort(x, (size_t)n, sizeof *x, compare);
    return quantile_sorted(x, (size_t)n, 0.5);
}

/* Of the rows at[0..n). */
static struct errors_stats stats_of(const struct errors_row *const *at, int64_t n, enum errors_of of)
{
    double *error = mem_alloc((size_t)n * sizeof *error), *size = mem_alloc((size_t)n * sizeof *size), sum = 0;
    struct errors_stats s = {0};

    for (int64_t i = 0; i < n; i++) {
        double e = errors_percent(at[i], of);
        if (isnan(e))
            continue;
        error[s.n] = e;
        size[s.n++] = fabs(e);
        sum += fabs(e);
        if (isnan(at[i]->low[of]))
            continue;
        s.n_interval++;
        s.inside += at[i]->measured[of] >= at[i]->low[of] && at[i]->measured[of] <= at[i]->high[of];
    }
    s.bias = median_of(error, s.n);
    s.median = median_of(size, s.n);
    s.p90 = quantile_sorted(size, (size_t)s.n, 0.9);
    s.mean = s.n ? sum / (double)s.n : NAN;
    free(error);
    free(size);
    return s;
}

static int band_rank(const char *band)
{
    return *band == '>' ? 1000 : atoi(band);
}

static int by_kind_and_name(const void *x, const void *y)
{
    const struct errors_slice *a = x, *b = y;

    if (a->by != b->by)
        return (a->by > b->by) - (a->by < b->by);
    return a->by == ERRORS_CONCURRENCY ? band_rank(a->value) - band_rank(b->value) : strcmp(a->value, b->value);
}

static struct errors_slice *find(struct errors *e, enum errors_by by, const char *value)
{
    for (int64_t i = 0; i < e->n; i++)
        if (e->slices[i].by == by && strcmp(e->slices[i].value, value) == 0)
            return &e->slices[i];
    return NULL;
}

static void add_slices(struct errors *e, const struct errors_row *const *at, int64_t n)
{
    char value[sizeof e->slices->value];

    for (int64_t i = 0; i < n; i++)
        for (enum errors_by by = 0; by < ERRORS_BYS; by++) {
            name_slice(at[i], by, value, sizeof value);
            if (find(e, by, value))
                continue;
            e->slices = mem_realloc(e->slices, (size_t)(e->n + 1) * sizeof *e->slices);
            e->slices[e->n] = (struct errors_slice){.by = by};
            memcpy(e->slices[e->n++].value, value, sizeof value);
        }
}

static void fill_slice(struct errors_slice *s, const struct errors_row *const *at, int64_t n)
{
    const struct errors_row **in = mem_alloc((size_t)n * sizeof *in);
    char value[sizeof s->value];

    for (int64_t i = 0; i < n; i++) {
        name_slice(at[i], s->by, value, sizeof value);
        if (strcmp(value, s->value) == 0)
            in[s->rows++] = at[i];
    }
    for (enum errors_of of = 0; of < ERRORS_OF; of++)
        s->of[of] = stats_of(in, s->rows, of);
    free(in);
}

/* ---- (model, GPU) groups ---- */

static int by_group(const void *x, const void *y)
{
    const struct errors_row *a = *(const struct errors_row *const *)x, *b = *(const struct errors_row *const *)y;
    int model = strcmp(a->row->config.model, b->row->config.model), gpu = strcmp(a->gpu, b->gpu);

    return model ? model : gpu ? gpu : (a->row > b->row) - (a->row < b->row);
}

static bool same_group(const struct errors_row *a, const struct errors_row *b)
{
    return strcmp(a->row->config.model, b->row->config.model) == 0 && strcmp(a->gpu, b->gpu) == 0;
}

static void fill_groups(struct errors *e, const struct errors_row **at, int64_t n)
{
    double *medians[ERRORS_OF];
    int64_t n_medians[ERRORS_OF] = {0};

    for (int of = 0; of < ERRORS_OF; of++)
        medians[of] = mem_alloc((size_t)n * sizeof(double));
    qsort(at, (size_t)n, sizeof *at, by_group);
    for (int64_t from = 0, to; from < n; from = to) {
        for (to = from + 1; to < n && same_group(at[from], at[to]); to++)
            continue;
        for (enum errors_of of = 0; of < ERRORS_OF; of++) {
            struct errors_stats s = stats_of(at + from, to - from, of);
            if (s.n)
                medians[of][n_medians[of]++] = s.median;
        }
    }
    e->n_groups = n_medians[ERRORS_TPOT];
    for (int of = 0; of < ERRORS_OF; of++) {
        e->group_median[of] = median_of(medians[of], n_medians[of]);
        free(medians[of]);
    }
}

struct errors errors_make(const struct errors_row *rows, int64_t n, enum errors_set set)
{
    const struct errors_row **at = mem_alloc((size_t)n * sizeof *at);
    struct errors e = {0};

    for (int64_t i = 0; i < n; i++)
        if (rows[i].built && rows[i].set == set)
            at[e.rows++] = &rows[i];
    add_slices(&e, at, e.rows);
    if (e.n)
        qsort(e.slices, (size_t)e.n, sizeof *e.slices, by_kind_and_name);
    for (int64_t i = 0; i < e.n; i++)
        fill_slice(&e.slices[i], at, e.rows);
    fill_groups(&e, at, e.rows);
    free(at);
    return e;
}

void errors_free(struct errors *e)
{
    free(e->slices);
    *e = (struct errors){0};
}

/* ---- what was not built ---- */

static int most_first(const void *x, const void *y)
{
    const struct errors_reason *a = x, *b = y;

    return a->n != b->n ? (a->n < b->n) - (a->n > b->n) : strcmp(a->why, b->why);
}

int64_t errors_reasons(const struct errors_row *rows, int64_t n, struct errors_reason **out)
{
    struct errors_reason *r = mem_alloc((size_t)n * sizeof *r);
    int64_t n_reasons = 0, k;

    for (int64_t i = 0; i < n; i++) {
        if (rows[i].built)
            continue;
        for (k = 0; k < n_reasons && strcmp(r[k].why, rows[i].why_not) != 0; k++)
            continue;
        if (k == n_reasons)
            r[n_reasons++] = (struct errors_reason){rows[i].why_not, 0};
        r[k].n++;
    }
    qsort(r, (size_t)n_reasons, sizeof *r, most_first);
    *out = r;
    return n_reasons;
}

/* ---- text ---- */

static void print_number(FILE *out, double x)
{
    if (isnan(x))
        fprintf(out, " %7s", "-");
    else
        fprintf(out, " %7.1f", x);
}

static void print_stats(FILE *out, const struct errors_stats *s)
{
    fprintf(out, " %5" PRId64, s->n);
    print_number(out, s->median);
    print_number(out, s->mean);
    print_number(out, s->p90);
    print_number(out, s->bias);
    if (s->n_interval)
        fprintf(out, " %6.0f%%", 100 * (double)s->inside / (double)s->n_interval);
    else
        fprintf(out, " %7s", "-");
}

static void print_set(const struct errors_row *rows, int64_t n, enum errors_set set, FILE *out)
{
    struct errors e = errors_make(rows, n, set);

    if (e.rows) {
        fprintf(out, "\n%s: %" PRId64 " rows (%s)\n", errors_set_names[set], e.rows, errors_set_help[set]);
        fprintf(out, "  %-40s|%-47s|%s\n", "", " TTFT error, %", " TPOT error, %");
        fprintf(out, "  %-40s|%6s %7s %7s %7s %7s %7s |%6s %7s %7s %7s %7s %7s\n", "", "n", "median", "mean", "p90",
                "bias", "in 90%", "n", "median", "mean", "p90", "bias", "in 90%");
    }
    for (int64_t i = 0; i < e.n; i++) {
        const struct errors_slice *s = &e.slices[i];
        if (set != ERRORS_HEADLINE && s->by > ERRORS_ENGINE)
            break;
        fprintf(out, "  %-14s %-25.25s|", i && s->by == e.slices[i - 1].by ? "" : errors_by_names[s->by],
                s->by == ERRORS_ALL ? "" : s->value);
        print_stats(out, &s->of[ERRORS_TTFT]);
        fprintf(out, " |");
        print_stats(out, &s->of[ERRORS_TPOT]);
        fputc('\n', out);
    }
    if (e.n_groups)
        fprintf(out, "  median of %" PRId64 " (model, GPU) groups' medians: TTFT %.1f%%, TPOT %.1f%%\n", e.n_groups,
                e.group_median[ERRORS_TTFT], e.group_median[ERRORS_TPOT]);
    errors_free(&e);
}

void errors_print(const struct errors_row *rows, int64_t n, FILE *out)
{
    struct errors_reason *reasons;
    int64_t n_reasons = errors_reasons(rows, n, &reasons), not_built = 0, extrapolated = 0;

    for (int64_t i = 0; i < n; i++) {
        not_built += !rows[i].built;
        extrapolated += rows[i].built && rows[i].extrapolated;
    }
    fprintf(out, "%" PRId64 " rows: %" PRId64 " simulated, %" PRId64 " not\n", n, n - not_built, not_built);
    for (int64_t i = 0; i < n_reasons; i++)
        fprintf(out, "  %5" PRId64 "  %s\n", reasons[i].n, reasons[i].why);
    if (extrapolated)
        fprintf(out, "%" PRId64 " of the simulated with figures of another generation of GPUs (extrapolated)\n",
                extrapolated);
    for (enum errors_set set = 0; set < ERRORS_SETS; set++)
        print_set(rows, n, set, out);
    free(reasons);
}

/* ---- JSON ---- */

static void json_stats(struct json *j, const char *key, const struct errors_stats *s)
{
    json_open(j, key, '{');
    json_int(j, "n", s->n);
    json_real(j, "median", s->median);
    json_real(j, "mean", s->mean);
    json_real(j, "p90", s->p90);
    json_real(j, "bias", s->bias);
    json_int(j, "n_interval", s->n_interval);
    json_real(j, "inside", s->n_interval ? (double)s->inside / (double)s->n_interval : NAN);
    json_close(j, '}');
}

static void json_set(struct json *j, const struct errors_row *rows, int64_t n, enum errors_set set)
{
    struct errors e = errors_make(rows, n, set);

    json_open(j, errors_set_names[set], '{');
    json_int(j, "rows", e.rows);
    json_int(j, "groups", e.n_groups);
    json_real(j, "group_median_ttft", e.group_median[ERRORS_TTFT]);
    json_real(j, "group_median_tpot", e.group_median[ERRORS_TPOT]);
    json_open(j, "slices", '[');
    for (int64_t i = 0; i < e.n; i++) {
        json_open(j, NULL, '{');
        json_text(j, "by", errors_by_names[e.slices[i].by]);
        json_text(j, "value", e.slices[i].value);
        json_int(j, "rows", e.slices[i].rows);
        json_stats(j, "ttft", &e.slices[i].of[ERRORS_TTFT]);
        json_stats(j, "tpot", &e.slices[i].of[ERRORS_TPOT]);
        json_close(j, '}');
    }
    json_close(j, ']');
    json_close(j, '}');
    errors_free(&e);
}

static void json_row(struct json *j, const struct errors_row *r)
{
    json_open(j, NULL, '{');
    json_text(j, "id", r->row->config.id);
    json_bool(j, "built", r->built);
    json_text(j, "reason", r->built ? NULL : r->why_not);
    json_text(j, "set", errors_set_names[r->set]);
    json_bool(j, "extrapolated", r->extrapolated);
    json_real(j, "ttft_ms", r->predicted[ERRORS_TTFT]);
    json_real(j, "tpot_ms", r->predicted[ERRORS_TPOT]);
    json_real(j, "ttft_low", r->low[ERRORS_TTFT]);
    json_real(j, "ttft_high", r->high[ERRORS_TTFT]);
    json_real(j, "tpot_low", r->low[ERRORS_TPOT]);
    json_real(j, "tpot_high", r->high[ERRORS_TPOT]);
    json_real(j, "measured_ttft_ms", r->measured[ERRORS_TTFT]);
    json_real(j, "measured_tpot_ms", r->measured[ERRORS_TPOT]);
    json_close(j, '}');
}

void errors_json(const struct errors_row *rows, int64_t n, FILE *out)
{
    struct json j = {.out = out};
    struct errors_reason *reasons;
    int64_t n_reasons = errors_reasons(rows, n, &reasons), not_built = 0;

    json_open(&j, NULL, '{');
    json_open(&j, "rows", '[');
    for (int64_t i = 0; i < n; i++) {
        json_row(&j, &rows[i]);
        not_built += !rows[i].built;
    }
    json_close(&j, ']');
    json_open(&j, "summary", '{');
    json_int(&j, "rows", n);
    json_int(&j, "built", n - not_built);
    for (enum errors_set set = 0; set < ERRORS_SETS; set++)
        json_set(&j, rows, n, set);
    json_close(&j, '}');
    json_open(&j, "not_built", '{');
    for (int64_t i = 0; i < n_reasons; i++)
        json_int(&j, reasons[i].why, reasons[i].n);
    json_close(&j, '}');
    json_close(&j, '}');
    free(reasons);
}
