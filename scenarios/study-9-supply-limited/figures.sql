-- obs: a = machine.
CREATE TEMP TABLE point AS
SELECT r.run, r.repetition,
       (SELECT text FROM params p WHERE p.run = r.run AND p.key = 'gpu.name') AS gpu,
       (SELECT text FROM params p WHERE p.run = r.run AND p.key = 'model.name') AS model,
       CAST((SELECT num FROM params p WHERE p.run = r.run AND p.key = 'replica.tp') * (SELECT num FROM params p WHERE p.run = r.run AND p.key = 'replica.dp') AS INT) AS gpus,
       (SELECT num FROM params p WHERE p.run = r.run AND p.key = 'experts.hot_share') AS hot,
       CAST((SELECT num FROM params p WHERE p.run = r.run AND p.key = 'workload.concurrency') AS INT) AS users
FROM runs r;

CREATE TEMP TABLE wide AS
SELECT p.*, printf('%s: %d %s%s', replace(model, 'deepseek-', ''), gpus, gpu, iif(hot < 1, printf(', %g %% of experts', 100 * hot), '')) AS what,
       max(iif(name = 'slo_attainment', value, NULL)) AS attainment, max(iif(name = 'request_throughput', value, NULL)) AS calls,
       max(iif(name = 'cost_usd_per_h', value, NULL)) AS usd_per_h, max(iif(name = 'energy_kwh', value, NULL)) / max(iif(name = 'duration', value, NULL)) * 3600 AS kw,
       max(iif(name = 'mean_tpot_ms', value, NULL)) AS tpot_ms, max(iif(name = 'mean_ttft_ms', value, NULL)) AS ttft_ms
FROM point p JOIN seen USING(run) GROUP BY run;
-- Where no call was answered none was in time.
UPDATE wide SET attainment = 0 WHERE calls = 0 OR attainment IS NULL;

-- The load at which nine of ten calls are in time: between the last load where they are and the first where they are not, linear.
CREATE TEMP TABLE enough AS
WITH step AS (
    SELECT *, lead(users) OVER w AS users2, lead(attainment) OVER w AS attainment2 FROM wide
    WINDOW w AS (PARTITION BY what, repetition ORDER BY users)),
fail AS (SELECT what, repetition, min(users) AS first FROM wide WHERE attainment < 0.9 GROUP BY 1, 2)
SELECT s.*, users + (users2 - users) * (attainment - 0.9) / (attainment - attainment2) AS can,
       calls * (1 + (users2 * 1.0 / users - 1) * (attainment - 0.9) / (attainment - attainment2)) AS served
FROM step s JOIN fail f ON f.what = s.what AND f.repetition = s.repetition AND s.users2 = f.first;

INSERT INTO obs SELECT what, '', '', 'users', repetition, can FROM enough;
INSERT INTO obs SELECT what, '', '', 'calls', repetition, served FROM enough;
INSERT INTO obs SELECT what, '', '', 'tpot', repetition, tpot_ms FROM enough;
INSERT INTO obs SELECT what, '', '', 'usd_per_h', repetition, usd_per_h FROM enough;
INSERT INTO obs SELECT what, '', '', 'kw', repetition, kw FROM enough;
INSERT INTO obs SELECT what, '', '', 'calls_per_usd', repetition, served * 3600 / usd_per_h FROM enough;
INSERT INTO obs SELECT what, '', '', 'calls_per_kwh', repetition, served * 3600 / kw FROM enough;

-- US$/h of a US$ of capital; what a die may cost for as many calls a US$ as the VR200 that serve the same model, and with power for nothing.
CREATE TEMP TABLE price AS
SELECT (max(iif(key = 'prices.interest', num, NULL)) / (1 - pow(1 + max(iif(key = 'prices.interest', num, NULL)), -max(iif(key = 'prices.years', num, NULL))))
        + max(iif(key = 'prices.upkeep', num, NULL))) / 8760 AS rate,
       max(iif(key = 'gpu_price poor.system_usd', num, NULL)) AS usd, max(iif(key = 'prices.usd_per_kwh', num, NULL)) AS usd_per_kwh
FROM params WHERE run = (SELECT min(run) FROM point WHERE gpu = 'HBM-poor');
INSERT INTO obs
SELECT p.what, '', '', 'may_cost', p.repetition, (v.usd_per_h * p.served / v.served - (p.usd_per_h - p.gpus * usd * rate)) / (p.gpus * rate)
FROM enough p JOIN enough v ON v.model = p.model AND v.repetition = p.repetition AND v.gpu = 'VR200', price WHERE p.gpu = 'HBM-poor';
INSERT INTO obs
SELECT p.what, '', '', 'against_usd', p.repetition, p.served / p.usd_per_h / (v.served / v.usd_per_h)
FROM enough p JOIN enough v ON v.model = p.model AND v.repetition = p.repetition AND v.gpu = 'VR200' WHERE p.gpu = 'HBM-poor';
INSERT INTO obs
SELECT p.what, '', '', 'against_kwh', p.repetition, p.served / p.kw / (v.served / v.kw)
FROM enough p JOIN enough v ON v.model = p.model AND v.repetition = p.repetition AND v.gpu = 'VR200' WHERE p.gpu = 'HBM-poor';
