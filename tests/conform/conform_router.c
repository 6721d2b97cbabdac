/*
 * conform_router.c - what every registered router must keep, over random views of loads, measures and cached prefixes;
 * and those that weigh several things, against a look at each replica.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/rng.h"
#include "model/loads.h"
#include "policy/router.h"
#include "../run_suite.h"

enum { N_MAX = 100 };

/* ---- a view made up ---- */

struct mock {
    struct loads l;
    struct router_holder has[N_MAX]; /* of the prompt asked for */
    int64_t order[N_MAX], next;      /* by how much they have */
    int64_t answers[N_MAX];
};

static void look(const struct router_view *v, int64_t replica, struct router_holder *out)
{
    *out = ((const struct mock *)v->ctx)->has[replica];
}

static bool next_holder(const struct router_view *v, struct router_holder *out)
{
    struct mock *m = v->ctx;

    while (m->next < v->n) {
        *out = m->has[m->order[m->next++]];
        out->most = out->cached + out->below;
        if (out->most > 0 && out->replica != v->least)
            return true;
    }
    return false;
}

static void *options_of(const struct router_ops *ops, const char *key, const char *value)
{
    struct ini_entry entry = {.section = "router", .key = key, .value = value, .file = "-s"};
    struct ini_entries entries = {.at = &entry, .n = key ? 1 : 0};
    struct arena arena;
    struct diags diags;

    arena_init(&arena);
    diags_init(&diags);
    void *options = mem_zalloc(1, ops->policy.options_size + 1);
    struct opt_bind bind = {.section = "router", .prefix = "", .table = &ops->policy.options, .base = options};
    opt_apply(&bind, &entries, &arena, &diags);
    ck_assert_int_eq(diags.n, 0); /* every key has a default */
    diags_free(&diags);
    arena_free(&arena);
    return options;
}

static void mock_init(struct mock *m, int64_t n, const struct router_ops *ops, const void *options)
{
    struct router_wants wants = {0};

    memset(m, 0, sizeof *m);
    loads_init(&m->l, n, ops->key);
    m->l.view.seats = 20;
    m->l.view.kv_tokens = 20000;
    m->l.view.request.last = -1;
    if (ops->wants)
        ops->wants(options, &wants);
    if (wants.measures)
        loads_measure(&m->l, wants.window_ns, 1e5);
    if (wants.prefixes) {
        m->l.view.ctx = m;
        m->l.view.look = look;
        m->l.view.next_holder = next_holder;
    }
    for (int64_t i = 0; i < n; i++)
        m->has[i].replica = m->order[i] = i;
}

static int64_t total(const struct mock *m, int64_t replica)
{
    return m->has[replica].cached + m->has[replica].below;
}

/* Another request: what it is, and who has some of it. Values are few, so that there are ties. */
static void ask(struct mock *m, struct rng *r)
{
    struct router_view *v = &m->l.view;
    int64_t step = 1 + (int64_t)rng_below(r, 4) * 64;

    v->request.tokens = 1 + (int64_t)rng_below(r, 1000);
    v->request.last = (int64_t)rng_below(r, (uint64_t)v->n + 1) - 1;
    v->request.waited_ns = (int64_t)rng_below(r, 1000000);
    v->request.slo_ttft_ns = (int64_t)rng_below(r, 3) * 100000000;
    v->request.slo_tpot_ns = (int64_t)rng_below(r, 2) * 20000000;
    for (int64_t i = 0; i < v->n; i++) {
        bool some = rng_below(r, 4) == 0;
        m->has[i].cached = some ? (int64_t)rng_below(r, (uint64_t)v->request.tokens) / step * step : 0;
        m->has[i].below = some && rng_below(r, 2) ? (v->request.tokens - 1 - m->has[i].cached) / step * step : 0;
        int64_t k = i;
        for (; k > 0 && total(m, m->order[k - 1]) < total(m, i); k--)
            m->order[k] = m->order[k - 1];
        m->order[k] = i;
    }
    m->next = 0;
}

/* One replica changes. */
static void stir(struct mock *m, struct rng *r)
{
    struct loads *l = &m->l;
    int64_t at = (int64_t)rng_below(r, (uint64_t)l->view.n);

    if (l->requests[at] > 0 && rng_below(r, 2))
        loads_add(l, at, -1, -(l->tokens[at] / l->requests[at]));
    loads_set_room(l, at, rng_below(r, 3) > 0);
    loads_set_up(l, at, rng_below(r, 4) > 0);
    if (l->n_up == 0)
        loads_set_up(l, at, true);
    if (l->speed) {
        loads_stepped(l, at, 1000000 * (1 + (int64_t)rng_below(r, 40)), (int64_t)rng_below(r, 3) * 400,
                      (int64_t)rng_below(r, 2) * 1000000 * (1 + (int64_t)rng_below(r, 40)));
        double kv = (double)rng_below(r, 11) / 10;
        kv *= rng_below(r, 2) ? 1 : (double)rng_below(r, 1000) / 1000;
        loads_set_work(l, at, (int64_t)rng_below(r, 10) * 50, kv);
    }
}

