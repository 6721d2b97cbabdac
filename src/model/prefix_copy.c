/*
 * prefix_copy.c - copies of nodes in stores: their keys, their pins, and which of them are candidates for eviction.
 *
 * A change to a copy ends with settle(), which is the one place that decides who stands in the heap of victims.
 */
#include "model/prefix_state.h"

bool prefix_is_candidate(const struct prefix_place *c)
{
    return c->here && c->pins == 0 && c->below == 0;
}

static void settle(struct prefix *p, int32_t place)
{
    const struct prefix_place *c = prefix_place_at(p, place);

    if (!prefix_is_candidate(c)) {
        prefix_heap_out(p, place, HEAP_VICTIMS);
        prefix_heap_out(p, place, HEAP_EXPIRY);
        return;
    }
    prefix_heap_set(p, place, HEAP_VICTIMS, prefix_key_bits(c->key));
    if (c->expires_ns < INT64_MAX)
        prefix_heap_set(p, place, HEAP_EXPIRY, (uint64_t)c->expires_ns);
    else
        prefix_heap_out(p, place, HEAP_EXPIRY);
}

/* ---- places ---- */

int32_t prefix_place_make(struct prefix *p, int32_t node, int32_t store)
{
    int32_t place = prefix_slots_take(&p->places);
    struct prefix_place *c = prefix_place_at(p, place);
    struct prefix_node *x = prefix_node_at(p, node);

    *c = (struct prefix_place){.node = node, .store = store, .next = x->places, .prev = PREFIX_NONE};
    for (int i = 0; i < PREFIX_HEAPS; i++)
        c->at[i] = PREFIX_NO_POS;
    if (x->places != PREFIX_NONE)
        prefix_place_at(p, x->places)->prev = place;
    x->places = place;
    prefix_map_set(&p->place_of, node, store, place);
    return place;
}

static int32_t place_get(struct prefix *p, int32_t node, int32_t store)
{
    int32_t place = prefix_place_find(p, node, store);

    return place != PREFIX_NONE ? place : prefix_place_make(p, node, store);
}

void prefix_place_give(struct prefix *p, int32_t place)
{
    struct prefix_place *c = prefix_place_at(p, place);

    if (c->next != PREFIX_NONE)
        prefix_place_at(p, c->next)->prev = c->prev;
    if (c->prev != PREFIX_NONE)
        prefix_place_at(p, c->prev)->next = c->next;
    else
        prefix_node_at(p, c->node)->places = c->next;
    prefix_map_del(&p->place_of, c->node, c->store);
    c->node = PREFIX_NONE;
    prefix_slots_give(&p->places, place);
}

/* The place goes if the store has nothing there any more. */
static void place_trim(struct prefix *p, int32_t place)
{
    const struct prefix_place *c = prefix_place_at(p, place);

    if (!c->here && c->below == 0)
        prefix_place_give(p, place);
}

/* One child of the node more, or less, has a copy in the store. */
static void count_below(struct prefix *p, int32_t node, int32_t store, int change)
{
    if (node == PREFIX_ROOT)
        return;
    int32_t place = place_get(p, node, store);
    prefix_place_at(p, place)->below += change;
    settle(p, place);
    place_trim(p, place);
}

/* ---- keys ---- */

static void set_key(struct prefix *p, int32_t place, double key)
{
    struct prefix_place *c = prefix_place_at(p, place);
    struct prefix_store *s = &p->store[c->store];
    bool was = c->at[HEAP_PROTECTED] != PREFIX_NO_POS, is = s->evict->protects && key >= EVICT_PROTECTED;

    c->key = key;
    s->protected_blocks += (is - was) * prefix_node_at(p, c->node)->n;
    if (is)
        prefix_heap_set(p, place, HEAP_PROTECTED, prefix_key_bits(key));
    else
        prefix_heap_out(p, place, HEAP_PROTECTED);
}

