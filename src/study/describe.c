#include "study/describe.h"

#include <inttypes.h>
#include <math.h>

#include "base/units.h"
#include "report/json.h"

static const int64_t contexts[] = {1024, 4096, 8192, 32768, 131072, 262144, 524288, 1048576};
enum { CONTEXTS = sizeof contexts / sizeof *contexts };

static const char *const convention_names[KV_CONVENTIONS] = {"plain", "article", "production"};

static const char *dtype_name(int dtype)
{
    return dtype == DTYPE_BF16 ? "bf16" : dtype == DTYPE_FP8 ? "fp8" : "nvfp4";
}

static const char *convention_text(int convention)
{
    switch (convention) {
    case KV_PLAIN:
        return "every element in that type, no scales";
    case KV_ARTICLE:
        return "every element in that type, but index keys of 2 bytes an element, no scales";
    default:
        return "as serving engines keep it: with scales; DSA's and V4's rotary elements in bf16, index keys in fp8 "
               "(DSA) or "
               "fp4 (V4)";
    }
}

/* ---- one kind of attention ---- */

struct kind_bytes { /* of one sequence, all layers of the kind */
    int64_t layers;
    double per_token; /* without end */
    double bounded;   /* windows, when full */
    double state;     /* whatever the context */
};

static struct kind_bytes kind_bytes_of(const struct model_options *m, enum attn_kind kind, const struct kv_format *f)
{
    struct kind_bytes b = {.layers = attn_layers(m, kind)};
    struct attn_profile p = {0};

    if (b.layers <= 0)
        return b;
    attn_get(kind)->profile(m, f, 1, 1, &p);
    b.state = (double)b.layers * p.stored_const;
    for (int i = 0; i < p.n_terms; i++) {
        const struct attn_term *t = &p.term[i];
        if (isfinite(t->knee))
            b.bounded += (double)b.layers * t->stored * t->knee;
        else
            b.per_token += (double)b.layers * t->stored;
    }
    return b;
}

static double bytes_per_token(const struct model_options *m, const struct kv_format *f)
{
    double sum = 0;

    for (int k = 0; k < ATTN_KINDS; k++)
        sum += kind_bytes_of(m, (enum attn_kind)k, f).per_token;
    return sum;
}

/* What V4's compressors keep of a sequence, in fp32. */
static double compressor_bytes(const struct model_options *m)
{
    struct kv_format f = kv_format_of(m, DTYPE_BF16, KV_PLAIN);
    double without = attn_stored(m, &f, 1, 1, 0);

    f.compressor_bytes = 4;
    return attn_stored(m, &f, 1, 1, 0) - without;
}

/* 1e6 tokens, 1-byte elements, 2-byte index keys, no scales, GiB; the state of linear layers is no KV. */
static double article_gib(const struct model_options *m)
{
    struct kv_format f = kv_format_of(m, DTYPE_FP8, KV_ARTICLE);

    return (attn_stored(m, &f, 1, 1, 1e6) - attn_stored(m, &f, 1, 1, 0)) / (1024.0 * 1024 * 1024);
}

/* ---- weights ---- */

/* Embedding, head and routers stay bf16. fp8: all else in 1 byte an element. nvfp4: what the model's 4-bit checkpoints
 * quantise (fp4_scope) with a scale each 16 elements, the rest bf16. */
static double weight_bytes(const struct model_options *m, int dtype)
{
    struct model_parts p = model_parts_of(m);
    double low = dtype_bytes(dtype);
    double attention = dtype == DTYPE_NVFP4 && m->fp4_scope != FP4_ALL ? 2 : low;
    double mlp = dtype == DTYPE_NVFP4 && m->fp4_scope == FP4_EXPERTS ? 2 : low;

    return 2 * (p.embedding + p.head + p.router) + attention * p.attention + mlp * (p.dense + p.shared) +
           low * p.routed;
}

/* ---- check ---- */

