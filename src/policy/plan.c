/* plan.c - growable arrays of a scheduler's plan. */
#include "policy/scheduler.h"

#include <stdlib.h>

#include "base/bug.h"

void sched_plan_clear(struct sched_plan *p)
{
    p->decodes_pause = false;
    p->rank_tokens = 0;
    p->n_preempt = p->n_chunk = p->n_admit = 0;
}

void sched_plan_free(struct sched_plan *p)
{
    free(p->preempt);
    free(p->chunk);
    free(p->admit);
    *p = (struct sched_plan){0};
}

static void *room(void *at, int64_t n, int64_t *cap, size_t size)
{
    if (n < *cap)
        return at;
    *cap = *cap ? *cap * 2 : 16;
    return mem_realloc(at, (size_t)*cap * size);
}

void sched_plan_preempt(struct sched_plan *p, uint32_t seq)
{
    p->preempt = room(p->preempt, p->n_preempt, &p->cap_preempt, sizeof *p->preempt);
    p->preempt[p->n_preempt++] = seq;
}

void sched_plan_chunk(struct sched_plan *p, uint32_t seq, int64_t tokens)
{
    p->chunk = room(p->chunk, p->n_chunk, &p->cap_chunk, sizeof *p->chunk);
    p->chunk[p->n_chunk++] = (struct sched_chunk){seq, tokens};
}

void sched_plan_admit(struct sched_plan *p, uint32_t seq, int64_t tokens)
{
    p->admit = room(p->admit, p->n_admit, &p->cap_admit, sizeof *p->admit);
    p->admit[p->n_admit++] = (struct sched_chunk){seq, tokens};
}
