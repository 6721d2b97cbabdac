/*
 * ready.h - calls that a call's end has released, until the caller takes them: first in, first out.
 *
 * Ownership: whoever takes an item has its chain.
 */
#ifndef WORKLOAD_READY_H
#define WORKLOAD_READY_H

#include <stdlib.h>

#include "base/bug.h"
#include "workload/workload.h"

struct ready {
    struct work_item *at;
    int64_t head, n, cap;
};

static inline void ready_put(struct ready *r, const struct work_item *item)
{
    if (r->n == r->cap) {
        r->cap = r->cap ? 2 * r->cap : 8;
        r->at = mem_realloc(r->at, (size_t)r->cap * sizeof *r->at);
    }
    r->at[r->n++] = *item;
}

static inline bool ready_take(struct ready *r, struct work_item *item)
{
    if (r->head == r->n) {
        r->head = r->n = 0;
        return false;
    }
    *item = r->at[r->head++];
    return true;
}

static inline void ready_free(struct ready *r)
{
    while (r->head < r->n)
        work_item_free(&r->at[r->head++]);
    free(r->at);
}

#endif
