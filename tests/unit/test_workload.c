/*
 * test_workload.c - arrivals, lengths and classes through workload.h; scenarios are built by hand.
 *
 * The Azure reader has its own program (test_trace.c).
 */
#include <check.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/bug.h"
#include "conf/opt_value.h"
#include "workload/workload.h"
#include "../run_suite.h"

enum { N = 20000 };

static struct arena arena;
static struct err err;

static void setup(void)
{
    arena_init(&arena);
    memset(&err, 0, sizeof err);
}

static void teardown(void)
{
    arena_free(&arena);
}

/* ---- options from text, without the scenario loader ---- */

static void set(const struct policy *p, void *options, const char *key, const char *text)
{
    char why[256];

    for (size_t i = 0; i < p->options.n; i++) {
        const struct opt *row = &p->options.rows[i];
        if (strcmp(row->name, key) == 0) {
            ck_assert_msg(opt_value_parse(row, text, ".", (char *)options + row->offset, &arena, why, sizeof why),
                          "%s %s: %s", p->name, key, why);
            return;
        }
    }
    ck_abort_msg("%s has no option %s", p->name, key);
}

static const char *example(const struct opt *row, size_t i, int variant)
{
    static const char *const texts[2][2] = {{"8", "16"}, {"9", "17"}};

    switch (row->kind) {
    case OPT_INT:
        return texts[variant][i % 2]; /* ascending: the second of low and high is the greater */
    case OPT_REAL:
        if (row->max == 1)
            return variant ? "0.25" : "0.5";
        return variant ? "1.75" : "1.5";
    case OPT_QUANTITY:
        return variant ? "41/s" : "40/s";
    case OPT_TIME:
        return variant ? "9s" : "8s";
    case OPT_LIST:
        if (row->unit == UNIT_SECOND)
            return row->min > 0 ? "1s 2s" : "0s 2s";
        return variant ? "41/s 20/s" : "40/s 20/s";
    case OPT_QUANTILES:
        return variant ? "0:2 50:1021 100:14050" : "0:2 50:1020 100:14050";
    default:
        ck_abort_msg("no example for option %s", row->name);
    }
}

/* Defaults where there are any, else examples; "" leaves a key unset. */
static void *example_options(const struct policy *p, int variant)
{
    void *options = arena_alloc(&arena, p->options_size + 1);

    for (size_t i = 0; i < p->options.n; i++) {
        const struct opt *row = &p->options.rows[i];
        if (row->deflt == NULL || *row->deflt)
            set(p, options, row->name, row->deflt ? row->deflt : example(row, i, variant));
    }
    return options;
}

/* Pairs of key and text, then NULL; the other rows take their defaults. */
static void *options_of(const struct policy *p, va_list pairs)
{
    void *options = example_options(p, 0);
    const char *key;

    while ((key = va_arg(pairs, const char *)))
        set(p, options, key, va_arg(pairs, const char *));
    return options;
}

static struct length_choice length(const char *name, ...)
{
    const struct policy *p = policy_find(POLICY_LENGTH, name);
    va_list pairs;

    ck_assert_ptr_nonnull(p);
    va_start(pairs, name);
    struct length_choice c = {(const struct length_ops *)p, options_of(p, pairs)};
    va_end(pairs);
    return c;
}

static void set_arrival(struct scenario *sc, const char *name, ...)
{
    const struct policy *p = policy_find(POLICY_ARRIVAL, name);
    va_list pairs;

    ck_assert_ptr_nonnull(p);
    va_start(pairs, name);
    sc->arrival = (const struct arrival_ops *)p;
    sc->arrival_options = options_of(p, pairs);
    va_end(pairs);
}

/* One class of 100/10 tokens. The caller changes what it is about. */
static struct scenario *scenario(void)
{
    struct scenario *sc = arena_alloc(&arena, sizeof *sc);

