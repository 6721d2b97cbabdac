/*
 * move_flow.c - a part's flow on its ports: who meets whom, at what rate it gains, to whom it loses (move_state.h).
 *
 * One call of the solver serves all that changes at an instant: a change schedules an event of the mover's own at this
 * very instant, which comes when the handler that made it, and ends of other parts that were due now, are done.
 */
#include "config.h"

#include "model/move_state.h"

/* A rate so near the cap is the cap: the difference is rounding, and would make a part alone late by a ns. */
static const double NEAR = 1e-12;

struct move_port *move_port(struct mover *m, int32_t resource)
{
    sim_assert(resource >= 0);
    if (resource >= m->n_ports) {
        int32_t n = 2 * m->n_ports > resource ? 2 * m->n_ports : resource + 1;
        m->port = mem_realloc(m->port, (size_t)n * sizeof *m->port);
        for (int32_t i = m->n_ports; i < n; i++)
            m->port[i] = (struct move_port){.speed = 1, .servers = -1, .head = MOVE_NONE};
        m->n_ports = n;
    }
    struct move_port *p = &m->port[resource];
    if (p->servers < 0)
        p->servers = share_servers(m->share, resource);
    return p;
}

int64_t move_ceil_ns(double ns)
{
    double tolerance = 1e-6 + 1e-15 * ns;
    int64_t whole = (int64_t)ns;

    return whole + (ns - (double)whole > (tolerance < 0.5 ? tolerance : 0.5));
}

/* ---- ports ---- */

static move_integral integral(const struct move_port *p, int kind, int64_t now_ns)
{
    return p->kind[kind].integral + (move_integral)p->kind[kind].use * (uint64_t)(now_ns - p->kind[kind].t_ns);
}

static void set_use(struct mover *m, struct move_slot *s, int hop, double use)
{
    struct move_port *p = &m->port[move_part(s)->flow.hop[hop].resource];
    uint64_t u = (uint64_t)(use * (double)(UINT64_C(1) << MOVE_USE_BITS) + 0.5);
    int64_t now_ns = sim_now(m->sim);
    int kind = s->state.job.kind;

    if (u == s->hop[hop].use)
        return;
    p->kind[kind].integral = integral(p, kind, now_ns);
    p->kind[kind].t_ns = now_ns;
    p->kind[kind].use += u - s->hop[hop].use;
    s->hop[hop].use = u;
}

static void list_push(struct mover *m, uint32_t job, struct move_slot *s, int hop)
{
    struct move_port *p = &m->port[move_part(s)->flow.hop[hop].resource];
    uint32_t place = job * SHARE_HOPS + (uint32_t)hop;

    s->hop[hop].prev = MOVE_NONE;
    s->hop[hop].next = p->head;
    if (p->head != MOVE_NONE)
        move_slot(m, p->head / SHARE_HOPS)->hop[p->head % SHARE_HOPS].prev = place;
    p->head = place;
    p->n_on++;
}

static void list_remove(struct mover *m, struct move_slot *s, int hop)
{
    struct move_port *p = &m->port[move_part(s)->flow.hop[hop].resource];
    uint32_t next = s->hop[hop].next, prev = s->hop[hop].prev;

    if (next != MOVE_NONE)
        move_slot(m, next / SHARE_HOPS)->hop[next % SHARE_HOPS].prev = prev;
    if (prev != MOVE_NONE)
        move_slot(m, prev / SHARE_HOPS)->hop[prev % SHARE_HOPS].next = next;
    else
        p->head = next;
    p->n_on--;
}

/* ---- progress and losses ---- */

double move_gained_ns(const struct mover *m, const struct move_slot *s)
{
    double solo_ns = (double)move_part(s)->solo_ns;
    double left_ns = s->left_ns - s->gain * (double)(sim_now(m->sim) - s->t_ns);

    return left_ns > 0 ? solo_ns - left_ns : solo_ns;
}

/* What finds no room goes to the last of the list. */
static void add_loss(struct move_state *st, int32_t resource, enum move_kind to, double ns)
{
    int i = 0;

    while (i < st->n_losses && (st->loss[i].resource != resource || st->loss[i].to != to))
        i++;
    if (i == MOVE_LOSSES)
        i--;
    else if (i == st->n_losses)
        st->loss[st->n_losses++] = (struct move_loss){.resource = resource, .to = to};
    st->loss[i].ns += ns;
}

static uint64_t own_use(const struct move_slot *s)
{
    const struct share_flow *f = &move_part(s)->flow;

    for (int h = 0; h < f->n_hops; h++)
        if (f->hop[h].resource == s->bottleneck)
            return s->hop[h].use;
    return 0;
}

/* ns, since t_ns, to those who used the bottleneck; where nobody else did, the port itself is slow: to its own kind. */
static void lose(const struct mover *m, struct move_slot *s, double ns)
{
    const struct move_port *p = &m->port[s->bottleneck];
    int64_t now_ns = sim_now(m->sim);
    int own = s->state.job.kind;
    move_integral used[MOVE_KINDS], all = 0;

    for (int k = 0; k < MOVE_KINDS; k++) {
        used[k] = integral(p, k, now_ns) - s->seen[k];
        if (k == own)
            used[k] -= (move_integral)own_use(s) * (uint64_t)(now_ns - s->t_ns);
        all += used[k];
    }
    if (all == 0)
        add_loss(&s->state, s->bottleneck, own, ns);
    for (int k = 0; k < MOVE_KINDS; k++)
        if (used[k] > 0)
            add_loss(&s->state, s->bottleneck, k, ns * ((double)used[k] / (double)all));
    if (p->servers > 0 && s->gain == 0)
        s->state.waited_ns += ns;
}