bool describe_check(const struct model_options *m, struct diags *d)
{
    size_t before = d->n;

    if (attn_layers(m, (enum attn_kind)m->attention) < 0)
        diags_add(d, NULL, 0, "[model] layers: %" PRId64 " are fewer than the layers of the single kinds", m->layers);
    for (int k = 0; k < ATTN_KINDS; k++) {
        const struct attn_ops *ops = attn_get((enum attn_kind)k);
        const char *key = attn_layers(m, (enum attn_kind)k) > 0 ? ops->missing(m) : NULL;
        if (key)
            diags_add(d, NULL, 0, "[model] %s: is missing or wrong for attention %s (%s)", key, ops->name, ops->help);
    }
    return d->n == before;
}

/* ---- model as text ---- */

static void print_head(const struct model_options *m, FILE *out)
{
    struct model_parts p = model_parts_of(m);

    fprintf(out, "%s\n", m->name);
    fprintf(out,
            "  layers              %" PRId64 ", hidden size %" PRId64 ", vocabulary %" PRId64 ", context up to %" PRId64
            "\n",
            m->layers, m->hidden, m->vocab, m->max_context);
    fprintf(out,
            "  parameters          %.2f billion: attention %.2f, dense MLPs %.2f, routed experts %.2f, shared experts "
            "%.2f,\n",
            model_params(m) / 1e9, p.attention / 1e9, p.dense / 1e9, p.routed / 1e9, p.shared / 1e9);
    fprintf(out, "                      routers %.2f, embedding %.2f, head %s%.2f\n", p.router / 1e9, p.embedding / 1e9,
            m->tie_embeddings ? "(the embedding) " : "", p.head / 1e9);
    fprintf(out, "  active parameters   %.2f billion a token, without the embedding\n", model_active_params(m) / 1e9);
    fprintf(out, "  weights             %.1f GB bf16, %.1f GB fp8, %.1f GB nvfp4%s\n",
            weight_bytes(m, DTYPE_BF16) / 1e9, weight_bytes(m, DTYPE_FP8) / 1e9, weight_bytes(m, DTYPE_NVFP4) / 1e9,
            m->fp4_scope == FP4_EXPERTS ? " (experts alone)"
            : m->fp4_scope == FP4_MLP   ? " (MLPs and experts; attention bf16)"
                                        : "");
    fprintf(out, "                      (embedding, head and routers bf16 in all)\n");
}

static void print_kinds(const struct model_options *m, const struct kv_format *f, FILE *out)
{
    fprintf(out, "\n  %-12s %7s %16s %16s %16s\n", "attention", "layers", "bytes a token", "window, bytes",
            "state, bytes");
    for (int k = 0; k < ATTN_KINDS; k++) {
        struct kind_bytes b = kind_bytes_of(m, (enum attn_kind)k, f);
        if (b.layers > 0)
            fprintf(out, "  %-12s %7" PRId64 " %16.10g %16.10g %16.10g\n", attn_get((enum attn_kind)k)->name, b.layers,
                    b.per_token, b.bounded, b.state);
    }
    fprintf(out, "  %-12s %7" PRId64 " %16.10g\n", "all", m->layers, bytes_per_token(m, f));
    if (compressor_bytes(m) > 0)
        fprintf(out, "  beside these, which no convention counts: %.1f MB a sequence of compressor state (fp32)\n",
                compressor_bytes(m) / 1e6);
}

static void print_table(const struct model_options *m, const struct kv_format *f, FILE *out)
{
    bool beyond = false;

    fprintf(out, "\n  %9s %14s %14s %18s %14s\n", "context", "stored, MB", "read, MB", "attention GFLOP",
            "total GFLOP");
    for (int i = 0; i < CONTEXTS; i++) {
        double n = (double)contexts[i], flops = attn_flops(m, f, 1, 1, n);
        bool over = contexts[i] > m->max_context;
        beyond |= over;
        fprintf(out, "  %8" PRId64 "%s %14.3f %14.3f %18.3f %14.3f\n", contexts[i], over ? "*" : " ",
                attn_stored(m, f, 1, 1, n) / 1e6, attn_read(m, f, 1, 1, n) / 1e6, flops / 1e9,
                (flops + 2 * model_active_params(m)) / 1e9);
    }
    fprintf(out, "  of one sequence: kept; read by one decode token; FLOPs of one decode token%s\n",
            beyond ? ". *: beyond the model's own context" : "");
}

