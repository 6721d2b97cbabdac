/* iter_vars.c - the variables of a study: which entries define them, and whether those that use them can. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "conf/iter_state.h"

/* Names that expressions and the columns of a study file have already. */
static const char *const reserved[] = {"and",    "or",     "not",    "step",      "repetition", "point",
                                       "run_id", "params", "status", "param_set", NULL};

bool iter_holds(const struct ini_entries *es, const struct ini_entry *e)
{
    return e->key && strcmp(e->section, "sweep") != 0 && strstr(e->value, "${") &&
           ini_find(es, e->section, e->key) == e;
}

int iter_find_var(const struct iter *it, const char *name, size_t n)
{
    for (int i = 0; i < it->n_vars; i++)
        if (strlen(it->vars[i].name) == n && strncmp(it->vars[i].name, name, n) == 0)
            return i;
    return -1;
}

static bool check_name(const struct iter_reading *r, const struct ini_entry *e, const char *name)
{
    int other = iter_find_var(r->it, name, strlen(name));

    for (int i = 0; reserved[i]; i++)
        if (strcmp(name, reserved[i]) == 0)
            return iter_complain(r, e, "\"%s\" is no name for a variable: it means something else in expressions",
                                 name);
    if (strlen(name) > INI_NAME_MAX)
        return iter_complain(r, e, "the variable's name is too long (at most %d characters)", INI_NAME_MAX);
    if (other >= 0)
        return iter_complain(r, e,
                             "the variable \"%s\" was defined in [%s] %s (%s:%d) already; give this one a name of its "
                             "own, or refer to that one: ${%s}",
                             name, r->it->vars[other].section, r->it->vars[other].key, r->it->vars[other].file,
                             r->it->vars[other].line, name);
    return true;
}

/* Which variable it goes in step with, and that they have as many values. partner NULL: the one before. */
static bool bind_step(const struct iter_reading *r, const struct ini_entry *e, struct iter_var *v, const char *partner)
{
    struct iter *it = r->it;
    int with = partner ? iter_find_var(it, partner, strlen(partner)) : it->n_vars - 1;

    if (with < 0 && partner)
        return iter_complain(r, e, "there is no variable \"%.60s\" above that \"%s\" could go in step with", partner,
                             v->name);
    if (with < 0)
        return iter_complain(r, e, "\"!\" goes in step with the variable above it, and there is none");
    if (it->vars[with].in_step >= 0)
        with = it->vars[with].in_step;
    v->in_step = with;
    if (v->n == it->vars[with].n)
        return true;
    return iter_complain(r, e, "\"%s\" has %" PRId64 " values and goes in step with \"%s\", which has %" PRId64,
                         v->name, v->n, it->vars[with].name, it->vars[with].n);
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

static const char *name_of_key(const struct iter_reading *r, const struct ini_entry *e)
{
    char *name = arena_strdup(r->a, e->key);

    for (char *c = name; *c; c++)
        if (*c == '-')
            *c = '_';
    return expr_name(name) == strlen(name) ? name : "value";
}

static bool define(const struct iter_reading *r, const struct ini_entry *e, char *s)
{
    struct iter *it = r->it;
    struct iter_var v = {.section = e->section, .key = e->key, .file = e->file, .line = e->line, .in_step = -1};
    bool in_step = *s == '!';
    char *partner;

    s = cut_name(in_step ? iter_trim(s + 1) : s, &v.name);
    if (v.name == NULL)
        v.name = name_of_key(r, e);
    partner = iter_find_bare(s, '!');
    if (partner)
        *partner++ = '\0';
    if (it->n_vars == ITER_VARS_MAX)
        return iter_complain(r, e, "more than %d variables", ITER_VARS_MAX);
    if (!check_name(r, e, v.name) || !iter_parse_values(r, e, &v, s))
        return false;
    if ((in_step || partner) && !bind_step(r, e, &v, partner ? iter_trim(partner) : NULL))
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
    return name || iter_find_bare(copy, ',') || (strstr(copy, "..") && !iter_is_quoted(copy));
}

/* What holds of the key that entry i is the first to give a ${...}, if that is one still; else NULL. So a variable that
 * -s defines anew keeps its place among the others. */
static const struct ini_entry *holder(const struct ini_entries *es, size_t i)
{
    const struct ini_entry *e = &es->at[i], *held;

    if (e->key == NULL || strstr(e->value, "${") == NULL || strcmp(e->section, "sweep") == 0)
        return NULL; /* a constraint may name its variables so, too */
    for (size_t k = 0; k < i; k++)
        if (es->at[k].key && strcmp(es->at[k].key, e->key) == 0 && strcmp(es->at[k].section, e->section) == 0 &&
            strstr(es->at[k].value, "${"))
            return NULL;
    held = ini_find(es, e->section, e->key);
    return strstr(held->value, "${") ? held : NULL;
}

/* ${rate * 2}: what it is in each set is checked when it is put in place. */
static bool check_uses(const struct iter_reading *r)
{
    char why[512];
    bool ok = true;

    for (size_t i = 0; i < r->es->n; i++) {
        const struct ini_entry *e = &r->es->at[i];
        if (!iter_holds(r->es, e))
            continue;
        const char *s = iter_inside(e->value, r->a);
        if (s && *s && !strstr(s, "${") && !defines(s, r->a) &&
            !iter_parse_known(r->it, s, false, r->a, why, sizeof why))
            ok = iter_complain(r, e, "%s", why);
    }
    return ok;
}

/* ${x=rate*2} is a variable with one text; who wrote it meant an expression. */
static bool check_texts(const struct iter_reading *r)
{
    char why[512];

    for (int i = 0; i < r->it->n_vars; i++)
        for (int64_t k = 0; k < r->it->vars[i].n; k++) {
            const struct iter_var *v = &r->it->vars[i];
            const struct iter_value *x = &v->values[k];
            if (x->is.kind != EXPR_TEXT || x->text[strcspn(x->text, "*+")] == '\0')
                continue;
            if (iter_parse_known(r->it, x->text, false, r->a, why, sizeof why) == NULL)
                continue;
            diags_add(
                r->d, v->file, v->line,
                "[%s] %s: \"%.60s\" is an expression, and values of a variable are not: write ${%.60s} where it is "
                "to be used",
                v->section, v->key, x->text, x->text);
            return false;
        }
    return true;
}

static bool read_definitions(const struct iter_reading *r)
{
    bool ok = true;

    r->it->vars = arena_alloc(r->a, ITER_VARS_MAX * sizeof *r->it->vars);
    for (size_t i = 0; i < r->es->n; i++) {
        const struct ini_entry *e = holder(r->es, i);
        if (e == NULL)
            continue;
        char *s = iter_inside(e->value, r->a);
        r->it->is_study = true;
        if (s == NULL || strstr(s, "${"))
            ok = iter_complain(r, e, "a value is wholly ${...} or has none in it: \"%.60s\"", e->value);
        else if (*s == '\0')
            ok = iter_complain(r, e, "${} holds nothing (want e.g. ${rate=1/s, 2/s})");
        else if (defines(s, r->a))
            ok &= define(r, e, s);
    }
    return ok;
}

/* One after the other, so that a slip in a definition is not said again for its uses. */
bool iter_read_vars(const struct iter_reading *r)
{
    return read_definitions(r) && check_uses(r) && check_texts(r);
}
