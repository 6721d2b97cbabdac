#include "model/affinity.h"

#include <stdlib.h>

#include "base/bug.h"
#include "base/rng.h"

static uint64_t home(const struct affinity *a, int64_t session)
{
    return rng_hash(1, (uint64_t)session) & a->mask;
}

static void allot(struct affinity *a, uint64_t slots)
{
    *a = (struct affinity){.at = mem_alloc(slots * sizeof *a->at), .mask = slots - 1};
    for (uint64_t i = 0; i < slots; i++)
        a->at[i].session = -1;
}

/* Where it is, or the empty slot where it would go. */
static uint64_t find(const struct affinity *a, int64_t session)
{
    uint64_t i = home(a, session);

    while (a->at[i].session != session && a->at[i].session >= 0)
        i = (i + 1) & a->mask;
    return i;
}

void affinity_init(struct affinity *a)
{
    allot(a, 64);
}

void affinity_free(struct affinity *a)
{
    free(a->at);
}

int64_t affinity_get(const struct affinity *a, int64_t session)
{
    uint64_t i = find(a, session);

    return a->at[i].session >= 0 ? a->at[i].replica : -1;
}

void affinity_set(struct affinity *a, int64_t session, int64_t replica)
{
    sim_assert(session >= 0);
    if (2 * (a->n + 1) > a->mask + 1) {
        struct affinity old = *a;
        allot(a, 2 * (old.mask + 1));
        for (uint64_t i = 0; i <= old.mask; i++)
            if (old.at[i].session >= 0)
                affinity_set(a, old.at[i].session, old.at[i].replica);
        free(old.at);
    }
    uint64_t i = find(a, session);
    a->n += a->at[i].session < 0;
    a->at[i] = (struct affinity_slot){session, replica};
}

void affinity_drop(struct affinity *a, int64_t session)
{
    uint64_t hole = find(a, session);

    if (a->at[hole].session < 0)
        return;
    /* What follows moves up where the hole lies between its home and itself, so that no search stops too early. */
    for (uint64_t i = (hole + 1) & a->mask; a->at[i].session >= 0; i = (i + 1) & a->mask) {
        uint64_t from = home(a, a->at[i].session);
        if (((i - from) & a->mask) >= ((i - hole) & a->mask)) {
            a->at[hole] = a->at[i];
            hole = i;
        }
    }
    a->at[hole].session = -1;
    a->n--;
}
