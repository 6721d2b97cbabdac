#include "conf/iter.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
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

/* Names that expressions and the columns of a study file have already. */
static const char *const reserved[] = {"and",    "or",     "not",    "step",      "repetition", "point",
                                       "run_id", "params", "status", "param_set", NULL};

struct reading {
    struct iter *it;
    struct ini_entries *es;
    struct arena *a;
    struct diags *d;
};

/* ---- the form of ${...} ---- */

/* What stands between ${ and }, blanks cut off; NULL: the value is none. */
static char *inside(const char *value, struct arena *a)
{
    size_t n = strlen(value);

    if (n < 3 || value[0] != '$' || value[1] != '{' || value[n - 1] != '}')
        return NULL;
    char *s = arena_printf(a, "%.*s", (int)(n - 3), value + 2);
    for (n = strlen(s); n > 0 && strchr(" \t", s[n - 1]); n--)
        s[n - 1] = '\0';
    return s + strspn(s, " \t");
}

static bool holds(const struct ini_entries *es, const struct ini_entry *e)
{
    return e->key && ini_find(es, e->section, e->key) == e;
}

__attribute__((format(printf, 3, 4))) static bool complain(const struct reading *r, const struct ini_entry *e,
                                                           const char *fmt, ...)
{
    char text[700];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    diags_add(r->d, e->file, e->line, "[%s] %s: %s", e->section, e->key, text);
    return false;
}

/* The first c that no quotes or parentheses hold, or NULL. */
static char *find_bare(char *s, char c)
{
    char quote = 0;
    int depth = 0;

    for (; *s; s++) {
        if (quote) {
            quote = *s == quote ? 0 : quote;
            continue;
        }
        if (*s == c && depth == 0)
            return s;
        if (*s == '"' || *s == '\'')
            quote = *s;
        depth += (*s == '(') - (*s == ')');
    }
    return NULL;
}

/* ---- values ---- */

static char *trim(char *s)
{
    size_t n = strlen(s);

    while (n > 0 && strchr(" \t", s[n - 1]))
        s[--n] = '\0';
    return s + strspn(s, " \t");
}

static bool add_value(const struct reading *r, const struct ini_entry *e, struct iter_var *v, int64_t *cap,
                      struct iter_value value)
{
    if (v->n == ITER_VALUES_MAX)
        return complain(r, e, "more than %d values", ITER_VALUES_MAX);
    if (v->n == *cap) {
        struct iter_value *more = arena_alloc(r->a, (size_t)(*cap = *cap ? 2 * *cap : 8) * sizeof *more);
        if (v->n)
            memcpy(more, v->values, (size_t)v->n * sizeof *more);
        v->values = more;
    }
    v->values[v->n++] = value;
    return true;
}

struct range {
    double from, to, step; /* in its unit */
    const char *unit;
};

/* One end of a range: its number, and its unit, which is that of the others. */
static bool range_part(const struct reading *r, const struct ini_entry *e, const char *text, double *x, const char **unit)
{
    struct expr_value v;
    const char *suffix;

    if (!expr_number(text, &v, &suffix) || !units_number(text, x, &suffix))
        return complain(r, e, "\"%.60s\" is no number to count from, to or by (want e.g. 10/s..50/s step 10/s)", text);
    if (*suffix && *unit && strcmp(*unit, suffix) != 0)
        return complain(r, e, "a range has one unit: \"%.20s\" and \"%.20s\" differ", *unit, suffix);
    if (*suffix)
        *unit = suffix;
    return true;
}

/* "10/s..50/s step 10/s"; without step by 1. */
static bool parse_range(const struct reading *r, const struct ini_entry *e, char *item, char *dots, struct range *out)
{
    char *step = strstr(dots, " step ");
    const char *unit = NULL;

    if (step)
        *step = '\0';
    *dots = '\0';
    out->step = 1;
    if (!range_part(r, e, trim(item), &out->from, &unit) || !range_part(r, e, trim(dots + 2), &out->to, &unit) ||
        (step && !range_part(r, e, trim(step + 6), &out->step, &unit)))
        return false;
    out->unit = unit ? unit : "";
    if (out->step == 0 || (out->to - out->from) / out->step < 0)
        return complain(r, e, "a range from %g to %g never gets there by steps of %g", out->from, out->to, out->step);
    return true;
}

