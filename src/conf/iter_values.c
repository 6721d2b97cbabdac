/* iter_values.c - the form of ${...}: lists, ranges, quotes. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "conf/iter_state.h"

char *iter_inside(const char *value, struct arena *a)
{
    size_t n = strlen(value);

    if (n < 3 || value[0] != '$' || value[1] != '{' || value[n - 1] != '}')
        return NULL;
    char *s = arena_printf(a, "%.*s", (int)(n - 3), value + 2);
    for (n = strlen(s); n > 0 && strchr(" \t", s[n - 1]); n--)
        s[n - 1] = '\0';
    return s + strspn(s, " \t");
}

bool iter_complain(const struct iter_reading *r, const struct ini_entry *e, const char *fmt, ...)
{
    char text[700];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    diags_add(r->d, e->file, e->line, "[%s] %s: %s", e->section, e->key, text);
    return false;
}

char *iter_find_bare(char *s, char c)
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

char *iter_trim(char *s)
{
    size_t n = strlen(s);

    while (n > 0 && strchr(" \t", s[n - 1]))
        s[--n] = '\0';
    return s + strspn(s, " \t");
}

static bool add_value(const struct iter_reading *r, const struct ini_entry *e, struct iter_var *v, int64_t *cap,
                      struct iter_value value)
{
    if (v->n == ITER_VALUES_MAX)
        return iter_complain(r, e, "more than %d values", ITER_VALUES_MAX);
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
static bool range_part(const struct iter_reading *r, const struct ini_entry *e, const char *text, double *x,
                       const char **unit)
{
    struct expr_value v;
    const char *suffix;

    if (!expr_number(text, &v, &suffix) || !units_number(text, x, &suffix))
        return iter_complain(r, e, "\"%.60s\" is no number to count from, to or by (want e.g. 10/s..50/s step 10/s)",
                             text);
    if (*suffix && *unit && strcmp(*unit, suffix) != 0)
        return iter_complain(r, e, "a range has one unit: \"%.20s\" and \"%.20s\" differ", *unit, suffix);
    if (*suffix)
        *unit = suffix;
    return true;
}

/* "10/s..50/s step 10/s"; without step by 1. */
static bool parse_range(const struct iter_reading *r, const struct ini_entry *e, char *item, char *dots,
                        struct range *out)
{
    char *step = strstr(dots, " step ");
    const char *unit = NULL;

    if (step)
        *step = '\0';
    *dots = '\0';
    out->step = 1;
    if (!range_part(r, e, iter_trim(item), &out->from, &unit) ||
        !range_part(r, e, iter_trim(dots + 2), &out->to, &unit) ||
        (step && !range_part(r, e, iter_trim(step + 6), &out->step, &unit)))
        return false;
    out->unit = unit ? unit : "";
    if (out->step == 0 || (out->to - out->from) / out->step < 0)
        return iter_complain(r, e, "a range from %g to %g never gets there by steps of %g", out->from, out->to,
                             out->step);
    return true;
}

static bool add_range(const struct iter_reading *r, const struct ini_entry *e, struct iter_var *v, int64_t *cap,
                      const struct range *range)
{
    double count = floor((range->to - range->from) / range->step * (1 + 1e-12) + 1e-9) + 1;
    struct iter_value value;

    if (!(count <= ITER_VALUES_MAX))
        return iter_complain(r, e, "more than %d values", ITER_VALUES_MAX);
    for (int64_t i = 0; i < (int64_t)count; i++) {
        double x = range->from + (double)i * range->step;
        /* Fifteen digits: 0.1 step 0.1 gives 0.3, not what the sum's bits say. */
        value.text = fabs(x) < 1e15 && x == rint(x) ? arena_printf(r->a, "%.0f%s", x == 0 ? 0.0 : x, range->unit)
                                                    : arena_printf(r->a, "%.12g%s", x, range->unit);
        if (!expr_number(value.text, &value.is, NULL))
            return iter_complain(r, e, "\"%.60s\" is no number", value.text);
        if (!add_value(r, e, v, cap, value))
            return false;
    }
    return true;
}

bool iter_is_quoted(const char *s)
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

static bool parse_item(const struct iter_reading *r, const struct ini_entry *e, struct iter_var *v, int64_t *cap,
                       char *item)
{
    char *dots = strstr(item, "..");
    struct iter_value value = {.text = item};
    struct range range;

    if (*item == '\0')
        return iter_complain(r, e, "a value is missing (want e.g. ${rate=1/s, 2/s})");
    if (!iter_is_quoted(item) && dots && begins_number(item) && begins_number(dots + 2 + strspn(dots + 2, " \t")))
        return parse_range(r, e, item, dots, &range) && add_range(r, e, v, cap, &range);
    if (iter_is_quoted(item)) {
        value.text = arena_printf(r->a, "%.*s", (int)strlen(item) - 2, item + 1);
        if (*iter_trim(arena_strdup(r->a, value.text)) == '\0')
            return iter_complain(r, e, "a value is empty (want e.g. ${policy=fcfs, edf})");
        value.is = (struct expr_value){.kind = EXPR_TEXT, .text = value.text};
    } else if (!expr_number(item, &value.is, NULL)) {
        value.is = (struct expr_value){.kind = EXPR_TEXT, .text = item};
    }
    if (strstr(value.text, "${"))
        return iter_complain(r, e, "variables cannot stand within values: \"%.60s\"", value.text);
    return add_value(r, e, v, cap, value);
}

bool iter_parse_values(const struct iter_reading *r, const struct ini_entry *e, struct iter_var *v, char *list)
{
    int64_t cap = 0;

    for (char *comma; list; list = comma) {
        comma = iter_find_bare(list, ',');
        if (comma)
            *comma++ = '\0';
        if (!parse_item(r, e, v, &cap, iter_trim(list)))
            return false;
    }
    return true;
}
