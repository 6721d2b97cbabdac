#include "scenario/pools.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "scenario/check.h"

/* A pool's own entries override all others, -s too: each pool's -s the pool's own. */
enum { RANK_POOL = 300 };

static const char *const sections[] = {"node",      "gpu",    "kernels",   "replica", "engine",
                                       "scheduler", "router", "autoscale", NULL};

bool pools_may(const char *section)
{
    for (int i = 0; sections[i]; i++)
        if (strcmp(section, sections[i]) == 0)
            return true;
    return false;
}

/* Of "replica prefill": "prefill", and the length of "replica"; NULL where it is no such section. */
static const char *pool_of(const char *section, size_t *n)
{
    const char *blank = strchr(section, ' ');

    for (int i = 0; blank && sections[i]; i++) {
        *n = strlen(sections[i]);
        if (strncmp(section, sections[i], *n) == 0 && section[*n] == ' ')
            return section + *n + 1;
    }
    return NULL;
}

static bool is_pool(const struct ini_entries *es, const char *name)
{
    for (size_t i = 0; i < es->n; i++)
        if (strncmp(es->at[i].section, "pool ", 5) == 0 && strcmp(es->at[i].section + 5, name) == 0)
            return true;
    return false;
}

static const char *nearest_pool(const struct loader *l, const char *name, struct arena *a)
{
    const char **names = arena_alloc(a, (l->es.n + 1) * sizeof *names);
    size_t n = 0;

    for (size_t i = 0; i < l->es.n; i++)
        if (strncmp(l->es.at[i].section, "pool ", 5) == 0)
            names[n++] = l->es.at[i].section + 5;
    return opt_nearest(name, names, n);
}

/* [replica NAME] without [pool NAME]; once for a section of a file, and for each -s. */
static void no_pool(struct loader *l, const struct ini_entry *e, const char *name)
{
    const char *nearest;

    if (e->key && e->rank != INI_RANK_SET)
        return;
    if ((nearest = nearest_pool(l, name, &l->sc->arena)) != NULL)
        diags_add(l->d, e->file, e->line, "[%s]: the scenario has no [pool %s]; did you mean [pool %s]?", e->section,
                  name, nearest);
    else
        diags_add(l->d, e->file, e->line, "[%s]: the scenario has no [pool %s]", e->section, name);
}

/* [workload prefill]: what pools have in common, or nothing known. */
static bool is_common(struct loader *l, const struct ini_entry *e)
{
    const char *blank = strchr(e->section, ' ');
    const struct section *s = sections_get();

    for (int i = 0; blank && i < SECTIONS && is_pool(&l->es, blank + 1); i++) {
        size_t n = strlen(s[i].name);
        if (s[i].named || n != (size_t)(blank - e->section) || strncmp(e->section, s[i].name, n) != 0 ||
            pools_may(s[i].name))
            continue;
        if (e->key == NULL || e->rank == INI_RANK_SET)
            diags_add(l->d, e->file, e->line, "[%s]: [%s] is common to all pools", e->section, s[i].name);
        return true;
    }
    return false;
}

void pools_split(struct loader *l, struct pools_raw *raw)
{
    size_t kept = 0, n = 0;

    raw->own = mem_zalloc(l->es.n + 1, sizeof *raw->own);
    for (size_t i = 0; i < l->es.n; i++) {
        const char *pool = pool_of(l->es.at[i].section, &n);
        if (pool && !is_pool(&l->es, pool))
            no_pool(l, &l->es.at[i], pool);
    }
    for (size_t i = 0; i < l->es.n; i++) {
        const char *pool = pool_of(l->es.at[i].section, &n);
        if (pool && is_pool(&l->es, pool))
            raw->own[raw->n_own++] = l->es.at[i];
        else if (!pool && !is_common(l, &l->es.at[i]))
            l->es.at[kept++] = l->es.at[i];
    }
    l->es.n = kept;
    raw->common = l->es;
    raw->common.text = NULL;
    raw->common.at = mem_alloc((kept + 1) * sizeof *raw->common.at);
    if (kept > 0)
        memcpy(raw->common.at, l->es.at, kept * sizeof *raw->common.at);
}

void pools_raw_free(struct pools_raw *raw)
{
    free(raw->common.at);
    free(raw->own);
}

/* ---- one pool ---- */

/* The common entries and on top of them the pool's own, as if they stood in the common sections. */
static struct ini_entries entries_of(const struct pools_raw *raw, const char *pool, struct arena *a)
{
    struct ini_entries es = raw->common;
    size_t n = 0;

    es.cap = raw->common.n + raw->n_own + 1;
    es.at = mem_alloc(es.cap * sizeof *es.at);
    if (raw->common.n > 0)
        memcpy(es.at, raw->common.at, raw->common.n * sizeof *es.at);
    for (size_t i = 0; i < raw->n_own; i++) {
        struct ini_entry e = raw->own[i];
        if (strcmp(pool_of(e.section, &n), pool) != 0)
            continue;
        e.section = arena_printf(a, "%.*s", (int)n, e.section);
        e.rank += RANK_POOL;
        es.at[es.n++] = e;
    }
    return es;
}

