/*
 * batch.h - the running batch of one replica and its paged KV blocks, in closed form.
 *
 * A decode step costs O(1) in the batch size plus its completions. No per-sequence work is done in a step,
 * since each decoding sequence gains exactly one token a step: what it holds follows from the step it
 * joined at. A step that leaves the decodes out (scheduler.h, decodes_pause) moves none of them, so it does not count:
 * t, the index of the next step, counts only the steps in which the decoding sequences decode. With j, c, g the step,
 * the cached and the generated tokens at joining:
 *
 *     computed(t) = c + (t - j)        generated(t) = g + (t - j)
 *
 * and for the batch, sums are kept:
 *
 *     n_decode, ctx = sum of computed(t)           ctx grows by n_decode a step
 *     last step of a sequence = j + (output - g) - 1      a heap by last step gives the completions
 *     its next token needs a new block when computed(t) = 0 mod B, i.e. when t = (j - c) mod B:
 *     grow[(j - c) mod B] counts the sequences by that phase, so step t needs grow[t mod B] new blocks
 *
 *     phase:   0   1   2  ...  B-1
 *     grow:  [ 3 | 0 | 5 | ... | 1 ]      t mod B walks along
 *
 * Reads of the cache that are piecewise linear in the context (windows, top-k: attn.h) need, for each knee k of the
 * model, S_k = sum of min(x(t), k), where x(t) = computed(t) + 1 are the tokens attended in step t. A sequence is below
 * the knee while x(t) < k; x passes k once, at
 *
 *     t = j + (k - 1 - c)      when c + 1 < k, else it joins at or beyond the knee
 *
 * and S_k grows by n_below a step. Who is below passes within the next k - 1 steps, so these steps differ mod k, and
 * counters as of grow suffice: cross[(j - c - 1) mod k] counts the sequences below by the phase at which they pass.
 * Step t takes cross[t mod k] off n_below and clears it; who leaves early takes itself out of both. So a knee costs
 * O(1) a step, a joining and a leaving, whatever happens in them, and 4 k bytes.
 *
 *     x:      c+1 . . . . . . . k-1   k    k+1
 *     min:    c+1 . . . . . . . k-1   k     k
 *     t:      j                     j+k-1-c
 *             |------- below -------|---- not ---
 *
 * Speculation (policy/speculation.h): a step in which each decoding sequence gains several tokens counts as so many
 * steps of t, one batch_end each; a sequence that ends within them leaves there. Blocks for all of them are taken when
 * the step begins, and those that who left did not come to need are given back with the last.
 *
 * Blocks: a sequence with n tokens in the cache holds ceil(n / B), less the first ones where the prefix cache holds
 * them for it (request.shared): those count in `cached`, once for all who share them, with what the cache keeps for
 * later. used + cached <= total when a step begins (kv.h evicts what the step needs).
 *
 * Where admission reserves, ahead = sum over the running of batch_most_blocks less the blocks of what each has.
 *
 * A step is batch_admit/chunk/preempt (any number), then batch_begin, then batch_end. Between begin and end
 * nothing may change but the waiting queue's tail.
 *
 * Invariants (batch_check recounts them by a loop over all sequences): used = sum of blocks held;
 * allocated = freed + used; ctx, n_decode, grow, and sum, n_below and cross of each knee agree with the sequences;
 * every running sequence is decoding or partial. Ownership: requests live in the world's pool; the batch links them.
 */
#ifndef MODEL_BATCH_H
#define MODEL_BATCH_H

#include "base/heap.h"
#include "model/queue.h"
#include "policy/cost.h"

struct batch_knee {
    int64_t at;      /* k, in tokens */
    int64_t sum;     /* S_k of the next (or current) step */
    int64_t n_below; /* decoding sequences with x < k */
    int64_t phase;   /* step mod k */
    uint32_t *cross; /* [k] */
};

struct attribution;

struct batch {
    struct pool *pool;
    struct attribution *attribution; /* of the time of its steps; NULL: nobody asks */
    int64_t block_tokens, total_blocks;

    struct list waiting; /* LINK_QUEUE; in order: batch_first_waiting */
    struct queue queue;  /* which order that is */
    struct list running; /* LINK_QUEUE, in order of admission */
    struct list partial; /* LINK_PARTIAL, in order of admission */
    struct heap last_steps;

    uint64_t step; /* index of the next (or current) step, of those that decode */
    int64_t gain;  /* tokens that each decoding sequence still gains in the current step; 0: they pause */
    int64_t taken; /* blocks for those */
    int64_t drafts; /* that each verifies in a step: it may gain so many tokens more */
    int64_t phase; /* step mod block_tokens */
    int64_t *grow; /* [block_tokens] */
    int64_t n_decode, ctx;
    struct batch_knee knee[COST_KNEES]; /* the finite ones */
    int n_knees;
    int64_t used, allocated, freed; /* blocks; allocated and freed by sequences */
    int64_t cached;                 /* the prefix cache's */
    int64_t loading;                /* of used: held by waiting requests, whose KV has come or is on its way */
    int64_t n_holding;              /* those waiting requests */
    int64_t handed;                 /* of used: KV on its way to another replica, of requests that left */
    int64_t n_handed;               /* those requests: what the cache has of theirs is pinned, too */
    int64_t reserved;               /* of used: room for KV that is on its way from another replica */
    bool prompts_only;              /* who has its prompt computed leaves (batch_hand_over) */
    bool reserves;                  /* admission sets aside all blocks that a request may come to need */
    int64_t ahead;                  /* of the free blocks: set aside for the running */
};

