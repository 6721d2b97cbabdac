#include "study/trace_suggest.h"

#include <inttypes.h>
#include <math.h>
#include <stdbool.h>

#define POISSON_WITHIN   0.05
#define LOGNORMAL_WITHIN 0.10
/* Limits of the keys: workload.rate and workload.burstiness. */
#define RATE_MIN       1e-9
#define RATE_MAX       1e9
#define BURSTINESS_MIN 1e-2
#define BURSTINESS_MAX 1e6

static const double points[] = {0, 0.01, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 0.999, 1};
enum { POINTS = sizeof points / sizeof *points };

double trace_suggest_rate(const struct trace_stats *s)
{
    return s->last_ns > 0 ? (double)(s->rows - 1) / ((double)s->last_ns * 1e-9) : NAN;
}

static double clamp(double x, double low, double high)
{
    return x < low ? low : x > high ? high : x;
}

static void suggest_arrivals(const struct trace_stats *s, const struct trace_about *about, FILE *out)
{
    double rate = trace_suggest_rate(s), cv = trace_stats_cv(s);
    bool poisson = !(fabs(cv - 1) > POISSON_WITHIN);

    if (!about->times || !(rate > 0))
        fprintf(out, "; The trace has no rate: this one is a placeholder.\n");
    else if (trace_stats_dispersion(s, TRACE_WINDOWS - 1) > 2 * fmax(1, cv * cv))
        fprintf(out,
                "; Counts in %" PRId64
                " s vary more than gaps drawn one by one do: bursts last. Replay the trace to keep them.\n",
                trace_window_s[TRACE_WINDOWS - 1]);
    fprintf(out, "[workload]\narrivals = %s\n", poisson ? "poisson" : "gamma");
    fprintf(out, "rate = %.6g/s\n", rate > 0 ? clamp(rate, RATE_MIN, RATE_MAX) : 1.0);
    if (!poisson)
        fprintf(out, "burstiness = %.4g\n", clamp(1 / (cv * cv), BURSTINESS_MIN, BURSTINESS_MAX));
    fprintf(out, "requests = %" PRId64 "\n", s->rows);
}

static bool is_lognormal(const struct trace_lengths *l, double median, double sigma)
{
    static const struct {
        double p, z; /* the standard normal's quantile */
    } at[] = {{0.05, -1.644854}, {0.1, -1.281552}, {0.25, -0.6744898},
              {0.75, 0.6744898}, {0.9, 1.281552},  {0.95, 1.644854}};

    for (size_t i = 0; i < sizeof at / sizeof *at; i++) {
        double is = trace_stats_quantile(l, at[i].p), would_be = median * exp(sigma * at[i].z);
        if (fabs(would_be - is) > LOGNORMAL_WITHIN * is)
            return false;
    }
    return true;
}

static void suggest_length(const char *name, const struct trace_lengths *l, FILE *out)
{
    double median = trace_stats_quantile(l, 0.5), sigma = sqrt(moments_variance(&l->log));

    if (l->log.n > 1 && is_lognormal(l, median, sigma)) {
        fprintf(out, "%s = lognormal\n%s_median = %.0f\n%s_sigma = %.4g\n", name, name, median, name, sigma);
        fprintf(out, "%s_max = %.0f\n", name, clamp(trace_stats_quantile(l, 1), 1, 1e9));
        return;
    }
    fprintf(out, "%s = empirical\n%s_quantiles =", name, name);
    for (int i = 0; i < POINTS; i++)
        fprintf(out, " %g:%.0f", 100 * points[i], clamp(trace_stats_quantile(l, points[i]), 1, 1e9));
    fprintf(out, "\n");
}

void trace_suggest(const struct trace_stats *s, const struct trace_about *about, FILE *out)
{
    suggest_arrivals(s, about, out);
    fprintf(out, "\n");
    if (s->blocks_shared > 0)
        fprintf(out,
                "; Prompts of the trace share prefixes; these do not. turns and system_tokens of a [class] can.\n");
    if (fabs(trace_stats_log_correlation(s)) > 0.2)
        fprintf(out, "; Prompts and answers of the trace are correlated; these are not.\n");
    fprintf(out, "[class requests]\n");
    suggest_length("input", &s->input, out);
    suggest_length("output", &s->output, out);
}
