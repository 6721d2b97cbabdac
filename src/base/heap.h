/*
 * heap.h - an intrusive 4-ary min-heap of ids: the least key first, any member movable or removable.
 *
 * For small sets ordered by a value that changes: replicas by load, blocks by last use. (Events have a
 * structure of their own, engine/pending.h.)
 *
 * The heap holds (key, id) pairs inline, so sifting touches no other memory but pos[], an array of the
 * caller's, indexed by id, which says where each id is:
 *
 *     pos[7] = 2 ------------+
 *     at:  [3,id4] [5,id0] [4,id7] [9,id2] [6,id1] [8,id3] ...      children of i: 4i+1 .. 4i+4
 *
 * Invariants: no child is less than its parent; pos[at[i].id] == i for each i < n; an id is in the heap at
 *   most once. pos[id] becomes HEAP_NONE when the id leaves; the caller starts it so for ids never pushed.
 * Ties: equal keys go by id, the lower first, so order depends on the members only, never on history.
 * Cost: push, pop, remove, move O(log4 n); heap_min O(1). 16 bytes a member.
 * Ownership: the heap owns at[]; the caller owns pos[], keeps it large enough for every id pushed, and
 *   passes the same one each time. A struct heap of zeros is an empty heap.
 */
#ifndef BASE_HEAP_H
#define BASE_HEAP_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/bug.h"

#define HEAP_NONE UINT32_MAX

struct heap_node {
    uint64_t key;
    uint32_t id;
};

struct heap {
    struct heap_node *at;
    uint32_t n, cap;
};

static inline void heap_free(struct heap *h)
{
    free(h->at);
    *h = (struct heap){0};
}

static inline bool heap_less(struct heap_node a, struct heap_node b)
{
    return a.key < b.key || (a.key == b.key && a.id < b.id);
}

/* The least member; the heap must not be empty. */
static inline struct heap_node heap_min(const struct heap *h)
{
    sim_assert(h->n > 0);
    return h->at[0];
}

/* Both sifts take x into the hole at `hole`, moving others over it until x fits. */
static inline void heap_sift_up(struct heap *h, uint32_t hole, struct heap_node x, uint32_t pos[])
{
    while (hole > 0) {
        uint32_t parent = (hole - 1) / 4;
        if (!heap_less(x, h->at[parent]))
            break;
        h->at[hole] = h->at[parent];
        pos[h->at[hole].id] = hole;
        hole = parent;
    }
    h->at[hole] = x;
    pos[x.id] = hole;
}

static inline void heap_sift_down(struct heap *h, uint32_t hole, struct heap_node x, uint32_t pos[])
{
    for (;;) {
        uint64_t first = 4 * (uint64_t)hole + 1;
        if (first >= h->n)
            break;
        uint64_t end = first + 4 < h->n ? first + 4 : h->n;
        uint32_t least = (uint32_t)first;
        for (uint64_t i = first + 1; i < end; i++)
            if (heap_less(h->at[i], h->at[least]))
                least = (uint32_t)i;
        if (!heap_less(h->at[least], x))
            break;
        h->at[hole] = h->at[least];
        pos[h->at[hole].id] = hole;
        hole = least;
    }
    h->at[hole] = x;
    pos[x.id] = hole;
}

/* Puts x where `hole` is, whichever way it has to go. */
static inline void heap_sift(struct heap *h, uint32_t hole, struct heap_node x, uint32_t pos[])
{
    if (hole > 0 && heap_less(x, h->at[(hole - 1) / 4]))
        heap_sift_up(h, hole, x, pos);
    else
        heap_sift_down(h, hole, x, pos);
}

/* id must not be in the heap. */
static inline void heap_push(struct heap *h, uint64_t key, uint32_t id, uint32_t pos[])
{
    sim_assert(h->n < HEAP_NONE);
    if (h->n == h->cap) {
        h->cap = h->cap == 0 ? 16 : h->cap < HEAP_NONE / 2 ? 2 * h->cap : HEAP_NONE;
        h->at = mem_realloc(h->at, h->cap * sizeof *h->at);
    }
    heap_sift_up(h, h->n++, (struct heap_node){key, id}, pos);
}

/* Takes the member at index `at` out (at = pos[id]) and returns it. */
static inline struct heap_node heap_remove(struct heap *h, uint32_t at, uint32_t pos[])
{
    sim_assert(at < h->n);
    struct heap_node out = h->at[at];
    struct heap_node last = h->at[--h->n];
    if (at < h->n)
        heap_sift(h, at, last, pos);
    pos[out.id] = HEAP_NONE;
    return out;
}

/* Takes the least member out and returns it; the heap must not be empty. */
static inline struct heap_node heap_pop(struct heap *h, uint32_t pos[])
{
    return heap_remove(h, 0, pos);
}

/* Gives the member at index `at` a new key. */
static inline void heap_move(struct heap *h, uint32_t at, uint64_t key, uint32_t pos[])
{
    sim_assert(at < h->n);
    heap_sift(h, at, (struct heap_node){key, h->at[at].id}, pos);
}

#endif
