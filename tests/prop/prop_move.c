/*
 * prop_move.c - model/move.h at random: bytes are conserved to the byte though jobs are cancelled and ports change
 * their speeds, losses add up to the time lost, and a part that is left out of the solver ends as it would have within
 * it.
 */
#include <check.h>
#include <math.h>
#include <stdlib.h>

#include "base/bug.h"
#include "base/rng.h"
#include "engine/sim.h"
#include "model/move.h"
#include "../run_suite.h"

enum { EV_DONE, EV_PART, EV_CALL, CLASS_DONE = 0, CLASS_CALL };
enum { PORTS = 12, ACTIONS = 3000, JOBS = ACTIONS + 64 };

/* A run: jobs start at random instants, and where it meddles some are cancelled and ports change their speeds. */
static struct {
    struct sim *sim;
    struct share *share;
    struct mover *m;
    struct rng rng;
    bool meddles;
    int64_t mean_gap_ns, next_tag;
    uint32_t alive[JOBS];   /* tag -> job, or UINT32_MAX */
    int64_t t_end_ns[JOBS]; /* by tag; -1: it did not end */
    int n_ended;
    int64_t started, delivered, cancelled;           /* bytes, by the test's own count */
    int64_t over[PORTS];                             /* of them, delivered over each port */
    int64_t step_least_B[PORTS], step_most_B[PORTS]; /* what steps took there: those that ended, and all */
} chaos;

/* A transfer has its flow in the second part; a step on one port in its first and second. */
static struct move_job random_job(void)
{
    static const enum move_kind kinds[] = {MOVE_STEP, MOVE_RESTORE, MOVE_WRITE, MOVE_LOAD};
    struct rng *r = &chaos.rng;
    struct move_job j = {.kind = kinds[rng_below(r, 4)], .owner = -1, .replica = -1, .tag = chaos.next_tag++};
    struct share_hop hops[3];
    int n = 1 + (int)rng_below(r, 3);
    int32_t first = (int32_t)rng_below(r, PORTS);

    for (int h = 0; h < n; h++)
        hops[h] = (struct share_hop){(first + 5 * h) % PORTS, 1 / (1e9 * (double)(1 + rng_below(r, 7)))};
    if (j.kind != MOVE_STEP) {
        int64_t bytes = (int64_t)rng_below(r, 100000), fixed_ns = (int64_t)rng_below(r, 500);
        double weight = (double)(1 + rng_below(r, 3));
        move_transfer(chaos.share, &j, bytes, fixed_ns, hops, n, weight, (int)rng_below(r, SHARE_LEVELS));
        return j;
    }
    j.n_parts = 3;
    for (int i = 0; i < 3; i++)
        j.part[i].solo_ns = (int64_t)rng_below(r, 20000);
    for (int i = 0; i < 2; i++) {
        struct share_flow *f = &j.part[i].flow;
        *f = (struct share_flow){.n_hops = 1, .weight = 1, .level = 1, .cap_Bps = i == 0 ? 2e9 : 0.25e9};
        f->hop[0] = (struct share_hop){first, 1 / 4e9};
    }
    return j;
}

static int64_t step_B(const struct move_job *j)
{
    return llround(2.0 * (double)j->part[0].solo_ns) + llround(0.25 * (double)j->part[1].solo_ns);
}

static void start_one(void)
{
    struct move_job j = random_job();

    chaos.alive[j.tag] = move_start(chaos.m, &j);
    chaos.started += j.bytes;
    if (j.kind == MOVE_STEP)
        chaos.step_most_B[j.part[0].flow.hop[0].resource] += step_B(&j);
}

/* It ended, or was cancelled. */
static void take_out(const struct move_state *st, int64_t delivered, bool whole)
{
    const struct move_job *j = &st->job;
    const struct share_flow *f = &j->part[1].flow;

    chaos.delivered += delivered;
    chaos.cancelled += j->bytes - delivered;
    chaos.alive[j->tag] = UINT32_MAX;
    if (j->kind != MOVE_STEP)
        for (int h = 0; h < f->n_hops; h++)
            chaos.over[f->hop[h].resource] += delivered;
    else if (whole)
        chaos.step_least_B[f->hop[0].resource] += step_B(j);
}

