.mode markdown --wrap 0
SELECT u.a AS machine, u.text AS 'users in time', t.text AS 'ms a token', c.text AS 'calls/s', h.text AS 'US$ an hour', k.text AS kW, y.text AS 'calls a US$', w.text AS 'calls a kWh', u.n
FROM shown u JOIN shown c ON c.a = u.a AND c.name = 'calls' JOIN shown t ON t.a = u.a AND t.name = 'tpot' JOIN shown h ON h.a = u.a AND h.name = 'usd_per_h'
JOIN shown k ON k.a = u.a AND k.name = 'kw' JOIN shown y ON y.a = u.a AND y.name = 'calls_per_usd' JOIN shown w ON w.a = u.a AND w.name = 'calls_per_kwh'
WHERE u.name = 'users' ORDER BY substr(u.a, 1, 5) DESC, y.mean DESC;
.mode list
SELECT '';
.mode markdown --wrap 0
SELECT x.a AS 'beside VR200 with the same model', x.text AS 'calls a US$, times', w.text AS 'calls a kWh, times', m.text AS 'a die may cost, US$'
FROM shown x JOIN shown w ON w.a = x.a AND w.name = 'against_kwh' JOIN shown m ON m.a = x.a AND m.name = 'may_cost' WHERE x.name = 'against_usd' ORDER BY x.mean DESC;
