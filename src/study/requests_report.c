/* requests_report.c - a replay against the measurement: as text, as JSON, as a page of quantile-quantile plots. */
#include <inttypes.h>
#include <math.h>

#include "report/json.h"
#include "report/quantile.h"
#include "study/page.h"
#include "study/requests.h"

static const int percents[] = {1, 5, 10, 25, 50, 75, 90, 95, 99};
enum { PERCENTS = sizeof percents / sizeof *percents, PLOT_HEIGHT = 400 };

static const char *const names[REQUESTS_OF] = {"TTFT", "TPOT", "E2EL"};
static const char *const titles[REQUESTS_OF] = {"TTFT, ms", "TPOT, ms", "E2EL, ms"};
static const char *const keys[REQUESTS_OF] = {"ttft_ms", "tpot_ms", "e2el_ms"};

static double mean(const double *x, size_t n)
{
    double sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += x[i];
    return n ? sum / (double)n : NAN;
}

static double error_percent(double simulated, double measured)
{
    return 100 * (simulated / measured - 1);
}

static double w1_percent(const struct requests_sample *s)
{
    return 100 * s->w1_ms / mean(s->measured, s->n_measured);
}

/* ---- text ---- */

static void print_row(FILE *out, const char *what, const double *x, const char *format)
{
    fprintf(out, "  %-10s", what);
    for (int i = 0; i <= PERCENTS; i++)
        fprintf(out, format, x[i]);
    fputc('\n', out);
}

static void print_sample(FILE *out, const struct requests_sample *s, const char *title)
{
    double measured[PERCENTS + 1] = {mean(s->measured, s->n_measured)}, error[PERCENTS + 1],
                               simulated[PERCENTS + 1] = {mean(s->simulated, s->n_simulated)};

    fprintf(out, "\n%-12s%9s", title, "mean");
    for (int i = 0; i < PERCENTS; i++) {
        fprintf(out, "%*s%d", percents[i] < 10 ? 8 : 7, "p", percents[i]);
        measured[i + 1] = quantile_sorted(s->measured, s->n_measured, percents[i] / 100.0);
        simulated[i + 1] = quantile_sorted(s->simulated, s->n_simulated, percents[i] / 100.0);
    }
    fputc('\n', out);
    for (int i = 0; i <= PERCENTS; i++)
        error[i] = error_percent(simulated[i], measured[i]);
    print_row(out, "measured", measured, " %8.5g");
    print_row(out, "simulated", simulated, " %8.5g");
    print_row(out, "error, %", error, " %+8.1f");
    fprintf(out,
            "  Wasserstein-1 distance %.4g ms, %.1f%% of the measured mean; of one and the same request, median error "
            "%.1f%%\n",
            s->w1_ms, w1_percent(s), s->each_error);
}

void requests_print(const struct requests_report *r, FILE *out)
{
    const struct silicon_config *c = &r->setup->config;

    fprintf(out, "%s: %" PRId64 " requests, %s %s, %s on %" PRId64 " x %s; engine figures: %s%s\n", r->title, r->n,
            c->engine, c->engine_version, c->model, c->gpus, c->system, r->engine,
            r->extrapolated ? " (extrapolated)" : "");
    fprintf(out,
            "simulated: %" PRId64 " completed, %" PRId64 " preemptions; output tokens/s %.1f, measured %.1f "
            "(%+.1f%%)\n",
            r->completed, r->preemptions, r->simulated_tokens_s, r->measured_tokens_s,
            error_percent(r->simulated_tokens_s, r->measured_tokens_s));
    for (enum requests_of of = 0; of < REQUESTS_OF; of++)
        print_sample(out, &r->of[of], titles[of]);
}

/* ---- JSON ---- */

static void json_sample(struct json *j, const struct requests_sample *s, const char *key)
{
    json_open(j, key, '{');
    json_int(j, "measured_requests", (int64_t)s->n_measured);
    json_int(j, "simulated_requests", (int64_t)s->n_simulated);
    json_real(j, "measured_mean", mean(s->measured, s->n_measured));
    json_real(j, "simulated_mean", mean(s->simulated, s->n_simulated));
    json_open(j, "quantiles", '[');
    for (int i = 0; i < PERCENTS; i++) {
        double measured = quantile_sorted(s->measured, s->n_measured, percents[i] / 100.0),
               simulated = quantile_sorted(s->simulated, s->n_simulated, percents[i] / 100.0);
        json_open(j, NULL, '{');
        json_int(j, "percent", percents[i]);
        json_real(j, "measured", measured);
        json_real(j, "simulated", simulated);
        json_real(j, "error_percent", error_percent(simulated, measured));
        json_close(j, '}');
    }
    json_close(j, ']');
    json_real(j, "wasserstein_ms", s->w1_ms);
    json_real(j, "wasserstein_percent", w1_percent(s));
    json_real(j, "median_request_error_percent", s->each_error);
    json_close(j, '}');
}

