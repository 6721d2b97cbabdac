/*
 * prop_queue.c - the waiting queue in the order of a policy, against a twin that sorts an array each time it is asked.
 *
 * The twin keeps who waits in an array, in no order, and the service of each tenant as a sum that every token is added
 * to when it is given. Random requests come, are seen, are taken from anywhere (admitted or withdrawn), decode, return
 * when they are preempted; after each of these the whole queue is walked, and compared.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/rng.h"
#include "model/queue.h"
#include "../run_suite.h"

enum { MOST = 400, CLASSES = 5, TENANTS = 3 };

/* ---- orders of the test ---- */

/* Few different keys, so that many are equal. */
static int64_t test_key(const void *options, const struct order_view *v)
{
    (void)options;
    return v->input_tokens % 7 - v->class->priority + v->generated;
}

static double test_cost(const void *options, int64_t input, int64_t output)
{
    (void)options;
    return (double)input + 2 * (double)output;
}

static const struct order_ops keyed = {.policy = {.name = "keyed"}, .key = test_key};
static const struct order_ops fair = {.policy = {.name = "fair"}, .cost = test_cost};
static const struct order_ops as_they_came = {.policy = {.name = "as they came"}};

/* ---- the twin ---- */

enum where { GONE, UNSEEN, PLACED, RUNNING };

struct twin_request {
    enum where where;
    uint32_t slot;
    int64_t key, tenant, input, since; /* since: its place among the unseen */
    bool charged, decodes;
};

struct twin {
    struct twin_request at[MOST];
    int64_t n, n_unseen;
    double served[TENANTS]; /* over the share, with lifts */
    int64_t last;
};

static const double shares[TENANTS] = {1, 2, 0.5};

static int64_t waiting_of(const struct twin *t, int64_t tenant)
{
    int64_t n = 0;

    for (int64_t i = 0; i < t->n; i++)
        n += t->at[i].where == PLACED && t->at[i].tenant == tenant;
    return n;
}

static void twin_lift(struct twin *t, int64_t tenant)
{
    double to = -1;

    if (waiting_of(t, tenant) > 0)
        return;
    for (int64_t i = 0; i < TENANTS; i++)
        if (waiting_of(t, i) > 0 && (to < 0 || t->served[i] < to))
            to = t->served[i];
    if (to < 0 && t->last >= 0)
        to = t->served[t->last];
    if (to > t->served[tenant])
        t->served[tenant] = to;
}

static void twin_place(struct twin *t, int64_t i)
{
    twin_lift(t, t->at[i].tenant);
    t->at[i].where = PLACED;
}

/* The whole order, as indices; gives how many. */
static int64_t twin_walk(const struct twin *t, const struct order_ops *ops, int64_t *out)
{
    bool taken[MOST] = {false};
    double ahead[TENANTS] = {0};
    int64_t n = 0;

    for (int64_t best; best = -1, true; taken[best] = true, out[n++] = best) {
        double best_key = 0;
        for (int64_t i = 0; i < t->n; i++) {
            const struct twin_request *q = &t->at[i];
            if (taken[i] || (q->where != PLACED && q->where != UNSEEN))
                continue;
            /* the unseen behind all others, as they came */
            double key = q->where == UNSEEN ? 1e15 + (double)q->since
                         : ops->cost        ? t->served[q->tenant] + ahead[q->tenant]
                                            : (double)q->key;
            if (best < 0 || key < best_key - 1e-9 || (key < best_key + 1e-9 && i < best)) {
                best = i;
                best_key = key;
            }
        }
        if (best < 0)
            return n;
        const struct twin_request *q = &t->at[best];
        if (q->where == PLACED && !q->charged)
            ahead[q->tenant] += (double)q->input / shares[q->tenant];
    }
    return n;
}

/* ---- both ---- */

struct both {
    struct twin t;
    struct pool pool;
    struct queue queue;
    struct list list;
    uint32_t unseen;
    uint64_t step;
    const struct order_ops *ops;
    struct rng rng;
    int64_t walks, longest, returns;
};

