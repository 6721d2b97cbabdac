#!/usr/bin/env bash
# agents.sh - tasks of agents by hand: on an idle machine a task takes its closed form, a join its longest branch; what
# reasoning and compaction do to prompts; the same tasks under other policies; failures; what-ifs.
# Needs TIERSIM (the program) and srcdir (the top of the source tree) from the environment.
set -euo pipefail
srcdir=${srcdir:-.}
# shellcheck source=tests/lib.sh
. "$srcdir/tests/lib.sh"
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
suite="agents"
failed=0

run() { # FILE OPTIONS...
    "$TIERSIM" run "$srcdir/tests/system/agents.ini" -q --force -o "$tmp/$1" "${@:2}"
}

ask() { # FILE SQL
    sqlite3 -batch -separator ' ' "$tmp/$1" "$2"
}

# A call of 40 tokens takes 40 steps of 10 ms, the prompt's among them; after five of the six calls the shell takes 700 ms.
run solo.db
is "a task of n steps takes n calls and n - 1 tools" "3 $((3 * (6 * 400 + 5 * 700)))" \
    "$(ask solo.db "SELECT count(*), CAST(sum(task_ms) AS INT) FROM v_agent_task WHERE answered")"
is "alone is what it took, to the ns" "3 0" \
    "$(ask solo.db "SELECT count(*), sum(abs(t_end_ns - t_start_ns - path_alone_ns - path_tool_ns)) FROM agent_task")"
is "prompts grow by answer and result; what was there before is found" \
    "2000:0 2340:2032 2680:2368 3020:2704 3360:3056 3700:3392" \
    "$(ask solo.db "SELECT group_concat(input_tokens || ':' || hit_tokens, ' ') FROM agent_step WHERE task = 0")"
is "what if: 1 ms more a token, tools 10 % slower, no queue" "234 350 0" \
    "$(ask solo.db "SELECT CAST(slower_token_ms AS INT), CAST(slower_tools_ms AS INT), CAST(without_queue_ms AS INT) FROM v_agent_task WHERE task = 0")"
run slow.db -s "tool shell.latency_time=770ms"
is "... and tools 10 % slower do" 350 \
    "$(($(ask slow.db "SELECT CAST(task_ms AS INT) FROM v_agent_task WHERE task = 0") - 5900))"

# The roofline, a front end, prompts in several chunks: exact but for the ns of each step.
for model in llama-3.1-8b deepseek-v3.2; do
    run roof.db -s model.preset=$model -s replica.tp=$([ $model = llama-3.1-8b ] && echo 1 || echo 16) -s replica.cost=roofline \
        -s engine.step_overhead=1ms -s engine.request_service=3ms -s engine.token_service=2us -s engine.request_latency=5ms \
        -s workload.requests=3 -s "agent solo.first_tokens=9000" -s node.gpus=16 -s replica.dtype=fp8
    is "$model, roofline: within a ns a token of alone, the first task and later ones" "1 3" \
        "$(ask roof.db "SELECT max(abs(t_end_ns - t_start_ns - path_alone_ns - path_tool_ns)) <= path_tokens, count(*) FROM agent_task")"
    is "... which find the system prompt, and so does alone" "0:0 496:496 496:496 1" \
        "$(ask roof.db "SELECT group_concat(hit_tokens || ':' || repeated_tokens, ' ') FILTER (WHERE step = 0),
            min(alone_ns) FILTER (WHERE step = 0 AND task > 0) < 0.99 * max(alone_ns) FILTER (WHERE step = 0 AND task = 0) FROM agent_step")"
done

# Many at once, whose contexts and system prompts are each other's: none is faster than alone.
cat > "$tmp/support.ini" << 'END'
[run]
seed = 3
[gpu]
preset = h100
[model]
preset = llama-3.1-8b
[engine]
preset = vllm
[replica]
count = 2
dtype = fp8
[cache]
prefix = yes
[workload]
preset = support
arrivals = closed_loop
concurrency = 12
requests = 150
[class users]
agent = support
END
"$TIERSIM" run "$tmp/support.ini" -q --force -o "$tmp/support.db"
is "support: no task and no call is faster than alone, but for a ns a token; and many are nearly as fast" "1 1 1" \
    "$(ask support.db "SELECT min(t_end_ns - t_start_ns - path_alone_ns - path_tool_ns + path_tokens) >= 0,
        (SELECT min(t_call_end_ns - t_start_ns - alone_ns + output_tokens) >= 0 FROM agent_step WHERE answered),
        (SELECT count(*) > 0 FROM v_agent_task WHERE slowdown < 1.05) FROM agent_task WHERE answered")"

