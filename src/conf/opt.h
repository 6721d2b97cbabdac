/*
 * opt.h - option tables: the one source for parsing, validation, defaults, `explain`, the normal form.
 *
 * A row names a key, its type and unit, where it lies in its struct, its limits, default, choices and help.
 * A section of a scenario is one or more (table, struct) pairs: opt_bind. A policy's own table is bound to
 * the section that chose it, if need be with a prefix ("input_" + "mean").
 *
 * Types and how they are written (opt_kind): a bare number where a unit is due is an error.
 */
#ifndef CONF_OPT_H
#define CONF_OPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/diag.h"
#include "base/dist.h"
#include "base/units.h"
#include "conf/ini.h"

enum opt_kind {
    OPT_TEXT,      /* const char *: any text */
    OPT_PATH,      /* const char *: relative to its file; from -s, to the current folder. Stored resolved */
    OPT_INT,       /* int64_t */
    OPT_REAL,      /* double, no unit */
    OPT_BOOL,      /* bool: yes/no, true/false, on/off, 1/0 */
    OPT_CHOICE,    /* int: index into row->choices */
    OPT_QUANTITY,  /* double in the base unit row->unit, e.g. "B/s" from "3.35TB/s" (units.h) */
    OPT_TIME,      /* int64_t ns from "40ms", "2.5h" */
    OPT_BYTES,     /* int64_t from "80GiB" */
    OPT_QUANTILES, /* struct dist_quantiles from "0:2 50:1020 100:14050", p in per cent */
    OPT_LIST,      /* struct opt_list from "2/s 10/s 4/s" or with commas, each in row->unit and within the limits */
};

enum { OPT_LIST_MAX = 96 }; /* a day in quarters of an hour */
struct opt_list {
    int n; /* 0 only where it is unset */
    double x[OPT_LIST_MAX];
};

struct opt {
    const char *name;
    enum opt_kind kind;
    enum unit unit;             /* OPT_QUANTITY, OPT_LIST */
    size_t offset;              /* into the bound struct */
    double min, max;            /* inclusive, in the base unit (s for OPT_TIME); min > max: no limits */
    const char *deflt;          /* as it would be written; NULL: must be given; "": unset (zero value is kept) */
    const char *const *choices; /* OPT_CHOICE; NULL-terminated */
    const char *help;
};

struct opt_table {
    const struct opt *rows;
    size_t n;
};

#define OPT_TABLE(rows)                                                                                                \
    {                                                                                                                  \
        (rows), sizeof(rows) / sizeof(rows)[0]                                                                         \
    }
#define OPT_NO_LIMITS 1, 0

/* One table laid over one struct, for one section. */
struct opt_bind {
    const char *section; /* "replica"; "class chat" for [class chat] */
    const char *prefix;  /* "" or e.g. "input_" */
    const struct opt_table *table;
    void *base;
    bool lenient; /* a missing key is no mistake: its preset could not be read, which was said */
    /* filled by opt_apply, one per row; NULL: the default was taken. Arena of the caller. */
    const struct ini_entry **origin;
};

/* Sets every row of the bind: from the last-ranking entry that names it, else from the default. Marks the
 * entries it used. Mistakes go to diags; a struct with mistakes must not be used. */
void opt_apply(struct opt_bind *b, struct ini_entries *entries, struct arena *a, struct diags *d);

/* After all binds are applied: an unused entry in a known section is an unknown key (with the nearest key
 * of that section), an entry of an unknown section an unknown section (with the nearest section). */
void opt_check_unknown(const struct opt_bind *binds, size_t n, const struct ini_entries *entries, struct diags *d);

/* The value as the normal form has it, NULL where it is unset; strings may live in the arena. As a number in base
 * units (s for times), NaN where it is none. The member itself. */
const char *opt_value_text(const struct opt_bind *b, size_t row, struct arena *a);
double opt_value_num(const struct opt_bind *b, size_t row);
const void *opt_member(const struct opt_bind *b, size_t row);

/* Where [section] was opened, the highest rank's, or NULL. */
const struct ini_entry *opt_section_header(const struct ini_entries *entries, const char *section);

/* One paragraph for `explain`: type, unit, range, default, choices, meaning. */
void opt_explain(const char *section, const char *prefix, const struct opt *row, FILE *out);

/* The nearest of n names by edit distance, or NULL if none is near enough to be worth naming. */
const char *opt_nearest(const char *word, const char *const *names, size_t n);

#endif
