#include "workload/block_index.h"

#include <stdlib.h>

#include "base/bug.h"
#include "base/sort.h"
#include "workload/workload.h"

struct block_index {
    struct sort_pair *use; /* key: block; value: request */
    size_t n, cap;
};

static void add(struct block_index *x, const struct work_item *item, uint64_t request)
{
    for (int64_t r = 0; r < item->chain.n_runs; r++)
        for (int64_t k = 0; k < item->chain.run[r].n; k++) {
            if (x->n == x->cap) {
                x->cap = x->cap ? 2 * x->cap : 4096;
                x->use = mem_realloc(x->use, x->cap * sizeof *x->use);
            }
            x->use[x->n++] = (struct sort_pair){(uint64_t)(item->chain.run[r].id + k), request};
        }
}

static int read_all(struct block_index *x, struct workload *w, struct err *e)
{
    struct work_item item;
    int got;

    for (uint64_t request = 0; (got = workload_next(w, 0, &item, e)) == 1; request++) {
        add(x, &item, request);
        work_item_free(&item);
    }
    return got;
}

struct block_index *block_index_new(const struct scenario *sc, struct err *e)
{
    if (sc->arrival->kind != ARRIVAL_TRACE) {
        err_set(e, EXIT_CODE_FAILED, "what will be asked for is known with arrivals = trace only, not with %s",
                sc->arrival->policy.name);
        return NULL;
    }
    struct workload *w = workload_new(sc, e);
    if (w == NULL)
        return NULL;
    struct block_index *x = mem_zalloc(1, sizeof *x);
    int got = read_all(x, w, e);
    workload_free(w);
    if (got < 0) {
        block_index_free(x);
        return NULL;
    }
    sort_pairs(x->use, x->n); /* stable: requests rise within a block */
    return x;
}

void block_index_free(struct block_index *x)
{
    if (x)
        free(x->use);
    free(x);
}

int64_t block_index_next(const struct block_index *x, int64_t block_id, int64_t request)
{
    uint64_t block = (uint64_t)block_id;
    size_t lo = 0, hi = x->n; /* those before lo come no later than (block, request), those from hi on do */

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        const struct sort_pair *u = &x->use[mid];
        if (u->key < block || (u->key == block && (int64_t)u->value <= request))
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < x->n && x->use[lo].key == block ? (int64_t)x->use[lo].value : INT64_MAX;
}
