#include "workload/trace_mooncake.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/bug.h"

#define WANT_ROW "{\"timestamp\": ms, \"input_length\": tokens, \"output_length\": tokens, \"hash_ids\": [id, ...]}"

enum { NS_PER_MS = 1000000, WHAT_MAX = 200 };

#define MS_MAX INT64_C(9000000000000) /* keeps ns within int64; 285 years */
#define ID_MAX (INT64_MAX / 2)        /* so that the end of a run is an id too */

struct trace_mooncake {
    FILE *file;
    char *path;
    int64_t block_tokens, line;
    bool any; /* a row was read */
    int64_t first_ns, last_ns;
    char *text;
    size_t cap_text;
    struct block_run *run;
    int64_t n_runs, cap_runs;
};

__attribute__((format(printf, 3, 4))) static int bad_line(const struct trace_mooncake *t, struct err *e,
                                                          const char *fmt, ...)
{
    char what[WHAT_MAX];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(what, sizeof what, fmt, ap);
    va_end(ap);
    for (char *c = what; *c; c++) /* what stands in the file may not steer a terminal */
        *c = *c < ' ' || *c > '~' ? '?' : *c;
    return err_set(e, EXIT_CODE_FAILED, "%s:%" PRId64 ": %s (want " WANT_ROW ")", t->path, t->line, what);
}

static int unreadable(const char *path, int error, struct err *e)
{
    return err_set(e, EXIT_CODE_IO, "cannot read the trace %s: %s (set its path with -s workload.trace=PATH)", path,
                   strerror(error));
}

/* 1: t->text holds the next line of *n bytes without its end; 0: the file has ended; -1: err. */
static int read_line(struct trace_mooncake *t, size_t *n, struct err *e)
{
    size_t at = 0;
    int c;

    t->line++;
    while ((c = getc_unlocked(t->file)) != EOF && c != '\n') {
        if (at > TRACE_MOONCAKE_LINE_MAX) /* one more is kept: it may be the CR of CRLF */
            return bad_line(t, e, "the line is longer than 16 MiB");
        if (at == t->cap_text) {
            t->cap_text = t->cap_text ? 2 * t->cap_text : 4096;
            t->text = mem_realloc(t->text, t->cap_text);
        }
        t->text[at++] = (char)c;
    }
    if (c == EOF && ferror(t->file))
        return unreadable(t->path, errno, e);
    if (c == EOF && at == 0)
        return 0;
    if (c == '\n' && at > 0 && t->text[at - 1] == '\r')
        at--;
    if (at > TRACE_MOONCAKE_LINE_MAX)
        return bad_line(t, e, "the line is longer than 16 MiB");
    if (at == 0)
        return bad_line(t, e, "the line is empty");
    if (memchr(t->text, '\0', at)) /* jansson would read over it */
        return bad_line(t, e, "the line holds a NUL byte");
    *n = at;
    return 1;
}

/* ---- fields ---- */

static int take_time(struct trace_mooncake *t, const json_t *o, int64_t *t_ns, struct err *e)
{
    const json_t *v = json_object_get(o, "timestamp");
    double ms = json_number_value(v);

    if (!json_is_number(v) || !(ms >= 0 && ms <= (double)MS_MAX))
        return bad_line(t, e, "timestamp is %s", v ? "no time in ms from 0 to 9e12" : "missing");
    int64_t ns = json_is_integer(v) ? json_integer_value(v) * NS_PER_MS : (int64_t)(ms * NS_PER_MS + 0.5);
    if (!t->any)
        t->first_ns = t->last_ns = ns;
    if (ns < t->last_ns)
        return bad_line(t, e, "timestamp %.17g is before that of the last line", ms);
    t->any = true;
    t->last_ns = ns;
    *t_ns = ns - t->first_ns;
    return 0;
}

