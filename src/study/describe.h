/*
 * describe.h - what a model or a GPU of the catalogue is, in figures: parameters, bytes, reads and FLOPs against the
 * context.
 *
 * All figures of a model are of the whole model, however many GPUs it lies on, and of one sequence. FLOPs of a decode
 * token: its attention, and 2 for each parameter that it uses.
 */
#ifndef STUDY_DESCRIBE_H
#define STUDY_DESCRIBE_H

#include <stdbool.h>
#include <stdio.h>

#include "base/diag.h"
#include "policy/attn.h"
#include "policy/layout.h"
#include "policy/memory.h"

struct describe_options {
    int convention; /* enum kv_convention */
    int kv_dtype;   /* enum dtype: bf16, fp8 or nvfp4 */
    bool json;
};

/* False with a diag for each key that the model's attention lacks. */
bool describe_check(const struct model_options *m, struct diags *d);

/* m was checked. */
void describe_model(const struct model_options *m, const struct describe_options *o, FILE *out);
void describe_gpu(const struct gpu_options *g, const struct kernels *k, bool json, FILE *out);

/* The memories of one machine, HBM first (describe_tiers.c). */
struct describe_tiers {
    const struct memory_options *memory; /* resolved */
    const struct gpu_options *gpu;       /* memory_bytes 0: unknown, no row of HBM */
    int64_t cluster_gpus;                /* that share what has gpus = 0; 0: unknown */
    const struct model_options *model;   /* whose KV is read; checked */
    int kv_dtype;                        /* enum dtype, in HBM */
};
void describe_tiers(const struct describe_tiers *t, bool json, FILE *out);
/* Time to read so many bytes of a tier in use on an idle machine; no conversion. */
double describe_tiers_read_s(const struct describe_tiers *t, int64_t tier, double bytes);

/* The bill of a scenario that has [prices] (describe_bill.c). */
struct scenario;
void describe_bill(const struct scenario *sc, bool json, FILE *out);

#endif
