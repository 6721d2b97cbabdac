/*
 * test_expert.c - the law of activated experts (model/topk.h) and what placement makes of it (model/expert.h), against
 * closed forms: within 3.5 standard errors, at fixed seeds.
 */
#include <check.h>
#include <math.h>
#include <stdlib.h>

#include "../run_suite.h"
#include "base/dist.h"
#include "model/expert.h"
#include "model/topk.h"
#include "policy/experts.h"

enum { E = 256, K = 8 };
static const double SKEWS[] = {0, 0.4, 0.75, 1.5};
static const int64_t TOKENS[] = {1, 2, 8, 32, 256, 4096};
#define COUNT(a) ((int)(sizeof(a) / sizeof *(a)))

/* Check's own assertions report their place each time they pass, which would dominate in loops. */
#define must(cond)                                                                                                     \
    do {                                                                                                               \
        if (!(cond))                                                                                                   \
            ck_abort_msg("%s", #cond);                                                                                 \
    } while (0)

extern const struct place_ops place_static_ops, place_lru_ops, place_lfu_ops, place_predict_ops;

/* ---- binomial ---- */

/* Chi-square of the drawn counts over the values from low to high and both tails; mean of it = cells - 1. */
static void check_binomial(int64_t n, double p)
{
    enum { DRAWS = 200000, CELLS = 400 };
    struct rng r;
    double expected[CELLS + 2] = {0}, chi = 0;
    int64_t seen[CELLS + 2] = {0};
    int64_t low = (int64_t)((double)n * p) - CELLS / 2, cells = 0;

    low = low > 0 ? low : 0;
    rng_init(&r, 1, 0, (uint64_t)n, RNG_TEST);
    for (int64_t k = 0; k <= n; k++) {
        double logp = lgamma((double)n + 1) - lgamma((double)k + 1) - lgamma((double)(n - k) + 1) + (double)k * log(p) +
                      (double)(n - k) * log(1 - p);
        expected[k < low ? 0 : k - low < CELLS ? 1 + k - low : CELLS + 1] += DRAWS * exp(logp);
    }
    for (int i = 0; i < DRAWS; i++) {
        int64_t k = dist_binomial(&r, n, p);
        must(k >= 0 && k <= n);
        seen[k < low ? 0 : k - low < CELLS ? 1 + k - low : CELLS + 1]++;
    }
    double want = 0, got = 0; /* neighbours are joined until 20 are expected */
    for (int i = 0; i < CELLS + 2; i++) {
        want += expected[i];
        got += (double)seen[i];
        if (want < 20)
            continue;
        chi += (got - want) * (got - want) / want;
        cells++;
        want = got = 0;
    }
    double df = (double)cells - 1;
    ck_assert_msg(chi < df + 4 * sqrt(2 * df) + 4, "n %ld p %g: chi-square %g of %g", (long)n, p, chi, df);
}

START_TEST(binomial)
{
    static const int64_t n[] = {3, 12, 13, 40, 400, 30000};
    static const double p[] = {0.002, 0.02, 0.3, 0.5, 0.9};
    struct rng r;

    for (int i = 0; i < COUNT(n); i++)
        for (int k = 0; k < COUNT(p); k++)
            check_binomial(n[i], p[k]);
    rng_init(&r, 1, 0, 0, RNG_TEST);
    ck_assert_int_eq(dist_binomial(&r, 1000, 0), 0);
    ck_assert_int_eq(dist_binomial(&r, 1000, 1), 1000);
    ck_assert_int_eq(dist_binomial(&r, 0, 0.5), 0);
}
END_TEST

/* ---- the law ---- */

/* Zipf, ranks scattered over the ids. */
static void scattered(double *q, int64_t experts, int64_t topk, double skew)
{
    double sorted[E];

    experts_zipf(sorted, experts, (double)topk, skew);
    for (int64_t i = 0; i < experts; i++)
        q[i * 77 % experts] = sorted[i];
}

static double closed_form(const double *q, int64_t experts, int64_t tokens)
{
    double sum = 0;

    for (int64_t i = 0; i < experts; i++)
        sum += 1 - pow(1 - q[i], (double)tokens);
    return sum;
}

struct moments {
    double n, sum, square;
};

static void add(struct moments *m, double x)
{
    m->n++;
    m->sum += x;
    m->square += x * x;
}

static double mean(const struct moments *m)
{
    return m->sum / m->n;
}

static double variance(const struct moments *m)
{
    double v = m->square / m->n - mean(m) * mean(m);
    return v > 0 ? v : 0;
}

/* 1e-4 of the mean beside the standard errors: rare events may not have come. */
static void check_mean(const struct moments *m, double want, const char *what, double skew, int64_t tokens)
{
    double z = fabs(mean(m) - want), allowed = 3.5 * sqrt(variance(m) / m->n) + 1e-4 * want;

    ck_assert_msg(z <= allowed, "%s, skew %g, %ld tokens: %g, want %g +- %g", what, skew, (long)tokens, mean(m), want,
                  allowed);
}

static void check_union(int64_t experts, int64_t k, double skew, int64_t tokens)
{
    enum { DRAWS = 3000 };
    double q[E], chi = 0;
    int32_t ids[E];
    int64_t taken[E] = {0}, cells = 0;
    struct moments m = {0};
    struct topk t;
    struct rng r;

    scattered(q, experts, k, skew);
    topk_init(&t, experts, k);
    topk_set(&t, q);
    rng_init(&r, 3, 0, 0, RNG_TEST);
    for (int i = 0; i < DRAWS; i++) {
        bool twice[E] = {0};
        int64_t n = topk_draw(&t, &r, tokens, ids);
        add(&m, (double)n);
        must(n >= k);
        must(tokens > 1 || n == k);
        for (int64_t j = 0; j < n; j++) {
            must(!twice[ids[j]]);
            twice[ids[j]] = true;
            taken[ids[j]]++;
        }
    }
    check_mean(&m, closed_form(q, experts, tokens), "distinct", skew, tokens);
    for (int64_t i = 0; i < experts; i++) {
        double h = 1 - pow(1 - q[i], (double)tokens), d = (double)taken[i] - DRAWS * h;
        if (DRAWS * h * (1 - h) < 5)
            continue;
        chi += d * d / (DRAWS * h * (1 - h));
        cells++;
    }
    double df = (double)cells;
    ck_assert_msg(fabs(chi - df) <= 4 * sqrt(2 * df) + 6, "inclusion, skew %g, %ld tokens: chi-square %g of %g", skew,
                  (long)tokens, chi, df);
    topk_free(&t);
}

START_TEST(union_has_the_closed_forms)
{
    for (int s = 0; s < COUNT(SKEWS); s++)
        for (int b = 0; b < COUNT(TOKENS); b++)
            check_union(E, K, SKEWS[s], TOKENS[b]);
    for (int b = 0; b < COUNT(TOKENS); b++) { /* strata that end inside experts, and large experts */
        check_union(61, 7, 0.8, TOKENS[b]);
        check_union(10, 6, 1.0, TOKENS[b]);
        check_union(9, 9, 0, TOKENS[b]);
        check_union(64, 1, 1.1, TOKENS[b]);
    }
}
END_TEST

/* The whole law, not only its means: mean, variance and pairs of the union against sets drawn token by token. */
static void check_joint(int64_t experts, int64_t k, double skew, int64_t tokens)
{
    enum { DRAWS = 20000 };
    double q[E];
    int32_t ids[E];
    struct moments n[2] = {{0}}, pair[2] = {{0}}, next[2] = {{0}};
    struct topk t;
    struct rng r;

    scattered(q, experts, k, skew);
    topk_init(&t, experts, k);
    topk_set(&t, q);
    rng_init(&r, 5, 0, 0, RNG_TEST);
    for (int i = 0; i < 2 * DRAWS; i++) {
        bool in[E] = {0};
        int64_t distinct = 0, pairs = 0, nexts = 0;
        for (int64_t b = 0; b < (i % 2 ? tokens : 1); b++) {
            int64_t got = topk_draw(&t, &r, i % 2 ? 1 : tokens, ids);
            for (int64_t j = 0; j < got; j++)
                in[ids[j]] = true;
        }
        for (int64_t j = 0; j < experts; j++) {
            distinct += in[j];
            nexts += in[j] && in[(j + 1) % experts];
            pairs += in[j] && in[(j + 3) % experts];
        }
        add(&n[i % 2], (double)distinct);
        add(&next[i % 2], (double)nexts);
        add(&pair[i % 2], (double)pairs);
    }
    const struct moments *all[] = {n, next, pair};
    for (int a = 0; a < 3; a++) {
        double v = variance(&all[a][0]), w = variance(&all[a][1]);
        double error = sqrt((v + w) / DRAWS), spread = (v + w) / 2 * sqrt(4.0 / DRAWS) + 1e-3;
        ck_assert_msg(fabs(mean(&all[a][0]) - mean(&all[a][1])) <= 3.5 * error + 1e-3, "mean %d: %g, one by one %g", a,
                      mean(&all[a][0]), mean(&all[a][1]));
        ck_assert_msg(fabs(v - w) <= 4 * spread, "variance %d: %g, one by one %g", a, v, w);
    }
    topk_free(&t);
}

START_TEST(union_is_that_of_single_tokens)
{
    check_joint(24, 3, 0.9, 20); /* mostly drawn one by one */
    check_joint(24, 3, 0.9, 90); /* mostly by waiting times */
    check_joint(17, 5, 0.6, 30);
    check_joint(12, 5, 2.0, 40);
}
END_TEST

/* DeepSeek-R1 was measured to use 50-60% of its experts at 32 tokens, where uniform routing would use 63.8%: skew 0.40
 * gives the upper end, 0.72 the lower one. */
START_TEST(measured_share)
{
    static const struct {
        double skew, low, high;
    } want[] = {{0, 0.637, 0.639}, {0.4, 0.599, 0.6005}, {0.72, 0.5, 0.5025}};

    for (int i = 0; i < COUNT(want); i++) {
        struct experts x;
        experts_init(&x, E, K, want[i].skew);
        double share = experts_distinct(&x, 32) / E;
        ck_assert_msg(share >= want[i].low && share <= want[i].high, "skew %g: %g", want[i].skew, share);
    }
}
END_TEST

/* ---- placement ---- */

static struct expert_options options_of(const struct place_ops *place, void *place_options, double hot_share)
{
    return (struct expert_options){.hot_share = hot_share, .place = place, .place_options = place_options};
}

static struct expert_config config_of(const struct expert_options *o, double skew)
{
    return (struct expert_config){
        .layers = 4, .experts = E, .topk = K, .ranks = 8, .skew = skew, .options = o, .seed = 11};
}

static void check_use(const struct expert_use *u)
{
    must(u->distinct == u->hits + u->right + u->absent);
    must(u->absent_slowest <= u->absent);
    must(u->evicted <= u->kept);
    must(u->kept <= u->right + u->wrong + u->absent);
}

START_TEST(static_misses)
{
    for (int s = 0; s < COUNT(SKEWS); s++)
        for (int b = 0; b < 5; b++) {
            struct expert_options o = options_of(&place_static_ops, NULL, 0.3);
            struct expert_config c = config_of(&o, SKEWS[s]);
            struct expert_pool *p = expert_new(&c);
            struct moments absent = {0}, distinct = {0};
            double want = 0, all = 0;
            for (int l = 0; l < 4; l++)
                for (int i = 0; i < E; i++) {
                    double h = 1 - pow(1 - expert_popularity(p, l, i), (double)TOKENS[b]);
                    all += h;
                    want += expert_is_resident(p, l, i) ? 0 : h;
                }
            for (int i = 0; i < 1500; i++) {
                struct expert_use u = expert_step(p, TOKENS[b]);
                check_use(&u);
                must(u.evicted + u.kept + u.right + u.wrong == 0);
                add(&absent, (double)u.absent);
                add(&distinct, (double)u.distinct);
            }
            check_mean(&distinct, all, "distinct of layers", SKEWS[s], TOKENS[b]);
            check_mean(&absent, want, "absent", SKEWS[s], TOKENS[b]);
            ck_assert_int_eq(expert_resident(p), (int64_t)(0.3 * 4 * E + 0.5));
            expert_free(p);
        }
}
END_TEST

/* Resident are the most popular: none outside is more popular than any inside. */
START_TEST(placed_by_popularity)
{
    struct expert_options o = options_of(&place_lru_ops, NULL, 0.37);
    struct expert_config c = config_of(&o, 1);
    struct expert_pool *p = expert_new(&c);

    for (int l = 0; l < 4; l++) {
        double least = 1, most = 0;
        for (int i = 0; i < E; i++) {
            double q = expert_popularity(p, l, i);
            if (expert_is_resident(p, l, i))
                least = q < least ? q : least;
            else
                most = q > most ? q : most;
        }
        ck_assert(most < least);
    }
    ck_assert_int_eq(expert_resident(p), expert_slots(p));
    expert_free(p);
}
END_TEST

START_TEST(residency_is_conserved)
{
    double accuracy = 0.7;
    struct {
        int64_t halve;
        int admit;
    } lfu = {50, 0}; /* the option struct of place_lfu.c */
    const struct {
        const struct place_ops *ops;
        void *options;
    } all[] = {
        {&place_static_ops, NULL}, {&place_lru_ops, NULL}, {&place_lfu_ops, &lfu}, {&place_predict_ops, &accuracy}};
    static const double shares[] = {0.5, 0.1, 0.9, 0, 1, 0.25};

    for (int k = 0; k < COUNT(all); k++) {
        struct expert_options o = options_of(all[k].ops, all[k].options, 0.4);
        o.drift_ns = 10;
        o.drift_share = 0.1;
        struct expert_config c = config_of(&o, 0.6);
        struct expert_pool *p = expert_new(&c);
        int64_t resident = expert_resident(p);
        for (int step = 0; step < 600; step++) {
            if (step % 100 == 99)
                resident -= expert_resize(p, shares[step / 100]);
            expert_drift(p, step);
            struct expert_use u = expert_step(p, 1 + step % 40);
            check_use(&u);
            resident += u.kept - u.evicted;
            must(expert_resident(p) == resident);
            must(resident <= expert_slots(p));
            expert_check(p);
        }
        expert_free(p);
    }
}
END_TEST

START_TEST(drift_moves_the_ranking)
{
    struct expert_options o = options_of(&place_lru_ops, NULL, 0.5);
    o.drift_ns = 1000;
    o.drift_share = 0.125;
    struct expert_config c = config_of(&o, 1); /* all popularities differ */
    struct expert_pool *p = expert_new(&c);
    double before[E];

    ck_assert_int_eq(expert_drift(p, 999), 0);
    for (int i = 0; i < E; i++)
        before[i] = expert_popularity(p, 2, i);
    ck_assert_int_eq(expert_drift(p, 1000), 1);
    ck_assert_int_eq(expert_drift(p, 1999), 0);
    int moved = 0;
    double sum = 0;
    for (int i = 0; i < E; i++) {
        moved += expert_popularity(p, 2, i) != before[i];
        sum += expert_popularity(p, 2, i);
    }
    ck_assert_int_eq(moved, 32);
    ck_assert_double_eq_tol(sum, K, 1e-9);
    ck_assert_int_eq(expert_drift(p, 11500), 10);
    moved = 0; /* 11 moves: each expert stayed put in one with probability 7/8 */
    for (int i = 0; i < E; i++)
        moved += expert_popularity(p, 2, i) != before[i];
    double stay = pow(0.875, 11);
    ck_assert_double_eq_tol(moved, E * (1 - stay), 3.5 * sqrt(E * stay * (1 - stay)) + 3);
    expert_free(p);
}
END_TEST

/* What is drawn after a move follows the new popularity: static misses more, and as many as its closed form says. */
START_TEST(drift_reaches_the_draws)
{
    struct expert_options o = options_of(&place_static_ops, NULL, 0.25);
    o.drift_ns = 1;
    o.drift_share = 0.5;
    struct expert_config c = config_of(&o, 1);
    struct expert_pool *p = expert_new(&c);
    struct moments absent = {0};
    double before = 0, after = 0;

    for (int moved = 0; moved < 2; moved++) {
        expert_drift(p, moved * 3);
        for (int l = 0; l < 4; l++)
            for (int i = 0; i < E; i++)
                *(moved ? &after : &before) +=
                    expert_is_resident(p, l, i) ? 0 : 1 - pow(1 - expert_popularity(p, l, i), 8);
    }
    for (int i = 0; i < 2000; i++)
        add(&absent, (double)expert_step(p, 8).absent);
    ck_assert(after > 1.2 * before);
    check_mean(&absent, after, "absent after moves", 1, 8);
    expert_free(p);
}
END_TEST

/* Without slots all that a step uses must be fetched, so guesses show as they are. */
START_TEST(guesses_have_their_accuracy)
{
    static const double accuracies[] = {0, 0.3, 0.9, 1};

    for (int a = 0; a < COUNT(accuracies); a++)
        for (int64_t tokens = 1; tokens <= 256; tokens *= 16) {
            double accuracy = accuracies[a];
            struct expert_options o = options_of(&place_predict_ops, &accuracy, 0);
            struct expert_config c = config_of(&o, 0.5);
            struct expert_pool *p = expert_new(&c);
            int64_t distinct = 0, right = 0;
            for (int i = 0; i < 300; i++) {
                struct expert_use u = expert_step(p, tokens);
                check_use(&u);
                must(u.hits == 0);
                must(u.wrong <= u.distinct - u.right);
                must(tokens > 16 || u.wrong == u.distinct - u.right);
                must(u.distinct + u.wrong <= 4 * E);
                distinct += u.distinct;
                right += u.right;
            }
            double n = (double)distinct;
            ck_assert_double_le(fabs((double)right / n - accuracy), 3.5 * sqrt(accuracy * (1 - accuracy) / n));
            expert_free(p);
        }
}
END_TEST

/* With slots, guesses that come true leave nothing to fetch on demand. */
START_TEST(right_guesses_save_demand)
{
    double accuracy = 1;
    struct expert_options o = options_of(&place_predict_ops, &accuracy, 0.3),
                          lru = options_of(&place_lru_ops, NULL, 0.3);
    struct expert_config c = config_of(&o, 0.5), d = config_of(&lru, 0.5);
    struct expert_pool *p = expert_new(&c), *q = expert_new(&d);

    for (int i = 0; i < 200; i++) {
        struct expert_use u = expert_step(p, 16), v = expert_step(q, 16);
        ck_assert_int_eq(u.absent, 0);
        ck_assert_int_eq(u.wrong, 0);
        ck_assert_int_eq(u.distinct, v.distinct); /* policies meet the same experts */
    }
    expert_free(p);
    expert_free(q);
}
END_TEST

START_TEST(ranks_wait_for_the_slowest)
{
    static const int64_t ranks[] = {1, 8, E};
    struct expert_options o = options_of(&place_static_ops, NULL, 0);
    int64_t slowest[3];

    for (int k = 0; k < 3; k++) {
        struct expert_config c = config_of(&o, 0.5);
        c.ranks = ranks[k];
        struct expert_pool *p = expert_new(&c);
        struct expert_use u = expert_step(p, 32);
        slowest[k] = u.absent_slowest;
        if (ranks[k] == 1)
            ck_assert_int_eq(u.absent_slowest, u.absent);
        ck_assert_int_ge(u.absent_slowest * ranks[k], u.absent);
        expert_free(p);
    }
    ck_assert_int_eq(slowest[2], 4); /* one of each layer */
    ck_assert_int_lt(slowest[1], slowest[0]);
}
END_TEST

/* Few layers that stand for all have the means of all. */
START_TEST(sampled_layers)
{
    struct expert_options o = options_of(&place_static_ops, NULL, 0.25);
    o.layers = 4;
    struct expert_config c = config_of(&o, 0.5);
    c.layers = 58;
    struct expert_pool *p = expert_new(&c);
    struct moments distinct = {0};
    double q[E];
    int64_t stand = 0;

    ck_assert_int_eq(expert_layers_drawn(p), 4);
    for (int l = 0; l < 4; l++)
        stand += expert_stands_for(p, l);
    ck_assert_int_eq(stand, 58);
    ck_assert_int_eq(expert_slots(p), 58 * E / 4);
    for (int i = 0; i < 2000; i++)
        add(&distinct, (double)expert_step(p, 32).distinct);
    experts_zipf(q, E, K, 0.5);
    check_mean(&distinct, 58 * closed_form(q, E, 32), "distinct of sampled layers", 0.5, 32);
    expert_free(p);
}
END_TEST

/* Weights as a file gives them, in any order; a row a layer holds as it stands, one row is shuffled. */
START_TEST(table_of_weights)
{
    double weight[2 * 6] = {1, 5, 1, 1, 1, 1, 2, 2, 1, 1, 1, 1};
    struct expert_options o = options_of(&place_static_ops, NULL, 0.5);
    struct expert_config c = {.layers = 2, .experts = 6, .topk = 2, .ranks = 1, .options = &o, .seed = 1};
    struct moments own = {0};

    o.popularity = EXPERTS_TABLE;
    o.weight = weight;
    o.weight_rows = 2;
    struct expert_pool *p = expert_new(&c);
    ck_assert_double_eq_tol(expert_popularity(p, 0, 1), 1, 1e-12); /* every token's: 5 of 10, twice */
    ck_assert_double_eq_tol(expert_popularity(p, 0, 0), 0.2, 1e-12);
    ck_assert_double_eq_tol(expert_popularity(p, 1, 0), 0.5, 1e-12);
    ck_assert_double_eq_tol(expert_popularity(p, 1, 5), 0.25, 1e-12);
    ck_assert(expert_is_resident(p, 0, 1) && expert_is_resident(p, 1, 0) && expert_is_resident(p, 1, 1));
    for (int i = 0; i < 4000; i++)
        add(&own, (double)expert_step(p, 3).distinct);
    check_mean(&own, 6 - 5 * pow(0.8, 3) + 6 - 2 * pow(0.5, 3) - 4 * pow(0.75, 3), "table", 0, 3);
    expert_free(p);
    o.weight_rows = 1;
    p = expert_new(&c);
    int full = 0;
    for (int l = 0; l < 2; l++)
        for (int i = 0; i < 6; i++)
            full += expert_popularity(p, l, i) > 0.99;
    ck_assert_int_eq(full, 2);
    expert_free(p);
}
END_TEST

START_TEST(same_seed_same_steps)
{
    struct expert_options o = options_of(&place_lru_ops, NULL, 0.3);
    struct expert_config c = config_of(&o, 0.5), d = c;
    d.entity = 1;
    struct expert_pool *p = expert_new(&c), *q = expert_new(&c), *other = expert_new(&d);

    for (int i = 0; i < 50; i++) {
        struct expert_use u = expert_step(p, 20), v = expert_step(q, 20);
        expert_step(other, 20);
        ck_assert_int_eq(u.absent, v.absent);
    }
    ck_assert(expert_digest(p) == expert_digest(q));
    ck_assert(expert_digest(p) != expert_digest(other));
    expert_free(p);
    expert_free(q);
    expert_free(other);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("expert");
    TCase *law = tcase_create("law"), *place = tcase_create("placement");

    tcase_set_timeout(law, 120);
    tcase_set_timeout(place, 120);
    tcase_add_test(law, binomial);
    tcase_add_test(law, union_has_the_closed_forms);
    tcase_add_test(law, union_is_that_of_single_tokens);
    tcase_add_test(law, measured_share);
    tcase_add_test(place, static_misses);
    tcase_add_test(place, placed_by_popularity);
    tcase_add_test(place, residency_is_conserved);
    tcase_add_test(place, drift_moves_the_ranking);
    tcase_add_test(place, drift_reaches_the_draws);
    tcase_add_test(place, guesses_have_their_accuracy);
    tcase_add_test(place, right_guesses_save_demand);
    tcase_add_test(place, ranks_wait_for_the_slowest);
    tcase_add_test(place, sampled_layers);
    tcase_add_test(place, table_of_weights);
    tcase_add_test(place, same_seed_same_steps);
    suite_add_tcase(suite, law);
    suite_add_tcase(suite, place);
    return run_suite(suite);
}