static bool add_range(const struct reading *r, const struct ini_entry *e, struct iter_var *v, int64_t *cap,
                      const struct range *range)
{
    double count = floor((range->to - range->from) / range->step * (1 + 1e-12) + 1e-9) + 1;
    struct iter_value value;

    if (!(count <= ITER_VALUES_MAX))
        return complain(r, e, "more than %d values", ITER_VALUES_MAX);
    for (int64_t i = 0; i < (int64_t)count; i++) {
        double x = range->from + (double)i * range->step;
        /* Fifteen digits: 0.1 step 0.1 gives 0.3, not what the sum's bits say. */
        value.text = fabs(x) < 1e15 && x == rint(x) ? arena_printf(r->a, "%.0f%s", x == 0 ? 0.0 : x, range->unit)
                                                    : arena_printf(r->a, "%.12g%s", x, range->unit);
        if (!expr_number(value.text, &value.is, NULL))
            return complain(r, e, "\"%.60s\" is no number", value.text);
        if (!add_value(r, e, v, cap, value))
            return false;
    }
    return true;
}

static bool is_quoted(const char *s)
{
    size_t n = strlen(s);

    return n >= 2 && (*s == '"' || *s == '\'') && s[n - 1] == *s && strchr(s + 1, *s) == s + n - 1;
}

/* Digits or a point: "10/s", not "../x". */
static bool begins_number(const char *s)
{
    double x;
    const char *end;

    return units_number(s, &x, &end);
}

static bool parse_item(const struct reading *r, const struct ini_entry *e, struct iter_var *v, int64_t *cap, char *item)
{
    char *dots = strstr(item, "..");
    struct iter_value value = {.text = item};
    struct range range;

    if (*item == '\0')
        return complain(r, e, "a value is missing (want e.g. ${rate=1/s, 2/s})");
    if (!is_quoted(item) && dots && begins_number(item) && begins_number(dots + 2 + strspn(dots + 2, " \t")))
        return parse_range(r, e, item, dots, &range) && add_range(r, e, v, cap, &range);
    if (is_quoted(item)) {
        value.text = arena_printf(r->a, "%.*s", (int)strlen(item) - 2, item + 1);
        if (*trim(arena_strdup(r->a, value.text)) == '\0')
            return complain(r, e, "a value is empty (want e.g. ${policy=fcfs, edf})");
        value.is = (struct expr_value){.kind = EXPR_TEXT, .text = value.text};
    } else if (!expr_number(item, &value.is, NULL)) {
        value.is = (struct expr_value){.kind = EXPR_TEXT, .text = item};
    }
    if (strstr(value.text, "${"))
        return complain(r, e, "variables cannot stand within values: \"%.60s\"", value.text);
    return add_value(r, e, v, cap, value);
}

static bool parse_items(const struct reading *r, const struct ini_entry *e, struct iter_var *v, char *list)
{
    int64_t cap = 0;

    for (char *comma; list; list = comma) {
        comma = find_bare(list, ',');
        if (comma)
            *comma++ = '\0';
        if (!parse_item(r, e, v, &cap, trim(list)))
            return false;
    }
    return true;
}

/* ---- variables ---- */

static int find_var(const struct iter *it, const char *name, size_t n)
{
    for (int i = 0; i < it->n_vars; i++)
        if (strlen(it->vars[i].name) == n && strncmp(it->vars[i].name, name, n) == 0)
            return i;
    return -1;
}

static bool check_name(const struct reading *r, const struct ini_entry *e, const char *name)
{
    int other = find_var(r->it, name, strlen(name));

    for (int i = 0; reserved[i]; i++)
        if (strcmp(name, reserved[i]) == 0)
            return complain(r, e, "\"%s\" is no name for a variable: it means something else in expressions", name);
    if (strlen(name) > INI_NAME_MAX)
        return complain(r, e, "the variable's name is too long (at most %d characters)", INI_NAME_MAX);
    if (other >= 0)
        return complain(r, e, "the variable \"%s\" was defined in [%s] %s (%s:%d) already; give this one a name of its "
                        "own, or refer to that one: ${%s}", name, r->it->vars[other].section, r->it->vars[other].key,
                        r->it->vars[other].file, r->it->vars[other].line, name);
    return true;
}

/* Which variable it goes in step with, and that they have as many values. partner NULL: the one before. */
static bool bind_step(const struct reading *r, const struct ini_entry *e, struct iter_var *v, const char *partner)
{
    struct iter *it = r->it;
    int with = partner ? find_var(it, partner, strlen(partner)) : it->n_vars - 1;

    if (with < 0 && partner)
        return complain(r, e, "there is no variable \"%.60s\" above that \"%s\" could go in step with", partner, v->name);
    if (with < 0)
        return complain(r, e, "\"!\" goes in step with the variable above it, and there is none");
    if (it->vars[with].in_step >= 0)
        with = it->vars[with].in_step;
    v->in_step = with;
    if (v->n == it->vars[with].n)
        return true;
    return complain(r, e, "\"%s\" has %" PRId64 " values and goes in step with \"%s\", which has %" PRId64, v->name, v->n,
                    it->vars[with].name, it->vars[with].n);
}

