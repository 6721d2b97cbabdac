/* The prefix tree on cases worked out by hand: cuts, tiers, pins, victims, and each evictor's order. */
#include <check.h>
#include <math.h>
#include <stdlib.h>

#include "model/prefix.h"
#include "../run_suite.h"

static struct prefix *p;

/* The chains of prefix.h's figure, and one that goes on from A. */
static const struct block_run run_a[] = {{0, 8}}, run_b[] = {{0, 4}, {20, 3}}, run_c[] = {{0, 8}, {30, 4}};
static const struct chain a = {run_a, 1}, b = {run_b, 2}, c = {run_c, 2};
static const struct block_run run_more[] = {{50, 1}};
static const struct chain one_more = {run_more, 1};

static const struct evict_ops *ops_of(const char *name)
{
    return (const struct evict_ops *)policy_find(POLICY_EVICT, name);
}

static void setup(void)
{
    p = prefix_new(1000, 0);
}

static void teardown(void)
{
    prefix_check(p);
    prefix_free(p);
}

static int32_t store_with(const char *policy, int64_t capacity, const void *options)
{
    return prefix_store(p, capacity, ops_of(policy), options);
}

static int64_t match1(struct chain ch, int32_t store)
{
    int64_t hit;

    return prefix_match(p, ch, chain_blocks(ch), &store, 1, &hit);
}

/* The store gives up `n` blocks from `id` on next, asked for so many. */
static void gives_up(int32_t store, int64_t blocks, int64_t id, int64_t n)
{
    struct prefix_victim v;

    ck_assert(prefix_evict(p, store, blocks, &v));
    ck_assert_msg(v.run.id == id && v.run.n == n, "gave up %d+%d, want %d+%d", (int)v.run.id, (int)v.run.n, (int)id,
                  (int)n);
    prefix_let_go(p, v.node);
    prefix_check(p);
}

START_TEST(the_figure)
{
    int32_t s = store_with("lru", 100, NULL);

    ck_assert_int_eq(prefix_put(p, a, 0, 8, s, 1), 8);
    ck_assert_int_eq(prefix_nodes(p), 1);
    ck_assert_int_eq(match1(b, s), 4);
    ck_assert_int_eq(prefix_nodes(p), 1); /* looking cuts nothing */
    ck_assert_int_eq(prefix_put(p, b, 4, 7, s, 2), 3);
    ck_assert_int_eq(prefix_nodes(p), 3);
    ck_assert_int_eq(prefix_blocks(p, s), 11);
    ck_assert_int_eq(match1(a, s), 8);
    ck_assert_int_eq(match1(b, s), 7);
    ck_assert_int_eq(prefix_put(p, b, 0, 7, s, 3), 0);
    prefix_check(p);
    gives_up(s, 2, 6, 2); /* the end of A is the oldest leaf */
    gives_up(s, 9, 4, 2);
    gives_up(s, 9, 20, 3); /* B's end is younger, but what is before it no leaf */
    gives_up(s, 9, 0, 4);
    ck_assert(!prefix_evict(p, s, 1, &(struct prefix_victim){0}));
    ck_assert_int_eq(prefix_nodes(p), 0);
}
END_TEST

START_TEST(a_use_of_a_part_cuts)
{
    int32_t s = store_with("lru", 100, NULL);

    prefix_put(p, a, 0, 8, s, 1);
    prefix_put(p, (struct chain){&(struct block_run){50, 2}, 1}, 0, 2, s, 2);
    prefix_use(p, a, 3, s, 3);
    ck_assert_int_eq(prefix_nodes(p), 3);
    gives_up(s, 99, 3, 5);
    gives_up(s, 99, 50, 2);
    gives_up(s, 99, 0, 3);
}
END_TEST

