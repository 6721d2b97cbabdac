/*
 * move.c - the life of jobs: parts one after the other, their events, and where their bytes are counted.
 *
 * A job's bytes are shared out over its parts with flows by what each would carry alone, cap x solo, in whole bytes
 * that add up. A step has no bytes of its own to deliver; what its parts carry counts on their ports only.
 */
#include "model/move_state.h"

#include <stdlib.h>

#define NAME(id, name, help) #name,
const char *const move_kind_name[MOVE_KINDS] = {MOVE_KINDS_LIST(NAME)};
#undef NAME

struct mover *move_new(struct sim *sim, struct share *share, uint32_t ev_done, uint32_t ev_part, unsigned class_done)
{
    struct mover *m = mem_zalloc(1, sizeof *m);

    *m = (struct mover){.sim = sim, .share = share, .ev_done = ev_done, .ev_part = ev_part, .class_done = class_done};
    m->free = MOVE_NONE;
    return m;
}

void move_free(struct mover *m)
{
    if (m == NULL)
        return;
    for (uint32_t i = 0; i < m->n_slots; i += MOVE_CHUNK)
        free(m->chunk[i / MOVE_CHUNK]);
    free(m->chunk);
    free(m->port);
    free(m->job_of);
    free(m);
}

/* The last slots of the new chunk are used last. */
static void grow(struct mover *m)
{
    uint32_t n_chunks = m->n_slots / MOVE_CHUNK, first = m->n_slots;

    sim_assert(first < MOVE_NONE / SHARE_HOPS - MOVE_CHUNK);
    m->chunk = mem_realloc(m->chunk, (n_chunks + 1) * sizeof(struct move_slot *));
    m->chunk[n_chunks] = mem_zalloc(MOVE_CHUNK, sizeof(struct move_slot));
    m->n_slots += MOVE_CHUNK;
    for (uint32_t i = m->n_slots; i-- > first;) {
        move_slot(m, i)->next_free = m->free;
        m->free = i;
    }
}

/* ---- bytes ---- */

static double part_carries_B(const struct move_part *p)
{
    return p->flow.n_hops > 0 ? p->flow.cap_Bps * (double)p->solo_ns * 1e-9 : 0;
}

static void share_out(struct move_slot *s)
{
    const struct move_job *j = &s->state.job;
    double all_B = 0, up_to_B = 0;
    int64_t given = 0;

    for (int i = 0; i < j->n_parts; i++)
        all_B += part_carries_B(&j->part[i]);
    for (int i = 0; i < j->n_parts; i++) {
        double carries_B = part_carries_B(&j->part[i]);
        if (j->bytes == 0) {
            s->part_bytes[i] = (int64_t)(carries_B + 0.5);
            continue;
        }
        up_to_B += carries_B;
        double up_to = all_B > 0 ? up_to_B / all_B : i == j->n_parts - 1; /* 1 at the last, exactly */
        s->part_bytes[i] = (int64_t)((double)j->bytes * up_to) - given;
        given += s->part_bytes[i];
    }
}

/* Of a part: `delivered` of its bytes are there, the rest will not come. */
static void count_part(struct mover *m, struct move_slot *s, int part, int64_t delivered, double gained_ns)
{
    const struct share_flow *f = &s->state.job.part[part].flow;
    int64_t cancelled = s->part_bytes[part] - delivered;

    for (int h = 0; h < f->n_hops; h++) {
        struct move_port *p = &m->port[f->hop[h].resource];
        p->delivered += delivered;
        p->cancelled += cancelled;
        p->busy_s += f->hop[h].cost * f->cap_Bps * (gained_ns * 1e-9);
    }
    if (s->state.job.bytes == 0)
        return;
    s->delivered += delivered;
    m->totals[s->state.job.kind].delivered += delivered;
    m->totals[s->state.job.kind].cancelled += cancelled;
}

