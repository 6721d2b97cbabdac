#include "report/collect_cost.h"

#include <math.h>
#include <stdlib.h>

#include "base/bug.h"
#include "report/keyed.h"

/* What a request, or the calls of a task, took: by pool, and tokens found cached. Rows of struct keyed. */
struct taken {
    struct cost_taken pool[STORE_BILL_POOLS_MAX];
    double hits;
};
enum { TAKEN_WIDTH = sizeof(struct taken) / sizeof(double) };

struct of_pool {
    int64_t end, members;        /* its replicas are those below; rows that are one of them */
    double kv_blocks;            /* of each */
    double prompt, decode, cached; /* blocks x ns */
    int64_t present, t_ns;       /* [autoscale]: replicas that there are, as of then */
    double there_ns;
    bool scales;
};

struct of_tier {
    double cached, running, others, all; /* bytes, over the samples */
};

struct cost_tally {
    const struct store_bill *bill;
    const struct store_memory *memory;
    int64_t warmup_ns;
    struct of_pool pool[STORE_BILL_POOLS_MAX];
    struct of_tier tier[STORE_BILL_TIERS_MAX];
    struct cost_seen seen;
    double requests, input_tokens, output_tokens; /* of the answered */
    struct taken sessions, tasks;                 /* of the answered */
    int64_t n_tasks;
    struct keyed session_ids, calls, live; /* calls that wait for their step's end; tasks that go on */
    struct cost_result result;
    struct store_cost *costs;
    int64_t n_costs;
    struct store_rate rates[STORE_BILL_POOLS_MAX * COST_USES + 1];
    int64_t n_rates;
};

static void add(struct taken *to, const struct taken *t)
{
    for (int i = 0; i < STORE_BILL_POOLS_MAX; i++)
        for (int k = 0; k < COST_USES; k++)
            to->pool[i].of[k] += t->pool[i].of[k];
    to->hits += t->hits;
}

/* ---- records ---- */

static int64_t pool_of(const struct cost_tally *t, int64_t replica)
{
    int64_t i = 0;

    while (i < t->bill->n_pools - 1 && replica >= t->pool[i].end)
        i++;
    return i;
}

static void count_step(struct cost_tally *t, const struct ev_step_share *s)
{
    int64_t i = pool_of(t, s->replica);
    double ns = (double)(s->prefill_ns + s->decode_ns), *all = t->seen.pool[i].all.of;

    if (s->t_start_ns < t->warmup_ns)
        return;
    all[COST_PREFILL_NS] += (double)s->prefill_ns;
    all[COST_DECODE_NS] += (double)s->decode_ns;
    all[COST_PREFILL_TOKEN_US] += (double)s->prefill_token_us;
    all[COST_DECODE_TOKEN_US] += (double)s->decode_token_us;
    t->pool[i].prompt += ns * (double)s->prefill_blocks;
    t->pool[i].decode += ns * (double)s->decode_blocks;
    t->pool[i].cached += ns * (double)s->cached_blocks;
}

static struct taken taken_of(const struct ev_request_cost *c)
{
    struct taken t = {0};

    t.pool[c->pool] = (struct cost_taken){{(double)c->prefill_ns, (double)c->decode_ns, (double)c->prefill_token_us,
                                           (double)c->decode_token_us}};
    return t;
}

static void count_cost(struct cost_tally *t, const struct ev_request_cost *c)
{
    if (c->pool >= t->bill->n_pools || c->t_arrive_ns < t->warmup_ns)
        return;
    struct cost_pool *p = &t->seen.pool[c->pool];
    struct taken taken = taken_of(c);
    for (int k = 0; k < COST_USES; k++)
        (c->answered ? &p->served : &p->lost)->of[k] += taken.pool[c->pool].of[k];
    if (c->answered && c->session >= 0)
        add(&t->sessions, &taken);
    if (c->answered && c->for_task)
        add((struct taken *)keyed_at(&t->calls, c->request), &taken);
}

