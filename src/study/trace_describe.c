#include "study/trace_describe.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "report/json.h"
#include "study/trace_stats.h"
#include "study/trace_suggest.h"
#include "workload/trace_file.h"

struct described {
    const char *path;
    const struct trace_kind *kind;
    const struct trace_about *about;
    int64_t failed;
    struct trace_stats stats;
};

static const double shown[] = {0, 0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 1};
enum { SHOWN = sizeof shown / sizeof *shown };

static double seconds(int64_t ns)
{
    return (double)ns * 1e-9;
}

static double share(int64_t part, int64_t whole)
{
    return whole > 0 ? (double)part / (double)whole : NAN;
}

/* ---- text ---- */

static void print_times(const struct described *d, FILE *out)
{
    const struct trace_stats *s = &d->stats;

    if (!d->about->times) {
        fprintf(out, "times        none: arrivals must be drawn\n");
        return;
    }
    if (s->last_ns == 0) {
        fprintf(out, "times        all at 0\n");
        return;
    }
    fprintf(out, "span         %.7g s\n", seconds(s->last_ns));
    fprintf(out, "rate         %.6g/s\n", trace_suggest_rate(s));
    fprintf(out, "gaps         coefficient of variation %.4g (1: Poisson)\n", trace_stats_cv(s));
    fprintf(out, "dispersion  ");
    for (int w = 0; w < TRACE_WINDOWS; w++)
        fprintf(out, "%s %.4g at %" PRId64 " s", w ? "," : "", trace_stats_dispersion(s, w), trace_window_s[w]);
    fprintf(out, " (variance of counts over their mean; 1: Poisson)\n");
}

static void print_lengths(const char *name, const struct trace_lengths *l, FILE *out)
{
    fprintf(out, "%-12s %" PRId64 " tokens, mean %.6g, sd %.6g\n            ", name, l->tokens, l->plain.mean,
            sqrt(moments_variance(&l->plain)));
    for (int i = 0; i < SHOWN; i++)
        fprintf(out, " p%g %.0f%s", 100 * shown[i], trace_stats_quantile(l, shown[i]), i + 1 < SHOWN ? "," : "\n");
}

static void print_content(const struct described *d, FILE *out)
{
    const struct trace_stats *s = &d->stats;

    if (d->about->block_tokens > 0)
        fprintf(out,
                "prefixes     %.4g%% of blocks (%" PRId64 " of %" PRId64 ", of %" PRId64
                " tokens), %.4g%% of prompt tokens were there before\n",
                100 * share(s->blocks_shared, s->blocks_all), s->blocks_shared, s->blocks_all, d->about->block_tokens,
                100 * share(s->tokens_shared, s->input.tokens));
    else
        fprintf(out, "prefixes     the format says nothing of them\n");
    if (d->about->sessions)
        fprintf(out, "sessions     %zu, with %" PRId64 " rows; %" PRId64 " rows without\n", s->sessions.n,
                s->session_rows, s->rows - s->session_rows);
    if (s->waiting > 0)
        fprintf(out,
                "waits        %" PRId64 " calls wait for others: %" PRId64 " after tools (%.6g s), and gaps (%.6g s); tools are "
                "%.4g%% of both\n",
                s->waiting, s->after_tools, s->tools_s, s->gaps_s,
                s->tools_s > 0 ? 100 * s->tools_s / (s->tools_s + s->gaps_s) : 0);
}

static void print_text(const struct described *d, FILE *out)
{
    const struct trace_stats *s = &d->stats;

    fprintf(out, "trace        %s\n", d->path);
    fprintf(out, "format       %s (%s)\n", d->kind->name, d->kind->is);
    fprintf(out, "rows         %" PRId64, s->rows);
    if (d->failed)
        fprintf(out, ", and %" PRId64 " marked as failed, left out", d->failed);
    fprintf(out, "\n");
    print_times(d, out);
    print_lengths("prompts", &s->input, out);
    print_lengths("answers", &s->output, out);
    fprintf(out, "correlation  %.3g of prompt and answer, %.3g of their logarithms\n", trace_stats_correlation(s),
            trace_stats_log_correlation(s));
    print_content(d, out);
    fprintf(out, "\n; What draws requests like these, each for itself:\n");
    trace_suggest(s, d->about, out);
}

