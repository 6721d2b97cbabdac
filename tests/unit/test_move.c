/*
 * test_move.c - model/move.h: ends worked out by hand, who slowed whom, bytes delivered.
 *
 * Most ports here move 1 B each ns, so that bytes are ns.
 */
#include <check.h>
#include <signal.h>
#include <stdlib.h>

#include "base/bug.h"
#include "engine/sim.h"
#include "model/move.h"
#include "../run_suite.h"

enum { EV_DONE = 3, EV_PART = 4, EV_CALL = 5, CLASS_DONE = 1, CLASS_CALL = 2, JOBS = 64 };

static const double PORT_BPS = 1e9;

static struct {
    struct sim *sim;
    struct share *share;
    struct mover *m;
    struct move_state ended[JOBS]; /* in order of end; tag tells who it was */
    int n_ended, n_parts;          /* events */
    void (*call)(uint32_t arg);
} world;

static void dispatch(void *ctx, const struct sim_event *ev)
{
    (void)ctx;
    switch (ev->kind) {
    case EV_DONE:
        ck_assert_int_lt(world.n_ended, JOBS);
        world.ended[world.n_ended++] = *move_done(world.m, ev->arg);
        move_release(world.m, ev->arg);
        break;
    case EV_PART:
        world.n_parts++;
        move_event(world.m, ev->arg);
        break;
    default:
        world.call(ev->arg);
    }
    move_check(world.m);
}

static void set_up(void)
{
    world.sim = sim_new(dispatch, NULL);
    world.share = share_new();
    world.m = move_new(world.sim, world.share, EV_DONE, EV_PART, CLASS_DONE);
    world.n_ended = world.n_parts = 0;
    world.call = NULL;
}

static void tear_down(void)
{
    move_free(world.m);
    share_free(world.share);
    sim_free(world.sim);
}

static void run_until(int64_t t_ns)
{
    sim_run(world.sim, t_ns, UINT64_MAX);
}

static int32_t port(enum share_rule rule, int servers)
{
    return share_resource(world.share, rule, servers);
}

/* ---- jobs ---- */

static struct move_job job_of(enum move_kind kind, int64_t tag)
{
    return (struct move_job){.kind = kind, .owner = -1, .replica = -1, .tag = tag};
}

/* A part of so many ns, that takes `share` of one port. */
static void add_part(struct move_job *j, int64_t solo_ns, int32_t resource, double share)
{
    struct move_part *p = &j->part[j->n_parts++];

    *p = (struct move_part){.solo_ns = solo_ns};
    if (resource < 0)
        return;
    p->flow = (struct share_flow){.n_hops = 1, .weight = 1, .level = 1, .cap_Bps = share * PORT_BPS};
    p->flow.hop[0] = (struct share_hop){resource, 1 / PORT_BPS};
}

static uint32_t transfer(enum move_kind kind, int64_t tag, int64_t bytes, int32_t resource)
{
    struct move_job j = job_of(kind, tag);
    struct share_hop hop = {resource, 1 / PORT_BPS};

    move_transfer(world.share, &j, bytes, 0, &hop, 1, 1, 1);
    return move_start(world.m, &j);
}

static const struct move_state *ended(int64_t tag)
{
    for (int i = 0; i < world.n_ended; i++)
        if (world.ended[i].job.tag == tag)
            return &world.ended[i];
    ck_abort_msg("job %d did not end", (int)tag);
    return NULL;
}

static double lost_ns(const struct move_state *st, int32_t resource, enum move_kind to)
{
    double ns = 0;

    for (int i = 0; i < st->n_losses; i++)
        if (st->loss[i].resource == resource && st->loss[i].to == to)
            ns += st->loss[i].ns;
    return ns;
}

static double all_lost_ns(const struct move_state *st)
{
    double ns = 0;

    for (int i = 0; i < st->n_losses; i++)
        ns += st->loss[i].ns;
    return ns;
}

/* ---- alone ---- */

