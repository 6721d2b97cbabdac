#include "config.h"

#include "model/holders.h"

#include <stdlib.h>

#include "base/bug.h"
#include "model/kv_state.h"

enum { STORE_OTHER = -2 };

static void name_stores(struct holders *h, struct kv *kv)
{
    int32_t n = prefix_stores(kv->prefix);

    h->store = mem_alloc((size_t)n * sizeof *h->store);
    for (int32_t i = 0; i < n; i++)
        h->store[i] = (struct holders_store){STORE_OTHER, 0};
    for (int64_t i = 0; i < kv->n_replicas; i++)
        h->store[kv->hbm[i]] = (struct holders_store){MEMORY_HBM, i};
    for (int t = 0; t < kv->n_tiers; t++)
        for (int64_t u = 0; u < kv->memory->tier[t].units; u++)
            h->store[kv->store[t][u]] = (struct holders_store){t, u};
}

static bool of_interest(void *ctx, int32_t store)
{
    const struct holders *h = ctx;
    const struct holders_store *s = &h->store[store];

    return s->tier >= 0 || (s->tier == MEMORY_HBM && s->unit >= h->first && s->unit < h->first + h->n);
}

void holders_init(struct holders *h, struct kv *kv, int64_t first, int64_t n, int64_t age_ns,
                  int64_t (*now)(void *ctx), void *ctx)
{
    *h = (struct holders){.kv = kv, .first = first, .n = n};
    h->seen = mem_zalloc((size_t)n, sizeof *h->seen);
    if (kv == NULL)
        return;
    name_stores(h, kv);
    if (age_ns == 0)
        return;
    h->index = mem_zalloc(1, sizeof *h->index);
    index_init(h->index, kv->prefix, age_ns, &(struct index_env){of_interest, h, now, ctx});
}

void holders_free(struct holders *h)
{
    if (h->index)
        index_free(h->index);
    free(h->index);
    free(h->store);
    free(h->seen);
}

void holders_ask(struct holders *h, const struct request *q, int64_t least, int64_t now_ns)
{
    h->request = q;
    h->least = least;
    h->member = h->end = h->passed = 0;
    h->question++;
    h->prefix = NULL;
    if (h->kv == NULL || !kv_shares(h->kv, q))
        return;
    h->prefix = h->index ? index_at(h->index, now_ns) : h->kv->prefix;
    h->at = prefix_holders(h->prefix, q->chain, q->prompt_blocks);
    h->seen[least] = h->question;
}

void holders_look(const struct holders *h, int64_t replica, struct router_holder *out)
{
    const struct kv *kv = h->kv;
    int32_t stores[1 + MEMORY_TIERS];
    int64_t hit[1 + MEMORY_TIERS];

    *out = (struct router_holder){.replica = replica};
    if (h->prefix == NULL)
        return;
    kv_stores(kv, h->first + replica, stores);
    int64_t found = prefix_match(h->prefix, h->request->chain, h->request->prompt_blocks, stores, 1 + kv->n_tiers, hit);
    out->cached = kv_usable(kv, h->request, hit[0]);
    out->below = kv_usable(kv, h->request, found) - out->cached;
}

/* Goes through the replicas of the fleet that share a unit of a tier. */
static void enter_unit(struct holders *h, int tier, int64_t unit)
{
    const struct memory *m = h->kv->memory;
    const struct memory_span *s = &m->tier[tier].of[memory_pool_of(m, h->first) - m->pool];
    int64_t from = (unit - s->first) * s->span, to = from + s->span;

    if (unit < s->first)
        return;
    if (from <= h->least && h->least < to && memory_reaches(m, h->first + h->least, tier)) {
        h->passed = h->passed > 0 ? h->passed : h->at.blocks;
        return;
    }
    h->member = from;
    h->end = to < h->n ? to : h->n;
}

/* A replica that has some of the prompt, maybe told before; false: no more. */
static bool next_replica(struct holders *h, int64_t *replica)
{
    int64_t blocks;
    int32_t store;

    for (;;) {
        if (h->member < h->end) {
            *replica = h->member++;
            return true;
        }
        if (!prefix_next_holder(h->prefix, &h->at, &store, &blocks))
            return false;
        const struct holders_store *s = &h->store[store];
        if (s->tier >= 0)
            enter_unit(h, s->tier, s->unit);
        *replica = s->unit - h->first;
        if (s->tier == MEMORY_HBM && *replica >= 0 && *replica < h->n)
            return true;
    }
}

bool holders_next(struct holders *h, struct router_holder *out)
{
    int64_t replica;

    if (h->prefix == NULL)
        return false;
    do {
        if (!next_replica(h, &replica))
            return false;
    } while (h->seen[replica] == h->question);
    h->seen[replica] = h->question;
    holders_look(h, replica, out);
    out->most = kv_usable(h->kv, h->request, h->passed > 0 ? h->passed : h->at.blocks);
    return true;
}
