#include "policy/experts.h"

#include "base/bug.h"
#include "base/num.h"

void experts_inclusion(double *q, int64_t n, double topk)
{
    double sum = 0;
    int64_t full = 0, before = -1; /* experts that every token picks */

    for (int64_t i = 0; i < n; i++)
        sum += q[i];
    while (full > before && full < n) {
        double scale = (topk - (double)full) / sum;
        before = full;
        for (; full < n && q[full] * scale >= 1; full++)
            sum -= q[full];
    }
    for (int64_t i = 0; i < n; i++)
        q[i] = i < full ? 1 : q[i] * (topk - (double)full) / sum;
}

void experts_zipf(double *q, int64_t n, double topk, double skew)
{
    for (int64_t i = 0; i < n; i++)
        q[i] = skew > 0 ? num_pow((double)(i + 1), -skew) : 1;
    experts_inclusion(q, n, topk);
}

/* The tokens of a grid point. */
static double grid_tokens(int g)
{
    return g < 32 ? g : (double)(16 + g % 16) * (double)(INT64_C(1) << (g / 16 - 1));
}

void experts_init(struct experts *x, int64_t experts, int64_t topk, double skew)
{
    double q[EXPERTS_MAX];
    int64_t n = experts;

    sim_assert(n > 0 && n <= EXPERTS_MAX);
    *x = (struct experts){.share_square = 0};
    experts_zipf(q, n, (double)topk, skew);
    for (int64_t i = 0; i < n; i++) {
        double share = q[i] / (double)topk, miss[32];
        x->share_square += share * share;
        miss[0] = 1;
        for (int g = 1; g < 32; g++)
            miss[g] = miss[g - 1] * (1 - q[i]);
        for (int g = 0; g < EXPERTS_GRID; g++) {
            double *m = &miss[g < 32 ? g : 16 + g % 16];
            if (g >= 32)
                *m *= *m; /* twice the tokens of 16 points before */
            x->distinct[g] += 1 - *m;
        }
    }
}

double experts_distinct(const struct experts *x, double tokens)
{
    int octave = 0;
    double scaled = tokens;

    while (scaled >= 32 && octave < EXPERTS_OCTAVES - 1) {
        scaled *= 0.5;
        octave++;
    }
    int g = scaled < 31 ? (int)scaled : 31;
    int low = octave ? 16 * octave + g : g;
    double a = grid_tokens(low), b = grid_tokens(low + 1), at = (tokens - a) / (b - a);

    return x->distinct[low] + (x->distinct[low + 1] - x->distinct[low]) * (at < 1 ? at : 1);
}

/* The largest of n normal order statistics: exact to 16 (Harter 1961), integrated numerically at powers of two beyond
 * and linear in log n between (error below 0.2%). */
double expert_spread(int64_t ranks)
{
    static const double exact[] = {0,      0,      0.5642, 0.8463, 1.0294, 1.1630, 1.2672, 1.3522, 1.4236,
                                   1.4850, 1.5388, 1.5864, 1.6292, 1.6680, 1.7034, 1.7359, 1.7660};
    static const double octave[] = {1.7660, 2.0697, 2.3437, 2.5946, 2.8269, 3.0439,
                                    3.2482, 3.4418, 3.6261, 3.8023, 3.9714};
    int last = (int)(sizeof octave / sizeof *octave) - 1, at = 0;

    if (ranks <= 16)
        return exact[ranks > 0 ? ranks : 0];
    while (at < last - 1 && ranks >= INT64_C(32) << at)
        at++;
    double share = num_log((double)ranks / (double)(INT64_C(16) << at)) / num_log(2);
    return octave[at] + (octave[at + 1] - octave[at]) * share;
}
