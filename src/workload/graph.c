#include "workload/graph.h"

#include <stdlib.h>

#include "base/bug.h"

enum { NO_EDGE = -1 };

struct node {
    struct work_item item; /* until it comes */
    int64_t tool_ns, gap_ns;
    int64_t t_least_ns; /* tool_ns after its first parent's end */
    int64_t first_parent, waits; /* a node; parents that have not ended */
    int64_t edges;               /* the first of those to its children */
};

struct edge {
    int64_t child, next;
};

struct graph {
    struct node *node;
    struct edge *edge;
    int64_t n, cap, n_edges, cap_edges;
    int64_t under_way, came; /* calls */
    bool failed, counted;
    struct graph_tasks *tasks;
};

struct call { /* by slot */
    struct graph *graph; /* NULL: the slot is free */
    int64_t node;
    uint32_t next_free;
};

struct graphs {
    struct graph_agents *agents;
    struct graph *reading; /* NULL: none */
    int64_t *ids;          /* of its rows */
    int64_t *parents;      /* of a row: which */
    int64_t cap_ids, cap_parents;
    struct call *call;
    uint32_t n, cap, free;
    struct graph_counts counts;
};

struct graphs *graphs_new(struct graph_agents *agents)
{
    struct graphs *g = mem_zalloc(1, sizeof *g);

    g->agents = agents;
    g->free = WORK_NO_SESSION;
    return g;
}

static void free_graph(struct graphs *g, struct graph *x)
{
    if (x == NULL)
        return;
    for (int64_t i = 0; i < x->n; i++)
        work_item_free(&x->node[i].item);
    graph_tasks_free(g->agents, x->tasks);
    free(x->node);
    free(x->edge);
    free(x);
}

void graphs_free(struct graphs *g)
{
    if (g == NULL)
        return;
    free_graph(g, g->reading);
    for (uint32_t s = 0; s < g->n; s++)
        if (g->call[s].graph && --g->call[s].graph->under_way == 0)
            free_graph(g, g->call[s].graph);
    free(g->call);
    free(g->ids);
    free(g->parents);
    free(g);
}

bool graph_is_empty(const struct graphs *g)
{
    return g->reading == NULL;
}

/* ---- reading ---- */

/* Parents are mostly near. */
static int64_t find(const struct graphs *g, int64_t id)
{
    for (int64_t i = g->reading->n - 1; i >= 0; i--)
        if (g->ids[i] == id)
            return i;
    return -1;
}

static void add_edge(struct graph *x, int64_t parent, int64_t child)
{
    if (x->n_edges == x->cap_edges) {
        x->cap_edges = x->cap_edges ? 2 * x->cap_edges : 8;
        x->edge = mem_realloc(x->edge, (size_t)x->cap_edges * sizeof *x->edge);
    }
    x->edge[x->n_edges] = (struct edge){child, x->node[parent].edges};
    x->node[parent].edges = x->n_edges++;
}

static void grow(struct graphs *g)
{
    struct graph *x = g->reading;

    if (x->n == x->cap) {
        x->cap = x->cap ? 2 * x->cap : 4;
        x->node = mem_realloc(x->node, (size_t)x->cap * sizeof *x->node);
    }
    if (x->cap > g->cap_ids) {
        g->cap_ids = x->cap;
        g->ids = mem_realloc(g->ids, (size_t)g->cap_ids * sizeof *g->ids);
    }
}

/* False: one is no row of the graph before. */
static bool find_parents(struct graphs *g, const struct trace_row *row)
{
    if (row->n_parents > g->cap_parents) {
        g->cap_parents = 2 * row->n_parents;
        g->parents = mem_realloc(g->parents, (size_t)g->cap_parents * sizeof *g->parents);
    }
    for (int64_t i = 0; i < row->n_parents; i++)
        if ((g->parents[i] = find(g, row->parents[i])) < 0)
            return false;
    return true;
}

const char *graph_add(struct graphs *g, const struct trace_row *row, const struct work_item *item)
{
    if (g->reading == NULL)
        g->reading = mem_zalloc(1, sizeof *g->reading);
    struct graph *x = g->reading;
    grow(g);
    x->node[x->n] = (struct node){.item = *item,
                                  .tool_ns = row->tool_ns,
                                  .gap_ns = row->gap_ns,
                                  .first_parent = NO_EDGE,
                                  .waits = row->n_parents,
                                  .edges = NO_EDGE};
    g->ids[x->n] = row->id;
    const char *wrong = find_parents(g, row) ? graph_tasks_add(g->agents, &x->tasks, row, g->parents)
                                             : "a parent is no row of its graph before it";
    for (int64_t i = 0; i < row->n_parents && !wrong; i++)
        add_edge(x, g->parents[i], x->n);
    if (row->n_parents > 0 && !wrong)
        x->node[x->n].first_parent = g->parents[0];
    x->n++; /* wrong or not: its chain is to be freed */
    return wrong;
}

