/*
 * conform_policy.c - what every registered scheduler, order, cost, evictor and placer of experts must keep, over
 * random views.
 */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/rng.h"
#include "model/expert.h"
#include "policy/cost.h"
#include "policy/evict.h"
#include "policy/order.h"
#include "policy/place.h"
#include "policy/scheduler.h"
#include "../run_suite.h"

/* ---- schedulers ---- */

enum { N_MAX = 64 };

struct mock {
    struct sched_view v;
    struct sched_seq running[N_MAX], waiting[N_MAX]; /* running in order of admission */
    int64_t n_running, victim[N_MAX];                /* index into running */
    int64_t trial_tokens, trial_seqs;                /* kept */
};

static const struct mock *mock_of(const struct sched_view *v)
{
    return (const struct mock *)v;
}

static bool next_partial(const struct sched_view *v, uint64_t *at, struct sched_seq *out)
{
    const struct mock *m = mock_of(v);

    while (*at < (uint64_t)m->n_running) {
        *out = m->running[(*at)++];
        if (!out->decodes)
            return true;
    }
    return false;
}

static bool next_waiting(const struct sched_view *v, uint64_t *at, struct sched_seq *out)
{
    const struct mock *m = mock_of(v);

    if (*at >= (uint64_t)v->n_waiting)
        return false;
    *out = m->waiting[(*at)++];
    return true;
}

static bool next_victim(const struct sched_view *v, uint64_t *at, struct sched_seq *out)
{
    const struct mock *m = mock_of(v);

    if (*at >= (uint64_t)m->n_running)
        return false;
    *out = m->running[m->victim[(*at)++]];
    return true;
}

/* A step takes so long: 1 ns a decode, 5 a prompt token; one that only decodes 3 a sequence. */
static int64_t linear_ns(int64_t n_decode, int64_t tokens)
{
    return n_decode + 5 * tokens;
}

static int64_t trial(int64_t *kept, enum sched_trial what, int64_t more)
{
    int64_t sum = what == SCHED_ANEW ? 0 : *kept + more;

    if (what != SCHED_TRY)
        *kept = sum;
    return sum;
}

static int64_t step_ns(const struct sched_view *v, enum sched_trial what, const struct sched_seq *s, int64_t tokens)
{
    struct mock *m = (struct mock *)(uintptr_t)v;

    (void)s;
    return linear_ns(v->n_decode, trial(&m->trial_tokens, what, tokens));
}

static int64_t decode_ns(const struct sched_view *v, enum sched_trial what, const struct sched_seq *s)
{
    struct mock *m = (struct mock *)(uintptr_t)v;

    (void)s;
    return 3 * (m->n_running + trial(&m->trial_seqs, what, 1));
}

/* The lowest priority first; with none, the latest admitted. */
static void sort_victims(struct mock *m)
{
    m->v.least_priority = INT64_MAX;
    for (int64_t i = 0; i < m->n_running; i++) {
        int64_t k = i;
        for (; k > 0 && m->running[m->victim[k - 1]].priority >= m->running[i].priority; k--)
            m->victim[k] = m->victim[k - 1];
        m->victim[k] = i;
        if (m->running[i].priority < m->v.least_priority)
            m->v.least_priority = m->running[i].priority;
    }
}

static bool is_continuous(const struct scheduler_ops *ops)
{
    return strcmp(ops->policy.name, "continuous") == 0 || strcmp(ops->policy.name, "chunked") == 0;
}

/* The keys that go with continuous only, and reserving admission. */
static bool random_keys(struct scheduler_limits *limits, const struct scheduler_ops *ops, struct rng *r)
{
    bool reserves = rng_below(r, 4) == 0;

    limits->chunked_prefill = rng_below(r, 2) || strcmp(ops->policy.name, "chunked") == 0;
    limits->step_target_ns = 0;
    limits->preempt_for = PREEMPT_FOR_NONE;
    if (!is_continuous(ops))
        return reserves;
    if (limits->chunked_prefill && rng_below(r, 3) == 0)
        limits->step_target_ns = 1 + (int64_t)rng_below(r, 400);
    if (!reserves && rng_below(r, 2))
        limits->preempt_for = PREEMPT_FOR_PRIORITY;
    return reserves;
}

