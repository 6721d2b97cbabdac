/*
 * test_trace.c - the reader of Azure traces: good files, each kind of bad line with its whole message, the real trace.
 */
#include <check.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "workload/bytes.h"
#include "workload/trace_file.h"
#include "workload/trace_time.h"
#include "../run_suite.h"

#define HEADER "TIMESTAMP,ContextTokens,GeneratedTokens"
#define FIRST  "2023-11-16 18:15:46.6805900,374,44"

static struct err err;
static char path[32];

static struct trace_file *open_path(const char *name)
{
    const struct workload_options o = {.trace = name, .trace_format = TRACE_AZURE};

    return trace_file_open(NULL, &o, " (set its path with -s workload.trace=PATH)", &err);
}

/* Opens the n bytes as a trace; the file is unlinked at once, so that a failing test leaves nothing. */
static struct trace_file *open_bytes(const char *bytes, size_t n)
{
    memset(&err, 0, sizeof err);
    strcpy(path, "test_trace.XXXXXX");
    int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, bytes, n), (ssize_t)n);
    close(fd);
    struct trace_file *t = open_path(path);
    unlink(path);
    return t;
}

static void gives(struct trace_file *t, int64_t t_ns, int64_t input, int64_t output)
{
    struct trace_row row;
    int got = trace_file_next(t, &row, &err);

    ck_assert_msg(got == 1, "%d: %s", got, err.msg);
    ck_assert_int_eq(row.t_ns, t_ns);
    ck_assert_int_eq(row.input_tokens, input);
    ck_assert_int_eq(row.output_tokens, output);
}

static void gives_end(struct trace_file *t)
{
    struct trace_row row;

    ck_assert_int_eq(trace_file_next(t, &row, &err), 0);
    ck_assert_int_eq(err.code, 0);
    trace_file_close(t);
}

START_TEST(good_files_are_read)
{
    static const char *const ends[][2] = {{"\n", "\n"}, {"\r\n", "\r\n"}, {"\n", ""}, {"\r\n", ""}};

    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        char text[400];
        const char *end = ends[i][0];
        int n = snprintf(text, sizeof text,
                         HEADER "%s" FIRST "%s2023-11-16 18:15:46.6805900,1,2147483647%s2023-11-17 "
                                "00:00:00.0000001,007,1%s",
                         end, end, end, ends[i][1]);
        struct trace_file *t = open_bytes(text, (size_t)n);
        ck_assert_msg(t != NULL, "%s", err.msg);
        gives(t, 0, 374, 44);
        gives(t, 0, 1, 2147483647);
        gives(t, INT64_C(20653319410100), 7, 1); /* 5 h 44 min 13.3194101 s */
        gives_end(t);
    }
}
END_TEST

START_TEST(the_longest_line_is_read)
{
    char text[400];
    int zeros = LINES_CSV_MAX - (int)strlen(FIRST);
    int n = snprintf(text, sizeof text, HEADER "\r\n%.*s,%0*d,44\r\n", (int)strcspn(FIRST, ","), FIRST, zeros + 3, 374);
    struct trace_file *t = open_bytes(text, (size_t)n);

    ck_assert_int_eq(n, (int)strlen(HEADER) + 2 + LINES_CSV_MAX + 2);
    gives(t, 0, 374, 44);
    gives_end(t);
}
END_TEST

/* Leap days, month and year ends; the distances by hand. */
START_TEST(calendar_is_gregorian)
{
    static const struct {
        const char *from, *to;
        int64_t days;
    } spans[] = {
        {"2023-02-28", "2023-03-01", 1},     {"2024-02-28", "2024-03-01", 2},  {"2024-02-29", "2024-12-31", 306},
        {"2023-12-31", "2024-01-01", 1},     {"1999-12-31", "2000-03-01", 61}, {"2099-12-31", "2100-03-01", 60},
        {"1970-01-01", "2023-11-16", 19677},
    };

    for (size_t i = 0; i < sizeof spans / sizeof spans[0]; i++) {
        char text[200];
        int n = snprintf(text, sizeof text, HEADER "\n%s 23:59:59.9999999,1,1\n%s 23:59:59.9999999,1,1\n",
                         spans[i].from, spans[i].to);
        struct trace_file *t = open_bytes(text, (size_t)n);
        gives(t, 0, 1, 1);
        gives(t, spans[i].days * 86400 * INT64_C(1000000000), 1, 1);
        gives_end(t);
    }
}
END_TEST