/* order NULL: first come, first served. */
void batch_init(struct batch *b, struct pool *pool, int64_t block_tokens, int64_t total_blocks,
                const struct cost_knees *knees, const struct queue_env *order, bool reserves);
void batch_free(struct batch *b);

/* As of the next step; any phase. */
int64_t batch_computed(const struct batch *b, const struct request *r);
int64_t batch_generated(const struct batch *b, const struct request *r);
/* Sums over the decoding sequences of min(x, knee): slot 0 for x itself, then the finite knees, rising. */
void batch_contexts(const struct batch *b, int64_t ctx[COST_KNEES]);
int64_t batch_blocks_of(const struct batch *b, int64_t tokens);   /* ceil(tokens / B) */
/* New blocks for the most tokens that the next step may bring: of all that decode; of one, 0 if it does not. */
int64_t batch_growth_drafted(const struct batch *b);
static inline int64_t batch_growth(const struct batch *b)
{
    return b->drafts > 0 ? batch_growth_drafted(b) : b->grow[b->phase];
}
int64_t batch_growth_of(const struct batch *b, const struct request *r);

/* A waiting request gets `tokens` of KV: `shared` blocks of them the cache's, for the others it takes blocks. Its
 * prompt is shorter by them. */
void batch_give_kv(struct batch *b, uint32_t slot, int64_t tokens, int64_t shared);
void batch_drop_kv(struct batch *b, uint32_t slot); /* a waiting request's: back to nothing */
/* A sequence's blocks up to `shared` are the cache's from now on. */
void batch_share(struct batch *b, uint32_t slot, int64_t shared);
int64_t batch_held(const struct batch *b,
                   const struct request *r); /* blocks that it holds itself, as of the next step */

/* A decoding sequence leaves for another replica; its own blocks stay until batch_release. Gives how many. */
int64_t batch_hand_over(struct batch *b, uint32_t slot);
void batch_release(struct batch *b, int64_t blocks);
/* Room for one that comes, until it is in the queue; < 0: given back. */
void batch_reserve(struct batch *b, int64_t blocks);

void batch_enqueue(struct batch *b, uint32_t slot);               /* to the waiting queue's tail */
/* The server has looked at those waiting from `first` on: they take their place in the order. */
void batch_see(struct batch *b, uint32_t first);
/* The waiting in order, those not yet seen at the end; SLOT_NONE ends them (queue.h). */
static inline uint32_t batch_first_waiting(struct batch *b)
{
    return b->queue.env ? queue_first(&b->queue, b->pool, &b->waiting, b->step) : b->waiting.head;
}

static inline uint32_t batch_next_waiting(struct batch *b, uint32_t slot)
{
    return b->queue.env ? queue_next(&b->queue, b->pool, &b->waiting, slot, b->step)
                        : b->pool->at[slot].next[LINK_QUEUE];
}
void batch_admit(struct batch *b, uint32_t slot, int64_t tokens); /* waiting -> partial, with its first chunk */
void batch_chunk(struct batch *b, uint32_t slot, int64_t tokens); /* a partial goes on */
/* Running -> the waiting queue, at its head or where the order has it; blocks freed, everything to compute again. Gives
 * the blocks freed. */
int64_t batch_preempt(struct batch *b, uint32_t slot);

/* Blocks that it may come to hold: for its prompt and all tokens that it announced, and drafts beyond its last. */
int64_t batch_most_blocks(const struct batch *b, const struct request *r);

/* Takes a waiting request without KV out of the batch. */
void batch_withdraw(struct batch *b, uint32_t slot);
/* The chunk that the current step computes was in vain: counted, not kept (the sequence is to be preempted). */
void batch_lose_chunk(struct batch *b, uint32_t slot);
/* A step that will not end: gives back what batch_begin took, and for each of its chunks what that took. */
void batch_undo_begin(struct batch *b);
void batch_undo_chunk(struct batch *b, uint32_t slot);

void batch_begin(struct batch *b, int64_t gain); /* takes the decodes' new blocks for so many tokens; 0: they pause */
void batch_end(struct batch *b); /* each decode has one token more; step + 1: `gain` times, then the step is over */

/* After batch_end: the decoding sequences whose last token that was, one by one, in order of slot; SLOT_NONE at the
 * end. Its computed and generated are final; its blocks are freed. */
uint32_t batch_next_completed(struct batch *b);
/* After batch_end: the chunk of a partial is computed. True if its prompt is done (and it left the partials): it has
 * given a token (generated is counted) and either decodes from the next step on or, on its last token, is out of the
 * batch. */
bool batch_chunk_done(struct batch *b, uint32_t slot, bool *ended);

void batch_check(const struct batch *b); /* aborts where an invariant fails; O(requests at the replica + knees) */

#endif