/* Only what a store has is cut for it, and a chain that leaves a node in its middle is not taken up below it. */
START_TEST(cuts_only_what_it_must)
{
    int32_t s = store_with("lru", 100, NULL), t = store_with("lru", 100, NULL);
    static const struct block_run odd[] = {{0, 2}, {30, 4}};

    prefix_put(p, c, 0, 12, s, 1);
    ck_assert_int_eq(prefix_nodes(p), 2);
    prefix_use(p, b, 7, t, 2);
    prefix_unpin(p, prefix_pin(p, a, 5, t));
    ck_assert_int_eq(prefix_put(p, a, 2, 6, s, 2), 0);
    ck_assert_int_eq(prefix_nodes(p), 2);
    ck_assert_int_eq(match1((struct chain){odd, 2}, s), 2);
}
END_TEST

START_TEST(tiers_share_a_chain)
{
    int32_t hot = store_with("lru", 100, NULL), warm = store_with("lru", 100, NULL), both[] = {hot, warm};
    int32_t turned[] = {warm, hot};
    int64_t hit[2];

    prefix_put(p, c, 0, 5, hot, 1);
    prefix_put(p, c, 3, 10, warm, 1); /* its beginning is only above */
    prefix_check(p);
    ck_assert_int_eq(prefix_match(p, c, 12, both, 2, hit), 10);
    ck_assert(hit[0] == 5 && hit[1] == 5);
    ck_assert_int_eq(prefix_match(p, c, 12, turned, 2, hit), 10);
    ck_assert(hit[0] == 7 && hit[1] == 3);
    ck_assert_int_eq(prefix_match(p, c, 6, both, 2, hit), 6);
    ck_assert(hit[0] == 5 && hit[1] == 1);
    ck_assert_int_eq(prefix_match(p, c, 12, &warm, 1, hit), 0);
    ck_assert_int_eq(prefix_drop_store(p, hot), 5);
    ck_assert_int_eq(prefix_match(p, c, 12, both, 2, hit), 0);
    ck_assert_int_eq(prefix_blocks(p, warm), 7);
    ck_assert_int_eq(prefix_put(p, c, 0, 12, warm, 2), 5); /* around what is there */
    ck_assert_int_eq(match1(c, warm), 12);
}
END_TEST

START_TEST(removal_spares_pins)
{
    int32_t s = store_with("lru", 100, NULL);

    prefix_put(p, b, 0, 7, s, 1);
    int32_t pin = prefix_pin(p, b, 2, s);
    ck_assert_int_eq(prefix_pinned_prefix(p, b, 7, s), 2);
    ck_assert_int_eq(prefix_pinned_prefix(p, b, 1, s), 1);
    ck_assert_int_eq(prefix_remove(p, b, 0, 3, s), 1); /* 2; 0 and 1 are pinned, 3 and 20.. were not meant */
    prefix_check(p);
    ck_assert_int_eq(match1(b, s), 2);
    ck_assert_int_eq(prefix_blocks(p, s), 6);
    ck_assert_int_eq(prefix_remove(p, b, 5, 7, s), 2);
    ck_assert_int_eq(prefix_remove(p, a, 3, 8, s), 1);
    prefix_unpin(p, pin);
    ck_assert_int_eq(prefix_remove(p, b, 0, 7, s), 3);
    ck_assert_int_eq(prefix_nodes(p), 0);
}
END_TEST

START_TEST(pins_hold_through_cuts)
{
    int32_t s = store_with("lru", 100, NULL), t = store_with("lru", 100, NULL);
    struct prefix_victim v;

    prefix_put(p, a, 0, 8, s, 1);
    int32_t whole = prefix_pin(p, a, 8, s), part = prefix_pin(p, a, 6, s), other = prefix_pin(p, a, 8, t);
    ck_assert_int_eq(prefix_pinned_blocks(p, s), 8);
    ck_assert_int_eq(prefix_pinned_blocks(p, t), 0);
    prefix_put(p, b, 4, 7, s, 2); /* cuts at 4 */
    prefix_put(p, a, 0, 8, t, 2); /* after the pin: it holds none of it */
    ck_assert_int_eq(prefix_pinned_blocks(p, s), 8);
    ck_assert_int_eq(prefix_pinned_blocks(p, t), 0);
    prefix_check(p);
    gives_up(s, 9, 20, 3);
    ck_assert(!prefix_evict(p, s, 9, &v));
    prefix_unpin(p, whole);
    ck_assert_int_eq(prefix_pinned_blocks(p, s), 6);
    gives_up(s, 9, 6, 2);
    ck_assert(!prefix_evict(p, s, 9, &v));
    ck_assert_int_eq(prefix_drop_store(p, s), 6);
    ck_assert_int_eq(prefix_pinned_blocks(p, s), 0);
    prefix_put(p, a, 0, 8, s, 3); /* what comes back is not what was pinned */
    ck_assert_int_eq(prefix_pinned_blocks(p, s), 0);
    prefix_unpin(p, part);
    prefix_unpin(p, other);
    gives_up(s, 9, 6, 2);
}
END_TEST

