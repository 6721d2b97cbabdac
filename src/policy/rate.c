#include "policy/rate.h"

#include <math.h>
#include <stdint.h>

#include "base/num.h"

static const double two_pi = 0x1.921fb54442d18p+2;

/* The clock (int64 ns) ends before; a rate that stays 0 is walked no further. */
static const double beyond_s = 1e10;

enum { NEWTON_STEPS = 100 };

static double slope(const struct rate_piece *p)
{
    return p->s < INFINITY ? (p->to - p->from) / p->s : 0;
}

static double line(const struct rate_walk *w)
{
    return w->piece.from + slope(&w->piece) * w->at_s;
}

/* Integral of the rate from where the walk stands over the next x seconds. */
static double area(const struct rate_walk *w, double x)
{
    double under = x * (line(w) + slope(&w->piece) * x / 2);
    const struct rate_wave *v = &w->wave;

    if (v->per_s > 0)
        under += v->per_s * v->period_s / two_pi * (num_cos_turns(v->at) - num_cos_turns(v->at + x / v->period_s));
    return under;
}

static double rate_at(const struct rate_walk *w, double x)
{
    double r = line(w) + slope(&w->piece) * x;

    if (w->wave.per_s > 0)
        r += w->wave.per_s * num_cos_turns(w->wave.at + x / w->wave.period_s - 0.25);
    return r;
}

static double solve_line(const struct rate_walk *w, double work)
{
    double r = line(w), square = r * r + 2 * slope(&w->piece) * work, sum = r + sqrt(square > 0 ? square : 0);

    return sum > 0 ? 2 * work / sum : 0;
}

/* area(high) >= work. Ends where no number lies between the brackets, or a step moves nothing. */
static double solve_wave(const struct rate_walk *w, double work, double high)
{
    double low = 0, r0 = rate_at(w, 0), x = work < r0 * high ? work / r0 : high / 2;

    for (int i = 0; i < NEWTON_STEPS; i++) {
        double miss = area(w, x) - work, r = rate_at(w, x);
        if (miss > 0)
            high = x;
        else
            low = x;
        double then = r > 0 ? x - miss / r : low;
        if (!(then > low && then < high))
            then = low + (high - low) / 2;
        if (then == x || then <= low || then >= high)
            break;
        x = then;
    }
    return x;
}

/* Over whole periods the wave counts for nothing. */
static double bracket(const struct rate_walk *w, double work)
{
    double period = w->wave.period_s;

    return ((double)(int64_t)(work / (w->piece.from * period)) + 1) * period;
}

static void move(struct rate_walk *w, double x)
{
    w->at_s += x;
    if (w->wave.per_s > 0) {
        double at = w->wave.at + x / w->wave.period_s;
        w->wave.at = at - (double)(int64_t)at;
    }
}

/* Seconds within the piece, which has the work in it. */
static double solve(const struct rate_walk *w, double work, double rest)
{
    double x;

    if (w->wave.per_s == 0)
        x = solve_line(w, work);
    else
        x = solve_wave(w, work, rest < INFINITY ? rest : bracket(w, work));
    return x < rest ? x : rest;
}

double rate_advance(struct rate_walk *w, double work, rate_next *next, void *process, struct rng *rate)
{
    double gone = 0;

    for (;;) {
        double rest = w->piece.s - w->at_s;
        if (rest == INFINITY && !(work < beyond_s * w->piece.from))
            return INFINITY;
        double has = rest < INFINITY ? area(w, rest) : INFINITY;
        if (work < has) {
            double x = solve(w, work, rest);
            move(w, x);
            return gone + x;
        }
        work -= has > 0 ? has : 0;
        gone += rest;
        if (!(gone < beyond_s))
            return INFINITY;
        move(w, rest);
        w->piece = next(process, rate);
        w->at_s = 0;
    }
}

void rate_process_begin(struct rate_process *p, struct rate_piece first, rate_next *next,
                        const struct gaps_options *gaps)
{
    p->walk.piece = first;
    p->next = next;
    p->gaps = gaps_of_cv(gaps);
}

double rate_process_next(void *state, struct rng *gaps, struct rng *rate)
{
    struct rate_process *p = state;
    double work = p->begun ? gaps_draw(&p->gaps, gaps) : gaps_first(&p->gaps, gaps);

    p->begun = true;
    double gap = rate_advance(&p->walk, work, p->next, p, rate);
    rng_mix_double(gaps, gap);
    return gap;
}
