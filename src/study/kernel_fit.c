#include "study/kernel_fit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"

/*
 * What a kernel's figures can be: which bounds, and whether `half` means anything where it is used (cost_roofline.c).
 * tied: the figures of another kernel that its own rows cannot tell; KERNEL_COUNT: none.
 */
struct spec {
    kernel_family *rows;
    bool flops, half, memory, launch; /* fitted */
    enum kernel_id tied;
    double half_max; /* 0: none */
};

/*
 * Prefill attention reads its cache at the speed decode attention does: its own rows have no cache before them, and
 * what would pass for a bound by bytes in them is the latency of short prompts. fp8_block: see kernel_gemm_rows.
 */
/* clang-format off */
#define GEMM                    {kernel_gemm_rows, true, true, true, true, KERNEL_COUNT, 128}
#define MOE                     {kernel_moe_rows, true, false, true, true, KERNEL_COUNT, 0}
#define PREFILL(family, decode) {family, true, true, false, true, decode, 0}
#define DECODE(family)          {family, true, false, true, true, KERNEL_COUNT, 0}
#define BYTES(family)           {family, false, false, true, true, KERNEL_COUNT, 0}
/* clang-format on */

static const struct spec SPECS[KERNEL_COUNT] = {
    [KERNEL_gemm_bf16] = GEMM,
    [KERNEL_gemm_fp8] = GEMM,
    [KERNEL_gemm_fp8_block] = {kernel_gemm_rows, true, true, false, false, KERNEL_gemm_fp8, 128},
    [KERNEL_gemm_nvfp4] = GEMM,
    [KERNEL_moe_bf16] = MOE,
    [KERNEL_moe_fp8] = MOE,
    [KERNEL_moe_fp8_block] = MOE,
    [KERNEL_moe_nvfp4] = MOE,
    [KERNEL_moe_mxfp4] = MOE,
    [KERNEL_moe_mxfp4_fp8] = MOE,
    [KERNEL_moe_int4] = MOE,
    [KERNEL_prefill_bf16] = PREFILL(kernel_gqa_rows, KERNEL_decode_bf16),
    [KERNEL_prefill_fp8] = PREFILL(kernel_gqa_rows, KERNEL_decode_fp8),
    [KERNEL_decode_bf16] = DECODE(kernel_gqa_rows),
    [KERNEL_decode_fp8] = DECODE(kernel_gqa_rows),
    [KERNEL_mla_prefill] = PREFILL(kernel_mla_rows, KERNEL_mla_decode_bf16),
    [KERNEL_mla_decode_bf16] = DECODE(kernel_mla_rows),
    [KERNEL_mla_decode_fp8] = DECODE(kernel_mla_rows),
    [KERNEL_sparse_prefill] = {kernel_sparse_rows, true, true, false, true, KERNEL_COUNT, 0},
    [KERNEL_sparse_decode] = DECODE(kernel_sparse_rows),
    [KERNEL_indexer_prefill] = PREFILL(kernel_sparse_rows, KERNEL_indexer_decode),
    [KERNEL_indexer_decode] = BYTES(kernel_sparse_rows),
    [KERNEL_linear_prefill] = {kernel_linear_rows, true, false, false, true, KERNEL_COUNT, 0},
    [KERNEL_linear_decode] = BYTES(kernel_linear_rows),
    [KERNEL_elementwise] = BYTES(kernel_elementwise_rows),
    [KERNEL_allreduce] = BYTES(kernel_link_rows),
    [KERNEL_allreduce_large] = BYTES(kernel_link_rows),
    [KERNEL_allgather] = BYTES(kernel_link_rows),
    [KERNEL_alltoall] = BYTES(kernel_link_rows),
    [KERNEL_network] = BYTES(kernel_link_rows),
};

enum figure { FLOPS, HALF, MEMORY, LAUNCH, WIDTH, FIGURES };

/* One fit: which figures are free, as parameters in this order. */
struct task {
    const struct kernel_row *rows;
    const double *weight;
    size_t n;
    double fixed[FIGURES]; /* of those not free */
    int free[FIGURES], n_free;
    double half_max;
};

static struct kernel figures_of(const struct task *t, const double *p)
{
    double v[FIGURES];

