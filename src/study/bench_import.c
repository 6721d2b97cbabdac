/* JSON by jansson: the field's C library for it, packaged everywhere, and it reads several objects from one stream. */
#include "study/bench_import.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <jansson.h>

#include "base/bug.h"
#include "base/units.h"
#include "study/catalogue.h"

#define TOKENS_MAX 1e9
#define SERVED     0.9 /* of a request rate: less means that something else limited the load */

enum { LINE_MAX_BYTES = 4096, FIELDS_MAX = 64 };

void import_init(struct import *im)
{
    *im = (struct import){.n = 0};
    arena_init(&im->arena);
}

void import_free(struct import *im)
{
    for (size_t i = 0; i < im->n_tables; i++)
        silicon_free(&im->tables[i]);
    free(im->tables);
    free(im->rows);
    arena_free(&im->arena);
}

static struct import_row *add_row(struct import *im)
{
    im->rows = mem_realloc(im->rows, (im->n + 1) * sizeof *im->rows);
    im->rows[im->n] = (struct import_row){.table = false};
    return &im->rows[im->n++];
}

/* ---- one run, whatever file tells of it ---- */

struct run { /* NaN, 0, NULL: not told */
    const char *model, *engine;
    double isl, osl, isl_sd, osl_sd, ttft_ms, tpot_ms;
    double rate, served; /* asked for (INFINITY: no limit) and had, 1/s */
    int64_t concurrency, requests;
};

struct reader {
    struct import *im;
    const char *path;
    const struct import_given *given;
    struct diags *d;
};

static const char *precision_of(const char *model)
{
    static const struct {
        const char *word, *precision;
    } words[] = {{"fp8", "fp8"},   {"nvfp4", "fp4"}, {"mxfp4", "fp4"}, {"fp4", "fp4"},
                 {"int4", "int4"}, {"awq", "int4"},  {"gptq", "int4"}, {"w4a16", "int4"}};

    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcasestr(model, words[i].word))
            return words[i].precision;
    return "bf16";
}

static const char *model_of(const struct reader *r, const struct run *x)
{
    const char *name = r->given->model ? r->given->model : x->model,
               *found = name ? catalogue_model(name, &r->im->arena) : NULL;

    if (name == NULL)
        diags_add(r->d, r->path, 0, "does not tell the model (give it: --model NAME; known: %s)",
                  catalogue_list("models", &r->im->arena));
    else if (found == NULL)
        diags_add(r->d, r->path, 0,
                  "model \"%s\" is not in data/models (give the one it is built like: --model NAME; "
                  "known: %s)",
                  name, catalogue_list("models", &r->im->arena));
    return found ? found : "";
}

static const char *gpu_of(const struct reader *r)
{
    const char *found = r->given->gpu ? catalogue_gpu(r->given->gpu, &r->im->arena) : NULL;

    if (found == NULL)
        diags_add(r->d, r->path, 0, "%s%s%s (give it: --gpu NAME; known: %s)",
                  r->given->gpu ? "GPU \"" : "does not tell the GPU", r->given->gpu ? r->given->gpu : "",
                  r->given->gpu ? "\" is not in data/gpus" : "", catalogue_list("gpus", &r->im->arena));
    return found ? found : "";
}

static int64_t given_concurrency(const struct reader *r)
{
    const struct import_given *g = r->given;

    if (g->n_concurrency <= 1)
        return g->concurrency[0];
    if (r->im->runs < g->n_concurrency)
        return g->concurrency[r->im->runs];
    diags_add(r->d, r->path, 0, "--concurrency has %zu numbers, there are more runs", g->n_concurrency);
    return 1;
}

static int64_t tokens(const struct reader *r, int64_t given, double told, const char *option)
{
    if (given > 0)
        return given;
    if (told >= 0.5 && told <= TOKENS_MAX)
        return (int64_t)(told + 0.5);
    diags_add(r->d, r->path, 0, "does not tell the mean length (give it: %s TOKENS)", option);
    return 1;
}

/* How the load came: sets concurrency or rate. */
static void set_load(const struct reader *r, const struct run *x, struct import_row *row)
{
    struct silicon_config *c = &row->row.config;

    c->concurrency = given_concurrency(r);
    if (c->concurrency == 0 && isfinite(x->rate) && x->rate > 0 &&
        (x->concurrency == 0 || x->served >= SERVED * x->rate))
        row->rate = x->rate;
    if (c->concurrency == 0)
        c->concurrency = x->concurrency > 0 ? x->concurrency : x->requests;
    row->requests = x->requests > 0 ? x->requests : 10 * c->concurrency;
    if (c->concurrency == 0)
        diags_add(r->d, r->path, 0, "does not tell the load (give it: --concurrency N)");
}

static const char *either(const char *given, const char *told)
{
    return given ? given : told;
}

