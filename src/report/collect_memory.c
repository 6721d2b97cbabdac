#include "report/collect_memory.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "report/collect_steps.h"

enum { NS_PER_S = 1000000000, S_PER_DAY = 86400 };
enum what { BLOCKS, TOKENS, BYTES, WHATS };

/* What requests in flight found: a hash table of rows [request, {blocks, tokens, bytes} of each tier]; request -1:
 * free. Linear probing; what is taken out leaves no gap in a chain. */
struct found {
    int64_t *row;
    size_t n, cap; /* cap: a power of two, or 0 */
    size_t stride;
};

struct memory_tally {
    const struct store_memory *m;
    int64_t warmup_ns;
    struct found found;
    struct step_losses *steps;

    uint64_t requests, input_tokens, hit_tokens, blocks, hit_blocks, restore_ns;
    uint64_t *hit;                          /* [tiers][WHATS] */
    uint64_t *evicted;                      /* [tiers][WHATS]; no tokens */
    uint64_t **written;                     /* [tiers][units] */
    uint64_t *transfers, *moved;            /* [kinds] */
    uint64_t *lost;                         /* [kinds][groups][kinds] */
    int64_t *group_of, *first_of, n_groups; /* of ports that differ in their unit only; the first port of a group */
};

/* ---- what requests found ---- */

static size_t place_of(const struct found *f, int64_t request)
{
    size_t at = (size_t)((uint64_t)request * UINT64_C(0x9e3779b97f4a7c15) >> 32) & (f->cap - 1);

    while (f->row[at * f->stride] != request && f->row[at * f->stride] >= 0)
        at = (at + 1) & (f->cap - 1);
    return at;
}

static void found_resize(struct found *f, size_t cap)
{
    struct found old = *f;

    f->cap = cap;
    f->row = mem_zalloc(cap * f->stride, sizeof *f->row);
    for (size_t i = 0; i < cap; i++)
        f->row[i * f->stride] = -1;
    for (size_t i = 0; i < old.cap; i++)
        if (old.row[i * f->stride] >= 0)
            memcpy(f->row + place_of(f, old.row[i * f->stride]) * f->stride, old.row + i * f->stride,
                   f->stride * sizeof *f->row);
    free(old.row);
}

static void found_add(struct found *f, const struct ev_hit *h)
{
    if (2 * (f->n + 1) > f->cap)
        found_resize(f, f->cap ? 2 * f->cap : 64);
    int64_t *row = f->row + place_of(f, h->request) * f->stride;

    if (row[0] < 0) {
        memset(row, 0, f->stride * sizeof *row);
        row[0] = h->request;
        f->n++;
    }
    row[1 + h->tier * WHATS + BLOCKS] += h->blocks;
    row[1 + h->tier * WHATS + TOKENS] += h->tokens;
    row[1 + h->tier * WHATS + BYTES] += h->bytes;
}

/* Rows behind the gap that may not stand behind it move up. */
static void found_drop(struct found *f, size_t gap)
{
    size_t at = gap;

    f->n--;
    for (;;) {
        f->row[gap * f->stride] = -1;
        do {
            at = (at + 1) & (f->cap - 1);
            if (f->row[at * f->stride] < 0)
                return;
        } while (place_of(f, f->row[at * f->stride]) == at);
        memcpy(f->row + gap * f->stride, f->row + at * f->stride, f->stride * sizeof *f->row);
        gap = at;
    }
}

/* ---- records ---- */

static void count_request(struct memory_tally *t, const struct ev_request *q)
{
    if (q->status == REQUEST_WAITING || q->status == REQUEST_RUNNING)
        return;
    size_t at = t->found.cap ? place_of(&t->found, q->id) : 0;
    bool counts = q->status == REQUEST_COMPLETED && q->t_arrive_ns >= t->warmup_ns;

    if (counts) {
        t->requests++;
        t->input_tokens += (uint64_t)q->input_tokens;
        t->hit_tokens += (uint64_t)q->hit_tokens;
        t->blocks += (uint64_t)q->blocks;
        t->hit_blocks += (uint64_t)q->hit_blocks;
        t->restore_ns += (uint64_t)q->restore_ns;
    }
    if (t->found.cap == 0 || t->found.row[at * t->found.stride] < 0)
        return;
    for (int64_t i = 0; counts && i < t->m->n_tiers * WHATS; i++)
        t->hit[i] += (uint64_t)t->found.row[at * t->found.stride + 1 + (size_t)i];
    found_drop(&t->found, at);
}

static void count_transfer(struct memory_tally *t, const struct ev_transfer *x)
{
    step_losses_transfer(t->steps, x);
    if (x->t_start_ns < t->warmup_ns)
        return;
    t->transfers[x->kind]++;
    t->moved[x->kind] += (uint64_t)x->delivered;
    if (!x->up)
        t->written[x->tier][x->unit] += (uint64_t)x->delivered;
}

static void count_contention(struct memory_tally *t, const struct ev_contention *x)
{
    int64_t group = t->group_of[x->port];

    step_losses_contention(t->steps, x, group);
    if (x->t_ns >= t->warmup_ns)
        t->lost[(x->kind * t->n_groups + group) * t->m->n_kinds + x->by_kind] += (uint64_t)x->lost_ns;
}

