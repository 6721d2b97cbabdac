#include "study/engine_own.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <gsl/gsl_linalg.h>
#include <gsl/gsl_sort.h>
#include <gsl/gsl_statistics.h>

#include "base/bug.h"
#include "study/fit.h"
#include "study/predict.h"

#define ERROR_SCALE 0.05 /* s */
#define TTFT_WEIGHT 0.25 /* of a squared residual */
#define STEP        0.05 /* of finite differences, in the logarithm: a simulation is not smooth */
#define PRIOR_SHARE 0.8

enum parameter { STEP_OVERHEAD, REQUEST_LATENCY, WEIGHTS, PROMPTS, PARAMETERS };

static const struct {
    const char *name;
    double least, sd; /* least: where the preset has 0, the start */
} parameters[PARAMETERS] = {
    {"step_overhead", 1e-4, 0.7}, {"request_latency", 1e-3, 1}, {"weights", 1, 0.15}, {"prompts", 1, 0.25}};

struct own {
    const struct import *im;
    const struct engine_own_options *o;
    const struct silicon_row **rows; /* those that can be simulated */
    struct predict_case *cases;
    struct predict_result *results;
    const struct engine_options **engines; /* all the same one */
    struct engine_options base, engine;
    int64_t n;
};

/* ---- rows ---- */

static bool same_slice(const struct own *w, const struct predict_case *c, const struct silicon_row *row)
{
    return w->n == 0 || (strcmp(w->rows[0]->config.engine, row->config.engine) == 0 &&
                         strcmp(w->cases[0].sc.layout.gpu.generation, c->sc.layout.gpu.generation) == 0);
}

/* Cases are loaded where they stay: a scenario's tables point into it. */
static void load_rows(struct own *w, const struct build *b, FILE *out, struct diags *d)
{
    for (size_t i = 0; i < w->im->n; i++) {
        const struct silicon_row *row = &w->im->rows[i].row;
        struct predict_case *c = &w->cases[w->n];
        char why[PREDICT_WHY_BYTES] = "nothing was measured";
        bool measured = row->tpot_ms > 0 || row->ttft_ms > 0;
        char *text = measured ? import_text(b, &w->im->rows[i], why, sizeof why) : NULL;
        bool built = text != NULL;
        bool ready = built && predict_prepare(c, row->config.id, text, w->o->sets, w->o->n_sets);
        free(text);
        if (ready && !same_slice(w, c, row))
            diags_add(d, row->config.id, 0, "another engine or generation of GPUs than %s: one fit is of one",
                      w->rows[0]->config.id);
        if (ready) {
            w->rows[w->n++] = row;
            continue;
        }
        fprintf(out, "%s: not simulated: %s\n", row->config.id, built ? c->why_not : why);
        predict_release(c);
    }
    if (w->n == 0)
        diags_add(d, NULL, 0, "no run could be simulated");
}

/* ---- the fit ---- */

static void set_engine(struct own *w, const double *p)
{
    struct engine_options *e = &w->engine;

    *e = w->base;
    e->step_overhead_ns = (int64_t)(p[STEP_OVERHEAD] * 1e9 + 0.5);
    e->request_latency_ns = (int64_t)(p[REQUEST_LATENCY] * 1e9 + 0.5);
    e->gemm_scale *= p[WEIGHTS];
    e->moe_scale *= p[WEIGHTS];
    e->attention_scale *= p[WEIGHTS];
    e->comm_scale *= p[WEIGHTS];
    e->launch_scale *= p[WEIGHTS];
    e->gemm_flops_scale *= p[PROMPTS];
    e->moe_flops_scale *= p[PROMPTS];
    e->prefill_scale *= p[PROMPTS];
}

/* ln(simulated / measured); 0 where one of them is missing. */
static double residual(double simulated, double measured)
{
    double r = log(simulated / measured);

    return isfinite(r) ? r : 0;
}

/* A fit has at least as many residuals as parameters; of one row the rest are 0 and weigh nothing. */
static size_t residuals_of(const struct own *w)
{
    return w->n < PARAMETERS / 2 ? PARAMETERS : 2 * (size_t)w->n;
}

/* TPOT of every row, then TTFT of every row. */
static bool residuals(void *context, const double *p, double *r)
{
    struct own *w = context;

    memset(r, 0, residuals_of(w) * sizeof *r);
    set_engine(w, p);
    predict_all(w->cases, w->n, w->engines, w->o->workers, w->results);
    for (int64_t i = 0; i < w->n; i++) {
        r[i] = residual(w->results[i].tpot_ms, w->rows[i]->tpot_ms);
        r[w->n + i] = residual(w->results[i].ttft_ms, w->rows[i]->ttft_ms);
    }
    return true;
}