static int64_t or_one(int64_t given)
{
    return given > 0 ? given : 1;
}

static void take_run(struct reader *r, const struct run *x)
{
    const struct import_given *g = r->given;
    const char *engine = either(g->engine, x->engine);
    struct import_row *row = add_row(r->im);
    struct arena *a = &r->im->arena;

    row->row =
        (struct silicon_row){.mode = "agg",
                             .flag = "",
                             .ttft_ms = x->ttft_ms > 0 ? x->ttft_ms : NAN,
                             .tpot_ms = x->tpot_ms > 0 ? x->tpot_ms : NAN,
                             .config = {.id = arena_printf(a, "%s#%zu", r->path, r->im->runs + 1),
                                        .proto = "",
                                        .engine = engine ? engine : "",
                                        .engine_version = g->engine_version ? g->engine_version : "",
                                        .model = model_of(r, x),
                                        .system = gpu_of(r),
                                        .precision = either(g->precision, precision_of(x->model ? x->model : "")),
                                        .gemm_quant = "",
                                        .moe_quant = "",
                                        .isl = tokens(r, g->isl, x->isl, "--isl"),
                                        .osl = tokens(r, g->osl, x->osl, "--osl"),
                                        .gpus = g->gpus,
                                        .tp = or_one(g->tp),
                                        .dp = or_one(g->dp),
                                        .pp = or_one(g->pp),
                                        .moe_tp = g->moe_tp,
                                        .moe_ep = g->moe_ep}};
    row->isl_sd = g->isl || isnan(x->isl_sd) ? 0 : x->isl_sd;
    row->osl_sd = g->osl || isnan(x->osl_sd) ? 0 : x->osl_sd;
    if (engine == NULL)
        diags_add(r->d, r->path, 0, "does not tell the engine (give it: --engine NAME; known: %s)",
                  catalogue_list("engines", a));
    if (isnan(row->row.ttft_ms) && isnan(row->row.tpot_ms))
        diags_add(r->d, r->path, 0, "has neither a mean TTFT nor a mean TPOT");
    set_load(r, x, row);
    r->im->runs++;
}

/* ---- JSON ---- */

static double number(const json_t *o, const char *key)
{
    const json_t *v = json_object_get(o, key);

    return json_is_number(v) ? json_number_value(v) : NAN;
}

static int64_t whole(const json_t *o, const char *key)
{
    double x = number(o, key);

    return x >= 1 && x <= TOKENS_MAX ? (int64_t)x : 0;
}

/* Mean and standard deviation: of the array, else of the total alone. */
static void lengths(const json_t *o, const char *array, const char *total, int64_t n, double *mean, double *sd)
{
    const json_t *each = json_object_get(o, array);
    double sum = 0, sum2 = 0, count = (double)json_array_size(each);

    for (size_t i = 0; i < json_array_size(each); i++) {
        double x = json_number_value(json_array_get(each, i));
        sum += x;
        sum2 += x * x;
    }
    *mean = count > 0 ? sum / count : n > 0 ? number(o, total) / (double)n : NAN;
    *sd = count > 0 ? sqrt(fmax(sum2 / count - *mean * *mean, 0)) : 0;
}

static const char *engine_of(const struct reader *r, const char *backend)
{
    static const char *const starts[][2] = {
        {"vllm", "vllm"}, {"sglang", "sglang"}, {"tensorrt", "trtllm"}, {"trt", "trtllm"}};

    for (size_t i = 0; backend && i < sizeof starts / sizeof *starts; i++)
        if (strncmp(backend, starts[i][0], strlen(starts[i][0])) == 0)
            return arena_strdup(&r->im->arena, starts[i][1]);
    return NULL; /* such as openai: any server */
}

static void take_object(struct reader *r, const json_t *o)
{
    const char *model = json_string_value(json_object_get(o, "model_id"));
    const json_t *rate = json_object_get(o, "request_rate");
    double burstiness = number(o, "burstiness");
    struct run x = {
        .model = model ? arena_strdup(&r->im->arena, model) : NULL,
        .engine = engine_of(r, json_string_value(json_object_get(o, "backend"))),
        .ttft_ms = number(o, "mean_ttft_ms"),
        .tpot_ms = number(o, "mean_tpot_ms"),
        .rate = json_is_number(rate) ? json_number_value(rate) : INFINITY,
        .concurrency = whole(o, "max_concurrency"),
        .requests = whole(o, "num_prompts"),
        .served = number(o, "completed") / number(o, "duration"),
    };
    int64_t completed = whole(o, "completed");

    if (x.requests == 0)
        x.requests = completed;
    lengths(o, "input_lens", "total_input_tokens", completed, &x.isl, &x.isl_sd);
    lengths(o, "output_lens", "total_output_tokens", completed, &x.osl, &x.osl_sd);
    if (isfinite(x.rate) && isfinite(burstiness) && burstiness != 1)
        diags_add(r->d, r->path, 0, "burstiness is %g: only Poisson arrivals (1) are taken", burstiness);
    take_run(r, &x);
}