static void cancel_one(void)
{
    uint32_t id = chaos.next_tag > 0 ? chaos.alive[rng_below(&chaos.rng, (uint64_t)chaos.next_tag)] : UINT32_MAX;

    if (id == UINT32_MAX)
        return;
    int64_t delivered = move_cancel(chaos.m, id);
    const struct move_state *st = move_get(chaos.m, id);
    ck_assert(delivered >= 0 && delivered <= st->job.bytes);
    take_out(st, delivered, false);
    move_release(chaos.m, id);
}

static void act(uint32_t n)
{
    uint64_t what = chaos.meddles ? rng_below(&chaos.rng, 10) : 9;
    int64_t gap_ns = (int64_t)rng_below(&chaos.rng, (uint64_t)chaos.mean_gap_ns * 2);

    if (what == 0)
        cancel_one();
    else if (what == 1)
        move_set_speed(chaos.m, (int32_t)rng_below(&chaos.rng, PORTS), (double)rng_below(&chaos.rng, 5) / 4);
    else
        start_one();
    if (n % 50 == 0)
        move_check(chaos.m);
    if (n < ACTIONS)
        sim_schedule(chaos.sim, sim_now(chaos.sim) + gap_ns, CLASS_CALL, EV_CALL, n + 1);
}

static void done(uint32_t job)
{
    const struct move_state *st = move_done(chaos.m, job);
    double lost_ns = (double)(st->t_end_ns - st->t_start_ns - st->solo_ns), told_ns = 0;

    for (int i = 0; i < st->n_losses; i++)
        told_ns += st->loss[i].ns;
    /* Less than a ns for each part, which ends at a whole one. */
    if (fabs(told_ns - lost_ns) > st->job.n_parts || st->waited_ns > lost_ns + 1e-3)
        ck_abort_msg("job %d lost %g ns, told of %g", (int)st->job.tag, lost_ns, told_ns);
    take_out(st, st->job.bytes, true);
    chaos.t_end_ns[st->job.tag] = st->t_end_ns;
    chaos.n_ended++;
    move_release(chaos.m, job);
}

static void dispatch(void *ctx, const struct sim_event *ev)
{
    (void)ctx;
    if (ev->kind == EV_CALL)
        act(ev->arg);
    else if (ev->kind == EV_PART)
        move_event(chaos.m, ev->arg);
    else
        done(ev->arg);
}

/* On each port lies a flow that wants next to nothing, so that no part is ever alone. */
static void watch(int32_t resource)
{
    struct move_job j = {.kind = MOVE_TABLE, .n_parts = 1};

    j.part[0] = (struct move_part){.solo_ns = INT64_MAX / 4};
    j.part[0].flow = (struct share_flow){.n_hops = 1, .weight = 1, .level = SHARE_LEVELS - 1, .cap_Bps = 1e-8};
    j.part[0].flow.hop[0] = (struct share_hop){resource, 1e-9};
    move_start(chaos.m, &j);
}

static void run(uint64_t seed, bool meddles, int64_t mean_gap_ns, bool watched)
{
    static const enum share_rule rules[] = {SHARE_FAIR, SHARE_WEIGHTED, SHARE_PRIORITY, SHARE_FIFO};

    chaos.sim = sim_new(dispatch, NULL);
    chaos.share = share_new();
    chaos.m = move_new(chaos.sim, chaos.share, EV_DONE, EV_PART, CLASS_DONE);
    chaos.meddles = meddles;
    chaos.mean_gap_ns = mean_gap_ns;
    chaos.next_tag = chaos.n_ended = 0;
    chaos.started = chaos.delivered = chaos.cancelled = 0;
    for (int i = 0; i < PORTS; i++) {
        /* A watcher would have the server of a line for itself. */
        int32_t port = share_resource(chaos.share, rules[i % (meddles ? 4 : 3)], 1 + i % 2);
        chaos.over[port] = chaos.step_least_B[port] = chaos.step_most_B[port] = 0;
        if (watched)
            watch(port);
    }
    rng_init(&chaos.rng, seed, 0, 0, RNG_TEST);
    for (int i = 0; i < JOBS; i++) {
        chaos.alive[i] = UINT32_MAX;
        chaos.t_end_ns[i] = -1;
    }
    sim_schedule(chaos.sim, 0, CLASS_CALL, EV_CALL, 1);
    sim_run(chaos.sim, INT64_MAX / 8, UINT64_MAX);
    move_check(chaos.m);
}

