/*
 * verdict.h - whether a run kept up with what was offered: STABLE, BACKLOGGED or OVERLOADED.
 *
 * The window judged is the second half of [warm-up, T], T = the earlier of the run's end and the last arrival + s,
 * where s is the mean time from a call's arrival to its answer. In that half C calls were answered; those that came one
 * s earlier, in a time as long, were A. Q and N are the means of the waiting (let in, not yet admitted to a batch) and
 * of all in the system over the last quarter of the time in which calls came. What an idle front end would take for a
 * request is no waiting: it counts from then on, or not at all if it is over by then.
 *
 *   OVERLOADED   A - C > 3 sqrt(A + C), and A - C > A / 50: completions lag what is offered by more than chance would
 *                have it (the difference of two Poisson counts has that deviation) and by more than a fiftieth
 *   BACKLOGGED   not that, but Q > sqrt(A + C) / 2, and Q > N / 10: a queue of the size that a critical load builds up
 *                by chance in that time, and by Little's law more than a tenth of the time in the system is spent in it
 *   STABLE       neither
 *
 * What is refused or given up is offered and not answered: a server that sheds to keep its queue short is OVERLOADED,
 * in so far as its clients do not come again and get their answer. Where calls came for less than s, all at once say,
 * no rate of arrivals can be told and nothing is OVERLOADED.
 *
 * At the critical load itself chance decides; at less than about 1000 calls overloads of less than a third are not told
 * from it. A closed loop is never OVERLOADED.
 *
 * Counts are kept in bins of time, whose width doubles when the run gets longer: edges are rounded to them, by at most
 * 1/2048 of the run and what the front end takes. Memory does not grow.
 */
#ifndef REPORT_VERDICT_H
#define REPORT_VERDICT_H

#include <stdint.h>

#include "trace/trace.h"

enum verdict_name { VERDICT_STABLE, VERDICT_BACKLOGGED, VERDICT_OVERLOADED, VERDICTS };
extern const char *const verdict_names[VERDICTS];

struct verdict_counts {
    double offered_per_s, answered_per_s; /* of A and C; NaN: the window is empty */
    double waiting, in_system;            /* Q and N */
    enum verdict_name name;
};

struct verdict;

struct verdict *verdict_new(void);
void verdict_free(struct verdict *v);
/* What an idle front end takes: latency + service + input_tokens * token. Before the first request; none is 0. */
struct verdict_front {
    int64_t latency_ns, service_ns, token_ns;
};
void verdict_set_front(struct verdict *v, const struct verdict_front *f);
/* Each request once, as it was in the end. */
void verdict_add(struct verdict *v, const struct ev_request *q);
struct verdict_counts verdict_of(const struct verdict *v, int64_t warmup_ns, int64_t t_end_ns);

#endif
