/*
 * test_calibration.c - [engine] calibration: which factors it gives, and what of a step's time they scale.
 */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "scenario/scenario.h"
#include "../run_suite.h"

static const char text[] = "[gpu]\npreset = h100\n[model]\npreset = llama-3.1-8b\n[engine]\npreset = vllm-hopper\n"
                           "tpot_low = 0.8\ntpot_high = 1.5\nttft_low = 0.5\nttft_high = 1.25\n"
                           "[workload]\narrivals = poisson\nrate = 1/s\nrequests = 1\n"
                           "[class a]\ninput = constant\ninput_tokens = 10\noutput = constant\noutput_tokens = 10\n";

static struct engine_options engine(const char *how, int replication)
{
    char first[64], second[64];
    char *sets[] = {first, second};
    struct scenario sc;
    struct diags d;

    snprintf(first, sizeof first, "engine.calibration=%s", how);
    snprintf(second, sizeof second, "run.replication=%d", replication);
    diags_init(&d);
    ck_assert(scenario_load_text(&sc, "test", text, sets, 2, &d));
    struct engine_options e = sc.pools[0].as->layout.engine;
    scenario_free(&sc);
    diags_free(&d);
    return e;
}

START_TEST(ends_are_the_intervals)
{
    struct engine_options e = engine("best", 0);

    ck_assert_double_eq(e.decode_factor, 1);
    ck_assert_double_eq(e.prefill_factor, 1);
    e = engine("low", 0);
    ck_assert_double_eq(e.decode_factor, 0.8);
    ck_assert_double_eq(e.prefill_factor, 0.5);
    e = engine("high", 3);
    ck_assert_double_eq(e.decode_factor, 1.5);
    ck_assert_double_eq(e.prefill_factor, 1.25);
}
END_TEST

enum { DRAWS = 400 };

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* 5 % below, 5 % above, the median the geometric mean: within 4 standard errors of a sample's quantile. */
static void check_law(double *x, double low, double high)
{
    int below = 0, above = 0;

    for (int i = 0; i < DRAWS; i++) {
        below += x[i] < low;
        above += x[i] > high;
    }
    ck_assert_int_le(abs(below - DRAWS / 20), 17);
    ck_assert_int_le(abs(above - DRAWS / 20), 17);
    qsort(x, DRAWS, sizeof *x, by_value);
    double sigma = log(high / low) / (2 * 1.6448536), median = (log(low) + log(high)) / 2;
    ck_assert_double_le(fabs(log(x[DRAWS / 2]) - median), 4 * sigma * 1.2533 / sqrt(DRAWS));
}

START_TEST(replications_draw_from_the_law)
{
    static double decode[DRAWS], prefill[DRAWS];
    double same = 0;

    for (int i = 0; i < DRAWS; i++) {
        struct engine_options e = engine("drawn", i);
        decode[i] = e.decode_factor;
        prefill[i] = e.prefill_factor;
        same += (log(e.decode_factor) - log(0.8 * 1.5) / 2) * (log(e.prefill_factor) - log(0.5 * 1.25) / 2);
    }
    ck_assert_double_eq(engine("drawn", 7).decode_factor, decode[7]);
    double sigmas = log(1.5 / 0.8) * log(1.25 / 0.5) / (4 * 1.6448536 * 1.6448536);
    ck_assert_double_le(fabs(same / DRAWS), 4 * sigmas / sqrt(DRAWS)); /* independent */
    check_law(decode, 0.8, 1.5);
    check_law(prefill, 0.5, 1.25);
}
END_TEST

/* ---- what they scale ---- */

static double step_s(const char *how, const struct cost_step *step)
{
    char first[64];
    char *sets[] = {first};
    struct scenario sc;
    struct diags d;

    snprintf(first, sizeof first, "engine.calibration=%s", how);
    diags_init(&d);
    ck_assert(scenario_load_text(&sc, "test", text, sets, 1, &d));
    const struct layout *l = scenario_layout(&sc);
    void *state = calloc(1, sc.cost->state_size);
    sc.cost->prepare(sc.cost_options, l, state);
    double ns = (double)sc.cost->step_ns(state, step);
    sc.cost->release(state);
    free(state);
    scenario_free(&sc);
    diags_free(&d);
    return ns * 1e-9;
}

START_TEST(decodes_and_prompts_apart)
{
    struct cost_knees k = {.at = {-1}, .n = 1};
    struct cost_step d = {0}, p = {0}, both;

    for (int i = 0; i < 20; i++)
        cost_add_decode(&d, &k, 1000);
    cost_add_chunk(&p, &k, 0, 500, true);
    both = d;
    cost_add_chunk(&both, &k, 0, 500, true);
    double td = step_s("best", &d), tp = step_s("best", &p), tb = step_s("best", &both);
    ck_assert_double_eq_tol(step_s("high", &d), 1.5 * td, 3e-9);
    ck_assert_double_eq_tol(step_s("low", &d), 0.8 * td, 3e-9);
    ck_assert_double_eq_tol(step_s("high", &p), 1.25 * tp, 3e-9);
    ck_assert_double_eq_tol(step_s("high", &both), 1.5 * td + 1.25 * (tb - td), 5e-9);
    ck_assert_double_gt(tb, td);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("calibration");
    TCase *c = tcase_create("calibration");

    tcase_set_timeout(c, 60);
    tcase_add_test(c, ends_are_the_intervals);
    tcase_add_test(c, replications_draw_from_the_law);
    tcase_add_test(c, decodes_and_prompts_apart);
    suite_add_tcase(suite, c);
    return run_suite(suite);
}
