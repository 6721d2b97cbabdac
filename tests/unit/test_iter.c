/*
 * Expressions, and the laws of iteration variables: a study has as many points as the product of its variables less
 * what the constraint leaves out, in the order of a naive twin's loops; variables in step go together; one point's
 * values are put where they belong.
 */
#include <check.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "conf/iter.h"
#include "../run_suite.h"

static struct arena arena;

static void begin(void)
{
    arena_init(&arena);
}

static void end(void)
{
    arena_free(&arena);
}

/* ---- expressions ---- */

static bool look_up(void *ctx, const char *name, struct expr_value *out)
{
    static const char *const vars[][2] = {{"rate", "20/s"},   {"gpus", "8"}, {"t", "500ms"},
                                          {"policy", "fcfs"}, {"kv", "2GB"}, {"bw", "4GB/s"}};

    (void)ctx;
    for (size_t i = 0; i < sizeof vars / sizeof *vars; i++)
        if (strcmp(vars[i][0], name) == 0) {
            if (!expr_number(vars[i][1], out, NULL))
                *out = (struct expr_value){.kind = EXPR_TEXT, .text = vars[i][1]};
            return true;
        }
    return false;
}

/* What it comes to, or the message. */
static const char *result(const char *text)
{
    char why[512] = "";
    struct expr_value v;
    const struct expr *e = expr_parse(text, &arena, why, sizeof why);

    if (e && expr_eval(e, look_up, NULL, &v, why, sizeof why))
        return expr_text(&v, &arena);
    ck_assert_str_ne(why, "");
    return arena_strdup(&arena, why);
}

static const char *const results[][2] = {
    {"1 + 2 * 3", "7"},
    {"(1 + 2) * 3", "9"},
    {"10 - 4 - 3", "3"},
    {"7 % 4", "3"},
    {"--2", "2"},
    {"-gpus + 1", "-7"},
    {"2 * rate", "40/s"},
    {"rate / gpus", "2.5/s"},
    {"rate*t", "10"},
    {"kv / bw == t", "yes"},
    {"1 / rate", "50ms"},
    {"bw * t", "2GB"},
    {"rate > 10/s", "yes"},
    {"rate>10/s and gpus<8", "no"},
    {"rate > 1200/min", "no"},
    {"rate >= 1200/min", "yes"},
    {"8/gpus", "1"},
    {"not gpus == 8 or policy == \"fcfs\"", "yes"},
    {"!(gpus != 8) && policy != 'edf'", "yes"},
    {"gpus == 0 or 8 / (gpus - 8) > 1", "a division by 0"},
    {"gpus == 8 or 8 / (gpus - 8) > 1", "yes"},
    {"gpus > 4 ? \"h100\" : \"h20\"", "h100"},
    {"gpus > 9 ? 1 : gpus > 4 ? 2 : 3", "2"},
    {"$gpus + ${ gpus }", "16"},
    {"1e3", "1000"},
    {"0.1 + 0.2", "0.30000000000000004"},
    {"1 / 3", "0.3333333333333333"},
    {"3000000", "3000000"},
    {"kv + t", "bytes and a time cannot be added"},
    {"kv * kv", "bytes and bytes cannot be multiplied"},
    {"rate > 10", "a rate and a number cannot be compared"},
    {"policy < \"x\"", "a text and a text cannot be put in order"},
    {"policy + 1", "a text and a number cannot be added"},
    {"1 < 2 < 3", "a truth and a number cannot be compared"},
    {"gpus and 1 == 1", "a number stands where a comparison is due (e.g. rate > 10/s)"},
    {"not 3", "a number stands where a comparison is due (e.g. rate > 10/s)"},
    {"-policy", "a text has no negative"},
    {"1 % 0", "a division by 0"},
    {"1e300 * 1e300", "a number too large"},
    {"gpu", "there is no variable \"gpu\" (a text stands in quotes)"},
    {"", "something is missing at the end"},
    {"1 +", "something is missing at the end"},
    {"(1", "a ) is missing at the end"},
    {"1 2", "an operator was expected at \"2\""},
    {"gpus = 8", "an operator was expected at \"= 8\""},
    {"\"x", "the quote is not closed at \"\"x\""},
    {"3 > 2 ? 1", "a \":\" is missing at the end"},
    {"70b", "no unit that is known (put texts in quotes) at \"70b\""},
    {"#", "neither a value nor a name at \"#\""},
    {"${gpus", "a } is missing at the end"},
};