# Three helpers side by side, four calls of ten steps and three tools each: 2500 ms. Two joins, three calls of 20 steps.
run lead.db -s "class work.agent=lead"
is "sub-agents are joined when the last has ended" "3 $((3 * (3 * 200 + 2 * 2500))) 18" \
    "$(ask lead.db "SELECT count(*), CAST(sum(task_ms) AS INT), sum(subs) FROM v_agent_task")"
is "their path is the calls on it" "11 $((3 * 20 + 2 * 4 * 10))" \
    "$(ask lead.db "SELECT path_calls, path_tokens FROM agent_task WHERE id = 0")"
is "... and v_critical_path has them" "5600.0 11" \
    "$(ask lead.db "SELECT sum(call_ms + tool_ms), count(*) FROM v_critical_path WHERE task = 0")"
run depth.db -s "class work.agent=lead" -s "agent lead.sub_depth=1"
is "depth 1: sub-agents begin none" 0 "$(ask depth.db "SELECT count(*) FROM agent_step WHERE parent > 0")"

# Reasoning is generated, and gone from the next prompt: what follows the prompt must be computed again.
run reason.db -s "agent solo.reasoning=constant" -s "agent solo.reasoning_tokens=160"
is "reasoning takes its time and leaves the context" "2000 2340 $((6 * 2000 + 5 * 700))" \
    "$(ask reason.db "SELECT a.input_tokens, b.input_tokens, CAST(t.task_ms AS INT) FROM agent_step a, agent_step b, v_agent_task t
        WHERE a.task = 0 AND a.step = 0 AND b.task = 0 AND b.step = 1 AND t.task = 0")"
is "... and its answer out of the cache" "2000 2336 2672" \
    "$(ask reason.db "SELECT group_concat(hit_tokens, ' ') FROM agent_step WHERE task = 0 AND step BETWEEN 1 AND 3")"
is "... which is all that is expected there" 0 \
    "$(ask reason.db "SELECT sum(repeated_tokens <> hit_tokens) FROM agent_step WHERE step > 0")"

# Compaction: the fourth prompt would be 3020 tokens.
run compact.db -s "agent solo.compact_at=3000" -s "agent solo.compact_to=200"
is "a prompt too long is summed up by a call of its own" "2000:0 2340:0 2680:0 3020:1 700:0 1040:0 1380:0" \
    "$(ask compact.db "SELECT group_concat(input_tokens || ':' || compaction, ' ') FROM agent_step WHERE task = 0")"
is "... after which only the system prompt is found" 496 \
    "$(ask compact.db "SELECT hit_tokens FROM agent_step WHERE task = 0 AND step = 4")"

# Chance: the same tasks whatever the router and the time they take.
chance=(-s replica.count=3 -s workload.concurrency=9 -s workload.requests=40 -s "class work.agent=lead" -s "agent lead.sub_share=0.4"
    -s "tool shell.latency=lognormal" -s "tool shell.latency_median=500ms" -s "tool shell.latency_sigma=2" -s "tool shell.failure=0.2"
    -s "tool shell.retries=2" -s "agent helper.output=exponential" -s "agent helper.output_mean=20" -s "agent lead.steps=uniform"
    -s "agent lead.steps_low=1" -s "agent lead.steps_high=12")
of_tasks="SELECT t.session, t.number, s.agent, s.parent_step, s.step, s.input_tokens, s.output_tokens, s.tool_ns, s.tool_calls, s.subs
    FROM agent_step s JOIN agent_task t ON t.id = s.task ORDER BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10"
run one.db "${chance[@]}"
run two.db "${chance[@]}" -s router.policy=random -s replica.step_time=25ms
ask one.db "$of_tasks" > "$tmp/one"
ask two.db "$of_tasks" > "$tmp/two"
is "another router and speed: the same tasks" "$(md5sum < "$tmp/one")" "$(md5sum < "$tmp/two")"
is "... of which there are many" 1 "$(($(wc -l < "$tmp/one") > 500))"
is "... at other times" 1 "$(ask two.db "SELECT sum(task_ms) > $(ask one.db "SELECT sum(task_ms) FROM v_agent_task") FROM v_agent_task")"
is "failed tools are called again, and fail for good less often" "1 1" \
    "$(ask one.db "SELECT max(attempts) = 3, total(failed) / count(*) BETWEEN 0.003 AND 0.02 FROM tool_call")"

# Deadlines are told; a call that times out ends its task.
run late.db -s "agent solo.deadline=5.8s"
is "a deadline that all miss" "0.0" "$(ask late.db "SELECT value FROM metric WHERE name = 'agent_attainment'")"
run gone.db -s "class work.timeout_e2el=399ms"
is "calls that are given up end their tasks" "3 0 3 3" \
    "$(ask gone.db "SELECT count(*), sum(answered), sum(calls), (SELECT value FROM metric WHERE name = 'agent_tasks_failed') FROM agent_task" | sed 's/\.0//')"
exit $failed
