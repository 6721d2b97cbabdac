.mode markdown --wrap 0
SELECT s.a AS agents, s.b AS steps, s.text AS 's a task', x.text AS 'times alone', t.text AS 's of tools', u.text AS 'US$ a task',
       v.text AS 'US$ a step', round(100 * c.mean / m.mean) AS 'cached prompts, % of it'
FROM shown s
JOIN shown x ON x.a = s.a AND x.b = s.b AND x.name = 'slowdown'
JOIN shown t ON t.a = s.a AND t.b = s.b AND t.name = 'tool_s'
JOIN shown u ON u.a = s.a AND u.b = s.b AND u.name = 'usd'
JOIN ci m ON m.a = s.a AND m.b = s.b AND m.name = 'usd'
JOIN shown v ON v.a = s.a AND v.b = s.b AND v.name = 'usd_a_step'
JOIN ci c ON c.a = s.a AND c.b = s.b AND c.name = 'cached_usd'
WHERE s.name = 'task_s' ORDER BY s.a, s.b;
.mode list
SELECT '';
.mode markdown --wrap 0
SELECT t.a AS agents, b.text AS 'mean batch', t.text AS 'ms a token', u.text AS 'US$ a task, mean'
FROM shown t JOIN shown b ON b.a = t.a AND b.name = 'mean_batch' JOIN shown u ON u.a = t.a AND u.b = '' AND u.name = 'usd_per_task'
WHERE t.name = 'mean_tpot_ms' ORDER BY t.a;
