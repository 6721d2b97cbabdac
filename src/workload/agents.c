#include "workload/agents.h"

#include "workload/agents_state.h"
#include "workload/lengths.h"

enum { BLOCK_BITS = 24 };
#define AGENT_BLOCKS (INT64_C(1) << 62) /* ids of blocks: above those of sessions (sessions.h) */

struct agents *agents_new(const struct scenario *sc, int64_t block_tokens)
{
    struct agents *a = mem_zalloc(1, sizeof *a);

    a->sc = sc;
    a->block_tokens = block_tokens;
    a->most_context = sc->layout.model.max_context;
    a->contexts = sc->n_agents;
    a->seen = mem_zalloc((size_t)sc->n_agents, sizeof *a->seen);
    return a;
}

void agents_free(struct agents *a)
{
    if (a == NULL)
        return;
    for (uint32_t i = 0; i < a->n; i++)
        if (a->at[i])
            agents_free_branch(a, a->at[i]);
    free(a->at);
    free(a->free_slots);
    free(a->seen);
    free(a);
}

void agents_record(struct agents *a, struct trace *t)
{
    a->trace = t;
}

uint64_t agents_digest(const struct agents *a)
{
    return a->digest;
}

/* ---- a call ---- */

/* Where reasoning precedes the answer, what follows the prompt is of no use to a later call. */
static void set_chain(const struct agents *a, const struct agent_branch *b, struct work_item *item)
{
    int64_t system = agents_options(a, b)->system_tokens / a->block_tokens, n = 0;
    int64_t all = b->now.reasoning_tokens > 0 ? item->input_tokens : item->input_tokens + item->output_tokens;
    struct block_run *run = mem_alloc(2 * sizeof *run);

    item->prompt_blocks = item->input_tokens / a->block_tokens;
    all /= a->block_tokens;
    system = system < item->prompt_blocks ? system : item->prompt_blocks;
    sim_assert(all < INT64_C(1) << BLOCK_BITS);
    if (system > 0)
        run[n++] = (struct block_run){AGENT_BLOCKS | b->agent << BLOCK_BITS, system};
    if (all > system)
        run[n++] = (struct block_run){(AGENT_BLOCKS | b->context_id << BLOCK_BITS) + system, all - system};
    item->chain = (struct chain){run, n};
}

/* The longest prompt beside so many tokens of answer. */
static int64_t room(const struct agents *a, const struct agent_branch *b, int64_t output)
{
    int64_t most = a->most_context - output, class_most = a->sc->classes[b->session->class_id].input_max;

    return class_most > 0 && class_most < most ? class_most : most;
}

static uint64_t step_entity(const struct agent_branch *b)
{
    return rng_hash(b->entity, (uint64_t)b->step);
}

/* The branch's next call. */
static void make_call(struct agents *a, struct agent_branch *b, int64_t t_ns, struct work_item *item)
{
    const struct agent_options *o = agents_options(a, b);
    int64_t input = b->context + b->append, reasoning = 0, output = o->compact_to;

    b->compacting = o->compact_at > 0 && input > o->compact_at;
    if (!b->compacting) {
        output = agents_draw_tokens(a, step_entity(b), RNG_AGENT_OUTPUT, &o->output, a->sc->workload.output_scale);
        reasoning = agents_draw_tokens(a, step_entity(b), RNG_AGENT_REASONING, &o->reasoning, a->sc->workload.output_scale);
    }
    int64_t most = room(a, b, output + reasoning), least = b->compacting ? 1 : b->context > 0 ? b->context : 1;
    input = input <= most ? input : most > least ? most : least;
    int64_t known = b->known_blocks < input / a->block_tokens ? b->known_blocks : input / a->block_tokens;
    struct agent_session *s = b->session;
    *item = (struct work_item){.t_ns = t_ns,
                               .class_id = s->class_id,
                               .input_tokens = input,
                               .output_tokens = output + reasoning,
                               .known_blocks = known,
                               .of_agent = true,
                               .session = s->number,
                               .turn = s->calls++,
                               .session_slot = b->slot};
    b->now = (struct ev_agent_step){.task = s->task.id,
                                    .branch = b->number,
                                    .agent = b->agent,
                                    .parent = b->parent ? b->parent->number : -1,
                                    .parent_step = b->parent ? b->parent->now.step : -1,
                                    .step = b->calls++,
                                    .compaction = b->compacting,
                                    .t_start_ns = t_ns,
                                    .join_branch = -1,
                                    .input_tokens = input,
                                    .repeated_tokens = known * a->block_tokens,
                                    .output_tokens = output + reasoning,
                                    .reasoning_tokens = reasoning};
    set_chain(a, b, item);
    agents_begin_call(a, b);
}

