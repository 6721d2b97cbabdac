/*
 * prop_heap.c - base/heap.h against a twin that looks through all members: random pushes, pops, removals and new keys.
 */
#include <check.h>
#include <stdlib.h>

#include "base/heap.h"
#include "base/rng.h"
#include "../run_suite.h"

enum { IDS = 600, STEPS = 30000, SEEDS = 8, LAWS = 3 };

struct twin {
    bool in[IDS];
    uint64_t key[IDS];
    uint32_t n;
};

/* Check's own assertions report their place each time they pass, which would dominate here. */
#define same(cond)                                                                                                     \
    do {                                                                                                               \
        if (!(cond))                                                                                                   \
            ck_abort_msg("law and seed %d, step %d: %s", which, step, #cond);                                          \
    } while (0)

/* The least by key, then by id; IDS when there is none. */
static uint32_t least(const struct twin *t)
{
    uint32_t best = IDS;

    for (uint32_t i = 0; i < IDS; i++)
        if (t->in[i] && (best == IDS || t->key[i] < t->key[best]))
            best = i;
    return best;
}

/* Nearly all keys tie; hardly any does; few values at both ends of the range. */
static uint64_t draw_key(struct rng *r, int law)
{
    switch (law) {
    case 0:
        return rng_below(r, 8);
    case 1:
        return rng_below(r, UINT64_MAX);
    default:
        return rng_below(r, 4) ? rng_below(r, 40) : UINT64_MAX - rng_below(r, 3);
    }
}

static void check_shape(const struct heap *h, const struct twin *t, const uint32_t pos[], int which, int step)
{
    same(h->n == t->n);
    for (uint32_t i = 0; i < IDS; i++)
        same(t->in[i] ? pos[i] < h->n && h->at[pos[i]].id == i && h->at[pos[i]].key == t->key[i] : pos[i] == HEAP_NONE);
    for (uint32_t i = 1; i < h->n; i++)
        same(!heap_less(h->at[i], h->at[(i - 1) / 4]));
}

static void pop_least(struct heap *h, struct twin *t, uint32_t pos[], int which, int step)
{
    uint32_t want = least(t);

    same(heap_min(h).id == want && heap_min(h).key == t->key[want]);
    same(heap_pop(h, pos).id == want);
    t->in[want] = false;
    t->n--;
}

START_TEST(heap_equals_twin)
{
    struct heap h = {0};
    struct twin t = {0};
    struct rng r;
    uint32_t pos[IDS];
    int which = _i, step;

    for (uint32_t i = 0; i < IDS; i++)
        pos[i] = HEAP_NONE;
    rng_init(&r, 17, 0, (uint64_t)which, RNG_TEST);
    for (step = 0; step < STEPS; step++) {
        uint32_t id = (uint32_t)rng_below(&r, step / 1000 % 2 ? IDS : 20); /* few members, then many */
        uint64_t key = draw_key(&r, which % LAWS);

        if (!t.in[id]) {
            heap_push(&h, key, id, pos);
            t.in[id] = true;
            t.key[id] = key;
            t.n++;
        } else if (rng_below(&r, 3) == 0) {
            struct heap_node out = heap_remove(&h, pos[id], pos);
            same(out.id == id && out.key == t.key[id]);
            t.in[id] = false;
            t.n--;
        } else {
            heap_move(&h, pos[id], key, pos);
            t.key[id] = key;
        }
        if (t.n > 0)
            same(heap_min(&h).id == least(&t));
        if (t.n > 0 && rng_below(&r, 4) == 0)
            pop_least(&h, &t, pos, which, step);
        while (t.n > 0 && step % 5000 == 4999) /* to the end, in order */
            pop_least(&h, &t, pos, which, step);
        check_shape(&h, &t, pos, which, step);
    }
    same(h.n == 0);
    heap_free(&h);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("prop_heap");
    TCase *c = tcase_create("twin");

    tcase_set_timeout(c, 60);
    tcase_add_loop_test(c, heap_equals_twin, 0, SEEDS * LAWS);
    suite_add_tcase(s, c);
    return run_suite(s);
}
