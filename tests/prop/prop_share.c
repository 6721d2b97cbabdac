/*
 * prop_share.c - rates after random starts, ends, caps and speeds against a twin that fills everything from nothing.
 *
 * The twin raises all flows of a level together by small steps, each as long as the nearest limit allows, and stops
 * whoever has met one; it knows nothing of what was before. Random graphs of a few resources of all rules, with costs,
 * caps and weights that often tie and often do not, and now and then large ones. Besides: that the list of changed
 * flows is right, to the bit; and that the other side of a pool which stops nobody is not looked at.
 */
#include <check.h>
#include <math.h>
#include <stdio.h>

#include "base/bug.h"
#include "base/rng.h"
#include "model/share.h"
#include "../run_suite.h"

enum { MAX_RESOURCES = 48, MAX_FLOWS = 256, GRAPHS = 10000 };

struct twin_resource {
    enum share_rule rule;
    int servers;
    double speed;
};

struct twin_flow { /* in order of start */
    struct share_flow flow;
    int32_t id;
    bool fresh;
    double before; /* rate, of the solver */
    double rate;   /* of the twin */
};

struct twin {
    struct twin_resource resource[MAX_RESOURCES];
    struct twin_flow flow[MAX_FLOWS];
    int n_resources, n_flows;
    uint64_t seed;
};

/* How often what happened, so that a test of nothing shows. */
struct tally {
    long solves, flows, waiting, stopped, capped, first, kept, changed;
};

static double cost_on(const struct share_flow *f, int r)
{
    for (int h = 0; h < f->n_hops; h++)
        if (f->hop[h].resource == r)
            return f->hop[h].cost;
    return 0;
}

static bool crosses(const struct twin *t, const struct share_flow *f, enum share_rule rule)
{
    for (int h = 0; h < f->n_hops; h++)
        if (t->resource[f->hop[h].resource].rule == rule)
            return true;
    return false;
}

static int level_of(const struct twin *t, int i)
{
    return crosses(t, &t->flow[i].flow, SHARE_PRIORITY) ? t->flow[i].flow.level : SHARE_LEVELS - 1;
}

static double weight_of(const struct twin *t, int i)
{
    return crosses(t, &t->flow[i].flow, SHARE_WEIGHTED) ? t->flow[i].flow.weight : 1;
}

static bool is_served(const struct twin *t, int i)
{
    for (int r = 0; r < t->n_resources; r++) {
        int ahead = 0;
        if (t->resource[r].rule != SHARE_FIFO || cost_on(&t->flow[i].flow, r) <= 0)
            continue;
        for (int k = 0; k < i; k++)
            ahead += cost_on(&t->flow[k].flow, r) > 0;
        if (ahead >= t->resource[r].servers)
            return false;
    }
    return true;
}

/* What the flow could have if it were alone, or 0 while it waits. */
static double most(const struct twin *t, int i)
{
    const struct share_flow *f = &t->flow[i].flow;
    double rate = f->cap_Bps;

    for (int h = 0; h < f->n_hops; h++) {
        const struct twin_resource *r = &t->resource[f->hop[h].resource];
        rate = fmin(rate, r->speed / (r->rule == SHARE_FIFO ? r->servers : 1) / f->hop[h].cost);
    }
    return is_served(t, i) ? rate : 0;
}

/* All flows of the level that are not stopped rise until one more meets its limit or a full resource. */
static int rise(struct twin *t, bool up[], const double limit[], double used[])
{
    double step = INFINITY, slope[MAX_RESOURCES] = {0};
    int n_stopped = 0, full = -1;

    for (int i = 0; i < t->n_flows; i++)
        for (int h = 0; up[i] && h < t->flow[i].flow.n_hops; h++)
            slope[t->flow[i].flow.hop[h].resource] += weight_of(t, i) * t->flow[i].flow.hop[h].cost;
    for (int i = 0; i < t->n_flows; i++)
        if (up[i])
            step = fmin(step, fmax(0, limit[i] - t->flow[i].rate) / weight_of(t, i));
    for (int r = 0; r < t->n_resources; r++) {
        double room = fmax(0, t->resource[r].speed - used[r]);
        if (t->resource[r].rule == SHARE_FIFO || slope[r] <= 0 || room / slope[r] > step)
            continue;
        step = room / slope[r];
        full = r;
    }
    for (int r = 0; r < t->n_resources; r++)
        used[r] += slope[r] * step;
    for (int i = 0; i < t->n_flows; i++) {
        if (!up[i])
            continue;
        t->flow[i].rate += weight_of(t, i) * step;
        if (t->flow[i].rate >= limit[i] * (1 - 1e-13) || (full >= 0 && cost_on(&t->flow[i].flow, full) > 0)) {
            up[i] = false;
            n_stopped++;
        }
    }
    return n_stopped;
}

