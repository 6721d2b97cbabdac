/*
 * speculation.c - [replica] spec_... and [draft]: which of their keys go together.
 *
 * Where something is wrong with them, the layout goes on without speculation, so that the checks that follow speak of
 * the rest. A draft model is dense and attends its whole context: its experts would need a layout of their own, and a
 * batch keeps sums of the model's own windows only.
 */
#include <inttypes.h>
#include <string.h>

#include "policy/cost_kernels.h"
#include "policy/speculation.h"
#include "scenario/check.h"

static void check_draft_divides(const struct check *c, const char *key, int64_t n)
{
    int64_t tp = c->sc->layout.replica.tp;

    if (n % tp != 0)
        check_wrong(c, "draft", key, "%" PRId64 " is not divided by tp = %" PRId64, n, tp);
}

/* The draft model alone. */
static void check_draft_model(const struct check *c)
{
    const struct model_options *m = &c->sc->layout.draft;
    int64_t knees[COST_KNEES];

    if (m->experts > 0)
        check_wrong(c, "draft", "experts", "only dense draft models are modelled");
    else if (m->dense_inter == 0)
        check_wrong(c, "draft", "dense_inter", "missing");
    for (int kind = 0; kind < ATTN_KINDS; kind++) {
        const struct attn_ops *ops = attn_get((enum attn_kind)kind);
        const char *missing = attn_layers(m, (enum attn_kind)kind) > 0 ? ops->missing(m) : NULL;
        if (missing)
            check_wrong(c, "draft", missing, "missing or wrong: layers with attention of kind %s need it", ops->name);
    }
    if (attn_knees(m, knees, COST_KNEES - 1) > 0)
        check_wrong(c, "draft", "attention", "only draft models that attend all of their context are modelled");
}

/* On the layout, once it is well formed. */
static void check_draft_layout(const struct check *c)
{
    const struct layout *l = &c->sc->layout;
    const struct model_options *m = &l->draft;
    struct layout draft;

    if (m->vocab != l->model.vocab)
        check_wrong(c, "draft", "vocab", "%" PRId64 ", but %s has %" PRId64 " tokens: the drafts could not be verified",
                    m->vocab, l->model.name, l->model.vocab);
    check_draft_divides(c, "q_heads", m->q_heads);
    check_draft_divides(c, "hidden", m->hidden);
    check_draft_divides(c, "dense_inter", m->dense_inter);
    if (m->kv_heads > 0 && l->replica.tp % m->kv_heads != 0)
        check_draft_divides(c, "kv_heads", m->kv_heads);
    speculation_layout(l, &draft);
    const char *kernel = cost_missing_kernel(&draft);
    if (kernel && strcmp(c->sc->cost->policy.name, "roofline") == 0)
        check_wrong(c, "draft", "name", "%s runs in the kernel %s, which has no figures here", m->name, kernel);
}

static void check_draft(const struct check *c)
{
    const struct replica_options *r = &c->sc->layout.replica;
    size_t before = c->d->n;

    if (r->pp > 1 || r->cp > 1 || r->pcp > 1)
        check_wrong(c, "replica", "spec_method", "a draft model and pp, cp or pcp above 1 are not modelled together");
    check_draft_model(c);
    if (c->d->n == before)
        check_draft_layout(c);
}

static void check_method(const struct check *c)
{
    const struct layout *l = &c->sc->layout;
    int method = l->replica.spec_method;
    bool given = check_origin(c->sc, "replica", "spec_method") != NULL;

    if (!given && l->draft.layers > 0)
        check_wrong(c, "replica", "spec_tokens", "[draft] is given, but spec_method is not (want draft)");
    else if (method == SPEC_MTP && l->model.mtp_layers == 0)
        check_wrong(c, "replica", given ? "spec_method" : "spec_tokens",
                    "mtp, but %s has no mtp_layers (want spec_method = draft with a section [draft], or ngram)",
                    l->model.name);
    else if (method == SPEC_DRAFT && l->draft.layers == 0)
        check_wrong(c, "replica", "spec_method", "draft, but there is no draft model (want [draft] with preset = NAME)");
    else if (method == SPEC_DRAFT)
        check_draft(c);
}

void speculation_resolve(struct scenario *sc, struct diags *d)
{
    const struct check c = {.sc = sc, .d = d};
    struct replica_options *r = &sc->layout.replica;
    size_t before = d->n;

    if (r->spec_tokens == 0)
        return;
    if (r->spec_acceptance.n > 1 && r->spec_acceptance.n != r->spec_tokens)
        check_wrong(&c, "replica", "spec_acceptance",
                    "%d numbers, but spec_tokens = %" PRId64 " (want one for each draft, or one number for all)",
                    r->spec_acceptance.n, r->spec_tokens);
    check_method(&c);
    if (d->n > before)
        r->spec_tokens = 0;
}