START_TEST(expressions)
{
    ck_assert_str_eq(result(results[_i][0]), results[_i][1]);
}
END_TEST

START_TEST(expressions_have_limits)
{
    char deep[400] = "", *at = arena_alloc(&arena, 20000);

    memset(deep, '(', 200);
    ck_assert_msg(strncmp(result(deep), "too deeply nested", 17) == 0, "%s", result(deep));
    memset(deep, '-', 200);
    ck_assert_msg(strncmp(result(deep), "too deeply nested", 17) == 0, "%s", result(deep));
    for (int i = 0; i < 4000; i++)
        memcpy(at + 2 * i, "1+", 2);
    at[7999] = '\0';
    ck_assert_msg(strncmp(result(at), "the expression is too long", 26) == 0, "%s", result(at));
}
END_TEST

/* ---- variables ---- */

struct loaded {
    struct ini_entries es;
    struct iter it;
    struct diags d;
    bool ok;
};

static void load(struct loaded *l, const char *text)
{
    *l = (struct loaded){.ok = false};
    diags_init(&l->d);
    l->ok = ini_load_text(&l->es, "x.ini", text, INI_RANK_SCENARIO, &arena, &l->d) && l->d.n == 0 &&
            iter_read(&l->it, &l->es, &arena, &l->d);
}

static void unload(struct loaded *l)
{
    diags_free(&l->d);
    ini_entries_free(&l->es);
}

static void load_well(struct loaded *l, const char *text)
{
    load(l, text);
    ck_assert_msg(l->ok, "%s: %s", text, l->d.n ? l->d.at[0].text : "");
}

/* Labels of all sets, with | between. */
static const char *labels(const struct iter *it)
{
    const char *all = "";

    for (int64_t set = 0; set < it->n_sets; set++)
        all = arena_printf(&arena, "%s%s%s", all, set ? "|" : "", iter_label(it, set, &arena));
    return all;
}

static const char *const studies[][2] = {
    {"[a]\nx = ${x=1, 2}\ny = ${y=b, c}\n", "x=1 y=b|x=1 y=c|x=2 y=b|x=2 y=c"},
    {"[a]\nx = ${1, 2}\n", "x=1|x=2"},
    {"[a]\nx = ${x=7}\n", "x=7"},
    {"[a]\nx = ${x=1..4}\n", "x=1|x=2|x=3|x=4"},
    {"[a]\nx = ${x=1,10..50 step 20}\n", "x=1|x=10|x=30|x=50"},
    {"[a]\nx = ${x=1/s, 10/s..20/s step 5/s}\n", "x=1/s|x=10/s|x=15/s|x=20/s"},
    {"[a]\nx = ${x=10..20/s step 5}\n", "x=10/s|x=15/s|x=20/s"},
    {"[a]\nx = ${x=0.1..0.5 step 0.1}\n", "x=0.1|x=0.2|x=0.3|x=0.4|x=0.5"},
    {"[a]\nx = ${x=3..1 step -1}\n", "x=3|x=2|x=1"},
    {"[a]\nx = ${x=0.50, 1e3}\n", "x=0.50|x=1e3"},
    {"[a]\nx = ${x=../a, \"b, c\", 'd'}\n", "x=../a|x=b, c|x=d"},
    {"[a]\nx = ${x=1, 2}\ny = ${!y=b, c}\n", "x=1 y=b|x=2 y=c"},
    {"[a]\nx = ${x=1, 2}\nz = ${z=5,6}\ny = ${y=b, c ! x}\n", "x=1 z=5 y=b|x=1 z=6 y=b|x=2 z=5 y=c|x=2 z=6 y=c"},
    {"[a]\nx = ${x=1, 2}\ny = ${!y=b, c}\nz = ${!z=d, e}\n", "x=1 y=b z=d|x=2 y=c z=e"},
    {"[a]\nx = ${x=1, 2}\ny = ${y=1, 2}\n[sweep]\nconstraint = x < y\n", "x=1 y=2"},
    {"[a]\nx = ${x=1, 2}\ny = ${y=1, 2}\n[sweep]\nconstraint = ${x} + $y != 3\n", "x=1 y=1|x=2 y=2"},
    {"[a]\nx = ${x=a, b}\n[sweep]\nconstraint = x == \"b\"\n", "x=b"},
    {"[a]\nx = ${x=40ms, 1s}\n[sweep]\nconstraint = x < 0.5s\n", "x=40ms"},
    {"[a]\nx = 3\n", ""},
};

