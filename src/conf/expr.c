#include "conf/expr_node.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* Powers of byte, FLOP and second: what a product of two quantities is. */
static const struct dimension {
    int byte, flop, second;
} dimensions[] = {
    [UNIT_NONE] = {0, 0, 0},        [UNIT_SECOND] = {0, 0, 1},      [UNIT_BYTE] = {1, 0, 0},
    [UNIT_BYTE_PER_S] = {1, 0, -1}, [UNIT_FLOP_PER_S] = {0, 1, -1}, [UNIT_PER_S] = {0, 0, -1},
};
enum { DIMENSIONS = sizeof dimensions / sizeof *dimensions };

/* ---- values ---- */

const char *expr_kind_name(const struct expr_value *v)
{
    return v->kind == EXPR_TEXT ? "a text" : v->kind == EXPR_BOOL ? "a truth" : units_name(v->unit);
}

size_t expr_name(const char *s)
{
    size_t n = 0;

    if (isdigit((unsigned char)*s))
        return 0;
    while (isalnum((unsigned char)s[n]) || s[n] == '_')
        n++;
    return n;
}

bool expr_number(const char *s, struct expr_value *out, const char **suffix)
{
    char why[256];
    const char *end;
    double x;

    if (!units_number(s, &x, &end))
        return false;
    if (suffix)
        *suffix = end;
    for (int u = 0; u < DIMENSIONS; u++)
        if (units_parse(s, (enum unit)u, &x, why, sizeof why)) {
            *out = (struct expr_value){.kind = EXPR_NUMBER, .number = x, .unit = (enum unit)u};
            return true;
        }
    return false;
}

const char *expr_text(const struct expr_value *v, struct arena *a)
{
    char out[64];

    if (v->kind == EXPR_TEXT)
        return v->text;
    if (v->kind == EXPR_BOOL)
        return v->number != 0 ? "yes" : "no";
    if (v->unit != UNIT_NONE)
        units_format(v->number, v->unit, out, sizeof out);
    else if (v->number == rint(v->number) && fabs(v->number) < 1e15)
        snprintf(out, sizeof out, "%.0f", v->number == 0 ? 0.0 : v->number);
    else
        units_format_number(v->number, out, sizeof out);
    return arena_strdup(a, out);
}

void expr_names(const struct expr *e, void (*f)(void *ctx, const char *name), void *ctx)
{
    if (e == NULL)
        return;
    if (e->op == OP_NAME)
        f(ctx, e->value.text);
    expr_names(e->x, f, ctx);
    expr_names(e->y, f, ctx);
    expr_names(e->z, f, ctx);
}

/* ---- tree to value ---- */

struct eval {
    expr_lookup *lookup;
    void *ctx;
    char *why;
    size_t why_size;
};

static bool eval(const struct eval *v, const struct expr *e, struct expr_value *out);

static bool clash(const struct eval *v, const char *what, const struct expr_value *x, const struct expr_value *y)
{
    snprintf(v->why, v->why_size, "%s and %s cannot be %s", expr_kind_name(x), expr_kind_name(y), what);
    return false;
}

static bool truth(const struct eval *v, const struct expr *e, bool *out)
{
    struct expr_value x;

    if (!eval(v, e, &x))
        return false;
    if (x.kind != EXPR_BOOL) {
        snprintf(v->why, v->why_size, "%s stands where a comparison is due (e.g. rate > 10/s)", expr_kind_name(&x));
        return false;
    }
    *out = x.number != 0;
    return true;
}

static bool compared(const struct eval *v, enum op op, const struct expr_value *x, const struct expr_value *y,
                     struct expr_value *out)
{
    int order;

    if (x->kind != y->kind || x->unit != y->unit)
        return clash(v, "compared", x, y);
    if (x->kind != EXPR_NUMBER && op != OP_EQ && op != OP_NE)
        return clash(v, "put in order", x, y);
    if (x->kind == EXPR_TEXT)
        order = strcmp(x->text, y->text);
    else
        order = (x->number > y->number) - (x->number < y->number);
    bool is = op == OP_EQ   ? order == 0
              : op == OP_NE ? order != 0
              : op == OP_LE ? order <= 0
              : op == OP_LT ? order < 0
              : op == OP_GE ? order >= 0
                            : order > 0;
    *out = (struct expr_value){.kind = EXPR_BOOL, .number = is};
    return true;
}

