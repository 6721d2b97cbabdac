/*
 * iter_state.h - what iter.c, iter_vars.c and iter_values.c share: reading the variables of a study.
 */
#ifndef CONF_ITER_STATE_H
#define CONF_ITER_STATE_H

#include "conf/iter.h"

struct iter_reading {
    struct iter *it;
    struct ini_entries *es;
    struct arena *a;
    struct diags *d;
};

/* ---- iter_values.c: the form of ${...} and its values ---- */

/* What stands between ${ and }, blanks cut off; NULL: the value is none. */
char *iter_inside(const char *value, struct arena *a);
/* s without blanks around it, which are cut off in place. */
char *iter_trim(char *s);
bool iter_is_quoted(const char *s);
/* The first c that no quotes or parentheses hold, or NULL. */
char *iter_find_bare(char *s, char c);
/* "1, 2, 10..50 step 10" into v, in place. False with diags. */
bool iter_parse_values(const struct iter_reading *r, const struct ini_entry *e, struct iter_var *v, char *list);
/* Adds a diag at the entry; false. */
bool iter_complain(const struct iter_reading *r, const struct ini_entry *e, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* ---- iter_vars.c: variables and their uses ---- */

/* False with diags. */
bool iter_read_vars(const struct iter_reading *r);
/* The variable of that name, by n bytes of it; -1: none. */
int iter_find_var(const struct iter *it, const char *name, size_t n);
/* Whether the entry is what holds of its key, and has a ${...} in it. */
bool iter_holds(const struct ini_entries *es, const struct ini_entry *e);

/* ---- iter.c ---- */

/* An expression whose names are variables; of_point: or repetition, point. NULL with why. */
const struct expr *iter_parse_known(const struct iter *it, const char *text, bool of_point, struct arena *a, char *why,
                                    size_t why_size);

#endif
