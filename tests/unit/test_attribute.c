/*
 * test_attribute.c - whose the time of steps is: by hand, and against a twin that gives each sequence its part of each
 * step; and the bill's rule (cost_rule.h) on random sums.
 */
#include <check.h>
#include <math.h>

#include "base/rng.h"
#include "model/attribute.h"
#include "report/cost_rule.h"
#include "../run_suite.h"

/* 100 for any step; then whichever is longer, weights (200) or the tokens' computing, as on hardware; 3 a token of
 * context and one a pair. */
static int64_t made_up_ns(const void *state, const struct cost_step *s)
{
    int64_t tokens = s->n_decode + s->prefill_tokens, computing = 20 * tokens;

    (void)state;
    return 100 + (computing > 200 ? computing : 200) + 3 * s->ctx[0] + s->prefill_pairs[0];
}

static const struct cost_ops cost = {.step_ns = made_up_ns};
static const struct cost_knees knees = {.at = {-1}, .n = 1};

START_TEST(a_step_is_cut_by_what_each_adds)
{
    struct cost_step s = {0};

    /* Two that decode after 9 and 29 tokens: contexts 10 and 30. Alone 100 + 200 + 120 = 420. */
    cost_add_decode(&s, &knees, 9);
    cost_add_decode(&s, &knees, 29);
    struct step_cut c = attribute_cut(&cost, NULL, &s, 420, 0);
    ck_assert_int_eq(c.prefill_ns, 0);
    ck_assert_int_eq(c.decode_ns, 420);
    ck_assert_int_eq(c.context_ns, 120);

    /* And a chunk of 10 tokens after 4: pairs 5 + ... + 14 = 95. Alone 100 + 200 + 95 = 395; together 100 + 240 + 120 +
     * 95 = 555. Prefill (555 - 420 + 395) / 2 = 265, decode (555 - 395 + 420) / 2 = 290, of which 290 * 120 / 420. */
    cost_add_chunk(&s, &knees, 4, 10, false);
    c = attribute_cut(&cost, NULL, &s, 555, 0);
    ck_assert_int_eq(c.prefill_ns, 265);
    ck_assert_int_eq(c.decode_ns, 290);
    ck_assert_int_eq(c.context_ns, 82);
    ck_assert_int_eq(c.pair_ns, 0); /* one chunk gets all anyway */

    /* The same step took twice as long: in the same proportion. */
    c = attribute_cut(&cost, NULL, &s, 1110, 0);
    ck_assert_int_eq(c.prefill_ns, 530);
    ck_assert_int_eq(c.decode_ns, 580);

    /* Or at its end waited for the KV of its prompt. */
    c = attribute_cut(&cost, NULL, &s, 655, 100);
    ck_assert_int_eq(c.prefill_ns, 365);
    ck_assert_int_eq(c.decode_ns, 290);

    /* Another chunk, of 2 tokens after none: 3 pairs. Prompts alone 100 + 240 + 98 = 438, of which 98 by pairs;
     * together 100 + 280 + 120 + 98 = 598; prefill (598 - 420 + 438) / 2 = 308, 308 * 98 / 438 = 68. */
    cost_add_chunk(&s, &knees, 0, 2, true);
    c = attribute_cut(&cost, NULL, &s, 598, 0);
    ck_assert_int_eq(c.prefill_ns, 308);
    ck_assert_int_eq(c.pair_ns, 68);
    ck_assert_int_eq(c.token_ns, 240);
}
END_TEST

static struct attribution new_attribution(struct pool *p, int n)
{
    pool_init(p);
    p->attributes = true;
    for (int i = 0; i < n; i++)
        pool_take(p);
    return (struct attribution){.pool = p, .which = 1};
}

