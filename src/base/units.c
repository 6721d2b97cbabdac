#include "base/units.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct suffix {
    const char *text;
    double mul, div; /* value in base units = number * mul / div; one of them is 1, so that one rounding is made */
};

/* The base unit first: its number is exact whatever the value. */
static const struct suffix seconds[] = {{"s", 1, 1},    {"ns", 1, 1e9}, {"us", 1, 1e6},  {"ms", 1, 1e3},
                                        {"min", 60, 1}, {"h", 3600, 1}, {"d", 86400, 1}, {0}};
static const struct suffix bytes[] = {{"B", 1, 1},
                                      {"kB", 1e3, 1},
                                      {"MB", 1e6, 1},
                                      {"GB", 1e9, 1},
                                      {"TB", 1e12, 1},
                                      {"PB", 1e15, 1},
                                      {"KiB", 1024, 1},
                                      {"MiB", 1048576, 1},
                                      {"GiB", 1073741824, 1},
                                      {"TiB", 1099511627776, 1},
                                      {0}};
static const struct suffix bytes_per_s[] = {{"B/s", 1, 1},
                                            {"kB/s", 1e3, 1},
                                            {"MB/s", 1e6, 1},
                                            {"GB/s", 1e9, 1},
                                            {"TB/s", 1e12, 1},
                                            {"PB/s", 1e15, 1},
                                            {"KiB/s", 1024, 1},
                                            {"MiB/s", 1048576, 1},
                                            {"GiB/s", 1073741824, 1},
                                            {"TiB/s", 1099511627776, 1},
                                            {0}};
static const struct suffix flops[] = {{"FLOPS", 1, 1},      {"GFLOPS", 1e9, 1},   {"TFLOPS", 1e12, 1},
                                      {"PFLOPS", 1e15, 1},  {"FLOP/s", 1, 1},     {"GFLOP/s", 1e9, 1},
                                      {"TFLOP/s", 1e12, 1}, {"PFLOP/s", 1e15, 1}, {0}};
static const struct suffix per_s[] = {{"/s", 1, 1}, {"/min", 1, 60}, {"/h", 1, 3600}, {0}};
static const struct suffix none[] = {{"", 1, 1}, {0}};

static const struct kind {
    const char *name, *example;
    const struct suffix *suffixes;
} kinds[] = {
    [UNIT_NONE] = {"a number", "0.9", none},
    [UNIT_SECOND] = {"a time", "40ms", seconds},
    [UNIT_BYTE] = {"bytes", "80GB", bytes},
    [UNIT_BYTE_PER_S] = {"B/s", "3.35TB/s", bytes_per_s},
    [UNIT_FLOP_PER_S] = {"FLOP/s", "989TFLOPS", flops},
    [UNIT_PER_S] = {"a rate", "10/s", per_s},
};

const char *units_name(enum unit unit)
{
    return kinds[unit].name;
}

const char *units_example(enum unit unit)
{
    return kinds[unit].example;
}

bool units_number(const char *s, double *value, const char **end)
{
    const char *p = s;
    size_t digits;

    /* strtod alone would take inf, nan and 0x10. */
    p += *p == '-' || *p == '+';
    digits = strspn(p, "0123456789");
    p += digits;
    if (*p == '.') {
        size_t more = strspn(p + 1, "0123456789");
        digits += more;
        p += 1 + more;
    }
    if (digits == 0)
        return false;
    if (*p == 'e' || *p == 'E') {
        const char *q = p + 1;
        q += *q == '-' || *q == '+';
        size_t exponent = strspn(q, "0123456789");
        if (exponent > 0)
            p = q + exponent;
    }
    *value = strtod(s, NULL);
    *end = p;
    return isfinite(*value);
}

static double in_base(double number, const struct suffix *u)
{
    return u->div > 1 ? number / u->div : number * u->mul;
}

bool units_parse(const char *s, enum unit unit, double *value, char *why, size_t why_size)
{
    const struct kind *k = &kinds[unit];
    const char *end;
    double number;

    if (!units_number(s, &number, &end)) {
        snprintf(why, why_size, "\"%s\" is not a number (want %s, e.g. %s)", s, k->name, k->example);
        return false;
    }
    end += strspn(end, " \t");
    for (const struct suffix *u = k->suffixes; u->text; u++) {
        if (strcmp(end, u->text) == 0) {
            *value = in_base(number, u);
            if (isfinite(*value))
                return true;
            snprintf(why, why_size, "\"%s\" is too large", s);
            return false;
        }
    }
    if (*end == '\0') {
        snprintf(why, why_size, "\"%s\" lacks a unit (want %s, e.g. %s)", s, k->name, k->example);
        return false;
    }
    for (const struct suffix *u = k->suffixes; u->text; u++) {
        if (strcasecmp(end, u->text) == 0) {
            snprintf(why, why_size, "\"%s\" has the unit \"%s\"; did you mean \"%s\"?", s, end, u->text);
            return false;
        }
    }
    if (unit == UNIT_NONE) {
        snprintf(why, why_size, "\"%s\" has \"%s\" after the number (want a bare number, e.g. %s)", s, end, k->example);
        return false;
    }
    size_t used = (size_t)snprintf(why, why_size, "\"%s\" has the unit \"%s\" (want %s:", s, end, k->name);
    for (const struct suffix *u = k->suffixes; u->text && used < why_size; u++)
        used += (size_t)snprintf(why + used, why_size - used, " %s%s", u->text, u[1].text ? "," : ")");
    return false;
}

