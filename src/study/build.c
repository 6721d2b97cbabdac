#include "study/build.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "scenario/scenario.h"
#include "scenario/tables.h"
#include "study/recipe.h"

enum { PRESETS_MAX = 256, REQUESTS_A_USER = 10, NAME_BYTES = 64 };

struct names {
    const char *at[PRESETS_MAX];
    size_t n;
};

struct build {
    struct recipes *recipes;
    struct names gpus, models, engines;
    struct arena arena;
};

/* ---- names ---- */

static void cut_at(char *s, const char *end)
{
    char *at = strstr(s, end);

    if (at && at[strlen(end)] == '\0')
        *at = '\0';
}

void build_gpu(const char *system, char *out, size_t size)
{
    snprintf(out, size, "%s", system);
    cut_at(out, "_sxm");
    cut_at(out, "_server");
    for (char *s = out; *s; s++)
        if (*s == '_')
            *s = '-';
}

static const struct {
    const char *label, *dtype;
} dtypes[] = {
    {"bf16", "bf16"},   {"bfloat16", "bf16"},  {"fp16", "bf16"},           {"float16", "bf16"},
    {"fp8", "fp8"},     {"fp8_static", "fp8"}, {"fp8_block", "fp8_block"}, {"fp4", "nvfp4"},
    {"nvfp4", "nvfp4"}, {"mxfp4", "mxfp4"},    {"w4a16_mxfp4", "mxfp4"},   {"w4a8_mxfp4_mxfp8", "mxfp4_fp8"},
    {"int4", "int4"},   {"int4_wo", "int4"},
};

/* NULL for a label that stands for no dtype of [replica]. */
static const char *dtype_of(const char *label)
{
    for (size_t i = 0; i < sizeof dtypes / sizeof *dtypes; i++)
        if (strcmp(label, dtypes[i].label) == 0)
            return dtypes[i].dtype;
    return NULL;
}

static const char *label_of(const char *fine, const char *precision)
{
    return *fine ? fine : *precision ? precision : "bf16";
}

static bool known(const struct names *names, const char *name)
{
    for (size_t i = 0; i < names->n; i++)
        if (strcmp(names->at[i], name) == 0)
            return true;
    return false;
}

/* ---- one row ---- */

struct plan { /* what goes into the text beside the row itself */
    const struct build *b;
    const struct silicon_config *c;
    struct recipe_query query;
    char gpu[NAME_BYTES];
    const char *dtype, *moe_dtype;
    char *why_not;
    size_t why_size;
};

__attribute__((format(printf, 2, 3))) static bool refuse(struct plan *p, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(p->why_not, p->why_size, fmt, ap);
    va_end(ap);
    return false;
}

static const char *setting(const struct plan *p, const char *key)
{
    return recipes_find(p->b->recipes, &p->query, key);
}

static bool setting_is(const struct plan *p, const char *key, const char *value)
{
    const char *s = setting(p, key);

    return s && strcmp(s, value) == 0;
}

static bool plan_names(struct plan *p)
{
    const struct silicon_config *c = p->c;

    build_gpu(c->system, p->gpu, sizeof p->gpu);
    p->query = (struct recipe_query){c->engine, c->model, c->precision, p->gpu};
    if (!known(&p->b->models, c->model))
        return refuse(p, "model \"%s\" is not in data/models", c->model);
    if (!known(&p->b->gpus, p->gpu))
        return refuse(p, "system \"%s\" is not in data/gpus", c->system);
    if (!known(&p->b->engines, c->engine))
        return refuse(p, "engine \"%s\" is not in data/engines", c->engine);
    return true;
}

/* A recipe knows the checkpoint better than a label does. Without one, experts in blocks of fp8 mean that the other fp8
 * layers are too: a checkpoint has one layout. */
static bool plan_dtypes(struct plan *p)
{
    const struct silicon_config *c = p->c;
    const char *gemm = label_of(c->gemm_quant, c->precision), *moe = label_of(c->moe_quant, c->precision);

    p->dtype = setting(p, "dtype");
    p->moe_dtype = setting(p, "moe_dtype");
    if (p->dtype == NULL && strcmp(gemm, "fp8") == 0 && strcmp(moe, "fp8_block") == 0)
        gemm = moe;
    if (p->dtype == NULL && (p->dtype = dtype_of(gemm)) == NULL)
        return refuse(p, "precision \"%s\" is not modelled", gemm);
    if (p->moe_dtype == NULL && (p->moe_dtype = dtype_of(moe)) == NULL)
        return refuse(p, "precision \"%s\" is not modelled", moe);
    return true;
}

