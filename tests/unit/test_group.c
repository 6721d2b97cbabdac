/* Members of a replica: who waits how long for whom, by hand. */
#include <check.h>

#include "model/group.h"
#include "../run_suite.h"

/* ---- stages ---- */

/* Three stages; stage times 10, 3, 4:
 *
 *     stage 0  |A 10     |B 3|C 4 |
 *     stage 1            |A 10     |B 3|C 4 |
 *     stage 2                      |A 10     |B 3|C 4 |
 *                                            30  33   37
 */
START_TEST(micro_batches_pass_in_turn)
{
    int64_t free_ns[3] = {0};
    struct replica m[3] = {{.id = 0}, {.id = 1}, {.id = 2}};
    struct group g = {.member = m, .n = 3, .free_ns = free_ns};

    ck_assert_int_eq(group_pass(&g, &m[0], 30, 0), 30);
    ck_assert_int_eq(group_pass(&g, &m[1], 9, 0), 33);
    ck_assert_int_eq(group_pass(&g, &m[2], 12, 0), 37);
    ck_assert_int_eq(m[0].own_ns, 30);
    ck_assert_int_eq(m[1].own_ns, 9);
    ck_assert_int_eq(m[2].own_ns, 12);
    ck_assert_int_eq(free_ns[0], 17); /* nobody goes back: these are when the last has left */
    ck_assert_int_eq(free_ns[1], 27);
    /* A again, when it has come out, with 2: stage 1 is free from 27 on, stage 2 only from 37 */
    ck_assert_int_eq(group_pass(&g, &m[0], 6, 30), 39);
    /* long after */
    ck_assert_int_eq(group_pass(&g, &m[1], 9, 1000), 1009);
}
END_TEST

START_TEST(a_stage_is_a_whole_ns)
{
    int64_t free_ns[4] = {0};
    struct replica r = {.id = 0};
    struct group g = {.member = &r, .n = 4, .free_ns = free_ns};

    ck_assert_int_eq(group_pass(&g, &r, 9, 0), 12);
    ck_assert_int_eq(r.own_ns, 12);
    ck_assert_int_eq(group_pass(&g, &r, 1, 12), 16);
}
END_TEST

START_TEST(the_clock_ends)
{
    int64_t free_ns[2] = {0};
    struct replica r = {.id = 0};
    struct group g = {.member = &r, .n = 2, .free_ns = free_ns};

    ck_assert_int_eq(group_pass(&g, &r, INT64_MAX, 0), -1);
    ck_assert_int_eq(group_pass(&g, &r, INT64_MAX - 100, 101), -1);
    ck_assert_int_eq(free_ns[1], 0);
    ck_assert_int_gt(group_pass(&g, &r, INT64_MAX - 101, 10), 0);
    ck_assert_int_eq(group_pass(&g, &r, 200, 10), -1); /* the last stage is taken */
}
END_TEST

/* ---- ranks ---- */

/* 100 for each own token, 1 for each of others; prompts' tokens count tenfold. */
static int64_t made_up_ns(const void *state, const struct cost_step *s)
{
    (void)state;
    return 100 * (s->n_decode + 10 * s->prefill_tokens) + s->other_decode + 10 * s->other_prefill;
}

START_TEST(the_slowest_rank_sets_the_step)
{
    static const struct cost_ops cost = {.step_ns = made_up_ns};
    const struct replica_env env = {.cost = &cost};
    struct replica m[4];
    struct group g = {.member = m, .n = 4};

    for (int i = 0; i < 4; i++)
        m[i] = (struct replica){.id = i, .env = &env, .own_ns = -1, .stepping = i != 2};
    m[0].cost = (struct cost_step){.n_decode = 7};
    m[1].cost = (struct cost_step){.n_decode = 2, .prefill_tokens = 3};
    m[2].cost = (struct cost_step){.n_decode = 1000}; /* of the step before */
    m[3].cost = (struct cost_step){.n_decode = 5};
    ck_assert_int_eq(group_lockstep_ns(&g), 3200 + 12);
    ck_assert_int_eq(m[0].own_ns, 700 + 7 + 30);
    ck_assert_int_eq(m[1].own_ns, 3200 + 12);
    ck_assert_int_eq(m[2].own_ns, -1);
    ck_assert_int_eq(m[3].own_ns, 500 + 9 + 30);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("group");
    TCase *c = tcase_create("group");

    tcase_add_test(c, micro_batches_pass_in_turn);
    tcase_add_test(c, a_stage_is_a_whole_ns);
    tcase_add_test(c, the_clock_ends);
    tcase_add_test(c, the_slowest_rank_sets_the_step);
    suite_add_tcase(s, c);
    return run_suite(s);
}