START_TEST(alone_it_takes_its_solo_time)
{
    static const int64_t sizes[] = {1, 7, 1000, 123456789, 4000000000000};
    int32_t hbm = port(SHARE_FAIR, 1), link = port(SHARE_FIFO, 1);

    for (int i = 0; i < 5; i++) {
        struct move_job j = job_of(MOVE_RESTORE, i);
        struct share_hop hops[] = {{hbm, 1 / 3.35e12}, {link, 1 / 0.45e12}};
        move_transfer(world.share, &j, sizes[i], 2500, hops, 2, 1, 1);
        ck_assert_int_eq(j.part[1].solo_ns, (sizes[i] + 449) / 450); /* 450 B each ns */
        int64_t t_ns = sim_now(world.sim);
        move_start(world.m, &j);
        run_until(INT64_MAX);
        ck_assert_int_eq(ended(i)->t_end_ns - t_ns, 2500 + (sizes[i] + 449) / 450);
        ck_assert_int_eq(ended(i)->n_losses, 0);
    }
    ck_assert_uint_eq(share_visits(world.share), 0); /* never in the solver */
}
END_TEST

START_TEST(parts_without_length_or_flow)
{
    int32_t hbm = port(SHARE_FAIR, 1);
    struct move_job none = job_of(MOVE_STEP, 0), zeros = job_of(MOVE_STEP, 1), gaps = job_of(MOVE_STEP, 2);
    struct move_job empty = job_of(MOVE_WRITE, 3);

    add_part(&none, 300, -1, 0);
    add_part(&none, 50, -1, 0);
    add_part(&zeros, 0, hbm, 1);
    add_part(&zeros, 0, -1, 0);
    add_part(&gaps, 0, hbm, 1);
    add_part(&gaps, 100, hbm, 1);
    add_part(&gaps, 0, hbm, 1);
    add_part(&gaps, 0, -1, 0);
    move_start(world.m, &none);
    move_start(world.m, &zeros);
    move_start(world.m, &gaps);
    struct share_hop hop = {hbm, 1e-9};
    move_transfer(world.share, &empty, 0, 0, &hop, 1, 1, 1);
    move_start(world.m, &empty);
    ck_assert_int_eq(world.n_ended, 0); /* even the end of what takes no time is an event */
    run_until(INT64_MAX);
    ck_assert_int_eq(ended(0)->t_end_ns, 350);
    ck_assert_int_eq(ended(0)->solo_ns, 350);
    ck_assert_int_eq(ended(1)->t_end_ns, 0);
    ck_assert_int_eq(ended(2)->t_end_ns, 100);
    ck_assert_int_eq(ended(3)->t_end_ns, 0);
    ck_assert_int_eq(world.n_parts, 1); /* between the parts of the first; all other ends are those of jobs */
}
END_TEST

/* ---- two meet ---- */

/*
 * A step, 1000 ns of all of HBM, 1000 of a quarter of it, 400 of software, and 800 B from t = 500:
 *
 *       0        500            1500       1900     2500  2900
 *   step |--- 1 ---|---- 1/2 ----|------ 1/4 -----------|----|
 *   move           |---- 1/2 ----|-- 3/4 ---|
 */
static int32_t hbm_of_step;

static void start_restore(uint32_t tag)
{
    transfer(MOVE_RESTORE, tag, 800, hbm_of_step);
}

START_TEST(a_step_and_a_transfer)
{
    int32_t hbm = hbm_of_step = port(SHARE_FAIR, 1);
    struct move_job step = job_of(MOVE_STEP, 0);
    int64_t bytes;
    double busy_s;

    add_part(&step, 1000, hbm, 1);
    add_part(&step, 1000, hbm, 0.25);
    add_part(&step, 400, -1, 0);
    move_start(world.m, &step);
    world.call = start_restore;
    sim_schedule(world.sim, 500, CLASS_CALL, EV_CALL, 1);
    run_until(1700);
    move_resource(world.m, hbm, &bytes, &busy_s);
    ck_assert_int_eq(bytes, 1000 + 50 + 500 + 150); /* at 1700; the step's second part has gained 200 ns */
    ck_assert_double_eq_tol(busy_s, 1.7e-6, 1e-15);
    ck_assert_int_eq(move_running(world.m, MOVE_STEP), 1);
    run_until(INT64_MAX);
    ck_assert_int_eq(ended(1)->t_end_ns, 1900);
    ck_assert_int_eq(ended(0)->t_end_ns, 2900);
    ck_assert_double_eq_tol(lost_ns(ended(0), hbm, MOVE_RESTORE), 500, 1e-9);
    ck_assert_double_eq_tol(lost_ns(ended(1), hbm, MOVE_STEP), 600, 1e-9);
    ck_assert_int_eq(ended(0)->n_losses, 1);
    ck_assert_int_eq(ended(1)->n_losses, 1);
    ck_assert(ended(0)->waited_ns == 0);
    move_resource(world.m, hbm, &bytes, &busy_s);
    ck_assert_int_eq(bytes, 1000 + 250 + 800);
    ck_assert_double_eq_tol(busy_s, 2.05e-6, 1e-15);
    ck_assert_int_eq(move_running(world.m, MOVE_STEP), 0);
    ck_assert_int_eq(move_totals(world.m, MOVE_RESTORE).delivered, 800);
    ck_assert_int_eq(move_totals(world.m, MOVE_STEP).started, 0);
    ck_assert_int_eq(move_totals(world.m, MOVE_STEP).jobs, 1);
}
END_TEST

