.mode markdown --wrap 0
SELECT attention, model, printf('%,d', x.b) AS context, printf('%.1f', gb_a_million * x.b / 1e6) AS 'KV, GB', seats.text AS 'seats a GPU', x.text AS 'output tokens/s a GPU',
       tpot.text AS 'ms a token', first.text AS 'US$ to read it once', o.text AS 'US$/M output', s.text AS 'US$ a session'
FROM shown x JOIN kind ON model = x.a
JOIN shown seats ON seats.a = x.a AND seats.b = x.b AND seats.name = 'seats_a_gpu'
JOIN shown tpot ON tpot.a = x.a AND tpot.b = x.b AND tpot.c = '' AND tpot.name = 'mean_tpot_ms'
JOIN shown first ON first.a = x.a AND first.b = x.b AND first.name = 'first_usd'
JOIN shown o ON o.a = x.a AND o.b = x.b AND o.c = '' AND o.name = 'usd_per_m_output'
LEFT JOIN shown s ON s.a = x.a AND s.b = x.b AND s.c = '' AND s.name = 'usd_per_session'
WHERE x.name = 'output_throughput_per_gpu' AND x.c = ''
ORDER BY kind.rowid, x.b;
