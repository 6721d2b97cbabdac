/*
 * cmd_run_memory.c - a run's memories, ports and kinds of transfers as rows of its results file (tables tier, port,
 * move_kind): what the ids in its records mean. Also without tiers: then there is HBM alone, and no port.
 */
#include "config.h"

#include <math.h>
#include <stdlib.h>

#include "base/bug.h"
#include "cmd.h"
#include "model/memory.h"
#include "model/world.h"
#include "policy/cost.h"
#include "store/store.h"

static double known(double x)
{
    return x > 0 ? x : NAN;
}

static struct store_tier hbm(const struct scenario *sc, bool caches)
{
    const struct layout *l = &sc->pools[0].as->layout; /* of several pools, the first's figures */
    int64_t gpus = layout_gpus(l) / layout_members(l), units = 0;
    double token_bytes, state_bytes, Bps = l->gpu.memory_Bps * (double)gpus;

    cost_kv_bytes(l, &token_bytes, &state_bytes);
    for (int64_t i = 0; i < sc->n_pools; i++)
        units += sc->pools[i].as->layout.replica.count * layout_members(&sc->pools[i].as->layout);
    return (struct store_tier){
        .name = "hbm",
        .kind = "hbm",
        .units = units,
        .gpus = gpus,
        .capacity_bytes = (int64_t)((double)(cost_hbm_blocks(l) / layout_members(l) * l->replica.kv_block_tokens) * token_bytes + 0.5),
        .hardware_bytes = (int64_t)l->gpu.memory_bytes * gpus,
        .read_Bps = Bps,
        .write_Bps = Bps,
        .latency_ns = sc->memory.hbm_latency_ns,
        .usd_per_gb = known(sc->memory.hbm_usd_per_gb),
        .caches = caches,
        .write_amplification = NAN,
        .drive_writes_per_day = NAN,
        .warranty_years = NAN,
    };
}

static struct store_tier tier(const struct memory *m, int at, bool caches)
{
    const struct tier_options *t = &m->sc->memory.tier[at];
    const struct memory_line *l = &m->tier[at];
    const struct memory_span *s = memory_span_of(m, l, 0); /* of several pools, the first's */
    double reached = t->efficiency * (double)s->merged;
    bool wears = t->kind == TIER_NAND;

    return (struct store_tier){
        .name = t->name,
        .kind = wears ? "nand" : "dram",
        .units = l->units,
        .gpus = s->span * m->pool[0].gpus,
        .capacity_bytes = memory_capacity(m, at, 0),
        .hardware_bytes = tier_capacity_bytes(t, t->modules) * s->merged,
        .read_Bps = tier_read_Bps(t, t->modules) * reached,
        .write_Bps = tier_write_Bps(t, t->modules) * reached,
        .latency_ns = t->latency_ns,
        .usd_per_gb = known(t->usd_per_gb),
        .caches = caches && at < m->sc->memory.n_tiers,
        .write_amplification = wears ? t->write_amplification : NAN,
        .drive_writes_per_day = wears ? known(t->drive_writes_per_day) : NAN,
        .warranty_years = wears ? t->warranty_years : NAN,
    };
}

/* Which way of a link the port is. */
static const char *direction(const struct memory *m, int32_t port)
{
    static const char *const ways[] = {[MEMORY_UP] = "up", [MEMORY_DOWN] = "down", "both"};
    int64_t unit = m->resource[port].unit;

    for (int way = 0; m->nic[0] && way < 2; way++)
        if (m->nic[way][unit < m->replicas ? unit : 0] == port)
            return ways[way];
    for (int64_t i = 0; i < m->sc->memory.n_links; i++)
        for (int way = 0; way < 3; way++)
            if (m->link[i].port[way] && unit < m->link[i].units && m->link[i].port[way][unit] == port)
                return ways[way];
    return NULL;
}

static int64_t tier_of_port(const struct memory *m, int32_t port)
{
    int64_t unit = m->resource[port].unit;

    for (int64_t i = 0; i < m->sc->memory.n_all; i++)
        if (unit < m->tier[i].units && m->tier[i].port[0][unit] == port)
            return 1 + i;
    return m->resource[port].is_tier ? 0 : -1;
}

static struct store_port *ports_of(const struct memory *m)
{
    struct store_port *p = mem_zalloc((size_t)m->n_resources, sizeof *p);

    for (int32_t i = 0; i < m->n_resources; i++) {
        int64_t at = tier_of_port(m, i);

        p[i] = (struct store_port){
            .name = m->resource[i].name,
            .kind = at < 0    ? "link"
                    : at == 0 ? "hbm"
                              : "tier",
            .direction = direction(m, i),
            .unit = m->resource[i].unit,
            .tier = at,
        };
    }
    return p;
}

void cmd_run_memory(const struct scenario *sc, const struct world *w, struct store_memory *out)
{
#define KIND(id, name, help) {#name, help},
    static const struct store_move_kind kinds[MOVE_KINDS] = {MOVE_KINDS_LIST(KIND)};
#undef KIND
    const struct memory *m = world_memory(w);
    bool caches = world_caches(w);
    struct store_tier *tiers = mem_zalloc(1 + MEMORY_TIERS, sizeof *tiers);

    tiers[0] = hbm(sc, caches);
    for (int i = 0; m && i < sc->memory.n_all; i++)
        tiers[1 + i] = tier(m, i, caches);
    *out = (struct store_memory){
        .tiers = tiers,
        .ports = m ? ports_of(m) : NULL,
        .kinds = kinds,
        .n_tiers = m ? 1 + sc->memory.n_all : 1,
        .n_ports = m ? m->n_resources : 0,
        .n_kinds = MOVE_KINDS,
    };
}

void cmd_run_memory_free(struct store_memory *m)
{
    free((struct store_tier *)m->tiers);
    free((struct store_port *)m->ports);
}
