/* lengths.h - a number of tokens from its law. */
#ifndef WORKLOAD_LENGTHS_H
#define WORKLOAD_LENGTHS_H

#include <stdint.h>

#include "base/rng.h"
#include "scenario/scenario.h"

enum { LENGTH_CAP = 2147483647 }; /* a lognormal may give anything; sums of lengths must stay within int64 */

/* Rounded to the nearest token, at least 1. A law without draw takes from_trace. */
int64_t length_draw(const struct length_choice *choice, struct rng *r, int64_t from_trace);
/* The same, times scale, rounded up or down so that it is right in the mean: by what the stream has given, without
 * another draw, so that a run with another scale draws the same. */
int64_t length_scaled(const struct length_choice *choice, struct rng *r, int64_t from_trace, double scale);
/* Within limits; max 0: none. */
int64_t length_clamp(int64_t tokens, int64_t min, int64_t max);

#endif
