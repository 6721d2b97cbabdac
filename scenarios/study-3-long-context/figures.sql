-- obs: a = model, b = context, c = seats, or '' for the most seats with the service level.
CREATE TEMP TABLE point AS
SELECT r.run, r.repetition,
       (SELECT text FROM params p WHERE p.run = r.run AND p.key = 'model.preset') AS model,
       CAST((SELECT num FROM params p WHERE p.run = r.run AND p.key = 'class long.input_tokens') AS INT) AS context,
       CAST((SELECT num FROM params p WHERE p.run = r.run AND p.key = 'workload.concurrency') AS INT) AS seats
FROM runs r;

CREATE TEMP TABLE kind(model TEXT, attention TEXT, gb_a_million REAL); -- tiersim describe model, fp8 as engines keep it
INSERT INTO kind VALUES ('qwen3-235b-a22b', 'GQA', 96.3), ('deepseek-r1', 'MLA', 35.1), ('deepseek-v3.2', 'MLA + DSA', 48.1), ('deepseek-v4-pro', 'CSA + HCA', 5.04);

-- The most seats at which nine of ten calls have a token every 100 ms; the fewest where none do.
CREATE TEMP TABLE best AS
SELECT p.*, ifnull((SELECT max(q.seats) FROM point q JOIN seen s USING(run) WHERE s.name = 'slo_attainment' AND s.value >= 0.9
                    AND q.model = p.model AND q.context = p.context AND q.repetition = p.repetition), 1) = seats AS is_best
FROM point p;

INSERT INTO obs SELECT model, context, seats, name, p.repetition, value FROM point p JOIN seen USING(run)
WHERE name IN ('mean_tpot_ms', 'output_throughput_per_gpu', 'usd_per_m_output', 'usd_per_m_total', 'slo_attainment');
INSERT INTO obs SELECT model, context, '', name, p.repetition, value FROM best p JOIN seen USING(run)
WHERE is_best AND name IN ('mean_tpot_ms', 'mean_ttft_ms', 'output_throughput_per_gpu', 'usd_per_m_output', 'usd_per_m_input', 'usd_per_m_cached_input', 'usd_per_session',
    'slo_attainment');
INSERT INTO obs SELECT model, context, '', 'seats_a_gpu', repetition, seats / 8.0 FROM best WHERE is_best;
-- Reading the context the first time, and an answer of 500 tokens then.
INSERT INTO obs SELECT a, b, '', 'first_usd', repetition, value * b / 1e6 FROM obs WHERE name = 'usd_per_m_input' AND c = '';
