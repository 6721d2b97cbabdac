/*
 * agent_rows.h - the keys of [agent NAME] and [tool NAME] that are no laws: a part of tables.c, which alone includes
 * it.
 */
#ifndef SCENARIO_AGENT_ROWS_H
#define SCENARIO_AGENT_ROWS_H

#include "scenario/rows.h"
#include "scenario/scenario.h"

static const struct opt tool_rows[] = {
    REAL("failure", tool_options, failure, 0, 1, "0", "probability that a call fails, and takes its time all the same"),
    INT("retries", tool_options, retries, 0, 100, "0",
        "how often a failed call is made again, at once; the last failure's result is told to the agent like any other"),
};

static const struct opt agent_rows[] = {
    INT("system_tokens", agent_options, system_tokens, 0, 1e9, "0",
        "tokens at the start of each prompt that are the same in all sessions of the agent"),
    TEXT("tools", agent_options, tools, NULL,
         "the tools that it calls: NAME or NAME:WEIGHT, separated by blanks; each call picks one by weight"),
    TEXT("sub", agent_options, sub, "", "the [agent NAME] of its sub-agents; without it, there are none"),
    REAL("sub_share", agent_options, sub_share, 0, 1, "0",
         "share of steps (but a task's last) that begin sub-agents beside their tool calls"),
    INT("sub_depth", agent_options, sub_depth, 1, 100, "1",
        "levels of sub-agents: with 1 they begin none. The session's agent says it for all below it"),
    INT("compact_at", agent_options, compact_at, 1, 1e9, "",
        "a longer prompt is summed up first, by a call of its own; the context is then system_tokens and compact_to"),
    INT("compact_to", agent_options, compact_to, 1, 1e9, "", "tokens of that summary"),
    TIME("deadline", agent_options, deadline_ns, 1e-9, 9e6, "",
         "SLO: time of a task, from its first call to its last token, at most; told, not enforced"),
};

#endif
