-- obs: a = memories below HBM, b = gap in s, c = price of LPDDR to its buyer in US$/GB, or ''.
CREATE TEMP TABLE point AS
SELECT r.run, r.repetition,
       CASE (SELECT text FROM params p WHERE p.run = r.run AND p.key = 'memory.tiers')
           WHEN 'none' THEN 'HBM alone' WHEN 'lpddr' THEN 'LPDDR' WHEN 'nvme' THEN 'NAND' ELSE 'LPDDR and NAND' END AS tiers,
       CAST((SELECT num FROM params p WHERE p.run = r.run AND p.key = 'class agent.turn_gap') AS INT) AS gap,
       CAST((SELECT num FROM params p WHERE p.run = r.run AND p.key = 'workload.concurrency') AS INT) AS users
FROM runs r;
UPDATE point SET gap = gap / 1000000000 WHERE gap > 1000000;

CREATE TEMP TABLE wide AS
SELECT p.*, max(iif(name = 'slo_attainment', value, NULL)) AS attainment, max(iif(name = 'request_throughput', value, NULL)) AS calls,
       max(iif(name = 'cost_usd_per_h', value, NULL)) AS usd_per_h
FROM point p JOIN seen USING(run) GROUP BY run;

-- Users for whom nine of ten calls are in time: between the last load where they are and the first where they are not, linear.
CREATE TEMP TABLE enough AS
WITH step AS (
    SELECT *, lead(users) OVER w AS users2, lead(attainment) OVER w AS attainment2, lead(calls) OVER w AS calls2 FROM wide
    WINDOW w AS (PARTITION BY tiers, gap, repetition ORDER BY users)),
fail AS (SELECT tiers, gap, repetition, min(users) AS first FROM wide WHERE attainment < 0.9 GROUP BY 1, 2, 3)
SELECT s.tiers, s.gap, s.repetition, usd_per_h,
       users + (users2 - users) * (attainment - 0.9) / (attainment - attainment2) AS users,
       calls * (1 + (users2 * 1.0 / users - 1) * (attainment - 0.9) / (attainment - attainment2)) AS calls
FROM step s JOIN fail f ON f.tiers = s.tiers AND f.gap = s.gap AND f.repetition = s.repetition AND s.users2 = f.first;

INSERT INTO obs SELECT tiers, gap, '', 'users', repetition, users FROM enough;
INSERT INTO obs SELECT tiers, gap, '', 'calls', repetition, calls FROM enough;
INSERT INTO obs SELECT tiers, gap, '', 'usd_per_h', repetition, usd_per_h FROM enough;
INSERT INTO obs SELECT tiers, gap, '', 'calls_per_usd', repetition, calls * 3600 / usd_per_h FROM enough;

-- What memory costs: its price to the buyer, and US$/h for each US$/GB of it: annuity and upkeep of two CPUs' 1536 GB.
CREATE TEMP TABLE prices AS
SELECT max(iif(key = 'memory_price socamm.usd_per_gb', num, NULL)) AS socamm, max(iif(key = 'memory_price socamm.margin', num, NULL)) AS margin,
       max(iif(key = 'memory_price hbm4.usd_per_gb', num, NULL)) AS hbm, max(iif(key = 'memory_price tlc.usd_per_gb', num, NULL)) AS nand,
       max(iif(key = 'gpu_price vr200.card_usd', num, NULL)) / 288 AS hbm_in_gpu,
       (max(iif(key = 'prices.interest', num, NULL)) / (1 - pow(1 + max(iif(key = 'prices.interest', num, NULL)), -max(iif(key = 'prices.years', num, NULL))))
        + max(iif(key = 'prices.upkeep', num, NULL))) / 8760 * 3072 AS usd_per_h_each
FROM params WHERE run = 1;

-- The price of LPDDR at which it is worth no more than the same without it, and than NAND in its place.
INSERT INTO obs
SELECT 'HBM alone', l.gap, '', 'break_even', l.repetition, (o.usd_per_h * l.calls / o.calls - (l.usd_per_h - socamm / (1 - margin) * usd_per_h_each)) / usd_per_h_each
FROM enough l JOIN enough o USING(gap, repetition), prices WHERE l.tiers = 'LPDDR' AND o.tiers = 'HBM alone';
INSERT INTO obs
SELECT 'NAND', l.gap, '', 'break_even', l.repetition, (o.usd_per_h * l.calls / o.calls - (l.usd_per_h - socamm / (1 - margin) * usd_per_h_each)) / usd_per_h_each
FROM enough l JOIN enough o USING(gap, repetition), prices WHERE l.tiers = 'LPDDR' AND o.tiers = 'NAND';
