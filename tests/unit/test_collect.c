/*
 * test_collect.c - the metrics against a brute-force twin: every gap written out once per token, GSL's mean, std and
 * quantiles over the lists.
 */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <gsl/gsl_statistics_double.h>

#include "base/bug.h"
#include "base/sort.h"
#include "report/collect.h"
#include "../run_suite.h"

enum { REQUESTS = 3000, STEPS = 4000, RESUMES = 150, CLASSES = 3, NONE = -1 };
#define WARMUP_NS INT64_C(2500000000)
#define END_NS    INT64_C(61700000000)
static const struct collect_fleet FLEET = {4, 4, 8};

struct list {
    double *at;
    size_t n, cap;
};

static void list_add(struct list *l, double v)
{
    if (l->n == l->cap) {
        l->cap = l->cap ? 2 * l->cap : 256;
        l->at = mem_realloc(l->at, l->cap * sizeof *l->at);
    }
    l->at[l->n++] = v;
}

static const struct store_class classes[CLASSES] = {
    {"chat", 1, 300000000, 40000000, 0}, {"batch", 1, 0, 0, 0}, {"agent", 1, 0, 0, 900000000}};
static struct ev_request request[REQUESTS];
static struct ev_step step[STEPS];
static struct ev_resume resume[RESUMES];
static struct ev_preempt preempt[RESUMES];
static uint64_t seed;

static int64_t below(int64_t n)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (int64_t)((seed >> 33) % (uint64_t)n);
}

static void make_records(void)
{
    seed = 77;
    for (int i = 0; i < REQUESTS; i++) {
        int64_t t = i * INT64_C(20000000), admit = t + (below(3) ? below(90000000) : 0),
                first = admit + below(500000000);
        int64_t out = below(5) ? 1 + below(30) : 1, end = first + (out - 1) * (20000000 + below(30000000));
        int64_t kind = below(20);

        request[i] = (struct ev_request){.id = i,
                                         .class = below(CLASSES),
                                         .replica = below(4),
                                         .input_tokens = 1 + below(999),
                                         .output_tokens = out,
                                         .generated_tokens = out,
                                         .t_arrive_ns = t,
                                         .t_call_ns = t,
                                         .t_admit_ns = admit,
                                         .t_first_ns = first,
                                         .t_end_ns = end,
                                         .status = REQUEST_COMPLETED};
        if (kind == 0)
            request[i].status = REQUEST_REJECTED, request[i].t_end_ns = t, request[i].replica = -1,
            request[i].t_first_ns = request[i].t_admit_ns = -1;
        else if (kind == 1)
            request[i].status = REQUEST_RUNNING, request[i].t_end_ns = -1;
    }
    /* Some exactly on an objective. */
    request[400].class = request[401].class = 0;
    request[400].t_first_ns = request[400].t_arrive_ns + 300000000;
    request[400].output_tokens = 11;
    request[400].t_end_ns = request[400].t_first_ns + 10 * INT64_C(40000000);
    request[400].status = request[401].status = REQUEST_COMPLETED;
    request[401] = request[400];
    request[401].t_end_ns++;
    for (int i = 0; i < STEPS; i++) {
        int64_t t = i * INT64_C(15000000);

        step[i] = (struct ev_step){.replica = i & 3,
                                   .t_start_ns = t,
                                   .t_end_ns = t + 5000000 + below(9000000),
                                   .gap_ns = 10000000 + (below(4) ? below(1000) : below(90000000)),
                                   .n_decode = below(9),
                                   .n_prefill = below(2),
                                   .prefill_tokens = below(500),
                                   .tokens_out = below(60),
                                   .kv_blocks = below(800),
                                   .n_waiting = below(70)};
    }
    for (int i = 0; i < RESUMES; i++) {
        resume[i] = (struct ev_resume){.request = i, .t_ns = i * INT64_C(400000000), .gap_ns = below(2000000000)};
        preempt[i] = (struct ev_preempt){.request = i, .t_ns = i * INT64_C(390000000)};
    }
}

static struct collect *feed(struct value_pool *pool)
{
    struct collect *c = collect_new(classes, CLASSES, WARMUP_NS, pool);
    struct sink *sink = collect_sink(c);
    struct err e = {0};

    make_records();
    for (int part = 0; part < 10; part++) { /* in units, as a run does */
        struct trace_unit u = {0};

        u.rec[EV_REQUEST] = (int64_t *)(request + part * REQUESTS / 10);
        u.rec[EV_STEP] = (int64_t *)(step + part * STEPS / 10);
        u.rec[EV_RESUME] = (int64_t *)(resume + part * RESUMES / 10);
        u.rec[EV_PREEMPT] = (int64_t *)(preempt + part * RESUMES / 10);
        u.n[EV_REQUEST] = REQUESTS / 10;
        u.n[EV_STEP] = STEPS / 10;
        u.n[EV_RESUME] = u.n[EV_PREEMPT] = RESUMES / 10;
        ck_assert_int_eq(sink->ops->consume(sink, &u, &e), 0);
    }
    return c;
}

