#include "config.h"

#include "study/engine_fit.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <gsl/gsl_linalg.h>
#include <gsl/gsl_sort.h>
#include <gsl/gsl_statistics.h>

#include "base/bug.h"
#include "study/build.h"
#include "study/engine_preset.h"
#include "study/engine_slice.h"
#include "study/fit.h"
#include "study/predict.h"
#include "study/silicon.h"

#define ERROR_SCALE 0.12 /* larger residuals count ever less: another version or setting of the software */

enum { ROUNDS_MAX = 5 };

/* ---- left out in turn ---- */

struct errors {
    double *tpot, *ttft; /* ln(simulated/measured) */
    int64_t n;
};

static struct errors errors_new(int64_t n)
{
    return (struct errors){mem_zalloc((size_t)n + 1, sizeof(double)), mem_zalloc((size_t)n + 1, sizeof(double)), 0};
}

static void errors_free(struct errors *e)
{
    free(e->tpot);
    free(e->ttft);
}

static void errors_add(struct errors *to, const struct errors *from)
{
    to->tpot = mem_realloc(to->tpot, (size_t)(to->n + from->n + 1) * sizeof *to->tpot);
    to->ttft = mem_realloc(to->ttft, (size_t)(to->n + from->n + 1) * sizeof *to->ttft);
    for (int64_t i = 0; i < from->n; i++, to->n++) {
        to->tpot[to->n] = from->tpot[i];
        to->ttft[to->n] = from->ttft[i];
    }
}

static double quantile(const double *x, int64_t n, double f)
{
    return gsl_stats_quantile_from_sorted_data(x, 1, (size_t)n, f);
}

static double median_abs_percent(const double *x, int64_t n)
{
    double *a = mem_zalloc((size_t)n + 1, sizeof *a), m;

    for (int64_t i = 0; i < n; i++)
        a[i] = fabs(expm1(x[i]));
    gsl_sort(a, 1, (size_t)n);
    m = n ? 100 * quantile(a, n, 0.5) : NAN;
    free(a);
    return m;
}

/* The fit whose residuals are those at the optimum plus a Jacobian times the move: cheap, and exact where the model is
 * linear in the logarithms. */
struct linear {
    const double *jacobian, *at, *r0, *prior;
    size_t n;
};

static bool linear_residuals(void *context, const double *p, double *r)
{
    const struct linear *l = context;

    for (size_t i = 0; i < l->n; i++) {
        r[i] = l->r0[i];
        for (int k = 0; k < ENGINE_KEYS; k++)
            r[i] += l->jacobian[i * ENGINE_KEYS + (size_t)k] * log(p[k] / l->at[k]);
    }
    return true;
}

/* The problem on the linear model: parameters p around `at`. */
static struct fit_problem linear_problem(struct fit_parameter *p, struct linear *l, const double *weight)
{
    for (int k = 0; k < ENGINE_KEYS; k++)
        p[k] = (struct fit_parameter){.name = engine_keys[k].name,
                                      .start = l->at[k],
                                      .min = engine_keys[k].low,
                                      .max = engine_keys[k].high,
                                      .prior = l->prior[k],
                                      .prior_sd = engine_keys[k].sd};
    return (struct fit_problem){.parameters = p,
                                .n_parameters = ENGINE_KEYS,
                                .n_residuals = l->n,
                                .residuals = linear_residuals,
                                .context = l,
                                .weight = weight,
                                .loss = FIT_CAUCHY,
                                .scale = ERROR_SCALE};
}

/* Gauss-Newton: the optimum of the linear model, from there again, until it moves little. p: start in, optimum out; r0
 * and jacobian: at the last point but one. interval: keeps stream_interval there; 0: free. The first of ROUNDS_MAX may
 * go far. */
static bool descend(struct slice *s, const double *w, int rounds, double interval, double *p, double *r0,
                    double *jacobian, struct fit_result *got, char *why, size_t why_size)
{
    for (int round = 0; round < rounds; round++) {
        struct fit_parameter parameters[ENGINE_KEYS];
        struct linear l = {jacobian, p, r0, s->prior, 2 * (size_t)s->n};
        struct fit_problem problem = linear_problem(parameters, &l, w);
        double moved = 0;
        for (int k = 0; interval > 0 && k < ENGINE_KEYS; k++)
            if (engine_keys[k].kind == ENGINE_COUNT) {
                p[k] = parameters[k].start = parameters[k].prior = interval;
                parameters[k].prior_sd = 1e-4;
            }
        slice_jacobian(s, p, r0, jacobian);
        if (!fit(&problem, got, why, why_size))
            return false;
        for (int k = 0; k < ENGINE_KEYS; k++) {
            double move = log(got->estimate[k] / p[k]), most = rounds == ROUNDS_MAX && round < 2 ? 1 : 0.4;
            move = move > most ? most : move < -most ? -most : move;
            moved = fmax(moved, fabs(move));
            p[k] *= exp(move);
        }
        if (moved < 0.03)
            return true;
    }
    return true;
}