START_TEST(sets_of_values)
{
    struct loaded l;

    load_well(&l, studies[_i][0]);
    ck_assert_str_eq(labels(&l.it), studies[_i][1]);
    unload(&l);
}
END_TEST

/* The value that [section] key has at a point. */
static const char *at_point(const char *text, int64_t point, const char *section, const char *key)
{
    struct loaded l;
    const struct ini_entry *e;

    load_well(&l, text);
    ck_assert_msg(iter_apply(&l.it, point, &l.es, &arena, &l.d), "%s", l.d.n ? l.d.at[0].text : "");
    e = ini_find(&l.es, section, key);
    const char *value = e ? e->value : "none";
    ck_assert_ptr_null(ini_find(&l.es, "sweep", "repeat"));
    unload(&l);
    return value;
}

START_TEST(values_are_put_in_place)
{
    static const char text[] = "[a]\nx = ${x=1, 2}\ny = ${y=10/s, 0.50/s}\nz = ${y}\nw = ${y * x}\nplain = 3\n"
                               "[sweep]\nrepeat = 3\n";
    static const char *const want[][4] = {
        {"1", "10/s", "10/s", "10/s"}, {"1", "0.50/s", "0.50/s", "30/min"}, {"2", "10/s", "10/s", "20/s"}};

    for (int64_t point = 0; point < 9; point++) {
        ck_assert_str_eq(at_point(text, point, "a", "x"), want[point / 3][0]);
        ck_assert_str_eq(at_point(text, point, "a", "y"), want[point / 3][1]);
        ck_assert_str_eq(at_point(text, point, "a", "z"), want[point / 3][2]);
        ck_assert_str_eq(at_point(text, point, "a", "w"), want[point / 3][3]);
        ck_assert_str_eq(at_point(text, point, "a", "plain"), "3");
        ck_assert_str_eq(at_point(text, point, "run", "replication"),
                         point % 3 == 0 ? "none" : arena_printf(&arena, "%" PRId64, point % 3));
    }
}
END_TEST

START_TEST(seed_sets)
{
    static const char repeat[] = "[a]\nx = ${x=4, 5}\n[sweep]\nrepeat = 2\n";
    const char *each = arena_printf(&arena, "%sseed-set = point\n", repeat);
    const char *sum = arena_printf(&arena, "%sseed-set = x * 10 + repetition\n[run]\nreplication = 100\n", repeat);

    ck_assert_str_eq(at_point(repeat, 3, "run", "replication"), "1");
    ck_assert_str_eq(at_point(each, 3, "run", "replication"), "3");
    ck_assert_str_eq(at_point(sum, 3, "run", "replication"), "151");
}
END_TEST

/* -s narrows a study, and an overridden entry defines nothing. */
START_TEST(only_what_holds_counts)
{
    struct loaded l;

    load_well(&l, "[a]\nx = ${x=1, 2, 3}\ny = ${x}\nz = ${z=1, 2}\n");
    ini_set(&l.es, "a.x=${x=5, 6}", &arena, &l.d);
    ck_assert(iter_read(&l.it, &l.es, &arena, &l.d));
    ck_assert_str_eq(labels(&l.it), "x=5 z=1|x=5 z=2|x=6 z=1|x=6 z=2");
    ini_set(&l.es, "a.z=9", &arena, &l.d);
    ini_set(&l.es, "a.x=9", &arena, &l.d);
    ck_assert(!iter_read(&l.it, &l.es, &arena, &l.d)); /* y has no variable now */
    ini_set(&l.es, "a.y=9", &arena, &l.d);
    ck_assert(iter_read(&l.it, &l.es, &arena, &l.d));
    ck_assert_int_eq(l.it.n_points, 1);
    unload(&l);
}
END_TEST

/* ---- against a naive twin ---- */

enum { VARS = 4 };

struct twin {
    int n_vars, n[VARS], in_step[VARS]; /* values are 1 .. n */
    int repeat;
    int64_t limit; /* constraint: the sum of all <= limit */
    int64_t sets;
};

static void draw(struct twin *t, struct rng *r)
{
    *t = (struct twin){.n_vars = 1 + (int)(rng_u01(r) * VARS), .repeat = 1 + (int)(rng_u01(r) * 3)};
    for (int i = 0; i < t->n_vars; i++) {
        t->n[i] = 1 + (int)(rng_u01(r) * 4);
        t->in_step[i] = -1;
        if (i > 0 && rng_u01(r) < 0.4) {
            int with = (int)(rng_u01(r) * i);
            t->in_step[i] = t->in_step[with] >= 0 ? t->in_step[with] : with;
            t->n[i] = t->n[t->in_step[i]];
        }
    }
    t->limit = t->n_vars + (int64_t)(rng_u01(r) * 8);
}

