#include "study/marginal.h"

#include <math.h>
#include <stdlib.h>

#include "base/bug.h"
#include "report/json.h"
#include "study/trials.h"

enum { BASE, MORE_INPUT, MORE_OUTPUT, RUNS };

/* Of a replication of each run. */
struct figures {
    double used, idle_share, input, output, attributed[MARGINAL_TOKENS];
};

static double metric(const struct outcome *o, const char *name, int64_t run)
{
    const struct outcome_metric *m = outcome_metric(o, name);

    return m ? m->value[run] : NAN;
}

static struct figures figures_of(const struct outcome *o, int64_t run)
{
    double idle = metric(o, "cost_idle_share", run);

    return (struct figures){
        .used = metric(o, "cost_usd", run) * (1 - idle),
        .idle_share = idle,
        .input = metric(o, "total_input_tokens", run) - metric(o, "cached_input_tokens", run),
        .output = metric(o, "total_output_tokens", run),
        .attributed = {metric(o, "usd_per_m_input", run), metric(o, "usd_per_m_output", run)},
    };
}

/* m_in, m_out of a replication, in US$ a million tokens. */
static void solve(const struct figures f[RUNS], double out[MARGINAL_TOKENS])
{
    double a = f[MORE_INPUT].input - f[BASE].input, b = f[MORE_INPUT].output - f[BASE].output;
    double c = f[MORE_OUTPUT].input - f[BASE].input, d = f[MORE_OUTPUT].output - f[BASE].output;
    double x = f[MORE_INPUT].used - f[BASE].used, y = f[MORE_OUTPUT].used - f[BASE].used;
    double det = a * d - b * c, scale = 1e6 / (1 - f[BASE].idle_share);

    out[MARGINAL_INPUT] = det != 0 ? (x * d - b * y) / det * scale : NAN;
    out[MARGINAL_OUTPUT] = det != 0 ? (a * y - x * c) / det * scale : NAN;
}

static double shares(const struct figures *f, const double price[MARGINAL_TOKENS])
{
    return f->input * price[MARGINAL_INPUT] + f->output * price[MARGINAL_OUTPUT];
}

static void summarise(const struct outcome o[RUNS], int64_t n, struct marginal_result *out)
{
    double *at = mem_zalloc((size_t)n * 7, sizeof *at), *covered = at + 6 * n;

    for (int64_t i = 0; i < n; i++) {
        struct figures f[RUNS];
        double m[MARGINAL_TOKENS];
        for (int k = 0; k < RUNS; k++)
            f[k] = figures_of(&o[k], i);
        solve(f, m);
        for (int k = 0; k < MARGINAL_TOKENS; k++) {
            at[(3 * k) * n + i] = f[BASE].attributed[k];
            at[(3 * k + 1) * n + i] = m[k];
            at[(3 * k + 2) * n + i] = m[k] / f[BASE].attributed[k];
        }
        covered[i] = shares(&f[BASE], m) / shares(&f[BASE], f[BASE].attributed);
    }
    for (int k = 0; k < MARGINAL_TOKENS; k++) {
        out->attributed[k] = interval_of(at + (3 * k) * n, n, INTERVAL_CONFIDENCE);
        out->marginal[k] = interval_of(at + (3 * k + 1) * n, n, INTERVAL_CONFIDENCE);
        out->ratio[k] = interval_of(at + (3 * k + 2) * n, n, INTERVAL_CONFIDENCE);
    }
    out->covered = interval_of(covered, n, INTERVAL_CONFIDENCE);
    free(at);
}

/* The scenario's own scale, or what the user sets, times 1 + more. */
static double scale_of(const struct marginal_ask *ask, enum marginal_token of)
{
    struct study s;
    struct scenario sc;
    struct diags d;
    double scale = 1;

    diags_init(&d);
    if (study_open(&s, ask->path, ask->sets, ask->n_sets, &d)) {
        if (study_load(&s, 0, &sc, &d))
            scale = of == MARGINAL_INPUT ? sc.workload.input_scale : sc.workload.output_scale;
        scenario_free(&sc);
    }
    study_free(&s);
    diags_free(&d);
    return scale * (1 + ask->more);
}

