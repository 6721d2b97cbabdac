/*
 * speculation.h - drafts: how many are verified, how many of them hold, and what a draft is made with.
 *
 * In each step that decodes, every sequence has spec_tokens drafts verified beside the token that it would decode
 * anyway. Those up to the first that is wrong are kept, and the model's own token after them: 1 to 1 + spec_tokens
 * tokens. With a_i the probability that draft i holds where those before it did, it gets on average
 *
 *     1 + a_1 + a_1 a_2 + ... + a_1 ... a_d        (equal ones: Leviathan, Kalman, Matias, ICML 2023, eq. 1)
 *
 * How many a batch of n gets in a step is drawn for all together, exactly: m_0 = n, m_i binomial of m_(i-1) with a_i,
 * and sum m_i tokens. What keeps a decode step O(1) is that all sequences of the batch then advance alike: each by the
 * whole part of that sum over n, whose rest is kept for the next step (speculation_advance). So a batch of one has its
 * own luck to the token; the batch's tokens are right in distribution in every step but for a rest below one a
 * sequence; and what is lost is that in a batch of many some sequences are luckier than others. Over an answer of N
 * tokens that is some sqrt(N) tokens: TPOT spreads less between requests than it should.
 *
 * Not modelled: acceptance that differs between requests or falls with temperature, trees of drafts, draft lengths that
 * follow the load, drafts that an ngram look-up does not find (count them in the acceptance).
 */
#ifndef POLICY_SPECULATION_H
#define POLICY_SPECULATION_H

#include "base/rng.h"
#include "policy/layout.h"

struct speculation {
    int64_t drafts; /* of a sequence and step; 0: none */
    double holds[SPEC_TOKENS_MAX];
    double expected; /* tokens of a sequence in a step */
};
struct speculation speculation_of(const struct replica_options *r);

/* Whether KV and weights of a drafting model lie beside the model's own. */
static inline bool speculation_has_model(const struct replica_options *r)
{
    return r->spec_tokens > 0 && r->spec_method != SPEC_NGRAM;
}

/* What one pass of drafting runs on: the layout, with the draft model or one layer of multi-token prediction for its
 * model and without the engine's overheads of a step. Only where speculation_has_model. */
void speculation_layout(const struct layout *l, struct layout *draft);

/* Of a replica. */
struct speculation_clock {
    struct rng rng;
    double rest; /* tokens of a sequence that were drawn and not given yet, below 1 */
};

struct speculation_advance {
    int64_t tokens;   /* that each sequence advances by: 1 to 1 + drafts */
    int64_t accepted; /* drafts of all sequences */
};
struct speculation_advance speculation_advance(const struct speculation *s, struct speculation_clock *c, int64_t n);

#endif
