/*
 * kernel_rows.h - from measured tables to rows a kernel's figures can be fitted to. Internal to the kernel fits.
 *
 * Each family (kernel_gemm.c, ...) knows its tables' columns and turns a row into FLOPs, the FLOPs of a unit and bytes,
 * by the formulas that policy/kernel.h is used with; it says above each function what it leaves out. Tables are read
 * once and kept.
 */
#ifndef STUDY_KERNEL_ROWS_H
#define STUDY_KERNEL_ROWS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/diag.h"
#include "policy/kernel.h"
#include "study/csv.h"

struct kernel_gpu {
    const char *table; /* as the tables call it */
    const char *file;  /* as data/calibration and data/gpus do */
    const char *name;
    const char *kin[6]; /* files of the GPUs whose figures it takes where it has none, nearest first; NULL ends */
    const char *any[4]; /* the same for kernels that few GPUs were measured for */
    double bf16_flops, fp8_flops, fp4_flops; /* dense; 0: not supported */
    double memory_Bps, nvlink_Bps;           /* nominal; NVLink one way */
    double network_Bps;                      /* between nodes, one way, a GPU */
};

extern const struct kernel_gpu kernel_gpus[];
extern const size_t kernel_n_gpus;

struct kernel_row {
    double flops, unit_flops, peak, bytes, Bps;
    double inner;        /* inner width of an expert's shard; 0: no expert */
    double weight_bytes; /* of `bytes`, the experts' weights */
    double measured_s;
    double weight;     /* in the fit; 0: 1 */
    const char *slice; /* for the list of worst slices; static */
    bool aside;        /* not fitted, only judged (skewed MoE) */
    double shape[6];   /* what makes two rows the same problem, for kernel_rows_fastest */
};

/* LLMServingSim's tables have sizes 1, 2, 3, ... rather than powers of two: weights as if they had. */
static inline double kernel_even_grid_weight(double tokens)
{
    return 1 / (1 + tokens / 16);
}

struct kernel_rows {
    struct kernel_row *at;
    size_t n, cap;
    const char *source; /* table, engine and its version; static */
};

void kernel_rows_add(struct kernel_rows *rows, const struct kernel_row *row);
/* Of rows with the same shape keeps the fastest: where an engine has two kernels it picks one. */
void kernel_rows_fastest(struct kernel_rows *rows);
/* Adds the times of `other` to the rows of the same shape, and drops rows that have none: kernels that run one after
 * the other. */
void kernel_rows_join(struct kernel_rows *rows, struct kernel_rows *other);
void kernel_rows_free(struct kernel_rows *rows);

enum { KERNEL_COLUMNS_MAX = 16 };

struct kernel_table {
    const struct csv *csv;
    int column[KERNEL_COLUMNS_MAX];
};

struct kernel_folder; /* the tables' folder, and those read so far */
struct kernel_folder *kernel_folder_open(const char *path, struct diags *d);
void kernel_folder_close(struct kernel_folder *f);
/* False if the table cannot be read or lacks one of the columns (a NULL-terminated list; the table's in this order). */
bool kernel_folder_table(struct kernel_folder *f, const char *name, const char *const *columns,
                         struct kernel_table *out);
/* A number that must be there; 0, and a mistake noted, where it is not. */
double kernel_number(struct kernel_folder *f, const struct kernel_table *t, size_t row, int column);

/* Each fills rows with what the tables tell about kernel id on gpu; none where they tell nothing. */
typedef void kernel_family(struct kernel_folder *f, const struct kernel_gpu *gpu, enum kernel_id id,
                           struct kernel_rows *rows);
kernel_family kernel_gemm_rows, kernel_moe_rows, kernel_gqa_rows, kernel_mla_rows, kernel_sparse_rows,
    kernel_linear_rows, kernel_elementwise_rows, kernel_link_rows;
/* LLMServingSim's tables, the only ones of the RTX PRO 6000: GEMMs, experts, attention, bf16. */
kernel_family kernel_lss_rows;

#endif
