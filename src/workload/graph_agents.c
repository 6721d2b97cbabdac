#include "workload/graph_agents.h"

#include <stdlib.h>
#include <string.h>

#include "workload/agents_state.h"

enum { NONE = -1 };

struct names {
    const char **at;
    int64_t n, cap, of_scenario;
};

struct graph_agents {
    struct agents *book;
    struct names agents, tools;
    bool any;
};

struct part { /* what one branch does of one task */
    int64_t task, number, agent;
    int64_t parent, last; /* calls: that began it, NONE: a root; its latest that was read */
    int64_t now;          /* the call that came last */
    bool joined;          /* a call waits for its last: it goes on no more */
    struct agent_branch *live; /* NULL: it has not begun, or is over */
};

struct node { /* a call */
    int64_t part, next; /* next: of its branch; NONE: there is none */
    int64_t subs;       /* that it begins */
    int64_t compaction, reasoning_tokens, repeated_tokens, deadline_ns;
    int64_t tool_ns, n_tools, n_calls; /* between the one before it in its branch and this */
    int64_t *tool;                     /* [n_tools] */
    struct trace_tool *call;           /* [n_calls]: none, or n_tools */
};

struct graph_tasks {
    struct part *part;
    struct node *node;
    int64_t n_parts, n, cap_parts, cap;
};

/* ---- names ---- */

static int64_t number_of(struct names *names, const char *name, size_t length)
{
    for (int64_t i = 0; i < names->n; i++)
        if (strlen(names->at[i]) == length && memcmp(names->at[i], name, length) == 0)
            return i;
    if (names->n == names->cap) {
        names->cap = names->cap ? 2 * names->cap : 8;
        names->at = mem_realloc((void *)names->at, (size_t)names->cap * sizeof *names->at);
    }
    names->at[names->n] = strndup(name, length);
    return names->n++;
}

static void free_names(struct names *names)
{
    for (int64_t i = 0; i < names->n; i++)
        free((char *)names->at[i]);
    free((void *)names->at);
}

static int64_t new_names(const struct names *names, const char *const **at)
{
    *at = names->at + names->of_scenario;
    return names->n - names->of_scenario;
}

int64_t graph_agents_names(const struct graph_agents *g, const char *const **names)
{
    return new_names(&g->agents, names);
}

int64_t graph_agents_tools(const struct graph_agents *g, const char *const **names)
{
    return new_names(&g->tools, names);
}

/* ---- life ---- */

struct graph_agents *graph_agents_new(const struct scenario *sc, int64_t block_tokens)
{
    struct graph_agents *g = mem_zalloc(1, sizeof *g);

    g->book = agents_new(sc, block_tokens);
    for (int64_t i = 0; i < sc->n_agents; i++)
        number_of(&g->agents, sc->agents[i].name, strlen(sc->agents[i].name));
    for (int64_t i = 0; i < sc->n_tools; i++)
        number_of(&g->tools, sc->tools[i].name, strlen(sc->tools[i].name));
    g->agents.of_scenario = g->agents.n;
    g->tools.of_scenario = g->tools.n;
    return g;
}

void graph_agents_free(struct graph_agents *g)
{
    if (g == NULL)
        return;
    agents_free(g->book);
    free_names(&g->agents);
    free_names(&g->tools);
    free(g);
}

struct agents *graph_agents_book(const struct graph_agents *g)
{
    return g->any ? g->book : NULL;
}

void graph_agents_record(struct graph_agents *g, struct trace *t)
{
    agents_record(g->book, t);
}

void graph_tasks_free(struct graph_agents *g, struct graph_tasks *t)
{
    if (t == NULL)
        return;
    for (int64_t i = 0; i < t->n_parts; i++)
        if (t->part[i].live)
            agents_free_branch(g->book, t->part[i].live);
    for (int64_t i = 0; i < t->n; i++) {
        free(t->node[i].tool);
        free(t->node[i].call);
    }
    free(t->part);
    free(t->node);
    free(t);
}

/* ---- reading ---- */

/* Branches that go on are mostly new ones. */
static int64_t find_part(const struct graph_tasks *t, int64_t task, int64_t number)
{
    for (int64_t i = t->n_parts - 1; i >= 0; i--)
        if (t->part[i].task == task && t->part[i].number == number)
            return i;
    return NONE;
}

static struct part *part_of(const struct graph_tasks *t, int64_t node)
{
    return &t->part[t->node[node].part];
}

