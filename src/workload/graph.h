/*
 * graph.h - calls of a trace that wait for others (trace_own.c): graphs, from their first call to their last.
 *
 *   workload reads rows --> graph_add --> (a root: the graph is complete when the next root is read) --> graph_begin
 *                                          a call ends: graph_ended --> those whose parents have all ended are ready
 *
 * A call comes gap_ns after both all its parents have ended and tool_ns has passed since its first parent did. Where a
 * call is not answered, no further call of its graph comes: those that were still to come are counted as left out.
 *
 * Memory: graphs that have begun, and the one that is read. Ownership: graphs_free; chains are the items'.
 */
#ifndef WORKLOAD_GRAPH_H
#define WORKLOAD_GRAPH_H

#include "workload/graph_agents.h"
#include "workload/ready.h"
#include "workload/trace_row.h"

struct graphs;

/* agents: what is told of agents' calls; borrowed. */
struct graphs *graphs_new(struct graph_agents *agents);
void graphs_free(struct graphs *g);

/* A row of the graph that is read, and its item, whose chain is taken. NULL: fine; else what is wrong with the row. */
const char *graph_add(struct graphs *g, const struct trace_row *row, const struct work_item *item);
bool graph_is_empty(const struct graphs *g); /* of the one that is read */
/* It is complete and begins: its first call, at t_ns. */
void graph_begin(struct graphs *g, int64_t t_ns, struct work_item *item);
int64_t graph_time_ns(const struct graphs *g); /* of the one that is read: when its first row says that it begins */
/* A call has ended; those that follow it go to `ready`. True: nothing more of its graph will come. */
bool graph_ended(struct graphs *g, const struct work_ended *ended, int64_t now_ns, struct ready *ready);

/* Calls of the graphs that have begun. */
struct graph_counts {
    int64_t calls, came, left_out, waiting; /* waiting: for others */
};
/* Checks them against what is live. */
struct graph_counts graph_count(struct graphs *g);

#endif
