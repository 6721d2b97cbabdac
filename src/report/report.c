#include "report/report.h"

#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "report/json.h"
#include "report/load.h"
#include "report/report_cost.h"
#include "report/report_memory.h"
#include "report/report_study.h"
#include "report/verdict.h"

enum { WIDTH = 50, LABEL = 40 };

struct page {
    const struct results *r;
    FILE *out;
    bool approximate; /* some value was */
};

/* Texts of the file reach a terminal: control characters do not. */
static void print_clean(FILE *out, const char *s)
{
    for (; s && *s; s++)
        fputc(iscntrl((unsigned char)*s) ? '?' : *s, out);
}

static void rule(const struct page *p, const char *title, char fill)
{
    int room = WIDTH - (int)strlen(title), left = room / 2;

    for (int i = 0; i < left; i++)
        fputc(fill, p->out);
    fputs(title, p->out);
    for (int i = left; i < room; i++)
        fputc(fill, p->out);
    fputc('\n', p->out);
}

static void label(const struct page *p, const char *text)
{
    fprintf(p->out, "%-*s ", LABEL, text);
}

static void line_text(const struct page *p, const char *name, const char *value)
{
    label(p, name);
    print_clean(p->out, value ? value : "-");
    fputc('\n', p->out);
}

static void line_value(const struct page *p, const char *name, double value, int decimals, const char *after)
{
    label(p, name);
    if (isnan(value))
        fputs("-\n", p->out);
    else
        fprintf(p->out, "%.*f%s\n", decimals, value, after);
}

static void line(struct page *p, const char *name, const char *metric, int decimals)
{
    bool approximate;
    double value = results_metric(p->r, -1, metric, &approximate);

    p->approximate |= approximate && !isnan(value);
    line_value(p, name, value, decimals, approximate ? " ~" : "");
}

/* Only where there is something to tell. */
static void some(struct page *p, const char *name, const char *metric)
{
    if (results_metric(p->r, -1, metric, NULL) > 0)
        line(p, name, metric, 0);
}

static void share(const struct page *p, const char *name, double value)
{
    line_value(p, name, 100 * value, 2, " %");
}

static void latency(struct page *p, const char *title, const char *upper, const char *lower)
{
    static const char *const stats[][2] = {{"Mean", "mean"}, {"Median", "median"}, {"P99", "p99"}};
    char name[64], metric[64];

    rule(p, title, '-');
    for (size_t i = 0; i < sizeof stats / sizeof stats[0]; i++) {
        snprintf(name, sizeof name, "%s %s (ms):", stats[i][0], upper);
        snprintf(metric, sizeof metric, "%s_%s_ms", stats[i][1], lower);
        line(p, name, metric, 2);
    }
}

static void print_head(const struct page *p)
{
    const struct results *r = p->r;

    if (strcmp(r->status, "complete") == 0)
        return;
    fputs("NOT COMPLETE: status ", p->out);
    print_clean(p->out, r->status);
    if (r->message) {
        fputs(" (", p->out);
        print_clean(p->out, r->message);
        fputc(')', p->out);
    }
    fprintf(p->out, "; %s %.3f s simulated\n",
            r->recomputed ? "cut short, computed from the rows that were kept, up to" : "results up to",
            (double)r->t_end_ns / 1e9);
}

/* A name of the scenario's, for the margin. */
static void clean(char *name)
{
    for (char *s = name; *s; s++)
        *s = iscntrl((unsigned char)*s) ? '?' : *s;
}

