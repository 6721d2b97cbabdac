-- obs: a = filling of a Vera, b = price of SOCAMM to its buyer in US$/GB.
CREATE TEMP TABLE point AS
SELECT r.run, r.repetition, iif((SELECT text FROM params p WHERE p.run = r.run AND p.key = 'memory.tiers') = 'none', 0,
           (SELECT num FROM params p WHERE p.run = r.run AND p.key = 'tier lpddr.modules')) AS modules,
       (SELECT num FROM params p WHERE p.run = r.run AND p.key = 'tier lpddr.module_capacity') / 1e9 AS size,
       CAST((SELECT num FROM params p WHERE p.run = r.run AND p.key = 'workload.concurrency') AS INT) AS users
FROM runs r;

CREATE TEMP TABLE wide AS
SELECT p.*, iif(modules = 0, 'none', printf('%d x %d GB', modules, size)) AS what, 2 * modules * size AS gb,
       max(iif(name = 'slo_attainment', value, NULL)) AS attainment, max(iif(name = 'output_throughput', value, NULL)) AS tokens,
       max(iif(name = 'cost_usd_per_h', value, NULL)) AS usd_per_h
FROM point p JOIN seen USING(run) GROUP BY run;

-- The load at which nine of ten calls are in time: between the last load where they are and the first where they are not, linear.
CREATE TEMP TABLE enough AS
WITH step AS (
    SELECT *, lead(users) OVER w AS users2, lead(attainment) OVER w AS attainment2 FROM wide
    WINDOW w AS (PARTITION BY what, repetition ORDER BY users)),
fail AS (SELECT what, repetition, min(users) AS first FROM wide WHERE attainment < 0.9 GROUP BY 1, 2)
SELECT s.what, modules, size, gb, s.repetition, usd_per_h, users + (users2 - users) * (attainment - 0.9) / (attainment - attainment2) AS users,
       tokens * (1 + (users2 * 1.0 / users - 1) * (attainment - 0.9) / (attainment - attainment2)) AS tokens
FROM step s JOIN fail f ON f.what = s.what AND f.repetition = s.repetition AND s.users2 = f.first;

-- US$/h of a US$ of capital, and the price that the bill has.
CREATE TEMP TABLE prices AS
SELECT (max(iif(key = 'prices.interest', num, NULL)) / (1 - pow(1 + max(iif(key = 'prices.interest', num, NULL)), -max(iif(key = 'prices.years', num, NULL))))
        + max(iif(key = 'prices.upkeep', num, NULL))) / 8760 AS rate,
       max(iif(key = 'memory_price socamm.usd_per_gb', num, NULL)) / (1 - max(iif(key = 'memory_price socamm.margin', num, NULL))) AS billed
FROM params WHERE run = 1;
CREATE TEMP TABLE at(price REAL, what TEXT);
INSERT INTO at VALUES (8, 'component, Q1 2026'), (13, 'component, end of 2026'), (20, 'sold on, Q1 2026'), (32.5, 'sold on, end of 2026'), (65, 'twice that'), (130, 'four times');

CREATE TEMP TABLE cost AS
SELECT e.*, price, (usd_per_h + gb * (price - billed) * rate) AS h, (usd_per_h + gb * (price - billed) * rate) / tokens / 3600 * 1e6 AS usd FROM enough e, prices, at;

INSERT INTO obs SELECT what, '', '', 'users', repetition, users FROM enough;
INSERT INTO obs SELECT what, '', '', 'gb', repetition, gb FROM enough WHERE gb > 0;
INSERT INTO obs SELECT what, price, '', 'usd', repetition, usd FROM cost;
-- Beside eight modules of 192 GB at the price of the first quarter, sold on.
INSERT INTO obs SELECT c.what, c.price, '', 'against', c.repetition, c.usd / o.usd FROM cost c JOIN cost o ON o.repetition = c.repetition AND o.what = '8 x 192 GB' AND o.price = 20;
-- Which filling gives the cheapest token, and how often.
INSERT INTO obs SELECT w, p, '', 'best', r, iif(w = what, 1, 0) FROM (SELECT what AS w, price AS p, repetition AS r FROM cost) JOIN
    (SELECT what, price, repetition, min(usd) FROM cost GROUP BY price, repetition) ON price = p AND repetition = r;
