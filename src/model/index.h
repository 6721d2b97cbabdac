/*
 * index.h - a prefix tree as it was some time ago: what a router knows of caches that tell it late.
 *
 * It watches a tree (prefix_watch) and keeps what it is told until it is old enough:
 *
 *   tree --came, went--> [ t: chain, blocks, store ][ ... ] --t <= now - age--> the index, a tree of its own
 *
 * The index has a store of the same number for each of the tree's, without bounds; those not wanted stay empty. It is
 * exact: it has what the tree had then, whatever was put and evicted since.
 * Cost: O(nodes on the path) for each copy that comes or goes, and the memory of what comes and goes in `age`.
 * Invariant: the news are in order of time. Ownership: the index owns its tree and its news; the tree watched outlives
 * it.
 */
#ifndef MODEL_INDEX_H
#define MODEL_INDEX_H

#include "model/prefix.h"

struct index_news {
    int64_t t_ns, from, to;
    struct chain chain; /* its own */
    int32_t store;
    bool came;
};

struct index_env {
    bool (*wants)(void *ctx, int32_t store); /* others are not of interest */
    void *wants_ctx;
    int64_t (*now)(void *ctx);
    void *now_ctx;
};

struct index {
    struct prefix *prefix;
    struct prefix_watcher watcher;
    int64_t age_ns;
    struct index_env env;
    struct index_news *news; /* a ring */
    int64_t head, n, cap;
};

/* To be made while the tree is empty, when it has all its stores. */
void index_init(struct index *x, struct prefix *tree, int64_t age_ns, const struct index_env *env);
void index_free(struct index *x);
/* The tree as it was age_ns ago, ends of that instant included. */
const struct prefix *index_at(struct index *x, int64_t now_ns);

#endif
