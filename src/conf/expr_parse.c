/* expr_parse.c - an expression: text to tree, by recursive descent. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "conf/expr_node.h"

enum { DEPTH_MAX = 50, NODES_MAX = 500 };

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
    if (!p->failed && *p->at == '\0')
        snprintf(p->why, p->why_size, "%s at the end", what);
    else if (!p->failed)
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
static const struct level compares[] = {{{"=="}, OP_EQ}, {{"!="}, OP_NE}, {{"<="}, OP_LE},   {{"<"}, OP_LT},
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