/* "name=" before a list, not "name ==". Gives where the list begins, and cuts the name off. */
static char *cut_name(char *s, const char **name)
{
    size_t n = expr_name(s);
    char *eq = s + n + strspn(s + n, " \t");

    *name = NULL;
    if (n == 0 || *eq != '=' || eq[1] == '=')
        return s;
    s[n] = '\0';
    *name = s;
    return eq + 1;
}

static const char *name_of_key(const struct reading *r, const struct ini_entry *e)
{
    char *name = arena_strdup(r->a, e->key);

    for (char *c = name; *c; c++)
        if (*c == '-')
            *c = '_';
    return expr_name(name) == strlen(name) ? name : "value";
}

static bool define(const struct reading *r, const struct ini_entry *e, char *s)
{
    struct iter *it = r->it;
    struct iter_var v = {.section = e->section, .key = e->key, .file = e->file, .line = e->line, .in_step = -1};
    bool in_step = *s == '!';
    char *partner;

    s = cut_name(in_step ? trim(s + 1) : s, &v.name);
    if (v.name == NULL)
        v.name = name_of_key(r, e);
    partner = find_bare(s, '!');
    if (partner)
        *partner++ = '\0';
    if (it->n_vars == ITER_VARS_MAX)
        return complain(r, e, "more than %d variables", ITER_VARS_MAX);
    if (!check_name(r, e, v.name) || !parse_items(r, e, &v, s))
        return false;
    if ((in_step || partner) && !bind_step(r, e, &v, partner ? trim(partner) : NULL))
        return false;
    it->vars[it->n_vars++] = v;
    return true;
}

/* A definition has a name with "=", or a list; all else is an expression. */
static bool defines(const char *s, struct arena *a)
{
    char *copy = arena_strdup(a, s);
    const char *name;

    if (*copy == '!')
        return true;
    cut_name(copy, &name);
    return name || find_bare(copy, ',') || (strstr(copy, "..") && !is_quoted(copy));
}

static bool read_vars(const struct reading *r)
{
    bool ok = true;

    r->it->vars = arena_alloc(r->a, ITER_VARS_MAX * sizeof *r->it->vars);
    for (size_t i = 0; i < r->es->n; i++) {
        const struct ini_entry *e = &r->es->at[i];
        if (e->key == NULL || strstr(e->value, "${") == NULL || !holds(r->es, e))
            continue;
        if (strcmp(e->section, "sweep") == 0)
            continue; /* a constraint may name its variables so */
        char *s = inside(e->value, r->a);
        r->it->is_study = true;
        if (s == NULL || strstr(s, "${"))
            ok = complain(r, e, "a value is wholly ${...} or has none in it: \"%.60s\"", e->value);
        else if (*s == '\0')
            ok = complain(r, e, "${} holds nothing (want e.g. ${rate=1/s, 2/s})");
        else if (defines(s, r->a))
            ok &= define(r, e, s);
    }
    return ok;
}

/* ---- expressions ---- */

struct lookup {
    const struct iter *it;
    int64_t set, repetition, point; /* point -1: only variables */
};

static bool look_up(void *ctx, const char *name, struct expr_value *out)
{
    const struct lookup *l = ctx;
    int var = find_var(l->it, name, strlen(name));
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

    if (find_var(n->it, name, strlen(name)) < 0 &&
        !(n->of_point && (strcmp(name, repetition_name) == 0 || strcmp(name, point_name) == 0)))
        n->unknown = name;
}

static const struct expr *parse_known(const struct iter *it, const char *text, bool of_point, struct arena *a, char *why,
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
    return parse_known(it, text, true, a, why, why_size);
}

bool iter_eval(const struct iter *it, const struct expr *e, int64_t point, struct expr_value *out, char *why,
               size_t why_size)
{
    struct lookup l = {it, point / it->sweep.repeat, point % it->sweep.repeat, point};

    return expr_eval(e, look_up, &l, out, why, why_size);
}

/* ${rate * 2}: what it is in each set is checked when it is put in place. */
static bool check_uses(const struct reading *r)
{
    char why[512];
    bool ok = true;

    for (size_t i = 0; i < r->es->n; i++) {
        const struct ini_entry *e = &r->es->at[i];
        if (e->key == NULL || strstr(e->value, "${") == NULL || !holds(r->es, e) || strcmp(e->section, "sweep") == 0)
            continue;
        const char *s = inside(e->value, r->a);
        if (s && *s && !strstr(s, "${") && !defines(s, r->a) &&
            !parse_known(r->it, s, false, r->a, why, sizeof why))
            ok = complain(r, e, "%s", why);
    }
    return ok;
}