START_TEST(requests_get_their_parts)
{
    struct pool p;
    struct attribution a = new_attribution(&p, 4);
    struct cost_step s = {0};

    for (int i = 0; i < 2; i++) {
        p.at[i].computed = i == 0 ? 9 : 29;
        p.at[i].join_step = 7;
        attribute_join(&a, (uint32_t)i);
        cost_add_decode(&s, &knees, p.at[i].computed);
    }
    cost_add_chunk(&s, &knees, 4, 10, false);
    cost_add_chunk(&s, &knees, 0, 2, true);
    struct step_cut c = {.took_ns = 598, .prefill_ns = 308, .decode_ns = 290, .context_ns = 82, .pair_ns = 68,
                         .token_ns = 240, .pairs = 98, .tokens = 12, .chunks = 2};
    attribute_step(&a, &c, &s, 2, 7);
    attribute_chunk(&a, 2, 4, 10); /* 68 * 95 / 98 = 65, 240 * 10 / 12 = 200 */
    attribute_chunk(&a, 3, 0, 2);  /* what is left: 3 + 40 */
    attribute_leave(&a, 0);        /* 82 * 10 / 40 = 20.5, and 104 of the equal part */
    attribute_leave(&a, 1);        /* 82 * 30 / 40 = 61.5, and 104 */
    ck_assert_int_eq(p.share[2].of[1].prefill_ns, 265);
    ck_assert_int_eq(p.share[3].of[1].prefill_ns, 43);
    ck_assert_int_eq(p.share[0].of[1].decode_ns, 124); /* half a ns goes on to who leaves next */
    ck_assert_int_eq(p.share[1].of[1].decode_ns, 166);
    ck_assert_int_eq(p.share[0].of[1].decode_token_us, 10 * 598 / 1000);
    ck_assert_int_eq(p.share[2].of[1].prefill_token_us, 14 * 598 / 1000);
    ck_assert_int_eq(p.share[0].of[0].decode_ns, 0);
    pool_free(&p);
}
END_TEST

enum { SEQS = 40, STEPS = 4000 };

/* Steps of random times and parts, of sequences that come and go. */
START_TEST(sums_are_those_of_a_twin)
{
    struct pool p;
    struct attribution a = new_attribution(&p, SEQS);
    struct rng r;
    double twin[SEQS] = {0}, twin_tokens[SEQS] = {0};
    bool decodes[SEQS] = {false};
    int64_t given = 0, all = 0, left = 0;

    rng_init(&r, (uint64_t)_i, 0, 0, RNG_TEST);
    for (uint64_t t = 0; t < STEPS; t++) {
        struct cost_step s = {0};
        for (int i = 0; i < SEQS; i++) {
            struct request *q = &p.at[i];
            if (!decodes[i] && rng_below(&r, 50) == 0) {
                q->computed = (int64_t)rng_below(&r, 100000);
                q->join_step = t;
                attribute_join(&a, (uint32_t)i);
                decodes[i] = true;
                p.share[i].of[1] = (struct attributed){0};
                twin[i] = twin_tokens[i] = 0;
            } else if (decodes[i] && rng_below(&r, 100) == 0) {
                attribute_leave(&a, (uint32_t)i);
                decodes[i] = false;
                given += p.share[i].of[1].decode_ns;
                left++;
                ck_assert_double_le(fabs((double)p.share[i].of[1].decode_ns - twin[i]), 1.001 + 1e-9 * twin[i]);
                ck_assert_double_le(fabs((double)p.share[i].of[1].decode_token_us - twin_tokens[i]),
                                    1.001 + 1e-9 * twin_tokens[i]);
            }
        }
        int64_t n = 0;
        for (int i = 0; i < SEQS; i++)
            if (decodes[i] && ++n)
                cost_add_decode(&s, &knees, p.at[i].computed + (int64_t)(t - p.at[i].join_step));
        if (n == 0)
            continue;
        int64_t took = 1 + (int64_t)rng_below(&r, 1u << (1 + rng_below(&r, 30)));
        struct step_cut c = {.took_ns = took, .decode_ns = took - (int64_t)rng_below(&r, (uint64_t)took)};
        c.prefill_ns = took - c.decode_ns;
        c.context_ns = (int64_t)rng_below(&r, (uint64_t)c.decode_ns + 1);
        attribute_step(&a, &c, &s, n, t);
        all += c.decode_ns;
        for (int i = 0; i < SEQS; i++) {
            double x = (double)(p.at[i].computed + 1 + (int64_t)(t - p.at[i].join_step));
            twin[i] += (double)c.context_ns * x / (double)s.ctx[0] + (double)(c.decode_ns - c.context_ns) / (double)n;
            twin_tokens[i] += x * (double)took / 1000;
        }
    }
    __int128 pending = (__int128)a.owed + a.left;
    for (int i = 0; i < SEQS; i++)
        if (decodes[i])
            pending += attribute_pending(&a, (uint32_t)i);
    ck_assert_int_gt(left, 500);
    ck_assert_int_eq((int64_t)(pending & (((__int128)1 << ATTRIBUTE_FRACTION) - 1)), 0);
    ck_assert_int_eq(given + (int64_t)(pending >> ATTRIBUTE_FRACTION), all);
    ck_assert_int_eq(a.decode_ns, all);
    pool_free(&p);
}
END_TEST

