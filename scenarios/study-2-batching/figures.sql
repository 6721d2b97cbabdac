-- obs: a = model, or agents; b = users.
CREATE TEMP TABLE point AS
SELECT r.file, r.run, r.repetition,
       iif(r.file = 'agents', 'coding agents, ', 'chat, ') || (SELECT text FROM params p WHERE p.file = r.file AND p.run = r.run AND p.key = 'model.name') AS what,
       CAST((SELECT num FROM params p WHERE p.file = r.file AND p.run = r.run AND p.key = 'workload.concurrency') AS INT) AS users
FROM runs r;

INSERT INTO obs SELECT what, users, '', name, p.repetition, value FROM point p JOIN seen USING(file, run)
WHERE name IN ('mean_batch', 'mean_tpot_ms', 'slo_attainment', 'output_throughput_per_gpu', 'usd_per_m_output', 'usd_per_m_total', 'usd_per_task',
    'mean_task_ms', 'joules_per_output_token', 'utilisation');
-- A task's time and price only where tasks ended: their mean needs many of them.
INSERT INTO obs SELECT what, users, '', 'task_min', p.repetition, value / 6e4 FROM point p JOIN seen USING(file, run) WHERE name = 'mean_task_ms' AND value > 0;
INSERT INTO obs SELECT a, b, '', 'speed', repetition, 1000 / value FROM obs WHERE name = 'mean_tpot_ms';
