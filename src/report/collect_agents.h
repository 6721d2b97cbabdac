/*
 * collect_agents.h - the metrics of agents' tasks, where there are any.
 *
 *   agent_tasks, agent_tasks_failed           tasks that ended: answered to their end, or not
 *   agent_attainment                          of the tasks with a deadline: answered within it
 *   {mean,median,p90,p99}_task_ms             t_end - t_start
 *   mean_task_steps                           the agent's own LLM calls
 *   task_slowdown                             sum of times / sum of (path_alone + path_tool): against an idle machine
 *   task_share/PART                           of the sum of times, what PART took on the tasks' paths (table
 *                                             agent_task): retry, queue, restore, prefill, handoff, decode, tool
 *
 * Counted are tasks that began at or after warm-up; all but the first three are of those that were answered to their
 * end.
 */
#ifndef REPORT_COLLECT_AGENTS_H
#define REPORT_COLLECT_AGENTS_H

#include <stdbool.h>

#include "report/values.h"
#include "trace/trace.h"

struct agent_tally;

/* pool: as in collect.h. */
struct agent_tally *agent_tally_new(int64_t warmup_ns, struct value_pool *pool);
void agent_tally_consume(struct agent_tally *t, const struct trace_unit *u);
/* Each metric to `give`; none where no task has ended. -1 with err: values cannot be read back. */
typedef void agent_give(void *ctx, const char *name, double value, const char *unit, bool approximate);
int agent_tally_metrics(struct agent_tally *t, agent_give *give, void *ctx, struct err *e);
void agent_tally_free(struct agent_tally *t);

#endif
