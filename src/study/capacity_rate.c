#include "study/capacity_rate.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bug.h"
#include "conf/expr.h"
#include "report/json.h"
#include "study/trials.h"

enum state { GROWS, NARROWS, ENDED };

struct search { /* of a replication of a set */
    enum state state;
    double low, high; /* held at low (0: nowhere yet), did not at high (INFINITY: held wherever it was tried) */
    double next;
};

struct finding {
    struct capacity_rates *r;
    const struct capacity_ask *ask;
    double from, to;
    struct search *at; /* set * repeat + replication */
    int64_t n;
};

/* "12.5/s" is 12.5 and "/s". */
static bool split(const char *text, double *number, const char **unit)
{
    struct expr_value v;
    char *end;

    *number = strtod(text, &end);
    *unit = end;
    return end != text && *number > 0 && isfinite(*number) && expr_number(text, &v, NULL);
}

static int read_ends(struct finding *f, struct err *e)
{
    const struct capacity_options *o = &f->r->c.options;
    const char *unit_to = "";

    if (o->from == NULL)
        return err_set(e, EXIT_CODE_USAGE,
                       "%s: where to look for the highest load? (want [capacity] from = 1/s and to = 100/s)",
                       f->ask->path);
    if (!split(o->from, &f->from, &f->r->unit) || !split(o->to, &f->to, &unit_to) || strcmp(f->r->unit, unit_to) != 0 ||
        !(f->from < f->to))
        return err_set(e, EXIT_CODE_USAGE, "%s: [capacity] from = %s and to = %s are no rising amounts of one unit",
                       f->ask->path, o->from, o->to);
    return 0;
}

/* The study with its load set, for as long as its trials. */
struct loaded {
    struct study study;
    char **sets;
    char load[128];
};

static int open_loaded(struct loaded *l, const struct finding *f, double load, struct err *e)
{
    static char level[] = "run.log=summary";
    const struct capacity_study *c = &f->r->c;
    struct diags d;

    diags_init(&d);
    l->sets = mem_zalloc(c->n_sets + 2, sizeof *l->sets);
    l->sets[0] = level; /* first, so that the user's own wins */
    memcpy(l->sets + 1, c->sets, c->n_sets * sizeof *l->sets);
    snprintf(l->load, sizeof l->load, "%s=%.9g%s", c->options.load, load, f->r->unit);
    l->sets[c->n_sets + 1] = l->load;
    if (!study_open(&l->study, f->ask->path, l->sets, c->n_sets + 2, &d))
        trials_mistake(&d, e);
    else if (l->study.n_params != c->study.n_params)
        err_set(e, EXIT_CODE_USAGE, "%s: varies %s, which is the load that is to be found", f->ask->path,
                c->options.load);
    diags_free(&d);
    return e->code ? -1 : 0;
}

static void close_loaded(struct loaded *l)
{
    study_free(&l->study);
    free(l->sets);
}

/* Trials of points[i] at loads[i]. */
static int try(const struct finding *f, const int64_t *points, const double *loads, struct trial *at, int64_t n,
               struct err *e)
{
    struct loaded *l = mem_zalloc((size_t)n, sizeof *l);

    for (int64_t i = 0; i < n && e->code == 0; i++) {
        open_loaded(&l[i], f, loads[i], e);
        at[i] = (struct trial){.study = &l[i].study, .point = points[i]};
    }
    if (e->code == 0)
        trials_run(at, n, f->ask->workers, e);
    for (int64_t i = 0; i < n; i++)
        close_loaded(&l[i]);
    free(l);
    f->r->runs += n;
    return e->code ? -1 : 0;
}

static void advance(const struct finding *f, struct search *s, bool held)
{
    if (held)
        s->low = s->next;
    else
        s->high = s->next;
    s->state = s->low == 0 || s->low >= f->to                            ? ENDED
               : isinf(s->high)                                          ? GROWS
               : s->high - s->low <= f->r->c.options.precision * s->high ? ENDED
                                                                         : NARROWS;
    s->next = s->state == GROWS ? fmin(2 * s->low, f->to) : (s->low + s->high) / 2;
}

static void show(const struct finding *f, int64_t open)
{
    if (!f->ask->quiet && isatty(STDERR_FILENO))
        fprintf(stderr, "\r%" PRId64 " runs, %" PRId64 " of %" PRId64 " searches to go\033[K", f->r->runs, open, f->n);
}

/* All that are still open take a step. 0: none is. */
static int64_t round_of(struct finding *f, struct trial *at, int64_t *points, double *loads, struct err *e)
{
    int64_t n = 0;

    for (int64_t i = 0; i < f->n; i++)
        if (f->at[i].state != ENDED) {
            points[n] = i;
            loads[n++] = f->at[i].next;
        }
    show(f, n);
    if (n == 0 || try(f, points, loads, at, n, e) != 0)
        n = 0;
    for (int64_t i = 0; i < n && e->code == 0; i++) {
        struct capacity_sign s;
        if (capacity_sign(&at[i].of, &s, e) == 0)
            advance(f, &f->at[points[i]],
                    s.attainment >= f->r->c.options.target && !(f->r->c.options.stable && s.overloaded));
    }
    trials_free(at, n);
    return n;
}

