#include "study/compare.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "report/json.h"
#include "study/calls.h"

/* What is compared unless one says what; those that a run does not have are left out. */
static const char *const usual[] = {
    "request_throughput",   "output_throughput", "slo_attainment",
    "request_goodput",      "mean_ttft_ms",      "median_ttft_ms",
    "p99_ttft_ms",          "mean_tpot_ms",      "median_tpot_ms",
    "p99_tpot_ms",          "mean_itl_ms",       "p99_itl_ms",
    "mean_e2el_ms",         "p99_e2el_ms",       "mean_queue_ms",
    "utilisation",          "mean_batch",        "preemptions",
    "mean_task_ms",         "p99_task_ms",       "usd_per_m_input",
    "usd_per_m_output",     "usd_per_m_total",   "usd_per_request",
    "usd_per_task",         "cost_usd_per_h",    "joules_per_output_token",
    "margin_usd_per_gpu_h",
};

/* ---- pairing ---- */

static bool same_numbers(const struct outcome_run *a, const struct outcome_run *b)
{
    return a->seed == b->seed && a->replication == b->replication;
}

/* Runs are in the order of seed and replication. */
static void pair_runs(struct compare *c)
{
    const struct outcome *a = c->a, *b = c->b;

    c->paired = a->n_runs == b->n_runs;
    c->why_not = "one has more runs than the other";
    for (int64_t i = 0; c->paired && i < a->n_runs; i++)
        if (!same_numbers(&a->runs[i], &b->runs[i])) {
            c->paired = false;
            c->why_not = "their seeds and replications differ";
        }
    for (int64_t i = 1; c->paired && i < a->n_runs; i++)
        if (same_numbers(&a->runs[i - 1], &a->runs[i])) {
            c->paired = false;
            c->why_not = "several runs have the same seed and replication";
        }
    c->n_pairs = c->paired ? a->n_runs : 0;
}

/* ---- from replications ---- */

/* Those that have the metric. */
static int64_t present(const double *x, int64_t n, double *out)
{
    int64_t m = 0;

    for (int64_t i = 0; i < n; i++)
        if (!isnan(x[i]))
            out[m++] = x[i];
    return m;
}

static struct difference difference_of(const struct compare *c, const struct outcome_metric *a,
                                       const struct outcome_metric *b)
{
    double *x = mem_zalloc((size_t)c->a->n_runs, sizeof *x), *y = mem_zalloc((size_t)c->b->n_runs, sizeof *y);
    int64_t n_x = 0, n_y = 0;

    for (int64_t i = 0; c->paired && i < c->n_pairs; i++)
        if (!isnan(a->value[i]) && !isnan(b->value[i])) {
            x[n_x++] = a->value[i];
            y[n_y++] = b->value[i];
        }
    if (!c->paired) {
        n_x = present(a->value, c->a->n_runs, x);
        n_y = present(b->value, c->b->n_runs, y);
    }
    struct difference d = c->paired ? interval_paired(x, y, n_x, INTERVAL_CONFIDENCE)
                                    : interval_unpaired(x, n_x, y, n_y, INTERVAL_CONFIDENCE);
    free(x);
    free(y);
    return d;
}

static void add_row(struct compare *c, const struct outcome_metric *a, struct difference d, bool correlated)
{
    if (c->n_rows % 64 == 0)
        c->rows = mem_realloc(c->rows, ((size_t)c->n_rows + 64) * sizeof *c->rows);
    c->rows[c->n_rows++] = (struct compare_row){a->name, a->unit, d, NAN, false, correlated};
}

static void rows_of_runs(struct compare *c, const char *const *names, int64_t n_names, bool all)
{
    int64_t n = all ? c->a->n_metrics : n_names;

    for (int64_t i = 0; i < n; i++) {
        const struct outcome_metric *a = all ? &c->a->metrics[i] : outcome_metric(c->a, names[i]);
        const struct outcome_metric *b = outcome_metric(c->b, all ? a->name : names[i]);
        if (a == NULL || b == NULL)
            continue;
        struct difference d = difference_of(c, a, b);
        if (!isnan(d.a) && !isnan(d.b))
            add_row(c, a, d, false);
    }
}

/* ---- from the calls of one run each ---- */

static bool same_calls(const struct calls *a, const struct calls *b)
{
    bool same = a->n == b->n;

    for (int64_t i = 0; same && i < a->n; i++)
        same = a->at[i].id == b->at[i].id && a->at[i].t_arrive_ns == b->at[i].t_arrive_ns;
    return same;
}

