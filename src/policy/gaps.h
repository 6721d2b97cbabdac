/*
 * gaps.h - the law of the gaps between arrivals, at mean 1: what a rate that changes with time is laid over.
 *
 * Time rescaling: with Lambda(t) the integral of the rate, an arrival follows the last one when Lambda has risen by a
 * gap of mean 1. Exponential gaps give the Poisson process of that rate (Cinlar, Introduction to Stochastic Processes,
 * 1975, 4.7); others keep their coefficient of variation in expected arrivals, whatever the rate does (Gerhardt and
 * Nelson, "Transforming renewal processes for simulation of nonstationary arrival processes", INFORMS J. Computing
 * 21(4), 2009).
 *
 * The first gap is what an observer at time 0 has still to wait in a process that began long ago: a gap of the
 * length-biased law, cut at a uniform point (their equilibrium renewal process). So the expected number of arrivals of
 * any interval is exactly the integral of the rate.
 */
#ifndef POLICY_GAPS_H
#define POLICY_GAPS_H

#include "base/rng.h"
#include "policy/arrival.h"

enum gaps_law { GAPS_POISSON, GAPS_GAMMA, GAPS_WEIBULL, GAPS_DETERMINISTIC };
extern const char *const gaps_laws[]; /* their names, for an option */

struct gaps_options {
    int law;   /* enum gaps_law */
    double cv; /* of gamma and weibull */
};

#define GAPS_ROWS(type, member)                                                                                        \
    {"gaps", OPT_CHOICE, UNIT_NONE, offsetof(type, member) + offsetof(struct gaps_options, law), OPT_NO_LIMITS,        \
     "poisson", gaps_laws, "law of the gaps, which the changing rate stretches"},                                      \
    {                                                                                                                  \
        "gaps_cv", OPT_REAL, UNIT_NONE, offsetof(type, member) + offsetof(struct gaps_options, cv), 0.05, 50, "1",     \
            NULL, "with gaps = gamma or weibull: standard deviation of a gap over its mean, at a constant rate"        \
    }

struct gaps {
    enum gaps_law law;
    double shape, scale; /* gamma and weibull */
};

struct arrival_fault gaps_fault(const struct gaps_options *o);
struct gaps gaps_of_cv(const struct gaps_options *o);
struct gaps gaps_of_shape(enum gaps_law law, double shape); /* gamma, weibull */
double gaps_draw(const struct gaps *g, struct rng *r);
double gaps_first(const struct gaps *g, struct rng *r);

#endif