static struct fit_problem problem_of(struct own *w, struct fit_parameter *p, const double *weight)
{
    const double start[PARAMETERS] = {(double)w->base.step_overhead_ns * 1e-9,
                                      (double)w->base.request_latency_ns * 1e-9, 1, 1};

    for (int k = 0; k < PARAMETERS; k++) {
        double at = fmax(start[k], parameters[k].least);
        p[k] = (struct fit_parameter){.name = parameters[k].name,
                                      .start = at,
                                      .min = 0,
                                      .max = INFINITY,
                                      .prior = at,
                                      .prior_sd = parameters[k].sd};
    }
    return (struct fit_problem){.parameters = p,
                                .n_parameters = PARAMETERS,
                                .n_residuals = residuals_of(w),
                                .residuals = residuals,
                                .context = w,
                                .weight = weight,
                                .step = STEP,
                                .loss = FIT_SOFT_L1,
                                .scale = ERROR_SCALE,
                                .rounds_max = 8,
                                .steps_max = 8,
                                .accuracy = 0.01};
}

/* Standard errors of the logarithms: (J'WJ / s^2 + P)^-1. */
static void standard_errors(struct own *w, const struct fit_problem *f, const double *at, double *error)
{
    size_t n = f->n_residuals;
    double *r0 = mem_alloc(n * sizeof *r0), *r = mem_alloc(n * sizeof *r),
           *jacobian = mem_alloc(n * PARAMETERS * sizeof *jacobian);
    gsl_matrix *a = gsl_matrix_alloc(PARAMETERS, PARAMETERS);

    residuals(w, at, r0);
    for (size_t k = 0; k < PARAMETERS; k++) {
        double p[PARAMETERS];
        memcpy(p, at, sizeof p);
        p[k] *= exp(STEP);
        residuals(w, p, r);
        for (size_t i = 0; i < n; i++)
            jacobian[i * PARAMETERS + k] = (r[i] - r0[i]) / STEP;
    }
    for (size_t k = 0; k < PARAMETERS; k++)
        for (size_t l = 0; l < PARAMETERS; l++) {
            double sum = k == l ? 1 / (parameters[k].sd * parameters[k].sd) : 0;
            for (size_t i = 0; i < n; i++)
                sum += f->weight[i] * jacobian[i * PARAMETERS + k] * jacobian[i * PARAMETERS + l] /
                       (ERROR_SCALE * ERROR_SCALE);
            gsl_matrix_set(a, k, l, sum);
        }
    gsl_linalg_cholesky_decomp1(a); /* P makes it positive definite */
    gsl_linalg_cholesky_invert(a);
    for (size_t k = 0; k < PARAMETERS; k++)
        error[k] = sqrt(gsl_matrix_get(a, k, k));
    gsl_matrix_free(a);
    free(r0);
    free(r);
    free(jacobian);
}

/* ---- what is said ---- */

struct outcome {
    double *before, *after; /* residuals: TPOT, then TTFT */
    double at[PARAMETERS], error[PARAMETERS];
};

static double median_percent(const struct own *w, const double *r, bool ttft)
{
    double *x = mem_alloc((size_t)w->n * sizeof *x), median;
    size_t n = 0;

    for (int64_t i = 0; i < w->n; i++)
        if ((ttft ? w->rows[i]->ttft_ms : w->rows[i]->tpot_ms) > 0)
            x[n++] = 100 * fabs(expm1(r[i + (ttft ? w->n : 0)]));
    gsl_sort(x, 1, n);
    median = n ? gsl_stats_median_from_sorted_data(x, 1, n) : NAN;
    free(x);
    return median;
}

static bool mostly_prior(const struct outcome *x, int k)
{
    return x->error[k] > PRIOR_SHARE * parameters[k].sd;
}

static void value_text(int k, double value, char *out, size_t size)
{
    if (k <= REQUEST_LATENCY)
        snprintf(out, size, "%.3gms", value * 1e3);
    else
        snprintf(out, size, "%.3f", value);
}

