/*
 * cost_kernels.h - which kernels of [kernels] a layout's steps run in.
 */
#ifndef POLICY_COST_KERNELS_H
#define POLICY_COST_KERNELS_H

#include "policy/layout.h"

/* Of a matrix product whose weights have this enum dtype; weight-only types multiply in bf16. */
enum kernel_id cost_gemm_kernel(int dtype);
enum kernel_id cost_moe_kernel(int dtype);
/* Of an attention term (struct attn_term, for bf16) when the cache has this enum dtype. */
enum kernel_id cost_kv_kernel(int kernel, int kv_dtype);
/* In which the pcp ranks of a replica exchange KV: NVLink's where a node holds them and their tp ranks. */
enum kernel_id cost_pcp_kernel(const struct layout *l);

/* The first kernel that the layout uses and that has neither efficiency: its time would be that of its launches. ID as
 * in kernel.h; NULL: none. */
const char *cost_missing_kernel(const struct layout *l);

#endif