static struct interval mean_of(const struct trial *at, int64_t n, const char *metric, double (*f)(double))
{
    double *x = mem_zalloc((size_t)n, sizeof *x);

    for (int64_t i = 0; i < n; i++) {
        const struct outcome_metric *m = outcome_metric(&at[i].of, metric);
        x[i] = m ? f ? f(*m->value) : *m->value : NAN;
    }
    struct interval v = interval_of(x, n, INTERVAL_CONFIDENCE);
    free(x);
    return v;
}

static double per_user(double tpot_ms)
{
    return 1000 / tpot_ms;
}

/* The set at the mean of what its replications found. */
static int try_mean(const struct finding *f, int64_t set, struct capacity_rate_row *row, struct err *e)
{
    int64_t n = f->r->c.study.repeat;
    struct trial *at = mem_zalloc((size_t)n, sizeof *at);
    int64_t *points = mem_zalloc((size_t)n, sizeof *points);
    double *loads = mem_zalloc((size_t)n, sizeof *loads);
    struct capacity_sign *signs = mem_zalloc((size_t)n, sizeof *signs);

    for (int64_t i = 0; i < n; i++) {
        points[i] = set * n + i;
        loads[i] = row->load.mean;
    }
    if (try(f, points, loads, at, n, e) == 0)
        for (int64_t i = 0; i < n && e->code == 0; i++)
            capacity_sign(&at[i].of, &signs[i], e);
    if (e->code == 0) {
        row->there = capacity_judge(&f->r->c.options, signs, n);
        row->output_per_gpu = mean_of(at, n, "output_throughput_per_gpu", NULL).mean;
        row->tokens_per_s_user = mean_of(at, n, "mean_tpot_ms", per_user).mean;
        row->usd_per_m_output = mean_of(at, n, "usd_per_m_output", NULL).mean;
    }
    trials_free(at, n);
    free(at);
    free(points);
    free(loads);
    free(signs);
    return e->code ? -1 : 0;
}

static int make_row(const struct finding *f, int64_t set, struct err *e)
{
    struct capacity_study *c = &f->r->c;
    int64_t n = c->study.repeat;
    struct capacity_rate_row *row = &f->r->rows[set];
    double *each = arena_alloc(&c->arena, (size_t)n * sizeof *each);
    double *above = arena_alloc(&c->arena, (size_t)n * sizeof *above);

    *row = (struct capacity_rate_row){.params = study_label(&c->study, set, &c->arena),
                                      .each = each,
                                      .output_per_gpu = NAN,
                                      .tokens_per_s_user = NAN,
                                      .usd_per_m_output = NAN};
    for (int64_t i = 0; i < n; i++) {
        const struct search *s = &f->at[set * n + i];
        row->below += s->low == 0;
        row->reaches += s->low >= f->to;
        each[i] = s->low == 0 ? f->from : s->low;
        above[i] = isinf(s->high) ? each[i] : s->high;
    }
    row->load = interval_of(each, n, INTERVAL_CONFIDENCE);
    row->next = interval_next(each, n, INTERVAL_CONFIDENCE);
    row->load.high = interval_of(above, n, INTERVAL_CONFIDENCE).high; /* the brackets have a width as well */
    row->next.high = interval_next(above, n, INTERVAL_CONFIDENCE).high;
    if (row->below + row->reaches == 0)
        return try_mean(f, set, row, e);
    row->load.low = row->load.high = NAN;
    return 0;
}

int capacity_rates_find(struct capacity_rates *r, const struct capacity_ask *ask, struct err *e)
{
    struct finding f = {.r = r, .ask = ask};

    *r = (struct capacity_rates){.unit = ""};
    if (capacity_open(&r->c, ask, e) != 0 || read_ends(&f, e) != 0)
        return -1;
    f.n = r->c.study.n_points;
    f.at = mem_zalloc((size_t)f.n, sizeof *f.at);
    for (int64_t i = 0; i < f.n; i++)
        f.at[i] = (struct search){.state = GROWS, .high = INFINITY, .next = f.from};
    struct trial *at = mem_zalloc((size_t)f.n, sizeof *at);
    int64_t *points = mem_zalloc((size_t)f.n, sizeof *points);
    double *loads = mem_zalloc((size_t)f.n, sizeof *loads);
    while (round_of(&f, at, points, loads, e) > 0 && e->code == 0)
        ;
    r->n_rows = r->c.study.n_params;
    r->rows = arena_alloc(&r->c.arena, (size_t)r->n_rows * sizeof *r->rows);
    for (int64_t set = 0; set < r->n_rows && e->code == 0; set++)
        make_row(&f, set, e);
    if (!ask->quiet && isatty(STDERR_FILENO))
        fputs("\r\033[K", stderr);
    free(at);
    free(points);
    free(loads);
    free(f.at);
    return e->code ? -1 : 0;
}

