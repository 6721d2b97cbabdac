/*
 * conform_admission.c - what every registered admission policy and scaler must keep, over random views.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "policy/admission.h"
#include "policy/scaler.h"
#include "../run_suite.h"

enum { VIEWS = 3000, GUARD = 64 };

static int count(enum policy_kind kind)
{
    int n = 0;

    while (policy_list(kind)[n])
        n++;
    return n;
}

/* Its options: the defaults, and those that must be given. */
static void *options_of(const struct policy *p, const char *variant, struct arena *a)
{
    void *options = arena_alloc(a, p->options_size + 1);
    const char *text = arena_printf(a, "[x]\nlimit = 20\nrate = 3/s\nburst = 40\ntarget = 0.7\n%s\n", variant);
    struct ini_entries es = {0};
    struct diags d;
    struct opt_bind bind = {.section = "x", .prefix = "", .table = &p->options, .base = options};

    diags_init(&d);
    ck_assert(ini_load_text(&es, "x.ini", text, INI_RANK_SCENARIO, a, &d));
    opt_apply(&bind, &es, a, &d);
    ck_assert_msg(d.n == 0, "%s: %s", p->name, d.n ? d.at[0].text : "");
    ini_entries_free(&es);
    diags_free(&d);
    return options;
}

/* Zeroed, with bytes behind it that must stay. */
static char *make_state(size_t size)
{
    char *state = calloc(1, size + GUARD);

    memset(state + size, 0x5a, GUARD);
    return state;
}

static void check_guard(const char *state, size_t size)
{
    for (size_t i = 0; i < GUARD; i++)
        ck_assert_int_eq(state[size + i], 0x5a);
}

/* ---- admission ---- */

static const char *const admission_variants[] = {
    "", "of = requests", "of = tokens", "per = all", "per = class", "by = load\nload = 8", "ahead = priority\nover = 5",
};

static struct admission_view random_view(struct rng *r, int64_t now_ns)
{
    struct admission_view v = {.now_ns = now_ns, .replicas = 1 + (int64_t)rng_below(r, 8)};

    v.all.requests = (int64_t)rng_below(r, 200);
    v.all.waiting = (int64_t)rng_below(r, (uint64_t)v.all.requests + 1);
    v.all.tokens = v.all.requests * (1 + (int64_t)rng_below(r, 500));
    v.class = v.all;
    v.waiting_ahead = (int64_t)rng_below(r, (uint64_t)v.all.waiting + 1);
    v.input_tokens = 1 + (int64_t)rng_below(r, 30);
    v.priority = (int64_t)rng_below(r, 3);
    v.ttft_ns = rng_below(r, 3) ? 1 + (int64_t)rng_below(r, 5000000000) : 0;
    return v;
}

struct asked {
    const struct admission_ops *ops;
    const void *options;
    char *state, *of_class;
};

/* What it would answer, without its noticing. */
static bool would(const struct asked *a, const struct admission_view *v)
{
    char *state = make_state(a->ops->state_size), *of_class = make_state(a->ops->class_size);

    memcpy(state, a->state, a->ops->state_size);
    memcpy(of_class, a->of_class, a->ops->class_size);
    bool answer = a->ops->admit(a->options, state, of_class, v);
    free(state);
    free(of_class);
    return answer;
}

/* With more of everything it is refused all the more; with a higher priority it is not refused instead; and an idle
 * system lets in. */
static void check_view(const struct asked *a, const struct admission_view *v, struct rng *r)
{
    struct admission_view other = *v;
    int64_t more = 1 + (int64_t)rng_below(r, 50);

    other.all.requests += more, other.all.waiting += more, other.all.tokens += more * 10, other.waiting_ahead += more;
    other.class = other.all;
    ck_assert(would(a, v) || !would(a, &other));
    other = *v;
    other.priority++;
    ck_assert(would(a, &other) || !would(a, v));
    other = (struct admission_view){.now_ns = v->now_ns + INT64_C(1000000000000),
                                    .replicas = 1,
                                    .input_tokens = v->input_tokens > 20 ? 20 : v->input_tokens,
                                    .ttft_ns = v->ttft_ns};
    ck_assert(would(a, &other));
}

/* How many of the views are let in. */
static int ask_all(const struct admission_ops *ops, const char *variant, uint64_t *answers)
{
    struct arena arena;
    struct rng r;
    int64_t now_ns = 0;
    int admitted = 0;

    arena_init(&arena);
    struct asked a = {ops, options_of(&ops->policy, variant, &arena), make_state(ops->state_size),
                      make_state(ops->class_size)};
    rng_init(&r, 1, 0, 0, RNG_TEST);
    for (int i = 0; i < VIEWS; i++) {
        now_ns += (int64_t)rng_below(&r, 500000000);
        struct admission_view v = random_view(&r, now_ns);
        for (uint64_t n = rng_below(&r, 3); ops->started && n > 0; n--)
            ops->started(a.options, a.state, now_ns);
        check_view(&a, &v, &r);
        bool answer = ops->admit(a.options, a.state, a.of_class, &v);
        admitted += answer;
        *answers = rng_hash(*answers, answer);
    }
    check_guard(a.state, ops->state_size);
    check_guard(a.of_class, ops->class_size);
    free(a.state);
    free(a.of_class);
    arena_free(&arena);
    return admitted;
}

