-- agents.sql - Tasks of agents. What holds for all views stands in requests.sql.

-- Agents (workload/agents.h). A task's path is the chain of calls, tools and sub-agents that determined its end; its parts add up
-- to its time.
CREATE VIEW v_agent_step AS
SELECT s.task, t.class, c.name AS class_name, s.branch, a.name AS agent_name, s.parent, s.parent_step, s.step, s.compaction,
       s.request, s.answered, s.t_start_ns, (s.t_end_ns - s.t_start_ns) / 1e6 AS step_ms,
       s.retry_ns / 1e6 AS retry_ms, s.queue_ns / 1e6 AS queue_ms, s.restore_ns / 1e6 AS restore_ms,
       s.prefill_ns / 1e6 AS prefill_ms, s.handoff_ns / 1e6 AS handoff_ms, s.decode_ns / 1e6 AS decode_ms,
       s.tool_ns / 1e6 AS tool_ms, s.join_ns / 1e6 AS join_ms, s.join_branch, s.tool_calls, s.subs,
       s.input_tokens, s.repeated_tokens, s.hit_tokens, s.output_tokens, s.reasoning_tokens,
       s.alone_ns / 1e6 AS alone_ms,
       CASE WHEN s.answered THEN 1.0 * (s.t_call_end_ns - s.t_start_ns) / s.alone_ns END AS slowdown
FROM agent_step s JOIN agent a ON a.id = s.agent LEFT JOIN (SELECT id, class FROM agent_task) t ON t.id = s.task
     LEFT JOIN class c ON c.id = t.class;
INSERT INTO doc VALUES
    ('v_agent_step', NULL, 'LLM calls of agents with what followed them: step = retry + queue + restore + prefill + handoff + decode + tool + join'),
    ('v_agent_step', 'class', 'NULL where its task has not ended'),
    ('v_agent_step', 'slowdown', 'time of the call over what it takes on an idle machine; NULL where it was not answered');

CREATE VIEW v_agent_task AS
SELECT t.id AS task, t.class, c.name AS class_name, a.name AS agent_name, t.session, t.number,
       t.answered, t.t_start_ns >= u.warmup_ns AS counted, t.steps, t.calls, t.tool_calls, t.subs, t.compactions,
       (t.t_end_ns - t.t_start_ns) / 1e6 AS task_ms, t.path_retry_ns / 1e6 AS retry_ms, t.path_queue_ns / 1e6 AS queue_ms,
       t.path_restore_ns / 1e6 AS restore_ms, t.path_prefill_ns / 1e6 AS prefill_ms, t.path_handoff_ns / 1e6 AS handoff_ms,
       t.path_decode_ns / 1e6 AS decode_ms, t.path_tool_ns / 1e6 AS tool_ms,
       (t.path_alone_ns + t.path_tool_ns) / 1e6 AS alone_ms,
       CASE WHEN t.answered THEN 1.0 * (t.t_end_ns - t.t_start_ns) / (t.path_alone_ns + t.path_tool_ns) END AS slowdown,
       t.deadline_ns / 1e6 AS deadline_ms, t.answered AND t.t_end_ns - t.t_start_ns <= t.deadline_ns AS in_time,
       1.0 * (t.path_tokens - t.path_calls) AS slower_token_ms, 0.1 * t.path_tool_ns / 1e6 AS slower_tools_ms,
       (t.path_queue_ns + t.path_retry_ns) / 1e6 AS without_queue_ms
FROM run u, agent_task t JOIN agent a ON a.id = t.agent LEFT JOIN class c ON c.id = t.class;
INSERT INTO doc VALUES
    ('v_agent_task', NULL, 'tasks of agents: task = retry + queue + restore + prefill + handoff + decode + tool, each on the task''s path'),
    ('v_agent_task', 'alone_ms', 'its path on an idle machine: its calls alone, its tools; what its own calls left is cached there, and its agents'' system prompt, but for the first context ever'),
    ('v_agent_task', 'slowdown', 'task_ms over alone_ms; NULL where it was not answered'),
    ('v_agent_task', 'slower_token_ms', 'what if: so much longer, at least, if every token after a call''s first took 1 ms more'),
    ('v_agent_task', 'slower_tools_ms', 'what if: so much longer, at least, if tools took 10 % more'),
    ('v_agent_task', 'without_queue_ms', 'what if: so much shorter, at most, without queueing and retries (another path may then be the longest)');

CREATE VIEW v_critical_path AS
WITH RECURSIVE chain(task, branch) AS (
    SELECT id, 0 FROM agent_task
    UNION ALL
    SELECT s.task, s.join_branch FROM chain c JOIN agent_step s ON s.task = c.task AND s.branch = c.branch
    WHERE s.join_branch IS NOT NULL
)
SELECT s.task, row_number() OVER (PARTITION BY s.task ORDER BY s.t_start_ns, s.branch) - 1 AS place,
       s.branch, a.name AS agent_name, s.step, s.compaction, s.request, s.t_start_ns,
       (s.t_call_end_ns - s.t_start_ns) / 1e6 AS call_ms, s.retry_ns / 1e6 AS retry_ms, s.queue_ns / 1e6 AS queue_ms,
       s.restore_ns / 1e6 AS restore_ms, s.prefill_ns / 1e6 AS prefill_ms, s.handoff_ns / 1e6 AS handoff_ms,
       s.decode_ns / 1e6 AS decode_ms, CASE WHEN s.join_branch IS NULL THEN s.tool_ns / 1e6 ELSE 0.0 END AS tool_ms,
       s.alone_ns / 1e6 AS alone_ms, s.output_tokens
