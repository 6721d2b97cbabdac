/*
 * prefix_state.h - inside of prefix.h: for its files only (prefix.c, prefix_tree.c, prefix_cut.c, prefix_copy.c,
 * prefix_heap.c, prefix_path.c, prefix_holders.c, prefix_check.c).
 *
 *   node (a run of blocks)          place (what one store knows of one node)
 *   +-----------------+  places     +--------------------------------------+     +------------------+
 *   | id, n, depth    |------------>| store 0: here, key, pins, below = 2  |<--->| store 3: below=1 |
 *   | parent          |             +--------------------------------------+     +------------------+
 *   +-----------------+                 ^ at[]: where it stands in the heaps of store 0
 *
 * A place is there while the store has a copy of the node or of one of its children: `below` counts the latter, so that
 * whether a copy is a leaf of its store is known without a look at the children, even where a child's copy came first.
 *
 * Two hash maps find things: (parent, first id) -> node and (node, store) -> place. Nothing ever walks over them, so
 * their order is in no result. Nodes, places and pins are slots of arrays, reused; a slot's number says nothing either:
 * heaps order by key, depth and block id.
 *
 * Heaps of a store: HEAP_VICTIMS the candidates by key; HEAP_EXPIRY those of them that expire, by time; HEAP_PROTECTED
 * all protected copies by key, candidates or not.
 *
 * Pins are counted in each place on the path, and a pin knows only where it ends. It holds the copies on its way to the
 * root that are older than itself (`born`): a copy that was not there when it was made, or that came back after a
 * fault, is younger.
 *
 * Pins and victims name the node they end at. A split leaves that number to the lower part, a join to the lower node,
 * and never takes one that is held; so a number that somebody holds ends at the same block for ever.
 */
#ifndef MODEL_PREFIX_STATE_H
#define MODEL_PREFIX_STATE_H

#include "base/bug.h"
#include "base/rng.h"
#include "model/prefix.h"

enum { PREFIX_ROOT = 0 };
enum prefix_heap_kind { HEAP_VICTIMS, HEAP_EXPIRY, HEAP_PROTECTED, PREFIX_HEAPS };

#define PREFIX_NO_POS UINT32_MAX

struct prefix_node {
    int32_t link;     /* of free slots; a free slot has n = 0 */
    int32_t parent;   /* PREFIX_NONE: the root */
    int64_t id, n;    /* its blocks */
    int64_t depth;    /* blocks before it */
    int32_t places;   /* first of the list */
    int32_t n_copies; /* places that are `here` */
    int32_t n_children;
    int32_t holds; /* pins that end here, victims not let go, one for the root itself */
};

struct prefix_place {
    int32_t link;       /* of free slots; a free slot has node = PREFIX_NONE */
    int32_t next, prev; /* of the node's list */
    int32_t node, store;
    int32_t below; /* children of the node with a copy in the store */
    bool here;     /* the node's own copy is; what follows is of that */
    int32_t pins;
    uint32_t at[PREFIX_HEAPS];
    int64_t born; /* by the tree's serial number */
    int64_t put_tick, put_ns, used_ns, uses;
    int64_t expires_ns; /* INT64_MAX: never */
    double key;
};

struct prefix_pin {
    int32_t link; /* of free slots; a free slot has store = PREFIX_NONE */
    int32_t node, store;
    int64_t born;
};

struct prefix_rank { /* order in a heap: the least key, then the deepest end, then the lowest id of the last block */
    uint64_t key;
    int64_t end, id;
    int32_t place;
};

struct prefix_heap {
    struct prefix_rank *at;
    uint32_t n, cap;
};

struct prefix_store {
    const struct evict_ops *evict;
    const void *options;
    void *state;
    int64_t capacity, blocks, pinned, protected_blocks, tick;
    struct prefix_heap heap[PREFIX_HEAPS];
};

struct prefix_slots { /* an array of structs whose first member is `link` */
    char *at;
    size_t size;
    int32_t n, cap, free; /* n: ever used */
};

struct prefix_map_slot {
    int64_t a, b;
    int32_t value; /* PREFIX_NONE: empty */
};

struct prefix_map {
    struct prefix_map_slot *at;
    uint64_t mask, n; /* slots - 1; used */
};

struct prefix {
    int64_t block_bytes, max_node, now_ns, serial, n_nodes;
    struct prefix_oracles oracles;
    struct prefix_slots nodes, places, pins;
    struct prefix_map child_of, place_of;
    struct prefix_store *store;
    int32_t n_stores;
    struct prefix_watcher *watcher;
    struct block_run *told; /* what they were told of last */
    int64_t told_cap;
};

static inline struct prefix_node *prefix_node_at(const struct prefix *p, int32_t node)
{
    return (struct prefix_node *)p->nodes.at + node;
}

