/*
 * pending.h - the pending set: events ordered by (t, class, seq). Private to the engine.
 *
 * (draft header; see below)
 */
#ifndef ENGINE_PENDING_H
#define ENGINE_PENDING_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bug.h"

enum {
    PENDING_DIGIT_BITS = 6,
    PENDING_DIGITS = 1 << PENDING_DIGIT_BITS,
    PENDING_LEVELS = 11, /* x 6 bits covers the 63 bits of a time */
    PENDING_CLASS_SHIFT = 56,
};
#define PENDING_NONE UINT32_MAX

struct pending_node {
    uint64_t t;
    uint64_t tie; /* class << 56 | seq */
    uint32_t slot;
};

struct pending_slot {
    uint64_t t;
    uint64_t tie;
    uint32_t kind;
    uint32_t arg;
    uint32_t gen;  /* of the event living here; of the next one while the slot is free */
    uint32_t link; /* near: index in near[]; far: the slot before it in its bucket, or NONE */
    uint32_t next; /* far: the slot after it in its bucket; free: the next free slot */
};

struct pending_bucket {
    uint32_t head;
    uint32_t n;
};

struct pending {
    struct pending_node *near;
    uint32_t n_near, cap_near;
    uint32_t spill_at;
    uint64_t near_end;

    uint64_t origin;
    uint32_t n_far;
    uint32_t levels;
    uint64_t digits[PENDING_LEVELS];
    struct pending_bucket bucket[PENDING_LEVELS][PENDING_DIGITS];

    struct pending_slot *slot;
    uint32_t n_slots, cap_slots;
    uint32_t free;
};

void pending_init(struct pending *p);
void pending_free(struct pending *p);

void pending_grow_slots(struct pending *p);
void pending_grow_near(struct pending *p);
void pending_refill(struct pending *p);
void pending_spill(struct pending *p);
void pending_far_insert(struct pending *p, uint32_t slot);
void pending_far_remove(struct pending *p, uint32_t slot);

static inline bool pending_less(const struct pending_node *a, const struct pending_node *b)
{
    return ((unsigned __int128)a->t << 64 | a->tie) < ((unsigned __int128)b->t << 64 | b->tie);
}

static inline void pending_put(struct pending *p, uint32_t at, struct pending_node x)
{
    p->near[at] = x;
    p->slot[x.slot].link = at;
}

static inline void pending_sift_up(struct pending *p, uint32_t hole, struct pending_node x)
{
    while (hole > 0) {
        uint32_t parent = (hole - 1) / 4;
        if (!pending_less(&x, &p->near[parent]))
            break;
        pending_put(p, hole, p->near[parent]);
        hole = parent;
    }
    pending_put(p, hole, x);
}

static inline void pending_sift_down(struct pending *p, uint32_t hole, struct pending_node x)
{
    const struct pending_node *at = p->near;
    for (uint64_t first; (first = 4 * (uint64_t)hole + 1) < p->n_near;) {
        /* Four children, or fewer and sentinels: a tournament without branches. */
        uint64_t a = first + pending_less(&at[first + 1], &at[first]);
        uint64_t b = first + 2 + pending_less(&at[first + 3], &at[first + 2]);
        uint64_t least = a + (b - a) * pending_less(&at[b], &at[a]);
        if (!pending_less(&at[least], &x))
            break;
        pending_put(p, hole, at[least]);
        hole = (uint32_t)least;
    }
    pending_put(p, hole, x);
}

static inline void pending_near_insert(struct pending *p, uint32_t slot)
{
    if (p->n_near == p->cap_near)
        pending_grow_near(p);
    struct pending_slot *e = &p->slot[slot];
    pending_sift_up(p, p->n_near++, (struct pending_node){e->t, e->tie, slot});
}

static inline void pending_near_remove(struct pending *p, uint32_t at)
{
    struct pending_node last = p->near[--p->n_near];
    p->near[p->n_near] = (struct pending_node){UINT64_MAX, UINT64_MAX, PENDING_NONE};
    if (at == p->n_near)
        return;
    if (at > 0 && pending_less(&last, &p->near[(at - 1) / 4]))
        pending_sift_up(p, at, last);
    else
        pending_sift_down(p, at, last);
}

static inline void pending_insert(struct pending *p, uint32_t slot)
{
    if (p->slot[slot].t < p->near_end) {
        if (p->n_near >= p->spill_at)
            pending_spill(p);
        if (p->slot[slot].t < p->near_end) {
            pending_near_insert(p, slot);
            return;
        }
    }
    pending_far_insert(p, slot);
}

static inline void pending_remove(struct pending *p, uint32_t slot)
{
    if (p->slot[slot].t >= p->near_end) {
        pending_far_remove(p, slot);
        return;
    }
    pending_near_remove(p, p->slot[slot].link);
    if (p->n_near == 0)
        pending_refill(p);
}

static inline uint64_t pending_push(struct pending *p, uint64_t t, uint64_t tie, uint32_t kind, uint32_t arg)
{
    uint32_t slot = p->free;
    if (slot == PENDING_NONE) {
        pending_grow_slots(p);
        slot = p->free;
    }
    struct pending_slot *e = &p->slot[slot];
    p->free = e->next;
    e->t = t;
    e->tie = tie;
    e->kind = kind;
    e->arg = arg;
    uint64_t handle = (uint64_t)e->gen << 32 | slot;
    pending_insert(p, slot);
    return handle;
}

static inline void pending_release(struct pending *p, uint32_t slot)
{
    struct pending_slot *e = &p->slot[slot];
    if (++e->gen != 0) { /* generations used up: the slot is retired, so that no handle ever lives twice */
        e->next = p->free;
        p->free = slot;
    }
}

static inline uint32_t pending_find(const struct pending *p, uint64_t handle)
{
    uint32_t slot = (uint32_t)handle;
    return slot < p->n_slots && p->slot[slot].gen == handle >> 32 ? slot : PENDING_NONE;
}

/* Removes the least event and gives its slot, still readable until the next push. */
static inline uint32_t pending_pop(struct pending *p)
{
    uint32_t slot = p->near[0].slot;
    struct pending_node last = p->near[--p->n_near];
    p->near[p->n_near] = (struct pending_node){UINT64_MAX, UINT64_MAX, PENDING_NONE};
    if (p->n_near > 0)
        pending_sift_down(p, 0, last);
    else
        pending_refill(p);
    pending_release(p, slot);
    return slot;
}

#endif
