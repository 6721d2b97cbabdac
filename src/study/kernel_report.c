/*
 * kernel_report.c - what the kernel fits leave: data/calibration/<gpu>.ini, and the tables of errors.
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "study/kernel_fit.h"

enum { PATH_MAX_BYTES = 4096, WORST_SHOWN = 25, WORST_ROWS = 20, COMMENT_WIDTH = 118 };

static const char SOURCE[] =
    "Made by `tiersim calibrate kernels` (src/study/kernel_*.c), 2026-11; do not edit. Measurements: NVIDIA "
    "aiconfigurator "
    "systems/data, commit 095f58a (Apache-2.0), thinned; LLMServingSim, commit 5daddb2 (MIT); vidur (MIT). One kernel "
    "on an "
    "idle GPU, CUDA-graph replay, means of six runs or more. Efficiencies are shares of the peaks in data/gpus. Errors "
    "are "
    "|model/measured - 1| over the rows that were fitted, median and 90th percentile; +- is one standard error as if "
    "residuals were independent. An efficiency of 0 is a bound that hardly any row reached.";

const char *kernel_id_name(enum kernel_id id)
{
    static const char *const names[KERNEL_COUNT] = {
#define KERNEL_NAME(id, help) #id,
        KERNELS(KERNEL_NAME)
#undef KERNEL_NAME
    };
    return names[id];
}

/* Text as comment lines of COMMENT_WIDTH. */
static void comment(FILE *out, const char *text)
{
    while (*text) {
        size_t n = strlen(text), cut = n;
        if (n > COMMENT_WIDTH) {
            for (cut = COMMENT_WIDTH; cut > 0 && text[cut] != ' '; cut--)
                ;
            if (cut == 0)
                cut = n;
        }
        fprintf(out, "# %.*s\n", (int)cut, text);
        text += cut;
        text += strspn(text, " ");
    }
}

static void fitted_comment(FILE *out, const struct kernel_outcome *o)
{
    char text[1024];
    const struct kernel *e = &o->standard_error;

    snprintf(text, sizeof text,
             "%s. %zu rows (%zu bound by FLOPs, %zu by bytes), error median %.1f%%, p90 %.0f%%; +- %.2g, %.2g, %.2g, "
             "%.2gus.",
             o->source, o->fit.n, o->n_compute, o->n_memory, 100 * o->fit.median_error, 100 * o->fit.p90_error,
             e->flops_efficiency, e->half, e->memory_efficiency, e->launch_s * 1e6);
    comment(out, text);
    if (o->tied < KERNEL_COUNT) {
        snprintf(text, sizeof text, "Memory efficiency%s: that of %s.", o->tied_launch ? " and launch" : "",
                 kernel_id_name(o->tied));
        comment(out, text);
    }
}

static void write_kernel(FILE *out, enum kernel_id id, const struct kernel_outcome *o)
{
    const char *name = kernel_id_name(id);

    if (o->origin == KERNEL_NONE)
        return;
    fprintf(out, "\n");
    if (o->origin == KERNEL_FITTED)
        fitted_comment(out, o);
    else
        fprintf(out, "# Inherited from %s.\n", o->from->file);
    fprintf(out, "%s_flops_efficiency = %.3g\n", name, o->figures.flops_efficiency);
    fprintf(out, "%s_half = %.3g\n", name, o->figures.half);
    fprintf(out, "%s_memory_efficiency = %.3g\n", name, o->figures.memory_efficiency);
    fprintf(out, "%s_launch = %.3gus\n", name, o->figures.launch_s * 1e6);
    if (o->figures.width > 0)
        fprintf(out, "%s_width = %.3g\n", name, o->figures.width);
}

static int write_gpu(const struct kernel_study *s, size_t g, const char *outdir, struct err *e)
{
    const struct kernel_gpu *gpu = &kernel_gpus[g];
    char path[PATH_MAX_BYTES], text[256];

    snprintf(path, sizeof path, "%s/%s.ini", outdir, gpu->file);
    FILE *out = fopen(path, "w");
    if (out == NULL)
        return err_set(e, EXIT_CODE_IO, "cannot write %s: %s", path, strerror(errno));
    snprintf(text, sizeof text, "What kernels reach on the %s.", gpu->name);
    comment(out, text);
    fprintf(out, "#\n");
    comment(out, SOURCE);
    fprintf(out, "\n[kernels]\nname = %s\n", gpu->name);
    for (int id = 0; id < KERNEL_COUNT; id++)
        write_kernel(out, (enum kernel_id)id, kernel_study_at(s, g, (enum kernel_id)id));
    if (ferror(out) | fclose(out))
        return err_set(e, EXIT_CODE_IO, "cannot write %s: %s", path, strerror(errno));
    return 0;
}

int kernel_study_write(const struct kernel_study *s, const char *outdir, struct err *e)
{
    for (size_t g = 0; g < kernel_n_gpus; g++)
        if (write_gpu(s, g, outdir, e))
            return -1;
    return 0;
}

/* ---- summaries ---- */

