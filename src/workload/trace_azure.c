#include "workload/trace_azure.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"

#define HEADER       "TIMESTAMP,ContextTokens,GeneratedTokens"
#define STAMP_WANTED "YYYY-MM-DD hh:mm:ss.fffffff, e.g. 2023-11-16 18:15:46.6805900"

enum { TICKS_PER_S = 10000000, NS_PER_TICK = 100, QUOTED_MAX = 40 };

/* A trace that spans more is taken for a mistake; it also keeps ns within int64. */
#define SPAN_MAX_TICKS (INT64_C(36525) * 86400 * TICKS_PER_S)

struct trace_azure {
    FILE *file;
    char *path;
    int64_t line;
    bool any; /* a row was read */
    int64_t first_ticks, last_ticks;
    char text[TRACE_LINE_MAX + 1];
};

/* A field as it may stand in a message: cut, and without control characters. */
struct quoted {
    char text[QUOTED_MAX + 4];
};

static struct quoted quote(const char *s)
{
    struct quoted q;
    size_t n = strlen(s), keep = n > QUOTED_MAX ? QUOTED_MAX : n;

    for (size_t i = 0; i < keep; i++)
        q.text[i] = s[i] < ' ' || s[i] > '~' ? '?' : s[i];
    strcpy(q.text + keep, n > keep ? "..." : "");
    return q;
}

static int bad_line(const struct trace_azure *t, struct err *e, const char *what, const char *want)
{
    return err_set(e, EXIT_CODE_FAILED, "%s:%" PRId64 ": %s (want %s)", t->path, t->line, what, want);
}

static int bad_field(const struct trace_azure *t, struct err *e, const char *field, const char *text, const char *what,
                     const char *want)
{
    return err_set(e, EXIT_CODE_FAILED, "%s:%" PRId64 ": %s \"%s\" %s (want %s)", t->path, t->line, field,
                   quote(text).text, what, want);
}

static int unreadable(const char *path, int error, struct err *e)
{
    return err_set(e, EXIT_CODE_IO, "cannot read the trace %s: %s (set its path with -s workload.trace=PATH)", path,
                   strerror(error));
}

/* 1: t->text holds the next line without its end; 0: the file has ended; -1: err. */
static int read_line(struct trace_azure *t, struct err *e)
{
    size_t n = 0;
    bool nul = false;
    int c;

    t->line++;
    while ((c = getc_unlocked(t->file)) != EOF && c != '\n') {
        nul = nul || c == '\0';
        if (n > TRACE_LINE_MAX) /* one more is kept: it may be the CR of CRLF */
            return bad_line(t, e, "the line is longer than 255 bytes", HEADER);
        t->text[n++] = (char)c;
    }
    if (c == EOF && ferror(t->file))
        return unreadable(t->path, errno, e);
    if (c == EOF && n == 0)
        return 0;
    if (c == '\n' && n > 0 && t->text[n - 1] == '\r')
        n--;
    if (n > TRACE_LINE_MAX)
        return bad_line(t, e, "the line is longer than 255 bytes", HEADER);
    if (nul)
        return bad_line(t, e, "the line holds a NUL byte", HEADER);
    if (n == 0)
        return bad_line(t, e, "the line is empty", HEADER);
    t->text[n] = '\0';
    return 1;
}

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
    return *(*s)++ == c;
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

