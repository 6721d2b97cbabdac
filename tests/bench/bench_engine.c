/*
 * bench_engine.c - what the engine costs: the hold model, and an M/M/1 queue.
 *
 * Both run through the public interface (sim.h), handles and run loop included.
 *
 * Hold model (Vaucher and Duval 1975): n events pending; each one handled schedules another at now + X. A
 * hold is one pop and one push. What a structure does depends on the law of X, so there are several:
 *   exponential  mean 1 s
 *   bimodal      nine in ten under 1 ms, the others near 100 s: what steps and timeouts look like
 *   constant     1 s for all, from random starts: each push is the latest of all
 *   tied         1 to 4 whole ms: thousands of events at each instant
 *   burst        exponential of mean 1 us or 1000 s, in turns of a million holds: the density changes
 *
 * M/M/1: Poisson arrivals and one exponential server at utilisation 0.8 with the simulator's own generator
 * and samplers; an event is an arrival or a completion.
 *
 * Median of five runs each; the numbers in DESIGN.md come from here.
 */
#include <inttypes.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/bug.h"
#include "base/dist.h"
#include "base/rng.h"
#include "engine/sim.h"

enum { REPEATS = 5, TABLE = 1024 };

static double now_s(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec + 1e-9 * (double)ts.tv_nsec;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double v[REPEATS])
{
    qsort(v, REPEATS, sizeof v[0], by_value);
    return v[REPEATS / 2];
}

enum law { EXPONENTIAL, BIMODAL, CONSTANT, TIED, BURST, LAWS };
static const char *const law_names[LAWS] = {"exponential", "bimodal", "constant", "tied", "burst"};

struct hold {
    struct sim *sim;
    enum law law;
    uint64_t random; /* state of a multiplicative generator: cheap, so that the structure shows */
    uint64_t holds;
    int64_t quantile_ns[TABLE]; /* of the exponential of mean 1 s */
};

static int64_t increment_ns(struct hold *h)
{
    h->random = h->random * 6364136223846793005u + 1442695040888963407u;
    uint64_t bits = h->random >> 32;
    int64_t exponential_ns = h->quantile_ns[bits % TABLE] + (int64_t)(bits >> 12);
    switch (h->law) {
    case BIMODAL:
        return bits % 10 != 0 ? (int64_t)(bits >> 12) : 100000000000 + (int64_t)bits;
    case CONSTANT:
        return 1000000000;
    case TIED:
        return (int64_t)(1 + (bits >> 20 & 3)) * 1000000;
    case BURST:
        return h->holds / 1000000 % 2 == 0 ? exponential_ns / 1000000 : exponential_ns * 1000;
    default:
        return exponential_ns;
    }
}

static void hold_dispatch(void *ctx, const struct sim_event *ev)
{
    struct hold *h = ctx;
    h->holds++;
    sim_schedule(h->sim, ev->t_ns + increment_ns(h), 0, 0, ev->arg);
}

/* Holds per second. */
static double hold_once(enum law law, uint32_t pending)
{
    struct hold h = {.law = EXPONENTIAL, .random = 1};
    for (int i = 0; i < TABLE; i++)
        h.quantile_ns[i] = (int64_t)(-1e9 * log1p(-(i + 0.5) / TABLE));
    h.sim = sim_new(hold_dispatch, &h);
    h.law = law == CONSTANT ? EXPONENTIAL : law;
    for (uint32_t i = 0; i < pending; i++)
        sim_schedule(h.sim, increment_ns(&h), 0, 0, i);
    h.law = law;
    uint64_t settle = 2 * (uint64_t)pending, holds = 3000000;
    sim_run(h.sim, INT64_MAX, settle);
    double start_s = now_s();
    sim_run(h.sim, INT64_MAX, holds);
    double took_s = now_s() - start_s;
    sim_free(h.sim);
    return (double)holds / took_s;
}

enum { ARRIVAL = 1, COMPLETION = 0 };

struct queue {
    struct sim *sim;
    struct rng arrivals, services;
    sim_handle next_arrival, completion;
    uint64_t waiting; /* in service included */
};

static void queue_dispatch(void *ctx, const struct sim_event *ev)
{
    struct queue *q = ctx;
    if (ev->kind == ARRIVAL) {
        int64_t gap_ns = (int64_t)dist_exponential(&q->arrivals, 1.25e6);
        q->next_arrival = sim_schedule(q->sim, ev->t_ns + gap_ns, ARRIVAL, ARRIVAL, 0);
        if (q->waiting++ > 0)
            return;
    } else if (--q->waiting == 0) {
        return;
    }
    int64_t service_ns = (int64_t)dist_exponential(&q->services, 1e6);
    q->completion = sim_schedule(q->sim, ev->t_ns + service_ns, COMPLETION, COMPLETION, 0);
}

/* Events per second. */
static double queue_once(void)
{
    const uint64_t events = 20000000;
    struct queue q = {0};
    rng_init(&q.arrivals, 1, 0, 0, RNG_ARRIVAL);
    rng_init(&q.services, 1, 0, 0, RNG_OUTPUT);
    q.sim = sim_new(queue_dispatch, &q);
    q.next_arrival = sim_schedule(q.sim, 0, ARRIVAL, ARRIVAL, 0);
    double start_s = now_s();
    sim_run(q.sim, INT64_MAX, events);
    double took_s = now_s() - start_s;
    sim_free(q.sim);
    return (double)events / took_s;
}

/* An argument, the name of a law or "queue", runs that part alone. */
int main(int argc, char **argv)
{
    static const uint32_t sizes[] = {10, 1000, 10000, 100000, 1000000};
    const char *only = argc > 1 ? argv[1] : "";
    double v[REPEATS];
    printf("hold model, M holds/s (median of %d)\n%-12s", REPEATS, "pending");
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        printf("%10" PRIu32, sizes[i]);
    for (int law = 0; law < LAWS; law++) {
        if (*only != '\0' && strcmp(only, law_names[law]) != 0)
            continue;
        printf("\n%-12s", law_names[law]);
        for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
            for (int r = 0; r < REPEATS; r++)
                v[r] = hold_once(law, sizes[i]);
            printf("%10.1f", median(v) / 1e6);
            fflush(stdout);
        }
    }
    if (*only == '\0' || strcmp(only, "queue") == 0) {
        for (int r = 0; r < REPEATS; r++)
            v[r] = queue_once();
        printf("\nM/M/1, M events/s (median of %d)%9.1f", REPEATS, median(v) / 1e6);
    }
    printf("\n");
    return 0;
}
