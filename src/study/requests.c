#include "study/requests.h"

#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <jansson.h>

#include "base/bug.h"
#include "report/quantile.h"
#include "scenario/scenario.h"
#include "study/catalogue.h"
#include "study/csv.h"

#define TOKENS_MAX  1e9
#define SECONDS_MAX 1e7 /* of a table: longer is taken for another unit */

/* ---- the table ---- */

enum column { C_INPUT, C_OUTPUT, C_ARRIVAL, C_FIRST, C_LAST, COLUMNS };

static const char *const columns[COLUMNS] = {"input_tokens", "output_tokens", "arrival_s", "first_token_s",
                                             "last_token_s"};

static bool tokens_of(const struct csv *t, size_t row, const int *at, enum column c, int64_t *out, struct diags *d)
{
    double value;

    if (!csv_number(t, row, at[c], &value, d))
        return false;
    *out = (int64_t)fmin(fmax(value, 0), TOKENS_MAX);
    if (value == (double)*out && value >= 1)
        return true;
    diags_add(d, csv_path(t), csv_line(t, row), "%s is not a whole number of tokens from 1", columns[c]);
    return false;
}

/* Seconds; an empty field of a token that never came: -1. */
static bool seconds_of(const struct csv *t, size_t row, const int *at, enum column c, double *out, struct diags *d)
{
    *out = -1;
    if (c != C_ARRIVAL && csv_empty(t, row, at[c]))
        return true;
    if (!csv_number(t, row, at[c], out, d))
        return false;
    if (fabs(*out) <= SECONDS_MAX)
        return true;
    diags_add(d, csv_path(t), csv_line(t, row), "%s is over %g seconds", columns[c], SECONDS_MAX);
    return false;
}

static void read_row(const struct csv *t, size_t row, const int *at, struct requests_row *out, struct diags *d)
{
    out->line = csv_line(t, row);
    if (tokens_of(t, row, at, C_INPUT, &out->input_tokens, d) &&
        tokens_of(t, row, at, C_OUTPUT, &out->output_tokens, d) &&
        seconds_of(t, row, at, C_ARRIVAL, &out->arrival_s, d) && seconds_of(t, row, at, C_FIRST, &out->first_s, d) &&
        seconds_of(t, row, at, C_LAST, &out->last_s, d) && out->last_s >= 0 &&
        (out->first_s < out->arrival_s || out->last_s < out->first_s))
        diags_add(d, csv_path(t), csv_line(t, row), "want arrival_s <= first_token_s <= last_token_s");
}

static int by_arrival(const void *x, const void *y)
{
    const struct requests_row *a = x, *b = y;

    return a->arrival_s != b->arrival_s ? (a->arrival_s > b->arrival_s) - (a->arrival_s < b->arrival_s)
                                        : (a->line > b->line) - (a->line < b->line);
}

/* Times from the first arrival on. */
static void sort_rows(struct requests *r)
{
    qsort(r->rows, r->n, sizeof *r->rows, by_arrival);
    double first = r->rows[0].arrival_s;
    for (size_t i = 0; i < r->n; i++) {
        bool ended = r->rows[i].last_s >= 0 && r->rows[i].first_s >= 0;
        r->rows[i].arrival_s -= first;
        r->rows[i].first_s = ended ? r->rows[i].first_s - first : -1;
        r->rows[i].last_s = ended ? r->rows[i].last_s - first : -1;
    }
}

bool requests_read(struct requests *r, const char *path, struct diags *d)
{
    size_t mistakes = d->n;
    int at[COLUMNS];

    *r = (struct requests){0};
    struct csv *t = csv_read(path, d);
    for (int c = 0; t && c < COLUMNS; c++)
        at[c] = csv_need(t, columns[c], d);
    if (t && csv_rows(t) == 0)
        diags_add(d, path, 1, "no requests");
    if (d->n == mistakes) {
        r->n = csv_rows(t);
        r->rows = mem_zalloc(r->n, sizeof *r->rows);
        for (size_t i = 0; i < r->n; i++)
            read_row(t, i, at, &r->rows[i], d);
        sort_rows(r);
    }
    csv_free(t);
    return d->n == mistakes;
}

void requests_free(struct requests *r)
{
    free(r->rows);
    *r = (struct requests){0};
}

/* ---- the server ---- */

struct meta {
    const char *path;
    json_t *top, *arguments; /* arguments: engine_kwargs, or NULL */
    struct arena *arena;
    struct diags *d;
};

