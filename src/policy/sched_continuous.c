/*
 * continuous - iteration-level batching as vLLM v1 does it; `chunked` is another name for it.
 *
 * One token budget a step (max_num_batched_tokens) over the running, then the waiting:
 *   1. each decoding sequence takes one token, and one for each draft; if the new KV blocks do not fit, running ones
 *      are preempted, the last in order first (with fcfs the latest admitted), one by one, until they do;
 *   2. sequences in the middle of their prompt go on, in the order of admission, within the budget;
 *      their blocks count in 1, so that one which does not fit is preempted itself (it is the latest);
 *   3. only if nothing was preempted, waiting requests are admitted in order while budget, slots
 *      and blocks last. With chunked_prefill a prompt may be cut to the budget left; without, one that does
 *      not fit into what is left waits for the next step, and one that no budget could hold gets a step's whole budget
 *      when nothing else prefills (scenario checks refuse that where it can be known).
 * The first request that does not fit ends admission: nobody overtakes.
 *
 * preempt_for = priority: one that lacks a slot or blocks takes them from running ones of a lower priority, as few of
 * them as will do, or from none if all would not do. Budget is not taken so: it is free again in the next step.
 *
 * step_target: while anything decodes, chunks are cut so that the step keeps to it by the cost model, to nothing if
 * need be; and nobody is admitted with whom a step in which all decode would not. What the model cannot know when it
 * decides - ports shared with transfers, contexts that grow - can still take a step beyond the target.
 *
 * As in vLLM v1, admission asks for the blocks of the first chunk only. When the cache is nearly full, a long prompt
 * can therefore be admitted, fail to grow, be preempted and be admitted again for many steps.
 */
#include "policy/ranks.h"
#include "policy/scheduler.h"

struct fill {
    const struct sched_view *v;
    struct sched_plan *plan;
    int64_t n_decode, n_partial, decode_blocks; /* of the running that stay */
    int64_t free, budget, slots;                /* left */
    struct sched_ranks ranks;
};

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static bool is_preempted(const struct sched_plan *plan, uint32_t seq)
{
    for (int64_t i = plan->n_preempt; i-- > 0;)
        if (plan->preempt[i] == seq)
            return true;
    return false;
}

/* Of one chunk. */
static int64_t room(const struct fill *f)
{
    return least(f->budget, sched_ranks_room(&f->ranks));
}

/* ---- step_target ---- */

/* The most of a prompt, up to `tokens`, with which the step keeps to the target. The time rises with the tokens. */
static int64_t within_target(const struct fill *f, const struct sched_seq *s, int64_t tokens)
{
    int64_t target = f->v->limits->step_target_ns, kept = 0, beyond = tokens;

    if (target == 0 || f->n_decode == 0 || f->v->step_ns(f->v, SCHED_TRY, s, tokens) <= target)
        return tokens;
    while (beyond - kept > 1) {
        int64_t middle = kept + (beyond - kept) / 2;
        if (f->v->step_ns(f->v, SCHED_TRY, s, middle) <= target)
            kept = middle;
        else
            beyond = middle;
    }
    return kept;
}

/* Whether all may decode at once. */
static bool batch_within_target(const struct fill *f, const struct sched_seq *s)
{
    int64_t target = f->v->limits->step_target_ns;

    if (target == 0 || f->n_decode + f->n_partial + f->plan->n_admit == 0)
        return true;
    return f->v->decode_ns(f->v, SCHED_TRY, s) <= target;
}

static void keep_time(const struct fill *f, const struct sched_seq *s, int64_t tokens)
{
    if (f->v->limits->step_target_ns > 0)
        f->v->step_ns(f->v, SCHED_KEEP, s, tokens);
}

/* ---- who runs ---- */

/* What the running need: one token a decode, the rest of the budget to partial prompts. Fills the chunks. */
static int64_t blocks_needed(struct fill *f)
{
    int64_t need = f->decode_blocks;
    struct sched_seq s;
    uint64_t at = 0;

    f->plan->n_chunk = 0;
    f->budget = f->v->limits->max_num_batched_tokens - f->n_decode * (1 + f->v->limits->drafts);
    sched_ranks_init(&f->ranks, f->v->limits->ranks, f->budget);
    if (f->v->limits->step_target_ns > 0)
        f->v->step_ns(f->v, SCHED_ANEW, NULL, 0);
    while (f->plan->n_chunk < f->n_partial && room(f) > 0 && f->v->partial(f->v, &at, &s)) {
        if (is_preempted(f->plan, s.seq))
            continue;
        int64_t tokens = within_target(f, &s, least(s.prompt_left, room(f)));
        if (tokens == 0)
            break;
        need += sched_blocks_for(f->v, &s, tokens);
        f->budget -= tokens;
        sched_ranks_add(&f->ranks, tokens);
        keep_time(f, &s, tokens);
        sched_plan_chunk(f->plan, s.seq, tokens);
    }
    return need;
}

static void drop(struct fill *f, const struct sched_seq *s)
{
    sched_plan_preempt(f->plan, s->seq);
    f->n_decode -= s->decodes;
    f->n_partial -= !s->decodes;
    f->decode_blocks -= s->grows;
}

/* ---- who waits ---- */

