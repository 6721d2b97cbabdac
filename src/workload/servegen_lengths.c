#include "workload/servegen_lengths.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/units.h"
#include "workload/trace_row.h"

enum { FILE_SIZE_MAX = 64 << 20 };

struct scan {
    const char *path, *start, *at; /* at ends with a NUL */
    struct err *e;
};

void servegen_law_free(struct servegen_law *law)
{
    free(law->tokens);
    free(law->upto);
    *law = (struct servegen_law){0};
}

static int bad(const struct scan *s, const char *what, const char *want)
{
    int64_t line = 1;

    for (const char *c = s->start; c < s->at; c++)
        line += *c == '\n';
    return err_set(s->e, EXIT_CODE_FAILED, "%s:%" PRId64 ": %s (want %s)", s->path, line, what, want);
}

static char look(struct scan *s)
{
    s->at += strspn(s->at, " \t\r\n");
    return *s->at;
}

static int take(struct scan *s, char c)
{
    char want[] = {'\'', c, '\'', '\0'};

    if (look(s) != c)
        return bad(s, *s->at ? "unexpected text" : "the file ends", want);
    s->at++;
    return 0;
}

/* A string's bounds, without its quotes. */
static int take_string(struct scan *s, const char **text, size_t *n)
{
    if (take(s, '"') < 0)
        return -1;
    *text = s->at;
    *n = strcspn(s->at, "\"\\");
    if (s->at[*n] != '"')
        return bad(s, "a string has no end, or an escape in it", "a plain string");
    s->at += *n + 1;
    return 0;
}

static int add_value(struct scan *s, struct servegen_law *law, double tokens, double p)
{
    if (!(tokens >= 0 && tokens <= (double)TRACE_TOKENS_MAX) || tokens != (double)(int64_t)tokens)
        return bad(s, "a value is not a number of tokens", "a whole number from 0 to 2147483647");
    if (!(p >= 0 && p <= 1))
        return bad(s, "a probability is out of range", "0 to 1");
    if (law->n == law->cap) {
        law->cap = law->cap ? 2 * law->cap : 256;
        law->tokens = mem_realloc(law->tokens, (size_t)law->cap * sizeof *law->tokens);
        law->upto = mem_realloc(law->upto, (size_t)law->cap * sizeof *law->upto);
    }
    law->tokens[law->n] = (int64_t)tokens;
    law->upto[law->n] = p + (law->n > 0 ? law->upto[law->n - 1] : 0);
    law->n++;
    return 0;
}

/* "{5: 0.25, 9: 0.75}": s stands before the quote. */
static int take_law(struct scan *s, struct servegen_law *law)
{
    static const char want[] = "\"{value: probability, ...}\"";
    double tokens, p;

    if (law->cap > 0)
        return bad(s, "the same lengths are given twice", "once in a window");
    if (take(s, '"') < 0 || take(s, '{') < 0)
        return -1;
    while (look(s) != '}') {
        if (law->n > 0 && take(s, ',') < 0)
            return -1;
        look(s);
        if (!units_number(s->at, &tokens, &s->at) || take(s, ':') < 0)
            return s->e->code ? -1 : bad(s, "a value is not a number", want);
        look(s);
        if (!units_number(s->at, &p, &s->at))
            return bad(s, "a probability is not a number", want);
        if (add_value(s, law, tokens, p) < 0)
            return -1;
    }
    s->at++;
    if (law->n > 0 && !(law->upto[law->n - 1] > 0.999 && law->upto[law->n - 1] < 1.001))
        return bad(s, "the probabilities do not add up to 1", want);
    return take(s, '"');
}

static int take_field(struct scan *s, struct servegen_lengths *l)
{
    const char *name, *value;
    size_t n, length;

    if (take_string(s, &name, &n) < 0 || take(s, ':') < 0)
        return -1;
    look(s);
    if (n == strlen("input_tokens") && memcmp(name, "input_tokens", n) == 0)
        return take_law(s, &l->input);
    if (n == strlen("output_tokens") && memcmp(name, "output_tokens", n) == 0)
        return take_law(s, &l->output);
    return take_string(s, &value, &length);
}

