#include "report/collect.h"

#include <math.h>
#include <stdlib.h>

#include "base/bug.h"
#include "report/collect_agents.h"
#include "report/collect_cost.h"
#include "report/collect_memory.h"
#include "report/collect_pools.h"
#include "report/series.h"
#include "report/slo_windows.h"

enum family { TTFT, TPOT, E2EL, QUEUE, FAMILIES, ITL = FAMILIES };

struct tally { /* the requests of one class, or of all */
    struct series series[FAMILIES];
    int64_t completed, failed, met, input_tokens, output_tokens;
    int64_t rejected, timed_out, retried; /* requests; failed are calls */
    bool has_slo;
};

struct collect {
    struct sink sink;
    const struct store_class *classes;
    struct tally *of_class;
    int64_t n_classes;
    int64_t warmup_ns;
    struct value_pool *pool; /* NULL: percentiles from histograms */
    bool lacks[EV_KINDS];

    struct weighted itl;
    int64_t steps, preemptions, prefill_tokens, peak_kv_blocks, peak_waiting;
    unsigned __int128 busy_ns, decode_ns, kv_ns; /* step time; the same times n_decode; times kv_blocks */
    int64_t second, second_tokens, peak_second_tokens;

    struct { /* of steps that verified drafts */
        int64_t steps, sequences, accepted, tokens;
        unsigned __int128 draft_ns;
    } drafts;

    struct memory_tally *memory; /* NULL: nothing to tell of */
    struct pool_tally *pools;    /* NULL: there is one */
    struct agent_tally *agents;
    struct cost_tally *cost; /* NULL: there is no bill */
    struct slo_windows *windows; /* NULL: not asked for */
    struct verdict *verdict;
    int64_t present, t_present_ns, scale_outs, scale_ins; /* replicas that there are, as of then; with [autoscale] */
    unsigned __int128 present_ns;
    bool scales;

    struct store_metric *metrics;
    int64_t n_metrics, cap_metrics;
    struct arena names; /* of metrics that are named after the scenario's memories */
};

enum { NS_PER_S = 1000000000 };

static void count_steps(struct collect *c, const struct ev_step *s, uint32_t n)
{
    for (; n > 0; n--, s++) {
        if (s->t_start_ns < c->warmup_ns)
            continue;
        uint64_t time = (uint64_t)(s->t_end_ns - s->t_start_ns);
        int64_t second = s->t_end_ns / NS_PER_S;

        c->steps++;
        c->busy_ns += time;
        c->decode_ns += (unsigned __int128)time * (uint64_t)s->n_decode;
        c->kv_ns += (unsigned __int128)time * (uint64_t)s->kv_blocks;
        c->prefill_tokens += s->prefill_tokens;
        if (s->kv_blocks > c->peak_kv_blocks)
            c->peak_kv_blocks = s->kv_blocks;
        if (s->n_waiting > c->peak_waiting)
            c->peak_waiting = s->n_waiting;
        if (second != c->second) {
            c->second = second;
            c->second_tokens = 0;
        }
        c->second_tokens += s->tokens_out;
        if (c->second_tokens > c->peak_second_tokens)
            c->peak_second_tokens = c->second_tokens;
        if (s->n_decode > 0)
            weighted_add(&c->itl, (uint64_t)s->gap_ns, (uint64_t)s->n_decode);
    }
}

static void count_drafts(struct collect *c, const struct ev_speculation *s, uint32_t n)
{
    for (; n > 0; n--, s++) {
        if (s->t_ns < c->warmup_ns)
            continue;
        c->drafts.steps++;
        c->drafts.sequences += s->sequences;
        c->drafts.accepted += s->accepted;
        c->drafts.tokens += s->tokens;
        c->drafts.draft_ns += (uint64_t)s->draft_ns;
    }
}

static void count_present(struct collect *c, int64_t t_ns)
{
    int64_t from = c->t_present_ns > c->warmup_ns ? c->t_present_ns : c->warmup_ns;

    if (t_ns > from)
        c->present_ns += (unsigned __int128)(t_ns - from) * (uint64_t)c->present;
    c->t_present_ns = t_ns;
}

static void count_scales(struct collect *c, const struct ev_scale *s, uint32_t n)
{
    enum { STARTS, READY, DRAINS, ENDED, FAILED };

    for (; n > 0; n--, s++) {
        count_present(c, s->t_ns);
        c->scales = true;
        c->present += s->what == STARTS ? 1 : s->what == ENDED || s->what == FAILED ? -1 : 0;
        c->scale_outs += s->what == STARTS && s->t_ns > 0 && s->t_ns >= c->warmup_ns;
        c->scale_ins += s->what == DRAINS && s->t_ns >= c->warmup_ns;
    }
}

