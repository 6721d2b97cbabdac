.mode markdown --wrap 0
SELECT x.a AS 'machine', x.b AS users, batch.text AS batch, x.text AS 'ms a token', printf('%.1f %%', 100 * slo.mean) AS 'in 50 ms', t.text AS 'output tokens/s a GPU',
       o.text AS 'US$/M output', j.text AS 'J an output token'
FROM shown x
JOIN shown batch ON batch.a = x.a AND batch.b = x.b AND batch.name = 'mean_batch'
JOIN ci slo ON slo.a = x.a AND slo.b = x.b AND slo.name = 'slo_attainment'
JOIN shown t ON t.a = x.a AND t.b = x.b AND t.name = 'output_throughput_per_gpu'
JOIN shown o ON o.a = x.a AND o.b = x.b AND o.name = 'usd_per_m_output'
JOIN shown j ON j.a = x.a AND j.b = x.b AND j.name = 'joules_per_output_token'
WHERE x.name = 'mean_tpot_ms' AND x.a NOT LIKE 'coding%' ORDER BY x.a, x.b;
.mode list
SELECT '';
.mode markdown --wrap 0
SELECT x.b AS agents, batch.text AS batch, x.text AS 'ms a token', printf('%.1f %%', 100 * slo.mean) AS 'in 50 ms', o.text AS 'US$/M output',
       u.text AS 'US$ a task', t.text AS 'minutes a task'
FROM shown x
JOIN shown batch ON batch.a = x.a AND batch.b = x.b AND batch.name = 'mean_batch'
JOIN ci slo ON slo.a = x.a AND slo.b = x.b AND slo.name = 'slo_attainment'
JOIN shown o ON o.a = x.a AND o.b = x.b AND o.name = 'usd_per_m_output'
LEFT JOIN shown u ON u.a = x.a AND u.b = x.b AND u.name = 'usd_per_task'
LEFT JOIN shown t ON t.a = x.a AND t.b = x.b AND t.name = 'task_min'
WHERE x.name = 'mean_tpot_ms' AND x.a LIKE 'coding%' ORDER BY x.b;
