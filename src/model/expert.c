#include "model/expert.h"

#include "model/expert_state.h"

/* ---- residency ---- */
/* Is at hand for the layer without another fetch. */
static bool at_hand(const struct expert_pool *p, const struct expert_layer *l, int32_t i)
{
    return expert_holds(l, i) || l->at[i].fetched_step == p->step;
}

static struct heap_node least(struct expert_layer *l)
{
    for (;;) {
        struct heap_node top = heap_min(&l->resident);
        uint64_t now = expert_bits(l->at[top.id].key);
        if (now == top.key)
            return top;
        heap_move(&l->resident, 0, now, l->pos);
    }
}

static void touch(struct expert_pool *p, struct expert_layer *l, int32_t i)
{
    struct expert *x = &l->at[i];

    if (x->used_step == p->step)
        return;
    double key = p->options.place->key(
        p->options.place_options, &(struct place_view){.step = p->step, .popularity = x->placed_q, .last_key = x->key});
    sim_assert(key >= x->key);
    x->key = key;
    x->used_step = p->step;
}

/* A fetched expert takes a slot where the rules of place.h give it one. */
static void keep(struct expert_pool *p, struct expert_layer *l, int32_t i, struct expert_use *u)
{
    const struct place_ops *ops = p->options.place;

    if (l->slots == 0)
        return;
    if (l->resident.n >= l->slots) {
        struct heap_node out = least(l);
        bool challenge = ops->challenge && ops->challenge(p->options.place_options);
        if (l->at[out.id].used_step == p->step || (challenge && l->at[i].key <= l->at[out.id].key))
            return;
        heap_pop(&l->resident, l->pos);
        u->evicted++;
    }
    heap_push(&l->resident, expert_bits(l->at[i].key), (uint32_t)i, l->pos);
    u->kept++;
}

/* All keys are multiplied: heaps are built again, since tiny keys may become equal. */
static void age(struct expert_pool *p)
{
    const struct place_ops *ops = p->options.place;
    double factor = ops->aging ? ops->aging(p->options.place_options, p->step) : 1;

    if (factor == 1)
        return;
    for (int64_t k = 0; k < p->n; k++) {
        struct expert_layer *l = &p->layer[k];
        l->resident.n = 0;
        for (int64_t i = 0; i < p->c.experts; i++) {
            l->at[i].key *= factor;
            if (l->pos[i] != HEAP_NONE)
                heap_push(&l->resident, expert_bits(l->at[i].key), (uint32_t)i, l->pos);
        }
    }
}

int64_t expert_resize(struct expert_pool *p, double hot_share)
{
    int64_t gone = 0;

    sim_assert(hot_share >= 0 && hot_share <= 1);
    expert_set_slots(p, hot_share);
    for (int64_t k = 0; k < p->n; k++) {
        struct expert_layer *l = &p->layer[k];
        for (; l->resident.n > l->slots; gone += l->stands_for) {
            least(l);
            heap_pop(&l->resident, l->pos);
        }
    }
    return gone;
}

/* ---- a step ---- */

/* Notes that it is named for this step, and that it must be fetched where it is absent. */
static void name(struct expert_pool *p, struct expert_layer *l, int32_t i)
{
    touch(p, l, i);
    if (!expert_holds(l, i))
        p->named[p->n_named++] = i;
}

/* `n` different ones of the experts that are not activated, all alike. Where there are many, by trying; else from a
 * list of them, which is then no longer than a few times the activated. */
static void name_wrong(struct expert_pool *p, struct expert_layer *l, int64_t distinct, int64_t n)
{
    int64_t others = p->c.experts - distinct, listed = 0;

    n = n < others ? n : others;
    if (4 * distinct > p->c.experts)
        for (int64_t i = 0; i < p->c.experts; i++)
            if (l->topk.seen[i] != l->topk.stamp)
                p->deck[listed++] = (int32_t)i;
    while (n > 0) {
        int64_t pick = (int64_t)rng_below(&p->guessed, (uint64_t)(listed ? listed : p->c.experts));
        int32_t i = listed ? p->deck[pick] : (int32_t)pick;
        if (!listed && (l->topk.seen[i] == l->topk.stamp || l->at[i].used_step == p->step))
            continue;
        if (listed)
            p->deck[pick] = p->deck[--listed];
        name(p, l, i);
        n--;
    }
}

