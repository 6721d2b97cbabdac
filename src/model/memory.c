#include "config.h"

#include "model/memory.h"

#include <math.h>
#include <stdlib.h>

#include "base/bug.h"

static int32_t add_port(struct memory *m, const char *name, int64_t unit, bool is_tier, int rule, int64_t servers)
{
    int32_t id = share_resource(m->share, (enum share_rule)rule, (int)servers);

    sim_assert(id == m->n_resources);
    m->resource = mem_realloc(m->resource, (size_t)(id + 1) * sizeof *m->resource);
    m->resource[m->n_resources++] = (struct memory_resource){name, unit, is_tier, 1};
    return id;
}

/* Who shares units of so many GPUs each (0: all). */
static void line_init(const struct memory *m, int64_t gpus, struct memory_line *l)
{
    for (int i = 0; i < m->n_pools; i++) {
        const struct memory_pool *p = &m->pool[i];
        int64_t of_unit = gpus == 0 || gpus > p->gpus * p->n ? p->gpus * p->n : gpus;
        l->of[i] = (struct memory_span){.first = l->units,
                                        .span = of_unit > p->gpus ? of_unit / p->gpus : 1,
                                        .merged = of_unit < p->gpus ? p->gpus / of_unit : 1};
        l->units += (p->n + l->of[i].span - 1) / l->of[i].span;
    }
    for (int i = 0; i < m->n_pools && gpus == 0; i++) {
        l->of[i] = (struct memory_span){.first = 0, .span = m->replicas, .merged = 1};
        l->units = 1;
    }
    l->down = mem_zalloc((size_t)l->units, sizeof *l->down);
    l->lost = mem_zalloc((size_t)l->units, sizeof *l->lost);
}

static int32_t *add_ports(struct memory *m, const char *name, int64_t n, bool is_tier, int rule, int64_t servers)
{
    int32_t *port = mem_zalloc((size_t)n, sizeof *port);

    for (int64_t i = 0; i < n; i++)
        port[i] = add_port(m, name, i, is_tier, rule, servers);
    return port;
}

static void add_link(struct memory *m, const struct link_options *o, struct memory_line *l)
{
    line_init(m, o->gpus, l);
    for (int way = 0; way < 2; way++)
        l->port[way] = add_ports(m, o->name, l->units, false, o->rule, o->servers);
    if (o->both_Bps > 0)
        l->port[2] = add_ports(m, o->name, l->units, false, o->rule, o->servers);
}

static void add_pool(struct memory *m, int i)
{
    const struct layout *l = &m->sc->pools[i].as->layout;
    int64_t members = layout_members(l), n = l->replica.count * members;
    double gpus = (double)(layout_gpus(l) / members), link = l->gpu.network_Bps > 0 ? l->gpu.network_Bps : l->gpu.nvlink_Bps;

    m->pool[i] = (struct memory_pool){.first = m->replicas,
                                      .n = n,
                                      .gpus = layout_gpus(l) / members,
                                      .hbm_Bps = l->gpu.memory_Bps * gpus,
                                      .nic_Bps = link * gpus * m->sc->handoff.efficiency};
    m->replicas += n;
}

void memory_init(struct memory *m, const struct scenario *sc, struct sim *sim, uint32_t ev_done, uint32_t ev_part,
                 unsigned class_done)
{
    const struct memory_options *o = &sc->memory;

    *m = (struct memory){.sc = sc, .n_pools = (int)sc->n_pools};
    sim_assert(m->n_pools <= MEMORY_POOLS);
    for (int i = 0; i < m->n_pools; i++)
        add_pool(m, i);
    m->share = share_new();
    m->mover = move_new(sim, m->share, ev_done, ev_part, class_done);
    m->hbm = add_ports(m, "hbm", m->replicas, true, o->hbm_rule, 1);
    for (int way = 0; way < 2 && m->n_pools > 1; way++)
        m->nic[way] = add_ports(m, "nic", m->replicas, false, MEMORY_FAIR, 1);
    m->link = mem_zalloc((size_t)o->n_links + 1, sizeof *m->link);
    for (int64_t i = 0; i < o->n_links; i++)
        add_link(m, &o->link[i], &m->link[i]);
    sim_assert(o->n_all <= MEMORY_TIERS);
    for (int64_t i = 0; i < o->n_all; i++) {
        line_init(m, o->tier[i].gpus, &m->tier[i]);
        m->tier[i].port[0] = add_ports(m, o->tier[i].name, m->tier[i].units, true, o->tier[i].rule, o->tier[i].servers);
    }
}

static void line_free(struct memory_line *l)
{
    for (int way = 0; way < 3; way++)
        free(l->port[way]);
    free(l->down);
    free(l->lost);
}

void memory_free(struct memory *m)
{
    if (m->share == NULL)
        return;
    for (int64_t i = 0; i < m->sc->memory.n_links; i++)
        line_free(&m->link[i]);
    for (int64_t i = 0; i < m->sc->memory.n_all; i++)
        line_free(&m->tier[i]);
    free(m->link);
    free(m->hbm);
    free(m->nic[0]);
    free(m->nic[1]);
    free(m->resource);
    move_free(m->mover);
    share_free(m->share);
}

