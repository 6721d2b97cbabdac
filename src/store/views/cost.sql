-- cost.sql - What the run is charged, and whose that is; empty without [prices]. What holds for all views stands in requests.sql.

-- The bill from warm-up to the end, anew from its prices, from who was there and from the steps.
CREATE VIEW v_bill AS
WITH w AS MATERIALIZED (
    SELECT warmup_ns AS a, max(t_end_ns, warmup_ns) AS b, log IN ('step', 'all') AS steps FROM run
), p AS MATERIALIZED ( -- replicas of each pool: there, and in steps, in ns; GPUs of a row of replica
    SELECT row_number() OVER (ORDER BY min(id)) - 1 AS pool, pool AS name, min(id) AS first, max(id) AS last, min(gpus) AS gpus FROM replica
    GROUP BY pool
), there AS MATERIALIZED (
    SELECT p.pool, coalesce((SELECT sum(CASE s.what WHEN 0 THEN w.b - max(s.t_ns, w.a) WHEN 3 THEN max(s.t_ns, w.a) - w.b
                                                    WHEN 4 THEN max(s.t_ns, w.a) - w.b ELSE 0 END)
                             FROM scale s WHERE s.replica BETWEEN p.first AND p.last) * 1.0 / nullif(y.replicas * (w.b - w.a), 0), 1.0) AS share,
           p.gpus * (SELECT total(t_end_ns - t_start_ns) FROM step WHERE replica BETWEEN p.first AND p.last AND t_start_ns >= w.a) / 3.6e12 AS step_gpu_h
    FROM w, p JOIN bill_pool y ON y.pool = p.pool
)
SELECT b.id AS part, b.name, b.kind, b.product, b.pool, p.name AS pool_name, b.count, b.bytes, b.unit_usd, b.capex_usd, b.usd_per_h,
       (w.b - w.a) / 3.6e12 * CASE WHEN b.by_replica AND b.pool IS NOT NULL THEN t.share ELSE 1.0 END AS hours,
       CASE WHEN b.kind = 'power' AND NOT w.steps THEN NULL ELSE b.usd_per_h * (w.b - w.a) / 3.6e12
           * CASE WHEN b.by_replica AND b.pool IS NOT NULL THEN t.share ELSE 1.0 END
           + CASE WHEN b.kind = 'power' THEN t.step_gpu_h * (y.busy_w - y.idle_w) / 1000 * y.pue * y.usd_per_kwh ELSE 0 END END AS usd
FROM w, bill b LEFT JOIN p ON p.pool = b.pool LEFT JOIN there t ON t.pool = b.pool LEFT JOIN bill_pool y ON y.pool = b.pool;
INSERT INTO doc VALUES
    ('v_bill', NULL, 'with [prices]: the bill from warm-up to the end of the run, part by part'),
    ('v_bill', 'hours', 'that are paid: of replicas that came and went, their share'),
    ('v_bill', 'usd', 'US$; of power with what steps draw above idle (log level step or all)');

-- Tokens of requests that were answered, and what each kind of them costs.
CREATE VIEW v_cost AS
WITH k AS MATERIALIZED (
    SELECT who, sum(usd) AS usd, sum(full_usd) AS full_usd FROM cost GROUP BY who
), q AS MATERIALIZED (
    SELECT coalesce(max(CASE name WHEN 'total_input_tokens' THEN value END), 0) AS input, coalesce(max(CASE name WHEN 'total_output_tokens' THEN value END), 0) AS output,
           coalesce(max(CASE name WHEN 'cached_input_tokens' THEN value END), 0) AS cached
    FROM metric WHERE class IS NULL
), s AS MATERIALIZED (
    SELECT 1 + total(CASE who WHEN 'lost' THEN full_usd END) / nullif(total(CASE WHEN who IN ('input', 'cached', 'output') THEN full_usd END), 0) AS spread,
           total(usd) AS bill FROM k
)
SELECT k.who, k.usd, k.full_usd, k.full_usd / nullif(s.bill, 0) AS share,
       CASE k.who WHEN 'input' THEN q.input - q.cached WHEN 'cached' THEN q.cached WHEN 'output' THEN q.output END AS tokens,
       1e6 * k.full_usd * s.spread / nullif(CASE k.who WHEN 'input' THEN q.input - q.cached WHEN 'cached' THEN q.cached WHEN 'output' THEN q.output END, 0)
           AS usd_per_m
