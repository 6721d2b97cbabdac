/*
 * replica_leave.c - who leaves a replica before its answer is given: what fails, what is withdrawn, what loses its KV.
 */
#include "model/kv.h"
#include "model/replica.h"

static void drop_waiting(struct replica *r, const struct replica_env *env, uint32_t slot)
{
    struct request *q = &env->pool->at[slot];

    if (env->kv)
        kv_let_go(env->kv, q);
    if (q->computed == 0)
        return;
    r->counts.dropped_tokens += q->computed;
    batch_drop_kv(&r->batch, slot);
}

static void abandon(struct replica *r)
{
    struct sched_plan *p = &r->plan;

    for (int64_t i = 0; i < p->n_chunk; i++)
        batch_undo_chunk(&r->batch, p->chunk[i].seq);
    for (int64_t i = 0; i < p->n_admit; i++)
        batch_undo_chunk(&r->batch, p->admit[i].seq);
    batch_undo_begin(&r->batch);
    r->stepping = r->computed = false;
    r->gates = 0;
    r->counts.steps_abandoned++;
}

void replica_fail(struct replica *r, const struct replica_env *env, int64_t now_ns)
{
    struct batch *b = &r->batch;

    if (r->stepping)
        abandon(r);
    sched_plan_clear(&r->plan);
    while (b->running.tail != SLOT_NONE) {
        env->pool->at[b->running.tail].lost = 0;
        replica_preempt(r, env, b->running.tail, true, now_ns);
    }
    for (uint32_t s = b->waiting.head; s != SLOT_NONE; s = b->pool->at[s].next[LINK_QUEUE]) {
        sim_assert(b->pool->at[s].loads == 0);
        drop_waiting(r, env, s);
    }
    sim_assert(b->used == 0 && r->late_ns == 0 && r->n_loading == 0);
    r->held.n = 0;
    batch_see(b, r->unseen);
    r->unseen = SLOT_NONE;
    r->n_unseen = r->looked = 0;
    r->now = (struct ev_step){.replica = r->id};
}

static bool is_unseen(const struct replica *r, const struct replica_env *env, uint32_t slot)
{
    for (uint32_t s = r->unseen; s != SLOT_NONE; s = env->pool->at[s].next[LINK_QUEUE])
        if (s == slot)
            return true;
    return false;
}

void replica_withdraw(struct replica *r, const struct replica_env *env, uint32_t slot)
{
    r->n_unseen -= is_unseen(r, env, slot);
    if (r->unseen == slot)
        r->unseen = env->pool->at[slot].next[LINK_QUEUE];
    batch_withdraw(&r->batch, slot);
}

void replica_drop(struct replica *r, const struct replica_env *env, uint32_t slot)
{
    struct request *q = &env->pool->at[slot];

    sim_assert(q->loads == 0 && q->swapped == 0);
    if (q->phase == PHASE_WAITING) {
        drop_waiting(r, env, slot);
    } else {
        sim_assert(!r->stepping);
        if (env->kv)
            kv_let_go(env->kv, q);
        replica_take_back(r, env, slot);
        q->preemptions--;
    }
    replica_withdraw(r, env, slot);
}

void replica_lose_kv(struct replica *r, const struct replica_env *env, uint32_t slot)
{
    struct request *q = &env->pool->at[slot];

    if (q->phase == PHASE_WAITING) {
        drop_waiting(r, env, slot);
        return;
    }
    sim_assert(r->stepping && q->phase == PHASE_PARTIAL && q->chunk > 0); /* others have all of theirs */
    r->now.tokens_out -= q->chunk == request_prompt_left(q);
}
