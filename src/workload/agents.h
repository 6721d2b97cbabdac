/*
 * agents.h - agents: tasks whose LLM calls wait for tools and for each other.
 *
 *   session   task 0 ......................... think   task 1 ...
 *   step      LLM call --+-- tool --+-- LLM call --+---- tool ---------------+-- LLM call (the task's last)
 *                        +-- tool --+              +-- sub-agent: its own steps --+
 *                         the slowest counts         joined: the next call waits for all
 *
 * An arrival of a class with `agent` begins a session of tasks, which share one context; a task is `steps` LLM calls,
 * each of which but the last is followed by tool calls and perhaps sub-agents. A sub-agent is a branch: a context and
 * one task of an [agent] of its own; its last answer comes into the context of whoever began it.
 *
 * Context, in tokens: system_tokens, first; then each answer, what its tools returned, what its sub-agents answered;
 * at a further task `request`. Reasoning is generated before an answer and stays out of it:
 *
 *   step k     [ prompt ][ reasoning | answer ]
 *   step k+1   [ prompt          | answer | results ][ ...        what follows the prompt lies elsewhere now: its KV is
 *                                                                 of no use, so the chain ends with the prompt
 *
 * A prompt that would be longer than compact_at is summed up by a call of its own: from then on the context is
 * system_tokens and the summary, new content but for the system prompt. What would make a prompt longer than the
 * class's input_max, or than the model's context less the answer, is cut from what came in since the last call.
 *
 * A call that is not answered (rejected, timed out, failed, and not tried again) ends its task and session, once the
 * calls of other branches that are under way have ended. workload.requests counts an agent's sessions, not its calls,
 * so that policies meet the same tasks. Deadlines are told, not enforced.
 *
 * Path of a task: of all that happened, the chain that determined its end: the steps of the agent itself, each followed
 * by its slowest tool, or by the path of the sub-agent that ended last. The pieces meet, so their times add up to the
 * task's; ties go to tools, then to the branch whose end was handled last.
 *
 * Draws: a stream for each purpose (RNG_AGENT_...) and step, entity = a hash of session, task, branch and step, so a
 * session is the same whatever order things end in, and policies can be compared on the same sessions. The digest does
 * not depend on that order either. Numbers of branches and of contexts do.
 *
 * Not modelled: tools that wait for each other or for a machine that is busy; agents that give up, or choose their next
 * step by how long the last one took; parts of a context edited in the middle; sub-agents that share their parent's
 * context; speculative tool calls. Failure of a tool: its time, and `retries`; an agent does no more steps for it.
 *
 * Memory: some 600 bytes a live branch; nothing stays of ended sessions. Ownership: agents_free; chains are the items'.
 */
#ifndef WORKLOAD_AGENTS_H
#define WORKLOAD_AGENTS_H

#include "trace/trace.h"
#include "workload/ready.h"

struct agents;

struct agents *agents_new(const struct scenario *sc, int64_t block_tokens);
void agents_free(struct agents *a);
void agents_record(struct agents *a, struct trace *t); /* where rows of tasks, steps and tool calls go; none without */

/* Whether arrivals of the class begin an agent's session. */
static inline bool agents_has(const struct class_options *c)
{
    return c->agent != NULL;
}

/* The session's first call: the item's class, session and time are set. */
void agents_begin(struct agents *a, struct work_item *item);
/* A call has ended; those that follow it go to `ready`. True: its session is over. */
bool agents_ended(struct agents *a, const struct work_ended *call, int64_t now_ns, struct ready *ready);

struct agents_counts {
    int64_t tasks_begun, tasks_ended, tasks_live;
    int64_t calls_begun, calls_ended, calls_live; /* LLM calls, whatever their attempts */
    int64_t steps_joining;                        /* of calls_ended: tools and sub-agents have not, so no row yet */
    int64_t tool_calls;
};
/* Checks them against what is live. */
struct agents_counts agents_count(const struct agents *a);

uint64_t agents_digest(const struct agents *a);

#endif