/* One joins two that are alone, each on one of its ports: both are found. */
START_TEST(one_meets_two_lone_ones)
{
    int32_t a = port(SHARE_FAIR, 1), b = port(SHARE_FAIR, 1);
    struct share_hop hops[] = {{a, 1e-9}, {b, 1e-9}};
    struct move_job both = job_of(MOVE_SWAP, 2);

    transfer(MOVE_RESTORE, 0, 1000, a);
    transfer(MOVE_WRITE, 1, 300, b);
    run_until(100);
    move_transfer(world.share, &both, 1000, 0, hops, 2, 1, 1);
    move_start(world.m, &both);
    run_until(INT64_MAX);
    ck_assert_int_eq(ended(1)->t_end_ns, 500);
    ck_assert_int_eq(ended(0)->t_end_ns, 1900);
    ck_assert_int_eq(ended(2)->t_end_ns, 2000); /* 900 by 1900, the rest alone */
    ck_assert_double_eq_tol(lost_ns(ended(1), b, MOVE_SWAP), 200, 1e-9);
    ck_assert_double_eq_tol(lost_ns(ended(0), a, MOVE_SWAP), 900, 1e-9);
    ck_assert_double_eq_tol(all_lost_ns(ended(2)), 900, 1e-9);
}
END_TEST

/* ---- who slowed whom ---- */

/* Of three that wait in line, the last waits for the first two as long as each is served: its own rate does not change
 * in between. */
START_TEST(waiting_is_put_down_to_those_served)
{
    int32_t ssd = port(SHARE_FIFO, 1);

    transfer(MOVE_RESTORE, 0, 100, ssd);
    transfer(MOVE_WRITE, 1, 200, ssd);
    transfer(MOVE_PREFETCH, 2, 300, ssd);
    run_until(INT64_MAX);
    ck_assert_int_eq(ended(0)->t_end_ns, 100);
    ck_assert_int_eq(ended(1)->t_end_ns, 300);
    ck_assert_int_eq(ended(2)->t_end_ns, 600);
    ck_assert(ended(0)->waited_ns == 0 && ended(0)->n_losses == 0);
    ck_assert_double_eq_tol(ended(1)->waited_ns, 100, 1e-9);
    ck_assert_double_eq_tol(ended(2)->waited_ns, 300, 1e-9);
    ck_assert_double_eq_tol(lost_ns(ended(2), ssd, MOVE_RESTORE), 100, 1e-9);
    ck_assert_double_eq_tol(lost_ns(ended(2), ssd, MOVE_WRITE), 200, 1e-9);
    ck_assert_int_eq(ended(2)->n_losses, 2);
}
END_TEST

/* Two servers have half of the port each; one job alone has no more than that, and loses nothing. */
START_TEST(a_server_is_as_fast_as_it_is_alone)
{
    int32_t ssd = port(SHARE_FIFO, 2);

    for (int i = 0; i < 3; i++)
        transfer(MOVE_RESTORE, i, 100, ssd);
    run_until(INT64_MAX);
    ck_assert_int_eq(ended(0)->t_end_ns, 200);
    ck_assert_int_eq(ended(1)->t_end_ns, 200);
    ck_assert_int_eq(ended(2)->t_end_ns, 400);
    ck_assert_int_eq(ended(0)->n_losses, 0);
    ck_assert_double_eq_tol(ended(2)->waited_ns, 200, 1e-9);

    struct move_job greedy = job_of(MOVE_WRITE, 3); /* asks for all of the port, and has one server */
    add_part(&greedy, 100, ssd, 1);
    move_start(world.m, &greedy);
    run_until(INT64_MAX);
    ck_assert_int_eq(ended(3)->t_end_ns, 600);
    ck_assert_double_eq_tol(lost_ns(ended(3), ssd, MOVE_WRITE), 100, 1e-9); /* to itself: nobody else is there */
    ck_assert(ended(3)->waited_ns == 0);
}
END_TEST

