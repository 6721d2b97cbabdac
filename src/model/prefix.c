/*
 * prefix.c - what prefix.h promises, by nodes (prefix_tree.c) and copies (prefix_copy.c).
 *
 * Where a call means a part of a node it is cut first, and only if the store in question has a copy, or gets one: a
 * store's calls cut no nodes that it knows nothing of. Those that put or use join the nodes on their way.
 */
#include <stdlib.h>

#include "model/prefix_state.h"

struct prefix *prefix_new(int64_t block_bytes, int64_t max_node)
{
    struct prefix *p = mem_zalloc(1, sizeof *p);

    sim_assert(block_bytes > 0 && max_node >= 0);
    p->block_bytes = block_bytes;
    p->max_node = max_node > 0 ? max_node : INT64_MAX;
    prefix_slots_init(&p->nodes, sizeof(struct prefix_node));
    prefix_slots_init(&p->places, sizeof(struct prefix_place));
    prefix_slots_init(&p->pins, sizeof(struct prefix_pin));
    prefix_map_init(&p->child_of);
    prefix_map_init(&p->place_of);
    int32_t root = prefix_slots_take(&p->nodes);
    sim_assert(root == PREFIX_ROOT);
    *prefix_node_at(p, root) = (struct prefix_node){.parent = PREFIX_NONE, .places = PREFIX_NONE, .holds = 1};
    return p;
}

void prefix_free(struct prefix *p)
{
    if (!p)
        return;
    for (struct prefix_store *s = p->store; s < p->store + p->n_stores; s++) {
        free(s->state);
        for (int i = 0; i < PREFIX_HEAPS; i++)
            free(s->heap[i].at);
    }
    free(p->store);
    free(p->nodes.at);
    free(p->places.at);
    free(p->pins.at);
    free(p->child_of.at);
    free(p->place_of.at);
    free(p->told);
    free(p);
}

int32_t prefix_store(struct prefix *p, int64_t capacity_blocks, const struct evict_ops *evict, const void *options)
{
    p->store = mem_realloc(p->store, (size_t)(p->n_stores + 1) * sizeof *p->store);
    p->store[p->n_stores] = (struct prefix_store){
        .evict = evict, .options = options, .state = mem_zalloc(1, evict->state_size + 1), .capacity = capacity_blocks};
    return p->n_stores++;
}

void prefix_set_oracles(struct prefix *p, const struct prefix_oracles *o)
{
    p->oracles = *o;
}

static struct prefix_store *store_at(const struct prefix *p, int32_t store)
{
    sim_assert(store >= 0 && store < p->n_stores);
    return &p->store[store];
}

static void clock_at(struct prefix *p, int64_t now_ns)
{
    if (now_ns > p->now_ns)
        p->now_ns = now_ns;
}

int64_t prefix_match(const struct prefix *p, struct chain c, int64_t blocks, const int32_t *stores, int n_stores,
                     int64_t *hit)
{
    struct prefix_walk w = prefix_walk_start(p, c);
    int32_t child = PREFIX_NONE;
    int64_t n;

    for (int i = 0; i < n_stores; i++)
        hit[i] = 0;
    for (; (n = prefix_walk_peek(&w, blocks - w.depth, &child)) > 0; prefix_walk_move(&w, child, n)) {
        int i = 0;
        while (i < n_stores && !prefix_copy_find(p, child, stores[i]))
            i++;
        if (i == n_stores)
            break;
        hit[i] += n;
        if (n < prefix_node_at(p, child)->n)
            return w.depth + n;
    }
    return w.depth;
}

/* The next node of the walk, cut so that it holds no more than the chain's first `blocks` blocks if the store has a
 * copy of it; *place: that copy, or PREFIX_NONE. Moves the walk over it; false: the tree, or the blocks, end here. */
static bool next_cut(struct prefix *p, struct prefix_walk *w, int64_t blocks, int32_t store, int32_t *place)
{
    int32_t child = PREFIX_NONE;
    int64_t n = prefix_walk_peek(w, blocks - w->depth, &child);

    if (n == 0)
        return false;
    bool part = n < prefix_node_at(p, child)->n;
    if (part && !prefix_copy_find(p, child, store))
        return false;
    if (part)
        child = prefix_split(p, child, n);
    *place = prefix_copy_find(p, child, store) ? prefix_place_find(p, child, store) : PREFIX_NONE;
    prefix_walk_move(w, child, n);
    return true;
}