START_TEST(a_victim_can_go_elsewhere)
{
    int32_t s = store_with("lru", 100, NULL), t = store_with("lru", 100, NULL), u = store_with("lru", 100, NULL);
    struct prefix_victim v, w;

    prefix_put(p, a, 0, 8, s, 5);
    prefix_use(p, a, 8, s, 7);
    ck_assert(prefix_evict(p, s, 6, &v));
    ck_assert(v.run.id == 2 && v.run.n == 6 && v.depth == 2 && v.put_ns == 5 && v.used_ns == 7 && v.uses == 2);
    ck_assert(!prefix_has_node(p, v.node, s) && !prefix_has_node(p, v.node, t));
    prefix_put(p, b, 0, 7, s, 8); /* cuts it while it is on its way */
    ck_assert_int_eq(prefix_put_victim(p, &v, t, 9), 6);
    ck_assert_int_eq(prefix_put_node(p, v.node, t, 9), 0);
    ck_assert(prefix_has_node(p, v.node, t));
    ck_assert_int_eq(prefix_blocks(p, t), 6);
    ck_assert_int_eq(prefix_put_victim(p, &v, u, 9), 6);
    prefix_remove_victim(p, &v, u); /* all of it, and none of the others */
    ck_assert_int_eq(prefix_blocks(p, u), 0);
    ck_assert_int_eq(prefix_blocks(p, t), 6);
    prefix_let_go(p, v.node);
    prefix_put(p, a, 0, 8, s, 10);
    prefix_use(p, b, 7, s, 11);
    ck_assert(prefix_evict(p, s, 9, &w));
    ck_assert(w.run.id == 4);
    prefix_let_go(p, w.node);
    gives_up(t, 9, 4, 4); /* the first one: what is below it goes first */
}
END_TEST

START_TEST(nodes_have_a_longest)
{
    prefix_free(p);
    p = prefix_new(1000, 3);
    int32_t s = store_with("lru", 100, NULL);
    prefix_put(p, a, 0, 8, s, 1);
    ck_assert_int_eq(prefix_nodes(p), 3);
    gives_up(s, 8, 6, 2);
    gives_up(s, 8, 3, 3);
}
END_TEST

/* So many blocks of the end of A go from one store to another. */
static void a_goes_down(int32_t from, int32_t to, int64_t blocks, int64_t now_ns)
{
    struct prefix_victim v;

    ck_assert(prefix_evict(p, from, blocks, &v) && v.run.n == blocks);
    ck_assert_int_eq(prefix_put_victim(p, &v, to, now_ns), blocks);
    prefix_let_go(p, v.node);
}

