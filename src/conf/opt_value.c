#include "conf/opt_value.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"

static const char *const yes_words[] = {"yes", "true", "on", "1"};
static const char *const no_words[] = {"no", "false", "off", "0"};

const char *opt_value_kind(const struct opt *row)
{
    switch (row->kind) {
    case OPT_TEXT:
        return "text";
    case OPT_PATH:
        return "a path";
    case OPT_INT:
        return "a whole number";
    case OPT_REAL:
        return "a number";
    case OPT_BOOL:
        return "yes or no";
    case OPT_CHOICE:
        return "a choice";
    case OPT_QUANTITY:
        return units_name(row->unit);
    case OPT_TIME:
        return units_name(UNIT_SECOND);
    case OPT_BYTES:
        return units_name(UNIT_BYTE);
    case OPT_QUANTILES:
        return "quantiles (percent:value ...)";
    case OPT_LIST:
        return "a list of numbers";
    }
    sim_assert(!"unknown kind of option");
}

/* A limit as the user would write the value. */
static void format_limit(const struct opt *row, double x, char *out, size_t size)
{
    if (row->kind == OPT_TIME && fabs(x) <= 9e6)
        units_format_ns((int64_t)rint(x * 1e9), out, size);
    else if (row->kind == OPT_BYTES && fabs(x) <= 9e15)
        units_format_bytes((int64_t)x, out, size);
    else if (row->kind == OPT_QUANTITY || row->kind == OPT_LIST)
        units_format(x, row->unit, out, size);
    else if (row->kind == OPT_INT && fabs(x) <= 9e15)
        snprintf(out, size, "%.0f", x);
    else
        units_format_number(x, out, size);
}

void opt_value_range(const struct opt *row, char *out, size_t size)
{
    char lo[64], hi[64];

    *out = '\0';
    if (row->min > row->max || (isinf(row->min) && isinf(row->max)))
        return;
    format_limit(row, row->min, lo, sizeof lo);
    format_limit(row, row->max, hi, sizeof hi);
    if (isinf(row->max))
        snprintf(out, size, "at least %s", lo);
    else if (isinf(row->min))
        snprintf(out, size, "at most %s", hi);
    else
        snprintf(out, size, "%s to %s", lo, hi);
}

__attribute__((format(printf, 3, 4))) static bool fail(char *why, size_t size, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(why, size, fmt, ap);
    va_end(ap);
    return false;
}

static bool in_range(const struct opt *row, double x, const char *text, char *why, size_t size)
{
    char range[160];

    if (row->min > row->max || (x >= row->min && x <= row->max))
        return true;
    opt_value_range(row, range, sizeof range);
    return fail(why, size, "\"%s\" is out of range (want %s)", text, range);
}

static bool parse_int(const struct opt *row, const char *s, int64_t *out, char *why, size_t size)
{
    const char *digits = s + (*s == '-' || *s == '+');
    const char *example = row->deflt && *row->deflt ? row->deflt : "4";

    if (*digits == '\0' || digits[strspn(digits, "0123456789")] != '\0')
        return fail(why, size, "\"%s\" is not a whole number (want e.g. %s)", s, example);
    errno = 0;
    *out = strtoll(s, NULL, 10);
    if (errno)
        return fail(why, size, "\"%s\" is too large", s);
    return in_range(row, (double)*out, s, why, size);
}

static bool parse_bool(const char *s, bool *out, char *why, size_t size)
{
    for (size_t i = 0; i < sizeof yes_words / sizeof *yes_words; i++) {
        if (strcmp(s, yes_words[i]) == 0 || strcmp(s, no_words[i]) == 0) {
            *out = strcmp(s, yes_words[i]) == 0;
            return true;
        }
    }
    return fail(why, size, "\"%s\" is neither yes nor no", s);
}