/* ---- the bill ---- */

static double draw(struct rng *r)
{
    return rng_below(r, 4) == 0 ? 0 : rng_u01(r);
}

static struct store_bill random_bill(struct rng *r)
{
    struct store_bill b = {.n_pools = 1 + (int64_t)rng_below(r, 2), .pue = 1 + draw(r), .usd_per_kwh = draw(r)};

    for (int64_t i = 0; i < b.n_pools; i++)
        b.pool[i] = (struct store_bill_pool){.replicas = 1 + (int64_t)rng_below(r, 5),
                                             .members = 1 + (int64_t)rng_below(r, 2),
                                             .gpus = 1 + draw(r), .idle_W = draw(r), .busy_W = 1 + draw(r),
                                             .node_W = draw(r), .kv_share = draw(r)};
    b.n_parts = 1 + (int64_t)rng_below(r, 8);
    for (int64_t i = 0; i < b.n_parts; i++) {
        int64_t kind = (int64_t)rng_below(r, 4), pool = (int64_t)rng_below(r, (uint64_t)b.n_pools + 1) - 1;
        b.part[i] = (struct store_bill_part){.is_hbm = kind == 1, .is_power = kind == 2, .tier = kind == 3 ? 1 : -1,
                                             .pool = pool < 0 && kind != 3 ? 0 : pool, .by_replica = rng_below(r, 2),
                                             .usd_per_h = draw(r)};
    }
    return b;
}

static struct cost_seen random_seen(struct rng *r, const struct store_bill *b)
{
    struct cost_seen s = {.duration_s = 1 + draw(r)};

    for (int64_t i = 0; i < b->n_pools; i++) {
        struct cost_pool *p = &s.pool[i];
        p->there_ns = draw(r) * s.duration_s * 1e9 * (double)(b->pool[i].replicas * b->pool[i].members);
        p->gpus = 1 + draw(r);
        for (int k = 0; k < COST_USES; k++) {
            p->all.of[k] = p->there_ns * draw(r) / 2;
            p->served.of[k] = p->all.of[k] * draw(r);
            p->lost.of[k] = (p->all.of[k] - p->served.of[k]) * draw(r);
        }
        p->prompt_room = draw(r);
        p->decode_room = draw(r);
        p->cached_room = draw(r);
    }
    s.tier[1] = (struct cost_tier){draw(r), draw(r), draw(r)};
    s.hits_all = draw(r);
    s.hits_served = s.hits_all * draw(r);
    s.hits_lost = (s.hits_all - s.hits_served) * draw(r);
    return s;
}