    sc->run.seed = 1;
    sc->workload.trace_speed = sc->workload.input_scale = sc->workload.output_scale = 1;
    sc->workload.trace_rate_scale = 1;
    sc->classes = arena_alloc(&arena, 3 * sizeof *sc->classes);
    sc->n_classes = 1;
    for (int c = 0; c < 3; c++)
        sc->classes[c] = (struct class_options){.name = "x",
                                                .weight = 1,
                                                .input = length("constant", "tokens", "100", NULL),
                                                .output = length("constant", "tokens", "10", NULL)};
    return sc;
}

static struct workload *open_workload(const struct scenario *sc)
{
    struct workload *w = workload_new(sc, &err);

    ck_assert_msg(w != NULL, "%s", err.msg);
    return w;
}

static struct work_item next(struct workload *w, int64_t now_ns)
{
    struct work_item item;
    int got = workload_next(w, now_ns, &item, &err);

    ck_assert_msg(got == 1, "%d: %s", got, err.msg);
    return item;
}

static void ends(struct workload *w)
{
    struct work_item item;

    ck_assert_int_eq(workload_next(w, 0, &item, &err), 0);
    ck_assert_int_eq(workload_next(w, 0, &item, &err), 0);
    ck_assert_int_eq(err.code, 0);
}

/* ---- conformance: every registered policy ---- */

START_TEST(every_policy_is_well_formed)
{
    for (int kind = POLICY_ARRIVAL; kind <= POLICY_LENGTH; kind++) {
        int n = 0;
        for (const struct policy *const *p = policy_list((enum policy_kind)kind); *p; p++, n++) {
            ck_assert_ptr_eq(policy_find((enum policy_kind)kind, (*p)->name), *p);
            ck_assert_msg((*p)->help && *(*p)->help, "%s: no help", (*p)->name);
            ck_assert_msg(((*p)->options.n == 0) == ((*p)->options_size == 0), "%s: table and struct", (*p)->name);
            for (size_t i = 0; i < (*p)->options.n; i++) {
                const struct opt *row = &(*p)->options.rows[i];
                ck_assert_msg(row->offset < (*p)->options_size && row->help && *row->help, "%s.%s", (*p)->name,
                              row->name);
                /* [class] has input_min and input_max for itself. */
                ck_assert(kind != POLICY_LENGTH || (strcmp(row->name, "min") != 0 && strcmp(row->name, "max") != 0));
            }
        }
        ck_assert_int_ge(n, 6);
    }
}
END_TEST

typedef double draw_fn(const void *options, struct rng *r);

static uint64_t draws(draw_fn *f, const void *options, uint64_t seed, double *x, const char *name)
{
    struct rng r;

    rng_init(&r, seed, 0, 0, RNG_TEST);
    for (int k = 0; k < N; k++) {
        x[k] = f(options, &r);
        ck_assert_msg(isfinite(x[k]) && x[k] >= 0, "%s gave %g", name, x[k]);
        ck_assert_msg(r.draws == (uint64_t)k + 1, "%s mixed %" PRIu64 " values for %d", name, r.draws, k + 1);
    }
    return r.digest;
}

static double x[N], again[N];

static void conforms(draw_fn *f, const struct policy *p)
{
    void *options = example_options(p, 0);
    uint64_t digest = draws(f, options, 1, x, p->name);

    ck_assert_msg(draws(f, options, 1, again, p->name) == digest && memcmp(x, again, sizeof x) == 0,
                  "%s: same stream, other values", p->name);
    if (strcmp(p->name, "constant") != 0 && strcmp(p->name, "deterministic") != 0 &&
        strcmp(p->name, "closed_loop") != 0)
        ck_assert_msg(draws(f, options, 2, again, p->name) != digest, "%s: other seed, same values", p->name);
    if (strcmp(p->name, "closed_loop") != 0)
        ck_assert_msg(draws(f, example_options(p, 1), 1, again, p->name) != digest, "%s: other options, same digest",
                      p->name);
}

