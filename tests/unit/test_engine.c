/*
 * test_engine.c - the engine: order, handles, the ends of a run, and what it refuses.
 */
#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "engine/pending.h"
#include "engine/sim.h"
#include "../run_suite.h"

/* A model that records what it is given, and does one thing when it meets the event `at`. */
enum { LOG_MAX = 4096 };

struct probe {
    struct sim *sim;
    struct sim_event log[LOG_MAX];
    int n;
    uint32_t at; /* arg of the event to act upon; 0: none */
    void (*act)(struct probe *p, const struct sim_event *ev);
    sim_handle own, other;
    bool own_cancelled, own_moved, own_pending, other_result;
};

static struct probe probe;

static void record(void *ctx, const struct sim_event *ev)
{
    struct probe *p = ctx;

    ck_assert_int_lt(p->n, LOG_MAX);
    ck_assert_int_eq(ev->t_ns, sim_now(p->sim));
    ck_assert_int_eq(ev->t_ns, bug_context.t_ns);
    ck_assert_uint_eq(bug_context.seq, (uint64_t)p->n);
    p->log[p->n++] = *ev;
    ck_assert_uint_eq(sim_count(p->sim), (uint64_t)p->n);
    if (p->act != NULL && ev->arg == p->at)
        p->act(p, ev);
}

static void set_up(void)
{
    memset(&probe, 0, sizeof probe);
    probe.sim = sim_new(record, &probe);
}

static void tear_down(void)
{
    sim_free(probe.sim);
}

static sim_handle at(int64_t t_ns, unsigned event_class, uint32_t arg)
{
    return sim_schedule(probe.sim, t_ns, event_class, 7, arg);
}

static enum sim_stop run(void)
{
    return sim_run(probe.sim, INT64_MAX, UINT64_MAX);
}