    memcpy(v, t->fixed, sizeof v);
    for (int j = 0; j < t->n_free; j++)
        v[t->free[j]] = p[j];
    return (struct kernel){v[FLOPS], v[HALF], v[MEMORY], v[LAUNCH], v[WIDTH]};
}

static struct kernel errors_of(const struct task *t, const double *error)
{
    double v[FIGURES] = {0};

    for (int j = 0; j < t->n_free; j++)
        v[t->free[j]] = error[j];
    return (struct kernel){v[FLOPS], v[HALF], v[MEMORY], v[LAUNCH], v[WIDTH]};
}

static double narrow(const struct kernel *k, const struct kernel_row *r)
{
    return r->inner > 0 ? kernel_narrow(k, r->inner) : 1;
}

static double compute_s(const struct kernel *k, const struct kernel_row *r)
{
    return kernel_flops_s(k, narrow(k, r) * (r->flops + k->half * r->unit_flops), r->peak);
}

static double bytes_s(const struct kernel *k, const struct kernel_row *r, double bytes)
{
    return kernel_bytes_s(k, narrow(k, r) * bytes, r->Bps);
}

/* Of all bytes, but where weights are read apart (experts) the rest of them. */
static double memory_s(const struct kernel *k, const struct kernel_row *r)
{
    return bytes_s(k, r, r->bytes - r->weight_bytes);
}

static double time_s(const struct kernel *k, const struct kernel_row *r)
{
    return k->launch_s + bytes_s(k, r, r->weight_bytes) + fmax(compute_s(k, r), memory_s(k, r));
}

static bool residuals(void *context, const double *p, double *r)
{
    const struct task *t = context;
    struct kernel k = figures_of(t, p);

    for (size_t i = 0; i < t->n; i++)
        r[i] = log(time_s(&k, &t->rows[i]) / t->rows[i].measured_s);
    return true;
}

/* d ln(t) / d figure, of the side of the max that holds. */
static bool jacobian(void *context, const double *p, double *out)
{
    const struct task *t = context;
    struct kernel k = figures_of(t, p);

    for (size_t i = 0; i < t->n; i++) {
        const struct kernel_row *r = &t->rows[i];
        double c = compute_s(&k, r), m = memory_s(&k, r), w = bytes_s(&k, r, r->weight_bytes), s = time_s(&k, r);
        double d[FIGURES] = {[LAUNCH] = 1 / s};
        if (c > m) {
            d[FLOPS] = -c / k.flops_efficiency / s;
            d[HALF] = narrow(&k, r) * r->unit_flops / (r->peak * k.flops_efficiency) / s;
        } else if (m > 0) {
            d[MEMORY] = -m / k.memory_efficiency / s;
        }
        if (w > 0)
            d[MEMORY] -= w / k.memory_efficiency / s;
        if (r->inner > 0)
            d[WIDTH] = (w + fmax(c, m)) / (r->inner + k.width) / s;
        for (int j = 0; j < t->n_free; j++)
            out[i * (size_t)t->n_free + (size_t)j] = d[t->free[j]];
    }
    return true;
}

/* The limits are those a figure can have; the priors, of a factor e or more, only keep one that no row tells of from
 * running off. */
static struct fit_parameter parameter(const struct task *t, int figure, double start)
{
    static const struct fit_parameter by_figure[FIGURES] = {
        [FLOPS] = {.name = "flops_efficiency", .min = 0.01, .max = 1.2, .prior = 0.6, .prior_sd = 3},
        [HALF] = {.name = "half", .min = 0, .max = INFINITY, .prior = 30, .prior_sd = 5},
        [MEMORY] = {.name = "memory_efficiency", .min = 0.01, .max = 1.2, .prior = 0.7, .prior_sd = 3},
        [WIDTH] = {.name = "width", .min = 0, .max = 1024, .prior = 50, .prior_sd = 3},
        [LAUNCH] = {.name = "launch", .min = 0, .max = INFINITY, .prior = 5e-6, .prior_sd = 5},
    };
    struct fit_parameter a = by_figure[figure];

    a.start = start;
    if (figure == HALF && t->half_max > 0)
        a.max = t->half_max;
    return a;
}

static double shortest(const struct task *t)
{
    double least = INFINITY;

    for (size_t i = 0; i < t->n; i++)
        least = fmin(least, t->rows[i].measured_s);
    return least;
}