static void count_request(struct cost_tally *t, const struct ev_request *q, bool last)
{
    bool ends = q->t_end_ns >= 0, counts = q->t_arrive_ns >= t->warmup_ns, answered = q->status == REQUEST_COMPLETED;
    double hits = (double)q->hit_tokens;

    if ((!ends && !last) || (ends && q->t_end_ns < t->warmup_ns))
        return;
    t->seen.hits_all += hits;
    if (!ends || !counts)
        return;
    if (!answered) {
        t->seen.hits_lost += hits;
        return;
    }
    t->seen.hits_served += hits;
    t->requests++;
    t->input_tokens += (double)q->input_tokens;
    t->output_tokens += (double)q->output_tokens;
    if (q->session >= 0) {
        t->sessions.hits += hits;
        keyed_at(&t->session_ids, q->session);
    }
}

static void count_call(struct cost_tally *t, const struct ev_agent_step *s)
{
    double *call = keyed_find(&t->calls, s->request);
    struct taken taken = call ? *(struct taken *)call : (struct taken){0};

    if (!s->answered)
        return;
    taken.hits = (double)s->hit_tokens;
    keyed_drop(&t->calls, s->request);
    add((struct taken *)keyed_at(&t->live, s->task), &taken);
}

static void count_task(struct cost_tally *t, const struct ev_agent_task *k)
{
    double *live = keyed_find(&t->live, k->id);

    if (k->answered && k->t_start_ns >= t->warmup_ns) {
        t->n_tasks++;
        if (live)
            add(&t->tasks, (struct taken *)live);
    }
    keyed_drop(&t->live, k->id);
}

static void count_room(struct cost_tally *t, const struct ev_room_sample *r)
{
    if (r->t_ns <= t->warmup_ns || r->tier == 0 || r->tier >= STORE_BILL_TIERS_MAX || r->tier >= t->memory->n_tiers)
        return;
    struct of_tier *tier = &t->tier[r->tier];
    tier->cached += (double)r->cached_bytes;
    tier->running += (double)r->running_bytes;
    tier->others += (double)(r->expert_bytes + r->table_bytes);
    tier->all += (double)t->memory->tiers[r->tier].hardware_bytes;
}

static void count_present(struct cost_tally *t, struct of_pool *p, int64_t t_ns)
{
    int64_t from = p->t_ns > t->warmup_ns ? p->t_ns : t->warmup_ns;

    if (t_ns > from)
        p->there_ns += (double)(t_ns - from) * (double)p->present;
    p->t_ns = t_ns;
}

static void count_scale(struct cost_tally *t, const struct ev_scale *s)
{
    enum { STARTS, READY, DRAINS, ENDED, FAILED };
    struct of_pool *p = &t->pool[pool_of(t, s->replica)];

    count_present(t, p, s->t_ns);
    p->scales = true;
    p->present += s->what == STARTS ? 1 : s->what == ENDED || s->what == FAILED ? -1 : 0;
}