/* 20000 gaps of a process with a state. */
static uint64_t steps(const struct arrival_ops *ops, const void *options, uint64_t seed, double *gap)
{
    void *state = arena_alloc(&arena, ops->state_size);
    struct rng gaps, rate;

    memset(state, 0, ops->state_size);
    rng_init(&gaps, seed, 0, 0, RNG_ARRIVAL);
    rng_init(&rate, seed, 0, 1, RNG_ARRIVAL);
    ops->begin(options, state, &rate);
    for (int k = 0; k < N; k++) {
        gap[k] = ops->next_s(state, &gaps, &rate);
        ck_assert_msg(isfinite(gap[k]) && gap[k] >= 0, "%s gave %g", ops->policy.name, gap[k]);
        ck_assert_msg(gaps.draws >= (uint64_t)k + 1, "%s mixed %" PRIu64 " values for %d", ops->policy.name, gaps.draws,
                      k + 1);
    }
    return rng_hash(gaps.digest, rate.digest);
}

static void *state_example(const struct policy *p, int variant)
{
    void *options = example_options(p, variant);

    if (strcmp(p->name, "spikes") == 0)
        set(p, options, "spike_every", "20s");
    return options;
}

static void steps_conform(const struct arrival_ops *ops)
{
    const struct policy *p = &ops->policy;
    void *options = state_example(p, 0);

    ck_assert_msg(ops->state_size > 0 && ops->begin && ops->next_s && ops->fault, "%s", p->name);
    struct arrival_fault f = ops->fault(options);
    ck_assert_msg(f.key == NULL, "%s: %s %s", p->name, f.key, f.what);
    uint64_t digest = steps(ops, options, 1, x);
    ck_assert_msg(steps(ops, options, 1, again) == digest && memcmp(x, again, sizeof x) == 0,
                  "%s: same streams, other values", p->name);
    ck_assert_msg(steps(ops, options, 2, again) != digest, "%s: other seed, same values", p->name);
    ck_assert_msg(steps(ops, state_example(p, 1), 1, again) != digest, "%s: other options, same digest", p->name);
}

START_TEST(every_arrival_conforms)
{
    for (const struct policy *const *p = policy_list(POLICY_ARRIVAL); *p; p++) {
        const struct arrival_ops *ops = (const struct arrival_ops *)*p;
        double mean = 0, m2 = 0;

        bool gaps = ops->kind == ARRIVAL_CLOSED || (ops->kind == ARRIVAL_OPEN && ops->state_size == 0);
        ck_assert_msg(gaps == (ops->gap_s != NULL), "%s", (*p)->name);
        ck_assert_msg((ops->kind == ARRIVAL_CLOSED || ops->kind == ARRIVAL_TRACE) == (ops->concurrency != NULL), "%s",
                      (*p)->name);
        if (ops->kind == ARRIVAL_OPEN && !gaps)
            steps_conform(ops); /* their rates and laws: tests/theory/theory_arrivals.c */
        if (ops->gap_s)
            conforms(ops->gap_s, *p);
        if (ops->kind != ARRIVAL_OPEN || !gaps)
            continue;
        for (int k = 0; k < N; k++)
            mean += x[k] / N;
        for (int k = 0; k < N; k++)
            m2 += (x[k] - mean) * (x[k] - mean) / N;
        /* The example rate is 40/s whatever the law. */
        ck_assert_msg(fabs(mean - 1.0 / 40) <= 4 * sqrt(m2 / N) + 1e-12, "%s: mean gap %g s", (*p)->name, mean);
    }
}
END_TEST

START_TEST(every_length_conforms)
{
    for (const struct policy *const *p = policy_list(POLICY_LENGTH); *p; p++) {
        const struct length_ops *ops = (const struct length_ops *)*p;
        ck_assert_msg((strcmp((*p)->name, "trace") == 0) == (ops->draw == NULL), "%s", (*p)->name);
        if (ops->draw)
            conforms(ops->draw, *p);
    }
}
END_TEST