static int32_t swap_port;
static uint32_t swap_out;

static void swap(uint32_t tag)
{
    move_cancel(world.m, swap_out);
    move_release(world.m, swap_out);
    transfer(MOVE_SWAP, tag, 10000, swap_port);
}

/* Another takes the place of the one it shares with: its rate stays as it is, the blame does not. */
START_TEST(the_blame_changes_though_the_rate_does_not)
{
    swap_port = port(SHARE_FAIR, 1);
    transfer(MOVE_RESTORE, 0, 300, swap_port);
    swap_out = transfer(MOVE_WRITE, 1, 10000, swap_port);
    world.call = swap;
    sim_schedule(world.sim, 200, CLASS_CALL, EV_CALL, 2);
    run_until(1000);
    ck_assert_int_eq(ended(0)->t_end_ns, 600);
    ck_assert_double_eq_tol(lost_ns(ended(0), swap_port, MOVE_WRITE), 100, 1e-9);
    ck_assert_double_eq_tol(lost_ns(ended(0), swap_port, MOVE_SWAP), 200, 1e-9);
    ck_assert_int_eq(ended(0)->n_losses, 2);
}
END_TEST

/* By use: of the 3/4 that others have, two thirds are of a kind with two jobs there. Its own kind counts less itself.
 */
START_TEST(losses_are_split_by_use)
{
    int32_t hbm = port(SHARE_FAIR, 1);

    transfer(MOVE_RESTORE, 0, 100, hbm);
    transfer(MOVE_WRITE, 1, 1000, hbm);
    transfer(MOVE_WRITE, 2, 1000, hbm);
    transfer(MOVE_RESTORE, 3, 1000, hbm);
    run_until(400);
    ck_assert_int_eq(ended(0)->t_end_ns, 400);
    ck_assert_double_eq_tol(lost_ns(ended(0), hbm, MOVE_WRITE), 200, 1e-6);
    ck_assert_double_eq_tol(lost_ns(ended(0), hbm, MOVE_RESTORE), 100, 1e-6);
}
END_TEST

/* A rate that is the cap but for what rounding may leave is the cap: no losses of a millionth of a ns. */
START_TEST(next_to_nothing_is_nothing)
{
    int32_t hbm = port(SHARE_FAIR, 1);
    struct move_job faint = job_of(MOVE_LOAD, 0);

    add_part(&faint, 10000000, hbm, 1e-14);
    move_start(world.m, &faint);
    transfer(MOVE_RESTORE, 1, 1000000, hbm);
    run_until(500000);
    transfer(MOVE_WRITE, 2, 1000000, hbm);
    run_until(INT64_MAX);
    ck_assert_int_eq(ended(1)->t_end_ns, 1500000);
    ck_assert_int_eq(ended(1)->n_losses, 1);
    ck_assert_double_eq_tol(lost_ns(ended(1), hbm, MOVE_WRITE), 500000, 1e-6);
    ck_assert_int_eq(ended(0)->t_end_ns, 10000000);
}
END_TEST

START_TEST(priority_goes_first)
{
    int32_t hbm = port(SHARE_PRIORITY, 1);
    struct share_hop hop = {hbm, 1e-9};
    struct move_job low = job_of(MOVE_LOAD, 0), high = job_of(MOVE_RESTORE, 1);

    move_transfer(world.share, &low, 1000, 0, &hop, 1, 1, 2);
    move_transfer(world.share, &high, 500, 0, &hop, 1, 1, 0);
    move_start(world.m, &low);
    run_until(400);
    move_start(world.m, &high);
    run_until(INT64_MAX);
    ck_assert_int_eq(ended(1)->t_end_ns, 900);
    ck_assert_int_eq(ended(1)->n_losses, 0);
    ck_assert_int_eq(ended(0)->t_end_ns, 1500);
    ck_assert_double_eq_tol(lost_ns(ended(0), hbm, MOVE_RESTORE), 500, 1e-9);
    ck_assert(ended(0)->waited_ns == 0); /* that is for lines */
}
END_TEST

