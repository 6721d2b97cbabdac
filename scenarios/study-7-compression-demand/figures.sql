-- obs: a = attention, b = context.
CREATE TEMP TABLE point AS
SELECT r.run, r.repetition,
       CASE (SELECT text FROM params p WHERE p.run = r.run AND p.key = 'model.name') WHEN 'V4-Pro with MLA' THEN 'MLA' WHEN 'V4-Pro with DSA' THEN 'DSA' ELSE 'CSA + HCA' END AS kind,
       CAST((SELECT num FROM params p WHERE p.run = r.run AND p.key = 'class long.input_tokens') AS INT) AS context,
       CAST((SELECT num FROM params p WHERE p.run = r.run AND p.key = 'workload.concurrency') AS INT) AS seats
FROM runs r;

-- Bytes that a token of context takes (tiersim describe model, fp8 as engines keep it), and for how long a session's context is
-- kept: ten calls, 300 s between two. A GB of SOCAMM for an hour: 13/(1 - 0.6) US$, by annuity and upkeep.
CREATE TEMP TABLE kind(place INT, kind TEXT PRIMARY KEY, bytes REAL);
INSERT INTO kind VALUES (1, 'MLA', 35136), (2, 'DSA', 48068), (3, 'CSA + HCA', 5031);
CREATE TEMP TABLE kept AS
SELECT 10 * 300 / 3600.0 AS hours, max(iif(key = 'memory_price socamm.usd_per_gb', num, NULL)) / (1 - max(iif(key = 'memory_price socamm.margin', num, NULL)))
       * (max(iif(key = 'prices.interest', num, NULL)) / (1 - pow(1 + max(iif(key = 'prices.interest', num, NULL)), -max(iif(key = 'prices.years', num, NULL))))
          + max(iif(key = 'prices.upkeep', num, NULL))) / 8760 AS usd_per_gb_h
FROM params WHERE run = 1;

CREATE TEMP TABLE wide AS
SELECT p.*, max(iif(name = 'slo_attainment', value, NULL)) AS attainment, max(iif(name = 'usd_per_session', value, NULL)) AS gpu_usd,
       max(iif(name = 'cost_usd_per_h', value, NULL)) AS usd_per_h, max(iif(name = 'request_throughput', value, NULL)) AS calls
FROM point p JOIN seen USING(run) GROUP BY run;

-- The cheapest load at which nine of ten calls have a token every 100 ms.
CREATE TEMP TABLE best AS
SELECT w.kind, context, repetition, seats, usd_per_h / 3600 / calls * 10 AS gpu_usd, bytes * context / 1e9 AS gb, bytes * context / 1e9 * hours AS gb_h,
       bytes * context / 1e9 * hours * usd_per_gb_h AS memory_usd
FROM wide w JOIN kind USING(kind), kept
WHERE seats = ifnull((SELECT max(v.seats) FROM wide v WHERE v.kind = w.kind AND v.context = w.context AND v.repetition = w.repetition AND v.attainment >= 0.9),
                     (SELECT min(v.seats) FROM wide v WHERE v.kind = w.kind AND v.context = w.context AND v.repetition = w.repetition));

INSERT INTO obs SELECT kind, context, '', 'seats', repetition, seats FROM best;
INSERT INTO obs SELECT kind, context, '', 'gpu_usd', repetition, gpu_usd FROM best;
INSERT INTO obs SELECT kind, context, '', 'usd', repetition, gpu_usd + memory_usd FROM best;
INSERT INTO obs SELECT kind, context, '', 'memory_share', repetition, memory_usd / (gpu_usd + memory_usd) FROM best;
-- Of each US$ spent: GB that lie below HBM at any time when one US$ an hour is spent, and HBM that the same US$ pays.
INSERT INTO obs SELECT kind, context, '', 'gb_per_usd_h', repetition, gb_h / (gpu_usd + memory_usd) FROM best;
INSERT INTO obs SELECT kind, context, '', 'hbm_gb_per_usd_h', repetition, gpu_usd / (gpu_usd + memory_usd) * 4 * 288 / usd_per_h
FROM best JOIN (SELECT kind, context, repetition, seats, usd_per_h FROM wide) USING(kind, context, repetition, seats);

-- From MLA to another kind, at the same context or at one that has grown: memory for each session, price of a session, and the elasticity of
-- demand at which the memory of all sessions is what it was: (gb/gb0) (usd/usd0)^-e = 1. c = context before.
CREATE TEMP TABLE step AS
SELECT o.context AS before, n.kind, n.context AS after, n.repetition, n.gb / o.gb AS gb, (n.gpu_usd + n.memory_usd) / (o.gpu_usd + o.memory_usd) AS usd
FROM best o JOIN best n ON n.repetition = o.repetition AND n.context IN (o.context, 4 * o.context, 16 * o.context) WHERE o.kind = 'MLA' AND NOT (n.kind = 'MLA' AND n.context = o.context);
INSERT INTO obs SELECT kind, after, before, 'gb', repetition, gb FROM step;
INSERT INTO obs SELECT kind, after, before, 'price', repetition, usd FROM step;
INSERT INTO obs SELECT kind, after, before, 'at_fixed_spend', repetition, gb / usd FROM step;
INSERT INTO obs SELECT kind, after, before, 'elasticity', repetition, ln(gb) / ln(usd) FROM step WHERE gb < 1 AND usd < 1;
CREATE TEMP TABLE elasticity(e REAL);
INSERT INTO elasticity VALUES (0), (0.5), (1), (1.5), (2), (2.5), (3);
INSERT INTO obs SELECT printf('%s, %dk', kind, after / 1000), e, before, 'demand', repetition, gb * pow(usd, -e) FROM step, elasticity WHERE before = 200000;
