#include "model/request.h"

#include <stdlib.h>

#include "base/heap.h"
#include "model/attribute.h"

void list_init(struct list *l)
{
    *l = (struct list){SLOT_NONE, SLOT_NONE, 0};
}

void pool_init(struct pool *p)
{
    *p = (struct pool){.free = SLOT_NONE};
    list_init(&p->all);
}

void pool_free(struct pool *p)
{
    free(p->at);
    free(p->heap_pos);
    free(p->touched);
    free(p->share);
    pool_init(p);
}

static void grow(struct pool *p)
{
    uint32_t cap = p->cap ? p->cap * 2 : 256;

    sim_assert(cap > p->cap);
    p->at = mem_realloc(p->at, cap * sizeof *p->at);
    p->heap_pos = mem_realloc(p->heap_pos, cap * sizeof *p->heap_pos);
    if (p->attributes)
        p->share = mem_realloc(p->share, cap * sizeof *p->share);
    for (uint32_t s = cap; s-- > p->cap;) {
        p->at[s].next[LINK_ALL] = p->free;
        p->heap_pos[s] = HEAP_NONE;
        p->free = s;
    }
    p->cap = cap;
}

uint32_t pool_take(struct pool *p)
{
    if (p->free == SLOT_NONE)
        grow(p);
    uint32_t slot = p->free;
    p->free = p->at[slot].next[LINK_ALL];
    p->at[slot] = (struct request){
        .replica = -1, .t_arrive_ns = -1, .t_admit_ns = -1, .t_first_ns = -1, .t_last_ns = -1, .phase = PHASE_ARRIVED, .t_look_ns = -1, .pin = -1, .from = -1, .to = -1, .from_pin = -1, .to_pin = -1, .t_handed_ns = -1, .prefill_replica = -1, .session = -1, .t_gone_ns = -1};
    if (p->attributes)
        p->share[slot] = (struct request_share){0};
    list_push_back(p, &p->all, LINK_ALL, slot);
    return slot;
}

void pool_give(struct pool *p, uint32_t slot)
{
    list_remove(p, &p->all, LINK_ALL, slot);
    p->at[slot].touched = false;
    p->at[slot].next[LINK_ALL] = p->free;
    p->free = slot;
}

void pool_touch(struct pool *p, uint32_t slot)
{
    if (p->at[slot].touched)
        return;
    p->at[slot].touched = true;
    if (p->n_touched == p->cap_touched) {
        p->cap_touched = p->cap_touched ? 2 * p->cap_touched : 256;
        p->touched = mem_realloc(p->touched, (size_t)p->cap_touched * sizeof *p->touched);
    }
    p->touched[p->n_touched++] = slot;
}

void list_push_back(struct pool *p, struct list *l, enum link k, uint32_t slot)
{
    p->at[slot].prev[k] = l->tail;
    p->at[slot].next[k] = SLOT_NONE;
    *(l->tail == SLOT_NONE ? &l->head : &p->at[l->tail].next[k]) = slot;
    l->tail = slot;
    l->n++;
}

void list_push_front(struct pool *p, struct list *l, enum link k, uint32_t slot)
{
    p->at[slot].next[k] = l->head;
    p->at[slot].prev[k] = SLOT_NONE;
    *(l->head == SLOT_NONE ? &l->tail : &p->at[l->head].prev[k]) = slot;
    l->head = slot;
    l->n++;
}

void list_insert(struct pool *p, struct list *l, enum link k, uint32_t before, uint32_t slot)
{
    if (before == SLOT_NONE) {
        list_push_front(p, l, k, slot);
        return;
    }
    uint32_t after = p->at[before].next[k];
    p->at[slot].prev[k] = before;
    p->at[slot].next[k] = after;
    p->at[before].next[k] = slot;
    *(after == SLOT_NONE ? &l->tail : &p->at[after].prev[k]) = slot;
    l->n++;
}

void list_remove(struct pool *p, struct list *l, enum link k, uint32_t slot)
{
    uint32_t prev = p->at[slot].prev[k], next = p->at[slot].next[k];

    sim_assert(l->n > 0);
    *(prev == SLOT_NONE ? &l->head : &p->at[prev].next[k]) = next;
    *(next == SLOT_NONE ? &l->tail : &p->at[next].prev[k]) = prev;
    l->n--;
}
