-- cost_metrics.sql - every metric of cost of a results file (log level all), from its rows alone, by the rule of DESIGN.md ("What a token costs"); and table cost, cell by cell. Prints one line for
-- each value that differs by more than 1e-9 of itself, or that only one of the two has; then how many were compared.
CREATE TEMP TABLE w AS SELECT warmup_ns AS a, t_end_ns AS b, max(t_end_ns - warmup_ns, 0) / 1e9 AS s FROM run;
CREATE TEMP TABLE card AS
SELECT max(CASE key WHEN 'price_card.input_usd_per_m' THEN value_num END) AS input, max(CASE key WHEN 'price_card.cached_input_usd_per_m' THEN value_num END) AS cached,
       max(CASE key WHEN 'price_card.output_usd_per_m' THEN value_num END) AS output FROM run_param;
CREATE TEMP TABLE pool AS
SELECT b.*, p.first, p.last, p.gpus AS each, p.kv_blocks FROM bill_pool b JOIN (
    SELECT row_number() OVER (ORDER BY min(id)) - 1 AS pool, min(id) AS first, max(id) AS last, min(gpus) AS gpus, min(kv_blocks) AS kv_blocks FROM replica GROUP BY replica.pool) p ON p.pool = b.pool;
-- Replicas that come and go: a +1 or -1 each, until the end of the run.
CREATE TEMP TABLE there AS
SELECT p.pool, coalesce((SELECT sum((CASE s.what WHEN 0 THEN 1 WHEN 3 THEN -1 WHEN 4 THEN -1 ELSE 0 END) * (w.b - max(s.t_ns, w.a))) FROM scale s WHERE s.replica BETWEEN p.first AND p.last),
                        p.replicas * (w.b - w.a)) / 1e9 AS replica_s FROM pool p, w;
CREATE TEMP TABLE step_of AS
SELECT p.pool, x.* FROM pool p JOIN step_share x ON x.replica BETWEEN p.first AND p.last, w WHERE x.t_start_ns >= w.a;
CREATE TEMP TABLE used AS -- of each pool, in four units: all, answered, lost
WITH u AS (
    SELECT pool, 'prefill_ns' AS k, total(prefill_ns) AS al FROM step_of GROUP BY pool UNION ALL SELECT pool, 'decode_ns', total(decode_ns) FROM step_of GROUP BY pool
    UNION ALL SELECT pool, 'prefill_token_us', total(prefill_token_us) FROM step_of GROUP BY pool UNION ALL SELECT pool, 'decode_token_us', total(decode_token_us) FROM step_of GROUP BY pool
), r AS (
    SELECT c.pool, q.status = 'completed' AS answered, total(c.prefill_ns) AS a, total(c.decode_ns) AS b, total(c.prefill_token_us) AS c, total(c.decode_token_us) AS d
    FROM request_cost c JOIN request q ON q.id = c.request, w WHERE q.t_arrive_ns >= w.a GROUP BY 1, 2
), x AS (
    SELECT pool, answered, 'prefill_ns' AS k, a AS v FROM r UNION ALL SELECT pool, answered, 'decode_ns', b FROM r
    UNION ALL SELECT pool, answered, 'prefill_token_us', c FROM r UNION ALL SELECT pool, answered, 'decode_token_us', d FROM r
)
SELECT u.pool, u.k, max(u.al, coalesce(s.v, 0) + coalesce(l.v, 0)) AS al, u.al AS rec, coalesce(s.v, 0) AS served, coalesce(l.v, 0) AS lost
FROM u LEFT JOIN x s ON s.pool = u.pool AND s.k = u.k AND s.answered LEFT JOIN x l ON l.pool = u.pool AND l.k = u.k AND NOT l.answered;
CREATE TEMP TABLE steps AS -- time of steps, and what that is of the time there
SELECT p.pool, coalesce((SELECT sum(al) FROM used u WHERE u.pool = p.pool AND k GLOB '*_ns'), 0) AS ns, p.each,
       coalesce((SELECT sum(al) FROM used u WHERE u.pool = p.pool AND k GLOB '*_ns') / nullif(1e9 * t.replica_s * p.members, 0), 0) AS busy,
       coalesce((SELECT total((prefill_ns + decode_ns) * prefill_blocks) FROM step_of x WHERE x.pool = p.pool) / nullif(1e9 * t.replica_s * p.members * p.kv_blocks, 0), 0) AS prompts,
       coalesce((SELECT total((prefill_ns + decode_ns) * decode_blocks) FROM step_of x WHERE x.pool = p.pool) / nullif(1e9 * t.replica_s * p.members * p.kv_blocks, 0), 0) AS contexts,
       coalesce((SELECT total((prefill_ns + decode_ns) * cached_blocks) FROM step_of x WHERE x.pool = p.pool) / nullif(1e9 * t.replica_s * p.members * p.kv_blocks, 0), 0) AS cached
