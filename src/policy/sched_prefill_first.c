/*
 * prefill_first - prompts before answers, as SGLang's default: while a prompt can be computed, decodes pause.
 *
 *   1. if a prompt is under way or waits and can go on or be admitted, the step computes prompts only, up to
 *      max_num_batched_tokens: first those under way, then the waiting in order while slots, budget and blocks last.
 *      The first that does not fit ends admission: nobody overtakes;
 *   2. otherwise all decode; if their new KV blocks do not fit, some are preempted as in continuous.
 *
 * With chunked_prefill the last prompt of a step may be cut to the budget left and is the first of the next step,
 * still before any decode; without, one that does not fit into what is left waits for the next step, and one that no
 * budget could hold gets a step's whole budget when nothing else prefills.
 *
 * Admission asks for the blocks of the whole prompt, and when others run, for one more block (with speculation what a
 * step may take) for each that would then be running. Without such a reserve a full cache would admit, by a step of its
 * own, in each step the request that the next decode step must preempt: decodes would stand still while one prompt is
 * computed again and again.
 *
 * So decodes stall for as long as prompts come: TTFT is short and the tail of ITL long, against continuous.
 *
 * Not modelled: SGLang's own reserve, an adaptive share of the running requests' announced max_new_tokens (no policy
 * sees an output length here); its order of preemption (fewest tokens generated first); its mixed chunks
 * (--enable-mixed-chunk: that is continuous).
 */
#include "policy/ranks.h"
#include "policy/scheduler.h"

extern const struct scheduler_ops sched_continuous_ops;

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* A prompt's chunk in a step with room for so many tokens of it, empty for `most`; 0: it waits for the next. */
static int64_t chunk_of(const struct sched_view *v, const struct sched_seq *s, int64_t room, int64_t most,
                        bool prefills)
{
    bool may_cut = v->limits->chunked_prefill || (!prefills && s->prompt_left > most);

    return s->prompt_left <= room || may_cut ? least(s->prompt_left, room) : 0;
}

/* Fills a step of prompts; leaves the plan empty where none can be computed. */
static void plan_prompts(const struct sched_view *v, struct sched_plan *plan)
{
    int64_t budget = v->limits->max_num_batched_tokens, free = v->free_blocks, tokens, blocks, room;
    int64_t running = v->n_decode + v->n_partial;
    int64_t grow = (1 + v->limits->drafts + v->block_tokens - 1) / v->block_tokens; /* blocks, of a decode at most */
    struct sched_ranks ranks;
    struct sched_seq s;
    uint64_t at = 0;

    sched_ranks_init(&ranks, v->limits->ranks, budget);
    while ((room = least(budget, sched_ranks_room(&ranks))) > 0 && v->partial(v, &at, &s)) {
        tokens = least(s.prompt_left, room);
        blocks = sched_blocks_for(v, &s, tokens);
        if (blocks > free)
            return;
        sched_plan_chunk(plan, s.seq, tokens);
        free -= blocks;
        budget -= tokens;
        sched_ranks_add(&ranks, tokens);
        plan->rank_tokens = ranks.most;
    }
    free = sched_free_to_admit(v, v->free_blocks - free);
    at = 0;
    while ((room = least(budget, sched_ranks_room(&ranks))) > 0 && running < v->limits->max_num_seqs &&
           v->waiting(v, &at, &s)) {
        tokens = chunk_of(v, &s, room, ranks.limit, plan->n_chunk + plan->n_admit > 0);
        blocks = sched_blocks_to_admit(v, &s, s.prompt_left);
        if (tokens == 0 || blocks + (running > 0 ? grow * (running + 1) : 0) > free)
            return;
        sched_plan_admit(plan, s.seq, tokens);
        free -= blocks;
        budget -= tokens;
        sched_ranks_add(&ranks, tokens);
        plan->rank_tokens = ranks.most;
        running++;
    }
}

static void plan_step(const void *options, const struct sched_view *v, struct sched_plan *plan)
{
    plan_prompts(v, plan);
    plan->decodes_pause = plan->n_chunk + plan->n_admit > 0;
    if (plan->decodes_pause)
        return;
    sched_continuous_ops.plan(options, v, plan);
    plan->n_admit = 0;
}

const struct scheduler_ops sched_prefill_first_ops = {
    .policy = {.name = "prefill_first",
               .help = "prompts before answers as SGLang: while a prompt can be computed, decodes pause"},
    .plan = plan_step,
};
