/*
 * lower.c - what of a replica lies below HBM: shares for the layout, and the room that it takes in the tiers.
 *
 * Experts and tables are read only, so replicas that share a unit share one copy of them; KV of running sequences is
 * each replica's own.
 */
#include <inttypes.h>
#include <string.h>

#include "scenario/check.h"

/* The index of a tier in use; -1: none, or after a diag. */
static int64_t tier_of(const struct check *c, const char *section, const char *key, const char *name)
{
    const struct memory_options *m = &c->sc->memory;

    if (strcmp(name, "none") == 0)
        return -1;
    for (int64_t i = 0; i < m->n_tiers; i++)
        if (strcmp(name, m->tier[i].name) == 0)
            return i;
    check_wrong(c, section, key, "no tier in use is called \"%s\"", name);
    return -1;
}

void lower_resolve(struct scenario *sc, struct diags *d)
{
    const struct check c = {.sc = sc, .d = d};
    struct memory_options *m = &sc->memory;
    struct layout *l = &sc->layout;

    m->tables_at = tier_of(&c, "memory", "tables", m->tables);
    m->cache.overflow_at = tier_of(&c, "cache", "overflow", m->cache.overflow);
    if (m->tables_at >= 0 && cost_table_bytes(l) <= 0)
        check_wrong(&c, "memory", "tables",
                    "the model has none (engram_layers, engram_rows, engram_row_bytes of [model])");
    if (m->cache.overflow_at >= 0 && m->cache.overflow_bytes == 0)
        check_wrong(&c, "cache", "overflow", "needs overflow_size, the room of each replica there");
    l->lower = (struct lower_share){
        .cold_experts = m->experts.tier_at >= 0 ? 1 - m->experts.hot_share : 0,
        .tables = m->tables_at >= 0,
        .overflow_bytes = m->cache.overflow_at >= 0 ? m->cache.overflow_bytes : 0,
    };
}

struct lower_use lower_use(const struct scenario *sc, int64_t tier, double replicas)
{
    const struct memory_options *m = &sc->memory;
    const struct layout *l = &sc->layout;
    double copies = replicas < 1 ? replicas : 1; /* a replica of several units has its copy spread over them */
    struct lower_use use = {0, 0, 0};

    if (m->experts.tier_at == tier)
        use.experts = copies * l->lower.cold_experts * cost_expert_bytes(l) * (double)l->model.experts *
                      (double)(l->model.layers - l->model.dense_layers);
    if (m->tables_at == tier)
        use.tables = copies * (double)m->tables_bytes;
    if (m->cache.overflow_at == tier)
        use.overflow = replicas * (double)m->cache.overflow_bytes;
    return use;
}

int64_t lower_room(const struct scenario *sc, int64_t tier, double replicas)
{
    const struct tier_options *t = &sc->memory.tier[tier];
    struct lower_use use = lower_use(sc, tier, replicas);
    double room = (double)(tier_capacity_bytes(t, t->modules) - t->reserved_bytes);

    return (int64_t)(room - use.experts - use.tables - use.overflow);
}
