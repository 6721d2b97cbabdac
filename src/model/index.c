#include "model/index.h"

#include <stdlib.h>
#include <string.h>

#include "base/bug.h"

static struct index_news *take(struct index *x)
{
    if (x->n == x->cap) { /* unroll the ring into twice the room */
        int64_t cap = x->cap ? 2 * x->cap : 64;
        struct index_news *news = mem_alloc((size_t)cap * sizeof *news);
        for (int64_t i = 0; i < x->n; i++)
            news[i] = x->news[(x->head + i) % x->cap];
        free(x->news);
        x->news = news;
        x->head = 0;
        x->cap = cap;
    }
    return &x->news[(x->head + x->n++) % x->cap];
}

static void told(void *ctx, struct chain c, int64_t from, int64_t to, int32_t store, bool came)
{
    struct index *x = ctx;

    if (!x->env.wants(x->env.wants_ctx, store))
        return;
    struct block_run *run = mem_alloc((size_t)c.n_runs * sizeof *run);
    memcpy(run, c.run, (size_t)c.n_runs * sizeof *run);
    *take(x) = (struct index_news){x->env.now(x->env.now_ctx), from, to, {run, c.n_runs}, store, came};
}

void index_init(struct index *x, struct prefix *tree, int64_t age_ns, const struct index_env *env)
{
    const struct evict_ops *unordered = (const struct evict_ops *)policy_find(POLICY_EVICT, "fifo"); /* never asked */

    *x = (struct index){.prefix = prefix_new(1, 0), .age_ns = age_ns, .env = *env};
    for (int32_t i = 0; i < prefix_stores(tree); i++)
        prefix_store(x->prefix, INT64_MAX, unordered, NULL);
    x->watcher = (struct prefix_watcher){.told = told, .ctx = x};
    prefix_watch(tree, &x->watcher);
}

static void drop(struct index *x)
{
    free((void *)(uintptr_t)x->news[x->head].chain.run);
    x->head = (x->head + 1) % x->cap;
    x->n--;
}

void index_free(struct index *x)
{
    while (x->n > 0)
        drop(x);
    free(x->news);
    prefix_free(x->prefix);
}

const struct prefix *index_at(struct index *x, int64_t now_ns)
{
    for (; x->n > 0 && x->news[x->head].t_ns <= now_ns - x->age_ns; drop(x)) {
        const struct index_news *e = &x->news[x->head];
        if (e->came)
            prefix_put(x->prefix, e->chain, e->from, e->to, e->store, e->t_ns);
        else
            prefix_remove(x->prefix, e->chain, e->from, e->to, e->store);
    }
    return x->prefix;
}
