#include "report/cost_rule.h"

#include <math.h>
#include <string.h>

const char *const cost_who_names[COST_WHOS] = {
    [COST_INPUT] = "input", [COST_CACHED] = "cached", [COST_OUTPUT] = "output",
    [COST_LOST] = "lost",   [COST_OTHER] = "other",   [COST_IDLE] = "idle"};

/* Of a part, in US$: by the steps of each pool, by KV in them, by cached KV; and by nobody. */
struct used {
    double steps[STORE_BILL_POOLS_MAX], prompts[STORE_BILL_POOLS_MAX], contexts[STORE_BILL_POOLS_MAX];
    double cached, idle;
};

static double ratio(double a, double b)
{
    return b > 0 ? a / b : 0;
}

static double at_most(double x, double most)
{
    return x < most ? x : most;
}

static double step_ns(const struct cost_taken *t)
{
    return t->of[COST_PREFILL_NS] + t->of[COST_DECODE_NS];
}

/* Of the time that its replicas were there. */
static double busy(const struct cost_pool *p)
{
    return at_most(ratio(step_ns(&p->all), p->there_ns), 1);
}

/* ---- what was used of a part ---- */

static void use_hbm(const struct cost_pool *p, double kv_share, double usd, int64_t pool, struct used *u)
{
    double weights = usd * (1 - kv_share) * busy(p), room = usd * kv_share;
    double prompts = at_most(p->prompt_room, 1), contexts = at_most(p->decode_room, 1 - prompts);

    u->steps[pool] = weights;
    u->prompts[pool] = room * prompts;
    u->contexts[pool] = room * contexts;
    u->cached = room * at_most(p->cached_room, 1 - prompts - contexts);
}

/* GPU time of a pool's steps over that of all whose part it is. */
static double pool_share(const struct store_bill *b, const struct cost_seen *s, const struct store_bill_part *part,
                         int64_t pool)
{
    double all = 0;

    if (part->pool >= 0)
        return part->pool == pool;
    for (int64_t i = 0; i < b->n_pools; i++)
        all += step_ns(&s->pool[i].all) * s->pool[i].gpus;
    return ratio(step_ns(&s->pool[pool].all) * s->pool[pool].gpus, all);
}

static void use_tier(const struct store_bill *b, const struct cost_seen *s, const struct store_bill_part *part,
                     double usd, struct used *u)
{
    const struct cost_tier *t = &s->tier[part->tier];
    double cached = at_most(t->cached, 1), running = at_most(t->running, 1 - cached);
    double others = at_most(t->others, 1 - cached - running);

    u->cached = usd * cached;
    for (int64_t i = 0; i < b->n_pools; i++) {
        double share = usd * pool_share(b, s, part, i);
        u->contexts[i] = share * running;
        u->steps[i] = share * others * (step_ns(&s->pool[i].all) > 0);
    }
}

/* What there is but was taken by no request at all cannot be a request's. */
static void drop_unused(const struct store_bill *b, const struct cost_seen *s, struct used *u)
{
    for (int64_t i = 0; i < b->n_pools; i++) {
        const double *all = s->pool[i].all.of;
        if (!(all[COST_PREFILL_TOKEN_US] > 0))
            u->prompts[i] = 0;
        if (!(all[COST_DECODE_TOKEN_US] > 0))
            u->contexts[i] = 0;
    }
}

static double sum_used(const struct used *u)
{
    double sum = u->cached;

    for (int64_t i = 0; i < STORE_BILL_POOLS_MAX; i++)
        sum += u->steps[i] + u->prompts[i] + u->contexts[i];
    return sum;
}

