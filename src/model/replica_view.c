/*
 * replica_view.c - what a scheduler sees of a replica: cursors over its requests, and what the cost model says.
 */
#include "config.h"

#include <stdlib.h>

#include "model/kv.h"
#include "model/replica.h"

struct trials { /* of steps, with what was kept; set by SCHED_ANEW */
    struct cost_step step, decodes;
};

struct view {
    struct sched_view v;
    struct batch *b;
    struct replica *r;
    const struct replica_env *env;
    uint32_t unseen;
    int64_t n_victims; /* in replica.victim; -1: not asked for yet */
    struct trials *trials;
};

static struct view *view_of(const struct sched_view *v)
{
    return (struct view *)(uintptr_t)v; /* made by replica_plan, and not const there */
}

/* ---- cursors ---- */

/* A cursor holds slot + 1; `start` is where the list begins, `next` what comes after a slot. */
static bool walk(const struct sched_view *v, uint64_t *at, uint32_t slot, struct sched_seq *out)
{
    const struct batch *b = view_of(v)->b;

    if (slot == SLOT_NONE)
        return false;
    const struct request *r = &b->pool->at[slot];
    bool decodes = r->phase == PHASE_DECODING;
    int64_t computed = batch_computed(b, r);
    *out = (struct sched_seq){
        .seq = slot,
        .prompt_left = decodes ? 0 : request_prompt_left(r),
        .computed = computed,
        .blocks = batch_blocks_of(b, computed),
        .t_arrive_ns = r->t_arrive_ns,
        .priority = queue_priority(&b->queue, r),
        .grows = batch_growth_of(b, r),
        .decodes = decodes,
    };
    *at = (uint64_t)slot + 1;
    return true;
}

static bool next_partial(const struct sched_view *v, uint64_t *at, struct sched_seq *out)
{
    const struct batch *b = view_of(v)->b;
    return walk(v, at, *at ? b->pool->at[*at - 1].next[LINK_PARTIAL] : b->partial.head, out);
}

static bool next_waiting(const struct sched_view *v, uint64_t *at, struct sched_seq *out)
{
    const struct view *view = view_of(v);
    const struct kv *kv = view->env->kv;
    struct batch *b = view->b;

    if (b->waiting.n == 0)
        return false;
    uint32_t slot = *at ? batch_next_waiting(b, (uint32_t)(*at - 1)) : batch_first_waiting(b);
    while (kv && slot != SLOT_NONE && slot != view->unseen && kv_loads(kv, &b->pool->at[slot]) &&
           !kv_is_out(&b->pool->at[slot]))
        slot = batch_next_waiting(b, slot);
    if (slot == view->unseen ||
        (kv && slot != SLOT_NONE && (kv_is_out(&b->pool->at[slot]) || kv_undecided(kv, &b->pool->at[slot]))) ||
        !walk(v, at, slot, out))
        return false;
    const struct request *q = &b->pool->at[slot];
    if (kv) {
        kv_peek(kv, view->r, q, &out->computed, &out->blocks);
        out->prompt_left = q->input_tokens + q->generated - out->computed;
    }
    if (b->reserves)
        out->most_blocks = batch_most_blocks(b, q) - out->blocks;
    return true;
}

/* ---- victims ---- */

struct victim {
    int64_t key, place;
    uint32_t slot;
};

/* The greatest key first, equal ones from the latest admitted on. */
static int by_key(const void *a, const void *b)
{
    const struct victim *x = a, *y = b;

    if (x->key != y->key)
        return x->key > y->key ? -1 : 1;
    return (x->place > y->place) - (x->place < y->place);
}

static void sort_victims(struct view *view)
{
    struct batch *b = view->b;
    struct replica *r = view->r;
    struct victim *all = mem_alloc((size_t)b->running.n * sizeof *all + 1);
    int64_t n = 0;

    for (uint32_t s = b->running.tail; s != SLOT_NONE; s = b->pool->at[s].prev[LINK_QUEUE], n++) {
        struct request *q = &b->pool->at[s];
        int64_t left = q->phase == PHASE_DECODING ? 0 : request_prompt_left(q);
        all[n] = (struct victim){queue_victim_key(&b->queue, q, batch_generated(b, q), left, b->step), n, s};
    }
    qsort(all, (size_t)n, sizeof *all, by_key);
    if (n > r->cap_victim) {
        r->cap_victim = 2 * n;
        r->victim = mem_realloc(r->victim, (size_t)r->cap_victim * sizeof *r->victim);
    }
    for (int64_t i = 0; i < n; i++)
        r->victim[i] = all[i].slot;
    free(all);
    view->n_victims = n;
}

