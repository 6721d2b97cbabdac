/*
 * prop_batch.c - the O(1) batch against a twin that loops over every sequence in every step.
 *
 * The twin is vLLM v1's scheduling loop written out: running sequences in order take their tokens and blocks, the last
 * running one is preempted when a block is missing, waiting ones are admitted if nothing was preempted.
 * Random lengths, arrivals, block sizes and cache sizes; every step is compared whole.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/rng.h"
#include "model/replica.h"
#include "../run_suite.h"

extern const struct scheduler_ops sched_continuous_ops, sched_static_ops;
extern const struct cost_ops cost_fixed_ops;

enum { MAX_SEQS = 4000 };

struct twin_seq {
    int64_t id, input, output, generated, computed, blocks, chunk;
    bool decodes; /* has given a token since it was last admitted */
};

struct twin {
    struct twin_seq running[MAX_SEQS], waiting[MAX_SEQS];
    int64_t n_running, n_waiting;
    int64_t block_tokens, free_blocks, budget, max_seqs, preemptions;
    bool chunked;
    /* of the current step */
    int64_t n_decode, n_prefill, prefill_tokens, ctx, tokens_out;
    int64_t ended[MAX_SEQS], n_ended;
};

static int64_t need_tokens(const struct twin_seq *s)
{
    return s->input + s->generated - s->computed;
}

static bool grow_to(struct twin *t, struct twin_seq *s, int64_t tokens)
{
    int64_t blocks = (tokens + t->block_tokens - 1) / t->block_tokens - s->blocks;

    if (blocks > t->free_blocks)
        return false;
    t->free_blocks -= blocks;
    s->blocks += blocks;
    return true;
}

static void twin_preempt_last(struct twin *t)
{
    struct twin_seq s = t->running[--t->n_running];

    t->free_blocks += s.blocks;
    s.blocks = s.computed = s.chunk = 0;
    s.decodes = false;
    for (int64_t i = t->n_waiting; i > 0; i--)
        t->waiting[i] = t->waiting[i - 1];
    t->waiting[0] = s;
    t->n_waiting++;
    t->preemptions++;
}

static void twin_begin(struct twin *t)
{
    int64_t budget = t->budget, preempted = t->preemptions;

    t->n_decode = t->n_prefill = t->prefill_tokens = t->ctx = t->tokens_out = 0;
    for (int64_t i = 0; i < t->n_running && budget > 0; i++) {
        struct twin_seq *s = &t->running[i];
        int64_t tokens = need_tokens(s) < budget ? need_tokens(s) : budget;
        bool here = true;
        while (!grow_to(t, s, s->computed + tokens)) {
            here = i != t->n_running - 1;
            twin_preempt_last(t);
            if (!here)
                break;
        }
        if (!here)
            break;
        s->chunk = tokens;
        budget -= tokens;
    }
    while (preempted == t->preemptions && t->n_waiting && budget > 0 && t->n_running < t->max_seqs) {
        struct twin_seq *s = &t->waiting[0];
        int64_t tokens = need_tokens(s) < budget ? need_tokens(s) : budget;
        if (!t->chunked && need_tokens(s) > budget)
            break;
        if (!grow_to(t, s, s->computed + tokens))
            break;
        s->chunk = tokens;
        budget -= tokens;
        t->running[t->n_running++] = *s;
        t->n_waiting--;
        for (int64_t i = 0; i < t->n_waiting; i++)
            t->waiting[i] = t->waiting[i + 1];
    }
    for (int64_t i = 0; i < t->n_running; i++) {
        const struct twin_seq *s = &t->running[i];
        if (s->chunk == 0)
            continue;
        if (s->decodes) {
            t->n_decode++;
            t->ctx += s->computed + 1;
        } else {
            t->n_prefill++;
            t->prefill_tokens += s->chunk;
        }
        t->tokens_out += s->chunk == need_tokens(s);
    }
}