/* ---- lengths ---- */

START_TEST(uniform_reaches_both_ends_evenly)
{
    struct scenario *sc = scenario();
    int count[17] = {0};

    set_arrival(sc, "poisson", NULL);
    sc->classes[0].input = length("uniform", "low", "8", "high", "16", NULL);
    struct workload *w = open_workload(sc);
    for (int k = 0; k < 9000; k++) {
        struct work_item item = next(w, 0);
        ck_assert(item.input_tokens >= 8 && item.input_tokens <= 16 && item.output_tokens == 10);
        count[item.input_tokens]++;
    }
    for (int v = 8; v <= 16; v++)
        ck_assert_msg(abs(count[v] - 1000) < 4 * 30, "%d: %d of 9000", v, count[v]); /* sd 29.8 */
    workload_free(w);
}
END_TEST

/* 37 tokens times 1.01 is 37 or 38, 37.37 in the mean (within 4 standard errors); what is drawn stays the same. */
START_TEST(scales_are_right_in_the_mean)
{
    struct scenario *sc = scenario(), *plain = scenario();
    double prompts = 0, answers = 0, se = sqrt(0.37 * 0.63 / N);

    sc->workload.input_scale = 1.01;
    sc->workload.output_scale = 3;
    sc->workload.requests = plain->workload.requests = N;
    sc->classes[0].input = plain->classes[0].input = length("constant", "tokens", "37", NULL);
    sc->classes[0].output = plain->classes[0].output = length("uniform", "low", "1", "high", "99", NULL);
    set_arrival(sc, "poisson", NULL);
    set_arrival(plain, "poisson", NULL);
    struct workload *w = open_workload(sc), *p = open_workload(plain);
    for (int i = 0; i < N; i++) {
        struct work_item a = next(w, 0), b = next(p, 0);
        ck_assert_int_eq(a.t_ns, b.t_ns);
        ck_assert(a.input_tokens == 37 || a.input_tokens == 38);
        ck_assert_int_eq(a.output_tokens, 3 * b.output_tokens);
        prompts += (double)a.input_tokens;
        answers += (double)a.output_tokens;
    }
    ck_assert_double_le(fabs(prompts / N - 37.37), 4 * se);
    ck_assert_double_gt(answers, 0);
    workload_free(w);
    workload_free(p);
}
END_TEST

START_TEST(lengths_are_rounded_and_clamped)
{
    struct scenario *sc = scenario();
    struct class_options *c = &sc->classes[0];
    int at_least = 0, at_most = 0;
    double sum = 0;

    set_arrival(sc, "poisson", NULL);
    c->input = length("exponential", "mean", "1", NULL);
    c->output = length("lognormal", "median", "100", "sigma", "2", NULL);
    c->output_min = 20, c->output_max = 500;
    struct workload *w = open_workload(sc);
    for (int k = 0; k < N; k++) {
        struct work_item item = next(w, 0);
        ck_assert_int_ge(item.input_tokens, 1);
        ck_assert(item.output_tokens >= 20 && item.output_tokens <= 500);
        at_least += item.output_tokens == 20;
        at_most += item.output_tokens == 500;
        sum += (double)item.input_tokens;
    }
    ck_assert(at_least > N / 10 && at_most > N / 10);
    /* Round to nearest, then at least 1: E = 1 + sum over k >= 2 of P(X >= k - 1/2) = 1 + exp(-1.5)/(1 - 1/e). */
    ck_assert_double_eq_tol(sum / N, 1 + exp(-1.5) / (1 - exp(-1)), 4 * 0.8 / sqrt(N));
    workload_free(w);

    c->output = length("lognormal", "median", "1e9", "sigma", "10", NULL); /* beyond any int, now and then */
    c->output_max = 0;
    w = open_workload(sc);
    for (int k = 0; k < 1000; k++) {
        struct work_item item = next(w, 0);
        ck_assert(item.output_tokens >= 20 && item.output_tokens <= INT32_MAX);
    }
    workload_free(w);
}
END_TEST

