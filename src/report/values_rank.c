#include <stdlib.h>

#include "base/bug.h"
#include "base/sort.h"
#include "report/values.h"

enum { BIN_BITS = 14, BINS = 1 << BIN_BITS, GATHER = 1 << 18 };

/* Keys from `low` on, 2^shift of them in a bin. */
struct cut {
    uint64_t low, most; /* most: the last key that counts */
    unsigned shift;
    bool weighted;
    uint64_t *weight, *count; /* of each bin */
    bool *wanted;             /* bins */
    struct sort_pair *gathered;
    size_t n_gathered;
};

static bool in_cut(const struct cut *c, uint64_t key)
{
    return key >= c->low && key <= c->most;
}

static size_t bin_of(const struct cut *c, uint64_t key)
{
    return (size_t)((key - c->low) >> c->shift);
}

static void count_words(void *ctx, const uint64_t *word, uint32_t n)
{
    struct cut *c = ctx;

    for (uint32_t i = 0, stride = c->weighted ? 2 : 1; i < n; i += stride)
        if (in_cut(c, word[i])) {
            size_t bin = bin_of(c, word[i]);
            c->count[bin]++;
            c->weight[bin] += c->weighted ? word[i + 1] : 1;
        }
}

static void gather_words(void *ctx, const uint64_t *word, uint32_t n)
{
    struct cut *c = ctx;

    for (uint32_t i = 0, stride = c->weighted ? 2 : 1; i < n; i += stride)
        if (in_cut(c, word[i]) && c->wanted[bin_of(c, word[i])])
            c->gathered[c->n_gathered++] = (struct sort_pair){word[i], c->weighted ? word[i + 1] : 1};
}

struct question {
    const struct values *const *v;
    size_t n_v;
    struct err *e;
};

static int find(const struct question *q, uint64_t low, uint64_t most, uint64_t below, const uint64_t *rank, size_t n,
                uint64_t *key);

/* The ranks of one bin before which weights of `below` lie, one bin after the other. */
typedef int bin_f(const struct question *q, struct cut *c, size_t bin, uint64_t below, const uint64_t *rank, size_t n,
                  uint64_t *key);

static int each_wanted_bin(const struct question *q, struct cut *c, uint64_t below, const uint64_t *rank, size_t n,
                           uint64_t *key, bin_f *f)
{
    for (size_t bin = 0, i = 0; i < n; bin++) {
        size_t first = i;

        sim_assert(bin < BINS);
        while (i < n && rank[i] < below + c->weight[bin])
            i++;
        if (i > first && f(q, c, bin, below, rank + first, i - first, key + first))
            return -1;
        below += c->weight[bin];
    }
    return 0;
}

static int want(const struct question *q, struct cut *c, size_t bin, uint64_t below, const uint64_t *rank, size_t n,
                uint64_t *key)
{
    (void)q, (void)below, (void)rank, (void)n, (void)key;
    c->wanted[bin] = true;
    c->n_gathered += c->count[bin];
    return 0;
}

static int cut_again(const struct question *q, struct cut *c, size_t bin, uint64_t below, const uint64_t *rank, size_t n,
                     uint64_t *key)
{
    uint64_t low = c->low + ((uint64_t)bin << c->shift), last = low + ((UINT64_C(1) << c->shift) - 1);

    return find(q, low, last < c->most ? last : c->most, below, rank, n, key);
}

/* From those gathered, which are sorted: they begin with this bin's. */
static int take(const struct question *q, struct cut *c, size_t bin, uint64_t below, const uint64_t *rank, size_t n,
                uint64_t *key)
{
    (void)q;
    for (size_t i = 0; i < n; i++) {
        const struct sort_pair *at = c->gathered;

        for (uint64_t seen = below + at->value; seen <= rank[i]; seen += at->value)
            at++;
        key[i] = at->key;
    }
    c->gathered += c->count[bin];
    return 0;
}

static int gather(const struct question *q, struct cut *c, uint64_t below, const uint64_t *rank, size_t n, uint64_t *key)
{
    struct sort_pair *all = mem_alloc(c->n_gathered * sizeof *all);

    c->gathered = all;
    c->n_gathered = 0;
    int status = values_each_chunk(q->v, q->n_v, gather_words, c, q->e);
    if (status == 0) {
        sort_pairs(all, c->n_gathered);
        status = each_wanted_bin(q, c, below, rank, n, key, take);
    }
    free(all);
    return status;
}

/* Of the values with keys of low to most, before which weights of `below` lie. */
static int find(const struct question *q, uint64_t low, uint64_t most, uint64_t below, const uint64_t *rank, size_t n,
                uint64_t *key)
{
    struct cut c = {.low = low, .most = most, .weighted = q->v[0]->weighted};
    int status;

    if (low == most) {
        for (size_t i = 0; i < n; i++)
            key[i] = low;
        return 0;
    }
    while ((most - low) >> c.shift >= BINS)
        c.shift++;
    c.weight = mem_zalloc(BINS, sizeof *c.weight);
    c.count = mem_zalloc(BINS, sizeof *c.count);
    c.wanted = mem_zalloc(BINS, sizeof *c.wanted);
    status = values_each_chunk(q->v, q->n_v, count_words, &c, q->e);
    if (status == 0)
        status = each_wanted_bin(q, &c, below, rank, n, key, want);
    if (status == 0 && c.n_gathered <= GATHER)
        status = gather(q, &c, below, rank, n, key);
    else if (status == 0)
        status = each_wanted_bin(q, &c, below, rank, n, key, cut_again);
    free(c.weight);
    free(c.count);
    free(c.wanted);
    return status;
}

int values_at_ranks(const struct values *const *v, size_t n_v, const uint64_t *rank, size_t n, uint64_t *key,
                    struct err *e)
{
    struct question q = {v, n_v, e};
    uint64_t least = UINT64_MAX, most = 0;

    for (size_t i = 0; i < n_v; i++) {
        sim_assert(v[i]->weighted == v[0]->weighted);
        least = v[i]->least < least ? v[i]->least : least;
        most = v[i]->most > most ? v[i]->most : most;
        if (value_pool_error(v[i]->pool, e))
            return -1;
    }
    return n > 0 ? find(&q, least, most, 0, rank, n, key) : 0;
}
