/*
 * kv_state.h - what kv.c (requests and HBM) and kv_tier.c (what lies below) share. Private to the cache.
 */
#ifndef MODEL_KV_STATE_H
#define MODEL_KV_STATE_H

#include "model/kv.h"
#include "model/replica.h"

/* Who goes first at ports that serve by priority (share.h): the step, what a request waits for, the rest. */
enum { LEVEL_STEP, LEVEL_WAITED_FOR, LEVEL_BACKGROUND };

struct kv_cargo {                /* what a transfer carries; slots, free ones linked by `unit` */
    struct prefix_victim victim; /* on its way down; node -1: none */
    int32_t tier, unit;          /* the lower end */
    uint32_t slot;               /* the request it is for, or SLOT_NONE */
    int64_t request;             /* its id, to see whether it is still the same */
    struct chain chain;          /* written through: a copy of the context; n_runs 0: none */
    int64_t from, to;            /* blocks of it */
    bool up;
    int32_t pin; /* on what is read, until it is here; or -1 */
    int64_t from_replica; /* down: whose KV it is, or who needed its room; says which unit is next below */
    int64_t bytes;        /* down: what it adds to writing[tier][unit] */
};

struct kv {
    const struct scenario *sc;
    struct trace *trace;
    struct pool *requests;
    struct memory *memory; /* NULL: HBM alone */
    struct replica *replicas;
    int64_t n_replicas;
    int64_t kv_block; /* tokens of a KV block of HBM */
    int kv_dtype;     /* there: enum dtype */
    struct prefix *prefix;
    int64_t block_tokens, ratio;  /* tokens of a block of the cache; KV blocks of HBM in it */
    double token_bytes;           /* of one copy of the KV of a token */
    double state_bytes;           /* bounded state of a sequence, at a checkpoint */
    int64_t checkpoint;           /* tokens from one of them to the next; 0: anywhere */
    double kept_bytes;            /* a token's, with its share of the checkpoints: what tiers keep */
    int32_t *hbm;                 /* store by replica */
    int32_t *store[MEMORY_TIERS]; /* store by unit */
    uint32_t *held;               /* requests whose KV in HBM a look keeps there, while a plan is made */
    int64_t n_held, cap_held;
    int32_t nowhere;              /* one that stays empty: in place of those out of reach */
    int64_t *room[MEMORY_TIERS];  /* blocks of the cache that a unit can hold beside what was swapped out to it */
    int32_t *coming[MEMORY_TIERS];  /* store by unit: what is on its way down to it, by one transfer each */
    int64_t *writing[MEMORY_TIERS]; /* bytes of that */
    int n_tiers;
    struct kv_cargo *cargo;
    int32_t n_cargo, free_cargo;
    struct rng gc;
    int64_t (*next_use)(void *ctx, int64_t block); /* for oracles */
    void *next_use_ctx;
};

int64_t kv_bytes(const struct kv *kv, int64_t tokens);
/* The first `blocks` of a chain that lie in a replica's HBM, and of those, KV blocks that nobody pins. */
int64_t kv_match_hbm(const struct kv *kv, const struct replica *r, const struct request *q);
int64_t kv_unpinned(const struct kv *kv, const struct replica *r, const struct request *q, int64_t blocks);
/* HBM's blocks in the batch's books. */
void kv_count_cached(struct kv *kv, struct replica *r);
/* What has expired by now leaves HBM and the tiers of the replica. */
void kv_expire(struct kv *kv, struct replica *r, int64_t now_ns);
/* All that it waited for has come: HBM's cache has the whole blocks of it, as if they had been computed. */
void kv_restored(struct kv *kv, struct replica *r, uint32_t slot, int64_t now_ns);

/* ---- kv_look.c ---- */

bool kv_shares(const struct kv *kv, const struct request *q); /* the content of its prompt is known */
/* Of so many blocks that were found, the tokens that can be used: whole KV blocks, and one token is left to compute. */
int64_t kv_usable(const struct kv *kv, const struct request *q, int64_t blocks);
void kv_unpin(struct kv *kv, struct request *q);
int64_t kv_spare_blocks(const struct kv *kv, const struct replica *r); /* free and not set aside for the running */
/* That a replica reaches, [1 + n_tiers]: its HBM, and of each tier a unit, or an empty store where it is out of
 * reach. */
