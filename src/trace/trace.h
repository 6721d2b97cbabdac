/*
 * trace.h - the records of a run, from the simulating thread to the sinks.
 *
 *   model --put--> unit (arrays, one a kind) --rotate--> queue --> consumer thread --> digest, metrics, sqlite
 *
 * Shape: the model fills records in place in the current unit. Between two events, when a unit holds
 * enough, it goes whole to the consumer thread; a sink makes one commit of it, so that whatever was committed is a
 * consistent prefix of the run. A few units circulate; the model waits when all are with the consumer, so memory
 * does not grow with the length of a run.
 *
 * Every kind is put at every log level: the digest and the metrics need them, and so the fingerprint
 * is the same at all levels. Sinks that store pick by level.
 *
 * Threads: trace_put_*, trace_tick and trace_finish belong to the simulating thread; sinks run on the
 * consumer thread only, in the order added. trace_finish joins it.
 */
#ifndef TRACE_TRACE_H
#define TRACE_TRACE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bug.h"
#include "base/err.h"
#include "trace/events.def"

enum log_level { LOG_SUMMARY, LOG_REQUEST, LOG_STEP, LOG_ALL };

enum request_status {
    REQUEST_WAITING,
    REQUEST_RUNNING,
    REQUEST_COMPLETED,
    REQUEST_REJECTED, /* it could never be served, or admission refused it */
    REQUEST_FAILED,   /* given up after a fault */
    REQUEST_TIMED_OUT, /* its client gave up */
    REQUEST_STATUSES
};
extern const char *const request_status_names[REQUEST_STATUSES]; /* "waiting", "running", "completed", ... */

enum field_type { FIELD_INT, FIELD_TIME, FIELD_REF, FIELD_STATUS };

#define TRACE_KIND(id, table, level, fields, help) EV_##id,
enum ev_kind { EVENTS(TRACE_KIND) EV_KINDS };
#undef TRACE_KIND

#define TRACE_MEMBER(type, name, ref, help) int64_t name;
#define TRACE_STRUCT(id, table, level, fields, help)                                                                   \
    struct ev_##table {                                                                                                \
        fields(TRACE_MEMBER)                                                                                           \
    };
EVENTS(TRACE_STRUCT)
#undef TRACE_STRUCT
#undef TRACE_MEMBER

/* The same as data, for DDL, binding, text. */
struct ev_field {
    enum field_type type;
    const char *name, *reference, *help;
};
struct ev_info {
    const char *table, *help;
    enum log_level level;
    const struct ev_field *fields;
    int n_fields;
};
extern const struct ev_info ev_info[EV_KINDS];

struct trace_unit {
    int64_t *rec[EV_KINDS]; /* n[k] records of ev_info[k].n_fields int64 each */
    uint32_t n[EV_KINDS], cap[EV_KINDS];
    uint32_t total;
    bool last; /* nothing follows */
    struct trace_unit *next;
};

struct sink;
struct sink_ops {
    const char *name;
    /* Takes a whole unit. -1 with err ends the run; later units are then dropped. */
    int (*consume)(struct sink *s, const struct trace_unit *u, struct err *e);
};
struct sink { /* first member of each sink's own struct */
    const struct sink_ops *ops;
};

enum { TRACE_SINKS_MAX = 4 };

struct trace {
    struct trace_unit *unit; /* being filled */
    uint32_t unit_records;   /* rotate at this many */
    /* model: put what makes the unit a consistent prefix (requests in flight) */
    void (*on_rotate)(void *ctx, bool last);
    void *on_rotate_ctx;
    struct sink *sinks[TRACE_SINKS_MAX];
    int n_sinks;
    struct trace_queue *queue; /* thread, free units, error */
};

enum { TRACE_UNIT_RECORDS = 32768 };

void trace_init(struct trace *t, uint32_t unit_records);
void trace_add_sink(struct trace *t, struct sink *s); /* before trace_start */
void trace_start(struct trace *t);
/* Hands the unit over. -1: a sink failed (err). */
int trace_rotate(struct trace *t, bool last, struct err *e);
/* Hands over what is left, joins the thread. -1: a sink failed. */
int trace_finish(struct trace *t, struct err *e);
void trace_free(struct trace *t);

void trace_grow(struct trace_unit *u, enum ev_kind k);

/* Call between events. */
static inline int trace_tick(struct trace *t, struct err *e)
{
    return __builtin_expect(t->unit->total >= t->unit_records, 0) ? trace_rotate(t, false, e) : 0;
}

static inline void *trace_put(struct trace *t, enum ev_kind k, uint32_t n_fields)
{
    struct trace_unit *u = t->unit;

    if (__builtin_expect(u->n[k] == u->cap[k], 0))
        trace_grow(u, k);
    u->total++;
    return u->rec[k] + (size_t)u->n[k]++ * n_fields;
}

/* trace_put_step(t) gives an uninitialised struct ev_step to fill; it is valid until the next put of its kind. */
#define TRACE_PUT(id, table, level, fields, help)                                                                      \
    static inline struct ev_##table *trace_put_##table(struct trace *t)                                                \
    {                                                                                                                  \
        return trace_put(t, EV_##id, sizeof(struct ev_##table) / sizeof(int64_t));                                     \
    }
EVENTS(TRACE_PUT)
#undef TRACE_PUT

/* The digest: one hash a kind over its records in order, so that units and log level do not matter. */
struct digest_sink {
    struct sink sink;
    uint64_t hash[EV_KINDS], count[EV_KINDS];
};
void digest_sink_init(struct digest_sink *d);
uint64_t digest_sink_value(const struct digest_sink *d);

#endif
