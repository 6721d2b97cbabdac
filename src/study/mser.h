/*
 * mser.h - MSER-5: where the initial bias of a series ends (White, Cobb and Spratt 2000, "A comparison of five
 * steady-state truncation heuristics for simulation", WSC; White 1997, Simulation 69).
 *
 * The series is taken in means of five, Z[0] .. Z[m-1]. Left out are the first d of these at which the squared standard
 * error of the rest is least:
 *
 *   d* = argmin over d of  sum over i >= d of (Z[i] - mean of Z[d..])^2 / (m - d)^2
 *
 * the first such d where several are equal. The last MSER_TAIL means are never all that is kept: among a handful,
 * values that happen to be near each other would win. A cut past half of the series is refused: there is then no part
 * of it that is known to be steady (the run is too short, or has no steady state). Values that do not fill a five are
 * left out at the end.
 */
#ifndef STUDY_MSER_H
#define STUDY_MSER_H

#include <stdbool.h>
#include <stdint.h>

enum { MSER_MEAN_OF = 5, MSER_TAIL = 5, MSER_LEAST = 100 };

enum mser_verdict { MSER_OK, MSER_TOO_FEW /* fewer than MSER_LEAST values */, MSER_PAST_HALF };

/* *cut: how many values to leave out at the beginning; also given where refused as past half. */
enum mser_verdict mser_cut(const double *x, int64_t n, int64_t *cut);

#endif
