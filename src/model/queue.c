#include "config.h"

#include "model/queue.h"

#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/dist.h"
#include "model/kv.h"

/* ---- what all share ---- */

static const char *tenant_of(const struct class_options *c)
{
    return c->tenant ? c->tenant : c->name;
}

void queue_env_init(struct queue_env *env, const struct scenario *sc, const void *cost_state)
{
    *env = (struct queue_env){.ops = sc->order,
                              .options = sc->order_options,
                              .n_classes = sc->n_classes,
                              .seed = (uint64_t)sc->run.seed,
                              .replication = (uint64_t)sc->run.replication,
                              .cost = sc->cost,
                              .cost_state = cost_state,
                              .knees = cost_knees(&sc->layout),
                              .budget = sc->layout.limits.max_num_batched_tokens};
    env->class = mem_zalloc((size_t)sc->n_classes, sizeof *env->class);
    for (int64_t i = 0; i < sc->n_classes; i++) {
        const struct class_options *c = &sc->classes[i];
        int64_t k = 0;
        while (strcmp(tenant_of(&sc->classes[k]), tenant_of(c)) != 0)
            k++;
        env->class[i] = (struct order_class){.priority = c->priority,
                                             .ttft_ns = c->slo_ttft_ns,
                                             .tpot_ns = c->slo_tpot_ns,
                                             .max_tokens = c->max_tokens,
                                             .tenant = k < i ? env->class[k].tenant : env->n_tenants++,
                                             .share = c->share};
    }
}

void queue_env_free(struct queue_env *env)
{
    free(env->class);
}

static bool by_tenant(const struct queue *q)
{
    return q->env && q->env->ops->cost;
}

void queue_init(struct queue *q, const struct queue_env *env)
{
    bool ordered = env && (env->ops->key || env->ops->cost);

    *q = (struct queue){.env = ordered ? env : NULL, .root = SLOT_NONE, .arranged = SLOT_NONE, .last = -1};
    if (!ordered)
        return;
    q->n_running = mem_zalloc((size_t)env->n_classes, sizeof *q->n_running);
    if (!by_tenant(q))
        return;
    q->tenant = mem_zalloc((size_t)env->n_tenants, sizeof *q->tenant);
    for (int64_t i = 0; i < env->n_tenants; i++)
        list_init(&q->tenant[i].waiting);
    for (int64_t i = 0; i < env->n_classes; i++)
        q->tenant[env->class[i].tenant].share = env->class[i].share;
}

void queue_free(struct queue *q)
{
    free(q->tenant);
    free(q->n_running);
}

static const struct order_class *class_of(const struct queue *q, const struct request *r)
{
    return &q->env->class[r->class_id];
}

static struct queue_tenant *tenant_in(const struct queue *q, const struct request *r)
{
    return &q->tenant[class_of(q, r)->tenant];
}

/* ---- keys ---- */

static int64_t predict(const struct queue *q, struct request *r)
{
    struct rng rng;

    if (r->predicted > 0 || q->env->ops->predictor_error == NULL)
        return r->predicted;
    double error = q->env->ops->predictor_error(q->env->options), tokens = (double)r->output_tokens;
    if (error > 0) {
        rng_init(&rng, q->env->seed, q->env->replication, (uint64_t)r->id, RNG_PREDICT);
        tokens = dist_lognormal(&rng, tokens, error);
    }
    r->predicted = tokens < 1 ? 1 : tokens > 1e12 ? (int64_t)1e12 : (int64_t)(tokens + 0.5);
    return r->predicted;
}

/* Of the tokens of one that waits: to be computed here, not on their way. */
static int64_t lacking(const struct request *r)
{
    return kv_is_away(r) ? 1 : request_prompt_left(r);
}

static int64_t compute_ns(const struct queue_env *e, int64_t tokens)
{
    return e->ops->timed ? cost_prompt_ns(e->cost, e->cost_state, &e->knees, tokens, e->budget) : 0;
}

/* tokens: whose KV is lacking. */
static int64_t key_of(const struct queue *q, struct request *r, int64_t generated, int64_t to_compute, int64_t tokens)
{
    const struct order_view v = {.class = class_of(q, r),
                                 .t_arrive_ns = r->t_arrive_ns,
                                 .t_first_ns = r->t_first_ns,
                                 .input_tokens = r->input_tokens,
                                 .generated = generated,
                                 .to_compute = to_compute,
                                 .predicted = predict(q, r),
                                 .compute_ns = compute_ns(q->env, tokens)};

    return q->env->ops->key(q->env->options, &v);
}

/* ---- the treap ---- */

static bool comes_before(const struct request *a, const struct request *b)
{
    return a->order_key < b->order_key || (a->order_key == b->order_key && a->id < b->id);
}

