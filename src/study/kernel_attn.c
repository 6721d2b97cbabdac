/*
 * kernel_attn.c - rows of the attention kernels that keep plain heads (attn_*.csv) or the MLA latent
 * (mla_kernel_*.csv).
 */
#include <string.h>

#include "study/kernel_rows.h"

static const char PREFILL_SOURCE[] =
    "attn_prefill.csv: vLLM 0.24.0 (A100: 0.14.0), causal, no window, head size 64 and 128";
static const char DECODE_SOURCE[] = "attn_decode.csv: vLLM 0.24.0 (A100: 0.14.0), no window, head size 64 and 128";
static const char MLA_PREFILL_SOURCE[] = "mla_kernel_prefill.csv: TensorRT-LLM 1.3.0rc20 (A100: vLLM 0.14.0, Triton)";
static const char MLA_DECODE_SOURCE[] = "mla_kernel_decode.csv: TensorRT-LLM 1.3.0rc20 (A100: vLLM 0.14.0, Triton)";

/* DeepSeek's MLA: 128 + 64 wide keys and 128 wide values when decompressed, a latent of 512 + 64 elements when not. */
enum { MLA_QK = 192, MLA_V = 128, MLA_LATENT = 512, MLA_ROPE = 64 };

static const char *kv_dtype(bool fp8)
{
    return fp8 ? "fp8" : "bfloat16";
}

static const char *tokens_slice(double tokens)
{
    return tokens <= 1024      ? "<= 1Ki tokens"
           : tokens <= 16384   ? "1Ki-16Ki tokens"
           : tokens <= 1 << 18 ? "16Ki-256Ki tokens"
                               : "> 256Ki tokens";
}

/* Steps that take long decide a run: decodes of much cache count more. */
static double decode_weight(double tokens)
{
    return tokens <= 16384 ? 1 : tokens <= 1 << 18 ? 2 : 4;
}

/* Causal attention of b prompts of q tokens: 4 H d FLOPs a pair, b q(q+1)/2 pairs; a unit is a key more for each query;
 * q, k, v and o pass once. Computed in bf16 whatever the KV dtype (attn_dtype). */
static void prefill(struct kernel_folder *f, const struct kernel_gpu *gpu, bool fp8, struct kernel_rows *rows)
{
    static const char *const columns[] = {"gpu",     "attn_dtype", "kv_dtype", "b",      "q_len",  "past",
                                          "q_heads", "kv_heads",   "head_dim", "window", "lat_us", NULL};
    enum { GPU, DTYPE, KV, B, Q, PAST, HEADS, KV_HEADS, HEAD, WINDOW, LAT };
    struct kernel_table t;

    if (!kernel_folder_table(f, "attn_prefill", columns, &t))
        return;
    rows->source = PREFILL_SOURCE;
    for (size_t i = 0; i < csv_rows(t.csv); i++) {
        if (!csv_is(t.csv, i, t.column[GPU], gpu->table) || !csv_is(t.csv, i, t.column[KV], kv_dtype(fp8)) ||
            !csv_is(t.csv, i, t.column[WINDOW], "0") || !csv_is(t.csv, i, t.column[PAST], "0"))
            continue;
        double b = kernel_number(f, &t, i, B), q = kernel_number(f, &t, i, Q), d = kernel_number(f, &t, i, HEAD);
        double heads = kernel_number(f, &t, i, HEADS), kv = kernel_number(f, &t, i, KV_HEADS);
        kernel_rows_add(rows, &(struct kernel_row){.flops = 4 * heads * d * b * q * (q + 1) / 2,
                                                   .unit_flops = 4 * heads * d * b * q,
                                                   .peak = gpu->bf16_flops,
                                                   .bytes = b * q * d * 2 * (2 * heads + 2 * kv),
                                                   .Bps = gpu->memory_Bps,
                                                   .measured_s = kernel_number(f, &t, i, LAT) * 1e-6,
                                                   .slice = tokens_slice(b * q),
                                                   .shape = {b, q, heads, kv, d}});
    }
    kernel_rows_fastest(rows);
}

/* One new token for each of b sequences of n: the KV cache passes once, q and o once, 4 H d FLOPs a token of cache; a
 * unit is a token of cache more for each sequence. */
static void decode(struct kernel_folder *f, const struct kernel_gpu *gpu, bool fp8, struct kernel_rows *rows)
{
    static const char *const columns[] = {"gpu",      "kv_dtype", "b",      "kv_len", "q_heads",
                                          "kv_heads", "head_dim", "window", "lat_us", NULL};
    enum { GPU, KV, B, N, HEADS, KV_HEADS, HEAD, WINDOW, LAT };
    struct kernel_table t;

    if (!kernel_folder_table(f, "attn_decode", columns, &t))
        return;
    rows->source = DECODE_SOURCE;
    for (size_t i = 0; i < csv_rows(t.csv); i++) {
        if (!csv_is(t.csv, i, t.column[GPU], gpu->table) || !csv_is(t.csv, i, t.column[KV], kv_dtype(fp8)) ||
            !csv_is(t.csv, i, t.column[WINDOW], "0"))
            continue;
        double b = kernel_number(f, &t, i, B), n = kernel_number(f, &t, i, N), d = kernel_number(f, &t, i, HEAD);
        double heads = kernel_number(f, &t, i, HEADS), kv = kernel_number(f, &t, i, KV_HEADS);
        kernel_rows_add(rows, &(struct kernel_row){.flops = 4 * heads * d * b * n,
                                                   .unit_flops = 4 * heads * d * b,
                                                   .peak = gpu->bf16_flops,
                                                   .bytes = b * n * 2 * kv * d * (fp8 ? 1 : 2) + b * 4 * heads * d,
                                                   .Bps = gpu->memory_Bps,
                                                   .measured_s = kernel_number(f, &t, i, LAT) * 1e-6,
                                                   .weight = decode_weight(b * n),
                                                   .slice = tokens_slice(b * n),
                                                   .shape = {b, n, heads, kv, d}});
    }
    kernel_rows_fastest(rows);
}

