/*
 * world_soon.c - memory brought closer ahead of the events: with thousands of replicas each step's end touches lines
 * that no recent one did. Changes nothing but the time a run takes.
 */
#include "config.h"

#include "model/world_state.h"

enum { LINE_BYTES = 64, REPLICAS_IN_CACHE = 256 /* so many stay close by themselves */ };

static void bring(const void *at, size_t bytes)
{
    for (size_t i = 0; i < bytes; i += LINE_BYTES)
        __builtin_prefetch((const char *)at + i, 1);
}

/* What the end of a replica's step will touch: the replica, then what it points to. */
static void on_soon(const void *ctx, uint32_t kind, uint32_t arg, bool near)
{
    const struct world *w = ctx;

    if (kind != EVENT_STEP_END)
        return;
    const struct replica *r = &w->replicas[arg];
    if (!near) {
        bring(r, sizeof *r);
        return;
    }
    const struct batch *b = &r->batch;
    bring(&b->grow[b->phase], 1);
    if (b->last_steps.n == 0)
        return;
    bring(b->last_steps.at, 1);
}

void world_soon_init(struct world *w)
{
    if (w->n_replicas > REPLICAS_IN_CACHE)
        sim_tell_soon(w->sim, on_soon);
}
