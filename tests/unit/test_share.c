/* test_share.c - rates at shared resources, worked out by hand; and that share_check sees what is wrong. */
#include <check.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>

#include "model/share_state.h"
#include "../run_suite.h"

static struct share *s;

static void make(void)
{
    s = share_new();
}

static void drop(void)
{
    share_free(s);
}

static int32_t port(enum share_rule rule)
{
    return share_resource(s, rule, 1);
}

/* A flow over the first n of the resources, at 1 s/B each. */
static struct share_flow path(int n, int32_t a, int32_t b, int32_t c)
{
    return (struct share_flow){
        .hop = {{a, 1}, {b, 1}, {c, 1}}, .n_hops = n, .weight = 1, .level = SHARE_LEVELS - 1, .cap_Bps = INFINITY};
}

static int32_t start(struct share_flow f)
{
    return share_start(s, &f);
}

static int32_t start_level(int32_t resource, int level, double cap_Bps)
{
    struct share_flow f = path(1, resource, 0, 0);

    f.level = level;
    f.cap_Bps = cap_Bps;
    return share_start(s, &f);
}

static int32_t start_weight(struct share_flow f, double weight)
{
    f.weight = weight;
    return share_start(s, &f);
}

static int32_t solve(void)
{
    const int32_t *ids;
    int32_t n = share_solve(s, &ids);

    share_check(s);
    return n;
}

/* share_solve's list. */
static void solve_changes(int32_t n, const int32_t want[])
{
    const int32_t *ids;

    ck_assert_int_eq(share_solve(s, &ids), n);
    for (int32_t i = 0; i < n; i++)
        ck_assert_int_eq(ids[i], want[i]);
    share_check(s);
}

static void rate_is(int32_t flow, double want, int32_t bottleneck)
{
    ck_assert_double_le(fabs(share_rate(s, flow) - want), 1e-12 * want);
    ck_assert_int_eq(share_bottleneck(s, flow), bottleneck);
}

START_TEST(alone_has_the_slowest_hop)
{
    int32_t a = port(SHARE_FAIR), b = port(SHARE_FAIR);
    int32_t f = start((struct share_flow){
        .hop = {{a, 1 / 3e12}, {b, 1 / 450e9}}, .n_hops = 2, .weight = 1, .level = 2, .cap_Bps = INFINITY});

    ck_assert_int_eq(solve(), 1);
    rate_is(f, 450e9, b);
    ck_assert_double_eq_tol(share_use(s, a), 0.15, 1e-12);
    ck_assert_double_eq_tol(share_use(s, b), 1, 1e-12);
}
END_TEST

/* A long flow and short ones: c has three flows and stops the long one at 1/3; a and b give the rest to theirs. */
START_TEST(long_flow_over_three_hops)
{
    int32_t a = port(SHARE_FAIR), b = port(SHARE_FAIR), c = port(SHARE_FAIR);
    int32_t along = start(path(3, a, b, c)), on_a = start(path(1, a, 0, 0)), on_b = start(path(1, b, 0, 0));
    int32_t on_c = start(path(1, c, 0, 0)), too = start(path(1, c, 0, 0));

    ck_assert_int_eq(solve(), 5);
    rate_is(along, 1.0 / 3, c);
    rate_is(on_a, 2.0 / 3, a);
    rate_is(on_b, 2.0 / 3, b);
    rate_is(on_c, 1.0 / 3, c);
    rate_is(too, 1.0 / 3, c);
    ck_assert_int_eq(share_flows_on(s, c), 3);
    ck_assert_int_eq(share_flow_on(s, c, 0), along);
    ck_assert_int_eq(share_flow_on(s, c, 2), too);
    share_end(s, on_c);
    ck_assert_int_eq(solve(), 4); /* all now have 1/2 */
    rate_is(along, 0.5, share_bottleneck(s, along));
    rate_is(on_b, 0.5, b);
    rate_is(too, 0.5, c);
}
END_TEST

