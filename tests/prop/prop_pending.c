/*
 * prop_pending.c - the pending set against a naive twin.
 *
 * Random schedules, cancels, reschedules and pops, through sim.h; the twin is an array searched from end to
 * end. After each operation next time and size must agree, after each event its identity, and handles,
 * dead ones included, must give the same answers. The set's size swings between empty and about 2,000, so that
 * it crosses every threshold of the structure in both directions. A second test runs the structure alone,
 * larger, and checks the invariants that pending.h states. A failure names its seed, law and operation.
 */
#include <check.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/pending.h"
#include "engine/sim.h"
#include "../run_suite.h"

static uint64_t next_random(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u; /* splitmix64 (Steele, Lea and Flood 2014) */
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

#define same(cond)                                                                                                     \
    do {                                                                                                               \
        if (!(cond))                                                                                                   \
            ck_abort_msg("seed %" PRIu64 ", law %s, operation %" PRIu64 ": %s", world.seed, law_names[world.law],      \
                         world.operation, #cond);                                                                      \
    } while (0)

/* Delays from now. */
enum law {
    UNIFORM,  /* up to 1 s */
    TICKS,    /* 0 to 3 whole ms */
    NOW,      /* 0: all at one instant */
    CONSTANT, /* 1 ms */
    SCALES,   /* 2^k times a uniform, k up to 45: every digit of the radix */
    BIMODAL,  /* under 1 us, or about an hour */
    APPROACH, /* towards one far instant: all ever closer to it, before and after */
    EXTREME,  /* to the end of time, from now or from there downwards */
    LAWS
};
static const char *const law_names[LAWS] = {"uniform", "ticks",   "now",      "constant",
                                            "scales",  "bimodal", "approach", "extreme"};

enum { EVENTS_MAX = 4000, DEAD_MAX = 64, CLASSES = 4 };

struct twin_event {
    int64_t t_ns;
    unsigned event_class;
    uint64_t seq;
    uint32_t arg;
    sim_handle handle;
};

static struct world {
    uint64_t seed, random, operation, seq;
    enum law law;
    struct sim *sim;
    struct twin_event pending[EVENTS_MAX];
    int n;
    sim_handle dead[DEAD_MAX];
    int n_dead;
    uint32_t next_arg;
    bool fired;
    struct sim_event event;
} world;

static uint64_t below(uint64_t n)
{
    return next_random(&world.random) % n;
}

static int64_t later(void)
{
    const int64_t now_ns = sim_now(world.sim);
    uint64_t delay_ns = 0;

    switch (world.law) {
    case UNIFORM:
        delay_ns = below(1000000000);
        break;
    case TICKS:
        delay_ns = below(4) * 1000000;
        break;
    case CONSTANT:
        delay_ns = 1000000;
        break;
    case SCALES:
        delay_ns = below((uint64_t)1 << below(46));
        break;
    case BIMODAL:
        delay_ns = below(3) ? below(1000) : 3600000000000 + below(1000000000);
        break;
    case APPROACH:
        delay_ns = 1000000000 - (uint64_t)now_ns % 1000000000 + below((uint64_t)1 << below(20)) * below(2);
        delay_ns -= below(2) ? below(delay_ns < 1000 ? delay_ns + 1 : 1000) : 0;
        break;
    case EXTREME:
        if (below(2))
            return INT64_MAX - (int64_t)below((uint64_t)(INT64_MAX - now_ns < 5 ? 1 : 5));
        delay_ns = below((uint64_t)1 << below(30));
        break;
    default:
        break;
    }
    return delay_ns > (uint64_t)(INT64_MAX - now_ns) ? INT64_MAX : now_ns + (int64_t)delay_ns;
}

static bool before(const struct twin_event *a, const struct twin_event *b)
{
    if (a->t_ns != b->t_ns)
        return a->t_ns < b->t_ns;
    if (a->event_class != b->event_class)
        return a->event_class < b->event_class;
    return a->seq < b->seq;
}

static int twin_least(void)
{
    int least = 0;

    for (int i = 1; i < world.n; i++)
        if (before(&world.pending[i], &world.pending[least]))
            least = i;
    return least;
}

static void twin_drop(int i)
{
    int place = world.n_dead < DEAD_MAX ? world.n_dead++ : (int)below(DEAD_MAX);

    world.dead[place] = world.pending[i].handle;
    world.pending[i] = world.pending[--world.n];
}

static void fire(void *ctx, const struct sim_event *ev)
{
    (void)ctx;
    world.fired = true;
    world.event = *ev;
}

static void schedule(void)
{
    struct twin_event *e = &world.pending[world.n++];

    *e = (struct twin_event){later(), (unsigned)below(CLASSES) * 85, world.seq++, world.next_arg++, 0};
    e->handle = sim_schedule(world.sim, e->t_ns, e->event_class, e->arg ^ 0x5555, e->arg);
    same(sim_pending(world.sim, e->handle));
}

static void cancel(void)
{
    int i = below(4) ? (int)below((uint64_t)world.n) : twin_least(); /* the next one too: it has refills behind it */

    same(sim_cancel(world.sim, world.pending[i].handle));
    twin_drop(i);
}

static void reschedule(void)
{
    struct twin_event *e = &world.pending[below(4) ? (int)below((uint64_t)world.n) : twin_least()];

    e->t_ns = later();
    e->seq = world.seq++;
    same(sim_reschedule(world.sim, e->handle, e->t_ns));
    same(sim_pending(world.sim, e->handle));
}

static void pop(void)
{
    int least = twin_least();
    const struct twin_event want = world.pending[least];

    world.fired = false;
    sim_run(world.sim, INT64_MAX, 1);
    same(world.fired);
    same(world.event.t_ns == want.t_ns);
    same(world.event.arg == want.arg);
    same(world.event.kind == (want.arg ^ 0x5555));
    same(sim_now(world.sim) == want.t_ns);
    twin_drop(least);
}

static void use_dead_handle(void)
{
    sim_handle h = world.dead[below((uint64_t)world.n_dead)];

    same(!sim_pending(world.sim, h));
    same(!sim_cancel(world.sim, h));
    same(!sim_reschedule(world.sim, h, INT64_MAX));
}

/* The size grows for a while, then shrinks; at times it is emptied. */
static void operate(bool growing)
{
    uint64_t dice = below(100);

    if (world.n == 0 || (world.n < EVENTS_MAX && dice < (growing ? 50 : 20)))
        schedule();
    else if (dice < (growing ? 75 : 70))
        pop();
    else if (dice < 80)
        cancel();
    else if (dice < 97 || world.n_dead == 0)
        reschedule();
    else
        use_dead_handle();
    same(sim_size(world.sim) == (uint64_t)world.n);
    same(sim_next_time(world.sim) == (world.n ? world.pending[twin_least()].t_ns : INT64_MAX));
}

enum { SEEDS = 6, OPERATIONS = 12000 };

/* Check's loop: one test a law and seed, so that each failure is told apart. */
START_TEST(as_the_sorted_list)
{
    memset(&world, 0, sizeof world);
    world.seed = (uint64_t)_i;
    world.law = (enum law)(_i % LAWS);
    world.random = world.seed * 7919 + 1;
    world.sim = sim_new(fire, NULL);
    uint64_t phase = 0;
    bool growing = true;
    for (world.operation = 0; world.operation < OPERATIONS; world.operation++) {
        if (phase-- == 0) {
            growing = !growing || world.n == 0;
            phase = below((uint64_t)1 << (5 + below(8)));
        }
        operate(growing);
    }
    while (world.n > 0)
        pop();
    same(sim_run(world.sim, INT64_MAX, UINT64_MAX) == SIM_EMPTY);
    sim_free(world.sim);
}
END_TEST

/* Of pending.h: every event where its key says, lists linked both ways, heap in order, masks exact. */
static uint64_t check_list(const struct pending *p, const struct pending_list *list, enum pending_place place)
{
    uint64_t n = 0;
    uint32_t back = PENDING_NONE;

    for (uint32_t slot = list->head; slot != PENDING_NONE; back = slot, slot = p->slot[slot].next, n++) {
        same(p->slot[slot].place == place && p->slot[slot].back == back);
        same((p->slot[slot].key.t < p->near_end) == (place == PENDING_RUN));
        if (place == PENDING_RUN && back != PENDING_NONE)
            same(pending_less(p->slot[back].key, p->slot[slot].key));
    }
    same(list->tail == back);
    return n;
}

static void check_structure(const struct pending *p)
{
    uint64_t n = check_list(p, &p->run, PENDING_RUN) + p->n_late;

    same(n > 0 || p->n == 0);
    if (p->run.head == PENDING_NONE) {
        same(p->run_first.t == UINT64_MAX && p->run_last.t == UINT64_MAX);
    } else {
        same(!pending_less(p->run_first, p->slot[p->run.head].key) &&
             !pending_less(p->slot[p->run.head].key, p->run_first));
        same(!pending_less(p->run_last, p->slot[p->run.tail].key));
    }
    for (uint32_t i = 0; i < p->n_late; i++) {
        const struct pending_slot *e = &p->slot[p->late[i].slot];
        same(e->place == PENDING_LATE && e->back == i && e->key.t < p->near_end);
        same(e->key.t == p->late[i].key.t && e->key.tie == p->late[i].key.tie);
        same(i == 0 || pending_less(p->late[(i - 1) / 4].key, p->late[i].key));
    }
    for (uint32_t i = p->n_late; i < p->n_late + 4; i++)
        same(p->late[i].key.t == UINT64_MAX && p->late[i].key.tie == UINT64_MAX);
    same(p->origin <= p->near_end);
    for (unsigned l = 0; l < PENDING_LEVELS; l++) {
        same((p->levels >> l & 1) == (p->digits[l] != 0));
        for (unsigned d = 0; d < PENDING_DIGITS; d++) {
            const struct pending_list *b = &p->bucket[l][d];
            same((p->digits[l] >> d & 1) == (b->head != PENDING_NONE));
            n += check_list(p, b, PENDING_FAR);
            for (uint32_t slot = b->head; slot != PENDING_NONE; slot = p->slot[slot].next) {
                uint64_t t = p->slot[slot].key.t;
                same((t >> 6 * l & 63) == d);
                same(l == 10 || t >> 6 * (l + 1) == p->origin >> 6 * (l + 1));
                same(l == 0 || d > (p->origin >> 6 * l & 63));
            }
        }
    }
    same(n == p->n);
}

/* The same laws on the structure alone, larger, with its invariants checked; order must never go back. */
START_TEST(invariants_hold)
{
    static struct pending p;
    static uint64_t handle[1 << 14];
    uint32_t n_handles = 0;

    memset(&world, 0, sizeof world);
    world.seed = (uint64_t)_i;
    world.law = (enum law)(_i % LAWS);
    world.random = world.seed * 104729 + 3;
    world.sim = sim_new(fire, NULL); /* only its clock, for later() */
    pending_init(&p);
    for (world.operation = 0; world.operation < 60000; world.operation++) {
        uint64_t dice = below(100);
        bool growing = world.operation % 30000 < 20000;
        if (dice < (growing ? 60 : 25) && n_handles < sizeof handle / sizeof handle[0]) {
            struct pending_key key = {(uint64_t)later(), below(CLASSES) << PENDING_CLASS_SHIFT | world.seq++};
            handle[n_handles++] = pending_push(&p, key, 0, 0);
        } else if (dice < 90 && p.n > 0) {
            int64_t t_ns = (int64_t)pending_next_time(&p);
            uint32_t slot = pending_pop(&p);
            same((int64_t)p.slot[slot].key.t == t_ns && t_ns >= sim_now(world.sim));
            sim_schedule(world.sim, t_ns, 0, 0, 0);
            sim_run(world.sim, t_ns, UINT64_MAX);
        } else if (n_handles > 0) {
            uint64_t *h = &handle[below(n_handles)];
            uint32_t slot = pending_find(&p, *h);
            if (slot != PENDING_NONE) {
                pending_remove(&p, slot);
                pending_release(&p, slot);
            }
            *h = handle[--n_handles];
        }
        if (world.operation % 601 == 0)
            check_structure(&p);
    }
    check_structure(&p);
    pending_free(&p);
    sim_free(world.sim);
}
END_TEST

/* The one turn that chance does not find: near is empty but for the event handled, so the run is made of events of
 * the next hour; then come many between now and these. Few or many far ones: they are placed anew, or not. */
START_TEST(a_burst_before_a_far_run)
{
    static const uint32_t far_events[] = {40, 150, 1000, 5000};
    static struct pending p;
    const uint32_t n_far = far_events[_i], n_near = 600;
    struct pending_key last = {0, 0};

    memset(&world, 0, sizeof world);
    world.seed = world.random = (uint64_t)_i;
    pending_init(&p);
    for (uint32_t i = 0; i < n_far; i++)
        pending_push(&p, (struct pending_key){3600000000000 + below(1000000000), world.seq++}, 0, 0);
    pending_push(&p, (struct pending_key){1, world.seq++}, 0, 0);
    pending_pop(&p);
    same(p.run_first.t >= 3600000000000);
    for (; world.operation < n_near; world.operation++) {
        pending_push(&p, (struct pending_key){1 + below(1000000), world.seq++}, 0, 0);
        check_structure(&p);
    }
    /* Both ways were taken: far ones that were the fewer have made way for a run of near ones. */
    same((p.near_end < 3600000000000) == (n_far < n_near));
    for (world.operation = 0; p.n > 0; world.operation++) {
        struct pending_key key = p.slot[pending_pop(&p)].key;
        same(pending_less(last, key) || world.operation == 0);
        last = key;
        check_structure(&p);
    }
    same(world.operation == n_far + n_near);
    pending_free(&p);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("pending");
    TCase *tc = tcase_create("pending");

    tcase_set_timeout(tc, 120);
    tcase_add_loop_test(tc, as_the_sorted_list, 0, SEEDS * LAWS);
    tcase_add_loop_test(tc, invariants_hold, 0, 2 * LAWS);
    tcase_add_loop_test(tc, a_burst_before_a_far_run, 0, 4);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