FROM pool p JOIN there t ON t.pool = p.pool;
CREATE TEMP TABLE room AS
SELECT r.tier, total(r.cached_bytes) / total(t.hardware_bytes) AS cached, total(r.running_bytes) / total(t.hardware_bytes) AS running,
       total(r.expert_bytes + r.table_bytes) / total(t.hardware_bytes) AS others
FROM w, room_sample r JOIN tier t ON t.id = r.tier WHERE r.t_ns > w.a GROUP BY r.tier;
CREATE TEMP TABLE hits AS
SELECT total(CASE WHEN coalesce(t_end_ns, w.b) >= w.a THEN hit_tokens END) AS al, total(CASE WHEN t_arrive_ns >= w.a AND status = 'completed' THEN hit_tokens END) AS served,
       total(CASE WHEN t_arrive_ns >= w.a AND t_end_ns IS NOT NULL AND status <> 'completed' THEN hit_tokens END) AS lost FROM request, w;
CREATE TEMP TABLE part AS -- US$ of each, and of it what only steps pay
SELECT b.*, x.step_usd, b.usd_per_h * w.s / 3600 * CASE WHEN b.by_replica AND b.pool IS NOT NULL THEN t.replica_s / nullif(w.s * p.replicas, 0) ELSE 1 END + x.step_usd AS usd
FROM w, bill b LEFT JOIN pool p ON p.pool = b.pool LEFT JOIN there t ON t.pool = b.pool LEFT JOIN (
    SELECT b.id, CASE b.kind WHEN 'power' THEN s.ns * s.each / 3.6e12 * (p.busy_w - p.idle_w) / 1000 * p.pue * p.usd_per_kwh ELSE 0 END AS step_usd
    FROM bill b LEFT JOIN pool p ON p.pool = b.pool LEFT JOIN steps s ON s.pool = b.pool) x ON x.id = b.id;
CREATE TEMP TABLE pays AS -- which pool a part is of: its own, or all by GPU time
SELECT b.id, s.pool, CASE WHEN b.pool IS NULL THEN s.ns * s.each / nullif((SELECT sum(ns * each) FROM steps), 0) ELSE b.pool = s.pool END AS share FROM bill b, steps s;
CREATE TEMP TABLE use AS -- what was used of each part
WITH u(id, pool, what, usd) AS (
    SELECT b.id, y.pool, 'steps', y.share * CASE
        WHEN b.tier IS NOT NULL THEN b.usd * coalesce(r.others, 0) * (s.ns > 0) WHEN b.kind = 'hbm' THEN b.usd * (1 - p.kv_share) * s.busy ELSE (b.usd - b.step_usd) * s.busy + b.step_usd END
    FROM part b JOIN pays y ON y.id = b.id JOIN steps s ON s.pool = y.pool JOIN pool p ON p.pool = y.pool LEFT JOIN room r ON r.tier = b.tier
    UNION ALL SELECT b.id, s.pool, 'prompts', b.usd * p.kv_share * s.prompts FROM part b JOIN steps s ON s.pool = b.pool JOIN pool p ON p.pool = b.pool WHERE b.kind = 'hbm'
    UNION ALL SELECT b.id, s.pool, 'contexts', b.usd * p.kv_share * s.contexts FROM part b JOIN steps s ON s.pool = b.pool JOIN pool p ON p.pool = b.pool WHERE b.kind = 'hbm'
    UNION ALL SELECT b.id, NULL, 'cached', b.usd * p.kv_share * s.cached FROM part b JOIN steps s ON s.pool = b.pool JOIN pool p ON p.pool = b.pool WHERE b.kind = 'hbm'
    UNION ALL SELECT b.id, y.pool, 'contexts', y.share * b.usd * r.running FROM part b JOIN room r ON r.tier = b.tier JOIN pays y ON y.id = b.id
    UNION ALL SELECT b.id, NULL, 'cached', b.usd * r.cached FROM part b JOIN room r ON r.tier = b.tier
)
SELECT * FROM u WHERE usd > 0 AND (what NOT IN ('prompts', 'contexts')
    OR EXISTS (SELECT 1 FROM used x WHERE x.pool = u.pool AND x.rec > 0 AND x.k = CASE u.what WHEN 'prompts' THEN 'prefill_token_us' ELSE 'decode_token_us' END));
