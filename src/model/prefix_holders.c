/*
 * prefix_holders.c - the tree asked the other way round: which stores have the beginning of a chain, and who comes and
 * goes.
 *
 * A node lists its places, so those who hold a prefix are found by walking from the chain's deepest node to the root:
 * O(nodes on the path + copies seen), whatever the number of stores.
 */
#include <stdlib.h>

#include "model/prefix_state.h"

struct prefix_holders prefix_holders(const struct prefix *p, struct chain c, int64_t blocks)
{
    struct prefix_walk w = prefix_walk_start(p, c);
    int32_t child = PREFIX_NONE;
    int64_t n;

    while ((n = prefix_walk_peek(&w, blocks - w.depth, &child)) > 0)
        prefix_walk_move(&w, child, n); /* after a part of a node, its children's ids are not the chain's */
    return (struct prefix_holders){w.node, prefix_node_at(p, w.node)->places, w.depth};
}

bool prefix_next_holder(const struct prefix *p, struct prefix_holders *h, int32_t *store, int64_t *blocks)
{
    while (h->node != PREFIX_ROOT) {
        while (h->place != PREFIX_NONE) {
            const struct prefix_place *c = prefix_place_at(p, h->place);
            h->place = c->next;
            if (!c->here)
                continue;
            *store = c->store;
            *blocks = h->blocks;
            return true;
        }
        h->blocks = prefix_node_at(p, h->node)->depth;
        h->node = prefix_node_at(p, h->node)->parent;
        h->place = prefix_node_at(p, h->node)->places;
    }
    return false;
}

/* ---- watchers ---- */

void prefix_watch(struct prefix *p, struct prefix_watcher *w)
{
    w->next = p->watcher;
    p->watcher = w;
}

int32_t prefix_stores(const struct prefix *p)
{
    return p->n_stores;
}

/* The ids from the root to the node's end, as runs at the end of p->told. Gives how many. */
static int64_t chain_of(struct prefix *p, int32_t node)
{
    int64_t n = 0, i;

    for (int32_t k = node; k != PREFIX_ROOT; k = prefix_node_at(p, k)->parent)
        n++;
    if (n > p->told_cap) {
        p->told_cap = 2 * n;
        p->told = mem_realloc(p->told, (size_t)p->told_cap * sizeof *p->told);
    }
    i = p->told_cap;
    for (int32_t k = node; k != PREFIX_ROOT; k = prefix_node_at(p, k)->parent) {
        const struct prefix_node *x = prefix_node_at(p, k);
        if (i < p->told_cap && x->id + x->n == p->told[i].id) {
            p->told[i].id = x->id;
            p->told[i].n += x->n;
        } else {
            p->told[--i] = (struct block_run){x->id, x->n};
        }
    }
    return p->told_cap - i;
}

void prefix_tell(struct prefix *p, int32_t place, bool came)
{
    const struct prefix_place *c = prefix_place_at(p, place);
    const struct prefix_node *x = prefix_node_at(p, c->node);
    int64_t n = chain_of(p, c->node);
    struct chain chain = {p->told + p->told_cap - n, n};

    for (struct prefix_watcher *w = p->watcher; w; w = w->next)
        w->told(w->ctx, chain, x->depth, x->depth + x->n, c->store, came);
}
