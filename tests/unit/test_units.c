/* Units: what is read, what is refused and how, and that writing and reading are inverse. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/units.h"
#include "../run_suite.h"

static double parse(const char *s, enum unit unit)
{
    char why[512] = "";
    double v = -1;

    ck_assert_msg(units_parse(s, unit, &v, why, sizeof why), "%s", why);
    return v;
}

static void refuse(const char *s, enum unit unit, const char *message)
{
    char why[512] = "";
    double v;

    ck_assert_msg(!units_parse(s, unit, &v, why, sizeof why), "\"%s\" was taken", s);
    ck_assert_str_eq(why, message);
}

START_TEST(reads_units)
{
    ck_assert_double_eq(parse("3.35TB/s", UNIT_BYTE_PER_S), 3.35e12);
    ck_assert_double_eq(parse("3.35 TB/s", UNIT_BYTE_PER_S), 3.35e12);
    ck_assert_double_eq(parse("80GiB", UNIT_BYTE), 80.0 * 1024 * 1024 * 1024);
    ck_assert_double_eq(parse("1e3B", UNIT_BYTE), 1000);
    ck_assert_double_eq(parse("989TFLOPS", UNIT_FLOP_PER_S), 989e12);
    ck_assert_double_eq(parse("1.5PFLOP/s", UNIT_FLOP_PER_S), 1.5e15);
    ck_assert_double_eq(parse("2.5/h", UNIT_PER_S), 2.5 / 3600);
    ck_assert_double_eq(parse("90/min", UNIT_PER_S), 1.5);
    ck_assert_double_eq(parse("-.5", UNIT_NONE), -0.5);
    ck_assert_double_eq(parse("2.5h", UNIT_SECOND), 9000);
}
END_TEST

START_TEST(refuses_what_is_no_quantity)
{
    refuse("3.35", UNIT_BYTE_PER_S, "\"3.35\" lacks a unit (want B/s, e.g. 3.35TB/s)");
    refuse("0", UNIT_SECOND, "\"0\" lacks a unit (want a time, e.g. 40ms)");
    refuse("1tb", UNIT_BYTE, "\"1tb\" has the unit \"tb\"; did you mean \"TB\"?");
    refuse("1m", UNIT_SECOND, "\"1m\" has the unit \"m\" (want a time: s, ns, us, ms, min, h, d)");
    refuse("", UNIT_BYTE, "\"\" is not a number (want bytes, e.g. 80GB)");
    refuse(".", UNIT_NONE, "\".\" is not a number (want a number, e.g. 0.9)");
    refuse("inf", UNIT_NONE, "\"inf\" is not a number (want a number, e.g. 0.9)");
    refuse("1e400", UNIT_NONE, "\"1e400\" is not a number (want a number, e.g. 0.9)");
    refuse("0x10", UNIT_NONE, "\"0x10\" has \"x10\" after the number (want a bare number, e.g. 0.9)");
    refuse("1e308TB", UNIT_BYTE, "\"1e308TB\" is too large");
    refuse("5 %", UNIT_NONE, "\"5 %\" has \"%\" after the number (want a bare number, e.g. 0.9)");
}
END_TEST

START_TEST(whole_units)
{
    char why[256], out[64];
    int64_t n = 0;

    ck_assert(units_parse_ns("40ms", &n, why, sizeof why) && n == 40000000);
    ck_assert(units_parse_ns("1 d", &n, why, sizeof why) && n == 86400000000000);
    ck_assert(units_parse_ns("0.6ns", &n, why, sizeof why) && n == 1);
    ck_assert(!units_parse_ns("0.4ns", &n, why, sizeof why));
    ck_assert_str_eq(why, "\"0.4ns\" is less than 1 ns");
    ck_assert(!units_parse_ns("105d", &n, why, sizeof why));
    ck_assert_str_eq(why, "\"105d\" is too large (at most 2^53 ns)");
    ck_assert(units_parse_bytes("80GiB", &n, why, sizeof why) && n == 85899345920);
    units_format_bytes(n, out, sizeof out);
    ck_assert_str_eq(out, "80GiB");
    units_format_ns(4800, out, sizeof out);
    ck_assert_str_eq(out, "4.8us");
    units_format_ns(0, out, sizeof out);
    ck_assert_str_eq(out, "0s");
}
END_TEST

START_TEST(writes_well)
{
    static const struct {
        double value;
        enum unit unit;
        const char *text;
    } cases[] = {
        {989e12, UNIT_FLOP_PER_S, "989TFLOPS"},
        {450e9, UNIT_BYTE_PER_S, "450GB/s"},
        {10, UNIT_PER_S, "10/s"},
        {0.9, UNIT_NONE, "0.9"},
        {4000, UNIT_NONE, "4000"},
        {1e22, UNIT_NONE, "1e+22"},
        {1.0 / 3600, UNIT_PER_S, "1/h"},
        {0, UNIT_BYTE_PER_S, "0B/s"},
        {2.5, UNIT_SECOND, "2.5s"},
    };
    char out[64];

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        units_format(cases[i].value, cases[i].unit, out, sizeof out);
        ck_assert_str_eq(out, cases[i].text);
    }
}
END_TEST

/* Any double and any whole number that is written is read back to the same bits. */
START_TEST(round_trip)
{
    uint64_t x = 88172645463325252u; /* xorshift64 (Marsaglia 2003) */
    char out[64], why[256];

    for (int i = 0; i < 4000; i++) {
        x ^= x << 13, x ^= x >> 7, x ^= x << 17;
        uint64_t bits = (x & 0x000fffffffffffff) | (uint64_t)(1023 - 60 + i % 160) << 52;
        double value, back = 0;
        memcpy(&value, &bits, sizeof value);
        for (int unit = UNIT_NONE; unit <= UNIT_PER_S; unit++) {
            units_format(value, (enum unit)unit, out, sizeof out);
            ck_assert_msg(units_parse(out, (enum unit)unit, &back, why, sizeof why), "%s: %s", out, why);
            ck_assert_msg(memcmp(&value, &back, sizeof value) == 0, "%.17g -> %s -> %.17g", value, out, back);
        }
        int64_t n = (int64_t)(x >> (11 + x % 53)), n_back = -1;
        units_format_ns(n, out, sizeof out);
        ck_assert_msg(units_parse_ns(out, &n_back, why, sizeof why) && n == n_back, "%lld ns -> %s", (long long)n, out);
        units_format_bytes(n, out, sizeof out);
        ck_assert_msg(units_parse_bytes(out, &n_back, why, sizeof why) && n == n_back, "%lld B -> %s", (long long)n,
                      out);
    }
}
END_TEST

int main(void)
{
    Suite *s = suite_create("units");
    TCase *t = tcase_create("units");

    tcase_add_test(t, reads_units);
    tcase_add_test(t, refuses_what_is_no_quantity);
    tcase_add_test(t, whole_units);
    tcase_add_test(t, writes_well);
    tcase_add_test(t, round_trip);
    tcase_set_timeout(t, 60);
    suite_add_tcase(s, t);
    return run_suite(s);
}
