/*
 * kernel_linear.c - rows of linear attention (gdn.csv) and of a layer's small kernels (lss_dense.csv,
 * vidur_dense_ops.csv).
 */
#include <string.h>

#include "study/kernel_rows.h"

static const char LINEAR_SOURCE[] =
    "gdn.csv: vLLM 0.24.0, Qwen3.5-397B's gated delta net, convolution + scan or recurrence";
static const char LSS_SOURCE[] = "lss_dense.csv: LLMServingSim, vLLM 0.19, Llama-3.1-8B and Qwen3-32B; 2 norms, rotary "
                                 "embedding, activation, norms of q and k";
static const char VIDUR_SOURCE[] =
    "vidur_dense_ops.csv: vidur, fp16; 2 norms, rotary embedding, activation, 2 additions; times to the us";

/* The rows of one of a layer's kernels. Formulas: policy/attn_linear.c. */
static void gdn(struct kernel_folder *f, const struct kernel_gpu *gpu, bool decode, bool convolution,
                struct kernel_rows *rows)
{
    static const char *const columns[] = {"gpu",     "kernel", "phase",   "b",     "q_len",  "d_conv",
                                          "k_heads", "k_dim",  "v_heads", "v_dim", "lat_us", NULL};
    enum { GPU, KERNEL, PHASE, B, Q, CONV, K_HEADS, K_DIM, V_HEADS, V_DIM, LAT };
    struct kernel_table t;

    if (!kernel_folder_table(f, "gdn", columns, &t))
        return;
    for (size_t i = 0; i < csv_rows(t.csv); i++) {
        bool is_convolution = strncmp(csv_text(t.csv, i, t.column[KERNEL]), "causal_conv1d", 13) == 0;
        if (!csv_is(t.csv, i, t.column[GPU], gpu->table) || is_convolution != convolution ||
            csv_is(t.csv, i, t.column[PHASE], "generation") != decode)
            continue;
        double b = kernel_number(f, &t, i, B), q = kernel_number(f, &t, i, Q), heads = kernel_number(f, &t, i, V_HEADS);
        double k = kernel_number(f, &t, i, K_DIM), v = kernel_number(f, &t, i, V_DIM),
               w = kernel_number(f, &t, i, CONV);
        double channels = 2 * kernel_number(f, &t, i, K_HEADS) * k + heads * v, state = heads * k * v;
        double token_flops = 7 * state + 2 * w * channels;
        kernel_rows_add(
            rows, &(struct kernel_row){.flops = b * q * token_flops,
                                       .unit_flops = b * token_flops,
                                       .peak = gpu->bf16_flops,
                                       .bytes = b * 2 * (4 * state + 2 * (w - 1) * channels),
                                       .Bps = gpu->memory_Bps,
                                       .measured_s = kernel_number(f, &t, i, LAT) * 1e-6,
                                       .slice = b * heads <= 64 ? "sequences * heads <= 64" : "sequences * heads > 64",
                                       .shape = {b, q, heads}});
    }
}

void kernel_linear_rows(struct kernel_folder *f, const struct kernel_gpu *gpu, enum kernel_id id,
                        struct kernel_rows *rows)
{
    bool decode = id == KERNEL_linear_decode;
    struct kernel_rows convolution = {0};

    rows->source = LINEAR_SOURCE;
    gdn(f, gpu, decode, false, rows);
    gdn(f, gpu, decode, true, &convolution);
    kernel_rows_join(rows, &convolution);
    kernel_rows_free(&convolution);
}

/* 2 bytes of 8 h + 3 i/tp elements a token, as policy/cost_roofline.c counts a dense layer. */
static void add(struct kernel_rows *rows, const struct kernel_gpu *gpu, double tokens, double hidden, double inter,
                double tp, double s, double weight)
{
    kernel_rows_add(rows, &(struct kernel_row){.bytes = tokens * 2 * (8 * hidden + 3 * inter / tp),
                                               .Bps = gpu->memory_Bps,
                                               .measured_s = s,
                                               .weight = weight,
                                               .slice = tokens <= 128 ? "<= 128 tokens" : "> 128 tokens",
                                               .shape = {tokens, hidden, tp}});
}

