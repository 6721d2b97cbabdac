/*
 * prop_batch.c - the O(1) batch against a twin that loops over every sequence in every step.
 *
 * The twin is the scheduling loop written out, vLLM v1's or SGLang's: running sequences in order take their tokens
 * and blocks, the last running one is preempted when a block is missing, waiting ones are admitted if nothing was
 * preempted; or prompts alone, and when none can be computed the rest decode. A third scheduler, of this test alone,
 * pauses the decodes of vLLM's steps that have prompts: without any reserve, who joins may be preempted at once.
 * In half of the cases each decode verifies drafts: it asks for the blocks and the budget of all of them, and gets as many
 * tokens as the replica has drawn (batch.gain), up to its last.
 * Random lengths, arrivals, step times, block sizes, cache sizes and knees; every step is compared whole: what it
 * computes, the sums that its cost goes by, the gaps between tokens.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/rng.h"
#include "model/replica.h"
#include "../run_suite.h"

extern const struct scheduler_ops sched_continuous_ops, sched_prefill_first_ops;

enum { MAX_SEQS = 4000 };

enum mode { CONTINUOUS, PREFILL_FIRST, PAUSING };
static const char *const mode_names[] = {"continuous", "prefill_first", "pausing"};

static void plan_pausing(const void *options, const struct sched_view *v, struct sched_plan *plan)
{
    sched_continuous_ops.plan(options, v, plan);
    plan->decodes_pause = plan->n_preempt == 0 && plan->n_chunk + plan->n_admit > 0;
}

static const struct scheduler_ops pausing_ops = {.plan = plan_pausing};
static const struct scheduler_ops *const schedulers[] = {&sched_continuous_ops, &sched_prefill_first_ops, &pausing_ops};

struct twin_seq {
    int64_t id, input, output, generated, computed, blocks, chunk, t_last;
    bool decodes; /* has given a token since it was last admitted */
};

