/*
 * rescale.h - a trace with more or fewer requests in the same time: trace_rate_scale (trace_speed makes all time run
 * faster, and its bursts with it).
 *
 *   scale < 1   each row is kept with probability scale, drawn row by row
 *   scale > 1   the trace and copies of it together: whole copies, and one that keeps each row with the fraction that
 *               is left. Each copy is turned within the slice: it begins at a row drawn at random, goes to the slice's
 *               end, and on from its start.
 *
 * Of tiersim's own traces it is graphs (graph.h), so whole tasks and sessions, that are kept, drawn and copied, each by
 * the time of the row that begins it. Copies have sessions of their own.
 *
 * So how rates rise and fall stays in real time. What it does to burstiness, with I(t) the index of dispersion of the
 * counts in windows of length t and c the coefficient of variation of the gaps:
 *
 *   kept with p         I -> 1 + p (I - 1), exactly (each count is a binomial of the old); of renewal gaps,
 *                       c^2 -> 1 + p (c^2 - 1): towards Poisson
 *   k turned copies     I stays, where counts a random shift apart are unrelated; where they are related, each pair of
 *                       copies adds twice their covariance. Gaps tend to those of a Poisson process of the local
 *                       rate (Palm 1943, Khinchine 1960): bursts shorter than the shifts do not stack
 *   trace_speed = s     I(t) -> I(s t), c stays: each burst is s times shorter and s times steeper
 *
 * Content: a copy's blocks have ids of their own, so it finds nothing of the trace's cached (an
 * agent's system prompt is there once a copy). Dropped rows leave the
 * others as they are: what a conversation's missing turn would have brought in comes with its next.
 *
 * The turn's period is the slice, or, without trace_to, until a mean gap after the last row. With copies the trace is
 * read once more before the start, to count its rows. Bounded memory: a reader and a row each copy.
 */
#ifndef WORKLOAD_RESCALE_H
#define WORKLOAD_RESCALE_H

#include <stdbool.h>

#include "base/err.h"
#include "scenario/scenario.h"
#include "workload/trace_row.h"

struct rescale;

/* As replay_open and so on (replay.h). At scale 1 nothing is drawn and the rows are replay's. */
struct rescale *rescale_open(const struct workload_options *o, bool needs_times, uint64_t seed, uint64_t replication,
                             struct err *e);
void rescale_close(struct rescale *s); /* NULL is fine */
int rescale_next(struct rescale *s, struct trace_row *row, int64_t *at_ns, struct err *e)
    __attribute__((warn_unused_result));
int64_t rescale_block_tokens(const struct rescale *s);
bool rescale_has_graphs(const struct rescale *s);

#endif