/* A state that a replica can be in: within max_num_seqs, no blocks overdrawn, each request fits alone. */
static void random_view(struct mock *m, struct scheduler_limits *limits, const struct scheduler_ops *ops, struct rng *r)
{
    int64_t block_tokens = 1 + (int64_t)rng_below(r, 32), held = 0, total;

    memset(m, 0, sizeof *m);
    bool reserves = random_keys(limits, ops, r);
    limits->max_num_seqs = 1 + (int64_t)rng_below(r, 20);
    limits->max_num_batched_tokens = limits->max_num_seqs + (int64_t)rng_below(r, 300);
    m->v = (struct sched_view){.limits = limits,
                               .block_tokens = block_tokens,
                               .n_waiting = (int64_t)rng_below(r, 20),
                               .partial = next_partial,
                               .waiting = next_waiting,
                               .victims = next_victim,
                               .step_ns = step_ns,
                               .decode_ns = decode_ns};
    m->n_running = (int64_t)rng_below(r, (uint64_t)limits->max_num_seqs + 1);
    bool partials = false;
    for (int64_t i = 0; i < m->n_running; i++) {
        struct sched_seq *s = &m->running[i];
        partials = partials || rng_below(r, 8) == 0; /* partials are the latest admitted */
        s->seq = (uint32_t)i;
        s->computed = 1 + (int64_t)rng_below(r, 200);
        s->decodes = !partials;
        s->prompt_left = partials ? 1 + (int64_t)rng_below(r, 200) : 0;
        s->blocks = (s->computed + block_tokens - 1) / block_tokens;
        s->grows = s->decodes && s->computed % block_tokens == 0;
        s->priority = limits->preempt_for == PREEMPT_FOR_PRIORITY ? (int64_t)rng_below(r, 3) : 0;
        if (reserves)
            m->v.ahead_blocks += s->grows + sched_blocks_for(&m->v, s, s->prompt_left) + (int64_t)rng_below(r, 3);
        held += s->blocks;
        m->v.n_decode += s->decodes;
        m->v.n_partial += !s->decodes;
        m->v.decode_blocks += s->grows;
    }
    for (int64_t i = 0; i < m->v.n_waiting; i++) {
        struct sched_seq *s = &m->waiting[i];
        *s = (struct sched_seq){.seq = (uint32_t)(1000 + i), .prompt_left = 1 + (int64_t)rng_below(r, 200)};
        s->priority = limits->preempt_for == PREEMPT_FOR_PRIORITY ? (int64_t)rng_below(r, 3) : 0;
        if (reserves)
            s->most_blocks = sched_blocks_for(&m->v, s, s->prompt_left + (int64_t)rng_below(r, 200));
    }
    sort_victims(m);
    total = (400 + block_tokens - 1) / block_tokens;
    if (total < held + m->v.ahead_blocks)
        total = held + m->v.ahead_blocks;
    m->v.free_blocks = total - held + (int64_t)rng_below(r, 20) * (int64_t)rng_below(r, 2);
}

static const struct sched_seq *find(const struct mock *m, uint32_t id)
{
    if (id >= 1000) {
        ck_assert_int_lt(id - 1000, m->v.n_waiting);
        return &m->waiting[id - 1000];
    }
    ck_assert_int_lt(id, m->n_running);
    return &m->running[id];
}

/* Who is preempted comes first in the victims' order, and where others are admitted, gives way to a higher priority. */
static void check_victims(const struct mock *m, const struct sched_plan *p)
{
    const struct sched_view *v = &m->v;
    int64_t highest = 0;

    for (int64_t i = 0; i < p->n_preempt; i++)
        ck_assert_int_eq(p->preempt[i], (uint32_t)m->victim[i]);
    for (int64_t i = 0; i < p->n_admit; i++) {
        int64_t priority = m->waiting[i].priority;
        ck_assert_int_eq(p->admit[i].seq, 1000 + i);
        highest = priority > highest ? priority : highest;
    }
    if (p->n_preempt == 0)
        return;
    ck_assert_int_eq(v->ahead_blocks, 0);
    ck_assert(p->n_admit == 0 || v->limits->preempt_for == PREEMPT_FOR_PRIORITY);
    for (int64_t i = 0; i < p->n_preempt && p->n_admit > 0; i++)
        ck_assert_int_lt(find(m, p->preempt[i])->priority, highest);
}