/* ---- life ---- */

/* Its time is set by who releases it. */
static void release(struct graphs *g, struct graph *x, int64_t node, struct work_item *item)
{
    uint32_t slot = g->free;

    if (slot != WORK_NO_SESSION) {
        g->free = g->call[slot].next_free;
    } else {
        if (g->n == g->cap) {
            sim_assert(g->cap < WORK_NO_SESSION / 2);
            g->cap = g->cap ? 2 * g->cap : 16;
            g->call = mem_realloc(g->call, g->cap * sizeof *g->call);
        }
        slot = g->n++;
    }
    g->call[slot] = (struct call){.graph = x, .node = node};
    *item = x->node[node].item;
    item->session_slot = slot;
    x->node[node].item.chain = (struct chain){0};
    x->under_way++;
    x->came++;
    g->counts.came++;
}

int64_t graph_time_ns(const struct graphs *g)
{
    return g->reading->node[0].item.t_ns;
}

void graph_begin(struct graphs *g, int64_t t_ns, struct work_item *item)
{
    g->counts.calls += g->reading->n;
    release(g, g->reading, 0, item);
    item->t_ns = t_ns;
    graph_tasks_begin(g->agents, g->reading->tasks, 0, item);
    g->reading = NULL;
}

static int64_t later(int64_t t_ns, int64_t by_ns)
{
    return by_ns < INT64_MAX - 1 - t_ns ? t_ns + by_ns : INT64_MAX - 1;
}

/* Children in the order of the file. */
static void release_children(struct graphs *g, struct graph *x, int64_t parent, int64_t now_ns, struct ready *ready)
{
    int64_t before = ready->n;

    for (int64_t k = x->node[parent].edges; k != NO_EDGE; k = x->edge[k].next) {
        struct node *c = &x->node[x->edge[k].child];
        struct work_item item;
        if (c->first_parent == parent)
            c->t_least_ns = later(now_ns, c->tool_ns);
        if (--c->waits > 0)
            continue;
        release(g, x, x->edge[k].child, &item);
        item.t_ns = later(c->t_least_ns > now_ns ? c->t_least_ns : now_ns, c->gap_ns);
        graph_tasks_begin(g->agents, x->tasks, x->edge[k].child, &item);
        ready_put(ready, &item);
    }
    for (int64_t i = before, j = ready->n - 1; i < j; i++, j--) { /* edges were chained from the last */
        struct work_item swap = ready->at[i];
        ready->at[i] = ready->at[j];
        ready->at[j] = swap;
    }
}

bool graph_ended(struct graphs *g, const struct work_ended *ended, int64_t now_ns, struct ready *ready)
{
    uint32_t slot = ended->slot;

    sim_assert(slot < g->n && g->call[slot].graph);
    struct graph *x = g->call[slot].graph;
    int64_t node = g->call[slot].node;

    g->call[slot] = (struct call){.next_free = g->free};
    g->free = slot;
    x->under_way--;
    graph_tasks_end(g->agents, x->tasks, node, ended, now_ns);
    if (!ended->answered && !x->failed) {
        x->failed = true;
        g->counts.left_out += x->n - x->came;
    }
    if (!x->failed)
        release_children(g, x, node, now_ns, ready);
    if (x->under_way > 0)
        return false;
    free_graph(g, x);
    return true;
}

/* Each graph once, by the first of its calls that is under way. */
struct graph_counts graph_count(struct graphs *g)
{
    struct graph_counts c = g->counts;

    for (uint32_t s = 0; s < g->n; s++) {
        struct graph *x = g->call[s].graph;
        if (x && !x->counted && !x->failed)
            c.waiting += x->n - x->came;
        if (x)
            x->counted = true;
    }
    for (uint32_t s = 0; s < g->n; s++)
        if (g->call[s].graph)
            g->call[s].graph->counted = false;
    sim_assert(c.calls == c.came + c.left_out + c.waiting);
    return c;
}