FROM k, q, s;
INSERT INTO doc VALUES
    ('v_cost', NULL, 'with [prices]: the bill by who caused it (table cost says who they are)'),
    ('v_cost', 'usd', 'US$ of what they used'),
    ('v_cost', 'full_usd', 'with their share of what nobody used'),
    ('v_cost', 'share', 'full_usd over the bill'),
    ('v_cost', 'tokens', 'of answered requests: prompt tokens computed, found cached, output tokens'),
    ('v_cost', 'usd_per_m', 'US$ of a million of them; what requests that were not answered took is spread over all three');

CREATE VIEW v_cost_breakdown AS
SELECT b.id AS part, b.name, b.kind, b.pool, total(c.usd) AS usd, total(CASE c.who WHEN 'input' THEN c.usd END) AS input,
       total(CASE c.who WHEN 'cached' THEN c.usd END) AS cached, total(CASE c.who WHEN 'output' THEN c.usd END) AS output,
       total(CASE c.who WHEN 'lost' THEN c.usd END) AS lost, total(CASE c.who WHEN 'other' THEN c.usd END) AS other,
       total(CASE c.who WHEN 'idle' THEN c.usd END) AS idle, total(CASE c.who WHEN 'input' THEN c.full_usd END) AS full_input,
       total(CASE c.who WHEN 'cached' THEN c.full_usd END) AS full_cached, total(CASE c.who WHEN 'output' THEN c.full_usd END) AS full_output,
       total(CASE c.who WHEN 'lost' THEN c.full_usd END) AS full_lost, total(CASE c.who WHEN 'other' THEN c.full_usd END) AS full_other,
       total(CASE c.who WHEN 'idle' THEN c.full_usd END) AS full_idle
FROM bill b JOIN cost c ON c.part = b.id GROUP BY b.id;
INSERT INTO doc VALUES
    ('v_cost_breakdown', NULL, 'with [prices]: US$ of each part of the bill by who caused them, as used; full_ columns: with their share of the idle');

CREATE VIEW v_cost_request AS
WITH r AS MATERIALIZED (
    SELECT p.pool, max(CASE c.what WHEN 'prefill_ns' THEN c.usd END) AS prefill_ns, max(CASE c.what WHEN 'decode_ns' THEN c.usd END) AS decode_ns,
           max(CASE c.what WHEN 'prefill_token_us' THEN c.usd END) AS prefill_token_us,
           max(CASE c.what WHEN 'decode_token_us' THEN c.usd END) AS decode_token_us
    FROM bill_pool p JOIN cost_rate c ON c.pool = p.pool GROUP BY p.pool
), h AS MATERIALIZED (SELECT usd FROM cost_rate WHERE what = 'cached_tokens'
), u AS MATERIALIZED (
    SELECT c.request, total(c.prefill_ns * r.prefill_ns + c.prefill_token_us * r.prefill_token_us) AS input,
           total(c.decode_ns * r.decode_ns + c.decode_token_us * r.decode_token_us) AS output
    FROM request_cost c JOIN r ON r.pool = c.pool GROUP BY c.request
)
SELECT q.id AS request, q.class, q.session, q.status, q.input_tokens, q.hit_tokens, q.generated_tokens AS output_tokens,
       coalesce(u.input, 0) AS input_usd, q.hit_tokens * h.usd AS cached_usd, coalesce(u.output, 0) AS output_usd,
       coalesce(u.input, 0) + q.hit_tokens * h.usd + coalesce(u.output, 0) AS usd
FROM h, request q LEFT JOIN u ON u.request = q.id WHERE q.t_end_ns IS NOT NULL;
INSERT INTO doc VALUES
    ('v_cost_request', NULL, 'with [prices]: full US$ of each request that ended, of its prompt, of tokens found cached, of its answer');

CREATE VIEW v_cost_task AS
SELECT t.id AS task, t.class, t.agent, t.answered, t.steps, t.calls, (t.t_end_ns - t.t_start_ns) / 1e6 AS task_ms,
       total(c.input_usd) AS input_usd, total(c.cached_usd) AS cached_usd, total(c.output_usd) AS output_usd, total(c.usd) AS usd,
       total(c.output_tokens) AS output_tokens
FROM agent_task t LEFT JOIN agent_step s ON s.task = t.id LEFT JOIN v_cost_request c ON c.request = s.request
WHERE EXISTS (SELECT 1 FROM bill) GROUP BY t.id;
INSERT INTO doc VALUES
    ('v_cost_task', NULL, 'with [prices]: full US$ of each agent''s task: of the last attempts of its LLM calls');