static void check_target(const struct mock *m, const struct sched_plan *p, int64_t decodes, int64_t tokens)
{
    int64_t target = m->v.limits->step_target_ns;

    if (target == 0)
        return;
    if (decodes > 0 && tokens > 0)
        ck_assert_int_le(linear_ns(decodes, tokens), target);
    if (p->n_admit > 0 && m->n_running + p->n_admit > 1)
        ck_assert_int_le(3 * (m->n_running - p->n_preempt + p->n_admit), target);
}

static void check_plan(const struct mock *m, const struct sched_plan *p)
{
    const struct sched_view *v = &m->v;
    bool seen[2000] = {false};
    int64_t decodes = v->n_decode, blocks = v->decode_blocks, free = v->free_blocks, tokens = 0, running = m->n_running;
    int64_t reserved = v->ahead_blocks;

    for (int64_t i = 0; i < p->n_preempt; i++) {
        const struct sched_seq *s = find(m, p->preempt[i]);
        ck_assert(p->preempt[i] < 1000 && !seen[p->preempt[i]]);
        seen[p->preempt[i]] = true;
        decodes -= s->decodes;
        blocks -= s->grows;
        free += s->blocks;
        running--;
    }
    if (p->decodes_pause)
        decodes = blocks = 0;
    for (int64_t i = 0; i < p->n_chunk + p->n_admit; i++) {
        bool admitted = i >= p->n_chunk;
        const struct sched_chunk *c = admitted ? &p->admit[i - p->n_chunk] : &p->chunk[i];
        const struct sched_seq *s = find(m, c->seq);
        ck_assert(!seen[c->seq] && admitted == (c->seq >= 1000));
        seen[c->seq] = true;
        ck_assert(!s->decodes && c->tokens >= 1 && c->tokens <= s->prompt_left);
        tokens += c->tokens;
        blocks += sched_blocks_for(v, s, c->tokens);
        running += admitted;
        reserved += admitted ? s->most_blocks : 0;
    }
    check_victims(m, p);
    check_target(m, p, decodes, tokens);
    ck_assert_int_le(reserved, v->free_blocks);
    ck_assert_int_le(decodes + tokens, v->limits->max_num_batched_tokens);
    ck_assert_int_le(running, v->limits->max_num_seqs);
    ck_assert_int_le(blocks, free);
    if (m->n_running + v->n_waiting > 0)
        ck_assert_int_gt(decodes + tokens, 0); /* it goes on */
}

START_TEST(schedulers_keep_the_rules)
{
    const struct scheduler_ops *ops = (const struct scheduler_ops *)policy_list(POLICY_SCHEDULER)[_i];
    struct rng rng;
    struct mock m;
    struct scheduler_limits limits;
    struct sched_plan a = {0}, b = {0};
    int64_t admitted = 0, preempted = 0, gave_way = 0, targets = 0, reserved = 0;

    rng_init(&rng, 11, 0, 0, RNG_TEST);
    for (int i = 0; i < 5000; i++) {
        random_view(&m, &limits, ops, &rng);
        sched_plan_clear(&a);
        sched_plan_clear(&b);
        ops->plan(NULL, &m.v, &a);
        ops->plan(NULL, &m.v, &b);
        check_plan(&m, &a);
        ck_assert(a.n_preempt == b.n_preempt && a.n_chunk == b.n_chunk && a.n_admit == b.n_admit);
        for (int64_t k = 0; k < a.n_admit; k++)
            ck_assert(a.admit[k].seq == b.admit[k].seq && a.admit[k].tokens == b.admit[k].tokens);
        gave_way += a.n_preempt > 0 && a.n_admit > 0;
        targets += limits.step_target_ns > 0 && a.n_chunk + a.n_admit > 0 && m.v.n_decode > 0;
        reserved += m.v.ahead_blocks > 0 && a.n_admit > 0;
        admitted += a.n_admit;
        preempted += a.n_preempt;
    }
    ck_assert_int_gt(admitted, 0);
    ck_assert_int_gt(preempted, 0);
    ck_assert(strcmp(ops->policy.name, "static") == 0 || reserved > 100);
    ck_assert(!is_continuous(ops) || (gave_way > 100 && targets > 100));
    sched_plan_free(&a);
    sched_plan_free(&b);
}
END_TEST

