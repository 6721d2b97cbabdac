#include "policy/speculation.h"

#include "base/bug.h"
#include "base/dist.h"

struct speculation speculation_of(const struct replica_options *r)
{
    const struct opt_list *a = &r->spec_acceptance;
    struct speculation s = {.drafts = r->spec_tokens, .expected = 1};
    double all_hold = 1;

    for (int64_t i = 0; i < s.drafts; i++) {
        s.holds[i] = a->n == 0 ? 0 : a->x[i < a->n ? i : a->n - 1];
        s.expected += all_hold *= s.holds[i];
    }
    return s;
}

void speculation_layout(const struct layout *l, struct layout *draft)
{
    struct model_options *m = &draft->model;

    *draft = *l;
    draft->replica.spec_tokens = 0;
    draft->lower = (struct lower_share){0};
    draft->engine.step_overhead_ns = draft->engine.seq_overhead_ns = draft->engine.prefill_overhead_ns = 0;
    if (l->replica.spec_method == SPEC_DRAFT) {
        *m = l->draft;
        return;
    }
    m->layers = 1; /* of the main kind; of a sparse model, sparse */
    m->dense_layers = 0;
    m->engram_layers = 0;
    for (int kind = 0; kind < ATTN_KINDS; kind++)
        m->kind_layers[kind] = 0;
}

static int64_t draw(struct rng *rng, int64_t n, double p)
{
    return p >= 1 || n == 0 ? n : p <= 0 ? 0 : dist_binomial(rng, n, p);
}

struct speculation_advance speculation_advance(const struct speculation *s, struct speculation_clock *c, int64_t n)
{
    struct speculation_advance a = {.tokens = 1};
    int64_t held = n;

    sim_assert(n > 0);
    for (int64_t i = 0; i < s->drafts && held > 0; i++)
        a.accepted += held = draw(&c->rng, held, s->holds[i]);
    double each = c->rest + (double)a.accepted / (double)n;
    int64_t whole = (int64_t)each;
    if (whole > s->drafts) /* by rounding */
        whole = s->drafts;
    a.tokens += whole;
    c->rest = each - (double)whole;
    return a;
}