#define EACH(kind, table, f, ...)                                                                                      \
    for (uint32_t i = 0; i < u->n[EV_##kind]; i++)                                                                     \
    f(t, &((const struct ev_##table *)u->rec[EV_##kind])[i] __VA_ARGS__)

/* A call's cost comes before the end of its step, and that before its task's, also within a unit. */
void cost_tally_consume(struct cost_tally *t, const struct trace_unit *u)
{
    EACH(STEP_SHARE, step_share, count_step);
    EACH(REQUEST_COST, request_cost, count_cost);
    EACH(REQUEST, request, count_request, , u->last);
    EACH(SCALE, scale, count_scale);
    EACH(ROOM_SAMPLE, room_sample, count_room);
    EACH(AGENT_STEP, agent_step, count_call);
    EACH(AGENT_TASK, agent_task, count_task);
}

/* ---- what came of it ---- */

static double ratio(double a, double b)
{
    return b > 0 ? a / b : NAN;
}

static double share(double a, double b)
{
    return b > 0 ? a / b : 0;
}

static void see(struct cost_tally *t, int64_t t_end_ns)
{
    double ns = t_end_ns > t->warmup_ns ? (double)(t_end_ns - t->warmup_ns) : 0;

    t->seen.duration_s = ns * 1e-9;
    for (int64_t i = 0; i < t->bill->n_pools; i++) {
        struct of_pool *p = &t->pool[i];
        struct cost_pool *c = &t->seen.pool[i];
        if (p->scales)
            count_present(t, p, t_end_ns);
        else
            p->there_ns = ns * (double)t->bill->pool[i].replicas;
        c->there_ns = p->there_ns * (double)p->members;
        double room = p->kv_blocks * c->there_ns;
        c->prompt_room = share(p->prompt, room);
        c->decode_room = share(p->decode, room);
        c->cached_room = share(p->cached, room);
    }
    for (int i = 0; i < STORE_BILL_TIERS_MAX; i++) {
        const struct of_tier *r = &t->tier[i];
        t->seen.tier[i] =
            (struct cost_tier){share(r->cached, r->all), share(r->running, r->all), share(r->others, r->all)};
    }
}

static void set_rows(struct cost_tally *t)
{
    static const char *const uses[COST_USES] = {"prefill_ns", "decode_ns", "prefill_token_us", "decode_token_us"};
    const struct cost_result *r = &t->result;

    t->costs = mem_zalloc((size_t)t->bill->n_parts * COST_WHOS + 1, sizeof *t->costs);
    for (int64_t i = 0; i < t->bill->n_parts; i++)
        for (int k = 0; k < COST_WHOS; k++)
            t->costs[t->n_costs++] =
                (struct store_cost){i, cost_who_names[k], r->part[i].who[k], r->part[i].full[k]};
    for (int64_t i = 0; i < t->bill->n_pools; i++)
        for (int k = 0; k < COST_USES; k++)
            t->rates[t->n_rates++] = (struct store_rate){i, uses[k], r->rate[i][k]};
    t->rates[t->n_rates++] = (struct store_rate){-1, "cached_tokens", r->cached_rate};
}

static double cost_of(const struct cost_tally *t, const struct taken *taken)
{
    return cost_of_use(&t->result, t->bill->n_pools, taken->pool, taken->hits);
}

static void give_unit_costs(const struct cost_tally *t, double spread, cost_give *give, void *ctx)
{
    const struct cost_result *r = &t->result;
    const double *full = r->sum.full, hits = t->seen.hits_served, tokens = t->input_tokens + t->output_tokens;
    double answered = (full[COST_INPUT] + full[COST_CACHED] + full[COST_OUTPUT]) * spread;

    give(ctx, "cached_input_tokens", hits, "tokens");
    give(ctx, "usd_per_m_input", ratio(full[COST_INPUT] * spread, t->input_tokens - hits) * 1e6, "US$");
    give(ctx, "usd_per_m_cached_input", ratio(full[COST_CACHED] * spread, hits) * 1e6, "US$");
    give(ctx, "usd_per_m_output", ratio(full[COST_OUTPUT] * spread, t->output_tokens) * 1e6, "US$");
    give(ctx, "usd_per_m_total", ratio(answered, tokens) * 1e6, "US$");
    give(ctx, "usd_per_request", ratio(answered, t->requests), "US$");
    if (t->session_ids.n > 0)
        give(ctx, "usd_per_session", cost_of(t, &t->sessions) * spread / (double)t->session_ids.n, "US$");
    if (t->n_tasks > 0)
        give(ctx, "usd_per_task", cost_of(t, &t->tasks) * spread / (double)t->n_tasks, "US$");
}

static void give_energy(const struct cost_tally *t, cost_give *give, void *ctx)
{
    const struct cost_result *r = &t->result;
    double answered = r->input_joules + r->output_joules, spread = 1 + share(r->lost_joules, answered);

    give(ctx, "energy_kwh", r->joules / 3.6e6, "kWh");
    give(ctx, "joules_per_output_token", ratio(r->output_joules * spread, t->output_tokens), "J");
    give(ctx, "joules_per_token", ratio(answered * spread, t->input_tokens + t->output_tokens), "J");
}

static void give_revenue(const struct cost_tally *t, double inner, cost_give *give, void *ctx)
{
    const struct store_bill *b = t->bill;
    double hits = t->seen.hits_served, per_gpu_h = ratio(t->result.sum.usd, t->result.gpu_hours);
    double input = (t->input_tokens - hits) * b->card_input + hits * b->card_cached;
    double usd = (input + t->output_tokens * b->card_output) / 1e6;

    if (isnan(usd))
        return;
    double revenue = ratio(usd, t->result.gpu_hours * inner);
    give(ctx, "revenue_usd", usd, "US$");
    give(ctx, "revenue_usd_per_gpu_h", revenue, "US$/h");
    give(ctx, "margin_usd_per_gpu_h", revenue - per_gpu_h, "US$/h");
}

void cost_tally_metrics(struct cost_tally *t, const bool lacks[EV_KINDS], int64_t t_end_ns, cost_give *give, void *ctx)
{
    const struct cost_result *r = &t->result;

    if (lacks[EV_STEP_SHARE] || lacks[EV_REQUEST_COST] || lacks[EV_REQUEST])
        return;
    see(t, t_end_ns);
    cost_rule(t->bill, &t->seen, &t->result);
    set_rows(t);
    const double *full = r->sum.full;
    double answered = full[COST_INPUT] + full[COST_CACHED] + full[COST_OUTPUT];
    double inner = 1 - share(full[COST_OTHER], r->sum.usd);
    give(ctx, "cost_usd", r->sum.usd, "US$");
    give(ctx, "cost_usd_per_h", ratio(r->sum.usd, t->seen.duration_s) * 3600, "US$/h");
    give(ctx, "usd_per_gpu_h", ratio(r->sum.usd, r->gpu_hours), "US$/h");
    give(ctx, "cost_idle_share", ratio(r->sum.who[COST_IDLE], r->sum.usd), "");
    give_unit_costs(t, 1 + share(full[COST_LOST], answered), give, ctx);
    give(ctx, "output_tokens_per_usd", ratio(t->output_tokens, r->sum.usd * inner), "tokens/US$");
    give_energy(t, give, ctx);
    give_revenue(t, inner, give, ctx);
}

int64_t cost_tally_costs(const struct cost_tally *t, const struct store_cost **out)
{
    *out = t->costs;
    return t->n_costs;
}

int64_t cost_tally_rates(const struct cost_tally *t, const struct store_rate **out)
{
    *out = t->rates;
    return t->n_rates;
}

/* ---- life ---- */

struct cost_tally *cost_tally_new(const struct store_bill *b, const struct store_pool *pools,
                                  const struct store_memory *m, int64_t warmup_ns)
{
    struct cost_tally *t = mem_zalloc(1, sizeof *t);
    int64_t end = 0;

    *t = (struct cost_tally){.bill = b, .memory = m, .warmup_ns = warmup_ns};
    t->calls.width = t->live.width = TAKEN_WIDTH;
    for (int64_t i = 0; i < b->n_pools; i++)
        t->pool[i] = (struct of_pool){
            .end = end += pools[i].n_replicas, .members = pools[i].members, .kv_blocks = (double)pools[i].kv_blocks};
    for (int64_t i = 0; i < b->n_pools; i++)
        t->seen.pool[i].gpus = (double)pools[i].gpus;
    return t;
}

void cost_tally_free(struct cost_tally *t)
{
    if (t == NULL)
        return;
    keyed_free(&t->session_ids);
    keyed_free(&t->calls);
    keyed_free(&t->live);
    free(t->costs);
    free(t);
}