static void twin_end(struct twin *t)
{
    int64_t kept = 0;

    t->n_ended = 0;
    for (int64_t i = 0; i < t->n_running; i++) {
        struct twin_seq s = t->running[i];
        bool gives = s.chunk > 0 && s.chunk == need_tokens(&s);
        s.computed += s.chunk;
        s.chunk = 0;
        s.generated += gives;
        s.decodes |= gives;
        if (s.generated == s.output) {
            t->ended[t->n_ended++] = s.id;
            t->free_blocks += s.blocks;
        } else {
            t->running[kept++] = s;
        }
    }
    t->n_running = kept;
}

static int by_value(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* Check's own assertions report their place each time they pass, which would dominate here. */
#define same(what, a, b)                                                                                               \
    do {                                                                                                               \
        int64_t a_ = (a), b_ = (b);                                                                                    \
        if (a_ != b_)                                                                                                  \
            ck_abort_msg("seed %lu chunked %d step %ld: %s is %ld, the twin has %ld", seed, chunked, result.steps,     \
                         what, a_, b_);                                                                                \
    } while (0)

struct case_result {
    int64_t steps, preemptions, chunks;
};

/* One random case; aborts the test with the seed where the two differ. */
static struct case_result compare(uint64_t seed, bool chunked)
{
    static struct twin t; /* large */
    static const int64_t block_sizes[] = {1, 7, 16, 16, 64};
    struct case_result result = {0};
    struct rng rng;
    int64_t step_options = 1000; /* cost_fixed's only option: step_time in ns */
    int64_t cost_state, now = 0, sent = 0, want = 300, ended = 0;

    rng_init(&rng, seed, 0, chunked, RNG_TEST);
    int64_t block_tokens = block_sizes[rng_below(&rng, 5)], longest = 40 + (int64_t)rng_below(&rng, 400);
    int64_t max_seqs = 1 + (int64_t)rng_below(&rng, 24);
    int64_t budget = max_seqs + (int64_t)rng_below(&rng, 200);
    int64_t answer = chunked || rng_below(&rng, 2) ? longest : 3;
    if (!chunked && budget < longest + answer)
        budget = longest + answer; /* a recomputed prompt must fit the budget whole */
    int64_t blocks = (2 * longest + block_tokens - 1) / block_tokens * (1 + (int64_t)rng_below(&rng, 4));
    struct scheduler_limits limits = {max_seqs, budget, chunked};

    t = (struct twin){.block_tokens = block_tokens,
                      .free_blocks = blocks,
                      .budget = budget,
                      .max_seqs = max_seqs,
                      .chunked = chunked};
    struct trace trace;
    struct pool pool;
    struct replica r;
    trace_init(&trace, UINT32_MAX);
    pool_init(&pool);
    cost_fixed_ops.prepare(&step_options, NULL, &cost_state);
    struct replica_env env = {&trace, &pool, &limits, &sched_continuous_ops, NULL, &cost_fixed_ops, &cost_state};
    replica_init(&r, 0, &env, block_tokens, blocks);

    for (; ended < want; result.steps++, now += 1000) {
        for (int64_t n = (int64_t)rng_below(&rng, 3); n > 0 && sent < want; n--) {
            int64_t input = 1 + (int64_t)rng_below(&rng, (uint64_t)longest);
            int64_t output = 1 + (int64_t)rng_below(&rng, (uint64_t)(rng_below(&rng, 4) ? answer : 3));
            uint32_t slot = pool_take(&pool);
            pool.at[slot].id = sent;
            pool.at[slot].input_tokens = input;
            pool.at[slot].output_tokens = output;
            pool.at[slot].t_arrive_ns = now;
            pool.at[slot].replica = 0;
            batch_enqueue(&r.batch, slot);
            t.waiting[t.n_waiting++] = (struct twin_seq){.id = sent, .input = input, .output = output};
            sent++;
        }
        int64_t duration = replica_begin(&r, &env, now);
        twin_begin(&t);
        same("work to do", duration > 0, t.n_running > 0);
        if (duration == 0)
            continue;
        const struct {
            const char *name;
            int64_t fast, twin;
        } pairs[] = {
            {"n_decode", r.now.n_decode, t.n_decode},
            {"n_prefill", r.now.n_prefill, t.n_prefill},
            {"prefill_tokens", r.now.prefill_tokens, t.prefill_tokens},
            {"ctx_tokens", r.now.ctx_tokens, t.ctx},
            {"tokens_out", r.now.tokens_out, t.tokens_out},
            {"kv_blocks", r.now.kv_blocks, blocks - t.free_blocks},
            {"n_running", r.now.n_running, t.n_running},
            {"n_waiting", r.now.n_waiting, t.n_waiting},
            {"preemptions", r.counts.preemptions, t.preemptions},
        };
        for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++)
            same(pairs[i].name, pairs[i].fast, pairs[i].twin);
        int64_t in_order = 0; /* running, then waiting: the same requests in the same order */
        for (uint32_t s = r.batch.running.head; s != SLOT_NONE; s = pool.at[s].next[LINK_QUEUE], in_order++)
            same("running id", pool.at[s].id, t.running[in_order].id);
        in_order = 0;
        for (uint32_t s = r.batch.waiting.head; s != SLOT_NONE; s = pool.at[s].next[LINK_QUEUE], in_order++)
            same("waiting id", pool.at[s].id, t.waiting[in_order].id);
        result.chunks += r.now.n_prefill > r.now.tokens_out - r.now.n_decode;

        replica_end(&r, &env, now + 1000);
        twin_end(&t);
        batch_check(&r.batch);
        int64_t fast_ended[MAX_SEQS];
        for (int64_t i = 0; i < r.n_ended; i++) {
            fast_ended[i] = pool.at[r.ended[i]].id;
            pool_give(&pool, r.ended[i]);
        }
        qsort(fast_ended, (size_t)r.n_ended, sizeof *fast_ended, by_value);
        qsort(t.ended, (size_t)t.n_ended, sizeof *t.ended, by_value);
        same("ended", r.n_ended, t.n_ended);
        for (int64_t i = 0; i < r.n_ended; i++)
            same("ended id", fast_ended[i], t.ended[i]);
        ended += r.n_ended;
        if (result.steps > 1000000)
            ck_abort_msg("seed %lu does not end", seed);
        for (int k = 0; k < EV_KINDS; k++)
            trace.unit->n[k] = 0;
    }
    ck_assert_int_eq(r.batch.used, 0);
    ck_assert_int_eq(r.batch.allocated, r.batch.freed);
    result.preemptions = t.preemptions;
    replica_free(&r);
    pool_free(&pool);
    trace_free(&trace);
    return result;
}

