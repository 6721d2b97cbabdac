#include "study/report_run.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "report/verdict.h"
#include "study/calls.h"
#include "study/page.h"

enum { NOTE_BYTES = 160, VALUE_BYTES = 64 };

/* ---- cards ---- */

/* What "; " parts, a line each. */
static void put_parts(FILE *out, const char *note)
{
    char part[NOTE_BYTES];

    for (const char *end; (end = strstr(note, "; ")) != NULL; note = end + 2) {
        snprintf(part, sizeof part, "%.*s", (int)(end - note), note);
        page_text(out, part);
        fputs("<br/>", out);
    }
    page_text(out, note);
}

void report_card(FILE *out, const char *name, const char *value, const char *unit, const char *class, const char *note)
{
    fprintf(out, "<div class=\"card\"><dt>%s</dt><dd><span class=\"v %s\">", name, class);
    page_text(out, value);
    fprintf(out, "</span> <span class=\"u\">%s</span>", unit);
    if (note[0]) {
        fputs("<br/><span class=\"n\">", out);
        put_parts(out, note);
        fputs("</span>", out);
    }
    fputs("</dd></div>\n", out);
}

static double metric(const struct results *r, const char *name)
{
    return results_metric(r, -1, name, NULL);
}

static void number_card(FILE *out, const char *name, double v, const char *unit, const char *note)
{
    char value[VALUE_BYTES];

    if (isnan(v))
        return;
    page_number(value, sizeof value, v);
    report_card(out, name, value, unit, "", note);
}

static void share_card(FILE *out, const char *name, double v, const char *note)
{
    char value[VALUE_BYTES];

    if (isnan(v))
        return;
    snprintf(value, sizeof value, "%.4g", 100 * v);
    report_card(out, name, value, "%", "", note);
}

static void ms_text(char *text, size_t size, double ms)
{
    if (ms >= 10000)
        snprintf(text, size, "%.4g s", ms / 1000);
    else
        snprintf(text, size, "%.4g ms", ms);
}

/* " 95 %: a to b" of a metric by the batch means of the run; empty where there is no such interval. */
static void interval_text(char *text, size_t size, const struct calls_interval *all, const char *key,
                          void (*of)(char *text, size_t size, double v))
{
    char from[VALUE_BYTES], to[VALUE_BYTES];

    text[0] = '\0';
    for (int i = 0; i < CALLS_INTERVALS; i++) {
        const struct interval *in = &all[i].of;
        if (strcmp(all[i].metric, key) != 0 || isnan(in->low) || isnan(in->high))
            continue;
        of(from, sizeof from, in->low);
        of(to, sizeof to, in->high);
        snprintf(text, size, "95 %%: %.20s to %.20s%s", from, to, all[i].correlated ? " or wider" : "");
    }
}

/* low, high: what measured systems of the kind show of the mean, 90 % of them. */
static void latency_card(FILE *out, const struct results *r, const struct calls_interval *all, const char *name,
                         const char *key, double low, double high)
{
    char id[VALUE_BYTES], value[VALUE_BYTES], p99[VALUE_BYTES], from[VALUE_BYTES], to[VALUE_BYTES], note[NOTE_BYTES],
        interval[NOTE_BYTES];

    snprintf(id, sizeof id, "p99_%s_ms", key);
    ms_text(p99, sizeof p99, metric(r, id));
    snprintf(id, sizeof id, "mean_%s_ms", key);
    double mean = metric(r, id);
    snprintf(id, sizeof id, "median_%s_ms", key);
    double median = metric(r, id);
    if (isnan(median))
        return;
    ms_text(value, sizeof value, median);
    ms_text(from, sizeof from, mean * low);
    ms_text(to, sizeof to, mean * high);
    interval_text(interval, sizeof interval, all, id, ms_text);
    snprintf(note, sizeof note, "%.60s%sp99 %.20s", interval, interval[0] ? "; " : "", p99);
    size_t n = strlen(note);
    if (!isnan(low) && !isnan(high) && !isnan(mean))
        snprintf(note + n, sizeof note - n, "; mean on hardware, 90 %%: %.20s to %.20s", from, to);
    report_card(out, name, value, "", "", note);
}