void capacity_rates_free(struct capacity_rates *r)
{
    capacity_close(&r->c);
}

/* ---- text and JSON ---- */

static void print_json(const struct capacity_rates *r, FILE *out)
{
    struct json j = {.out = out};

    json_open(&j, NULL, '{');
    json_text(&j, "study", r->c.study.path);
    json_text(&j, "load", r->c.options.load);
    json_text(&j, "unit", r->unit);
    json_real(&j, "target", r->c.options.target);
    json_real(&j, "precision", r->c.options.precision);
    json_int(&j, "replications", r->c.study.repeat);
    json_int(&j, "runs", r->runs);
    json_open(&j, "sets", '[');
    for (int64_t i = 0; i < r->n_rows; i++) {
        const struct capacity_rate_row *w = &r->rows[i];
        json_open(&j, NULL, '{');
        json_text(&j, "params", w->params);
        json_real(&j, "capacity", w->below + w->reaches ? NAN : w->load.mean);
        json_real(&j, "low", w->load.low);
        json_real(&j, "high", w->load.high);
        json_real(&j, "next_low", w->below + w->reaches ? NAN : w->next.low);
        json_real(&j, "next_high", w->below + w->reaches ? NAN : w->next.high);
        json_int(&j, "replications_below_from", w->below);
        json_int(&j, "replications_at_to", w->reaches);
        json_open(&j, "of_replications", '[');
        for (int64_t k = 0; k < r->c.study.repeat; k++)
            json_real(&j, NULL, w->each[k]);
        json_close(&j, ']');
        json_real(&j, "attainment", w->there.attainment.n ? w->there.attainment.mean : NAN);
        json_real(&j, "attainment_low", w->there.attainment.n ? w->there.attainment.low : NAN);
        json_real(&j, "attainment_high", w->there.attainment.n ? w->there.attainment.high : NAN);
        json_real(&j, "tokens_per_s_per_user", w->tokens_per_s_user);
        json_real(&j, "tokens_per_s_per_gpu", w->output_per_gpu);
        json_real(&j, "usd_per_m_output", w->usd_per_m_output);
        json_close(&j, '}');
    }
    json_close(&j, ']');
    json_close(&j, '}');
}

static void print_number(double x, int width, FILE *out)
{
    if (isnan(x))
        fprintf(out, " %*s", width, "-");
    else
        fprintf(out, " %*.4g", width, x);
}

static void print_row(const struct capacity_rates *r, const struct capacity_rate_row *w, FILE *out)
{
    char range[64];

    fprintf(out, "%-32s ", *w->params ? w->params : "-");
    if (w->below + w->reaches > 0) {
        fprintf(out, "%s%s", w->below ? "below " : "at least ", w->below ? r->c.options.from : r->c.options.to);
        fprintf(out, " in %" PRId64 " of %" PRId64 " replications\n", w->below ? w->below : w->reaches,
                r->c.study.repeat);
        return;
    }
    snprintf(range, sizeof range, "%.4g .. %.4g", w->load.low, w->load.high);
    fprintf(out, "%8.4g%-4s %18s", w->load.mean, r->unit, range);
    snprintf(range, sizeof range, "%.4g .. %.4g", w->next.low, w->next.high);
    fprintf(out, " %18s", range);
    snprintf(range, sizeof range, "%.4f .. %.4f", w->there.attainment.low, w->there.attainment.high);
    fprintf(out, " %10.4f %18s", w->there.attainment.mean, range);
    print_number(w->tokens_per_s_user, 10, out);
    print_number(w->output_per_gpu, 10, out);
    print_number(w->usd_per_m_output, 12, out);
    fputc('\n', out);
}

void capacity_rates_print(const struct capacity_rates *r, bool json, FILE *out)
{
    if (json) {
        print_json(r, out);
        return;
    }
    fprintf(out,
            "Highest %s with SLO attainment of %g %% or more: %" PRId64
            " replications, each searched to within %g %%, %" PRId64
            " runs\n95 %% intervals by Student's t over replications\n\n",
            r->c.options.load, 100 * r->c.options.target, r->c.study.repeat, 100 * r->c.options.precision, r->runs);
    fprintf(out, "%-32s %12s %18s %18s %10s %18s %10s %10s %12s\n", "values", "capacity", "interval of mean",
            "of one fleet", "attained", "interval", "tok/s/user", "tok/s/GPU", "US$/M out");
    for (int64_t i = 0; i < r->n_rows; i++)
        print_row(r, &r->rows[i], out);
}