static void print_rows(const struct own *w, const struct outcome *x, FILE *out)
{
    fprintf(out, "%-40s %10s %8s %8s %10s %8s %8s\n", "errors, %", "TPOT, ms", "before", "after", "TTFT, ms", "before",
            "after");
    for (int64_t i = 0; i < w->n; i++) {
        const struct silicon_row *row = w->rows[i];
        size_t length = strlen(row->config.id);
        fprintf(out, "%-40s %10.4g %+8.1f %+8.1f %10.4g %+8.1f %+8.1f\n",
                row->config.id + (length > 40 ? length - 40 : 0), row->tpot_ms, 100 * expm1(x->before[i]),
                100 * expm1(x->after[i]), row->ttft_ms, 100 * expm1(x->before[w->n + i]),
                100 * expm1(x->after[w->n + i]));
    }
    fprintf(out, "%-40s %10s %8.1f %8.1f %10s %8.1f %8.1f\n\n", "median size", "", median_percent(w, x->before, false),
            median_percent(w, x->after, false), "", median_percent(w, x->before, true),
            median_percent(w, x->after, true));
}

static void print_outcome(const struct own *w, const struct outcome *x, const struct fit_problem *f, FILE *out)
{
    const struct silicon_config *c = &w->rows[0]->config;
    int priors = 0;

    fprintf(out,
            "%s (%s): %" PRId64 " runs; the first: %s on %s, tp %" PRId64 ", %s, %" PRId64 " + %" PRId64 " tokens\n\n",
            c->engine, w->base.name, w->n, c->model, c->system, c->tp, c->precision, c->isl, c->osl);
    print_rows(w, x, out);
    fprintf(out, "%-18s %12s %12s %16s\n", "figure", "before", "after", "standard error");
    for (int k = 0; k < PARAMETERS; k++) {
        char before[64], after[64];
        value_text(k, f->parameters[k].start, before, sizeof before);
        value_text(k, x->at[k], after, sizeof after);
        fprintf(out, "%-18s %12s %12s %15.0f%%%s\n", parameters[k].name, before, after, 100 * x->error[k],
                mostly_prior(x, k) ? "  mostly the prior" : "");
        priors += mostly_prior(x, k);
    }
    if (priors)
        fprintf(out,
                "\n%d of %d figures are mostly the prior: these runs say little of them. More load points (low and "
                "high concurrency, long and short prompts) would.\n",
                priors, PARAMETERS);
}

/* ---- the file ---- */

struct writer {
    FILE *f;
    const struct own *w;
    const struct outcome *x;
};

static void write_param(void *context, const char *key, const char *value, double number, bool is_iter)
{
    static const char section[] = "engine.";
    const struct writer *to = context;

    (void)is_iter;
    (void)number;
    if (strncmp(key, section, strlen(section)) != 0 || strcmp(key, "engine.preset") == 0)
        return;
    key += strlen(section);
    for (int k = 0; k <= REQUEST_LATENCY; k++)
        if (strcmp(key, parameters[k].name) == 0)
            fprintf(to->f, "# standard error %.0f%%%s\n", 100 * to->x->error[k],
                    mostly_prior(to->x, k) ? " (mostly the prior)" : "");
    fprintf(to->f, "%s = %s%s\n", key, value, strcmp(key, "name") == 0 ? " (own measurements)" : "");
}

static void write_text(FILE *f, struct own *w, const struct outcome *x, const double *start)
{
    struct predict_case *c = &w->cases[0];
    struct writer to = {f, w, x};

    fprintf(f,
            "# %s on %s, moved to own measurements. Written by `tiersim calibrate --from`, %s; use it as\n"
            "# [engine] preset = ./FILE (a path with a slash).\n#\n# Source: %s\n"
            "# %" PRId64 " runs; median error of TPOT %.1f%% before, %.1f%% after; of TTFT %.1f%% before, %.1f%% "
            "after.\n"
            "# Moved, with priors at the preset \"%s\" (src/study/engine_own.h):\n",
            w->rows[0]->config.engine, w->rows[0]->config.system, w->o->date, w->o->source, w->n,
            median_percent(w, x->before, false), median_percent(w, x->after, false), median_percent(w, x->before, true),
            median_percent(w, x->after, true), w->base.name);
    for (int k = 0; k < PARAMETERS; k++)
        fprintf(f, "#   %-16s %+.1f%%, standard error %.0f%%%s\n", parameters[k].name, 100 * (x->at[k] / start[k] - 1),
                100 * x->error[k], mostly_prior(x, k) ? " (mostly the prior)" : "");
    fputs("# weights: gemm, moe, attention, comm and launch_scale; prompts: gemm_flops, moe_flops and prefill_scale.\n"
          "# The 90% interval, if there is one, is the old preset's.\n\n[engine]\n",
          f);
    set_engine(w, x->at);
    c->sc.layout.engine = w->engine;
    c->sc.layout.engine.extrapolated = false;
    scenario_each_param(&c->sc, write_param, &to);
}