static bool plan_layout(struct plan *p)
{
    const struct silicon_config *c = p->c;
    int64_t gpus = c->tp * c->dp * c->pp;

    if (c->gpus % gpus != 0)
        return refuse(p, "gpus is no multiple of tp x dp x pp");
    return true;
}

/* FNV-1a, cut to what run.seed takes. */
static int64_t seed_of(const char *id)
{
    uint64_t h = UINT64_C(14695981039346656037);

    for (; *id; id++)
        h = (h ^ (unsigned char)*id) * UINT64_C(1099511628211);
    return (int64_t)((h ^ h >> 32) & ((UINT64_C(1) << 48) - 1));
}

static void print_length(FILE *f, const char *what, int64_t nominal, double mean, bool inferencex)
{
    double low;

    if (mean <= 0)
        mean = inferencex ? 0.9 * (double)nominal : (double)nominal;
    low = ceil(2 * mean - (double)nominal - 1e-6);
    if (low >= (double)nominal)
        fprintf(f, "%s = constant\n%s_tokens = %.0f\n", what, what, fmax(floor(mean + 0.5), 1));
    else
        fprintf(f, "%s = uniform\n%s_low = %.0f\n%s_high = %" PRId64 "\n", what, what, fmax(low, 1), what, nominal);
}

static void print_workload(FILE *f, const struct silicon_config *c)
{
    bool inferencex = strcmp(c->proto, "ix10c") == 0;

    fprintf(f, "\n[workload]\narrivals = closed_loop\nconcurrency = %" PRId64 "\nrequests = %" PRId64 "\n",
            c->concurrency, REQUESTS_A_USER * c->concurrency);
    fprintf(f, "\n[class all]\n");
    print_length(f, "input", c->isl, c->isl_mean, inferencex);
    print_length(f, "output", c->osl, c->osl_mean, inferencex);
    fprintf(f, "input_max = %" PRId64 "\n", c->isl);
}

static void print_count(FILE *f, const char *key, int64_t n, int64_t deflt)
{
    if (n != deflt)
        fprintf(f, "%s = %" PRId64 "\n", key, n);
}

static void print_setting(FILE *f, const struct plan *p, const char *key)
{
    const char *value = setting(p, key);

    if (value)
        fprintf(f, "%s = %s\n", key, value);
}

/* fraction: of memory_of = all or static; 0: none is said. */
static void print_memory(FILE *f, const struct plan *p, double fraction)
{
    if (fraction > 0)
        fprintf(f, "memory_fraction = %.6g\n", fraction);
    if (setting_is(p, "memory_of", "static"))
        fprintf(f, "; the fraction is of weights and KV cache: activations come on top\nactivation_bytes = 1B\n");
}

static void print_replica(FILE *f, const struct plan *p, double fraction)
{
    const struct silicon_config *c = p->c;

    fprintf(f, "\n[replica]\n");
    print_count(f, "count", c->gpus ? c->gpus / (c->tp * c->dp * c->pp) : 1, 1);
    fprintf(f, "tp = %" PRId64 "\n", c->tp);
    print_count(f, "dp", c->dp, 1);
    print_count(f, "pp", c->pp, 1);
    print_count(f, "moe_tp", c->moe_tp, 0);
    print_count(f, "moe_ep", c->moe_ep, 0);
    fprintf(f, "dtype = %s\n", p->dtype);
    if (strcmp(p->moe_dtype, p->dtype) != 0)
        fprintf(f, "moe_dtype = %s\n", p->moe_dtype);
    print_setting(f, p, "kv_dtype");
    print_setting(f, p, "kv_block_tokens");
    print_memory(f, p, fraction);
}

/* The limits of [scheduler] hold for each attention rank. */
static void print_limits(FILE *f, const struct plan *p)
{
    const char *tokens = setting(p, "max_num_batched_tokens"), *seqs = setting(p, "max_num_seqs");
    int64_t shared = setting_is(p, "per_rank", "yes") ? 1 : p->c->dp;
    double users = (double)p->c->concurrency / (double)p->c->dp * (double)shared;

    if (tokens)
        fprintf(f, "max_num_batched_tokens = %" PRId64 "\n",
                recipe_tokens(tokens, p->c->isl, p->c->concurrency) / shared);
    if (seqs)
        fprintf(f, "max_num_seqs = %" PRId64 "\n", (recipe_pick(seqs, users) + shared - 1) / shared);
}

static void print_scheduler(FILE *f, const struct plan *p)
{
    fprintf(f, "\n[scheduler]\n");
    print_setting(f, p, "policy");
    print_limits(f, p);
    print_setting(f, p, "chunked_prefill");
}