/* Two flows that meet on two of three hops, one of them dearer to one flow. */
START_TEST(two_flows_on_three_hops)
{
    int32_t a = port(SHARE_FAIR), b = port(SHARE_FAIR), c = port(SHARE_FAIR);
    struct share_flow dear = path(2, b, c, 0);

    dear.hop[0].cost = 3;
    int32_t f = start(path(3, a, b, c)), g = start(dear);
    solve();
    rate_is(f, 0.25, b); /* b: x + 3x = 1; c has room left: 2x = 1/2 */
    rate_is(g, 0.25, b);
    ck_assert_double_eq_tol(share_use(s, a), 0.25, 1e-12);
    ck_assert_double_eq_tol(share_use(s, b), 1, 1e-12);
    ck_assert_double_eq_tol(share_use(s, c), 0.5, 1e-12);
}
END_TEST

/* NVMe to the GPU at 12 GB/s; over a host memory of 20 GB/s it crosses that twice. */
START_TEST(bounce_crosses_twice)
{
    int32_t nvme = port(SHARE_FAIR), dram = port(SHARE_FAIR);
    struct share_flow f = path(2, nvme, dram, 0);

    f.hop[0].cost = 1 / 12e9;
    f.hop[1].cost = 2 / 20e9;
    int32_t bounce = start(f);
    solve();
    rate_is(bounce, 10e9, dram);
    f = path(1, dram, 0, 0);
    f.hop[0].cost = 1 / 20e9;
    int32_t other = start(f);
    solve(); /* x*2/20 + x/20 = 1 */
    rate_is(bounce, 20e9 / 3, dram);
    rate_is(other, 20e9 / 3, dram);
}
END_TEST

/* NAND that reads at 7 GB/s and writes at 3.5 GB/s: x/7 + x/3.5 = 1. */
START_TEST(reads_and_writes_differ)
{
    int32_t nand = port(SHARE_FAIR);
    struct share_flow read = path(1, nand, 0, 0), write = read;

    read.hop[0].cost = 1 / 7e9;
    write.hop[0].cost = 1 / 3.5e9;
    int32_t r = start(read), w = start(write);
    solve();
    rate_is(r, 7e9 / 3, nand);
    rate_is(w, 7e9 / 3, nand);
    share_end(s, r);
    solve();
    rate_is(w, 3.5e9, nand);
}
END_TEST

/* A step on HBM beside a transfer over C2C: one bound by compute leaves room, one bound by memory loses what the
 * transfer takes, and no more. */
START_TEST(step_beside_transfer)
{
    int32_t hbm = port(SHARE_FAIR), c2c = port(SHARE_FAIR);
    struct share_flow step = path(1, hbm, 0, 0), transfer = path(2, hbm, c2c, 0);

    step.hop[0].cost = transfer.hop[0].cost = 1 / 4e12;
    transfer.hop[1].cost = 1 / 0.45e12;
    step.cap_Bps = 3e12;
    int32_t f = start(step), g = start(transfer);
    solve();
    rate_is(f, 3e12, -1);
    rate_is(g, 0.45e12, c2c);
    share_set_cap(s, f, 4e12);
    solve_changes(1, (int32_t[]){f});
    rate_is(f, 3.55e12, hbm);
    share_set_cap(s, f, 1e12);
    solve_changes(1, (int32_t[]){f});
    rate_is(f, 1e12, -1);
    share_set_speed(s, hbm, 0.25); /* 1e12 for both: the transfer keeps its 0.45 */
    solve_changes(1, (int32_t[]){f});
    rate_is(f, 0.55e12, hbm);
    share_set_speed(s, hbm, 0.2);
    solve_changes(2, (int32_t[]){f, g});
    rate_is(f, 0.4e12, hbm);
    rate_is(g, 0.4e12, hbm);
}
END_TEST

START_TEST(weights_count_on_weighted_ones)
{
    int32_t fair = port(SHARE_FAIR), weighted = port(SHARE_WEIGHTED);
    int32_t f = start_weight(path(1, fair, 0, 0), 1), g = start_weight(path(1, fair, 0, 0), 3);
    int32_t h = start_weight(path(1, weighted, 0, 0), 1), k = start_weight(path(1, weighted, 0, 0), 3);

    solve();
    rate_is(f, 0.5, fair);
    rate_is(g, 0.5, fair);
    rate_is(h, 0.25, weighted);
    rate_is(k, 0.75, weighted);
    int32_t both = start_weight(path(2, fair, weighted, 0), 4); /* 1/8 each on weighted, so 1/2; on fair 4 of 6 */
    solve();
    rate_is(both, 0.5, weighted);
    rate_is(h, 0.125, weighted);
    rate_is(k, 0.375, weighted);
    rate_is(f, 0.25, fair);
}
END_TEST