static void count_request(struct collect *c, const struct ev_request *r)
{
    sim_assert(r->class >= 0 && r->class < c->n_classes);
    struct tally *t = &c->of_class[r->class];

    t->rejected += r->status == REQUEST_REJECTED;
    t->timed_out += r->status == REQUEST_TIMED_OUT;
    t->retried += r->retried;
    bool done = r->status == REQUEST_COMPLETED, failed = !done && r->t_end_ns >= 0 && !r->retried;
    bool met = done && slo_met(&c->classes[r->class], r);
    t->failed += failed;
    t->completed += done;
    t->met += met;
    if (done || failed)
        slo_windows_add(c->windows, r->t_arrive_ns, met);
    if (!done)
        return;
    t->input_tokens += r->input_tokens;
    t->output_tokens += r->output_tokens;
    series_add(&t->series[TTFT], (double)(r->t_first_ns - r->t_arrive_ns));
    series_add(&t->series[E2EL], (double)(r->t_end_ns - r->t_arrive_ns));
    series_add(&t->series[QUEUE], (double)(r->t_admit_ns - r->t_arrive_ns));
    if (r->output_tokens > 1)
        series_add(&t->series[TPOT], (double)(r->t_end_ns - r->t_first_ns) / (double)(r->output_tokens - 1));
}

static int consume(struct sink *sink, const struct trace_unit *u, struct err *e)
{
    struct collect *c = (struct collect *)sink;
    const struct ev_request *request = (const struct ev_request *)u->rec[EV_REQUEST];
    const struct ev_resume *resume = (const struct ev_resume *)u->rec[EV_RESUME];
    const struct ev_preempt *preempt = (const struct ev_preempt *)u->rec[EV_PREEMPT];

    count_steps(c, (const struct ev_step *)u->rec[EV_STEP], u->n[EV_STEP]);
    count_scales(c, (const struct ev_scale *)u->rec[EV_SCALE], u->n[EV_SCALE]);
    count_drafts(c, (const struct ev_speculation *)u->rec[EV_SPECULATION], u->n[EV_SPECULATION]);
    for (uint32_t i = 0; i < u->n[EV_REQUEST]; i++) {
        if (request[i].t_arrive_ns >= c->warmup_ns)
            count_request(c, &request[i]);
        if (request[i].t_end_ns >= 0 || u->last)
            verdict_add(c->verdict, &request[i]);
    }
    for (uint32_t i = 0; i < u->n[EV_RESUME]; i++)
        if (resume[i].t_ns >= c->warmup_ns)
            weighted_add(&c->itl, (uint64_t)resume[i].gap_ns, 1);
    for (uint32_t i = 0; i < u->n[EV_PREEMPT]; i++)
        c->preemptions += preempt[i].t_ns >= c->warmup_ns;
    if (c->memory)
        memory_tally_consume(c->memory, u);
    if (c->pools)
        pool_tally_consume(c->pools, u);
    agent_tally_consume(c->agents, u);
    if (c->cost)
        cost_tally_consume(c->cost, u);
    return c->pool ? value_pool_error(c->pool, e) : 0;
}

static const struct sink_ops collect_ops = {.name = "metrics", .consume = consume};

static void tally_init(struct tally *t, struct value_pool *pool)
{
    for (int f = 0; f < FAMILIES; f++)
        series_init(&t->series[f], pool);
}

struct collect *collect_new(const struct store_class *classes, int64_t n_classes, int64_t warmup_ns,
                            struct value_pool *pool)
{
    struct collect *c = mem_zalloc(1, sizeof *c);

    c->sink.ops = &collect_ops;
    c->classes = classes;
    c->n_classes = n_classes;
    c->warmup_ns = warmup_ns;
    c->pool = pool;
    weighted_init(&c->itl, pool);
    c->second = -1;
    c->verdict = verdict_new();
    c->agents = agent_tally_new(warmup_ns, pool);
    arena_init(&c->names);
    c->of_class = mem_zalloc((size_t)n_classes, sizeof *c->of_class);
    for (int64_t k = 0; k < n_classes; k++) {
        tally_init(&c->of_class[k], pool);
        c->of_class[k].has_slo = classes[k].slo_ttft_ns > 0 || classes[k].slo_tpot_ns > 0 || classes[k].slo_e2el_ns > 0;
    }
    return c;
}

