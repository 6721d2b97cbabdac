/*
 * test_trace_mooncake.c - the reader of Mooncake traces: good files, each kind of bad line with its whole message, the
 * real trace.
 */
#include <check.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "workload/trace_file.h"
#include "../run_suite.h"

static struct err err;
static char path[32];

enum { LINE_MAX_BYTES = 1 << 24 };

static struct trace_file *open_path(const char *name, int64_t block_tokens)
{
    const struct workload_options o = {.trace = name, .trace_format = TRACE_MOONCAKE, .trace_block_tokens = block_tokens};

    return trace_file_open(NULL, &o, " (set its path with -s workload.trace=PATH)", &err);
}

/* Opens the n bytes as a trace; the file is unlinked at once, so that a failing test leaves nothing. */
static struct trace_file *open_bytes(const char *bytes, size_t n, int64_t block_tokens)
{
    memset(&err, 0, sizeof err);
    strcpy(path, "test_moon.XXXXXX");
    int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, bytes, n), (ssize_t)n);
    close(fd);
    struct trace_file *t = open_path(path, block_tokens);
    unlink(path);
    ck_assert_msg(t != NULL, "%s", err.msg);
    return t;
}

static struct trace_file *open_text(const char *text)
{
    return open_bytes(text, strlen(text), 512);
}

/* runs: "id+n id+n". */
static void gives(struct trace_file *t, int64_t t_ns, int64_t input, int64_t output, const char *runs)
{
    struct trace_row row;
    char text[200] = "";
    size_t used = 0;
    int got = trace_file_next(t, &row, &err);

    ck_assert_msg(got == 1, "%d: %s", got, err.msg);
    ck_assert_int_eq(row.t_ns, t_ns);
    ck_assert_int_eq(row.input_tokens, input);
    ck_assert_int_eq(row.output_tokens, output);
    for (int64_t r = 0; r < row.chain.n_runs; r++)
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%" PRId64 "+%" PRId64, r ? " " : "",
                                 row.chain.run[r].id, row.chain.run[r].n);
    ck_assert_str_eq(text, runs);
}

static void gives_end(struct trace_file *t)
{
    struct trace_row row;

    ck_assert_int_eq(trace_file_next(t, &row, &err), 0);
    ck_assert_int_eq(trace_file_next(t, &row, &err), 0);
    ck_assert_int_eq(err.code, 0);
    trace_file_close(t);
}

#define ROW(ms, in, out, ids)                                                                                          \
    "{\"timestamp\": " ms ", \"input_length\": " in ", \"output_length\": " out ", \"hash_ids\": [" ids "]}"

START_TEST(good_files_are_read)
{
    static const char *const ends[] = {"\n", "\r\n"};

    for (int i = 0; i < 4; i++) {
        char text[800];
        snprintf(text, sizeof text, "%s%s%s%s%s%s", ROW("1000", "1536", "44", "0, 1, 2"), ends[i % 2],
                 ROW("1000", "1537", "1", "0, 7, 8, 5"), ends[i % 2],
                 "{ \"type\":\"text\",\"hash_ids\":[4611686018427387903],\"output_length\":2147483647,"
                 "\"input_length\":1,\"timestamp\":1000.25 }",
                 i < 2 ? "" : ends[i % 2]);
        struct trace_file *t = open_text(text);
        gives(t, 0, 1536, 44, "0+3");
        gives(t, 0, 1537, 1, "0+1 7+2 5+1");
        gives(t, 250000, 1, 2147483647, "4611686018427387903+1");
        gives_end(t);
    }
}
END_TEST

START_TEST(blocks_may_have_another_size)
{
    struct trace_file *t = open_bytes(ROW("0", "33", "4", "3, 4, 9"), strlen(ROW("0", "33", "4", "3, 4, 9")), 16);

    gives(t, 0, 33, 4, "3+2 9+1");
    gives_end(t);
}
END_TEST

/* Times of day in ms since 1970, as other recorders write them. */
START_TEST(large_times_keep_their_ms)
{
    struct trace_file *t =
        open_text(ROW("1700000000001", "1", "1", "0") "\n" ROW("1700000000002", "1", "1", "0") "\n");

    gives(t, 0, 1, 1, "0+1");
    gives(t, 1000000, 1, 1, "0+1");
    gives_end(t);
}
END_TEST

/* Lines of `size` bytes: one over the limit is refused, those up to it are read. */
static int read_long(size_t size, const char *end)
{
    const char row[] = ROW("0", "1", "1", "0");
    char *text = malloc(size + 2);
    struct trace_row got;

    memset(text, ' ', size);
    memcpy(text, row, sizeof row - 1);
    memcpy(text + size, end, strlen(end));
    struct trace_file *t = open_bytes(text, size + strlen(end), 512);
    int code = trace_file_next(t, &got, &err);
    if (code == 1)
        ck_assert_int_eq(trace_file_next(t, &got, &err), 0);
    trace_file_close(t);
    free(text);
    return code;
}