static void model_text(const struct model_options *m, const struct describe_options *o, const struct kv_format *f,
                       FILE *out)
{
    print_head(m, out);
    fprintf(out, "\n  KV cache            %s, %s: %s\n", dtype_name(o->kv_dtype), convention_names[o->convention],
            convention_text(o->convention));
    print_kinds(m, f, out);
    print_table(m, f, out);
    fprintf(out, "\n  KV of 1e6 tokens    %.2f GiB at 8 bit (1 byte an element, 2 bytes of index keys, no scales)\n",
            article_gib(m));
}

/* ---- model as JSON ---- */

static void json_weights(struct json *j, const struct model_options *m)
{
    struct model_parts p = model_parts_of(m);

    json_open(j, "params_by_part", '{');
    json_real(j, "attention", p.attention);
    json_real(j, "dense", p.dense);
    json_real(j, "routed_experts", p.routed);
    json_real(j, "shared_experts", p.shared);
    json_real(j, "routers", p.router);
    json_real(j, "embedding", p.embedding);
    json_real(j, "head", p.head);
    json_close(j, '}');
    json_open(j, "weight_bytes", '{');
    json_real(j, "bf16", weight_bytes(m, DTYPE_BF16));
    json_real(j, "fp8", weight_bytes(m, DTYPE_FP8));
    json_real(j, "nvfp4", weight_bytes(m, DTYPE_NVFP4));
    json_close(j, '}');
}

static void json_kinds(struct json *j, const struct model_options *m, const struct kv_format *f)
{
    json_open(j, "attention", '[');
    for (int k = 0; k < ATTN_KINDS; k++) {
        struct kind_bytes b = kind_bytes_of(m, (enum attn_kind)k, f);
        if (b.layers <= 0)
            continue;
        json_open(j, NULL, '{');
        json_text(j, "kind", attn_get((enum attn_kind)k)->name);
        json_int(j, "layers", b.layers);
        json_real(j, "bytes_per_token", b.per_token);
        json_real(j, "window_bytes", b.bounded);
        json_real(j, "state_bytes", b.state);
        json_close(j, '}');
    }
    json_close(j, ']');
}

static void json_table(struct json *j, const struct model_options *m, const struct kv_format *f)
{
    json_open(j, "table", '[');
    for (int i = 0; i < CONTEXTS; i++) {
        double n = (double)contexts[i], flops = attn_flops(m, f, 1, 1, n);
        json_open(j, NULL, '{');
        json_int(j, "context", contexts[i]);
        json_real(j, "stored_bytes", attn_stored(m, f, 1, 1, n));
        json_real(j, "read_bytes", attn_read(m, f, 1, 1, n));
        json_real(j, "attention_flops", flops);
        json_real(j, "total_flops", flops + 2 * model_active_params(m));
        json_bool(j, "beyond_max_context", contexts[i] > m->max_context);
        json_close(j, '}');
    }
    json_close(j, ']');
}

static void model_json(const struct model_options *m, const struct describe_options *o, const struct kv_format *f,
                       FILE *out)
{
    struct json j = {.out = out};

    json_open(&j, NULL, '{');
    json_text(&j, "name", m->name);
    json_real(&j, "params", model_params(m));
    json_real(&j, "active_params", model_active_params(m));
    json_weights(&j, m);
    json_int(&j, "layers", m->layers);
    json_int(&j, "hidden", m->hidden);
    json_int(&j, "vocab", m->vocab);
    json_int(&j, "max_context", m->max_context);
    json_int(&j, "experts", m->experts);
    json_int(&j, "topk", m->topk);
    json_text(&j, "kv_dtype", dtype_name(o->kv_dtype));
    json_text(&j, "convention", convention_names[o->convention]);
    json_text(&j, "convention_meaning", convention_text(o->convention));
    json_kinds(&j, m, f);
    json_real(&j, "bytes_per_token", bytes_per_token(m, f));
    json_real(&j, "compressor_bytes", compressor_bytes(m));
    json_table(&j, m, f);
    json_real(&j, "kv_gib_1e6_8bit", article_gib(m));
    json_text(&j, "kv_gib_1e6_8bit_convention", "1e6 tokens, 1 byte an element, 2 bytes of index keys, no scales, GiB");
    json_close(&j, '}');
}

