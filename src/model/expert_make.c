/* expert_make.c - popularity of experts, its drift, and the first placement. */
#include <stdlib.h>
#include <string.h>

#include "base/sort.h"
#include "model/expert_state.h"
#include "policy/experts.h"

enum { STREAMS = 3 }; /* of an entity: activated, guessed, drift */

static void set_topk(struct expert_pool *p, struct expert_layer *l)
{
    for (int64_t i = 0; i < p->c.experts; i++)
        p->q[i] = l->at[i].q;
    topk_set(&l->topk, p->q);
}

/* `n` of the experts, all different, in random order, to the front of the deck. */
static void deal(struct expert_pool *p, int64_t n)
{
    for (int64_t i = 0; i < p->c.experts; i++)
        p->deck[i] = (int32_t)i;
    for (int64_t i = 0; i < n; i++) {
        int64_t k = i + (int64_t)rng_below(&p->drift, (uint64_t)(p->c.experts - i));
        int32_t card = p->deck[k];
        p->deck[k] = p->deck[i];
        p->deck[i] = card;
    }
}

static void move_ranking(struct expert_pool *p, struct expert_layer *l)
{
    int64_t pairs = (int64_t)(p->options.drift_share * (double)p->c.experts / 2 + 0.5);

    pairs = pairs < p->c.experts / 2 ? pairs : p->c.experts / 2;
    deal(p, 2 * pairs);
    for (int64_t k = 0; k < pairs; k++) {
        struct expert *a = &l->at[p->deck[2 * k]], *b = &l->at[p->deck[2 * k + 1]];
        double q = a->q;
        a->q = b->q;
        b->q = q;
    }
    set_topk(p, l);
}

int64_t expert_drift(struct expert_pool *p, int64_t now_ns)
{
    int64_t due = p->options.drift_ns > 0 ? now_ns / p->options.drift_ns : 0, made = 0;

    for (; p->moves < due; p->moves++, made++)
        for (int64_t k = 0; k < p->n; k++)
            move_ranking(p, &p->layer[k]);
    return made;
}

/* ---- making ---- */

/* Of `total` things dealt evenly to n, what the k-th gets. */
static int64_t share_of(int64_t total, int64_t k, int64_t n)
{
    return (k + 1) * total / n - k * total / n;
}

void expert_set_slots(struct expert_pool *p, double hot_share)
{
    int64_t total = (int64_t)(hot_share * (double)(p->c.experts * p->n) + 0.5);

    for (int64_t k = 0; k < p->n; k++)
        p->layer[k].slots = share_of(total, k, p->n);
}

/* Experts by falling weight, ties to the lower id. Doubles >= 0 order as their bits do. */
static void rank_by(const double *weight, struct sort_pair *rank, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        rank[i] = (struct sort_pair){~expert_bits(weight[i]), (uint64_t)i};
    sort_pairs(rank, (size_t)n);
}

/* q of the experts that a table's row gives, in its order. */
static void table_popularity(const struct expert_pool *p, const double *weight, double *q)
{
    int64_t n = p->c.experts;
    struct sort_pair *rank = mem_zalloc((size_t)n, sizeof *rank);
    double *sorted = mem_zalloc((size_t)n, sizeof *sorted);

    rank_by(weight, rank, n);
    for (int64_t i = 0; i < n; i++)
        sorted[i] = weight[rank[i].value];
    experts_inclusion(sorted, n, (double)p->c.topk);
    for (int64_t i = 0; i < n; i++)
        q[rank[i].value] = sorted[i];
    free(sorted);
    free(rank);
}

static void set_popularity(struct expert_pool *p, struct expert_layer *l, int64_t real_layer)
{
    const struct expert_options *o = &p->options;
    int64_t n = p->c.experts;
    bool own_row = o->popularity == EXPERTS_TABLE && o->weight_rows > 1;

    if (o->popularity == EXPERTS_TABLE)
        table_popularity(p, o->weight + (own_row ? real_layer * n : 0), p->q);
    else
        experts_zipf(p->q, n, (double)p->c.topk, o->popularity == EXPERTS_UNIFORM ? 0 : p->c.skew);
    if (!own_row)
        deal(p, n);
    for (int64_t i = 0; i < n; i++) {
        struct expert *x = &l->at[own_row ? i : p->deck[i]];
        x->q = x->placed_q = p->q[i];
    }
    set_topk(p, l);
}

static void place_first(struct expert_pool *p, struct expert_layer *l)
{
    int64_t n = p->c.experts;
    struct sort_pair *rank = mem_zalloc((size_t)n, sizeof *rank);

    for (int64_t i = 0; i < n; i++) {
        struct place_view v = {.popularity = l->at[i].placed_q};
        l->at[i].key = p->options.place->key(p->options.place_options, &v);
        p->q[i] = l->at[i].placed_q;
    }
    rank_by(p->q, rank, n);
    for (int64_t k = 0; k < l->slots; k++)
        heap_push(&l->resident, expert_bits(l->at[rank[k].value].key), (uint32_t)rank[k].value, l->pos);
    free(rank);
}

struct expert_pool *expert_new(const struct expert_config *c)
{
    struct expert_pool *p = mem_zalloc(1, sizeof *p);
    struct rng *streams[] = {&p->drawn, &p->guessed, &p->drift};
    size_t experts = (size_t)c->experts;

    sim_assert(c->layers > 0 && c->experts > 0 && c->ranks > 0);
    p->c = *c;
    p->options = *c->options;
    p->n = p->options.layers > 0 && p->options.layers < c->layers ? p->options.layers : c->layers;
    for (size_t i = 0; i < sizeof streams / sizeof *streams; i++)
        rng_init(streams[i], c->seed, c->replication, c->entity * STREAMS + i, RNG_EXPERT);
    p->layer = mem_zalloc((size_t)p->n, sizeof *p->layer);
    p->q = mem_zalloc(experts, sizeof *p->q);
    p->ids = mem_zalloc(experts, sizeof *p->ids);
    p->deck = mem_zalloc(experts, sizeof *p->deck);
    p->named = mem_zalloc(experts, sizeof *p->named);
    p->rank_absent = mem_zalloc((size_t)c->ranks, sizeof *p->rank_absent);
    p->touched = mem_zalloc((size_t)c->ranks, sizeof *p->touched);
    expert_set_slots(p, p->options.hot_share);
    for (int64_t k = 0; k < p->n; k++) {
        struct expert_layer *l = &p->layer[k];
        topk_init(&l->topk, c->experts, c->topk);
        l->at = mem_zalloc(experts, sizeof *l->at);
        l->pos = mem_alloc(experts * sizeof *l->pos);
        memset(l->pos, 0xff, experts * sizeof *l->pos); /* HEAP_NONE */
        l->stands_for = share_of(c->layers, k, p->n);
        set_popularity(p, l, k * c->layers / p->n);
        place_first(p, l);
    }
    return p;
}

void expert_free(struct expert_pool *p)
{
    if (p == NULL)
        return;
    for (int64_t k = 0; k < p->n; k++) {
        topk_free(&p->layer[k].topk);
        heap_free(&p->layer[k].resident);
        free(p->layer[k].at);
        free(p->layer[k].pos);
    }
    free(p->layer);
    free(p->q);
    free(p->ids);
    free(p->deck);
    free(p->named);
    free(p->rank_absent);
    free(p->touched);
    free(p);
}