static bool is_above(const struct request *a, const struct request *b)
{
    uint64_t id_a = (uint64_t)a->id, id_b = (uint64_t)b->id;

    return rng_hash(rng_hash(0, id_a), 0) > rng_hash(rng_hash(0, id_b), 0); /* a bijection: never equal */
}

/* Gives the one before it, or SLOT_NONE. */
static uint32_t treap_insert(struct queue *q, struct pool *p, uint32_t slot)
{
    struct request *r = &p->at[slot];
    uint32_t *link = &q->root, *left = &r->child[0], *right = &r->child[1], before = SLOT_NONE;

    while (*link != SLOT_NONE && !is_above(r, &p->at[*link])) {
        struct request *at = &p->at[*link];
        bool after = comes_before(at, r);
        before = after ? *link : before;
        link = &at->child[after];
    }
    uint32_t rest = *link; /* to be split into what comes before it and what comes after */
    *link = slot;
    while (rest != SLOT_NONE) {
        struct request *at = &p->at[rest];
        bool after = comes_before(at, r);
        before = after ? rest : before;
        *(after ? left : right) = rest;
        *(after ? &left : &right) = &at->child[after];
        rest = at->child[after];
    }
    *left = *right = SLOT_NONE;
    return before;
}

static void treap_remove(struct queue *q, struct pool *p, uint32_t slot)
{
    const struct request *r = &p->at[slot];
    uint32_t *link = &q->root, a = r->child[0], b = r->child[1];

    while (*link != slot)
        link = &p->at[*link].child[comes_before(&p->at[*link], r)];
    while (a != SLOT_NONE && b != SLOT_NONE) { /* the two below it become one */
        bool first = is_above(&p->at[a], &p->at[b]);
        *link = first ? a : b;
        link = &p->at[*link].child[first];
        *(first ? &a : &b) = *link;
    }
    *link = a != SLOT_NONE ? a : b;
}

/* ---- tenants ---- */

static double cost_of(const struct queue *q, const struct queue_tenant *t, int64_t input, int64_t output)
{
    return q->env->ops->cost(q->env->options, input, output) / t->share;
}

static double counter(const struct queue *q, const struct queue_tenant *t, uint64_t step)
{
    return t->lift + cost_of(q, t, t->input, t->output + t->n_decode * (int64_t)step);
}

/* One of a tenant with nobody waiting comes. */
static void lift(struct queue *q, struct queue_tenant *t, uint64_t step)
{
    double to = 0;
    bool found = false;

    for (int64_t i = 0; i < q->env->n_tenants; i++)
        if (q->tenant[i].waiting.n > 0) {
            double c = counter(q, &q->tenant[i], step);
            to = found && to < c ? to : c;
            found = true;
        }
    if (!found && q->last >= 0)
        to = counter(q, &q->tenant[q->last], step);
    double own = counter(q, t, step);
    if ((found || q->last >= 0) && own < to)
        t->lift += to - own;
}

/* Who is new goes to the tail; who was preempted is among the oldest. */
static void insert_by_arrival(struct pool *p, struct list *l, uint32_t slot)
{
    uint32_t after = l->tail != SLOT_NONE && p->at[l->tail].id > p->at[slot].id ? l->head : SLOT_NONE;

    while (after != SLOT_NONE && p->at[after].id < p->at[slot].id)
        after = p->at[after].next[LINK_PARTIAL];
    list_insert(p, l, LINK_PARTIAL, after == SLOT_NONE ? l->tail : p->at[after].prev[LINK_PARTIAL], slot);
}

/* The next of the walk, put behind the last; with none left, the first that was not seen. */
static uint32_t arrange(struct queue *q, struct pool *p, struct list *list, uint64_t step)
{
    struct queue_tenant *best = NULL;
    double least = 0;

    for (int64_t i = 0; i < q->env->n_tenants; i++) {
        struct queue_tenant *t = &q->tenant[i];
        if (t->at == SLOT_NONE)
            continue;
        double c = counter(q, t, step) + t->ahead;
        if (best && (c > least || (c == least && p->at[t->at].id > p->at[best->at].id)))
            continue;
        best = t;
        least = c;
    }
    if (best == NULL)
        return q->arranged == SLOT_NONE ? list->head : p->at[q->arranged].next[LINK_QUEUE];
    uint32_t slot = best->at;
    best->at = p->at[slot].next[LINK_PARTIAL];
    if (!p->at[slot].charged)
        best->ahead += cost_of(q, best, p->at[slot].input_tokens, 0);
    list_remove(p, list, LINK_QUEUE, slot);
    list_insert(p, list, LINK_QUEUE, q->arranged, slot);
    q->arranged = slot;
    return slot;
}

/* ---- the queue ---- */

