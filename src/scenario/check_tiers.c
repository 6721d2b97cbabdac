/*
 * check_tiers.c - tiers and links against the GPUs they serve, and what the cache is told to do against what there is.
 *
 * Units of a link or tier are counted from the cluster's first GPU, `gpus` at a time, and replicas lie one behind the
 * other within nodes: no replica straddles two units when units and nodes, and units and replicas, fit whole into each
 * other.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "conf/ini.h"
#include "policy/layout.h"
#include "scenario/check.h"

static bool fits(int64_t a, int64_t b)
{
    return a % b == 0 || b % a == 0;
}

/* A replica that spans nodes begins with one, so units that hold several of them hold whole nodes of each. */
static bool straddles(int64_t unit, int64_t replica, int64_t node)
{
    int64_t whole = (replica + node - 1) / node * node;

    return !fits(unit, replica) || (replica > node && unit > replica && unit % whole != 0);
}

static void check_unit(const struct check *c, const char *kind, const char *name, int64_t gpus)
{
    const struct layout *l = &c->sc->layout;
    int64_t replica = layout_gpus(l), node = l->node.gpus;
    char section[INI_NAME_MAX + 16];

    snprintf(section, sizeof section, "%s %s", kind, name);
    if (gpus == 0)
        return;
    if (!fits(gpus, node))
        check_wrong(c, section, "gpus",
                    "%" PRId64 " neither divides a node's %" PRId64 " GPUs nor is a multiple of them", gpus, node);
    else if (straddles(gpus, replica, node))
        check_wrong(c, section, "gpus",
                    "units of %" PRId64 " GPUs, but replicas of %" PRId64 ": one would lie across parts of two units "
                    "(want a divisor of the replica's GPUs, or a multiple%s)",
                    gpus, replica, replica > node ? " with its nodes counted whole" : "");
}

static void check_units(const struct check *c)
{
    const struct memory_options *m = &c->sc->memory;

    for (int64_t i = 0; i < m->n_links; i++) {
        bool used = false;
        for (int64_t t = 0; t < m->n_all; t++)
            for (int64_t k = 0; k < m->tier[t].n_links; k++)
                used |= m->tier[t].link_at[k] == i;
        if (used)
            check_unit(c, "link", m->link[i].name, m->link[i].gpus);
    }
    for (int64_t t = 0; t < m->n_all; t++)
        check_unit(c, "tier", m->tier[t].name, m->tier[t].gpus);
}

static bool may_name_blocks(int trace_format)
{
    return trace_format == TRACE_AUTO || trace_format == TRACE_MOONCAKE;
}

static void check_oracle(const struct check *c, const char *section, const struct evict_choice *e)
{
    bool trace = c->sc->arrival->kind == ARRIVAL_TRACE;

    if (e->ops->oracle && (!trace || !may_name_blocks(c->sc->workload.trace_format)))
        check_wrong(c, section, "evict",
                    "%s must know the future: it needs arrivals = trace and a trace that names blocks (Mooncake's)",
                    e->ops->policy.name);
}

static void check_cache(const struct check *c)
{
    const struct memory_options *m = &c->sc->memory;
    const struct cache_options *k = &m->cache;
    int64_t block = c->sc->layout.replica.kv_block_tokens;
    char section[INI_NAME_MAX + 16];

    if (k->block_tokens % block != 0)
        check_wrong(c, "cache", "block_tokens", "%" PRId64 " is no multiple of replica.kv_block_tokens = %" PRId64,
                    k->block_tokens, block);
    if (k->unlimited && !k->prefix)
        check_wrong(c, "cache", "unlimited", "has no effect with prefix = no");
    if (k->unlimited && k->blocks > 0)
        check_wrong(c, "cache", "blocks", "a bound does not go with unlimited = yes");
    if (k->preempt == PREEMPT_SWAP && m->n_tiers == 0)
        check_wrong(c, "cache", "preempt", "swap needs a tier to swap to, and none is in use ([memory] tiers)");
    check_oracle(c, "cache", &k->evict);
    for (int64_t i = 0; i < m->n_tiers; i++) {
        snprintf(section, sizeof section, "tier %s", m->tier[i].name);
        check_oracle(c, section, &m->tier[i].evict);
    }
}

/* Experts, tables and overflow must fit into their tiers. */
static void check_room(const struct check *c)
{
    const struct memory_options *m = &c->sc->memory;
    const struct layout *l = &c->sc->layout;
    char section[INI_NAME_MAX + 16];

    for (int64_t i = 0; i < m->n_tiers; i++) {
        int64_t gpus = m->tier[i].gpus > 0 ? m->tier[i].gpus : l->replica.count * layout_gpus(l);
        int64_t room = lower_room(c->sc, i, (double)gpus / (double)layout_gpus(l));
        snprintf(section, sizeof section, "tier %s", m->tier[i].name);
        if (room < 0)
            check_wrong(c, section, "gpus",
                        "a unit is %.3g GB too small for the experts, tables and running sequences' KV that are to lie "
                        "there",
                        -(double)room * 1e-9);
    }
}

void check_tiers(const struct check *c)
{
    check_room(c);
    check_units(c);
    check_cache(c);
}