static const json_t *find(const struct meta *m, const char *key)
{
    const json_t *value = json_object_get(m->arguments, key);

    if (value == NULL)
        value = json_object_get(m->top, key);
    return json_is_null(value) ? NULL : value;
}

/* "" where there is none. */
static const char *text(const struct meta *m, const char *key)
{
    const json_t *value = find(m, key);

    if (value == NULL)
        return "";
    if (json_is_string(value))
        return arena_strdup(m->arena, json_string_value(value));
    diags_add(m->d, m->path, 0, "%s is no text", key);
    return "";
}

static int64_t count(const struct meta *m, const char *key, int64_t deflt)
{
    const json_t *value = find(m, key);

    if (value == NULL)
        return deflt;
    if (json_is_integer(value) && json_integer_value(value) >= 1 && json_integer_value(value) <= 1000000)
        return json_integer_value(value);
    diags_add(m->d, m->path, 0, "%s is not a whole number from 1 to 1000000", key);
    return deflt;
}

static const char *name_of(const struct meta *m, const char *key, const char *folder,
                           const char *(*preset)(const char *, struct arena *))
{
    const char *name = text(m, key), *found = *name ? preset(name, m->arena) : NULL;

    if (*name == '\0')
        diags_add(m->d, m->path, 0, "no \"%s\"", key);
    else if (found == NULL)
        diags_add(m->d, m->path, 0, "%s \"%s\" is not in data/%s (known: %s)", key, name, folder,
                  catalogue_list(folder, m->arena));
    return found ? found : "";
}

static bool has_experts(const struct meta *m, const char *model)
{
    struct model_options options;

    return *model && scenario_load_model(model, &options, m->arena, m->d) && options.experts > 0;
}

static void set(struct requests_setup *s, const struct meta *m, const char *key, int64_t value)
{
    if (value > 0)
        s->sets[s->n_sets++] = arena_printf(m->arena, "%s=%" PRId64, key, value);
}

static void set_kv_dtype(struct requests_setup *s, const struct meta *m)
{
    const char *dtype = text(m, "kv_cache_dtype");

    if (strncmp(dtype, "fp8", 3) == 0)
        s->sets[s->n_sets++] = arena_strdup(m->arena, "replica.kv_dtype=fp8");
    else if (*dtype && strcmp(dtype, "auto") != 0 && strcmp(dtype, "bfloat16") != 0)
        diags_add(m->d, m->path, 0, "kv_cache_dtype \"%s\" is not modelled (want auto, bfloat16 or fp8)", dtype);
}

static void setup(struct requests_setup *s, const struct meta *m)
{
    struct silicon_config *c = &s->config;
    const char *quantised = text(m, "quantization");
    int64_t ranks = count(m, "data_parallel_size", 1);

    *c = (struct silicon_config){
        .proto = "",
        .engine = text(m, "engine"),
        .engine_version = text(m, "engine_version"),
        .gemm_quant = "",
        .moe_quant = "",
        .model = name_of(m, "model", "models", catalogue_model),
        .system = name_of(m, "gpu", "gpus", catalogue_gpu),
        .precision = *quantised ? quantised : text(m, "dtype"),
        .isl = 1,
        .osl = 1,
        .tp = count(m, "tensor_parallel_size", 1),
        .pp = count(m, "pipeline_parallel_size", 1),
        .dp = 1,
    };
    c->concurrency = count(m, "max_num_seqs", 1);
    if (*c->engine == '\0')
        diags_add(m->d, m->path, 0, "no \"engine\" (want e.g. vllm)");
    if (strcmp(c->precision, "auto") == 0)
        c->precision = "bf16";
    c->gpus = ranks * c->tp * c->pp;
    if (ranks > 1 && has_experts(m, c->model)) {
        bool spread = json_is_true(find(m, "enable_expert_parallel"));
        c->dp = ranks;
        c->moe_ep = spread ? ranks * c->tp : 1;
        c->moe_tp = spread ? 1 : ranks * c->tp;
    }
    c->id = m->path;
    set(s, m, "scheduler.max_num_seqs", count(m, "max_num_seqs", 0));
    set(s, m, "scheduler.max_num_batched_tokens", count(m, "max_num_batched_tokens", 0));
    set_kv_dtype(s, m);
}

/* TABLE.requests.csv has TABLE.meta.json. */
static const char *meta_beside(const char *table, struct arena *a)
{
    static const char end[] = ".requests.csv";
    size_t n = strlen(table), cut = strlen(end);

    if (n < cut || strcmp(table + n - cut, end) != 0)
        return NULL;
    return arena_printf(a, "%.*s.meta.json", (int)(n - cut), table);
}

