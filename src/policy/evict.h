/*
 * evict.h - which cached prefix a full store gives up first: the one with the least key.
 *
 * A policy gives each copy (a run of blocks with one history, prefix.h) a key when it is put and when it is used; the
 * store keeps its copies in a heap of keys. Ties: the deepest first, so that a context is given up from its end. Only
 * copies that nobody pins and that have no child in the same store are candidates; a policy cannot break that.
 * State: one per store, zeroed; a policy whose keys age (gdsf) keeps it there.
 *
 * Segments (slru): a policy with `protects` marks a copy as protected by a key of at least EVICT_PROTECTED. Once the
 * protected copies of a store hold more blocks than it says, those of the least keys get new ones, with `demoted` set.
 */
#ifndef POLICY_EVICT_H
#define POLICY_EVICT_H

#include <stdbool.h>
#include <stdint.h>

#include "policy/policy.h"

#define EVICT_PROTECTED 0x1p52 /* ticks stay below, and are exact above it */

struct evict_view {
    int64_t now_ns;
    int64_t tick;           /* uses, puts and demotions of this store so far: a clock without ties between requests */
    int64_t put_tick;       /* of this copy; as put_ns, of its oldest part where it was joined (prefix.h) */
    int64_t put_ns;
    int64_t uses;           /* since it was put, the putting one included */
    int64_t blocks, depth;  /* of the run; blocks before it */
    int64_t block_bytes;
    double recompute_s;     /* to compute one of its blocks again, at its depth; 0 unless the policy is `costly` */
    int64_t next_use;       /* tick of the workload at which it will be asked for; INT64_MAX: never. Oracle only */
    int64_t store_blocks;   /* capacity of the store */
    double last_key;        /* its key so far; 0 when put */
    bool demoted;           /* neither put nor used: it was protected and has lost its place */
};

struct evict_ops {
    struct policy policy;
    size_t state_size;
    bool oracle; /* needs next_use: traces only */
    bool costly; /* needs recompute_s */
    double (*key)(const void *options, void *state, const struct evict_view *v);
    void (*evicted)(void *state, double key, int64_t blocks); /* NULL: nothing to learn */
    int64_t (*expires_ns)(const void *options, const struct evict_view *v); /* NULL: never. Asked as key is */
    int64_t (*protects)(const void *options, int64_t store_blocks);         /* NULL: no segments */
};

#endif
