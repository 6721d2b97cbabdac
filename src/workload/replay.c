#include "workload/replay.h"

#include <stdbool.h>
#include <stdlib.h>

#include "base/bug.h"
#include "workload/trace_file.h"

struct replay {
    const struct workload_options *o; /* not owned */
    struct trace_file *file;
    bool any, ended;
};

struct replay *replay_open(const struct workload_options *o, bool needs_times, struct err *e)
{
    if (o->trace == NULL || *o->trace == '\0') {
        err_set(e, EXIT_CODE_IO, "arrivals = trace needs the path of a trace (set it with -s workload.trace=PATH)");
        return NULL;
    }
    struct trace_file *file = trace_file_open(NULL, o, " (set its path with -s workload.trace=PATH)", e);
    if (file && !trace_file_about(file)->times && (needs_times || o->trace_from_ns || o->trace_to_ns)) {
        err_set(e, EXIT_CODE_FAILED,
                "%s: its rows have no times (want workload.arrivals = poisson or another law, or trace_order = closed, "
                "and no trace_from or trace_to)",
                o->trace);
        trace_file_close(file);
        file = NULL;
    }
    if (file == NULL)
        return NULL;
    struct replay *r = mem_zalloc(1, sizeof *r);
    r->o = o;
    r->file = file;
    return r;
}

void replay_close(struct replay *r)
{
    if (r == NULL)
        return;
    trace_file_close(r->file);
    free(r);
}

int64_t replay_block_tokens(const struct replay *r)
{
    return trace_file_about(r->file)->block_tokens;
}

bool replay_has_graphs(const struct replay *r)
{
    return trace_file_about(r->file)->graphs;
}

int replay_next(struct replay *r, struct trace_row *row, int64_t *at_ns, struct err *e)
{
    const struct workload_options *o = r->o;
    int got;

    if (r->ended)
        return 0;
    do
        got = trace_file_next(r->file, row, e);
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