/* ---- orders ---- */

static struct order_view random_request(const struct order_class *class, struct rng *r)
{
    struct order_view v = {.class = class,
                           .t_arrive_ns = (int64_t)rng_below(r, 1000000),
                           .t_first_ns = -1,
                           .input_tokens = 1 + (int64_t)rng_below(r, 1000),
                           .predicted = 1 + (int64_t)rng_below(r, 1000),
                           .compute_ns = (int64_t)rng_below(r, 1000000)};

    v.to_compute = v.input_tokens;
    if (rng_below(r, 2)) {
        v.generated = 1 + (int64_t)rng_below(r, 1000);
        v.t_first_ns = v.t_arrive_ns + (int64_t)rng_below(r, 1000000);
        v.to_compute += v.generated;
    }
    return v;
}

/* One of three sorts; an answer is a function of what it sees; what costs more costs more. */
START_TEST(orders_keep_the_rules)
{
    const struct order_ops *ops = (const struct order_ops *)policy_list(POLICY_ORDER)[_i];
    struct order_class class = {.ttft_ns = INT64_MAX / 2, .tpot_ns = INT64_MAX / 2, .share = 1}, higher;
    struct arena arena;
    struct diags diags;
    struct ini_entries none = {0};
    struct rng r;
    int64_t sooner = 0;

    arena_init(&arena);
    diags_init(&diags);
    void *options = mem_zalloc(1, ops->policy.options_size + 1);
    struct opt_bind bind = {.section = "scheduler", .prefix = "", .table = &ops->policy.options, .base = options};
    opt_apply(&bind, &none, &arena, &diags);
    ck_assert_int_eq(diags.n, 0); /* every key has a default */
    ck_assert(ops->key == NULL || ops->cost == NULL);
    ck_assert(ops->predictor_error == NULL || (ops->key && ops->predictor_error(options) == 0));
    rng_init(&r, 3, 0, 0, RNG_TEST);
    for (int i = 0; i < 2000; i++) {
        struct order_view v = random_request(&class, &r), more;
        int64_t n = (int64_t)rng_below(&r, 1000);
        if (ops->cost)
            ck_assert(ops->cost(options, n, 5) >= 0 && ops->cost(options, n + 1, 5) > ops->cost(options, n, 5) &&
                      ops->cost(options, n, 6) > ops->cost(options, n, 5));
        if (ops->key == NULL)
            continue;
        int64_t key = ops->key(options, &v);
        ck_assert_int_eq(key, ops->key(options, &v));
        more = v; /* of less importance, later, longer: never before */
        more.t_arrive_ns += n;
        more.t_first_ns += v.t_first_ns >= 0 ? n : 0;
        more.predicted += n;
        ck_assert_int_ge(ops->key(options, &more), key);
        more = v; /* takes longer: never behind, and where the order is not timed, all the same */
        more.compute_ns += n + 1;
        sooner += ops->key(options, &more) < key;
        ck_assert(ops->timed ? ops->key(options, &more) <= key : ops->key(options, &more) == key);
        higher = class;
        higher.priority += n;
        higher.ttft_ns -= n;
        v.class = &higher;
        ck_assert_int_le(ops->key(options, &v), key);
    }
    ck_assert(ops->timed == (sooner > 0));
    free(options);
    diags_free(&diags);
    arena_free(&arena);
}
END_TEST

/* ---- costs ---- */