void move_settle(const struct mover *m, struct move_slot *s, bool ended)
{
    int64_t now_ns = sim_now(m->sim), took_ns = now_ns - s->t_ns;
    double gained_ns = s->gain * (double)took_ns;

    if (ended || gained_ns > s->left_ns)
        gained_ns = s->left_ns;
    if (s->gain < 1 && (double)took_ns > gained_ns)
        lose(m, s, (double)took_ns - gained_ns);
    s->left_ns -= gained_ns;
    s->t_ns = now_ns;
}

/* ---- rates ---- */

void move_schedule_end(struct mover *m, uint32_t job)
{
    struct move_slot *s = move_slot(m, job);
    int64_t now_ns = sim_now(m->sim);
    double ns = s->left_ns > 0 ? s->left_ns / s->gain : 0; /* infinite at gain 0 */

    if (!(ns < (double)(INT64_MAX / 2 - now_ns))) {
        sim_cancel(m->sim, s->end);
        return;
    }
    int64_t t_ns = now_ns + move_ceil_ns(ns);
    bool pending = sim_pending(m->sim, s->end);
    if (pending && t_ns == s->t_due_ns)
        return;
    s->t_due_ns = t_ns;
    if (pending)
        sim_reschedule(m->sim, s->end, t_ns);
    else
        s->end = sim_schedule(m->sim, t_ns, m->class_done, move_part_is_last(s) ? m->ev_done : m->ev_part, job);
}

static void set_rate(struct mover *m, uint32_t job)
{
    struct move_slot *s = move_slot(m, job);
    const struct share_flow *f = &move_part(s)->flow;
    double rate_Bps = share_rate(m->share, s->flow);

    move_settle(m, s, false);
    for (int h = 0; h < f->n_hops; h++)
        set_use(m, s, h, f->hop[h].cost * rate_Bps);
    s->gain = rate_Bps >= f->cap_Bps * (1 - NEAR) ? 1 : rate_Bps / f->cap_Bps;
#ifdef TIERSIM_BROKEN /* the deliberately wrong model: sharing a port costs a tenth more than it should */
    s->gain *= s->gain < 1 ? 0.9 : 1;
#endif
    if (s->gain < 1) {
        s->bottleneck = share_bottleneck(m->share, s->flow);
        sim_assert(s->bottleneck >= 0);
        for (int k = 0; k < MOVE_KINDS; k++)
            s->seen[k] = integral(&m->port[s->bottleneck], k, s->t_ns);
    }
    move_schedule_end(m, job);
}

void move_solve(struct mover *m)
{
    const int32_t *flows;

    m->solving = false;
    int32_t n = share_solve(m->share, &flows);
    for (int32_t i = 0; i < n; i++)
        set_rate(m, m->job_of[flows[i]]);
}

static void solve_soon(struct mover *m)
{
    if (m->solving)
        return;
    m->solving = true;
    sim_schedule(m->sim, sim_now(m->sim), m->class_done, m->ev_part, MOVE_NONE);
}

/* ---- on the ports and off ---- */

/* The solver has it from now on. It runs at this very instant, until which no time is gained or lost. */
static void enter(struct mover *m, uint32_t job)
{
    struct move_slot *s = move_slot(m, job);

    s->flow = share_start(m->share, &move_part(s)->flow);
    if (s->flow >= m->n_flows) {
        m->n_flows = 2 * s->flow + 16;
        m->job_of = mem_realloc(m->job_of, (size_t)m->n_flows * sizeof *m->job_of);
    }
    m->job_of[s->flow] = job;
    solve_soon(m);
}

/* One flow with nobody else there can have what it asks for. */
static bool has_room(const struct move_port *p, double use)
{
    return use * (p->servers > 1 ? p->servers : 1) <= p->speed * (1 + NEAR);
}

void move_arrive(struct mover *m, uint32_t job)
{
    struct move_slot *s = move_slot(m, job);
    const struct share_flow *f = &move_part(s)->flow;
    bool alone = true;

    for (int h = 0; h < f->n_hops; h++) {
        struct move_port *p = move_port(m, f->hop[h].resource);
        if (!has_room(p, f->hop[h].cost * f->cap_Bps))
            alone = false;
        if (p->n_on == 0)
            continue;
        alone = false;
        if (move_slot(m, p->head / SHARE_HOPS)->flow < 0)
            enter(m, p->head / SHARE_HOPS);
    }
    for (int h = 0; h < f->n_hops; h++)
        list_push(m, job, s, h);
    s->on_ports = true;
    if (alone)
        move_schedule_end(m, job);
    else
        enter(m, job);
}

void move_leave(struct mover *m, uint32_t job)
{
    struct move_slot *s = move_slot(m, job);
    const struct share_flow *f = &move_part(s)->flow;
    bool others = false;

    for (int h = 0; h < f->n_hops; h++) {
        set_use(m, s, h, 0);
        list_remove(m, s, h);
        others |= m->port[f->hop[h].resource].n_on > 0;
    }
    s->on_ports = false;
    if (s->flow < 0)
        return;
    share_end(m->share, s->flow);
    s->flow = -1;
    if (others)
        solve_soon(m);
}

void move_set_speed(struct mover *m, int32_t resource, double speed)
{
    struct move_port *p = move_port(m, resource);

    p->speed = speed;
    share_set_speed(m->share, resource, speed);
    if (p->n_on == 0)
        return;
    uint32_t job = p->head / SHARE_HOPS;
    const struct share_flow *f = &move_part(move_slot(m, job))->flow;
    if (move_slot(m, job)->flow >= 0)
        solve_soon(m);
    else if (!has_room(p, f->hop[p->head % SHARE_HOPS].cost * f->cap_Bps))
        enter(m, job);
}
