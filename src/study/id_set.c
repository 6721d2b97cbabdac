#include "study/id_set.h"

#include <stdlib.h>

#include "base/bug.h"
#include "base/rng.h"

static size_t place(const struct id_set *s, uint64_t key)
{
    size_t i = (size_t)rng_hash(0, key) & (s->cap - 1);

    while (s->slot[i] != 0 && s->slot[i] != key)
        i = (i + 1) & (s->cap - 1);
    return i;
}

static void grow(struct id_set *s)
{
    struct id_set old = *s;

    s->cap = old.cap ? 2 * old.cap : 64;
    s->slot = mem_zalloc(s->cap, sizeof *s->slot);
    for (size_t i = 0; i < old.cap; i++)
        if (old.slot[i])
            s->slot[place(s, old.slot[i])] = old.slot[i];
    free(old.slot);
}

bool id_set_add(struct id_set *s, int64_t id)
{
    uint64_t key = (uint64_t)id + 1;

    if (2 * s->n >= s->cap)
        grow(s);
    size_t i = place(s, key);
    if (s->slot[i] == key)
        return false;
    s->slot[i] = key;
    s->n++;
    return true;
}

void id_set_free(struct id_set *s)
{
    free(s->slot);
    *s = (struct id_set){0};
}