static bool write_preset(struct own *w, const struct outcome *x, const struct fit_problem *f, const char *path,
                         FILE *out, struct diags *d)
{
    double start[PARAMETERS];
    FILE *file = fopen(path, w->o->replace ? "w" : "wx");

    if (file == NULL) {
        if (errno == EEXIST)
            diags_add(d, path, 0, "exists (--force replaces it)");
        else
            diags_add(d, path, 0, "cannot write: %s", strerror(errno));
        return false;
    }
    for (int k = 0; k < PARAMETERS; k++)
        start[k] = f->parameters[k].start;
    write_text(file, w, x, start);
    bool failed = ferror(file);
    failed |= fclose(file) != 0;
    if (failed)
        diags_add(d, path, 0, "cannot write: %s", strerror(errno));
    else
        fprintf(out, "\nwritten: %s (use it: [engine] preset = %s%s)\n", path, strchr(path, '/') ? "" : "./", path);
    return !failed;
}

/* ---- all ---- */

static bool fit_rows(struct own *w, const char *path, FILE *out, struct diags *d)
{
    size_t n = residuals_of(w);
    struct outcome x = {.before = mem_zalloc(n, sizeof(double)), .after = mem_zalloc(n, sizeof(double))};
    struct fit_parameter p[PARAMETERS];
    struct fit_result got;
    double *weight = mem_zalloc(n, sizeof *weight);
    char why[200];
    bool ok = true;

    for (size_t i = 0; i < n; i++)
        weight[i] = i < (size_t)w->n ? 1 : i < 2 * (size_t)w->n ? TTFT_WEIGHT : 0;
    struct fit_problem f = problem_of(w, p, weight);
    for (int k = 0; k < PARAMETERS; k++)
        x.at[k] = p[k].start;
    residuals(w, x.at, x.before);
    for (int64_t i = 0; i < w->n && ok; i++)
        if (!w->results[i].ok) {
            diags_add(d, w->rows[i]->config.id, 0, "the run failed: %s", w->results[i].why_not);
            ok = false;
        }
    if (ok && !fit(&f, &got, why, sizeof why)) {
        diags_add(d, NULL, 0, "the fit failed: %s", why);
        ok = false;
    }
    if (ok) {
        memcpy(x.at, got.estimate, sizeof x.at);
        standard_errors(w, &f, x.at, x.error);
        residuals(w, x.at, x.after);
        print_outcome(w, &x, &f, out);
        ok = write_preset(w, &x, &f, path, out, d);
    }
    free(x.before);
    free(x.after);
    free(weight);
    return ok;
}

bool engine_own(const struct import *im, const struct engine_own_options *o, FILE *out, struct diags *d)
{
    struct own w = {.im = im, .o = o};
    struct build *b = build_open(o->recipes, d);
    size_t mistakes = d->n;
    char *path = NULL;

    if (b == NULL)
        return false;
    w.rows = mem_zalloc(im->n + 1, sizeof *w.rows);
    w.cases = mem_zalloc(im->n + 1, sizeof *w.cases);
    w.results = mem_zalloc(im->n + 1, sizeof *w.results);
    w.engines = mem_zalloc(im->n + 1, sizeof *w.engines);
    load_rows(&w, b, out, d);
    if (d->n == mistakes) {
        w.base = w.cases[0].sc.layout.engine;
        for (int64_t i = 0; i < w.n; i++)
            w.engines[i] = &w.engine;
        if (asprintf(&path, "%s%s", o->path ? o->path : w.rows[0]->config.engine, o->path ? "" : "-mine.ini") < 0)
            path = NULL;
        sim_assert(path != NULL);
        if (!o->replace && access(path, F_OK) == 0) /* before the work */
            diags_add(d, path, 0, "exists (--force replaces it)");
        else
            fit_rows(&w, path, out, d);
        free(path);
    }
    for (int64_t i = 0; i < w.n; i++)
        predict_release(&w.cases[i]);
    free(w.rows);
    free(w.cases);
    free(w.results);
    free(w.engines);
    build_close(b);
    return d->n == mistakes;
}
