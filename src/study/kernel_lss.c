/*
 * kernel_lss.c - rows of the GPUs that only LLMServingSim measured (RTX PRO 6000, bf16, vLLM 0.19): the projections of
 * dense layers (lss_dense.csv), a MoE block (lss_moe.csv) and attention of batches (mixed_batch_attention.csv).
 */
#include <string.h>

#include "study/kernel_rows.h"

static const char DENSE_SOURCE[] = "lss_dense.csv: LLMServingSim, vLLM 0.19, projections of Llama-3.1-8B and Qwen3-32B";
static const char MOE_SOURCE[] = "lss_moe.csv: LLMServingSim, vLLM 0.19, MoE block of Qwen3-30B-A3B, gate included";
static const char ATTENTION_SOURCE[] =
    "mixed_batch_attention.csv: LLMServingSim, vLLM 0.19, batches of prompts alone or of decodes alone";

/* config.json of the models. */
struct lss_model {
    const char *name;
    double hidden, heads, kv_heads, inter;
};

enum { HEAD = 128, MOE_INTER = 768, MOE_TOPK = 8 };

static const struct lss_model MODELS[] = {{"Llama-3.1-8B", 4096, 32, 8, 14336},
                                          {"Qwen3-32B", 5120, 64, 8, 25600},
                                          {"Qwen3-30B-A3B-Instruct-2507", 2048, 32, 4, 0}};

static const struct lss_model *model_of(const struct csv *t, size_t row, int column)
{
    for (size_t i = 0; i < sizeof MODELS / sizeof *MODELS; i++)
        if (csv_is(t, row, column, MODELS[i].name))
            return &MODELS[i];
    return NULL;
}

/* Width out and in of a projection on one of tp GPUs; false: the row is no projection. */
static bool projection(const struct lss_model *m, const char *layer, double tp, double *n, double *k)
{
    double width = m->heads * HEAD;
    const struct {
        const char *name;
        double n, k;
    } all[] = {{"qkv_proj", (width + 2 * m->kv_heads * HEAD) / tp, m->hidden},
               {"o_proj", m->hidden, width / tp},
               {"gate_up_proj", 2 * m->inter / tp, m->hidden},
               {"down_proj", m->hidden, m->inter / tp}};

    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        if (strcmp(all[i].name, layer) != 0)
            continue;
        *n = all[i].n;
        *k = all[i].k;
        return true;
    }
    return false;
}

static void dense(struct kernel_folder *f, const struct kernel_gpu *gpu, struct kernel_rows *rows)
{
    static const char *const columns[] = {"gpu", "model", "tp", "layer", "tokens", "time_us", NULL};
    enum { GPU, MODEL, TP, LAYER, TOKENS, TIME };
    struct kernel_table t;

    if (!kernel_folder_table(f, "lss_dense", columns, &t))
        return;
    rows->source = DENSE_SOURCE;
    for (size_t i = 0; i < csv_rows(t.csv); i++) {
        const struct lss_model *m = model_of(t.csv, i, t.column[MODEL]);
        double n, k;
        if (!csv_is(t.csv, i, t.column[GPU], gpu->table) || m == NULL || m->inter == 0 ||
            !projection(m, csv_text(t.csv, i, t.column[LAYER]), kernel_number(f, &t, i, TP), &n, &k))
            continue;
        double tokens = kernel_number(f, &t, i, TOKENS);
        kernel_rows_add(rows, &(struct kernel_row){.flops = 2 * tokens * n * k,
                                                   .unit_flops = 2 * n * k,
                                                   .peak = gpu->bf16_flops,
                                                   .bytes = 2 * (n * k + tokens * (n + k)),
                                                   .Bps = gpu->memory_Bps,
                                                   .measured_s = kernel_number(f, &t, i, TIME) * 1e-6,
                                                   .weight = kernel_even_grid_weight(tokens),
                                                   .slice = tokens <= 128 ? "m 1-128" : "m > 128"});
    }
}