void requests_json(const struct requests_report *r, FILE *out)
{
    const struct silicon_config *c = &r->setup->config;
    struct json j = {.out = out};

    json_open(&j, NULL, '{');
    json_text(&j, "table", r->title);
    json_text(&j, "model", c->model);
    json_text(&j, "gpu", c->system);
    json_int(&j, "gpus", c->gpus);
    json_text(&j, "engine", c->engine);
    json_text(&j, "engine_version", c->engine_version);
    json_text(&j, "engine_figures", r->engine);
    json_bool(&j, "extrapolated", r->extrapolated);
    json_int(&j, "requests", r->n);
    json_int(&j, "completed", r->completed);
    json_int(&j, "preemptions", r->preemptions);
    json_real(&j, "measured_output_tokens_per_s", r->measured_tokens_s);
    json_real(&j, "simulated_output_tokens_per_s", r->simulated_tokens_s);
    for (enum requests_of of = 0; of < REQUESTS_OF; of++)
        json_sample(&j, &r->of[of], keys[of]);
    json_close(&j, '}');
    fputc('\n', out);
}

/* ---- page ---- */

/* One dot for each simulated value, against the measured one of the same rank in per cent. */
static void put_plot(FILE *out, const struct requests_sample *s, enum requests_of of)
{
    struct page_scale a = page_scale(PAGE_MS, true);
    char label[64], x_title[64];
    size_t n = s->n_simulated < s->n_measured ? s->n_simulated : s->n_measured;

    for (size_t i = 0; i < s->n_measured; i++)
        page_scale_take(&a, fmax(s->measured[i], 1e-3));
    for (size_t i = 0; i < s->n_simulated; i++)
        page_scale_take(&a, fmax(s->simulated[i], 1e-3));
    page_scale_round(&a);
    struct page_plot plot = {a, a, PLOT_HEIGHT};
    snprintf(label, sizeof label, "%s, quantiles, simulated against measured", names[of]);
    snprintf(x_title, sizeof x_title, "measured %s", names[of]);
    fprintf(out,
            "<figure><figcaption><b>Simulated %s.</b> The line: the same distribution; the band: within 20%%. Wasserstein-1 "
            "distance %.4g ms, %.1f%% of the measured mean.</figcaption>\n",
            names[of], s->w1_ms, w1_percent(s));
    page_plot_begin(out, &plot, label, x_title);
    page_plot_same(out, &plot, 0.2);
    for (size_t i = 0; i < n; i++) {
        double p = ((double)i + 0.5) / (double)n, x = quantile_sorted(s->measured, s->n_measured, p),
               y = quantile_sorted(s->simulated, s->n_simulated, p);
        page_plot_dot(out, &plot, fmax(x, 1e-3), fmax(y, 1e-3), 0);
        fprintf(out, "<title>%.1f%%: measured %.4g ms, simulated %.4g ms</title></circle>\n", 100 * p, x, y);
    }
    page_plot_end(out);
    fputs("</figure>\n", out);
}

static void put_table(FILE *out, const struct requests_report *r)
{
    fputs("<div class=\"scroll\"><table><thead><tr><th></th><th></th>", out);
    for (int i = 0; i < PERCENTS; i++)
        fprintf(out, "<th>p%d</th>", percents[i]);
    fputs("</tr></thead><tbody>\n", out);
    for (enum requests_of of = 0; of < REQUESTS_OF; of++)
        for (int row = 0; row < 3; row++) {
            static const char *const what[] = {"measured, ms", "simulated, ms", "error, %"};
            fprintf(out, "<tr><td class=\"t\">%s</td><td class=\"t\">%s</td>", row ? "" : names[of], what[row]);
            for (int i = 0; i < PERCENTS; i++) {
                const struct requests_sample *s = &r->of[of];
                double m = quantile_sorted(s->measured, s->n_measured, percents[i] / 100.0),
                       x = quantile_sorted(s->simulated, s->n_simulated, percents[i] / 100.0);
                if (row == 2)
                    fprintf(out, "<td>%+.1f</td>", error_percent(x, m));
                else
                    fprintf(out, "<td>%.5g</td>", row ? x : m);
            }
            fputs("</tr>\n", out);
        }
    fputs("</tbody></table></div>\n", out);
}

void requests_html(const struct requests_report *r, FILE *out)
{
    page_begin(out, "Request by request", r->title);
    fprintf(out, "<p>%" PRId64 " requests: ", r->n);
    page_text(out, r->setup->config.model);
    fputs(" on ", out);
    page_text(out, r->setup->config.system);
    fprintf(out, "; output tokens/s simulated %.1f, measured %.1f.</p>\n<div class=\"plots\">\n", r->simulated_tokens_s,
            r->measured_tokens_s);
    for (enum requests_of of = 0; of < REQUESTS_OF; of++)
        if (r->of[of].n_measured && r->of[of].n_simulated)
            put_plot(out, &r->of[of], of);
    fputs("</div>\n", out);
    put_table(out, r);
    page_end(out);
}
