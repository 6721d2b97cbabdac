#include "study/trace_stats.h"

#include <math.h>

const int64_t trace_window_s[TRACE_WINDOWS] = {1, 10, 60};

#define NS_PER_S 1000000000

void moments_add(struct moments *m, double x)
{
    double d = x - m->mean;

    m->mean += d / (double)++m->n;
    m->m2 += d * (x - m->mean);
}

/* As n times moments_add of the same x: windows without a row come in runs that may be long. */
static void moments_add_many(struct moments *m, double x, int64_t n)
{
    double d = x - m->mean, before = (double)m->n, all = before + (double)n;

    if (n <= 0)
        return;
    m->mean += d * (double)n / all;
    m->m2 += d * d * before * (double)n / all;
    m->n += n;
}

double moments_variance(const struct moments *m)
{
    return m->n > 1 ? m->m2 / (double)(m->n - 1) : NAN;
}

void trace_stats_init(struct trace_stats *s)
{
    *s = (struct trace_stats){0};
    hist_init(&s->input.hist);
    hist_init(&s->output.hist);
}

void trace_stats_free(struct trace_stats *s)
{
    hist_free(&s->input.hist);
    hist_free(&s->output.hist);
    id_set_free(&s->blocks);
    id_set_free(&s->sessions);
}

static void add_window(struct trace_window *w, int64_t index)
{
    if (index > w->index) {
        moments_add(&w->counts, (double)w->rows);
        moments_add_many(&w->counts, 0, index - w->index - 1);
        w->index = index;
        w->rows = 0;
    }
    w->rows++;
}

static void add_length(struct trace_lengths *l, int64_t tokens)
{
    l->tokens += tokens;
    l->longest = tokens > l->longest ? tokens : l->longest;
    hist_add(&l->hist, (double)tokens, 1);
    moments_add(&l->plain, (double)tokens);
    moments_add(&l->log, log((double)tokens));
}

static void add_lengths(struct trace_stats *s, int64_t input, int64_t output)
{
    double d = (double)input - s->input.plain.mean, d_log = log((double)input) - s->input.log.mean;

    add_length(&s->input, input);
    add_length(&s->output, output);
    s->together += d * ((double)output - s->output.plain.mean);
    s->log_together += d_log * (log((double)output) - s->output.log.mean);
}

static void add_blocks(struct trace_stats *s, const struct trace_row *row, int64_t block_tokens)
{
    int64_t shared = 0, blocks = 0;

    for (int64_t r = 0; r < row->chain.n_runs; r++)
        for (int64_t k = 0; k < row->chain.run[r].n; k++, blocks++)
            if (!id_set_add(&s->blocks, row->chain.run[r].id + k) && shared == blocks)
                shared++;
    int64_t tokens = shared * block_tokens;
    s->blocks_all += blocks;
    s->blocks_shared += shared;
    s->tokens_shared += tokens < row->input_tokens ? tokens : row->input_tokens;
}

void trace_stats_add(struct trace_stats *s, const struct trace_row *row, int64_t block_tokens)
{
    if (s->rows > 0)
        moments_add(&s->gap_ns, (double)(row->t_ns - s->last_ns));
    s->rows++;
    s->last_ns = row->t_ns;
    for (int w = 0; w < TRACE_WINDOWS; w++)
        add_window(&s->window[w], row->t_ns / (trace_window_s[w] * NS_PER_S));
    add_lengths(s, row->input_tokens, row->output_tokens);
    if (block_tokens > 0)
        add_blocks(s, row, block_tokens);
    if (row->session != TRACE_NO_SESSION) {
        s->session_rows++;
        id_set_add(&s->sessions, row->session);
    }
    s->waiting += row->n_parents > 0;
    s->after_tools += row->tool || row->tool_ns > 0;
    s->tools_s += (double)row->tool_ns / NS_PER_S;
    s->gaps_s += (double)row->gap_ns / NS_PER_S;
}

/* ---- figures ---- */

double trace_stats_cv(const struct trace_stats *s)
{
    return s->gap_ns.mean > 0 ? sqrt(moments_variance(&s->gap_ns)) / s->gap_ns.mean : NAN;
}

double trace_stats_dispersion(const struct trace_stats *s, int w)
{
    const struct moments *m = &s->window[w].counts;

    return m->n > 1 && m->mean > 0 ? moments_variance(m) / m->mean : NAN;
}

static double correlation(double together, const struct moments *a, const struct moments *b)
{
    return a->m2 > 0 && b->m2 > 0 ? together / sqrt(a->m2 * b->m2) : NAN;
}

double trace_stats_correlation(const struct trace_stats *s)
{
    return correlation(s->together, &s->input.plain, &s->output.plain);
}

double trace_stats_log_correlation(const struct trace_stats *s)
{
    return correlation(s->log_together, &s->input.log, &s->output.log);
}

double trace_stats_quantile(const struct trace_lengths *l, double p)
{
    double x = hist_quantile(&l->hist, p);

    if (p >= 1)
        return (double)l->longest;
    return x < HIST_BUCKETS ? floor(x) : nearbyint(x); /* hist.h: half a bucket too high */
}
