/*
 * test_route.c - what routers are told of sessions and caches, against slow twins: the map of sessions, the copies along
 * a chain, the index that is behind, and the holders of a prefix in HBM and in tiers that replicas share.
 */
#include "config.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "model/affinity.h"
#include "model/holders.h"
#include "model/kv_state.h"
#include "../run_suite.h"

/* ---- sessions ---- */

START_TEST(sessions_are_remembered)
{
    enum { SESSIONS = 500 };
    struct affinity a;
    int64_t twin[SESSIONS];
    struct rng r;

    affinity_init(&a);
    rng_init(&r, 1, 0, 0, RNG_TEST);
    for (int i = 0; i < SESSIONS; i++)
        twin[i] = -1;
    for (int i = 0; i < 50000; i++) {
        int64_t session = (int64_t)rng_below(&r, SESSIONS);
        if (rng_below(&r, 2)) {
            twin[session] = (int64_t)rng_below(&r, 9);
            affinity_set(&a, session, twin[session]);
        } else {
            twin[session] = -1;
            affinity_drop(&a, session);
        }
        int64_t other = (int64_t)rng_below(&r, SESSIONS);
        ck_assert_int_eq(affinity_get(&a, other), twin[other]);
    }
    for (int i = 0; i < SESSIONS; i++)
        affinity_drop(&a, i);
    ck_assert_int_eq(a.n, 0);
    affinity_free(&a);
}
END_TEST

/* ---- a fleet of 8 replicas with HBM, a tier for each 4 of them and one for all, behind another pool of 2 ---- */

enum { FIRST = 2, REPLICAS = 8, ALL = FIRST + REPLICAS, STORES = ALL + 2 + 1 + 1, CHAINS = 12 };

static struct block_run runs[CHAINS][2];
static int64_t now;

static int64_t clock_now(void *ctx)
{
    (void)ctx;
    return now;
}

static struct chain chain(int i)
{
    return (struct chain){runs[i], 2};
}

/* Chains share the first 1 to 6 blocks with some of the others. */
static void make_chains(void)
{
    for (int i = 0; i < CHAINS; i++) {
        runs[i][0] = (struct block_run){100 * (i / 6), 1 + i % 6};
        runs[i][1] = (struct block_run){10000 + 100 * i, 6};
    }
}

static void add_stores(struct prefix *p)
{
    const struct evict_ops *lru = (const struct evict_ops *)policy_find(POLICY_EVICT, "lru");

    for (int i = 0; i < STORES; i++)
        prefix_store(p, INT64_MAX, lru, NULL);
}

/* Something changes in the tree: the same for the same draws. HBM has no gaps. */
static void stir(struct prefix *p, struct rng *r, int64_t now_ns)
{
    int32_t store = (int32_t)rng_below(r, STORES);
    struct chain c = chain((int)rng_below(r, CHAINS));
    int64_t to = 1 + (int64_t)rng_below(r, (uint64_t)chain_blocks(c)), from = (int64_t)rng_below(r, (uint64_t)to);
    struct prefix_victim v;
    bool hbm = store < ALL;

    switch (rng_below(r, 8)) {
    case 0:
        if (!hbm)
            prefix_remove(p, c, from, to, store);
        break;
    case 1:
    case 2:
        if (prefix_evict(p, store, 1 + (int64_t)rng_below(r, 4), &v))
            prefix_let_go(p, v.node);
        break;
    case 3:
        if (rng_below(r, 10) == 0)
            prefix_drop_store(p, store);
        break;
    case 4:
        prefix_put(p, c, hbm ? 0 : from, to, store, now_ns);
        break;
    default:
        prefix_put(p, c, 0, to, store, now_ns);
    }
}

static int64_t match1(const struct prefix *p, struct chain c, int32_t store)
{
    int64_t hit;

    return prefix_match(p, c, chain_blocks(c), &store, 1, &hit);
}

