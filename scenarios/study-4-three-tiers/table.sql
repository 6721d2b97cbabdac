.mode markdown --wrap 0
SELECT u.b AS 'gap, s', u.a AS 'below HBM', u.text AS 'users in time', c.text AS 'calls/s', d.text AS 'US$ an hour', y.text AS 'calls a US$', u.n
FROM shown u
JOIN shown c ON c.a = u.a AND c.b = u.b AND c.name = 'calls'
JOIN shown d ON d.a = u.a AND d.b = u.b AND d.name = 'usd_per_h'
JOIN shown y ON y.a = u.a AND y.b = u.b AND y.name = 'calls_per_usd'
WHERE u.name = 'users' ORDER BY u.b, d.mean;
.mode list
SELECT '';
.mode markdown --wrap 0
SELECT b.b AS 'gap, s', max(iif(b.a = 'HBM alone', b.text, NULL)) AS 'LPDDR pays beside nothing up to, US$/GB', max(iif(b.a = 'NAND', b.text, NULL)) AS 'beside NAND up to, US$/GB'
FROM shown b WHERE b.name = 'break_even' GROUP BY b.b;
.mode list
SELECT '';
.mode markdown --wrap 0
SELECT column1 AS 'price basis', printf('%.1f', column2) AS 'HBM, US$/GB', printf('%.1f', column3) AS 'SOCAMM', printf('%.1f', column2 / column3) AS 'GB of LPDDR for one of HBM'
FROM (SELECT 'component, Q1 2026' AS column1, hbm AS column2, 8.0 AS column3 FROM prices
      UNION ALL SELECT 'component, end of 2026', hbm, socamm FROM prices
      UNION ALL SELECT 'as sold on, Q1 2026: GPU''s price over its HBM, SOCAMM at 60 % margin', hbm_in_gpu, 8.0 / (1 - margin) FROM prices
      UNION ALL SELECT 'as sold on, end of 2026', hbm_in_gpu, socamm / (1 - margin) FROM prices
      UNION ALL SELECT 'GPU''s price, SOCAMM as a component, end of 2026', hbm_in_gpu, socamm FROM prices);
