/*
 * kernel_sparse.c - rows of sparse attention and its indexer: DSA of GLM-5 (glm5_*.csv, B200 and H200 only) and HCA and
 * CSA of DeepSeek-V4 (dsv4_*.csv).
 *
 * DSA attends min(x, 2048) of x tokens, an entry of 656 bytes and 2 H (2*512 + 64) FLOPs each. HCA attends x/128
 * entries and the last 128 tokens, 584 bytes and 4 H 512 FLOPs each. The indexer has g heads of 128: 132 bytes and 2 g
 * 128 FLOPs for each token (GLM-5, g = 32) or each fourth (V4, g = 64), and top-k picks from what it gives
 * (glm5_topk.csv, mean of two patterns of scores). FLOPs are counted against the bf16 peak throughout, as
 * policy/cost_roofline.c does.
 */
#include <math.h>

#include "study/kernel_rows.h"

static const char SPARSE_PREFILL_SOURCE[] =
    "glm5_sparse_attn.csv: SGLang 0.5.14 (B200, H200 only), dsv4_hca_attn.csv: vLLM 0.24.0, more than one query token";
static const char SPARSE_DECODE_SOURCE[] = "dsv4_hca_attn.csv: vLLM 0.24.0, one query token";
static const char INDEXER_PREFILL_SOURCE[] =
    "glm5_indexer_logits.csv + glm5_topk.csv: SGLang 0.5.14, more than one query token";
static const char INDEXER_DECODE_SOURCE[] =
    "dsv4_indexer_logits.csv: vLLM 0.24.0 + glm5_topk.csv: SGLang 0.5.14 of as many entries, one query token";

enum { GLM_INDEX_HEADS = 32, V4_INDEX_HEADS = 64, INDEX_DIM = 128, INDEX_BYTES = 132 };
enum { DSA_TOPK = 2048, DSA_BYTES = 656, V4_WINDOW = 128, V4_BYTES = 584, V4_DIM = 512 };

static const char *const COLUMNS[] = {"gpu", "heads", "b", "q_len", "past", "lat_us", NULL};
enum { GPU, HEADS, B, Q, PAST, LAT };

struct shape {
    double heads, b, q, past, lat_s;
};

static struct shape shape_of(struct kernel_folder *f, const struct kernel_table *t, size_t i)
{
    return (struct shape){kernel_number(f, t, i, HEADS), kernel_number(f, t, i, B), kernel_number(f, t, i, Q),
                          kernel_number(f, t, i, PAST), kernel_number(f, t, i, LAT) * 1e-6};
}

/* Sum over the queries t = past+1 .. past+q of min(t, knee). */
static double pairs(double past, double q, double knee)
{
    double below = fmax(0, fmin(q, knee - past)), above = q - below;

    return below * (past + (below + 1) / 2) + (above > 0 ? above * knee : 0);
}

static void add(struct kernel_rows *rows, const struct kernel_gpu *gpu, const struct shape *s, double attended,
                double entry_flops, double bytes, const char *slice)
{
    kernel_rows_add(rows, &(struct kernel_row){.flops = s->b * attended * entry_flops,
                                               .unit_flops = s->b * s->q * entry_flops,
                                               .peak = gpu->bf16_flops,
                                               .bytes = bytes,
                                               .Bps = gpu->memory_Bps,
                                               .measured_s = s->lat_s,
                                               .slice = slice,
                                               .shape = {s->b, s->q, s->past}});
}

static void dsa_attention(struct kernel_folder *f, const struct kernel_gpu *gpu, struct kernel_rows *rows)
{
    struct kernel_table t;

    if (!kernel_folder_table(f, "glm5_sparse_attn", COLUMNS, &t))
        return;
    for (size_t i = 0; i < csv_rows(t.csv); i++) {
        if (!csv_is(t.csv, i, t.column[GPU], gpu->table) || csv_is(t.csv, i, t.column[Q], "1"))
            continue;
        struct shape s = shape_of(f, &t, i);
        double attended = pairs(s.past, s.q, DSA_TOPK);
        add(rows, gpu, &s, attended, 2 * s.heads * 1088, s.b * fmin(s.past + s.q, DSA_TOPK) * DSA_BYTES, "DSA");
    }
}

