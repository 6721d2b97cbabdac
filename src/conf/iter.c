#include "conf/iter_state.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"

#define SWEEP(member) offsetof(struct sweep_options, member)

const struct opt iter_sweep_rows[ITER_SWEEP_ROWS] = {
    {"constraint", OPT_TEXT, UNIT_NONE, SWEEP(constraint), OPT_NO_LIMITS, "", NULL,
     "an expression of the iteration variables, e.g. gpus * rate <= 80/s and policy != \"fcfs\": sets of values for "
     "which it is false are left out"},
    {"repeat", OPT_INT, UNIT_NONE, SWEEP(repeat), 1, ITER_POINTS_MAX, "1", NULL,
     "runs of each set of values, with random numbers of their own"},
    {"seed-set", OPT_TEXT, UNIT_NONE, SWEEP(seed_set), OPT_NO_LIMITS, "repetition", NULL,
     "run.replication of a run, an expression of variables, repetition and point: repetition gives all sets the same "
     "random numbers (common random numbers), point gives each its own"},
};

static const struct opt_table sweep_table = OPT_TABLE(iter_sweep_rows);

static const char repetition_name[] = "repetition", point_name[] = "point";

/* ---- expressions ---- */

struct lookup {
    const struct iter *it;
    int64_t set, repetition, point; /* point -1: only variables */
};

static bool look_up(void *ctx, const char *name, struct expr_value *out)
{
    const struct lookup *l = ctx;
    int var = iter_find_var(l->it, name, strlen(name));
    bool is_repetition = strcmp(name, repetition_name) == 0;

    if (var >= 0) {
        *out = iter_value(l->it, var, l->set)->is;
        return true;
    }
    if (l->point < 0 || (!is_repetition && strcmp(name, point_name) != 0))
        return false;
    *out = (struct expr_value){.kind = EXPR_NUMBER, .number = (double)(is_repetition ? l->repetition : l->point)};
    return true;
}

struct names {
    const struct iter *it;
    bool of_point;
    const char *unknown;
};

static void check_known(void *ctx, const char *name)
{
    struct names *n = ctx;

    if (iter_find_var(n->it, name, strlen(name)) < 0 &&
        !(n->of_point && (strcmp(name, repetition_name) == 0 || strcmp(name, point_name) == 0)))
        n->unknown = name;
}