static int run_all(const struct marginal_ask *ask, struct outcome o[RUNS], struct err *e)
{
    static const char *const keys[RUNS] = {[MORE_INPUT] = "input_scale", [MORE_OUTPUT] = "output_scale"};
    char **sets = mem_zalloc(ask->n_sets + 1, sizeof *sets), more[64];

    for (size_t i = 0; i < ask->n_sets; i++)
        sets[i] = ask->sets[i];
    for (int k = 0; k < RUNS && e->code == 0; k++) {
        if (keys[k]) {
            snprintf(more, sizeof more, "workload.%s=%.17g", keys[k],
                     scale_of(ask, k == MORE_INPUT ? MARGINAL_INPUT : MARGINAL_OUTPUT));
            sets[ask->n_sets] = more;
        }
        trials_replicate(&o[k], ask->path, sets, ask->n_sets + (keys[k] != NULL), ask->replications, ask->workers, e);
        if (e->code == 0 && k == BASE && outcome_metric(&o[k], "cost_usd") == NULL)
            err_set(e, EXIT_CODE_USAGE, "%s: nothing in it has a price (want [prices], e.g. -s prices.preset=2026q4)",
                    ask->path);
    }
    free(sets);
    return e->code ? -1 : 0;
}

int marginal_find(const struct marginal_ask *ask, struct marginal_result *out, struct err *e)
{
    struct outcome o[RUNS] = {0};

    if (run_all(ask, o, e) == 0)
        summarise(o, ask->replications, out);
    for (int k = 0; k < RUNS; k++)
        outcome_free(&o[k]);
    return e->code ? -1 : 0;
}

/* ---- what came of it ---- */

static void print_interval(FILE *out, const struct interval *i)
{
    char text[64];

    snprintf(text, sizeof text, "%.4g (%.4g - %.4g)", i->mean, i->low, i->high);
    fprintf(out, " %-30s", text);
}

static void json_interval(struct json *j, const char *name, const struct interval *i)
{
    json_open(j, name, '{');
    json_real(j, "mean", i->mean);
    json_real(j, "low", i->low);
    json_real(j, "high", i->high);
    json_close(j, '}');
}

void marginal_print(const struct marginal_result *r, const struct marginal_ask *ask, bool json, FILE *out)
{
    static const char *const names[MARGINAL_TOKENS] = {"input tokens", "output tokens"};
    static const char *const keys[MARGINAL_TOKENS] = {"input", "output"};
    struct json j = {.out = out};

    if (json) {
        json_open(&j, NULL, '{');
        json_real(&j, "more", ask->more);
        json_int(&j, "replications", ask->replications);
        for (int k = 0; k < MARGINAL_TOKENS; k++) {
            json_open(&j, keys[k], '{');
            json_interval(&j, "attributed_usd_per_m", &r->attributed[k]);
            json_interval(&j, "marginal_usd_per_m", &r->marginal[k]);
            json_interval(&j, "ratio", &r->ratio[k]);
            json_close(&j, '}');
        }
        json_interval(&j, "covered", &r->covered);
        json_close(&j, '}');
        return;
    }
    fprintf(out, "%-16s %-30s %-30s %s\n", "US$ a million", "attributed (95 %)", "marginal (95 %)",
            "marginal / attributed");
    for (int k = 0; k < MARGINAL_TOKENS; k++) {
        fprintf(out, "%-16s", names[k]);
        print_interval(out, &r->attributed[k]);
        print_interval(out, &r->marginal[k]);
        fprintf(out, " %.3f (%.3f - %.3f)\n", r->ratio[k].mean, r->ratio[k].low, r->ratio[k].high);
    }
    fprintf(out,
            "Marginal prices would bring in %.1f %% (%.1f - %.1f) of what computed input and output are attributed.\n"
            "%g %% more of each, %lld replications with common random numbers; at the share of idle that there is.\n",
            100 * r->covered.mean, 100 * r->covered.low, 100 * r->covered.high, 100 * ask->more,
            (long long)ask->replications);
}
