/* Drafts: expected tokens by hand, and what a batch is given against sequences that draw one by one. */
#include <check.h>
#include <math.h>

#include "policy/speculation.h"
#include "../run_suite.h"

static struct speculation drafts(int64_t n, int given, const double *holds)
{
    struct replica_options r = {.spec_tokens = n, .spec_acceptance.n = given};

    for (int i = 0; i < given; i++)
        r.spec_acceptance.x[i] = holds[i];
    return speculation_of(&r);
}

START_TEST(expected_tokens)
{
    static const double by_position[] = {0.9, 0.5, 0.2}, all[] = {0.8}, one[] = {1}, none[] = {0};

    ck_assert_double_eq(drafts(0, 1, all).expected, 1);
    ck_assert_double_eq_tol(drafts(3, 3, by_position).expected, 1 + 0.9 + 0.9 * 0.5 + 0.9 * 0.5 * 0.2, 1e-15);
    ck_assert_double_eq_tol(drafts(4, 1, all).expected, (1 - pow(0.8, 5)) / (1 - 0.8), 1e-15); /* Leviathan et al., eq. 1 */
    ck_assert_double_eq(drafts(64, 1, one).expected, 65);
    ck_assert_double_eq(drafts(64, 1, none).expected, 1);
    ck_assert_double_eq(drafts(2, 0, none).expected, 1); /* not said: none holds */
}
END_TEST

/* One sequence, draft by draft. */
static int64_t draw_one(struct rng *r, const struct speculation *s)
{
    int64_t tokens = 1;

    while (tokens <= s->drafts && rng_u01(r) < s->holds[tokens - 1])
        tokens++;
    return tokens;
}

enum { STEPS = 200000 };

/* A batch of one has the distribution of a sequence, token for token. */
START_TEST(one_sequence_has_its_own_luck)
{
    static const double holds[] = {0.8, 0.5, 0.9};
    struct speculation s = drafts(3, 3, holds);
    struct speculation_clock c = {.rest = 0};
    struct rng twin;
    int64_t seen[5] = {0}, want[5] = {0};

    rng_init(&c.rng, 1, 0, 0, RNG_SPECULATION);
    rng_init(&twin, 2, 0, 0, RNG_TEST);
    for (int i = 0; i < STEPS; i++) {
        struct speculation_advance a = speculation_advance(&s, &c, 1);
        ck_assert(a.tokens == 1 + a.accepted && a.tokens <= 4);
        seen[a.tokens]++;
        want[draw_one(&twin, &s)]++;
    }
    ck_assert_double_eq(c.rest, 0);
    for (int k = 1; k <= 4; k++)
        ck_assert_msg(llabs(seen[k] - want[k]) < 5 * sqrt(2.0 * (double)want[k]), "%d tokens: %ld steps, the twin's %ld", k,
                      seen[k], want[k]);
}
END_TEST

/* Of n sequences: the drafts accepted in a step have mean and variance of n independent ones, and all that was drawn is
 * given, but for a rest of less than a token each. */
START_TEST(a_batch_has_the_sum)
{
    static const double holds[] = {0.7, 0.6, 0.5};
    static const int64_t batches[] = {2, 7, 40, 300};
    struct speculation s = drafts(3, 3, holds);

    for (size_t b = 0; b < sizeof batches / sizeof *batches; b++) {
        int64_t n = batches[b], steps = 20000;
        struct speculation_clock c = {.rest = 0};
        struct rng twin;
        double sum = 0, square = 0, given = 0, t_sum = 0, t_square = 0;
        rng_init(&c.rng, 3, 0, b, RNG_SPECULATION);
        rng_init(&twin, 4, 0, b, RNG_TEST);
        for (int64_t i = 0; i < steps; i++) {
            struct speculation_advance a = speculation_advance(&s, &c, n);
            double accepted = (double)a.accepted, t = 0;
            ck_assert(a.tokens >= 1 && a.tokens <= 4 && c.rest >= 0 && c.rest < 1);
            for (int64_t k = 0; k < n; k++)
                t += (double)(draw_one(&twin, &s) - 1);
            sum += accepted;
            square += accepted * accepted;
            t_sum += t;
            t_square += t * t;
            given += (double)a.tokens;
        }
        double m = (double)steps, mean = sum / m, var = square / m - mean * mean, t_var = t_square / m - t_sum * t_sum / m / m;
        ck_assert_double_eq_tol(given + c.rest, m + sum / (double)n, 1e-6);
        ck_assert_double_eq_tol(mean / (double)n, s.expected - 1, 5 * sqrt(var / m) / (double)n);
        ck_assert_double_eq_tol(mean, t_sum / m, 5 * sqrt(2 * var / m));
        ck_assert_double_eq_tol(var / t_var, 1, 0.06);
    }
}
END_TEST

/* The batch grows and shrinks; what is left over goes on with it. */
START_TEST(nothing_is_lost_when_the_batch_changes)
{
    static const double holds[] = {0.6};
    struct speculation s = drafts(5, 1, holds);
    struct speculation_clock c = {.rest = 0};
    struct rng sizes;
    double drawn = 0, given = 0;

    rng_init(&c.rng, 5, 0, 0, RNG_SPECULATION);
    rng_init(&sizes, 6, 0, 0, RNG_TEST);
    for (int i = 0; i < STEPS; i++) {
        int64_t n = 1 + (int64_t)rng_below(&sizes, rng_below(&sizes, 2) ? 3 : 500);
        struct speculation_advance a = speculation_advance(&s, &c, n);
        ck_assert(a.tokens >= 1 && a.tokens <= 6 && a.accepted <= 5 * n);
        drawn += 1 + (double)a.accepted / (double)n;
        given += (double)a.tokens;
    }
    ck_assert_double_eq_tol(given + c.rest, drawn, 1e-5);
}
END_TEST

START_TEST(certain_drafts_draw_nothing)
{
    static const double holds[] = {1, 1, 0};
    struct speculation s = drafts(3, 3, holds);
    struct speculation_clock c = {.rest = 0};

    rng_init(&c.rng, 1, 0, 0, RNG_SPECULATION);
    for (int64_t n = 1; n < 1000; n++) {
        struct speculation_advance a = speculation_advance(&s, &c, n);
        ck_assert(a.tokens == 3 && a.accepted == 2 * n);
    }
    ck_assert_uint_eq(c.rng.draws, 0);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("speculation");
    TCase *t = tcase_create("drafts");

    tcase_set_timeout(t, 60);
    tcase_add_test(t, expected_tokens);
    tcase_add_test(t, one_sequence_has_its_own_luck);
    tcase_add_test(t, a_batch_has_the_sum);
    tcase_add_test(t, nothing_is_lost_when_the_batch_changes);
    tcase_add_test(t, certain_drafts_draw_nothing);
    suite_add_tcase(s, t);
    return run_suite(s);
}
