#include "workload/replay.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "workload/trace_azure.h"
#include "workload/trace_mooncake.h"

struct replay {
    const struct workload_options *o; /* not owned */
    struct trace_azure *azure;        /* one of the two */
    struct trace_mooncake *mooncake;
    bool any, ended;
};

static bool ends_in(const char *path, const char *end)
{
    size_t n = strlen(path), m = strlen(end);

    return n > m && strcmp(path + n - m, end) == 0;
}

/* A file that cannot be read is left to the reader's message. */
static bool begins_with_brace(const char *path)
{
    FILE *f = fopen(path, "rb");
    bool brace = f && getc(f) == '{';

    if (f)
        fclose(f);
    return brace;
}

static bool is_mooncake(const struct workload_options *o)
{
    if (o->trace_format != TRACE_AUTO)
        return o->trace_format == TRACE_MOONCAKE;
    if (o->trace == NULL || ends_in(o->trace, ".csv"))
        return false;
    return ends_in(o->trace, ".jsonl") || ends_in(o->trace, ".ndjson") || ends_in(o->trace, ".json") ||
           begins_with_brace(o->trace);
}

struct replay *replay_open(const struct workload_options *o, struct err *e)
{
    struct replay *r = mem_zalloc(1, sizeof *r);

    r->o = o;
    if (is_mooncake(o))
        r->mooncake = trace_mooncake_open(o->trace, o->trace_block_tokens, e);
    else
        r->azure = trace_azure_open(o->trace, e);
    if (r->mooncake || r->azure)
        return r;
    free(r);
    return NULL;
}

void replay_close(struct replay *r)
{
    if (r == NULL)
        return;
    trace_azure_close(r->azure);
    trace_mooncake_close(r->mooncake);
    free(r);
}

int64_t replay_block_tokens(const struct replay *r)
{
    return r->mooncake ? r->o->trace_block_tokens : 0;
}

static int next_row(struct replay *r, struct trace_row *row, struct err *e)
{
    return r->mooncake ? trace_mooncake_next(r->mooncake, row, e) : trace_azure_next(r->azure, row, e);
}

int replay_next(struct replay *r, struct trace_row *row, int64_t *at_ns, struct err *e)
{
    const struct workload_options *o = r->o;
    int got;

    if (r->ended)
        return 0;
    do
        got = next_row(r, row, e);
    while (got == 1 && row->t_ns < o->trace_from_ns);
    if (got < 0)
        return -1;
    if (got == 0 || (o->trace_to_ns > 0 && row->t_ns >= o->trace_to_ns)) {
        r->ended = true;
        if (!r->any)
            return err_set(e, EXIT_CODE_FAILED,
                           "%s: no row is in the slice (workload.trace_from and trace_to, in time since the first row)",
                           o->trace);
        return 0;
    }
    r->any = true;
    *at_ns = row->t_ns - o->trace_from_ns;
    if (o->trace_speed == 1)
        return 1;
    double slowed = (double)*at_ns / o->trace_speed + 0.5;
    if (!(slowed < (double)INT64_MAX))
        return err_set(e, EXIT_CODE_FAILED,
                       "%s: at trace_speed = %g the row of %.7f s comes after the clock ends, at %.4g s (raise "
                       "workload.trace_speed, or end the slice before with trace_to)",
                       o->trace, o->trace_speed, (double)row->t_ns * 1e-9, (double)INT64_MAX * 1e-9);
    *at_ns = (int64_t)slowed;
    return 1;
}