/* More ports to lose at than the list has room for: the sum stays. */
START_TEST(losses_beyond_the_list)
{
    enum { PARTS = 4, KINDS = 4 };
    int32_t p[PARTS];
    struct move_job slow = job_of(MOVE_STEP, 0);

    for (int i = 0; i < PARTS; i++) {
        p[i] = port(SHARE_FAIR, 1);
        add_part(&slow, 1000, p[i], 1);
        for (int k = 0; k < KINDS; k++)
            transfer(MOVE_RESTORE + k, 1 + i * KINDS + k, 20000, p[i]);
    }
    move_start(world.m, &slow);
    run_until(INT64_MAX);
    ck_assert_int_eq(ended(0)->n_losses, MOVE_LOSSES);
    ck_assert_int_eq(ended(0)->t_end_ns, 4 * 5000);
    ck_assert_double_eq_tol(all_lost_ns(ended(0)), 4 * 4000, 1e-3);
    ck_assert_double_eq_tol(lost_ns(ended(0), p[2], MOVE_WRITE), 1000, 1e-3);
    ck_assert_double_eq_tol(ended(0)->loss[MOVE_LOSSES - 1].ns, 5000, 1e-3); /* a quarter of a part, and the last one */
}
END_TEST

/* ---- speeds, cancelling ---- */

static int32_t slow_port;

static void slow_down(uint32_t percent)
{
    move_set_speed(world.m, slow_port, percent / 100.0);
}

START_TEST(a_port_slows_down_and_stops)
{
    slow_port = port(SHARE_FAIR, 1);
    transfer(MOVE_RESTORE, 0, 1000, slow_port);
    world.call = slow_down;
    sim_schedule(world.sim, 200, CLASS_CALL, EV_CALL, 50); /* 200 done */
    sim_schedule(world.sim, 600, CLASS_CALL, EV_CALL, 0);  /* 400 */
    sim_schedule(world.sim, 1600, CLASS_CALL, EV_CALL, 100);
    run_until(1000);
    ck_assert_uint_eq(sim_size(world.sim), 1); /* it has no end in sight: only the last change is pending */
    ck_assert_int_eq(sim_next_time(world.sim), 1600);
    run_until(INT64_MAX);
    ck_assert_int_eq(ended(0)->t_end_ns, 2200);
    ck_assert_double_eq_tol(lost_ns(ended(0), slow_port, MOVE_RESTORE), 1200, 1e-9);
    ck_assert(ended(0)->waited_ns == 0);

    move_set_speed(world.m, slow_port, 0.5); /* nobody there; who comes then is not as fast as alone */
    transfer(MOVE_RESTORE, 1, 100, slow_port);
    run_until(INT64_MAX);
    ck_assert_int_eq(ended(1)->t_end_ns, 2400);
    struct move_job half = job_of(MOVE_STEP, 2); /* nor is it slower if it needs no more than what is left */
    add_part(&half, 100, slow_port, 0.5);
    move_start(world.m, &half);
    run_until(INT64_MAX);
    ck_assert_int_eq(ended(2)->t_end_ns, 2500);
    ck_assert_int_eq(ended(2)->n_losses, 0);
}
END_TEST

START_TEST(cancel_gives_what_was_delivered)
{
    int32_t hbm = port(SHARE_FAIR, 1), c2c = port(SHARE_FAIR, 1);
    struct share_hop hops[] = {{hbm, 1 / 3e9}, {c2c, 1e-9}};
    struct move_job j = job_of(MOVE_SWAP, 0);
    int64_t bytes;
    double busy_s;

    move_transfer(world.share, &j, 1000, 50, hops, 2, 1, 1);
    uint32_t lone = move_start(world.m, &j);
    run_until(40);
    ck_assert_int_eq(move_cancel(world.m, lone), 0);
    ck_assert_int_eq(move_get(world.m, lone)->t_end_ns, 40);
    move_release(world.m, lone);
    ck_assert_uint_eq(sim_size(world.sim), 0);

    uint32_t first = move_start(world.m, &j);
    ck_assert_uint_eq(first, lone); /* ids come back */
    run_until(100);                 /* 10 B there */
    transfer(MOVE_RESTORE, 1, 500, c2c);
    run_until(203);
    ck_assert_int_eq(move_cancel(world.m, first), 10 + 51); /* 51.5, down */
    ck_assert_int_eq(move_get(world.m, first)->t_end_ns, 203);
    move_release(world.m, first);
    run_until(INT64_MAX);
    ck_assert_int_eq(world.n_ended, 1);
    ck_assert_int_eq(ended(1)->t_end_ns, 652); /* 51.5 of 500 by 203: 448.5 ns more, up */
    struct move_totals t = move_totals(world.m, MOVE_SWAP);
    ck_assert_int_eq(t.jobs, 2);
    ck_assert_int_eq(t.started, 2000);
    ck_assert_int_eq(t.delivered, 61);
    ck_assert_int_eq(t.cancelled, 1939);
    move_resource(world.m, hbm, &bytes, &busy_s);
    ck_assert_int_eq(bytes, 61);
    ck_assert_double_eq_tol(busy_s, 61.5e-9 / 3, 1e-15);
    move_resource(world.m, c2c, &bytes, &busy_s);
    ck_assert_int_eq(bytes, 561);
}
END_TEST

