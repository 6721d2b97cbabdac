/*
 * experts.h - how many distinct experts a step of T tokens reads, and how unevenly its tokens fall on ranks.
 *
 * Expert i is among the topk of a token with probability q_i: q_i proportional to i^-skew, sum q_i = topk, each at most
 * 1 (a token picks an expert once). Tokens choose independently:
 *
 *   distinct(T) = sum_i 1 - (1 - q_i)^T         uniform (skew 0): E (1 - (1 - k/E)^T)
 *
 * Kept on a grid of T, 16 points an octave, linear in between (error below 0.1%); exact up to 32 tokens. DeepSeek-R1
 * was measured (InferenceX) to use 50-60% of its experts at 32 tokens: skew between 0.4 and 0.75.
 *
 * With ep ranks of E/ep experts each, placed at random, the slowest rank has (expected largest of ep normal variables)
 * more than the mean: expert_spread gives that largest in standard deviations. For rows this holds where popularity is
 * skewed; for skew 0 it is some 20% too much (a rank's luck then averages out over its experts).
 */
#ifndef POLICY_EXPERTS_H
#define POLICY_EXPERTS_H

#include <stdint.h>

enum { EXPERTS_MAX = 4096 }; /* of a layer */
enum { EXPERTS_OCTAVES = 20, EXPERTS_GRID = 32 + 16 * EXPERTS_OCTAVES };

struct experts {
    double distinct[EXPERTS_GRID];
    double share_square; /* sum of (q_i/topk)^2: 1/E when uniform */
};

/* q of n experts from their popularity, most popular first: proportional to it, what exceeds 1 goes to the others. */
void experts_inclusion(double *q, int64_t n, double topk);
void experts_zipf(double *q, int64_t n, double topk, double skew); /* popularity rank^-skew */

void experts_init(struct experts *x, int64_t experts, int64_t topk, double skew);
double experts_distinct(const struct experts *x, double tokens);
double expert_spread(int64_t ranks);

#endif