static bool parse_choice(const struct opt *row, const char *s, int *out, char *why, size_t size)
{
    size_t n = 0;

    for (; row->choices[n]; n++)
        if (strcmp(row->choices[n], s) == 0) {
            *out = (int)n;
            return true;
        }
    const char *nearest = opt_nearest(s, row->choices, n);
    size_t used = (size_t)snprintf(why, size, "\"%.60s\" is not one of ", s);
    for (size_t i = 0; i < n && used < size; i++)
        used += (size_t)snprintf(why + used, size - used, "%s%s", i ? ", " : "", row->choices[i]);
    if (nearest && used < size)
        snprintf(why + used, size - used, "; did you mean \"%s\"?", nearest);
    return false;
}

/* "0:2 50:1020 100:14050" */
static bool parse_quantiles(const struct opt *row, const char *s, struct dist_quantiles *q, char *why, size_t size)
{
    static const char want[] = "want percent:value pairs from 0 to 100, e.g. 0:2 50:1020 100:14050";
    const char *at = s;

    q->n = 0;
    while (*(at += strspn(at, " \t,"))) {
        double percent, x;
        const char *end;
        int length = (int)strcspn(at, " \t,");
        if (q->n == DIST_QUANTILES_MAX)
            return fail(why, size, "more than %d pairs", DIST_QUANTILES_MAX);
        if (!units_number(at, &percent, &end) || *end != ':' || !units_number(end + 1, &x, &end) || end != at + length)
            return fail(why, size, "\"%.*s\" is not percent:value (%s)", length < 60 ? length : 60, at, want);
        if (percent < 0 || percent > 100 || (q->n && percent / 100 <= q->p[q->n - 1]))
            return fail(why, size, "\"%.*s\": percents must rise from 0 to 100", length < 60 ? length : 60, at);
        if (q->n && x < q->x[q->n - 1])
            return fail(why, size, "\"%.*s\": values must not fall", length < 60 ? length : 60, at);
        if (row->min <= row->max && (x < row->min || x > row->max)) {
            char range[160];
            opt_value_range(row, range, sizeof range);
            return fail(why, size, "\"%.*s\" is out of range (want %s)", length < 60 ? length : 60, at, range);
        }
        q->p[q->n] = percent / 100;
        q->x[q->n++] = x;
        at = end;
    }
    if (q->n < 2 || q->p[0] != 0 || q->p[q->n - 1] != 1)
        return fail(why, size, "\"%.60s\" does not reach from 0 to 100 per cent (%s)", s, want);
    return true;
}

/* "2/s 10/s, 4/s" */
static bool parse_list(const struct opt *row, const char *s, struct opt_list *l, char *why, size_t size)
{
    char word[64];

    l->n = 0;
    for (const char *at = s; *(at += strspn(at, " \t,"));) {
        size_t length = strcspn(at, " \t,");
        if (l->n == OPT_LIST_MAX)
            return fail(why, size, "more than %d values", OPT_LIST_MAX);
        if (length >= sizeof word)
            return fail(why, size, "\"%.60s\" is too long for a number", at);
        memcpy(word, at, length);
        word[length] = '\0';
        double *x = &l->x[l->n++];
        if (!units_parse(word, row->unit, x, why, size) || !in_range(row, *x, word, why, size))
            return false;
        at += length;
    }
    return l->n > 0 || fail(why, size, "\"%.60s\" holds no value", s);
}

bool opt_value_parse(const struct opt *row, const char *text, const char *dir, void *p, struct arena *a, char *why,
                     size_t size)
{
    switch (row->kind) {
    case OPT_TEXT:
        *(const char **)p = arena_strdup(a, text);
        return true;
    case OPT_PATH:
        *(const char **)p = ini_path(a, dir, text);
        return true;
    case OPT_INT:
        return parse_int(row, text, p, why, size);
    case OPT_REAL:
        return units_parse(text, UNIT_NONE, p, why, size) && in_range(row, *(double *)p, text, why, size);
    case OPT_BOOL:
        return parse_bool(text, p, why, size);
    case OPT_CHOICE:
        return parse_choice(row, text, p, why, size);
    case OPT_QUANTITY:
        return units_parse(text, row->unit, p, why, size) && in_range(row, *(double *)p, text, why, size);
    case OPT_TIME:
        return units_parse_ns(text, p, why, size) && in_range(row, (double)*(int64_t *)p / 1e9, text, why, size);
    case OPT_BYTES:
        return units_parse_bytes(text, p, why, size) && in_range(row, (double)*(int64_t *)p, text, why, size);
    case OPT_QUANTILES:
        return parse_quantiles(row, text, p, why, size);
    case OPT_LIST:
        return parse_list(row, text, p, why, size);
    }
    sim_assert(!"unknown kind of option");
}

