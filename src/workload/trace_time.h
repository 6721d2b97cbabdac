/*
 * trace_time.h - the times that traces write: dates, and seconds with a fraction; to ns by integer arithmetic.
 */
#ifndef WORKLOAD_TRACE_TIME_H
#define WORKLOAD_TRACE_TIME_H

#include <stdbool.h>
#include <stdint.h>

#define TRACE_STAMP_WANTED "YYYY-MM-DD hh:mm:ss[.fraction][+hh:mm], e.g. 2023-11-16 18:15:46.6805900"

struct trace_stamp {
    int64_t s; /* since the year 1, in UTC where it has a zone */
    int64_t ns;
    bool zone;
};

/* Gregorian, no leap seconds; up to nine decimals; zone Z or +hh:mm or -hh:mm, or none. */
bool trace_stamp_parse(const char *text, struct trace_stamp *stamp);

/* Seconds >= 0 as a decimal number, maybe with an exponent (1e-05), to the nearest ns. False: no such number, or 2^63
 * ns and more. */
bool trace_seconds_parse(const char *text, int64_t *ns);

/* Times of rows: since the first, and never before the last one's. */
struct trace_clock {
    bool any;
    int64_t first_ns, last_ns;
};
/* False: before the last. Both times >= 0. */
bool trace_clock_take(struct trace_clock *c, int64_t ns, int64_t *t_ns);

#endif