static void count_evict(struct memory_tally *t, const struct ev_evict *x)
{
    if (x->t_ns < t->warmup_ns)
        return;
    t->evicted[x->tier * WHATS + BLOCKS] += (uint64_t)x->blocks;
    t->evicted[x->tier * WHATS + BYTES] += (uint64_t)x->bytes;
}

/* What a request found comes before its end, and what a step waited for before the step, also within a unit. */
void memory_tally_consume(struct memory_tally *t, const struct trace_unit *u)
{
    for (uint32_t i = 0; i < u->n[EV_HIT]; i++)
        found_add(&t->found, &((const struct ev_hit *)u->rec[EV_HIT])[i]);
    for (uint32_t i = 0; i < u->n[EV_REQUEST]; i++)
        count_request(t, &((const struct ev_request *)u->rec[EV_REQUEST])[i]);
    for (uint32_t i = 0; i < u->n[EV_TRANSFER]; i++)
        count_transfer(t, &((const struct ev_transfer *)u->rec[EV_TRANSFER])[i]);
    for (uint32_t i = 0; i < u->n[EV_CONTENTION]; i++)
        count_contention(t, &((const struct ev_contention *)u->rec[EV_CONTENTION])[i]);
    for (uint32_t i = 0; i < u->n[EV_EVICT]; i++)
        count_evict(t, &((const struct ev_evict *)u->rec[EV_EVICT])[i]);
    for (uint32_t i = 0; i < u->n[EV_STEP]; i++)
        step_losses_step(t->steps, &((const struct ev_step *)u->rec[EV_STEP])[i]);
}

/* ---- metrics ---- */

struct giving {
    const struct memory_tally *t;
    const bool *lacks;
    struct arena *names;
    memory_give *give;
    void *ctx;
};

/* NaN where the records of a kind are not there. */
static void give(const struct giving *g, enum ev_kind of, const char *name, double value, const char *unit)
{
    g->give(g->ctx, name, g->lacks[of] ? NAN : value, unit);
}

static void give_of(const struct giving *g, enum ev_kind of, const char *what, const char *name, double value,
                    const char *unit)
{
    give(g, of, arena_printf(g->names, "%s/%s", what, name), value, unit);
}

static double ratio(double a, double b)
{
    return b > 0 ? a / b : NAN;
}

static void give_hits(const struct giving *g)
{
    const struct memory_tally *t = g->t;

    give(g, EV_REQUEST, "prefix_hit_rate", ratio((double)t->hit_tokens, (double)t->input_tokens), "");
    give(g, EV_REQUEST, "prefix_block_hit_rate", ratio((double)t->hit_blocks, (double)t->blocks), "");
    for (int64_t i = 0; i < t->m->n_tiers; i++) {
        const uint64_t *hit = t->hit + i * WHATS;
        const char *name = t->m->tiers[i].name;

        if (!t->m->tiers[i].caches)
            continue;
        give_of(g, EV_HIT, "hit_blocks", name, (double)hit[BLOCKS], "blocks");
        give_of(g, EV_HIT, "hit_tokens", name, (double)hit[TOKENS], "tokens");
        give_of(g, EV_HIT, "hit_bytes", name, (double)hit[BYTES], "B");
        give_of(g, EV_HIT, "hit_rate", name, ratio((double)hit[TOKENS], (double)t->input_tokens), "");
    }
    give(g, EV_REQUEST, "mean_restore_ms", ratio((double)t->restore_ns, (double)t->requests) / 1e6, "ms");
}

static void give_moves(const struct giving *g)
{
    const struct memory_tally *t = g->t;

    for (int64_t k = 0; k < t->m->n_kinds; k++) {
        if (t->transfers[k] == 0)
            continue;
        give_of(g, EV_TRANSFER, "transfers", t->m->kinds[k].name, (double)t->transfers[k], "");
        give_of(g, EV_TRANSFER, "moved_bytes", t->m->kinds[k].name, (double)t->moved[k], "B");
    }
    for (int64_t i = 0; i < t->m->n_tiers; i++) {
        if (!t->m->tiers[i].caches)
            continue;
        give_of(g, EV_EVICT, "evicted_blocks", t->m->tiers[i].name, (double)t->evicted[i * WHATS + BLOCKS], "blocks");
        give_of(g, EV_EVICT, "evicted_bytes", t->m->tiers[i].name, (double)t->evicted[i * WHATS + BYTES], "B");
    }
}

static void give_writes(const struct giving *g, double duration_s)
{
    for (int64_t i = 1; i < g->t->m->n_tiers; i++) {
        const struct store_tier *tier = &g->t->m->tiers[i];
        uint64_t all = 0, most = 0;

        for (int64_t unit = 0; unit < tier->units; unit++) {
            uint64_t bytes = g->t->written[i][unit];
            all += bytes;
            most = bytes > most ? bytes : most;
        }
        give_of(g, EV_TRANSFER, "written_bytes", tier->name, (double)all, "B");
        if (isnan(tier->write_amplification))
            continue;
        double writes = (double)most * tier->write_amplification / (double)tier->hardware_bytes;
        double per_day = ratio(writes, duration_s / S_PER_DAY);
        give_of(g, EV_TRANSFER, "drive_writes_per_day", tier->name, per_day, "1/day");
        give_of(g, EV_TRANSFER, "drive_life_years", tier->name,
                ratio(tier->drive_writes_per_day * tier->warranty_years, per_day), "years");
    }
}

