/*
 * rows.h - shorthands for the rows of option tables: type, unit and member at a glance.
 *
 * For tables.c and the files it is split into alone. BIG: no upper limit worth naming.
 */
#ifndef SCENARIO_ROWS_H
#define SCENARIO_ROWS_H

#include <math.h>
#include <stddef.h>

#include "conf/opt.h"

#define AT(type, member) offsetof(struct type, member)
#define BIG              INFINITY
#define INT(name, type, member, lo, hi, deflt, help)                                                                   \
    {                                                                                                                  \
        name, OPT_INT, UNIT_NONE, AT(type, member), lo, hi, deflt, NULL, help                                          \
    }
#define REAL(name, type, member, lo, hi, deflt, help)                                                                  \
    {                                                                                                                  \
        name, OPT_REAL, UNIT_NONE, AT(type, member), lo, hi, deflt, NULL, help                                         \
    }
#define NUMBERS(name, type, member, lo, hi, deflt, help)                                                               \
    {                                                                                                                  \
        name, OPT_LIST, UNIT_NONE,    AT(type, member), lo, hi, deflt, NULL, help                                      \
    }
#define TIME(name, type, member, lo, hi, deflt, help)                                                                  \
    {                                                                                                                  \
        name, OPT_TIME, UNIT_SECOND, AT(type, member), lo, hi, deflt, NULL, help                                       \
    }
#define BYTES(name, type, member, lo, hi, deflt, help)                                                                 \
    {                                                                                                                  \
        name, OPT_BYTES, UNIT_BYTE, AT(type, member), lo, hi, deflt, NULL, help                                        \
    }
#define QUANTITY(name, unit, type, member, lo, hi, deflt, help)                                                        \
    {                                                                                                                  \
        name, OPT_QUANTITY, unit, AT(type, member), lo, hi, deflt, NULL, help                                          \
    }
#define BOOL(name, type, member, deflt, help)                                                                          \
    {                                                                                                                  \
        name, OPT_BOOL, UNIT_NONE, AT(type, member), OPT_NO_LIMITS, deflt, NULL, help                                  \
    }
#define TEXT(name, type, member, deflt, help)                                                                          \
    {                                                                                                                  \
        name, OPT_TEXT, UNIT_NONE, AT(type, member), OPT_NO_LIMITS, deflt, NULL, help                                  \
    }
#define CHOICE(name, offset, choices, deflt, help)                                                                     \
    {                                                                                                                  \
        name, OPT_CHOICE, UNIT_NONE, offset, OPT_NO_LIMITS, deflt, choices, help                                       \
    }

#endif
