#include "report/collect_steps.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"

struct need { /* a transfer that a step waits for */
    int64_t kind, t_start_ns, t_end_ns, solo_ns;
};

struct loss {
    int64_t kind, group, by, t_ns, lost_ns;
};

/* Rows head to n wait for their step. */
struct waiting {
    struct need *need;
    struct loss *loss;
    size_t need_head, need_n, need_cap, loss_head, loss_n, loss_cap;
};

struct step_losses {
    int64_t warmup_ns, n_kinds, n_groups, step_kind;
    bool *in_step;           /* by kind: steps wait for transfers of it */
    struct waiting *waiting; /* by replica */
    int64_t n_waiting;
    double step_ns, lost_ns, gaps;
    double *gap_ns; /* [kinds][groups][kinds], weighted by the sequences that decoded */
};

/* ---- records ---- */

/* Room for one more row; rows that were used make it, where they are half of all. */
static void *make_room(void *rows, size_t size, size_t *head, size_t *n, size_t *cap)
{
    if (*n < *cap)
        return rows;
    if (2 * *head > *n) {
        memmove(rows, (char *)rows + *head * size, (*n - *head) * size);
        *n -= *head;
        *head = 0;
        return rows;
    }
    *cap = *cap ? 2 * *cap : 16;
    return mem_realloc(rows, *cap * size);
}

static struct waiting *of_replica(struct step_losses *l, int64_t replica)
{
    if (replica >= l->n_waiting) {
        int64_t n = 2 * l->n_waiting > replica ? 2 * l->n_waiting : replica + 1;
        l->waiting = mem_realloc(l->waiting, (size_t)n * sizeof *l->waiting);
        memset(l->waiting + l->n_waiting, 0, (size_t)(n - l->n_waiting) * sizeof *l->waiting);
        l->n_waiting = n;
    }
    return &l->waiting[replica];
}

void step_losses_transfer(struct step_losses *l, const struct ev_transfer *x)
{
    if (!l->in_step[x->kind] || x->replica < 0)
        return;
    struct waiting *w = of_replica(l, x->replica);

    w->need = make_room(w->need, sizeof *w->need, &w->need_head, &w->need_n, &w->need_cap);
    w->need[w->need_n++] = (struct need){x->kind, x->t_start_ns, x->t_end_ns, x->solo_ns};
}

void step_losses_contention(struct step_losses *l, const struct ev_contention *c, int64_t group)
{
    if ((!l->in_step[c->kind] && c->kind != l->step_kind) || c->replica < 0)
        return;
    struct waiting *w = of_replica(l, c->replica);

    w->loss = make_room(w->loss, sizeof *w->loss, &w->loss_head, &w->loss_n, &w->loss_cap);
    w->loss[w->loss_n++] = (struct loss){c->kind, group, c->by_kind, c->t_ns, c->lost_ns};
}

/* ---- a step ---- */

struct path {
    const struct loss *loss; /* of this step */
    size_t n_losses;
    const struct need *last; /* the transfer that ended with the step; NULL: its own work did */
    bool after;              /* that began when the own work had ended */
    double alone_ns, lost_ns;
};

static bool is_after(const struct need *n, const struct ev_step *s)
{
    return n->t_start_ns > s->t_start_ns;
}

static bool is_on(const struct path *p, const struct loss *x, int64_t step_kind)
{
    if (x->kind == step_kind)
        return p->last == NULL || p->after;
    return p->last && x->kind == p->last->kind && x->t_ns == p->last->t_end_ns;
}

/* What began before the step was of one that never ended: its replica failed. */
static void take_losses(struct waiting *w, const struct ev_step *s, struct path *p)
{
    while (w->loss_head < w->loss_n && w->loss[w->loss_head].t_ns <= s->t_start_ns)
        w->loss_head++;
    size_t first = w->loss_head;
    while (w->loss_head < w->loss_n && w->loss[w->loss_head].t_ns <= s->t_end_ns)
        w->loss_head++;
    p->n_losses = w->loss_head - first;
    p->loss = p->n_losses > 0 ? w->loss + first : NULL; /* there may be no array yet */
}

static double own_alone_ns(const struct path *p, const struct ev_step *s, int64_t step_kind, int64_t after_ns)
{
    int64_t end_ns = after_ns >= 0 ? after_ns : p->last ? s->t_start_ns : s->t_end_ns;
    double lost_ns = 0;

    for (size_t i = 0; i < p->n_losses; i++)
        if (p->loss[i].kind == step_kind) {
            lost_ns += (double)p->loss[i].lost_ns;
            end_ns = p->loss[i].t_ns;
        }
    return fmax(0, (double)(end_ns - s->t_start_ns) - lost_ns);
}

