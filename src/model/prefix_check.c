/*
 * prefix_check.c - the invariants of prefix.h and prefix_state.h, counted again from nodes, places and pins. For tests
 * and audits: costs as much as the tree is large.
 */
#include <stdlib.h>
#include <string.h>

#include "model/prefix_state.h"

struct recount {
    int32_t *children;       /* of each node */
    int32_t *copies, *holds; /* likewise */
    int32_t *below, *pins;   /* of each place */
    int64_t nodes;
};

static bool alive(const struct prefix *p, int32_t node)
{
    return node >= 0 && node < p->nodes.n && (node == PREFIX_ROOT || prefix_node_at(p, node)->n > 0);
}

/* Slots that are free to be taken. */
static int32_t free_slots(const struct prefix_slots *s)
{
    int32_t n = 0;

    for (int32_t i = s->free; i != PREFIX_NONE; n++)
        memcpy(&i, s->at + (size_t)i * s->size, sizeof i);
    return n;
}

static void check_node(const struct prefix *p, int32_t node, struct recount *r)
{
    const struct prefix_node *x = prefix_node_at(p, node);

    r->nodes++;
    sim_assert(alive(p, x->parent));
    sim_assert(x->n >= 1 && x->n <= p->max_node);
    sim_assert(x->depth == prefix_node_at(p, x->parent)->depth + prefix_node_at(p, x->parent)->n);
    sim_assert(prefix_map_get(&p->child_of, x->parent, x->id) == node); /* so ids of siblings differ */
    sim_assert(x->n_copies > 0 || x->n_children > 0 || x->holds > 0);
    r->children[x->parent]++;
    for (int32_t i = x->places, before = PREFIX_NONE; i != PREFIX_NONE; before = i, i = prefix_place_at(p, i)->next)
        sim_assert(prefix_place_at(p, i)->node == node && prefix_place_at(p, i)->prev == before);
}

static void check_place(const struct prefix *p, int32_t place, struct recount *r, struct prefix_store *sum)
{
    const struct prefix_place *c = prefix_place_at(p, place);
    const struct prefix_node *x = prefix_node_at(p, c->node);
    bool candidate = prefix_is_candidate(c);

    sim_assert(alive(p, c->node) && c->node != PREFIX_ROOT);
    sim_assert(prefix_place_find(p, c->node, c->store) == place);
    sim_assert(c->here || c->below > 0);
    sim_assert(c->here || c->pins == 0);
    sim_assert((c->at[HEAP_VICTIMS] != PREFIX_NO_POS) == candidate);
    sim_assert((c->at[HEAP_EXPIRY] != PREFIX_NO_POS) == (candidate && c->expires_ns < INT64_MAX));
    bool is_protected = c->here && p->store[c->store].evict->protects && c->key >= EVICT_PROTECTED;
    sim_assert((c->at[HEAP_PROTECTED] != PREFIX_NO_POS) == is_protected);
    if (!c->here)
        return;
    r->copies[c->node]++;
    if (x->parent != PREFIX_ROOT)
        r->below[prefix_place_find(p, x->parent, c->store)]++;
    sum[c->store].blocks += x->n;
    sum[c->store].pinned += c->pins > 0 ? x->n : 0;
    sum[c->store].protected_blocks += is_protected ? x->n : 0;
}

static void check_pin(const struct prefix *p, const struct prefix_pin *q, struct recount *r)
{
    sim_assert(alive(p, q->node));
    r->holds[q->node]++;
    for (int32_t node = q->node; node != PREFIX_ROOT; node = prefix_node_at(p, node)->parent) {
        int32_t place = prefix_place_find(p, node, q->store);
        if (place != PREFIX_NONE && prefix_place_at(p, place)->here && prefix_place_at(p, place)->born < q->born)
            r->pins[place]++;
    }
}

static uint64_t key_in(const struct prefix_place *c, enum prefix_heap_kind kind)
{
    return kind == HEAP_EXPIRY ? (uint64_t)c->expires_ns : prefix_key_bits(c->key);
}

static void check_heap(const struct prefix *p, int32_t store, enum prefix_heap_kind kind)
{
    const struct prefix_heap *h = &p->store[store].heap[kind];

    for (uint32_t i = 0; i < h->n; i++) {
        const struct prefix_rank *r = &h->at[i];
        const struct prefix_place *c = prefix_place_at(p, r->place);
        const struct prefix_node *x = prefix_node_at(p, c->node);
        sim_assert(c->at[kind] == i && c->store == store && c->here);
        sim_assert(r->key == key_in(c, kind) && r->end == x->depth + x->n && r->id == x->id + x->n - 1);
        sim_assert(i == 0 || !prefix_rank_less(r, &h->at[(i - 1) / 4]));
    }
}

static void check_store(const struct prefix *p, int32_t store, const struct prefix_store *sum)
{
    const struct prefix_store *s = &p->store[store];

    sim_assert(s->blocks == sum->blocks);
    sim_assert(s->pinned == sum->pinned);
    sim_assert(s->protected_blocks == sum->protected_blocks);
    sim_assert(!s->evict->protects || s->protected_blocks <= s->evict->protects(s->options, s->capacity));
    for (int i = 0; i < PREFIX_HEAPS; i++)
        check_heap(p, store, (enum prefix_heap_kind)i);
}

void prefix_check(const struct prefix *p)
{
    size_t nodes = (size_t)p->nodes.n, places = (size_t)p->places.n + 1;
    struct recount r = {.children = mem_zalloc(nodes, sizeof *r.children),
                        .copies = mem_zalloc(nodes, sizeof *r.copies),
                        .holds = mem_zalloc(nodes, sizeof *r.holds),
                        .below = mem_zalloc(places, sizeof *r.below),
                        .pins = mem_zalloc(places, sizeof *r.pins)};
    struct prefix_store *sum = mem_zalloc((size_t)p->n_stores + 1, sizeof *sum);

    for (int32_t i = 1; i < p->nodes.n; i++)
        if (alive(p, i))
            check_node(p, i, &r);
    for (int32_t i = 0; i < p->places.n; i++)
        if (prefix_place_at(p, i)->node != PREFIX_NONE)
            check_place(p, i, &r, sum);
    for (int32_t i = 0; i < p->pins.n; i++)
        if (prefix_pin_at(p, i)->store != PREFIX_NONE)
            check_pin(p, prefix_pin_at(p, i), &r);
    for (int32_t i = 0; i < p->nodes.n; i++) {
        const struct prefix_node *x = prefix_node_at(p, i);
        if (alive(p, i))
            sim_assert(x->n_children == r.children[i] && x->n_copies == r.copies[i] && x->holds >= r.holds[i]);
    }
    for (int32_t i = 0; i < p->places.n; i++) {
        const struct prefix_place *c = prefix_place_at(p, i);
        if (c->node != PREFIX_NONE)
            sim_assert(c->below == r.below[i] && c->pins == r.pins[i]);
    }
    for (int32_t i = 0; i < p->n_stores; i++)
        check_store(p, i, &sum[i]);
    sim_assert(r.nodes == p->n_nodes && p->child_of.n == (uint64_t)r.nodes);
    sim_assert(1 + r.nodes + free_slots(&p->nodes) == p->nodes.n);
    sim_assert(p->place_of.n + (uint64_t)free_slots(&p->places) == (uint64_t)p->places.n);
    free(r.children);
    free(r.copies);
    free(r.holds);
    free(r.below);
    free(r.pins);
    free(sum);
}