struct twin {
    struct twin_seq running[MAX_SEQS], waiting[MAX_SEQS];
    int64_t n_running, n_waiting;
    int64_t block_tokens, free_blocks, budget, max_seqs, drafts, preemptions;
    bool chunked;
    enum mode mode;
    struct cost_knees knees;
    /* of the current step */
    struct cost_step cost;
    int64_t gain, given;             /* of its decodes each; tokens of all */
    int64_t gap_sum, resume_gap_sum; /* of its decodes; of the prompts computed again that end in it */
    int64_t pauses, uneven;          /* so far: steps that paused decodes, steps with unequal gaps */
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

/* How many blocks more than there are it needs for so many tokens; negative: how many are left. */
static int64_t blocks_short(const struct twin *t, const struct twin_seq *s, int64_t tokens)
{
    return (s->computed + tokens + t->block_tokens - 1) / t->block_tokens - s->blocks - t->free_blocks;
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

/* The first waiting one starts with a chunk of so many tokens. */
static void twin_admit(struct twin *t, int64_t tokens)
{
    t->running[t->n_running] = t->waiting[0];
    if (!grow_to(t, &t->running[t->n_running], t->waiting[0].computed + tokens))
        abort();
    t->running[t->n_running++].chunk = tokens;
    t->n_waiting--;
    for (int64_t i = 0; i < t->n_waiting; i++)
        t->waiting[i] = t->waiting[i + 1];
}

static void twin_run_all(struct twin *t)
{
    int64_t budget = t->budget, preempted = t->preemptions;

    for (int64_t i = 0; i < t->n_running && budget > 0; i++) {
        struct twin_seq *s = &t->running[i];
        int64_t tokens = need_tokens(s) < budget ? need_tokens(s) : budget;
        bool here = true;
        int64_t drafts = s->decodes ? t->drafts : 0;
        while (!grow_to(t, s, s->computed + tokens + drafts)) {
            here = i != t->n_running - 1;
            twin_preempt_last(t);
            if (!here)
                break;
        }
        if (!here)
            break;
        s->chunk = tokens;
        budget -= tokens + drafts;
    }
    while (t->mode != PREFILL_FIRST && preempted == t->preemptions && t->n_waiting && budget > 0 &&
           t->n_running < t->max_seqs) {
        struct twin_seq *s = &t->waiting[0];
        int64_t tokens = need_tokens(s) < budget ? need_tokens(s) : budget;
        if (!t->chunked && need_tokens(s) > budget)
            break;
        if (blocks_short(t, s, tokens) > 0)
            break;
        twin_admit(t, tokens);
        budget -= tokens;
    }
}

/* Whether the step has a prompt to compute; then it has no decode. */
static bool twin_run_prompts(struct twin *t)
{
    int64_t budget = t->budget;

    for (int64_t i = 0; i < t->n_running && budget > 0; i++) {
        struct twin_seq *s = &t->running[i];
        int64_t tokens = need_tokens(s) < budget ? need_tokens(s) : budget;
        if (s->decodes)
            continue;
        if (!grow_to(t, s, s->computed + tokens))
            return budget < t->budget;
        s->chunk = tokens;
        budget -= tokens;
    }
    while (t->n_waiting && budget > 0 && t->n_running < t->max_seqs) {
        int64_t need = need_tokens(&t->waiting[0]), spare = t->n_running > 0 ? t->n_running + 1 : 0;
        spare *= (1 + t->drafts + t->block_tokens - 1) / t->block_tokens;
        if ((!t->chunked && need > budget) || blocks_short(t, &t->waiting[0], need) + spare > 0)
            break;
        twin_admit(t, need < budget ? need : budget);
        budget -= need < budget ? need : budget;
    }
    return budget < t->budget;
}

static int64_t smaller(int64_t x, int64_t knee)
{
    return knee < 0 || x < knee ? x : knee;
}

static void twin_add_cost(const struct twin *t, const struct twin_seq *s, struct cost_step *c)
{
    if (s->decodes) {
        c->n_decode++;
    } else {
        c->n_prefill++;
        c->prefill_tokens += s->chunk;
        c->prefill_kv += s->computed + s->chunk;
    }
    for (int k = 0; k < t->knees.n; k++)
        for (int64_t x = s->computed + 1; x <= s->computed + s->chunk; x++)
            *(s->decodes ? &c->ctx[k] : &c->prefill_pairs[k]) += smaller(x, t->knees.at[k]);
    c->n_logits += s->chunk == need_tokens(s);
}

/* Decodes give back what twin_run_all gave them. Whether they had anything. */
static bool twin_unrun_decodes(struct twin *t)
{
    bool any = false;

    for (int64_t i = 0; i < t->n_running; i++) {
        struct twin_seq *s = &t->running[i];
        if (!s->decodes)
            continue;
        int64_t spare = s->blocks - (s->computed + t->block_tokens - 1) / t->block_tokens;
        s->blocks -= spare;
        t->free_blocks += spare;
        s->chunk = 0;
        any = true;
    }
    return any;
}

/* Decodes keep the blocks of what they get. */
static void twin_trim(struct twin *t)
{
    for (int64_t i = 0; i < t->n_running; i++) {
        struct twin_seq *s = &t->running[i];
        if (!s->decodes || s->chunk == 0)
            continue;
        int64_t spare = s->blocks - (s->computed + t->gain + t->block_tokens - 1) / t->block_tokens;
        s->blocks -= spare;
        t->free_blocks += spare;
    }
}

static bool twin_has_prompts(const struct twin *t)
{
    for (int64_t i = 0; i < t->n_running; i++)
        if (!t->running[i].decodes && t->running[i].chunk > 0)
            return true;
    return false;
}

static void twin_begin(struct twin *t)
{
    int64_t preempted = t->preemptions;
    bool pauses = t->mode == PREFILL_FIRST && twin_run_prompts(t);

    if (!pauses)
        twin_run_all(t);
    pauses |= t->mode == PAUSING && preempted == t->preemptions && twin_has_prompts(t);
    t->pauses += pauses && twin_unrun_decodes(t);
    twin_trim(t);
    t->cost = (struct cost_step){0};
    for (int64_t i = 0; i < t->n_running; i++)
        if (t->running[i].chunk > 0)
            twin_add_cost(t, &t->running[i], &t->cost);
}

static void twin_end(struct twin *t, int64_t now)
{
    int64_t kept = 0, gap = -1;
    bool uneven = false;

    t->n_ended = t->gap_sum = t->resume_gap_sum = t->given = 0;
    for (int64_t i = 0; i < t->n_running; i++) {
        struct twin_seq s = t->running[i];
        bool gives = s.chunk > 0 && s.chunk == need_tokens(&s);
        if (gives && s.decodes) {
            uneven |= gap >= 0 && gap != now - s.t_last;
            gap = now - s.t_last;
            t->gap_sum += gap;
        } else if (gives && s.generated > 0) {
            t->resume_gap_sum += now - s.t_last;
        }
        s.t_last = gives ? now : s.t_last;
        if (gives && s.decodes && t->gain > 1)
            s.chunk = t->gain < s.output - s.generated ? t->gain : s.output - s.generated;
        s.computed += s.chunk;
        s.generated += gives && s.decodes ? s.chunk : gives;
        t->given += gives && s.decodes ? s.chunk : gives;
        s.chunk = 0;
        s.decodes |= gives;
        if (s.generated == s.output) {
            t->ended[t->n_ended++] = s.id;
            t->free_blocks += s.blocks;
        } else {
            t->running[kept++] = s;
        }
    }
    t->n_running = kept;
    t->uneven += uneven;
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
            ck_abort_msg("seed %lu %s chunked %d step %ld: %s is %ld, the twin has %ld", seed, mode_names[mode],       \
                         chunked, result.steps, what, a_, b_);                                                         \
    } while (0)

struct case_result {
    int64_t steps, preemptions, chunks, pauses, uneven, below, beyond, bursts;
};

/* A cost policy that keeps what it is asked, for the comparison, and whose steps take times that the test chooses. */
struct spy {
    struct cost_step *seen;
    const int64_t *step_ns;
};

static int64_t spy_step_ns(const void *state, const struct cost_step *step)
{
    const struct spy *s = state;

    *s->seen = *step;
    return *s->step_ns;
}

static const struct cost_ops spy_ops = {.step_ns = spy_step_ns};

/* One to three rising ones, often tiny. */
static struct cost_knees random_knees(struct rng *r, int64_t longest)
{
    struct cost_knees k = {.at = {-1}, .n = 1};
    int64_t most = rng_below(r, 2) ? 8 : longest, last = 0;

    for (int64_t n = (int64_t)rng_below(r, COST_KNEES); n > 0; n--) {
        last += 1 + (int64_t)rng_below(r, (uint64_t)most);
        k.at[k.n++] = last;
    }
    return k;
}

/* One random case; aborts the test with the seed where the two differ. */
static struct case_result compare(uint64_t seed, bool chunked, enum mode mode)
{
    static struct twin t; /* large */
    static const int64_t block_sizes[] = {1, 7, 16, 16, 64};
    struct case_result result = {0};
    struct rng rng;
    struct cost_step seen;
    int64_t step_ns = 1000, now = 0, sent = 0, want = 300, ended = 0;
    const struct spy spy = {&seen, &step_ns};

    rng_init(&rng, seed, 0, chunked, RNG_TEST);
    int64_t block_tokens = block_sizes[rng_below(&rng, 5)], longest = 40 + (int64_t)rng_below(&rng, 400);
    int64_t max_seqs = 1 + (int64_t)rng_below(&rng, 24);
    struct speculation speculation = {.drafts = rng_below(&rng, 2) ? 1 + (int64_t)rng_below(&rng, 5) : 0};
    for (int64_t i = 0; i < speculation.drafts; i++)
        speculation.holds[i] = 0.25 * (double)rng_below(&rng, 5);
    int64_t budget = max_seqs * (1 + speculation.drafts) + (int64_t)rng_below(&rng, 200);
    int64_t answer = chunked || rng_below(&rng, 2) ? longest : 3;
    if (!chunked && budget < longest + answer)
        budget = longest + answer; /* a recomputed prompt must fit the budget whole */
    int64_t blocks = (2 * longest + speculation.drafts + block_tokens - 1) / block_tokens * (1 + (int64_t)rng_below(&rng, 4));
    struct scheduler_limits limits = {
        .max_num_seqs = max_seqs, .max_num_batched_tokens = budget, .chunked_prefill = chunked,
        .drafts = speculation.drafts};

    t = (struct twin){.block_tokens = block_tokens,
                      .free_blocks = blocks,
                      .budget = budget,
                      .max_seqs = max_seqs,
                      .drafts = speculation.drafts,
                      .chunked = chunked,
                      .mode = mode,
                      .knees = random_knees(&rng, longest)};
    struct trace trace;
    struct pool pool;
    struct replica r;
    trace_init(&trace, UINT32_MAX);
    pool_init(&pool);
    struct replica_env env = {.trace = &trace,
                              .pool = &pool,
                              .limits = &limits,
                              .scheduler = schedulers[mode],
                              .cost = &spy_ops,
                              .cost_state = &spy,
                              .speculation = &speculation,
                              .seed = seed,
                              .knees = t.knees};
    replica_init(&r, 0, &env, block_tokens, blocks);

    for (; ended < want; result.steps++, now += step_ns) {
        step_ns = 1 + (int64_t)rng_below(&rng, 2000);
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
        t.gain = r.batch.gain;
        twin_begin(&t);
        same("work to do", duration > 0, t.n_running > 0);
        if (duration == 0)
            continue;
        const struct {
            const char *name;
            int64_t fast, twin;
        } pairs[] = {
            {"n_decode", r.now.n_decode, t.cost.n_decode},
            {"n_prefill", r.now.n_prefill, t.cost.n_prefill},
            {"prefill_tokens", r.now.prefill_tokens, t.cost.prefill_tokens},
            {"ctx_tokens", r.now.ctx_tokens, t.cost.ctx[0]},
            {"tokens_out", r.now.tokens_out, t.cost.n_logits},
            {"kv_blocks", r.now.kv_blocks, blocks - t.free_blocks},
            {"n_running", r.now.n_running, t.n_running},
            {"n_waiting", r.now.n_waiting, t.n_waiting},
            {"preemptions", r.counts.preemptions, t.preemptions},
        };
        for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++)
            same(pairs[i].name, pairs[i].fast, pairs[i].twin);
        for (size_t i = 0; i < sizeof seen / sizeof(int64_t); i++)
            same("a sum that the cost goes by", ((const int64_t *)&seen)[i], ((const int64_t *)&t.cost)[i]);
        for (int k = 1; k < t.knees.n; k++) {
            result.below += seen.ctx[k] < t.knees.at[k] * seen.n_decode;
            result.beyond += seen.ctx[k] < seen.ctx[0];
        }
        int64_t in_order = 0; /* running, then waiting: the same requests in the same order */
        for (uint32_t s = r.batch.running.head; s != SLOT_NONE; s = pool.at[s].next[LINK_QUEUE], in_order++)
            same("running id", pool.at[s].id, t.running[in_order].id);
        in_order = 0;
        for (uint32_t s = r.batch.waiting.head; s != SLOT_NONE; s = pool.at[s].next[LINK_QUEUE], in_order++)
            same("waiting id", pool.at[s].id, t.waiting[in_order].id);
        result.chunks += r.now.n_prefill > r.now.tokens_out - r.now.n_decode;

        replica_end(&r, &env, now + step_ns);
        twin_end(&t, now + step_ns);
        same("tokens given", r.now.tokens_out, t.given);
        result.bursts += t.gain > 1 && t.cost.n_decode > 0;
        batch_check(&r.batch);
        int64_t rest = t.cost.n_decode ? t.gap_sum % t.cost.n_decode : 0, gaps = r.now.gap_ns * t.cost.n_decode;
        same("gaps", gaps, rest > 0 ? t.gap_sum - rest + t.cost.n_decode : t.gap_sum);
        const struct ev_resume *resume = (const struct ev_resume *)trace.unit->rec[EV_RESUME];
        int64_t resume_gap_sum = 0;
        for (uint32_t i = 0; i < trace.unit->n[EV_RESUME]; i++)
            resume_gap_sum += resume[i].gap_ns;
        same("gaps of the resumed", resume_gap_sum, t.resume_gap_sum);
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
    result.pauses = t.pauses;
    result.uneven = t.uneven;
    replica_free(&r);
    pool_free(&pool);
    trace_free(&trace);
    return result;
}

static struct case_result compare_many(bool chunked, enum mode mode, uint64_t seeds)
{
    struct case_result sum = {0};

    for (uint64_t seed = 1; seed <= seeds; seed++) {
        struct case_result one = compare(seed, chunked, mode);
        sum.steps += one.steps;
        sum.preemptions += one.preemptions;
        sum.chunks += one.chunks;
        sum.pauses += one.pauses;
        sum.uneven += one.uneven;
        sum.below += one.below;
        sum.beyond += one.beyond;
        sum.bursts += one.bursts;
    }
    printf(
        "# %s, %s: %ld steps, %ld preemptions, %ld steps with a cut prompt, %ld that pause decodes, %ld with unequal "
        "gaps, %ld sums with sequences below a knee, %ld beyond, %ld steps of several tokens\n",
        mode_names[mode], chunked ? "chunked" : "whole prompts", sum.steps, sum.preemptions, sum.chunks, sum.pauses,
        sum.uneven, sum.below, sum.beyond, sum.bursts);
    ck_assert_int_ge(sum.preemptions, 1000);
    ck_assert_int_ge(sum.below, 1000);
    ck_assert_int_ge(sum.beyond, 1000);
    ck_assert_int_ge(sum.bursts, 1000);
    return sum;
}

START_TEST(continuous_chunked_equals_twin)
{
    struct case_result sum = compare_many(true, CONTINUOUS, 60);

    ck_assert_int_ge(sum.chunks, 1000);
    ck_assert_int_eq(sum.pauses, 0);
    ck_assert_int_eq(sum.uneven, 0);
}
END_TEST

START_TEST(continuous_whole_prompts_equals_twin)
{
    struct case_result sum = compare_many(false, CONTINUOUS, 40);

    ck_assert_int_eq(sum.chunks, 0);
}
END_TEST

START_TEST(prefill_first_chunked_equals_twin)
{
    struct case_result sum = compare_many(true, PREFILL_FIRST, 60);

    ck_assert_int_ge(sum.chunks, 1000);
    ck_assert_int_ge(sum.pauses, 1000);
    ck_assert_int_ge(sum.uneven, 1000);
}
END_TEST

START_TEST(pausing_equals_twin)
{
    struct case_result sum = compare_many(true, PAUSING, 40);

    ck_assert_int_ge(sum.pauses, 1000);
    ck_assert_int_ge(sum.uneven, 1000);
}
END_TEST

START_TEST(prefill_first_whole_prompts_equals_twin)
{
    struct case_result sum = compare_many(false, PREFILL_FIRST, 40);

    ck_assert_int_eq(sum.chunks, 0);
    ck_assert_int_ge(sum.pauses, 1000);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("prop_batch");
    TCase *c = tcase_create("twin");

    tcase_set_timeout(c, 120);
    tcase_add_test(c, continuous_chunked_equals_twin);
    tcase_add_test(c, continuous_whole_prompts_equals_twin);
    tcase_add_test(c, prefill_first_chunked_equals_twin);
    tcase_add_test(c, pausing_equals_twin);
    tcase_add_test(c, prefill_first_whole_prompts_equals_twin);
    suite_add_tcase(s, c);
    return run_suite(s);
}