static const char *continue_part(struct graph_tasks *t, int64_t at, const struct trace_row *row, const int64_t *parents)
{
    struct part *p = &t->part[at];

    if (p->joined)
        return "its branch had ended";
    if (row->n_parents < 1 || parents[0] != p->last)
        return "its first parent is not the call before it in its branch";
    if (row->gap_ns > 0)
        return "it has gap_ns, but is of the same task as the call before it (want tool_ns)";
    for (int64_t i = 1; i < row->n_parents; i++) {
        struct part *sub = part_of(t, parents[i]);
        if (sub->parent != p->last || sub->last != parents[i] || sub->joined)
            return "a parent is not the last call of a sub-agent that the call before it began";
        sub->joined = true;
    }
    if (row->n_parents - 1 != t->node[p->last].subs)
        return "not all sub-agents that the call before it began are among its parents";
    t->node[p->last].next = t->n;
    p->last = t->n;
    return NULL;
}

static const char *begin_part(struct graph_tasks *t, const struct trace_row *row, const int64_t *parents)
{
    struct part *before = row->n_parents > 0 ? part_of(t, parents[0]) : NULL;

    if (before == NULL)
        return row->branch == 0 ? NULL : "it waits for no call, but is of a sub-agent (branch is not 0)";
    if (row->n_parents > 1 || row->tool_ns > 0)
        return "the first call of a branch has more than one parent, or tool_ns";
    if (before->joined || before->last != parents[0])
        return "the first call of a branch waits for one that is not the last so far of its branch";
    if (row->branch == 0) {
        if (before->number != 0 || before->task == row->task || t->node[parents[0]].subs > 0)
            return "the first call of a task waits for something else than the last of the task before it";
        before->joined = true;
        return NULL;
    }
    if (before->task != row->task || row->gap_ns > 0)
        return "the first call of a sub-agent waits for a call of another task, or has gap_ns";
    t->node[parents[0]].subs++;
    return NULL;
}

static void add_part(struct graph_agents *g, struct graph_tasks *t, const struct trace_row *row, const int64_t *parents)
{
    if (t->n_parts == t->cap_parts) {
        t->cap_parts = t->cap_parts ? 2 * t->cap_parts : 2;
        t->part = mem_realloc(t->part, (size_t)t->cap_parts * sizeof *t->part);
    }
    t->part[t->n_parts++] = (struct part){.task = row->task,
                                          .number = row->branch,
                                          .agent = number_of(&g->agents, row->agent, strlen(row->agent)),
                                          .parent = row->branch > 0 ? parents[0] : NONE,
                                          .last = t->n};
}

static void take_tools(struct graph_agents *g, struct node *n, const struct trace_row *row)
{
    for (const char *name = row->tool, *end; name; name = *end ? end + 1 : NULL) {
        end = strchr(name, '+');
        end = end ? end : name + strlen(name);
        n->tool = mem_realloc(n->tool, (size_t)(n->n_tools + 1) * sizeof *n->tool);
        n->tool[n->n_tools++] = number_of(&g->tools, name, (size_t)(end - name));
    }
    if (row->n_tool_calls == 0)
        return;
    n->n_calls = row->n_tool_calls;
    n->call = mem_alloc((size_t)n->n_calls * sizeof *n->call);
    memcpy(n->call, row->tool_calls, (size_t)n->n_calls * sizeof *n->call);
}

const char *graph_tasks_add(struct graph_agents *g, struct graph_tasks **tasks, const struct trace_row *row,
                            const int64_t *parents)
{
    struct graph_tasks *t = *tasks;

    if (row->n_parents > 0 && (row->agent != NULL) != (t != NULL))
        return "either it or the first row of its graph has no agent, branch and task";
    if (row->agent == NULL)
        return NULL;
    if (t == NULL)
        t = *tasks = mem_zalloc(1, sizeof *t);
    g->any = true;
    int64_t part = find_part(t, row->task, row->branch);
    const char *wrong = part == NONE ? begin_part(t, row, parents) : continue_part(t, part, row, parents);
    if (wrong)
        return wrong;
    if (part == NONE) {
        part = t->n_parts;
        add_part(g, t, row, parents);
    }
    if (t->n == t->cap) {
        t->cap = t->cap ? 2 * t->cap : 4;
        t->node = mem_realloc(t->node, (size_t)t->cap * sizeof *t->node);
    }
    t->node[t->n] = (struct node){.part = part,
                                  .next = NONE,
                                  .compaction = row->compaction,
                                  .reasoning_tokens = row->reasoning_tokens,
                                  .repeated_tokens = row->repeated_tokens,
                                  .deadline_ns = row->deadline_ns,
                                  .tool_ns = row->tool_ns};
    take_tools(g, &t->node[t->n++], row);
    return NULL;
}

/* ---- a call comes ---- */

