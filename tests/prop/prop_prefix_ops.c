/*
 * prop_prefix_ops.c - random calls on several stores of a prefix tree against sets of single blocks.
 *
 * The twin has no nodes: each store says of each block whether it is there, how it was put and used, until when it
 * lasts, who pins it. What the tree cuts, joins, counts and keeps in heaps, the twin finds by a look at every block.
 * Stores have policies of their own (lru, fifo, lfu, slru, ttl), are closed towards the root or not, lose everything,
 * shrink; runs that were given up are put elsewhere later, when their nodes may have been cut or joined. prefix_check
 * after each call.
 */
#include <check.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/rng.h"
#include "model/prefix.h"
#include "../run_suite.h"

enum { STORES = 5, IDS = 400, CHAINS = 14, PINS = 12, HELD = 6, CALLS = 3000, TTL_NS = 900 };
static const char *const store_policy[STORES] = {"lru", "fifo", "lfu", "slru", "ttl"};
static double slru_share = 0.5, no_decay = 0;
static int64_t ttl_ns = TTL_NS;
static const void *const store_options[STORES] = {NULL, NULL, &no_decay, &slru_share, &ttl_ns};

struct block { /* in a store */
    bool here, guarded;
    int64_t born, put_tick, tick, put_ns, used_ns, uses;
    int64_t oldest_ns; /* when the first of those was put that it may be one with */
};

struct twin_pin {
    bool on;
    int32_t store, pin;
    int64_t born;
    int64_t id[64], n;
};

struct victim { /* given up, not let go */
    bool on;
    struct prefix_victim v;
};

struct world {
    struct prefix *p;
    struct rng r;
    int64_t chain[CHAINS][64], length[CHAINS];
    int64_t parent[IDS], depth[IDS], ids;
    struct block at[STORES][IDS];
    int64_t tick[STORES], capacity[STORES];
    struct twin_pin pin[PINS];
    struct victim held[HELD];
    int64_t now, serial;
    int64_t did[16]; /* what came up, so that the test cannot go silent */
};

static void make_chains(struct world *w)
{
    for (int i = 0; i < CHAINS; i++) {
        int64_t keep = 0, n = rng_range(&w->r, 1, 25);
        if (i > 0 && rng_below(&w->r, 5) > 0) {
            int from = (int)rng_below(&w->r, (uint64_t)i);
            keep = rng_range(&w->r, 0, w->length[from]);
            memcpy(w->chain[i], w->chain[from], (size_t)keep * sizeof(int64_t));
        }
        for (w->length[i] = keep; w->length[i] < keep + n && w->length[i] < 50; w->length[i]++) {
            w->ids += rng_below(&w->r, 6) == 0;
            int64_t id = w->ids++, at = w->length[i];
            ck_assert_int_lt(id, IDS);
            w->chain[i][at] = id;
            w->parent[id] = at > 0 ? w->chain[i][at - 1] : -1;
            w->depth[id] = at;
        }
    }
}

static struct chain chain_of(struct world *w, int which, struct block_run *run)
{
    int64_t n = 0;

    for (int64_t i = 0; i < w->length[which]; i++) {
        int64_t id = w->chain[which][i];
        if (n > 0 && id == run[n - 1].id + run[n - 1].n && rng_below(&w->r, 12) > 0)
            run[n - 1].n++;
        else
            run[n++] = (struct block_run){id, 1};
    }
    return (struct chain){run, n};
}

/* ---- the twin's rules ---- */

static bool pinned(const struct world *w, int s, int64_t id)
{
    for (int i = 0; i < PINS; i++)
        if (w->pin[i].on && w->pin[i].store == s && w->at[s][id].born < w->pin[i].born)
            for (int64_t k = 0; k < w->pin[i].n; k++)
                if (w->pin[i].id[k] == id)
                    return true;
    return false;
}

static bool candidate(const struct world *w, int s, int64_t id)
{
    if (!w->at[s][id].here || pinned(w, s, id))
        return false;
    for (int64_t k = 0; k < w->ids; k++)
        if (w->parent[k] == id && w->at[s][k].here)
            return false;
    return true;
}

static bool expired(const struct world *w, int s, int64_t id)
{
    return strcmp(store_policy[s], "ttl") == 0 && w->at[s][id].used_ns + TTL_NS <= w->now;
}