/* Its chunk in what is left of the step; 0: it waits. */
static int64_t chunk_of(const struct fill *f, const struct sched_seq *s)
{
    const struct scheduler_limits *l = f->v->limits;
    bool prefills = f->plan->n_chunk + f->plan->n_admit > 0;
    int64_t most = l->max_num_batched_tokens / (l->ranks > 1 ? l->ranks : 1); /* of a step, whatever decodes in it */
    bool may_cut = l->chunked_prefill || (!prefills && s->prompt_left > most);

    if (s->prompt_left > room(f) && !may_cut)
        return 0;
    return within_target(f, s, least(s->prompt_left, room(f)));
}

static struct sched_chunk *chunk_in(const struct sched_plan *plan, uint32_t seq)
{
    for (int64_t i = 0; i < plan->n_chunk; i++)
        if (plan->chunk[i].seq == seq)
            return &plan->chunk[i];
    return NULL;
}

/* Blocks that a running one holds or takes in this step. */
static int64_t gain(const struct fill *f, const struct sched_seq *s)
{
    const struct sched_chunk *c = chunk_in(f->plan, s->seq);

    return s->blocks + s->grows + (c ? sched_blocks_for(f->v, s, c->tokens) : 0);
}

static void oust(struct fill *f, const struct sched_seq *s)
{
    struct sched_chunk *c = chunk_in(f->plan, s->seq);

    f->free += gain(f, s);
    f->budget += s->decodes * (1 + f->v->limits->drafts) + (c ? c->tokens : 0);
    f->slots++;
    drop(f, s);
    if (c == NULL)
        return;
    f->plan->n_chunk--;
    for (; c < f->plan->chunk + f->plan->n_chunk; c++)
        *c = c[1];
}

static bool may_preempt(const struct fill *f)
{
    return f->v->limits->preempt_for == PREEMPT_FOR_PRIORITY && f->v->least_priority < INT64_MAX;
}

/* Preempts running ones of a lower priority than s until there is a slot and so many blocks; none if that is not
 * enough. */
static bool make_room(struct fill *f, const struct sched_seq *s, int64_t blocks)
{
    struct sched_seq u;
    uint64_t at = 0;
    int64_t free = f->free, slots = f->slots, n = 0;

    if (!may_preempt(f) || f->v->least_priority >= s->priority)
        return false;
    while (slots < 1 || free < blocks) {
        if (!f->v->victims(f->v, &at, &u) || u.priority >= s->priority)
            return false;
        if (is_preempted(f->plan, u.seq))
            continue;
        free += gain(f, &u);
        slots++;
        n++;
    }
    for (at = 0; n > 0 && f->v->victims(f->v, &at, &u);)
        if (!is_preempted(f->plan, u.seq)) {
            oust(f, &u);
            n--;
        }
    return true;
}

static void admit_waiting(struct fill *f)
{
    struct sched_seq s;
    uint64_t at = 0;

    if (f->v->limits->step_target_ns > 0)
        f->v->decode_ns(f->v, SCHED_ANEW, NULL);
    while ((f->slots > 0 || may_preempt(f)) && room(f) > 0 && f->v->waiting(f->v, &at, &s)) {
        int64_t tokens = chunk_of(f, &s), blocks = sched_blocks_to_admit(f->v, &s, tokens);
        if (tokens == 0 || !batch_within_target(f, &s))
            return;
        if ((f->slots < 1 || blocks > f->free) && !make_room(f, &s, blocks))
            return;
        sched_plan_admit(f->plan, s.seq, tokens);
        f->free -= blocks;
        f->budget -= tokens;
        sched_ranks_add(&f->ranks, tokens);
        f->slots--;
        keep_time(f, &s, tokens);
        if (f->v->limits->step_target_ns > 0)
            f->v->decode_ns(f->v, SCHED_KEEP, &s);
    }
}

static void plan_step(const void *options, const struct sched_view *v, struct sched_plan *plan)
{
    struct fill f; /* its ranks are many, and set where they are used */
    int64_t need, free = v->free_blocks;
    struct sched_seq s;
    uint64_t at = 0;

    (void)options;
    f.v = v;
    f.plan = plan;
    f.n_decode = v->n_decode;
    f.n_partial = v->n_partial;
    f.decode_blocks = v->decode_blocks;
    need = blocks_needed(&f);
    while (need > free && v->victims(v, &at, &s)) {
        drop(&f, &s);
        free += s.blocks;
        need = blocks_needed(&f);
    }
    plan->rank_tokens = f.ranks.most;
    if (plan->n_preempt)
        return;
    f.slots = v->limits->max_num_seqs - f.n_decode - f.n_partial;
    f.free = sched_free_to_admit(v, need);
    admit_waiting(&f);
    plan->rank_tokens = f.ranks.most;
}

const struct scheduler_ops sched_continuous_ops = {
    .policy = {.name = "continuous",
               .help = "iteration-level batching as vLLM v1: one token budget a step for decodes, then prompts"},
    .plan = plan_step,
};

const struct scheduler_ops sched_chunked_ops = {
    .policy = {.name = "chunked",
               .help = "continuous, whose chunked_prefill must then be yes (Sarathi-Serve, vLLM v1)"},
    .plan = plan_step,
};
