/*
 * prefix_heap.c - the heaps of a store (prefix_state.h): 4-ary, places know where they stand.
 *
 * base/heap.h orders by one number and breaks ties by the member's slot, which says nothing here: of copies with the
 * same key the deepest goes first, so that what is given up in parts is what would have been given up block by block.
 * A split leaves ranks alone: the lower part keeps the place, and with it the key, the end and the last id.
 */
#include <stdlib.h>
#include <string.h>

#include "model/prefix_state.h"

uint64_t prefix_key_bits(double key)
{
    uint64_t bits;

    sim_assert(key == key);
    key += 0; /* one zero */
    memcpy(&bits, &key, sizeof bits);
    return bits >> 63 ? ~bits : bits | UINT64_C(1) << 63;
}

bool prefix_rank_less(const struct prefix_rank *a, const struct prefix_rank *b)
{
    if (a->key != b->key)
        return a->key < b->key;
    if (a->end != b->end)
        return a->end > b->end;
    return a->id != b->id ? a->id < b->id : a->place < b->place;
}

static void set(struct prefix *p, struct prefix_heap *h, enum prefix_heap_kind kind, uint32_t at, struct prefix_rank r)
{
    h->at[at] = r;
    prefix_place_at(p, r.place)->at[kind] = at;
}

/* Puts r where `hole` is, whichever way it has to go. */
static void sift(struct prefix *p, struct prefix_heap *h, enum prefix_heap_kind kind, uint32_t hole,
                 struct prefix_rank r)
{
    for (; hole > 0 && prefix_rank_less(&r, &h->at[(hole - 1) / 4]); hole = (hole - 1) / 4)
        set(p, h, kind, hole, h->at[(hole - 1) / 4]);
    for (;;) {
        uint32_t first = 4 * hole + 1, least = first;
        for (uint32_t i = first + 1; i < first + 4 && i < h->n; i++)
            if (prefix_rank_less(&h->at[i], &h->at[least]))
                least = i;
        if (first >= h->n || !prefix_rank_less(&h->at[least], &r))
            break;
        set(p, h, kind, hole, h->at[least]);
        hole = least;
    }
    set(p, h, kind, hole, r);
}

void prefix_heap_set(struct prefix *p, int32_t place, enum prefix_heap_kind kind, uint64_t key)
{
    const struct prefix_place *c = prefix_place_at(p, place);
    const struct prefix_node *x = prefix_node_at(p, c->node);
    struct prefix_heap *h = &p->store[c->store].heap[kind];
    struct prefix_rank r = {key, x->depth + x->n, x->id + x->n - 1, place};

    if (c->at[kind] != PREFIX_NO_POS) {
        sift(p, h, kind, c->at[kind], r);
        return;
    }
    if (h->n == h->cap) {
        sim_assert(h->cap < INT32_MAX / 8);
        h->cap = h->cap ? 2 * h->cap : 16;
        h->at = mem_realloc(h->at, h->cap * sizeof *h->at);
    }
    h->n++;
    sift(p, h, kind, h->n - 1, r);
}

void prefix_heap_out(struct prefix *p, int32_t place, enum prefix_heap_kind kind)
{
    struct prefix_place *c = prefix_place_at(p, place);
    struct prefix_heap *h = &p->store[c->store].heap[kind];
    uint32_t at = c->at[kind];

    if (at == PREFIX_NO_POS)
        return;
    c->at[kind] = PREFIX_NO_POS;
    if (at < --h->n)
        sift(p, h, kind, at, h->at[h->n]);
}
