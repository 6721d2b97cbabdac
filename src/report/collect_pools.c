#include "report/collect_pools.h"

#include <math.h>
#include <stdlib.h>

#include "base/bug.h"

struct of_pool {
    int64_t end; /* its replicas are those below, from the end of the pool before */
    unsigned __int128 busy_ns, decode_ns;
};

struct pool_tally {
    const struct store_pool *pools;
    int64_t n, warmup_ns;
    struct of_pool *at;
    int64_t handed;
    unsigned __int128 handoff_ns, ttft_ns;
};

struct pool_tally *pool_tally_new(const struct store_pool *pools, int64_t n, int64_t warmup_ns)
{
    struct pool_tally *t;
    int64_t end = 0;

    if (n < 2)
        return NULL;
    t = mem_zalloc(1, sizeof *t);
    *t = (struct pool_tally){.pools = pools, .n = n, .warmup_ns = warmup_ns, .at = mem_zalloc((size_t)n, sizeof *t->at)};
    for (int64_t i = 0; i < n; i++)
        t->at[i].end = end += pools[i].n_replicas;
    return t;
}

void pool_tally_free(struct pool_tally *t)
{
    if (t)
        free(t->at);
    free(t);
}

static void count_step(struct pool_tally *t, const struct ev_step *s)
{
    uint64_t time = (uint64_t)(s->t_end_ns - s->t_start_ns);
    struct of_pool *p = t->at;

    if (s->t_start_ns < t->warmup_ns)
        return;
    while (s->replica >= p->end && p < t->at + t->n - 1)
        p++;
    p->busy_ns += time;
    p->decode_ns += (unsigned __int128)time * (uint64_t)s->n_decode;
}

static void count_request(struct pool_tally *t, const struct ev_request *r)
{
    if (r->status != REQUEST_COMPLETED || r->t_arrive_ns < t->warmup_ns || r->prefill_replica < 0)
        return;
    t->handed++;
    t->handoff_ns += (uint64_t)r->handoff_ns;
    t->ttft_ns += (uint64_t)(r->t_first_ns - r->t_arrive_ns);
}

void pool_tally_consume(struct pool_tally *t, const struct trace_unit *u)
{
    const struct ev_step *step = (const struct ev_step *)u->rec[EV_STEP];
    const struct ev_request *request = (const struct ev_request *)u->rec[EV_REQUEST];

    for (uint32_t i = 0; i < u->n[EV_STEP]; i++)
        count_step(t, &step[i]);
    for (uint32_t i = 0; i < u->n[EV_REQUEST]; i++)
        count_request(t, &request[i]);
}

void pool_tally_metrics(const struct pool_tally *t, const bool lacks[EV_KINDS], double duration_s, struct arena *names,
                        pool_give *give, void *ctx)
{
    double no_steps = lacks[EV_STEP] ? NAN : 0, no_requests = lacks[EV_REQUEST] ? NAN : 0; /* added: NaN takes over */

    for (int64_t i = 0; i < t->n; i++) {
        const struct store_pool *p = &t->pools[i];
        double busy = (double)t->at[i].busy_ns, there = duration_s * (double)p->n_replicas;
        give(ctx, arena_printf(names, "utilisation/%s", p->name), no_steps + (there > 0 ? busy / 1e9 / there : NAN), "");
        give(ctx, arena_printf(names, "mean_batch/%s", p->name),
             no_steps + (busy > 0 ? (double)t->at[i].decode_ns / busy : NAN), "sequences");
    }
    give(ctx, "handed", no_requests + (double)t->handed, "requests");
    give(ctx, "mean_handoff_ms",
         no_requests + (t->handed > 0 ? (double)t->handoff_ns / (double)t->handed / 1e6 : NAN), "ms");
    give(ctx, "handoff_share", no_requests + (t->ttft_ns > 0 ? (double)t->handoff_ns / (double)t->ttft_ns : NAN), "");
}
