/*
 * kernel_fit.h - `tiersim calibrate kernels`: the figures of each kernel (policy/kernel.h) on each GPU, from
 * measured tables.
 *
 * For each GPU and kernel the tables' rows become FLOPs, bytes and a measured time (kernel_rows.h); the figures
 * minimise the robust sum (soft L1, of scale 0.1) of ln(modelled / measured) over the rows, from several starts. Rows
 * count alike, but long contexts more in decode attention. The max in the model stays hard, its derivative is that of
 * the larger side. A bound that fewer than 1% of the rows (or 5) reach is not measured: it is left out (efficiency 0)
 * and the rest fitted again. A kernel without rows takes the figures of the nearest GPU of its generation; small
 * kernels and links, where few GPUs were measured, those of any.
 */
#ifndef STUDY_KERNEL_FIT_H
#define STUDY_KERNEL_FIT_H

#include "base/diag.h"
#include "base/err.h"
#include "study/fit.h"
#include "study/kernel_rows.h"

enum kernel_origin { KERNEL_NONE, KERNEL_FITTED, KERNEL_INHERITED };

enum { KERNEL_SLICES_MAX = 12 };

struct kernel_slice {
    const char *name;
    struct fit_result errors; /* n, rms and the errors only */
};

struct kernel_outcome {
    enum kernel_origin origin;
    const char *source;            /* tables and versions */
    enum kernel_id tied;           /* whose memory efficiency this one has; KERNEL_COUNT: nobody's */
    bool tied_launch;              /* and whose launch */
    const struct kernel_gpu *from; /* inherited from */
    struct kernel figures;
    struct kernel standard_error;
    struct fit_result fit;      /* origin FITTED */
    size_t n_compute, n_memory; /* rows whose larger side is FLOPs, or bytes (the launch apart) */
    struct kernel_slice slices[KERNEL_SLICES_MAX];
    int n_slices;
    struct fit_result aside; /* of rows that were only judged; n 0: none */
};

struct kernel_study {
    struct kernel_outcome *at; /* [kernel_n_gpus * KERNEL_COUNT] */
};

struct kernel_outcome *kernel_study_at(const struct kernel_study *s, size_t gpu, enum kernel_id id);
/* Reads folder's tables and fits all. False: mistakes in d. Free with kernel_study_free either way. */
bool kernel_study_run(struct kernel_study *s, const char *folder, struct diags *d);
void kernel_study_free(struct kernel_study *s);

/* kernel_report.c */
const char *kernel_id_name(enum kernel_id id);
/* Writes OUTDIR/<gpu>.ini for each GPU; -1: e says why. */
int kernel_study_write(const struct kernel_study *s, const char *outdir, struct err *e);
/* Median and 90th percentile of the errors by kernel and GPU, then the worst slices. */
void kernel_study_print(const struct kernel_study *s, FILE *out);
void kernel_study_print_json(const struct kernel_study *s, FILE *out);

#endif