START_TEST(a_use_joins_what_is_alike)
{
    int32_t s = store_with("lru", 100, NULL), t = store_with("lru", 100, NULL);
    struct prefix_victim v;

    prefix_put(p, a, 0, 8, s, 1);
    a_goes_down(s, t, 2, 2);
    a_goes_down(s, t, 3, 3);
    ck_assert_int_eq(prefix_nodes(p), 3); /* 0..2 in s; 3..5 and 6..7 in t, where they came one after the other */
    prefix_use(p, a, 5, t, 4);
    ck_assert_int_eq(prefix_nodes(p), 4); /* 3..4 are the youngest now */
    prefix_use(p, a, 8, t, 5);
    ck_assert_int_eq(prefix_nodes(p), 3); /* 5..7; 3..4 were used more often */
    ck_assert_int_eq(prefix_put(p, a, 0, 8, s, 6), 5);
    ck_assert_int_eq(prefix_nodes(p), 3); /* s would join 3..7, t not */
    prefix_check(p);
    ck_assert(prefix_evict(p, t, 9, &v));
    ck_assert(v.run.id == 5 && v.run.n == 3 && v.put_ns == 2 && v.used_ns == 5 && v.uses == 2);
    prefix_let_go(p, v.node);
    gives_up(t, 9, 3, 2);
    prefix_use(p, a, 8, s, 7);
    ck_assert_int_eq(prefix_nodes(p), 1); /* as it began */
    gives_up(s, 9, 0, 8);
}
END_TEST

START_TEST(pins_and_forks_keep_nodes_apart)
{
    int32_t s = store_with("lru", 100, NULL);

    prefix_put(p, a, 0, 8, s, 1);
    int32_t whole = prefix_pin(p, a, 8, s), part = prefix_pin(p, a, 5, s);
    prefix_use(p, a, 8, s, 2);
    ck_assert_int_eq(prefix_nodes(p), 2);
    prefix_unpin(p, part);
    prefix_use(p, a, 8, s, 3);
    ck_assert_int_eq(prefix_nodes(p), 1); /* also where other pins end below */
    ck_assert_int_eq(prefix_pinned_blocks(p, s), 8);
    prefix_unpin(p, whole);
    ck_assert_int_eq(prefix_pinned_blocks(p, s), 0);
    prefix_put(p, b, 4, 7, s, 4);
    prefix_use(p, a, 8, s, 5);
    ck_assert_int_eq(prefix_nodes(p), 3);
    prefix_use(p, b, 4, s, 6);
    prefix_remove(p, b, 4, 7, s);
    prefix_use(p, a, 8, s, 7);
    ck_assert_int_eq(prefix_nodes(p), 2); /* the first half was used more often */
    prefix_remove(p, a, 4, 8, s);
    prefix_put(p, c, 4, 12, s, 8);
    ck_assert_int_eq(prefix_nodes(p), 3); /* 30.. does not follow on 7 */
}
END_TEST

/* A victim's node is one with the one above it by the time it lands. */
START_TEST(a_victim_is_joined_on_its_way)
{
    int32_t s = store_with("lru", 100, NULL), t = store_with("lru", 100, NULL);
    struct prefix_victim v;

    prefix_put(p, a, 0, 8, s, 1);
    ck_assert(prefix_evict(p, s, 5, &v));
    prefix_put(p, a, 0, 8, s, 2);
    ck_assert_int_eq(prefix_nodes(p), 2);
    prefix_use(p, a, 8, s, 3);
    ck_assert_int_eq(prefix_nodes(p), 1);
    prefix_remove_victim(p, &v, t); /* what t does not have is not cut */
    ck_assert_int_eq(prefix_nodes(p), 1);
    ck_assert_int_eq(prefix_put_victim(p, &v, t, 4), 5);
    ck_assert_int_eq(prefix_nodes(p), 2);
    ck_assert_int_eq(match1(a, t), 0);
    prefix_use(p, a, 8, s, 5);
    prefix_remove_victim(p, &v, t);
    prefix_use(p, a, 8, s, 6);
    ck_assert_int_eq(prefix_nodes(p), 1);
    prefix_remove_victim(p, &v, s);
    ck_assert_int_eq(match1(a, s), 3);
    prefix_let_go(p, v.node);
    ck_assert_int_eq(prefix_nodes(p), 1);
}
END_TEST