/* Python writes what is no finite number as Infinity or NaN (SGLang: the rate where there is no limit). JSON has no
 * such words: null in their place. */
static void copy_json(FILE *from, FILE *to)
{
    char word[16];
    size_t n = 0;
    bool quoted = false;
    int c;

    do {
        c = getc(from);
        if (!quoted && n < sizeof word - 1 && (isalpha(c) || c == '-')) {
            word[n++] = (char)c;
            continue;
        }
        word[n] = '\0';
        n = 0;
        bool number = strcmp(word, "Infinity") != 0 && strcmp(word, "-Infinity") != 0 && strcmp(word, "NaN") != 0;
        fputs(number ? word : "null", to);
        if (c != EOF)
            putc(c, to);
        if (quoted && c == '\\' && (c = getc(from)) != EOF)
            putc(c, to);
        else
            quoted ^= c == '"';
    } while (c != EOF);
}

static void take_json(struct reader *r, FILE *file)
{
    char *text = NULL;
    size_t size, n = 0;
    FILE *f = open_memstream(&text, &size);
    json_error_t e;
    json_t *o;
    int c = 0;

    sim_assert(f != NULL);
    copy_json(file, f);
    int failed = fclose(f);
    sim_assert(failed == 0 && size > 0); /* it begins with a brace */
    f = fmemopen(text, size, "r");
    sim_assert(f != NULL);
    while (c != EOF && (o = json_loadf(f, JSON_DISABLE_EOF_CHECK, &e)) != NULL) {
        if (json_is_object(o))
            take_object(r, o);
        else
            diags_add(r->d, r->path, 0, "not a JSON object of vLLM's or SGLang's serving benchmark");
        json_decref(o);
        n++;
        while ((c = getc(f)) == ' ' || c == '\n' || c == '\r' || c == '\t')
            ;
        ungetc(c, f);
    }
    if (c != EOF || n == 0)
        diags_add(r->d, r->path, e.line > 0 ? e.line : 0, "%s", e.text);
    fclose(f);
    free(text);
}

/* ---- AIPerf ---- */

/* Fields of a line, in place; quoted ones lose their quotes. */
static int split(char *line, char **field)
{
    int n = 0;

    for (char *p = line; n < FIELDS_MAX;) {
        bool quoted = *p == '"';
        field[n++] = p += quoted;
        p += strcspn(p, quoted ? "\"" : ",");
        if (quoted && *p)
            *p++ = '\0';
        if (*p == '\0')
            break;
        *p++ = '\0';
    }
    return n;
}

/* "1,234.5" too. NaN where it is none. */
static double value_of(const char *text)
{
    char plain[64];
    size_t n = 0;
    const char *end;
    double x;

    for (; *text && n < sizeof plain - 1; text++)
        if (*text != ',')
            plain[n++] = *text;
    plain[n] = '\0';
    return units_number(plain, &x, &end) && *end == '\0' ? x : NAN;
}

struct perf { /* what AIPerf's rows say */
    double ttft_ms, itl_ms, latency_ms, isl, isl_sd, osl, osl_sd, throughput, requests;
};

static void take_metric(struct perf *p, const char *name, double mean, double sd)
{
    const struct {
        const char *name;
        double *mean, *sd;
    } metrics[] = {{"Time to First Token", &p->ttft_ms, NULL},
                   {"Inter Token Latency", &p->itl_ms, NULL},
                   {"Request Latency", &p->latency_ms, NULL},
                   {"Input Sequence Length", &p->isl, &p->isl_sd},
                   {"Output Sequence Length", &p->osl, &p->osl_sd},
                   {"Request Throughput", &p->throughput, NULL},
                   {"Request Count", &p->requests, NULL}};
    size_t n = strcspn(name, "(");

    while (n > 0 && name[n - 1] == ' ')
        n--;
    for (size_t i = 0; i < sizeof metrics / sizeof *metrics; i++)
        if (strlen(metrics[i].name) == n && strncmp(metrics[i].name, name, n) == 0) {
            *metrics[i].mean = mean;
            if (metrics[i].sd)
                *metrics[i].sd = sd;
        }
}