static const char *text_of(const struct twin *t)
{
    const char *text = "[a]\n", *sum = "";

    for (int i = 0; i < t->n_vars; i++) {
        text = arena_printf(&arena, "%sk%d = ${v%d=1..%d", text, i, i, t->n[i]);
        text = t->in_step[i] < 0 ? arena_printf(&arena, "%s}\n", text)
                                 : arena_printf(&arena, "%s ! v%d}\n", text, t->in_step[i]);
        sum = arena_printf(&arena, "%s%sv%d", sum, i ? " + " : "", i);
    }
    return arena_printf(&arena, "%s[sweep]\nrepeat = %d\nconstraint = %s <= %" PRId64 "\n", text, t->repeat, sum,
                        t->limit);
}

/* One loop a variable that is in step with none. */
static void loop(struct twin *t, int var, int *value, const struct iter *it)
{
    if (var < t->n_vars && t->in_step[var] >= 0) {
        value[var] = value[t->in_step[var]];
        loop(t, var + 1, value, it);
        return;
    }
    if (var < t->n_vars) {
        for (value[var] = 1; value[var] <= t->n[var]; value[var]++)
            loop(t, var + 1, value, it);
        return;
    }
    int64_t sum = 0;
    for (int i = 0; i < t->n_vars; i++)
        sum += value[i];
    if (sum > t->limit)
        return;
    ck_assert_int_lt(t->sets, it->n_sets);
    for (int i = 0; i < t->n_vars; i++)
        ck_assert_int_eq((int)iter_value(it, i, t->sets)->is.number, value[i]);
    t->sets++;
}

START_TEST(sets_are_those_of_a_naive_twin)
{
    struct rng r;

    rng_init(&r, 20261123, 0, 0, RNG_ROUTER);
    for (int i = 0; i < 300; i++) {
        struct twin t;
        struct loaded l;
        int value[VARS];

        draw(&t, &r);
        load_well(&l, text_of(&t));
        loop(&t, 0, value, &l.it);
        ck_assert_int_eq(t.sets, l.it.n_sets);
        ck_assert_int_eq(l.it.n_points, t.sets * t.repeat);
        unload(&l);
        arena_free(&arena);
        arena_init(&arena);
    }
}
END_TEST

/* ---- mistakes ---- */