static void hca_attention(struct kernel_folder *f, const struct kernel_gpu *gpu, bool decode, struct kernel_rows *rows)
{
    struct kernel_table t;

    if (!kernel_folder_table(f, "dsv4_hca_attn", COLUMNS, &t))
        return;
    for (size_t i = 0; i < csv_rows(t.csv); i++) {
        if (!csv_is(t.csv, i, t.column[GPU], gpu->table) || csv_is(t.csv, i, t.column[Q], "1") != decode)
            continue;
        struct shape s = shape_of(f, &t, i);
        double attended = pairs(s.past, s.q, V4_WINDOW) + pairs(s.past, s.q, INFINITY) / 128, x = s.past + s.q;
        add(rows, gpu, &s, attended, 4 * s.heads * V4_DIM, s.b * (fmin(x, V4_WINDOW) + x / 128) * V4_BYTES,
            x <= 16384 ? "HCA, <= 16Ki tokens" : "HCA, > 16Ki tokens");
    }
}

/* The mean over the patterns of scores, each pattern's row added as half; times as shape says: what joins them. */
static void topk(struct kernel_folder *f, const struct kernel_gpu *gpu, bool decode, struct kernel_rows *flat)
{
    static const char *const columns[] = {"gpu", "heads", "b", "q_len", "past", "lat_us", "score_mode", NULL};
    struct kernel_rows last = {0};
    struct kernel_table t;

    if (!kernel_folder_table(f, "glm5_topk", columns, &t))
        return;
    for (size_t i = 0; i < csv_rows(t.csv); i++) {
        if (!csv_is(t.csv, i, t.column[GPU], gpu->table) || csv_is(t.csv, i, t.column[Q], "1") != decode)
            continue;
        struct shape s = shape_of(f, &t, i);
        s.lat_s /= 2;
        add(csv_is(t.csv, i, t.column[LAT + 1], "flat") ? flat : &last, gpu, &s, 0, 0, 0, "");
    }
    kernel_rows_join(flat, &last);
    kernel_rows_free(&last);
}

static void indexer_prefill(struct kernel_folder *f, const struct kernel_gpu *gpu, struct kernel_rows *rows)
{
    struct kernel_rows picks = {0};
    struct kernel_table t;

    if (!kernel_folder_table(f, "glm5_indexer_logits", COLUMNS, &t))
        return;
    for (size_t i = 0; i < csv_rows(t.csv); i++) {
        if (!csv_is(t.csv, i, t.column[GPU], gpu->table) || csv_is(t.csv, i, t.column[Q], "1"))
            continue;
        struct shape s = shape_of(f, &t, i);
        add(rows, gpu, &s, pairs(s.past, s.q, INFINITY), 2 * GLM_INDEX_HEADS * INDEX_DIM,
            s.b * (s.past + s.q) * INDEX_BYTES, s.past + s.q <= 16384 ? "<= 16Ki tokens" : "> 16Ki tokens");
    }
    topk(f, gpu, false, &picks);
    kernel_rows_join(rows, &picks);
    kernel_rows_free(&picks);
}

/* V4's logits scan past/4 entries; they are joined with a top-k over as many. */
static void indexer_decode(struct kernel_folder *f, const struct kernel_gpu *gpu, struct kernel_rows *rows)
{
    struct kernel_rows picks = {0};
    struct kernel_table t;

    if (!kernel_folder_table(f, "dsv4_indexer_logits", COLUMNS, &t))
        return;
    for (size_t i = 0; i < csv_rows(t.csv); i++) {
        if (!csv_is(t.csv, i, t.column[GPU], gpu->table) || !csv_is(t.csv, i, t.column[Q], "1"))
            continue;
        struct shape s = shape_of(f, &t, i);
        s.past = floor(s.past / 4);
        add(rows, gpu, &s, s.past, 2 * V4_INDEX_HEADS * INDEX_DIM, s.b * s.past * INDEX_BYTES,
            s.past <= 16384 ? "<= 16Ki entries" : "> 16Ki entries");
    }
    topk(f, gpu, true, &picks);
    kernel_rows_join(rows, &picks);
    kernel_rows_free(&picks);
}

void kernel_sparse_rows(struct kernel_folder *f, const struct kernel_gpu *gpu, enum kernel_id id,
                        struct kernel_rows *rows)
{
    switch (id) {
    case KERNEL_sparse_prefill:
        rows->source = SPARSE_PREFILL_SOURCE;
        dsa_attention(f, gpu, rows);
        if (rows->n) /* HCA's alone would tell a GPU's DSA wrong by half: the figures are then inherited */
            hca_attention(f, gpu, false, rows);
        break;
    case KERNEL_sparse_decode:
        rows->source = SPARSE_DECODE_SOURCE;
        hca_attention(f, gpu, true, rows);
        break;
    case KERNEL_indexer_prefill:
        rows->source = INDEXER_PREFILL_SOURCE;
        indexer_prefill(f, gpu, rows);
        break;
    default:
        rows->source = INDEXER_DECODE_SOURCE;
        indexer_decode(f, gpu, rows);
        break;
    }
}