#define WANT_ROW    " (want " HEADER ")"
#define WANT_STAMP  " is malformed (want YYYY-MM-DD hh:mm:ss[.fraction][+hh:mm], e.g. 2023-11-16 18:15:46.6805900)"
#define WANT_TOKENS " is not a number of tokens (want a whole number from 1 to 2147483647)"
#define AFTER       HEADER "\n" FIRST "\n" /* two good lines */
#define BYTES(s)    (s), sizeof(s) - 1
#define TEN(s)      s s s s s s s s s s

static const struct {
    const char *bytes;
    size_t n;
    const char *message; /* after the path */
} bad[] = {
    {BYTES(""), ":1: the file is empty (want " HEADER ")"},
    {BYTES("a,b\n"), ":1: the header \"a,b\" is not that of an Azure LLM inference trace" WANT_ROW},
    {BYTES(FIRST "\n"), ":1: the header \"" FIRST "\" is not that of an Azure LLM inference trace" WANT_ROW},
    {BYTES("\n" AFTER), ":1: the line is empty" WANT_ROW},
    {BYTES(AFTER "2023-11-16 18:15:50.9951690\n"), ":3: ContextTokens is missing" WANT_ROW},
    {BYTES(AFTER "2023-11-16 18:15:50.9951690,396\n"), ":3: GeneratedTokens is missing" WANT_ROW},
    {BYTES(AFTER "2023-11-16 18:15:50.9951690,396"), ":3: GeneratedTokens is missing" WANT_ROW},
    {BYTES(AFTER "2023-11-16 18:1"), ":3: ContextTokens is missing" WANT_ROW},
    {BYTES(AFTER "2023-11-16 18:15:50.9951690,396,"), ":3: GeneratedTokens \"\"" WANT_TOKENS},
    {BYTES(AFTER "2023-11-16 18:15:50.9951690,396,109,1\n"), ":3: there is a field too many" WANT_ROW},
    {BYTES(AFTER "2023-11-16 18:15:50.9951690,396,109,\n"), ":3: there is a field too many" WANT_ROW},
    {BYTES(AFTER "2023-11-16 18:15:50.9951690,x,109\n"), ":3: ContextTokens \"x\"" WANT_TOKENS},
    {BYTES(AFTER "2023-11-16 18:15:50.9951690,,109\n"), ":3: ContextTokens \"\"" WANT_TOKENS},
    {BYTES(AFTER "2023-11-16 18:15:50.9951690,0,109\n"), ":3: ContextTokens \"0\"" WANT_TOKENS},
    {BYTES(AFTER "2023-11-16 18:15:50.9951690,396,0\r\n"), ":3: GeneratedTokens \"0\"" WANT_TOKENS},
    {BYTES(AFTER "2023-11-16 18:15:50.9951690,396,-1\n"), ":3: GeneratedTokens \"-1\"" WANT_TOKENS},
    {BYTES(AFTER "2023-11-16 18:15:50.9951690,396,1.5\n"), ":3: GeneratedTokens \"1.5\"" WANT_TOKENS},
    {BYTES(AFTER "2023-11-16 18:15:50.9951690,396, 9\n"), ":3: GeneratedTokens \" 9\"" WANT_TOKENS},
    {BYTES(AFTER "2023-11-16 18:15:50.9951690,396,9\r\r\n"), ":3: GeneratedTokens \"9?\"" WANT_TOKENS},
    {BYTES(AFTER "2023-11-16 18:15:50.9951690,2147483648,9\n"), ":3: ContextTokens \"2147483648\"" WANT_TOKENS},
    {BYTES(AFTER "2023-11-16 18:15:50.9951690,99999999999999999999999,9\n"),
     ":3: ContextTokens \"99999999999999999999999\"" WANT_TOKENS},
    {BYTES(AFTER "2023-11-16 18:15:46.6805899,396,109\n"),
     ":3: TIMESTAMP \"2023-11-16 18:15:46.6805899\" is before that of the last line (want rows in order of time)"},
    {BYTES(AFTER "2123-12-16 18:15:46.6805899,396,109\n"),
     ":3: TIMESTAMP \"2123-12-16 18:15:46.6805899\" is over a century after the first (want one trace)"},
    {BYTES(AFTER "2023-11-16T18:15:50.9951690,396,109\n"), ":3: TIMESTAMP \"2023-11-16T18:15:50.9951690\"" WANT_STAMP},
    {BYTES(AFTER "2023-11-16 18:15:50.,396,109\n"), ":3: TIMESTAMP \"2023-11-16 18:15:50.\"" WANT_STAMP},
    {BYTES(AFTER "2023-11-16 18:15:50.1234567890,396,109\n"),
     ":3: TIMESTAMP \"2023-11-16 18:15:50.1234567890\"" WANT_STAMP},
    {BYTES(AFTER "2023-11-16 18:15:50+1:00,396,109\n"), ":3: TIMESTAMP \"2023-11-16 18:15:50+1:00\"" WANT_STAMP},
    {BYTES(AFTER "2023-11-16 18:15:50+24:00,396,109\n"), ":3: TIMESTAMP \"2023-11-16 18:15:50+24:00\"" WANT_STAMP},
    {BYTES(AFTER "2023-11-16 18:15:50Zulu,396,109\n"), ":3: TIMESTAMP \"2023-11-16 18:15:50Zulu\"" WANT_STAMP},
    {BYTES(AFTER "2023-11-16 18:15:50Z,396,109\n"),
     ":3: TIMESTAMP \"2023-11-16 18:15:50Z\" has a time zone (want all rows as the first)"},
    {BYTES(AFTER "2023-13-16 18:15:50.9951690,396,109\n"), ":3: TIMESTAMP \"2023-13-16 18:15:50.9951690\"" WANT_STAMP},
    {BYTES(AFTER "2023-00-16 18:15:50.9951690,396,109\n"), ":3: TIMESTAMP \"2023-00-16 18:15:50.9951690\"" WANT_STAMP},
    {BYTES(AFTER "2023-11-31 18:15:50.9951690,396,109\n"), ":3: TIMESTAMP \"2023-11-31 18:15:50.9951690\"" WANT_STAMP},
    {BYTES(AFTER "2025-02-29 18:15:50.9951690,396,109\n"), ":3: TIMESTAMP \"2025-02-29 18:15:50.9951690\"" WANT_STAMP},
    {BYTES(AFTER "2023-12-00 18:15:50.9951690,396,109\n"), ":3: TIMESTAMP \"2023-12-00 18:15:50.9951690\"" WANT_STAMP},
    {BYTES(AFTER "2023-11-16 24:15:50.9951690,396,109\n"), ":3: TIMESTAMP \"2023-11-16 24:15:50.9951690\"" WANT_STAMP},
    {BYTES(AFTER "2023-11-16 18:60:50.9951690,396,109\n"), ":3: TIMESTAMP \"2023-11-16 18:60:50.9951690\"" WANT_STAMP},
    {BYTES(AFTER "2023-11-16 18:15:60.9951690,396,109\n"), ":3: TIMESTAMP \"2023-11-16 18:15:60.9951690\"" WANT_STAMP},
    {BYTES(AFTER ",396,109\n"), ":3: TIMESTAMP \"\"" WANT_STAMP},
    {BYTES(AFTER TEN("soon ") "\x1b[2J,396,109\n"),
     ":3: TIMESTAMP \"soon soon soon soon soon soon soon soon ...\"" WANT_STAMP},
    {BYTES(AFTER "\x1b[2J,396,109\n"), ":3: TIMESTAMP \"?[2J\"" WANT_STAMP},
    {BYTES(AFTER "2023-11-16 18:15:50.9951690,39\0,109\n"), ":3: the line holds a NUL byte" WANT_ROW},
    {BYTES(AFTER "\0"), ":3: the line holds a NUL byte" WANT_ROW},
    {BYTES(AFTER "\n" FIRST "\n"), ":3: the line is empty" WANT_ROW},
    {BYTES(AFTER "\r\n" FIRST "\n"), ":3: the line is empty" WANT_ROW},
    {BYTES(AFTER FIRST "\n\n"), ":4: the line is empty" WANT_ROW},
    {BYTES(AFTER FIRST TEN("00000000000000000000000000")), ":3: the line is longer than 255 bytes" WANT_ROW},
    {BYTES(AFTER TEN(TEN(TEN("x")))), ":3: the line is longer than 255 bytes" WANT_ROW},
    {BYTES(TEN(TEN(TEN("x")))), ":1: the line is longer than 255 bytes" WANT_ROW},
};

