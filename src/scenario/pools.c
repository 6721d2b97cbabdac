#include "scenario/pools.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "scenario/check.h"

/* A pool's own entries override all others, -s too: each pool's -s the pool's own. */
enum { RANK_POOL = 300 };

static const char *const sections[] = {"node", "gpu", "kernels", "replica", "engine", "scheduler", "router", NULL};

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

void pools_split(struct loader *l, struct pools_raw *raw)
{
    size_t kept = 0, n;

    raw->own = mem_zalloc(l->es.n + 1, sizeof *raw->own);
    for (size_t i = 0; i < l->es.n; i++) {
        const char *pool = pool_of(l->es.at[i].section, &n);
        if (pool && is_pool(&l->es, pool))
            raw->own[raw->n_own++] = l->es.at[i];
        else
            l->es.at[kept++] = l->es.at[i];
    }
    l->es.n = kept;
    raw->common = l->es;
    raw->common.text = NULL;
    raw->common.at = mem_alloc((kept + 1) * sizeof *raw->common.at);
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
    size_t n;

    es.cap = raw->common.n + raw->n_own + 1;
    es.at = mem_alloc(es.cap * sizeof *es.at);
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
    size_t n;

    for (size_t i = 0; i < raw->n_own; i++) {
        const struct ini_entry *e = &raw->own[i];
        if (strcmp(pool_of(e->section, &n), pool) == 0 && same_place(x, e->file, e->line) && x->text[0] == '[' &&
            strncmp(x->text + 1, e->section, n) == 0 && x->text[n + 1] == ']')
            return n;
    }
    return 0;
}

/* What is wrong with the common part is wrong with each pool, and said once. */
static void add_new(struct diags *to, const struct diags *from, const struct pools_raw *raw, const char *pool)
{
    for (size_t i = 0; i < from->n; i++) {
        const struct diag *x = &from->at[i];
        size_t n = is_own(raw, pool, x);
        if (n > 0)
            diags_add(to, x->file, x->line, "[%.*s %s%s", (int)n, x->text + 1, pool, x->text + 1 + n);
        else if (!is_known(to, x))
            diags_add(to, x->file, x->line, "%s", x->text);
    }
}

static void load_pool(struct loader *l, const struct pools_raw *raw, struct pool_options *p)
{
    struct scenario *as = arena_alloc(&l->sc->arena, sizeof *as);
    struct loader own = {.sc = as};
    struct diags d;

    *as = (struct scenario){.text = "", .path = l->sc->path};
    arena_init(&as->arena);
    p->as = as;
    diags_init(&d);
    own.d = &d;
    own.es = entries_of(raw, p->name, &as->arena);
    load_entries(&own, true);
    ini_entries_free(&own.es);
    add_new(l->d, &d, raw, p->name);
    diags_free(&d);
}

/* ---- all ---- */

static int64_t count_role(const struct scenario *sc, int role)
{
    int64_t n = 0;

    for (int64_t i = 0; i < sc->n_pools; i++)
        n += sc->pools[i].role == role;
    return n;
}

static void check_roles(const struct check *c)
{
    const struct scenario *sc = c->sc;
    int64_t both = count_role(sc, POOL_BOTH), prefill = count_role(sc, POOL_PREFILL),
            decode = count_role(sc, POOL_DECODE);

    if (both > 1 || prefill > 1 || decode > 1 || (both > 0 && prefill + decode > 0))
        diags_add(c->d, sc->path, 0,
                  "[pool NAME]: one with role = both, or one with role = prefill and one with role = decode");
    else if (both == 0 && (prefill == 0 || decode == 0))
        diags_add(c->d, sc->path, 0, "[pool NAME]: there is no pool with role = %s", prefill == 0 ? "prefill" : "decode");
}

/* What pools that hand over do not go with yet. */
static void check_alone(const struct check *c)
{
    const struct memory_options *m = &c->sc->memory;

    if (c->sc->n_faults > 0)
        diags_add(c->d, c->sc->path, 0, "[fault NAME] and pools that hand over do not go together");
    if (m->experts.tier_at >= 0)
        check_wrong(c, "experts", "hot_share", "experts below HBM and pools that hand over do not go together");
    if (m->cache.overflow_at >= 0)
        check_wrong(c, "cache", "overflow", "it and pools that hand over do not go together");
}

/* What goes from one to the other must be the same in both. */
static void check_alike(const struct check *c)
{
    for (int64_t i = 0; i < c->sc->n_pools && c->sc->n_pools > 1; i++) {
        const struct check own = {.sc = c->sc->pools[i].as, .d = c->d};
        const struct gpu_options *g = &own.sc->layout.gpu;
        if (g->network_Bps <= 0 && g->nvlink_Bps <= 0)
            check_wrong(&own, "gpu", "network_bandwidth", "missing: KV goes from one pool to the other over it");
    }
    const struct layout *a = &c->sc->pools[0].as->layout;

    for (int64_t i = 1; i < c->sc->n_pools; i++) {
        const struct check own = {.sc = c->sc->pools[i].as, .d = c->d};
        const struct layout *b = &own.sc->layout;
        if (a->replica.kv_dtype != b->replica.kv_dtype)
            check_wrong(&own, "replica", "kv_dtype", "KV that one pool hands to another has one type in both");
        if (a->replica.kv_block_tokens != b->replica.kv_block_tokens)
            check_wrong(&own, "replica", "kv_block_tokens",
                        "%" PRId64 " here and %" PRId64 " in [pool %s] (want the same)", b->replica.kv_block_tokens,
                        a->replica.kv_block_tokens, c->sc->pools[0].name);
    }
}

static void resolve_via(const struct check *c, struct handoff_options *h)
{
    const struct memory_options *m = &c->sc->memory;

    h->via_at = -1;
    if (strcmp(h->via, "hbm") == 0)
        return;
    for (int64_t i = 0; i < m->n_tiers; i++)
        if (strcmp(h->via, m->tier[i].name) == 0)
            h->via_at = i;
    if (h->via_at < 0)
        check_wrong(c, "handoff", "via", "there is no tier \"%s\" in use (want hbm or the name of one)", h->via);
}

void pools_load(struct loader *l, const struct pools_raw *raw)
{
    struct scenario *sc = l->sc;
    const struct check c = {.sc = sc, .d = l->d};

    resolve_via(&c, &sc->handoff);
    if (sc->n_pools == 0) {
        sc->pools = arena_alloc(&sc->arena, sizeof *sc->pools);
        *sc->pools = (struct pool_options){.name = "all", .role = POOL_BOTH, .as = sc};
        sc->n_pools = 1;
        return;
    }
    size_t mistakes = l->d->n;
    check_roles(&c);
    for (int64_t i = 0; i < sc->n_pools; i++)
        load_pool(l, raw, &sc->pools[i]);
    if (l->d->n == mistakes)
        check_alike(&c);
    if (sc->n_pools > 1)
        check_alone(&c);
}
