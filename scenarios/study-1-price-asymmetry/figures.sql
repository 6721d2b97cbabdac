-- obs: a = model, b = users; of all loads. sla = the load that is left for the SLO, by model and repetition.
CREATE TEMP TABLE point AS
SELECT r.file, r.run, r.repetition,
       (SELECT text FROM params p WHERE p.file = r.file AND p.run = r.run AND p.key = 'model.preset') || iif(r.file = 'pools', ', pools', '') AS model,
       (SELECT num FROM params p WHERE p.file = r.file AND p.run = r.run AND p.key = 'workload.concurrency') AS users
FROM runs r;

CREATE TEMP TABLE wide AS
SELECT p.*, max(iif(m.name = 'slo_attainment', value, NULL)) AS attainment, max(iif(m.name = 'mean_tpot_ms', value, NULL)) AS tpot_ms,
       max(iif(m.name = 'mean_batch', value, NULL)) AS batch,
       max(iif(m.name = 'usd_per_m_input', value, NULL)) AS input, max(iif(m.name = 'usd_per_m_cached_input', value, NULL)) AS cached,
       max(iif(m.name = 'usd_per_m_output', value, NULL)) AS output,
       max(iif(m.name = 'margin_usd_per_gpu_h', value, NULL)) AS margin, max(iif(m.name = 'revenue_usd_per_gpu_h', value, NULL)) AS revenue
FROM point p JOIN metrics m ON m.file = p.file AND m.run = p.run
GROUP BY p.file, p.run;

INSERT INTO obs SELECT model, users, '', 'ratio', repetition, output / input FROM wide;
INSERT INTO obs SELECT model, users, '', 'output', repetition, output FROM wide;

-- The highest load at which nine of ten requests meet the objectives, in each repetition.
CREATE TEMP TABLE best AS
SELECT * FROM wide w WHERE users = (SELECT max(users) FROM wide v WHERE v.model = w.model AND v.repetition = w.repetition AND v.attainment >= 0.9);
INSERT INTO obs SELECT model, 'best', '', 'users', repetition, users FROM best;
INSERT INTO obs SELECT model, 'best', '', 'batch', repetition, batch FROM best;
INSERT INTO obs SELECT model, 'best', '', 'tpot', repetition, tpot_ms FROM best;
INSERT INTO obs SELECT model, 'best', '', 'input', repetition, input FROM best;
INSERT INTO obs SELECT model, 'best', '', 'cached', repetition, cached FROM best;
INSERT INTO obs SELECT model, 'best', '', 'output', repetition, output FROM best;
INSERT INTO obs SELECT model, 'best', '', 'ratio', repetition, output / input FROM best;
INSERT INTO obs SELECT model, 'best', '', 'margin', repetition, margin FROM best;

CREATE TEMP TABLE card AS
SELECT DISTINCT model, (SELECT text FROM params WHERE file = p.file AND run = p.run AND key = 'price_card.name') AS name,
       (SELECT num FROM params WHERE file = p.file AND run = p.run AND key = 'price_card.input_usd_per_m') AS input,
       (SELECT num FROM params WHERE file = p.file AND run = p.run AND key = 'price_card.cached_input_usd_per_m') AS cached,
       (SELECT num FROM params WHERE file = p.file AND run = p.run AND key = 'price_card.output_usd_per_m') AS output
FROM point p WHERE (file, run) IN (SELECT file, min(run) FROM point GROUP BY file, model);