bool requests_setup_read(struct requests_setup *s, const char *meta, const char *table, struct arena *a,
                         struct diags *d)
{
    struct meta m = {.path = meta ? meta : meta_beside(table, a), .arena = a, .d = d};
    size_t mistakes = d->n;
    json_error_t e;

    *s = (struct requests_setup){.n_sets = 0};
    if (m.path == NULL) {
        diags_add(d, table, 0, "which server? (--meta FILE.json; without it, TABLE.requests.csv has TABLE.meta.json)");
        return false;
    }
    m.top = json_load_file(m.path, JSON_REJECT_DUPLICATES, &e);
    m.arguments = json_object_get(m.top, "engine_kwargs");
    if (m.top == NULL)
        diags_add(d, m.path, e.line > 0 ? e.line : 0, "%s", e.text);
    else
        setup(s, &m);
    json_decref(m.top);
    return d->n == mistakes;
}

/* ---- the run ---- */

enum { TICKS_PER_S = 10000000 };

/* The rows as a trace that lives in memory: a path for the workload's reader while fd is open. -1: no memory file. */
static int trace_of(const struct requests *r)
{
    int fd = memfd_create("tiersim-requests", MFD_CLOEXEC);
    FILE *f = fd < 0 ? NULL : fdopen(dup(fd), "w");

    if (f == NULL) {
        if (fd >= 0)
            close(fd);
        return -1;
    }
    fputs("TIMESTAMP,ContextTokens,GeneratedTokens\n", f);
    for (size_t i = 0; i < r->n; i++) {
        int64_t ticks = llround(r->rows[i].arrival_s * TICKS_PER_S), s = ticks / TICKS_PER_S, day = s / 86400;
        static const int month_days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
        int month = 0;
        while (day >= month_days[month]) /* ends: SECONDS_MAX, to both sides of 0, is less than a year */
            day -= month_days[month++];
        fprintf(f,
                "2001-%02d-%02" PRId64 " %02" PRId64 ":%02" PRId64 ":%02" PRId64 ".%07" PRId64 ",%" PRId64 ",%" PRId64
                "\n",
                month + 1, day + 1, s / 3600 % 24, s / 60 % 60, s % 60, ticks % TICKS_PER_S, r->rows[i].input_tokens,
                r->rows[i].output_tokens);
    }
    if (fclose(f) == 0)
        return fd;
    close(fd);
    return -1;
}

struct watch {
    struct sink sink;
    struct requests_row *rows;
    size_t n;
};

static int consume(struct sink *s, const struct trace_unit *u, struct err *e)
{
    struct watch *w = (struct watch *)s;
    const struct ev_request *r = (const struct ev_request *)u->rec[EV_REQUEST];

    (void)e;
    for (uint32_t i = 0; i < u->n[EV_REQUEST]; i++, r++)
        if (r->status == REQUEST_COMPLETED) {
            sim_assert(r->id >= 0 && (size_t)r->id < w->n);
            struct requests_row *row = &w->rows[r->id];
            row->arrival_s = (double)r->t_arrive_ns * 1e-9;
            row->first_s = (double)r->t_first_ns * 1e-9;
            row->last_s = (double)r->t_end_ns * 1e-9;
        }
    return 0;
}

static const struct sink_ops watch_ops = {"requests", consume};

static bool run(const struct predict_case *c, struct watch *w, struct requests_report *report, struct diags *d)
{
    struct predict_result result;

    predict_watch(c, NULL, &w->sink, &result);
    if (!result.ok) {
        diags_add(d, NULL, 0, "the run failed: %s", result.why_not);
        return false;
    }
    report->completed = result.completed;
    report->preemptions = result.preemptions;
    report->extrapolated = c->sc.layout.engine.extrapolated || c->sc.layout.gpu.extrapolated;
    return true;
}

bool requests_replay(const struct requests *r, const struct requests_setup *s, const struct build *b, char *const *sets,
                     size_t n_sets, struct requests_row *simulated, struct requests_report *report, struct arena *a,
                     struct diags *d)
{
    struct watch watch = {{&watch_ops}, simulated, r->n};
    struct predict_case c = {.ready = false};
    char why[PREDICT_WHY_BYTES], **all = arena_alloc(a, (s->n_sets + n_sets + 1) * sizeof *all);
    char *server = build_server(b, &s->config, why, sizeof why);
    int fd = trace_of(r);
    bool ok = false;