static void print_pools(struct page *p)
{
    static const char *const metrics[][2] = {{"utilisation", "  of pool %.20s:"}, {"mean_batch", "  decode batch, %.16s:"}};
    char name[64], metric[576];
    double value;

    for (int m = 0; m < 2; m++)
        for (int64_t i = 0; p->r->n_pools > 1 && i < p->r->n_pools; i++) {
            const char *pool = p->r->pools[i].name;
            snprintf(name, sizeof name, metrics[m][1], pool);
            snprintf(metric, sizeof metric, "%s/%.512s", metrics[m][0], pool);
            clean(name);
            value = results_metric(p->r, -1, metric, NULL);
            if (m == 0)
                share(p, name, value);
            else if (value > 0)
                line_value(p, name, value, 2, "");
        }
    if (!(results_metric(p->r, -1, "handed", NULL) > 0))
        return;
    line(p, "Mean KV handoff (ms):", "mean_handoff_ms", 2);
    share(p, "KV handoff, of TTFT:", results_metric(p->r, -1, "handoff_share", NULL));
}

static void print_agents(struct page *p)
{
    static const char *const parts[][2] = {{"  queue:", "task_share/queue"},     {"  restore:", "task_share/restore"},
                                           {"  prefill:", "task_share/prefill"}, {"  handoff:", "task_share/handoff"},
                                           {"  decode:", "task_share/decode"},   {"  tools:", "task_share/tool"},
                                           {"  tried again:", "task_share/retry"}};

    if (isnan(results_metric(p->r, -1, "agent_tasks", NULL)))
        return;
    rule(p, "Tasks of agents", '-');
    line(p, "Tasks:", "agent_tasks", 0);
    some(p, "Tasks failed:", "agent_tasks_failed");
    line(p, "Mean steps of a task:", "mean_task_steps", 2);
    line(p, "Mean time of a task (ms):", "mean_task_ms", 2);
    line(p, "Median time of a task (ms):", "median_task_ms", 2);
    line(p, "P99 time of a task (ms):", "p99_task_ms", 2);
    line(p, "Times that of an idle machine:", "task_slowdown", 3);
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        if (results_metric(p->r, -1, parts[i][1], NULL) > 0)
            share(p, parts[i][0], results_metric(p->r, -1, parts[i][1], NULL));
    if (!isnan(results_metric(p->r, -1, "agent_attainment", NULL)))
        share(p, "Within their deadline:", results_metric(p->r, -1, "agent_attainment", NULL));
}

static void print_classes(const struct page *p)
{
    const struct results *r = p->r;
    double attainment = results_metric(r, -1, "slo_attainment", NULL);
    char name[64];

    if (isnan(attainment))
        return;
    share(p, "SLO attainment:", attainment);
    for (int64_t k = 0; r->n_classes > 1 && k < r->n_classes; k++) {
        snprintf(name, sizeof name, "  of class %.24s:", r->classes[k].name);
        clean(name);
        share(p, name, results_metric(r, k, "slo_attainment", NULL));
    }
}

/* Means that a real system of the kind would show, going by those that were measured. */
static void interval(const struct page *p, const char *name, const char *metric, double low, double high)
{
    double mean = results_metric(p->r, -1, metric, NULL);

    if (isnan(mean) || isnan(low) || isnan(high))
        return;
    label(p, name);
    fprintf(p->out, "%.2f - %.2f\n", mean * low, mean * high);
}

static const char *extrapolated(const struct calibration *c)
{
    return c->gpu_extrapolated && c->engine_extrapolated ? "kernels and engine"
           : c->gpu_extrapolated                         ? "kernels"
           : c->engine_extrapolated                      ? "engine"
                                                         : NULL;
}

static void print_calibration(const struct page *p)
{
    const struct calibration *c = &p->r->calibration;

    if (c->at) { /* the run is at one end of them, or somewhere within */
        line_text(p, "Calibration:", c->at);
        return;
    }
    interval(p, "Mean TTFT on hardware, 90 % (ms):", "mean_ttft_ms", c->ttft_low, c->ttft_high);
    if (!(results_metric(p->r, -1, "acceptance_length", NULL) > 0)) /* none of those had speculation */
        interval(p, "Mean TPOT on hardware, 90 % (ms):", "mean_tpot_ms", c->tpot_low, c->tpot_high);
}

static void print_extrapolated(const struct page *p)
{
    const struct calibration *c = &p->r->calibration;

    if (extrapolated(c))
        line_text(p, "EXTRAPOLATED, not measured here:", extrapolated(c));
}

