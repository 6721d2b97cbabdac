/*
 * theory_tier.c - a port fed with Poisson transfers, against what queueing theory says it must do (model/move.h).
 *
 * Each case runs with REPLICATIONS fixed streams of its own. The mean over them must lie within 3.5 standard errors,
 * from their spread, of the exact value: Student's t with 23 degrees of freedom is beyond that once in 500 times. And
 * the standard error must be below 3% of the value, so that passing means something. With rho = lambda E[S]:
 *
 *   fair       M/G/1-PS         E[T] = E[S] / (1 - rho), whatever the law of S
 *              (Sakata, Noguchi, Oizumi 1971; Kleinrock, Queueing Systems 2, 1976, eq. 4.17)
 *   weighted   M/M/1-DPS with two classes of equal E[S], with D = g1 (1 - rho1) + g2 (1 - rho2):
 *              E[T1] = E[S] / (1 - rho) (1 + rho2 (g2 - g1) / D), E[T2] likewise with 1 and 2 exchanged
 *              (Fayolle, Mitrani, Iasnogorodski, "Sharing a processor among many job classes", JACM 27, 1980)
 *   fifo, 1    M/G/1            E[W] = lambda E[S^2] / (2 (1 - rho))      (Pollaczek 1930, Khinchine 1932)
 *   fifo, 2    M/M/2            E[W] = C(2, a) E[S] / (2 - a), a = lambda E[S], C(2, a) = a^2 / (2 + a)
 *              (Erlang 1917; Kleinrock 1, 1975, eq. 3.40)
 *   priority   preemptive resume, two classes of equal exponential S. The first sees only itself: E[T1] = E[S] / (1 -
 *              rho1). Work is conserved and exponential, so the number in the system is that of M/M/1 with rho = rho1 +
 *              rho2; by Little lambda2 E[T2] is what the first leaves of it: E[T2] = E[S] / ((1 - rho1) (1 - rho)).
 */
#include <check.h>
#include <math.h>
#include <stdlib.h>

#include "base/bug.h"
#include "base/dist.h"
#include "base/rng.h"
#include "engine/sim.h"
#include "model/move.h"
#include "../run_suite.h"

enum { REPLICATIONS = 24, WARMUP = 2000, CLASSES = 2 };
enum { EV_DONE, EV_PART, EV_ARRIVE };

static const double MEAN_NS = 1e6; /* of S: what is cut off by whole ns is a millionth */

enum law { EXPONENTIAL, CONSTANT, HYPEREXPONENTIAL };
static const char *const law_name[] = {"exponential", "constant", "hyperexponential"};

/* E[S^2] / E[S]^2. The hyperexponential is of two phases with balanced means; its squared coefficient of variation is
 * SCV. */
static const double SCV = 4;
static const double second_moment[] = {2, 1, 1 + 4};

/* So many, of a replication, make the standard error small enough. */
enum { FEW = 10000, MANY = 20000 };
static const int jobs_of[] = {FEW, FEW, MANY};

struct setting {
    const char *name;
    enum share_rule rule;
    int servers, n_classes, jobs; /* jobs: that count, of a replication */
    enum law law;
    double rho[CLASSES], weight[CLASSES];
    double sojourn[CLASSES], wait; /* wanted, in E[S]; wait: 0 where there is no line, and nobody waits in one */
};

struct means { /* ns, of a replication, by class */
    double sojourn[CLASSES], wait[CLASSES];
};

static struct {
    const struct setting *set;
    struct sim *sim;
    struct share *share;
    struct mover *m;
    struct rng gap[CLASSES], size[CLASSES];
    int32_t port;
    int64_t arrived, counted; /* jobs; tag: the number of its arrival */
    int64_t n[CLASSES];
    struct means sum;
} run;