/* The unit of x * y, or x / y; false where no key could have it. */
static bool product_unit(enum unit x, enum unit y, int sign, enum unit *out)
{
    const struct dimension *a = &dimensions[x], *b = &dimensions[y];

    for (int u = 0; u < DIMENSIONS; u++)
        if (dimensions[u].byte == a->byte + sign * b->byte && dimensions[u].flop == a->flop + sign * b->flop &&
            dimensions[u].second == a->second + sign * b->second) {
            *out = (enum unit)u;
            return true;
        }
    return false;
}

static bool computed(const struct eval *v, enum op op, const struct expr_value *x, const struct expr_value *y,
                     struct expr_value *out)
{
    static const char *const verbs[] = {[OP_ADD] = "added",
                                        [OP_SUB] = "subtracted",
                                        [OP_MUL] = "multiplied",
                                        [OP_DIV] = "divided",
                                        [OP_MOD] = "divided"};
    double a = x->number, b = y->number;

    *out = (struct expr_value){.kind = EXPR_NUMBER, .unit = x->unit};
    if (x->kind != EXPR_NUMBER || y->kind != EXPR_NUMBER)
        return clash(v, verbs[op], x, y);
    if (op == OP_MUL || op == OP_DIV ? !product_unit(x->unit, y->unit, op == OP_MUL ? 1 : -1, &out->unit)
                                     : x->unit != y->unit)
        return clash(v, verbs[op], x, y);
    out->number = op == OP_ADD   ? a + b
                  : op == OP_SUB ? a - b
                  : op == OP_MUL ? a * b
                  : op == OP_DIV ? a / b
                                 : fmod(a, b);
    if (isfinite(out->number))
        return true;
    snprintf(v->why, v->why_size, (op == OP_DIV || op == OP_MOD) && b == 0 ? "a division by 0" : "a number too large");
    return false;
}

static bool eval_binary(const struct eval *v, const struct expr *e, struct expr_value *out)
{
    struct expr_value x, y;

    if (!eval(v, e->x, &x) || !eval(v, e->y, &y))
        return false;
    return e->op >= OP_ADD ? computed(v, e->op, &x, &y, out) : compared(v, e->op, &x, &y, out);
}

static bool eval_name(const struct eval *v, const struct expr *e, struct expr_value *out)
{
    if (v->lookup(v->ctx, e->value.text, out))
        return true;
    snprintf(v->why, v->why_size, "there is no variable \"%s\" (a text stands in quotes)", e->value.text);
    return false;
}

static bool eval_logic(const struct eval *v, const struct expr *e, struct expr_value *out)
{
    bool is;

    if (!truth(v, e->x, &is))
        return false;
    if (e->op == OP_NOT)
        is = !is;
    else if ((e->op == OP_AND) == is && !truth(v, e->y, &is))
        return false;
    *out = (struct expr_value){.kind = EXPR_BOOL, .number = is};
    return true;
}

static bool eval(const struct eval *v, const struct expr *e, struct expr_value *out)
{
    bool is;

    switch (e->op) {
    case OP_VALUE:
        *out = e->value;
        return true;
    case OP_NAME:
        return eval_name(v, e, out);
    case OP_MINUS:
        if (!eval(v, e->x, out))
            return false;
        if (out->kind != EXPR_NUMBER) {
            snprintf(v->why, v->why_size, "%s has no negative", expr_kind_name(out));
            return false;
        }
        out->number = -out->number;
        return true;
    case OP_IF:
        return truth(v, e->x, &is) && eval(v, is ? e->y : e->z, out);
    case OP_NOT:
    case OP_AND:
    case OP_OR:
        return eval_logic(v, e, out);
    default:
        return eval_binary(v, e, out);
    }
}

bool expr_eval(const struct expr *e, expr_lookup *lookup, void *ctx, struct expr_value *out, char *why, size_t why_size)
{
    const struct eval v = {lookup, ctx, why, why_size};

    return eval(&v, e, out);
}
