/*
 * test_values.c - what stands at a rank, against the list written out and sorted: all values in memory, all in the file, some in
 * each; of several series together; and what is told when the file cannot be made or written.
 */
#include <check.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/bug.h"
#include "base/sort.h"
#include "report/values.h"
#include "../run_suite.h"

enum { PARTS = 3, RANKS = 8 };

static uint64_t seed;

static uint64_t draw(void)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return seed ^ seed >> 29;
}

static uint64_t any(void)
{
    return draw() >> (draw() & 63);
}

static uint64_t near(void)
{
    return UINT64_C(1) << 62 | draw() >> 52;
}

static uint64_t few(void)
{
    return 7 + draw() % 3 * (UINT64_C(1) << 40);
}

static uint64_t same(void)
{
    return 123456789;
}

/* Most of a kind, and some far out: the range says nothing of where they are. */
static uint64_t far(void)
{
    return draw() % 1000 ? 1000000 + draw() % 5000 : draw();
}

static uint64_t (*const laws[])(void) = {any, near, few, same, far};

static void check(size_t n, bool weighted, int64_t bound_bytes, uint64_t law(void))
{
    struct value_pool *p = value_pool_new("/tmp", bound_bytes);
    struct values v[PARTS];
    const struct values *part[PARTS] = {&v[0], &v[1], &v[2]};
    struct sort_pair *all = mem_alloc((n + 1) * sizeof *all);
    uint64_t total = 0, rank[RANKS], key[RANKS];
    struct err e = {0};

    for (int i = 0; i < PARTS; i++)
        values_init(&v[i], p, weighted);
    for (size_t i = 0; i < n; i++) {
        struct values *to = &v[draw() % 7 ? 1 : 2]; /* the first stays empty */
        all[i] = (struct sort_pair){law(), weighted ? 1 + draw() % 200 : 1};
        total += all[i].value;
        if (weighted)
            values_add_weighted(to, all[i].key, all[i].value);
        else
            values_add(to, all[i].key);
    }
    sort_pairs(all, n);
    for (int i = 0; i < RANKS; i++)
        rank[i] = i == 0 ? 0 : i == RANKS - 1 ? total - 1 : draw() % total;
    sort_u64(rank, RANKS);
    ck_assert_int_eq(values_at_ranks(part, PARTS, rank, RANKS, key, &e), 0);
    uint64_t seen = 0;
    for (size_t i = 0, k = 0; i < RANKS; i++) {
        while (seen + all[k].value <= rank[i])
            seen += all[k++].value;
        ck_assert_msg(key[i] == all[k].key, "%zu values, rank %llu of %llu: %llu, not %llu", n,
                      (unsigned long long)rank[i], (unsigned long long)total, (unsigned long long)key[i],
                      (unsigned long long)all[k].key);
    }
    for (int i = 0; i < PARTS; i++)
        values_free(&v[i]);
    value_pool_free(p);
    free(all);
}

/* The last size is more than a look-up gathers. */
START_TEST(ranks)
{
    static const size_t sizes[] = {1, 2, 5, 1000, 2047, 30000, 600000};
    static const int64_t bounds[] = {0, 100000, INT64_MAX};

    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (size_t b = 0; b < 3; b++)
            check(sizes[i], i & 1, bounds[b], laws[_i]);
    check(600000, true, 100000, laws[_i]);
}
END_TEST

static void fill(struct values *v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        values_add(v, draw());
}

START_TEST(no_folder)
{
    struct value_pool *p = value_pool_new("/dev/null/none", 0);
    struct values v;
    const struct values *one = &v;
    struct err e = {0}, again = {0};
    uint64_t rank = 0, key;

    values_init(&v, p, false);
    fill(&v, 100);
    ck_assert_int_eq(value_pool_error(p, &e), 0); /* no file is needed yet */
    fill(&v, 10000);
    ck_assert_int_eq(value_pool_error(p, &e), -1);
    ck_assert_int_eq(e.code, EXIT_CODE_IO);
    ck_assert_ptr_nonnull(strstr(e.msg, "/dev/null/none"));
    ck_assert_ptr_nonnull(strstr(e.msg, "metrics_memory"));
    ck_assert_int_eq(values_at_ranks(&one, 1, &rank, 1, &key, &again), -1);
    ck_assert_str_eq(again.msg, e.msg);
    values_free(&v);
    value_pool_free(p);
}
END_TEST

START_TEST(no_room)
{
    struct value_pool *p = value_pool_new("/tmp", 0);
    struct rlimit limit = {100000, RLIM_INFINITY};
    struct values v;
    struct err e = {0};

    signal(SIGXFSZ, SIG_IGN);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    values_init(&v, p, false);
    fill(&v, 10000);
    ck_assert_int_eq(value_pool_error(p, &e), 0);
    fill(&v, 10000);
    ck_assert_int_eq(value_pool_error(p, &e), -1);
    ck_assert_ptr_nonnull(strstr(e.msg, "too large"));
    values_free(&v);
    value_pool_free(p);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("values");
    TCase *tc = tcase_create("values");

    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, ranks, 0, sizeof laws / sizeof *laws);
    tcase_add_test(tc, no_folder);
    tcase_add_test(tc, no_room);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