START_TEST(a_put_joins_what_is_alike)
{
    int32_t s = store_with("lru", 100, NULL), t = store_with("lru", 100, NULL);

    prefix_put(p, a, 0, 4, t, 1);
    prefix_put(p, a, 0, 8, s, 2);
    ck_assert_int_eq(prefix_put(p, a, 0, 8, s, 3), 0);
    ck_assert_int_eq(prefix_nodes(p), 2);
    prefix_drop_store(p, t);
    ck_assert_int_eq(prefix_put(p, a, 0, 8, s, 4), 0);
    ck_assert_int_eq(prefix_nodes(p), 1);
}
END_TEST

/* A pin that is younger than the end of a run and older than its beginning. */
START_TEST(a_pin_keeps_what_it_holds_apart)
{
    int32_t s = store_with("lru", 100, NULL);

    prefix_put(p, a, 4, 8, s, 1);
    int32_t pin = prefix_pin(p, a, 8, s);
    prefix_put(p, a, 0, 4, s, 2);
    prefix_use(p, a, 8, s, 3);
    ck_assert_int_eq(prefix_pinned_blocks(p, s), 4);
    ck_assert_int_eq(prefix_nodes(p), 2);
    prefix_unpin(p, pin);
    prefix_use(p, a, 8, s, 4);
    ck_assert_int_eq(prefix_nodes(p), 1);
}
END_TEST

/* A policy of this test's own: by age once it was used twice, before that all alike; what lies deep expires. */
static double flat_key(const void *options, void *state, const struct evict_view *v)
{
    (void)options, (void)state;
    return v->uses > 2 ? (double)v->put_tick : 0;
}

static int64_t flat_expires_ns(const void *options, const struct evict_view *v)
{
    return v->depth >= *(const int64_t *)options ? 1000 : INT64_MAX;
}

static const struct evict_ops flat_ops = {.key = flat_key, .expires_ns = flat_expires_ns};

START_TEST(all_that_is_told_must_be_alike)
{
    static const int64_t depths[] = {99, 4};
    struct prefix_victim v;

    for (int i = 0; i < 2; i++) {
        int32_t s = prefix_store(p, 100, &flat_ops, &depths[i]), t = store_with("lru", 100, NULL);
        prefix_put(p, a, 4, 8, s, 1);
        prefix_use(p, a, 8, s, 2);
        prefix_put(p, a, 0, 4, s, 3);
        prefix_use(p, a, 4, s, 4);
        prefix_use(p, a, 8, t, 5);
        ck_assert_int_eq(prefix_nodes(p), 2); /* keys and uses are equal, the last use is not */
        prefix_drop_store(p, s);
        prefix_put(p, a, 4, 8, s, 1);
        prefix_put(p, one_more, 0, 1, s, 2);
        prefix_put(p, a, 0, 4, s, 3);
        prefix_use(p, a, 8, s, 5);
        ck_assert_int_eq(prefix_nodes(p) - 1, depths[i] > 8 ? 1 : 2); /* they expire together, or not */
        for (int k = 0; k < 2; k++) {
            prefix_use(p, one_more, 1, s, 7);
            prefix_use(p, a, 8, s, 7);
        }
        ck_assert(prefix_evict(p, s, 9, &v)); /* as old as its oldest block */
        ck_assert_int_eq(v.run.n, depths[i] > 8 ? 8 : 4);
        ck_assert_int_eq(v.put_ns, 1);
        prefix_let_go(p, v.node);
        prefix_drop_store(p, s);
    }
}
END_TEST

/* ---- evictors ---- */

static const struct block_run single[] = {{100, 1}, {200, 1}, {300, 1}, {400, 1}, {500, 1}};

static struct chain one(int i)
{
    return (struct chain){&single[i], 1};
}

static void puts_then_uses(int32_t s, int n, const char *uses)
{
    for (int i = 0; i < n; i++)
        prefix_put(p, one(i), 0, 1, s, i);
    for (int k = 0; uses[k]; k++)
        prefix_use(p, one(uses[k] - '0'), 1, s, 100 + k);
}