static void verdict_card(FILE *out, const struct results *r)
{
    double v = metric(r, "verdict"), waiting = metric(r, "verdict_waiting");
    char note[NOTE_BYTES] = "";

    if (!(v >= 0 && v < VERDICTS))
        return;
    if (!isnan(waiting))
        snprintf(note, sizeof note, "offered %.4g, answered %.4g calls/s; %.4g wait", metric(r, "verdict_offered"),
                 metric(r, "verdict_answered"), waiting);
    report_card(out, "Verdict", verdict_names[(int)v], "",
                (int)v == VERDICT_STABLE       ? "good"
                : (int)v == VERDICT_OVERLOADED ? "bad"
                                               : "warn",
                isnan(metric(r, "verdict_offered")) ? "" : note);
}

/* Of what the file has (cost: where [prices] is set). */
static const struct {
    const char *name, *metric, *unit;
} plain_cards[] = {
    {"Output per GPU", "output_throughput_per_gpu", "tok/s"},
    {"Decode batch, mean", "mean_batch", "sequences"},
    {"Preemptions", "preemptions", ""},
    {"Tasks of agents", "tasks_completed", ""},
    {"Time of a task", "task_slowdown", "x idle machine"},
    {"Tokens of a verification", "acceptance_length", ""},
    {"Replica seconds", "replica_seconds", "s"},
    {"Cost of the run", "cost_usd", "US$"},
    {"Cost per hour", "cost_usd_per_h", "US$/h"},
    {"Cost per M input tokens", "usd_per_m_input", "US$"},
    {"Cost per M output tokens", "usd_per_m_output", "US$"},
    {"Cost per request", "usd_per_request", "US$"},
    {"Cost per task", "usd_per_task", "US$"},
    {"Energy per output token", "joules_per_output_token", "J"},
    {"Margin per GPU-hour", "margin_usd_per_gpu_h", "US$"},
};

/* By batch means; none where the file keeps no requests. */
static void read_intervals(const char *path, struct calls_interval all[CALLS_INTERVALS])
{
    struct calls calls;
    struct err none = {0};

    memset(all, 0, CALLS_INTERVALS * sizeof *all);
    if (calls_read(&calls, path, &none) == 0)
        calls_intervals(&calls, all);
    calls_free(&calls);
}

void report_run_cards(FILE *out, const struct results *r, const char *path)
{
    const struct calibration *c = &r->calibration;
    char note[NOTE_BYTES], peak[VALUE_BYTES], interval[NOTE_BYTES];
    struct calls_interval all[CALLS_INTERVALS];
    bool drafts = metric(r, "acceptance_length") > 0; /* no system that was measured had speculation */

    read_intervals(path, all);
    fputs("<dl class=\"cards\">\n", out);
    verdict_card(out, r);
    snprintf(note, sizeof note, "%.6g failed, in %.6g s", metric(r, "failed"), metric(r, "duration"));
    number_card(out, "Answered requests", metric(r, "completed"), "", note);
    interval_text(note, sizeof note, all, "request_throughput", page_number);
    number_card(out, "Request throughput", metric(r, "request_throughput"), "req/s", note);
    number_card(out, "Goodput", metric(r, "request_goodput"), "req/s", "answered within every objective");
    share_card(out, "Objectives met", metric(r, "slo_attainment"), "");
    page_number(peak, sizeof peak, metric(r, "max_output_tokens_per_s"));
    interval_text(interval, sizeof interval, all, "output_throughput", page_number);
    snprintf(note, sizeof note, "%.60s%sat most %.20s", interval, interval[0] ? "; " : "", peak);
    number_card(out, "Output throughput", metric(r, "output_throughput"), "tok/s", note);
    latency_card(out, r, all, "TTFT, median", "ttft", c->ttft_low, c->ttft_high);
    latency_card(out, r, all, "TPOT, median", "tpot", drafts ? NAN : c->tpot_low, drafts ? NAN : c->tpot_high);
    latency_card(out, r, all, "E2EL, median", "e2el", NAN, NAN);
    latency_card(out, r, all, "Queue, median", "queue", NAN, NAN);
    share_card(out, "Replicas in use", metric(r, "utilisation"), "share of their time in steps");
    if (r->kv_blocks > 0)
        share_card(out, "KV blocks in use, peak", metric(r, "peak_kv_blocks") / (double)r->kv_blocks, "");
    share_card(out, "Prompt tokens from caches", metric(r, "prefix_hit_rate"), "");
    for (size_t i = 0; i < sizeof plain_cards / sizeof *plain_cards; i++)
        if (metric(r, plain_cards[i].metric) != 0)
            number_card(out, plain_cards[i].name, metric(r, plain_cards[i].metric), plain_cards[i].unit, "");
    fputs("</dl>\n", out);
    if (all[0].metric[0])
        fputs("<p>95 %: of this one run, by batch means of its calls (tiersim report --intervals); or wider: the "
              "batches are "
              "correlated. Chance between runs, what the model leaves out and what a calibration is off by come on "
              "top; on hardware: what "
              "measured systems of the kind showed.</p>\n",
              out);
}