/* Is block x of the store given up before y? */
static bool before(const struct world *w, int s, int64_t x, int64_t y)
{
    const struct block *a = &w->at[s][x], *b = &w->at[s][y];
    const char *policy = store_policy[s];
    int64_t by[3][2] = {{0, 0}, {0, 0}, {w->depth[y], w->depth[x]}};

    by[1][0] = a->tick, by[1][1] = b->tick;
    if (strcmp(policy, "fifo") == 0)
        by[1][0] = a->put_tick, by[1][1] = b->put_tick;
    else if (strcmp(policy, "lfu") == 0)
        by[0][0] = a->uses, by[0][1] = b->uses;
    else if (strcmp(policy, "slru") == 0)
        by[0][0] = a->guarded, by[0][1] = b->guarded;
    else if (expired(w, s, x) || expired(w, s, y))
        by[0][0] = !expired(w, s, x), by[0][1] = !expired(w, s, y);
    for (int i = 0; i < 3; i++)
        if (by[i][0] != by[i][1])
            return by[i][0] < by[i][1];
    return x < y;
}

static int64_t least(const struct world *w, int s)
{
    int64_t best = -1;

    for (int64_t id = 0; id < w->ids; id++)
        if (candidate(w, s, id) && (best < 0 || before(w, s, id, best)))
            best = id;
    return best;
}

static void demote(struct world *w, int s)
{
    if (strcmp(store_policy[s], "slru") != 0)
        return;
    for (;;) {
        int64_t n = 0, worst = -1;
        for (int64_t id = 0; id < w->ids; id++)
            if (w->at[s][id].guarded) {
                n++;
                if (worst < 0 || before(w, s, id, worst))
                    worst = id;
            }
        if (n <= (int64_t)(slru_share * (double)w->capacity[s]))
            return;
        w->at[s][worst].guarded = false;
        w->at[s][worst].tick = ++w->tick[s];
        w->did[0]++;
    }
}

static bool add(struct world *w, int s, int64_t id)
{
    struct block *b = &w->at[s][id];

    if (b->here)
        return false;
    *b = (struct block){true, false, ++w->serial, w->tick[s], w->tick[s], w->now, w->now, 1, w->now};
    return true;
}

static int64_t count(const struct world *w, int s, bool only_pinned)
{
    int64_t n = 0;

    for (int64_t id = 0; id < w->ids; id++)
        n += w->at[s][id].here && (!only_pinned || pinned(w, s, id));
    return n;
}

/* ---- calls ---- */

static void call_match(struct world *w, struct chain c, int which)
{
    int64_t blocks = rng_range(&w->r, 0, w->length[which]), hit[STORES], want[STORES] = {0}, sum = 0;
    int32_t stores[STORES];
    int n = 0;

    for (int s = 0; s < STORES; s++)
        if (rng_below(&w->r, 2))
            stores[n++] = s;
    for (int64_t i = 0; i < blocks; i++) {
        int k = 0;
        while (k < n && !w->at[stores[k]][w->chain[which][i]].here)
            k++;
        if (k == n)
            break;
        want[k]++;
        sum++;
    }
    ck_assert_int_eq(prefix_match(w->p, c, blocks, stores, n, hit), sum);
    for (int k = 0; k < n; k++)
        ck_assert_int_eq(hit[k], want[k]);
    for (int k = 1; k < n; k++)
        w->did[1] += want[k] > 0 && want[k - 1] > 0;
}

/* Blocks used together and as often as each other: nothing but when they came tells them apart, and only fifo asks. */
static void mingle(struct world *w, int which, int64_t blocks, int s)
{
    for (int64_t i = 0; i < blocks; i++)
        for (int64_t k = 0; k < blocks; k++) {
            struct block *a = &w->at[s][w->chain[which][i]], *b = &w->at[s][w->chain[which][k]];
            if (a->here && b->here && a->uses == b->uses && a->oldest_ns > b->oldest_ns)
                a->oldest_ns = b->oldest_ns;
        }
}

static void call_use(struct world *w, struct chain c, int which, int s)
{
    int64_t blocks = w->length[which], nodes = prefix_nodes(w->p);

    if (rng_below(&w->r, 2))
        blocks = rng_range(&w->r, 0, blocks);
    prefix_use(w->p, c, blocks, s, w->now);
    w->did[9] += prefix_nodes(w->p) < nodes;
    if (strcmp(store_policy[s], "fifo") != 0)
        mingle(w, which, blocks, s);
    w->tick[s]++;
    for (int64_t i = 0; i < blocks; i++) {
        struct block *b = &w->at[s][w->chain[which][i]];
        if (!b->here)
            continue;
        b->tick = w->tick[s];
        b->used_ns = w->now;
        b->uses++;
        b->guarded = strcmp(store_policy[s], "slru") == 0;
    }
    demote(w, s);
}