START_TEST(recency_and_frequency)
{
    static const struct {
        const char *policy, *uses, *order;
        double option;
    } cases[] = {
        {"lru", "0212", "3012", 0},    {"fifo", "0212", "0123", 0},  {"lfu", "0212", "3012", 0},
        {"lfu", "000112", "3210", 0},  {"lfu", "000112", "3012", 1}, /* a use counts half after one more */
        {"lfu", "000112", "3210", 50},
    };

    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        int32_t s = store_with(cases[k].policy, 100, &cases[k].option);
        puts_then_uses(s, 4, cases[k].uses);
        for (int i = 0; i < 4; i++)
            gives_up(s, 1, single[cases[k].order[i] - '0'].id, 1);
    }
}
END_TEST

/* Against the sum of 2^(-age / h) over the uses, from nothing. */
START_TEST(lfu_decays)
{
    static const double half_lives[] = {0.7, 10, 3000};
    const struct evict_ops *lfu = ops_of("lfu");
    struct {
        double key, sum;
        int64_t uses;
    } copy[20];

    for (int h = 0; h < 3; h++) {
        for (int i = 0; i < 20; i++)
            copy[i].key = copy[i].sum = copy[i].uses = 0;
        for (int64_t tick = 1; tick < 4000; tick++) {
            int i = (int)(tick * tick * 7919 % 1009 % 20);
            for (int k = 0; k < 20; k++)
                copy[k].sum *= exp2(-1 / half_lives[h]);
            copy[i].sum += 1;
            struct evict_view v = {.tick = tick, .uses = ++copy[i].uses, .last_key = copy[i].key};
            copy[i].key = lfu->key(&half_lives[h], NULL, &v);
            for (int k = 0; k < 20; k++)
                if (copy[k].sum > 0)
                    ck_assert_double_eq_tol(copy[k].key, log(copy[k].sum) + (double)tick * M_LN2 / half_lives[h],
                                            1e-9 * (1 + fabs(copy[k].key)));
        }
    }
}
END_TEST

START_TEST(slru_protects_a_share)
{
    static const double share = 0.5;
    int32_t s = store_with("slru", 4, &share);

    puts_then_uses(s, 4, "01");       /* 0 and 1 are protected */
    prefix_use(p, one(2), 1, s, 200); /* and 2: so 0 is back in line, behind 3 */
    prefix_put(p, one(4), 0, 1, s, 201);
    gives_up(s, 1, 400, 1);
    gives_up(s, 1, 100, 1);
    gives_up(s, 1, 500, 1);
    gives_up(s, 1, 200, 1); /* nothing else is left */
    gives_up(s, 1, 300, 1);
    prefix_put(p, a, 0, 8, s, 300);
    prefix_use(p, a, 8, s, 301); /* more than the share: its end falls back */
    prefix_check(p);
    ck_assert_int_eq(prefix_nodes(p), 2);
    prefix_resize(p, s, 16);
    prefix_use(p, a, 8, s, 302);
    ck_assert_int_eq(prefix_nodes(p), 1); /* all of it is protected: one again */
    prefix_resize(p, s, 2);
    prefix_check(p);
    ck_assert_int_eq(prefix_nodes(p), 2);
}
END_TEST

static double depth_cost(void *ctx, int64_t depth)
{
    (void)ctx;
    return (double)(depth + 1);
}

static int64_t next_ids(void *ctx, int64_t id)
{
    return id == 300 ? INT64_MAX : *(const int64_t *)ctx - id;
}

START_TEST(gdsf_weighs_cost_and_ages)
{
    int32_t s = store_with("gdsf", 100, NULL);
    static const struct block_run run[] = {{100, 1}, {110, 1}};

    prefix_set_oracles(p, &(struct prefix_oracles){.recompute_s = depth_cost});
    prefix_put(p, (struct chain){run, 1}, 0, 1, s, 0); /* 1 / 1000 */
    prefix_put(p, (struct chain){run, 2}, 1, 2, s, 0); /* 2 / 1000, deeper */
    prefix_put(p, one(1), 0, 1, s, 0);                 /* 1 / 1000 */
    prefix_put(p, one(2), 0, 1, s, 0);
    prefix_use(p, one(2), 1, s, 1);
    prefix_use(p, one(2), 1, s, 2); /* 3 / 1000 */
    gives_up(s, 1, 200, 1);
    gives_up(s, 1, 110, 1); /* L = 2 / 1000 */
    gives_up(s, 1, 100, 1);
    prefix_put(p, one(3), 0, 1, s, 3); /* L + 1 / 1000 = 3 / 1000, as 300; L stayed though 100 was less */
    prefix_use(p, one(3), 1, s, 3);    /* 4 / 1000 */
    gives_up(s, 1, 300, 1);
    gives_up(s, 1, 400, 1);
}
END_TEST