/* Copies along a chain: who has a beginning of it is told, with no less than that, and none twice at a depth. */
START_TEST(copies_along_a_chain)
{
    struct prefix *p = prefix_new(1000, 0);
    struct rng r;

    make_chains();
    add_stores(p);
    rng_init(&r, 2, 0, 0, RNG_TEST);
    for (int i = 0; i < 3000; i++) {
        stir(p, &r, i);
        struct chain c = chain(i % CHAINS);
        struct prefix_holders h = prefix_holders(p, c, chain_blocks(c));
        int64_t most[STORES] = {0}, blocks, last = INT64_MAX;
        int32_t store;
        while (prefix_next_holder(p, &h, &store, &blocks)) {
            ck_assert(blocks > 0 && blocks <= last && prefix_has_node(p, h.node, store));
            ck_assert(most[store] == 0 || blocks < most[store]);
            most[store] = most[store] ? most[store] : blocks;
            last = blocks;
        }
        for (int32_t s = 0; s < STORES; s++)
            ck_assert_int_ge(most[s], match1(p, c, s));
    }
    prefix_free(p);
}
END_TEST

static bool wanted(void *ctx, int32_t store)
{
    (void)ctx;
    return store != 5;
}

/* The index has what a tree has that was made by the same changes up to then. */
START_TEST(the_index_is_behind)
{
    enum { STEPS = 4000, AGE = 700 };
    struct prefix *p = prefix_new(1000, 0), *then = prefix_new(1000, 0);
    struct rng r, r_then, times, times_then;
    struct index x;
    int64_t t_then = 0;
    int64_t found = 0, behind = 0;

    make_chains();
    add_stores(p);
    add_stores(then);
    rng_init(&r, 3, 0, 0, RNG_TEST);
    rng_init(&times, 4, 0, 0, RNG_TEST);
    r_then = r;
    times_then = times;
    now = 0;
    index_init(&x, p, AGE, &(struct index_env){wanted, NULL, clock_now, NULL});
    t_then = (int64_t)rng_below(&times_then, 20);
    for (int i = 0; i < STEPS; i++) {
        now += (int64_t)rng_below(&times, 20);
        stir(p, &r, now);
        for (; t_then <= now - AGE; t_then += (int64_t)rng_below(&times_then, 20))
            stir(then, &r_then, t_then);
        const struct prefix *seen = index_at(&x, now);
        for (int k = 0; k < CHAINS; k++)
            for (int32_t s = 0; s < STORES; s++) {
                int64_t blocks = match1(seen, chain(k), s);
                ck_assert_int_eq(blocks, s == 5 ? 0 : match1(then, chain(k), s));
                found += blocks;
                behind += blocks != match1(p, chain(k), s);
            }
    }
    prefix_check(x.prefix);
    ck_assert(found > STEPS && behind > STEPS);
    index_free(&x);
    prefix_free(p);
    prefix_free(then);
}
END_TEST

/* ---- holders ---- */

struct machine {
    struct scenario sc;
    struct tier_options tiers[2];
    struct memory memory;
    struct kv kv;
    struct memory_line link;
    int32_t hbm[ALL], quad[2], pool[1], down[3], link_down[REPLICAS];
};

static void machine_init(struct machine *m)
{
    memset(m, 0, sizeof *m);
    m->sc.memory.tier = m->tiers;
    m->sc.memory.n_tiers = 2;
    m->sc.memory.cache.prefix = true;
    m->tiers[0].bounce_at = m->tiers[1].bounce_at = -1;
    m->memory = (struct memory){.sc = &m->sc, .replicas = ALL, .n_pools = 2};
    m->memory.pool[0] = (struct memory_pool){.first = 0, .n = FIRST, .gpus = 1};
    m->memory.pool[1] = (struct memory_pool){.first = FIRST, .n = REPLICAS, .gpus = 1};
    m->memory.tier[0] = (struct memory_line){.units = 2, .of = {{2, 4, 1}, {0, 4, 1}}, .down = m->down};
    m->memory.tier[1] = (struct memory_line){.units = 1, .of = {{0, ALL, 1}, {0, ALL, 1}}, .down = m->down + 2};
    m->link = (struct memory_line){.units = REPLICAS, .of = {{0, 1, 1}, {0, 1, 1}}, .down = m->link_down};
    m->memory.link = &m->link;
    m->tiers[0].n_links = 1;
    m->kv = (struct kv){.sc = &m->sc,
                        .memory = &m->memory,
                        .n_replicas = ALL,
                        .kv_block = 16,
                        .block_tokens = 16,
                        .ratio = 1,
                        .prefix = prefix_new(1000, 0),
                        .hbm = m->hbm,
                        .store = {m->quad, m->pool},
                        .n_tiers = 2};
    add_stores(m->kv.prefix);
    for (int i = 0; i < ALL; i++)
        m->hbm[i] = i;
    m->quad[0] = ALL;
    m->quad[1] = ALL + 1;
    m->pool[0] = ALL + 2;
    m->kv.nowhere = prefix_store(m->kv.prefix, 0, (const struct evict_ops *)policy_find(POLICY_EVICT, "lru"), NULL);
}