const struct memory_pool *memory_pool_of(const struct memory *m, int64_t replica)
{
    int i = 0;

    while (replica >= m->pool[i].first + m->pool[i].n)
        i++;
    return &m->pool[i];
}

int64_t memory_unit_of(const struct memory *m, const struct memory_line *l, int64_t replica)
{
    const struct memory_pool *p = memory_pool_of(m, replica);
    const struct memory_span *s = &l->of[p - m->pool];

    return s->first + (replica - p->first) / s->span;
}

int64_t memory_unit(const struct memory *m, int tier, int64_t replica)
{
    return memory_unit_of(m, &m->tier[tier], replica);
}

const struct memory_span *memory_span_of(const struct memory *m, const struct memory_line *l, int64_t unit)
{
    int i = m->n_pools - 1;

    while (i > 0 && (unit < l->of[i].first || l->of[i].first == l->of[i - 1].first))
        i--;
    return &l->of[i];
}

int64_t memory_first_replica(const struct memory *m, const struct memory_line *l, int64_t unit)
{
    const struct memory_span *s = memory_span_of(m, l, unit);

    return m->pool[s - l->of].first + (unit - s->first) * s->span;
}

int64_t memory_capacity(const struct memory *m, int tier, int64_t unit)
{
    const struct memory_span *s = memory_span_of(m, &m->tier[tier], unit);

    return lower_room(m->sc, tier, (double)s->span / (double)s->merged) * s->merged;
}

struct lower_use memory_use(const struct memory *m, int tier, int64_t unit)
{
    const struct memory_span *s = memory_span_of(m, &m->tier[tier], unit);
    struct lower_use use = lower_use(m->sc, tier, (double)s->span / (double)s->merged);
    double units = (double)s->merged;

    return (struct lower_use){use.experts * units, use.tables * units, use.overflow * units};
}

int64_t memory_room(const struct memory *m, int tier, int64_t unit)
{
    int64_t room = memory_capacity(m, tier, unit) - m->tier[tier].lost[unit] * m->sc->memory.tier[tier].module_bytes;

    return room > 0 ? room : 0;
}

/* ---- what is down, or slow ---- */

bool memory_is_up(const struct memory *m, int tier, int64_t unit)
{
    return m->tier[tier].down[unit] == 0;
}

bool memory_reaches(const struct memory *m, int64_t replica, int tier)
{
    const struct tier_options *t = &m->sc->memory.tier[tier];

    for (int64_t i = 0; i < t->n_links; i++) {
        const struct memory_line *l = &m->link[t->link_at[i]];
        if (l->down[memory_unit_of(m, l, replica)] > 0)
            return false;
    }
    if (t->bounce_at >= 0 && !memory_is_up(m, (int)t->bounce_at, memory_unit(m, (int)t->bounce_at, replica)))
        return false;
    return memory_is_up(m, tier, memory_unit(m, tier, replica));
}

void memory_set_speed(struct memory *m, int32_t port, double speed)
{
    if (m->resource[port].speed == speed)
        return;
    m->resource[port].speed = speed;
    move_set_speed(m->mover, port, speed);
}

/* ---- paths ---- */

/* A port crossed twice is one hop of both costs. */
static void add_hop(struct memory_path *p, int32_t resource, double cost)
{
    for (int i = 0; i < p->n_hops; i++)
        if (p->hop[i].resource == resource) {
            p->hop[i].cost += cost;
            return;
        }
    sim_assert(p->n_hops < SHARE_HOPS);
    p->hop[p->n_hops++] = (struct share_hop){resource, cost};
}

static void cross_link(const struct memory *m, int64_t replica, int64_t link, enum memory_way way,
                       struct memory_path *p)
{
    const struct link_options *o = &m->sc->memory.link[link];
    const struct memory_line *l = &m->link[link];
    int64_t unit = memory_unit_of(m, l, replica);
    double Bps = way == MEMORY_UP ? o->to_gpu_Bps : link_from_gpu_Bps(o);
    double merged = (double)memory_span_of(m, l, unit)->merged;

    add_hop(p, l->port[way][unit], 1 / (Bps * merged));
    if (l->port[2])
        add_hop(p, l->port[2][unit], 1 / (o->both_Bps * merged));
    p->latency_ns += o->latency_ns;
}

static void cross_tier(const struct memory *m, int64_t unit, int tier, enum memory_way way, struct memory_path *p)
{
    const struct tier_options *t = &m->sc->memory.tier[tier];
    const struct memory_line *l = &m->tier[tier];
    double merged = (double)memory_span_of(m, l, unit)->merged;
    double Bps = way == MEMORY_UP ? tier_read_Bps(t, t->modules) : tier_write_Bps(t, t->modules);

    add_hop(p, l->port[0][unit], 1 / (Bps * t->efficiency * merged));
}

/* To, or from, a unit of the tier. */
static struct memory_path path_of(const struct memory *m, int tier, int64_t unit)
{
    const struct tier_options *t = &m->sc->memory.tier[tier];

