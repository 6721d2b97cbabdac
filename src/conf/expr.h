/*
 * expr.h - small expressions over named values: a study's constraint, its filter, and values made of variables.
 *
 *   rate * gpus <= 80/s and policy != "fcfs"        tp > 1 ? "h100" : "h20"
 *
 * Loosest first: ? :   or ||   and &&   not !   == != < <= > >=   + -   * / %   unary -   ( ). A number may carry a
 * unit without a blank before it (80/s, 1.5TB, 40ms); 8 / s with blanks is a division by the variable s. Texts stand in
 * quotes, names are variables, also as $name or ${name}.
 *
 * Typed: a number has a dimension, and 3s + 2GB or rate == "fast" is a mistake, not a value. A product may only have a
 * dimension that some key can have. `and`, `or` and ? : leave the side that does not count unevaluated, so
 * gpus > 0 and 8 / gpus > 2 is sound.
 *
 * Untrusted: depth and size are limited. Trees live in the caller's arena, texts too.
 */
#ifndef CONF_EXPR_H
#define CONF_EXPR_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/units.h"

enum expr_kind { EXPR_NUMBER, EXPR_TEXT, EXPR_BOOL };

struct expr_value {
    enum expr_kind kind;
    double number; /* in the base unit; of a bool 0 or 1 */
    enum unit unit;
    const char *text; /* of a text; NULL else */
};

struct expr;

/* NULL after writing why, a sentence part that quotes the place. */
const struct expr *expr_parse(const char *text, struct arena *a, char *why, size_t why_size);

/* False: there is no such name. */
typedef bool expr_lookup(void *ctx, const char *name, struct expr_value *out);

bool expr_eval(const struct expr *e, expr_lookup *lookup, void *ctx, struct expr_value *out, char *why,
               size_t why_size);

/* Each name that it holds, once for each place. */
void expr_names(const struct expr *e, void (*f)(void *ctx, const char *name), void *ctx);

/* s as a number with or without a unit, whole; false: it is none. *suffix (if not NULL) is where its unit begins. */
bool expr_number(const char *s, struct expr_value *out, const char **suffix);

/* As scenarios write it, so that expr_number gives the same bits. */
const char *expr_text(const struct expr_value *v, struct arena *a);

/* "a number", "a time", "a text": for messages. */
const char *expr_kind_name(const struct expr_value *v);

/* Length of the name that s begins with: letters, digits and _, no digit first; 0: none. */
size_t expr_name(const char *s);

#endif