START_TEST(costs_rise_with_the_work)
{
    const struct cost_ops *ops = (const struct cost_ops *)policy_list(POLICY_COST)[_i];
    int64_t options[8] = {1000000};
    void *state = calloc(1, ops->state_size);
    struct layout l = {
        .gpu = {.memory_bytes = INT64_C(80) << 30,
                .memory_Bps = 3.35e12,
                .bf16_flops = 989e12,
                .fp8_flops = 1979e12,
                .nvlink_Bps = 450e9},
        .model = {.layers = 80,
                  .hidden = 8192,
                  .vocab = 128256,
                  .q_heads = 64,
                  .kv_heads = 8,
                  .head_dim = 128,
                  .dense_inter = 28672,
                  .max_context = 131072},
        .replica =
            {.count = 1, .tp = 4, .dp = 1, .pp = 1, .cp = 1, .pcp = 1, .kv_block_tokens = 16, .memory_fraction = 0.9},
        .engine = {.step_overhead_ns = 1000000,
                   .seq_overhead_ns = 10000,
                   .gemm_scale = 1,
                   .gemm_flops_scale = 1,
                   .moe_scale = 1,
                   .moe_flops_scale = 1,
                   .moe4_scale = 1,
                   .attention_scale = 1,
                   .prefill_scale = 1,
                   .comm_scale = 1,
                   .launch_scale = 1},
        .limits = {.max_num_seqs = 256, .max_num_batched_tokens = 8192, .chunked_prefill = true},
    };

    for (int i = 0; i < KERNEL_COUNT; i++)
        l.kernels.at[i] = (struct kernel){0.6, 10, 0.8, 5e-6, 40};
    ops->prepare(options, &l, state);
    struct cost_step empty = {.n_decode = 1, .ctx = {1}, .n_logits = 1};
    int64_t base = ops->step_ns(state, &empty);
    ck_assert_int_gt(base, 0);
    for (size_t field = 0; field < sizeof empty / sizeof(int64_t); field++) {
        struct cost_step more = empty;
        ((int64_t *)&more)[field] += 5000;
        ck_assert_int_ge(ops->step_ns(state, &more), base);
    }
    ck_assert_int_gt(cost_kv_blocks(&l), 1000);
    free(state);
}
END_TEST

/* ---- evictors ---- */

/* Keys are numbers, the same for the same history; a use lowers none where nothing but use is known of the copy (an
 * oracle goes by the future); times do not run out before they begin; what was demoted is protected no more. */
START_TEST(evictors_keep_the_rules)
{
    const struct evict_ops *ops = (const struct evict_ops *)policy_list(POLICY_EVICT)[_i];
    struct arena arena;
    struct diags diags;
    struct ini_entries none = {0};
    struct rng r;

    arena_init(&arena);
    diags_init(&diags);
    void *options = mem_zalloc(1, ops->policy.options_size + 1);
    struct opt_bind bind = {.section = "cache", .prefix = "", .table = &ops->policy.options, .base = options};
    opt_apply(&bind, &none, &arena, &diags);
    ck_assert_int_eq(diags.n, 0); /* every key has a default */
    void *state = mem_zalloc(1, ops->state_size + 1), *again = mem_zalloc(1, ops->state_size + 1);
    rng_init(&r, 9, 0, 0, RNG_TEST);
    for (int k = 0; k < 300; k++) {
        struct evict_view v = {.tick = 1 + (int64_t)rng_below(&r, 1000),
                               .blocks = 1 + (int64_t)rng_below(&r, 9),
                               .depth = (int64_t)rng_below(&r, 99),
                               .block_bytes = 4096,
                               .recompute_s = 1e-3,
                               .next_use = (int64_t)rng_below(&r, 1000),
                               .store_blocks = 100,
                               .uses = 1};
        v.put_tick = v.tick;
        for (int use = 0; use < 20; use++) {
            double key = ops->key(options, state, &v);
            ck_assert(isfinite(key) && key == ops->key(options, again, &v));
            ck_assert(use == 0 || ops->oracle || key >= v.last_key);
            if (ops->expires_ns)
                ck_assert_int_gt(ops->expires_ns(options, &v), v.now_ns);
            v.last_key = key;
            v.uses++;
            v.tick += 1 + (int64_t)rng_below(&r, 50);
            v.now_ns += (int64_t)rng_below(&r, 1000000);
        }
        v.demoted = true;
        if (ops->protects) {
            ck_assert_double_ge(v.last_key, EVICT_PROTECTED);
            ck_assert_double_lt(ops->key(options, state, &v), EVICT_PROTECTED);
            ck_assert(ops->protects(options, 100) >= 0 && ops->protects(options, 100) <= 100);
        } else {
            ck_assert_double_lt(v.last_key, EVICT_PROTECTED);
        }
        if (ops->evicted) {
            ops->evicted(state, v.last_key, v.blocks);
            ops->evicted(again, v.last_key, v.blocks);
        }
    }
    free(options);
    free(state);
    free(again);
    diags_free(&diags);
    arena_free(&arena);
}
END_TEST

