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
#include "study/labels.h"
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
    const char *pool; /* prefill, decode: it is of that pool, with the pool's layout in c; NULL: of all */
    bool alone;       /* a pool printed as a server of its own */
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

/* Of a pool what is said of that pool, or else of all. */
static const char *setting(const struct plan *p, const char *key)
{
    const char *value = NULL;
    char own[RECIPE_KEY_BYTES];

    if (p->pool) {
        int n = snprintf(own, sizeof own, "%s_%s", p->pool, key);
        sim_assert(n > 0 && (size_t)n < sizeof own); /* keys and roles are names of this program's */
        value = recipes_find(p->b->recipes, &p->query, own);
    }
    return value ? value : recipes_find(p->b->recipes, &p->query, key);
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
    if (p->dtype == NULL && (p->dtype = labels_dtype(gemm)) == NULL)
        return refuse(p, "precision \"%s\" is not modelled", gemm);
    if (p->moe_dtype == NULL && (p->moe_dtype = labels_dtype(moe)) == NULL)
        return refuse(p, "precision \"%s\" is not modelled", moe);
    return true;
}

static int64_t pool_gpus(const struct silicon_pool *p)
{
    return p->workers * p->tp * p->dp;
}

static bool plan_layout(struct plan *p)
{
    const struct silicon_config *c = p->c;
    int64_t gpus = c->tp * c->dp * c->pp;

    if (c->prefill.workers > 0 && c->pp > 1)
        return refuse(p, "pipeline stages of pools");
    if (c->prefill.workers > 0 && c->gpus > 0 && c->gpus != pool_gpus(&c->prefill) + pool_gpus(&c->decode))
        return refuse(p, "gpus is not what the workers of both pools have");
    if (c->prefill.workers > 0)
        return true;
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

/* Whether sections are common ones. */
static bool of_all(const struct plan *p)
{
    return p->pool == NULL || p->alone;
}

/* [NAME], or [NAME prefill]. */
static void print_section(FILE *f, const struct plan *p, const char *name)
{
    fprintf(f, "\n[%s%s%s]\n", name, of_all(p) ? "" : " ", of_all(p) ? "" : p->pool);
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

static void print_types(FILE *f, const struct plan *p)
{
    fprintf(f, "dtype = %s\n", p->dtype);
    if (strcmp(p->moe_dtype, p->dtype) != 0)
        fprintf(f, "moe_dtype = %s\n", p->moe_dtype);
    print_setting(f, p, "kv_dtype");
    print_setting(f, p, "kv_block_tokens");
}

static struct recipe_shape shape_of(const struct silicon_config *c)
{
    return (struct recipe_shape){c->isl, c->osl, c->tp, c->moe_ep, c->dp};
}

static void print_redundant(FILE *f, const struct plan *p)
{
    const char *said = setting(p, "redundant_experts");
    const struct recipe_shape shape = shape_of(p->c);

    if (said)
        print_count(f, "redundant_experts", recipe_where(said, &shape), 0);
}

static int64_t replicas(const struct silicon_config *c)
{
    return c->gpus ? c->gpus / (c->tp * c->dp * c->pp) : 1;
}

static void print_replica(FILE *f, const struct plan *p, double fraction)
{
    const struct silicon_config *c = p->c;

    print_section(f, p, "replica");
    print_count(f, "count", replicas(c), 1);
    fprintf(f, "tp = %" PRId64 "\n", c->tp);
    print_count(f, "dp", c->dp, 1);
    print_count(f, "pp", c->pp, 1);
    print_count(f, "moe_tp", c->moe_tp, 0);
    print_count(f, "moe_ep", c->moe_ep, 0);
    print_redundant(f, p);
    if (of_all(p))
        print_types(f, p);
    print_memory(f, p, fraction);
}

/* The limits of [scheduler] hold for each attention rank. */
static void print_limits(FILE *f, const struct plan *p)
{
    const char *tokens = setting(p, "max_num_batched_tokens"), *seqs = setting(p, "max_num_seqs");
    int64_t shared = setting_is(p, "per_rank", "yes") ? 1 : p->c->dp;
    double users = (double)p->c->concurrency / (double)p->c->dp * (double)shared;
    double most = fmax(users, (double)p->c->users_most / (double)p->c->dp * (double)shared) / (double)replicas(p->c);

    if (tokens)
        fprintf(f, "max_num_batched_tokens = %" PRId64 "\n",
                recipe_tokens(tokens, p->c->isl, p->c->concurrency) / shared);
    if (seqs)
        fprintf(f, "max_num_seqs = %" PRId64 "\n", (recipe_seqs(seqs, users, most) + shared - 1) / shared);
}

static void print_scheduler(FILE *f, const struct plan *p)
{
    print_section(f, p, "scheduler");
    print_setting(f, p, "policy");
    print_limits(f, p);
    print_setting(f, p, "chunked_prefill");
    if (of_all(p) && setting(p, "preempt")) {
        print_section(f, p, "cache");
        print_setting(f, p, "preempt");
    }
}

static void print_engine(FILE *f, const struct plan *p)
{
    const char *receive = setting(p, "receive_interval"), *stream = setting(p, "stream_interval");
    const char *wait = setting(p, "batch_wait_timeout");
    const struct recipe_shape shape = shape_of(p->c);

    print_section(f, p, "engine");
    if (of_all(p))
        fprintf(f, "preset = %s\n", p->c->engine);
    if (receive)
        print_count(f, "receive_interval", recipe_from(receive, (double)p->c->concurrency), 1);
    if (stream)
        print_count(f, "stream_interval", recipe_where(stream, &shape), 0);
    if (p->c->dp > 1)
        print_setting(f, p, "balance_timeout");
    if (wait && recipe_where(wait, &shape) > 0) {
        print_count(f, "batch_wait_timeout", recipe_where(wait, &shape), 0);
        print_setting(f, p, "batch_wait_share");
    }
}

static void print_server(FILE *f, const struct plan *p, double fraction)
{
    if (!of_all(p))
        fprintf(f, "\n[pool %s]\nrole = %s\n", p->pool, p->pool);
    print_engine(f, p);
    print_replica(f, p, fraction);
    print_scheduler(f, p);
}

static void print_head(FILE *f, const struct plan *p)
{
    const struct silicon_config *c = p->c;

    fprintf(f, "; %s: %s, %s %s, %s, %" PRId64 " at once, up to %" PRId64 " + %" PRId64 " tokens\n\n", c->id, c->model,
            c->engine, c->engine_version, c->system, c->concurrency, c->isl, c->osl);
    fprintf(f, "[run]\nseed = %" PRId64 "\nlog = summary\n", seed_of(c->id));
    fprintf(f, "\n[gpu]\npreset = %s\n\n[model]\npreset = %s\n", p->gpu, c->model);
}

static const char *const handoff_keys[] = {"overlap", "efficiency", "latency"};

/* What both pools have in common. */
static void print_common(FILE *f, const struct plan *p)
{
    fprintf(f, "\n[engine]\npreset = %s\n\n[replica]\n", p->c->engine);
    print_types(f, p);
    fprintf(f, "\n[scheduler]\n");
    print_setting(f, p, "policy");
}

/* What is known of how this engine's workers hand KV over. */
static void print_handoff(FILE *f, const struct plan *p)
{
    fprintf(f, "\n[handoff]\n");
    for (size_t i = 0; i < sizeof handoff_keys / sizeof *handoff_keys; i++) {
        char key[RECIPE_KEY_BYTES];
        snprintf(key, sizeof key, "handoff_%s", handoff_keys[i]);
        const char *value = setting(p, key);
        if (value)
            fprintf(f, "%s = %s\n", handoff_keys[i], value);
    }
}

static FILE *text_open(char **text, size_t *size)
{
    FILE *f = open_memstream(text, size);

    sim_assert(f != NULL);
    return f;
}

static void text_close(FILE *f)
{
    int failed = fclose(f);

    sim_assert(failed == 0);
}

/* KV cache takes the share f of what weights W and activations A leave of M: as a share of all, f + (1 - f)(W + A)/M.
 */
static double share_of_all(const struct plan *p, double f)
{
    struct plan alone = *p;
    char *text;
    size_t size;
    struct scenario sc;
    struct diags d;
    FILE *out = text_open(&text, &size);

    alone.alone = true;
    print_head(out, &alone);
    print_server(out, &alone, 1);
    print_workload(out, p->c);
    text_close(out);
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

static double memory_fraction(const struct plan *p)
{
    const char *said = setting(p, "memory_fraction");
    double fraction = said ? strtod(said, NULL) : 0;

    return said && setting_is(p, "memory_of", "free") ? share_of_all(p, fraction) : fraction;
}

static void print_pool(FILE *f, const struct plan *p, const char *name, const struct silicon_pool *of)
{
    struct silicon_config c = *p->c;
    struct plan own = *p;

    c.gpus = pool_gpus(of);
    c.tp = of->tp;
    c.dp = of->dp;
    c.moe_tp = of->moe_tp;
    c.moe_ep = of->moe_ep;
    own.c = &c;
    own.pool = name;
    print_server(f, &own, memory_fraction(&own));
}

static char *build_any(const struct build *b, const struct silicon_config *c, bool workload, char *why_not, size_t size)
{
    struct plan p = {.b = b, .c = c, .why_not = why_not, .why_size = size};
    char *text;
    size_t n;

    if (!plan_names(&p) || !plan_dtypes(&p) || !plan_layout(&p))
        return NULL;
    FILE *f = text_open(&text, &n);
    print_head(f, &p);
    if (c->prefill.workers > 0) {
        print_common(f, &p);
        print_pool(f, &p, "prefill", &c->prefill);
        print_pool(f, &p, "decode", &c->decode);
        print_handoff(f, &p);
    } else {
        print_server(f, &p, memory_fraction(&p));
    }
    if (workload)
        print_workload(f, c);
    text_close(f);
    return text;
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
    const struct recipe_shape shape = shape_of(c);

    return said ? recipe_where(said, &shape) : 0;
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