void kv_stores(const struct kv *kv, int64_t replica, int32_t *stores);

/* ---- kv_tier.c: down, and the ends of transfers ---- */

void kv_tiers_init(struct kv *kv);
void kv_tiers_free(struct kv *kv);
void kv_check_tiers(const struct kv *kv);
void kv_sample_tiers(const struct kv *kv, int64_t now_ns);
int64_t kv_overflowed_blocks(const struct replica *r); /* KV blocks that lie below HBM now (cache.overflow) */
int64_t kv_tier_bytes(const struct kv *kv, int tier, int64_t tokens);
int64_t kv_restored_bytes(const struct kv *kv, int tier, int64_t tokens); /* with the state of one checkpoint */
/* A victim of HBM (tier -1) or of a tier: sends it on to where it is taken, or lets it go. Which units are below: those
 * of the replica. */
void kv_pass_down(struct kv *kv, int64_t replica, int tier, int64_t unit, const struct prefix_victim *v,
                  int64_t now_ns);
/* Blocks [from, to) of the chain, and those before them that no tier has, to each tier that is written at `when`; but
 * what is there or on its way already. */
void kv_write(struct kv *kv, struct replica *r, const struct request *q, int64_t from, int64_t to, enum tier_write when,
              int64_t now_ns);
/* Room for so many blocks in the replica's unit. False: they do not fit, whatever is evicted. */
bool kv_tier_room(struct kv *kv, int tier, int64_t replica, int64_t blocks, int64_t now_ns);
void kv_expire_tiers(struct kv *kv, int64_t replica, int64_t now_ns);
/* A transfer between a replica's HBM and a tier that it reaches, of a new cargo. */
int32_t kv_take_cargo(struct kv *kv);
void kv_start_hbm(struct kv *kv, enum move_kind kind, int64_t replica, int32_t cargo, int64_t tokens);

void kv_tell_transfer(struct kv *kv, const struct move_state *s, const struct kv_cargo *c, int64_t delivered);

/* ---- kv_hand.c ---- */

/* A waiting request whose KV another replica has: starts its transfer. False: there is no room yet. */
bool kv_consider_handed(struct kv *kv, struct replica *r, uint32_t slot, int64_t now_ns);
/* The transfer has come to its end. Gives the replica that should look at its queue, or -1. */
int64_t kv_handed_done(struct kv *kv, const struct kv_cargo *c, int64_t now_ns);
/* Or was cancelled: kv_cancel_handoff follows. */
void kv_handed_lost(struct kv *kv, const struct kv_cargo *c);

/* ---- kv_up.c: restores and swaps ---- */

/* Starts the transfers that bring blocks [hit[0], ...) of the request's chain up. Gives how many. */
int kv_restore(struct kv *kv, struct replica *r, uint32_t slot, const int64_t *hit, enum move_kind kind,
               int64_t now_ns);
/* Time of the step that computes the rest of the prompt after so many tokens. */
int64_t kv_compute_ns(const struct kv *kv, const struct request *q, int64_t computed);
/* Of one that computes so many tokens from the start. */
int64_t kv_recompute_ns(const struct kv *kv, const struct request *q, int64_t tokens);
/* Whether that takes less than computing them; tokens [from, to). */
bool kv_restore_pays(const struct kv *kv, const struct replica *r, const struct request *q, const int64_t *hit,
                     int64_t from, int64_t to);
/* Swaps: of all tokens that the request has computed. */
bool kv_swap_out(struct kv *kv, struct replica *r, uint32_t slot, int64_t now_ns);
void kv_swap_in(struct kv *kv, struct replica *r, uint32_t slot, int64_t now_ns);
void kv_swapped_in(struct kv *kv, struct request *q, int64_t unit); /* its room below is free again */
int64_t kv_swap_blocks(const struct kv *kv, int64_t tokens);

#endif
