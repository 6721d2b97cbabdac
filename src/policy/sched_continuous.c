/*
 * continuous - iteration-level batching as vLLM v1 does it, first come first served.
 *
 * One token budget a step (max_num_batched_tokens) over the running, then the waiting:
 *   1. each decoding sequence takes one token; if the new KV blocks do not fit, the latest admitted are
 *      preempted, one by one, until they do (they return to the queue's head and compute all again);
 *   2. sequences in the middle of their prompt go on, in the order of admission, within the budget;
 *      their blocks count in 1, so that one which does not fit is preempted itself (it is the latest);
 *   3. only if nothing was preempted, waiting requests are admitted from the queue's head while budget, slots
 *      and blocks last. With chunked_prefill a prompt may be cut to the budget left; without, one that does
 *      not fit into what is left waits for the next step, and one that no budget could hold gets a step's whole budget
 *      when nothing else prefills (scenario checks refuse that where it can be known).
 * The first request that does not fit ends admission: nobody overtakes.
 *
 * As in vLLM v1, admission asks for the blocks of the first chunk only. When the cache is nearly full, a long prompt
 * can therefore be admitted, fail to grow, be preempted and be admitted again for many steps.
 */
#include "policy/scheduler.h"

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* What the running need: one token a decode, the rest of the budget to partial prompts. Fills the chunks. */
static int64_t blocks_needed(const struct sched_view *v, int64_t n_decode, int64_t decode_blocks, int64_t n_partial,
                             struct sched_plan *plan)
{
    int64_t budget = v->limits->max_num_batched_tokens - n_decode, need = decode_blocks;
    struct sched_seq s;
    uint64_t at = 0;

    plan->n_chunk = 0;
    for (int64_t i = 0; i < n_partial && budget > 0 && v->partial(v, &at, &s); i++) {
        int64_t tokens = least(s.prompt_left, budget);
        need += sched_blocks_for(v, &s, tokens);
        budget -= tokens;
        sched_plan_chunk(plan, s.seq, tokens);
    }
    return need;
}

static void plan_step(const void *options, const struct sched_view *v, struct sched_plan *plan)
{
    int64_t n_decode = v->n_decode, decode_blocks = v->decode_blocks, n_partial = v->n_partial, free = v->free_blocks;
    struct sched_seq s;
    uint64_t at = 0;

    (void)options;
    int64_t need = blocks_needed(v, n_decode, decode_blocks, n_partial, plan);
    while (need > free && v->latest(v, &at, &s)) {
        sched_plan_preempt(plan, s.seq);
        free += s.blocks;
        n_decode -= s.decodes;
        n_partial -= !s.decodes;
        decode_blocks -= s.grows;
        need = blocks_needed(v, n_decode, decode_blocks, n_partial, plan);
    }
    if (plan->n_preempt)
        return;

    int64_t budget = v->limits->max_num_batched_tokens - n_decode;
    for (int64_t i = 0; i < plan->n_chunk; i++)
        budget -= plan->chunk[i].tokens;
    int64_t slots = v->limits->max_num_seqs - n_decode - n_partial;
    bool prefills = plan->n_chunk > 0;
    free -= need;
    at = 0;
    while (slots > 0 && budget > 0 && v->waiting(v, &at, &s)) {
        int64_t tokens = least(s.prompt_left, budget);
        if (tokens < s.prompt_left && !v->limits->chunked_prefill &&
            (prefills || s.prompt_left <= v->limits->max_num_batched_tokens))
            break;
        int64_t blocks = sched_blocks_for(v, &s, tokens);
        if (blocks > free)
            break;
        sched_plan_admit(plan, s.seq, tokens);
        free -= blocks;
        budget -= tokens;
        slots--;
        prefills = true;
    }
}

const struct scheduler_ops sched_continuous_ops = {
    .policy = {.name = "continuous",
               .help = "iteration-level batching as vLLM v1: one token budget a step, FCFS, preemption by recompute"},
    .plan = plan_step,
};