static void release(struct agents *a, struct agent_branch *b, int64_t t_ns, struct ready *ready)
{
    struct work_item item;

    make_call(a, b, t_ns, &item);
    ready_put(ready, &item);
}

/* ---- a task begins ---- */

static void begin_task(struct agents *a, struct agent_branch *root, int64_t t_ns)
{
    struct agent_session *s = root->session;
    int64_t number = s->begun++, deadline_ns = agents_options(a, root)->deadline_ns;

    agents_open_task(a, root, number, deadline_ns > 0 ? deadline_ns : -1, t_ns);
    root->entity = rng_hash((uint64_t)s->number, (uint64_t)number);
    root->steps = agents_draw(a, root->entity, RNG_AGENT_STEPS, &agents_options(a, root)->steps, 1);
}

static void begin_context(struct agents *a, struct agent_branch *b)
{
    const struct agent_options *o = agents_options(a, b);

    b->context_id = a->contexts++;
    b->context = o->system_tokens;
    b->known_blocks = a->seen[b->agent] ? o->system_tokens / a->block_tokens : 0;
    a->seen[b->agent] = true;
    b->append = agents_draw_tokens(a, b->entity, RNG_AGENT_FIRST, &o->first, a->sc->workload.input_scale);
}

void agents_begin(struct agents *a, struct work_item *item)
{
    struct agent_branch *b = agents_new_branch(a);
    struct agent_session *s = mem_zalloc(1, sizeof *s);

    *s = (struct agent_session){.number = item->session, .class_id = item->class_id};
    b->session = s;
    b->agent = a->sc->classes[item->class_id].agent_at;
    s->tasks = agents_draw(a, (uint64_t)s->number, RNG_AGENT_TASKS, &agents_options(a, b)->tasks, 1);
    begin_task(a, b, item->t_ns);
    begin_context(a, b);
    make_call(a, b, item->t_ns, item);
}

/* ---- sub-agents ---- */

static void begin_sub(struct agents *a, struct agent_branch *parent, uint64_t entity, int64_t now_ns,
                      struct ready *ready)
{
    struct agent_branch *b = agents_new_branch(a);

    b->session = parent->session;
    b->parent = parent;
    b->agent = agents_options(a, parent)->sub_at;
    b->depth = parent->depth + 1;
    b->number = b->session->branches++;
    b->entity = entity;
    b->steps = agents_draw(a, entity, RNG_AGENT_STEPS, &agents_options(a, b)->steps, 1);
    begin_context(a, b);
    b->session->task.subs++;
    release(a, b, now_ns, ready);
}

static void begin_subs(struct agents *a, struct agent_branch *b, uint64_t entity, int64_t now_ns, struct ready *ready)
{
    const struct agent_options *o = agents_options(a, b);
    int64_t deepest = a->sc->agents[b->session->task.agent].sub_depth;

    if (o->sub_at < 0 || b->depth >= deepest || !agents_draw_happens(a, entity, RNG_AGENT_SUBS, o->sub_share))
        return;
    /* Another entity: the share and the number must not be one value. */
    b->waits = agents_draw(a, ~entity, RNG_AGENT_SUBS, &o->subs, 1);
    b->now.subs = b->waits;
    for (int64_t i = 0; i < b->now.subs; i++)
        begin_sub(a, b, rng_hash(~entity, (uint64_t)i), now_ns, ready);
}