static const char *const mistakes[][2] = {
    {"[a]\nx = ${y}\n", "[a] x: there is no variable \"y\" (a text stands in quotes)"},
    {"[a]\nx = ${rate=1,2}\ny = ${rat}\n",
     "[a] y: there is no variable \"rat\"; did you mean \"rate\"? (a text stands in quotes)"},
    {"[a]\nx = 3${x=1,2}\n", "[a] x: a value is wholly ${...} or has none in it: \"3${x=1,2}\""},
    {"[a]\nx = ${x=1,${y}}\n", "[a] x: a value is wholly ${...} or has none in it: \"${x=1,${y}}\""},
    {"[a]\nx = ${ }\n", "[a] x: ${} holds nothing (want e.g. ${rate=1/s, 2/s})"},
    {"[a]\nx = ${x=}\n", "[a] x: a value is missing (want e.g. ${rate=1/s, 2/s})"},
    {"[a]\nx = ${x=1,,2}\n", "[a] x: a value is missing (want e.g. ${rate=1/s, 2/s})"},
    {"[a]\nx = ${x=\" \"}\n", "[a] x: a value is empty (want e.g. ${policy=fcfs, edf})"},
    {"[a]\nx = ${x=1..5 step 0}\n", "[a] x: a range from 1 to 5 never gets there by steps of 0"},
    {"[a]\nx = ${x=5..1}\n", "[a] x: a range from 5 to 1 never gets there by steps of 1"},
    {"[a]\nx = ${x=1/s..5ms}\n", "[a] x: a range has one unit: \"/s\" and \"ms\" differ"},
    {"[a]\nx = ${x=1..5 step a}\n",
     "[a] x: \"a\" is no number to count from, to or by (want e.g. 10/s..50/s step 10/s)"},
    {"[a]\nx = ${x=1..100000}\n", "[a] x: more than 10000 values"},
    {"[a]\nx = ${!x=1,2}\n", "[a] x: \"!\" goes in step with the variable above it, and there is none"},
    {"[a]\nx = ${x=1,2}\ny = ${!y=1,2,3}\n", "[a] y: \"y\" has 3 values and goes in step with \"x\", which has 2"},
    {"[a]\nx = ${x=1,2 ! z}\n", "[a] x: there is no variable \"z\" above that \"x\" could go in step with"},
    {"[a]\nx = ${point=1,2}\n", "[a] x: \"point\" is no name for a variable: it means something else in expressions"},
    {"[a]\nx = ${x=1,2}\n[b]\ny = ${x=1,2}\n", "[b] y: the variable \"x\" was defined in [a] x (x.ini:2) already; give "
                                               "this one a name of its own, or refer to that "
                                               "one: ${x}"},
    {"[a]\nx = ${x=1,2}\ny = ${y=x*2}\n",
     "[a] y: \"x*2\" is an expression, and values of a variable are not: write ${x*2} where it is to be used"},
    {"[a]\nx = ${x=1,2}\n[sweep]\nconstraint = x > 2\n",
     "[sweep] constraint: no set of values is left: it is false for all 2"},
    {"[a]\nx = ${x=1,2}\n[sweep]\nconstraint = x + 2\n",
     "[sweep] constraint: gives a number and not true or false (want e.g. rate < 20/s) (where x=1)"},
    {"[a]\nx = ${x=1,b}\n[sweep]\nconstraint = x > 0\n",
     "[sweep] constraint: a text and a number cannot be compared (where x=b)"},
    {"[a]\nx = ${x=1,2}\n[sweep]\nconstraint = repetition > 0\n",
     "[sweep] constraint: there is no variable \"repetition\" (a text stands in quotes)"},
    {"[a]\nx = ${x=1,2}\n[sweep]\nconstrain = x > 0\n",
     "[sweep] has no key \"constrain\"; did you mean \"constraint\"?"},
    {"[sweep]\nrepeat = 0\n", "[sweep] repeat: \"0\" is out of range (want 1 to 1000000)"},
    {"[a]\nx = ${x=1..1000}\ny = ${y=1..1000}\nz = ${z=1,2}\n",
     "[a] z: the variables span more than 1000000 sets of values"},
    {"[a]\nx = ${x=1..1000}\n[sweep]\nrepeat = 10000\n",
     "[sweep] repeat: 1000 sets times 10000 repetitions are more than 1000000 points"},
};

START_TEST(mistakes_are_told)
{
    struct loaded l;

    load(&l, mistakes[_i][0]);
    ck_assert_msg(!l.ok, "taken: %s", mistakes[_i][0]);
    ck_assert_int_eq(l.d.n, 1);
    ck_assert_str_eq(l.d.at[0].text, mistakes[_i][1]);
    unload(&l);
}
END_TEST

START_TEST(mistakes_of_a_point)
{
    static const char *const texts[][2] = {
        {"[a]\nx = ${x=0,2}\ny = ${1 / x}\n", "[a] y: a division by 0 (where x=0)"},
        {"[a]\nx = ${x=0,2}\n[sweep]\nseed-set = x - 1\n",
         "[sweep] seed-set: gives no whole number from 0 on (at point 0)"},
    };

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct loaded l;
        load_well(&l, texts[i][0]);
        ck_assert(!iter_apply(&l.it, 0, &l.es, &arena, &l.d));
        ck_assert_int_eq(l.d.n, 1);
        ck_assert_str_eq(l.d.at[0].text, texts[i][1]);
        unload(&l);
    }
}
END_TEST

int main(void)
{
    Suite *s = suite_create("iter");
    TCase *c = tcase_create("iter");

    tcase_add_checked_fixture(c, begin, end);
    tcase_add_loop_test(c, expressions, 0, (int)(sizeof results / sizeof *results));
    tcase_add_test(c, expressions_have_limits);
    tcase_add_loop_test(c, sets_of_values, 0, (int)(sizeof studies / sizeof *studies));
    tcase_add_test(c, values_are_put_in_place);
    tcase_add_test(c, seed_sets);
    tcase_add_test(c, only_what_holds_counts);
    tcase_add_test(c, sets_are_those_of_a_naive_twin);
    tcase_add_loop_test(c, mistakes_are_told, 0, (int)(sizeof mistakes / sizeof *mistakes));
    tcase_add_test(c, mistakes_of_a_point);
    suite_add_tcase(s, c);
    return run_suite(s);
}