static void print_left(const struct page *p)
{
    static const char *const counters[][2] = {{"trace_calls_left_out", "Calls of the trace left out:"},
                                              {"requests_held", "Still held centrally:"},
                                              {"requests_waiting", "Still waiting:"},
                                              {"requests_running", "Still running:"}};
    int64_t n;

    for (size_t i = 0; i < sizeof counters / sizeof counters[0]; i++)
        if (results_counter(p->r, counters[i][0], &n) && n != 0) {
            label(p, counters[i][1]);
            fprintf(p->out, "%" PRId64 "\n", n);
        }
}

static const char *verdict(const struct results *r)
{
    double value = results_metric(r, -1, "verdict", NULL);

    return value >= 0 && value < VERDICTS ? verdict_names[(int)value] : NULL;
}

static void print_text(const struct results *r, FILE *out)
{
    struct page p = {.r = r, .out = out};

    print_head(&p);
    rule(&p, " Serving Benchmark Result ", '=');
    line(&p, "Successful requests:", "completed", 0);
    line(&p, "Failed requests:", "failed", 0);
    some(&p, "Rejected:", "rejected");
    some(&p, "Timed out:", "timed_out");
    some(&p, "Tried again:", "retried");
    if (r->mser5)
        line_value(&p, "Warm-up left out, by MSER-5 (s):", (double)r->warmup_ns / 1e9, 2, "");
    line(&p, "Benchmark duration (s):", "duration", 2);
    line(&p, "Total input tokens:", "total_input_tokens", 0);
    line(&p, "Total generated tokens:", "total_output_tokens", 0);
    line(&p, "Request throughput (req/s):", "request_throughput", 2);
    if (!isnan(results_metric(r, -1, "request_goodput", NULL)))
        line(&p, "Request goodput (req/s):", "request_goodput", 2);
    line(&p, "Output token throughput (tok/s):", "output_throughput", 2);
    line(&p, "Peak output token throughput (tok/s):", "max_output_tokens_per_s", 2);
    line(&p, "Peak concurrent requests:", "max_concurrent_requests", 2);
    line(&p, "Total token throughput (tok/s):", "total_token_throughput", 2);
    latency(&p, "Time to First Token", "TTFT", "ttft");
    latency(&p, "Time per Output Token (excl. 1st token)", "TPOT", "tpot");
    latency(&p, "Inter-token Latency", "ITL", "itl");
    latency(&p, "End-to-end Latency", "E2EL", "e2el");
    print_agents(&p);
    if (report_has_memory(r)) {
        rule(&p, "Memory", '-');
        report_memory(r, LABEL, out);
    }
    if (report_has_cost(r)) {
        rule(&p, "Cost", '-');
        report_cost(r, LABEL, out);
    }
    rule(&p, "tiersim", '-');
    line_text(&p, "Status:", r->status);
    line_text(&p, "Verdict:", verdict(r));
    line_text(&p, "Fingerprint:", r->fingerprint);
    label(&p, "Seed:");
    fprintf(out, "%" PRId64 "\n", r->seed);
    line_text(&p, "Log level:", r->log);
    print_classes(&p);
    if (results_metric(r, -1, "scale_outs", NULL) + results_metric(r, -1, "scale_ins", NULL) > 0) {
        line(&p, "Replica seconds:", "replica_seconds", 1);
        line(&p, "Replicas started:", "scale_outs", 0);
        line(&p, "Replicas drained:", "scale_ins", 0);
    }
    share(&p, "Replica utilisation:", results_metric(r, -1, "utilisation", NULL));
    print_pools(&p);
    line(&p, "Steps:", "steps", 0);
    line(&p, "Mean decode batch:", "mean_batch", 2);
    if (results_metric(r, -1, "acceptance_length", NULL) > 0) {
        line(&p, "Acceptance length (tokens):", "acceptance_length", 2);
        line(&p, "Decoded tokens per step:", "decode_tokens_per_step", 2);
        share(&p, "Drafting, of step time:", results_metric(r, -1, "draft_share", NULL));
    }
    line(&p, "Mean queue time (ms):", "mean_queue_ms", 2);
    line(&p, "Output throughput per GPU (tok/s):", "output_throughput_per_gpu", 2);
    share(&p, "Peak KV blocks in use:",
          r->kv_blocks > 0 ? results_metric(r, -1, "peak_kv_blocks", NULL) / (double)r->kv_blocks : NAN);
    line(&p, "Preemptions:", "preemptions", 0);
    print_left(&p);
    print_calibration(&p);
    print_extrapolated(&p);
    rule(&p, "", '=');
    if (p.approximate)
        fputs("~ from a log histogram, within 0.1 % (run.log=request keeps exact values)\n", out);
}