static struct case_result compare_many(bool chunked, uint64_t seeds)
{
    struct case_result sum = {0};

    for (uint64_t seed = 1; seed <= seeds; seed++) {
        struct case_result one = compare(seed, chunked);
        sum.steps += one.steps;
        sum.preemptions += one.preemptions;
        sum.chunks += one.chunks;
    }
    printf("# %s: %ld steps, %ld preemptions, %ld steps with a cut prompt\n", chunked ? "chunked" : "whole prompts",
           sum.steps, sum.preemptions, sum.chunks);
    return sum;
}

START_TEST(continuous_chunked_equals_twin)
{
    struct case_result sum = compare_many(true, 60);

    ck_assert_int_ge(sum.preemptions, 1000);
    ck_assert_int_ge(sum.chunks, 1000);
}
END_TEST

START_TEST(continuous_whole_prompts_equals_twin)
{
    struct case_result sum = compare_many(false, 40);

    ck_assert_int_ge(sum.preemptions, 1000);
    ck_assert_int_eq(sum.chunks, 0);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("prop_batch");
    TCase *c = tcase_create("twin");

    tcase_set_timeout(c, 120);
    tcase_add_test(c, continuous_chunked_equals_twin);
    tcase_add_test(c, continuous_whole_prompts_equals_twin);
    suite_add_tcase(s, c);
    return run_suite(s);
}
