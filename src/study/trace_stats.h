/*
 * trace_stats.h - what a trace file holds, in figures, by one pass over its rows.
 *
 * Times: gaps between consecutive arrivals (their coefficient of variation), and counts in windows of 1, 10 and 60 s
 * from the first row on, whole windows only (index of dispersion: variance over mean; 1 for a Poisson process, and
 * growing with the window where bursts last).
 * Lengths: sums, and quantiles through base/hist.h (whole numbers below 1024 and the largest exact, others within 0.05
 * %); mean and deviation of their logarithms; Pearson's correlation of prompt and answer, of lengths and of logarithms.
 * Content: a block is shared if it and all before it in the prompt were met in an earlier row: what an unlimited prefix
 * cache would save, a last, partial block included.
 * Sessions: distinct ones, and rows that have one. Calls that wait for others (tiersim's own traces): how many, for how
 * many the trace names tools or their time, and sums of both waits, tool_ns and gap_ns.
 *
 * Moments: Welford's recurrence (Knuth, TAOCP 2, 4.2.2). Memory does not grow with rows, but by 16 to 32 bytes with
 * each distinct block and session (id_set.h). Ownership: trace_stats_free.
 */
#ifndef STUDY_TRACE_STATS_H
#define STUDY_TRACE_STATS_H

#include "base/hist.h"
#include "study/id_set.h"
#include "workload/trace_row.h"

struct moments {
    int64_t n;
    double mean, m2;
};
void moments_add(struct moments *m, double x);
double moments_variance(const struct moments *m); /* of the sample (n - 1); NaN below two values */

enum { TRACE_WINDOWS = 3 };
extern const int64_t trace_window_s[TRACE_WINDOWS];

struct trace_window {
    int64_t index; /* of the window under way */
    int64_t rows;  /* in it */
    struct moments counts;
};

struct trace_lengths {
    int64_t tokens, longest;
    struct hist hist;
    struct moments plain, log;
};

struct trace_stats {
    int64_t rows, last_ns;
    struct moments gap_ns;
    struct trace_window window[TRACE_WINDOWS];
    struct trace_lengths input, output;
    double together, log_together; /* sums of products of deviations */
    struct id_set blocks, sessions;
    int64_t blocks_all, blocks_shared, tokens_shared, session_rows;
    int64_t waiting, after_tools; /* rows */
    double tools_s, gaps_s;
};

void trace_stats_init(struct trace_stats *s);
void trace_stats_free(struct trace_stats *s);
void trace_stats_add(struct trace_stats *s, const struct trace_row *row, int64_t block_tokens);

double trace_stats_cv(const struct trace_stats *s);                /* of gaps; NaN: too few, or no times */
double trace_stats_dispersion(const struct trace_stats *s, int w); /* NaN: fewer than two whole windows */
double trace_stats_correlation(const struct trace_stats *s);
double trace_stats_log_correlation(const struct trace_stats *s);
double trace_stats_quantile(const struct trace_lengths *l, double p); /* tokens, whole */

#endif