void queue_place(struct queue *q, struct pool *p, struct list *list, uint32_t slot, uint64_t step)
{
    struct request *r = &p->at[slot];
    uint32_t before = SLOT_NONE;

    if (q->env == NULL)
        return;
    r->placed = true;
    q->arranged = SLOT_NONE;
    if (by_tenant(q)) {
        struct queue_tenant *t = tenant_in(q, r);
        if (t->waiting.n == 0)
            lift(q, t, step);
        insert_by_arrival(p, &t->waiting, slot);
    } else {
        r->order_key = key_of(q, r, r->generated, request_prompt_left(r), lacking(r));
        before = treap_insert(q, p, slot);
    }
    list_remove(p, list, LINK_QUEUE, slot);
    list_insert(p, list, LINK_QUEUE, before, slot);
}

void queue_take(struct queue *q, struct pool *p, struct list *list, uint32_t slot)
{
    struct request *r = &p->at[slot];

    list_remove(p, list, LINK_QUEUE, slot);
    if (!r->placed)
        return;
    r->placed = false;
    q->arranged = SLOT_NONE;
    if (!by_tenant(q)) {
        treap_remove(q, p, slot);
        return;
    }
    struct queue_tenant *t = tenant_in(q, r);
    list_remove(p, &t->waiting, LINK_PARTIAL, slot);
    if (t->waiting.n == 0)
        q->last = class_of(q, r)->tenant;
}

uint32_t queue_first(struct queue *q, struct pool *p, struct list *list, uint64_t step)
{
    if (!by_tenant(q))
        return list->head;
    q->arranged = SLOT_NONE;
    for (int64_t i = 0; i < q->env->n_tenants; i++) {
        q->tenant[i].at = q->tenant[i].waiting.head;
        q->tenant[i].ahead = 0;
    }
    return arrange(q, p, list, step);
}

uint32_t queue_next(struct queue *q, struct pool *p, struct list *list, uint32_t slot, uint64_t step)
{
    return by_tenant(q) && slot == q->arranged ? arrange(q, p, list, step) : p->at[slot].next[LINK_QUEUE];
}

/* ---- the running ---- */

void queue_runs(struct queue *q, struct request *r, int by)
{
    if (q->env == NULL)
        return;
    q->n_running[r->class_id] += by;
    if (by < 0 || !by_tenant(q) || r->charged)
        return;
    tenant_in(q, r)->input += r->input_tokens;
    r->charged = true;
}

void queue_decodes(struct queue *q, const struct request *r, int by, uint64_t step)
{
    if (!by_tenant(q))
        return;
    tenant_in(q, r)->n_decode += by;
    tenant_in(q, r)->output -= by * (int64_t)step;
}

void queue_gave(struct queue *q, const struct request *r)
{
    if (by_tenant(q))
        tenant_in(q, r)->output++;
}

int64_t queue_least_priority(const struct queue *q)
{
    int64_t least = INT64_MAX;

    for (int64_t i = 0; q->env && i < q->env->n_classes; i++)
        if (q->n_running[i] > 0 && q->env->class[i].priority < least)
            least = q->env->class[i].priority;
    return least;
}

int64_t queue_priority(const struct queue *q, const struct request *r)
{
    return q->env ? class_of(q, r)->priority : 0;
}

int64_t queue_victim_key(struct queue *q, struct request *r, int64_t generated, int64_t to_compute, uint64_t step)
{
    if (q->env == NULL)
        return 0;
    if (by_tenant(q))
        return (int64_t)counter(q, tenant_in(q, r), step);
    return key_of(q, r, generated, to_compute, r->input_tokens + generated);
}

/* ---- check ---- */

static int64_t check_treap(const struct queue *q, const struct pool *p, uint32_t slot)
{
    int64_t n = 1;

    if (slot == SLOT_NONE)
        return 0;
    const struct request *r = &p->at[slot];
    for (int side = 0; side < 2; side++) {
        if (r->child[side] == SLOT_NONE)
            continue;
        const struct request *c = &p->at[r->child[side]];
        sim_assert(is_above(r, c) && comes_before(c, r) == (side == 0));
        n += check_treap(q, p, r->child[side]);
    }
    return n;
}

void queue_check(const struct queue *q, const struct pool *p, const struct list *list)
{
    int64_t placed = 0, of_tenants = 0;
    bool seen = true;

    if (q->env == NULL)
        return;
    for (uint32_t s = list->head; s != SLOT_NONE; s = p->at[s].next[LINK_QUEUE]) {
        const struct request *r = &p->at[s];
        seen = seen && r->placed;
        sim_assert(r->placed == seen);
        placed += r->placed;
        uint32_t next = r->next[LINK_QUEUE];
        if (!by_tenant(q) && seen && next != SLOT_NONE && p->at[next].placed)
            sim_assert(comes_before(r, &p->at[next]));
    }
    for (int64_t i = 0; by_tenant(q) && i < q->env->n_tenants; i++)
        of_tenants += q->tenant[i].waiting.n;
    sim_assert(placed == (by_tenant(q) ? of_tenants : check_treap(q, p, q->root)));
}
