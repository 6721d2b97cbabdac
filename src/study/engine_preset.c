#include "study/engine_preset.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/units.h"

const struct engine_key engine_keys[ENGINE_KEYS] = {
    {"step_overhead", ENGINE_TIME, offsetof(struct engine_options, step_overhead_ns), 1e-3, 1e-6, 0.1, 1},
    {"seq_overhead", ENGINE_TIME, offsetof(struct engine_options, seq_overhead_ns), 5e-6, 1e-8, 1e-3, 1},
    {"prefill_overhead", ENGINE_TIME, offsetof(struct engine_options, prefill_overhead_ns), 2e-3, 1e-6, 1, 1},
    {"kernel_dispatch", ENGINE_TIME, offsetof(struct engine_options, kernel_dispatch_ns), 2e-5, 1e-7, 1e-3, 1},
    {"stream_interval", ENGINE_COUNT, offsetof(struct engine_options, stream_interval), 3, 0.6, 200, 1},
    {"request_latency", ENGINE_TIME, offsetof(struct engine_options, request_latency_ns), 1.2e-2, 1e-5, 1, 1},
    {"request_service", ENGINE_TIME, offsetof(struct engine_options, request_service_ns), 5e-4, 1e-6, 0.1, 1},
    {"token_service", ENGINE_TIME, offsetof(struct engine_options, token_service_ns), 1e-7, 1e-9, 1e-4, 1},
    {"gemm_scale", ENGINE_SCALE, offsetof(struct engine_options, gemm_scale), 1, 0.2, 5, 0.2},
    {"gemm_flops_scale", ENGINE_SCALE, offsetof(struct engine_options, gemm_flops_scale), 0.78, 0.2, 5, 0.2},
    {"moe_scale", ENGINE_SCALE, offsetof(struct engine_options, moe_scale), 1, 0.2, 5, 0.2},
    {"moe_flops_scale", ENGINE_SCALE, offsetof(struct engine_options, moe_flops_scale), 2, 0.2, 10, 0.35},
    {"moe4_scale", ENGINE_SCALE, offsetof(struct engine_options, moe4_scale), 0.85, 0.2, 5, 0.2},
    {"attention_scale", ENGINE_SCALE, offsetof(struct engine_options, attention_scale), 1, 0.2, 5, 0.2},
    {"prefill_scale", ENGINE_SCALE, offsetof(struct engine_options, prefill_scale), 1, 0.2, 5, 0.2},
    {"comm_scale", ENGINE_SCALE, offsetof(struct engine_options, comm_scale), 1.2, 0.1, 10, 0.3},
    {"launch_scale", ENGINE_SCALE, offsetof(struct engine_options, launch_scale), 0.8, 0.1, 5, 0.25},
};

void engine_set(struct engine_options *e, const double *values)
{
    for (int k = 0; k < ENGINE_KEYS; k++) {
        char *at = (char *)e + engine_keys[k].offset;
        if (engine_keys[k].kind == ENGINE_TIME)
            *(int64_t *)(void *)at = (int64_t)(values[k] * 1e9 + 0.5);
        else if (engine_keys[k].kind == ENGINE_COUNT)
            *(int64_t *)(void *)at = (int64_t)fmax(1, values[k] + 0.5);
        else
            *(double *)(void *)at = values[k];
    }
}

/* ---- the file ---- */

static double three_digits(double x)
{
    double unit = pow(10, floor(log10(x)) - 2);

    return round(x / unit) * unit;
}

static void write_key(FILE *f, const struct engine_key *k, double value, double error, bool said)
{
    char text[64];

    if (k->kind == ENGINE_TIME)
        units_format_ns((int64_t)(three_digits(value * 1e9) + 0.5), text, sizeof text);
    else if (k->kind == ENGINE_COUNT)
        snprintf(text, sizeof text, "%.0f", value);
    else
        snprintf(text, sizeof text, "%.3g", value);
    if (k->kind == ENGINE_COUNT)
        fprintf(f, "\n# %s\n%s = %s\n",
                said ? "as the recipes say" : "a whole number: the better of those beside the optimum", k->name, text);
    else
        fprintf(f, "\n# standard error %.0f%%%s\n%s = %s\n", 100 * error / value,
                error / value > 0.8 * k->sd ? " (the data say little: mostly the prior)" : "", k->name, text);
}

static void write_interval(FILE *f, const struct engine_preset *s)
{
    if (s->tpot_spread <= 0)
        return;
    if (s->held > 0)
        fprintf(f, "\n# Measured / simulated of 90%% of the rows left out, n = %" PRId64 ".\n", s->held);
    else
        fprintf(f, "\n# Measured / simulated: as of this engine on another generation, for want of rows.\n");
    fprintf(f, "tpot_low = %.3g\ntpot_high = %.3g\n", exp(-s->tpot_spread), exp(s->tpot_spread));
    fprintf(f, "ttft_low = %.3g\nttft_high = %.3g\n", exp(-s->ttft_spread), exp(s->ttft_spread));
}

static const char *engine_title(const char *engine)
{
    return strcmp(engine, "vllm") == 0     ? "vLLM"
           : strcmp(engine, "sglang") == 0 ? "SGLang"
           : strcmp(engine, "trtllm") == 0 ? "TensorRT-LLM"
                                           : engine;
}

bool engine_preset_write(const struct engine_preset *p, const char *folder, struct diags *d)
{
    char *path = NULL;

    if (asprintf(&path, "%s/%s.ini", folder, p->name) < 0)
        path = NULL;
    sim_assert(path != NULL);
    FILE *f = fopen(path, "w");
    if (f == NULL) {
        diags_add(d, path, 0, "cannot write: %s", strerror(errno));
        free(path);
        return false;
    }
    fprintf(f,
            "# %s: what it adds to the kernels. Written by `tiersim calibrate engine`, %s; do not edit.\n#\n"
            "# Source: %s\n"
            "# Fitted: %" PRId64 " rows in %" PRId64 " (model, GPU) groups, of which %" PRId64
            " headline rows; method in src/study/engine_fit.h.\n",
            p->name, p->date, p->source, p->rows, p->groups, p->headline);
    if (p->headline > 0)
        fprintf(
            f,
            "# Residuals of the headline rows, median absolute error: TPOT %.1f%%, TTFT %.1f%%; with each group left "
            "out of\n# the fit in turn: TPOT %.1f%%, TTFT %.1f%%.\n",
            p->tpot, p->ttft, p->held_tpot, p->held_ttft);
    else
        fprintf(f, "# For want of headline rows the figures lean on the same engine's of another generation.\n");
    fprintf(f, "\n[engine]\nname = %s\n", engine_title(p->engine));
    for (int k = 0; k < ENGINE_KEYS; k++)
        write_key(f, &engine_keys[k], p->value[k], p->error[k], p->interval_said);
    write_interval(f, p);
    bool ok = !ferror(f);
    ok = fclose(f) == 0 && ok;
    if (!ok)
        diags_add(d, path, 0, "cannot write: %s", strerror(errno));
    free(path);
    return ok;
}
