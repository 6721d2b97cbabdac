/*
 * kv.h - where the KV cache of contexts lies, and when it moves: the prefix cache in HBM and the tiers below it.
 *
 * It joins three things that know nothing of each other: the batch, which counts the blocks of running sequences
 * (batch.h); the prefix tree, which says what lies where (prefix.h); the mover, which says how long it takes (move.h).
 *
 *   waiting --look: longest prefix in reach--> HBM only ------------------------> admitted with that much computed
 *                                          \-> lower tiers too: restore? --yes--> loading --> waiting, with its KV
 *                                                                       \--no---> as HBM only
 *   prompt computed --> its whole blocks belong to the cache of that HBM (pinned), and are written through
 *   ended           --> unpinned; the answer's blocks, where a later call may ask for them, go to the cache too
 *   HBM full        --> the evictor's first victims leave, to the next tier that takes them (write-back), and so on
 * down
 *
 * A block of the cache is `ratio` KV blocks. Sharing: whole blocks of the prompt, and the last, partial one where the
 * workload names it: that one is a copy, since its owner goes on writing into its own. At least one token of a prompt
 * is computed; what is reused is rounded down to KV blocks.
 *
 * Restore or recompute: restore where latency + bytes / (bandwidth of the path's bottleneck shared with those there
 * now) is less than the cost model's time for a step of the same tokens at the same place in the context
 * (RESTORE_ESTIMATE). With `overlap` the prompt is computed while its prefix arrives layer by layer: the step that
 * holds it ends no earlier than the transfer. Decisions are made once, when the request gets near the queue's head.
 *
 * What has expired (evict = ttl) leaves when its replica next looks at its queue, not before.
 *
 * Bytes moved and stored below HBM are those of one copy of the KV, whatever tp replicates; with bounded state
 * (windows, linear layers) a restore brings that of one checkpoint. A tier with another kv_dtype holds so many bytes
 * less. A copy in a lower tier can be matched once it has landed. HBM's blocks are free as soon as their victim is
 * chosen: copies on their way down are in a staging buffer beside the cache.
 *
 * Not modelled: copies in HBM of other replicas (read over NVLink), hash collisions, the staging buffer's size,
 * broadcast of a replicated latent to the other GPUs of the replica.
 * Invariants (kv_check): cached = ratio * blocks of the store; used + cached <= total between steps.
 */
#ifndef MODEL_KV_H
#define MODEL_KV_H

#include "model/memory.h"
#include "model/prefix.h"
#include "model/request.h"

struct kv;
struct offload;
struct replica;

/* memory: NULL without tiers. */
struct kv *kv_new(const struct scenario *sc, struct memory *memory, struct trace *trace, struct pool *requests,
                  struct replica *replicas, int64_t n_replicas, int64_t block_tokens);
void kv_free(struct kv *kv);
void kv_set_oracle(struct kv *kv, int64_t (*next_use)(void *ctx, int64_t block), void *ctx);

/* Before a step is planned: looks up those near the queue's head and starts restores. `limit`: the first waiting
 * request that the server has not seen, or SLOT_NONE. */
void kv_prepare(struct kv *kv, struct replica *r, uint32_t limit, int64_t now_ns);
/* It has come to the replica's queue: KV moves up ahead of need, where the scenario says so. */
void kv_arrived(struct kv *kv, struct replica *r, uint32_t slot, int64_t now_ns);
/* The plan is applied, or comes to nothing: what was found in HBM for those not admitted may be evicted again. */
void kv_look_away(struct kv *kv);
bool kv_look_away_from_one(struct kv *kv); /* the latest of them; false: there is none */
/* The plan would stand still or preempt: one of those waiting drops the KV it has. False: none can. */
bool kv_give_back(struct kv *kv, struct replica *r);
/* A waiting request: tokens that it would start with, and how many KV blocks of those nobody else could evict now. */
void kv_peek(const struct kv *kv, const struct replica *r, const struct request *q, int64_t *tokens, int64_t *blocks);
/* It waits for KV and cannot be admitted before that is here. */
bool kv_loads(const struct kv *kv, const struct request *q);
/* It was swapped out and has not begun to come back: nobody overtakes it. */
bool kv_is_out(const struct request *q);
/* Lower tiers have yet to be asked for it, or have what there was no room for: nobody overtakes it either. */
bool kv_undecided(const struct kv *kv, const struct request *q);
/* KV blocks that a plan may use: free ones and those the cache would give up. */
int64_t kv_free_blocks(const struct kv *kv, const struct replica *r);
int64_t kv_used_blocks(const struct kv *kv, const struct replica *r); /* the others: by sequences, and what they pin */

