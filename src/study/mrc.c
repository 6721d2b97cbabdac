#include "study/mrc.h"

#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/rng.h"

enum { ROOM_MIN = 1024 };

void mrc_free(struct mrc *m)
{
    free(m->slot);
    free(m->tree);
    free(m->id);
    free(m->hit_blocks);
    free(m->hit_tokens);
    free(m->ids);
    *m = (struct mrc){0};
}

/* ---- blocks by id ---- */

static struct mrc_entry *place(const struct mrc *m, uint64_t key)
{
    uint64_t i = rng_hash(0, key) & (uint64_t)(m->cap - 1);

    while (m->slot[i].key != 0 && m->slot[i].key != key)
        i = (i + 1) & (uint64_t)(m->cap - 1);
    return &m->slot[i];
}

static struct mrc_entry *find(const struct mrc *m, int64_t id)
{
    struct mrc_entry *e = m->cap > 0 ? place(m, (uint64_t)id + 1) : NULL;

    return e && e->key ? e : NULL;
}

static struct mrc_entry *find_or_add(struct mrc *m, int64_t id)
{
    struct mrc_entry *old = m->slot, *e;
    int64_t n = m->cap;

    if (2 * m->n >= m->cap) {
        m->cap = n ? 2 * n : ROOM_MIN;
        m->slot = mem_zalloc((size_t)m->cap, sizeof *m->slot);
        for (int64_t i = 0; i < n; i++)
            if (old[i].key)
                *place(m, old[i].key) = old[i];
        free(old);
    }
    e = place(m, (uint64_t)id + 1);
    if (e->key == 0) {
        *e = (struct mrc_entry){(uint64_t)id + 1, 0};
        m->n++;
    }
    return e;
}

/* ---- the stack: times of last uses, from 1 ---- */

static void mark(struct mrc *m, int64_t at, int64_t by)
{
    for (; at <= m->room; at += at & -at)
        m->tree[at] += by;
}

static int64_t marks_before(const struct mrc *m, int64_t at)
{
    int64_t n = 0;

    for (at--; at > 0; at -= at & -at)
        n += m->tree[at];
    return n;
}

/* Times anew, 1 to n in the same order, with room for as many again. */
static void renumber(struct mrc *m)
{
    int64_t *old = m->id, was = m->uses;

    m->room = m->n > ROOM_MIN / 2 ? 2 * m->n : ROOM_MIN;
    m->id = mem_zalloc((size_t)m->room + 1, sizeof *m->id);
    m->tree = mem_realloc(m->tree, ((size_t)m->room + 1) * sizeof *m->tree);
    memset(m->tree, 0, ((size_t)m->room + 1) * sizeof *m->tree);
    m->uses = 0;
    for (int64_t at = 1; at <= was; at++)
        if (old[at] >= 0) {
            m->id[++m->uses] = old[at];
            find(m, old[at])->at = m->uses;
            mark(m, m->uses, 1);
        }
    free(old);
}

static void use(struct mrc *m, int64_t id)
{
    struct mrc_entry *e = find_or_add(m, id);

    if (m->uses == m->room)
        renumber(m);
    if (e->at > 0) {
        mark(m, e->at, -1);
        m->id[e->at] = -1;
    }
    e->at = ++m->uses;
    m->id[e->at] = id;
    mark(m, e->at, 1);
}

/* ---- prompts ---- */

static void take_ids(struct mrc *m, const struct chain *c)
{
    m->n_ids = 0;
    for (int64_t r = 0; r < c->n_runs; r++)
        for (int64_t k = 0; k < c->run[r].n; k++) {
            if (m->n_ids == m->cap_ids) {
                m->cap_ids = m->cap_ids ? 2 * m->cap_ids : ROOM_MIN;
                m->ids = mem_realloc(m->ids, (size_t)m->cap_ids * sizeof *m->ids);
            }
            m->ids[m->n_ids++] = c->run[r].id + k;
        }
}

static void count_hit(struct mrc *m, int64_t depth, int64_t tokens)
{
    if (depth >= m->depths) {
        int64_t more = 2 * depth + ROOM_MIN;
        m->hit_blocks = mem_realloc(m->hit_blocks, (size_t)more * sizeof *m->hit_blocks);
        m->hit_tokens = mem_realloc(m->hit_tokens, (size_t)more * sizeof *m->hit_tokens);
        memset(m->hit_blocks + m->depths, 0, (size_t)(more - m->depths) * sizeof *m->hit_blocks);
        memset(m->hit_tokens + m->depths, 0, (size_t)(more - m->depths) * sizeof *m->hit_tokens);
        m->depths = more;
    }
    m->hit_blocks[depth]++;
    m->hit_tokens[depth] += tokens;
}

/* A block is a hit where it and all before it are: at the largest depth so far. */
static void look_up(struct mrc *m, int64_t n, int64_t input_tokens, int64_t block_tokens)
{
    int64_t depth = 0;

    for (int64_t k = 0; k < n; k++) {
        const struct mrc_entry *e = find(m, m->ids[k]);
        if (e == NULL)
            return;
        int64_t own = m->n - marks_before(m, e->at), left = input_tokens - k * block_tokens;
        depth = own > depth ? own : depth;
        count_hit(m, depth, left < block_tokens ? left : block_tokens);
    }
}

void mrc_add(struct mrc *m, const struct trace_row *row, int64_t prompt_blocks, int64_t block_tokens)
{
    take_ids(m, &row->chain);
    int64_t n = m->n_ids < prompt_blocks ? m->n_ids : prompt_blocks;
    m->blocks += n;
    m->tokens += row->input_tokens;
    look_up(m, n, row->input_tokens, block_tokens);
    for (int64_t k = m->n_ids - 1; k >= 0; k--)
        use(m, m->ids[k]);
}

/* ---- the curve ---- */

struct mrc_hits mrc_at(const struct mrc *m, int64_t capacity)
{
    struct mrc_hits h = {0, 0};

    for (int64_t d = 1; d < m->depths && d <= capacity; d++) {
        h.blocks += m->hit_blocks[d];
        h.tokens += m->hit_tokens[d];
    }
    return h;
}

int64_t mrc_capacity(const struct mrc *m, double share)
{
    double want = share * (double)mrc_at(m, INT64_MAX).tokens, have = 0;

    for (int64_t d = 1; d < m->depths && want > 0; d++) {
        have += (double)m->hit_tokens[d];
        if (have >= want)
            return d;
    }
    return 0;
}
