/* prefix_path.c - questions and changes along one chain that are not about looking it up. */
#include <stdlib.h>

#include "model/prefix_state.h"

int64_t prefix_pinned_prefix(const struct prefix *p, struct chain c, int64_t blocks, int32_t store)
{
    struct prefix_walk w = prefix_walk_start(p, c);
    int32_t child = PREFIX_NONE;
    int64_t n;

    for (; (n = prefix_walk_peek(&w, blocks - w.depth, &child)) > 0; prefix_walk_move(&w, child, n)) {
        const struct prefix_place *place = prefix_copy_find(p, child, store);
        if (place == NULL || place->pins == 0)
            break;
        if (n < prefix_node_at(p, child)->n)
            return w.depth + n;
    }
    return w.depth;
}

/* A node that reaches over block `at` of the chain is split there. */
static void cut(struct prefix *p, struct chain c, int64_t at)
{
    struct prefix_walk w = prefix_walk_start(p, c);
    int32_t child = PREFIX_NONE;
    int64_t n;

    for (; (n = prefix_walk_peek(&w, at - w.depth, &child)) > 0; prefix_walk_move(&w, child, n))
        if (n < prefix_node_at(p, child)->n) {
            prefix_split(p, child, n);
            return;
        }
}

/* Cut at both ends, then gone from the end on, so that each is a leaf of the store when it goes. */
int64_t prefix_remove(struct prefix *p, struct chain c, int64_t from, int64_t to, int32_t store)
{
    int32_t *node = NULL, child = PREFIX_NONE;
    int64_t n_nodes = 0, cap = 0, removed = 0, n;

    cut(p, c, from);
    cut(p, c, to);
    struct prefix_walk w = prefix_walk_start(p, c);
    for (; (n = prefix_walk_peek(&w, to - w.depth, &child)) > 0; prefix_walk_move(&w, child, n)) {
        const struct prefix_place *place = prefix_copy_find(p, child, store);
        if (w.depth < from || place == NULL || place->pins > 0)
            continue;
        if (n_nodes == cap) {
            cap = cap ? 2 * cap : 16;
            node = mem_realloc(node, (size_t)cap * sizeof *node);
        }
        node[n_nodes++] = child;
        removed += n;
    }
    while (n_nodes-- > 0) {
        prefix_copy_remove(p, prefix_place_find(p, node[n_nodes], store));
        prefix_release(p, node[n_nodes]);
    }
    free(node);
    return removed;
}
