/*
 * prop_expert.c - placement of experts (model/expert.h) against a twin that looks through all residents: same draws,
 * sets as plain flags, the rules of policy/place.h written out.
 */
#include <check.h>
#include <stdlib.h>

#include "../run_suite.h"
#include "base/rng.h"
#include "model/expert.h"
#include "model/topk.h"

enum { LAYERS = 3, E = 40, K = 4, STEPS = 1500, SEEDS = 4 };

extern const struct place_ops place_static_ops, place_lru_ops, place_lfu_ops, place_predict_ops;

enum rule { STATIC, LRU, LFU, LFU_BETTER, PREDICT, RULES };

struct twin {
    enum rule rule;
    double hot_share;
    int64_t step;
    struct rng rng;
    struct topk topk[LAYERS];
    bool in[LAYERS][E];
    double first[LAYERS][E], count[LAYERS][E];
    int64_t used[LAYERS][E], slots[LAYERS], n[LAYERS];
};

/* Check's own assertions report their place each time they pass, which would dominate here. */
#define same(cond)                                                                                                     \
    do {                                                                                                               \
        if (!(cond))                                                                                                   \
            ck_abort_msg("rule %d, seed %d, step %d: %s", t->rule, seed, (int)t->step, #cond);                         \
    } while (0)

static double worth(const struct twin *t, int l, int i)
{
    if (t->rule == STATIC)
        return t->first[l][i];
    return t->rule == LFU || t->rule == LFU_BETTER ? t->count[l][i] : (double)t->used[l][i];
}

static int worst(const struct twin *t, int l)
{
    int out = -1;

    for (int i = 0; i < E; i++)
        if (t->in[l][i] && (out < 0 || worth(t, l, i) < worth(t, l, out)))
            out = i;
    return out;
}

static void twin_slots(struct twin *t, double share)
{
    int64_t all = (int64_t)(share * LAYERS * E + 0.5);

    for (int64_t l = 0; l < LAYERS; l++)
        t->slots[l] = (l + 1) * all / LAYERS - l * all / LAYERS;
}

/* Popularities come from the pool: their making is test_expert.c's. */
static void twin_make(struct twin *t, const struct expert_pool *p, uint64_t seed)
{
    double q[E];

    rng_init(&t->rng, seed, 0, 0, RNG_EXPERT);
    twin_slots(t, t->hot_share);
    for (int l = 0; l < LAYERS; l++) {
        topk_init(&t->topk[l], E, K);
        for (int i = 0; i < E; i++)
            q[i] = t->first[l][i] = expert_popularity(p, l, i);
        topk_set(&t->topk[l], q);
        for (t->n[l] = 0; t->n[l] < t->slots[l]; t->n[l]++) {
            int best = -1;
            for (int i = 0; i < E; i++)
                if (!t->in[l][i] && (best < 0 || q[i] > q[best]))
                    best = i;
            t->in[l][best] = true;
        }
    }
}

static void twin_take(struct twin *t, int l, int i, struct expert_use *u)
{
    bool must_beat = t->rule == STATIC || t->rule == LFU_BETTER;

    if (t->slots[l] == 0)
        return;
    if (t->n[l] == t->slots[l]) {
        int out = worst(t, l);
        if (t->used[l][out] == t->step || (must_beat && worth(t, l, i) <= worth(t, l, out)))
            return;
        t->in[l][out] = false;
        t->n[l]--;
        u->evicted++;
    }
    t->in[l][i] = true;
    t->n[l]++;
    u->kept++;
}

static void twin_use(struct twin *t, int l, int i)
{
    t->used[l][i] = t->step;
    t->count[l][i]++;
}

static struct expert_use twin_step(struct twin *t, int64_t tokens)
{
    struct expert_use u = {0};
    int32_t ids[E];

    t->step++;
    for (int l = 0; l < LAYERS && t->step % 100 == 0; l++)
        for (int i = 0; i < E; i++)
            t->count[l][i] /= 2;
    for (int l = 0; l < LAYERS; l++) {
        int64_t n = topk_draw(&t->topk[l], &t->rng, tokens, ids), late = 0;
        u.distinct += n;
        for (int64_t k = 0; k < n; k++) {
            twin_use(t, l, ids[k]);
            if (!t->in[l][ids[k]])
                ids[late++] = ids[k];
        }
        *(t->rule == PREDICT ? &u.right : &u.absent) += late; /* every guess is right */
        for (int64_t k = 0; k < late; k++)
            twin_take(t, l, ids[k], &u);
    }
    u.hits = u.distinct - u.right - u.absent;
    return u;
}

static int64_t twin_resize(struct twin *t, double share)
{
    int64_t gone = 0;

    twin_slots(t, share);
    for (int l = 0; l < LAYERS; l++)
        for (; t->n[l] > t->slots[l]; t->n[l]--, gone++)
            t->in[l][worst(t, l)] = false;
    return gone;
}

static void check_step(struct twin *t, struct expert_pool *p, int64_t tokens, int seed)
{
    struct expert_use u = expert_step(p, tokens), v = twin_step(t, tokens);

    same(u.distinct == v.distinct && u.hits == v.hits && u.right == v.right && u.wrong == 0 && u.absent == v.absent);
    same(u.kept == v.kept && u.evicted == v.evicted);
    for (int l = 0; l < LAYERS; l++)
        for (int i = 0; i < E; i++)
            same(t->in[l][i] == expert_is_resident(p, l, i));
    expert_check(p);
}

static void check_rule(enum rule rule, int seed)
{
    static const double shares[] = {0.5, 0.2, 0.9, 0, 0.35};
    double accuracy = 1;
    struct {
        int64_t halve_steps;
        int admit;
    } lfu = {100, rule == LFU_BETTER}; /* the option struct of place_lfu.c */
    const struct place_ops *ops[] = {&place_static_ops, &place_lru_ops, &place_lfu_ops, &place_lfu_ops,
                                     &place_predict_ops};
    void *options = rule == PREDICT ? (void *)&accuracy : (void *)&lfu;
    struct expert_options o = {.hot_share = shares[seed % 5], .place = ops[rule], .place_options = options};
    struct expert_config c = {.layers = LAYERS,
                              .experts = E,
                              .topk = K,
                              .ranks = 4,
                              .skew = 0.3 * seed + 0.1, /* without ties, except among experts that all tokens use */
                              .options = &o,
                              .seed = (uint64_t)seed};
    struct expert_pool *p = expert_new(&c);
    struct twin *t = calloc(1, sizeof *t);
    struct rng r;

    t->rule = rule;
    t->hot_share = o.hot_share;
    twin_make(t, p, (uint64_t)seed);
    rng_init(&r, (uint64_t)seed, 0, 0, RNG_TEST);
    for (int step = 0; step < STEPS; step++) {
        if (rng_below(&r, 200) == 0) {
            double share = shares[rng_below(&r, 5)];
            same(expert_resize(p, share) == twin_resize(t, share));
        }
        check_step(t, p, 1 + (int64_t)rng_below(&r, 12), seed);
    }
    for (int l = 0; l < LAYERS; l++)
        topk_free(&t->topk[l]);
    free(t);
    expert_free(p);
}

START_TEST(placement_is_the_twins)
{
    for (int seed = 0; seed < SEEDS; seed++)
        check_rule((enum rule)_i, seed);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("expert placement");
    TCase *tcase = tcase_create("twin");

    tcase_set_timeout(tcase, 120);
    tcase_add_loop_test(tcase, placement_is_the_twins, 0, RULES);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
