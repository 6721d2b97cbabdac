/*
 * request.h - the requests in flight: a pool of slots, reused, so that memory grows with what is in flight.
 *
 * A slot number (uint32) names a request inside the model; slots are reused after the request ended. `id` is
 * the request's own number, by arrival, never reused.
 *
 * Each request stands in the list of all in flight (by arrival), and in at most one of a replica's
 * waiting queue and running list, and, while its prompt is being computed, in the replica's list of partials.
 *
 *   arrived --> front end --> waiting --admit--> partial --prompt done--> decoding --last token--> ended
 *      (held)   (if it takes     ^------------------+----------preempt-------+
 *                time at all)
 *
 * A waiting request may have KV already, or have it on its way (loads > 0): kv.h.
 *
 * Lists are intrusive and doubly linked by slot; slot SLOT_NONE ends them.
 * Not stored: how far a decoding request is. It follows from the step it joined at (batch.h).
 */
#ifndef MODEL_REQUEST_H
#define MODEL_REQUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "policy/memory.h"
#include "trace/trace.h"
#include "workload/chain.h"

#define SLOT_NONE UINT32_MAX

enum request_phase { PHASE_ARRIVED, PHASE_FRONT, PHASE_WAITING, PHASE_PARTIAL, PHASE_DECODING };

/* Which links a list uses: a request can be in one list of each sort. */
enum link { LINK_ALL, LINK_QUEUE, LINK_PARTIAL, LINKS };

struct request {
    int64_t id, class_id, replica;
    int64_t input_tokens, output_tokens;
    int64_t generated;  /* tokens given; while decoding: at the step it joined */
    int64_t computed;   /* tokens with KV in the cache; while decoding: at the step it joined */
    int64_t chunk;      /* tokens being computed in the current step; 0: none */
    uint64_t join_step; /* decoding: first step in which it decodes */
    int64_t t_arrive_ns, t_admit_ns, t_first_ns; /* -1: not yet */
    int64_t t_last_ns;                           /* its latest token: while decoding, as of its joining; -1: none yet */
    int64_t preemptions, rerouted;
    enum request_phase phase;
    /* KV cache (kv.h) */
    struct chain chain;    /* of the prompt and what follows it; the workload's until the request ends */
    int64_t prompt_blocks; /* of the chain */
    int64_t known_blocks;  /* of them: earlier calls of its context, or agent, had them (agents only) */
    int64_t alone_ns;      /* and its time on an idle machine (alone.h) */
    int64_t hit_blocks,
        hit_tokens;        /* of them found in any tier at look-up; tokens that need no computing thanks to it */
    int64_t shared;        /* KV blocks of its own that the prefix cache holds for it, from the start */
    int64_t t_look_ns;     /* look-up; -1: not yet */
    int32_t hit[1 + MEMORY_TIERS_MAX]; /* what it found: blocks in HBM and in each tier */
    int64_t restored_ns;   /* time that it waited for KV from lower tiers */
    int32_t pin;           /* on the cache, or -1 */
    int32_t loads;         /* transfers under way for it */
    int64_t load_ns;       /* when they began */
    bool considered;       /* a restore was begun for it, since it last queued up */
    bool looked;           /* lower tiers had nothing worth it when last asked */
    int64_t swapped;       /* tokens whose KV was swapped out; 0: none */
    /* From the replica that computed its prompt to the one that answers (kv_hand.c) */
    int64_t from, to;               /* whose HBM has its KV until all has come; where it has room meanwhile; or -1 */
    int64_t from_blocks, to_blocks; /* KV blocks of its own in the one, set aside in the other */
    int64_t to_shared;              /* those that the cache of the other has */
    int32_t from_pin, to_pin;
    bool sent;                      /* all came before its prompt was done; or to the tier that it goes via */
    int64_t stored, stored_unit;    /* blocks of the cache set aside for it in that tier, and in which unit; 0: none */
    int64_t t_handed_ns;            /* when it was; -1: not yet, or it never leaves */
    int64_t handoff_ns;             /* from then to its admission there */
    int64_t prefill_replica;        /* where it was; -1: where it is answered */
    int held;              /* 1 + the fleet whose router holds it; 0: none does */
    int lost;              /* 1 + enum fault_requests: its KV was lost in a step that still goes on; 0: no */
    int64_t session, turn; /* -1: none */
    uint32_t session_slot; /* for the workload */
    uint64_t front_event;  /* the world's: when it leaves the front end */
    /* Its client (world_client.c) */
    bool admitted;         /* it was let in */
    int64_t attempt, retries_left;
    int64_t first_request, t_call_ns; /* of the call: its first attempt, and when that came */
    uint64_t timeout_event;
    int64_t t_gone_ns;     /* the client gave up, in a step that still goes on; -1: no */
    uint32_t next_gone;    /* of its replica's */
    int64_t max_tokens;    /* that it announced, at least output_tokens */
    /* Its place among the waiting (queue.h) */
    int64_t order_key, predicted; /* predicted: output tokens; 0: not asked for yet */
    uint32_t child[2];
    bool placed, charged;
    bool touched;          /* its state changed since the last commit (pool_touch) */
    uint32_t prev[LINKS], next[LINKS];
};

struct list {
    uint32_t head, tail;
    int64_t n;
};

struct request_share;

struct pool {
    struct request *at;
    struct request_share *share; /* by slot (attribute.h); NULL unless `attributes` */
    bool attributes;
    uint32_t *heap_pos; /* for the heap of completions (heap.h); by slot */
    uint32_t cap, free; /* free slots linked by next[LINK_ALL] */
    struct list all;    /* by arrival */
    uint32_t *touched;  /* slots, in the order of their change; may hold slots whose request has ended since */
    int64_t n_touched, cap_touched;
};

void pool_init(struct pool *p);
void pool_free(struct pool *p);
/* A zeroed request with times -1 and replica -1, at the end of the list of all. Pointers into the pool die. */
uint32_t pool_take(struct pool *p);
void pool_give(struct pool *p, uint32_t slot);
/* Its row in the results file is out of date: it arrived, was routed, admitted or preempted, or gave its first token.
 */
void pool_touch(struct pool *p, uint32_t slot);

void list_init(struct list *l);
void list_push_back(struct pool *p, struct list *l, enum link k, uint32_t slot);
void list_push_front(struct pool *p, struct list *l, enum link k, uint32_t slot);
/* Behind `before`; SLOT_NONE: to the front. */
void list_insert(struct pool *p, struct list *l, enum link k, uint32_t before, uint32_t slot);
void list_remove(struct pool *p, struct list *l, enum link k, uint32_t slot);

/* Tokens to compute before it can decode: the prompt, and after a preemption what it had generated too. */
static inline int64_t request_prompt_left(const struct request *r)
{
    return r->input_tokens + r->generated - r->computed;
}

#endif
