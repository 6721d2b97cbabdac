#include "report/report_cost.h"

#include <math.h>

bool report_has_cost(const struct results *r)
{
    return !isnan(results_metric(r, -1, "cost_usd", NULL));
}

void report_cost(const struct results *r, int label, FILE *out)
{
    static const struct {
        const char *name, *metric, *after;
        int digits; /* significant */
        double scale;
    } lines[] = {
        {"Bill (US$):", "cost_usd", "", 6, 1},
        {"Bill, US$ per hour:", "cost_usd_per_h", "", 6, 1},
        {"Bill, US$ per GPU-hour:", "usd_per_gpu_h", "", 5, 1},
        {"Of it, for what nobody used:", "cost_idle_share", " %", 3, 100},
        {"US$ per M input tokens computed:", "usd_per_m_input", "", 4, 1},
        {"US$ per M input tokens found cached:", "usd_per_m_cached_input", "", 4, 1},
        {"US$ per M output tokens:", "usd_per_m_output", "", 4, 1},
        {"US$ per M tokens in all:", "usd_per_m_total", "", 4, 1},
        {"US$ per 1000 requests:", "usd_per_request", "", 4, 1000},
        {"US$ per 1000 sessions:", "usd_per_session", "", 4, 1000},
        {"US$ per 1000 tasks:", "usd_per_task", "", 4, 1000},
        {"Output tokens per US$:", "output_tokens_per_usd", "", 6, 1},
        {"Energy (kWh):", "energy_kwh", "", 5, 1},
        {"Joules per output token:", "joules_per_output_token", "", 4, 1},
        {"Revenue (US$):", "revenue_usd", "", 6, 1},
        {"Revenue, US$ per GPU-hour:", "revenue_usd_per_gpu_h", "", 5, 1},
        {"Margin, US$ per GPU-hour:", "margin_usd_per_gpu_h", "", 5, 1},
    };

    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        double value = results_metric(r, -1, lines[i].metric, NULL);
        if (!isnan(value))
            fprintf(out, "%-*s %.*g%s\n", label, lines[i].name, lines[i].digits, value * lines[i].scale,
                    lines[i].after);
    }
}