/* ---- JSON ---- */

static void json_lengths(struct json *j, const char *name, const struct trace_lengths *l)
{
    json_open(j, name, '{');
    json_int(j, "tokens", l->tokens);
    json_real(j, "mean", l->plain.mean);
    json_real(j, "sd", sqrt(moments_variance(&l->plain)));
    for (int i = 0; i < SHOWN; i++) {
        char key[16];
        snprintf(key, sizeof key, "p%g", 100 * shown[i]);
        json_real(j, key, trace_stats_quantile(l, shown[i]));
    }
    json_close(j, '}');
}

static void json_times(struct json *j, const struct trace_stats *s)
{
    json_real(j, "span_s", seconds(s->last_ns));
    json_real(j, "rate_per_s", trace_suggest_rate(s));
    json_real(j, "gap_cv", trace_stats_cv(s));
    for (int w = 0; w < TRACE_WINDOWS; w++) {
        char key[32];
        snprintf(key, sizeof key, "dispersion_%" PRId64 "s", trace_window_s[w]);
        json_real(j, key, trace_stats_dispersion(s, w));
    }
}

static void json_content(struct json *j, const struct described *d)
{
    const struct trace_stats *s = &d->stats;

    if (d->about->block_tokens > 0) {
        json_int(j, "block_tokens", d->about->block_tokens);
        json_int(j, "blocks", s->blocks_all);
        json_int(j, "blocks_distinct", (int64_t)s->blocks.n);
        json_int(j, "blocks_shared", s->blocks_shared);
        json_int(j, "tokens_shared", s->tokens_shared);
    }
    if (d->about->sessions) {
        json_int(j, "sessions", (int64_t)s->sessions.n);
        json_int(j, "session_rows", s->session_rows);
    }
    if (d->about->graphs) {
        json_int(j, "calls_waiting", s->waiting);
        json_int(j, "calls_after_tools", s->after_tools);
        json_real(j, "tools_s", s->tools_s);
        json_real(j, "gaps_s", s->gaps_s);
    }
}

static void json_suggestion(struct json *j, const struct described *d)
{
    char text[4096] = "";
    FILE *f = fmemopen(text, sizeof text, "w");

    if (f) {
        trace_suggest(&d->stats, d->about, f);
        fclose(f);
    }
    json_text(j, "suggestion", text);
}

static void print_json(const struct described *d, FILE *out)
{
    struct json j = {.out = out};

    json_open(&j, NULL, '{');
    json_text(&j, "trace", d->path);
    json_text(&j, "format", d->kind->name);
    json_int(&j, "rows", d->stats.rows);
    json_int(&j, "failed", d->failed);
    if (d->about->times)
        json_times(&j, &d->stats);
    json_lengths(&j, "prompts", &d->stats.input);
    json_lengths(&j, "answers", &d->stats.output);
    json_real(&j, "correlation", trace_stats_correlation(&d->stats));
    json_real(&j, "log_correlation", trace_stats_log_correlation(&d->stats));
    json_content(&j, d);
    json_suggestion(&j, d);
    json_close(&j, '}');
}

int trace_describe(const struct workload_options *o, bool json, FILE *out, struct err *e)
{
    struct trace_row row;
    struct trace_file *t = trace_file_open(NULL, o, "", e);
    int got;

    if (t == NULL)
        return -1;
    struct described d = {.path = o->trace, .kind = trace_file_kind(t), .about = trace_file_about(t)};
    trace_stats_init(&d.stats);
    while ((got = trace_file_next(t, &row, e)) == 1)
        trace_stats_add(&d.stats, &row, d.about->block_tokens);
    d.failed = trace_file_failed(t);
    if (got == 0 && d.stats.rows == 0)
        got = err_set(e, EXIT_CODE_FAILED, "%s: it has no row", o->trace);
    if (got == 0)
        (json ? print_json : print_text)(&d, out);
    trace_stats_free(&d.stats);
    trace_file_close(t);
    return got;
}