static void moe(struct kernel_folder *f, const struct kernel_gpu *gpu, struct kernel_rows *rows)
{
    static const char *const columns[] = {"gpu", "model", "tokens", "activated_experts", "time_us", NULL};
    enum { GPU, MODEL, TOKENS, EXPERTS, TIME };
    struct kernel_table t;

    if (!kernel_folder_table(f, "lss_moe", columns, &t))
        return;
    rows->source = MOE_SOURCE;
    for (size_t i = 0; i < csv_rows(t.csv); i++) {
        const struct lss_model *m = model_of(t.csv, i, t.column[MODEL]);
        if (!csv_is(t.csv, i, t.column[GPU], gpu->table) || m == NULL)
            continue;
        double assigned = MOE_TOPK * kernel_number(f, &t, i, TOKENS), experts = kernel_number(f, &t, i, EXPERTS);
        double weights = 3 * m->hidden * MOE_INTER;
        kernel_rows_add(
            rows, &(struct kernel_row){.flops = 2 * weights * assigned,
                                       .unit_flops = 2 * weights * experts,
                                       .peak = gpu->bf16_flops,
                                       .bytes = 2 * (experts * weights + assigned * (2 * m->hidden + 3 * MOE_INTER)),
                                       .Bps = gpu->memory_Bps,
                                       .measured_s = kernel_number(f, &t, i, TIME) * 1e-6,
                                       .slice = "all"});
    }
}

/* Prompts: chunk new tokens over kv_prefill past ones. */
static void attention(struct kernel_folder *f, const struct kernel_gpu *gpu, bool decode, struct kernel_rows *rows)
{
    static const char *const columns[] = {"gpu",      "model",     "prefill_chunk", "kv_prefill",
                                          "n_decode", "kv_decode", "time_us",       NULL};
    enum { GPU, MODEL, CHUNK, PAST, DECODES, KV, TIME };
    struct kernel_table t;

    if (!kernel_folder_table(f, "mixed_batch_attention", columns, &t))
        return;
    rows->source = ATTENTION_SOURCE;
    for (size_t i = 0; i < csv_rows(t.csv); i++) {
        const struct lss_model *m = model_of(t.csv, i, t.column[MODEL]);
        if (!csv_is(t.csv, i, t.column[GPU], gpu->table) || m == NULL ||
            !csv_is(t.csv, i, t.column[decode ? CHUNK : DECODES], "0"))
            continue;
        double q = kernel_number(f, &t, i, decode ? DECODES : CHUNK), x = kernel_number(f, &t, i, decode ? KV : PAST);
        double unit = 4 * m->heads * HEAD * q, cache = decode ? q * x : x + q;
        kernel_rows_add(rows, &(struct kernel_row){.flops = unit * (decode ? x : x + (q + 1) / 2),
                                                   .unit_flops = unit,
                                                   .peak = gpu->bf16_flops,
                                                   .bytes = 2 * HEAD * (2 * m->kv_heads * cache + 2 * m->heads * q),
                                                   .Bps = gpu->memory_Bps,
                                                   .measured_s = kernel_number(f, &t, i, TIME) * 1e-6,
                                                   .weight = decode && cache > 16384 ? 2 : 1,
                                                   .slice = cache <= 16384 ? "<= 16Ki tokens" : "> 16Ki tokens"});
    }
}

void kernel_lss_rows(struct kernel_folder *f, const struct kernel_gpu *gpu, enum kernel_id id, struct kernel_rows *rows)
{
    switch (id) {
    case KERNEL_gemm_bf16:
        dense(f, gpu, rows);
        break;
    case KERNEL_moe_bf16:
        moe(f, gpu, rows);
        break;
    case KERNEL_prefill_bf16:
    case KERNEL_decode_bf16:
        attention(f, gpu, id == KERNEL_decode_bf16, rows);
        break;
    default:
        break;
    }
}
