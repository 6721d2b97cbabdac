#include "report/values.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bug.h"

_Static_assert(sizeof(struct value_chunk) == VALUE_CHUNK_BYTES && VALUE_CHUNK_WORDS % 2 == 0, "pairs fill a chunk");

/* ---- pool ---- */

struct value_pool {
    char *folder;
    int64_t bound_bytes, kept_bytes, end; /* end: of the file */
    int fd;                               /* -1: there is none yet */
    struct err why;
};

struct value_pool *value_pool_new(const char *folder, int64_t bound_bytes)
{
    struct value_pool *p = mem_zalloc(1, sizeof *p);

    p->folder = strdup(folder);
    p->bound_bytes = bound_bytes;
    p->fd = -1;
    return p;
}

void value_pool_free(struct value_pool *p)
{
    if (!p)
        return;
    if (p->fd >= 0)
        close(p->fd);
    free(p->folder);
    free(p);
}

int value_pool_error(const struct value_pool *p, struct err *e)
{
    return p->why.code ? err_set(e, p->why.code, "%s", p->why.msg) : 0;
}

static void fail(struct value_pool *p, const char *doing, int why)
{
    err_set(&p->why, EXIT_CODE_IO, "%s: %s the file of latencies beyond [run] metrics_memory: %s", p->folder, doing,
            why ? strerror(why) : "it is cut short");
    if (p->fd >= 0)
        close(p->fd);
    p->fd = -1;
}

static void open_file(struct value_pool *p)
{
    size_t size = strlen(p->folder) + sizeof "/tiersim-XXXXXX";
    char *name = mem_alloc(size);

    snprintf(name, size, "%s/tiersim-XXXXXX", p->folder);
    p->fd = mkostemp(name, O_CLOEXEC);
    if (p->fd < 0)
        fail(p, "making", errno);
    else
        unlink(name);
    free(name);
}

/* Gives its place; -1: it could not be written. */
static int64_t write_chunk(struct value_pool *p, const struct value_chunk *c)
{
    const char *from = (const char *)c;
    size_t left = sizeof *c;
    int64_t at = p->end;

    if (p->fd < 0 && !p->why.code)
        open_file(p);
    while (left > 0 && !p->why.code) {
        ssize_t n = pwrite(p->fd, from, left, (off_t)p->end);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            fail(p, "writing", errno);
            break;
        }
        from += n;
        left -= (size_t)n;
        p->end += n;
    }
    return p->why.code ? -1 : at;
}

static int read_chunk(struct value_pool *p, struct value_chunk *c, int64_t at)
{
    char *to = (char *)c;
    size_t left = sizeof *c;

    while (left > 0 && !p->why.code) {
        ssize_t n = pread(p->fd, to, left, (off_t)at);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            fail(p, "reading", n < 0 ? errno : 0);
            break;
        }
        to += n;
        left -= (size_t)n;
        at += n;
    }
    return p->why.code ? -1 : 0;
}

/* ---- values ---- */

void values_init(struct values *v, struct value_pool *p, bool weighted)
{
    *v = (struct values){.pool = p, .weighted = weighted, .filled_at = -1, .least = UINT64_MAX};
}

void values_free(struct values *v)
{
    free(v->filling);
    while (v->kept) {
        struct value_chunk *before = v->kept->before;
        free(v->kept);
        v->kept = before;
    }
}

void values_next_chunk(struct values *v)
{
    struct value_pool *p = v->pool;

    v->n_filling = 0;
    if (v->filling && p->kept_bytes + VALUE_CHUNK_BYTES > p->bound_bytes) {
        v->filling->before = NULL;
        v->filling->before_at = v->filled_at;
        v->filled_at = write_chunk(p, v->filling);
        return;
    }
    if (v->filling) {
        p->kept_bytes += VALUE_CHUNK_BYTES;
        v->filling->before = v->kept;
        v->kept = v->filling;
    }
    v->filling = mem_alloc(sizeof *v->filling);
}

int values_each_chunk(const struct values *const *v, size_t n_v, values_words *f, void *ctx, struct err *e)
{
    struct value_chunk *read = mem_alloc(sizeof *read);
    int status = 0;

    for (size_t i = 0; i < n_v && status == 0; i++) {
        struct value_pool *p = v[i]->pool;

        for (const struct value_chunk *c = v[i]->kept; c; c = c->before)
            f(ctx, c->word, VALUE_CHUNK_WORDS);
        for (int64_t at = v[i]->filled_at; at >= 0 && status == 0; at = read->before_at) {
            status = read_chunk(p, read, at);
            if (status == 0)
                f(ctx, read->word, VALUE_CHUNK_WORDS);
        }
        if (v[i]->filling)
            f(ctx, v[i]->filling->word, v[i]->n_filling);
        if (value_pool_error(p, e))
            status = -1;
    }
    free(read);
    return status;
}