static void twin_solve(struct twin *t)
{
    double limit[MAX_FLOWS], used[MAX_RESOURCES] = {0};
    bool up[MAX_FLOWS];

    for (int i = 0; i < t->n_flows; i++) {
        limit[i] = most(t, i);
        t->flow[i].rate = 0;
    }
    for (int level = 0; level < SHARE_LEVELS; level++) {
        int left = 0;
        for (int i = 0; i < t->n_flows; i++)
            left += up[i] = level_of(t, i) == level;
        while (left > 0)
            left -= rise(t, up, limit, used);
    }
}

#define same(cond)                                                                                                     \
    do {                                                                                                               \
        if (!(cond))                                                                                                   \
            ck_abort_msg("seed %lu, solve %ld: %s", (unsigned long)t->seed, sum->solves, #cond);                       \
    } while (0)

static void compare_changed(struct twin *t, const struct share *s, const int32_t *ids, int32_t n, struct tally *sum)
{
    int32_t next = 0;

    for (int i = 0; i < t->n_flows; i++) {
        struct twin_flow *f = &t->flow[i];
        double rate = share_rate(s, f->id);
        bool changed = next < n && ids[next] == f->id;
        next += changed;
        same(changed == (f->fresh || rate != f->before));
        same(!changed || f->fresh || fabs(rate - f->before) > 1e-12 * fmax(rate, f->before));
        sum->changed += changed;
        sum->kept += !changed;
        f->before = rate;
        f->fresh = false;
    }
    same(next == n);
}

static void compare_flow(const struct twin *t, const struct share *s, int i, struct tally *sum)
{
    const struct twin_flow *f = &t->flow[i];
    double rate = share_rate(s, f->id), larger = fmax(rate, f->rate), alone = INFINITY;
    int32_t at = share_bottleneck(s, f->id);

    for (int h = 0; h < f->flow.n_hops; h++)
        alone = fmin(alone, 1 / f->flow.hop[h].cost);
    if (fabs(rate - f->rate) > 1e-6 * larger && fabs(rate - f->rate) > 1e-10 * alone)
        ck_abort_msg("seed %lu, solve %ld, flow %d: rate %.17g, twin %.17g", (unsigned long)t->seed, sum->solves, i,
                     rate, f->rate);
    same(at >= 0 ? cost_on(&f->flow, at) > 0 : fabs(rate - f->flow.cap_Bps) <= 1e-11 * rate);
    same(is_served(t, i) || (t->resource[at].rule == SHARE_FIFO && rate <= 0));
    sum->waiting += !is_served(t, i);
    sum->stopped += at >= 0 && t->resource[at].rule != SHARE_FIFO;
    sum->capped += at < 0;
    sum->first += level_of(t, i) < SHARE_LEVELS - 1;
}

static void compare_resources(const struct twin *t, const struct share *s, struct tally *sum)
{
    for (int r = 0; r < t->n_resources; r++) {
        double use = 0;
        int32_t n = 0;
        for (int i = 0; i < t->n_flows; i++) {
            double cost = cost_on(&t->flow[i].flow, r);
            if (cost <= 0)
                continue;
            use += cost * share_rate(s, t->flow[i].id);
            same(share_flow_on(s, r, n) == t->flow[i].id);
            n++;
        }
        same(share_flows_on(s, r) == n);
        same(n > 0 || !(share_use(s, r) > 0));
        same(use <= t->resource[r].speed * (1 + 1e-9));
        same(fabs(share_use(s, r) - use) <= 1e-9 * t->resource[r].speed);
        same(share_servers(s, r) == (t->resource[r].rule == SHARE_FIFO ? t->resource[r].servers : 0));
    }
}

static void solve_and_compare(struct twin *t, struct share *s, struct tally *sum)
{
    const int32_t *ids;
    int32_t n = share_solve(s, &ids);

    twin_solve(t);
    compare_changed(t, s, ids, n, sum);
    for (int i = 0; i < t->n_flows; i++)
        compare_flow(t, s, i, sum);
    compare_resources(t, s, sum);
    share_check(s);
    sum->solves++;
    sum->flows += t->n_flows;
}

/* Values of a few sizes that tie, or any. */
static double draw_value(struct rng *r)
{
    static const double few[] = {0.125, 0.25, 0.5, 1, 1, 1, 2, 4};

    return rng_below(r, 2) ? few[rng_below(r, 8)] : exp2(6 * rng_u01(r) - 3);
}

static double draw_cap(struct rng *r)
{
    return rng_below(r, 5) < 3 ? INFINITY : 0.3 * draw_value(r);
}

static double draw_speed(struct rng *r)
{
    switch (rng_below(r, 5)) {
    case 0:
        return 0;
    case 1:
        return 0.1;
    case 2:
        return rng_u01(r);
    default:
        return 1;
    }
}

static void start(struct twin *t, struct share *s, struct rng *r, int first, int end)
{
    struct twin_flow *f = &t->flow[t->n_flows++];

    *f = (struct twin_flow){.fresh = true};
    f->flow = (struct share_flow){.weight = draw_value(r), .level = (int)rng_below(r, SHARE_LEVELS)};
    f->flow.cap_Bps = draw_cap(r);
    for (int want = 1 + (int)rng_below(r, 4); f->flow.n_hops < want && f->flow.n_hops < end - first;) {
        int32_t at = first + (int32_t)rng_below(r, (uint64_t)(end - first));
        if (cost_on(&f->flow, at) <= 0)
            f->flow.hop[f->flow.n_hops++] = (struct share_hop){at, draw_value(r)};
    }
    f->id = share_start(s, &f->flow);
}

static void end_flow(struct twin *t, struct share *s, int i)
{
    share_end(s, t->flow[i].id);
    t->n_flows--;
    for (; i < t->n_flows; i++)
        t->flow[i] = t->flow[i + 1];
}

static void change(struct twin *t, struct share *s, struct rng *r, int aim)
{
    int what = (int)rng_below(r, 10);

    if (what == 0) {
        int at = (int)rng_below(r, (uint64_t)t->n_resources);
        t->resource[at].speed = draw_speed(r);
        share_set_speed(s, at, t->resource[at].speed);
    } else if (what == 1 && t->n_flows > 0) {
        struct twin_flow *f = &t->flow[rng_below(r, (uint64_t)t->n_flows)];
        f->flow.cap_Bps = draw_cap(r);
        share_set_cap(s, f->id, f->flow.cap_Bps);
    } else if (t->n_flows < MAX_FLOWS &&
               (t->n_flows == 0 || rng_below(r, (uint64_t)(2 * aim)) >= (uint64_t)t->n_flows)) {
        start(t, s, r, 0, t->n_resources);
    } else if (t->n_flows > 0) {
        end_flow(t, s, (int)rng_below(r, (uint64_t)t->n_flows));
    }
}

static void make_resources(struct twin *t, struct share *s, struct rng *r, int n)
{
    int only = (int)rng_below(r, 8); /* one rule in half of the graphs */

    for (int i = 0; i < n; i++) {
        struct twin_resource *to = &t->resource[i];
        to->rule = (enum share_rule)(only < 4 ? only : (int)rng_below(r, 4));
        to->servers = 1 + (int)rng_below(r, 3);
        to->speed = 1;
        ck_assert_int_eq(share_resource(s, to->rule, to->servers), i);
    }
    t->n_resources = n;
}

static void graph(uint64_t seed, struct tally *sum)
{
    struct share *s = share_new();
    static struct twin t;
    struct rng r;

    rng_init(&r, seed, 0, 0, RNG_TEST);
    t = (struct twin){.seed = seed};
    bug_context.seed = seed;
    bool large = seed % 200 == 0;
    int resources = 1 + (int)rng_below(&r, large ? MAX_RESOURCES : 10), aim = large ? 120 : 1 + (int)rng_below(&r, 16);
    make_resources(&t, s, &r, resources);
    for (int i = 0; i < aim / 2; i++)
        start(&t, s, &r, 0, resources);
    for (int solve = 0; solve < 24; solve++) {
        for (int k = rng_below(&r, 3) ? 1 : 1 + (int)rng_below(&r, 6); k > 0; k--)
            change(&t, s, &r, aim);
        solve_and_compare(&t, s, sum);
    }
    while (t.n_flows > 0)
        end_flow(&t, s, (int)rng_below(&r, (uint64_t)t.n_flows));
    solve_and_compare(&t, s, sum);
    share_free(s);
}

START_TEST(graphs_equal_twin)
{
    struct tally sum = {0};

    for (uint64_t seed = 1; seed <= GRAPHS; seed++)
        graph(seed, &sum);
    printf("# %d graphs, %ld solves; of %ld rates %ld waiting, %ld stopped by a resource, %ld at their cap, %ld of "
           "levels that go first, %ld changed, %ld not\n",
           GRAPHS, sum.solves, sum.flows, sum.waiting, sum.stopped, sum.capped, sum.first, sum.changed, sum.kept);
    ck_assert_int_ge(sum.waiting, 10000);
    ck_assert_int_ge(sum.stopped, 10000);
    ck_assert_int_ge(sum.capped, 10000);
    ck_assert_int_ge(sum.first, 10000);
    ck_assert_int_ge(sum.kept, 10000);
}
END_TEST

/* A flow of either side; both sides cross the pool, which is so wide that it stops nobody. */
static void start_side(struct twin *t, struct share *s, struct rng *r, int side, int pool)
{
    int i = t->n_flows;

    start(t, s, r, side * pool / 2, (side + 1) * pool / 2);
    share_end(s, t->flow[i].id);
    t->flow[i].flow.hop[t->flow[i].flow.n_hops++] = (struct share_hop){pool, 1e-6};
    t->flow[i].id = share_start(s, &t->flow[i].flow);
}

/* The left side, changed at random, with so many flows on the right side. Gives what its changes cost. */
static uint64_t left_side(uint64_t seed, int right, struct tally *sum)
{
    enum { POOL = 8 };
    struct share *s = share_new();
    static struct twin t;
    struct rng r, of_right;

    rng_init(&r, seed, 0, 0, RNG_TEST);
    rng_init(&of_right, seed, 0, 1, RNG_TEST);
    t = (struct twin){.seed = seed};
    make_resources(&t, s, &r, POOL);
    t.resource[t.n_resources++] = (struct twin_resource){SHARE_FAIR, 0, 1};
    share_resource(s, SHARE_FAIR, 0);
    for (int i = 0; i < right; i++)
        start_side(&t, s, &of_right, 1, POOL);
    solve_and_compare(&t, s, sum);
    uint64_t before = share_visits(s);
    for (int i = 0; i < 60; i++) {
        if (t.n_flows - right < 8 || rng_below(&r, 2))
            start_side(&t, s, &r, 0, POOL);
        else
            end_flow(&t, s, right + (int)rng_below(&r, (uint64_t)(t.n_flows - right)));
        solve_and_compare(&t, s, sum);
    }
    before = share_visits(s) - before;
    share_free(s);
    return before;
}

START_TEST(other_side_is_not_visited)
{
    struct tally sum = {0};
    uint64_t all = 0;

    for (uint64_t seed = 1; seed <= 100; seed++) {
        uint64_t alone = left_side(seed, 0, &sum), joined = left_side(seed, 60, &sum);
        if (alone != joined)
            ck_abort_msg("seed %lu: %lu visits alone, %lu with another side", (unsigned long)seed, (unsigned long)alone,
                         (unsigned long)joined);
        all += alone;
    }
    printf("# %lu visits on one side\n", (unsigned long)all);
    ck_assert_uint_ge(all, 6000);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("prop_share");
    TCase *c = tcase_create("twin");

    tcase_set_timeout(c, 120);
    tcase_add_test(c, graphs_equal_twin);
    tcase_add_test(c, other_side_is_not_visited);
    suite_add_tcase(s, c);
    return run_suite(s);
}