/* step_usd: of usd, what is paid for steps alone (power above idle). */
static void use_part(const struct store_bill *b, const struct cost_seen *s, const struct store_bill_part *part,
                     double usd, double step_usd, struct used *u)
{
    *u = (struct used){0};
    if (part->tier > 0 && part->tier < STORE_BILL_TIERS_MAX)
        use_tier(b, s, part, usd, u);
    else if (part->is_hbm && part->pool >= 0)
        use_hbm(&s->pool[part->pool], b->pool[part->pool].kv_share, usd, part->pool, u);
    else
        for (int64_t i = 0; i < b->n_pools; i++)
            u->steps[i] = pool_share(b, s, part, i) * ((usd - step_usd) * busy(&s->pool[i]) + step_usd);
    drop_unused(b, s, u);
    u->idle = fmax(0, usd - sum_used(u));
}

/* Of a part that nobody used: the pool whose it is, or all where that has no steps. */
static double payer_share(const struct store_bill *b, const struct cost_seen *s, const struct store_bill_part *part,
                          int64_t pool)
{
    struct store_bill_part shared = *part;

    if (part->pool >= 0 && !(step_ns(&s->pool[part->pool].all) > 0))
        shared.pool = -1;
    return step_ns(&s->pool[pool].all) > 0 ? pool_share(b, s, &shared, pool) : 0;
}

/* With the idle's share of each. */
static void fill_up(const struct store_bill *b, const struct cost_seen *s, const struct store_bill_part *part,
                    struct used *u)
{
    double used = sum_used(u), factor = used > 0 ? 1 + u->idle / used : 0;

    for (int64_t i = 0; i < b->n_pools && used <= 0; i++)
        if (payer_share(b, s, part, i) > 0) {
            u->steps[i] = u->idle * payer_share(b, s, part, i);
            factor = 1;
        }
    if (factor == 0)
        return;
    for (int64_t i = 0; i < b->n_pools; i++) {
        u->steps[i] *= factor;
        u->prompts[i] *= factor;
        u->contexts[i] *= factor;
    }
    u->cached *= factor;
    u->idle = 0;
}

/* ---- whose that was ---- */

/* usd over uses [first, last] of a pool: input and output are what the answered took of the first and second. */
static void give(const struct cost_pool *p, double usd, enum cost_use first, enum cost_use last, double who[COST_WHOS])
{
    double all = 0, served = 0, lost = 0;

    for (int k = first; k <= (int)last; k++) {
        all += p->all.of[k];
        served += p->served.of[k];
        lost += p->lost.of[k];
    }
    all = fmax(all, served + lost); /* token-us are whole numbers: their sums are not exact */
    if (!(all > 0))
        return;
    for (int k = first; k <= (int)last; k++) {
        bool prompt = k == COST_PREFILL_NS || k == COST_PREFILL_TOKEN_US;
        who[prompt ? COST_INPUT : COST_OUTPUT] += usd * (p->served.of[k] / all);
    }
    who[COST_LOST] += usd * (lost / all);
    who[COST_OTHER] += usd * ((all - served - lost) / all);
}

static void give_all(const struct store_bill *b, const struct cost_seen *s, const struct used *u, double who[COST_WHOS])
{
    double hits = fmax(s->hits_all, s->hits_served + s->hits_lost);

    memset(who, 0, COST_WHOS * sizeof *who);
    for (int64_t i = 0; i < b->n_pools; i++) {
        give(&s->pool[i], u->steps[i], COST_PREFILL_NS, COST_DECODE_NS, who);
        give(&s->pool[i], u->prompts[i], COST_PREFILL_TOKEN_US, COST_PREFILL_TOKEN_US, who);
        give(&s->pool[i], u->contexts[i], COST_DECODE_TOKEN_US, COST_DECODE_TOKEN_US, who);
    }
    who[COST_CACHED] += hits > 0 ? u->cached * (s->hits_served / hits) : u->cached; /* kept in vain: for nobody else */
    if (hits > 0) {
        who[COST_LOST] += u->cached * (s->hits_lost / hits);
        who[COST_OTHER] += u->cached * ((hits - s->hits_served - s->hits_lost) / hits);
    }
    who[COST_IDLE] += u->idle;
}

