/*
 * graph_agents.h - agents of a trace: rows of agent_task, agent_step and tool_call for calls that a trace says to be of
 * agents (trace_own.c), as agents.c leaves them for those it draws.
 *
 *   graph.c reads a row --> graph_tasks_add         which call of which branch it is; whether that can be
 *                a call is released --> graph_tasks_begin   the step before it in its branch is over
 *                a call has ended   --> graph_tasks_end     its tools; a branch or task that is over
 *
 * A graph is a session: tasks after each other, each of branches (agents.h). So of rows of an agent, beside what
 * trace_own.c asks for: the first of a branch waits for the call that began it alone; each further one for the one before it
 * in its branch, first, then for the last of each sub-agent which that began; the first of a further task for the last of the
 * task before, alone. There is no gap_ns but before a task, and no tool_ns but between calls of a branch. Where one row
 * of a graph has an agent, all have. What is otherwise is refused, with the reason.
 *
 * The rows are those that the run would have left that was exported, but for: tools of a step that no call follows
 * (the task had failed), which are not in a trace; tool calls without tool_calls, which have no row each.
 *
 * Names of agents and tools are numbered from the scenario's on, as they come.
 *
 * Memory: some 100 bytes a call of the graphs that have begun, and their live branches. Ownership: graph_agents_free.
 */
#ifndef WORKLOAD_GRAPH_AGENTS_H
#define WORKLOAD_GRAPH_AGENTS_H

#include "workload/agents.h"
#include "workload/trace_row.h"

struct graph_agents; /* of all graphs */
struct graph_tasks;  /* of one; NULL: no agent's */

struct graph_agents *graph_agents_new(const struct scenario *sc, int64_t block_tokens);
void graph_agents_free(struct graph_agents *g);
/* Where the rows go, and their counts; NULL before there was a row of an agent. */
struct agents *graph_agents_book(const struct graph_agents *g);
void graph_agents_record(struct graph_agents *g, struct trace *t);

/* Of those numbered so far, beyond the scenario's; the names are g's. */
int64_t graph_agents_names(const struct graph_agents *g, const char *const **names);
int64_t graph_agents_tools(const struct graph_agents *g, const char *const **names);

/* The next row of a graph, and which of its rows the parents are. NULL: fine; else what is wrong. */
const char *graph_tasks_add(struct graph_agents *g, struct graph_tasks **t, const struct trace_row *row,
                            const int64_t *parents);
/* Call `node` comes at item->t_ns, which tells the item that it is an agent's. */
void graph_tasks_begin(struct graph_agents *g, struct graph_tasks *t, int64_t node, struct work_item *item);
void graph_tasks_end(struct graph_agents *g, struct graph_tasks *t, int64_t node, const struct work_ended *call,
                     int64_t now_ns);
void graph_tasks_free(struct graph_agents *g, struct graph_tasks *t);

#endif
