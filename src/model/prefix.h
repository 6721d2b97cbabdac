/*
 * prefix.h - which blocks of which contexts lie in which stores: a radix tree of runs of blocks.
 *
 * A context is a chain of blocks; a block's id stands for its content and all before it (a hash chain: equal id, equal
 * prefix), so a chain is written as runs of consecutive ids. Workloads number new content consecutively, so that a
 * context of a million tokens is a handful of runs, and nothing here is done by token or by block:
 *
 *   chain A  [0 1 2 3 4 5 6 7]              root
 *   chain B  [0 1 2 3 20 21 22]              |
 *                                       (0..3)            node: ids 0.., 4 blocks
 *                                       /     \
 *                                 (4..7)      (20..22)
 *
 * A store is a place that can hold blocks: the HBM of a replica, a host's LPDDR, a drive. A node's copy in a store is
 * all or nothing; where a part of a node is put, evicted or used, the node is split at that block first (the lower
 * part keeps the node's number), so each node has one history.
 *
 * A put or a use, as it passes, joins a node with the one above it where nothing tells the two apart any more: no other
 * child, no pin or victim that ends between them, ids that follow on, and in the same stores copies with the same key,
 * uses, last use, expiry and pins. (A use gives all that it passes the same last use, so a context that was given up
 * and came back in many parts is a few nodes once it was used.) Blocks are given up in the same order as without, where
 * keys do not depend on depth (gdsf's do: a run is charged by its middle). But when each part was put is forgotten: a
 * joined copy is as old as its oldest part. Nodes that nothing passes any more stay cut.
 *
 * Each store keeps its copies in a heap by the evictor's key (evict.h). Candidates: copies without pins and without a
 * copy of a child in the same store, so each store is closed towards the root as long as puts begin at the root or at
 * a place whose blocks before lie in the store; a lower tier that only takes what a higher one gave up (exclusive) need
 * not be. What a request can use is the longest prefix of its chain each block of which lies in some store it reaches.
 *
 * A node lives while it has a copy, a child or a pin. Space: prefix_blocks(store) is counted, whether it fits is the
 * caller's question (kv.h).
 *
 * Invariants (prefix_check recounts): blocks of a store = sum over its copies; pins of a copy = pins that end at it or
 * below; children's ids differ in their first; every heap is a heap; candidates are those in the heap.
 * Cost: a walk is O(nodes on the path + runs of the chain); put, use, evict O(log copies) a node; to see
 * whether it can be joined, O(stores that have it).
 * Ownership: the caller; chains are copied where kept. Not modelled: collisions of hashes.
 */
#ifndef MODEL_PREFIX_H
#define MODEL_PREFIX_H

#include <stdbool.h>
#include <stdint.h>

#include "policy/evict.h"
#include "workload/chain.h"

enum { PREFIX_NONE = -1, PREFIX_REACH = 8 };

struct prefix;

/* max_node: no node longer than so many blocks (1 where the evictor is an oracle: a run's blocks differ in when they
 * will be used); 0: no limit. */
struct prefix *prefix_new(int64_t block_bytes, int64_t max_node);
void prefix_free(struct prefix *p);
int32_t prefix_store(struct prefix *p, int64_t capacity_blocks, const struct evict_ops *evict, const void *options);

/* What the callbacks of the caller are asked; either may be NULL. */
struct prefix_oracles {
    void *ctx;
    double (*recompute_s)(void *ctx, int64_t depth_blocks); /* of one block at that depth */
    int64_t (*next_use)(void *ctx, int64_t block_id);       /* after now */
};
void prefix_set_oracles(struct prefix *p, const struct prefix_oracles *o);

/* How far the chain's first `blocks` blocks lie in the stores given (in order of preference), each block counted for
 * the first store that has it. hit[i]: blocks for which store i is the first, up to the first block that lies in none.
 * Gives their sum. Changes nothing. */
int64_t prefix_match(const struct prefix *p, struct chain c, int64_t blocks, const int32_t *stores, int n_stores,
                     int64_t *hit);

/* The copies in `store` of the chain's first `blocks` blocks were used at now_ns: keys are renewed. Blocks that are not
 * there (exclusive tiers) are passed over. */
void prefix_use(struct prefix *p, struct chain c, int64_t blocks, int32_t store, int64_t now_ns);

/* Puts blocks [from, to) of the chain into the store, where they are not yet; nodes before `from` are made without a
 * copy. Gives how many blocks are new there. */
