#include "workload/lines.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "workload/bytes.h"
#include "workload/trace_row.h"

enum { WHAT_MAX = 240, QUOTED_MAX = 40 };

struct lines {
    struct bytes *in;
    char *path;
    const char *piece; /* what is left of bytes' */
    size_t left;
    int64_t number; /* of the line */
    bool peeked;    /* it is that of the line to come */
    size_t max;
    const char *limit, *want;
    char *text;
    size_t n, cap;
};

struct lines *lines_open(FILE *file, const char *path, const char *hint, struct err *e)
{
    if (file == NULL)
        file = fopen(path, "rb");
    if (file == NULL) {
        bytes_unreadable(path, hint, errno, e);
        return NULL;
    }
    struct lines *l = mem_zalloc(1, sizeof *l);
    l->path = strcpy(mem_alloc(strlen(path) + 1), path);
    l->in = bytes_new(file, l->path, hint, BYTES_MOST);
    return l;
}

void lines_close(struct lines *l)
{
    if (l == NULL)
        return;
    bytes_close(l->in);
    free(l->path);
    free(l->text);
    free(l);
}

void lines_expect(struct lines *l, size_t max, const char *limit, const char *want)
{
    l->max = max;
    l->limit = limit;
    l->want = want;
}

/* ---- messages ---- */

static void defuse(char *s)
{
    for (; *s; s++)
        *s = *s < ' ' || *s > '~' ? '?' : *s;
}

int lines_bad(const struct lines *l, struct err *e, const char *fmt, ...)
{
    char what[WHAT_MAX];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(what, sizeof what, fmt, ap);
    va_end(ap);
    defuse(what);
    return err_set(e, EXIT_CODE_FAILED, "%s:%" PRId64 ": %s (want %s)", l->path, l->number, what, l->want);
}

int lines_bad_field(const struct lines *l, struct err *e, const char *field, const char *text, const char *what,
                    const char *want)
{
    char quoted[QUOTED_MAX + 1];

    snprintf(quoted, sizeof quoted, "%s", text);
    defuse(quoted);
    return err_set(e, EXIT_CODE_FAILED, "%s:%" PRId64 ": %s \"%s%s\" %s (want %s)", l->path, l->number, field, quoted,
                   strlen(text) > QUOTED_MAX ? "..." : "", what, want);
}

/* ---- lines ---- */

int lines_peek(struct lines *l, const char **text, size_t *n, struct err *e)
{
    int got = bytes_next(l->in, &l->piece, &l->left, e);

    sim_assert(l->number == 0);
    l->number = 1;
    l->peeked = true;
    if (got <= 0)
        return got;
    const char *end = memchr(l->piece, '\n', l->left);
    *text = l->piece;
    *n = end ? (size_t)(end - l->piece) : l->left;
    if (end && *n > 0 && end[-1] == '\r')
        --*n;
    return 1;
}

/* One byte more than max is kept: it may be the CR of CRLF. */
static bool add(struct lines *l, const char *s, size_t n)
{
    if (l->n + n > l->max + 1)
        return false;
    if (l->n + n + 1 > l->cap) {
        while (l->n + n + 1 > l->cap)
            l->cap = l->cap ? 2 * l->cap : 512;
        l->text = mem_realloc(l->text, l->cap);
    }
    memcpy(l->text + l->n, s, n);
    l->n += n;
    return true;
}

/* 1: l->text holds a line that has an end; 2: the last, without; 0: the end; -1: err. */
static int gather(struct lines *l, struct err *e)
{
    for (;;) {
        const char *end = l->left ? memchr(l->piece, '\n', l->left) : NULL;
        size_t n = end ? (size_t)(end - l->piece) : l->left;
        if (!add(l, l->piece, n))
            return lines_bad(l, e, "the line is longer than %s", l->limit);
        l->piece += n + (end != NULL);
        l->left -= n + (end != NULL);
        if (end)
            return 1;
        int got = bytes_next(l->in, &l->piece, &l->left, e);
        if (got < 0)
            return -1;
        if (got == 0) {
            l->left = 0;
            return l->n > 0 ? 2 : 0;
        }
    }
}

int lines_next(struct lines *l, char **text, size_t *n, struct err *e)
{
    l->number += !l->peeked;
    l->peeked = false;
    l->n = 0;
    int got = gather(l, e);
    if (got <= 0)
        return got;
    if (got == 1 && l->n > 0 && l->text[l->n - 1] == '\r')
        l->n--;
    if (l->n > l->max)
        return lines_bad(l, e, "the line is longer than %s", l->limit);
    if (l->n == 0)
        return lines_bad(l, e, "the line is empty");
    if (memchr(l->text, '\0', l->n))
        return lines_bad(l, e, "the line holds a NUL byte");
    l->text[l->n] = '\0';
    *text = l->text;
    *n = l->n;
    return 1;
}

/* ---- fields ---- */

int lines_split(char *text, char **field, int max)
{
    int n = 0;

    for (char *s = text; s; n++) {
        if (n == max)
            return max + 1;
        field[n] = s;
        s = strchr(s, ',');
        if (s)
            *s++ = '\0';
    }
    return n;
}

bool lines_count(const char *text, int64_t *value)
{
    *value = 0;
    for (const char *s = text; *s; s++) {
        if (*s < '0' || *s > '9')
            return false;
        *value = *value * 10 + (*s - '0');
        if (*value > TRACE_TOKENS_MAX)
            return false;
    }
    return *text != '\0';
}

bool lines_tokens(const char *text, int64_t *tokens)
{
    return lines_count(text, tokens) && *tokens >= 1;
}