static const struct store_metric *metrics;
static int64_t n_metrics;

static void take_metrics(struct collect *c, int64_t t_end_ns, int64_t max_concurrent)
{
    struct err e = {0};

    n_metrics = collect_metrics(c, t_end_ns, &FLEET, max_concurrent, &metrics, &e);
    ck_assert_int_gt(n_metrics, 0);
}

static const struct store_metric *find(int64_t class_id, const char *name)
{
    const struct store_metric *found = NULL;

    for (int64_t i = 0; i < n_metrics; i++)
        if (metrics[i].class_id == class_id && strcmp(metrics[i].name, name) == 0) {
            ck_assert_msg(!found, "%s is given twice", name);
            found = &metrics[i];
        }
    ck_assert_msg(found != NULL, "no metric %s", name);
    return found;
}

static void expect(int64_t class_id, const char *name, double want, double tolerance)
{
    double got = find(class_id, name)->value;

    ck_assert_msg((isnan(want) && isnan(got)) || fabs(got - want) <= tolerance * fabs(want),
                  "%s of class %d: %.17g, not %.17g", name, (int)class_id, got, want);
}

static void expect_list(int64_t class_id, const char *family, struct list *l, double tolerance)
{
    static const struct {
        const char *name;
        double p;
    } stats[] = {{"median", 0.5}, {"p90", 0.9}, {"p95", 0.95}, {"p99", 0.99}};
    char name[40];

    ck_assert_uint_gt(l->n, 0);
    sort_doubles(l->at, l->n);
    for (size_t i = 0; i < 4; i++) {
        snprintf(name, sizeof name, "%s_%s_ms", stats[i].name, family);
        expect(class_id, name, gsl_stats_quantile_from_sorted_data(l->at, 1, l->n, stats[i].p) / 1e6, tolerance);
        ck_assert_int_eq(find(class_id, name)->approximate, tolerance > 0);
    }
    double mean = gsl_stats_mean(l->at, 1, l->n);
    snprintf(name, sizeof name, "mean_%s_ms", family);
    expect(class_id, name, mean / 1e6, 1e-12);
    snprintf(name, sizeof name, "std_%s_ms", family);
    expect(class_id, name, sqrt(gsl_stats_variance_with_fixed_mean(l->at, 1, l->n, mean)) / 1e6, 1e-9);
    ck_assert(!find(class_id, name)->approximate);
    free(l->at);
}

static bool met(const struct ev_request *r)
{
    const struct store_class *k = &classes[r->class];

    return (!k->slo_ttft_ns || r->t_first_ns - r->t_arrive_ns <= k->slo_ttft_ns) &&
           (!k->slo_e2el_ns || r->t_end_ns - r->t_arrive_ns <= k->slo_e2el_ns) &&
           (!k->slo_tpot_ns || r->t_end_ns - r->t_first_ns <= k->slo_tpot_ns * (r->output_tokens - 1));
}

static void expect_requests(int64_t class_id, bool slo, double tolerance)
{
    struct list ttft = {0}, tpot = {0}, e2el = {0}, queue = {0};
    double T = (double)(END_NS - WARMUP_NS) / 1e9, completed = 0, failed = 0, good = 0, in = 0, out = 0;

    for (const struct ev_request *r = request; r < request + REQUESTS; r++) {
        if ((class_id != NONE && r->class != class_id) || r->t_arrive_ns < WARMUP_NS)
            continue;
        failed += r->status == REQUEST_REJECTED;
        if (r->status != REQUEST_COMPLETED)
            continue;
        completed++;
        good += met(r);
        in += (double)r->input_tokens;
        out += (double)r->output_tokens;
        list_add(&ttft, (double)(r->t_first_ns - r->t_arrive_ns));
        list_add(&e2el, (double)(r->t_end_ns - r->t_arrive_ns));
        list_add(&queue, (double)(r->t_admit_ns - r->t_arrive_ns));
        if (r->output_tokens > 1)
            list_add(&tpot, (double)(r->t_end_ns - r->t_first_ns) / (double)(r->output_tokens - 1));
    }
    expect(class_id, "completed", completed, 0);
    expect(class_id, "failed", failed, 0);
    expect(class_id, "rejected", failed, 0);
    expect(class_id, "total_input_tokens", in, 0);
    expect(class_id, "total_output_tokens", out, 0);
    expect(class_id, "request_throughput", completed / T, 1e-15);
    expect(class_id, "output_throughput", out / T, 1e-15);
    expect(class_id, "total_token_throughput", (in + out) / T, 1e-15);
    expect(class_id, "request_goodput", slo ? good / T : NAN, 1e-15);
    expect(class_id, "slo_attainment", slo ? good / (completed + failed) : NAN, 1e-15);
    expect_list(class_id, "ttft", &ttft, tolerance);
    expect_list(class_id, "tpot", &tpot, tolerance);
    expect_list(class_id, "e2el", &e2el, tolerance);
    expect_list(class_id, "queue", &queue, tolerance);
}