/* The args handled since the start, in order: ck_assert_log(1, 2, 3). */
static void assert_log(const uint32_t *want, int n)
{
    char got_text[256] = "", want_text[256] = "";
    size_t g = 0, w = 0;

    for (int i = 0; i < probe.n && g < sizeof got_text - 12; i++)
        g += (size_t)sprintf(got_text + g, "%u ", probe.log[i].arg);
    for (int i = 0; i < n && w < sizeof want_text - 12; i++)
        w += (size_t)sprintf(want_text + w, "%u ", want[i]);
    ck_assert_str_eq(got_text, want_text);
}
#define ck_assert_log(...)                                                                                             \
    assert_log((const uint32_t[]){__VA_ARGS__}, (int)(sizeof((uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t)))

START_TEST(order_is_time_class_seq)
{
    at(20, 0, 8);
    at(10, 2, 5);
    at(10, 255, 7);
    at(10, 1, 3);
    at(10, 2, 6);
    at(10, 1, 4);
    at(0, 9, 1);
    at(5, 200, 2);
    ck_assert_int_eq(run(), SIM_EMPTY);
    ck_assert_log(1, 2, 3, 4, 5, 6, 7, 8);
    ck_assert_int_eq(probe.log[1].t_ns, 5);
    ck_assert_uint_eq(probe.log[1].kind, 7);
    ck_assert_int_eq(sim_now(probe.sim), 20);
}
END_TEST

START_TEST(whole_range_of_times)
{
    at(INT64_MAX, 255, 5);
    at(INT64_MAX - 1, 0, 3);
    at(INT64_MAX, 0, 4);
    at(0, 0, 1);
    at(3600000000000, 0, 2);
    ck_assert_int_eq(run(), SIM_EMPTY);
    ck_assert_log(1, 2, 3, 4, 5);
    ck_assert_int_eq(sim_now(probe.sim), INT64_MAX);
}
END_TEST

START_TEST(cancel_and_dead_handles)
{
    sim_handle a = at(1, 0, 1), b = at(2, 0, 2), c = at(3, 0, 3);

    ck_assert(a != 0 && b != 0 && c != 0 && a != b && b != c && a != c);
    ck_assert_uint_eq(sim_size(probe.sim), 3);
    ck_assert(sim_pending(probe.sim, b));
    ck_assert(sim_cancel(probe.sim, b));
    ck_assert_uint_eq(sim_size(probe.sim), 2);
    ck_assert(!sim_pending(probe.sim, b));
    ck_assert(!sim_cancel(probe.sim, b));
    ck_assert(!sim_reschedule(probe.sim, b, 9));
    ck_assert_int_eq(run(), SIM_EMPTY);
    ck_assert_log(1, 3);
    ck_assert(!sim_pending(probe.sim, a));
    ck_assert(!sim_cancel(probe.sim, c));
    ck_assert(!sim_reschedule(probe.sim, c, 9));
    ck_assert_uint_eq(sim_size(probe.sim), 0);
    ck_assert(!sim_cancel(probe.sim, 0));
    ck_assert(!sim_pending(probe.sim, 0));
    ck_assert(!sim_cancel(probe.sim, UINT64_MAX));
}
END_TEST

/* A slot is used again at once, and the handles to its former tenants stay dead. */
START_TEST(slots_are_reused_and_handles_are_not)
{
    enum { TENANTS = 1000 };
    sim_handle old[TENANTS];

    for (int i = 0; i < TENANTS; i++) {
        old[i] = at(5, 0, 1);
        ck_assert_uint_eq((uint32_t)old[i], (uint32_t)old[0]);
        ck_assert(sim_pending(probe.sim, old[i]));
        if (i < TENANTS - 1)
            ck_assert(sim_cancel(probe.sim, old[i]));
    }
    for (int i = 0; i < TENANTS - 1; i++)
        ck_assert(!sim_cancel(probe.sim, old[i]) && !sim_reschedule(probe.sim, old[i], 6));
    ck_assert_uint_eq(sim_size(probe.sim), 1);
    ck_assert(sim_pending(probe.sim, old[TENANTS - 1]));
}
END_TEST

START_TEST(a_slot_out_of_generations_is_retired)
{
    static struct pending p;
    struct pending_key key = {5, 0};
    uint64_t first, last, next;

    pending_init(&p);
    first = pending_push(&p, key, 0, 0);
    p.slot[(uint32_t)first].gen = UINT32_MAX;
    last = (uint64_t)UINT32_MAX << 32 | (uint32_t)first;
    ck_assert_uint_eq(pending_find(&p, last), (uint32_t)first);
    pending_pop(&p);
    ck_assert_uint_eq(pending_find(&p, last), PENDING_NONE);
    for (int i = 0; i < 1000; i++) {
        next = pending_push(&p, key, 0, 0);
        ck_assert_uint_ne((uint32_t)next, (uint32_t)first);
        ck_assert(next >> 32 != 0);
    }
    ck_assert_uint_eq(pending_find(&p, (uint32_t)first), PENDING_NONE); /* generation 0 */
    pending_free(&p);
}
END_TEST

START_TEST(reschedule_is_as_if_scheduled_anew)
{
    sim_handle a = at(10, 1, 1), later = at(20, 1, 2);

    at(10, 1, 3);
    at(10, 2, 4);
    ck_assert(sim_reschedule(probe.sim, a, 10)); /* same instant: behind 3, but its class keeps it before 4 */
    ck_assert(sim_reschedule(probe.sim, later, 5));
    ck_assert(sim_pending(probe.sim, a) && sim_pending(probe.sim, later));
    ck_assert_int_eq(sim_next_time(probe.sim), 5);
    ck_assert(sim_reschedule(probe.sim, later, 30));
    ck_assert_int_eq(sim_next_time(probe.sim), 10);
    ck_assert_uint_eq(sim_size(probe.sim), 4);
    run();
    ck_assert_log(3, 1, 4, 2);
    ck_assert_int_eq(probe.log[3].t_ns, 30);
    ck_assert_uint_eq(probe.log[3].kind, 7);
}
END_TEST

static void meddle(struct probe *p, const struct sim_event *ev)
{
    p->own_pending = sim_pending(p->sim, p->own);
    p->own_moved = sim_reschedule(p->sim, p->own, ev->t_ns + 1);
    p->own_cancelled = sim_cancel(p->sim, p->own);
    p->other_result = sim_reschedule(p->sim, p->other, ev->t_ns); /* at once */
    at(ev->t_ns, 0, 20);
    at(ev->t_ns + 1, 0, 21);
}

/* An event being handled is no longer pending; others can be moved to this very instant. */
START_TEST(reschedule_from_within_dispatch)
{
    probe.at = 1;
    probe.act = meddle;
    probe.own = at(10, 5, 1);
    probe.other = at(50, 3, 2);
    at(10, 6, 3);
    run();
    ck_assert_log(1, 20, 2, 3, 21); /* class 0, then 3, then 6, all at 10 */
    ck_assert(!probe.own_pending && !probe.own_moved && !probe.own_cancelled);
    ck_assert(probe.other_result);
}
END_TEST

static void cancel_other(struct probe *p, const struct sim_event *ev)
{
    (void)ev;
    p->other_result = sim_cancel(p->sim, p->other);
}

START_TEST(cancel_the_next_from_within_dispatch)
{
    probe.at = 1;
    probe.act = cancel_other;
    at(10, 0, 1);
    probe.other = at(10, 0, 2);
    ck_assert_int_eq(run(), SIM_EMPTY);
    ck_assert_log(1);
    ck_assert(probe.other_result);
}
END_TEST

START_TEST(run_until)
{
    at(10, 0, 1);
    at(20, 0, 2);
    at(30, 0, 3);
    ck_assert_int_eq(sim_run(probe.sim, 20, UINT64_MAX), SIM_UNTIL);
    ck_assert_log(1, 2);
    ck_assert_int_eq(sim_now(probe.sim), 20);
    ck_assert_int_eq(sim_run(probe.sim, 25, UINT64_MAX), SIM_UNTIL);
    ck_assert_int_eq(sim_now(probe.sim), 25); /* between events */
    ck_assert_int_eq(sim_run(probe.sim, 5, UINT64_MAX), SIM_UNTIL);
    ck_assert_int_eq(sim_now(probe.sim), 25); /* never back */
    ck_assert_int_eq(sim_next_time(probe.sim), 30);
    at(25, 0, 4);
    ck_assert_int_eq(sim_run(probe.sim, 100, UINT64_MAX), SIM_EMPTY);
    ck_assert_log(1, 2, 4, 3);
    ck_assert_int_eq(sim_now(probe.sim), 30); /* an empty set leaves the clock at the last event */
}
END_TEST

START_TEST(run_count)
{
    for (uint32_t i = 1; i <= 5; i++)
        at(10 * i, 0, i);
    ck_assert_int_eq(sim_run(probe.sim, INT64_MAX, 0), SIM_COUNT);
    ck_assert_uint_eq(sim_count(probe.sim), 0);
    ck_assert_int_eq(sim_run(probe.sim, INT64_MAX, 2), SIM_COUNT);
    ck_assert_log(1, 2);
    ck_assert_int_eq(sim_now(probe.sim), 20);
    /* With the count used up, nothing more due is said rather than the count. */
    ck_assert_int_eq(sim_run(probe.sim, 35, 1), SIM_UNTIL);
    ck_assert_int_eq(sim_now(probe.sim), 35);
    ck_assert_int_eq(sim_run(probe.sim, INT64_MAX, 2), SIM_EMPTY);
    ck_assert_uint_eq(sim_count(probe.sim), 5);
    ck_assert_int_eq(sim_run(probe.sim, INT64_MAX, 0), SIM_EMPTY);
}
END_TEST

static void request_stop(struct probe *p, const struct sim_event *ev)
{
    (void)ev;
    sim_request_stop(p->sim);
}

START_TEST(run_until_requested)
{
    probe.at = 2;
    probe.act = request_stop;
    at(10, 0, 1);
    at(20, 0, 2);
    at(30, 0, 3);
    ck_assert_int_eq(run(), SIM_REQUESTED);
    ck_assert_log(1, 2);
    ck_assert_int_eq(sim_now(probe.sim), 20);
    sim_request_stop(probe.sim); /* before a run: honoured before its first event, once */
    ck_assert_int_eq(run(), SIM_REQUESTED);
    ck_assert_log(1, 2);
    ck_assert_int_eq(run(), SIM_EMPTY);
    ck_assert_log(1, 2, 3);
}
END_TEST

START_TEST(nothing_pending)
{
    ck_assert_int_eq(sim_next_time(probe.sim), INT64_MAX);
    ck_assert_int_eq(sim_now(probe.sim), 0);
    ck_assert_int_eq(run(), SIM_EMPTY);
    ck_assert_int_eq(sim_now(probe.sim), 0);
    ck_assert_uint_eq(sim_count(probe.sim), 0);
}
END_TEST

/* 3,000 of one instant, of several classes, scheduled in turn: more than any run or heap of a few. */
START_TEST(a_crowd_at_one_instant)
{
    enum { CROWD = 3000, CLASSES = 3 };

    at(1, 0, 1);
    for (uint32_t i = 0; i < CROWD; i++)
        at(1000000, i % CLASSES, i);
    for (uint32_t i = 0; i < 500; i++)
        at(2000000 + 1000 * i, 0, i);
    ck_assert_int_eq(sim_run(probe.sim, 1999999, UINT64_MAX), SIM_UNTIL);
    ck_assert_int_eq(probe.n, 1 + CROWD);
    for (uint32_t c = 0, n = 1; c < CLASSES; c++)
        for (uint32_t i = c; i < CROWD; i += CLASSES, n++)
            ck_assert_uint_eq(probe.log[n].arg, i);
}
END_TEST

static void schedule_past(struct probe *p, const struct sim_event *ev)
{
    (void)p;
    at(ev->t_ns - 1, 0, 9);
}

START_TEST(scheduling_in_the_past_aborts)
{
    probe.at = 1;
    probe.act = schedule_past;
    at(10, 0, 1);
    run();
}
END_TEST

START_TEST(rescheduling_into_the_past_aborts)
{
    sim_handle h = at(10, 0, 1);

    sim_run(probe.sim, 5, UINT64_MAX);
    sim_reschedule(probe.sim, h, 4);
}
END_TEST

START_TEST(a_negative_time_aborts)
{
    at(-1, 0, 1);
}
END_TEST

START_TEST(a_class_past_255_aborts)
{
    at(1, 256, 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("engine");
    TCase *tc = tcase_create("engine");

    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_test(tc, order_is_time_class_seq);
    tcase_add_test(tc, whole_range_of_times);
    tcase_add_test(tc, cancel_and_dead_handles);
    tcase_add_test(tc, slots_are_reused_and_handles_are_not);
    tcase_add_test(tc, a_slot_out_of_generations_is_retired);
    tcase_add_test(tc, reschedule_is_as_if_scheduled_anew);
    tcase_add_test(tc, reschedule_from_within_dispatch);
    tcase_add_test(tc, cancel_the_next_from_within_dispatch);
    tcase_add_test(tc, run_until);
    tcase_add_test(tc, run_count);
    tcase_add_test(tc, run_until_requested);
    tcase_add_test(tc, nothing_pending);
    tcase_add_test(tc, a_crowd_at_one_instant);
    tcase_add_test_raise_signal(tc, scheduling_in_the_past_aborts, SIGABRT);
    tcase_add_test_raise_signal(tc, rescheduling_into_the_past_aborts, SIGABRT);
    tcase_add_test_raise_signal(tc, a_negative_time_aborts, SIGABRT);
    tcase_add_test_raise_signal(tc, a_class_past_255_aborts, SIGABRT);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