static void print_engine(FILE *f, const struct plan *p)
{
    const char *receive = setting(p, "receive_interval"), *stream = setting(p, "stream_interval");
    const char *wait = setting(p, "batch_wait_timeout");
    const struct recipe_shape shape = {p->c->isl, p->c->osl, p->c->tp};

    fprintf(f, "\n[engine]\npreset = %s\n", p->c->engine);
    if (receive)
        print_count(f, "receive_interval", recipe_from(receive, (double)p->c->concurrency), 1);
    if (stream)
        print_count(f, "stream_interval", recipe_from(stream, (double)p->c->concurrency), 0);
    if (p->c->dp > 1)
        print_setting(f, p, "balance_timeout");
    if (wait && recipe_where(wait, &shape) > 0) {
        print_count(f, "batch_wait_timeout", recipe_where(wait, &shape), 0);
        print_setting(f, p, "batch_wait_share");
    }
}

static char *print(const struct plan *p, double fraction, bool workload)
{
    const struct silicon_config *c = p->c;
    char *text = NULL;
    size_t n;
    FILE *f = open_memstream(&text, &n);

    sim_assert(f != NULL);
    fprintf(f, "; %s: %s, %s %s, %s, %" PRId64 " at once, up to %" PRId64 " + %" PRId64 " tokens\n\n", c->id, c->model,
            c->engine, c->engine_version, c->system, c->concurrency, c->isl, c->osl);
    fprintf(f, "[run]\nseed = %" PRId64 "\nlog = summary\n", seed_of(c->id));
    fprintf(f, "\n[gpu]\npreset = %s\n\n[model]\npreset = %s\n", p->gpu, c->model);
    print_engine(f, p);
    print_replica(f, p, fraction);
    print_scheduler(f, p);
    if (workload)
        print_workload(f, c);
    int failed = fclose(f);
    sim_assert(failed == 0);
    return text;
}

/* KV cache takes the share f of what weights W and activations A leave of M: as a share of all, f + (1 - f)(W + A)/M.
 */
static double share_of_all(const struct plan *p, double f)
{
    char *text = print(p, 1, true);
    struct scenario sc;
    struct diags d;

    diags_init(&d);
    if (scenario_load_text(&sc, p->c->id, text, NULL, 0, &d)) {
        struct cost_memory m = cost_memory(&sc.layout);
        f += (1 - f) * (m.weight_bytes + m.activation_bytes) / (double)sc.layout.gpu.memory_bytes;
    } /* else whoever loads the text is told why */
    scenario_free(&sc);
    diags_free(&d);
    free(text);
    return fmin(f, 1);
}

static char *build_any(const struct build *b, const struct silicon_config *c, bool workload, char *why_not, size_t size)
{
    struct plan p = {.b = b, .c = c, .why_not = why_not, .why_size = size};

    if (!plan_names(&p) || !plan_dtypes(&p) || !plan_layout(&p))
        return NULL;
    const char *said = setting(&p, "memory_fraction");
    double fraction = said ? strtod(said, NULL) : 0;
    if (said && setting_is(&p, "memory_of", "free"))
        fraction = share_of_all(&p, fraction);
    return print(&p, fraction, workload);
}

char *build_text(const struct build *b, const struct silicon_config *c, char *why_not, size_t size)
{
    return build_any(b, c, true, why_not, size);
}

char *build_server(const struct build *b, const struct silicon_config *c, char *why_not, size_t size)
{
    return build_any(b, c, false, why_not, size);
}

int64_t build_stream_interval(const struct build *b, const struct silicon_config *c)
{
    char why_not[1];
    struct plan p = {.b = b, .c = c, .why_not = why_not, .why_size = sizeof why_not};
    const char *said = plan_names(&p) ? setting(&p, "stream_interval") : NULL;

    return said ? recipe_from(said, (double)c->concurrency) : 0;
}

/* ---- opening ---- */

static void read_names(struct build *b, const char *folder, struct names *names)
{
    names->n = preset_names(folder, names->at, PRESETS_MAX, &b->arena);
}

struct build *build_open(const char *recipes, struct diags *d)
{
    struct build *b = mem_zalloc(1, sizeof *b);

    arena_init(&b->arena);
    b->recipes = recipes_read(recipes, d);
    read_names(b, "gpus", &b->gpus);
    read_names(b, "models", &b->models);
    read_names(b, "engines", &b->engines);
    if (b->recipes)
        return b;
    build_close(b);
    return NULL;
}

void build_close(struct build *b)
{
    if (b == NULL)
        return;
    recipes_free(b->recipes);
    arena_free(&b->arena);
    free(b);
}