static void compare_walks(struct both *b)
{
    int64_t order[MOST], n = twin_walk(&b->t, b->ops, order), i = 0;

    for (uint32_t s = queue_first(&b->queue, &b->pool, &b->list, b->step); s != SLOT_NONE;
         s = queue_next(&b->queue, &b->pool, &b->list, s, b->step), i++) {
        if (i >= n || b->pool.at[s].id != order[i])
            ck_abort_msg("walk %ld (%s), place %ld of %ld: request %ld, the twin has %ld", b->walks,
                         b->ops->policy.name, i, n, b->pool.at[s].id, i < n ? order[i] : -1);
    }
    ck_assert_int_eq(i, n);
    ck_assert_int_eq(b->list.n, n);
    queue_check(&b->queue, &b->pool, &b->list);
    b->walks++;
    b->longest = n > b->longest ? n : b->longest;
}

static void come(struct both *b, const struct queue_env *env)
{
    struct twin_request *q = &b->t.at[b->t.n];
    uint32_t slot = pool_take(&b->pool);
    struct request *r = &b->pool.at[slot];

    r->id = b->t.n++;
    r->class_id = (int64_t)rng_below(&b->rng, CLASSES);
    r->input_tokens = 1 + (int64_t)rng_below(&b->rng, 100);
    list_push_back(&b->pool, &b->list, LINK_QUEUE, slot);
    if (b->unseen == SLOT_NONE)
        b->unseen = slot;
    *q = (struct twin_request){.where = UNSEEN,
                               .slot = slot,
                               .tenant = env->class[r->class_id].tenant,
                               .input = r->input_tokens,
                               .since = b->t.n_unseen++};
    q->key = b->ops->key ? r->input_tokens % 7 - env->class[r->class_id].priority : r->id;
}

/* The server looks at what came. */
static void see(struct both *b)
{
    for (uint32_t s = b->unseen, next; s != SLOT_NONE; s = next) {
        next = b->pool.at[s].next[LINK_QUEUE];
        queue_place(&b->queue, &b->pool, &b->list, s, b->step);
    }
    b->unseen = SLOT_NONE;
    for (int64_t i = 0; i < b->t.n; i++)
        if (b->t.at[i].where == UNSEEN)
            twin_place(&b->t, i);
}

static void take(struct both *b, int64_t i, bool admit)
{
    struct twin_request *q = &b->t.at[i];
    struct request *r = &b->pool.at[q->slot];

    if (b->unseen == q->slot)
        b->unseen = r->next[LINK_QUEUE];
    queue_take(&b->queue, &b->pool, &b->list, q->slot);
    if (q->where == PLACED && waiting_of(&b->t, q->tenant) == 1)
        b->t.last = q->tenant;
    q->where = admit ? RUNNING : GONE;
    if (!admit)
        return;
    queue_runs(&b->queue, r, 1);
    queue_gave(&b->queue, r);
    queue_decodes(&b->queue, r, 1, b->step);
    b->t.served[q->tenant] += ((q->charged ? 0 : (double)q->input) + 2) / shares[q->tenant];
    q->charged = q->decodes = true;
}

/* Who runs ends, or is preempted and waits again. */
static void stop(struct both *b, int64_t i, bool again)
{
    struct twin_request *q = &b->t.at[i];
    struct request *r = &b->pool.at[q->slot];

    queue_decodes(&b->queue, r, -1, b->step);
    queue_runs(&b->queue, r, -1);
    q->where = GONE;
    if (!again)
        return;
    r->generated++; /* keys change */
    q->key += b->ops->key != NULL;
    list_push_front(&b->pool, &b->list, LINK_QUEUE, q->slot);
    queue_place(&b->queue, &b->pool, &b->list, q->slot, b->step);
    twin_place(&b->t, i);
    if (b->ops == &as_they_came)
        q->key = -++b->returns;
    b->returns += b->ops != &as_they_came;
}

static void step(struct both *b)
{
    b->step++;
    for (int64_t i = 0; i < b->t.n; i++)
        if (b->t.at[i].where == RUNNING)
            b->t.served[b->t.at[i].tenant] += 2 / shares[b->t.at[i].tenant];
}

/* One that is there, or -1. */
static int64_t any(struct both *b, enum where where)
{
    int64_t from = (int64_t)rng_below(&b->rng, (uint64_t)b->t.n + 1);

    for (int64_t k = 0; k < b->t.n; k++)
        if (b->t.at[(from + k) % b->t.n].where == where)
            return (from + k) % b->t.n;
    return -1;
}