/* Errors of this size are what the model's form leaves; larger ones count less than their square. */
static const double SCALE = 0.1;

/* Fits from several starts, the one with the least loss counts. */
static bool fit_task(struct task *t, struct fit_result *best)
{
    static const double halves[] = {1, 30, 1000};
    bool any = false;

    for (size_t s = 0; s < sizeof halves / sizeof *halves; s++) {
        double half = t->half_max > 0 ? fmin(halves[s], 0.9 * t->half_max) : halves[s];
        double start[FIGURES] = {0.6, half, 0.7, shortest(t), 50};
        struct fit_parameter parameters[FIGURES];
        struct fit_result result;
        char why[256];
        for (int j = 0; j < t->n_free; j++)
            parameters[j] = parameter(t, t->free[j], start[t->free[j]]);
        struct fit_problem problem = {.parameters = parameters,
                                      .n_parameters = (size_t)t->n_free,
                                      .n_residuals = t->n,
                                      .residuals = residuals,
                                      .jacobian = jacobian,
                                      .context = t,
                                      .weight = t->weight,
                                      .loss = FIT_SOFT_L1,
                                      .scale = SCALE};
        if (fit(&problem, &result, why, sizeof why) && (!any || result.loss < best->loss)) {
            *best = result;
            any = true;
        }
    }
    return any;
}

static void set_free(struct task *t, bool flops, bool half, bool memory, bool launch, bool width)
{
    t->n_free = 0;
    if (flops)
        t->free[t->n_free++] = FLOPS;
    if (flops && half)
        t->free[t->n_free++] = HALF;
    if (memory)
        t->free[t->n_free++] = MEMORY;
    if (launch)
        t->free[t->n_free++] = LAUNCH;
    if (width)
        t->free[t->n_free++] = WIDTH;
}

static void count_bounds(const struct task *t, struct kernel_outcome *o)
{
    o->n_compute = o->n_memory = 0;
    for (size_t i = 0; i < t->n; i++) {
        const struct kernel_row *r = &t->rows[i];
        double c = compute_s(&o->figures, r), m = memory_s(&o->figures, r) + bytes_s(&o->figures, r, r->weight_bytes);
        o->n_compute += c > m;
        o->n_memory += m >= c && m > 0;
    }
}

static bool enough(size_t rows, size_t n)
{
    return rows >= 5 && rows * 100 >= n;
}

static bool fit_figures(struct task *t, struct kernel_outcome *o)
{
    if (!fit_task(t, &o->fit))
        return false;
    o->figures = figures_of(t, o->fit.estimate);
    o->standard_error = errors_of(t, o->fit.standard_error);
    count_bounds(t, o);
    return true;
}

/* As kernel_fit.h says: bounds that too few rows reach are left out. */
static bool fit_kernel(const struct spec *spec, struct task *t, struct kernel_outcome *o)
{
    bool width = spec->rows == kernel_moe_rows && t->rows[0].inner > 0;
    set_free(t, spec->flops, spec->half, spec->memory, spec->launch, width);
    if (t->n < (size_t)t->n_free || !fit_figures(t, o))
        return false;
    bool flops = spec->flops && enough(o->n_compute, t->n), memory = spec->memory && enough(o->n_memory, t->n);
    if (flops == spec->flops && memory == spec->memory)
        return true;
    set_free(t, flops, spec->half, memory, spec->launch, width);
    return fit_figures(t, o);
}

/* Errors of the rows from first on for which slice (NULL: any) is theirs. */
static void judge(const struct kernel *k, const struct kernel_row *rows, size_t n, const char *slice,
                  struct fit_result *out)
{
    double *r = mem_alloc((n ? n : 1) * sizeof *r);
    size_t kept = 0;

    for (size_t i = 0; i < n; i++)
        if (slice == NULL || strcmp(rows[i].slice, slice) == 0)
            r[kept++] = log(time_s(k, &rows[i]) / rows[i].measured_s);
    if (kept)
        fit_errors(r, kept, out);
    free(r);
}

static void judge_slices(struct kernel_outcome *o, const struct kernel_row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        int j = 0;
        while (j < o->n_slices && strcmp(o->slices[j].name, rows[i].slice) != 0)
            j++;
        if (j < o->n_slices || j == KERNEL_SLICES_MAX)
            continue;
        o->slices[o->n_slices].name = rows[i].slice;
        judge(&o->figures, rows, n, rows[i].slice, &o->slices[o->n_slices++].errors);
    }
}