/* Of the part that runs, up to now; rounded down. */
static int64_t part_delivered(const struct move_slot *s, double gained_ns)
{
    double bytes = (double)s->part_bytes[s->part], solo_ns = (double)move_part(s)->solo_ns;
    int64_t delivered = gained_ns < solo_ns ? (int64_t)(bytes * (gained_ns / solo_ns)) : s->part_bytes[s->part];

    return delivered < s->part_bytes[s->part] ? delivered : s->part_bytes[s->part];
}

/* ---- parts ---- */

/* Parts that take no time are passed at once, but for one that ends the job: that end is an event. */
static void begin_part(struct mover *m, uint32_t job)
{
    struct move_slot *s = move_slot(m, job);

    while (move_part(s)->solo_ns == 0 && !move_part_is_last(s)) {
        count_part(m, s, s->part, s->part_bytes[s->part], 0);
        s->part++;
    }
    s->left_ns = (double)move_part(s)->solo_ns;
    s->gain = 1;
    s->t_ns = sim_now(m->sim);
    if (move_part(s)->flow.n_hops > 0 && move_part(s)->solo_ns > 0)
        move_arrive(m, job);
    else
        move_schedule_end(m, job);
}

static void end_part(struct mover *m, uint32_t job)
{
    struct move_slot *s = move_slot(m, job);

    move_settle(m, s, true);
    if (s->on_ports)
        move_leave(m, job);
    count_part(m, s, s->part, s->part_bytes[s->part], (double)move_part(s)->solo_ns);
    s->part++;
}

void move_event(struct mover *m, uint32_t arg)
{
    if (arg == MOVE_NONE) {
        move_solve(m);
        return;
    }
    end_part(m, arg);
    begin_part(m, arg);
}

/* ---- jobs ---- */

static void check_part(const struct move_part *p)
{
    const struct share_flow *f = &p->flow;

    sim_assert(p->solo_ns >= 0 && f->n_hops >= 0 && f->n_hops <= SHARE_HOPS);
    sim_assert(f->n_hops == 0 || (f->cap_Bps > 0 && f->cap_Bps < 1e300));
    for (int h = 0; h < f->n_hops; h++)
        for (int g = 0; g < h; g++)
            sim_assert(f->hop[h].resource != f->hop[g].resource);
}

uint32_t move_start(struct mover *m, const struct move_job *job)
{
    if (m->free == MOVE_NONE)
        grow(m);
    uint32_t id = m->free;
    struct move_slot *s = move_slot(m, id);
    m->free = s->next_free;

    sim_assert(job->n_parts >= 1 && job->n_parts <= MOVE_PARTS && job->kind < MOVE_KINDS);
    sim_assert(job->bytes >= 0 && job->bytes <= INT64_C(1) << 53); /* which doubles hold exactly */
    s->state = (struct move_state){.job = *job, .t_start_ns = sim_now(m->sim), .t_end_ns = -1};
    s->phase = MOVE_RUNS;
    s->delivered = 0;
    s->part = 0;
    s->flow = -1;
    share_out(s);
    for (int i = 0; i < job->n_parts; i++) {
        const struct share_flow *f = &job->part[i].flow;
        check_part(&job->part[i]);
        s->state.solo_ns += job->part[i].solo_ns;
        for (int h = 0; h < f->n_hops; h++)
            move_port(m, f->hop[h].resource)->started += s->part_bytes[i];
    }
    m->totals[job->kind].jobs++;
    m->totals[job->kind].started += job->bytes;
    m->running[job->kind]++;
    begin_part(m, id);
    return id;
}

const struct move_state *move_get(const struct mover *m, uint32_t job)
{
    sim_assert(job < m->n_slots && move_slot(m, job)->phase != MOVE_FREE);
    return &move_slot(m, job)->state;
}

uint32_t move_next(const struct mover *m, uint32_t from)
{
    while (from < m->n_slots && move_slot(m, from)->phase != MOVE_RUNS)
        from++;
    return from < m->n_slots ? from : MOVE_NONE;
}

static void end_job(struct mover *m, struct move_slot *s)
{
    s->phase = MOVE_OVER;
    s->state.t_end_ns = sim_now(m->sim);
    m->running[s->state.job.kind]--;
}

