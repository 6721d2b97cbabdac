/*
 * replica.h - one replica: a batch, its scheduler and its step cost. Knows no event queue: the world calls
 * replica_begin and, when that time has passed, replica_end.
 *
 *   view of the batch --scheduler--> plan --checked, applied--> batch --sums--> cost --> duration
 *
 * A plan that breaks its rules (scheduler.h) is a bug in the policy and aborts.
 * Steps of a replica follow each other without a gap while anything runs; what the serving software does between
 * steps is part of the step's cost (engine_options).
 */
#ifndef MODEL_REPLICA_H
#define MODEL_REPLICA_H

#include "model/batch.h"
#include "policy/cost.h"
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
};

struct replica_counts { /* since the start of the run */
    int64_t steps_started, steps_ended;
    int64_t tokens_out;     /* decodes and ends of prompts */
    int64_t decode_tokens;  /* sequences decoded, summed over steps */
    int64_t prefill_tokens; /* computed, recomputed ones included */
    int64_t dropped_tokens; /* had KV and lost it by preemption */
    int64_t preemptions;
};

struct replica {
    int64_t id;
    struct batch batch;
    struct sched_plan plan; /* of the current step */
    struct ev_step now;     /* of the current step, without its end */
    int64_t last_token_ns;  /* when the decoding sequences gave their latest token */
    bool stepping;          /* between begin and end */
    bool waking;            /* the world has an event pending that will begin a step */
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