START_TEST(long_lines_are_read_to_a_limit)
{
    ck_assert_int_eq(read_long(LINE_MAX_BYTES, "\r\n"), 1);
    ck_assert_int_eq(read_long(LINE_MAX_BYTES, ""), 1);
    ck_assert_int_eq(read_long(LINE_MAX_BYTES + 1, "\n"), -1);
    ck_assert_ptr_nonnull(strstr(err.msg, ":1: the line is longer than 16 MiB"));
    ck_assert_int_eq(read_long(LINE_MAX_BYTES + 1, ""), -1);
    ck_assert_int_eq(read_long(LINE_MAX_BYTES + 100, ""), -1);
}
END_TEST

/* ---- bad lines ---- */

#define WANT      " (want {\"timestamp\": ms, \"input_length\": tokens, \"output_length\": tokens, \"hash_ids\": [id, ...]})"
#define TOKENS    " is no whole number of tokens from 1 to 2147483647" WANT
#define MS        ":2: timestamp is no time in ms from 0 to 9e12" WANT
#define IDS       ":2: hash_ids holds something else than whole numbers from 0 to 2^62 - 1" WANT
#define AFTER     ROW("5", "1", "1", "0") "\n"
#define BYTES(s)  (s), sizeof(s) - 1
#define BLOCKS(n) "hash_ids has " n " ids, but 513 tokens are 2 blocks of 512 (workload.trace_block_tokens)" WANT

static const struct {
    const char *bytes;
    size_t n;
    const char *message; /* after the path; what jansson says is its own */
} bad[] = {
    {BYTES("TIMESTAMP,ContextTokens,GeneratedTokens\n"),
     ":1: bad JSON at byte 9: '[' or '{' expected near 'TIMESTAMP'" WANT},
    {BYTES(AFTER "\n"), ":2: the line is empty" WANT},
    {BYTES(AFTER "\r\n"), ":2: the line is empty" WANT},
    {BYTES(AFTER "7"), ":2: bad JSON at byte 1: '[' or '{' expected near '7'" WANT},
    {BYTES(AFTER "[7]"), ":2: the line is no JSON object" WANT},
    {BYTES(AFTER "{\"timestamp\": 6, \"input_l"),
     ":2: bad JSON at byte 25: premature end of input near '\"input_l'" WANT},
    {BYTES(AFTER ROW("6", "1", "1", "0") "}\n"), ":2: bad JSON at byte 73: end of file expected near '}'" WANT},
    {BYTES(AFTER ROW("6", "1", "1", "0\0")), ":2: the line holds a NUL byte" WANT},
    {BYTES(AFTER ROW("6, \"timestamp\": 7", "1", "1", "0")),
     ":2: bad JSON at byte 28: duplicate object key near '\"timestamp\"'" WANT},
    {BYTES(AFTER "{\"\x1b\": 1}"), ":2: bad JSON at byte 2: control character 0x1b near '\"'" WANT},
    {BYTES(AFTER "{\"input_length\": 1, \"output_length\": 1, \"hash_ids\": [0]}"), ":2: timestamp is missing" WANT},
    {BYTES(AFTER ROW("\"6\"", "1", "1", "0")), MS},
    {BYTES(AFTER ROW("-1", "1", "1", "0")), MS},
    {BYTES(AFTER ROW("9000000000001", "1", "1", "0")), MS},
    {BYTES(AFTER ROW("4", "1", "1", "0")), ":2: timestamp 4 is before that of the last line" WANT},
    {BYTES(AFTER ROW("4.75", "1", "1", "0")), ":2: timestamp 4.75 is before that of the last line" WANT},
    {BYTES(AFTER ROW("6", "0", "1", "")), ":2: input_length" TOKENS},
    {BYTES(AFTER ROW("6", "1.0", "1", "0")), ":2: input_length" TOKENS},
    {BYTES(AFTER ROW("6", "2147483648", "1", "0")), ":2: input_length" TOKENS},
    {BYTES(AFTER ROW("6", "1", "0", "0")), ":2: output_length" TOKENS},
    {BYTES(AFTER ROW("6", "1", "\"1\"", "0")), ":2: output_length" TOKENS},
    {BYTES(AFTER "{\"timestamp\": 6, \"input_length\": 1, \"hash_ids\": [0]}"), ":2: output_length is missing" WANT},
    {BYTES(AFTER "{\"timestamp\": 6, \"input_length\": 1, \"output_length\": 1}"), ":2: hash_ids is missing" WANT},
    {BYTES(AFTER "{\"timestamp\": 6, \"input_length\": 1, \"output_length\": 1, \"hash_ids\": 0}"),
     ":2: hash_ids is no list" WANT},
    {BYTES(AFTER ROW("6", "513", "1", "0")), ":2: " BLOCKS("1")},
    {BYTES(AFTER ROW("6", "513", "1", "0, 1, 2")), ":2: " BLOCKS("3")},
    {BYTES(AFTER ROW("6", "513", "1", "0, -1")), IDS},
    {BYTES(AFTER ROW("6", "513", "1", "0, 1.5")), IDS},
    {BYTES(AFTER ROW("6", "513", "1", "0, \"a\"")), IDS},
    {BYTES(AFTER ROW("6", "513", "1", "0, 4611686018427387904")), IDS},
};

