/*
 * prefix_tree.c - nodes of the prefix tree: slots and maps they live in, how chains are followed, when nodes come and
 * go. Knows nothing of stores.
 */
#include <stdlib.h>
#include <string.h>

#include "model/prefix_state.h"

/* ---- slots ---- */

void prefix_slots_init(struct prefix_slots *s, size_t size)
{
    *s = (struct prefix_slots){.size = size, .free = PREFIX_NONE};
}

int32_t prefix_slots_take(struct prefix_slots *s)
{
    int32_t slot = s->free;

    if (slot != PREFIX_NONE) {
        memcpy(&s->free, s->at + (size_t)slot * s->size, sizeof s->free);
    } else {
        if (s->n == s->cap) {
            sim_assert(s->cap < INT32_MAX / 2);
            s->cap = s->cap ? 2 * s->cap : 64;
            s->at = mem_realloc(s->at, (size_t)s->cap * s->size);
        }
        slot = s->n++;
    }
    memset(s->at + (size_t)slot * s->size, 0, s->size);
    return slot;
}

void prefix_slots_give(struct prefix_slots *s, int32_t slot)
{
    memcpy(s->at + (size_t)slot * s->size, &s->free, sizeof s->free);
    s->free = slot;
}

/* ---- maps ---- */

static void map_alloc(struct prefix_map *m, uint64_t slots)
{
    m->at = mem_alloc(slots * sizeof *m->at);
    m->mask = slots - 1;
    m->n = 0;
    for (uint64_t i = 0; i < slots; i++)
        m->at[i].value = PREFIX_NONE;
}

void prefix_map_init(struct prefix_map *m)
{
    map_alloc(m, 64);
}

void prefix_map_set(struct prefix_map *m, int64_t a, int64_t b, int32_t value)
{
    if (2 * (m->n + 1) > m->mask + 1) {
        struct prefix_map old = *m;
        map_alloc(m, 2 * (old.mask + 1));
        for (uint64_t i = 0; i <= old.mask; i++)
            if (old.at[i].value != PREFIX_NONE)
                prefix_map_set(m, old.at[i].a, old.at[i].b, old.at[i].value);
        free(old.at);
    }
    uint64_t i = prefix_map_home(m, a, b);
    while (m->at[i].value != PREFIX_NONE && (m->at[i].a != a || m->at[i].b != b))
        i = (i + 1) & m->mask;
    m->n += m->at[i].value == PREFIX_NONE;
    m->at[i] = (struct prefix_map_slot){a, b, value};
}

void prefix_map_del(struct prefix_map *m, int64_t a, int64_t b)
{
    uint64_t hole = prefix_map_home(m, a, b);

    while (m->at[hole].a != a || m->at[hole].b != b || m->at[hole].value == PREFIX_NONE) {
        sim_assert(m->at[hole].value != PREFIX_NONE);
        hole = (hole + 1) & m->mask;
    }
    /* What follows moves up where the hole lies between its home and itself, so that no search stops too early. */
    for (uint64_t i = (hole + 1) & m->mask; m->at[i].value != PREFIX_NONE; i = (i + 1) & m->mask) {
        uint64_t home = prefix_map_home(m, m->at[i].a, m->at[i].b);
        if (((i - home) & m->mask) >= ((i - hole) & m->mask)) {
            m->at[hole] = m->at[i];
            hole = i;
        }
    }
    m->at[hole].value = PREFIX_NONE;
    m->n--;
}

/* ---- nodes ---- */

int32_t prefix_node_new(struct prefix *p, int32_t parent, int64_t id, int64_t n)
{
    int32_t node = prefix_slots_take(&p->nodes);
    struct prefix_node *x = prefix_node_at(p, node), *up = prefix_node_at(p, parent);

    *x = (struct prefix_node){.parent = parent, .id = id, .n = n, .depth = up->depth + up->n, .places = PREFIX_NONE};
    up->n_children++;
    p->n_nodes++;
    prefix_map_set(&p->child_of, parent, id, node);
    return node;
}

void prefix_release(struct prefix *p, int32_t node)
{
    for (;;) {
        struct prefix_node *x = prefix_node_at(p, node);
        int32_t parent = x->parent;
        if (x->n_copies > 0 || x->n_children > 0 || x->holds > 0)
            return;
        sim_assert(x->places == PREFIX_NONE);
        prefix_map_del(&p->child_of, parent, x->id);
        prefix_node_at(p, parent)->n_children--;
        x->n = 0;
        prefix_slots_give(&p->nodes, node);
        p->n_nodes--;
        node = parent;
    }
}

/* ---- walks ---- */

struct prefix_walk prefix_walk_start(const struct prefix *p, struct chain c)
{
    return (struct prefix_walk){.p = p, .c = c, .node = PREFIX_ROOT};
}

int64_t prefix_walk_peek(const struct prefix_walk *w, int64_t limit, int32_t *child)
{
    if (limit <= 0 || w->run == w->c.n_runs)
        return 0;
    int64_t run = w->run, off = w->off, got = 0;
    *child = prefix_map_get(&w->p->child_of, w->node, w->c.run[run].id + off);
    if (*child == PREFIX_NONE)
        return 0;
    const struct prefix_node *x = prefix_node_at(w->p, *child);
    int64_t want = x->n < limit ? x->n : limit;
    for (; got < want && run < w->c.n_runs && w->c.run[run].id + off == x->id + got; run++, off = 0)
        got += w->c.run[run].n - off;
    return got < want ? got : want;
}

void prefix_walk_move(struct prefix_walk *w, int32_t node, int64_t blocks)
{
    w->node = node;
    w->depth += blocks;
    for (w->off += blocks; w->run < w->c.n_runs && w->off >= w->c.run[w->run].n; w->run++)
        w->off -= w->c.run[w->run].n;
}

int64_t chain_blocks(struct chain c)
{
    int64_t n = 0;

    for (int64_t i = 0; i < c.n_runs; i++)
        n += c.run[i].n;
    return n;
}
