/*
 * warmup.h - the warm-up of a run by MSER-5 (mser.h): [run] warmup_by = mser5.
 *
 * What is measured depends on the warm-up, what happens does not; so the run is simulated once before, without a
 * results file, and then again with the warm-up that was found. That costs its time twice, and works at every log
 * level.
 *
 * Looked at are the times to first token, per output token and from end to end of the completed calls, each a series in
 * the order of their arrivals. Each series is cut by MSER-5; the warm-up is the arrival of the first call that all
 * three keep. Where one of them is not steady in the second half (MSER-5 cuts past it), the warm-up is refused: the run
 * is too short, or has no steady state (a load above capacity, a day's course).
 *
 * The run's end is no steady state either: where arrivals end before it, batches shrink, and where a horizon cuts it,
 * only short calls of the latest are completed. So calls are left out that came later than three mean end-to-end
 * latencies before that: before the end, or the last arrival from outside (the first call of a session, or one of
 * none).
 *
 * Not looked at: throughput, tiers' fill. A cache in NAND that is still filling, but no longer changes latencies, is
 * taken as warm.
 */
#ifndef STUDY_WARMUP_H
#define STUDY_WARMUP_H

#include <signal.h>
#include <stdint.h>

#include "base/err.h"
#include "scenario/scenario.h"

/* -1 with err: refused, or the run itself failed. Given up, with 0, as soon as *interrupted. */
int warmup_find(const struct scenario *sc, const volatile sig_atomic_t *interrupted, int64_t *warmup_ns, struct err *e);

#endif