void describe_model(const struct model_options *m, const struct describe_options *o, FILE *out)
{
    struct kv_format f = kv_format_of(m, o->kv_dtype, (enum kv_convention)o->convention);

    if (o->json)
        model_json(m, o, &f, out);
    else
        model_text(m, o, &f, out);
}

/* ---- GPU ---- */

static const char *const kernel_names[KERNEL_COUNT] = {
#define KERNEL_NAME(id, help) #id,
    KERNELS(KERNEL_NAME)
#undef KERNEL_NAME
};

static bool is_known(const struct kernel *k)
{
    return k->flops_efficiency > 0 || k->memory_efficiency > 0 || k->launch_s > 0;
}

static void print_figure(FILE *out, const char *label, double value, enum unit unit)
{
    char text[64];

    units_format(value, unit, text, sizeof text);
    fprintf(out, "  %-18s  %s\n", label, value > 0 ? text : "none");
}

static void gpu_text(const struct gpu_options *g, const struct kernels *k, FILE *out)
{
    fprintf(out, "%s%s%s%s\n", g->name, g->generation && *g->generation ? " (" : "", g->generation ? g->generation : "",
            g->generation && *g->generation ? ")" : "");
    print_figure(out, "memory", (double)g->memory_bytes, UNIT_BYTE);
    print_figure(out, "memory bandwidth", g->memory_Bps, UNIT_BYTE_PER_S);
    print_figure(out, "bf16 peak", g->bf16_flops, UNIT_FLOP_PER_S);
    print_figure(out, "fp8 peak", g->fp8_flops, UNIT_FLOP_PER_S);
    print_figure(out, "fp4 peak", g->fp4_flops, UNIT_FLOP_PER_S);
    print_figure(out, "NVLink, one way", g->nvlink_Bps, UNIT_BYTE_PER_S);
    print_figure(out, "network, one way", g->network_Bps, UNIT_BYTE_PER_S);
    fprintf(out, "\n  kernels: %s%s\n", k->name ? k->name : "none",
            g->extrapolated ? " (extrapolated: measured on another GPU)" : "");
    fprintf(out, "  %-18s %16s %12s %17s %12s %10s\n", "kernel", "of the peak", "half at", "of the bandwidth",
            "launch, us", "width");
    for (int i = 0; i < KERNEL_COUNT; i++) {
        const struct kernel *r = &k->at[i];
        if (is_known(r))
            fprintf(out, "  %-18s %16.3f %12.4g %17.3f %12.2f %10.3g\n", kernel_names[i], r->flops_efficiency, r->half,
                    r->memory_efficiency, r->launch_s * 1e6, r->width);
    }
    fprintf(out, "  a share of 0: no bound by it. Kernels without figures are left out\n");
}

static void gpu_json(const struct gpu_options *g, const struct kernels *k, FILE *out)
{
    struct json j = {.out = out};

    json_open(&j, NULL, '{');
    json_text(&j, "name", g->name);
    json_text(&j, "generation", g->generation);
    json_bool(&j, "extrapolated", g->extrapolated);
    json_int(&j, "memory_bytes", g->memory_bytes);
    json_real(&j, "memory_Bps", g->memory_Bps);
    json_real(&j, "bf16_flops", g->bf16_flops);
    json_real(&j, "fp8_flops", g->fp8_flops);
    json_real(&j, "fp4_flops", g->fp4_flops);
    json_real(&j, "nvlink_Bps", g->nvlink_Bps);
    json_real(&j, "network_Bps", g->network_Bps);
    json_text(&j, "kernels_name", k->name);
    json_open(&j, "kernels", '{');
    for (int i = 0; i < KERNEL_COUNT; i++) {
        const struct kernel *r = &k->at[i];
        if (!is_known(r))
            continue;
        json_open(&j, kernel_names[i], '{');
        json_real(&j, "flops_efficiency", r->flops_efficiency);
        json_real(&j, "half", r->half);
        json_real(&j, "memory_efficiency", r->memory_efficiency);
        json_real(&j, "launch_s", r->launch_s);
        json_real(&j, "width", r->width);
        json_close(&j, '}');
    }
    json_close(&j, '}');
    json_close(&j, '}');
}

void describe_gpu(const struct gpu_options *g, const struct kernels *k, bool json, FILE *out)
{
    if (json)
        gpu_json(g, k, out);
    else
        gpu_text(g, k, out);
}
