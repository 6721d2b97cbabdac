/*
 * attribute.h - whose the time of steps is: what each request's prompt and answer took of its replicas, for the cost of
 * tokens (DESIGN.md, "What a token costs"). Only where the scenario has [prices].
 *
 * Between prompts and answers: a step of prompts p and decodes d takes T(p + d), less than T(p) + T(d) where both would
 * read the same weights. Each gets what it adds to the other, on average of the two orders in which they could have
 * come (Shapley, 1953): prefill (T(p + d) - T(d) + T(p)) / 2, decode (T(p + d) - T(p) + T(d)) / 2. They sum to T(p +
 * d). T is the cost model's. What the step really took (waiting for experts, slower steps by faults, other ranks) is
 * cut in the same proportion; but for its end, where it waits for the KV of its prompts alone: that is theirs.
 *
 * Within each: what grows with contexts by context, the rest by head. For decodes it is T(d) - T(d without contexts),
 * by tokens attended, and the rest in equal parts; for prompts T(p) - T(p without pairs), by pairs of query and key,
 * and the rest by tokens.
 *
 * O(1) a step in the batch size, as batch.h: a sequence that joined at step j with c tokens attends x(t) = c + 1 + (t -
 * j) in step t. With w(t) the step's ns a token attended, e(t) its equal part, D(t) its time, sums over the steps are
 * kept
 *
 *     W = sum w     V = sum w t     E = sum e     D = sum D     U = sum D t
 *
 * and of their differences between joining and leaving come
 *
 *     decode time = (c + 1 - j) dW + dV + dE             KV held, in token-ns = (c + 1 - j) dD + dU
 *
 * Exact: times are fixed-point, 2^-32 ns in 128 bits, and what division leaves over goes to the replica's next step, or
 * to the request that leaves next. So all that requests were given, and what those in flight have, is the time of all
 * steps to the ns (attribution_check): no share is negative, and nothing is lost.
 *
 * Knees (windows, top-k) count in the equal part: a sequence below the knee pays as one beyond it.
 * Ownership: the world's, one a replica; `held`, beside the pool's requests, is the world's too.
 */
#ifndef MODEL_ATTRIBUTE_H
#define MODEL_ATTRIBUTE_H

#include "model/request.h"
#include "policy/cost.h"

enum { ATTRIBUTE_POOLS = 2, ATTRIBUTE_FRACTION = 32 /* bits below a ns */ };

struct attributed {                            /* to a request, in the steps of a pool */
    int64_t prefill_ns, decode_ns;
    int64_t prefill_token_us, decode_token_us; /* KV of it in HBM, tokens * us: in steps with parts of its prompt; while
                                                * it decoded */
};

struct attribute_sums {
    __int128 w, v, e;  /* 2^-32 ns */
    __int128 d, u;     /* ns; ns * steps */
};

struct request_share { /* beside a request of the pool, by slot */
    struct attributed of[ATTRIBUTE_POOLS];
    struct attribute_sums joined; /* the sums when it began to decode */
};

struct attribution { /* of a replica */
    struct pool *pool;
    int which;                      /* of ATTRIBUTE_POOLS */
    struct attribute_sums sums;
    __int128 left;                  /* of the equal part, to the next step */
    uint64_t owed;                  /* below a ns, to the request that leaves next */
    int64_t prefill_ns, decode_ns;  /* of all steps */
    struct step_cut {               /* of the step that ends */
        int64_t took_ns, prefill_ns, decode_ns, context_ns; /* context_ns: of decode_ns */
        int64_t pair_ns, token_ns;  /* of prefill_ns */
        int64_t pairs, tokens, chunks; /* of which these are left */
        __int128 w, e;
    } now;
};

/* Cuts a step's time, as above. loads_ns: of it, at its end, waiting for the KV of its prompts alone. */
struct step_cut attribute_cut(const struct cost_ops *ops, const void *state, const struct cost_step *step,
                              int64_t took_ns, int64_t loads_ns);

/* A step ends: before its tokens are given. batch: of the sequences that decode, those that had joined before; t: its
 * index (batch.step). */
void attribute_step(struct attribution *a, const struct step_cut *cut, const struct cost_step *step, int64_t batch,
                    uint64_t t);
/* A chunk of it, from `computed` tokens on; or one of the other sequences that decode: it came whole (replica.c). */
void attribute_chunk(struct attribution *a, uint32_t slot, int64_t computed, int64_t tokens);
void attribute_whole(struct attribution *a, uint32_t slot, int64_t computed);
/* It decodes from the next step on; it does no more (`computed` and join_step are still those of its joining). */
void attribute_join(struct attribution *a, uint32_t slot);
void attribute_leave(struct attribution *a, uint32_t slot);

/* What it has so far, also while it decodes: in 2^-32 ns, what attribute_leave would give it. */
__int128 attribute_pending(const struct attribution *a, uint32_t slot);

#endif