/* The per cent that gives p's bits back when divided by 100. */
static void format_percent(double p, char *out, size_t size)
{
    double percent = p * 100;

    for (int digits = 1; digits <= 17; digits++) {
        snprintf(out, size, "%.*g", digits, p * 100);
        percent = strtod(out, NULL);
        if (percent / 100 == p)
            break;
    }
    if (percent / 100 != p) /* p * 100 was rounded: what was written is a neighbour of it */
        percent = nextafter(p * 100, nextafter(p * 100, 0) / 100 == p ? 0 : 200);
    units_format_number(percent, out, size);
}

static const char *quantiles_text(const struct dist_quantiles *q, struct arena *a)
{
    char out[DIST_QUANTILES_MAX * 64] = "", percent[32], x[32];
    size_t used = 0;

    for (int i = 0; i < q->n; i++) {
        format_percent(q->p[i], percent, sizeof percent);
        units_format_number(q->x[i], x, sizeof x);
        used += (size_t)snprintf(out + used, sizeof out - used, "%s%s:%s", i ? " " : "", percent, x);
    }
    return arena_strdup(a, out);
}

static const char *list_text(const struct opt *row, const struct opt_list *l, struct arena *a)
{
    char out[OPT_LIST_MAX * 64] = "", x[48];
    size_t used = 0;

    for (int i = 0; i < l->n; i++) {
        units_format(l->x[i], row->unit, x, sizeof x);
        used += (size_t)snprintf(out + used, sizeof out - used, "%s%s", i ? " " : "", x);
    }
    return arena_strdup(a, out);
}

const void *opt_member(const struct opt_bind *b, size_t row)
{
    return (const char *)b->base + b->table->rows[row].offset;
}

const char *opt_value_text(const struct opt_bind *b, size_t row_index, struct arena *a)
{
    const struct opt *row = &b->table->rows[row_index];
    const void *p = opt_member(b, row_index);
    char out[64];

    if (b->origin[row_index] == NULL && row->deflt && *row->deflt == '\0')
        return NULL;
    switch (row->kind) {
    case OPT_TEXT:
    case OPT_PATH:
        return *(const char *const *)p;
    case OPT_INT:
        return arena_printf(a, "%" PRId64, *(const int64_t *)p);
    case OPT_REAL:
        units_format_number(*(const double *)p, out, sizeof out);
        return arena_strdup(a, out);
    case OPT_BOOL:
        return *(const bool *)p ? "yes" : "no";
    case OPT_CHOICE:
        return row->choices[*(const int *)p];
    case OPT_QUANTITY:
        units_format(*(const double *)p, row->unit, out, sizeof out);
        return arena_strdup(a, out);
    case OPT_TIME:
        units_format_ns(*(const int64_t *)p, out, sizeof out);
        return arena_strdup(a, out);
    case OPT_BYTES:
        units_format_bytes(*(const int64_t *)p, out, sizeof out);
        return arena_strdup(a, out);
    case OPT_QUANTILES:
        return quantiles_text(p, a);
    case OPT_LIST:
        return list_text(row, p, a);
    }
    sim_assert(!"unknown kind of option");
}

double opt_value_num(const struct opt_bind *b, size_t row_index)
{
    const void *p = opt_member(b, row_index);

    switch (b->table->rows[row_index].kind) {
    case OPT_INT:
    case OPT_BYTES:
        return (double)*(const int64_t *)p;
    case OPT_TIME:
        return (double)*(const int64_t *)p / 1e9;
    case OPT_REAL:
    case OPT_QUANTITY:
        return *(const double *)p;
    case OPT_BOOL:
        return *(const bool *)p;
    case OPT_LIST: {
        const struct opt_list *l = p;
        return l->n == 1 ? l->x[0] : NAN;
    }
    default:
        return NAN;
    }
}
