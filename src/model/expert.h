/*
 * expert.h - experts of which only some stay in HBM: which ones a step activates, which of those are absent, and what
 * is resident after it. Pure: it knows neither clock nor transfers; the caller turns counts into bytes on links.
 *
 *   step of T tokens, each sparse layer in turn
 *     draw      the distinct experts that T tokens activate (topk.h)
 *     guess     (a policy with `accuracy`) names experts one layer ahead; those absent are fetched, right or wrong
 *     use       resident, or fetched just now: hit.  Else absent: fetched on demand, or read in place
 *     keep      the fetched take slots by the policy's keys (place.h); an expert that leaves is dropped
 *
 * Popularity: expert i is chosen by a token with probability q_i (policy/experts.h), from a Zipf law or from weights.
 * Which id has which place in the ranking is shuffled for each layer (a table of one row is shuffled too; one of a row
 * for each layer holds as it stands). Drift: at each move some disjoint pairs of experts exchange their popularity.
 * Placement at the start: the most popular, ties to the lower id.
 *
 * Sampled layers: where `drawn` < layers, only so many are drawn and each stands for layers/drawn of them (rounded so
 * that they add up), as if those did the same.
 *
 * Streams: what is activated, what is guessed, and what drifts each have one, so that two policies meet the same
 * experts. Cost: a step is O(distinct) a drawn layer, and O(log slots) for each that is fetched; a drift O(experts).
 *
 * Invariants (expert_check): resident experts of a layer <= its slots, and are those in its heap, each under a key not
 * above its present one; distinct = hits + right guesses + absent; slots add up to hot_share of all experts.
 * Not modelled: correlation of experts between tokens, between layers and from step to step; popularity that goes with
 * the kind of request; replicas of hot experts (EPLB).
 * Ownership: the caller, expert_free. Policy options and weights are borrowed.
 */
#ifndef MODEL_EXPERT_H
#define MODEL_EXPERT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/rng.h"
#include "policy/memory.h"

struct expert_config {
    int64_t layers, experts, topk; /* layers: sparse ones */
    int64_t ranks;                 /* of expert parallelism: rank r holds ids from r E/ranks */
    double skew;                   /* of Zipf */
    const struct expert_options *options;
    uint64_t seed, replication, entity;
};

/* Experts, over all layers; times the bytes of an expert gives bytes. */
struct expert_use {
    int64_t distinct;       /* activated */
    int64_t hits;           /* of those: resident before anything of this layer was fetched, and not lost to a guess */
    int64_t right, wrong;   /* fetched ahead: needed, and not */
    int64_t absent;         /* of distinct: neither; fetched on demand or read in place */
    int64_t absent_slowest; /* sum over layers of the most that one rank has: ranks wait for each other in each layer */
    int64_t kept, evicted;  /* fetched ones that took a slot; those that left for them */
};

struct expert_pool;

struct expert_pool *expert_new(const struct expert_config *c);
void expert_free(struct expert_pool *p);

struct expert_use expert_step(struct expert_pool *p, int64_t tokens);

/* Makes the moves of the ranking that were due by now_ns (multiples of drift_ns). Gives how many. */
int64_t expert_drift(struct expert_pool *p, int64_t now_ns);

/* Another share of HBM: what has no slot any more leaves (gives how many, over all layers); new slots start empty. */
int64_t expert_resize(struct expert_pool *p, double hot_share);

int64_t expert_resident(const struct expert_pool *p); /* over all layers */
int64_t expert_slots(const struct expert_pool *p);

/* Of drawn layer l: */
int64_t expert_layers_drawn(const struct expert_pool *p);
int64_t expert_stands_for(const struct expert_pool *p, int64_t l);
bool expert_is_resident(const struct expert_pool *p, int64_t l, int64_t expert);
double expert_popularity(const struct expert_pool *p, int64_t l, int64_t expert); /* q_i, at present */

uint64_t expert_digest(const struct expert_pool *p); /* of all it drew, for the run's fingerprint */
void expert_check(const struct expert_pool *p);

#endif