/* ---- classes ---- */

START_TEST(classes_come_by_weight)
{
    struct scenario *sc = scenario();
    int count[3] = {0};

    set_arrival(sc, "poisson", NULL);
    sc->n_classes = 3;
    sc->classes[0].weight = 3;
    sc->classes[1].weight = 0;
    sc->classes[2].weight = 1;
    sc->classes[2].input = length("constant", "tokens", "7", NULL);
    struct workload *w = open_workload(sc);
    for (int k = 0; k < N; k++) {
        struct work_item item = next(w, 0);
        ck_assert_int_eq(item.input_tokens, item.class_id == 2 ? 7 : 100);
        count[item.class_id]++;
    }
    ck_assert_int_eq(count[1], 0);
    ck_assert_int_lt(abs(count[0] - N * 3 / 4), 4 * 62); /* sd 61.2 */
    workload_free(w);
}
END_TEST

/* Common random numbers: what changes one draw leaves the others. */
START_TEST(streams_do_not_disturb_each_other)
{
    struct scenario *one = scenario(), *two = scenario();

    set_arrival(one, "poisson", NULL);
    set_arrival(two, "poisson", NULL);
    one->classes[0].output = two->classes[0].output = length("exponential", "mean", "200", NULL);
    two->classes[0].input = length("lognormal", "median", "900", "sigma", "1", NULL);
    struct workload *a = open_workload(one), *b = open_workload(two);
    for (int k = 0; k < 1000; k++) {
        struct work_item p = next(a, 0), q = next(b, 0);
        ck_assert_int_eq(p.t_ns, q.t_ns);
        ck_assert_int_eq(p.output_tokens, q.output_tokens);
    }
    ck_assert_uint_ne(workload_digest(a), workload_digest(b));
    workload_free(b);
    two->classes[0].input = one->classes[0].input;
    b = open_workload(two);
    for (int k = 0; k < 1000; k++)
        next(b, 0);
    ck_assert_uint_eq(workload_digest(a), workload_digest(b));
    next(b, 0);
    ck_assert_uint_ne(workload_digest(a), workload_digest(b));
    workload_free(b);
    two->run.replication = 1;
    b = open_workload(two);
    ck_assert_int_ne(next(b, 0).t_ns, 0);
    for (int k = 1; k < 1000; k++)
        next(b, 0);
    ck_assert_uint_ne(workload_digest(a), workload_digest(b));
    workload_free(a);
    workload_free(b);
}
END_TEST

/* ---- arrivals ---- */

START_TEST(a_rate_is_kept_to_the_ns)
{
    struct scenario *sc = scenario();
    int64_t t = 0;

    set_arrival(sc, "deterministic", "rate", "3/s", NULL);
    sc->workload.requests = 30000;
    struct workload *w = open_workload(sc);
    ck_assert_int_eq(workload_concurrency(w), 0);
    for (int k = 0; k < 30000; k++) {
        int64_t gap = -t;
        t = next(w, 0).t_ns;
        gap += t;
        ck_assert(gap == 333333333 || gap == 333333334);
    }
    ck_assert(t == INT64_C(10000000000000) || t == INT64_C(9999999999999));
    ends(w);
    workload_free(w);
}
END_TEST

START_TEST(arrivals_end_with_the_clock)
{
    struct scenario *sc = scenario();

    set_arrival(sc, "deterministic", "rate", "1e-9/s", NULL); /* 1e18 ns apart: nine fit in an int64 */
    struct workload *w = open_workload(sc);
    for (int k = 1; k <= 9; k++)
        ck_assert_int_le(llabs(next(w, 0).t_ns - k * INT64_C(1000000000000000000)), 2048);
    ends(w);
    workload_free(w);
}
END_TEST

