/*
 * iter.h - the iteration variables of a study: which there are, which parameter sets they span, one set put in place.
 *
 *   rate = ${rate=1/s, 2/s, 10/s..50/s step 10/s}   a variable and its values
 *   count = ${1, 2, 4}                              one named like its key
 *   tp = ${!tp=1, 2, 4}                             goes in step with the variable before it
 *   tp = ${tp=1, 2, 4 ! rate}                       goes in step with rate
 *   capacity = ${rate}     count = ${8 / tp}        a use, an expression (expr.h)
 *
 * Only an entry that holds counts (ini.h): one that another overrides defines nothing, so -s 'replica.tp=${tp=2}'
 * narrows a study. A value is wholly ${...} or has none in it: what goes into a key is a value that the key's type
 * parses, never text glued together. Values are the file's own text where they were written out, so 0.10 stays 0.10.
 *
 * Parameter sets: variables that do not go in step with another span a product, in the order in which they stand (one
 * that -s defines anew stays where it was), the last one changing fastest; [sweep] constraint leaves out the sets for
 * which it is false. Points are parameter sets times [sweep] repeat, repetitions changing fastest: point = set * repeat
 * + repetition. All of it is a function of the entries alone, so that every process numbers the points alike.
 *
 * [sweep] seed-set is run.replication of a point, on top of the scenario's own: an expression of the variables,
 * `repetition` and `point`. By default the repetition, so that sets share random numbers.
 */
#ifndef CONF_ITER_H
#define CONF_ITER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/diag.h"
#include "conf/expr.h"
#include "conf/ini.h"
#include "conf/opt.h"

enum {
    ITER_VARS_MAX = 64,
    ITER_VALUES_MAX = 10000,   /* of a variable */
    ITER_POINTS_MAX = 1000000, /* of a study, and of the product before the constraint */
};

struct iter_value {
    const char *text; /* as the key gets it */
    struct expr_value is;
};

struct iter_var {
    const char *name;
    const char *section, *key; /* where it is defined */
    const char *file;
    int line;
    struct iter_value *values;
    int64_t n;
    int in_step; /* index of the variable it goes in step with; -1: none */
};

struct sweep_options { /* [sweep] */
    const char *constraint, *seed_set;
    int64_t repeat;
};

struct iter {
    struct iter_var *vars;
    int n_vars;
    struct sweep_options sweep;
    bool is_study; /* there are variables or a [sweep] */
    const struct expr *constraint, *seed_set;
    int64_t n_product, n_sets, n_points;
    const int64_t *kept; /* of the product, the sets that the constraint leaves; NULL: all */
};

/* The rows of [sweep], for explain. */
enum { ITER_SWEEP_ROWS = 3 };
extern const struct opt iter_sweep_rows[ITER_SWEEP_ROWS];

/* Reads the variables and [sweep] from entries (that are all read, presets excepted). Strings and arrays live in the
 * arena. False with diags. */
bool iter_read(struct iter *it, struct ini_entries *es, struct arena *a, struct diags *d);

/* The value of a variable in a set. */
const struct iter_value *iter_value(const struct iter *it, int var, int64_t set);

/* Evaluates an expression for a point. False with why. */
bool iter_eval(const struct iter *it, const struct expr *e, int64_t point, struct expr_value *out, char *why,
               size_t why_size);
/* Parses one and checks its names: variables, `repetition`, `point`. NULL with why. */
const struct expr *iter_parse(const struct iter *it, const char *text, struct arena *a, char *why, size_t why_size);

/* "rate=10/s gpus=8", "" where there are no variables. */
const char *iter_label(const struct iter *it, int64_t set, struct arena *a);

/* Puts the values of a point into the entries, takes [sweep] out of them, sets run.replication. Marks what it set:
 * ini_entry.iter. False with diags. */
bool iter_apply(struct iter *it, int64_t point, struct ini_entries *es, struct arena *a, struct diags *d);

#endif
