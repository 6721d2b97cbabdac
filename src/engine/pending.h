/*
 * pending.h - the pending set: events waiting, taken in the order of (t, class, seq). Private to the engine.
 *
 * Only the next few events need to be in order; the others need only be known to be later. So the set is
 * cut in two at near_end:
 *
 *     now      near_end                                                      2^63
 *      |  near    |  far                                                       |
 *      +----------+--+--+-----+-----------+------------------------------------+--> t
 *      | run, late|  |  |     |           |       buckets, wider and wider
 *
 *   far   t >= near_end: unordered lists in the buckets of a radix tree over t, 11 levels of 64 (6 bits
 *         each). The level is the highest digit in which t differs from origin, the bucket that digit of t:
 *             origin  3 . 17 . 05
 *             t       3 . 40 . 22   level 1, bucket 40: it holds 3.40.00 .. 3.40.63
 *         so push and remove are O(1), and the next bucket is found by two bit scans.
 *   near  t < near_end: `run`, a sorted list that is eaten from its head, and `late`, a 4-ary heap of what
 *         was pushed below near_end since the run was made. The next event is the lesser of their heads. What
 *         is pushed in order (ties, a constant delay) is appended to the run at no cost.
 *
 * When near is empty (pending_refill), the next bucket becomes the run if it is small (sorted then) or of
 * one instant; otherwise it is spread over the levels below, origin moving to its start, and so on. When late
 * grows well beyond what a refill gives (pending_spill), near goes back to the buckets to be cut more
 * finely. A set of a few dozen events mostly stays in `late`: it is then simply a heap.
 *
 * Invariants: near is empty only if all is; each event of near < near_end <= each of far; origin <=
 *   near_end; an event of far is in the bucket that its t and origin name; at[n .. n+3] of late hold a
 *   key above all others, as run_first and run_last do when the run is empty.
 * Ties: keys are unique, for seq is. A bucket's list keeps the order of pushing, so one of level 0, a single
 *   instant, is a run as it stands if its events are of one class; those out of order go to late.
 * Cost: push, pop and remove O(1) amortised in far and run, O(log late) in late, whatever the times are: an
 *   event goes down at most 11 levels, and up only by a spill, which the pushes that doubled late have
 *   paid for. Peek is O(1) always. A single operation may take O(n), as when an array grows.
 * Measured against a plain 4-ary heap (bench_engine.c): as quick at ten events, 1.7 to 3.5 times at 1e3 and 1e4,
 *   about twice at 1e5. At 1e6 the lists' scattered slots cost a cache miss a step: arrays in the buckets would
 *   mend that, and make cancelling costlier at the sizes that occur.
 * Ownership: events live in slots, which never move between parts: lists and the heap are of slot
 *   numbers. A handle is (generation, slot). 40 bytes an event, 24 more in late.
 */
#ifndef ENGINE_PENDING_H
#define ENGINE_PENDING_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bug.h"

enum {
    PENDING_DIGIT_BITS = 6,
    PENDING_DIGITS = 1 << PENDING_DIGIT_BITS,
    PENDING_LEVELS = 11, /* of 6 bits: all of a time's 63 */
    PENDING_CLASS_SHIFT = 56,
};

#define PENDING_NONE UINT32_MAX

struct pending_key {
    uint64_t t;
    uint64_t tie; /* class << 56 | seq */
};

static inline bool pending_less(struct pending_key a, struct pending_key b)
{
    return ((unsigned __int128)a.t << 64 | a.tie) < ((unsigned __int128)b.t << 64 | b.tie); /* no branch */
}

enum pending_place { PENDING_FREE, PENDING_LATE, PENDING_RUN, PENDING_FAR };

struct pending_slot {
    struct pending_key key;
    uint32_t kind, arg;
    uint32_t gen;  /* of the handle to the event here; in a free slot, of the handle to be given next */
    uint32_t next; /* in a list: the slot after this; free: the next free slot */
    uint32_t back; /* in a list: the slot before this; late: the index in the heap */
    enum pending_place place;
};

struct pending_list {
    uint32_t head, tail; /* NONE when empty */
};

struct pending_node {
    struct pending_key key;
    uint32_t slot;
};

struct pending {
    struct pending_key run_first; /* of run.head */
    struct pending_key run_last;  /* no less than that of run.tail; both are above all others when run is empty */
    struct pending_list run;

    struct pending_node *late;
    uint32_t n_late, cap_late;
    uint32_t spill_at; /* the size of late that calls for a spill */

    uint64_t near_end; /* UINT64_MAX while far is empty */
    uint64_t origin;
    uint32_t levels;                 /* bit l: level l has events */
    uint64_t digits[PENDING_LEVELS]; /* bit d: bucket [l][d] has events */
    struct pending_list bucket[PENDING_LEVELS][PENDING_DIGITS];

    struct pending_slot *slot;
    uint32_t n_slots; /* free ones included */
    uint32_t free;    /* the list of free slots, last freed first: it is still in the cache */
    uint32_t n;       /* events pending */
};

void pending_init(struct pending *p);
void pending_free(struct pending *p);

/* The cold parts of the functions below. */
void pending_grow_slots(struct pending *p);
void pending_grow_late(struct pending *p);
void pending_refill(struct pending *p);
void pending_spill(struct pending *p);
void pending_far_insert(struct pending *p, uint32_t slot, uint64_t t);
void pending_unlist(struct pending *p, uint32_t slot);

#define PENDING_KEY_MAX ((struct pending_key){UINT64_MAX, UINT64_MAX})

/* late: the heap */

static inline void pending_late_put(struct pending *p, uint32_t at, struct pending_node x)
{
    p->late[at] = x;
    p->slot[x.slot].back = at;
}

