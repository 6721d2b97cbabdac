/*
 * test_verdict.c - the verdict on runs whose law is known: one server, first come first served, exponential times.
 */
#include <check.h>
#include <math.h>

#include "base/dist.h"
#include "base/rng.h"
#include "report/verdict.h"
#include "../run_suite.h"

enum { SEEDS = 40 };

struct setting {
    double load; /* arrivals a service time, which is 1 s in the mean */
    int n, servers;
    double horizon_s, limit; /* 0: none; most in the system, others are refused */
    bool at_once;
    double front_s; /* between arrival and queue */
};

static const struct setting plain = {.load = 0.8, .n = 4000, .servers = 1};

static int64_t ns_of(double s)
{
    return (int64_t)(s * 1e9);
}

/* Requests of such a queue, in their order. Lindley: it begins when it came and its server is free. */
static enum verdict_name judge(const struct setting *x, uint64_t seed)
{
    struct verdict *v = verdict_new();
    struct rng r;
    double t = 0, free_s[4] = {0}, last = 0, left[64] = {0};

    rng_init(&r, seed, 0, 0, RNG_TEST);
    verdict_set_front(v, &(struct verdict_front){.latency_ns = ns_of(x->front_s) / 2, .service_ns = ns_of(x->front_s) / 4,
                                                 .token_ns = ns_of(x->front_s) / 40});
    for (int i = 0; i < x->n; i++) {
        int k = 0, inside = 0;
        t += x->at_once ? 0 : dist_exponential(&r, 1 / x->load);
        double service = dist_exponential(&r, 1);
        for (int m = 1; m < x->servers; m++)
            k = free_s[m] < free_s[k] ? m : k;
        for (int m = 0; m < 64; m++)
            inside += left[m] > t;
        if (x->horizon_s > 0 && t > x->horizon_s)
            break;
        struct ev_request q = {.id = i, .input_tokens = 10, .t_arrive_ns = ns_of(t), .t_call_ns = ns_of(t), .t_admit_ns = -1, .t_end_ns = ns_of(t),
                               .status = REQUEST_REJECTED};
        if (x->limit == 0 || inside < x->limit) {
            double queued = t + x->front_s, begin = queued > free_s[k] ? queued : free_s[k], end = begin + service;
            free_s[k] = left[i % 64] = end;
            last = end > last ? end : last;
            bool began = x->horizon_s == 0 || begin <= x->horizon_s, ended = x->horizon_s == 0 || end <= x->horizon_s;
            q.t_admit_ns = began ? ns_of(begin) : -1;
            q.t_end_ns = ended ? ns_of(end) : -1;
            q.status = ended ? REQUEST_COMPLETED : began ? REQUEST_RUNNING : REQUEST_WAITING;
        }
        verdict_add(v, &q);
    }
    enum verdict_name name = verdict_of(v, 0, ns_of(x->horizon_s > 0 ? x->horizon_s : last)).name;
    verdict_free(v);
    return name;
}

static int count(const struct setting *x, enum verdict_name name)
{
    int n = 0;

    for (uint64_t seed = 1; seed <= SEEDS; seed++)
        n += judge(x, seed) == name;
    return n;
}

START_TEST(loads_are_told_apart)
{
    struct setting x = plain;

    ck_assert_int_ge(count(&x, VERDICT_STABLE), SEEDS - 1);
    x.load = 1;
    ck_assert_int_ge(count(&x, VERDICT_BACKLOGGED), SEEDS / 2); /* chance decides; see below */
    ck_assert_int_le(count(&x, VERDICT_OVERLOADED), SEEDS / 10);
    x.load = 1.3;
    ck_assert_int_eq(count(&x, VERDICT_OVERLOADED), SEEDS);
    x.load = 2.5;
    ck_assert_int_eq(count(&x, VERDICT_OVERLOADED), SEEDS);
    x.load = 20; /* they come in a time in which next to none is answered: no rate */
    ck_assert_int_eq(count(&x, VERDICT_BACKLOGGED), SEEDS);
}
END_TEST

