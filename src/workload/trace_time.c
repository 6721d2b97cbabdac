#include "workload/trace_time.h"

#include "base/bug.h"

enum { FRACTION_DIGITS = 9, SIGNIFICANT = 18, EXPONENT_MAX = 40 };

/* Exactly n digits. */
static bool digits(const char **s, int n, int64_t *value)
{
    *value = 0;
    for (int i = 0; i < n; i++, (*s)++) {
        if (**s < '0' || **s > '9')
            return false;
        *value = *value * 10 + (**s - '0');
    }
    return true;
}

static bool literal(const char **s, char c)
{
    if (**s != c)
        return false;
    ++*s;
    return true;
}

static bool leap(int64_t year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

/* Days from 1 January of year 1 to that of `year` (Gregorian), year >= 1. */
static int64_t days_before_year(int64_t year)
{
    int64_t y = year - 1;

    return 365 * y + y / 4 - y / 100 + y / 400;
}

static bool parse_date(const char **s, int64_t *days)
{
    static const int before_month[13] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365};
    int64_t year, month, day;

    if (!digits(s, 4, &year) || !literal(s, '-') || !digits(s, 2, &month) || !literal(s, '-') || !digits(s, 2, &day))
        return false;
    if (year < 1 || month < 1 || month > 12 || day < 1)
        return false;
    int64_t in_month = before_month[month] - before_month[month - 1] + (month == 2 && leap(year));
    *days = days_before_year(year) + before_month[month - 1] + (month > 2 && leap(year)) + day - 1;
    return day <= in_month;
}

static bool parse_fraction(const char **s, int64_t *ns)
{
    int n = 0;

    *ns = 0;
    if (!literal(s, '.'))
        return true;
    for (; **s >= '0' && **s <= '9' && n < FRACTION_DIGITS; ++*s, n++)
        *ns = *ns * 10 + (**s - '0');
    if (n == 0)
        return false;
    for (; n < FRACTION_DIGITS; n++)
        *ns *= 10;
    return true;
}

/* Seconds that the zone is ahead of UTC. */
static bool parse_zone(const char **s, bool *zone, int64_t *ahead_s)
{
    int64_t hour, minute;
    bool minus = **s == '-';

    *zone = **s != '\0';
    *ahead_s = 0;
    if (!*zone || literal(s, 'Z'))
        return true;
    if ((!literal(s, '+') && !literal(s, '-')) || !digits(s, 2, &hour) || !literal(s, ':') || !digits(s, 2, &minute) ||
        hour > 23 || minute > 59)
        return false;
    *ahead_s = (minus ? -60 : 60) * (60 * hour + minute);
    return true;
}

bool trace_stamp_parse(const char *text, struct trace_stamp *stamp)
{
    const char *s = text;
    int64_t days, hour, minute, second, ahead;

    if (!parse_date(&s, &days) || !literal(&s, ' ') || !digits(&s, 2, &hour) || !literal(&s, ':') ||
        !digits(&s, 2, &minute) || !literal(&s, ':') || !digits(&s, 2, &second) || !parse_fraction(&s, &stamp->ns) ||
        !parse_zone(&s, &stamp->zone, &ahead) || *s != '\0')
        return false;
    stamp->s = days * 86400 + hour * 3600 + minute * 60 + second - ahead;
    return hour <= 23 && minute <= 59 && second <= 59;
}

/* The digits of s as a whole number times 10^*power; those past the 18th that counts are dropped. */
static bool parse_digits(const char **s, int64_t *whole, int *power)
{
    bool any = false, fraction = false;
    int kept = 0;

    *whole = 0;
    *power = 0;
    for (;; ++*s) {
        if (**s == '.' && !fraction) {
            fraction = true;
            continue;
        }
        if (**s < '0' || **s > '9')
            return any;
        any = true;
        if (kept == SIGNIFICANT) {
            *power += !fraction;
            continue;
        }
        *whole = *whole * 10 + (**s - '0');
        kept += *whole > 0;
        *power -= fraction;
    }
}

static bool parse_exponent(const char **s, int *exponent)
{
    bool minus = false;
    int n = 0;

    *exponent = 0;
    if (!literal(s, 'e') && !literal(s, 'E'))
        return true;
    minus = literal(s, '-');
    if (!minus)
        literal(s, '+');
    for (; **s >= '0' && **s <= '9' && *exponent <= EXPONENT_MAX; ++*s, n++)
        *exponent = *exponent * 10 + (**s - '0');
    if (minus)
        *exponent = -*exponent;
    return n > 0 && *exponent <= EXPONENT_MAX && *exponent >= -EXPONENT_MAX;
}

bool trace_seconds_parse(const char *text, int64_t *ns)
{
    const char *s = text;
    int64_t x;
    int power, exponent;

    if (!parse_digits(&s, &x, &power) || !parse_exponent(&s, &exponent) || *s != '\0')
        return false;
    power += exponent + FRACTION_DIGITS;
    for (; power > 0 && x > 0; power--) {
        if (x > INT64_MAX / 10)
            return false;
        x *= 10;
    }
    for (; power < -1 && x > 0; power++)
        x /= 10;
    *ns = power == -1 ? (x + 5) / 10 : x;
    return true;
}

bool trace_clock_take(struct trace_clock *c, int64_t ns, int64_t *t_ns)
{
    sim_assert(ns >= 0);
    if (!c->any)
        c->first_ns = c->last_ns = ns;
    if (ns < c->last_ns)
        return false;
    c->any = true;
    c->last_ns = ns;
    *t_ns = ns - c->first_ns;
    return true;
}
