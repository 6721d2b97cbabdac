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
 * With speculation a step that decodes takes the time of verification and drafting, and gives each of its sequences one
 * token or several at once (policy/speculation.h). So a gap is the time between two outputs of a sequence, as vLLM's
 * benchmark measures ITL from the chunks that it is sent; TPOT is a request's time over its tokens.
 *
 * A server whose receive_interval is more than 1 looks at the requests that came (SGLang's
 * --scheduler-recv-interval) before that many decode steps only, after each step with prompts, and when nothing runs.
 * One with a balance_timeout (TensorRT-LLM's attention_dp_config) looks once there is a request for each rank, or when
 * the first has waited for so many decode steps. One with a batch_wait_timeout (its batch_wait_timeout_iters) looks
 * once the new prompts and the decodes are batch_wait_tokens, when nothing decodes, or when the first has waited for so
 * many steps. Those it has not seen are the tail of the waiting queue, which is kept from the scheduler.
 *
 * Steps of a replica follow each other without a gap while anything runs; what the serving software does between
 * steps is part of the step's cost (engine_options).
 */
#ifndef MODEL_REPLICA_H
#define MODEL_REPLICA_H

#include "model/attribute.h"
#include "model/batch.h"
#include "policy/scheduler.h"
#include "policy/speculation.h"

struct group;
struct kv;

struct replica_starts { /* of all replicas, since the start of the run: requests that gave their first token */
    int64_t all, told, *of_class; /* told: to the admission policy */
};

/* What the replicas of a fleet share. */
struct replica_env {
    struct trace *trace;
    struct pool *pool;
    const struct scheduler_limits *limits;
    const struct scheduler_ops *scheduler;
    const void *scheduler_options;
    const struct layout *layout;
    const struct cost_ops *cost;
    const void *cost_state; /* prepared */
    bool looks_always; /* at what came: before each step */
    int64_t receive_interval, stream_interval;
    int64_t balance_timeout, ranks; /* 0 where ranks is 1 */
    int64_t batch_wait_timeout, batch_wait_tokens; /* 0 where ranks is more */
    struct cost_knees knees;
    const struct queue_env *order; /* NULL: first come, first served */
    bool reserves;                 /* nothing is ever preempted for want of blocks: admission reserves them */
    bool hands_over;               /* those whose prompts are done go on elsewhere */
    const struct speculation *speculation; /* NULL or without drafts: none */
    uint64_t seed, replication;
    struct kv *kv; /* NULL: no prefix cache and no tiers */
    bool keeps_cost; /* of a step: it shares the HBM port, its time takes other ranks' too, or it has drafts */
    struct replica_starts *starts; /* NULL: nobody wants to know */
    bool attributes;               /* whose the time of steps is, is told (attribute.h) */
    int which_pool;
};

struct replica_counts { /* since the start of the run */
    int64_t steps_started, steps_ended, steps_abandoned;
    int64_t tokens_out;     /* decodes and ends of prompts */
    int64_t decode_tokens;  /* that decodes gave */
    int64_t prefill_tokens; /* computed, recomputed ones included */
    int64_t dropped_tokens; /* had KV and lost it by preemption */
    int64_t preemptions;
    int64_t expert_wait_ns; /* of steps, for experts that were not in HBM */
    int64_t kv_wait_ns;     /* of requests, for KV from below HBM; and to compute again what preemption dropped */
    int64_t cached_tokens; /* that requests began with: from the cache, restored or swapped in */
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
    const struct replica_env *env;
    struct batch batch;
    struct sched_plan plan; /* of the current step */
    struct ev_step now;     /* of the current step, without its end */
    int64_t last_token_ns;  /* end of the latest step in which the decoding sequences gave a token */
    __int128 late_ns;       /* sum over the decoding sequences of how much later than that their latest token came */
    struct held_ring held;
    struct attribution *attribution;   /* NULL: nobody asks whose its time is */
    struct speculation_clock *drafts;  /* NULL: no speculation */
    struct ev_speculation speculation; /* of the current step, where it has drafts */
    uint32_t unseen;   /* the first of the waiting that the server has not looked at; SLOT_NONE: it has seen all */
    int64_t n_unseen;  /* how many those are */
    int64_t n_loading; /* of the waiting: those whose KV is on its way and who cannot be admitted before it is here */
    int64_t looked;    /* decode steps since it looked, or with a timeout since the first unseen came */
    int64_t down;      /* faults that keep it down */
    double speed;      /* of its steps: 1, or what faults leave */
    bool stepping;     /* between begin and end */
    bool computed;     /* the step's work is done; it ends when the KV of its prompts has arrived (replica_waits) */
    int64_t loads_from_ns; /* since when the step waits for nothing but the KV of its prompts; -1: it does not */
    int gates;         /* transfers that the step waits for, beside those of its prompts */
    struct cost_step cost; /* of the current step, where env.keeps_cost */
    bool waking;           /* the world has an event pending that will begin a step */
    uint64_t end_event;    /* the world's: the end of the step, where it shares no ports */
    int64_t front_free_ns; /* the world's: when its front end has served all sent; a group's: the first member's */
    int64_t n_front;       /* requests there */
    uint32_t gone;         /* the world's: the first of those given up in the current step; SLOT_NONE */
    struct group *group;   /* the world's: the replica of the scenario that it is a member of; NULL: it is one itself */
    int64_t own_ns;        /* the group's: of the current step, what is its own work */
    struct replica_counts counts;
    uint32_t *victim; /* of a plan: the running in the order in which they are preempted */
    int64_t cap_victim;
    uint32_t *ended; /* slots of the requests that the last replica_end completed */
    int64_t n_ended, cap_ended;
    uint32_t *handed; /* slots of those whose prompts it has done and who leave (env.hands_over) */
    int64_t n_handed, cap_handed;
};

void replica_init(struct replica *r, int64_t id, const struct replica_env *env, int64_t block_tokens, int64_t blocks);
void replica_free(struct replica *r);

/* A request has come to its waiting queue. */
void replica_enqueue(struct replica *r, uint32_t slot);
/* Fills r->plan: a part of replica_begin (replica_view.c). */
void replica_plan(struct replica *r, const struct replica_env *env, int64_t now_ns);
/* Plans and starts a step. Gives its duration in ns, or 0 when there is nothing to do. */
int64_t replica_begin(struct replica *r, const struct replica_env *env, int64_t now_ns);
/* Whether the step holds a prompt whose prefix still arrives, layer by layer. O(prompts of the step). */
bool replica_waits(const struct replica *r, const struct replica_env *env);
/* Ends it: tokens are given, r->ended lists the completed (their slots are still taken). */
void replica_end(struct replica *r, const struct replica_env *env, int64_t now_ns);

/* ---- faults ---- */

/* It goes down: its step comes to nothing, all its requests are back in the waiting queue, without KV. */
void replica_fail(struct replica *r, const struct replica_env *env, int64_t now_ns);
/* A waiting request leaves it, with nothing. */
void replica_withdraw(struct replica *r, const struct replica_env *env, uint32_t slot);
/* The same of any, whatever KV it has; one that runs, between steps only. Nothing may be on its way to it. */
void replica_drop(struct replica *r, const struct replica_env *env, uint32_t slot);
/* A request's KV is lost. In a step, it is preempted (request.lost) when that ends, and heads the queue then. */
void replica_lose_kv(struct replica *r, const struct replica_env *env, uint32_t slot);

/* For replica_leave.c. One that runs is back among the waiting, without its KV; gives the blocks freed. Likewise, and
 * told as a preemption: by the plan, or since its KV was lost. */
int64_t replica_take_back(struct replica *r, const struct replica_env *env, uint32_t slot);
void replica_preempt(struct replica *r, const struct replica_env *env, uint32_t slot, bool lost, int64_t now_ns);

#endif