static bool same_place(const struct diag *d, const char *file, int line)
{
    return d->line == line && (d->file == file || (d->file && file && strcmp(d->file, file) == 0));
}

static bool is_known(const struct diags *d, const struct diag *x)
{
    for (size_t i = 0; i < d->n; i++)
        if (same_place(&d->at[i], x->file, x->line) && strcmp(d->at[i].text, x->text) == 0)
            return true;
    return false;
}

/* The length of "replica" where the message is about an entry of [replica POOL]; else 0. */
static size_t is_own(const struct pools_raw *raw, const char *pool, const struct diag *x)
{
    size_t n = 0;

    for (size_t i = 0; i < raw->n_own; i++) {
        const struct ini_entry *e = &raw->own[i];
        if (strcmp(pool_of(e->section, &n), pool) == 0 && same_place(x, e->file, e->line) && x->text[0] == '[' &&
            strncmp(x->text + 1, e->section, n) == 0 && x->text[n + 1] == ']')
            return n;
    }
    return 0;
}

/* The length of "kernels" where the message is about one of a pool's sections, and no line says which. */
static size_t is_placeless(const struct diag *x)
{
    size_t n = strcspn(x->text, " ]");

    for (int i = 0; x->line == 0 && strcmp(x->file, "-s") != 0 && x->text[0] == '[' && sections[i]; i++)
        if (strlen(sections[i]) == n - 1 && strncmp(x->text + 1, sections[i], n - 1) == 0)
            return n - 1;
    return 0;
}

static bool is_shared(const struct diags *of_pool, int64_t n, const struct diag *x)
{
    for (int64_t i = 0; i < n; i++)
        if (!is_known(&of_pool[i], x))
            return false;
    return true;
}

/* What is wrong with the common part is wrong with each pool, and said once. */
static void add_new(struct loader *l, const struct pools_raw *raw, const struct diags *of_pool, int64_t index)
{
    const char *pool = l->sc->pools[index].name;
    const struct diags *from = &of_pool[index];
    struct diags *to = l->d;

    for (size_t i = 0; i < from->n; i++) {
        const struct diag *x = &from->at[i];
        size_t n = is_own(raw, pool, x);
        if (n == 0 && !is_shared(of_pool, l->sc->n_pools, x))
            n = is_placeless(x);
        if (n > 0)
            diags_add(to, x->file, x->line, "[%.*s %s%s", (int)n, x->text + 1, pool, x->text + 1 + n);
        else if (!is_known(to, x))
            diags_add(to, x->file, x->line, "%s", x->text);
    }
}

static void load_pool(struct loader *l, const struct pools_raw *raw, struct pool_options *p, struct diags *d)
{
    struct scenario *as = arena_alloc(&l->sc->arena, sizeof *as);
    struct loader own = {.sc = as, .d = d};

    *as = (struct scenario){.text = "", .path = l->sc->path};
    arena_init(&as->arena);
    p->as = as;
    p->own = true;
    own.es = entries_of(raw, p->name, &as->arena);
    load_entries(&own, true, 0);
    ini_entries_free(&own.es);
}

static void load_pools(struct loader *l, const struct pools_raw *raw)
{
    struct scenario *sc = l->sc;
    struct diags *d = mem_zalloc((size_t)sc->n_pools, sizeof *d);

    for (int64_t i = 0; i < sc->n_pools; i++) {
        diags_init(&d[i]);
        load_pool(l, raw, &sc->pools[i], &d[i]);
    }
    for (int64_t i = 0; i < sc->n_pools; i++)
        add_new(l, raw, d, i);
    for (int64_t i = 0; i < sc->n_pools; i++)
        diags_free(&d[i]);
    free(d);
}

/* ---- all ---- */

/* In the order in which requests come to them, wherever they stand in the scenario. Bound are those in file order. */
static void prefill_first(struct scenario *sc)
{
    struct pool_options *sorted = arena_alloc(&sc->arena, (size_t)sc->n_pools * sizeof *sorted);

    for (int64_t i = 0; i < sc->n_pools; i++)
        sorted[i] = sc->pools[sc->pools[0].role == POOL_DECODE ? sc->n_pools - 1 - i : i];
    sc->pools = sorted;
}

void pools_load(struct loader *l, const struct pools_raw *raw)
{
    struct scenario *sc = l->sc;
    const struct check c = {.sc = sc, .d = l->d};

    pools_resolve_via(&c, &sc->handoff);
    if (sc->n_pools == 0) {
        sc->pools = arena_alloc(&sc->arena, sizeof *sc->pools);
        *sc->pools = (struct pool_options){.name = "all", .role = POOL_BOTH, .as = sc};
        sc->n_pools = 1;
        return;
    }
    size_t mistakes = l->d->n;
    pools_check_roles(&c);
    load_pools(l, raw);
    if (l->d->n == mistakes) {
        prefill_first(sc);
        pools_check(&c);
    }
}