START_TEST(a_horizon_does_not_matter)
{
    struct setting x = plain;

    x.horizon_s = 3000;
    x.n = 100000;
    ck_assert_int_ge(count(&x, VERDICT_STABLE), SEEDS - 1);
    x.load = 1.3;
    ck_assert_int_eq(count(&x, VERDICT_OVERLOADED), SEEDS);
    x.load = 20;
    ck_assert_int_eq(count(&x, VERDICT_OVERLOADED), SEEDS);
}
END_TEST

/* 4 servers have a queue of their own only now and then. */
START_TEST(service_is_no_backlog)
{
    struct setting x = plain;

    x.servers = 4;
    x.load = 2.8;
    ck_assert_int_eq(count(&x, VERDICT_STABLE), SEEDS);
}
END_TEST

/* Of a thousand that are on their way in, none waits for the server. */
START_TEST(a_front_end_is_no_backlog)
{
    struct setting x = plain;

    x.front_s = 1000;
    x.load = 0.5;
    ck_assert_int_ge(count(&x, VERDICT_STABLE), SEEDS - 1);
    x.n = 30;
    ck_assert_int_ge(count(&x, VERDICT_STABLE), SEEDS - 1);
    x = plain;
    x.front_s = 100;
    x.load = 1.3;
    ck_assert_int_eq(count(&x, VERDICT_OVERLOADED), SEEDS);
    x.load = 20;
    ck_assert_int_eq(count(&x, VERDICT_BACKLOGGED), SEEDS);
    x.front_s = 0.1;
    x.at_once = true;
    ck_assert_int_eq(count(&x, VERDICT_BACKLOGGED), SEEDS);
}
END_TEST

START_TEST(who_refuses_is_overloaded)
{
    struct setting x = plain;

    x.limit = 5;
    x.load = 1.3;
    ck_assert_int_eq(count(&x, VERDICT_OVERLOADED), SEEDS);
    x.load = 0.5; /* refuses one in 50 or so: 0.5^5 / 2 */
    ck_assert_int_eq(count(&x, VERDICT_STABLE), SEEDS);
}
END_TEST

START_TEST(all_at_once_is_a_backlog)
{
    struct setting x = plain;

    x.at_once = true;
    ck_assert_int_eq(count(&x, VERDICT_BACKLOGGED), SEEDS);
}
END_TEST

START_TEST(nothing_is_stable)
{
    struct verdict *v = verdict_new();
    struct verdict_counts c = verdict_of(v, 0, 0);

    ck_assert_int_eq(c.name, VERDICT_STABLE);
    ck_assert(isnan(c.offered_per_s));
    verdict_free(v);
}
END_TEST

/* Attempts of a call are offered once, and answered once, from its first on. */
START_TEST(calls_count_not_attempts)
{
    struct verdict *v = verdict_new();

    for (int64_t i = 0; i < 1000; i++) {
        int64_t t = i * 1000000000;
        struct ev_request q = {.t_arrive_ns = t, .t_call_ns = t, .t_admit_ns = -1, .t_end_ns = t, .retried = 1,
                               .status = REQUEST_REJECTED};
        verdict_add(v, &q);
        q = (struct ev_request){.attempt = 1, .t_arrive_ns = t + 500000000, .t_call_ns = t, .t_admit_ns = t + 500000000,
                                .t_end_ns = t + 900000000, .status = REQUEST_COMPLETED};
        verdict_add(v, &q);
    }
    struct verdict_counts c = verdict_of(v, 0, INT64_C(1000) * 1000000000);
    ck_assert_int_eq(c.name, VERDICT_STABLE);
    ck_assert(fabs(c.offered_per_s - 1) < 0.01 && fabs(c.answered_per_s - 1) < 0.01);
    verdict_free(v);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("verdict");
    TCase *c = tcase_create("verdict");

    tcase_add_test(c, loads_are_told_apart);
    tcase_add_test(c, a_horizon_does_not_matter);
    tcase_add_test(c, service_is_no_backlog);
    tcase_add_test(c, a_front_end_is_no_backlog);
    tcase_add_test(c, who_refuses_is_overloaded);
    tcase_add_test(c, all_at_once_is_a_backlog);
    tcase_add_test(c, nothing_is_stable);
    tcase_add_test(c, calls_count_not_attempts);
    suite_add_tcase(s, c);
    return run_suite(s);
}