bool collect_memory(struct collect *c, const struct store_memory *m)
{
    c->memory = memory_tally_new(m, c->warmup_ns);
    return c->memory != NULL;
}

void collect_front(struct collect *c, const struct verdict_front *f)
{
    verdict_set_front(c->verdict, f);
}

void collect_slo_window(struct collect *c, int64_t window_ns)
{
    c->windows = slo_windows_new(window_ns, c->warmup_ns);
}

void collect_pools(struct collect *c, const struct store_pool *pools, int64_t n)
{
    c->pools = pool_tally_new(pools, n, c->warmup_ns);
}

void collect_bill(struct collect *c, const struct store_bill *b, const struct store_pool *pools,
                  const struct store_memory *m)
{
    if (b->n_parts > 0)
        c->cost = cost_tally_new(b, pools, m, c->warmup_ns);
}

struct sink *collect_sink(struct collect *c)
{
    return &c->sink;
}

void collect_lacks(struct collect *c, enum ev_kind k)
{
    c->lacks[k] = true;
}

static void give_marked(struct collect *c, int64_t class_id, const char *name, double value, const char *unit,
                        bool approximate)
{
    if (c->n_metrics == c->cap_metrics) {
        c->cap_metrics = c->cap_metrics ? 2 * c->cap_metrics : 128;
        c->metrics = mem_realloc(c->metrics, (size_t)c->cap_metrics * sizeof *c->metrics);
    }
    c->metrics[c->n_metrics++] = (struct store_metric){class_id, name, value, unit, approximate};
}

static void give(struct collect *c, int64_t class_id, const char *name, double value, const char *unit)
{
    give_marked(c, class_id, name, value, unit, false);
}

/* Of a kind of record: NaN where the records are not there. */
static void give_of(struct collect *c, enum ev_kind k, const char *name, double value, const char *unit)
{
    give(c, -1, name, c->lacks[k] ? NAN : value, unit);
}

#define STAT_NAMES(family)                                                                                             \
    {                                                                                                                  \
        "mean_" family "_ms", "median_" family "_ms", "std_" family "_ms", "p90_" family "_ms", "p95_" family "_ms",   \
            "p99_" family "_ms"                                                                                        \
    }
enum { MEAN, MEDIAN, STD, P90, P95, P99, STATS };
static const char *const stat_names[][STATS] = {
    [TTFT] = STAT_NAMES("ttft"),   [TPOT] = STAT_NAMES("tpot"), [E2EL] = STAT_NAMES("e2el"),
    [QUEUE] = STAT_NAMES("queue"), [ITL] = STAT_NAMES("itl"),
};
enum { PERCENTILES = 4 };
static const int percentile[PERCENTILES] = {MEDIAN, P90, P95, P99};
static const double percentile_p[PERCENTILES] = {0.5, 0.9, 0.95, 0.99};

static void give_stats(struct collect *c, int64_t class_id, int family, double stat[STATS],
                       const double quantile[PERCENTILES], bool lacks)
{
    for (int i = 0; i < PERCENTILES; i++)
        stat[percentile[i]] = quantile[i];
    for (int i = 0; i < STATS; i++)
        give_marked(c, class_id, stat_names[family][i], lacks ? NAN : stat[i] / 1e6, "ms",
                    i != MEAN && i != STD && !c->pool);
}

static int give_series(struct collect *c, int64_t class_id, int family, const struct series *s, struct err *e)
{
    double stat[STATS] = {[MEAN] = series_mean(s), [STD] = series_std(s)}, quantile[PERCENTILES];

    if (series_quantiles(s, percentile_p, PERCENTILES, quantile, e))
        return -1;
    give_stats(c, class_id, family, stat, quantile, c->lacks[EV_REQUEST]);
    return 0;
}

static int give_itl(struct collect *c, struct err *e)
{
    double stat[STATS] = {[MEAN] = weighted_mean(&c->itl), [STD] = weighted_std(&c->itl)}, quantile[PERCENTILES];

    if (weighted_quantiles(&c->itl, percentile_p, PERCENTILES, quantile, e))
        return -1;
    give_stats(c, -1, ITL, stat, quantile, c->lacks[EV_STEP] || c->lacks[EV_RESUME]);
    return 0;
}

static double rate(double amount, double seconds)
{
    return seconds > 0 ? amount / seconds : NAN;
}