START_TEST(bad_lines_are_told)
{
    struct trace_file *t = open_bytes(bad[_i].bytes, bad[_i].n);
    struct trace_row row;
    size_t prefix = strlen(path);

    for (int got = 1; t && got == 1;)
        ck_assert_int_ne(got = trace_file_next(t, &row, &err), 0);
    ck_assert_int_eq(err.code, EXIT_CODE_FAILED);
    ck_assert_int_eq(strncmp(err.msg, path, prefix), 0);
    ck_assert_str_eq(err.msg + prefix, bad[_i].message);
    trace_file_close(t);
}
END_TEST

START_TEST(unreadable_files_are_told)
{
    static const char *const paths[][2] = {
        {"no/such.csv", "cannot read the trace no/such.csv: No such file or directory (set its path with -s "
                        "workload.trace=PATH)"},
        {"/", "cannot read the trace /: Is a directory (want a file; a folder of ServeGen's clients goes with [workload] "
              "arrivals = servegen, servegen = FOLDER)"},
    };

    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        memset(&err, 0, sizeof err);
        ck_assert_ptr_null(open_path(paths[i][0]));
        ck_assert_int_eq(err.code, EXIT_CODE_IO);
        ck_assert_str_eq(err.msg, paths[i][1]);
    }
    trace_file_close(NULL);
}
END_TEST