static int fitted_first(const void *a, const void *b)
{
    const struct kernel_row *x = a, *y = b;

    return x->aside - y->aside;
}

struct kernel_outcome *kernel_study_at(const struct kernel_study *s, size_t gpu, enum kernel_id id)
{
    return &s->at[gpu * KERNEL_COUNT + (size_t)id];
}

static void study_one(struct kernel_study *s, struct kernel_folder *f, size_t g, enum kernel_id id)
{
    const struct spec *spec = &SPECS[id];
    const struct kernel_gpu *gpu = &kernel_gpus[g];
    struct kernel_outcome *o = kernel_study_at(s, g, id);
    struct kernel_rows rows = {0};
    size_t fitted = 0;

    sim_assert(spec->rows); /* each kernel of policy/kernel.h has its line above */
    spec->rows(f, gpu, id, &rows);
    if (rows.n == 0)
        kernel_lss_rows(f, gpu, id, &rows);
    if (rows.n)
        qsort(rows.at, rows.n, sizeof *rows.at, fitted_first);
    while (fitted < rows.n && !rows.at[fitted].aside)
        fitted++;
    double *weight = mem_alloc((fitted ? fitted : 1) * sizeof *weight);
    for (size_t i = 0; i < fitted; i++)
        weight[i] = rows.at[i].weight > 0 ? rows.at[i].weight : 1;
    struct task task = {.rows = rows.at, .weight = weight, .n = fitted, .half_max = spec->half_max};
    if (spec->tied < KERNEL_COUNT) {
        const struct kernel *tied = &kernel_study_at(s, g, spec->tied)->figures;
        task.fixed[MEMORY] = tied->memory_efficiency;
        task.fixed[LAUNCH] = spec->launch ? 0 : tied->launch_s;
    }
    if (fitted > 0 && fit_kernel(spec, &task, o)) {
        o->origin = KERNEL_FITTED;
        o->source = rows.source;
        o->tied = spec->tied;
        o->tied_launch = !spec->launch;
        judge_slices(o, rows.at, fitted);
        judge(&o->figures, rows.at + fitted, rows.n - fitted, NULL, &o->aside);
    }
    free(weight);
    kernel_rows_free(&rows);
}

static void inherit(struct kernel_study *s, size_t gpu, enum kernel_id id)
{
    struct kernel_outcome *o = kernel_study_at(s, gpu, id);

    bool anybody = id == KERNEL_elementwise || id >= KERNEL_allreduce; /* small kernels and links */
    const char *const *kin = anybody ? kernel_gpus[gpu].any : kernel_gpus[gpu].kin;

    for (; o->origin == KERNEL_NONE && *kin; kin++) {
        for (size_t g = 0; g < kernel_n_gpus; g++) {
            const struct kernel_outcome *from = kernel_study_at(s, g, id);
            if (strcmp(kernel_gpus[g].file, *kin) != 0 || from->origin != KERNEL_FITTED)
                continue;
            *o = (struct kernel_outcome){.origin = KERNEL_INHERITED, .from = &kernel_gpus[g], .figures = from->figures};
        }
    }
}

bool kernel_study_run(struct kernel_study *s, const char *folder, struct diags *d)
{
    size_t before = d->n;
    struct kernel_folder *f = kernel_folder_open(folder, d);

    s->at = mem_zalloc(kernel_n_gpus * KERNEL_COUNT, sizeof *s->at);
    for (size_t g = 0; g < kernel_n_gpus; g++)
        for (int pass = 0; pass < 2; pass++) /* the tied after those they are tied to */
            for (int id = 0; id < KERNEL_COUNT && d->n == before; id++)
                if ((SPECS[id].tied < KERNEL_COUNT) == pass)
                    study_one(s, f, g, (enum kernel_id)id);
    for (size_t g = 0; g < kernel_n_gpus; g++)
        for (int id = 0; id < KERNEL_COUNT; id++)
            inherit(s, g, (enum kernel_id)id);
    kernel_folder_close(f);
    return d->n == before;
}

void kernel_study_free(struct kernel_study *s)
{
    free(s->at);
    *s = (struct kernel_study){0};
}