    return (struct memory_path){.latency_ns = t->latency_ns,
                                .fragment_ns = t->fragment_ns,
                                .fragment_bytes =
                                    t->fragment_bytes * memory_span_of(m, &m->tier[tier], unit)->merged,
                                .granularity_bytes = t->granularity_bytes};
}

static void cross_hbm(const struct memory *m, int64_t replica, struct memory_path *p)
{
    add_hop(p, m->hbm[replica], 1 / memory_pool_of(m, replica)->hbm_Bps);
}

void memory_path(const struct memory *m, int64_t replica, int tier, enum memory_way way, struct memory_path *out)
{
    const struct tier_options *t = &m->sc->memory.tier[tier];
    int64_t unit = memory_unit(m, tier, replica);
    int bounce = (int)t->bounce_at;

    *out = path_of(m, tier, unit);
    cross_hbm(m, replica, out);
    for (int64_t i = 0; i < t->n_links; i++)
        cross_link(m, replica, t->link_at[i], way, out);
    if (bounce >= 0) {
        cross_tier(m, memory_unit(m, bounce, replica), bounce, MEMORY_UP, out);
        cross_tier(m, memory_unit(m, bounce, replica), bounce, MEMORY_DOWN, out);
        out->latency_ns += m->sc->memory.tier[bounce].latency_ns;
    }
    cross_tier(m, unit, tier, way, out);
}

void memory_between(const struct memory *m, int from, int64_t from_unit, int to, int64_t to_unit,
                    struct memory_path *out)
{
    *out = path_of(m, to, to_unit);
    out->latency_ns += m->sc->memory.tier[from].latency_ns;
    cross_tier(m, from_unit, from, MEMORY_UP, out);
    cross_tier(m, to_unit, to, MEMORY_DOWN, out);
}

void memory_handoff(const struct memory *m, int64_t from, int64_t to, struct memory_path *out)
{
    *out = (struct memory_path){.latency_ns = m->sc->handoff.latency_ns};
    cross_hbm(m, from, out);
    add_hop(out, m->nic[MEMORY_DOWN][from], 1 / memory_pool_of(m, from)->nic_Bps);
    add_hop(out, m->nic[MEMORY_UP][to], 1 / memory_pool_of(m, to)->nic_Bps);
    cross_hbm(m, to, out);
}

void memory_handoff_from(const struct memory *m, int tier, int64_t from, int64_t to, struct memory_path *out)
{
    int64_t unit = memory_unit(m, tier, from);

    if (memory_unit(m, tier, to) == unit) {
        memory_path(m, to, tier, MEMORY_UP, out);
        return;
    }
    *out = path_of(m, tier, unit);
    out->latency_ns += m->sc->handoff.latency_ns;
    cross_tier(m, unit, tier, MEMORY_UP, out);
    add_hop(out, m->nic[MEMORY_DOWN][from], 1 / memory_pool_of(m, from)->nic_Bps);
    add_hop(out, m->nic[MEMORY_UP][to], 1 / memory_pool_of(m, to)->nic_Bps);
    cross_hbm(m, to, out);
}

/* ---- jobs ---- */

static int64_t pieces(const struct memory_path *p, int64_t bytes)
{
    return p->fragment_bytes > 0 ? (bytes + p->fragment_bytes - 1) / p->fragment_bytes : 1;
}

/* Each piece is rounded up. */
static int64_t rounded(const struct memory_path *p, int64_t bytes)
{
    int64_t g = p->granularity_bytes, f = p->fragment_bytes;

    if (g <= 1)
        return bytes;
    if (f <= 0)
        return (bytes + g - 1) / g * g;
    return bytes / f * ((f + g - 1) / g * g) + (bytes % f + g - 1) / g * g;
}

void memory_transfer(const struct memory *m, const struct memory_path *p, int64_t bytes, int64_t extra_ns, int level,
                     struct move_job *job)
{
    move_transfer(m->share, job, rounded(p, bytes), p->latency_ns + p->fragment_ns * pieces(p, bytes) + extra_ns,
                  p->hop, p->n_hops, 1, level);
}

int64_t memory_solo_ns(const struct memory *m, const struct memory_path *p, int64_t bytes)
{
    return p->latency_ns + p->fragment_ns * pieces(p, bytes) +
           (int64_t)ceil((double)rounded(p, bytes) / move_solo_Bps(m->share, p->hop, p->n_hops) * 1e9);
}

void memory_step(const struct memory *m, int64_t replica, int64_t bound_ns, int64_t rest_ns, double share,
                 struct move_job *job)
{
    double Bps = memory_pool_of(m, replica)->hbm_Bps;
    struct share_flow port = {.hop = {{m->hbm[replica], 1 / Bps}}, .n_hops = 1, .weight = 1, .cap_Bps = Bps};

    job->n_parts = 2;
    job->part[0] = (struct move_part){.solo_ns = bound_ns, .flow = port};
    job->part[1] = (struct move_part){.solo_ns = rest_ns};
    if (share > 0) {
        job->part[1].flow = port;
        job->part[1].flow.cap_Bps = Bps * (share < 1 ? share : 1);
    }
}
