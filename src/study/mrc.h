/*
 * mrc.h - the hits of a prefix cache of every size, by one pass over a trace: Mattson's stack distances (Mattson, Gecsei,
 * Slutz, Traiger, IBM Systems Journal 9(2), 1970).
 *
 * The cache keeps blocks, least recently used go first. A prompt is looked up as it comes: the blocks from its first one on
 * that are there are hits, up to the first that is not. Then all its blocks are used, the last one first, so that a block is
 * never older than those that follow it in a prompt, as caches of prefixes have it. So LRU's inclusion holds for whole prompts: a
 * cache of C blocks has the C used last, and the block at depth d of the stack (1: used last) is a hit in all of d and more.
 *
 * The depth is the number of blocks used since, itself included: a Fenwick tree over the times of last uses (Bennett and
 * Kruskal, IBM J. Res. Dev. 19(4), 1975), renumbered when they run out: O(log blocks) a block; 60 to 120 bytes for
 * each distinct block. Exact.
 *
 * Not modelled: room that running requests hold, blocks of answers unless the trace names them (these are used, but not looked
 * up), several caches behind a router, time: a lookup sees all earlier prompts of the file.
 */
#ifndef STUDY_MRC_H
#define STUDY_MRC_H

#include <stdint.h>

#include "workload/trace_row.h"

struct mrc_entry { /* a distinct block */
    uint64_t key;  /* id + 1; 0: free */
    int64_t at;    /* its last use */
};

struct mrc { /* {0} has seen nothing */
    struct mrc_entry *slot;
    int64_t n, cap;  /* distinct blocks; slots, a power of two */
    int64_t *tree;   /* Fenwick: 1 at each last use */
    int64_t *id;     /* used last at that time; -1: used since */
    int64_t uses, room; /* times so far; of the arrays */
    int64_t *hit_blocks, *hit_tokens; /* [depth]: hits at just that depth */
    int64_t depths;
    int64_t blocks, tokens; /* looked up */
    int64_t *ids;           /* of the prompt at hand */
    int64_t n_ids, cap_ids;
};

void mrc_free(struct mrc *m);
/* The next prompt: the first prompt_blocks of its chain, of so many tokens each; what follows is the answer's. */
void mrc_add(struct mrc *m, const struct trace_row *row, int64_t prompt_blocks, int64_t block_tokens);

struct mrc_hits {
    int64_t blocks, tokens;
};
/* Hits in a cache of so many blocks; unlimited: INT64_MAX. */
struct mrc_hits mrc_at(const struct mrc *m, int64_t capacity);
/* The least capacity, in blocks, with at least this share of the hits in tokens of an unlimited one; 0: there are none. */
int64_t mrc_capacity(const struct mrc *m, double share);

#endif