/* No share is negative; they sum to the part; used by anybody, nothing is left idle in full; rates give the same. */
START_TEST(shares_sum_to_the_bill)
{
    struct rng r;

    rng_init(&r, (uint64_t)_i, 0, 1, RNG_TEST);
    for (int n = 0; n < 2000; n++) {
        struct store_bill b = random_bill(&r);
        struct cost_seen s = random_seen(&r, &b);
        struct cost_result x;
        struct cost_taken all[STORE_BILL_POOLS_MAX] = {0};
        double steps = 0;

        cost_rule(&b, &s, &x);
        for (int64_t i = 0; i < b.n_parts; i++) {
            const struct cost_share *c = &x.part[i];
            double used = 0, full = 0;
            for (int k = 0; k < COST_WHOS; k++) {
                ck_assert_double_ge(c->who[k], 0);
                ck_assert_double_ge(c->full[k], 0);
                used += c->who[k];
                full += c->full[k];
                ck_assert(k == COST_IDLE || c->full[k] >= c->who[k] * (1 - 1e-12));
            }
            ck_assert_double_le(fabs(used - c->usd), 1e-12 * (c->usd + 1e-30));
            ck_assert_double_le(fabs(full - c->usd), 1e-12 * (c->usd + 1e-30));
        }
        for (int64_t i = 0; i < b.n_pools; i++) {
            all[i] = s.pool[i].all;
            steps += all[i].of[COST_PREFILL_NS] + all[i].of[COST_DECODE_NS];
        }
        if (steps > 0)
            ck_assert_double_le(x.sum.full[COST_IDLE], 0);
        double cached = s.hits_all > 0 ? 0 : x.sum.full[COST_CACHED]; /* kept in vain: no token to pay for it */
        double paid = cost_of_use(&x, b.n_pools, all, s.hits_all) + cached + x.sum.full[COST_IDLE];
        ck_assert_double_le(fabs(paid - x.sum.usd), 1e-9 * (x.sum.usd + 1e-30));
    }
}
END_TEST

/* One GPU at US$ 3600 a hour for 10 s, in steps for 4: prompts 1 s, answers 3 s, of which a third was in vain. */
START_TEST(a_bill_by_hand)
{
    struct store_bill b = {.n_parts = 1, .n_pools = 1, .pue = 1, .part = {{.tier = -1, .usd_per_h = 3600}},
                           .pool = {{.replicas = 1, .members = 1, .gpus = 1, .idle_W = 100, .busy_W = 600,
                                     .node_W = 50}}};
    struct cost_seen s = {.duration_s = 10};
    struct cost_result x;

    s.pool[0] = (struct cost_pool){.there_ns = 10e9, .gpus = 1, .all = {{1e9, 3e9, 0, 0}}, .served = {{1e9, 2e9, 0, 0}},
                                   .lost = {{0, 1e9, 0, 0}}};
    cost_rule(&b, &s, &x);
    ck_assert_double_eq_tol(x.sum.usd, 10, 1e-12);
    ck_assert_double_eq_tol(x.sum.who[COST_INPUT], 1, 1e-12);
    ck_assert_double_eq_tol(x.sum.who[COST_OUTPUT], 2, 1e-12);
    ck_assert_double_eq_tol(x.sum.who[COST_LOST], 1, 1e-12);
    ck_assert_double_eq_tol(x.sum.who[COST_IDLE], 6, 1e-12);
    ck_assert_double_eq_tol(x.sum.full[COST_INPUT], 2.5, 1e-12);
    ck_assert_double_eq_tol(x.sum.full[COST_OUTPUT], 5, 1e-12);
    ck_assert_double_eq_tol(x.rate[0][COST_DECODE_NS], 2.5e-9, 1e-18);
    ck_assert_double_eq_tol(x.joules, 10 * 150 + 4 * 500, 1e-9);
    ck_assert_double_eq_tol(x.output_joules, 3500 / 2.0, 1e-9);
    ck_assert_double_eq_tol(x.gpu_hours, 10 / 3600.0, 1e-12);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("attribute");
    TCase *c = tcase_create("attribute");

    tcase_add_test(c, a_step_is_cut_by_what_each_adds);
    tcase_add_test(c, requests_get_their_parts);
    tcase_add_loop_test(c, sums_are_those_of_a_twin, 0, 5);
    tcase_add_loop_test(c, shares_sum_to_the_bill, 0, 3);
    tcase_add_test(c, a_bill_by_hand);
    suite_add_tcase(suite, c);
    return run_suite(suite);
}