static void give_tally(struct collect *c, int64_t class_id, const struct tally *t, double duration)
{
    bool lacks = c->lacks[EV_REQUEST];
    double none = lacks ? NAN : 0; /* added to each: NaN takes over */
    double input = (double)t->input_tokens, output = (double)t->output_tokens,
           ended = (double)(t->completed + t->failed);

    give(c, class_id, "completed", none + (double)t->completed, "requests");
    give(c, class_id, "failed", none + (double)t->failed, "requests");
    give(c, class_id, "rejected", none + (double)t->rejected, "requests");
    give(c, class_id, "timed_out", none + (double)t->timed_out, "requests");
    give(c, class_id, "retried", none + (double)t->retried, "requests");
    give(c, class_id, "total_input_tokens", none + input, "tokens");
    give(c, class_id, "total_output_tokens", none + output, "tokens");
    give(c, class_id, "request_throughput", none + rate((double)t->completed, duration), "requests/s");
    give(c, class_id, "request_goodput", t->has_slo ? none + rate((double)t->met, duration) : NAN, "requests/s");
    give(c, class_id, "slo_attainment", t->has_slo && ended > 0 ? none + (double)t->met / ended : NAN, "");
    give(c, class_id, "output_throughput", none + rate(output, duration), "tokens/s");
    give(c, class_id, "total_token_throughput", none + rate(input + output, duration), "tokens/s");
}

/* Seconds of replicas, all of them: also of those that start or drain. */
static double give_scaling(struct collect *c, int64_t t_end_ns, double duration, int64_t n_replicas)
{
    double seconds = duration * (double)n_replicas;

    if (c->scales) {
        count_present(c, t_end_ns);
        seconds = (double)c->present_ns / NS_PER_S;
    }
    give_of(c, EV_SCALE, "replica_seconds", seconds, "s");
    give_of(c, EV_SCALE, "scale_outs", (double)c->scale_outs, "replicas");
    give_of(c, EV_SCALE, "scale_ins", (double)c->scale_ins, "replicas");
    return seconds;
}

static void give_steps(struct collect *c, double member_seconds)
{
    double busy = (double)c->busy_ns;

    give_of(c, EV_STEP, "steps", (double)c->steps, "steps");
    give_of(c, EV_STEP, "mean_batch", c->busy_ns ? (double)c->decode_ns / busy : NAN, "sequences");
    give_of(c, EV_STEP, "utilisation", rate(busy / NS_PER_S, member_seconds), "");
    give_of(c, EV_STEP, "prefill_tokens", (double)c->prefill_tokens, "tokens");
    give_of(c, EV_STEP, "mean_kv_blocks", c->busy_ns ? (double)c->kv_ns / busy : NAN, "blocks");
    give_of(c, EV_STEP, "peak_kv_blocks", (double)c->peak_kv_blocks, "blocks");
    give_of(c, EV_STEP, "peak_waiting", (double)c->peak_waiting, "requests");
    give_of(c, EV_PREEMPT, "preemptions", (double)c->preemptions, "");
}

/* Only where there were drafts. */
static void give_drafts(struct collect *c)
{
    double sequences = (double)c->drafts.sequences;

    if (c->drafts.sequences == 0 || c->lacks[EV_SPECULATION])
        return;
    give(c, -1, "acceptance_length", (sequences + (double)c->drafts.accepted) / sequences, "tokens");
    give_of(c, EV_STEP, "decode_tokens_per_step", (double)c->drafts.tokens / (double)c->drafts.steps, "tokens");
    give_of(c, EV_STEP, "draft_share", c->busy_ns ? (double)c->drafts.draft_ns / (double)c->busy_ns : NAN, "");
}

static void give_verdict(struct collect *c, int64_t t_end_ns)
{
    struct verdict_counts v = verdict_of(c->verdict, c->warmup_ns, t_end_ns);

    give_of(c, EV_REQUEST, "verdict", v.name, "");
    give_of(c, EV_REQUEST, "verdict_offered", v.offered_per_s, "calls/s");
    give_of(c, EV_REQUEST, "verdict_answered", v.answered_per_s, "calls/s");
    give_of(c, EV_REQUEST, "verdict_waiting", v.waiting, "requests");
}

static void give_named(void *ctx, const char *name, double value, const char *unit)
{
    give(ctx, -1, name, value, unit);
}

static void give_agent(void *ctx, const char *name, double value, const char *unit, bool approximate)
{
    give_marked(ctx, -1, name, value, unit, approximate);
}