static void take_aiperf(struct reader *r, FILE *f)
{
    char line[LINE_MAX_BYTES], *field[FIELDS_MAX];
    struct perf p = {NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN};
    int mean = 1, sd = -1;

    while (fgets(line, sizeof line, f)) {
        line[strcspn(line, "\r\n")] = '\0';
        int n = split(line, field);
        if (strcmp(field[0], "Metric") == 0) { /* of each block: "Metric,avg,min,..." or "Metric,Value" */
            mean = 1;
            sd = -1;
            for (int i = 1; i < n; i++) {
                mean = strcmp(field[i], "avg") == 0 ? i : mean;
                sd = strcmp(field[i], "std") == 0 ? i : sd;
            }
        } else if (mean < n) {
            take_metric(&p, field[0], value_of(field[mean]), sd > 0 && sd < n ? value_of(field[sd]) : NAN);
        }
    }
    double in_flight = p.throughput * p.latency_ms * 1e-3;
    take_run(r, &(struct run){.isl = p.isl,
                              .isl_sd = p.isl_sd,
                              .osl = p.osl,
                              .osl_sd = p.osl_sd,
                              .ttft_ms = p.ttft_ms,
                              .tpot_ms = p.itl_ms,
                              .rate = INFINITY,
                              .requests = p.requests >= 1 && p.requests <= TOKENS_MAX ? (int64_t)p.requests : 0,
                              .concurrency = in_flight > 0 && in_flight < 1e6 ? (int64_t)fmax(in_flight + 0.5, 1) : 0});
}

/* ---- tables ---- */

static bool anything_given(const struct import_given *g)
{
    return g->gpu || g->model || g->engine || g->engine_version || g->precision || g->tp || g->dp || g->pp ||
           g->moe_tp || g->moe_ep || g->gpus || g->isl || g->osl || g->n_concurrency;
}

static void take_table(struct reader *r)
{
    struct import *im = r->im;
    struct silicon table;

    if (anything_given(r->given)) {
        diags_add(r->d, r->path, 0, "a table tells its runs itself: no --gpu, --model, --tp, ... with it");
        return;
    }
    if (!silicon_read(&table, r->path, r->d))
        return;
    im->tables = mem_realloc(im->tables, (im->n_tables + 1) * sizeof *im->tables);
    im->tables[im->n_tables++] = table;
    for (size_t i = 0; i < table.n; i++) {
        struct import_row *row = add_row(im);
        row->row = table.rows[i];
        row->table = true;
    }
}

bool import_read(struct import *im, const char *path, const struct import_given *g, struct diags *d)
{
    static const char metric[] = "Metric,";
    struct reader r = {im, path, g, d};
    size_t mistakes = d->n;
    char start[sizeof metric] = "";
    FILE *f = fopen(path, "r");

    if (f == NULL) {
        diags_add(d, path, 0, "cannot read: %s", strerror(errno));
        return false;
    }
    size_t n = fread(start, 1, sizeof start - 1, f), blank = strspn(start, " \t\r\n");
    rewind(f);
    if (n && start[blank] == '{')
        take_json(&r, f);
    else if (strcmp(start, metric) == 0)
        take_aiperf(&r, f);
    else
        take_table(&r);
    fclose(f);
    return d->n == mistakes;
}

/* ---- scenarios ---- */

/* The three forms have the mean and, but for the first, the standard deviation. */
static void print_length(FILE *f, const char *what, int64_t mean_tokens, double sd)
{
    double mean = (double)mean_tokens, half = sqrt(3) * sd, sigma = sqrt(log1p(sd * sd / (mean * mean)));

    if (sd < 0.5)
        fprintf(f, "%s = constant\n%s_tokens = %" PRId64 "\n", what, what, mean_tokens);
    else if (sd <= 0.55 * mean)
        fprintf(f, "%s = uniform\n%s_low = %.0f\n%s_high = %.0f\n", what, what, fmax(mean - half, 1), what,
                fmax(mean + half, 1));
    else
        fprintf(f, "%s = lognormal\n%s_median = %.6g\n%s_sigma = %.6g\n", what, what,
                fmax(mean * exp(-sigma * sigma / 2), 1), what, sigma);
}

char *import_text(const struct build *b, const struct import_row *r, char *why_not, size_t size)
{
    const struct silicon_config *c = &r->row.config;
    char *server, *text = NULL;
    size_t n;

    if (*r->row.why_not) {
        snprintf(why_not, size, "%s", r->row.why_not);
        return NULL;
    }
    if (r->table)
        return build_text(b, c, why_not, size);
    if ((server = build_server(b, c, why_not, size)) == NULL)
        return NULL;
    FILE *f = open_memstream(&text, &n);
    sim_assert(f != NULL);
    fprintf(f, "%s\n[workload]\nrequests = %" PRId64 "\n", server, r->requests);
    if (r->rate > 0)
        fprintf(f, "arrivals = poisson\nrate = %.9g/s\n", r->rate);
    else
        fprintf(f, "arrivals = closed_loop\nconcurrency = %" PRId64 "\n", c->concurrency);
    fputs("\n[class all]\n", f);
    print_length(f, "input", c->isl, r->isl_sd);
    print_length(f, "output", c->osl, r->osl_sd);
    int failed = fclose(f);
    sim_assert(failed == 0);
    free(server);
    return text;
}
