/*
 * scheduler.h - what one engine iteration (step) of a replica does.
 *
 * The replica hands over a view between two steps; the scheduler fills a plan: whom to preempt, which
 * prompts to work on and by how many tokens, whom to admit. Either every running sequence whose prompt is done
 * decodes one token in the step, or none does (decodes_pause): that is the model's rule, and what keeps a step O(1).
 *
 * The plan must keep (checked by the replica, tested for each registered scheduler):
 *   tokens   n_decode left after preemption + sum of chunks <= max_num_batched_tokens (n_decode 0 when they pause)
 *   seqs     running after the plan <= max_num_seqs
 *   blocks   what decodes and chunks need <= free + freed by preemption (decodes none when they pause)
 *   work     at least one decode or chunk, unless nothing runs or waits
 *   once     no sequence twice; only the running are preempted, only the waiting admitted
 */
#ifndef POLICY_SCHEDULER_H
#define POLICY_SCHEDULER_H

#include <stdbool.h>
#include <stdint.h>

#include "policy/policy.h"

/* [scheduler] keys that all schedulers share. */
struct scheduler_limits {
    int64_t max_num_seqs;
    int64_t max_num_batched_tokens;
    bool chunked_prefill;
};

/* A sequence as a scheduler may see it: no output length. */
struct sched_seq {
    uint32_t seq;        /* id, valid during the call */
    int64_t prompt_left; /* tokens still to be computed before it can decode (prompt, or prompt + generated
                            tokens after a preemption) */
    int64_t computed;    /* tokens with KV in the cache */
    int64_t blocks;      /* KV blocks it holds */
    int64_t t_arrive_ns;
    bool grows;   /* decodes, and its next token needs a new block */
    bool decodes; /* its prompt is done */
};

struct sched_view {
    int64_t now_ns;
    const struct scheduler_limits *limits;
    int64_t block_tokens;
    int64_t free_blocks;
    int64_t n_decode;      /* running sequences whose prompt is done */
    int64_t decode_blocks; /* new blocks those need in the next step */
    int64_t n_partial;     /* running sequences in the middle of their prompt */
    int64_t n_waiting;

    /* Cursors; *at is opaque, start with 0. False at the end. */
    bool (*partial)(const struct sched_view *v, uint64_t *at, struct sched_seq *out); /* in admission order */
    bool (*waiting)(const struct sched_view *v, uint64_t *at, struct sched_seq *out); /* in queue order */
    bool (*latest)(const struct sched_view *v, uint64_t *at, struct sched_seq *out);  /* running, latest first */
};

struct sched_chunk {
    uint32_t seq;
    int64_t tokens;
};

struct sched_plan {     /* arrays owned by the replica, grown by the sched_plan_* functions */
    bool decodes_pause; /* the step computes prompts only */
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

#endif