static inline struct prefix_place *prefix_place_at(const struct prefix *p, int32_t place)
{
    return (struct prefix_place *)p->places.at + place;
}

static inline struct prefix_pin *prefix_pin_at(const struct prefix *p, int32_t pin)
{
    return (struct prefix_pin *)p->pins.at + pin;
}

/* ---- maps: open addressing, linear probing; at most half full ---- */

static inline uint64_t prefix_map_home(const struct prefix_map *m, int64_t a, int64_t b)
{
    return rng_hash(rng_hash(1, (uint64_t)a), (uint64_t)b) & m->mask;
}

static inline int32_t prefix_map_get(const struct prefix_map *m, int64_t a, int64_t b)
{
    for (uint64_t i = prefix_map_home(m, a, b);; i = (i + 1) & m->mask) {
        const struct prefix_map_slot *s = &m->at[i];
        if (s->value == PREFIX_NONE || (s->a == a && s->b == b))
            return s->value;
    }
}

static inline int32_t prefix_place_find(const struct prefix *p, int32_t node, int32_t store)
{
    return prefix_map_get(&p->place_of, node, store);
}

/* The node's copy in the store, or NULL. */
static inline struct prefix_place *prefix_copy_find(const struct prefix *p, int32_t node, int32_t store)
{
    int32_t i = prefix_place_find(p, node, store);

    return i != PREFIX_NONE && prefix_place_at(p, i)->here ? prefix_place_at(p, i) : NULL;
}

/* ---- prefix_tree.c: slots, maps, nodes, walks ---- */

void prefix_slots_init(struct prefix_slots *s, size_t size);
int32_t prefix_slots_take(struct prefix_slots *s); /* may move the array; the slot is zeroed */
void prefix_slots_give(struct prefix_slots *s, int32_t slot);

void prefix_map_init(struct prefix_map *m);
void prefix_map_set(struct prefix_map *m, int64_t a, int64_t b, int32_t value); /* new, or another value */
void prefix_map_del(struct prefix_map *m, int64_t a, int64_t b);                /* must be there */

int32_t prefix_node_new(struct prefix *p, int32_t parent, int64_t id, int64_t n);
void prefix_release(struct prefix *p, int32_t node); /* it, and nodes above, go if nothing needs them any more */

struct prefix_walk { /* where a chain is in the tree */
    const struct prefix *p;
    struct chain c;
    int64_t run, off, depth; /* blocks of the chain passed: whole runs, of the next run, all */
    int32_t node;            /* that ends at depth */
};

struct prefix_walk prefix_walk_start(const struct prefix *p, struct chain c);
/* How many of the chain's next blocks, at most `limit`, lie in a child of w->node; 0: none does. */
int64_t prefix_walk_peek(const struct prefix_walk *w, int64_t limit, int32_t *child);
void prefix_walk_move(struct prefix_walk *w, int32_t node, int64_t blocks);

/* ---- prefix_cut.c ---- */

/* Cuts the node after its first `at` blocks; gives the upper part's number, the lower one keeps the node's. */
int32_t prefix_split(struct prefix *p, int32_t node, int64_t at);
/* Makes the node one with the one above it, where nothing tells them apart any more; it keeps its number. */
void prefix_join(struct prefix *p, int32_t node);

/* ---- prefix_copy.c: copies, their keys, pins' counts, who is a candidate ---- */

/* All take numbers of places: making one may move the array. */
int32_t prefix_copy_add(struct prefix *p, int32_t node, int32_t store, int64_t tick, int64_t now_ns);
void prefix_copy_remove(struct prefix *p, int32_t place);
void prefix_copy_use(struct prefix *p, int32_t place, int64_t tick, int64_t now_ns);
void prefix_copy_pin(struct prefix *p, int32_t place, int change);
void prefix_demote(struct prefix *p, int32_t store);                    /* until the protected ones fit their share */
bool prefix_is_candidate(const struct prefix_place *c);
int32_t prefix_place_make(struct prefix *p, int32_t node, int32_t store);
void prefix_place_give(struct prefix *p, int32_t place);

/* ---- prefix_holders.c ---- */

void prefix_tell(struct prefix *p, int32_t place, bool came); /* those who watch */

/* ---- prefix_heap.c ---- */

uint64_t prefix_key_bits(double key); /* the same order as unsigned numbers */
bool prefix_rank_less(const struct prefix_rank *a, const struct prefix_rank *b);
void prefix_heap_set(struct prefix *p, int32_t place, enum prefix_heap_kind kind, uint64_t key); /* in, or moved */
void prefix_heap_out(struct prefix *p, int32_t place, enum prefix_heap_kind kind); /* nothing where it is not in */

#endif
