-- demand.sql - What memory the run's fleet has, and what of it was held and moved; empty without [prices]. What holds for all
-- views stands in requests.sql.

-- At each sample after warm-up, of all units together; the last interval may be short and is left out of the peak.
CREATE VIEW v_demand AS
WITH w AS (SELECT warmup_ns AS t FROM run),
have AS MATERIALIZED (
    SELECT coalesce(tier, 0) AS tier, min(product) AS product, sum(bytes) / 1e9 AS gb, sum(bytes / 1e9 * unit_usd) AS usd
    FROM bill WHERE bytes > 0 GROUP BY tier
), held AS MATERIALIZED (
    SELECT tier, avg(b) / 1e9 AS mean, max(b) / 1e9 AS peak FROM (
        SELECT tier, sum(weights_bytes + running_bytes + cached_bytes + expert_bytes + table_bytes) AS b
        FROM w, room_sample WHERE t_ns > w.t GROUP BY tier, t_ns) GROUP BY tier
), part AS MATERIALIZED (
    SELECT p.tier, s.t_ns, s.bytes, s.t_ns - lag(s.t_ns, 1, 0) OVER (PARTITION BY s.port ORDER BY s.t_ns) AS dt
    FROM port_sample s JOIN port p ON p.id = s.port WHERE p.tier IS NOT NULL
), moved AS MATERIALIZED (
    SELECT tier, 1.0 * sum(b) / sum(dt) AS mean, max(CASE WHEN dt = (SELECT max(dt) FROM part, w WHERE t_ns > w.t) THEN 1.0 * b / dt END) AS peak
    FROM (SELECT tier, t_ns, sum(bytes) AS b, max(dt) AS dt FROM w, part WHERE t_ns > w.t GROUP BY tier, t_ns) GROUP BY tier
), m AS MATERIALIZED (
    SELECT total(CASE WHEN name IN ('total_input_tokens', 'total_output_tokens') THEN value END) AS tokens,
           max(CASE name WHEN 'duration' THEN value END) AS s, max(CASE name WHEN 'usd_per_m_total' THEN value END) AS usd_per_m,
           max(CASE name WHEN 'cost_usd' THEN value END) AS usd
    FROM metric WHERE class IS NULL
), served AS MATERIALIZED ( -- in a day; as if what went to requests that are not counted had served as many for its US$
    SELECT coalesce(1e6 * usd / nullif(usd_per_m, 0), tokens) / nullif(s, 0) * 86400
           * (SELECT value_num FROM run_param WHERE key = 'prices.utilisation') AS tokens
    FROM m
)
SELECT t.id AS tier, t.name, t.kind, h.product, h.gb AS have_gb, held.mean AS held_mean_gb, held.peak AS held_peak_gb,
       moved.mean AS moved_mean_gbps, moved.peak AS moved_peak_gbps, h.usd, served.tokens AS tokens_per_day,
       h.gb / nullif(served.tokens / 1e6, 0) AS gb_per_m, h.usd / nullif(served.tokens / 1e6, 0) AS usd_per_m
FROM served, have h JOIN tier t ON t.id = h.tier LEFT JOIN held ON held.tier = t.id LEFT JOIN moved ON moved.tier = t.id;
INSERT INTO doc VALUES
    ('v_demand', NULL, 'with [prices]: the memories of the fleet, what they held and moved (log level step or all), and for each million tokens a day; `tiersim demand` says more'),
    ('v_demand', 'have_gb', 'of all units that are paid'),
    ('v_demand', 'held_mean_gb', 'of all units together, without activations and what is reserved; so held_peak_gb, at one sample'),
    ('v_demand', 'moved_mean_gbps', '1e9 bytes a second over its ports, of HBM with what steps read; so moved_peak_gbps, in the busiest interval'),
    ('v_demand', 'usd', 'US$ of have_gb at what a buyer pays, whatever the basis'),
    ('v_demand', 'tokens_per_day', 'input and output tokens, at the metric usd_per_m_total for all of cost_usd, times [prices] utilisation'),
    ('v_demand', 'gb_per_m', 'have_gb for each million tokens a day; so usd_per_m');
