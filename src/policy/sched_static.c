/*
 * static - a closed batch: up to max_num_seqs waiting requests start together, and none joins until all
 * have ended. The baseline that continuous batching is measured against.
 *
 * The batch is closed at the first step that starts with nothing running: those that fit (slots and KV blocks
 * for their whole prompts) are taken then; the budget only spreads their prompts over steps.
 * Since a sequence needs a chunk to be admitted, members beyond the first step's budget are admitted
 * with what is left of it: at least one token each. Without chunked_prefill the batch is those whose prompts fit
 * into one step whole.
 * Not modelled: padding (a slot whose sequence has ended costs nothing here) and reserving the longest
 * possible output; when decodes outgrow the cache, the last in order is preempted as in continuous batching.
 */
#include "policy/scheduler.h"

extern const struct scheduler_ops sched_continuous_ops;

static void plan_step(const void *options, const struct sched_view *v, struct sched_plan *plan)
{
    if (v->n_decode + v->n_partial > 0) { /* the batch is closed: go on with it, admit nobody */
        sched_continuous_ops.plan(options, v, plan);
        plan->n_admit = 0;
        return;
    }

    int64_t budget = v->limits->max_num_batched_tokens, free = v->free_blocks, members = 0, prompts = 0;
    struct sched_seq s;
    uint64_t at = 0;
    while (members < v->limits->max_num_seqs && v->waiting(v, &at, &s)) {
        int64_t blocks = sched_blocks_to_admit(v, &s, s.prompt_left);
        prompts += s.prompt_left;
        if (blocks > free || (members > 0 && prompts > budget && !v->limits->chunked_prefill))
            break;
        free -= blocks;
        members++;
    }
    at = 0;
    for (; members > 0 && v->waiting(v, &at, &s); members--) {
        int64_t most = budget - (members - 1); /* leaves a token for each of the others */
        int64_t tokens = s.prompt_left < most ? s.prompt_left : most;
        sched_plan_admit(plan, s.seq, tokens);
        budget -= tokens;
    }
}

const struct scheduler_ops sched_static_ops = {
    .policy = {.name = "static", .help = "a closed batch: the next starts when all sequences of this one have ended"},
    .plan = plan_step,
};