static void vidur(struct kernel_folder *f, const struct kernel_gpu *gpu, struct kernel_rows *rows)
{
    static const char *const columns[] = {
        "gpu",          "tokens",     "tp",     "hidden", "inter", "input_layernorm_us", "post_attention_layernorm_us",
        "attn_rope_us", "mlp_act_us", "add_us", NULL};
    enum { GPU, TOKENS, TP, HIDDEN, INTER, NORM1, NORM2, ROPE, ACT, ADD };
    struct kernel_table t;

    if (!kernel_folder_table(f, "vidur_dense_ops", columns, &t))
        return;
    for (size_t i = 0; i < csv_rows(t.csv); i++) {
        if (!csv_is(t.csv, i, t.column[GPU], gpu->table))
            continue;
        double us = 2 * kernel_number(f, &t, i, ADD);
        for (int c = NORM1; c <= ACT; c++)
            us += kernel_number(f, &t, i, c);
        add(rows, gpu, kernel_number(f, &t, i, TOKENS), kernel_number(f, &t, i, HIDDEN), kernel_number(f, &t, i, INTER),
            kernel_number(f, &t, i, TP), us * 1e-6, 1);
    }
    if (rows->n)
        rows->source = VIDUR_SOURCE;
}

struct lss_model {
    const char *name;
    double hidden, inter;
    bool qk_norm;
};

static const struct lss_model LSS_MODELS[] = {{"Llama-3.1-8B", 4096, 14336, false}, {"Qwen3-32B", 5120, 25600, true}};

static void lss_op(struct kernel_folder *f, const struct kernel_gpu *gpu, const struct lss_model *m, const char *op,
                   double times, struct kernel_rows *rows)
{
    static const char *const columns[] = {"gpu", "model", "tp", "layer", "tokens", "time_us", NULL};
    enum { GPU, MODEL, TP, LAYER, TOKENS, TIME };
    struct kernel_table t;

    if (!kernel_folder_table(f, "lss_dense", columns, &t))
        return;
    for (size_t i = 0; i < csv_rows(t.csv); i++)
        if (csv_is(t.csv, i, t.column[GPU], gpu->table) && csv_is(t.csv, i, t.column[MODEL], m->name) &&
            csv_is(t.csv, i, t.column[LAYER], op)) {
            double tokens = kernel_number(f, &t, i, TOKENS);
            add(rows, gpu, tokens, m->hidden, m->inter, kernel_number(f, &t, i, TP),
                times * kernel_number(f, &t, i, TIME) * 1e-6, kernel_even_grid_weight(tokens));
        }
}

static void lss(struct kernel_folder *f, const struct kernel_gpu *gpu, const struct lss_model *m,
                struct kernel_rows *rows)
{
    static const char *const ops[] = {"rotary_emb", "act_fn", "qk_norm"};
    struct kernel_rows layer = {0};

    lss_op(f, gpu, m, "layernorm", 2, &layer);
    for (int i = 0; i < (m->qk_norm ? 3 : 2); i++) {
        struct kernel_rows op = {0};
        lss_op(f, gpu, m, ops[i], 1, &op);
        kernel_rows_join(&layer, &op);
        kernel_rows_free(&op);
    }
    for (size_t i = 0; i < layer.n; i++)
        kernel_rows_add(rows, &layer.at[i]);
    if (layer.n)
        rows->source = LSS_SOURCE;
    kernel_rows_free(&layer);
}

void kernel_elementwise_rows(struct kernel_folder *f, const struct kernel_gpu *gpu, enum kernel_id id,
                             struct kernel_rows *rows)
{
    (void)id;
    vidur(f, gpu, rows);
    for (size_t i = 0; i < sizeof LSS_MODELS / sizeof *LSS_MODELS; i++)
        lss(f, gpu, &LSS_MODELS[i], rows);
}