static void row_of_calls(struct compare *c, const struct calls *a, const struct calls *b, enum calls_of of)
{
    double *x = mem_zalloc((size_t)a->n + 1, sizeof *x), *y = mem_zalloc((size_t)b->n + 1, sizeof *y);
    double batch_a[INTERVAL_BATCHES], batch_b[INTERVAL_BATCHES];
    int64_t n_x = calls_values(a, of, x), n_y = calls_values(b, of, y);
    char name[32];

    snprintf(name, sizeof name, "mean_%s_ms", calls_of_names[of]);
    const struct outcome_metric *m = outcome_metric(c->a, name);
    if (m && interval_batches(x, n_x, batch_a) && interval_batches(y, n_y, batch_b)) {
        bool paired =
            c->paired && n_x == n_y; /* a call may be of one token in both, or in neither: its length is drawn */
        struct difference d =
            paired ? interval_paired(batch_a, batch_b, INTERVAL_BATCHES, INTERVAL_CONFIDENCE)
                   : interval_unpaired(batch_a, INTERVAL_BATCHES, batch_b, INTERVAL_BATCHES, INTERVAL_CONFIDENCE);
        double each[INTERVAL_BATCHES];
        for (int i = 0; i < INTERVAL_BATCHES; i++)
            each[i] = batch_b[i] - batch_a[i];
        add_row(c, m, d,
                paired
                    ? interval_correlated(each, INTERVAL_BATCHES)
                    : interval_correlated(batch_a, INTERVAL_BATCHES) || interval_correlated(batch_b, INTERVAL_BATCHES));
    }
    free(x);
    free(y);
}

static int rows_of_calls(struct compare *c, const char *const *names, int64_t n_names, bool all, struct err *e)
{
    struct calls a = {0}, b = {0};
    int rc = calls_read(&a, c->a->path, e);

    if (rc == 0)
        rc = calls_read(&b, c->b->path, e);
    if (rc == 0 && c->paired && !same_calls(&a, &b)) {
        c->paired = false;
        c->why_not = "their calls did not come, or were not completed, alike";
    }
    c->n_pairs = rc == 0 && c->paired ? a.n : 0;
    for (int of = 0; rc == 0 && of < CALLS_OF; of++) {
        char name[32];
        bool wanted = all;
        snprintf(name, sizeof name, "mean_%s_ms", calls_of_names[of]);
        for (int64_t i = 0; i < n_names; i++)
            wanted |= strcmp(names[i], name) == 0;
        if (wanted)
            row_of_calls(c, &a, &b, (enum calls_of)of);
    }
    calls_free(&a);
    calls_free(&b);
    return rc;
}

/* ---- the whole ---- */

static void correct(struct compare *c)
{
    double *p = mem_zalloc((size_t)c->n_rows + 1, sizeof *p);

    for (int64_t i = 0; i < c->n_rows; i++) {
        bool same = c->rows[i].of.low == 0 && c->rows[i].of.high == 0; /* no doubt about it, so no test */
        p[i] = same ? NAN : c->rows[i].of.p;
        c->n_tests += !isnan(p[i]);
    }
    interval_holm(p, c->n_rows);
    for (int64_t i = 0; i < c->n_rows; i++) {
        c->rows[i].p_holm = p[i];
        c->rows[i].significant = p[i] <= 1 - INTERVAL_CONFIDENCE;
    }
    free(p);
}

int compare_make(struct compare *c, const struct outcome *a, const struct outcome *b, const char *const *names,
                 int64_t n_names, bool all, struct err *e)
{
    *c = (struct compare){.a = a, .b = b};
    for (int64_t i = 0; i < n_names; i++)
        if (!outcome_metric(a, names[i]) && !outcome_metric(b, names[i]))
            return err_set(e, EXIT_CODE_USAGE, "neither has a metric \"%s\" (`--all` shows those that both have)",
                           names[i]);
    if (n_names == 0 && !all) {
        names = usual;
        n_names = sizeof usual / sizeof *usual;
    }
    pair_runs(c);
    c->by = a->n_runs == 1 && b->n_runs == 1 ? COMPARE_BATCHES : COMPARE_REPLICATIONS;
    if (c->by == COMPARE_REPLICATIONS && (a->n_runs < 2 || b->n_runs < 2))
        return err_set(e, EXIT_CODE_USAGE,
                       "%s has one run, the other several: give two scenarios, two files of one run each, or two of "
                       "several (run --replications)",
                       a->n_runs < 2 ? a->path : b->path);
    if (c->by == COMPARE_REPLICATIONS)
        rows_of_runs(c, names, n_names, all);
    else if (rows_of_calls(c, names, n_names, all, e) != 0)
        return -1;
    if (c->n_rows == 0)
        return err_set(e, EXIT_CODE_FAILED, "%s",
                       c->by == COMPARE_BATCHES ? "of one run each, only mean_ttft_ms, mean_tpot_ms, mean_e2el_ms and "
                                                  "mean_queue_ms can be compared, over "
                                                  "40 calls or more (for others, see run --replications)"
                                                : "they have no metric in common");
    correct(c);
    return 0;
}

