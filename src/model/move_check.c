/*
 * move_check.c - the mover's counts and lists against its jobs, which are gone through one by one.
 */
#include "model/move_state.h"

#include <stdlib.h>

struct tally { /* of a port */
    int64_t left, n_on;
    uint64_t use[MOVE_KINDS];
};

static void tally_job(const struct mover *m, uint32_t job, struct tally *ports)
{
    const struct move_slot *s = move_slot(m, job);
    const struct move_job *j = &s->state.job;

    for (int i = s->part; i < j->n_parts; i++)
        for (int h = 0; h < j->part[i].flow.n_hops; h++) {
            struct tally *t = &ports[j->part[i].flow.hop[h].resource];
            t->left += s->part_bytes[i];
            if (i == s->part && s->on_ports) {
                t->n_on++;
                t->use[j->kind] += s->hop[h].use;
            }
        }
    sim_assert(move_has_part(s) && s->left_ns >= 0 && s->left_ns <= (double)move_part(s)->solo_ns);
    sim_assert(s->gain >= 0 && s->gain <= 1 && s->t_ns <= sim_now(m->sim));
    sim_assert(s->flow < 0 || (s->on_ports && m->job_of[s->flow] == job));
}

static void check_port(const struct mover *m, int32_t resource, const struct tally *t)
{
    const struct move_port *p = &m->port[resource];
    uint32_t prev = MOVE_NONE;
    int64_t n = 0;

    for (uint32_t at = p->head; at != MOVE_NONE; n++) {
        const struct move_slot *s = move_slot(m, at / SHARE_HOPS);
        sim_assert(s->on_ports && move_part(s)->flow.hop[at % SHARE_HOPS].resource == resource);
        sim_assert(s->hop[at % SHARE_HOPS].prev == prev);
        sim_assert(s->flow >= 0 || p->n_on == 1);
        prev = at;
        at = s->hop[at % SHARE_HOPS].next;
    }
    sim_assert(n == p->n_on && n == t->n_on);
    sim_assert(p->started == p->delivered + p->cancelled + t->left);
    for (int k = 0; k < MOVE_KINDS; k++)
        sim_assert(p->kind[k].use == t->use[k]);
}

void move_check(const struct mover *m)
{
    struct tally *ports = mem_zalloc((size_t)m->n_ports, sizeof *ports);
    int64_t left[MOVE_KINDS] = {0}, running[MOVE_KINDS] = {0};

    for (uint32_t i = 0; i < m->n_slots; i++) {
        const struct move_slot *s = move_slot(m, i);
        const struct move_job *j = &s->state.job;
        if (s->phase != MOVE_RUNS)
            continue;
        running[j->kind]++;
        left[j->kind] += j->bytes - s->delivered;
        tally_job(m, i, ports);
    }
    for (int32_t r = 0; r < m->n_ports; r++)
        check_port(m, r, &ports[r]);
    for (int k = 0; k < MOVE_KINDS; k++) {
        const struct move_totals *t = &m->totals[k];
        sim_assert(t->started == t->delivered + t->cancelled + left[k]);
        sim_assert(running[k] == m->running[k]);
    }
    free(ports);
    if (!m->solving)
        share_check(m->share);
}