START_TEST(lower_levels_go_first)
{
    int32_t p = port(SHARE_PRIORITY), fair = port(SHARE_FAIR);
    int32_t last = start_level(p, 2, INFINITY), mid = start_level(p, 1, 0.25), mid_too = start_level(p, 1, 0.5);

    solve();
    rate_is(last, 0.25, p);
    rate_is(mid, 0.25, -1);
    rate_is(mid_too, 0.5, -1);
    int32_t first = start_level(p, 0, 0.5);
    solve_changes(3, (int32_t[]){last, mid_too, first});
    rate_is(first, 0.5, -1);
    rate_is(mid, 0.25, -1);
    rate_is(mid_too, 0.25, p);
    rate_is(last, 0, p);
    /* Its level counts on the fair resource too; who crosses no such resource has the last, whatever is asked for. */
    int32_t plain = start_level(fair, 0, INFINITY);
    struct share_flow f = path(2, p, fair, 0);
    f.level = 0;
    f.cap_Bps = 0.375;
    int32_t across = start(f);
    solve();
    rate_is(across, 0.375, -1);
    rate_is(plain, 0.625, fair);
    rate_is(first, 0.5, -1);
    rate_is(mid, 0.0625, p);
    share_end(s, first);
    share_end(s, across);
    solve();
    rate_is(last, 0.25, p);
    rate_is(plain, 1, fair);
}
END_TEST

START_TEST(one_server)
{
    int32_t q = share_resource(s, SHARE_FIFO, 1), fair = port(SHARE_FAIR);
    int32_t f = start(path(1, q, 0, 0)), g = start(path(2, q, fair, 0)), h = start(path(1, q, 0, 0));
    int32_t k = start(path(1, fair, 0, 0));

    ck_assert_int_eq(share_servers(s, q), 1);
    ck_assert_int_eq(share_servers(s, fair), 0);
    solve_changes(4, (int32_t[]){f, g, h, k});
    rate_is(f, 1, q);
    rate_is(g, 0, q);
    rate_is(h, 0, q);
    rate_is(k, 1, fair); /* nobody meets who waits */
    ck_assert_int_eq(share_flows_on(s, fair), 2);
    share_end(s, h);
    solve_changes(0, NULL);
    share_end(s, f);
    solve_changes(2, (int32_t[]){g, k});
    rate_is(g, 0.5, fair);
    rate_is(k, 0.5, fair);
    ck_assert_double_eq_tol(share_use(s, q), 0.5, 1e-12);
}
END_TEST

START_TEST(two_servers)
{
    int32_t q = share_resource(s, SHARE_FIFO, 2), one = share_resource(s, SHARE_FIFO, 1);
    int32_t f = start(path(1, q, 0, 0)), g = start(path(2, q, one, 0)), h = start(path(2, q, one, 0));
    int32_t k = start(path(1, one, 0, 0)), l = start(path(1, q, 0, 0));

    ck_assert_int_eq(share_servers(s, q), 2);
    solve();
    rate_is(f, 0.5, q); /* a server is half of the speed, even if the other is idle */
    rate_is(g, 0.5, q);
    rate_is(h, 0, q);
    rate_is(k, 0, one);
    rate_is(l, 0, q);
    share_end(s, f);
    solve_changes(0, NULL); /* h has a server of q now, but waits for g at the other, and l waits for h */
    rate_is(h, 0, one);
    rate_is(l, 0, q);
    share_end(s, g);
    solve_changes(2, (int32_t[]){h, l});
    rate_is(h, 0.5, q);
    rate_is(k, 0, one);
    rate_is(l, 0.5, q);
    share_set_speed(s, q, 0.5);
    solve_changes(2, (int32_t[]){h, l});
    rate_is(l, 0.25, q);
    share_set_speed(s, q, 0);
    solve();
    rate_is(h, 0, q);
    share_end(s, h);
    solve_changes(1, (int32_t[]){k});
    rate_is(k, 1, one);
    share_set_speed(s, q, 1);
    solve_changes(1, (int32_t[]){l});
    rate_is(l, 0.5, q);
}
END_TEST