static double draw_ns(struct rng *r)
{
    if (run.set->law == CONSTANT)
        return MEAN_NS;
    if (run.set->law == EXPONENTIAL)
        return dist_exponential(r, MEAN_NS);
    double p = 0.5 * (1 + sqrt((SCV - 1) / (SCV + 1))); /* each phase has half of the mean: mean_i = 1 / (2 p_i) */
    double phase = rng_u01(r) < p ? p : 1 - p;
    return dist_exponential(r, MEAN_NS / (2 * phase));
}

/* The service time of one alone is drawn: with two servers it has half of the port. */
static void arrive(uint32_t class)
{
    struct share_hop hop = {run.port, 1e-9};
    struct move_job j = {.kind = class == 0 ? MOVE_RESTORE : MOVE_WRITE, .owner = class, .tag = run.arrived++};
    double mean_gap_ns = MEAN_NS / (run.set->servers * run.set->rho[class]);
    int64_t bytes = (int64_t)(draw_ns(&run.size[class]) / run.set->servers + 0.5);

    move_transfer(run.share, &j, bytes, 0, &hop, 1, run.set->weight[class], (int)class);
    move_start(run.m, &j);
    sim_schedule(run.sim, sim_now(run.sim) + (int64_t)(dist_exponential(&run.gap[class], mean_gap_ns) + 0.5), 1,
                 EV_ARRIVE, class);
}

static void count(const struct move_state *st)
{
    int class = (int)st->job.owner;

    if (st->job.tag < WARMUP || st->job.tag >= WARMUP + run.set->jobs)
        return;
    run.n[class]++;
    run.sum.sojourn[class] += (double)(st->t_end_ns - st->t_start_ns);
    run.sum.wait[class] += st->waited_ns;
    if (++run.counted == run.set->jobs)
        sim_request_stop(run.sim);
}

static void dispatch(void *ctx, const struct sim_event *ev)
{
    (void)ctx;
    if (ev->kind == EV_ARRIVE) {
        arrive(ev->arg);
    } else if (ev->kind == EV_PART) {
        move_event(run.m, ev->arg);
    } else {
        count(move_done(run.m, ev->arg));
        move_release(run.m, ev->arg);
    }
}

static struct means replicate(const struct setting *set, uint64_t seed, uint64_t replication)
{
    run.set = set;
    run.arrived = run.counted = 0;
    run.sum = (struct means){0};
    run.sim = sim_new(dispatch, NULL);
    run.share = share_new();
    run.port = share_resource(run.share, set->rule, set->servers);
    run.m = move_new(run.sim, run.share, EV_DONE, EV_PART, 0);
    for (uint32_t c = 0; c < (uint32_t)set->n_classes; c++) {
        run.n[c] = 0;
        rng_init(&run.gap[c], seed, replication, c, RNG_ARRIVAL);
        rng_init(&run.size[c], seed, replication, c, RNG_INPUT);
        sim_schedule(run.sim, 0, 1, EV_ARRIVE, c);
    }
    ck_assert_int_eq(sim_run(run.sim, INT64_MAX, UINT64_MAX), SIM_REQUESTED);
    move_check(run.m);
    move_free(run.m);
    share_free(run.share);
    sim_free(run.sim);
    for (int c = 0; c < set->n_classes; c++) {
        run.sum.sojourn[c] /= (double)run.n[c];
        run.sum.wait[c] /= (double)run.n[c];
    }
    return run.sum;
}

static void compare(const struct setting *set, const char *what, const double got_ns[REPLICATIONS], double want)
{
    double sum = 0, square = 0;

    for (int i = 0; i < REPLICATIONS; i++) {
        double x = got_ns[i] / MEAN_NS;
        sum += x;
        square += x * x;
    }
    double mean = sum / REPLICATIONS;
    double se = sqrt((square / REPLICATIONS - mean * mean) / (REPLICATIONS - 1));
    double off = (mean - want) / se;
    const char *format = "%s, %s, rho %g: %s of %.4g E[S], want %.4g, standard error %.2g, off by %.2f of them\n";
    if (getenv("THEORY_VERBOSE"))
        printf(format, set->name, law_name[set->law], set->rho[0] + set->rho[1], what, mean, want, se, off);
    if (!(fabs(off) < 3.5 && se < 0.03 * want))
        ck_abort_msg(format, set->name, law_name[set->law], set->rho[0] + set->rho[1], what, mean, want, se, off);
}

