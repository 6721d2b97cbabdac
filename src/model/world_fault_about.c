/*
 * world_fault_about.c - what a fault is about: units of tiers and links, replicas, and the speeds that are left them.
 *
 * Nothing is kept of it: all follows from the fault's section, its unit and whether it is active, so that its end
 * undoes what its begin did.
 */
#include "config.h"

#include "model/world_fault.h"

/* ---- what a fault is about ---- */

struct fault_range fault_replicas_of_host(const struct world *w, int64_t host)
{
    const struct fleet *f = w->fleet;

    while (host >= layout_hosts(&f->sc->layout))
        host -= layout_hosts(&f++->sc->layout);
    int64_t gpus = f->gpus, node = f->sc->layout.node.gpus;
    int64_t nodes = (gpus + node - 1) / node, each = node / gpus;
    if (gpus > node)
        return (struct fault_range){f->first + host / nodes, f->first + host / nodes + 1};
    int64_t end = f->first + f->n, last = f->first + (host + 1) * each;
    return (struct fault_range){f->first + host * each, last < end ? last : end};
}

static bool inside_host(const struct world *w, int64_t tier)
{
    int64_t gpus = w->sc->memory.tier[tier].gpus;

    return gpus > 0 && gpus <= w->sc->layout.node.gpus;
}

/* Whether it is about that unit of a tier, or link. */
bool fault_concerns(const struct world *w, const struct fault_process *p, bool is_tier, int64_t line, int64_t unit)
{
    const struct fault_options *o = p->o;

    if (o->what == FAULT_HOST) {
        if (!is_tier || !inside_host(w, line))
            return false;
        struct fault_range of = fault_replicas_of_host(w, p->at);
        int64_t first = memory_first_replica(&w->memory, &w->memory.tier[line], unit);
        return first >= of.begin && first < of.end;
    }
    return o->what != FAULT_GPU && is_tier == (o->what != FAULT_LINK) && line == o->target_at && unit == p->at;
}

bool fault_puts_down(const struct world *w, const struct fault_process *p, bool is_tier, int64_t line, int64_t unit)
{
    return fault_concerns(w, p, is_tier, line, unit) && (p->o->what != FAULT_DRIVE || p->dead);
}

bool fault_loses_data(const struct world *w, const struct fault_process *p, int64_t tier, int64_t unit)
{
    bool stays = p->o->data == FAULT_KEPT && p->o->what != FAULT_MODULE &&
                 (p->o->what != FAULT_HOST || w->sc->memory.tier[tier].kind == TIER_NAND);

    return !stays && fault_concerns(w, p, true, tier, unit);
}

/* Whether it cuts the replica off from the tier. */
static bool cuts(const struct world *w, const struct fault_process *p, int64_t replica, int64_t tier)
{
    const struct tier_options *t = &w->sc->memory.tier[tier];
    const struct memory *m = &w->memory;

    for (int64_t i = 0; i < t->n_links; i++)
        if (fault_puts_down(w, p, false, t->link_at[i], memory_unit_of(m, &m->link[t->link_at[i]], replica)))
            return true;
    return fault_puts_down(w, p, true, tier, memory_unit(m, (int)tier, replica)) ||
           (t->bounce_at >= 0 && fault_puts_down(w, p, true, t->bounce_at, memory_unit(m, (int)t->bounce_at, replica)));
}

/* GPUs are counted through all pools, those that serve. */
static int64_t replica_of_gpu(const struct world *w, int64_t gpu)
{
    const struct fleet *f = w->fleet;

    while (gpu >= f->n * f->gpus) {
        gpu -= f->n * f->gpus;
        f++;
    }
    return f->first + gpu / f->gpus;
}

/* Whether one of the replica's GPUs is what it is about. */
static bool is_home(const struct world *w, const struct fault_process *p, int64_t replica)
{
    switch (p->o->what) {
    case FAULT_GPU:
        return replica_of_gpu(w, p->at) == replica;
    case FAULT_HOST: {
        struct fault_range of = fault_replicas_of_host(w, p->at);
        return replica >= of.begin && replica < of.end;
    }
    case FAULT_MODULE:
        return memory_unit(&w->memory, (int)p->o->target_at, replica) == p->at;
    default:
        return false;
    }
}

bool fault_takes_down(const struct world *w, const struct fault_process *p, int64_t replica)
{
    const struct memory_options *m = &w->sc->memory;
    const int64_t needed[] = {m->experts.tier_at, m->tables_at, m->cache.overflow_at};

    if (is_home(w, p, replica))
        return true;
    for (int i = 0; i < 3 && w->offload; i++)
        if (needed[i] >= 0 && cuts(w, p, replica, needed[i]))
            return true;
    return false;
}

bool world_is_hopeless(const struct world *w)
{
    for (int64_t i = 0; i < w->n_fleets && w->faults; i++) {
        const struct fleet *f = &w->fleet[i];
        bool forever = f->loads.n_up == 0;
        for (int64_t k = f->first; k < f->first + f->n && forever; k++)
            forever = w->faults->forever[k] > 0;
        if (forever)
            return true;
    }
    return false;
}

/* ---- speeds ---- */

static double modules_speed(const struct world *w, int64_t tier, int64_t unit)
{
    const struct tier_options *t = &w->sc->memory.tier[tier];
    const struct memory_line *l = &w->memory.tier[tier];
    int64_t all = t->modules * memory_span_of(&w->memory, l, unit)->merged, left = all - l->lost[unit];

    return t->module_Bps > 0 && left > 0 ? (double)left / (double)all : 1;
}

void fault_set_port_speed(struct world *w, bool is_tier, int64_t line, int64_t unit)
{
    const struct memory_line *l = is_tier ? &w->memory.tier[line] : &w->memory.link[line];
    double speed = is_tier ? modules_speed(w, line, unit) : 1;

    for (int64_t i = 0; i < w->faults->n; i++) {
        const struct fault_process *p = &w->faults->process[i];
        if (p->active && p->o->speed > 0 && p->o->what != FAULT_HOST && fault_concerns(w, p, is_tier, line, unit))
            speed *= p->o->speed;
    }
    for (int way = 0; way < 3; way++)
        if (l->port[way])
            memory_set_speed(&w->memory, l->port[way][unit], speed);
}

static void set_replica_speed(struct world *w, struct replica *r)
{
    r->speed = 1;
    for (int64_t i = 0; i < w->faults->n; i++) {
        const struct fault_process *p = &w->faults->process[i];
        if (p->active && p->o->speed > 0 && p->o->speed < r->speed && is_home(w, p, r->id))
            r->speed = p->o->speed;
    }
}

void fault_set_speeds(struct world *w, const struct fault_process *p)
{
    if (p->o->what == FAULT_TIER || p->o->what == FAULT_LINK)
        fault_set_port_speed(w, p->o->what == FAULT_TIER, p->o->target_at, p->at);
    for (int64_t i = 0; i < w->n_replicas; i++)
        if (is_home(w, p, i))
            set_replica_speed(w, &w->replicas[i]);
}