START_TEST(closed_loop_answers_completions)
{
    struct scenario *sc = scenario();

    set_arrival(sc, "closed_loop", "concurrency", "4", "think", "2s", NULL);
    sc->workload.requests = 7;
    struct workload *w = open_workload(sc);
    ck_assert_int_eq(workload_concurrency(w), 4);
    for (int k = 0; k < 4; k++)
        ck_assert_int_eq(next(w, 0).t_ns, 0);
    for (int k = 1; k <= 3; k++)
        ck_assert_int_eq(next(w, k * 1000).t_ns, k * 1000 + INT64_C(2000000000));
    ends(w);
    workload_free(w);

    set_arrival(sc, "closed_loop", "concurrency", "1", "think", "0s", "think_dist", "exponential", NULL);
    w = open_workload(sc);
    next(w, 0);
    ck_assert_int_eq(next(w, 55).t_ns, 55);
    workload_free(w);

    double sum = 0;
    set_arrival(sc, "closed_loop", "concurrency", "1", "think", "2s", "think_dist", "exponential", NULL);
    sc->workload.requests = 0;
    w = open_workload(sc);
    next(w, 0);
    for (int k = 0; k < N; k++) {
        int64_t t = next(w, 1000).t_ns;
        ck_assert_int_ge(t, 1000);
        sum += (double)(t - 1000) * 1e-9;
    }
    ck_assert_double_eq_tol(sum / N, 2, 4 * 2 / sqrt(N));
    workload_free(w);
}
END_TEST

/* ---- replay ---- */

static const char *write_trace(const char *text)
{
    static char path[] = "test_workload.XXXXXX";

    strcpy(path, "test_workload.XXXXXX");
    int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    return path;
}

static const char four_rows[] = "TIMESTAMP,ContextTokens,GeneratedTokens\n"
                                "2023-11-16 18:15:46.6805900,374,44\n"
                                "2023-11-16 18:15:47.6805900,396,109\n"
                                "2023-11-16 18:15:49.6805901,879,55\n"
                                "2023-11-16 18:15:54.6805900,91,16\n";

/* A scenario that replays `text`; the file is gone once the workload has opened it. */
static struct workload *replay(struct scenario *sc, const char *text)
{
    set_arrival(sc, "trace", NULL);
    sc->workload.trace = write_trace(text);
    struct workload *w = open_workload(sc);
    unlink(sc->workload.trace);
    return w;
}

static void is_item(struct work_item item, int64_t t_ns, int64_t input, int64_t output)
{
    ck_assert_int_eq(item.t_ns, t_ns);
    ck_assert_int_eq(item.input_tokens, input);
    ck_assert_int_eq(item.output_tokens, output);
}

START_TEST(a_trace_is_replayed)
{
    struct scenario *sc = scenario();
    struct workload *w;

    sc->classes[0].input = length("trace", NULL);
    sc->classes[0].output = length("trace", NULL);
    w = replay(sc, four_rows);
    is_item(next(w, 0), 0, 374, 44);
    is_item(next(w, 0), 1000000000, 396, 109);
    is_item(next(w, 0), 3000000100, 879, 55);
    is_item(next(w, 0), 8000000000, 91, 16);
    ends(w);
    uint64_t digest = workload_digest(w);
    workload_free(w);

    char changed[sizeof four_rows];
    strcpy(changed, four_rows);
    *strrchr(changed, '6') = '7';
    w = replay(sc, changed);
    for (int k = 0; k < 4; k++)
        next(w, 0);
    ck_assert_uint_ne(workload_digest(w), digest);
    workload_free(w);

    sc->workload.requests = 2;
    w = replay(sc, four_rows);
    next(w, 0), next(w, 0);
    ends(w);
    workload_free(w);
}
END_TEST