static int take_tokens(const struct trace_mooncake *t, const json_t *o, const char *key, int64_t *tokens, struct err *e)
{
    const json_t *v = json_object_get(o, key);

    *tokens = json_integer_value(v);
    if (json_is_integer(v) && *tokens >= 1 && *tokens <= TRACE_TOKENS_MAX)
        return 0;
    return bad_line(t, e, "%s is %s", key, v ? "no whole number of tokens from 1 to 2147483647" : "missing");
}

static void add_block(struct trace_mooncake *t, int64_t id)
{
    if (t->n_runs > 0 && t->run[t->n_runs - 1].id + t->run[t->n_runs - 1].n == id) {
        t->run[t->n_runs - 1].n++;
        return;
    }
    if (t->n_runs == t->cap_runs) {
        t->cap_runs = t->cap_runs ? 2 * t->cap_runs : 16;
        t->run = mem_realloc(t->run, (size_t)t->cap_runs * sizeof *t->run);
    }
    t->run[t->n_runs++] = (struct block_run){id, 1};
}

static int take_blocks(struct trace_mooncake *t, const json_t *o, int64_t input_tokens, struct err *e)
{
    const json_t *ids = json_object_get(o, "hash_ids");
    int64_t blocks = (input_tokens + t->block_tokens - 1) / t->block_tokens;

    if (!json_is_array(ids))
        return bad_line(t, e, "hash_ids is %s", ids ? "no list" : "missing");
    if ((int64_t)json_array_size(ids) != blocks)
        return bad_line(t, e,
                        "hash_ids has %zu ids, but %" PRId64 " tokens are %" PRId64 " blocks of %" PRId64
                        " (workload.trace_block_tokens)",
                        json_array_size(ids), input_tokens, blocks, t->block_tokens);
    t->n_runs = 0;
    for (size_t i = 0; i < (size_t)blocks; i++) {
        const json_t *id = json_array_get(ids, i);
        if (!json_is_integer(id) || json_integer_value(id) < 0 || json_integer_value(id) > ID_MAX)
            return bad_line(t, e, "hash_ids holds something else than whole numbers from 0 to 2^62 - 1");
        add_block(t, json_integer_value(id));
    }
    return 0;
}

static int take_row(struct trace_mooncake *t, const json_t *o, struct trace_row *row, struct err *e)
{
    if (!json_is_object(o))
        return bad_line(t, e, "the line is no JSON object");
    if (take_time(t, o, &row->t_ns, e) != 0 || take_tokens(t, o, "input_length", &row->input_tokens, e) != 0 ||
        take_tokens(t, o, "output_length", &row->output_tokens, e) != 0 || take_blocks(t, o, row->input_tokens, e) != 0)
        return -1;
    row->chain = (struct chain){t->run, t->n_runs};
    return 1;
}

/* ---- life ---- */

struct trace_mooncake *trace_mooncake_open(const char *path, int64_t block_tokens, struct err *e)
{
    FILE *file = fopen(path, "rb");

    sim_assert(block_tokens >= 1);
    if (file == NULL) {
        unreadable(path, errno, e);
        return NULL;
    }
    struct trace_mooncake *t = mem_zalloc(1, sizeof *t);
    t->file = file;
    t->path = strcpy(mem_alloc(strlen(path) + 1), path);
    t->block_tokens = block_tokens;
    return t;
}

void trace_mooncake_close(struct trace_mooncake *t)
{
    if (t == NULL)
        return;
    fclose(t->file);
    free(t->path);
    free(t->text);
    free(t->run);
    free(t);
}

int trace_mooncake_next(struct trace_mooncake *t, struct trace_row *row, struct err *e)
{
    json_error_t mistake;
    size_t n = 0;
    int got = read_line(t, &n, e);

    if (got <= 0)
        return got;
    json_t *o = json_loadb(t->text, n, JSON_REJECT_DUPLICATES, &mistake);
    if (o == NULL)
        return bad_line(t, e, "bad JSON at byte %d: %s", mistake.position, mistake.text);
    got = take_row(t, o, row, e);
    json_decref(o);
    return got;
}
