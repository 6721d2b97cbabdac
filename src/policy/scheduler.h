/*
 * scheduler.h - what one engine iteration (step) of a replica does.
 *
 * The replica hands over a view between two steps; the scheduler fills a plan: whom to preempt, which
 * prompts to work on and by how many tokens, whom to admit. Either every running sequence whose prompt is done
 * decodes in the step, or none does (decodes_pause): that is the model's rule, and what keeps a step O(1).
 *
 * The plan must keep (checked by the replica, tested for each registered scheduler):
 *   tokens   (1 + drafts) n_decode left after preemption + sum of chunks <= max_num_batched_tokens (n_decode 0 when
 *            they pause)
 *   seqs     running after the plan <= max_num_seqs
 *   blocks   what decodes and chunks need <= free + freed by preemption (decodes none when they pause)
 *   work     at least one decode or chunk, unless nothing runs or waits
 *   once     no sequence twice; only the running are preempted, only the waiting admitted
 *   order    the waiting are admitted as their cursor gives them, none left out; the running are preempted likewise
 *
 * It is not asked where there is nothing to decide: nobody waits, no prompt is under way and the blocks that the
 * decodes need are free. They all decode then.
 *
 * Where nothing is ever to be preempted ([cache] preempt = none), admission reserves all blocks that a request may
 * come to need: most_blocks of it, ahead_blocks of those who run. Else both are 0.
 */
#ifndef POLICY_SCHEDULER_H
#define POLICY_SCHEDULER_H

#include <stdbool.h>
#include <stdint.h>

#include "policy/policy.h"

enum preempt_for { PREEMPT_FOR_NONE, PREEMPT_FOR_PRIORITY };

/* [scheduler] keys that all schedulers share. */
struct scheduler_limits {
    int64_t max_num_seqs;
    int64_t max_num_batched_tokens;
    bool chunked_prefill;
    int64_t step_target_ns; /* of a step that decodes; 0: none */
    int preempt_for;        /* enum above: who waits may have who runs preempted */
    int64_t ranks;          /* attention ranks over which the tokens are spread, set by the model; below 2: none */
    int64_t drafts;         /* that each decode verifies beside its token, set by the model */
};

/* A sequence as a scheduler may see it: no output length. */
struct sched_seq {
    uint32_t seq;        /* id, valid during the call */
    int64_t prompt_left; /* tokens still to be computed before it can decode (prompt, or prompt + generated
                            tokens after a preemption) */
    int64_t computed;    /* tokens with KV in the cache */
    int64_t blocks;      /* KV blocks it holds */
    int64_t t_arrive_ns;
    int64_t most_blocks; /* waiting: blocks that must be free for it, if more than its chunk's */
    int64_t priority;    /* of its class */
    int64_t grows; /* new blocks that its next token, and the drafts with it, may need; 0 unless it decodes */
    bool decodes; /* its prompt is done */
};

enum sched_trial { SCHED_ANEW, SCHED_TRY, SCHED_KEEP };

struct sched_view {
    int64_t now_ns;
    const struct scheduler_limits *limits;
    int64_t block_tokens;
    int64_t free_blocks;
    int64_t n_decode;      /* running sequences whose prompt is done */
    int64_t decode_blocks; /* new blocks those need in the next step */
    int64_t n_partial;     /* running sequences in the middle of their prompt */
    int64_t n_waiting;
    int64_t ahead_blocks;   /* of the free blocks: kept for the running */
    int64_t least_priority; /* of the running; INT64_MAX: none runs */

    /* Cursors; *at is opaque, start with 0. False at the end. */
    bool (*partial)(const struct sched_view *v, uint64_t *at, struct sched_seq *out); /* in admission order */
    bool (*waiting)(const struct sched_view *v, uint64_t *at, struct sched_seq *out); /* in queue order */
    /* Running, in the order in which they are to be preempted: the last of [scheduler] order first (order.h). */
    bool (*victims)(const struct sched_view *v, uint64_t *at, struct sched_seq *out);

    /* What the cost model says. SCHED_ANEW forgets what was kept; SCHED_TRY and SCHED_KEEP give the time with one more
     * sequence, and SCHED_KEEP counts it in from then on. All that decode are always counted, the preempted too.
     *   step_ns     of the step, with a chunk of so many tokens of s
     *   decode_ns   of a step in which all that run and were kept decode, and s too, with the contexts of their prompts
     */
    int64_t (*step_ns)(const struct sched_view *v, enum sched_trial what, const struct sched_seq *s, int64_t tokens);
    int64_t (*decode_ns)(const struct sched_view *v, enum sched_trial what, const struct sched_seq *s);
};

struct sched_chunk {
    uint32_t seq;
    int64_t tokens;
};

struct sched_plan {     /* arrays owned by the replica, grown by the sched_plan_* functions */
    bool decodes_pause; /* the step computes prompts only */
    int64_t rank_tokens; /* prompt tokens of the attention rank that has most; 0: not said */
    uint32_t *preempt;
    struct sched_chunk *chunk; /* partial sequences that go on */
    struct sched_chunk *admit; /* waiting sequences that start, with their first chunk; in this order */
    int64_t n_preempt, n_chunk, n_admit;
    int64_t cap_preempt, cap_chunk, cap_admit;
};

void sched_plan_clear(struct sched_plan *p);
void sched_plan_free(struct sched_plan *p);
void sched_plan_preempt(struct sched_plan *p, uint32_t seq);
void sched_plan_chunk(struct sched_plan *p, uint32_t seq, int64_t tokens);
void sched_plan_admit(struct sched_plan *p, uint32_t seq, int64_t tokens);

struct scheduler_ops {
    struct policy policy;
    void (*plan)(const void *options, const struct sched_view *view, struct sched_plan *plan);
};

/* Blocks that a sequence must gain to hold `tokens` more. */
static inline int64_t sched_blocks_for(const struct sched_view *v, const struct sched_seq *s, int64_t tokens)
{
    int64_t need = (s->computed + tokens + v->block_tokens - 1) / v->block_tokens;
    return need > s->blocks ? need - s->blocks : 0;
}

/* Blocks that must be free for a waiting one to start with `tokens`. */
static inline int64_t sched_blocks_to_admit(const struct sched_view *v, const struct sched_seq *s, int64_t tokens)
{
    int64_t now = sched_blocks_for(v, s, tokens);

    return now > s->most_blocks ? now : s->most_blocks;
}

/* Free blocks that admission may use, when the running take `need` of them in this step. */
static inline int64_t sched_free_to_admit(const struct sched_view *v, int64_t need)
{
    return v->free_blocks - (need > v->ahead_blocks ? need : v->ahead_blocks);
}

#endif