static void add_rates(const struct store_bill *b, const struct cost_seen *s, const struct used *full,
                      struct cost_result *r)
{
    for (int64_t i = 0; i < b->n_pools; i++) {
        const double *all = s->pool[i].all.of;
        double step = ratio(full->steps[i], step_ns(&s->pool[i].all));
        r->rate[i][COST_PREFILL_NS] += step;
        r->rate[i][COST_DECODE_NS] += step;
        r->rate[i][COST_PREFILL_TOKEN_US] += ratio(full->prompts[i], all[COST_PREFILL_TOKEN_US]);
        r->rate[i][COST_DECODE_TOKEN_US] += ratio(full->contexts[i], all[COST_DECODE_TOKEN_US]);
    }
    r->cached_rate += ratio(full->cached, fmax(s->hits_all, s->hits_served + s->hits_lost));
}

/* ---- the bill ---- */

static double replicas_there(const struct store_bill *b, const struct cost_seen *s, int64_t pool)
{
    double members = (double)(b->pool[pool].replicas * b->pool[pool].members);

    return ratio(s->pool[pool].there_ns * 1e-9, s->duration_s * members);
}

static double step_gpu_hours(const struct cost_pool *p)
{
    return step_ns(&p->all) * p->gpus / 3.6e12;
}

static double above_idle_usd(const struct store_bill *b, const struct cost_seen *s, int64_t pool)
{
    const struct store_bill_pool *p = &b->pool[pool];

    return step_gpu_hours(&s->pool[pool]) * (p->busy_W - p->idle_W) / 1000 * b->pue * b->usd_per_kwh;
}

/* As US$ by the time of steps: what is idle goes to them. */
static void count_energy(const struct store_bill *b, const struct cost_seen *s, struct cost_result *r)
{
    for (int64_t i = 0; i < b->n_pools; i++) {
        const struct store_bill_pool *p = &b->pool[i];
        const struct cost_pool *c = &s->pool[i];
        double there_s = s->duration_s * replicas_there(b, s, i) * p->gpus, all = step_ns(&c->all);
        double joules = b->pue * (there_s * (p->idle_W + p->node_W) +
                                  step_gpu_hours(c) * 3600 * (p->busy_W - p->idle_W));
        r->joules += joules;
        r->gpu_hours += there_s / 3600;
        r->input_joules += joules * ratio(c->served.of[COST_PREFILL_NS], all);
        r->output_joules += joules * ratio(c->served.of[COST_DECODE_NS], all);
        r->lost_joules += joules * ratio(step_ns(&c->lost), all);
    }
}

void cost_rule(const struct store_bill *b, const struct cost_seen *s, struct cost_result *r)
{
    memset(r, 0, sizeof *r);
    for (int64_t i = 0; i < b->n_parts; i++) {
        const struct store_bill_part *part = &b->part[i];
        struct cost_share *share = &r->part[i];
        double there = part->by_replica && part->pool >= 0 ? replicas_there(b, s, part->pool) : 1;
        double step_usd = part->is_power && part->pool >= 0 ? above_idle_usd(b, s, part->pool) : 0;
        struct used u;

        share->usd = part->usd_per_h * s->duration_s / 3600 * there + step_usd;
        use_part(b, s, part, share->usd, step_usd, &u);
        give_all(b, s, &u, share->who);
        fill_up(b, s, part, &u);
        give_all(b, s, &u, share->full);
        add_rates(b, s, &u, r);
        r->sum.usd += share->usd;
        for (int k = 0; k < COST_WHOS; k++) {
            r->sum.who[k] += share->who[k];
            r->sum.full[k] += share->full[k];
        }
    }
    count_energy(b, s, r);
}

double cost_of_use(const struct cost_result *r, int64_t n_pools, const struct cost_taken taken[], double hits)
{
    double usd = hits > 0 ? hits * r->cached_rate : 0;

    for (int64_t i = 0; i < n_pools; i++)
        for (int k = 0; k < COST_USES; k++)
            usd += taken[i].of[k] * r->rate[i][k];
    return usd;
}