static struct agent_branch *open_branch(struct graph_agents *g, struct graph_tasks *t, int64_t node,
                                        const struct work_item *item)
{
    struct part *p = part_of(t, node);
    struct agent_branch *b = agents_new_branch(g->book);

    b->agent = p->agent;
    b->number = p->number;
    if (p->parent != NONE) {
        b->parent = part_of(t, p->parent)->live;
        b->session = b->parent->session;
        b->session->task.subs++;
        return b;
    }
    b->session = mem_zalloc(1, sizeof *b->session);
    b->session->number = item->session;
    b->session->class_id = item->class_id;
    agents_open_task(g->book, b, p->task, t->node[node].deadline_ns, item->t_ns);
    return b;
}

void graph_tasks_begin(struct graph_agents *g, struct graph_tasks *t, int64_t node, struct work_item *item)
{
    if (t == NULL)
        return;
    const struct node *n = &t->node[node];
    struct part *p = part_of(t, node);
    if (p->live)
        agents_close_step(g->book, p->live, item->t_ns);
    else
        p->live = open_branch(g, t, node, item);
    struct agent_branch *b = p->live;
    int64_t repeated = n->repeated_tokens < item->input_tokens ? n->repeated_tokens : item->input_tokens;

    p->now = node;
    b->compacting = n->compaction != 0;
    b->now = (struct ev_agent_step){.task = b->session->task.id,
                                    .branch = b->number,
                                    .agent = b->agent,
                                    .parent = b->parent ? b->parent->number : -1,
                                    .parent_step = b->parent ? b->parent->now.step : -1,
                                    .step = b->calls++,
                                    .compaction = n->compaction,
                                    .t_start_ns = item->t_ns,
                                    .join_branch = -1,
                                    .input_tokens = item->input_tokens,
                                    .repeated_tokens = repeated,
                                    .output_tokens = item->output_tokens,
                                    .reasoning_tokens = n->reasoning_tokens};
    item->of_agent = true;
    item->known_blocks = repeated / g->book->block_tokens;
    agents_begin_call(g->book, b);
}

/* ---- a call has ended ---- */

static int64_t later(int64_t t_ns, int64_t by_ns)
{
    return by_ns < INT64_MAX - 1 - t_ns ? t_ns + by_ns : INT64_MAX - 1;
}

static void call_tools(struct graph_agents *g, const struct graph_tasks *t, struct agent_branch *b, int64_t node,
                       int64_t now_ns)
{
    const struct node *next = &t->node[t->node[node].next];

    b->t_tools_ns = later(now_ns, next->tool_ns);
    b->now.tool_calls = next->n_tools;
    b->session->task.tool_calls += next->n_tools;
    g->book->counts.tool_calls += next->n_calls;
    for (int64_t i = 0; i < next->n_calls && g->book->trace; i++) {
        const struct trace_tool *c = &next->call[i];
        *trace_put_tool_call(g->book->trace) = (struct ev_tool_call){.task = b->now.task,
                                                                     .branch = b->number,
                                                                     .step = b->now.step,
                                                                     .tool = next->tool[i],
                                                                     .t_start_ns = now_ns,
                                                                     .t_end_ns = later(now_ns, c->latency_ns),
                                                                     .attempts = c->attempts,
                                                                     .failed = c->failed,
                                                                     .result_tokens = c->result_tokens};
    }
}

/* Its last step is over; and so may be its parent's that waited for it, where nothing follows that. */
static void end_part(struct graph_agents *g, struct graph_tasks *t, struct part *p, int64_t now_ns)
{
    struct agent_branch *b = p->live, *parent = b->parent;
    struct part *of = p->parent != NONE ? part_of(t, p->parent) : NULL;

    if (parent == NULL)
        agents_close_task(g->book, b, now_ns);
    else
        agents_join(b, now_ns);
    agents_free_branch(g->book, b);
    p->live = NULL;
    if (parent == NULL || --parent->waits > 0)
        return;
    if (parent->session->failed || t->node[of->now].next == NONE) {
        agents_close_step(g->book, parent, now_ns);
        end_part(g, t, of, now_ns);
    }
}

void graph_tasks_end(struct graph_agents *g, struct graph_tasks *t, int64_t node, const struct work_ended *call,
                     int64_t now_ns)
{
    if (t == NULL)
        return;
    const struct node *n = &t->node[node];
    struct part *p = part_of(t, node);
    struct agent_branch *b = p->live;
    struct agent_session *s = b->session;

    agents_end_call(g->book, b, call, now_ns);
    s->failed |= !call->answered;
    if (!s->failed) {
        b->step += !b->compacting;
        s->task.compactions += b->compacting;
        b->waits = b->now.subs = n->subs;
        if (n->next != NONE)
            call_tools(g, t, b, node, now_ns);
        if (n->next != NONE || n->subs > 0)
            return;
    }
    agents_close_step(g->book, b, now_ns);
    end_part(g, t, p, now_ns);
}