/* Two flows one after the other carry its bytes between them. */
START_TEST(bytes_are_shared_out_over_parts)
{
    int32_t a = port(SHARE_FAIR, 1), b = port(SHARE_FAIR, 1);
    struct move_job j = job_of(MOVE_EXPERT, 0);
    int64_t bytes;
    double busy_s;

    add_part(&j, 200, a, 1);
    add_part(&j, 10, -1, 0);
    add_part(&j, 100, b, 1);
    j.bytes = 100;
    uint32_t id = move_start(world.m, &j);
    run_until(INT64_MAX);
    move_resource(world.m, a, &bytes, &busy_s);
    ck_assert_int_eq(bytes, 66);
    move_resource(world.m, b, &bytes, &busy_s);
    ck_assert_int_eq(bytes, 34);
    ck_assert_uint_eq(move_start(world.m, &j), id);
    run_until(sim_now(world.sim) + 260);
    ck_assert_int_eq(move_cancel(world.m, id), 66 + 17);
}
END_TEST

START_TEST(done_before_its_end_aborts)
{
    uint32_t id = transfer(MOVE_WRITE, 0, 100, port(SHARE_FAIR, 1));

    run_until(50);
    move_done(world.m, id);
}
END_TEST

START_TEST(release_of_one_that_runs_aborts)
{
    move_release(world.m, transfer(MOVE_WRITE, 0, 100, port(SHARE_FAIR, 1)));
}
END_TEST

START_TEST(cancel_of_one_that_ended_aborts)
{
    uint32_t id = transfer(MOVE_WRITE, 0, 100, port(SHARE_FAIR, 1));

    move_cancel(world.m, id);
    move_cancel(world.m, id);
}
END_TEST

START_TEST(a_port_twice_in_a_path_aborts)
{
    int32_t a = port(SHARE_FAIR, 1);
    struct share_hop hops[] = {{a, 1e-9}, {a, 1e-9}};
    struct move_job j = job_of(MOVE_SWAP, 0);

    move_transfer(world.share, &j, 1000, 50, hops, 2, 1, 1);
    move_start(world.m, &j);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("move");
    TCase *tc = tcase_create("by hand");

    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_test(tc, alone_it_takes_its_solo_time);
    tcase_add_test(tc, parts_without_length_or_flow);
    tcase_add_test(tc, a_step_and_a_transfer);
    tcase_add_test(tc, one_meets_two_lone_ones);
    tcase_add_test(tc, waiting_is_put_down_to_those_served);
    tcase_add_test(tc, a_server_is_as_fast_as_it_is_alone);
    tcase_add_test(tc, the_blame_changes_though_the_rate_does_not);
    tcase_add_test(tc, losses_are_split_by_use);
    tcase_add_test(tc, next_to_nothing_is_nothing);
    tcase_add_test(tc, priority_goes_first);
    tcase_add_test(tc, losses_beyond_the_list);
    tcase_add_test(tc, a_port_slows_down_and_stops);
    tcase_add_test(tc, cancel_gives_what_was_delivered);
    tcase_add_test(tc, bytes_are_shared_out_over_parts);
    tcase_add_test_raise_signal(tc, done_before_its_end_aborts, SIGABRT);
    tcase_add_test_raise_signal(tc, release_of_one_that_runs_aborts, SIGABRT);
    tcase_add_test_raise_signal(tc, cancel_of_one_that_ended_aborts, SIGABRT);
    tcase_add_test_raise_signal(tc, a_port_twice_in_a_path_aborts, SIGABRT);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
