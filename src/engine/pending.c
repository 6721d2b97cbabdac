#include "engine/pending.h"

#include <stdlib.h>
#include <string.h>

/* By measurement (tests/bench/bench_engine.c), and neither is sharp: sorting a few events in place is quicker
 * than spreading them; a heap of fewer than a hundred is as quick as buckets. */
enum { RUN_MAX = 32, SPILL_MIN = 96 };

static const struct pending_list empty_list = {PENDING_NONE, PENDING_NONE};

void pending_init(struct pending *p)
{
    memset(p, 0, sizeof *p);
    p->run_first = p->run_last = PENDING_KEY_MAX;
    p->run = empty_list;
    p->spill_at = SPILL_MIN;
    p->near_end = UINT64_MAX;
    for (int l = 0; l < PENDING_LEVELS; l++)
        for (int d = 0; d < PENDING_DIGITS; d++)
            p->bucket[l][d] = empty_list;
    p->free = PENDING_NONE;
    pending_grow_late(p);
    pending_grow_slots(p);
}

void pending_free(struct pending *p)
{
    free(p->late);
    free(p->slot);
}

/* Room for twice as many, and for the four sentinels that the last group of children may need. */
void pending_grow_late(struct pending *p)
{
    uint32_t cap = p->cap_late == 0 ? 128 : 2 * p->cap_late;
    sim_assert(cap > p->cap_late);
    p->late = mem_realloc(p->late, ((size_t)cap + 4) * sizeof *p->late);
    for (size_t i = p->n_late; i < (size_t)cap + 4; i++)
        p->late[i] = (struct pending_node){PENDING_KEY_MAX, PENDING_NONE};
    p->cap_late = cap;
}

void pending_grow_slots(struct pending *p)
{
    uint32_t cap = p->n_slots == 0 ? 128 : 2 * p->n_slots;
    sim_assert(cap > p->n_slots);
    p->slot = mem_realloc(p->slot, cap * sizeof *p->slot);
    for (uint32_t i = cap; i-- > p->n_slots;) {
        p->slot[i] = (struct pending_slot){.gen = 1, .next = p->free};
        p->free = i;
    }
    p->n_slots = cap;
}

struct place {
    unsigned level, digit;
};

static struct place place_of(const struct pending *p, uint64_t t)
{
    unsigned highest_bit = 63u - (unsigned)__builtin_clzll((t ^ p->origin) | 1);
    unsigned level = highest_bit / PENDING_DIGIT_BITS;
    return (struct place){level, t >> level * PENDING_DIGIT_BITS & (PENDING_DIGITS - 1)};
}

static void mark_empty(struct pending *p, struct place at)
{
    p->digits[at.level] &= ~(1ull << at.digit);
    if (p->digits[at.level] == 0)
        p->levels &= ~(1u << at.level);
}

void pending_far_insert(struct pending *p, uint32_t slot, uint64_t t)
{
    struct place at = place_of(p, t);
    pending_append(p, &p->bucket[at.level][at.digit], slot, PENDING_FAR);
    p->digits[at.level] |= 1ull << at.digit;
    p->levels |= 1u << at.level;
}

/* Takes a slot out of the run or of its bucket. */
void pending_unlist(struct pending *p, uint32_t slot)
{
    const struct pending_slot *e = &p->slot[slot];
    struct place at = {0};
    struct pending_list *list = &p->run;
    if (e->place == PENDING_FAR) {
        at = place_of(p, e->key.t);
        list = &p->bucket[at.level][at.digit];
    } else if (slot == p->run.head) {
        pending_run_pop(p);
        return;
    }
    *(e->next == PENDING_NONE ? &list->tail : &p->slot[e->next].back) = e->back;
    *(e->back == PENDING_NONE ? &list->head : &p->slot[e->back].next) = e->next;
    if (list->head == PENDING_NONE)
        mark_empty(p, at);
}

/* Empties the next bucket; there must be one. */
static struct pending_list take_bucket(struct pending *p, struct place *at)
{
    at->level = (unsigned)__builtin_ctz(p->levels);
    at->digit = (unsigned)__builtin_ctzll(p->digits[at->level]);
    struct pending_list list = p->bucket[at->level][at->digit];
    p->bucket[at->level][at->digit] = empty_list;
    mark_empty(p, *at);
    return list;
}

