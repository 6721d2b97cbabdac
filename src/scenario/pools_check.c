/*
 * pools_check.c - what pools must have in common, what they do not go with, and what [handoff] names.
 *
 * Each pool has been checked alone as a scenario (pools.c).
 */
#include <inttypes.h>
#include <string.h>

#include "policy/speculation.h"
#include "scenario/check.h"
#include "scenario/pools.h"

static int64_t count_role(const struct scenario *sc, int role)
{
    int64_t n = 0;

    for (int64_t i = 0; i < sc->n_pools; i++)
        n += sc->pools[i].role == role;
    return n;
}

void pools_check_roles(const struct check *c)
{
    const struct scenario *sc = c->sc;
    int64_t both = count_role(sc, POOL_BOTH), prefill = count_role(sc, POOL_PREFILL),
            decode = count_role(sc, POOL_DECODE);

    if (both > 1 || prefill > 1 || decode > 1 || (both > 0 && prefill + decode > 0))
        diags_add(c->d, sc->path, 0,
                  "[pool NAME]: one with role = both, or one with role = prefill and one with role = decode");
    else if (both == 0 && (prefill == 0 || decode == 0))
        diags_add(c->d, sc->path, 0, "[pool NAME]: there is no pool with role = %s",
                  prefill == 0 ? "prefill" : "decode");
}

/* Pools stand on nodes of their own. */
static void check_nodes(const struct check *c)
{
    int64_t nodes = 0;

    for (int64_t i = 0; i < c->sc->n_pools; i++)
        nodes += layout_hosts(&c->sc->pools[i].as->layout);
    if (c->sc->cluster.nodes > 0 && nodes > c->sc->cluster.nodes)
        check_wrong(c, "cluster", "nodes",
                    "%" PRId64 ", but the pools need %" PRId64 " (each pool stands on nodes of its own)",
                    c->sc->cluster.nodes, nodes);
}

/* A mistake at the line of the pool's key. */
static void wrong(const struct check *c, const struct pool_options *p, const char *section, const char *key,
                  const char *text)
{
    const struct ini_entry *e = check_origin(p->as, section, key);

    diags_add(c->d, e ? e->file : c->sc->path, e ? e->line : 0, "[%s %s] %s: %s", section, p->name, key, text);
}

/* What pools that hand over do not go with yet. */
static void check_alone(const struct check *c)
{
    const struct memory_options *m = &c->sc->memory;

    for (int64_t i = 0; i < c->sc->n_faults; i++) {
        char section[INI_NAME_MAX + 8];
        snprintf(section, sizeof section, "fault %s", c->sc->faults[i].name);
        check_wrong(c, section, "what", "faults and pools that hand over do not go together");
    }
    for (int64_t i = 0; i < c->sc->n_pools; i++)
        if (layout_is_staggered(&c->sc->pools[i].as->layout))
            wrong(c, &c->sc->pools[i], "replica", "micro_batches", "apart and pools that hand over do not go together");
    if (m->experts.tier_at >= 0)
        check_wrong(c, "experts", "hot_share", "experts below HBM and pools that hand over do not go together");
    if (m->cache.overflow_at >= 0)
        check_wrong(c, "cache", "overflow", "it and pools that hand over do not go together");
}

static bool same_drafter(const struct replica_options *a, const struct replica_options *b)
{
    if (speculation_has_model(a) != speculation_has_model(b))
        return false;
    return !speculation_has_model(a) || a->spec_method == b->spec_method;
}

/* What goes from one to the other must be the same in both. */
static void check_alike(const struct check *c)
{
    const struct pool_options *p = c->sc->pools;
    char text[128];

    for (int64_t i = 0; i < c->sc->n_pools && c->sc->n_pools > 1; i++) {
        const struct gpu_options *g = &p[i].as->layout.gpu;
        if (g->network_Bps <= 0 && g->nvlink_Bps <= 0)
            wrong(c, &p[i], "gpu", "network_bandwidth", "missing: KV goes from one pool to the other over it");
    }
    for (int64_t i = 1; i < c->sc->n_pools; i++) {
        const struct replica_options *a = &p[0].as->layout.replica, *b = &p[i].as->layout.replica;
        if (a->kv_dtype != b->kv_dtype)
            wrong(c, &p[i], "replica", "kv_dtype", "KV that one pool hands to another has one type in both");
        snprintf(text, sizeof text, "%" PRId64 ", but %" PRId64 " in [pool %.32s] (want the same)", b->kv_block_tokens,
                 a->kv_block_tokens, p[0].name);
        if (a->kv_block_tokens != b->kv_block_tokens)
            wrong(c, &p[i], "replica", "kv_block_tokens", text);
        if (!same_drafter(a, b))
            wrong(c, &p[i], "replica", check_origin(p[i].as, "replica", "spec_method") ? "spec_method" : "spec_tokens",
                  "who drafts has KV of the prompts, too, so that both pools must have the same (spec_method, "
                  "spec_tokens above 0)");
    }
}

void pools_resolve_via(const struct check *c, struct handoff_options *h)
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

void pools_check(const struct check *c)
{
    check_alike(c);
    check_nodes(c);
    if (c->sc->n_pools > 1)
        check_alone(c);
}