/* ---- a look at each ---- */

static double key_of(const struct loads *l, int64_t i)
{
    switch (l->key) {
    case ROUTER_KEY_TOKENS:
        return (double)l->tokens[i];
    case ROUTER_KEY_ROOM:
        return l->room[i] ? (double)l->requests[i] : (double)INT64_MAX;
    case ROUTER_KEY_KV:
        return l->kv[i];
    case ROUTER_KEY_WAIT:
        return (double)(l->wait_ns[i] + l->tokens[i]);
    default:
        return (double)l->requests[i];
    }
}

static int64_t brute_least(const struct loads *l)
{
    int64_t best = -1;

    for (int64_t i = 0; i < l->view.n; i++)
        if (l->up[i] && (best < 0 || key_of(l, i) < key_of(l, best)))
            best = i;
    return best;
}

/* As the model does: one that is down is not taken. */
static int64_t choose(const struct router_ops *ops, const void *options, void *state, struct mock *m, struct rng *draws)
{
    for (int64_t tries = 0;; tries++) {
        m->next = 0;
        const struct router_view *v = loads_view(&m->l);
        int64_t chosen = ops->route(options, state, v, draws);
        ck_assert(chosen >= ROUTER_HOLD && chosen < v->n);
        if (chosen == ROUTER_HOLD || m->l.up[chosen])
            return chosen;
        ck_assert(ops->key == ROUTER_KEY_NONE && tries < 10000); /* who goes by a load does not name one */
    }
}

START_TEST(routers_keep_the_rules)
{
    const struct router_ops *ops = (const struct router_ops *)policy_list(POLICY_ROUTER)[_i];
    struct rng rng, draws, again;
    static const int64_t sizes[] = {1, 2, 7, N_MAX};
    static struct mock m;

    rng_init(&rng, 5, 0, 0, RNG_TEST);
    for (int k = 0; k < 4; k++) {
        void *state = calloc(1, ops->state_size + 1), *state_again = calloc(1, ops->state_size + 1);
        void *options = options_of(ops, NULL, NULL);
        mock_init(&m, sizes[k], ops, options);
        rng_init(&draws, 1, 0, 0, RNG_ROUTER);
        rng_init(&again, 1, 0, 0, RNG_ROUTER);
        for (int i = 0; i < 6000; i++) {
            stir(&m, &rng);
            ask(&m, &rng);
            const struct router_view *v = loads_view(&m.l);
            if (ops->key != ROUTER_KEY_NONE && v->least_key < INT64_MAX)
                ck_assert_int_eq(v->least, brute_least(&m.l));
            int64_t chosen = choose(ops, options, state, &m, &draws);
            ck_assert_int_eq(chosen, choose(ops, options, state_again, &m, &again));
            if (chosen == ROUTER_HOLD) {
                ck_assert(ops->key == ROUTER_KEY_ROOM);
                continue;
            }
            if (ops->key == ROUTER_KEY_ROOM)
                ck_assert(m.l.room[chosen]);
            m.answers[chosen]++;
            loads_add(&m.l, chosen, 1, 1 + (int64_t)rng_below(&rng, 500));
            if (m.l.speed)
                loads_set_work(&m.l, chosen, 1000, 1);
        }
        for (int64_t i = 0; i < sizes[k]; i++)
            ck_assert_int_gt(m.answers[i], 0); /* no replica is forgotten */
        loads_free(&m.l);
        free(options);
        free(state);
        free(state_again);
    }
}
END_TEST

/* Nothing tells replicas apart: the lowest, of those that are up. */
START_TEST(ties_go_to_the_lowest)
{
    const struct router_ops *ops = (const struct router_ops *)policy_list(POLICY_ROUTER)[_i];
    void *options = options_of(ops, NULL, NULL), *state = calloc(1, ops->state_size + 1);
    static struct mock m;
    struct rng draws;

    if (ops->key != ROUTER_KEY_NONE) {
        rng_init(&draws, 1, 0, 0, RNG_ROUTER);
        mock_init(&m, 7, ops, options);
        m.l.view.request = (struct router_request){.tokens = 10, .last = -1, .slo_ttft_ns = 1000000000};
        ck_assert_int_eq(choose(ops, options, state, &m, &draws), 0);
        loads_set_up(&m.l, 0, false);
        loads_set_up(&m.l, 2, false);
        ck_assert_int_eq(choose(ops, options, state, &m, &draws), 1);
        loads_free(&m.l);
    }
    free(options);
    free(state);
}
END_TEST

/* ---- twins ---- */

static int64_t twin_prefix(const struct mock *m)
{
    const struct loads *l = &m->l;
    int64_t best = -1;
    double best_cost = 0;

    for (int64_t i = 0; i < l->view.n; i++) {
        double cost = (double)l->tokens[i] + 1.5 * ((double)l->view.request.tokens - (double)m->has[i].cached -
                                                    0.5 * (double)m->has[i].below);
        if (l->up[i] && (best < 0 || cost < best_cost)) {
            best = i;
            best_cost = cost;
        }
    }
    return best;
}