/* All are named before the first that is fetched can take a slot. */
static void guess(struct expert_pool *p, struct expert_layer *l, int64_t distinct, struct expert_use *u)
{
    double accuracy = p->options.place->accuracy(p->options.place_options);
    int64_t wrong = 0;

    p->n_named = 0;
    for (int64_t k = 0; k < distinct; k++) {
        bool right = rng_u01(&p->guessed) < accuracy;
        rng_mix_u64(&p->guessed, right);
        if (right)
            name(p, l, p->ids[k]);
        else
            wrong++;
    }
    u->right = p->n_named;
    name_wrong(p, l, distinct, wrong);
    u->wrong = p->n_named - u->right;
    for (int64_t k = 0; k < p->n_named; k++) {
        l->at[p->named[k]].fetched_step = p->step;
        keep(p, l, p->named[k], u);
    }
}

static int64_t slowest_rank(struct expert_pool *p, int64_t absent)
{
    int64_t most = 0, n = 0;

    for (int64_t k = 0; k < absent; k++) {
        int64_t rank = p->ids[k] * p->c.ranks / p->c.experts;
        if (p->rank_absent[rank]++ == 0)
            p->touched[n++] = rank;
        most = p->rank_absent[rank] > most ? p->rank_absent[rank] : most;
    }
    while (n > 0)
        p->rank_absent[p->touched[--n]] = 0;
    return most;
}

static struct expert_use step_layer(struct expert_pool *p, struct expert_layer *l, int64_t tokens)
{
    struct expert_use u = {.distinct = topk_draw(&l->topk, &p->drawn, tokens, p->ids)};

    if (p->options.place->accuracy)
        guess(p, l, u.distinct, &u);
    for (int64_t k = 0; k < u.distinct; k++) { /* all are marked before the first that is fetched can take a slot */
        touch(p, l, p->ids[k]);
        if (!at_hand(p, l, p->ids[k]))
            p->ids[u.absent++] = p->ids[k];
    }
    u.hits = u.distinct - u.absent - u.right;
    for (int64_t k = 0; k < u.absent; k++)
        keep(p, l, p->ids[k], &u);
    u.absent_slowest = slowest_rank(p, u.absent);
    return u;
}

struct expert_use expert_step(struct expert_pool *p, int64_t tokens)
{
    struct expert_use all = {0};

    p->step++;
    age(p);
    for (int64_t k = 0; k < p->n; k++) {
        struct expert_layer *l = &p->layer[k];
        struct expert_use u = step_layer(p, l, tokens);
        all.distinct += u.distinct * l->stands_for;
        all.hits += u.hits * l->stands_for;
        all.right += u.right * l->stands_for;
        all.wrong += u.wrong * l->stands_for;
        all.absent += u.absent * l->stands_for;
        all.absent_slowest += u.absent_slowest * l->stands_for;
        all.kept += u.kept * l->stands_for;
        all.evicted += u.evicted * l->stands_for;
    }
    return all;
}

/* ---- looking in ---- */

int64_t expert_resident(const struct expert_pool *p)
{
    int64_t n = 0;

    for (int64_t k = 0; k < p->n; k++)
        n += p->layer[k].resident.n * p->layer[k].stands_for;
    return n;
}

int64_t expert_slots(const struct expert_pool *p)
{
    int64_t n = 0;

    for (int64_t k = 0; k < p->n; k++)
        n += p->layer[k].slots * p->layer[k].stands_for;
    return n;
}

int64_t expert_layers_drawn(const struct expert_pool *p)
{
    return p->n;
}

int64_t expert_stands_for(const struct expert_pool *p, int64_t l)
{
    return p->layer[l].stands_for;
}

bool expert_is_resident(const struct expert_pool *p, int64_t l, int64_t expert)
{
    return expert_holds(&p->layer[l], (int32_t)expert);
}

double expert_popularity(const struct expert_pool *p, int64_t l, int64_t expert)
{
    return p->layer[l].at[expert].q;
}

uint64_t expert_digest(const struct expert_pool *p)
{
    return rng_hash(rng_hash(p->drawn.digest, p->guessed.digest), p->drift.digest);
}

void expert_check(const struct expert_pool *p)
{
    int64_t stand = 0;

    for (int64_t k = 0; k < p->n; k++) {
        const struct expert_layer *l = &p->layer[k];
        int64_t n = 0;
        stand += l->stands_for;
        sim_assert(l->resident.n <= l->slots);
        for (int64_t i = 0; i < p->c.experts; i++) {
            uint32_t at = l->pos[i];
            if (at == HEAP_NONE)
                continue;
            n++;
            sim_assert(at < l->resident.n && l->resident.at[at].id == i);
            sim_assert(l->resident.at[at].key <= expert_bits(l->at[i].key));
        }
        sim_assert(n == l->resident.n);
    }
    sim_assert(stand == p->c.layers);
}
