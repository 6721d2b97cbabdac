.mode markdown --wrap 0
SELECT printf('%,d', u.b) AS context, u.a AS attention, s.text AS seats, u.text AS 'US$ a session', round(100 * m.mean, 1) AS 'memory below HBM, % of it',
       g.text AS 'GB kept below HBM for a US$ an hour', h.text AS 'GB of HBM for it'
FROM shown u JOIN kind k ON k.kind = u.a JOIN shown s ON s.a = u.a AND s.b = u.b AND s.name = 'seats' JOIN ci m ON m.a = u.a AND m.b = u.b AND m.name = 'memory_share'
JOIN shown g ON g.a = u.a AND g.b = u.b AND g.name = 'gb_per_usd_h' JOIN shown h ON h.a = u.a AND h.b = u.b AND h.name = 'hbm_gb_per_usd_h'
WHERE u.name = 'usd' ORDER BY u.b, place;
.mode list
SELECT '';
.mode markdown --wrap 0
SELECT printf('MLA, %dk', x.c / 1000) AS 'from', printf('%s, %dk', x.a, x.b / 1000) AS 'to', x.text AS 'GB a session, times', p.text AS 'US$ a session, times', f.text AS 'GB at fixed spend, times',
       CASE WHEN e.text IS NOT NULL THEN e.text WHEN x.mean < 1 THEN 'any: falls' WHEN p.mean < 1 THEN 'none: grows' ELSE '' END AS 'grows beyond an elasticity of'
FROM shown x JOIN kind k ON k.kind = x.a JOIN shown p ON p.a = x.a AND p.b = x.b AND p.c = x.c AND p.name = 'price' JOIN shown f ON f.a = x.a AND f.b = x.b AND f.c = x.c AND f.name = 'at_fixed_spend'
LEFT JOIN shown e ON e.a = x.a AND e.b = x.b AND e.c = x.c AND e.name = 'elasticity'
WHERE x.name = 'gb' AND NOT (x.a = 'MLA') ORDER BY x.c, x.b, place;