    for (size_t i = 0; i < r->n; i++) {
        simulated[i] = r->rows[i];
        simulated[i].first_s = simulated[i].last_s = -1;
    }
    memcpy(all, s->sets, s->n_sets * sizeof *all);
    memcpy(all + s->n_sets, sets, n_sets * sizeof *all);
    if (server == NULL)
        diags_add(d, s->config.id, 0, "no scenario: %s", why);
    else if (fd < 0)
        diags_add(d, NULL, 0, "the system gives no memory file for the arrivals");
    else if (!predict_prepare(&c, s->config.id,
                              arena_printf(a,
                                           "%s\n[workload]\narrivals = trace\ntrace = /proc/self/fd/%d\n\n[class all]\n"
                                           "input = trace\noutput = trace\n",
                                           server, fd),
                              all, s->n_sets + n_sets))
        diags_add(d, s->config.id, 0, "no scenario: %s", c.why_not);
    else
        ok = run(&c, &watch, report, d);
    report->engine = ok ? arena_strdup(a, c.sc.layout.engine.name) : "";
    predict_release(&c);
    if (fd >= 0)
        close(fd);
    free(server);
    return ok;
}

/* ---- comparison ---- */

/* NaN where the request has none. */
static double value_of(const struct requests_row *r, enum requests_of of)
{
    if (r->last_s < 0 || (of == REQUESTS_TPOT && r->output_tokens < 2))
        return NAN;
    switch (of) {
    case REQUESTS_TTFT:
        return 1e3 * (r->first_s - r->arrival_s);
    case REQUESTS_TPOT:
        return 1e3 * (r->last_s - r->first_s) / (double)(r->output_tokens - 1);
    default:
        return 1e3 * (r->last_s - r->arrival_s);
    }
}

static int by_value(const void *x, const void *y)
{
    const double *a = x, *b = y;

    return (*a > *b) - (*a < *b);
}

static double *sorted(const struct requests_row *rows, size_t n, enum requests_of of, size_t *kept)
{
    double *x = mem_alloc((n + 1) * sizeof *x);

    *kept = 0;
    for (size_t i = 0; i < n; i++)
        if (!isnan(x[*kept] = value_of(&rows[i], of)))
            (*kept)++;
    qsort(x, *kept, sizeof *x, by_value);
    return x;
}

double requests_wasserstein(const double *x, size_t n, const double *y, size_t m)
{
    double area = 0, at = 0;
    size_t i = 0, j = 0;

    while (i < n && j < m) { /* both quantile functions are steps; to the nearer end of a step */
        double x_end = (double)(i + 1) / (double)n, y_end = (double)(j + 1) / (double)m, end = fmin(x_end, y_end);
        area += (end - at) * fabs(x[i] - y[j]);
        at = end;
        i += x_end <= end;
        j += y_end <= end;
    }
    return n && m ? area : NAN;
}

static double each_error(const struct requests *r, const struct requests_row *simulated, enum requests_of of)
{
    double *x = mem_alloc(r->n * sizeof *x), median;
    size_t n = 0;

    for (size_t i = 0; i < r->n; i++) {
        double error = value_of(&simulated[i], of) / value_of(&r->rows[i], of) - 1;
        if (isfinite(error))
            x[n++] = 100 * fabs(error);
    }
    qsort(x, n, sizeof *x, by_value);
    median = quantile_sorted(x, n, 0.5);
    free(x);
    return median;
}

static double tokens_per_s(const struct requests_row *rows, size_t n)
{
    double tokens = 0, end = 0;

    for (size_t i = 0; i < n; i++)
        if (rows[i].last_s >= 0) {
            tokens += (double)rows[i].output_tokens;
            end = fmax(end, rows[i].last_s);
        }
    return end > 0 ? tokens / end : NAN;
}

void requests_compare(const struct requests *r, const struct requests_row *simulated, struct requests_report *report)
{
    report->n = (int64_t)r->n;
    report->measured_tokens_s = tokens_per_s(r->rows, r->n);
    report->simulated_tokens_s = tokens_per_s(simulated, r->n);
    for (enum requests_of of = 0; of < REQUESTS_OF; of++) {
        struct requests_sample *s = &report->of[of];
        s->measured = sorted(r->rows, r->n, of, &s->n_measured);
        s->simulated = sorted(simulated, r->n, of, &s->n_simulated);
        s->w1_ms = requests_wasserstein(s->measured, s->n_measured, s->simulated, s->n_simulated);
        s->each_error = each_error(r, simulated, of);
    }
}

void requests_report_free(struct requests_report *report)
{
    for (enum requests_of of = 0; of < REQUESTS_OF; of++) {
        free(report->of[of].measured);
        free(report->of[of].simulated);
    }
}
