#include "engine/sim.h"

#include <stdlib.h>

#include "base/bug.h"
#include "engine/pending.h"

struct sim {
    struct pending pending;
    int64_t now_ns;
    uint64_t seq;   /* events scheduled so far */
    uint64_t count; /* events handled so far */
    bool stop;
    sim_dispatch *dispatch;
    sim_soon *soon;
    void *ctx;
};

struct sim *sim_new(sim_dispatch *dispatch, void *ctx)
{
    struct sim *s = mem_zalloc(1, sizeof *s);
    pending_init(&s->pending);
    s->dispatch = dispatch;
    s->ctx = ctx;
    return s;
}

void sim_tell_soon(struct sim *s, sim_soon *soon)
{
    s->soon = soon;
}

void sim_free(struct sim *s)
{
    if (s == NULL)
        return;
    pending_free(&s->pending);
    free(s);
}

/* seq has 56 bits: at 100 million events a second they last 22 years. */
static struct pending_key next_key(struct sim *s, int64_t t_ns, uint64_t event_class)
{
    return (struct pending_key){(uint64_t)t_ns, event_class << PENDING_CLASS_SHIFT | s->seq++};
}

sim_handle sim_schedule(struct sim *s, int64_t t_ns, unsigned event_class, uint32_t kind, uint32_t arg)
{
    sim_assert(t_ns >= s->now_ns);
    sim_assert(event_class <= UINT8_MAX);
    return pending_push(&s->pending, next_key(s, t_ns, event_class), kind, arg);
}

bool sim_pending(const struct sim *s, sim_handle h)
{
    return pending_find(&s->pending, h) != PENDING_NONE;
}

bool sim_cancel(struct sim *s, sim_handle h)
{
    uint32_t slot = pending_find(&s->pending, h);
    if (slot == PENDING_NONE)
        return false;
    pending_remove(&s->pending, slot);
    pending_release(&s->pending, slot);
    return true;
}

bool sim_reschedule(struct sim *s, sim_handle h, int64_t t_ns)
{
    uint32_t slot = pending_find(&s->pending, h);
    if (slot == PENDING_NONE)
        return false;
    sim_assert(t_ns >= s->now_ns);
    pending_remove(&s->pending, slot);
    uint64_t event_class = s->pending.slot[slot].key.tie >> PENDING_CLASS_SHIFT;
    pending_insert(&s->pending, slot, next_key(s, t_ns, event_class));
    return true;
}

int64_t sim_now(const struct sim *s)
{
    return s->now_ns;
}

int64_t sim_next_time(const struct sim *s)
{
    return s->pending.n > 0 ? (int64_t)pending_next_time(&s->pending) : INT64_MAX;
}

uint64_t sim_count(const struct sim *s)
{
    return s->count;
}

uint64_t sim_size(const struct sim *s)
{
    return s->pending.n;
}

/* Of the sorted part of the pending set: what comes late is not told. */
static void tell_soon(const struct sim *s)
{
    const struct pending *p = &s->pending;
    uint32_t slot = p->run.head;

    if (slot == PENDING_NONE)
        return;
    s->soon(s->ctx, p->slot[slot].kind, p->slot[slot].arg, true);
    slot = p->slot[slot].next;
    if (slot != PENDING_NONE)
        s->soon(s->ctx, p->slot[slot].kind, p->slot[slot].arg, false);
}

enum sim_stop sim_run(struct sim *s, int64_t until_ns, uint64_t max_events)
{
    struct pending *p = &s->pending;
    for (uint64_t left = max_events;; left--) {
        if (s->stop) {
            s->stop = false;
            return SIM_REQUESTED;
        }
        if (p->n == 0)
            return SIM_EMPTY;
        int64_t t_ns = (int64_t)pending_next_time(p);
        if (t_ns > until_ns) {
            if (s->now_ns < until_ns)
                s->now_ns = until_ns;
            return SIM_UNTIL;
        }
        if (left == 0)
            return SIM_COUNT;
        const struct pending_slot *e = &p->slot[pending_pop(p)];
        struct sim_event ev = {t_ns, e->kind, e->arg};
        s->now_ns = t_ns;
        bug_context.t_ns = t_ns;
        bug_context.seq = s->count++;
        if (s->soon)
            tell_soon(s);
        s->dispatch(s->ctx, &ev);
    }
}

void sim_request_stop(struct sim *s)
{
    s->stop = true;
}