void prefix_use(struct prefix *p, struct chain c, int64_t blocks, int32_t store, int64_t now_ns)
{
    struct prefix_walk w = prefix_walk_start(p, c);
    int64_t tick = ++store_at(p, store)->tick;
    int32_t place;

    clock_at(p, now_ns);
    while (next_cut(p, &w, blocks, store, &place)) {
        if (place != PREFIX_NONE)
            prefix_copy_use(p, place, tick, now_ns);
        prefix_join(p, w.node);
    }
    prefix_demote(p, store);
}

/* Nodes for what the tree does not have of the chain's first `to` blocks; those at `from` and after get copies. */
static int64_t put_new(struct prefix *p, struct prefix_walk *w, int64_t from, int64_t to, int32_t store, int64_t now_ns)
{
    int64_t tick = p->store[store].tick, added = 0;

    while (w->depth < to) {
        sim_assert(w->run < w->c.n_runs);
        const struct block_run *r = &w->c.run[w->run];
        int64_t n = r->n - w->off, room = (w->depth < from ? from : to) - w->depth;
        n = n < room ? n : room;
        n = n < p->max_node ? n : p->max_node;
        int32_t node = prefix_node_new(p, w->node, r->id + w->off, n);
        if (w->depth >= from) {
            prefix_copy_add(p, node, store, tick, now_ns);
            added += n;
        }
        prefix_walk_move(w, node, n);
    }
    return added;
}

int64_t prefix_put(struct prefix *p, struct chain c, int64_t from, int64_t to, int32_t store, int64_t now_ns)
{
    struct prefix_walk w = prefix_walk_start(p, c);
    int64_t tick = ++store_at(p, store)->tick, added = 0, n;
    int32_t child = PREFIX_NONE;

    clock_at(p, now_ns);
    if (from >= to)
        return 0;
    while ((n = prefix_walk_peek(&w, to - w.depth, &child)) > 0) {
        bool here = prefix_copy_find(p, child, store);
        if (!here && w.depth < from && from < w.depth + n)
            n = from - w.depth;
        if (n < prefix_node_at(p, child)->n && (!here || w.depth + n < to))
            child = prefix_split(p, child, n); /* it gets a copy by half, or the chain leaves it here */
        if (!here && w.depth >= from) {
            prefix_copy_add(p, child, store, tick, now_ns);
            added += n;
        }
        prefix_walk_move(&w, child, n);
        prefix_join(p, child);
    }
    return added + put_new(p, &w, from, to, store, now_ns);
}

/* ---- pins ---- */

int32_t prefix_pin(struct prefix *p, struct chain c, int64_t blocks, int32_t store)
{
    struct prefix_walk w = prefix_walk_start(p, c);
    int32_t place, end = PREFIX_ROOT, pin = prefix_slots_take(&p->pins);

    sim_assert(store >= 0 && store < p->n_stores);
    while (next_cut(p, &w, blocks, store, &place))
        if (place != PREFIX_NONE) {
            prefix_copy_pin(p, place, 1);
            end = w.node;
        }
    prefix_node_at(p, end)->holds++;
    *prefix_pin_at(p, pin) = (struct prefix_pin){.node = end, .store = store, .born = ++p->serial};
    return pin;
}

void prefix_unpin(struct prefix *p, int32_t pin)
{
    sim_assert(pin >= 0 && pin < p->pins.n);
    struct prefix_pin *q = prefix_pin_at(p, pin);
    sim_assert(q->store != PREFIX_NONE);
    for (int32_t node = q->node; node != PREFIX_ROOT; node = prefix_node_at(p, node)->parent) {
        const struct prefix_place *c = prefix_copy_find(p, node, q->store);
        if (c && c->born < q->born)
            prefix_copy_pin(p, prefix_place_find(p, node, q->store), -1);
    }
    int32_t end = q->node;
    q->store = PREFIX_NONE;
    prefix_slots_give(&p->pins, pin);
    prefix_let_go(p, end);
}

/* ---- victims ---- */

/* Takes the copy, or the last `blocks` blocks of it, away. */
static bool give_up(struct prefix *p, int32_t place, int64_t blocks, struct prefix_victim *out)
{
    const struct prefix_place *c = prefix_place_at(p, place);
    struct prefix_store *s = &p->store[c->store];
    int32_t node = c->node;
    int64_t n = prefix_node_at(p, node)->n;

    sim_assert(blocks > 0);
    if (n > blocks)
        prefix_split(p, node, n - blocks);
    c = prefix_place_at(p, place);
    struct prefix_node *x = prefix_node_at(p, node);
    *out = (struct prefix_victim){.node = node,
                                  .run = {x->id, x->n},
                                  .depth = x->depth,
                                  .put_ns = c->put_ns,
                                  .used_ns = c->used_ns,
                                  .uses = c->uses};
    if (s->evict->evicted)
        s->evict->evicted(s->state, c->key, x->n);
    x->holds++;
    prefix_copy_remove(p, place);
    return true;
}