START_TEST(down_and_back)
{
    int32_t a = port(SHARE_FAIR), b = port(SHARE_FAIR);
    int32_t f = start(path(2, a, b, 0)), g = start(path(1, a, 0, 0));

    solve();
    share_set_speed(s, b, 0.1); /* degraded: its flow is stopped there, the other has the rest */
    solve_changes(2, (int32_t[]){f, g});
    rate_is(f, 0.1, b);
    rate_is(g, 0.9, a);
    share_set_speed(s, b, 0);
    solve_changes(2, (int32_t[]){f, g});
    rate_is(f, 0, b);
    rate_is(g, 1, a);
    int32_t h = start(path(2, b, a, 0));
    solve_changes(1, (int32_t[]){h}); /* new, so in the list, at 0 */
    rate_is(h, 0, b);
    ck_assert(!(share_use(s, b) > 0));
    share_set_speed(s, b, 1);
    solve_changes(3, (int32_t[]){f, g, h});
    rate_is(f, 1.0 / 3, a);
    rate_is(g, 1.0 / 3, a);
    rate_is(h, 1.0 / 3, a);
    share_set_speed(s, b, 1);
    solve_changes(0, NULL);
}
END_TEST

/* In order of start, although ids are reused; without those that came and went. */
START_TEST(list_of_changes)
{
    int32_t a = port(SHARE_FAIR), other = port(SHARE_FAIR);
    int32_t f = start(path(1, a, 0, 0)), g = start(path(1, a, 0, 0)), h = start(path(1, other, 0, 0));

    solve_changes(3, (int32_t[]){f, g, h});
    share_end(s, f);
    int32_t again = start(path(1, a, 0, 0));
    ck_assert_int_eq(again, f);
    solve_changes(1, (int32_t[]){again}); /* g has its half as before */
    share_end(s, start(path(1, other, 0, 0)));
    solve_changes(0, NULL);
    int32_t k = start(path(1, a, 0, 0));
    solve_changes(3, (int32_t[]){g, again, k});
    share_set_cap(s, k, 0.5); /* more than it has */
    solve_changes(0, NULL);
    share_set_cap(s, k, 0.25);
    solve_changes(3, (int32_t[]){g, again, k});
    double before = share_rate(s, g);
    share_set_cap(s, k, 0.25 * (1 + 1e-13));
    solve_changes(0, NULL);
    ck_assert(share_rate(s, g) <= before && share_rate(s, g) >= before);
}
END_TEST

static uint64_t visits_of_solve(void)
{
    uint64_t before = share_visits(s);

    solve();
    return share_visits(s) - before;
}

/* Flows freed count one, a look at all on a resource counts each of them. */
START_TEST(only_what_must_be_is_visited)
{
    int32_t pool = port(SHARE_FAIR), own = port(SHARE_FAIR);
    struct share_flow big = path(2, pool, own, 0);

    big.hop[1].cost = 1 / 0.49;
    start(big);
    ck_assert_uint_eq(visits_of_solve(), 1);
    for (int i = 0; i < 8; i++)
        start_level(pool, 0, i < 4 ? 0.02 : 0.105);
    ck_assert_uint_eq(visits_of_solve(), 8); /* all fit */
    /* Too little is left; the big one goes down to (1 - 4 * 0.02 - 4 * 0.105) / 2 = 0.25, the others stay. */
    start_level(pool, 0, INFINITY);
    ck_assert_uint_eq(visits_of_solve(), 1 + 10 + 1 + 10);
    start_level(own, 0, 0.375); /* 0.375 + 0.25 / 0.49 < 1 */
    ck_assert_uint_eq(visits_of_solve(), 1);
}
END_TEST