struct worst {
    size_t gpu;
    enum kernel_id id;
    const struct kernel_slice *slice;
};

static int worse_first(const void *a, const void *b)
{
    const struct worst *x = a, *y = b;
    double ex = x->slice->errors.median_error, ey = y->slice->errors.median_error;

    return (ex < ey) - (ex > ey);
}

static void print_worst(const struct kernel_study *s, FILE *out)
{
    struct worst worst[16 * KERNEL_COUNT * KERNEL_SLICES_MAX];
    size_t n = 0;

    for (size_t g = 0; g < kernel_n_gpus; g++)
        for (int id = 0; id < KERNEL_COUNT; id++) {
            const struct kernel_outcome *o = kernel_study_at(s, g, (enum kernel_id)id);
            for (int i = 0; i < o->n_slices; i++)
                if (o->slices[i].errors.n >= WORST_ROWS)
                    worst[n++] = (struct worst){g, (enum kernel_id)id, &o->slices[i]};
        }
    qsort(worst, n, sizeof *worst, worse_first);
    fprintf(out, "\n%-12s %-18s %-24s %6s %8s %8s %8s\n", "worst slices", "kernel", "slice", "rows", "median", "p90",
            "bias");
    for (size_t i = 0; i < n && i < WORST_SHOWN; i++) {
        const struct fit_result *e = &worst[i].slice->errors;
        fprintf(out, "%-12s %-18s %-24s %6zu %7.1f%% %7.1f%% %+7.1f%%\n", kernel_gpus[worst[i].gpu].file,
                kernel_id_name(worst[i].id), worst[i].slice->name, e->n, 100 * e->median_error, 100 * e->p90_error,
                100 * e->median_signed_error);
    }
}

void kernel_study_print(const struct kernel_study *s, FILE *out)
{
    fprintf(out, "error, median/p90 in %% (= inherited)\n%-18s", "kernel");
    for (size_t g = 0; g < kernel_n_gpus; g++)
        fprintf(out, "%13s", kernel_gpus[g].file);
    fprintf(out, "\n");
    for (int id = 0; id < KERNEL_COUNT; id++) {
        fprintf(out, "%-18s", kernel_id_name((enum kernel_id)id));
        for (size_t g = 0; g < kernel_n_gpus; g++) {
            const struct kernel_outcome *o = kernel_study_at(s, g, (enum kernel_id)id);
            char cell[32] = "-";
            if (o->origin == KERNEL_FITTED)
                snprintf(cell, sizeof cell, "%.1f/%.0f", 100 * o->fit.median_error, 100 * o->fit.p90_error);
            else if (o->origin == KERNEL_INHERITED)
                snprintf(cell, sizeof cell, "=%s", o->from->file);
            fprintf(out, "%13s", cell);
        }
        fprintf(out, "\n");
    }
    print_worst(s, out);
}

static void json_errors(FILE *out, const struct fit_result *e)
{
    fprintf(out, "\"rows\": %zu, \"median_error\": %.4f, \"p90_error\": %.4f, \"bias\": %.4f", e->n, e->median_error,
            e->p90_error, e->median_signed_error);
}

static void json_outcome(FILE *out, const struct kernel_gpu *gpu, enum kernel_id id, const struct kernel_outcome *o)
{
    fprintf(out,
            "  {\"gpu\": \"%s\", \"kernel\": \"%s\", \"flops_efficiency\": %.4g, \"half\": %.4g, "
            "\"memory_efficiency\": %.4g, "
            "\"launch_us\": %.4g",
            gpu->file, kernel_id_name(id), o->figures.flops_efficiency, o->figures.half, o->figures.memory_efficiency,
            o->figures.launch_s * 1e6);
    if (o->origin == KERNEL_INHERITED) {
        fprintf(out, ", \"inherited_from\": \"%s\"}", o->from->file);
        return;
    }
    fprintf(out, ", ");
    json_errors(out, &o->fit);
    if (o->aside.n) {
        fprintf(out, ", \"aside\": {");
        json_errors(out, &o->aside);
        fprintf(out, "}");
    }
    fprintf(out, ", \"slices\": [");
    for (int i = 0; i < o->n_slices; i++) {
        fprintf(out, "%s{\"name\": \"%s\", ", i ? ", " : "", o->slices[i].name);
        json_errors(out, &o->slices[i].errors);
        fprintf(out, "}");
    }
    fprintf(out, "]}");
}

void kernel_study_print_json(const struct kernel_study *s, FILE *out)
{
    const char *comma = "";

    fprintf(out, "[");
    for (size_t g = 0; g < kernel_n_gpus; g++)
        for (int id = 0; id < KERNEL_COUNT; id++) {
            const struct kernel_outcome *o = kernel_study_at(s, g, (enum kernel_id)id);
            if (o->origin == KERNEL_NONE)
                continue;
            fprintf(out, "%s\n", comma);
            json_outcome(out, &kernel_gpus[g], (enum kernel_id)id, o);
            comma = ",";
        }
    fprintf(out, "\n]\n");
}