int64_t move_cancel(struct mover *m, uint32_t job)
{
    sim_assert(job < m->n_slots && move_slot(m, job)->phase == MOVE_RUNS);
    struct move_slot *s = move_slot(m, job);
    double gained_ns = move_gained_ns(m, s);

    move_settle(m, s, false);
    if (s->on_ports)
        move_leave(m, job);
    sim_cancel(m->sim, s->end);
    count_part(m, s, s->part, part_delivered(s, gained_ns), gained_ns);
    while (++s->part < s->state.job.n_parts)
        count_part(m, s, s->part, 0, 0);
    end_job(m, s);
    return s->delivered;
}

const struct move_state *move_done(struct mover *m, uint32_t job)
{
    sim_assert(job < m->n_slots && move_slot(m, job)->phase == MOVE_RUNS);
    struct move_slot *s = move_slot(m, job);

    sim_assert(move_part_is_last(s) && s->t_due_ns == sim_now(m->sim));
    while (move_has_part(s)) {
        end_part(m, job);
        s->left_ns = 0; /* those that follow take no time */
    }
    end_job(m, s);
    sim_assert(s->state.t_end_ns - s->state.t_start_ns >= s->state.solo_ns);
    return &s->state;
}

void move_release(struct mover *m, uint32_t job)
{
    sim_assert(job < m->n_slots && move_slot(m, job)->phase == MOVE_OVER);
    struct move_slot *s = move_slot(m, job);

    s->phase = MOVE_FREE;
    s->next_free = m->free;
    m->free = job;
}

/* ---- transfers ---- */

double move_solo_Bps(const struct share *share, const struct share_hop *hops, int n)
{
    double cost = 0; /* s/B of the slowest; of a FIFO port a flow has one server at most */

    sim_assert(n >= 1);
    for (int h = 0; h < n; h++) {
        int servers = share_servers(share, hops[h].resource);
        double c = hops[h].cost * (servers > 1 ? servers : 1);
        cost = c > cost ? c : cost;
    }
    return 1 / cost;
}

void move_transfer(const struct share *share, struct move_job *job, int64_t bytes, int64_t fixed_ns,
                   const struct share_hop *hops, int n_hops, double weight, int level)
{
    struct share_flow *f = &job->part[1].flow;

    sim_assert(n_hops >= 1 && n_hops <= SHARE_HOPS);
    job->part[0] = (struct move_part){.solo_ns = fixed_ns};
    job->part[1] = (struct move_part){0};
    *f = (struct share_flow){.n_hops = n_hops, .weight = weight, .level = level};
    for (int h = 0; h < n_hops; h++)
        f->hop[h] = hops[h];
    f->cap_Bps = move_solo_Bps(share, hops, n_hops);
    job->part[1].solo_ns = move_ceil_ns((double)bytes / f->cap_Bps * 1e9);
    job->bytes = bytes;
    job->n_parts = 2;
}

/* ---- what was done ---- */

struct move_totals move_totals(const struct mover *m, enum move_kind kind)
{
    return m->totals[kind];
}

int64_t move_running(const struct mover *m, enum move_kind kind)
{
    return m->running[kind];
}

void move_resource(const struct mover *m, int32_t resource, int64_t *bytes, double *busy_s)
{
    *bytes = 0;
    *busy_s = 0;
    if (resource >= m->n_ports)
        return;
    const struct move_port *p = &m->port[resource];
    *bytes = p->delivered;
    *busy_s = p->busy_s;
    for (uint32_t at = p->head; at != MOVE_NONE;) {
        const struct move_slot *s = move_slot(m, at / SHARE_HOPS);
        const struct share_flow *f = &move_part(s)->flow;
        double gained_ns = move_gained_ns(m, s);
        *bytes += part_delivered(s, gained_ns);
        *busy_s += f->hop[at % SHARE_HOPS].cost * f->cap_Bps * (gained_ns * 1e-9);
        at = s->hop[at % SHARE_HOPS].next;
    }
}
