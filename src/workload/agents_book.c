/*
 * agents_book.c - what agents leave on record: branches by slot, rows of steps and tasks, and the sums along their paths; for
 * agents that are drawn (agents.c) and those of a trace (graph_agents.c).
 */
#include "workload/agents_state.h"

/* ---- branches ---- */

struct agent_branch *agents_new_branch(struct agents *a)
{
    struct agent_branch *b = mem_zalloc(1, sizeof *b);

    if (a->n_free == 0) {
        if (a->n == a->cap) {
            sim_assert(a->cap < WORK_NO_SESSION / 2);
            a->cap = a->cap ? 2 * a->cap : 16;
            a->at = mem_realloc(a->at, a->cap * sizeof *a->at);
            a->free_slots = mem_realloc(a->free_slots, a->cap * sizeof *a->free_slots);
        }
        a->free_slots[a->n_free++] = a->n++;
    }
    b->slot = a->free_slots[--a->n_free];
    a->at[b->slot] = b;
    return b;
}

void agents_free_branch(struct agents *a, struct agent_branch *b)
{
    if (b->parent == NULL)
        free(b->session);
    a->at[b->slot] = NULL;
    a->free_slots[a->n_free++] = b->slot;
    free(b);
}

/* ---- a task ---- */

void agents_open_task(struct agents *a, struct agent_branch *root, int64_t number, int64_t deadline_ns, int64_t t_ns)
{
    struct agent_session *s = root->session;

    s->branches = 1;
    s->task = (struct ev_agent_task){.id = a->counts.tasks_begun++,
                                     .class = s->class_id,
                                     .agent = root->agent,
                                     .session = s->number,
                                     .number = number,
                                     .deadline_ns = deadline_ns,
                                     .t_start_ns = t_ns};
    root->step = root->calls = 0;
    root->path = (struct agent_path){0};
}

void agents_close_task(struct agents *a, struct agent_branch *root, int64_t now_ns)
{
    struct agent_session *s = root->session;
    struct ev_agent_task *t = &s->task;
    const struct agent_path *p = &root->path;

    t->t_end_ns = now_ns;
    t->answered = !s->failed;
    t->steps = root->step;
    t->path_calls = p->calls;
    t->path_tokens = p->tokens;
    t->path_retry_ns = p->retry_ns;
    t->path_queue_ns = p->queue_ns;
    t->path_restore_ns = p->restore_ns;
    t->path_prefill_ns = p->prefill_ns;
    t->path_handoff_ns = p->handoff_ns;
    t->path_decode_ns = p->decode_ns;
    t->path_tool_ns = p->tool_ns;
    t->path_alone_ns = p->alone_ns;
    a->counts.tasks_ended++;
    if (a->trace)
        *trace_put_agent_task(a->trace) = *t;
}

/* ---- a call, and the step that it begins ---- */

void agents_begin_call(struct agents *a, struct agent_branch *b)
{
    b->calling = true;
    b->session->task.calls++;
    a->counts.calls_begun++;
}

static void add_path(struct agent_path *p, const struct agent_path *q)
{
    p->calls += q->calls;
    p->tokens += q->tokens;
    p->retry_ns += q->retry_ns;
    p->queue_ns += q->queue_ns;
    p->restore_ns += q->restore_ns;
    p->prefill_ns += q->prefill_ns;
    p->handoff_ns += q->handoff_ns;
    p->decode_ns += q->decode_ns;
    p->tool_ns += q->tool_ns;
    p->alone_ns += q->alone_ns;
}

void agents_close_step(struct agents *a, struct agent_branch *b, int64_t t_ns)
{
    struct ev_agent_step *n = &b->now;
    int64_t tools_ns = b->t_tools_ns < t_ns ? b->t_tools_ns : t_ns;

    n->t_end_ns = t_ns;
    n->tool_ns = tools_ns - n->t_call_end_ns;
    n->join_ns = t_ns - tools_ns;
    if (n->join_branch >= 0)
        add_path(&b->path, &b->sub_path);
    else
        b->path.tool_ns += n->tool_ns;
    if (a->trace)
        *trace_put_agent_step(a->trace) = *n;
}

void agents_end_call(struct agents *a, struct agent_branch *b, const struct work_ended *call, int64_t now_ns)
{
    struct ev_agent_step *n = &b->now;

    n->request = call->request;
    n->answered = call->answered;
    n->t_call_end_ns = now_ns;
    n->retry_ns = call->retry_ns;
    n->queue_ns = call->queue_ns;
    n->restore_ns = call->restore_ns;
    n->prefill_ns = call->prefill_ns;
    n->handoff_ns = call->handoff_ns;
    n->decode_ns = call->decode_ns;
    n->hit_tokens = call->hit_tokens;
    n->alone_ns = call->alone_ns;
    b->t_tools_ns = now_ns;
    add_path(&b->path, &(struct agent_path){1, n->output_tokens, n->retry_ns, n->queue_ns, n->restore_ns,
                                            n->prefill_ns, n->handoff_ns, n->decode_ns, 0, n->alone_ns});
    b->calling = false;
    a->counts.calls_ended++;
}

void agents_join(struct agent_branch *b, int64_t now_ns)
{
    struct agent_branch *parent = b->parent;

    if (now_ns > parent->t_tools_ns) {
        parent->now.join_branch = b->number;
        parent->sub_path = b->path;
    }
}

struct agents_counts agents_count(const struct agents *a)
{
    struct agents_counts c = a->counts;

    c.tasks_live = c.calls_live = c.steps_joining = 0;
    for (uint32_t i = 0; i < a->n; i++) {
        const struct agent_branch *b = a->at[i];
        if (b == NULL)
            continue;
        c.tasks_live += b->parent == NULL;
        c.calls_live += b->calling;
        c.steps_joining += b->waits > 0;
    }
    sim_assert(c.tasks_begun == c.tasks_ended + c.tasks_live && c.calls_begun == c.calls_ended + c.calls_live);
    return c;
}
