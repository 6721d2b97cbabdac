/* The one-pass curve of hits against a plain LRU list at every size, on random trees of prompts. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "study/mrc.h"
#include "../run_suite.h"

enum { BLOCK_TOKENS = 16, PROMPTS = 400, DEPTH = 12, CHAIN = DEPTH + 3 };

struct prompt {
    struct block_run run[CHAIN];
    struct trace_row row;
    int64_t prompt_blocks;
};
static struct prompt prompt[PROMPTS];
static struct mrc m;
static uint64_t seed;

static uint64_t draw(uint64_t below)
{
    seed = rng_hash(seed, below);
    return seed % below;
}

/* Chains of a random tree: a child's id is a hash of its parent's, so that equal ids have equal ancestors. A prompt's last block
 * may be partial; behind it stand blocks of an answer. */
static void make_prompts(uint64_t s, uint64_t branches)
{
    seed = s;
    for (int i = 0; i < PROMPTS; i++) {
        struct prompt *p = &prompt[i];
        int64_t n = 1 + (int64_t)draw(DEPTH), answer = (int64_t)draw(3), id = 7;
        for (int64_t k = 0; k < n + answer; k++) {
            id = (int64_t)(rng_hash((uint64_t)id, draw(branches)) >> 2);
            p->run[k] = (struct block_run){id, 1};
        }
        p->prompt_blocks = n;
        p->row = (struct trace_row){.input_tokens = n * BLOCK_TOKENS - (int64_t)draw(BLOCK_TOKENS),
                                    .chain = {p->run, n + answer}};
    }
}

static void run_all(void)
{
    mrc_free(&m);
    for (int i = 0; i < PROMPTS; i++)
        mrc_add(&m, &prompt[i].row, prompt[i].prompt_blocks, BLOCK_TOKENS);
}

/* ---- the twin: ids, used last first ---- */

static int64_t list[PROMPTS * CHAIN], n_list;

static int64_t found(int64_t id)
{
    for (int64_t i = 0; i < n_list; i++)
        if (list[i] == id)
            return i;
    return -1;
}

static void touch(int64_t id, int64_t capacity)
{
    int64_t at = found(id);

    if (at < 0)
        at = n_list < capacity ? n_list++ : n_list - 1;
    memmove(list + 1, list, (size_t)at * sizeof *list);
    list[0] = id;
}

static struct mrc_hits twin(int64_t capacity)
{
    struct mrc_hits h = {0, 0};

    n_list = 0;
    for (int i = 0; i < PROMPTS; i++) {
        const struct prompt *p = &prompt[i];
        int64_t k = 0, tokens = 0;
        while (k < p->prompt_blocks && found(p->run[k].id) >= 0)
            k++;
        tokens = k * BLOCK_TOKENS < p->row.input_tokens ? k * BLOCK_TOKENS : p->row.input_tokens;
        h.blocks += k;
        h.tokens += tokens;
        for (k = p->row.chain.n_runs - 1; k >= 0; k--)
            touch(p->run[k].id, capacity);
    }
    return h;
}

START_TEST(every_size)
{
    for (uint64_t s = 1; s <= 6; s++) {
        make_prompts(s, s % 2 ? 2 : 3);
        run_all();
        for (int64_t c = 1; c <= m.n + 2; c += 1 + c / 12) {
            struct mrc_hits one = mrc_at(&m, c), two = twin(c);
            ck_assert_msg(one.blocks == two.blocks && one.tokens == two.tokens, "seed %d, %d blocks: %d, %d, not %d, %d", (int)s,
                          (int)c, (int)one.blocks, (int)one.tokens, (int)two.blocks, (int)two.tokens);
        }
        ck_assert_int_gt(mrc_at(&m, 4).blocks, 0);
        ck_assert_int_gt(mrc_at(&m, INT64_MAX).blocks, mrc_at(&m, m.n / 4).blocks);
    }
}
END_TEST

/* The size that has a share of the hits is the least. */
START_TEST(sizes)
{
    make_prompts(9, 3);
    run_all();
    double all = (double)mrc_at(&m, INT64_MAX).tokens;
    for (int tenths = 1; tenths <= 10; tenths++) {
        double want = tenths / 10.;
        int64_t c = mrc_capacity(&m, want);
        ck_assert((double)mrc_at(&m, c).tokens >= want * all);
        ck_assert((double)mrc_at(&m, c - 1).tokens < want * all);
    }
}
END_TEST

/* By hand: a b, then c, then a b again: b lies under c and a, at depth 3; a at 2. One with a block of its own before is no hit. */
START_TEST(by_hand)
{
    const struct block_run ab = {10, 2}, c = {30, 1}, xb[2] = {{50, 1}, {11, 1}};
    struct trace_row row = {.input_tokens = 20, .chain = {&ab, 1}};

    mrc_add(&m, &row, 2, BLOCK_TOKENS);
    row = (struct trace_row){.input_tokens = 16, .chain = {&c, 1}};
    mrc_add(&m, &row, 1, BLOCK_TOKENS);
    ck_assert_int_eq(mrc_at(&m, INT64_MAX).blocks, 0);
    row = (struct trace_row){.input_tokens = 20, .chain = {&ab, 1}};
    mrc_add(&m, &row, 2, BLOCK_TOKENS);
    row = (struct trace_row){.input_tokens = 32, .chain = {xb, 2}};
    mrc_add(&m, &row, 2, BLOCK_TOKENS);
    ck_assert_int_eq(mrc_at(&m, 1).blocks, 0);
    ck_assert_int_eq(mrc_at(&m, 2).blocks, 1);
    ck_assert_int_eq(mrc_at(&m, 2).tokens, 16);
    ck_assert_int_eq(mrc_at(&m, 3).blocks, 2);
    ck_assert_int_eq(mrc_at(&m, 3).tokens, 20);
    ck_assert_int_eq(m.blocks, 7);
    ck_assert_int_eq(m.n, 4);
}
END_TEST

/* Times run out and are given anew many times: 50 blocks, used 100,000 times. */
START_TEST(renumbered)
{
    int64_t hits = 0;

    seed = 3;
    for (int i = 0; i < 100000; i++) {
        struct block_run one = {(int64_t)draw(50), 1};
        struct trace_row row = {.input_tokens = BLOCK_TOKENS, .chain = {&one, 1}};
        mrc_add(&m, &row, 1, BLOCK_TOKENS);
    }
    hits = mrc_at(&m, 50).blocks;
    ck_assert_int_eq(hits, 100000 - 50);
    ck_assert_int_lt(m.room, 2048);
    /* Each is as likely at every depth: a cache of half has half. */
    ck_assert_int_gt(mrc_at(&m, 25).blocks, 49000);
    ck_assert_int_lt(mrc_at(&m, 25).blocks, 51000);
}
END_TEST

static void teardown(void)
{
    mrc_free(&m);
}

int main(void)
{
    Suite *suite = suite_create("mrc");
    TCase *t = tcase_create("mrc");

    tcase_add_checked_fixture(t, NULL, teardown);
    tcase_add_test(t, every_size);
    tcase_add_test(t, sizes);
    tcase_add_test(t, by_hand);
    tcase_add_test(t, renumbered);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