/* KIND/PORT/BY of a cell of a table [kinds][groups][kinds]. */
static const char *name_cell(const struct giving *g, const char *what, int64_t at)
{
    const struct memory_tally *t = g->t;
    const int64_t n = t->m->n_kinds;
    const struct store_port *p = &t->m->ports[t->first_of[at / n % t->n_groups]];

    return arena_printf(g->names, "%s/%s/%s%s%s/%s", what, t->m->kinds[at / n / t->n_groups].name, p->name,
                        p->direction ? "." : "", p->direction ? p->direction : "", t->m->kinds[at % n].name);
}

static void give_losses(const struct giving *g)
{
    const struct memory_tally *t = g->t;
    const int64_t n = t->m->n_kinds, cells = n * t->n_groups * n;
    const enum ev_kind of = g->lacks[EV_STEP] ? EV_STEP : EV_CONTENTION;

    if (t->m->n_ports > 0) {
        give(g, of, "steps_slowed_share", step_losses_share(t->steps), "");
        give(g, of, "itl_contention_ms", step_losses_gap_ms(t->steps), "ms");
    }
    for (int64_t at = 0; at < cells; at++) {
        double ms = step_losses_gap_ms_at(t->steps, at / n / t->n_groups, at / n % t->n_groups, at % n);
        if (ms > 0)
            give(g, of, name_cell(g, "itl_contention_ms", at), ms, "ms");
    }
    for (int64_t at = 0; at < cells; at++)
        if (t->lost[at] > 0)
            give(g, EV_CONTENTION, name_cell(g, "contention_s", at), (double)t->lost[at] / NS_PER_S, "s");
}

void memory_tally_metrics(const struct memory_tally *t, const bool lacks[EV_KINDS], double duration_s,
                          struct arena *names, memory_give *give_one, void *ctx)
{
    struct giving g = {t, lacks, names, give_one, ctx};

    if (t->m->tiers[0].caches)
        give_hits(&g);
    give_moves(&g);
    give_writes(&g, duration_s);
    give_losses(&g);
}

/* ---- life ---- */

static bool same_but_unit(const struct store_port *a, const struct store_port *b)
{
    return strcmp(a->name, b->name) == 0 &&
           strcmp(a->direction ? a->direction : "", b->direction ? b->direction : "") == 0;
}

/* Ports of a name follow each other. */
static void group_ports(struct memory_tally *t)
{
    const struct store_port *p = t->m->ports;

    t->group_of = mem_zalloc((size_t)t->m->n_ports + 1, sizeof *t->group_of);
    t->first_of = mem_zalloc((size_t)t->m->n_ports + 1, sizeof *t->first_of);
    for (int64_t i = 0; i < t->m->n_ports; i++) {
        if (i == 0 || !same_but_unit(&p[i], &p[i - 1]))
            t->first_of[t->n_groups++] = i;
        t->group_of[i] = t->n_groups - 1;
    }
}

struct memory_tally *memory_tally_new(const struct store_memory *m, int64_t warmup_ns)
{
    size_t tiers = (size_t)m->n_tiers, kinds = (size_t)m->n_kinds;

    if (m->n_tiers == 0 || (m->n_tiers == 1 && !m->tiers[0].caches))
        return NULL;
    struct memory_tally *t = mem_zalloc(1, sizeof *t);
    *t = (struct memory_tally){.m = m, .warmup_ns = warmup_ns};
    t->found.stride = 1 + tiers * WHATS;
    t->hit = mem_zalloc(tiers * WHATS, sizeof *t->hit);
    t->evicted = mem_zalloc(tiers * WHATS, sizeof *t->evicted);
    t->written = mem_zalloc(tiers, sizeof *t->written);
    for (size_t i = 0; i < tiers; i++)
        t->written[i] = mem_zalloc((size_t)m->tiers[i].units + 1, sizeof **t->written);
    t->transfers = mem_zalloc(kinds + 1, sizeof *t->transfers);
    t->moved = mem_zalloc(kinds + 1, sizeof *t->moved);
    group_ports(t);
    t->steps = step_losses_new(m, t->n_groups, warmup_ns);
    t->lost = mem_zalloc(kinds * kinds * (size_t)t->n_groups + 1, sizeof *t->lost);
    return t;
}

void memory_tally_free(struct memory_tally *t)
{
    if (t == NULL)
        return;
    for (int64_t i = 0; i < t->m->n_tiers; i++)
        free(t->written[i]);
    free(t->written);
    free(t->found.row);
    step_losses_free(t->steps);
    free(t->hit);
    free(t->evicted);
    free(t->transfers);
    free(t->moved);
    free(t->lost);
    free(t->group_of);
    free(t->first_of);
    free(t);
}