int64_t prefix_put(struct prefix *p, struct chain c, int64_t from, int64_t to, int32_t store, int64_t now_ns);

/* Takes the store's copies of blocks [from, to) away, but pinned ones. Gives how many blocks. */
int64_t prefix_remove(struct prefix *p, struct chain c, int64_t from, int64_t to, int32_t store);

/* A pin on the chain's first `blocks` blocks in one store: copies there may not be evicted until prefix_unpin. Blocks
 * that are not in the store are not pinned (and not when they come). Gives the pin's number. */
int32_t prefix_pin(struct prefix *p, struct chain c, int64_t blocks, int32_t store);
void prefix_unpin(struct prefix *p, int32_t pin);
/* Of the chain's first `blocks` blocks, how many from the start have a pinned copy there. */
int64_t prefix_pinned_prefix(const struct prefix *p, struct chain c, int64_t blocks, int32_t store);
int64_t prefix_pinned_blocks(const struct prefix *p, int32_t store); /* blocks that at least one pin holds */

/* The victim: what the store would give up first, at most `blocks` of it (the end of the run; the node is split). */
struct prefix_victim {
    int32_t node;
    struct block_run run; /* its ids */
    int64_t depth;        /* blocks before it */
    int64_t put_ns, used_ns, uses; /* put_ns: of the oldest of those that it was joined of */
};
/* False: nothing may be evicted. The victim's copy is gone from the store; the node is kept until prefix_let_go, so
 * that it can be put elsewhere by prefix_put_node. */
bool prefix_evict(struct prefix *p, int32_t store, int64_t blocks, struct prefix_victim *out);
int64_t prefix_put_node(struct prefix *p, int32_t node, int32_t store,
                        int64_t now_ns); /* gives the blocks that are new */
/* All of the victim's run and no more, also where its node was cut or joined since: it ends where the run does. */
int64_t prefix_put_victim(struct prefix *p, const struct prefix_victim *v, int32_t store, int64_t now_ns);
/* Takes the store's copies of the victim's run away, but pinned ones; also where its node was cut or joined since. */
void prefix_remove_victim(struct prefix *p, const struct prefix_victim *v, int32_t store);
bool prefix_has_node(const struct prefix *p, int32_t node, int32_t store);
void prefix_let_go(struct prefix *p, int32_t node);
/* The time at which the first candidate of the store expires (ttl), or INT64_MAX. A call that names the time makes it
 * known; prefix_evict takes first what has expired by the latest of them. */
int64_t prefix_next_expiry(const struct prefix *p, int32_t store);
/* As prefix_evict, of what has expired by now_ns only: a whole copy; false: nothing has. */
bool prefix_expire(struct prefix *p, int32_t store, int64_t now_ns, struct prefix_victim *out);
/* All copies of the store are gone at once (a fault). Pins on them hold nothing from then on. Gives the blocks lost. */
int64_t prefix_drop_store(struct prefix *p, int32_t store);
void prefix_resize(struct prefix *p, int32_t store, int64_t capacity_blocks);

int64_t prefix_blocks(const struct prefix *p, int32_t store);
int64_t prefix_nodes(const struct prefix *p);
void prefix_check(const struct prefix *p);

/* ---- who has what (routers) ---- */

/* The copies along a chain's first `blocks` blocks: from the deepest node that it runs through towards the root, at
 * each node those of the stores that came last first. Good until the tree changes. */
struct prefix_holders {
    int32_t node, place;
    int64_t blocks; /* of the chain, at most, up to the end of the node */
};
struct prefix_holders prefix_holders(const struct prefix *p, struct chain c, int64_t blocks);
/* The store of the next copy, and how many of the chain's blocks there are up to its end; false: no more. */
bool prefix_next_holder(const struct prefix *p, struct prefix_holders *h, int32_t *store, int64_t *blocks);

/* Told of each copy that comes to a store or goes from it: blocks [from, to) of the chain, whose runs live for the call
 * only. It must not change the tree. Not told of the copies at hand when it begins to watch. */
struct prefix_watcher {
    void (*told)(void *ctx, struct chain c, int64_t from, int64_t to, int32_t store, bool came);
    void *ctx;
    struct prefix_watcher *next; /* the tree's */
};
void prefix_watch(struct prefix *p, struct prefix_watcher *w); /* until prefix_free; the caller's memory */
int32_t prefix_stores(const struct prefix *p);

/* ---- chains ---- */

/* Blocks of the chain. */
int64_t chain_blocks(struct chain c);

#endif