static bool has_key(const struct policy *p, const char *variant)
{
    size_t n = strcspn(variant, " ");

    for (size_t i = 0; i < p->options.n; i++)
        if (strlen(p->options.rows[i].name) == n && strncmp(p->options.rows[i].name, variant, n) == 0)
            return true;
    return *variant == '\0';
}

START_TEST(admissions_keep_the_rules)
{
    const struct admission_ops *ops = (const struct admission_ops *)policy_list(POLICY_ADMISSION)[_i];
    size_t n = sizeof admission_variants / sizeof *admission_variants;

    if (ops->admit == NULL)
        ck_assert_str_eq(ops->policy.name, "none");
    for (size_t i = 0; ops->admit && i < n; i++) {
        uint64_t first = 0, again = 0;
        const char *variant = admission_variants[i];
        if (!has_key(&ops->policy, variant) ||
            (strcmp(variant, "per = class") == 0 && strcmp(ops->policy.name, "token_bucket") != 0))
            continue;
        int admitted = ask_all(ops, variant, &first);
        ck_assert_int_eq(ask_all(ops, variant, &again), admitted);
        ck_assert_uint_eq(first, again);
        ck_assert_msg(admitted > 0 && admitted < VIEWS, "%s %s: %d", ops->policy.name, variant, admitted);
    }
}
END_TEST

/* ---- scalers ---- */

static const char *const scaler_variants[] = {"", "of = kv", "of = busy", "of = waiting", "over = 1"};

static struct scaler_view random_load(struct rng *r, int64_t i)
{
    struct scaler_view v = {.now_ns = i * INT64_C(15000000000), .ready = 1 + (int64_t)rng_below(r, 20)};

    v.starting = (int64_t)rng_below(r, 3);
    v.outstanding = (int64_t)rng_below(r, 300);
    v.waiting = (int64_t)rng_below(r, (uint64_t)v.outstanding + 1);
    v.busy = rng_u01(r), v.slots = rng_u01(r), v.kv = rng_u01(r);
    v.ended = (int64_t)rng_below(r, 100);
    v.met = (int64_t)rng_below(r, (uint64_t)v.ended + 1);
    return v;
}

/* Looks on end, with as many replicas as it wants: an idle pool gets no more, one that is full and late gets more. */
static void check_trend(const struct scaler_ops *ops, const void *options, bool idle)
{
    char *state = make_state(ops->state_size);
    int64_t have = 4;

    for (int64_t i = 0; i < 40; i++) {
        struct scaler_view v = {.now_ns = i * INT64_C(15000000000), .ready = have};
        if (!idle) {
            v.outstanding = 1000, v.waiting = 900, v.busy = v.slots = v.kv = 1;
            v.ended = 100, v.met = 10;
        }
        int64_t want = ops->want(options, state, &v);
        ck_assert(idle ? want <= have : want >= have);
        have = want < 1 ? 1 : want > 30 ? 30 : want;
    }
    ck_assert_int_eq(have, idle ? 1 : 30);
    check_guard(state, ops->state_size);
    free(state);
}

START_TEST(scalers_keep_the_rules)
{
    const struct scaler_ops *ops = (const struct scaler_ops *)policy_list(POLICY_SCALER)[_i];

    if (ops->want == NULL) {
        ck_assert_str_eq(ops->policy.name, "none");
        return;
    }
    for (size_t k = 0; k < sizeof scaler_variants / sizeof *scaler_variants; k++) {
        struct arena arena;
        struct rng r;
        if (!has_key(&ops->policy, scaler_variants[k]) ||
            ((k == 1 || k == 2) && strcmp(ops->policy.name, "utilisation") != 0) ||
            (k == 3 && strcmp(ops->policy.name, "queue") != 0))
            continue;
        arena_init(&arena);
        const void *options = options_of(&ops->policy, scaler_variants[k], &arena);
        char *state = make_state(ops->state_size), *again = make_state(ops->state_size);
        rng_init(&r, 1, 0, 0, RNG_TEST);
        for (int64_t i = 0; i < VIEWS; i++) {
            struct scaler_view v = random_load(&r, i);
            int64_t want = ops->want(options, state, &v);
            ck_assert(want >= 0 && want <= 1000);
            ck_assert_int_eq(want, ops->want(options, again, &v));
        }
        check_guard(state, ops->state_size);
        free(state);
        free(again);
        check_trend(ops, options, true);
        check_trend(ops, options, false);
        arena_free(&arena);
    }
}
END_TEST

int main(void)
{
    Suite *s = suite_create("admission");
    TCase *c = tcase_create("policies");

    tcase_add_loop_test(c, admissions_keep_the_rules, 0, count(POLICY_ADMISSION));
    tcase_add_loop_test(c, scalers_keep_the_rules, 0, count(POLICY_SCALER));
    suite_add_tcase(s, c);
    return run_suite(s);
}
