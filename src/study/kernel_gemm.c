/*
 * kernel_gemm.c - rows of the matrix products: dense (gemm.csv) and routed experts (moe.csv).
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "study/kernel_rows.h"

static const char GEMM_SOURCE[] = "gemm.csv: vLLM 0.24.0 (A100: 0.14.0), n and k >= 512";
static const char GEMM_BLOCK_SOURCE[] = "gemm.csv: vLLM 0.24.0, m, n and k >= 512, the faster of two kernels, rows "
                                        "above 1.5 times the median (below, the host is timed)";
/* Rows of expert-parallel ranks: two thirds of the tables, but a smaller part of deployments, and their smallest times
 * are others (up to twice as long for one token). */
#define EP_WEIGHT 0.3

static const char MOE_SOURCE[] = "moe.csv: vLLM 0.24.0, balanced, tokens * topk / moe_ep >= 1";
static const char MOE_A100_SOURCE[] =
    "moe.csv: vLLM 0.14.0, power_law_1.2 (no balanced rows), tokens * topk / moe_ep >= 1";

struct matrix_kernel {
    enum kernel_id id;
    const char *dtype; /* the table's */
    enum dtype weights;
    double activation_bytes; /* of an input element */
};

static const struct matrix_kernel GEMMS[] = {
    {KERNEL_gemm_bf16, "bfloat16", DTYPE_BF16, 2},
    {KERNEL_gemm_fp8, "fp8", DTYPE_FP8, 1},
    {KERNEL_gemm_fp8_block, "fp8_block", DTYPE_FP8_BLOCK, 1},
    {KERNEL_gemm_nvfp4, "nvfp4", DTYPE_NVFP4, 0.5625},
};

static const struct matrix_kernel MOES[] = {
    {KERNEL_moe_bf16, "bfloat16", DTYPE_BF16, 2},
    {KERNEL_moe_fp8, "fp8", DTYPE_FP8, 1},
    {KERNEL_moe_fp8_block, "fp8_block", DTYPE_FP8_BLOCK, 1},
    {KERNEL_moe_nvfp4, "nvfp4", DTYPE_NVFP4, 0.5625},
    {KERNEL_moe_mxfp4, "w4a16_mxfp4", DTYPE_MXFP4, 2},
    {KERNEL_moe_mxfp4_fp8, "w4a8_mxfp4_mxfp8", DTYPE_MXFP4_FP8, 1},
    {KERNEL_moe_int4, "int4_wo", DTYPE_INT4, 2},
};

static const struct matrix_kernel *find(const struct matrix_kernel *kernels, size_t n, enum kernel_id id)
{
    for (size_t i = 0; i < n; i++)
        if (kernels[i].id == id)
            return &kernels[i];
    return NULL;
}

/* The peak of the multiplier that does it: weight-only formats multiply in bf16. */
static double peak_of(const struct kernel_gpu *gpu, enum dtype dtype)
{
    switch (dtype) {
    case DTYPE_FP8:
    case DTYPE_FP8_BLOCK:
    case DTYPE_MXFP4_FP8:
        return gpu->fp8_flops;
    case DTYPE_NVFP4:
        return gpu->fp4_flops;
    default:
        return gpu->bf16_flops;
    }
}

static const char *rows_slice(double m)
{
    return m <= 16 ? "m 1-16" : m <= 128 ? "m 17-128" : m <= 1024 ? "m 129-1024" : "m > 1024";
}

static int compare_times(const void *a, const void *b)
{
    double x = ((const struct kernel_row *)a)->measured_s, y = ((const struct kernel_row *)b)->measured_s;

    return (x > y) - (x < y);
}

/* Keeps the rows above 1.5 times the median, of those with m >= 512: below, some are late for no reason of size. */
static void drop_floor(struct kernel_rows *rows)
{
    size_t first = 0;

    if (rows->n == 0)
        return;
    qsort(rows->at, rows->n, sizeof *rows->at, compare_times);
    double floor_s = 1.5 * rows->at[rows->n / 2].measured_s;
    while (first < rows->n && rows->at[first].measured_s <= floor_s)
        first++;
    rows->n -= first;
    memmove(rows->at, rows->at + first, rows->n * sizeof *rows->at);
}

/*
 * y[m,n] = x[m,k] W: 2mnk FLOPs; a unit is a row; weights, input in its dtype and output in bf16 pass once.
 * Quantisation of the input is not in the tables. Where two kernels were timed (fp8_block on Hopper) the faster counts.
 *
 * fp8_block: most rows take the same 60 to 320 us whatever their size, the host's time to launch (a whole MLA block of
 * five such products takes 90 us on a B200: mla_block_decode.csv). Only those well above it tell the GPU's; launch and
 * memory efficiency are tied to gemm_fp8's.
 */
void kernel_gemm_rows(struct kernel_folder *f, const struct kernel_gpu *gpu, enum kernel_id id,
                      struct kernel_rows *rows)
{
    static const char *const columns[] = {"gpu", "dtype", "m", "n", "k", "lat_us", NULL};
    enum { GPU, DTYPE, M, N, K, LAT };
    const struct matrix_kernel *kernel = find(GEMMS, sizeof GEMMS / sizeof *GEMMS, id);
    struct kernel_table t;

