/*
 * chain.h - the content of a context as a chain of blocks: equal ids stand for equal tokens after equal tokens.
 *
 * A block's id names its tokens and all before them (a hash chain), so two contexts share a prefix as far as their ids
 * agree. Consecutive ids are written as one run: a context of a million tokens is a handful of runs.
 */
#ifndef WORKLOAD_CHAIN_H
#define WORKLOAD_CHAIN_H

#include <stdint.h>

struct block_run {
    int64_t id; /* of the first block, >= 0; the others follow */
    int64_t n;  /* >= 1 */
};

struct chain { /* a context, from its start; who owns the runs is said where one is kept */
    const struct block_run *run;
    int64_t n_runs; /* 0: nothing is known of the content, or it has no block */
};

#endif
