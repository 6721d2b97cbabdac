/*
 * share_check.c - whether what share.h promises holds, from the flows alone: sums and counts are made anew.
 *
 * That each flow is at its limit or has a bottleneck is all that max-min fairness is, and only one set of rates has it
 * (Bertsekas, Gallager, 6.5.2): there is no need to solve everything a second time.
 */
#include "model/share_state.h"

#include <math.h>

/* What rounding and the solver's own tolerances may leave, of a resource's speed or of a rate. */
#define TOLERANCE 1e-9
/* What a sum of nothing may keep. */
#define DUST 1e-25

static bool near(double a, double b, double scale)
{
    return fabs(a - b) <= TOLERANCE * scale;
}

static double top_of(const struct share *s, const struct share_port *p, int level)
{
    double top = 0;

    for (int32_t i = 0; i < p->n; i++) {
        const struct share_slot *f = &s->slot[p->at[p->head + i] >> HOP_BITS];
        if (f->level == level && f->rate > top * f->weight)
            top = f->rate / f->weight;
    }
    return top;
}

static void check_list(const struct share *s, int32_t resource)
{
    const struct share_port *p = &s->port[resource];

    for (int32_t i = 0; i < p->n; i++) {
        int32_t entry = p->at[p->head + i];
        const struct share_slot *f = &s->slot[entry >> HOP_BITS];
        const struct share_path_hop *hop = &f->hop[entry & ((1 << HOP_BITS) - 1)];
        sim_assert(f->live && hop->resource == resource);
        sim_assert(i == 0 || s->slot[p->at[p->head + i - 1] >> HOP_BITS].start < f->start);
        sim_assert(hop->waits == (p->rule == SHARE_FIFO && i >= p->servers));
    }
}

static void check_sums(const struct share *s, int32_t resource)
{
    const struct share_port *p = &s->port[resource];
    double use[SHARE_LEVELS] = {0}, all = 0;
    int32_t n[SHARE_LEVELS] = {0}, n_stopped[SHARE_LEVELS] = {0};

    for (int32_t i = 0; i < p->n; i++) {
        int32_t entry = p->at[p->head + i];
        const struct share_slot *f = &s->slot[entry >> HOP_BITS];
        use[f->level] += f->hop[entry & ((1 << HOP_BITS) - 1)].cost * f->rate;
        n[f->level]++;
        n_stopped[f->level] += f->bottleneck == resource;
    }
    for (int l = 0; l < SHARE_LEVELS; l++) {
        const struct share_at_level *of = &p->of[l];
        sim_assert(of->n == n[l] && of->n_stopped == n_stopped[l]);
        sim_assert(near(share_used(of), use[l], use[l]) || share_used(of) <= DUST);
        if (p->rule != SHARE_FIFO && of->n_stopped > 0)
            sim_assert(near(of->water, top_of(s, p, l), of->water));
        all += use[l];
    }
    sim_assert(s->touched.n + s->seeds.n > 0 || all <= p->speed * (1 + TOLERANCE) + DUST);
}

/* Full of flows that go first and of those no higher than this one. */
static void check_stopped(const struct share *s, const struct share_slot *f)
{
    const struct share_port *p = &s->port[f->bottleneck];
    double room = share_room(p, f->level), use = share_used(&p->of[f->level]);
    bool crosses = false;

    for (int h = 0; h < f->n_shared; h++)
        crosses = crosses || f->hop[h].resource == f->bottleneck;
    sim_assert(crosses && use >= room - TOLERANCE * p->speed);
    sim_assert(top_of(s, p, f->level) * f->weight <= f->rate * (1 + TOLERANCE));
}

static void check_rate(const struct share *s, const struct share_slot *f)
{
    double limit = f->n_waits > 0 ? 0 : f->cap;

    for (int h = f->n_shared; h < f->n_hops; h++)
        limit = fmin(limit, s->port[f->hop[h].resource].speed / s->port[f->hop[h].resource].servers / f->hop[h].cost);
    sim_assert(f->rate >= 0 && f->rate <= limit * (1 + TOLERANCE));
    if (f->bottleneck >= 0 && s->port[f->bottleneck].rule != SHARE_FIFO)
        check_stopped(s, f);
    else
        sim_assert(near(f->rate, limit, limit));
}

void share_check(const struct share *s)
{
    int32_t n_level[SHARE_LEVELS] = {0};

    for (int32_t r = 0; r < s->n_ports; r++) {
        check_list(s, r);
        check_sums(s, r);
    }
    for (int32_t i = 0; i < s->n_slots; i++) {
        const struct share_slot *f = &s->slot[i];
        int waits = 0;
        if (!f->live)
            continue;
        n_level[f->level]++;
        for (int h = 0; h < f->n_hops; h++)
            waits += f->hop[h].waits;
        sim_assert(f->n_waits == waits && !f->free);
        if (s->touched.n + s->seeds.n == 0)
            check_rate(s, f);
    }
    for (int l = 0; l < SHARE_LEVELS; l++)
        sim_assert(s->n_level[l] == n_level[l]);
}