FROM chain c JOIN agent_step s ON s.task = c.task AND s.branch = c.branch JOIN agent a ON a.id = s.agent;
INSERT INTO doc VALUES
    ('v_critical_path', NULL, 'the steps on each task''s path, in order: their call_ms and tool_ms add up to the task''s time'),
    ('v_critical_path', 'place', 'in the path, from 0'),
    ('v_critical_path', 'tool_ms', '0 where the step waited for a sub-agent: that one''s steps are in the path instead');

-- Percentiles are linear between ranks (type 7). Steps are the agent's own, sub-agents in their joins.
CREATE VIEW v_agent_compounding AS
WITH RECURSIVE bin(lo) AS (SELECT 1 UNION ALL SELECT 2 * lo FROM bin WHERE lo < 1 << 20),
t AS MATERIALIZED (
    SELECT class, b.lo, steps, task_ms, alone_ms, row_number() OVER w - 1 AS rank, count(*) OVER (PARTITION BY class, b.lo) AS n
    FROM v_agent_task JOIN bin b ON steps >= b.lo AND steps < 2 * b.lo WHERE answered AND counted
    WINDOW w AS (PARTITION BY class, b.lo ORDER BY task_ms)
), s AS MATERIALIZED (
    SELECT s.class, step_ms, row_number() OVER w - 1 AS rank, count(*) OVER (PARTITION BY s.class) AS n,
           s.step = max(s.step) OVER (PARTITION BY s.task) AS last
    FROM v_agent_step s JOIN v_agent_task k ON k.task = s.task WHERE k.answered AND k.counted AND s.branch = 0
    WINDOW w AS (PARTITION BY s.class ORDER BY step_ms)
), each AS MATERIALIZED (
    SELECT class, total(step_ms) FILTER (WHERE NOT last) / max(1, total(NOT last)) AS mean,
           total(step_ms * step_ms) FILTER (WHERE NOT last) / max(1, total(NOT last)) AS square,
           avg(step_ms) FILTER (WHERE last) AS last_mean,
           avg(step_ms * step_ms) FILTER (WHERE last) - avg(step_ms) FILTER (WHERE last) * avg(step_ms) FILTER (WHERE last) AS last_variance,
           total(step_ms * max(0, 1 - abs(0.5 * (n - 1) - rank))) AS p50,
           total(step_ms * max(0, 1 - abs(0.99 * (n - 1) - rank))) AS p99
    FROM s GROUP BY class
), g AS (
    SELECT class, lo, n AS tasks, avg(steps) AS steps, avg(steps * steps) - avg(steps) * avg(steps) AS steps_variance,
           avg(task_ms) AS mean_ms, avg(task_ms * task_ms) - avg(task_ms) * avg(task_ms) AS variance, avg(alone_ms) AS alone_ms,
           total(task_ms * max(0, 1 - abs(0.5 * (n - 1) - rank))) AS p50_ms,
           total(task_ms * max(0, 1 - abs(0.9 * (n - 1) - rank))) AS p90_ms,
           total(task_ms * max(0, 1 - abs(0.99 * (n - 1) - rank))) AS p99_ms
    FROM t GROUP BY class, lo
)
SELECT g.class, c.name AS class_name, g.lo AS steps_from, 2 * g.lo - 1 AS steps_to, g.tasks, g.steps AS mean_steps,
       g.mean_ms, g.p50_ms, g.p90_ms, g.p99_ms, g.alone_ms AS mean_alone_ms, g.mean_ms / g.alone_ms AS slowdown,
       g.steps * e.p50 AS p50_of_steps_ms, g.steps * e.p99 AS p99_of_steps_ms,
       i.mean AS mean_of_steps_ms, i.mean + 1.2815515655446004 * sqrt(max(0, i.variance)) AS p90_if_independent_ms,
       i.mean + 2.3263478740408408 * sqrt(max(0, i.variance)) AS p99_if_independent_ms,
       g.variance / nullif(i.variance, 0) AS variance_ratio
FROM g JOIN each e ON e.class = g.class
     JOIN (SELECT g.class, g.lo, (g.steps - 1) * e.mean + e.last_mean AS mean,
                  (g.steps - 1) * (e.square - e.mean * e.mean) + e.last_variance + g.steps_variance * e.mean * e.mean AS variance
           FROM g JOIN each e ON e.class = g.class) i ON i.class = g.class AND i.lo = g.lo
     LEFT JOIN class c ON c.id = g.class;
INSERT INTO doc VALUES
    ('v_agent_compounding', NULL, 'how the time of a task grows with its number of steps: tasks that began after warm-up and were answered, by powers of two of their steps'),
    ('v_agent_compounding', 'tasks', 'how many there are: a p99 of fewer than some hundred is their maximum'),
    ('v_agent_compounding', 'p50_of_steps_ms', 'median time of all steps of the class, times mean_steps'),
    ('v_agent_compounding', 'p99_of_steps_ms', 'their 99th percentile, times mean_steps: as if all steps of a task were slow together'),
    ('v_agent_compounding', 'mean_of_steps_ms', 'mean of a task''s steps but the last, times mean_steps less 1, and of the last ones, which no tools follow'),
    ('v_agent_compounding', 'p99_if_independent_ms', 'if steps were independent: mean + 2.33 standard deviations of a sum of so many, by the normal law (too low for few steps with a heavy tail)'),
    ('v_agent_compounding', 'variance_ratio', 'variance of the time over that of independent steps: above 1, slow steps come together in a task');
