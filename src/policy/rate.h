/*
 * rate.h - a rate of arrivals that changes with time, and how long until its integral has risen by so much.
 *
 * The rate is a row of pieces, on each of which it goes in a straight line, and on top of them, if need be, a wave:
 *
 *   rate(t) = line(t) + wave_per_s * sin(2 pi t / period)           wave_per_s <= line(t)
 *
 * Where the pieces come from is the process's business (`next`): a list, a period, a Markov chain. A walk stands at the
 * last arrival. The integral is inverted, no draw is thrown away: in closed form without a wave,
 *
 *   r x + s x^2 / 2 = work   =>   x = 2 work / (r + sqrt(r^2 + 2 s work))           (s the slope, of either sign)
 *
 * and with one by Newton's steps, which a bracket keeps from going astray. (Thinning, Lewis and Shedler 1979, would do
 * for exponential gaps only; gaps.h takes any.)
 */
#ifndef POLICY_RATE_H
#define POLICY_RATE_H

#include <stdbool.h>

#include "base/rng.h"
#include "policy/gaps.h"

struct rate_piece {
    double s;        /* > 0; INFINITY for the last, which is level */
    double from, to; /* rate at its ends, 1/s, >= 0 */
};

struct rate_wave {
    double per_s, period_s;
    double at; /* where in its period the walk stands, [0, 1) */
};

struct rate_walk {
    struct rate_piece piece;
    double at_s; /* in the piece */
    struct rate_wave wave;
};

/* The piece after the walk's. */
typedef struct rate_piece rate_next(void *process, struct rng *rate);

/* Seconds until the integral of the rate has risen by work >= 0, to where the walk then stands; INFINITY if that is
 * beyond any clock. */
double rate_advance(struct rate_walk *w, double work, rate_next *next, void *process, struct rng *rate);

/* What the states of the processes begin with. */
struct rate_process {
    struct rate_walk walk;
    rate_next *next; /* given the process; NULL: the first piece is the last */
    struct gaps gaps;
    bool begun;
};

/* Of a process zeroed before. */
void rate_process_begin(struct rate_process *p, struct rate_piece first, rate_next *next,
                        const struct gaps_options *gaps);
/* arrival_ops.next_s of a state that begins with a rate_process. */
double rate_process_next(void *state, struct rng *gaps, struct rng *rate);

#endif
