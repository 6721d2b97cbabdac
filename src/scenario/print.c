/*
 * print.c - the normal form: every key with its value, presets and includes resolved, in the order of tables.c.
 *
 * Loading it gives the same normal form, wherever it lies: paths are absolute in it, and it names no presets.
 * The configuration's hash is FNV-1a (64 bit; Fowler, Noll, Vo) over the normal form without run.log and
 * run.metrics_memory, which change no result, and with paths cut to their last part, so that it is the same on any machine. What a trace file
 * holds is not hashed: the run's fingerprint tells two of the same name apart.
 */
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bug.h"
#include "scenario/pools.h"
#include "scenario/tables.h"

static const char *absolute(const char *path, struct arena *a)
{
    char full[PATH_MAX];

    if (realpath(path, full))
        return arena_strdup(a, full);
    if (*path == '/' || getcwd(full, sizeof full) == NULL)
        return path;
    return ini_path(a, full, path);
}

static const char *last_part(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* Keys that name presets: what those say stands in the normal form itself. */
static bool names_preset(const struct opt_bind *b, size_t row)
{
    const char *key = b->table->rows[row].name;
    return b->table == &preset_table || (strcmp(b->section, "gpu") == 0 && strcmp(key, "kernels") == 0) ||
           (strcmp(b->section, "memory") == 0 && strcmp(key, "gpu") == 0);
}

/* The value in the normal form, NULL if the row has no place in it. */
static const char *normal_value(const struct opt_bind *b, size_t row, struct arena *a)
{
    const char *text = names_preset(b, row) ? NULL : opt_value_text(b, row, a);

    if (text && b->table->rows[row].kind == OPT_PATH)
        return absolute(text, a);
    return text;
}

static void print_origin(const struct ini_entry *e, FILE *out)
{
    if (e == NULL)
        fprintf(out, "  ; default");
    else if (e->line == 0)
        fprintf(out, "  ; %s", e->file);
    else
        fprintf(out, "  ; %s:%d", e->file, e->line);
}

/* One key of the normal form. */
struct item {
    const char *section; /* of a pool's own: "replica prefill" */
    const struct opt_bind *b;
    size_t row;
    const char *value;
};

typedef void item_f(void *ctx, const struct item *x);

static const char *value_in(const struct scenario *sc, const struct opt_bind *b, const char *key, struct arena *a)
{
    for (size_t i = 0; i < sc->n_binds; i++) {
        const struct opt_bind *c = &sc->binds[i];
        if (strcmp(c->section, b->section) != 0 || strcmp(c->prefix, b->prefix) != 0)
            continue;
        for (size_t row = 0; row < c->table->n; row++)
            if (strcmp(c->table->rows[row].name, key) == 0)
                return normal_value(c, row, a);
    }
    return NULL;
}

/* Unset in a pool, as no value can say: then the common sections must not have it either, so that no pool gets it from
 * there, and those that have it say so. */
static bool unset_in_pool(const struct scenario *sc, const struct opt_bind *b, size_t row, struct arena *a)
{
    const struct opt *o = &b->table->rows[row];

    if (o->deflt == NULL || *o->deflt || !pools_may(b->section))
        return false;
    for (int64_t i = 0; i < sc->n_pools; i++)
        if (sc->pools[i].as != sc && value_in(sc->pools[i].as, b, o->name, a) == NULL)
            return true;
    return false;
}

/* What a pool has otherwise than the common sections. */
static void each_own(const struct scenario *sc, const struct pool_options *p, struct arena *a, item_f *f, void *ctx)
{
    for (size_t i = 0; i < p->as->n_binds; i++) {
        const struct opt_bind *b = &p->as->binds[i];
        struct item x = {.section = arena_printf(a, "%s %s", b->section, p->name), .b = b};
        if (!pools_may(b->section))
            continue;
        for (x.row = 0; x.row < b->table->n; x.row++) {
            x.value = normal_value(b, x.row, a);
            const char *common = value_in(sc, b, b->table->rows[x.row].name, a);
            if (x.value && (common == NULL || strcmp(x.value, common) != 0 || unset_in_pool(sc, b, x.row, a)))
                f(ctx, &x);
        }
    }
}

static void each(const struct scenario *sc, struct arena *a, item_f *f, void *ctx)
{
    for (size_t i = 0; i < sc->n_binds; i++) {
        struct item x = {.section = sc->binds[i].section, .b = &sc->binds[i]};
        for (x.row = 0; x.row < x.b->table->n; x.row++)
            if ((x.value = normal_value(x.b, x.row, a)) != NULL && !unset_in_pool(sc, x.b, x.row, a))
                f(ctx, &x);
    }
    for (int64_t i = 0; i < sc->n_pools; i++)
        if (sc->pools[i].as != sc)
            each_own(sc, &sc->pools[i], a, f, ctx);
}

struct printing {
    FILE *out;
    bool origin;
    const char *section;
};

static void print_item(void *ctx, const struct item *x)
{
    struct printing *p = ctx;

    if (p->section == NULL || strcmp(p->section, x->section) != 0)
        fprintf(p->out, "%s[%s]\n", p->section ? "\n" : "", x->section);
    p->section = x->section;
    fprintf(p->out, "%s%s = %s", x->b->prefix, x->b->table->rows[x->row].name, x->value);
    if (p->origin)
        print_origin(x->b->origin[x->row], p->out);
    fputc('\n', p->out);
}

void scenario_print(const struct scenario *sc, bool origin, FILE *out)
{
    struct printing p = {.out = out, .origin = origin};
    struct arena a;

    arena_init(&a);
    each(sc, &a, print_item, &p);
    arena_free(&a);
}

struct param {
    scenario_param *f;
    void *ctx;
    struct arena *a;
};

static void give_param(void *ctx, const struct item *x)
{
    const struct param *p = ctx;

    p->f(p->ctx, arena_printf(p->a, "%s.%s%s", x->section, x->b->prefix, x->b->table->rows[x->row].name), x->value,
         opt_value_num(x->b, x->row), x->b->origin[x->row] && x->b->origin[x->row]->iter);
}

void scenario_each_param(const struct scenario *sc, scenario_param *f, void *ctx)
{
    struct arena a;

    arena_init(&a);
    each(sc, &a, give_param, &(struct param){f, ctx, &a});
    arena_free(&a);
}

static uint64_t mix(uint64_t hash, const char *s)
{
    do { /* the NUL too, so that "a", "bc" is not "ab", "c" */
        hash = (hash ^ (unsigned char)*s) * 1099511628211u;
    } while (*s++);
    return hash;
}

static void mix_item(void *ctx, const struct item *x)
{
    const struct opt *o = &x->b->table->rows[x->row];
    uint64_t *hash = ctx;

    if (strcmp(x->section, "run") == 0 && (strcmp(o->name, "log") == 0 || strcmp(o->name, "metrics_memory") == 0))
        return;
    *hash = mix(mix(mix(*hash, x->section), x->b->prefix), o->name);
    *hash = mix(*hash, o->kind == OPT_PATH ? last_part(x->value) : x->value);
}

static uint64_t config_hash(const struct scenario *sc)
{
    uint64_t hash = 14695981039346656037u;
    struct arena a;

    arena_init(&a);
    each(sc, &a, mix_item, &hash);
    arena_free(&a);
    return hash;
}

void print_normal_form(struct scenario *sc)
{
    char *text = NULL;
    size_t size = 0;
    FILE *f = open_memstream(&text, &size);

    sim_assert(f != NULL);
    scenario_print(sc, false, f);
    int failed = fclose(f);
    sim_assert(failed == 0);
    sc->resolved = arena_strdup(&sc->arena, text);
    free(text);
    sc->config_hash = config_hash(sc);
}