static void set_run(struct pending *p, struct pending_list run)
{
    p->run = run;
    p->run_first = p->slot[run.head].key;
    p->run_last = p->slot[run.tail].key;
}

/* Insertion sort on the way into the run; false, and nothing done, if there are more than RUN_MAX. */
static bool run_of_few(struct pending *p, struct pending_list list)
{
    struct pending_node sorted[RUN_MAX];
    uint32_t n = 0;
    for (uint32_t slot = list.head; slot != PENDING_NONE; slot = p->slot[slot].next) {
        if (n == RUN_MAX)
            return false;
        struct pending_node x = {p->slot[slot].key, slot};
        uint32_t i = n++;
        for (; i > 0 && pending_less(x.key, sorted[i - 1].key); i--)
            sorted[i] = sorted[i - 1];
        sorted[i] = x;
    }
    struct pending_list run = empty_list;
    for (uint32_t i = 0; i < n; i++)
        pending_append(p, &run, sorted[i].slot, PENDING_RUN);
    set_run(p, run);
    return true;
}

/* One instant, any number: a run as far as it is in order, the rest into late. */
static uint32_t run_of_instant(struct pending *p, struct pending_list list)
{
    struct pending_list run = empty_list;
    struct pending_key last = {0, 0};
    uint32_t n = 0;
    for (uint32_t slot = list.head, next; slot != PENDING_NONE; slot = next, n++) {
        next = p->slot[slot].next;
        if (n == 0 || pending_less(last, p->slot[slot].key)) {
            last = p->slot[slot].key;
            pending_append(p, &run, slot, PENDING_RUN);
        } else {
            pending_late_insert(p, slot, p->slot[slot].key);
        }
    }
    set_run(p, run);
    return n;
}

static void spread(struct pending *p, struct pending_list list)
{
    for (uint32_t slot = list.head, next; slot != PENDING_NONE; slot = next) {
        next = p->slot[slot].next;
        pending_far_insert(p, slot, p->slot[slot].key.t);
    }
}

void pending_refill(struct pending *p)
{
    uint32_t n = RUN_MAX;
    while (p->run.head == PENDING_NONE && p->levels != 0) {
        struct place at;
        struct pending_list list = take_bucket(p, &at);
        uint64_t width = 1ull << at.level * PENDING_DIGIT_BITS;
        uint64_t start = (p->origin & ~(PENDING_DIGITS * width - 1)) + at.digit * width;
        p->near_end = start + width;
        if (run_of_few(p, list))
            break;
        if (at.level == 0) {
            n = run_of_instant(p, list);
        } else {
            p->near_end = p->origin = start;
            spread(p, list);
        }
    }
    if (p->levels == 0)
        p->near_end = UINT64_MAX;
    p->spill_at = n > SPILL_MIN / 2 ? 2 * n : SPILL_MIN;
}

/*
 * Buckets agree with origin, so near can go back to them only if it begins at or after origin. If it begins
 * before (a burst of events was scheduled between now and a run made of much later ones), origin must move
 * down and all of far be placed anew, which is done if late is at least half of all: then the pushes
 * that made it grow have paid for it.
 */
void pending_spill(struct pending *p)
{
    uint64_t least = pending_next_time(p);
    if (p->levels != 0 && least < p->origin && p->n_late < p->n / 2) {
        p->spill_at = 2 * p->n_late;
        return;
    }
    struct pending_list all = p->run;
    p->run = empty_list;
    p->run_first = p->run_last = PENDING_KEY_MAX;
    for (uint32_t i = 0; i < p->n_late; i++) {
        pending_append(p, &all, p->late[i].slot, PENDING_FAR);
        p->late[i].key = PENDING_KEY_MAX;
    }
    p->n_late = 0;
    if (p->levels == 0 || least < p->origin) {
        while (p->levels != 0) {
            struct place at;
            struct pending_list list = take_bucket(p, &at);
            p->slot[all.tail].next = list.head;
            all.tail = list.tail;
        }
        p->origin = least;
    }
    spread(p, all);
    pending_refill(p);
}
