#include "report/slo_windows.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"

struct slo_windows {
    int64_t window_ns, warmup_ns;
    struct {
        int64_t met, ended;
    } * at;
    int64_t n, cap;
};

bool slo_met(const struct store_class *k, const struct ev_request *r)
{
    __int128 decode_ns = r->t_end_ns - r->t_first_ns;

    return (k->slo_ttft_ns <= 0 || r->t_first_ns - r->t_call_ns <= k->slo_ttft_ns) &&
           (k->slo_e2el_ns <= 0 || r->t_end_ns - r->t_call_ns <= k->slo_e2el_ns) &&
           (k->slo_tpot_ns <= 0 || r->output_tokens < 2 ||
            decode_ns <= (__int128)k->slo_tpot_ns * (r->output_tokens - 1));
}

struct slo_windows *slo_windows_new(int64_t window_ns, int64_t warmup_ns)
{
    struct slo_windows *w = window_ns > 0 ? mem_zalloc(1, sizeof *w) : NULL;

    if (w) {
        w->window_ns = window_ns;
        w->warmup_ns = warmup_ns;
    }
    return w;
}

void slo_windows_add(struct slo_windows *w, int64_t t_arrive_ns, bool met)
{
    if (w == NULL)
        return;
    int64_t k = (t_arrive_ns - w->warmup_ns) / w->window_ns;
    if (k >= w->cap) {
        int64_t cap = 2 * k + 64;
        w->at = mem_realloc(w->at, (size_t)cap * sizeof *w->at);
        memset(w->at + w->cap, 0, (size_t)(cap - w->cap) * sizeof *w->at);
        w->cap = cap;
    }
    w->n = k >= w->n ? k + 1 : w->n;
    w->at[k].met += met;
    w->at[k].ended++;
}

double slo_windows_worst(const struct slo_windows *w, int64_t t_end_ns)
{
    double worst = NAN;

    for (int64_t k = 0; w && k < w->n; k++) {
        bool cut = k > 0 && w->warmup_ns + (k + 1) * w->window_ns > t_end_ns;
        double share = w->at[k].ended > 0 && !cut ? (double)w->at[k].met / (double)w->at[k].ended : NAN;
        worst = isnan(worst) || share < worst ? (isnan(share) ? worst : share) : worst;
    }
    return worst;
}

void slo_windows_free(struct slo_windows *w)
{
    if (w)
        free(w->at);
    free(w);
}
