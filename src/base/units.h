/*
 * units.h - quantities as people write them: "3.35TB/s", "80GiB", "40ms", "989TFLOPS", "10/s", "2.5/h".
 *
 * SI prefixes are decimal (TB = 1e12 B), IEC prefixes binary (GiB = 2^30 B). A space may stand between number
 * and unit. A bare number is refused (also 0, which would hide a mistake), with a message that shows the
 * right form. The parsing is exact in the sense that it uses strtod of the C locale and one multiplication.
 */
#ifndef BASE_UNITS_H
#define BASE_UNITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum unit {
    UNIT_NONE,
    UNIT_SECOND,     /* ns us ms s min h d */
    UNIT_BYTE,       /* B kB MB GB TB PB KiB MiB GiB TiB */
    UNIT_BYTE_PER_S, /* the same "/s" */
    UNIT_FLOP_PER_S, /* FLOPS GFLOPS TFLOPS PFLOPS, or FLOP/s and so on */
    UNIT_PER_S,      /* /s /min /h */
};

/* Parses s wholly into *value (base unit). On failure returns false and says why in why (a sentence part
 * such as `"3.35" lacks a unit (want B/s, e.g. 3.35TB/s)`). */
bool units_parse(const char *s, enum unit unit, double *value, char *why, size_t why_size);

/* Writes value so that units_parse gives the same bits back, with the prefix that reads best. */
void units_format(double value, enum unit unit, char *out, size_t size);

/* The same for whole nanoseconds ("40ms") and bytes ("80GiB"), which are int64_t in the program. What is finer than
 * one ns or byte is rounded to the nearest (but never a positive value to 0); past 2^53 is refused. */
bool units_parse_ns(const char *s, int64_t *ns, char *why, size_t why_size);
bool units_parse_bytes(const char *s, int64_t *n, char *why, size_t why_size);
void units_format_ns(int64_t ns, char *out, size_t size);
void units_format_bytes(int64_t n, char *out, size_t size);

/* A decimal number at the start of s (no inf, nan or hex); *end is what follows it. False if there is none. */
bool units_number(const char *s, double *value, const char **end);
/* The fewest digits that give value's bits back. */
void units_format_number(double value, char *out, size_t size);

const char *units_name(enum unit unit);    /* "B/s" */
const char *units_example(enum unit unit); /* "3.35TB/s" */

#endif
