.mode markdown --wrap 0
SELECT gpus AS GPUs, skew, users, printf('%g %%', 100 * x.b) AS 'experts in HBM', x.text AS 'ms a token', t.text AS 'output tokens/s', h.text AS 'US$ an hour',
       round(a.mean, 2) || iif(x.b = 1, '', printf(' (%.2f to %.2f)', a.low, a.high)) AS 'tokens a US$, of those with all in HBM'
FROM shown x JOIN who w ON w.name = x.a
JOIN shown t ON t.a = x.a AND t.b = x.b AND t.name = 'output_throughput'
JOIN shown h ON h.a = x.a AND h.b = x.b AND h.name = 'cost_usd_per_h'
JOIN ci a ON a.a = x.a AND a.b = x.b AND a.name = 'against'
WHERE x.name = 'mean_tpot_ms' AND skew = 0.5
ORDER BY users, gpus DESC, x.b DESC;
.mode list
SELECT '';
.mode markdown --wrap 0
SELECT users, printf('%g %%', 100 * b) AS 'experts in HBM', max(iif(skew = 0.5, tpot, NULL)) AS 'ms a token, skew 0.5', max(iif(skew = 1, tpot, NULL)) AS 'skew 1'
FROM (SELECT gpus, skew, users, x.b, x.text AS tpot FROM shown x JOIN who w ON w.name = x.a WHERE x.name = 'mean_tpot_ms' AND gpus = 4 AND x.b IN (0.9, 0.5, 0.05))
GROUP BY users, b ORDER BY users, b DESC;