/* A number of `digits` digits, without an exponent where that is shorter to read; the value printed is that of %.*g. */
static void print_number(double value, int digits, char *out, size_t size)
{
    snprintf(out, size, "%.*g", digits, value);
    const char *e = strchr(out, 'e');
    if (e == NULL)
        return;
    int power = atoi(e + 1), decimals = digits - 1 - power;
    if (power >= -6 && power <= 15)
        snprintf(out, size, "%.*f", decimals > 0 ? decimals : 0, strtod(out, NULL));
}

void units_format_number(double value, char *out, size_t size)
{
    for (int digits = 1; digits <= 17; digits++) {
        print_number(value, digits, out, size);
        if (strtod(out, NULL) == value)
            return;
    }
}

/* How badly it reads: length, and more for an exponent or a leading 0. */
static size_t badness(const char *number, const char *unit)
{
    return strlen(number) + strlen(unit) + (strchr(number, 'e') ? 16 : 0) + (strncmp(number, "0.", 2) == 0 ? 2 : 0);
}

/* The number that, with this suffix, gives value's bits back; false if none of up to 17 digits does. */
static bool exact_number(double value, const struct suffix *u, char *out, size_t size)
{
    double number = u->div > 1 ? value * u->div : value / u->mul;

    for (int digits = 1; digits <= 17; digits++) {
        print_number(number, digits, out, size);
        if (in_base(strtod(out, NULL), u) == value)
            return true;
    }
    return false;
}

void units_format(double value, enum unit unit, char *out, size_t size)
{
    size_t best = 0;

    for (const struct suffix *u = kinds[unit].suffixes; u->text; u++) {
        char number[64];
        if (!exact_number(value, u, number, sizeof number))
            continue;
        size_t bad = badness(number, u->text);
        if (best == 0 || bad < best) {
            best = bad;
            snprintf(out, size, "%s%s", number, u->text);
        }
    }
}

/* Units of int64 quantities, finest first. */
struct whole {
    const char *text;
    int64_t size;
};
static const struct whole whole_ns[] = {{"ns", 1},
                                        {"us", 1000},
                                        {"ms", 1000000},
                                        {"s", 1000000000},
                                        {"min", 60000000000},
                                        {"h", 3600000000000},
                                        {"d", 86400000000000},
                                        {0}};
static const struct whole whole_bytes[] = {
    {"B", 1},           {"kB", 1000},        {"KiB", 1024},         {"MB", 1000000},        {"MiB", 1048576},
    {"GB", 1000000000}, {"GiB", 1073741824}, {"TB", 1000000000000}, {"TiB", 1099511627776}, {0}};

static void format_whole(int64_t value, const struct whole *units, char *out, size_t size)
{
    size_t best = 0;

    for (const struct whole *u = units; u->text; u++) {
        char number[64];
        int digits = 1;
        do
            print_number((double)value / (double)u->size, digits, number, sizeof number);
        while (rint(strtod(number, NULL) * (double)u->size) != (double)value && ++digits <= 17);
        size_t bad = badness(number, u->text);
        if (digits <= 17 && (best == 0 || bad <= best)) {
            best = bad;
            snprintf(out, size, "%s%s", number, u->text);
        }
    }
}

void units_format_ns(int64_t ns, char *out, size_t size)
{
    if (ns == 0)
        snprintf(out, size, "0s");
    else
        format_whole(ns, whole_ns, out, size);
}

void units_format_bytes(int64_t n, char *out, size_t size)
{
    if (n == 0)
        snprintf(out, size, "0B");
    else
        format_whole(n, whole_bytes, out, size);
}

/* Integers past 2^53 are not all doubles: refusing them keeps parse and format inverse to each other. */
static bool to_whole(const char *s, double x, const char *unit_name, int64_t *out, char *why, size_t why_size)
{
    if (fabs(x) > 9007199254740992.0) {
        snprintf(why, why_size, "\"%s\" is too large (at most 2^53 %s)", s, unit_name);
        return false;
    }
    *out = (int64_t)rint(x);
    if (*out == 0 && x != 0) {
        snprintf(why, why_size, "\"%s\" is less than 1 %s", s, unit_name);
        return false;
    }
    return true;
}

bool units_parse_ns(const char *s, int64_t *ns, char *why, size_t why_size)
{
    double number, unused;
    const char *end;

    if (!units_parse(s, UNIT_SECOND, &unused, why, why_size))
        return false;
    if (!units_number(s, &number, &end))
        return false;
    end += strspn(end, " \t");
    /* Straight from the number as written: by way of seconds it would be rounded twice. */
    const struct whole *u = whole_ns;
    while (strcmp(u->text, end) != 0)
        u++;
    return to_whole(s, number * (double)u->size, "ns", ns, why, why_size);
}

bool units_parse_bytes(const char *s, int64_t *n, char *why, size_t why_size)
{
    double x;

    return units_parse(s, UNIT_BYTE, &x, why, why_size) && to_whole(s, x, "B", n, why, why_size);
}