/* What fit() minimises, of simulations at p: the Cauchy loss and the priors. */
static double loss_at(struct slice *s, const double *w, const double *p, double *r)
{
    double sum = 0;

    slice_residuals(s, p, r);
    for (int64_t i = 0; i < 2 * s->n; i++)
        sum += w[i] * log1p(r[i] * r[i] / (ERROR_SCALE * ERROR_SCALE));
    for (int k = 0; k < ENGINE_KEYS; k++)
        sum += pow(log(p[k] / s->prior[k]) / engine_keys[k].sd, 2);
    return sum;
}

/* With stream_interval as a real number first; then with each of the whole numbers beside it, the better counts. Where
 * the recipes say it there is nothing to find. */
static bool find_optimum(struct slice *s, const double *w, double *p, double *r0, double *jacobian,
                         struct fit_result *best, char *why, size_t why_size)
{
    double least = INFINITY, start[ENGINE_KEYS], at = 1, *r = mem_zalloc(2 * (size_t)s->n, sizeof *r);
    bool ok = descend(s, w, ROUNDS_MAX, (double)s->common_interval, p, r0, jacobian, best, why, why_size);

    memcpy(start, p, sizeof start);
    for (int k = 0; k < ENGINE_KEYS; k++)
        if (engine_keys[k].kind == ENGINE_COUNT)
            at = floor(fmax(1, p[k]));
    for (int i = 0; ok && s->common_interval == 0 && i < 2; i++) {
        double q[ENGINE_KEYS], loss;
        struct fit_result got;
        memcpy(q, start, sizeof q);
        ok = descend(s, w, 2, at + i, q, r0, jacobian, &got, why, why_size);
        if (ok && (loss = loss_at(s, w, q, r)) < least) {
            least = loss;
            *best = got;
            memcpy(p, q, sizeof q);
        }
    }
    free(r);
    return ok;
}

/* Predicts each headline group with parameters fitted without it. */
static void leave_out(struct slice *s, const double *alone, struct errors *out, FILE *f)
{
    double *w = mem_zalloc(2 * (size_t)s->n, sizeof *w), *r = mem_zalloc(2 * (size_t)s->n, sizeof *r);
    struct linear l = {s->jacobian, s->estimate, s->r0, s->prior, 2 * (size_t)s->n};
    struct fit_result got;
    char why[200];

    for (int64_t g = 0; g < s->n_groups; g++) {
        struct fit_parameter p[ENGINE_KEYS];
        struct fit_problem problem = linear_problem(p, &l, w);
        int64_t first = out->n;
        slice_weights(s, g, w);
        if (s->n_groups < 2) { /* nothing is left to fit to */
            memcpy(got.estimate, alone, sizeof s->prior);
        } else if (!fit(&problem, &got, why, sizeof why)) {
            fprintf(f, "    without %-34s not fitted: %s\n", s->groups[g].name, why);
            continue;
        }
        slice_residuals(s, got.estimate, r);
        for (int64_t i = 0; i < s->n; i++)
            if (s->group[i] == g && s->headline[i] && s->results[i].ok && r[s->n + i] != 0) {
                out->tpot[out->n] = r[i];
                out->ttft[out->n++] = r[s->n + i];
            }
        if (out->n > first)
            fprintf(f, "    without %-34s n %4" PRId64 "  TPOT %5.1f%%  TTFT %5.1f%%\n", s->groups[g].name,
                    out->n - first, median_abs_percent(out->tpot + first, out->n - first),
                    median_abs_percent(out->ttft + first, out->n - first));
    }
    free(w);
    free(r);
}

/* ---- what a slice says ---- */

/* Half the interval's width in the logarithm. Even on both sides of 1: where few groups were left out, their common
 * error has no sign that would carry over. 0: too few rows. */
static double spread_of(const double *x, int64_t n)
{
    double *a = mem_zalloc((size_t)n + 1, sizeof *a), q = 0;

    for (int64_t i = 0; i < n; i++)
        a[i] = fabs(x[i]);
    gsl_sort(a, 1, (size_t)n);
    if (n >= 10)
        q = quantile(a, n, 0.9);
    free(a);
    return q;
}

