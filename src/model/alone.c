#include "model/alone.h"

#include "model/kv_state.h"

static int64_t front_ns(const struct fleet *f, int64_t input_tokens)
{
    const struct engine_options *e = &f->sc->layout.engine;

    return e->request_service_ns + input_tokens * e->token_service_ns + e->request_latency_ns;
}

static int64_t prompt_ns(const struct fleet *f, int64_t from, int64_t to)
{
    int64_t sum = 0, most = f->sc->layout.limits.max_num_batched_tokens;

    while (from < to) {
        struct cost_step step = {0};
        int64_t n = to - from < most ? to - from : most;
        cost_add_chunk(&step, &f->env.knees, from, n, from + n == to);
        step.rank_tokens = n;
        sum += f->env.cost->step_ns(f->cost_state, &step);
        from += n;
    }
    return sum;
}

static int64_t decode_ns(const struct fleet *f, int64_t context)
{
    struct cost_step step = {0};

    cost_add_decode(&step, &f->env.knees, context);
    return f->env.cost->step_ns(f->cost_state, &step);
}

/* Steps after `from`, from + 1, ... to - 1 tokens in the cache. A token attends itself too, so the time bends where
 * context + 1 passes a knee. */
static int64_t answer_ns(const struct fleet *f, int64_t from, int64_t to)
{
    int64_t sum = 0;

    while (from < to) {
        int64_t end = to;
        for (int i = 1; i < f->env.knees.n; i++)
            if (f->env.knees.at[i] > from && f->env.knees.at[i] < end)
                end = f->env.knees.at[i];
        int64_t ends = decode_ns(f, from) + decode_ns(f, end - 1), n = end - from;
        sum += ends / 2 * n + ends % 2 * n / 2;
        from = end;
    }
    if (f->speculation.drafts > 0)
        sum = (int64_t)((double)sum / f->speculation.expected);
    return sum;
}

int64_t alone_ns(const struct world *w, const struct request *q)
{
    const struct fleet *prompts = &w->fleet[0], *answers = &w->fleet[w->n_fleets - 1];
    int64_t cached = w->kv && kv_shares(w->kv, q) ? kv_usable(w->kv, q, q->known_blocks) : 0;

    return front_ns(prompts, q->input_tokens) + prompt_ns(prompts, cached, q->input_tokens) +
           answer_ns(answers, q->input_tokens, q->input_tokens + q->output_tokens - 1);
}