static void call_put(struct world *w, struct chain c, int which, int s)
{
    int64_t to = rng_range(&w->r, 0, w->length[which]), from = 0, want = 0;

    if (rng_below(&w->r, 3) == 0)
        from = rng_range(&w->r, 0, to);
    w->tick[s]++;
    for (int64_t i = from; i < to; i++)
        want += add(w, s, w->chain[which][i]);
    ck_assert_int_eq(prefix_put(w->p, c, from, to, s, w->now), want);
}

static void call_remove(struct world *w, struct chain c, int which, int s)
{
    int64_t to = rng_range(&w->r, 0, w->length[which]), from = rng_range(&w->r, 0, to), want = 0;

    for (int64_t i = from; i < to; i++) {
        int64_t id = w->chain[which][i];
        if (!w->at[s][id].here || pinned(w, s, id))
            continue;
        w->at[s][id] = (struct block){0};
        want++;
    }
    ck_assert_int_eq(prefix_remove(w->p, c, from, to, s), want);
    w->did[7] += want > 0;
}

static void call_pinned_prefix(struct world *w, struct chain c, int which, int s)
{
    int64_t blocks = rng_range(&w->r, 0, w->length[which]), want = 0;

    while (want < blocks && w->at[s][w->chain[which][want]].here && pinned(w, s, w->chain[which][want]))
        want++;
    ck_assert_int_eq(prefix_pinned_prefix(w->p, c, blocks, s), want);
    w->did[8] += want > 0 && want < blocks;
}

static void call_pin(struct world *w, struct chain c, int which, int s)
{
    struct twin_pin *q = &w->pin[rng_below(&w->r, PINS)];

    if (q->on) {
        prefix_unpin(w->p, q->pin);
        q->on = false;
        return;
    }
    int64_t blocks = rng_range(&w->r, 0, w->length[which]);
    *q = (struct twin_pin){true, s, prefix_pin(w->p, c, blocks, s), ++w->serial, {0}, 0};
    for (int64_t i = 0; i < blocks; i++)
        if (w->at[s][w->chain[which][i]].here)
            q->id[q->n++] = w->chain[which][i];
}

/* The tree gave up v: block by block, from its end, each must be the twin's next one. */
static void follow(struct world *w, int s, const struct prefix_victim *v)
{
    for (int64_t i = v->run.n - 1; i >= 0; i--) {
        int64_t id = v->run.id + i;
        struct block *b = &w->at[s][id];
        ck_assert_int_eq(least(w, s), id);
        ck_assert_int_eq(w->depth[id], v->depth + i);
        ck_assert(b->used_ns == v->used_ns && b->uses == v->uses);
        ck_assert(b->oldest_ns <= v->put_ns && v->put_ns <= b->put_ns);
        w->did[10] += v->put_ns < b->put_ns;
        *b = (struct block){0};
    }
    struct victim *h = &w->held[rng_below(&w->r, HELD)];
    if (h->on)
        prefix_let_go(w->p, h->v.node);
    *h = (struct victim){true, *v};
}

static void call_evict(struct world *w, int s)
{
    int64_t blocks = rng_range(&w->r, 1, 12);
    struct prefix_victim v;

    if (!prefix_evict(w->p, s, blocks, &v)) {
        ck_assert_int_eq(least(w, s), -1);
        return;
    }
    w->did[2] += expired(w, s, v.run.id);
    ck_assert_int_le(v.run.n, blocks);
    w->did[3] += v.run.n > 1;
    follow(w, s, &v);
}

static void call_expire(struct world *w, int s)
{
    int64_t first = INT64_MAX;
    struct prefix_victim v;

    for (int64_t id = 0; id < w->ids; id++)
        if (strcmp(store_policy[s], "ttl") == 0 && candidate(w, s, id) && w->at[s][id].used_ns + TTL_NS < first)
            first = w->at[s][id].used_ns + TTL_NS;
    ck_assert_int_eq(prefix_next_expiry(w->p, s), first);
    bool got = prefix_expire(w->p, s, w->now, &v);
    ck_assert(got == (first <= w->now));
    w->did[4] += got;
    if (got)
        follow(w, s, &v);
}