/* ---- placers of experts ---- */

static void random_option(const struct opt *row, void *base, struct rng *r)
{
    void *member = (char *)base + row->offset;

    switch (row->kind) {
    case OPT_INT:
        *(int64_t *)member = (int64_t)row->min + (int64_t)rng_below(r, 50);
        break;
    case OPT_REAL:
        *(double *)member = row->min + (row->max - row->min) * rng_u01(r);
        break;
    case OPT_CHOICE: {
        uint64_t n = 0;
        while (row->choices[n])
            n++;
        *(int *)member = (int)rng_below(r, n);
        break;
    }
    default:
        ck_abort_msg("%s: no random value for an option of this kind", row->name);
    }
}

static void *random_options(const struct policy *p, struct rng *r)
{
    void *options = mem_zalloc(1, p->options_size + 1);

    for (size_t i = 0; i < p->options.n; i++)
        random_option(&p->options.rows[i], options, r);
    return options;
}

static double place_key(const struct place_ops *ops, const void *options, const struct place_view *v)
{
    double key = ops->key(options, v);

    ck_assert(isfinite(key) && key >= 0 && key >= v->last_key);
    ck_assert(key == ops->key(options, v)); /* it goes by the view alone */
    return key;
}

/* Keys are numbers of at least 0 that never fall by a use; ageing leaves a part of them; accuracy is a share. */
START_TEST(placers_keep_the_rules)
{
    const struct place_ops *ops = (const struct place_ops *)policy_list(POLICY_PLACE)[_i];
    struct rng r;

    rng_init(&r, 13, 0, 0, RNG_TEST);
    for (int k = 0; k < 300; k++) {
        void *options = random_options(&ops->policy, &r);
        struct place_view v = {.popularity = rng_u01(&r)};
        double key = place_key(ops, options, &v);
        for (int use = 0; use < 50; use++) {
            int64_t next = v.step + 1 + (int64_t)rng_below(&r, 20);
            while (v.step < next) {
                v.step++;
                double factor = ops->aging ? ops->aging(options, v.step) : 1;
                ck_assert(factor > 0 && factor <= 1);
                key *= factor;
            }
            v.last_key = key;
            key = place_key(ops, options, &v);
        }
        if (ops->challenge)
            ck_assert_int_eq(ops->challenge(options), ops->challenge(options));
        if (ops->accuracy)
            ck_assert(ops->accuracy(options) >= 0 && ops->accuracy(options) <= 1);
        free(options);
    }
}
END_TEST

static struct expert_config random_experts(struct expert_options *o, struct rng *r)
{
    int64_t experts = 4 + (int64_t)rng_below(r, 60), topk = 1 + (int64_t)rng_below(r, 4);

    o->hot_share = rng_u01(r);
    o->popularity = rng_below(r, 4) > 0 ? EXPERTS_ZIPF : EXPERTS_UNIFORM;
    o->drift_ns = (int64_t)rng_below(r, 3) * 10;
    o->drift_share = rng_u01(r);
    o->layers = (int64_t)rng_below(r, 4);
    return (struct expert_config){.layers = 1 + (int64_t)rng_below(r, 5),
                                  .experts = experts,
                                  .topk = topk,
                                  .ranks = 1 + (int64_t)rng_below(r, 4),
                                  .skew = 2 * rng_u01(r),
                                  .options = o,
                                  .seed = rng_u64(r)};
}

/* A step of what the policy placed: each expert that is used was somewhere, slots are never overdrawn and change by
 * what was kept and left. */
