/* share.c - who is on which resource, in order of start, and who is served at FIFO ones. Rates: share_solve.c. */
#include "model/share_state.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct share *share_new(void)
{
    struct share *s = mem_zalloc(1, sizeof *s);

    s->first_free = -1;
    return s;
}

void share_free(struct share *s)
{
    if (s == NULL)
        return;
    for (int32_t r = 0; r < s->n_ports; r++)
        free(s->port[r].at);
    free(s->port);
    free(s->slot);
    free(s->seeds.at);
    free(s->touched.at);
    free(s->free.at);
    free(s->rising.at);
    free(s->changed.at);
    free(s->order);
    free(s);
}

static struct share_port *port_of(const struct share *s, int32_t resource)
{
    sim_assert(resource >= 0 && resource < s->n_ports);
    return &s->port[resource];
}

static struct share_slot *slot_of(const struct share *s, int32_t flow)
{
    sim_assert(flow >= 0 && flow < s->n_slots && s->slot[flow].live);
    return &s->slot[flow];
}

int32_t share_resource(struct share *s, enum share_rule rule, int servers)
{
    sim_assert(rule != SHARE_FIFO || servers >= 1);
    if (s->n_ports == s->port_room) {
        s->port_room = s->port_room ? 2 * s->port_room : 16;
        s->port = mem_realloc(s->port, (size_t)s->port_room * sizeof *s->port);
    }
    s->port[s->n_ports] = (struct share_port){.rule = rule, .servers = servers, .speed = 1};
    return s->n_ports++;
}

void share_set_speed(struct share *s, int32_t resource, double speed)
{
    struct share_port *p = port_of(s, resource);

    sim_assert(speed >= 0 && speed < INFINITY);
    p->speed = speed;
    if (p->rule != SHARE_FIFO) {
        share_touch(s, resource);
        return;
    }
    for (int32_t i = 0; i < p->n && i < p->servers; i++)
        share_seed(s, p->at[p->head + i] >> HOP_BITS);
}

int share_servers(const struct share *s, int32_t resource)
{
    const struct share_port *p = port_of(s, resource);

    return p->rule == SHARE_FIFO ? p->servers : 0;
}

static void list_append(struct share_port *p, int32_t entry)
{
    if (p->head + p->n == p->room) {
        if (p->head > p->n) {
            memmove(p->at, p->at + p->head, (size_t)p->n * sizeof *p->at);
            p->head = 0;
        } else {
            p->room = p->room ? 2 * p->room : 8;
            p->at = mem_realloc(p->at, (size_t)p->room * sizeof *p->at);
        }
    }
    p->at[p->head + p->n++] = entry;
}

