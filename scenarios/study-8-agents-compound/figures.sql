-- obs: a = agents at work, b = steps of a task; and a = agents alone.
CREATE TEMP TABLE point AS
SELECT r.run, r.repetition, CAST((SELECT num FROM params p WHERE p.run = r.run AND p.key = 'workload.concurrency') AS INT) AS agents FROM runs r;

INSERT INTO obs SELECT agents, a, '', name, repetition, value FROM records JOIN point USING(run);
-- What a task of n steps takes and costs beside n tasks of one step.
INSERT INTO obs SELECT o.a, o.b, '', o.name || '_a_step', o.repetition, o.value / o.b FROM obs o WHERE o.name IN ('task_s', 'usd');
INSERT INTO obs SELECT o.a, o.b, '', 'slowdown', o.repetition, o.value / (l.value + t.value)
FROM obs o JOIN obs l ON l.a = o.a AND l.b = o.b AND l.repetition = o.repetition JOIN obs t ON t.a = o.a AND t.b = o.b AND t.repetition = o.repetition
WHERE o.name = 'task_s' AND l.name = 'alone_s' AND t.name = 'tool_s';
INSERT INTO obs SELECT agents, '', '', name, p.repetition, value FROM point p JOIN seen USING(run) WHERE name IN ('mean_tpot_ms', 'mean_batch', 'usd_per_task');
