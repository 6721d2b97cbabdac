/*
 * bench_cost.c - the step-time model: calls a second, and the time to prepare it for a layout; the median of five
 * rounds.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/diag.h"
#include "policy/cost.h"
#include "scenario/scenario.h"

enum { CALLS = 1000000, PREPARES = 200, ROUNDS = 5 };

static volatile int64_t sink;

static double now_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static int by_value(const void *a, const void *b)
{
    const double *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

/* Decode steps of all batch sizes; every eighth has a prompt too. */
static double calls(const struct scenario *sc, const void *state)
{
    struct cost_knees knees = cost_knees(&sc->layout);
    double start = now_s();
    int64_t sum = 0;

    for (int i = 0; i < CALLS; i++) {
        struct cost_step step = {.n_decode = 1 + i % 512};
        for (int k = 0; k < knees.n; k++)
            step.ctx[k] = step.n_decode * (k ? knees.at[k] : 4000 + i % 1000);
        step.n_logits = step.n_decode;
        if (i % 8 == 0)
            cost_add_chunk(&step, &knees, 100, 1 + i % 4000, true);
        sum += sc->cost->step_ns(state, &step);
    }
    sink = sum;
    return CALLS / (now_s() - start);
}

static double prepares(const struct scenario *sc, void *state)
{
    double start = now_s();

    for (int i = 0; i < PREPARES; i++)
        sc->cost->prepare(sc->cost_options, &sc->layout, state);
    return (now_s() - start) / PREPARES;
}

static void bench(const char *name, const char *path, const char *const *sets, size_t n_sets)
{
    struct scenario sc;
    struct diags d;
    double rate[ROUNDS], prepare[ROUNDS];

    diags_init(&d);
    if (!scenario_load(&sc, path, (char *const *)sets, n_sets, &d)) {
        diags_print(&d, stderr);
        exit(1);
    }
    void *state = calloc(1, sc.cost->state_size);
    for (int i = 0; i < ROUNDS; i++) {
        prepare[i] = prepares(&sc, state);
        rate[i] = calls(&sc, state);
    }
    qsort(rate, ROUNDS, sizeof *rate, by_value);
    qsort(prepare, ROUNDS, sizeof *prepare, by_value);
    printf("cost %-32s %6.1f M steps/s   prepared in %6.1f us\n", name, rate[ROUNDS / 2] * 1e-6,
           prepare[ROUNDS / 2] * 1e6);
    free(state);
    scenario_free(&sc);
    diags_free(&d);
}

int main(int argc, char **argv)
{
    static const char *const none[] = {NULL};
    static const char *const r1[] = {"model.preset=deepseek-r1", "gpu.preset=b200", "replica.dp=8",
                                     "replica.dtype=nvfp4", "replica.kv_dtype=fp8"};
    static const char *const v4[] = {
        "model.preset=deepseek-v4-pro", "gpu.preset=b200",     "replica.tp=8", "replica.dtype=fp8_block",
        "replica.moe_dtype=mxfp4_fp8",  "replica.kv_dtype=fp8"};

    if (argc != 2)
        return 2;
    bench("llama-3.1-8b", argv[1], none, 0);
    bench("deepseek-r1, dp 8", argv[1], r1, sizeof r1 / sizeof *r1);
    bench("deepseek-v4-pro, tp 8, two knees", argv[1], v4, sizeof v4 / sizeof *v4);
    return 0;
}