/* ${x=rate*2} is a variable with one text; who wrote it meant an expression. */
static bool check_texts(const struct reading *r)
{
    char why[512];

    for (int i = 0; i < r->it->n_vars; i++)
        for (int64_t k = 0; k < r->it->vars[i].n; k++) {
            const struct iter_var *v = &r->it->vars[i];
            const struct iter_value *x = &v->values[k];
            if (x->is.kind != EXPR_TEXT || x->text[strcspn(x->text, "*+")] == '\0')
                continue;
            if (parse_known(r->it, x->text, false, r->a, why, sizeof why) == NULL)
                continue;
            diags_add(r->d, v->file, v->line,
                      "[%s] %s: \"%.60s\" is an expression, and values of a variable are not: write ${%.60s} where it is "
                      "to be used", v->section, v->key, x->text, x->text);
            return false;
        }
    return true;
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

static const struct ini_entry *sweep_entry(const struct reading *r, const char *key)
{
    return ini_find(r->es, "sweep", key);
}

/* Sets for which the constraint is true. */
static bool keep(const struct reading *r)
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
            return complain(r, sweep_entry(r, "constraint"), "%s (where %s)", why, iter_label(it, set, r->a));
        if (is.number != 0)
            kept[n++] = set;
    }
    it->kept = kept;
    it->n_sets = n;
    return n > 0 || complain(r, sweep_entry(r, "constraint"), "no set of values is left: it is false for all %" PRId64,
                             it->n_product);
}

static bool span(const struct reading *r)
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
           complain(r, e, "%" PRId64 " sets times %" PRId64 " repetitions are more than %d points", it->n_sets,
                    it->sweep.repeat, ITER_POINTS_MAX);
}

/* ---- [sweep] ---- */

/* A variable as ${name} is well in an expression; expr.h takes it so. */
static const struct expr *sweep_expr(const struct reading *r, const char *key, const char *text, bool of_point, bool *ok)
{
    char why[512];
    const struct expr *e = parse_known(r->it, text, of_point, r->a, why, sizeof why);

    if (e == NULL)
        *ok = complain(r, sweep_entry(r, key), "%s", why);
    return e;
}

static bool read_sweep(const struct reading *r)
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
    const struct reading r = {it, es, a, d};

    *it = (struct iter){.n_sets = 1, .n_points = 1, .n_product = 1};
    /* One after the other, so that a slip in a definition is not said again for its uses. */
    return read_vars(&r) && check_uses(&r) && check_texts(&r) && read_sweep(&r) && span(&r);
}

const char *iter_label(const struct iter *it, int64_t set, struct arena *a)
{
    const char *label = "";

    for (int i = 0; i < it->n_vars; i++)
        label = arena_printf(a, "%s%s%s=%s", label, i ? " " : "", it->vars[i].name, iter_value(it, i, set)->text);
    return label;
}

/* ---- putting a point in place ---- */

static bool put_value(const struct reading *r, struct ini_entry *e, int64_t set)
{
    const struct iter *it = r->it;
    struct lookup l = {it, set, 0, -1};
    struct expr_value v;
    char why[512];
    char *s = inside(e->value, r->a);

    e->iter = true;
    for (int i = 0; i < it->n_vars; i++)
        if (strcmp(it->vars[i].section, e->section) == 0 && strcmp(it->vars[i].key, e->key) == 0) {
            e->value = iter_value(it, i, set)->text;
            return true;
        }
    size_t n = expr_name(s);
    if (s[n] == '\0' && find_var(it, s, n) >= 0) { /* the text as it was written */
        e->value = iter_value(it, find_var(it, s, n), set)->text;
        return true;
    }
    if (!expr_eval(expr_parse(s, r->a, why, sizeof why), look_up, &l, &v, why, sizeof why))
        return complain(r, e, "%s (where %s)", why, iter_label(it, set, r->a));
    e->value = expr_text(&v, r->a);
    return true;
}

static bool put_replication(const struct reading *r, int64_t point)
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
        return complain(r, from, "%s (at point %" PRId64 ")", why, point);
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
    const struct reading r = {it, es, a, d};
    int64_t set = point / it->sweep.repeat;
    bool ok = true;
    size_t kept = 0;

    if (!it->is_study)
        return true;
    bool *holding = arena_alloc(a, (es->n + 1) * sizeof *holding); /* before values change what holds */
    for (size_t i = 0; i < es->n; i++)
        holding[i] = es->at[i].key && strstr(es->at[i].value, "${") && holds(es, &es->at[i]);
    for (size_t i = 0; i < es->n; i++)
        if (holding[i] && strcmp(es->at[i].section, "sweep") != 0)
            ok &= put_value(&r, &es->at[i], set);
    ok = ok && put_replication(&r, point);
    for (size_t i = 0; i < es->n; i++)
        if (strcmp(es->at[i].section, "sweep") != 0)
            es->at[kept++] = es->at[i];
    es->n = kept;
    return ok;
}