static void tear_down(void)
{
    move_free(chaos.m);
    share_free(chaos.share);
    sim_free(chaos.sim);
}

START_TEST(bytes_are_conserved)
{
    struct move_totals t = {0};
    int64_t over;
    double busy_s;

    run((uint64_t)_i + 1, true, _i % 2 ? 3000 : 20000, false);
    for (int32_t r = 0; r < PORTS; r++) /* those before a port that stopped go on */
        move_set_speed(chaos.m, r, 1);
    sim_run(chaos.sim, INT64_MAX, UINT64_MAX);
    move_check(chaos.m);
    for (int k = 0; k < MOVE_KINDS; k++) {
        struct move_totals one = move_totals(chaos.m, k);
        t.jobs += one.jobs;
        t.started += one.started;
        t.delivered += one.delivered;
        t.cancelled += one.cancelled;
        ck_assert_int_eq(move_running(chaos.m, k), 0);
    }
    ck_assert_int_gt(chaos.cancelled, 0);
    ck_assert_int_eq(t.jobs, chaos.next_tag);
    ck_assert_int_eq(t.started, chaos.started);
    ck_assert_int_eq(t.delivered, chaos.delivered);
    ck_assert_int_eq(t.cancelled, chaos.cancelled);
    ck_assert_int_eq(t.started, t.delivered + t.cancelled);
    for (int32_t r = 0; r < PORTS; r++) {
        move_resource(chaos.m, r, &over, &busy_s);
        ck_assert_int_ge(over - chaos.over[r], chaos.step_least_B[r]);
        ck_assert_int_le(over - chaos.over[r], chaos.step_most_B[r]);
        ck_assert(busy_s > 0 && busy_s <= 1e-9 * (double)sim_now(chaos.sim));
    }
    tear_down();
}
END_TEST

START_TEST(lone_parts_end_as_if_they_were_solved)
{
    static int64_t t_end_ns[JOBS];
    uint64_t visits;
    int n;

    run((uint64_t)_i + 1, false, _i % 2 ? 10000 : 40000, false);
    n = chaos.n_ended;
    ck_assert_int_eq(n, chaos.next_tag);
    for (int i = 0; i < n; i++)
        t_end_ns[i] = chaos.t_end_ns[i];
    visits = share_visits(chaos.share);
    tear_down();

    run((uint64_t)_i + 1, false, _i % 2 ? 10000 : 40000, true);
    ck_assert_int_eq(chaos.n_ended, n);
    for (int i = 0; i < n; i++)
        if (llabs(t_end_ns[i] - chaos.t_end_ns[i]) > 1)
            ck_abort_msg("job %d: %lld, else %lld", i, (long long)t_end_ns[i], (long long)chaos.t_end_ns[i]);
    ck_assert_uint_gt(share_visits(chaos.share), visits + ACTIONS); /* it was another way to the same ends */
    tear_down();
}
END_TEST

START_TEST(the_same_seed_gives_the_same_ends)
{
    static int64_t t_end_ns[JOBS];
    uint64_t count;

    run(7, true, 3000, false);
    for (int i = 0; i < JOBS; i++)
        t_end_ns[i] = chaos.t_end_ns[i];
    count = sim_count(chaos.sim);
    tear_down();
    run(7, true, 3000, false);
    for (int i = 0; i < JOBS; i++)
        ck_assert_int_eq(t_end_ns[i], chaos.t_end_ns[i]);
    ck_assert_uint_eq(count, sim_count(chaos.sim));
    tear_down();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("moves at random");
    TCase *tc = tcase_create("moves at random");

    tcase_set_timeout(tc, 120);
    tcase_add_loop_test(tc, bytes_are_conserved, 0, 8);
    tcase_add_loop_test(tc, lone_parts_end_as_if_they_were_solved, 0, 6);
    tcase_add_test(tc, the_same_seed_gives_the_same_ends);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