static void expect_steps(double tolerance)
{
    struct list itl = {0};
    double busy = 0, decode = 0, kv = 0, steps = 0, prefill = 0, peak_kv = 0, peak_waiting = 0, preemptions = 0;
    double bucket[64] = {0}, peak = 0;

    for (const struct ev_step *s = step; s < step + STEPS; s++) {
        if (s->t_start_ns < WARMUP_NS)
            continue;
        double time = (double)(s->t_end_ns - s->t_start_ns);

        steps++;
        busy += time;
        decode += time * (double)s->n_decode;
        kv += time * (double)s->kv_blocks;
        prefill += (double)s->prefill_tokens;
        peak_kv = fmax(peak_kv, (double)s->kv_blocks);
        peak_waiting = fmax(peak_waiting, (double)s->n_waiting);
        bucket[s->t_end_ns / 1000000000] += (double)s->tokens_out;
        for (int64_t i = 0; i < s->n_decode; i++)
            list_add(&itl, (double)s->gap_ns);
    }
    for (int i = 0; i < 64; i++)
        peak = fmax(peak, bucket[i]);
    for (int i = 0; i < RESUMES; i++) {
        if (resume[i].t_ns >= WARMUP_NS)
            list_add(&itl, (double)resume[i].gap_ns);
        preemptions += preempt[i].t_ns >= WARMUP_NS;
    }
    expect(NONE, "steps", steps, 0);
    expect(NONE, "mean_batch", decode / busy, 1e-12);
    expect(NONE, "mean_kv_blocks", kv / busy, 1e-12);
    expect(NONE, "utilisation", busy / (4.0 * (double)(END_NS - WARMUP_NS)), 1e-12);
    expect(NONE, "prefill_tokens", prefill, 0);
    expect(NONE, "peak_kv_blocks", peak_kv, 0);
    expect(NONE, "peak_waiting", peak_waiting, 0);
    expect(NONE, "preemptions", preemptions, 0);
    expect(NONE, "max_output_tokens_per_s", peak, 0);
    expect_list(NONE, "itl", &itl, tolerance);
}

static void check_all(struct value_pool *pool)
{
    struct collect *c = feed(pool);
    double tolerance = pool ? 0 : 1e-3;

    take_metrics(c, END_NS, 123);
    expect(NONE, "duration", 59.2, 1e-15);
    expect(NONE, "max_concurrent_requests", 123, 0);
    expect(NONE, "output_throughput_per_gpu", find(NONE, "output_throughput")->value / 8, 1e-15);
    expect_requests(NONE, true, tolerance);
    expect_requests(0, true, tolerance);
    expect_requests(1, false, tolerance);
    expect_requests(2, true, tolerance);
    expect_steps(tolerance);
    collect_free(c);
    value_pool_free(pool);
}

START_TEST(exact_values)
{
    check_all(value_pool_new("/tmp", INT64_MAX));
}
END_TEST

START_TEST(exact_values_in_a_file)
{
    check_all(value_pool_new("/tmp", 0));
}
END_TEST

START_TEST(histogram_values)
{
    check_all(NULL);
}
END_TEST

START_TEST(nothing_recorded)
{
    struct value_pool *pool = value_pool_new("/tmp", 0);
    struct collect *c = collect_new(classes, CLASSES, 0, pool);

    take_metrics(c, 0, 0);
    expect(NONE, "completed", 0, 0);
    expect(NONE, "duration", 0, 0);
    expect(NONE, "request_throughput", NAN, 0);
    expect(NONE, "mean_ttft_ms", NAN, 0);
    expect(NONE, "p99_itl_ms", NAN, 0);
    expect(NONE, "std_itl_ms", NAN, 0);
    expect(NONE, "mean_batch", NAN, 0);
    expect(NONE, "slo_attainment", NAN, 0);
    collect_free(c);
    value_pool_free(pool);
}
END_TEST

START_TEST(kinds_that_a_file_lacks)
{
    struct collect *c = feed(NULL);

    collect_lacks(c, EV_STEP);
    collect_lacks(c, EV_PREEMPT);
    take_metrics(c, END_NS, 1);
    expect(NONE, "steps", NAN, 0);
    expect(NONE, "utilisation", NAN, 0);
    expect(NONE, "preemptions", NAN, 0);
    expect(NONE, "mean_itl_ms", NAN, 0);
    ck_assert(find(NONE, "completed")->value > 0);
    collect_free(c);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("collect");
    TCase *tc = tcase_create("collect");

    tcase_add_test(tc, exact_values);
    tcase_add_test(tc, exact_values_in_a_file);
    tcase_add_test(tc, histogram_values);
    tcase_add_test(tc, nothing_recorded);
    tcase_add_test(tc, kinds_that_a_file_lacks);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