static inline void pending_late_up(struct pending *p, uint32_t hole, struct pending_node x)
{
    while (hole > 0) {
        uint32_t parent = (hole - 1) / 4;
        if (!pending_less(x.key, p->late[parent].key))
            break;
        pending_late_put(p, hole, p->late[parent]);
        hole = parent;
    }
    pending_late_put(p, hole, x);
}

static inline void pending_late_down(struct pending *p, uint32_t hole, struct pending_node x)
{
    const struct pending_node *at = p->late;
    for (uint64_t first; (first = 4 * (uint64_t)hole + 1) < p->n_late;) {
        /* Four children, or fewer and sentinels: a tournament without branches. */
        uint64_t a = first + pending_less(at[first + 1].key, at[first].key);
        uint64_t b = first + 2 + pending_less(at[first + 3].key, at[first + 2].key);
        uint64_t least = a + (b - a) * pending_less(at[b].key, at[a].key);
        if (!pending_less(at[least].key, x.key))
            break;
        pending_late_put(p, hole, at[least]);
        hole = (uint32_t)least;
    }
    pending_late_put(p, hole, x);
}

static inline void pending_late_insert(struct pending *p, uint32_t slot, struct pending_key key)
{
    if (p->n_late == p->cap_late)
        pending_grow_late(p);
    p->slot[slot].place = PENDING_LATE;
    pending_late_up(p, p->n_late++, (struct pending_node){key, slot});
}

static inline void pending_late_remove(struct pending *p, uint32_t at)
{
    struct pending_node last = p->late[--p->n_late];
    p->late[p->n_late].key = PENDING_KEY_MAX;
    if (at == p->n_late)
        return;
    if (at > 0 && pending_less(last.key, p->late[(at - 1) / 4].key))
        pending_late_up(p, at, last);
    else
        pending_late_down(p, at, last);
}

/* Lists: the run, the buckets */

static inline void pending_append(struct pending *p, struct pending_list *list, uint32_t slot, enum pending_place place)
{
    struct pending_slot *e = &p->slot[slot];
    e->place = place;
    e->back = list->tail;
    e->next = PENDING_NONE;
    *(list->tail == PENDING_NONE ? &list->head : &p->slot[list->tail].next) = slot;
    list->tail = slot;
}

static inline void pending_run_pop(struct pending *p)
{
    p->run.head = p->slot[p->run.head].next;
    if (p->run.head == PENDING_NONE) {
        p->run.tail = PENDING_NONE;
        p->run_first = p->run_last = PENDING_KEY_MAX;
    } else {
        p->slot[p->run.head].back = PENDING_NONE;
        p->run_first = p->slot[p->run.head].key;
    }
}

/* The whole */

static inline uint64_t pending_next_time(const struct pending *p)
{
    return p->run_first.t < p->late[0].key.t ? p->run_first.t : p->late[0].key.t;
}

/* Puts the event of a slot of this key where it belongs. (The key is passed along, not read back: a 16-byte load
 * of what two 8-byte stores have just written would stall.) */
static inline void pending_insert(struct pending *p, uint32_t slot, struct pending_key key)
{
    p->slot[slot].key = key;
    p->n++;
    if (key.t < p->near_end && p->n_late >= p->spill_at)
        pending_spill(p);
    if (key.t >= p->near_end) {
        pending_far_insert(p, slot, key.t);
    } else if (pending_less(p->run_last, key)) {
        pending_append(p, &p->run, slot, PENDING_RUN);
        p->run_last = key;
    } else {
        pending_late_insert(p, slot, key);
    }
}

/* Takes it out; the slot remains the caller's. */
static inline void pending_remove(struct pending *p, uint32_t slot)
{
    p->n--;
    if (p->slot[slot].place == PENDING_LATE)
        pending_late_remove(p, p->slot[slot].back);
    else
        pending_unlist(p, slot);
    if (p->n_late == 0 && p->run.head == PENDING_NONE)
        pending_refill(p);
}

static inline uint64_t pending_push(struct pending *p, struct pending_key key, uint32_t kind, uint32_t arg)
{
    if (p->free == PENDING_NONE)
        pending_grow_slots(p);
    uint32_t slot = p->free;
    struct pending_slot *e = &p->slot[slot];
    p->free = e->next;
    e->kind = kind;
    e->arg = arg;
    uint64_t handle = (uint64_t)e->gen << 32 | slot;
    pending_insert(p, slot, key);
    return handle;
}

static inline void pending_release(struct pending *p, uint32_t slot)
{
    struct pending_slot *e = &p->slot[slot];
    e->place = PENDING_FREE;
    if (++e->gen != 0) { /* else its generations are used up: never used again, so no handle lives twice */
        e->next = p->free;
        p->free = slot;
    }
}

/* The slot of a living handle, or NONE. */
static inline uint32_t pending_find(const struct pending *p, uint64_t handle)
{
    uint32_t slot = (uint32_t)handle;
    if (slot >= p->n_slots || p->slot[slot].gen != handle >> 32 || p->slot[slot].place == PENDING_FREE)
        return PENDING_NONE;
    return slot;
}

/* Takes the next event out (there must be one) and gives its slot, readable until the next push. */
static inline uint32_t pending_pop(struct pending *p)
{
    uint32_t slot;
    if (pending_less(p->run_first, p->late[0].key)) {
        slot = p->run.head;
        pending_run_pop(p);
    } else {
        slot = p->late[0].slot;
        pending_late_remove(p, 0);
    }
    if (p->n_late == 0 && p->run.head == PENDING_NONE)
        pending_refill(p);
    p->n--;
    pending_release(p, slot);
    return slot;
}

#endif
