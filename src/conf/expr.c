#include "conf/expr.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { DEPTH_MAX = 50, NODES_MAX = 500 };

enum op { OP_VALUE, OP_NAME, OP_NOT, OP_MINUS, OP_IF, OP_AND, OP_OR, OP_EQ, OP_NE, OP_LE, OP_LT, OP_GE, OP_GT, OP_ADD,
          OP_SUB, OP_MUL, OP_DIV, OP_MOD };

struct expr {
    enum op op;
    struct expr_value value; /* OP_VALUE; of OP_NAME, value.text */
    const struct expr *x, *y, *z;
};

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

/* ---- text to tree ---- */

struct parser {
    const char *at;
    struct arena *a;
    char *why;
    size_t why_size;
    int depth, nodes;
    bool failed;
};

static void skip(struct parser *p)
{
    p->at += strspn(p->at, " \t");
}

static const struct expr *fail(struct parser *p, const char *what)
{
    if (!p->failed)
        snprintf(p->why, p->why_size, "%s at \"%.40s\"", what, p->at);
    p->failed = true;
    return NULL;
}

static struct expr *node(struct parser *p, enum op op, const struct expr *x, const struct expr *y)
{
    if (++p->nodes > NODES_MAX) {
        fail(p, "the expression is too long");
        return NULL;
    }
    struct expr *e = arena_alloc(p->a, sizeof *e);
    *e = (struct expr){.op = op, .x = x, .y = y};
    return e;
}

static const struct expr *value_node(struct parser *p, struct expr_value v)
{
    struct expr *e = node(p, OP_VALUE, NULL, NULL);

    if (e)
        e->value = v;
    return e;
}