static void run_setting(const struct setting *set)
{
    /* Each case has streams of its own. */
    uint64_t seed = 1000 * (uint64_t)(1 + set->rule) + (uint64_t)set->servers * 100 + (uint64_t)set->law * 10 +
                    (uint64_t)(set->rho[0] * 10);
    double t_ns[CLASSES][REPLICATIONS], w_ns[REPLICATIONS];

    for (int i = 0; i < REPLICATIONS; i++) {
        struct means one = replicate(set, seed, (uint64_t)i);
        for (int c = 0; c < set->n_classes; c++)
            t_ns[c][i] = one.sojourn[c];
        w_ns[i] = one.wait[0];
        ck_assert(set->wait > 0 || one.wait[0] == 0);
    }
    for (int c = 0; c < set->n_classes; c++)
        compare(set, c == 0 ? "mean sojourn" : "mean sojourn of the second class", t_ns[c], set->sojourn[c]);
    if (set->wait > 0)
        compare(set, "mean wait", w_ns, set->wait);
}

START_TEST(fair_is_processor_sharing)
{
    static const double rhos[] = {0.5, 0.8};
    double rho = rhos[_i / 3];

    run_setting(&(struct setting){
        "fair", SHARE_FAIR, 1, 1, jobs_of[_i % 3], (enum law)(_i % 3), {rho}, {1}, {1 / (1 - rho)}, 0});
}
END_TEST

START_TEST(fifo_is_first_come_first_served)
{
    double rho = 0.7, wait = rho * second_moment[_i] / (2 * (1 - rho));

    run_setting(&(struct setting){
        "fifo", SHARE_FIFO, 1, 1, jobs_of[_i], (enum law)_i, {rho}, {1}, {1 + wait}, wait});
}
END_TEST

START_TEST(fifo_with_two_servers)
{
    double rho = 0.8, a = 2 * rho, wait = a * a / (2 + a) / (2 - a);

    run_setting(&(struct setting){"fifo of 2", SHARE_FIFO, 2, 1, MANY, EXPONENTIAL, {rho}, {1}, {1 + wait}, wait});
}
END_TEST

START_TEST(priority_preempts_and_resumes)
{
    double rho1 = 0.3, rho = 0.7;

    run_setting(&(struct setting){"priority",
                                  SHARE_PRIORITY,
                                  1,
                                  2,
                                  FEW,
                                  EXPONENTIAL,
                                  {rho1, rho - rho1},
                                  {1, 1},
                                  {1 / (1 - rho1), 1 / ((1 - rho1) * (1 - rho))},
                                  0});
}
END_TEST

START_TEST(weighted_discriminates)
{
    double rho1 = 0.3, rho2 = 0.4, rho = rho1 + rho2, g1 = 4, g2 = 1, d = g1 * (1 - rho1) + g2 * (1 - rho2);

    run_setting(&(struct setting){"weighted",
                                  SHARE_WEIGHTED,
                                  1,
                                  2,
                                  FEW,
                                  EXPONENTIAL,
                                  {rho1, rho2},
                                  {g1, g2},
                                  {(1 + rho2 * (g2 - g1) / d) / (1 - rho), (1 + rho1 * (g1 - g2) / d) / (1 - rho)},
                                  0});
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("tier");
    TCase *tc = tcase_create("queues");

    tcase_set_timeout(tc, 120);
    tcase_set_tags(tc, "statistics");
    tcase_add_loop_test(tc, fair_is_processor_sharing, 0, 6);
    tcase_add_loop_test(tc, fifo_is_first_come_first_served, 0, 3);
    tcase_add_test(tc, fifo_with_two_servers);
    tcase_add_test(tc, priority_preempts_and_resumes);
    tcase_add_test(tc, weighted_discriminates);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
