/*
 * topk.h - which distinct experts of a layer a step of T tokens activates. Pure: draws only.
 *
 * The law of one token: a set of exactly topk experts, expert i among them with probability q_i, sum q_i = topk. Lay
 * the experts as intervals of length q_i side by side, in order of their ids, and cut at the whole numbers into topk
 * strata of length 1. The token takes one expert in each stratum, by length; one that lies across a cut is taken at
 * most once (Deville's systematic sampling; "Une nouvelle (encore une!) methode de tirage a probabilites inegales",
 * INSEE 1998; Tille, "Sampling Algorithms", 2006, 7.2):
 *
 *     0          1          2          3     = topk
 *     |  0  | 1  | 1 |2|3| 4| 4|  5    |     a: part of a straddling expert before its cut, r: after it, a + r = q
 *                ^ cut      ^ cut            taken before: among the others of the next stratum, by length
 *                                            else: taken after with probability r/(1-a), so that q = a + (1-a) r/(1-a)
 *
 * All who did not take the straddling expert after the cut choose among that stratum's others by length, whichever they
 * did before. Tokens are independent, so over T tokens, whatever else the law of the sets,
 *
 *     P(i is activated) = 1 - (1-q_i)^T          distinct(T) = sum of that, exactly the closed form of policy/experts.h
 *
 * Why not the router's own law: Gumbel noise on popularities w_i (topk successive draws by w_i without replacement) has
 * inclusion probabilities without a closed form, less skewed than q_i = topk w_i at the top; and its union over T
 * tokens has no law that is cheaper than drawing each token. What is left free here, which experts go together, was not
 * measured for any model we know of; ids are dealt to popularities at random (expert.h), so that it has no pattern.
 *
 * The union is drawn in O(distinct), not O(T topk), and has exactly the law of T sets drawn one by one: what crosses a
 * cut is counted by two binomials; the others of a stratum are that many independent draws by length, made one by one
 * until most of its length was taken, and from there on by the geometric number of draws until one takes what is left.
 * (A scan of what is left of the stratum, E/topk experts at most where popularities are alike, goes with each of
 * those.)
 *
 * Lengths are multiples of 2^-40, so that cuts fall without rounding; q_i is met to that.
 * Ownership: the caller; topk_free. Room for ids is the caller's.
 */
#ifndef MODEL_TOPK_H
#define MODEL_TOPK_H

#include <stdint.h>

#include "base/rng.h"

struct topk_cut { /* the expert that lies across a whole number; its parts; -1: none */
    int32_t expert;
    uint64_t before, after;
};

struct topk { /* one layer */
    int32_t experts, k;
    uint64_t *at;         /* where expert i's interval begins; at[experts] = topk */
    int32_t *guide;       /* of each of equal steps over all strata: the expert in which it begins */
    int guide_shift;      /* a position shifted by this is its step */
    struct topk_cut *cut; /* k + 1: cut[j] ends stratum j - 1 and begins stratum j; none at 0 and k */
    uint32_t *seen;       /* an expert drawn in this union has the present stamp */
    uint32_t stamp;
    int32_t *left; /* scratch: those of a stratum not yet drawn */
};

void topk_init(struct topk *t, int64_t experts, int64_t k);
void topk_free(struct topk *t);
/* By expert; each in [0, 1], sum k. */
void topk_set(struct topk *t, const double *q);
/* Gives how many distinct experts the tokens activate; ids in order of stratum. Each id enters the stream's digest. */
int64_t topk_draw(struct topk *t, struct rng *r, int64_t tokens, int32_t *ids);

#endif