/* The same below a flow that goes first: only 0.6 is shared, and not with it. */
START_TEST(other_levels_are_not_counted)
{
    int32_t p = port(SHARE_PRIORITY), own = port(SHARE_FAIR);
    struct share_flow big = path(2, p, own, 0);

    big.hop[1].cost = 1 / 0.32;
    start(big);
    start_level(p, 0, 0.4);
    start_level(p, 2, 0.14);
    start_level(p, 2, 0.14);
    ck_assert_uint_eq(visits_of_solve(), 4);
    int32_t f = start_level(p, 2, INFINITY);
    ck_assert_uint_eq(visits_of_solve(), 1 + 5 + 1 + 5);
    rate_is(f, 0.16, p);
}
END_TEST

/* Seventy flows: lists and tables grow, and leave in any order. */
START_TEST(many_come_and_go)
{
    int32_t a = port(SHARE_FAIR), q = share_resource(s, SHARE_FIFO, 3), id[70];

    for (int i = 0; i < 70; i++)
        id[i] = start(path(2, a, q, 0));
    solve();
    for (int i = 0; i < 70; i++) {
        ck_assert_double_eq_tol(share_rate(s, id[i]), 1.0 / 3, 1e-12);
        share_end(s, id[i]);
        solve();
        for (int k = i + 1; k < 70; k++) {
            ck_assert_int_eq(share_flow_on(s, q, k - i - 1), id[k]);
            ck_assert_double_eq_tol(share_rate(s, id[k]), k < i + 4 ? 1.0 / 3 : 0, 1e-12);
        }
    }
    ck_assert_int_eq(share_flows_on(s, a), 0);
    ck_assert(!(share_use(s, a) > 0));
}
END_TEST

/* What share_check must see; each aborts. */
enum { TOO_FAST, TOO_SLOW, NOT_FULL, UNFAIR, NOT_SERVED, OUT_OF_ORDER, MISCOUNTED, BREAKAGES };

START_TEST(check_sees)
{
    int32_t a = port(SHARE_FAIR), q = share_resource(s, SHARE_FIFO, 1);
    int32_t f = start(path(1, a, 0, 0)), g = start(path(1, a, 0, 0)), h = start(path(1, q, 0, 0));
    int32_t k = start(path(1, q, 0, 0));
    struct share_at_level *of = &s->port[a].of[SHARE_LEVELS - 1];

    solve();
    switch (_i) {
    case TOO_FAST:
        s->slot[f].rate += 1e-6;
        of->use += 1e-6;
        break;
    case TOO_SLOW:
        s->slot[h].rate -= 1e-6;
        s->port[q].of[SHARE_LEVELS - 1].use -= 1e-6;
        break;
    case NOT_FULL:
        s->slot[f].rate = s->slot[g].rate = of->water = 0.4;
        of->use = 0.8;
        break;
    case UNFAIR:
        s->slot[f].rate = 0.4;
        s->slot[g].rate = 0.6;
        break;
    case NOT_SERVED:
        s->slot[k].hop[0].waits = false;
        s->slot[k].n_waits = 0;
        break;
    case OUT_OF_ORDER:
        s->slot[f].start = s->started;
        break;
    default:
        of->n_stopped--;
    }
    share_check(s);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("share");
    TCase *c = tcase_create("rates"), *b = tcase_create("check");

    tcase_add_checked_fixture(c, make, drop);
    tcase_add_test(c, alone_has_the_slowest_hop);
    tcase_add_test(c, long_flow_over_three_hops);
    tcase_add_test(c, two_flows_on_three_hops);
    tcase_add_test(c, bounce_crosses_twice);
    tcase_add_test(c, reads_and_writes_differ);
    tcase_add_test(c, step_beside_transfer);
    tcase_add_test(c, weights_count_on_weighted_ones);
    tcase_add_test(c, lower_levels_go_first);
    tcase_add_test(c, one_server);
    tcase_add_test(c, two_servers);
    tcase_add_test(c, down_and_back);
    tcase_add_test(c, list_of_changes);
    tcase_add_test(c, only_what_must_be_is_visited);
    tcase_add_test(c, other_levels_are_not_counted);
    tcase_add_test(c, many_come_and_go);
    suite_add_tcase(suite, c);
    tcase_add_checked_fixture(b, make, drop);
    tcase_add_loop_test_raise_signal(b, check_sees, SIGABRT, 0, BREAKAGES);
    suite_add_tcase(suite, b);
    return run_suite(suite);
}