CREATE TEMP TABLE idle AS SELECT p.id, p.usd, coalesce((SELECT sum(usd) FROM use u WHERE u.id = p.id), 0) AS used FROM part p;
CREATE TEMP TABLE filled AS -- with the share of the idle
SELECT u.id, u.pool, u.what, u.usd, u.usd * i.usd / i.used AS full FROM use u JOIN idle i ON i.id = u.id
UNION ALL SELECT i.id, s.pool, 'steps', 0, i.usd * CASE WHEN (SELECT ns FROM steps o WHERE o.pool = b.pool) > 0 THEN s.pool = b.pool
    ELSE s.ns * s.each / (SELECT sum(ns * each) FROM steps) END FROM idle i JOIN bill b ON b.id = i.id, steps s WHERE i.used <= 0 AND s.ns > 0;
CREATE TEMP TABLE whose AS
WITH f AS (
    SELECT f.id, f.pool, f.usd, f.full, u.k, u.served, u.lost, (SELECT sum(al) FROM used o WHERE o.pool = f.pool AND (f.what = 'steps') = (o.k GLOB '*_ns')
        AND (f.what = 'steps' OR o.k = u.k)) AS al
    FROM filled f JOIN used u ON u.pool = f.pool AND CASE f.what WHEN 'steps' THEN u.k GLOB '*_ns' WHEN 'prompts' THEN u.k = 'prefill_token_us' ELSE u.k = 'decode_token_us' END
    WHERE f.what <> 'cached'
), c AS (
    SELECT id, CASE WHEN k GLOB 'prefill_*' THEN 'input' ELSE 'output' END AS who, usd * served / al AS usd, full * served / al AS full FROM f
    UNION ALL SELECT id, 'lost', usd * lost / al, full * lost / al FROM f
    UNION ALL SELECT id, 'other', usd * ((al - sum(served + lost)) / al), full * ((al - sum(served + lost)) / al) FROM f GROUP BY id, pool, al
    UNION ALL SELECT f.id, 'cached', f.usd * coalesce(h.served / nullif(h.al, 0), 1), f.full * coalesce(h.served / nullif(h.al, 0), 1) FROM filled f, hits h WHERE f.what = 'cached'
    UNION ALL SELECT f.id, 'lost', f.usd * h.lost / h.al, f.full * h.lost / h.al FROM filled f, hits h WHERE f.what = 'cached' AND h.al > 0
    UNION ALL SELECT f.id, 'other', f.usd * (h.al - h.served - h.lost) / h.al, f.full * (h.al - h.served - h.lost) / h.al FROM filled f, hits h WHERE f.what = 'cached' AND h.al > 0
    UNION ALL SELECT id, 'idle', usd - used, 0 FROM idle
)
SELECT id, who, total(usd) AS usd, total(full) AS full FROM c GROUP BY id, who;
CREATE TEMP TABLE who AS SELECT who, total(full) AS full FROM whose GROUP BY who;
CREATE TEMP TABLE k AS
SELECT (SELECT total(usd) FROM part) AS bill, (SELECT total(full) FROM who WHERE who = 'input') AS input, (SELECT total(full) FROM who WHERE who = 'cached') AS cached,
       (SELECT total(full) FROM who WHERE who = 'output') AS output, (SELECT total(full) FROM who WHERE who = 'lost') AS lost, (SELECT total(full) FROM who WHERE who = 'other') AS other,
       (SELECT total(replica_s * p.gpus / p.replicas) / 3600 FROM there t JOIN pool p ON p.pool = t.pool) AS gpu_h;