void compare_free(struct compare *c)
{
    free(c->rows);
    *c = (struct compare){0};
}

/* ---- text and JSON ---- */

static void print_json(const struct compare *c, FILE *out)
{
    struct json j = {.out = out};

    json_open(&j, NULL, '{');
    json_text(&j, "a", c->a->path);
    json_text(&j, "b", c->b->path);
    json_int(&j, "runs_a", c->a->n_runs);
    json_int(&j, "runs_b", c->b->n_runs);
    json_text(&j, "by", c->by == COMPARE_BATCHES ? "batch means" : "replications");
    json_bool(&j, "paired", c->paired);
    json_text(&j, "why_not_paired", c->paired ? NULL : c->why_not);
    json_int(&j, "pairs", c->n_pairs);
    json_real(&j, "confidence", INTERVAL_CONFIDENCE);
    json_text(&j, "correction", "Holm");
    json_int(&j, "tests", c->n_tests);
    json_open(&j, "metrics", '[');
    for (int64_t i = 0; i < c->n_rows; i++) {
        const struct compare_row *r = &c->rows[i];
        json_open(&j, NULL, '{');
        json_text(&j, "metric", r->name);
        json_text(&j, "unit", r->unit);
        json_int(&j, "n_a", r->of.n_a);
        json_int(&j, "n_b", r->of.n_b);
        json_real(&j, "a", r->of.a);
        json_real(&j, "b", r->of.b);
        json_real(&j, "difference", r->of.mean);
        json_real(&j, "low", r->of.low);
        json_real(&j, "high", r->of.high);
        json_real(&j, "ratio", r->of.ratio);
        json_real(&j, "ratio_low", r->of.ratio_low);
        json_real(&j, "ratio_high", r->of.ratio_high);
        json_real(&j, "p", r->of.p);
        json_real(&j, "p_holm", r->p_holm);
        json_bool(&j, "significant", r->significant);
        json_bool(&j, "correlated", r->correlated);
        json_close(&j, '}');
    }
    json_close(&j, ']');
    json_close(&j, '}');
}

static void print_head(const struct compare *c, FILE *out)
{
    const struct outcome *both[] = {c->a, c->b};

    for (int i = 0; i < 2; i++)
        fprintf(out, "%c: %s%s%s, %lld run%s\n", "AB"[i], both[i] -> path, *both[i] -> runs[0].params ? " @ " : "",
                both[i]->runs[0].params, (long long)both[i]->n_runs, both[i]->n_runs == 1 ? "" : "s");
    if (c->paired)
        fprintf(out, "PAIRED: %lld pairs of %s with common random numbers\n", (long long)c->n_pairs,
                c->by == COMPARE_BATCHES ? "calls" : "runs");
    else
        fprintf(out, "NOT PAIRED: %s\n", c->why_not);
    fprintf(out, "%.0f %% intervals %s; * significant by Holm's correction for %lld metrics\n\n",
            100 * INTERVAL_CONFIDENCE, c->by == COMPARE_BATCHES ? "by batch means" : "by Student's t",
            (long long)c->n_tests);
}

static void print_range(double low, double high, int width, FILE *out)
{
    char text[64] = "-";

    if (!isnan(low))
        snprintf(text, sizeof text, "%.4g .. %.4g", low, high);
    fprintf(out, " %*s", width, text);
}

void compare_print(const struct compare *c, bool json, FILE *out)
{
    bool correlated = false;

    if (json) {
        print_json(c, out);
        return;
    }
    print_head(c, out);
    fprintf(out, "%-26s %11s %11s %11s %24s %8s %20s %8s\n", "metric", "A", "B", "B - A", "interval", "B / A",
            "interval", "p (Holm)");
    for (int64_t i = 0; i < c->n_rows; i++) {
        const struct compare_row *r = &c->rows[i];
        fprintf(out, "%-26s %11.5g %11.5g %+11.4g", r->name, r->of.a, r->of.b, r->of.mean);
        print_range(r->of.low, r->of.high, 24, out);
        if (isnan(r->of.ratio))
            fprintf(out, " %8s", "-");
        else
            fprintf(out, " %8.4f", r->of.ratio);
        print_range(r->of.ratio_low, r->of.ratio_high, 20, out);
        if (isnan(r->p_holm))
            fprintf(out, " %8s", r->of.low == 0 && r->of.high == 0 ? "same" : "-");
        else
            fprintf(out, " %8.2g", r->p_holm);
        fprintf(out, "%s%s\n", r->significant ? " *" : "", r->correlated ? " correlated" : "");
        correlated |= r->correlated;
    }
    if (correlated)
        fputs("correlated: batches are not independent, so the interval is too short and p too small: make the runs "
              "longer, or "
              "use replications\n",
              out);
}