void kernel_gqa_rows(struct kernel_folder *f, const struct kernel_gpu *gpu, enum kernel_id id, struct kernel_rows *rows)
{
    bool fp8 = id == KERNEL_prefill_fp8 || id == KERNEL_decode_fp8;

    if (id == KERNEL_prefill_bf16 || id == KERNEL_prefill_fp8)
        prefill(f, gpu, fp8, rows);
    else
        decode(f, gpu, fp8, rows);
}

/* Decompressed, as prefill does it: 2 H (192 + 128) FLOPs a pair of the q s + q(q+1)/2; q, k, v, o of 16 bits pass
 * once. */
static void mla_prefill(struct kernel_folder *f, const struct kernel_gpu *gpu, struct kernel_rows *rows)
{
    static const char *const columns[] = {"gpu", "kv_dtype", "heads", "b", "q_len", "past", "lat_us", NULL};
    enum { GPU, KV, HEADS, B, Q, PAST, LAT };
    struct kernel_table t;

    if (!kernel_folder_table(f, "mla_kernel_prefill", columns, &t))
        return;
    rows->source = MLA_PREFILL_SOURCE;
    for (size_t i = 0; i < csv_rows(t.csv); i++) {
        if (!csv_is(t.csv, i, t.column[GPU], gpu->table))
            continue;
        double b = kernel_number(f, &t, i, B), q = kernel_number(f, &t, i, Q), s = kernel_number(f, &t, i, PAST);
        double heads = kernel_number(f, &t, i, HEADS), flops = 2 * heads * (MLA_QK + MLA_V) * b * q;
        kernel_rows_add(rows, &(struct kernel_row){.flops = flops * (s + (q + 1) / 2),
                                                   .unit_flops = flops,
                                                   .peak = gpu->bf16_flops,
                                                   .bytes = 2 * heads * b * (MLA_QK + MLA_V) * (q + q + s),
                                                   .Bps = gpu->memory_Bps,
                                                   .measured_s = kernel_number(f, &t, i, LAT) * 1e-6,
                                                   .slice = tokens_slice(b * q),
                                                   .shape = {b, q, s, heads, csv_is(t.csv, i, t.column[KV], "fp8")}});
    }
}

/* On the latent: 576 cached elements a token read once for all heads, 2 H (576 + 512) FLOPs; q and o in bf16. */
static void mla_decode(struct kernel_folder *f, const struct kernel_gpu *gpu, bool fp8, struct kernel_rows *rows)
{
    static const char *const columns[] = {"gpu", "kv_dtype", "heads", "b", "kv_len", "lat_us", NULL};
    enum { GPU, KV, HEADS, B, N, LAT };
    struct kernel_table t;

    if (!kernel_folder_table(f, "mla_kernel_decode", columns, &t))
        return;
    rows->source = MLA_DECODE_SOURCE;
    for (size_t i = 0; i < csv_rows(t.csv); i++) {
        if (!csv_is(t.csv, i, t.column[GPU], gpu->table) || !csv_is(t.csv, i, t.column[KV], kv_dtype(fp8)))
            continue;
        double b = kernel_number(f, &t, i, B), n = kernel_number(f, &t, i, N), heads = kernel_number(f, &t, i, HEADS);
        double per_token = 2 * heads * (2 * MLA_LATENT + MLA_ROPE), wide = MLA_LATENT + MLA_ROPE;
        kernel_rows_add(
            rows, &(struct kernel_row){.flops = per_token * b * n,
                                       .unit_flops = per_token * b,
                                       .peak = gpu->bf16_flops,
                                       .bytes = b * n * wide * (fp8 ? 1 : 2) + b * heads * 2 * (wide + MLA_LATENT),
                                       .Bps = gpu->memory_Bps,
                                       .measured_s = kernel_number(f, &t, i, LAT) * 1e-6,
                                       .weight = decode_weight(b * n),
                                       .slice = tokens_slice(b * n),
                                       .shape = {b, n, heads}});
    }
}

void kernel_mla_rows(struct kernel_folder *f, const struct kernel_gpu *gpu, enum kernel_id id, struct kernel_rows *rows)
{
    if (id == KERNEL_mla_prefill)
        mla_prefill(f, gpu, rows);
    else
        mla_decode(f, gpu, id == KERNEL_mla_decode_fp8, rows);
}
