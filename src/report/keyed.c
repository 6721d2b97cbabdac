#include "report/keyed.h"

#include <stdlib.h>
#include <string.h>

#include "base/bug.h"

static size_t place_of(const struct keyed *k, int64_t id)
{
    size_t at = (size_t)((uint64_t)id * UINT64_C(0x9e3779b97f4a7c15) >> 32) & (k->cap - 1);

    while (k->id[at] != id && k->id[at] >= 0)
        at = (at + 1) & (k->cap - 1);
    return at;
}

static void resize(struct keyed *k, size_t cap)
{
    struct keyed old = *k;

    k->cap = cap;
    k->id = mem_zalloc(cap, sizeof *k->id);
    k->row = mem_zalloc(cap * k->width + 1, sizeof *k->row);
    for (size_t i = 0; i < cap; i++)
        k->id[i] = -1;
    for (size_t i = 0; i < old.cap; i++) {
        if (old.id[i] < 0)
            continue;
        size_t at = place_of(k, old.id[i]);
        k->id[at] = old.id[i];
        memcpy(k->row + at * k->width, old.row + i * k->width, k->width * sizeof *k->row);
    }
    free(old.id);
    free(old.row);
}

double *keyed_at(struct keyed *k, int64_t id)
{
    if (2 * (k->n + 1) > k->cap)
        resize(k, k->cap ? 2 * k->cap : 64);
    size_t at = place_of(k, id);

    if (k->id[at] < 0) {
        k->id[at] = id;
        memset(k->row + at * k->width, 0, k->width * sizeof *k->row);
        k->n++;
    }
    return k->row + at * k->width;
}

double *keyed_find(const struct keyed *k, int64_t id)
{
    size_t at = k->cap ? place_of(k, id) : 0;

    return k->cap && k->id[at] >= 0 ? k->row + at * k->width : NULL;
}

/* Rows behind the gap that may not stand behind it move up. */
void keyed_drop(struct keyed *k, int64_t id)
{
    size_t gap = k->cap ? place_of(k, id) : 0, at = gap;

    if (k->cap == 0 || k->id[gap] < 0)
        return;
    k->n--;
    for (;;) {
        k->id[gap] = -1;
        do {
            at = (at + 1) & (k->cap - 1);
            if (k->id[at] < 0)
                return;
        } while (place_of(k, k->id[at]) == at);
        k->id[gap] = k->id[at];
        memcpy(k->row + gap * k->width, k->row + at * k->width, k->width * sizeof *k->row);
        gap = at;
    }
}

void keyed_free(struct keyed *k)
{
    free(k->id);
    free(k->row);
}