static void act(struct both *b, const struct queue_env *env)
{
    int64_t i;

    switch (rng_below(&b->rng, 8)) {
    case 0:
    case 1:
    case 2:
        if (b->t.n < MOST)
            come(b, env);
        break;
    case 3:
        see(b);
        break;
    case 4:
        if ((i = any(b, PLACED)) >= 0)
            take(b, i, rng_below(&b->rng, 4) > 0);
        break;
    case 5:
        if (rng_below(&b->rng, 8) == 0 && (i = any(b, UNSEEN)) >= 0)
            take(b, i, false);
        break;
    case 6:
        if ((i = any(b, RUNNING)) >= 0)
            stop(b, i, rng_below(&b->rng, 2));
        break;
    default:
        step(b);
    }
}

static struct both run(const struct order_ops *ops, uint64_t seed)
{
    static const int64_t tenant_of[CLASSES] = {0, 1, 2, 1, 0};
    struct order_class class[CLASSES];
    struct both b = {.ops = ops, .unseen = SLOT_NONE, .t = {.last = -1}};

    for (int64_t i = 0; i < CLASSES; i++)
        class[i] = (struct order_class){.priority = i % 3, .tenant = tenant_of[i], .share = shares[tenant_of[i]]};
    struct queue_env env = {.ops = ops, .class = class, .n_classes = CLASSES, .n_tenants = TENANTS};
    rng_init(&b.rng, seed, 0, 0, RNG_TEST);
    pool_init(&b.pool);
    list_init(&b.list);
    queue_init(&b.queue, &env);
    for (int k = 0; k < 1000; k++) {
        act(&b, &env);
        compare_walks(&b);
    }
    queue_free(&b.queue);
    pool_free(&b.pool);
    return b;
}

static void run_many(const struct order_ops *ops)
{
    int64_t longest = 0, returns = 0;

    for (uint64_t seed = 1; seed <= 16; seed++) {
        struct both b = run(ops, seed);
        longest = b.longest > longest ? b.longest : longest;
        returns += b.returns;
    }
    printf("# %s: up to %ld waiting, %ld came back\n", ops->policy.name, longest, returns);
    ck_assert_int_gt(longest, 100);
    ck_assert_int_gt(returns, 500);
}

START_TEST(by_key_equals_twin)
{
    run_many(&keyed);
}
END_TEST

START_TEST(by_tenant_equals_twin)
{
    run_many(&fair);
}
END_TEST

START_TEST(as_they_came_equals_twin)
{
    run_many(&as_they_came);
}
END_TEST

/* A hundred thousand that wait, in rising, falling and equal keys: a list without an index would take minutes. */
START_TEST(many_wait)
{
    enum { MANY = 100000 };
    struct order_class class = {.share = 1};
    struct queue_env env = {.ops = &keyed, .class = &class, .n_classes = 1, .n_tenants = 1};

    for (int pattern = 0; pattern < 3; pattern++) {
        struct pool pool;
        struct queue q;
        struct list list;
        pool_init(&pool);
        list_init(&list);
        queue_init(&q, &env);
        for (int64_t i = 0; i < MANY; i++) {
            uint32_t slot = pool_take(&pool);
            pool.at[slot].id = i;
            pool.at[slot].generated = pattern == 0 ? i : pattern == 1 ? MANY - i : 0;
            list_push_back(&pool, &list, LINK_QUEUE, slot);
            queue_place(&q, &pool, &list, slot, 0);
        }
        queue_check(&q, &pool, &list);
        for (int64_t i = 0; i < MANY; i++) {
            uint32_t slot = queue_first(&q, &pool, &list, 0);
            ck_assert(pool.at[slot].id == (pattern == 1 ? MANY - 1 - i : i));
            queue_take(&q, &pool, &list, slot);
        }
        ck_assert_int_eq(list.n, 0);
        queue_free(&q);
        pool_free(&pool);
    }
}
END_TEST

int main(void)
{
    Suite *s = suite_create("prop_queue");
    TCase *c = tcase_create("twin");

    tcase_set_timeout(c, 60);
    tcase_add_test(c, as_they_came_equals_twin);
    tcase_add_test(c, by_key_equals_twin);
    tcase_add_test(c, by_tenant_equals_twin);
    tcase_add_test(c, many_wait);
    suite_add_tcase(s, c);
    return run_suite(s);
}