const struct expr *iter_parse_known(const struct iter *it, const char *text, bool of_point, struct arena *a, char *why,
                                    size_t why_size)
{
    const struct expr *e = expr_parse(text, a, why, why_size);
    struct names n = {it, of_point, NULL};
    const char *names[ITER_VARS_MAX];

    expr_names(e, check_known, &n);
    if (e == NULL || n.unknown == NULL)
        return e;
    for (int i = 0; i < it->n_vars; i++)
        names[i] = it->vars[i].name;
    const char *near = opt_nearest(n.unknown, names, (size_t)it->n_vars);
    snprintf(why, why_size, "there is no variable \"%.60s\"%s%s%s (a text stands in quotes)", n.unknown,
             near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
    return NULL;
}

const struct expr *iter_parse(const struct iter *it, const char *text, struct arena *a, char *why, size_t why_size)
{
    return iter_parse_known(it, text, true, a, why, why_size);
}

bool iter_eval(const struct iter *it, const struct expr *e, int64_t point, struct expr_value *out, char *why,
               size_t why_size)
{
    struct lookup l = {it, point / it->sweep.repeat, point % it->sweep.repeat, point};

    return expr_eval(e, look_up, &l, out, why, why_size);
}

/* ---- parameter sets ---- */

static int64_t index_in(const struct iter *it, int var, int64_t of_product)
{
    int root = it->vars[var].in_step >= 0 ? it->vars[var].in_step : var;

    for (int i = it->n_vars - 1; i > root; i--)
        if (it->vars[i].in_step < 0)
            of_product /= it->vars[i].n;
    return of_product % it->vars[root].n;
}

const struct iter_value *iter_value(const struct iter *it, int var, int64_t set)
{
    return &it->vars[var].values[index_in(it, var, it->kept ? it->kept[set] : set)];
}

static const struct ini_entry *sweep_entry(const struct iter_reading *r, const char *key)
{
    return ini_find(r->es, "sweep", key);
}

/* Sets for which the constraint is true. */
static bool keep(const struct iter_reading *r)
{
    struct iter *it = r->it;
    int64_t *kept = arena_alloc(r->a, (size_t)it->n_product * sizeof *kept), n = 0;
    struct expr_value is;
    char why[512];

    for (int64_t set = 0; set < it->n_product; set++) {
        struct lookup l = {it, set, 0, -1};
        bool ok = expr_eval(it->constraint, look_up, &l, &is, why, sizeof why);
        if (ok && is.kind != EXPR_BOOL) {
            snprintf(why, sizeof why, "gives %s and not true or false (want e.g. rate < 20/s)", expr_kind_name(&is));
            ok = false;
        }
        if (!ok)
            return iter_complain(r, sweep_entry(r, "constraint"), "%s (where %s)", why, iter_label(it, set, r->a));
        if (is.number != 0)
            kept[n++] = set;
    }
    it->kept = kept;
    it->n_sets = n;
    return n > 0 || iter_complain(r, sweep_entry(r, "constraint"),
                                  "no set of values is left: it is false for all %" PRId64, it->n_product);
}

static bool span(const struct iter_reading *r)
{
    struct iter *it = r->it;
    const struct ini_entry *e = sweep_entry(r, "repeat");

    it->n_product = 1;
    for (int i = 0; i < it->n_vars; i++) {
        const struct iter_var *v = &it->vars[i];
        if (v->in_step >= 0)
            continue;
        it->n_product *= v->n;
        if (it->n_product > ITER_POINTS_MAX) {
            diags_add(r->d, v->file, v->line, "[%s] %s: the variables span more than %d sets of values", v->section,
                      v->key, ITER_POINTS_MAX);
            return false;
        }
    }
    it->n_sets = it->n_product;
    if (it->constraint && !keep(r))
        return false;
    it->n_points = it->n_sets * it->sweep.repeat;
    return it->n_points <= ITER_POINTS_MAX ||
           iter_complain(r, e, "%" PRId64 " sets times %" PRId64 " repetitions are more than %d points", it->n_sets,
                         it->sweep.repeat, ITER_POINTS_MAX);
}

/* ---- [sweep] ---- */

/* A variable as ${name} is well in an expression; expr.h takes it so. */
static const struct expr *sweep_expr(const struct iter_reading *r, const char *key, const char *text, bool of_point,
                                     bool *ok)
{
    char why[512];
    const struct expr *e = iter_parse_known(r->it, text, of_point, r->a, why, sizeof why);

    if (e == NULL)
        *ok = iter_complain(r, sweep_entry(r, key), "%s", why);
    return e;
}

static bool read_sweep(const struct iter_reading *r)
{
    struct iter *it = r->it;
    struct ini_entries own = {.top = r->es->top};
    struct opt_bind b = {.section = "sweep", .prefix = "", .table = &sweep_table, .base = &it->sweep};
    size_t mistakes = r->d->n;
    bool ok = true;

    own.at = arena_alloc(r->a, (r->es->n + 1) * sizeof *own.at);
    for (size_t i = 0; i < r->es->n; i++)
        if (strcmp(r->es->at[i].section, "sweep") == 0) {
            own.at[own.n++] = r->es->at[i];
            it->is_study = true;
        }
    opt_apply(&b, &own, r->a, r->d);
    opt_check_unknown(&b, 1, &own, r->d);
    if (r->d->n > mistakes)
        return false;
    if (it->sweep.constraint)
        it->constraint = sweep_expr(r, "constraint", it->sweep.constraint, false, &ok);
    it->seed_set = sweep_expr(r, "seed-set", it->sweep.seed_set, true, &ok);
    return ok;
}

bool iter_read(struct iter *it, struct ini_entries *es, struct arena *a, struct diags *d)
{
    const struct iter_reading r = {it, es, a, d};

    *it = (struct iter){.n_sets = 1, .n_points = 1, .n_product = 1};
    return iter_read_vars(&r) && read_sweep(&r) && span(&r);
}

const char *iter_label(const struct iter *it, int64_t set, struct arena *a)
{
    const char *label = "";

    for (int i = 0; i < it->n_vars; i++)
        label = arena_printf(a, "%s%s%s=%s", label, i ? " " : "", it->vars[i].name, iter_value(it, i, set)->text);
    return label;
}

/* ---- putting a point in place ---- */

static bool put_value(const struct iter_reading *r, struct ini_entry *e, int64_t set)
{
    const struct iter *it = r->it;
    struct lookup l = {it, set, 0, -1};
    struct expr_value v;
    char why[512];
    char *s = iter_inside(e->value, r->a);

    e->iter = true;
    for (int i = 0; i < it->n_vars; i++)
        if (strcmp(it->vars[i].section, e->section) == 0 && strcmp(it->vars[i].key, e->key) == 0) {
            e->value = iter_value(it, i, set)->text;
            return true;
        }
    size_t n = expr_name(s);
    if (s[n] == '\0' && iter_find_var(it, s, n) >= 0) { /* the text as it was written */
        e->value = iter_value(it, iter_find_var(it, s, n), set)->text;
        return true;
    }
    if (!expr_eval(expr_parse(s, r->a, why, sizeof why), look_up, &l, &v, why, sizeof why))
        return iter_complain(r, e, "%s (where %s)", why, iter_label(it, set, r->a));
    e->value = expr_text(&v, r->a);
    return true;
}

static bool put_replication(const struct iter_reading *r, int64_t point)
{
    static const double most = 1e15;
    const struct iter *it = r->it;
    const struct ini_entry *from = sweep_entry(r, "seed-set");
    struct expr_value v;
    char why[512];
    bool ok = iter_eval(it, it->seed_set, point, &v, why, sizeof why);

    if (ok && (v.kind != EXPR_NUMBER || v.unit != UNIT_NONE || v.number != rint(v.number) || v.number < 0 ||
               v.number > most)) {
        snprintf(why, sizeof why, "gives no whole number from 0 on");
        ok = false;
    }
    if (!ok)
        return iter_complain(r, from, "%s (at point %" PRId64 ")", why, point);
    if (v.number == 0)
        return true;
    const struct ini_entry *own = ini_find(r->es, "run", "replication");
    int64_t base = own ? strtoll(own->value, NULL, 10) : 0; /* what is no number, its key's type says */
    struct ini_entries *es = r->es;
    struct ini_entry e = {.section = "run",
                          .key = "replication",
                          .value = arena_printf(r->a, "%" PRId64, base + (int64_t)v.number),
                          .file = "[sweep] seed-set",
                          .dir = "",
                          .rank = INI_RANK_SET + 1};
    if (es->n == es->cap)
        es->at = mem_realloc(es->at, (es->cap = 2 * es->cap + 1) * sizeof *es->at);
    es->at[es->n++] = e;
    return true;
}

bool iter_apply(struct iter *it, int64_t point, struct ini_entries *es, struct arena *a, struct diags *d)
{
    const struct iter_reading r = {it, es, a, d};
    int64_t set = point / it->sweep.repeat;
    bool ok = true;
    size_t kept = 0;

    if (!it->is_study)
        return true;
    bool *holding = arena_alloc(a, (es->n + 1) * sizeof *holding); /* before values change what holds */
    for (size_t i = 0; i < es->n; i++)
        holding[i] = iter_holds(es, &es->at[i]);
    for (size_t i = 0; i < es->n; i++)
        if (holding[i])
            ok &= put_value(&r, &es->at[i], set);
    ok = ok && put_replication(&r, point);
    for (size_t i = 0; i < es->n; i++)
        if (strcmp(es->at[i].section, "sweep") != 0)
            es->at[kept++] = es->at[i];
    es->n = kept;
    return ok;
}