/* A number takes the longest unit that ends there: 80/s, but 80/sets is a division. */
static const struct expr *number(struct parser *p)
{
    struct expr_value v;
    const char *end;
    double x;
    char text[128];

    if (!units_number(p->at, &x, &end))
        return fail(p, "a number was expected");
    for (size_t n = strspn(end, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ/"); n > 0; n--) {
        size_t length = (size_t)(end - p->at) + n;
        if (isalnum((unsigned char)p->at[length]) || p->at[length] == '_' || length >= sizeof text)
            continue;
        snprintf(text, sizeof text, "%.*s", (int)length, p->at);
        if (expr_number(text, &v, NULL)) {
            p->at += length;
            return value_node(p, v);
        }
    }
    if (expr_name(end) > 0)
        return fail(p, "no unit that is known (put texts in quotes)");
    p->at = end;
    return value_node(p, (struct expr_value){.kind = EXPR_NUMBER, .number = x});
}

static const struct expr *quoted(struct parser *p)
{
    char quote = *p->at;
    const char *end = strchr(p->at + 1, quote);

    if (end == NULL)
        return fail(p, "the quote is not closed");
    const char *text = arena_printf(p->a, "%.*s", (int)(end - p->at - 1), p->at + 1);
    p->at = end + 1;
    return value_node(p, (struct expr_value){.kind = EXPR_TEXT, .text = text});
}

static const struct expr *name(struct parser *p)
{
    bool braces = p->at[0] == '$' && p->at[1] == '{';

    p->at += braces ? 2 : *p->at == '$';
    skip(p);
    size_t n = expr_name(p->at);
    if (n == 0)
        return fail(p, "the name of a variable was expected");
    struct expr *e = node(p, OP_NAME, NULL, NULL);
    if (e == NULL)
        return NULL;
    e->value.text = arena_printf(p->a, "%.*s", (int)n, p->at);
    p->at += n;
    if (braces) {
        skip(p);
        if (*p->at++ != '}') {
            p->at--;
            return fail(p, "a } is missing");
        }
    }
    return e;
}

static const struct expr *choice(struct parser *p);

/* Takes the operator if it stands here; a word only as a whole. */
static bool take(struct parser *p, const char *op)
{
    size_t n = strlen(op);

    skip(p);
    if (strncmp(p->at, op, n) != 0 || (isalpha((unsigned char)*op) && expr_name(p->at) != n))
        return false;
    p->at += n;
    return true;
}

static const struct expr *inner(struct parser *p)
{
    const struct expr *e;

    skip(p);
    if (*p->at == '\0')
        return fail(p, "something is missing");
    if (take(p, "(")) {
        e = choice(p);
        return e == NULL || take(p, ")") ? e : fail(p, "a ) is missing");
    }
    if (*p->at == '"' || *p->at == '\'')
        return quoted(p);
    if (isdigit((unsigned char)*p->at) || *p->at == '.')
        return number(p);
    if (*p->at == '$' || expr_name(p->at) > 0)
        return name(p);
    return fail(p, "neither a value nor a name");
}

static const struct expr *unary(struct parser *p)
{
    if (++p->depth > DEPTH_MAX)
        return fail(p, "too deeply nested");
    const struct expr *e = take(p, "-") ? unary(p) : NULL;
    if (e)
        e = node(p, OP_MINUS, e, NULL);
    else if (!p->failed)
        e = inner(p);
    p->depth--;
    return e;
}

struct level {
    const char *text[2];
    enum op op;
};

/* Operators of one level, longer ones first. */
static const struct level products[] = {{{"*"}, OP_MUL}, {{"/"}, OP_DIV}, {{"%"}, OP_MOD}, {{NULL}, OP_VALUE}};
static const struct level sums[] = {{{"+"}, OP_ADD}, {{"-"}, OP_SUB}, {{NULL}, OP_VALUE}};
static const struct level compares[] = {{{"=="}, OP_EQ}, {{"!="}, OP_NE}, {{"<="}, OP_LE}, {{"<"}, OP_LT},
                                        {{">="}, OP_GE}, {{">"}, OP_GT},  {{NULL}, OP_VALUE}};
static const struct level ands[] = {{{"and", "&&"}, OP_AND}, {{NULL}, OP_VALUE}};
static const struct level ors[] = {{{"or", "||"}, OP_OR}, {{NULL}, OP_VALUE}};

static const struct level *found(struct parser *p, const struct level *levels)
{
    for (; levels->text[0]; levels++)
        if (take(p, levels->text[0]) || (levels->text[1] && take(p, levels->text[1])))
            return levels;
    return NULL;
}

typedef const struct expr *operand(struct parser *p);

/* a op b op c, from the left. */
static const struct expr *chain(struct parser *p, const struct level *levels, operand *next)
{
    const struct expr *e = next(p), *right;
    const struct level *l;

    while (e && !p->failed && (l = found(p, levels)) != NULL) {
        if ((right = next(p)) == NULL)
            return NULL;
        e = node(p, l->op, e, right);
    }
    return e;
}

static const struct expr *product(struct parser *p)
{
    return chain(p, products, unary);
}

static const struct expr *sum(struct parser *p)
{
    return chain(p, sums, product);
}

static const struct expr *compare(struct parser *p)
{
    return chain(p, compares, sum);
}

static const struct expr *negation(struct parser *p)
{
    bool is_not;

    if (++p->depth > DEPTH_MAX)
        return fail(p, "too deeply nested");
    skip(p);
    is_not = p->at[0] == '!' && p->at[1] == '=' ? false : take(p, "not") || take(p, "!");
    const struct expr *e = is_not ? negation(p) : compare(p);
    if (e && is_not)
        e = node(p, OP_NOT, e, NULL);
    p->depth--;
    return e;
}

static const struct expr *conjunction(struct parser *p)
{
    return chain(p, ands, negation);
}

static const struct expr *disjunction(struct parser *p)
{
    return chain(p, ors, conjunction);
}

static const struct expr *choice(struct parser *p)
{
    if (++p->depth > DEPTH_MAX)
        return fail(p, "too deeply nested");
    const struct expr *x = disjunction(p), *y, *z;
    if (x && !p->failed && take(p, "?")) {
        if ((y = choice(p)) == NULL)
            return NULL;
        if (!take(p, ":"))
            return fail(p, "a \":\" is missing");
        if ((z = choice(p)) == NULL)
            return NULL;
        struct expr *e = node(p, OP_IF, x, y);
        if (e)
            e->z = z;
        x = e;
    }
    p->depth--;
    return x;
}

const struct expr *expr_parse(const char *text, struct arena *a, char *why, size_t why_size)
{
    struct parser p = {.at = text, .a = a, .why = why, .why_size = why_size};
    const struct expr *e = choice(&p);

    skip(&p);
    if (e && !p.failed && *p.at)
        fail(&p, "an operator was expected");
    return p.failed ? NULL : e;
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
    static const char *const verbs[] = {[OP_ADD] = "added", [OP_SUB] = "subtracted", [OP_MUL] = "multiplied",
                                        [OP_DIV] = "divided", [OP_MOD] = "divided"};
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

bool expr_eval(const struct expr *e, expr_lookup *lookup, void *ctx, struct expr_value *out, char *why,
               size_t why_size)
{
    const struct eval v = {lookup, ctx, why, why_size};

    return eval(&v, e, out);
}