static void take_needs(struct waiting *w, const struct ev_step *s, int64_t step_kind, struct path *p)
{
    int64_t after_ns = -1;
    double beside = 0, after = 0;

    for (; w->need_head < w->need_n && w->need[w->need_head].t_end_ns <= s->t_end_ns; w->need_head++) {
        const struct need *n = &w->need[w->need_head];
        if (n->t_start_ns < s->t_start_ns)
            continue;
        if (is_after(n, s)) {
            after_ns = n->t_start_ns;
            after = fmax(after, (double)n->solo_ns);
        } else {
            beside = fmax(beside, (double)n->solo_ns);
        }
        if (n->t_end_ns == s->t_end_ns && (p->last == NULL || is_after(n, s)))
            p->last = n;
    }
    p->after = p->last && is_after(p->last, s);
    p->alone_ns = fmax(beside, own_alone_ns(p, s, step_kind, after_ns) + after);
}

void step_losses_step(struct step_losses *l, const struct ev_step *s)
{
    struct waiting *w = of_replica(l, s->replica);
    struct path p = {0};
    double on_ns = 0, took_ns = (double)(s->t_end_ns - s->t_start_ns);
    bool gaps = s->t_start_ns >= l->warmup_ns && s->n_decode > 0;

    take_losses(w, s, &p);
    take_needs(w, s, l->step_kind, &p);
    for (size_t i = 0; i < p.n_losses; i++)
        on_ns += is_on(&p, &p.loss[i], l->step_kind) ? (double)p.loss[i].lost_ns : 0;
    p.lost_ns = fmin(on_ns, fmax(0, took_ns - p.alone_ns));
    if (s->t_end_ns >= l->warmup_ns) {
        l->step_ns += took_ns;
        l->lost_ns += p.lost_ns;
    }
    if (!gaps)
        return;
    l->gaps += (double)s->n_decode;
    for (size_t i = 0; i < p.n_losses; i++) {
        const struct loss *x = &p.loss[i];
        if (is_on(&p, x, l->step_kind) && p.lost_ns > 0)
            l->gap_ns[(x->kind * l->n_groups + x->group) * l->n_kinds + x->by] +=
                (double)s->n_decode * p.lost_ns * ((double)x->lost_ns / on_ns);
    }
}

/* ---- what came of it ---- */

double step_losses_share(const struct step_losses *l)
{
    return l->step_ns > 0 ? l->lost_ns / l->step_ns : NAN;
}

double step_losses_gap_ms_at(const struct step_losses *l, int64_t kind, int64_t group, int64_t by)
{
    return l->gaps > 0 ? l->gap_ns[(kind * l->n_groups + group) * l->n_kinds + by] / l->gaps / 1e6 : NAN;
}

double step_losses_gap_ms(const struct step_losses *l)
{
    double ns = 0;

    for (int64_t i = 0; i < l->n_kinds * l->n_groups * l->n_kinds; i++)
        ns += l->gap_ns[i];
    return l->gaps > 0 ? ns / l->gaps / 1e6 : NAN;
}

struct step_losses *step_losses_new(const struct store_memory *m, int64_t n_groups, int64_t warmup_ns)
{
    struct step_losses *l = mem_zalloc(1, sizeof *l);

    *l = (struct step_losses){.warmup_ns = warmup_ns, .n_kinds = m->n_kinds, .n_groups = n_groups, .step_kind = -1};
    l->in_step = mem_zalloc((size_t)m->n_kinds + 1, sizeof *l->in_step);
    l->gap_ns = mem_zalloc((size_t)(m->n_kinds * n_groups * m->n_kinds) + 1, sizeof *l->gap_ns);
    for (int64_t k = 0; k < m->n_kinds; k++) {
        const char *name = m->kinds[k].name;
        if (strcmp(name, "step") == 0)
            l->step_kind = k;
        l->in_step[k] = strcmp(name, "read") == 0 || strcmp(name, "expert") == 0 || strcmp(name, "table") == 0;
    }
    return l;
}

void step_losses_free(struct step_losses *l)
{
    if (l == NULL)
        return;
    for (int64_t i = 0; i < l->n_waiting; i++) {
        free(l->waiting[i].need);
        free(l->waiting[i].loss);
    }
    free(l->waiting);
    free(l->in_step);
    free(l->gap_ns);
    free(l);
}