static int64_t twin_slo(const struct mock *m)
{
    const struct loads *l = &m->l;
    const struct router_request *q = &l->view.request;
    int64_t best = -1;

    for (int64_t i = 0; i < l->view.n && q->slo_ttft_ns > 0; i++) {
        double tokens = (double)q->tokens, ttft = (double)(q->waited_ns + l->wait_ns[i]) + tokens * l->token_ns[i];
        if (l->up[i] && ttft <= 0.25 * (double)q->slo_ttft_ns && l->requests[i] < 20 &&
            l->kv[i] + tokens / 20000 <= 1 &&
            (q->slo_tpot_ns == 0 || l->tpot_ns[i] <= 0.25 * (double)q->slo_tpot_ns) &&
            (best < 0 || l->tokens[i] > l->tokens[best]))
            best = i;
    }
    return best < 0 ? brute_least(l) : best;
}

static int64_t twin_session(const struct mock *m)
{
    const struct loads *l = &m->l;
    int64_t last = l->view.request.last, all = 1;

    for (int64_t i = 0; i < l->view.n; i++)
        all += l->requests[i];
    /* with it, no more than ceil(2 x mean) */
    bool fits = last >= 0 && l->up[last] && l->requests[last] + 1 <= (2 * all + l->view.n - 1) / l->view.n;
    return fits ? last : brute_least(l);
}

static const struct twin {
    const char *name, *key, *value; /* one option that is not the default */
    int64_t (*route)(const struct mock *m);
} twins[] = {
    {"prefix_aware", "prefix_weight", "1.5", twin_prefix},
    {"slo_aware", "candidates", "100", twin_slo},
    {"session_affinity", "load_bound", "2", twin_session},
};

START_TEST(as_a_look_at_each)
{
    const struct twin *t = &twins[_i];
    const struct router_ops *ops = (const struct router_ops *)policy_find(POLICY_ROUTER, t->name);
    void *options = options_of(ops, t->key, t->value), *state = calloc(1, ops->state_size + 1);
    struct rng rng, draws;
    static struct mock m;
    int64_t other = 0;

    rng_init(&rng, 11, 0, 0, RNG_TEST);
    rng_init(&draws, 1, 0, 0, RNG_ROUTER);
    mock_init(&m, 32, ops, options); /* no more than prefix_aware's candidates */
    for (int i = 0; i < 20000; i++) {
        stir(&m, &rng);
        ask(&m, &rng);
        int64_t chosen = choose(ops, options, state, &m, &draws);
        ck_assert_int_eq(chosen, t->route(&m));
        other += chosen != m.l.view.least;
        loads_add(&m.l, chosen, 1, 10 * (1 + (int64_t)rng_below(&rng, 20)));
    }
    ck_assert_int_gt(other, 300); /* it is not the least loaded each time */
    loads_free(&m.l);
    free(options);
    free(state);
}
END_TEST

/* Means over steps that lose weight: by hand. */
START_TEST(speeds_are_measured)
{
    struct loads l;

    loads_init(&l, 2, ROUTER_KEY_WAIT);
    loads_measure(&l, 1000, 2); /* a window of 1000 ns in which 500 tokens were computed */
    loads_set_work(&l, 0, 30, 0.5);
    ck_assert_int_eq(l.wait_ns[0], 60);
    loads_stepped(&l, 0, 200, 40, 0); /* 1000 x 0.8 + 200 over 500 x 0.8 + 40 */
    ck_assert(l.token_ns[0] == 1000.0 / 440);
    ck_assert(l.tpot_ns[0] == 0);
    loads_stepped(&l, 0, 100, 0, 90);
    loads_stepped(&l, 0, 500, 0, 30); /* 90 x 0.5 + 30 over 1.5 */
    ck_assert(l.tpot_ns[0] == 50 && l.token_ns[0] == 1000.0 / 440);
    loads_stepped(&l, 0, 5000, 1000, 0); /* longer than the window: what was before is forgotten */
    ck_assert(l.token_ns[0] == 5);
    loads_set_work(&l, 0, 30, 0.5);
    ck_assert_int_eq(l.wait_ns[0], 150);
    ck_assert_int_eq(loads_view(&l)->least, 1);
    loads_free(&l);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("routers");
    TCase *c = tcase_create("conformance");
    int n = 0;

    while (policy_list(POLICY_ROUTER)[n])
        n++;
    tcase_set_timeout(c, 60);
    tcase_add_loop_test(c, routers_keep_the_rules, 0, n);
    tcase_add_loop_test(c, ties_go_to_the_lowest, 0, n);
    tcase_add_loop_test(c, as_a_look_at_each, 0, (int)(sizeof twins / sizeof *twins));
    tcase_add_test(c, speeds_are_measured);
    suite_add_tcase(s, c);
    return run_suite(s);
}