/* Where the flow is in the list. */
static int32_t list_find(const struct share *s, const struct share_port *p, uint64_t start)
{
    int32_t low = 0, high = p->n - 1;

    while (low < high) {
        int32_t mid = low + (high - low) / 2;
        if (s->slot[p->at[p->head + mid] >> HOP_BITS].start < start)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

/* Closes the gap from the side that is nearer: FIFO resources lose their first ones. */
static void list_remove(struct share_port *p, int32_t i)
{
    int32_t *at = p->at + p->head;

    p->n--;
    if (i < p->n - i) {
        memmove(at + 1, at, (size_t)i * sizeof *at);
        p->head++;
    } else {
        memmove(at + i, at + i + 1, (size_t)(p->n - i) * sizeof *at);
    }
}

static int32_t take_slot(struct share *s)
{
    int32_t id = s->first_free;

    if (id >= 0) {
        s->first_free = s->slot[id].next_free;
        return id;
    }
    if (s->n_slots == s->slot_room) {
        s->slot_room = s->slot_room ? 2 * s->slot_room : 64;
        sim_assert(s->slot_room <= INT32_MAX >> HOP_BITS);
        s->slot = mem_realloc(s->slot, (size_t)s->slot_room * sizeof *s->slot);
    }
    return s->n_slots++;
}

/* Weight and level as they count, by the rules on the path; hops with the shared resources first. */
static void fill_slot(const struct share *s, struct share_slot *to, const struct share_flow *f)
{
    *to = (struct share_slot){.weight = 1, .cap = f->cap_Bps, .level = SHARE_LEVELS - 1, .bottleneck = -1};
    to->limit_at = -1;
    for (int fifo = 0; fifo < 2; fifo++)
        for (int h = 0; h < f->n_hops; h++) {
            const struct share_port *p = port_of(s, f->hop[h].resource);
            sim_assert(f->hop[h].cost > 0);
            if ((p->rule == SHARE_FIFO) != fifo)
                continue;
            for (int k = 0; k < to->n_hops; k++)
                sim_assert(to->hop[k].resource != f->hop[h].resource);
            if (p->rule == SHARE_WEIGHTED)
                to->weight = f->weight;
            if (p->rule == SHARE_PRIORITY)
                to->level = (int8_t)f->level;
            to->n_shared += !fifo;
            to->hop[to->n_hops++] = (struct share_path_hop){.resource = f->hop[h].resource, .cost = f->hop[h].cost};
        }
    for (int h = 0; h < to->n_hops; h++)
        to->hop[h].load = to->hop[h].cost * to->weight;
}

int32_t share_start(struct share *s, const struct share_flow *f)
{
    sim_assert(f->n_hops >= 1 && f->n_hops <= SHARE_HOPS && f->weight > 0 && f->cap_Bps > 0);
    sim_assert(f->level >= 0 && f->level < SHARE_LEVELS);
    int32_t id = take_slot(s);
    struct share_slot *slot = &s->slot[id];

    fill_slot(s, slot, f);
    slot->live = slot->fresh = true;
    slot->start = s->started++;
    s->n_level[slot->level]++;
    for (int h = 0; h < slot->n_hops; h++) {
        struct share_port *p = &s->port[slot->hop[h].resource];
        if (p->rule == SHARE_FIFO && p->n >= p->servers) {
            slot->hop[h].waits = true;
            slot->n_waits++;
        }
        list_append(p, id << HOP_BITS | h);
        p->of[slot->level].n++;
    }
    share_seed(s, id);
    return id;
}

/* One of those served leaves: the first that waits moves up. */
static void serve_next(struct share *s, const struct share_port *p)
{
    int32_t entry = p->at[p->head + p->servers], flow = entry >> HOP_BITS;
    struct share_slot *f = &s->slot[flow];

    f->hop[entry & ((1 << HOP_BITS) - 1)].waits = false;
    if (--f->n_waits == 0)
        share_seed(s, flow);
}

void share_end(struct share *s, int32_t flow)
{
    struct share_slot *f = slot_of(s, flow);

    for (int h = 0; h < f->n_hops; h++) {
        struct share_port *p = &s->port[f->hop[h].resource];
        struct share_at_level *of = &p->of[f->level];
        int32_t i = list_find(s, p, f->start);
        if (p->rule == SHARE_FIFO && i < p->servers && p->n > p->servers)
            serve_next(s, p);
        list_remove(p, i);
        share_add_use(of, -f->hop[h].cost * f->rate);
        if (--of->n == 0)
            of->use = of->rest = 0;
        if (h < f->n_shared)
            share_touch(s, f->hop[h].resource);
    }
    if (f->bottleneck >= 0)
        s->port[f->bottleneck].of[f->level].n_stopped--;
    s->n_level[f->level]--;
    f->live = f->seed = false;
    f->next_free = s->first_free;
    s->first_free = flow;
}

void share_set_cap(struct share *s, int32_t flow, double cap_Bps)
{
    sim_assert(cap_Bps > 0);
    slot_of(s, flow)->cap = cap_Bps;
    share_seed(s, flow);
}

double share_rate(const struct share *s, int32_t flow)
{
    return slot_of(s, flow)->rate;
}

double share_use(const struct share *s, int32_t resource)
{
    const struct share_port *p = port_of(s, resource);
    double use = 0;

    for (int l = 0; l < SHARE_LEVELS; l++)
        use += share_used(&p->of[l]);
    return use < p->speed ? use : p->speed;
}

int32_t share_flows_on(const struct share *s, int32_t resource)
{
    return port_of(s, resource)->n;
}

int32_t share_flow_on(const struct share *s, int32_t resource, int32_t k)
{
    const struct share_port *p = port_of(s, resource);

    sim_assert(k >= 0 && k < p->n);
    return p->at[p->head + k] >> HOP_BITS;
}

int32_t share_bottleneck(const struct share *s, int32_t flow)
{
    const struct share_slot *f = slot_of(s, flow);

    return f->n_waits > 0 ? share_waits_at(f) : f->bottleneck;
}

uint64_t share_visits(const struct share *s)
{
    return s->visits;
}