static void renew(struct prefix *p, int32_t place, int64_t tick, int64_t now_ns, bool demoted)
{
    struct prefix_place *c = prefix_place_at(p, place);
    const struct prefix_node *x = prefix_node_at(p, c->node);
    const struct prefix_store *s = &p->store[c->store];
    const struct prefix_oracles *o = &p->oracles;
    struct evict_view v = {.now_ns = now_ns,
                           .tick = tick,
                           .put_tick = c->put_tick,
                           .put_ns = c->put_ns,
                           .uses = c->uses,
                           .blocks = x->n,
                           .depth = x->depth,
                           .block_bytes = p->block_bytes,
                           .next_use = INT64_MAX,
                           .store_blocks = s->capacity,
                           .last_key = c->key,
                           .demoted = demoted};

    if (s->evict->costly) {
        sim_assert(o->recompute_s);
        v.recompute_s = o->recompute_s(o->ctx, x->depth + (x->n - 1) / 2); /* attention's cost is linear in depth */
    }
    if (s->evict->oracle) {
        sim_assert(o->next_use);
        v.next_use = o->next_use(o->ctx, x->id);
    }
    if (!demoted)
        c->expires_ns = s->evict->expires_ns ? s->evict->expires_ns(s->options, &v) : INT64_MAX;
    set_key(p, place, s->evict->key(s->options, s->state, &v));
    settle(p, place);
}

void prefix_demote(struct prefix *p, int32_t store)
{
    struct prefix_store *s = &p->store[store];

    if (!s->evict->protects)
        return;
    int64_t share = s->evict->protects(s->options, s->capacity);
    while (s->protected_blocks > share) {
        int32_t place = s->heap[HEAP_PROTECTED].at[0].place, node = prefix_place_at(p, place)->node;
        int64_t n = prefix_node_at(p, node)->n, over = s->protected_blocks - share;
        if (n > over)
            prefix_split(p, node, n - over); /* its end loses its place first */
        renew(p, place, ++s->tick, p->now_ns, true);
        sim_assert(prefix_place_at(p, place)->key < EVICT_PROTECTED);
    }
}

/* ---- copies ---- */

int32_t prefix_copy_add(struct prefix *p, int32_t node, int32_t store, int64_t tick, int64_t now_ns)
{
    int32_t place = place_get(p, node, store);
    struct prefix_place *c = prefix_place_at(p, place);
    struct prefix_node *x = prefix_node_at(p, node);

    sim_assert(!c->here && c->pins == 0);
    c->here = true;
    c->born = ++p->serial;
    c->put_tick = tick;
    c->put_ns = c->used_ns = now_ns;
    c->uses = 1;
    c->key = 0;
    x->n_copies++;
    p->store[store].blocks += x->n;
    count_below(p, x->parent, store, 1);
    renew(p, place, tick, now_ns, false);
    if (p->watcher)
        prefix_tell(p, place, true);
    return place;
}

void prefix_copy_remove(struct prefix *p, int32_t place)
{
    struct prefix_place *c = prefix_place_at(p, place);
    struct prefix_node *x = prefix_node_at(p, c->node);
    struct prefix_store *s = &p->store[c->store];

    if (p->watcher)
        prefix_tell(p, place, false);
    if (c->at[HEAP_PROTECTED] != PREFIX_NO_POS)
        s->protected_blocks -= x->n;
    for (int i = 0; i < PREFIX_HEAPS; i++)
        prefix_heap_out(p, place, (enum prefix_heap_kind)i);
    if (c->pins > 0)
        s->pinned -= x->n;
    c->pins = 0;
    c->here = false;
    x->n_copies--;
    s->blocks -= x->n;
    count_below(p, x->parent, c->store, -1);
    place_trim(p, place);
}

void prefix_copy_use(struct prefix *p, int32_t place, int64_t tick, int64_t now_ns)
{
    struct prefix_place *c = prefix_place_at(p, place);

    c->uses++;
    c->used_ns = now_ns;
    renew(p, place, tick, now_ns, false);
}

void prefix_copy_pin(struct prefix *p, int32_t place, int change)
{
    struct prefix_place *c = prefix_place_at(p, place);
    int64_t n = prefix_node_at(p, c->node)->n;
    bool was = c->pins > 0;

    c->pins += change;
    sim_assert(c->here && c->pins >= 0);
    p->store[c->store].pinned += ((c->pins > 0) - was) * n;
    settle(p, place);
}