/* Who is not told of has no more than the least loaded, in HBM and in all; the others come by what they have at most. */
START_TEST(holders_are_found)
{
    static struct machine m;
    struct holders h;
    struct rng r;
    int64_t told = 0, untold = 0;

    make_chains();
    machine_init(&m);
    holders_init(&h, &m.kv, FIRST, REPLICAS, 0, clock_now, NULL);
    rng_init(&r, 6, 0, 0, RNG_TEST);
    for (int i = 0; i < 4000; i++) {
        stir(m.kv.prefix, &r, i);
        struct chain c = chain(i % CHAINS);
        struct request q = {.chain = c, .prompt_blocks = chain_blocks(c), .input_tokens = 16 * chain_blocks(c) + 5};
        int64_t least = (int64_t)rng_below(&r, REPLICAS), most = INT64_MAX;
        struct router_holder out, at_least, x;
        bool seen[REPLICAS] = {false};
        holders_ask(&h, &q, least, i);
        holders_look(&h, least, &at_least);
        ck_assert_int_eq(at_least.replica, least);
        ck_assert_int_eq(at_least.cached, 16 * match1(m.kv.prefix, c, m.hbm[FIRST + least]));
        while (holders_next(&h, &out)) {
            ck_assert(out.replica != least && !seen[out.replica]);
            seen[out.replica] = true;
            ck_assert(out.most <= most && out.cached + out.below <= out.most);
            most = out.most;
            told++;
            holders_look(&h, out.replica, &x);
            ck_assert(x.cached == out.cached && x.below == out.below);
        }
        for (int64_t k = 0; k < REPLICAS; k++) {
            holders_look(&h, k, &x);
            if (seen[k] || k == least)
                continue;
            ck_assert(x.cached == 0 && x.below <= at_least.cached + at_least.below);
            untold++;
        }
    }
    ck_assert(told > 4000 && untold > 500);
    holders_free(&h);
    prefix_free(m.kv.prefix);
}
END_TEST

/* With a tier that the least loaded cannot reach, its unit's other replicas are told of. */
START_TEST(a_tier_out_of_reach)
{
    static struct machine m;
    struct holders h;
    struct router_holder out;

    make_chains();
    machine_init(&m);
    holders_init(&h, &m.kv, FIRST, REPLICAS, 0, clock_now, NULL);
    prefix_put(m.kv.prefix, chain(0), 0, 4, m.quad[1], 1);
    struct request q = {.chain = chain(0), .prompt_blocks = 7, .input_tokens = 112};
    holders_ask(&h, &q, 1, 1);
    for (int64_t i = 4; i < 8; i++) {
        ck_assert(holders_next(&h, &out));
        ck_assert(out.replica == i && out.cached == 0 && out.below == 64 && out.most == 64);
    }
    ck_assert(!holders_next(&h, &out));
    holders_ask(&h, &q, 6, 1); /* it reaches them itself */
    ck_assert(!holders_next(&h, &out));
    m.link_down[6] = 1; /* and now not */
    holders_ask(&h, &q, 6, 1);
    for (int64_t i = 4; i < 8; i += i == 5 ? 2 : 1)
        ck_assert(holders_next(&h, &out) && out.replica == i);
    ck_assert(!holders_next(&h, &out));
    holders_free(&h);
    prefix_free(m.kv.prefix);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("route");
    TCase *c = tcase_create("what routers are told");

    tcase_set_timeout(c, 60);
    tcase_add_test(c, sessions_are_remembered);
    tcase_add_test(c, copies_along_a_chain);
    tcase_add_test(c, the_index_is_behind);
    tcase_add_test(c, holders_are_found);
    tcase_add_test(c, a_tier_out_of_reach);
    suite_add_tcase(s, c);
    return run_suite(s);
}