static int64_t asked[2];

static double note_depth(void *ctx, int64_t depth)
{
    asked[(*(int *)ctx)++ % 2] = depth;
    return 1;
}

/* A run is charged what its middle block costs: where cost is linear in depth, their mean. */
START_TEST(gdsf_asks_for_the_middle)
{
    int n = 0, s = store_with("gdsf", 100, NULL);

    prefix_set_oracles(p, &(struct prefix_oracles){.ctx = &n, .recompute_s = note_depth});
    prefix_put(p, b, 0, 7, s, 0);
    ck_assert_int_eq(n, 2);
    ck_assert(asked[0] == 1 && asked[1] == 5); /* 0..3, of four the second; 4..6 */
}
END_TEST

START_TEST(belady_looks_ahead)
{
    int64_t top = 1000;

    prefix_free(p);
    p = prefix_new(1000, 1);
    int32_t s = store_with("belady", 100, NULL);
    prefix_set_oracles(p, &(struct prefix_oracles){.ctx = &top, .next_use = next_ids});
    puts_then_uses(s, 4, "0");
    gives_up(s, 1, 300, 1); /* never again */
    gives_up(s, 1, 100, 1); /* in 900, then 800, then 600 */
    gives_up(s, 1, 200, 1);
    gives_up(s, 1, 400, 1);
}
END_TEST

START_TEST(ttl_expires)
{
    static const int64_t ttl_ns = 50;
    int32_t s = store_with("ttl", 100, &ttl_ns);
    struct prefix_victim v;

    ck_assert_int_eq(prefix_next_expiry(p, s), INT64_MAX);
    puts_then_uses(s, 3, ""); /* at 0, 1, 2 */
    prefix_use(p, one(0), 1, s, 40);
    ck_assert_int_eq(prefix_next_expiry(p, s), 51);
    int32_t pin = prefix_pin(p, one(1), 1, s);
    ck_assert_int_eq(prefix_next_expiry(p, s), 52); /* of what may go */
    ck_assert(!prefix_expire(p, s, 51, &v));
    ck_assert(prefix_expire(p, s, 52, &v) && v.run.id == 300);
    prefix_let_go(p, v.node);
    prefix_unpin(p, pin);
    gives_up(s, 1, 200, 1);
    ck_assert_int_eq(prefix_next_expiry(p, s), 90);
    gives_up(s, 1, 100, 1); /* not expired, but there is no other */
}
END_TEST

/* A policy of this test's own: two segments; what was not used again lasts 50 ns. Puts must come with no past. */
static double odd_key(const void *options, void *state, const struct evict_view *v)
{
    (void)options, (void)state;
    ck_assert(v->uses > 1 || v->last_key == 0);
    return v->demoted || v->uses == 1 ? (double)v->tick : EVICT_PROTECTED + (double)v->tick;
}

static int64_t odd_expires_ns(const void *options, const struct evict_view *v)
{
    (void)options;
    return v->uses > 2 ? INT64_MAX : v->now_ns + 50;
}

static int64_t odd_protects(const void *options, int64_t store_blocks)
{
    (void)options;
    return store_blocks / 2;
}

static const struct evict_ops odd_ops = {.key = odd_key, .expires_ns = odd_expires_ns, .protects = odd_protects};