/* 100-ns ticks since the year 1; below 2^63 to the year 9999. */
static bool parse_stamp(const char *s, int64_t *ticks)
{
    static const int before_month[13] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365};
    int64_t year, month, day, hour, minute, second, fraction;

    if (!digits(&s, 4, &year) || !literal(&s, '-') || !digits(&s, 2, &month) || !literal(&s, '-') ||
        !digits(&s, 2, &day) || !literal(&s, ' ') || !digits(&s, 2, &hour) || !literal(&s, ':') ||
        !digits(&s, 2, &minute) || !literal(&s, ':') || !digits(&s, 2, &second) || !literal(&s, '.') ||
        !digits(&s, 7, &fraction) || *s != '\0')
        return false;
    if (year < 1 || month < 1 || month > 12 || day < 1 || hour > 23 || minute > 59 || second > 59)
        return false;
    int64_t in_month = before_month[month] - before_month[month - 1] + (month == 2 && leap(year));
    if (day > in_month)
        return false;
    int64_t days = days_before_year(year) + before_month[month - 1] + (month > 2 && leap(year)) + day - 1;
    *ticks = (days * 86400 + hour * 3600 + minute * 60 + second) * TICKS_PER_S + fraction;
    return true;
}

static bool parse_tokens(const char *s, int64_t *tokens)
{
    *tokens = 0;
    if (*s == '\0')
        return false;
    for (; *s; s++) {
        if (*s < '0' || *s > '9')
            return false;
        *tokens = *tokens * 10 + (*s - '0');
        if (*tokens > TRACE_TOKENS_MAX)
            return false;
    }
    return *tokens >= 1;
}

struct trace_azure *trace_azure_open(const char *path, struct err *e)
{
    if (path == NULL || *path == '\0') {
        err_set(e, EXIT_CODE_IO, "arrivals = trace needs the path of a trace (set it with -s workload.trace=PATH)");
        return NULL;
    }
    struct trace_azure *t = mem_zalloc(1, sizeof *t);
    t->path = strcpy(mem_alloc(strlen(path) + 1), path);
    t->file = fopen(path, "rb");
    if (t->file == NULL) {
        unreadable(path, errno, e);
        goto failed;
    }
    int got = read_line(t, e);
    if (got < 0)
        goto failed;
    if (got == 0) {
        bad_line(t, e, "the file is empty", "the header " HEADER);
        goto failed;
    }
    if (strcmp(t->text, HEADER) != 0) {
        bad_field(t, e, "the header", t->text, "is not that of an Azure LLM inference trace", HEADER);
        goto failed;
    }
    return t;

failed:
    trace_azure_close(t);
    return NULL;
}

void trace_azure_close(struct trace_azure *t)
{
    if (t == NULL)
        return;
    if (t->file)
        fclose(t->file);
    free(t->path);
    free(t);
}

int trace_azure_next(struct trace_azure *t, struct trace_row *row, struct err *e)
{
    static const char token_count[] = "a whole number from 1 to 2147483647";
    int got = read_line(t, e);

    if (got <= 0)
        return got;
    char *input = strchr(t->text, ','), *output = input ? strchr(input + 1, ',') : NULL;
    if (output == NULL)
        return bad_line(t, e, input ? "GeneratedTokens is missing" : "ContextTokens is missing", HEADER);
    *input++ = '\0';
    *output++ = '\0';
    if (strchr(output, ','))
        return bad_line(t, e, "there is a field too many", HEADER);

    int64_t ticks;
    if (!parse_stamp(t->text, &ticks))
        return bad_field(t, e, "TIMESTAMP", t->text, "is malformed", STAMP_WANTED);
    if (!t->any)
        t->first_ticks = t->last_ticks = ticks;
    if (ticks < t->last_ticks)
        return bad_field(t, e, "TIMESTAMP", t->text, "is before that of the last line", "rows in order of time");
    if (ticks - t->first_ticks > SPAN_MAX_TICKS)
        return bad_field(t, e, "TIMESTAMP", t->text, "is over a century after the first", "one trace");
    if (!parse_tokens(input, &row->input_tokens))
        return bad_field(t, e, "ContextTokens", input, "is not a number of tokens", token_count);
    if (!parse_tokens(output, &row->output_tokens))
        return bad_field(t, e, "GeneratedTokens", output, "is not a number of tokens", token_count);
    t->any = true;
    t->last_ticks = ticks;
    row->chain = (struct chain){0};
    row->t_ns = (ticks - t->first_ticks) * NS_PER_TICK;
    return 1;
}