static void json_metrics(struct json *j, const struct results *r, int64_t class_id)
{
    for (int64_t i = 0; i < r->n_metrics; i++)
        if (r->metrics[i].class_id == class_id)
            json_real(j, r->metrics[i].name, r->metrics[i].value);
}

static void print_json(const struct results *r, FILE *out)
{
    struct json j = {.out = out};

    json_open(&j, NULL, '{');
    json_text(&j, "status", r->status);
    json_text(&j, "message", r->message);
    json_bool(&j, "recomputed", r->recomputed);
    json_text(&j, "verdict_name", verdict(r));
    json_text(&j, "fingerprint", r->fingerprint);
    json_text(&j, "version", r->version);
    json_text(&j, "scenario", r->scenario_path);
    json_text(&j, "config_hash", r->config_hash);
    json_text(&j, "log", r->log);
    json_int(&j, "seed", r->seed);
    json_int(&j, "replication", r->replication);
    json_real(&j, "warmup", (double)r->warmup_ns / 1e9);
    json_text(&j, "warmup_by", r->mser5 ? "mser5" : "given");
    json_real(&j, "t_end", (double)r->t_end_ns / 1e9);
    json_int(&j, "events", r->events);
    json_real(&j, "wall_s", r->wall_s);
    json_int(&j, "replicas", r->n_replicas);
    json_int(&j, "gpus", r->gpus);
    json_int(&j, "kv_blocks", r->kv_blocks);
    json_open(&j, "calibration", '{');
    json_real(&j, "tpot_low", r->calibration.tpot_low);
    json_real(&j, "tpot_high", r->calibration.tpot_high);
    json_real(&j, "ttft_low", r->calibration.ttft_low);
    json_real(&j, "ttft_high", r->calibration.ttft_high);
    json_text(&j, "extrapolated", extrapolated(&r->calibration));
    if (r->calibration.at)
        json_text(&j, "at", r->calibration.at);
    json_close(&j, '}');
    json_metrics(&j, r, -1);
    json_open(&j, "approximate", '[');
    for (int64_t i = 0; i < r->n_metrics; i++)
        if (r->metrics[i].class_id < 0 && r->metrics[i].approximate)
            json_text(&j, NULL, r->metrics[i].name);
    json_close(&j, ']');
    json_open(&j, "classes", '[');
    for (int64_t k = 0; k < r->n_classes; k++) {
        json_open(&j, NULL, '{');
        json_text(&j, "name", r->classes[k].name);
        json_metrics(&j, r, k);
        json_close(&j, '}');
    }
    json_close(&j, ']');
    json_open(&j, "counters", '{');
    for (int64_t i = 0; i < r->n_counters; i++)
        json_int(&j, r->counters[i].name, r->counters[i].value);
    json_close(&j, '}');
    json_close(&j, '}');
}

int report_print(const char *path, enum report_format format, FILE *out, struct err *e)
{
    struct results r;

    if (results_is_study(path))
        return report_study(path, format, out, e);
    int rc = results_load(&r, path, e);

    if (rc == 0 && format == REPORT_JSON)
        print_json(&r, out);
    else if (rc == 0)
        print_text(&r, out);
    results_free(&r);
    return rc;
}