START_TEST(times_end_and_stay)
{
    int32_t s = prefix_store(p, 2, &odd_ops, NULL);

    prefix_put(p, one(0), 0, 1, s, 0);
    prefix_use(p, one(0), 1, s, 10); /* until 60, protected */
    prefix_put(p, one(1), 0, 1, s, 20);
    prefix_use(p, one(1), 1, s, 30); /* until 80; the other falls back, its time is the same */
    ck_assert_int_eq(prefix_next_expiry(p, s), 60);
    prefix_use(p, one(0), 1, s, 40); /* for ever; now the second falls back */
    ck_assert_int_eq(prefix_next_expiry(p, s), 80);
    prefix_use(p, one(1), 1, s, 50);
    ck_assert_int_eq(prefix_next_expiry(p, s), INT64_MAX);
    prefix_put(p, b, 0, 7, s, 60);
    ck_assert_int_eq(prefix_remove(p, b, 0, 4, s), 4);
    ck_assert_int_eq(prefix_put(p, b, 0, 4, s, 70), 4); /* where a child was all the while */
}
END_TEST

/* A time that steps back (a store put later, used earlier): what has expired goes before what is older by use. */
START_TEST(expired_goes_before_old)
{
    static const int64_t ttl_ns = 50;
    int32_t s = store_with("ttl", 100, &ttl_ns);

    prefix_put(p, one(0), 0, 1, s, 30);
    prefix_put(p, one(1), 0, 1, s, 10);
    prefix_put(p, one(2), 0, 1, s, 60);
    gives_up(s, 1, 200, 1);
    gives_up(s, 1, 100, 1);
    gives_up(s, 1, 300, 1);
}
END_TEST

/* Many children of one node and many removals: what is found, and what goes first, must not hang on the map's order. */
START_TEST(many_children)
{
    enum { N = 3000 };
    int32_t s = store_with("lru", N, NULL);

    for (int i = 0; i < N; i++)
        prefix_put(p, (struct chain){(struct block_run[]){{0, 2}, {10 + 64 * (int64_t)i, 3}}, 2}, 0, 5, s, i);
    ck_assert_int_eq(prefix_nodes(p), N + 1);
    for (int i = 0; i < N; i += 2)
        gives_up(s, 3, 10 + 64 * (int64_t)(i / 2), 3);
    for (int i = 0; i < N; i++)
        ck_assert_int_eq(match1((struct chain){(struct block_run[]){{0, 2}, {10 + 64 * (int64_t)i, 3}}, 2}, s),
                         i < N / 2 ? 2 : 5);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("prefix");
    TCase *t = tcase_create("prefix");

    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, the_figure);
    tcase_add_test(t, a_use_of_a_part_cuts);
    tcase_add_test(t, cuts_only_what_it_must);
    tcase_add_test(t, tiers_share_a_chain);
    tcase_add_test(t, removal_spares_pins);
    tcase_add_test(t, pins_hold_through_cuts);
    tcase_add_test(t, a_victim_can_go_elsewhere);
    tcase_add_test(t, nodes_have_a_longest);
    tcase_add_test(t, a_use_joins_what_is_alike);
    tcase_add_test(t, pins_and_forks_keep_nodes_apart);
    tcase_add_test(t, a_victim_is_joined_on_its_way);
    tcase_add_test(t, a_put_joins_what_is_alike);
    tcase_add_test(t, a_pin_keeps_what_it_holds_apart);
    tcase_add_test(t, all_that_is_told_must_be_alike);
    tcase_add_test(t, recency_and_frequency);
    tcase_add_test(t, lfu_decays);
    tcase_add_test(t, slru_protects_a_share);
    tcase_add_test(t, gdsf_weighs_cost_and_ages);
    tcase_add_test(t, gdsf_asks_for_the_middle);
    tcase_add_test(t, belady_looks_ahead);
    tcase_add_test(t, ttl_expires);
    tcase_add_test(t, times_end_and_stay);
    tcase_add_test(t, expired_goes_before_old);
    tcase_add_test(t, many_children);
    suite_add_tcase(s, t);
    return run_suite(s);
}