/* All classes together: the sums of each, and one series of all values. */
static void add_up(const struct collect *c, struct tally *all)
{
    for (int64_t k = 0; k < c->n_classes; k++) {
        const struct tally *t = &c->of_class[k];

        all->completed += t->completed;
        all->failed += t->failed;
        all->met += t->met;
        all->rejected += t->rejected;
        all->timed_out += t->timed_out;
        all->retried += t->retried;
        all->input_tokens += t->input_tokens;
        all->output_tokens += t->output_tokens;
        all->has_slo |= t->has_slo;
        for (int f = 0; f < FAMILIES; f++)
            series_append(&all->series[f], &t->series[f]);
    }
}

/* Of all calls, then of steps and what else there is. */
static int give_all(struct collect *c, const struct tally *all, int64_t t_end_ns, double duration,
                    const struct collect_fleet *fleet, int64_t max_concurrent, struct err *e)
{
    give(c, -1, "duration", duration, "s");
    give_tally(c, -1, all, duration);
    give_of(c, EV_REQUEST, "output_throughput_per_gpu", rate((double)all->output_tokens, duration * (double)fleet->gpus),
            "tokens/s");
    give_of(c, EV_STEP, "max_output_tokens_per_s", (double)c->peak_second_tokens, "tokens/s");
    give_of(c, EV_REQUEST, "max_concurrent_requests", (double)max_concurrent, "requests");
    if (give_series(c, -1, TTFT, &all->series[TTFT], e) || give_series(c, -1, TPOT, &all->series[TPOT], e) ||
        give_itl(c, e) || give_series(c, -1, E2EL, &all->series[E2EL], e) ||
        give_series(c, -1, QUEUE, &all->series[QUEUE], e))
        return -1;
    double seconds = give_scaling(c, t_end_ns, duration, fleet->replicas);
    if (fleet->members > fleet->replicas) /* [autoscale] has none */
        seconds = duration * (double)fleet->members;
    give_steps(c, seconds);
    give_drafts(c);
    give_verdict(c, t_end_ns);
    if (c->windows)
        give_of(c, EV_REQUEST, "slo_attainment_worst", all->has_slo ? slo_windows_worst(c->windows, t_end_ns) : NAN, "");
    if (c->memory)
        memory_tally_metrics(c->memory, c->lacks, duration, &c->names, give_named, c);
    if (c->pools)
        pool_tally_metrics(c->pools, c->lacks, duration, &c->names, give_named, c);
    if (c->cost)
        cost_tally_metrics(c->cost, c->lacks, t_end_ns, give_named, c);
    return agent_tally_metrics(c->agents, give_agent, c, e);
}

int64_t collect_metrics(struct collect *c, int64_t t_end_ns, const struct collect_fleet *fleet, int64_t max_concurrent,
                        const struct store_metric **out, struct err *e)
{
    double duration = t_end_ns > c->warmup_ns ? (double)(t_end_ns - c->warmup_ns) / NS_PER_S : 0;
    struct tally all = {0};

    tally_init(&all, c->pool);
    add_up(c, &all);
    int status = give_all(c, &all, t_end_ns, duration, fleet, max_concurrent, e);
    for (int f = 0; f < FAMILIES; f++)
        series_free(&all.series[f]);

    for (int64_t k = 0; k < c->n_classes && status == 0; k++) {
        give_tally(c, k, &c->of_class[k], duration);
        for (int f = 0; f < FAMILIES && status == 0; f++)
            status = give_series(c, k, f, &c->of_class[k].series[f], e);
    }
    *out = c->metrics;
    return status ? -1 : c->n_metrics;
}

int64_t collect_costs(const struct collect *c, const struct store_cost **out)
{
    return c->cost ? cost_tally_costs(c->cost, out) : 0;
}

int64_t collect_rates(const struct collect *c, const struct store_rate **out)
{
    return c->cost ? cost_tally_rates(c->cost, out) : 0;
}

void collect_free(struct collect *c)
{
    if (!c)
        return;
    for (int64_t k = 0; k < c->n_classes; k++)
        for (int f = 0; f < FAMILIES; f++)
            series_free(&c->of_class[k].series[f]);
    weighted_free(&c->itl);
    memory_tally_free(c->memory);
    pool_tally_free(c->pools);
    verdict_free(c->verdict);
    slo_windows_free(c->windows);
    agent_tally_free(c->agents);
    cost_tally_free(c->cost);
    arena_free(&c->names);
    free(c->of_class);
    free(c->metrics);
    free(c);
}
