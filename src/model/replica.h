/*
 * replica.h - one replica: a batch, its scheduler and its step cost. Knows no event queue: the world calls
 * replica_begin and, when that time has passed, replica_end.
 *
 *   view of the batch --scheduler--> plan --checked, applied--> batch --sums--> cost --> duration
 *
 * A plan that breaks its rules (scheduler.h) is a bug in the policy and aborts.
 *
 * Gaps between tokens: the sequences that decode in a step have had their previous token at the end of the latest
 * step that decoded (last_token_ns), but those that joined since, in a step that left the decodes out, at the end of
 * that one. The step's record has one gap for all: the mean (rounded up to a ns), from a sum kept in O(1), so that the
 * total and the mean of all gaps are right and only their distribution is smoothed. Where no step pauses the decodes,
 * it is the gap of each.
 *
 * Steps of a replica follow each other without a gap while anything runs; what the serving software does between
 * steps is part of the step's cost (engine_options).
 */
#ifndef MODEL_REPLICA_H
#define MODEL_REPLICA_H

#include "model/batch.h"
#include "policy/scheduler.h"

/* What all replicas share; owned by the world. */
struct replica_env {
    struct trace *trace;
    struct pool *pool;
    const struct scheduler_limits *limits;
    const struct scheduler_ops *scheduler;
    const void *scheduler_options;
    const struct cost_ops *cost;
    const void *cost_state; /* prepared */
    int64_t stream_interval;
    struct cost_knees knees;
};

struct replica_counts { /* since the start of the run */
    int64_t steps_started, steps_ended;
    int64_t tokens_out;     /* decodes and ends of prompts */
    int64_t decode_tokens;  /* sequences decoded, summed over steps */
    int64_t prefill_tokens; /* computed, recomputed ones included */
    int64_t dropped_tokens; /* had KV and lost it by preemption */
    int64_t preemptions;
};

/* Requests whose first token the client has not seen yet, in the order in which they will: each waits as many decode
 * steps as the others. One that was preempted meanwhile may be due before those ahead of it; it is shown with them. */
struct held_first {
    uint32_t slot;
    int64_t request;
    uint64_t due; /* decode step that must have ended */
};
struct held_ring {
    struct held_first *at;
    int64_t head, n, cap;
};

struct replica {
    int64_t id;
    struct batch batch;
    struct sched_plan plan; /* of the current step */
    struct ev_step now;     /* of the current step, without its end */
    int64_t last_token_ns;  /* end of the latest step in which the decoding sequences gave a token */
    __int128 late_ns;       /* sum over the decoding sequences of how much later than that their latest token came */
    struct held_ring held;
    bool stepping;         /* between begin and end */
    bool waking;           /* the world has an event pending that will begin a step */
    int64_t front_free_ns; /* the world's: when its front end has served all sent to it */
    int64_t n_front;       /* requests there */
    struct replica_counts counts;
    uint32_t *ended; /* slots of the requests that the last replica_end completed */
    int64_t n_ended, cap_ended;
};

void replica_init(struct replica *r, int64_t id, const struct replica_env *env, int64_t block_tokens, int64_t blocks);
void replica_free(struct replica *r);

/* Plans and starts a step. Gives its duration in ns, or 0 when there is nothing to do. */
int64_t replica_begin(struct replica *r, const struct replica_env *env, int64_t now_ns);
/* Ends it: tokens are given, r->ended lists the completed (their slots are still taken). */
void replica_end(struct replica *r, const struct replica_env *env, int64_t now_ns);

#endif
