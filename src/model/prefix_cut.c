/*
 * prefix_cut.c - one node becomes two, two become one: with their copies in all stores at once.
 *
 * Neither moves anything in a heap of victims: ranks are those of a run's end (prefix_heap.c), which stays the lower
 * node's, and the upper one has a child in each store that has it, so that it is no candidate.
 */
#include "model/prefix_state.h"

/* ---- cut ---- */

/* The upper node's copies have the same history and pins, and the lower one's below them. The lower one's stay where
 * they are in all heaps (prefix_heap.c), and sums of blocks do not change. */
static void split_copies(struct prefix *p, int32_t upper, int32_t lower)
{
    for (int32_t i = prefix_node_at(p, lower)->places; i != PREFIX_NONE; i = prefix_place_at(p, i)->next) {
        if (!prefix_place_at(p, i)->here)
            continue;
        int32_t place = prefix_place_make(p, upper, prefix_place_at(p, i)->store);
        struct prefix_place *c = prefix_place_at(p, place), *from = prefix_place_at(p, i);
        struct prefix_place own = *c;
        *c = *from;
        c->link = own.link, c->next = own.next, c->prev = own.prev, c->node = upper, c->below = 1;
        for (int k = 0; k < PREFIX_HEAPS; k++)
            c->at[k] = PREFIX_NO_POS;
        prefix_node_at(p, upper)->n_copies++;
        if (from->at[HEAP_PROTECTED] != PREFIX_NO_POS)
            prefix_heap_set(p, place, HEAP_PROTECTED, prefix_key_bits(c->key));
    }
}

int32_t prefix_split(struct prefix *p, int32_t node, int64_t at)
{
    const struct prefix_node *x = prefix_node_at(p, node);

    sim_assert(at > 0 && at < x->n);
    int32_t parent = x->parent;
    int32_t upper = prefix_node_new(p, parent, x->id, at); /* takes the node's place below the parent */
    struct prefix_node *lower = prefix_node_at(p, node);
    prefix_node_at(p, parent)->n_children--;
    prefix_node_at(p, upper)->n_children = 1;
    lower->parent = upper;
    lower->id += at;
    lower->n -= at;
    lower->depth += at;
    prefix_map_set(&p->child_of, upper, lower->id, node);
    split_copies(p, upper, node);
    return upper;
}

/* ---- join ---- */

/* Whether the two are given up one after the other, whatever happens to both. No pin ends at the upper one, and pins
 * hold what is older than they are: as many pins are the same pins. */
static bool alike(const struct prefix_place *a, const struct prefix_place *b)
{
    return prefix_key_bits(a->key) == prefix_key_bits(b->key) && a->uses == b->uses && a->used_ns == b->used_ns &&
           a->expires_ns == b->expires_ns && a->pins == b->pins;
}

/* A store with a copy of the lower node has a place at the upper one. */
static bool copies_alike(const struct prefix *p, int32_t upper, int32_t lower)
{
    for (int32_t i = prefix_node_at(p, upper)->places; i != PREFIX_NONE; i = prefix_place_at(p, i)->next) {
        const struct prefix_place *a = prefix_place_at(p, i), *b = prefix_copy_find(p, lower, a->store);
        if (!a->here || b == NULL || !alike(a, b))
            return false;
    }
    return true;
}

/* Undoes split_copies: ranks of the lower node's copies and sums of blocks stay as they are. */
static void join_copies(struct prefix *p, int32_t upper, int32_t lower)
{
    int32_t place;

    while ((place = prefix_node_at(p, upper)->places) != PREFIX_NONE) {
        const struct prefix_place *from = prefix_place_at(p, place);
        struct prefix_place *c = prefix_copy_find(p, lower, from->store);
        c->put_tick = from->put_tick < c->put_tick ? from->put_tick : c->put_tick;
        c->put_ns = from->put_ns < c->put_ns ? from->put_ns : c->put_ns;
        prefix_heap_out(p, place, HEAP_PROTECTED);
        prefix_place_give(p, place);
    }
}

void prefix_join(struct prefix *p, int32_t node)
{
    struct prefix_node *lower = prefix_node_at(p, node);
    int32_t upper = lower->parent;
    struct prefix_node *up = prefix_node_at(p, upper);

    if (upper == PREFIX_ROOT || up->n_children > 1 || up->holds > 0 || up->id + up->n != lower->id ||
        up->n + lower->n > p->max_node || !copies_alike(p, upper, node))
        return;
    join_copies(p, upper, node);
    prefix_map_del(&p->child_of, upper, lower->id);
    prefix_map_set(&p->child_of, up->parent, up->id, node); /* in the upper one's place */
    lower->parent = up->parent;
    lower->id = up->id;
    lower->n += up->n;
    lower->depth = up->depth;
    up->n = 0;
    prefix_slots_give(&p->nodes, upper);
    p->n_nodes--;
}