static struct expert_use checked_step(struct expert_pool *p, const struct expert_config *c, const struct place_ops *ops,
                                      int64_t tokens)
{
    int64_t before = expert_resident(p);
    struct expert_use u = expert_step(p, tokens);

    ck_assert(u.hits >= 0 && u.right >= 0 && u.wrong >= 0 && u.absent >= 0 && u.evicted >= 0);
    ck_assert_int_eq(u.distinct, u.hits + u.right + u.absent);
    ck_assert_int_ge(u.distinct, tokens > 0 ? c->topk * c->layers : 0);
    ck_assert(u.absent_slowest <= u.absent && u.absent_slowest * c->ranks >= u.absent);
    ck_assert_int_le(u.kept, u.right + u.wrong + u.absent);
    ck_assert_int_eq(expert_resident(p), before + u.kept - u.evicted);
    ck_assert_int_le(expert_resident(p), expert_slots(p));
    if (!ops->accuracy)
        ck_assert(u.right == 0 && u.wrong == 0);
    expert_check(p);
    return u;
}

START_TEST(placed_experts_keep_the_rules)
{
    const struct place_ops *ops = (const struct place_ops *)policy_list(POLICY_PLACE)[_i];
    int64_t hits = 0, kept = 0, absent = 0;
    struct rng r;

    rng_init(&r, 17, 0, 0, RNG_TEST);
    for (int k = 0; k < 150; k++) {
        struct expert_options o = {.place = ops, .place_options = random_options(&ops->policy, &r)};
        struct expert_config c = random_experts(&o, &r);
        struct expert_pool *p = expert_new(&c), *again = expert_new(&c);
        ck_assert_int_eq(expert_resident(p), expert_slots(p)); /* placed from the start */
        for (int step = 0; step < 40; step++) {
            int64_t tokens = (int64_t)rng_below(&r, 40);
            struct expert_use u = checked_step(p, &c, ops, tokens), v = expert_step(again, tokens);
            ck_assert_mem_eq(&u, &v, sizeof u);
            hits += u.hits;
            kept += u.kept;
            absent += u.absent;
            ck_assert_int_eq(expert_drift(p, step), expert_drift(again, step));
            if (rng_below(&r, 20) == 0) {
                double share = rng_u01(&r);
                int64_t resident = expert_resident(p), gone = expert_resize(p, share);
                ck_assert_int_eq(gone, expert_resize(again, share));
                ck_assert_int_eq(expert_resident(p), resident - gone);
            }
        }
        ck_assert(expert_digest(p) == expert_digest(again));
        expert_free(p);
        expert_free(again);
        free(o.place_options);
    }
    ck_assert(hits > 0 && kept > 0 && absent > 0);
}
END_TEST

static int count(enum policy_kind kind)
{
    int n = 0;
    while (policy_list(kind)[n])
        n++;
    return n;
}

START_TEST(names_are_unique_and_findable)
{
    const struct policy *const *list = policy_list(_i);

    for (int i = 0; list[i]; i++) {
        ck_assert_ptr_eq(policy_find(_i, list[i]->name), list[i]);
        ck_assert(list[i]->help && strlen(list[i]->help) > 10);
        ck_assert(list[i]->options.n == 0 || list[i]->options_size > 0);
    }
    ck_assert_ptr_null(policy_find(_i, "no_such_policy"));
}
END_TEST

int main(void)
{
    Suite *s = suite_create("conform_policy");
    TCase *c = tcase_create("registries");

    tcase_set_timeout(c, 60);
    tcase_add_loop_test(c, names_are_unique_and_findable, 0, POLICY_KINDS);
    tcase_add_loop_test(c, schedulers_keep_the_rules, 0, count(POLICY_SCHEDULER));
    tcase_add_loop_test(c, orders_keep_the_rules, 0, count(POLICY_ORDER));
    tcase_add_loop_test(c, costs_rise_with_the_work, 0, count(POLICY_COST));
    tcase_add_loop_test(c, evictors_keep_the_rules, 0, count(POLICY_EVICT));
    tcase_add_loop_test(c, placers_keep_the_rules, 0, count(POLICY_PLACE));
    tcase_add_loop_test(c, placed_experts_keep_the_rules, 0, count(POLICY_PLACE));
    suite_add_tcase(s, c);
    return run_suite(s);
}
