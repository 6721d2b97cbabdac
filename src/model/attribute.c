#include "model/attribute.h"

/* ---- a step's time in parts ---- */

static struct cost_step prompts_of(const struct cost_step *step)
{
    struct cost_step p = *step;

    p.n_decode = 0;
    p.n_logits -= step->n_decode;
    for (int k = 0; k < COST_KNEES; k++)
        p.ctx[k] = 0;
    return p;
}

static struct cost_step decodes_of(const struct cost_step *step)
{
    struct cost_step d = {.n_decode = step->n_decode,
                          .n_logits = step->n_decode,
                          .other_decode = step->other_decode,
                          .other_prefill = step->other_prefill};

    for (int k = 0; k < COST_KNEES; k++)
        d.ctx[k] = step->ctx[k];
    return d;
}

/* part of whole, of `ns`; 0 <= part, whole > 0. */
static int64_t portion(int64_t ns, int64_t part, int64_t whole)
{
    if (part >= whole)
        return ns;
    return part <= 0 ? 0 : (int64_t)((__int128)ns * part / whole);
}

/* Of prompts that took `alone` by themselves: what falls on pairs. One chunk gets all in any case. */
static int64_t pair_share(const struct cost_ops *ops, const void *state, const struct cost_step *prompts,
                          int64_t alone, int64_t ns)
{
    struct cost_step without = *prompts;

    if (prompts->n_prefill == 1)
        return 0;
    without.prefill_kv = 0;
    for (int k = 0; k < COST_KNEES; k++)
        without.prefill_pairs[k] = 0;
    return portion(ns, alone - ops->step_ns(state, &without), alone);
}

static int64_t context_share(const struct cost_ops *ops, const void *state, const struct cost_step *decodes,
                             int64_t alone, int64_t ns)
{
    struct cost_step without = *decodes;

    without.ctx[0] = 0;
    return portion(ns, alone - ops->step_ns(state, &without), alone);
}

struct step_cut attribute_cut(const struct cost_ops *ops, const void *state, const struct cost_step *step,
                              int64_t took_ns, int64_t loads_ns)
{
    int64_t own_ns = took_ns - loads_ns;
    struct step_cut c = {.took_ns = took_ns,
                         .pairs = step->prefill_pairs[0],
                         .tokens = step->prefill_tokens,
                         .chunks = step->n_prefill};
    struct cost_step p = prompts_of(step), d = decodes_of(step);
    int64_t p_ns = p.n_prefill > 0 ? ops->step_ns(state, &p) : 0;
    int64_t d_ns = d.n_decode > 0 ? ops->step_ns(state, &d) : 0;

    if (p.n_prefill > 0 && d.n_decode > 0) {
        int64_t both = ops->step_ns(state, step);
        c.prefill_ns = portion(own_ns, both - d_ns + p_ns, 2 * both) + loads_ns;
    } else if (p.n_prefill > 0) {
        c.prefill_ns = took_ns;
    }
    c.decode_ns = took_ns - c.prefill_ns;
    if (p_ns > 0)
        c.pair_ns = pair_share(ops, state, &p, p_ns, c.prefill_ns);
    c.token_ns = c.prefill_ns - c.pair_ns;
    if (d_ns > 0)
        c.context_ns = context_share(ops, state, &d, d_ns, c.decode_ns);
    return c;
}

/* ---- to the requests ---- */

void attribute_step(struct attribution *a, const struct step_cut *cut, const struct cost_step *step, int64_t batch,
                    uint64_t t)
{
    struct step_cut *c = &a->now;
    int64_t n = step->n_decode, contexts = step->ctx[0];

    *c = *cut;
    a->prefill_ns += c->prefill_ns;
    a->decode_ns += c->decode_ns;
    if (n == 0)
        return;
    __int128 by_context = (__int128)c->context_ns << ATTRIBUTE_FRACTION;
    c->w = contexts > 0 ? by_context / contexts : 0;
    __int128 rest = ((__int128)c->decode_ns << ATTRIBUTE_FRACTION) - c->w * contexts + a->left;
    c->e = rest / n;
    a->left = rest % n;
    if (batch == 0)
        return;
    a->sums.w += c->w;
    a->sums.v += c->w * (__int128)t;
    a->sums.e += c->e;
    a->sums.d += c->took_ns;
    a->sums.u += (__int128)c->took_ns * (__int128)t;
}

static struct attributed *share_of(struct attribution *a, uint32_t slot)
{
    return &a->pool->share[slot].of[a->which];
}

void attribute_chunk(struct attribution *a, uint32_t slot, int64_t computed, int64_t tokens)
{
    struct attributed *s = share_of(a, slot);
    struct step_cut *c = &a->now;
    int64_t pairs = attn_pairs(computed, tokens, -1);
    bool last = --c->chunks == 0; /* it gets what is left: all, to the ns */
    int64_t by_pair = last ? c->pair_ns : portion(c->pair_ns, pairs, c->pairs);
    int64_t by_token = last ? c->token_ns : portion(c->token_ns, tokens, c->tokens);

    c->pairs -= pairs;
    c->tokens -= tokens;
    c->pair_ns -= by_pair;
    c->token_ns -= by_token;
    s->prefill_ns += by_pair + by_token;
    s->prefill_token_us += (int64_t)((__int128)(computed + tokens) * c->took_ns / 1000);
}

/* In whole ns; the rest goes to the next who leaves. */
static void give(struct attribution *a, struct attributed *s, __int128 time, __int128 token_ns)
{
    time += a->owed;
    int64_t ns = (int64_t)(time >> ATTRIBUTE_FRACTION);
    a->owed = (uint64_t)(time & (((__int128)1 << ATTRIBUTE_FRACTION) - 1));
    s->decode_ns += ns;
    s->decode_token_us += (int64_t)(token_ns / 1000);
}

void attribute_whole(struct attribution *a, uint32_t slot, int64_t computed)
{
    give(a, share_of(a, slot), a->now.e + a->now.w * (computed + 1), (__int128)(computed + 1) * a->now.took_ns);
}

void attribute_join(struct attribution *a, uint32_t slot)
{
    a->pool->share[slot].joined = a->sums;
}

/* x at step 0, had it been there. */
static __int128 origin(const struct request *q)
{
    return (__int128)q->computed + 1 - (__int128)q->join_step;
}

__int128 attribute_pending(const struct attribution *a, uint32_t slot)
{
    const struct attribute_sums *j = &a->pool->share[slot].joined, *s = &a->sums;

    return origin(&a->pool->at[slot]) * (s->w - j->w) + s->v - j->v + s->e - j->e;
}

void attribute_leave(struct attribution *a, uint32_t slot)
{
    const struct attribute_sums *j = &a->pool->share[slot].joined, *s = &a->sums;
    __int128 token_ns = origin(&a->pool->at[slot]) * (s->d - j->d) + s->u - j->u;

    give(a, share_of(a, slot), attribute_pending(a, slot), token_ns);
}