/* ---- what follows a call ---- */

static bool end_branch(struct agents *a, struct agent_branch *b, int64_t now_ns, struct ready *ready);

/* Tools and sub-agents have ended, or the task has failed. */
static bool go_on(struct agents *a, struct agent_branch *b, int64_t now_ns, struct ready *ready)
{
    int64_t t_ns = b->session->failed || b->t_tools_ns < now_ns ? now_ns : b->t_tools_ns;

    agents_close_step(a, b, t_ns);
    if (b->session->failed)
        return end_branch(a, b, now_ns, ready);
    release(a, b, t_ns, ready);
    return false;
}

static bool end_task(struct agents *a, struct agent_branch *root, int64_t now_ns, struct ready *ready)
{
    struct agent_session *s = root->session;

    agents_close_task(a, root, now_ns);
    if (s->failed || s->begun == s->tasks) {
        agents_free_branch(a, root);
        return true;
    }
    const struct agent_options *o = agents_options(a, root);
    uint64_t entity = root->entity;
    int64_t t_ns = agents_later(now_ns, agents_draw_s(a, entity, RNG_AGENT_THINK, &o->think));
    begin_task(a, root, t_ns);
    root->append = agents_draw_tokens(a, entity, RNG_AGENT_REQUEST, &o->request, a->sc->workload.input_scale);
    release(a, root, t_ns, ready);
    return false;
}

/* Its last step is over. True: and so is the session. */
static bool end_branch(struct agents *a, struct agent_branch *b, int64_t now_ns, struct ready *ready)
{
    struct agent_branch *parent = b->parent;

    if (parent == NULL)
        return end_task(a, b, now_ns, ready);
    agents_join(b, now_ns);
    parent->append = length_clamp(parent->append + b->answer, 0, LENGTH_CAP);
    agents_free_branch(a, b);
    return --parent->waits == 0 && go_on(a, parent, now_ns, ready);
}

/* The context is system prompt and summary from now on. */
static void compact(struct agents *a, struct agent_branch *b)
{
    const struct agent_options *o = agents_options(a, b);

    b->context_id = a->contexts++;
    b->context = o->system_tokens + o->compact_to;
    b->append = 0;
    b->known_blocks = o->system_tokens / a->block_tokens;
    b->session->task.compactions++;
}

/* The answer joins the context; then tools and sub-agents, unless it was the task's last. */
static void take_answer(struct agents *a, struct agent_branch *b, int64_t now_ns, struct ready *ready)
{
    const struct ev_agent_step *n = &b->now;
    uint64_t entity = step_entity(b);

    b->answer = n->output_tokens - n->reasoning_tokens;
    b->context = n->input_tokens + b->answer;
    /* The last token has no KV. */
    b->known_blocks = (n->reasoning_tokens > 0 ? n->input_tokens : b->context - 1) / a->block_tokens;
    b->append = 0;
    if (++b->step == b->steps)
        return;
    agents_call_tools(a, b, entity, now_ns);
    begin_subs(a, b, entity, now_ns, ready);
}

bool agents_ended(struct agents *a, const struct work_ended *call, int64_t now_ns, struct ready *ready)
{
    sim_assert(call->slot < a->n && a->at[call->slot]);
    struct agent_branch *b = a->at[call->slot];
    struct agent_session *s = b->session;

    agents_end_call(a, b, call, now_ns);
    s->failed |= !call->answered;
    if (s->failed) {
        agents_close_step(a, b, now_ns);
        return end_branch(a, b, now_ns, ready);
    }
    if (b->compacting) {
        compact(a, b);
        return go_on(a, b, now_ns, ready);
    }
    take_answer(a, b, now_ns, ready);
    if (b->step == b->steps) {
        agents_close_step(a, b, now_ns);
        return end_branch(a, b, now_ns, ready);
    }
    return b->waits == 0 && go_on(a, b, now_ns, ready);
}