START_TEST(speed_and_slice_apply)
{
    struct scenario *sc = scenario();
    struct workload *w;

    sc->classes[0].input = length("trace", NULL);
    sc->classes[0].output = length("constant", "tokens", "5", NULL); /* its own law beside the trace's */
    sc->classes[0].input_max = 500;
    sc->workload.trace_speed = 4;
    w = replay(sc, four_rows);
    is_item(next(w, 0), 0, 374, 5);
    is_item(next(w, 0), 250000000, 396, 5);
    is_item(next(w, 0), 750000025, 500, 5);
    is_item(next(w, 0), 2000000000, 91, 5);
    ends(w);
    workload_free(w);

    sc->workload.trace_from_ns =
        1000000000; /* the row at the start belongs to the slice, the one at the end does not */
    sc->workload.trace_to_ns = 8000000000;
    sc->workload.trace_speed = 0.5;
    w = replay(sc, four_rows);
    is_item(next(w, 0), 0, 396, 5);
    is_item(next(w, 0), 4000000200, 500, 5);
    ends(w);
    workload_free(w);
}
END_TEST

START_TEST(an_empty_slice_is_an_error)
{
    struct scenario *sc = scenario();
    struct work_item item;

    sc->workload.trace_from_ns = 9000000000;
    struct workload *w = replay(sc, four_rows);
    ck_assert_int_eq(workload_next(w, 0, &item, &err), -1);
    ck_assert_int_eq(err.code, EXIT_CODE_FAILED);
    ck_assert_ptr_nonnull(strstr(err.msg, "no row is in the slice"));
    workload_free(w);
}
END_TEST

START_TEST(a_bad_row_before_the_slice_counts)
{
    struct scenario *sc = scenario();
    struct work_item item;
    char text[sizeof four_rows];

    strcpy(text, four_rows);
    memcpy(strstr(text, "396"), "3x6", 3);
    sc->workload.trace_from_ns = 2000000000;
    struct workload *w = replay(sc, text);
    ck_assert_int_eq(workload_next(w, 0, &item, &err), -1);
    ck_assert_ptr_nonnull(strstr(err.msg, ":3: ContextTokens \"3x6\""));
    workload_free(w);
}
END_TEST

START_TEST(a_missing_trace_is_told)
{
    struct scenario *sc = scenario();

    set_arrival(sc, "trace", NULL);
    sc->workload.trace = "no/such/trace.csv";
    ck_assert_ptr_null(workload_new(sc, &err));
    ck_assert_int_eq(err.code, EXIT_CODE_IO);
    ck_assert_str_eq(err.msg,
                     "cannot read the trace no/such/trace.csv: No such file or directory (set its path with -s "
                     "workload.trace=PATH)");
}
END_TEST

int main(void)
{
    Suite *s = suite_create("workload");
    TCase *t = tcase_create("all");

    tcase_set_timeout(t, 60);
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, every_policy_is_well_formed);
    tcase_add_test(t, every_arrival_conforms);
    tcase_add_test(t, every_length_conforms);
    tcase_add_test(t, uniform_reaches_both_ends_evenly);
    tcase_add_test(t, lengths_are_rounded_and_clamped);
    tcase_add_test(t, scales_are_right_in_the_mean);
    tcase_add_test(t, classes_come_by_weight);
    tcase_add_test(t, streams_do_not_disturb_each_other);
    tcase_add_test(t, a_rate_is_kept_to_the_ns);
    tcase_add_test(t, arrivals_end_with_the_clock);
    tcase_add_test(t, closed_loop_answers_completions);
    tcase_add_test(t, a_trace_is_replayed);
    tcase_add_test(t, speed_and_slice_apply);
    tcase_add_test(t, an_empty_slice_is_an_error);
    tcase_add_test(t, a_bad_row_before_the_slice_counts);
    tcase_add_test(t, a_missing_trace_is_told);
    suite_add_tcase(s, t);
    return run_suite(s);
}