bool prefix_expire(struct prefix *p, int32_t store, int64_t now_ns, struct prefix_victim *out)
{
    clock_at(p, now_ns);
    if (prefix_next_expiry(p, store) > now_ns)
        return false;
    return give_up(p, p->store[store].heap[HEAP_EXPIRY].at[0].place, INT64_MAX, out);
}

bool prefix_evict(struct prefix *p, int32_t store, int64_t blocks, struct prefix_victim *out)
{
    const struct prefix_store *s = store_at(p, store);

    if (s->heap[HEAP_VICTIMS].n == 0)
        return false;
    bool expired = prefix_next_expiry(p, store) <= p->now_ns;
    return give_up(p, s->heap[expired ? HEAP_EXPIRY : HEAP_VICTIMS].at[0].place, blocks, out);
}

int64_t prefix_next_expiry(const struct prefix *p, int32_t store)
{
    const struct prefix_heap *h = &store_at(p, store)->heap[HEAP_EXPIRY];

    return h->n > 0 ? (int64_t)h->at[0].key : INT64_MAX;
}

/* Whether the node goes beyond the first `depth` blocks of its chain; it is cut there if the call means it. */
static bool reaches(struct prefix *p, int32_t node, int64_t depth, bool cut)
{
    const struct prefix_node *x = prefix_node_at(p, node);

    if (x->depth + x->n <= depth)
        return false;
    if (cut && x->depth < depth)
        prefix_split(p, node, depth - x->depth);
    return true;
}

/* The node and those above it down from `depth`. */
static int64_t put_up_to(struct prefix *p, int32_t node, int64_t depth, int32_t store, int64_t now_ns)
{
    int64_t tick = ++store_at(p, store)->tick, added = 0;

    clock_at(p, now_ns);
    for (; reaches(p, node, depth, !prefix_copy_find(p, node, store)); node = prefix_node_at(p, node)->parent)
        if (!prefix_copy_find(p, node, store)) {
            prefix_copy_add(p, node, store, tick, now_ns);
            added += prefix_node_at(p, node)->n;
        }
    return added;
}

int64_t prefix_put_node(struct prefix *p, int32_t node, int32_t store, int64_t now_ns)
{
    return put_up_to(p, node, prefix_node_at(p, node)->depth, store, now_ns);
}

int64_t prefix_put_victim(struct prefix *p, const struct prefix_victim *v, int32_t store, int64_t now_ns)
{
    return put_up_to(p, v->node, v->depth, store, now_ns);
}

void prefix_remove_victim(struct prefix *p, const struct prefix_victim *v, int32_t store)
{
    int32_t parent;

    for (int32_t node = v->node; reaches(p, node, v->depth, prefix_copy_find(p, node, store)); node = parent) {
        const struct prefix_place *c = prefix_copy_find(p, node, store);
        parent = prefix_node_at(p, node)->parent;
        if (c == NULL || c->pins > 0)
            continue;
        prefix_copy_remove(p, prefix_place_find(p, node, store));
        prefix_release(p, node);
    }
}

bool prefix_has_node(const struct prefix *p, int32_t node, int32_t store)
{
    return prefix_copy_find(p, node, store);
}

void prefix_let_go(struct prefix *p, int32_t node)
{
    sim_assert(prefix_node_at(p, node)->holds > 0);
    prefix_node_at(p, node)->holds--;
    prefix_release(p, node);
}

int64_t prefix_drop_store(struct prefix *p, int32_t store)
{
    int64_t lost = store_at(p, store)->blocks;

    for (int32_t i = 0; i < p->places.n; i++) {
        const struct prefix_place *c = prefix_place_at(p, i);
        if (c->node == PREFIX_NONE || c->store != store || !c->here)
            continue;
        int32_t node = c->node;
        prefix_copy_remove(p, i);
        prefix_release(p, node);
    }
    return lost;
}

void prefix_resize(struct prefix *p, int32_t store, int64_t capacity_blocks)
{
    store_at(p, store)->capacity = capacity_blocks;
    prefix_demote(p, store);
}

/* ---- counts ---- */

int64_t prefix_blocks(const struct prefix *p, int32_t store)
{
    return store_at(p, store)->blocks;
}

int64_t prefix_pinned_blocks(const struct prefix *p, int32_t store)
{
    return store_at(p, store)->pinned;
}

int64_t prefix_nodes(const struct prefix *p)
{
    return p->n_nodes;
}