/* ---- one slice ---- */

static void print_fit(FILE *f, const struct slice *s, const struct errors *in)
{
    fprintf(f, "%s: %" PRId64 " rows, %" PRId64 " groups; headline median error TPOT %.1f%%, TTFT %.1f%%\n", s->name,
            s->n, s->n_groups, median_abs_percent(in->tpot, in->n), median_abs_percent(in->ttft, in->n));
    for (int k = 0; k < ENGINE_KEYS; k++)
        fprintf(f, "    %-18s %10.4g +- %.2g\n", engine_keys[k].name, s->estimate[k], s->result.standard_error[k]);
}

static bool fit_slice(struct slice *s, struct diags *d)
{
    size_t n = 2 * (size_t)s->n;
    double *w = mem_zalloc(n, sizeof *w);
    char why[200];

    slice_close(s);
    slice_weights(s, -1, w);
    s->fitted = find_optimum(s, w, s->estimate, s->r0, s->jacobian, &s->result, why, sizeof why);
    if (s->fitted)
        slice_jacobian(s, s->estimate, s->r0, s->jacobian);
    else
        diags_add(d, s->name, 0, "the fit failed: %s", why);
    free(w);
    return s->fitted;
}

static void errors_of_fit(const struct slice *s, struct errors *in)
{
    for (int64_t i = 0; i < s->n; i++)
        if (s->headline[i] && s->r0[s->n + i] != 0) {
            in->tpot[in->n] = s->r0[i];
            in->ttft[in->n++] = s->r0[s->n + i];
        }
}

static bool write_slice(const struct slice *s, const struct engine_fit_options *o, const struct errors *in,
                        const struct errors *held, struct diags *d)
{
    struct engine_preset preset = {
        .name = s->name,
        .engine = s->rows[0]->config.engine,
        .date = o->date,
        .source = o->source,
        .rows = s->n,
        .groups = s->n_groups,
        .headline = in->n,
        .held = held->n,
        .tpot = median_abs_percent(in->tpot, in->n),
        .ttft = median_abs_percent(in->ttft, in->n),
        .held_tpot = median_abs_percent(held->tpot, held->n),
        .held_ttft = median_abs_percent(held->ttft, held->n),
        .tpot_spread = s->tpot_spread,
        .ttft_spread = s->ttft_spread,
        .interval_said = s->common_interval > 0,
        .value = s->estimate,
        .error = s->result.standard_error,
    };

    return o->folder == NULL || engine_preset_write(&preset, o->folder, d);
}

/* Adds its errors to those of all slices: of the fit, and left out. alone: what is known of a slice's only group when
 * it is left out. */
static bool report_slice(struct slice *s, const double *alone, const struct engine_fit_options *o,
                         struct errors *all_in, struct errors *all_out, FILE *out, struct diags *d)
{
    struct errors in = errors_new(s->n), held = errors_new(s->n);

    errors_of_fit(s, &in);
    print_fit(out, s, &in);
    leave_out(s, alone, &held, out);
    fprintf(out, "    left out in turn: TPOT %.1f%%, TTFT %.1f%%\n", median_abs_percent(held.tpot, held.n),
            median_abs_percent(held.ttft, held.n));
    fflush(out);
    errors_add(all_in, &in);
    errors_add(all_out, &held);
    if (spread_of(held.tpot, held.n) > 0) {
        s->tpot_spread = spread_of(held.tpot, held.n);
        s->ttft_spread = spread_of(held.ttft, held.n);
    }
    bool ok = write_slice(s, o, &in, &held, d);
    errors_free(&in);
    errors_free(&held);
    return ok;
}

/* ---- the whole ---- */

enum { SLICES_MAX = 64 };

static struct slice *slice_of(struct slice *slices, int *n, const char *name)
{
    int i = 0;

    while (i < *n && strcmp(slices[i].name, name) != 0)
        i++;
    if (i == *n) {
        if (*n == SLICES_MAX)
            return NULL;
        slices[i] = (struct slice){.n = 0};
        snprintf(slices[i].name, sizeof slices[i].name, "%s", name);
        (*n)++;
    }
    return &slices[i];
}