/* ---- all metrics ---- */

/* A metric of all classes, then of each: the file names those of a class in the same order, as far as it has them. */
void report_run_metrics(FILE *out, const struct results *r)
{
    enum { CLASSES_SHOWN = 12 };
    char number[VALUE_BYTES];
    int64_t classes = r->n_classes > 1 ? r->n_classes < CLASSES_SHOWN ? r->n_classes : CLASSES_SHOWN : 0;

    fputs("<div class=\"scroll\"><table><thead><tr><th class=\"t\" scope=\"col\">metric</th><th class=\"t\" "
          "scope=\"col\">unit</th>"
          "<th scope=\"col\">all</th>",
          out);
    for (int64_t k = 0; k < classes; k++) {
        fputs("<th scope=\"col\">", out);
        page_text(out, r->classes[k].name);
        fputs("</th>", out);
    }
    fputs("</tr></thead><tbody>\n", out);
    for (int64_t i = 0; i < r->n_metrics; i++) {
        const struct store_metric *m = &r->metrics[i];
        if (m->class_id >= 0)
            continue;
        fputs("<tr><td class=\"t\">", out);
        page_text(out, m->name);
        fputs("</td><td class=\"t\">", out);
        page_text(out, m->unit);
        for (int64_t k = -1; k < classes; k++) {
            double v = k < 0 ? m->value : results_metric(r, k, m->name, NULL);
            page_figure(number, sizeof number, v);
            fprintf(out, "</td><td>%s%s", !isnan(v) && k < 0 && m->approximate ? "~" : "", isnan(v) ? "" : number);
        }
        fputs("</td></tr>\n", out);
    }
    fputs("</tbody></table></div>\n", out);
    if (classes && classes < r->n_classes)
        fprintf(out, "<p>%" PRId64 " more classes: table metric.</p>\n", r->n_classes - classes);
}

/* ---- what run it was ---- */

void report_run_head(FILE *out, const struct results *r, const char *path)
{
    fputs("<p>", out);
    page_text(out, path);
    fprintf(out,
            ", seed %" PRId64 ", %" PRId64 " replica%s, %" PRId64 " GPU%s, %.6g s "
            "simulated",
            r->seed, r->n_replicas, r->n_replicas == 1 ? "" : "s", r->gpus, r->gpus == 1 ? "" : "s",
            (double)r->t_end_ns / 1e9);
    if (r->warmup_ns > 0)
        fprintf(out, ", of which %.6g s of warm-up are left out (shaded in timelines)", (double)r->warmup_ns / 1e9);
    fputs("; run.log = ", out);
    page_text(out, r->log);
    fputs("; tiersim ", out);
    page_text(out, r->version ? r->version : "?");
    fputs(", fingerprint ", out);
    page_text(out, r->fingerprint ? r->fingerprint : "none");
    fputs(".</p>\n", out);
    if (strcmp(r->status, "complete") != 0 || r->recomputed) {
        fputs("<p class=\"bad\">The run is ", out);
        page_text(out, strcmp(r->status, "running") == 0 ? "not complete: it runs, or was killed" : r->status);
        if (r->message) {
            fputs(": ", out);
            page_text(out, r->message);
        }
        fputs(".</p>\n", out);
    }
    if (r->calibration.gpu_extrapolated || r->calibration.engine_extrapolated)
        fprintf(out, "<p class=\"warn\">Carried over from other hardware, not measured on this: %s%s%s.</p>\n",
                r->calibration.gpu_extrapolated ? "kernels" : "",
                r->calibration.gpu_extrapolated && r->calibration.engine_extrapolated ? " and " : "",
                r->calibration.engine_extrapolated ? "engine" : "");
}
