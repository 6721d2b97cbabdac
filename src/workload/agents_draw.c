#include "workload/agents_state.h"
#include "workload/lengths.h"

static struct rng stream(const struct agents *a, uint64_t entity, enum rng_purpose purpose)
{
    struct rng r;

    rng_init(&r, (uint64_t)a->sc->run.seed, (uint64_t)a->sc->run.replication, entity, purpose);
    rng_mix_u64(&r, entity);
    rng_mix_u64(&r, purpose);
    return r;
}

static void drawn(struct agents *a, const struct rng *r)
{
    a->digest += rng_hash(r->digest, r->draws);
}

int64_t agents_draw(struct agents *a, uint64_t entity, enum rng_purpose purpose, const struct length_choice *law,
                    int64_t without)
{
    if (law->ops == NULL)
        return without;
    struct rng r = stream(a, entity, purpose);
    int64_t n = length_draw(law, &r, 0);
    drawn(a, &r);
    return n;
}

int64_t agents_draw_tokens(struct agents *a, uint64_t entity, enum rng_purpose purpose, const struct length_choice *law,
                           double scale)
{
    if (law->ops == NULL)
        return 0;
    struct rng r = stream(a, entity, purpose);
    int64_t n = length_scaled(law, &r, 0, scale);
    drawn(a, &r);
    return n;
}

double agents_draw_s(struct agents *a, uint64_t entity, enum rng_purpose purpose, const struct duration_choice *law)
{
    if (law->ops == NULL)
        return 0;
    struct rng r = stream(a, entity, purpose);
    double s = law->ops->draw(law->options, &r);
    drawn(a, &r);
    return s;
}

static bool happens(struct rng *r, double probability)
{
    bool yes = rng_u01(r) < probability;

    rng_mix_u64(r, yes);
    return yes;
}

bool agents_draw_happens(struct agents *a, uint64_t entity, enum rng_purpose purpose, double probability)
{
    if (probability <= 0)
        return false;
    struct rng r = stream(a, entity, purpose);
    bool yes = happens(&r, probability);
    drawn(a, &r);
    return yes;
}

int64_t agents_later(int64_t t_ns, double s)
{
    double ns = s * 1e9 + 0.5;

    return ns < (double)(INT64_MAX - 1 - t_ns) ? t_ns + (int64_t)ns : INT64_MAX - 1;
}

/* ---- tools ---- */

static int64_t choose_tool(const struct agent_options *o, struct rng *r)
{
    int64_t i = 0;

    if (o->n_tools > 1) {
        double u = rng_u01(r) * o->tool_weight;
        while (i + 1 < o->n_tools && u >= o->tool[i].weight)
            u -= o->tool[i++].weight;
        rng_mix_u64(r, (uint64_t)i);
    }
    return o->tool[i].tool;
}

void agents_call_tools(struct agents *a, struct agent_branch *b, uint64_t entity, int64_t now_ns)
{
    const struct agent_options *o = agents_options(a, b);
    int64_t n = agents_draw(a, entity, RNG_AGENT_CALLS, &o->calls, 1);
    struct rng choice = stream(a, entity, RNG_AGENT_TOOL), latency = stream(a, entity, RNG_AGENT_LATENCY),
               failure = stream(a, entity, RNG_AGENT_FAILURE), result = stream(a, entity, RNG_AGENT_RESULT);

    b->t_tools_ns = now_ns;
    b->append = 0;
    for (int64_t i = 0; i < n; i++) {
        struct ev_tool_call call = {.task = b->now.task,
                                    .branch = b->number,
                                    .step = b->now.step,
                                    .tool = choose_tool(o, &choice),
                                    .t_start_ns = now_ns,
                                    .t_end_ns = now_ns};
        const struct tool_options *tool = &a->sc->tools[call.tool];
        do {
            double s = tool->latency.ops->draw(tool->latency.options, &latency);
            call.t_end_ns = agents_later(call.t_end_ns, s);
            call.attempts++;
            call.failed = tool->failure > 0 && happens(&failure, tool->failure);
        } while (call.failed && call.attempts <= tool->retries);
        call.result_tokens = length_scaled(&tool->result, &result, 0, a->sc->workload.input_scale);
        b->append = length_clamp(b->append + call.result_tokens, 0, LENGTH_CAP);
        b->t_tools_ns = call.t_end_ns > b->t_tools_ns ? call.t_end_ns : b->t_tools_ns;
        if (a->trace)
            *trace_put_tool_call(a->trace) = call;
    }
    b->now.tool_calls = n;
    b->session->task.tool_calls += n;
    a->counts.tool_calls += n;
    drawn(a, &choice);
    drawn(a, &latency);
    drawn(a, &failure);
    drawn(a, &result);
}