static int take_window(struct scan *s, struct servegen_profile *p)
{
    const char *name, *end;
    double start;
    size_t n;

    if (take_string(s, &name, &n) < 0)
        return -1;
    if (!units_number(name, &start, &end) || end != name + n || !(start >= 0))
        return bad(s, "a window's name is not a time in seconds", "\"0\", \"21600\", ...");
    if (p->n_lengths == 0 ? start != 0 : start <= p->lengths[p->n_lengths - 1].start_s)
        return bad(s, "the windows do not rise from 0", "\"0\", \"21600\", ...");
    p->lengths = mem_realloc(p->lengths, (size_t)(p->n_lengths + 1) * sizeof *p->lengths);
    struct servegen_lengths *l = &p->lengths[p->n_lengths++];
    *l = (struct servegen_lengths){.start_s = start};
    if (take(s, ':') < 0 || take(s, '{') < 0)
        return -1;
    for (int fields = 0; look(s) != '}'; fields++)
        if ((fields > 0 && take(s, ',') < 0) || take_field(s, l) < 0)
            return -1;
    s->at++;
    if ((l->input.n == 0) != (l->output.n == 0))
        return bad(s, "a window has one of input_tokens and output_tokens without the other", "both or none");
    return 0;
}

static int take_all(struct scan *s, struct servegen_profile *p)
{
    int64_t has = -1;

    if (take(s, '{') < 0)
        return -1;
    while (look(s) != '}')
        if ((p->n_lengths > 0 && take(s, ',') < 0) || take_window(s, p) < 0)
            return -1;
    s->at++;
    if (look(s) != '\0')
        return bad(s, "text follows the object", "the end of the file");
    for (int64_t i = 0; i < p->n_lengths; i++)
        if (p->lengths[i].input.n > 0)
            has = i;
    if (has < 0)
        return bad(s, "no window has lengths", "input_tokens and output_tokens in one or more");
    for (int64_t i = 0; i < p->n_lengths; i++) {
        if (p->lengths[i].input.n > 0)
            has = i;
        p->lengths[i].same_as = has;
    }
    return 0;
}

/* The whole file, with a NUL behind it; NULL: err. */
static char *read_file(const char *path, struct err *e)
{
    FILE *f = fopen(path, "rb");
    size_t n = 0, cap = 1 << 16;
    char *text = mem_alloc(cap + 1);

    while (f && !feof(f) && !ferror(f) && n < FILE_SIZE_MAX) {
        if (n == cap)
            text = mem_realloc(text, (cap *= 2) + 1);
        n += fread(text + n, 1, cap - n, f);
    }
    if (f == NULL || ferror(f))
        err_set(e, EXIT_CODE_IO, "cannot read %s: %s", path, strerror(errno));
    else if (n >= FILE_SIZE_MAX)
        err_set(e, EXIT_CODE_FAILED, "%s: the file is larger than 64 MiB (want the lengths of one client)", path);
    else if (memchr(text, '\0', n))
        err_set(e, EXIT_CODE_FAILED, "%s: the file holds a NUL byte (want JSON)", path);
    if (f)
        fclose(f);
    if (e->code) {
        free(text);
        return NULL;
    }
    text[n] = '\0';
    return text;
}

int servegen_lengths_read(const char *path, struct servegen_profile *p, struct err *e)
{
    char *text = read_file(path, e);

    if (text == NULL)
        return -1;
    struct scan s = {path, text, text, e};
    int got = take_all(&s, p);
    free(text);
    return got;
}

int64_t servegen_law_at(const struct servegen_law *law, double u)
{
    int64_t lo = 0, hi = law->n - 1; /* the first whose sum is beyond u is in [lo, hi] */

    u *= law->upto[law->n - 1];
    while (lo < hi) {
        int64_t mid = lo + (hi - lo) / 2;
        if (law->upto[mid] > u)
            hi = mid;
        else
            lo = mid + 1;
    }
    return law->tokens[lo];
}
