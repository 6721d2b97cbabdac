-- obs: a = GPUs, skew and users, b = share of the experts in HBM.
CREATE TEMP TABLE point AS
SELECT r.run, r.repetition,
       CAST((SELECT num FROM params p WHERE p.run = r.run AND p.key = 'replica.tp') AS INT) AS gpus,
       (SELECT num FROM params p WHERE p.run = r.run AND p.key = 'replica.expert_skew') AS skew,
       CAST((SELECT num FROM params p WHERE p.run = r.run AND p.key = 'workload.concurrency') AS INT) AS users,
       (SELECT num FROM params p WHERE p.run = r.run AND p.key = 'experts.hot_share') AS hot
FROM runs r;

CREATE TEMP TABLE who AS
SELECT DISTINCT gpus, skew, users, printf('%d GPUs, skew %g, %d users', gpus, skew, users) AS name FROM point;

INSERT INTO obs SELECT w.name, hot, '', s.name, p.repetition, value FROM point p JOIN who w USING(gpus, skew, users) JOIN seen s USING(run)
WHERE s.name IN ('mean_tpot_ms', 'usd_per_m_output', 'usd_per_m_input', 'usd_per_m_total', 'slo_attainment', 'output_throughput', 'cost_usd_per_h');
-- Output tokens a US$ against the same repetition with all experts in HBM, on four GPUs.
INSERT INTO obs
SELECT w.name, p.hot, '', 'against', p.repetition, s.value / t.value
FROM point p JOIN who w USING(gpus, skew, users) JOIN seen s USING(run)
JOIN point q ON q.gpus = 4 AND q.hot = 1 AND q.skew = p.skew AND q.users = p.users AND q.repetition = p.repetition
JOIN seen t ON t.run = q.run AND t.name = s.name
WHERE s.name = 'output_tokens_per_usd';