/* It is about to be admitted. */
void kv_attach(struct kv *kv, struct replica *r, uint32_t slot, int64_t now_ns);
/* The step's blocks were taken: evicts what is too much. */
void kv_make_room(struct kv *kv, struct replica *r, int64_t now_ns);
/* The replica's KV room has changed. */
void kv_resize(struct kv *kv, const struct replica *r);
void kv_prompt_done(struct kv *kv, struct replica *r, uint32_t slot, int64_t now_ns);
/* It is to be preempted, still with its KV: before batch_preempt. */
void kv_preempt(struct kv *kv, struct replica *r, uint32_t slot, int64_t now_ns);
/* It has ended, its own blocks are free. */
void kv_ended(struct kv *kv, struct replica *r, uint32_t slot, int64_t now_ns);

/* A transfer of the cache has come to its end. Gives the replica that should look at its queue, or -1. */
int64_t kv_job_done(struct kv *kv, const struct move_state *job, int64_t now_ns);

/* ---- from one replica to another (kv_hand.c) ---- */

/* Its prompt's last part is being computed at `from`: if `to` has room, that is set aside and the transfer starts. */
bool kv_send_early(struct kv *kv, struct replica *to, uint32_t slot, int64_t from, int64_t now_ns);
/* Its KV is not where it waits, but in the HBM that computed it or in the tier that it goes via. */
bool kv_is_away(const struct request *q);
/* Where prompts go via a tier: the same, to that. */
bool kv_store_early(struct kv *kv, const struct replica *from, uint32_t slot, int64_t now_ns);
/* Its prompt is done: it leaves, while its KV stays. */
void kv_hand_over(struct kv *kv, struct replica *from, uint32_t slot, int64_t now_ns);
/* Whose KV a transfer of it brings. */
int64_t kv_job_source(const struct kv *kv, const struct move_state *job);
/* Its client has given up, and its transfers were cancelled (or there are none): neither replica, nor a tier on the
 * way, keeps room for it. KV that it has where it waits is its batch's. */
void kv_cancel_handoff(struct kv *kv, struct request *q);
/* Its KV is on its way to a tier, or to a replica before it is itself: transfers that `loads` does not count. */
bool kv_sets_out(const struct request *q);
/* It has come to the queue of another. */
void kv_take_over(struct kv *kv, struct replica *to, uint32_t slot, int64_t now_ns);

/* ---- faults (world_fault.c) ---- */

/* It keeps nothing of the cache, and what to restore for it is decided anew. */
void kv_let_go(struct kv *kv, struct request *q);
/* A transfer was cancelled when so many bytes had come. Gives the request that cannot go on without it, or
 * SLOT_NONE. */
uint32_t kv_job_lost(struct kv *kv, const struct move_state *job, int64_t delivered, int64_t now_ns);
/* What was swapped out of a waiting request is lost. */
void kv_unswap(struct kv *kv, struct request *q);
/* All that the prefix cache has in a replica's HBM, or in a unit of a tier. Gives the blocks lost. */
int64_t kv_lose_hbm(struct kv *kv, struct replica *r);
int64_t kv_lose_tier(struct kv *kv, int tier, int64_t unit);
/* A unit has so many modules fewer (or more: < 0). What no longer fits leaves it; nothing may be swapped out to it. */
void kv_lose_modules(struct kv *kv, int tier, int64_t unit, int64_t modules, int64_t now_ns);

/* Records of what fills each memory. */
void kv_sample(const struct kv *kv, const struct offload *o, int64_t now_ns);
void kv_check(const struct kv *kv);

#endif