    if (peak_of(gpu, kernel->weights) == 0 || !kernel_folder_table(f, "gemm", columns, &t))
        return;
    rows->source = GEMM_SOURCE;
    for (size_t i = 0; i < csv_rows(t.csv); i++) {
        if (!csv_is(t.csv, i, t.column[GPU], gpu->table) || !csv_is(t.csv, i, t.column[DTYPE], kernel->dtype))
            continue;
        double m = kernel_number(f, &t, i, M), n = kernel_number(f, &t, i, N), k = kernel_number(f, &t, i, K);
        if (n < 512 || k < 512 || (id == KERNEL_gemm_fp8_block && m < 512))
            continue;
        kernel_rows_add(rows, &(struct kernel_row){.flops = 2 * m * n * k,
                                                   .unit_flops = 2 * n * k,
                                                   .peak = peak_of(gpu, kernel->weights),
                                                   .bytes = n * k * dtype_bytes(kernel->weights) +
                                                            m * (2 * n + kernel->activation_bytes * k),
                                                   .Bps = gpu->memory_Bps,
                                                   .measured_s = kernel_number(f, &t, i, LAT) * 1e-6,
                                                   .slice = rows_slice(m),
                                                   .shape = {m, n, k}});
    }
    kernel_rows_fastest(rows);
    if (id == KERNEL_gemm_fp8_block) {
        rows->source = GEMM_BLOCK_SOURCE;
        drop_floor(rows);
    }
}

static const char *moe_slice(double per_expert)
{
    return per_expert <= 1    ? "<= 1 token an expert"
           : per_expert <= 8  ? "1-8 tokens an expert"
           : per_expert <= 64 ? "8-64 tokens an expert"
                              : "> 64 tokens an expert";
}

/*
 * The timed rank has E/ep experts, each i/tp wide, and with balanced routing T topk/ep of the assignments on min(E, T
 * topk)/ep distinct experts D (the tables assign evenly, not at random). FLOPs 2*3*h*(i/tp) an assignment; bytes: D
 * experts' weights, and 2 bytes for each of 2h + 3i/tp elements an assignment.
 * Gate, shared experts and all-to-all are not in the tables. Left out: DeepSeek-V3's shape (7168 wide, 256 experts),
 * whose grouped routing sends the tables' even assignment to the first half of the experts (rows far above the
 * bandwidth say so). Skewed rows are set aside, to be judged, but on the A100, which has no others.
 */
void kernel_moe_rows(struct kernel_folder *f, const struct kernel_gpu *gpu, enum kernel_id id, struct kernel_rows *rows)
{
    static const char *const columns[] = {"gpu",     "dtype",  "tokens", "hidden", "inter",  "topk",
                                          "experts", "moe_tp", "moe_ep", "dist",   "lat_us", NULL};
    enum { GPU, DTYPE, TOKENS, HIDDEN, INTER, TOPK, EXPERTS, TP, EP, DIST, LAT };
    const struct matrix_kernel *kernel = find(MOES, sizeof MOES / sizeof *MOES, id);
    bool only_skewed = strcmp(gpu->table, "a100") == 0;
    struct kernel_table t;

    if (peak_of(gpu, kernel->weights) == 0 || !kernel_folder_table(f, "moe", columns, &t))
        return;
    rows->source = only_skewed ? MOE_A100_SOURCE : MOE_SOURCE;
    for (size_t i = 0; i < csv_rows(t.csv); i++) {
        if (!csv_is(t.csv, i, t.column[GPU], gpu->table) || !csv_is(t.csv, i, t.column[DTYPE], kernel->dtype))
            continue;
        double ep = kernel_number(f, &t, i, EP), tp = kernel_number(f, &t, i, TP), h = kernel_number(f, &t, i, HIDDEN);
        double tokens = kernel_number(f, &t, i, TOKENS), experts = kernel_number(f, &t, i, EXPERTS);
        double topk = kernel_number(f, &t, i, TOPK), inter = kernel_number(f, &t, i, INTER) / tp;
        double assigned = tokens * topk / ep, distinct = fmin(experts / ep, assigned);
        if (assigned < 1 || (h == 7168 && experts == 256))
            continue;
        kernel_rows_add(rows,
                        &(struct kernel_row){.flops = 6 * h * inter * assigned,
                                             .peak = peak_of(gpu, kernel->weights),
                                             .bytes = distinct * 3 * h * inter * dtype_bytes(kernel->weights) +
                                                      assigned * (2 * h + 3 * inter) * 2,
                                             .Bps = gpu->memory_Bps,
                                             .inner = inter,
                                             .weight_bytes = distinct * 3 * h * inter * dtype_bytes(kernel->weights),
                                             .measured_s = kernel_number(f, &t, i, LAT) * 1e-6,
                                             .weight = ep > 1 ? EP_WEIGHT : 1,
                                             .slice = moe_slice(assigned / distinct),
                                             .aside = !only_skewed && !csv_is(t.csv, i, t.column[DIST], "balanced"),
                                             .shape = {tokens, h, inter * tp, experts * 64 + topk, tp, ep}});
    }
    kernel_rows_fastest(rows);
}