/* The conversation trace of November 2023; counts and sums were taken from the file with awk. */
START_TEST(the_real_trace_adds_up)
{
    const char *srcdir = getenv("srcdir");
    char file[4096];
    struct trace_row row;
    int64_t n = 0, input = 0, output = 0, last = 0;
    int got;

    snprintf(file, sizeof file, "%s/../shared/data/traces/AzureLLMInferenceTrace_conv.csv", srcdir ? srcdir : ".");
    if (access(file, R_OK) != 0) {
        printf("skipped: the_real_trace_adds_up: no %s\n", file);
        return;
    }
    memset(&err, 0, sizeof err);
    struct trace_file *t = open_path(file);
    ck_assert_msg(t != NULL, "%s", err.msg);
    while ((got = trace_file_next(t, &row, &err)) == 1) {
        n++;
        input += row.input_tokens;
        output += row.output_tokens;
        last = row.t_ns;
    }
    ck_assert_msg(got == 0, "%s", err.msg);
    ck_assert_int_eq(n, 19366);
    ck_assert_int_eq(input, 22361870);
    ck_assert_int_eq(output, 4088665);
    ck_assert_int_eq(last, INT64_C(3501721937000)); /* 18:15:46.6805900 to 19:14:08.4025270 */
    trace_file_close(t);
}
END_TEST

START_TEST(seconds_turn_to_ns)
{
    static const struct {
        const char *text;
        int64_t ns; /* -1: refused */
    } cases[] = {
        {"0", 0},         {"5", 5000000000},       {"0.5", 500000000},          {"1e-05", 10000},
        {".25", 250000000}, {"1.", 1000000000},    {"0.0000000004", 0},         {"0.0000000005", 1},
        {"1.5E+2", 150000000000}, {"9223372036", INT64_C(9223372036000000000)}, {"9223372037", -1},
        {"0000000000000000000000000007", 7000000000}, {"0.1234567891234567891234", 123456789},
        {"1e400", -1},    {"0e30", 0},             {"", -1},                    {".", -1},
        {"-1", -1},       {"1e", -1},              {"1.2.3", -1},               {" 1", -1},
        {"1 ", -1},       {"nan", -1},             {"99999999999999999999", -1}, {"0x10", -1},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t ns = 0;
        bool ok = trace_seconds_parse(cases[i].text, &ns);
        ck_assert_msg(ok == (cases[i].ns >= 0), "\"%s\"", cases[i].text);
        ck_assert_msg(!ok || ns == cases[i].ns, "\"%s\": %" PRId64, cases[i].text, ns);
    }
}
END_TEST

/* 29 bytes of gzip -9 that give 1000 times "x": the limit holds for what comes out. */
START_TEST(decompressed_bytes_are_limited)
{
    static const unsigned char gz[] = {0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03, 0xab, 0xa8, 0x18, 0x05, 0xa3, 0x60, 0x14, 0x0c, 0x77, 0x00, 0x00, 0xe6, 0xc9, 0x41, 0x3b, 0xe8, 0x03, 0x00, 0x00};

    for (uint64_t most = 999; most <= 1000; most++) {
        const char *piece;
        size_t n = 0;
        memset(&err, 0, sizeof err);
        struct bytes *b = bytes_new(fmemopen((void *)(uintptr_t)gz, sizeof gz, "rb"), "x.gz", "", most);
        ck_assert_int_eq(bytes_next(b, &piece, &n, &err), most == 1000 ? 1 : -1);
        if (most == 1000)
            ck_assert_uint_eq(n, 1000);
        else
            ck_assert_str_eq(err.msg, "x.gz: more than 999 bytes when decompressed");
        bytes_close(b);
    }
}
END_TEST

int main(void)
{
    Suite *s = suite_create("trace");
    TCase *t = tcase_create("azure");

    tcase_add_test(t, good_files_are_read);
    tcase_add_test(t, the_longest_line_is_read);
    tcase_add_test(t, calendar_is_gregorian);
    tcase_add_loop_test(t, bad_lines_are_told, 0, (int)(sizeof bad / sizeof bad[0]));
    tcase_add_test(t, unreadable_files_are_told);
    tcase_add_test(t, seconds_turn_to_ns);
    tcase_add_test(t, decompressed_bytes_are_limited);
    tcase_add_test(t, the_real_trace_adds_up);
    suite_add_tcase(s, t);
    return run_suite(s);
}