START_TEST(bad_lines_are_told)
{
    struct trace_file *t = open_bytes(bad[_i].bytes, bad[_i].n, 512);
    struct trace_row row;
    size_t prefix = strlen(path);

    for (int got = 1; got == 1;)
        ck_assert_int_ne(got = trace_file_next(t, &row, &err), 0);
    ck_assert_int_eq(err.code, EXIT_CODE_FAILED);
    ck_assert_int_eq(strncmp(err.msg, path, prefix), 0);
    ck_assert_str_eq(err.msg + prefix, bad[_i].message);
    trace_file_close(t);
}
END_TEST

START_TEST(deep_nesting_is_refused)
{
    static char text[100000];
    struct trace_row row;

    memset(text, '[', sizeof text);
    struct trace_file *t = open_bytes(text, sizeof text, 512);
    ck_assert_int_eq(trace_file_next(t, &row, &err), -1);
    ck_assert_ptr_nonnull(strstr(err.msg, ":1: bad JSON at byte 2049: maximum parsing depth reached near '['"));
    trace_file_close(t);
}
END_TEST

START_TEST(unreadable_files_are_told)
{
    static const char *const paths[][2] = {
        {"no/such.jsonl", "cannot read the trace no/such.jsonl: No such file or directory (set its path with -s "
                          "workload.trace=PATH)"},
        {"/", "cannot read the trace /: Is a directory (want a file; a folder of ServeGen's clients goes with [workload] "
              "arrivals = servegen, servegen = FOLDER)"},
    };

    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        struct trace_row row;
        memset(&err, 0, sizeof err);
        struct trace_file *t = open_path(paths[i][0], 512);
        ck_assert(t == NULL || trace_file_next(t, &row, &err) == -1); /* a folder opens, but cannot be read */
        ck_assert_int_eq(err.code, EXIT_CODE_IO);
        ck_assert_str_eq(err.msg, paths[i][1]);
        trace_file_close(t);
    }
}
END_TEST

/* The first 45 minutes of the conversation trace; counts and sums were taken from the file with a script. */
START_TEST(the_real_trace_adds_up)
{
    const char *srcdir = getenv("srcdir");
    char file[4096];
    struct trace_row row;
    int64_t n = 0, input = 0, output = 0, last = 0, blocks = 0, runs = 0;
    int got;

    snprintf(file, sizeof file, "%s/../shared/data/traces/mooncake_conversation_0-45min.jsonl", srcdir ? srcdir : ".");
    if (access(file, R_OK) != 0) {
        printf("skipped: the_real_trace_adds_up: no %s\n", file);
        return;
    }
    memset(&err, 0, sizeof err);
    struct trace_file *t = open_path(file, 512);
    ck_assert_msg(t != NULL, "%s", err.msg);
    while ((got = trace_file_next(t, &row, &err)) == 1) {
        n++;
        input += row.input_tokens;
        output += row.output_tokens;
        last = row.t_ns;
        runs += row.chain.n_runs;
        for (int64_t r = 0; r < row.chain.n_runs; r++)
            blocks += row.chain.run[r].n;
    }
    ck_assert_msg(got == 0, "%s", err.msg);
    ck_assert_int_eq(n, 8940);
    ck_assert_int_eq(input, 109285356);
    ck_assert_int_eq(output, 3102839);
    ck_assert_int_eq(last, INT64_C(2699999000000));
    ck_assert_int_eq(blocks, 217677);
    ck_assert_int_eq(runs, 24199);
    trace_file_close(t);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("trace_mooncake");
    TCase *t = tcase_create("mooncake");

    tcase_set_timeout(t, 60);
    tcase_add_test(t, good_files_are_read);
    tcase_add_test(t, blocks_may_have_another_size);
    tcase_add_test(t, large_times_keep_their_ms);
    tcase_add_test(t, long_lines_are_read_to_a_limit);
    tcase_add_loop_test(t, bad_lines_are_told, 0, (int)(sizeof bad / sizeof bad[0]));
    tcase_add_test(t, deep_nesting_is_refused);
    tcase_add_test(t, unreadable_files_are_told);
    tcase_add_test(t, the_real_trace_adds_up);
    suite_add_tcase(s, t);
    return run_suite(s);
}
