/*
 * prop_heap.c - base/heap.h against a twin that looks through all members: random pushes, pops, removals and new keys.
 */
#include <check.h>
#include <stdlib.h>

#include "base/heap.h"
#include "base/rng.h"
#include "../run_suite.h"

enum { IDS = 300, STEPS = 20000 };

struct twin {
    bool in[IDS];
    uint64_t key[IDS];
    uint32_t n;
};

/* The least by key, then by id. */
static uint32_t least(const struct twin *t)
{
    uint32_t best = IDS;

    for (uint32_t i = 0; i < IDS; i++)
        if (t->in[i] && (best == IDS || t->key[i] < t->key[best]))
            best = i;
    return best;
}

static void check_shape(const struct heap *h, const struct twin *t, const uint32_t pos[])
{
    ck_assert_uint_eq(h->n, t->n);
    for (uint32_t i = 0; i < h->n; i++) {
        ck_assert(t->in[h->at[i].id] && h->at[i].key == t->key[h->at[i].id]);
        ck_assert_uint_eq(pos[h->at[i].id], i);
        ck_assert(i == 0 || !heap_less(h->at[i], h->at[(i - 1) / 4]));
    }
    for (uint32_t i = 0; i < IDS; i++)
        ck_assert((pos[i] == HEAP_NONE) == !t->in[i]);
}

START_TEST(heap_equals_twin)
{
    struct heap h = {0};
    struct twin t = {0};
    struct rng r;
    uint32_t pos[IDS];
    uint64_t spread = _i ? UINT64_MAX : 8; /* 8: nearly all keys are ties */

    for (uint32_t i = 0; i < IDS; i++)
        pos[i] = HEAP_NONE;
    rng_init(&r, 17, 0, (uint64_t)_i, RNG_TEST);
    for (int step = 0; step < STEPS; step++) {
        uint32_t id = (uint32_t)rng_below(&r, step / 1000 % 2 ? IDS : 20); /* few members, then many */
        uint64_t key = rng_below(&r, spread);

        if (!t.in[id]) {
            heap_push(&h, key, id, pos);
            t.in[id] = true;
            t.key[id] = key;
            t.n++;
        } else if (rng_below(&r, 2)) {
            heap_move(&h, pos[id], key, pos);
            t.key[id] = key;
        } else if (rng_below(&r, 2)) {
            struct heap_node out = heap_remove(&h, pos[id], pos);
            ck_assert(out.id == id && out.key == t.key[id]);
            t.in[id] = false;
            t.n--;
        } else {
            uint32_t want = least(&t);
            ck_assert_uint_eq(heap_min(&h).id, want);
            ck_assert_uint_eq(heap_pop(&h, pos).id, want);
            t.in[want] = false;
            t.n--;
        }
        if (step % 50 == 0)
            check_shape(&h, &t, pos);
    }
    for (; t.n > 0; t.n--) { /* to the end, in order */
        uint32_t want = least(&t);
        ck_assert_uint_eq(heap_pop(&h, pos).id, want);
        t.in[want] = false;
    }
    ck_assert_uint_eq(h.n, 0);
    heap_free(&h);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("prop_heap");
    TCase *c = tcase_create("twin");

    tcase_set_timeout(c, 60);
    tcase_add_loop_test(c, heap_equals_twin, 0, 2);
    suite_add_tcase(s, c);
    return run_suite(s);
}
