-- Tasks that begin after the warm-up and long enough before the end for the longest ones to end, too.
INSERT INTO records
WITH cost AS (
    SELECT s.task, sum(c.usd) AS usd, sum(c.input_usd) AS input_usd, sum(c.cached_usd) AS cached_usd, sum(c.output_usd) AS output_usd
    FROM shard.agent_step s JOIN shard.v_cost_request c ON c.request = s.request GROUP BY s.task),
task AS (
    SELECT t.steps, count(*) AS n, avg(t.t_end_ns - t.t_start_ns) / 1e9 AS s, avg(t.path_alone_ns) / 1e9 AS alone_s, avg(t.path_tool_ns) / 1e9 AS tool_s,
           avg(usd) AS usd, avg(output_usd) AS output_usd, avg(cached_usd) AS cached_usd
    FROM shard.agent_task t JOIN cost c ON c.task = t.id JOIN shard.class k ON k.id = t.class
    WHERE t.answered AND t.t_start_ns BETWEEN 6e12 AND 16e12 AND t.agent = (SELECT id FROM shard.agent WHERE name = k.name)
    GROUP BY t.steps)
SELECT file, run, steps, 'task_s', s FROM task, this
UNION ALL SELECT file, run, steps, 'alone_s', alone_s FROM task, this
UNION ALL SELECT file, run, steps, 'tool_s', tool_s FROM task, this
UNION ALL SELECT file, run, steps, 'usd', usd FROM task, this
UNION ALL SELECT file, run, steps, 'output_usd', output_usd FROM task, this
UNION ALL SELECT file, run, steps, 'cached_usd', cached_usd FROM task, this;