static void call_put_victim(struct world *w, int s)
{
    struct victim *h = &w->held[rng_below(&w->r, HELD)];
    int64_t want = 0;
    bool all = true;

    if (!h->on)
        return;
    w->tick[s]++;
    for (int64_t i = 0; i < h->v.run.n; i++)
        want += add(w, s, h->v.run.id + i);
    ck_assert_int_eq(prefix_put_victim(w->p, &h->v, s, w->now), want);
    for (int64_t i = 0; i < h->v.run.n; i++)
        all &= w->at[s][h->v.run.id + i].here;
    ck_assert(all && prefix_has_node(w->p, h->v.node, s));
    ck_assert_int_eq(prefix_put_node(w->p, h->v.node, s, w->now), 0);
    w->tick[s]++;
    w->did[5] += want > 0;
}

static void call_rare(struct world *w, int s)
{
    if (rng_below(&w->r, 2)) {
        w->capacity[s] = rng_range(&w->r, 0, 120);
        prefix_resize(w->p, s, w->capacity[s]);
        demote(w, s);
        return;
    }
    int64_t lost = count(w, s, false);
    w->did[6] += count(w, s, true) > 0;
    ck_assert_int_eq(prefix_drop_store(w->p, s), lost);
    memset(w->at[s], 0, sizeof w->at[s]);
}

static void random_call(struct world *w)
{
    struct block_run run[64];
    int which = (int)rng_below(&w->r, CHAINS), s = (int)rng_below(&w->r, STORES);
    struct chain c = chain_of(w, which, run);
    uint64_t what = rng_below(&w->r, 200);

    ck_assert_int_eq(chain_blocks(c), w->length[which]);
    w->now += rng_range(&w->r, 1, 20);
    if (what < 45)
        call_put(w, c, which, s);
    else if (what < 85)
        call_use(w, c, which, s);
    else if (what < 90)
        call_remove(w, c, which, s);
    else if (what < 95)
        call_pinned_prefix(w, c, which, s);
    else if (what < 110)
        call_match(w, c, which);
    else if (what < 130)
        call_pin(w, c, which, s);
    else if (what < 165)
        call_evict(w, s);
    else if (what < 175)
        call_expire(w, rng_below(&w->r, 4) ? STORES - 1 : s);
    else if (what < 198)
        call_put_victim(w, s);
    else
        call_rare(w, s);
}

/* With nothing left that needs a node, none is left. */
static void empty(struct world *w)
{
    for (int i = 0; i < PINS; i++)
        if (w->pin[i].on)
            prefix_unpin(w->p, w->pin[i].pin);
    for (int i = 0; i < HELD; i++)
        if (w->held[i].on)
            prefix_let_go(w->p, w->held[i].v.node);
    for (int s = 0; s < STORES; s++) {
        prefix_drop_store(w->p, s);
        ck_assert_int_eq(prefix_blocks(w->p, s) + prefix_pinned_blocks(w->p, s), 0);
    }
    prefix_check(w->p);
    ck_assert_int_eq(prefix_nodes(w->p), 0);
    prefix_free(w->p);
}

START_TEST(calls_do_as_block_by_block)
{
    struct world *w = mem_zalloc(1, sizeof *w);

    rng_init(&w->r, 41, 0, (uint64_t)_i, RNG_TEST);
    w->p = prefix_new(1, _i % 3 == 2 ? 1 + _i % 7 : 0);
    make_chains(w);
    for (int s = 0; s < STORES; s++) {
        w->capacity[s] = 60;
        const struct evict_ops *ops = (const struct evict_ops *)policy_find(POLICY_EVICT, store_policy[s]);
        ck_assert_int_eq(prefix_store(w->p, w->capacity[s], ops, store_options[s]), s);
    }
    for (int k = 0; k < CALLS; k++) {
        random_call(w);
        prefix_check(w->p);
        for (int s = 0; s < STORES; s++) {
            ck_assert_int_eq(prefix_blocks(w->p, s), count(w, s, false));
            ck_assert_int_eq(prefix_pinned_blocks(w->p, s), count(w, s, true));
        }
    }
    for (int i = 0; i <= 10; i++)
        ck_assert_msg(w->did[i] > 0, "never came up: %d", i);
    empty(w);
    free(w);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("prop_prefix_ops");
    TCase *c = tcase_create("twin");

    tcase_set_timeout(c, 120);
    tcase_add_loop_test(c, calls_do_as_block_by_block, 0, 12);
    suite_add_tcase(s, c);
    return run_suite(s);
}