static void sort_rows(struct slice *slices, int *n, const struct silicon *table, const struct build *build,
                      const struct engine_fit_options *o, FILE *out)
{
    for (size_t i = 0; i < table->n; i++) {
        const struct silicon_row *row = &table->rows[i];
        struct predict_case c = {.ready = false};
        char why[PREDICT_WHY_BYTES] = "";
        if (*row->why_not || row->config.prefill.workers > 0 || !isfinite(row->tpot_ms) || (*row->flag && strcmp(row->config.proto, "ix10c") == 0))
            continue;
        char *text = build_text(build, &row->config, why, sizeof why);
        if (text && predict_prepare(&c, row->config.id, text, NULL, 0)) {
            char name[64];
            snprintf(name, sizeof name, "%s-%s", row->config.engine, c.sc.layout.gpu.generation);
            struct slice *s = o->only == NULL || strcmp(o->only, name) == 0 ? slice_of(slices, n, name) : NULL;
            if (s) {
                s->workers = o->workers;
                slice_add(s, row, build_stream_interval(build, &row->config), &c);
            } else {
                predict_release(&c);
            }
        } else {
            fprintf(out, "%s: not built: %s\n", row->config.id, text ? c.why_not : why);
            predict_release(&c);
        }
        free(text);
    }
}

/* A slice without headline rows leans on the same engine's fit on another generation: those come first. */
static int by_headline(const void *a, const void *b)
{
    const struct slice *x = a, *y = b;

    return (x->n_headline == 0) - (y->n_headline == 0);
}

/* The same engine's fit on another generation, or NULL. */
static const struct slice *kin_of(const struct slice *s, const struct slice *slices, int n)
{
    size_t engine = strcspn(s->name, "-");

    for (int i = 0; i < n; i++)
        if (&slices[i] != s && slices[i].fitted && slices[i].n_headline > 0 &&
            strncmp(slices[i].name, s->name, engine + 1) == 0)
            return &slices[i];
    return NULL;
}

static void set_prior(struct slice *s, const struct slice *kin)
{
    bool leans = s->n_headline == 0 && kin != NULL;

    for (int k = 0; k < ENGINE_KEYS; k++) {
        s->prior[k] = leans ? kin->estimate[k] : engine_keys[k].start;
        if (engine_keys[k].kind == ENGINE_COUNT && s->common_interval > 0)
            s->prior[k] = (double)s->common_interval;
    }
    if (leans) {
        s->tpot_spread = kin->tpot_spread;
        s->ttft_spread = kin->ttft_spread;
    }
}

/* Those with headline rows stand first: the others lean on them. A slice whose only group is left out is predicted as
 * its kin. */
static void fit_slices(struct slice *slices, int n, const struct engine_fit_options *o, struct errors *in,
                       struct errors *held, FILE *out, struct diags *d)
{
    int headline = 0;

    while (headline < n && slices[headline].n_headline > 0)
        headline++;
    for (int pass = 0; pass < 2; pass++) {
        int from = pass ? headline : 0, to = pass ? n : headline;
        for (int i = from; i < to; i++) {
            set_prior(&slices[i], kin_of(&slices[i], slices, n));
            if (!fit_slice(&slices[i], d))
                return;
        }
        for (int i = from; i < to; i++) {
            const struct slice *kin = kin_of(&slices[i], slices, n);
            if (!report_slice(&slices[i], kin ? kin->estimate : slices[i].prior, o, in, held, out, d))
                return;
        }
    }
}

bool engine_fit(const struct engine_fit_options *o, FILE *out, struct diags *d)
{
    struct silicon *tables = mem_zalloc(o->n_tables, sizeof *tables);
    struct slice slices[SLICES_MAX];
    struct build *build = build_open("inferencex", d);
    struct errors in = {NULL, NULL, 0}, held = {NULL, NULL, 0};
    size_t mistakes = d->n;
    int n = 0;

    for (size_t t = 0; build && t < o->n_tables && d->n == mistakes; t++)
        if (silicon_read(&tables[t], o->tables[t], d))
            sort_rows(slices, &n, &tables[t], build, o, out);
    qsort(slices, (size_t)n, sizeof *slices, by_headline);
    if (d->n == mistakes)
        fit_slices(slices, n, o, &in, &held, out, d);
    for (int i = 0; i < n; i++)
        slice_free(&slices[i]);
    fprintf(out,
            "all headline rows, n %" PRId64
            ": median error TPOT %.1f%%, TTFT %.1f%%; left out in turn TPOT %.1f%%, TTFT %.1f%%\n",
            in.n, median_abs_percent(in.tpot, in.n), median_abs_percent(in.ttft, in.n),
            median_abs_percent(held.tpot, held.n), median_abs_percent(held.ttft, held.n));
    free(in.tpot);
    free(in.ttft);
    free(held.tpot);
    free(held.ttft);
    for (size_t t = 0; t < o->n_tables; t++)
        silicon_free(&tables[t]);
    free(tables);
    build_close(build);
    return build && d->n == mistakes;
}
