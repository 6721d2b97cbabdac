/*
 * block_index.h - which requests of a trace ask for a block: what an oracle may know of the future.
 *
 * Built by one pass over the items that a run of the scenario will get (the same streams, slice and limits), so that it
 * is right for clamped prompts and drawn classes too. 16 bytes a block of each prompt, sorted by block and request;
 * twice that while it is built. A look-up is a binary search.
 * Ownership: block_index_free.
 */
#ifndef WORKLOAD_BLOCK_INDEX_H
#define WORKLOAD_BLOCK_INDEX_H

#include <stdint.h>

#include "base/err.h"
#include "scenario/scenario.h"

struct block_index;

/* NULL with err: a bad line, or arrivals that no trace gives. */
struct block_index *block_index_new(const struct scenario *sc, struct err *e);
void block_index_free(struct block_index *x);

/* As workload_next_use. */
int64_t block_index_next(const struct block_index *x, int64_t block_id, int64_t request);

#endif