CREATE TEMP TABLE q AS
SELECT count(*) AS n, total(input_tokens) AS tin, total(output_tokens) AS tout, total(hit_tokens) AS hit, count(DISTINCT session) AS sessions FROM request, w
WHERE status = 'completed' AND t_arrive_ns >= w.a;
-- US$ of a unit of use: what all of it is charged in full.
CREATE TEMP TABLE rate AS
SELECT f.pool, u.k, total(f.full) / max(CASE f.what WHEN 'steps' THEN s.ns ELSE u.rec END) AS usd FROM filled f JOIN steps s ON s.pool = f.pool
    JOIN used u ON u.pool = f.pool AND CASE f.what WHEN 'steps' THEN u.k GLOB '*_ns' WHEN 'prompts' THEN u.k = 'prefill_token_us' ELSE u.k = 'decode_token_us' END
    GROUP BY f.pool, u.k;
CREATE TEMP TABLE paid AS -- by request, answered
SELECT c.request, total(c.prefill_ns * (SELECT usd FROM rate r WHERE r.pool = c.pool AND r.k = 'prefill_ns')) + total(c.decode_ns * (SELECT usd FROM rate r WHERE r.pool = c.pool AND r.k = 'decode_ns'))
    + total(c.prefill_token_us * (SELECT usd FROM rate r WHERE r.pool = c.pool AND r.k = 'prefill_token_us'))
    + total(c.decode_token_us * (SELECT usd FROM rate r WHERE r.pool = c.pool AND r.k = 'decode_token_us')) AS usd
FROM request_cost c GROUP BY c.request;
CREATE TEMP TABLE each AS
SELECT q.id, q.session, coalesce(p.usd, 0) + coalesce(q.hit_tokens * (SELECT total(full) FROM filled WHERE what = 'cached') / nullif(h.al, 0), 0) AS usd
FROM hits h, w, request q LEFT JOIN paid p ON p.request = q.id WHERE q.status = 'completed' AND q.t_arrive_ns >= w.a;
CREATE TEMP TABLE task AS
SELECT count(DISTINCT t.id) AS n, total(e.usd) AS usd FROM w, agent_task t LEFT JOIN agent_step s ON s.task = t.id LEFT JOIN each e ON e.id = s.request WHERE t.answered AND t.t_start_ns >= w.a;
CREATE TEMP TABLE energy AS
SELECT total(j) AS j, total(j * i / nullif(ns, 0)) AS input, total(j * o / nullif(ns, 0)) AS output, total(j * l / nullif(ns, 0)) AS lost FROM (
    SELECT p.pue * (t.replica_s * p.gpus / p.replicas * (p.idle_w + p.node_w) + s.ns * s.each / 1e9 * (p.busy_w - p.idle_w)) AS j, s.ns,
        (SELECT served FROM used u WHERE u.pool = p.pool AND k = 'prefill_ns') AS i, (SELECT served FROM used u WHERE u.pool = p.pool AND k = 'decode_ns') AS o,
        (SELECT total(lost) FROM used u WHERE u.pool = p.pool AND k GLOB '*_ns') AS l
    FROM pool p JOIN there t ON t.pool = p.pool JOIN steps s ON s.pool = p.pool);
