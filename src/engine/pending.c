#include "engine/pending.h"

#include <stdlib.h>
#include <string.h>

#ifndef FILL
#define FILL 16
#endif
#ifndef SPILL
#define SPILL 96
#endif
enum {
    FILL_MAX = FILL,
    SPILL_MIN = SPILL
};

void pending_init(struct pending *p)
{
    memset(p, 0, sizeof *p);
    p->free = PENDING_NONE;
    p->near_end = UINT64_MAX;
    p->spill_at = SPILL_MIN;
    for (int l = 0; l < PENDING_LEVELS; l++)
        for (int d = 0; d < PENDING_DIGITS; d++)
            p->bucket[l][d].head = PENDING_NONE;
    pending_grow_near(p);
    pending_grow_slots(p);
}

void pending_free(struct pending *p)
{
    free(p->near);
    free(p->slot);
}

void pending_grow_near(struct pending *p)
{
    uint32_t cap = p->cap_near == 0 ? 128 : 2 * p->cap_near;
    sim_assert(cap > p->cap_near);
    p->near = mem_realloc(p->near, (cap + 4ul) * sizeof *p->near);
    for (uint64_t i = p->n_near; i < cap + 4ul; i++)
        p->near[i] = (struct pending_node){UINT64_MAX, UINT64_MAX, PENDING_NONE};
    p->cap_near = cap;
}

void pending_grow_slots(struct pending *p)
{
    uint32_t cap = p->cap_slots == 0 ? 128 : 2 * p->cap_slots;
    sim_assert(cap > p->cap_slots);
    p->slot = mem_realloc(p->slot, cap * sizeof *p->slot);
    for (uint32_t i = cap; i-- > p->cap_slots;) {
        p->slot[i] = (struct pending_slot){.gen = 1, .next = p->free};
        p->free = i;
    }
    p->cap_slots = p->n_slots = cap;
}

static unsigned level_of(uint64_t t, uint64_t origin)
{
    return (unsigned)(63 - __builtin_clzll((t ^ origin) | 1)) / PENDING_DIGIT_BITS;
}

void pending_far_insert(struct pending *p, uint32_t slot)
{
    struct pending_slot *e = &p->slot[slot];
    unsigned level = level_of(e->t, p->origin);
    unsigned digit = e->t >> (level * PENDING_DIGIT_BITS) & (PENDING_DIGITS - 1);
    struct pending_bucket *b = &p->bucket[level][digit];
    e->link = PENDING_NONE;
    e->next = b->head;
    if (b->head != PENDING_NONE)
        p->slot[b->head].link = slot;
    b->head = slot;
    b->n++;
    p->digits[level] |= 1ull << digit;
    p->levels |= 1u << level;
    p->n_far++;
}

void pending_far_remove(struct pending *p, uint32_t slot)
{
    struct pending_slot *e = &p->slot[slot];
    unsigned level = level_of(e->t, p->origin);
    unsigned digit = e->t >> (level * PENDING_DIGIT_BITS) & (PENDING_DIGITS - 1);
    struct pending_bucket *b = &p->bucket[level][digit];
    if (e->next != PENDING_NONE)
        p->slot[e->next].link = e->link;
    if (e->link != PENDING_NONE)
        p->slot[e->link].next = e->next;
    else
        b->head = e->next;
    p->n_far--;
    if (--b->n == 0) {
        p->digits[level] &= ~(1ull << digit);
        if (p->digits[level] == 0)
            p->levels &= ~(1u << level);
    }
}

/* Empties the bucket and gives its list. */
static uint32_t take(struct pending *p, unsigned level, unsigned digit)
{
    struct pending_bucket *b = &p->bucket[level][digit];
    uint32_t head = b->head;
    p->n_far -= b->n;
    *b = (struct pending_bucket){PENDING_NONE, 0};
    p->digits[level] &= ~(1ull << digit);
    if (p->digits[level] == 0)
        p->levels &= ~(1u << level);
    return head;
}

void pending_refill(struct pending *p)
{
    while (p->n_near == 0 && p->levels != 0) {
        unsigned level = (unsigned)__builtin_ctz(p->levels);
        unsigned digit = (unsigned)__builtin_ctzll(p->digits[level]);
        unsigned shift = level * PENDING_DIGIT_BITS;
        uint64_t width = 1ull << shift;
        uint64_t base = (p->origin & ~(PENDING_DIGITS * width - 1)) + digit * width;
        bool small = p->bucket[level][digit].n <= FILL_MAX || level == 0;
        uint32_t slot = take(p, level, digit);
        if (small) {
            p->near_end = base + width;
            for (; slot != PENDING_NONE; slot = p->slot[slot].next)
                pending_near_insert(p, slot);
        } else {
            p->near_end = p->origin = base;
            for (uint32_t next; slot != PENDING_NONE; slot = next) {
                next = p->slot[slot].next;
                pending_far_insert(p, slot);
            }
        }
    }
    if (p->levels == 0)
        p->near_end = UINT64_MAX;
    p->spill_at = p->n_near > SPILL_MIN / 2 ? 2 * p->n_near : SPILL_MIN;
}

void pending_spill(struct pending *p)
{
    uint64_t least = p->near[0].t;
    uint32_t moved = PENDING_NONE;
    if (least < p->origin || p->n_far == 0) {
        if (p->n_far > p->n_near) {
            p->spill_at = 2 * p->n_near;
            return;
        }
        while (p->levels != 0) {
            unsigned level = (unsigned)__builtin_ctz(p->levels);
            uint32_t slot = take(p, level, (unsigned)__builtin_ctzll(p->digits[level]));
            for (uint32_t next; slot != PENDING_NONE; slot = next) {
                next = p->slot[slot].next;
                p->slot[slot].next = moved;
                moved = slot;
            }
        }
        p->origin = least;
    }
    p->near_end = p->origin;
    for (uint32_t next; moved != PENDING_NONE; moved = next) {
        next = p->slot[moved].next;
        pending_far_insert(p, moved);
    }
    for (uint32_t i = 0; i < p->n_near; i++) {
        pending_far_insert(p, p->near[i].slot);
        p->near[i] = (struct pending_node){UINT64_MAX, UINT64_MAX, PENDING_NONE};
    }
    p->n_near = 0;
    pending_refill(p);
}