/* First come, first served needs no sorting: from the latest admitted on; there *at holds slot + 1, else a place. */
static bool next_victim(const struct sched_view *v, uint64_t *at, struct sched_seq *out)
{
    struct view *view = view_of(v);
    struct batch *b = view->b;
    uint64_t next = *at + 1;
    bool got;

    if (b->queue.env == NULL) {
        got = walk(v, at, *at ? b->pool->at[*at - 1].prev[LINK_QUEUE] : b->running.tail, out);
    } else {
        if (view->n_victims < 0)
            sort_victims(view);
        got = walk(v, at, *at < (uint64_t)view->n_victims ? view->r->victim[*at] : SLOT_NONE, out);
        *at = next;
    }
    if (got)
        out->blocks = batch_held(b, &b->pool->at[out->seq]); /* what its preemption would free */
    return got;
}

/* ---- what steps would take ---- */

static int64_t decides(struct view *view, enum sched_trial what, struct cost_step *kept, const struct cost_step *with)
{
    if (what == SCHED_KEEP)
        *kept = *with;
    return view->env->cost->step_ns(view->env->cost_state, with);
}

static int64_t step_ns(const struct sched_view *v, enum sched_trial what, const struct sched_seq *s, int64_t tokens)
{
    struct view *view = view_of(v);
    struct cost_step with = view->trials->step;

    if (what == SCHED_ANEW) {
        with = (struct cost_step){.n_decode = v->n_decode, .n_logits = v->n_decode};
        batch_contexts(view->b, with.ctx);
        view->trials->step = with;
        return 0;
    }
    cost_add_chunk(&with, &view->env->knees, s->computed, tokens, tokens == s->prompt_left);
    return decides(view, what, &view->trials->step, &with);
}

static int64_t decode_ns(const struct sched_view *v, enum sched_trial what, const struct sched_seq *s)
{
    struct view *view = view_of(v);
    struct cost_step with = view->trials->decodes;

    if (what == SCHED_ANEW) {
        struct sched_seq partial;
        uint64_t at = 0;
        with = (struct cost_step){.n_decode = v->n_decode, .n_logits = v->n_decode};
        batch_contexts(view->b, with.ctx);
        while (next_partial(v, &at, &partial))
            cost_add_decode(&with, &view->env->knees, partial.computed + partial.prompt_left);
        view->trials->decodes = with;
        return 0;
    }
    cost_add_decode(&with, &view->env->knees, s->computed + s->prompt_left);
    return decides(view, what, &view->trials->decodes, &with);
}

/* ---- the plan ---- */

void replica_plan(struct replica *r, const struct replica_env *env, int64_t now_ns)
{
    struct batch *b = &r->batch;
    int64_t n_waiting = b->waiting.n - r->n_unseen - r->n_loading; /* who is prefetched unseen is in both */
    struct trials trials; /* apart from the view: clearing it for every step would cost more than planning one */
    struct view view = {
        .v = {.now_ns = now_ns,
              .limits = env->limits,
              .block_tokens = b->block_tokens,
              .free_blocks = env->kv ? kv_free_blocks(env->kv, r) : b->total_blocks - b->used,
              .n_decode = b->n_decode,
              .decode_blocks = batch_growth(b),
              .n_partial = b->partial.n,
              .n_waiting = n_waiting > 0 ? n_waiting : 0,
              .ahead_blocks = b->ahead,
              .least_priority = INT64_MAX,
              .partial = next_partial,
              .waiting = next_waiting,
              .victims = next_victim,
              .step_ns = step_ns,
              .decode_ns = decode_ns},
        .b = b,
        .r = r,
        .env = env,
        .unseen = r->unseen,
        .n_victims = -1,
        .trials = &trials,
    };

    if (env->limits->preempt_for == PREEMPT_FOR_PRIORITY)
        view.v.least_priority = queue_least_priority(&b->queue);
    sched_plan_clear(&r->plan);
    env->scheduler->plan(env->scheduler_options, &view.v, &r->plan);
}