CREATE TEMP TABLE want AS
WITH x AS (SELECT *, 1 + lost / nullif(input + cached + output, 0) AS spread, input + cached + output AS answered, 1 - other / nullif(bill, 0) AS inner FROM k)
SELECT 'cost_usd' AS name, bill AS value FROM x
UNION ALL SELECT 'cost_usd_per_h', bill / w.s * 3600 FROM x, w UNION ALL SELECT 'usd_per_gpu_h', bill / gpu_h FROM x
UNION ALL SELECT 'cost_idle_share', (SELECT sum(usd) FROM whose WHERE who = 'idle') / bill FROM x UNION ALL SELECT 'cached_input_tokens', hit FROM q
UNION ALL SELECT 'usd_per_m_input', 1e6 * input * spread / nullif(tin - hit, 0) FROM x, q UNION ALL SELECT 'usd_per_m_cached_input', 1e6 * cached * spread / nullif(hit, 0) FROM x, q
UNION ALL SELECT 'usd_per_m_output', 1e6 * output * spread / nullif(tout, 0) FROM x, q UNION ALL SELECT 'usd_per_m_total', 1e6 * answered * spread / nullif(tin + tout, 0) FROM x, q
UNION ALL SELECT 'usd_per_request', answered * spread / nullif(n, 0) FROM x, q
UNION ALL SELECT 'usd_per_session', (SELECT total(usd) FROM each WHERE session IS NOT NULL) * spread / sessions FROM x, q WHERE sessions > 0
UNION ALL SELECT 'usd_per_task', task.usd * spread / task.n FROM x, task WHERE task.n > 0
UNION ALL SELECT 'output_tokens_per_usd', tout / (bill * inner) FROM x, q
UNION ALL SELECT 'energy_kwh', j / 3.6e6 FROM energy
UNION ALL SELECT 'joules_per_output_token', output * (1 + lost / nullif(input + output, 0)) / nullif(tout, 0) FROM energy, q
UNION ALL SELECT 'joules_per_token', (input + output) * (1 + lost / nullif(input + output, 0)) / nullif(tin + tout, 0) FROM energy, q
UNION ALL SELECT 'revenue_usd', ((tin - hit) * c.input + hit * c.cached + tout * c.output) / 1e6 FROM q, card c WHERE c.output IS NOT NULL
UNION ALL SELECT 'revenue_usd_per_gpu_h', ((tin - hit) * c.input + hit * c.cached + tout * c.output) / 1e6 / (gpu_h * inner) FROM q, card c, x WHERE c.output IS NOT NULL
UNION ALL SELECT 'margin_usd_per_gpu_h', ((tin - hit) * c.input + hit * c.cached + tout * c.output) / 1e6 / (gpu_h * inner) - bill / gpu_h FROM q, card c, x WHERE c.output IS NOT NULL;
CREATE TEMP TABLE got AS
SELECT name, value FROM metric WHERE class IS NULL AND (name GLOB '*usd*' OR name GLOB '*joules*' OR name IN ('energy_kwh', 'cached_input_tokens', 'cost_idle_share'));
SELECT 'metric', w.name, w.value, g.value FROM want w LEFT JOIN got g ON g.name = w.name WHERE (g.name IS NULL) OR (w.value IS NULL) <> (g.value IS NULL) OR abs(w.value - g.value) > 1e-9 * abs(w.value);
SELECT 'metric', g.name, NULL, g.value FROM got g WHERE g.name NOT IN (SELECT name FROM want);
SELECT 'cost', c.part, c.who, c.usd, c.full_usd, x.usd, x.full FROM cost c LEFT JOIN whose x ON x.id = c.part AND x.who = c.who
WHERE abs(c.usd - coalesce(x.usd, 0)) > 1e-9 * (SELECT usd FROM part p WHERE p.id = c.part) OR abs(c.full_usd - coalesce(x.full, 0)) > 1e-9 * (SELECT usd FROM part p WHERE p.id = c.part);
SELECT 'compared ' || (SELECT count(*) FROM want) || ' metrics, ' || (SELECT count(*) FROM want WHERE value > 0) || ' above 0, and ' || (SELECT count(*) FROM cost) || ' shares';
