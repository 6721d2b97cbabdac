-- policies.sql - What policies did: calls, verdict, scaling, pools, objectives, fairness, preemptions, batches. What holds for all views stands in requests.sql.

-- What became of calls, attempt by attempt.
CREATE VIEW v_attempt AS
SELECT q.class, c.name AS class_name, q.attempt, count(*) AS requests, sum(q.status = 'completed') AS completed,
       sum(q.status = 'rejected') AS rejected, sum(q.status = 'timed_out') AS timed_out, sum(q.status = 'failed') AS failed,
       sum(q.status IN ('waiting', 'running')) AS in_flight, sum(q.retried) AS retried
FROM request q JOIN class c ON c.id = q.class GROUP BY q.class, q.attempt;
INSERT INTO doc VALUES
    ('v_attempt', NULL, 'how many requests were a call''s first attempt, its second and so on, and what became of them'),
    ('v_attempt', 'retried', 'requests after which the client tries again');

CREATE VIEW v_verdict AS
SELECT CASE CAST(max(CASE name WHEN 'verdict' THEN value END) AS INTEGER)
           WHEN 0 THEN 'STABLE' WHEN 1 THEN 'BACKLOGGED' WHEN 2 THEN 'OVERLOADED' END AS verdict,
       max(CASE name WHEN 'verdict_offered' THEN value END) AS offered_per_s,
       max(CASE name WHEN 'verdict_answered' THEN value END) AS answered_per_s,
       max(CASE name WHEN 'verdict_waiting' THEN value END) AS waiting
FROM metric WHERE class IS NULL;
INSERT INTO doc VALUES
    ('v_verdict', NULL, 'whether the run kept up: OVERLOADED where in the second half of the run fewer calls were answered than came, BACKLOGGED where a queue stands'),
    ('v_verdict', 'waiting', 'mean number of requests that waited, towards the end of the arrivals; not those that an idle front end would still have');

CREATE VIEW v_scale AS
SELECT s.t_ns / 1e9 AS t_s, s.replica,
       CASE s.what WHEN 0 THEN 'starts' WHEN 1 THEN 'ready' WHEN 2 THEN 'drains' WHEN 3 THEN 'ended' ELSE 'failed' END AS event,
       (s.t_ns - max(CASE WHEN s.what IN (0, 2) THEN s.t_ns END) OVER (PARTITION BY s.replica ORDER BY s.rowid)) / 1e9 AS took_s,
       s.ready, s.starting, s.draining, s.ready + s.starting + s.draining AS present, s.waiting, s.blocks
FROM scale s ORDER BY s.rowid;
INSERT INTO doc VALUES
    ('v_scale', NULL, 'replicas that started, took requests, drained and ended ([autoscale]), in order of time (any log level but summary)'),
    ('v_scale', 'took_s', 'since the replica started, or began to drain');

-- What was in flight when the run ended, by state; of a drained run nothing.
CREATE VIEW v_left AS
SELECT substr(name, 1 + instr(name, '_')) AS state, value AS requests FROM counter
WHERE name IN ('requests_held', 'requests_front', 'requests_waiting', 'requests_loading', 'requests_running',
               'requests_prefilling', 'requests_decoding', 'calls_between_attempts');
INSERT INTO doc VALUES
    ('v_left', NULL, 'requests in flight at the end: waiting includes those at a front end and those whose KV loads, running is prefilling and decoding; between_attempts are calls that would have come again');

-- Steps after warm-up by pool, in its replicas' time; what goes between pools, in its requests'.
CREATE VIEW v_pool_balance AS
WITH span AS MATERIALIZED (
    SELECT warmup_ns AS a, coalesce(t_end_ns, (SELECT max(t_end_ns) FROM step)) AS b FROM run
), r AS MATERIALIZED (
    SELECT pool, min(role) AS role, min(id) AS first, count(*) AS members, count(DISTINCT first_member) AS replicas, sum(gpus) AS gpus,
           sum(kv_blocks) AS kv_blocks
    FROM replica GROUP BY pool
), s AS MATERIALIZED (
    SELECT e.pool, count(*) AS steps, sum(x.t_end_ns - x.t_start_ns) AS busy_ns, sum(x.prefill_tokens) AS prefill_tokens,
           sum(x.tokens_out) AS tokens_out, total(1.0 * (x.t_end_ns - x.t_start_ns) * x.n_decode) AS decode_ns,
           total(1.0 * (x.t_end_ns - x.t_start_ns) * x.n_waiting) AS waiting_ns,
           total(1.0 * (x.t_end_ns - x.t_start_ns) * x.kv_blocks) AS kv_ns
    FROM span, step x JOIN replica e ON e.id = x.replica WHERE x.t_start_ns >= span.a GROUP BY e.pool
), q AS MATERIALIZED (
    SELECT e.pool, count(*) AS n, total(q.handoff_ns) AS handoff_ns, total(q.t_first_ns - q.t_arrive_ns) AS ttft_ns
    FROM run u, request q JOIN replica e ON e.id = q.replica
    WHERE q.status = 'completed' AND q.t_arrive_ns >= u.warmup_ns AND q.prefill_replica IS NOT NULL GROUP BY e.pool
)
SELECT r.pool, r.role, r.replicas, r.gpus, coalesce(s.steps, 0) AS steps,
       1.0 * coalesce(s.busy_ns, 0) / nullif(r.members * (span.b - span.a), 0) AS utilisation,
       s.decode_ns / nullif(s.busy_ns, 0) AS mean_decode_batch, s.waiting_ns / nullif(s.busy_ns, 0) AS mean_waiting,
       s.kv_ns / nullif(s.busy_ns, 0) * r.members / r.kv_blocks AS mean_kv_share,
       1e9 * coalesce(s.prefill_tokens, 0) / nullif(span.b - span.a, 0) / r.gpus AS prefill_tokens_per_s_gpu,
       1e9 * coalesce(s.tokens_out, 0) / nullif(span.b - span.a, 0) / r.gpus AS output_tokens_per_s_gpu,
       q.n AS handed, q.handoff_ns / q.n / 1e6 AS mean_handoff_ms, q.handoff_ns / nullif(q.ttft_ns, 0) AS handoff_share
FROM span, r LEFT JOIN s ON s.pool = r.pool LEFT JOIN q ON q.pool = r.pool ORDER BY r.first;
INSERT INTO doc VALUES
    ('v_pool_balance', NULL, 'how busy each pool is, and how long KV takes to come to it (log level step or all)'),
    ('v_pool_balance', 'utilisation', 'share of the time after warm-up in which its replicas step'),
    ('v_pool_balance', 'mean_waiting', 'waiting requests at a replica while it steps; mean_decode_batch and mean_kv_share likewise'),
    ('v_pool_balance', 'handed', 'counted requests that came with the KV of another pool'),
    ('v_pool_balance', 'mean_handoff_ms', 'of these: end of the prompt there to admission here; handoff_share: of their TTFT');

-- Calls against the objectives of their class: the rules of v_goodput. Latencies are measured as objectives are, from the
-- call's first attempt. Percentiles are linear (type 7), like the table metric's.
CREATE VIEW v_slo_by_class AS
WITH q AS MATERIALIZED (
    SELECT q.class, q.status = 'completed' AS done, NOT q.retried AS last, q.status, q.retried,
           CASE q.status WHEN 'completed' THEN q.t_first_ns - q.t_call_ns END AS ttft_ns,
           CASE q.status WHEN 'completed' THEN q.t_end_ns - q.t_call_ns END AS e2el_ns,
           CASE WHEN q.status = 'completed' AND q.output_tokens > 1 THEN q.t_end_ns - q.t_first_ns END AS decode_ns,
           q.output_tokens - 1 AS gaps
    FROM run u JOIN request q ON q.t_arrive_ns >= u.warmup_ns WHERE u.log <> 'summary' AND q.t_end_ns IS NOT NULL
), n AS (
    SELECT c.id, coalesce(sum(done), 0) AS completed, coalesce(sum(last), 0) AS calls,
           coalesce(sum(q.status = 'rejected'), 0) AS rejected,
           coalesce(sum(q.status = 'timed_out'), 0) AS timed_out, coalesce(sum(q.status = 'failed'), 0) AS lost,
           coalesce(sum(retried), 0) AS retried,
           coalesce(sum(ttft_ns <= c.slo_ttft_ns), 0) AS ttft, coalesce(sum(e2el_ns <= c.slo_e2el_ns), 0) AS e2el,
           coalesce(sum(done AND (decode_ns IS NULL OR decode_ns <= c.slo_tpot_ns * gaps)), 0) AS tpot,
           coalesce(sum(done AND (c.slo_ttft_ns IS NULL OR ttft_ns <= c.slo_ttft_ns)
               AND (c.slo_e2el_ns IS NULL OR e2el_ns <= c.slo_e2el_ns)
               AND (c.slo_tpot_ns IS NULL OR decode_ns IS NULL OR decode_ns <= c.slo_tpot_ns * gaps)), 0) AS met,
           c.slo_ttft_ns, c.slo_tpot_ns, c.slo_e2el_ns
    FROM run u JOIN class c LEFT JOIN q ON q.class = c.id WHERE u.log <> 'summary' GROUP BY c.id
), tally AS MATERIALIZED ( -- calls of classes that have the objective, and those that met it
    SELECT id AS class, completed, calls, rejected, timed_out, lost, retried, met, slo_ttft_ns, slo_tpot_ns, slo_e2el_ns,
           CASE WHEN slo_ttft_ns > 0 THEN calls END AS has_ttft, CASE WHEN slo_ttft_ns > 0 THEN ttft END AS ttft,
           CASE WHEN slo_tpot_ns > 0 THEN calls END AS has_tpot, CASE WHEN slo_tpot_ns > 0 THEN tpot END AS tpot,
           CASE WHEN slo_e2el_ns > 0 THEN calls END AS has_e2el, CASE WHEN slo_e2el_ns > 0 THEN e2el END AS e2el,
           coalesce(slo_ttft_ns, slo_tpot_ns, slo_e2el_ns) AS has FROM n
), with_all AS (
    SELECT * FROM tally UNION ALL
    SELECT NULL, sum(completed), sum(calls), sum(rejected), sum(timed_out), sum(lost), sum(retried), sum(met), NULL, NULL, NULL,
           sum(has_ttft), sum(ttft), sum(has_tpot), sum(tpot), sum(has_e2el), sum(e2el), max(has) FROM tally
), value AS MATERIALIZED (
    SELECT class, 1 AS f, ttft_ns AS ns FROM q WHERE done
    UNION ALL SELECT class, 2, 1.0 * decode_ns / gaps FROM q WHERE decode_ns IS NOT NULL
    UNION ALL SELECT class, 3, e2el_ns FROM q WHERE done
), number AS MATERIALIZED (SELECT class, f, count(*) AS n FROM value GROUP BY class, f
), want AS MATERIALIZED ( -- of each class (-1: all): the two next to 1 + p (n - 1) in order, each by how near it is
    SELECT class, f, p, CAST(p * (n - 1) AS INTEGER) + k AS k,
           1 - abs(p * (n - 1) - CAST(p * (n - 1) AS INTEGER) - k + 1) AS weight
    FROM (SELECT class, f, n FROM number UNION ALL SELECT -1, f, sum(n) FROM number GROUP BY f),
        (SELECT 0.5 AS p UNION ALL SELECT 0.99),
         (SELECT 1 AS k UNION ALL SELECT 2)
), ranked AS (
    SELECT class, f, ns, row_number() OVER (PARTITION BY class, f ORDER BY ns) AS k FROM value
    UNION ALL SELECT -1, f, ns, row_number() OVER (PARTITION BY f ORDER BY ns) FROM value
), quantile AS MATERIALIZED (
    SELECT nullif(w.class, -1) AS class, w.f, w.p, sum(w.weight * r.ns) / 1e6 AS ms
    FROM ranked r CROSS JOIN want w ON w.k = r.k AND w.f = r.f AND w.class = r.class GROUP BY w.class, w.f, w.p
), latency AS MATERIALIZED (
    SELECT class, max(CASE WHEN f = 1 AND p = 0.5 THEN ms END) AS ttft_p50,
           max(CASE WHEN f = 1 AND p = 0.99 THEN ms END) AS ttft_p99,
           max(CASE WHEN f = 2 AND p = 0.5 THEN ms END) AS tpot_p50, max(CASE WHEN f = 2 AND p = 0.99 THEN ms END) AS tpot_p99,
           max(CASE WHEN f = 3 AND p = 0.5 THEN ms END) AS e2el_p50, max(CASE WHEN f = 3 AND p = 0.99 THEN ms END) AS e2el_p99
    FROM quantile GROUP BY class
)
SELECT w.class, CASE WHEN w.class IS NULL THEN 'all' ELSE c.name END AS class_name, w.calls, w.completed,
       w.calls - w.completed AS failed,
       w.rejected, w.timed_out, w.lost, w.retried, CASE WHEN w.has THEN w.met END AS met,
       CASE WHEN w.has THEN 1.0 * w.met / nullif(w.calls, 0) END AS attainment,
       1.0 * w.ttft / nullif(w.has_ttft, 0) AS ttft_attainment, 1.0 * w.tpot / nullif(w.has_tpot, 0) AS tpot_attainment,
       1.0 * w.e2el / nullif(w.has_e2el, 0) AS e2el_attainment,
       CASE WHEN w.has THEN w.met * 1e9 / nullif(max(u.t_end_ns - u.warmup_ns, 0), 0) END AS goodput_per_s,
       w.slo_ttft_ns / 1e6 AS slo_ttft_ms, l.ttft_p50 AS p50_ttft_ms, l.ttft_p99 AS p99_ttft_ms,
       w.slo_tpot_ns / 1e6 AS slo_tpot_ms, l.tpot_p50 AS p50_tpot_ms, l.tpot_p99 AS p99_tpot_ms,
       w.slo_e2el_ns / 1e6 AS slo_e2el_ms, l.e2el_p50 AS p50_e2el_ms, l.e2el_p99 AS p99_e2el_ms
FROM run u, with_all w LEFT JOIN class c ON c.id = w.class LEFT JOIN latency l ON l.class IS w.class
WHERE w.calls IS NOT NULL;
INSERT INTO doc VALUES
    ('v_slo_by_class', NULL, 'calls that arrived after warm-up and ended, against the objectives of their class; class NULL: all (any log level but summary)'),
    ('v_slo_by_class', 'calls', 'completed + failed; what a client sends again is one call'),
    ('v_slo_by_class', 'failed', 'calls without an answer, however they ended; rejected, timed_out, lost (to a fault) and retried are requests'),
    ('v_slo_by_class', 'met', 'calls that met every objective of their class; NULL where none has any, as attainment and goodput_per_s'),
    ('v_slo_by_class', 'attainment', 'met / calls: metric slo_attainment; goodput_per_s: metric request_goodput'),
    ('v_slo_by_class', 'ttft_attainment', 'calls that met this one, as a share of the calls of classes that have it; tpot, e2el likewise'),
    ('v_slo_by_class', 'slo_ttft_ms', 'the objective'),
    ('v_slo_by_class', 'p99_ttft_ms', 'of the completed, from the arrival of the call''s first attempt (metrics: of the request''s own); so all percentiles but those of TPOT');

-- Service is that of the virtual token counters (policy/order_fair.c): input_weight x prompt, once, when it is admitted, +
-- output_weight x tokens given. Jain's index of x over n: (sum x)^2 / (n sum x^2), 1 where all are alike, 1/n where one has
-- all (Jain, Chiu, Hawe, "A Quantitative Measure of Fairness and Discrimination", DEC-TR-301, 1984).
CREATE VIEW v_fairness AS
WITH k AS MATERIALIZED ( -- the weights that [scheduler] gives order = fair; else those it has by itself
    SELECT coalesce(max(CASE key WHEN 'scheduler.input_weight' THEN value_num END), 1.0) AS input,
           coalesce(max(CASE key WHEN 'scheduler.output_weight' THEN value_num END), 2.0) AS output FROM run_param
), c AS MATERIALIZED (
    SELECT c.id, c.name, coalesce((SELECT value_text FROM run_param WHERE key = 'class ' || c.name || '.tenant'),
           c.name) AS tenant,
           coalesce((SELECT value_num FROM run_param WHERE key = 'class ' || c.name || '.share'), 1.0) AS share FROM class c
), q AS (
    SELECT q.class, sum(q.t_arrive_ns >= u.warmup_ns) AS requests, sum(q.t_admit_ns >= u.warmup_ns) AS admitted,
           sum(CASE WHEN q.t_admit_ns >= u.warmup_ns THEN q.input_tokens END) AS input_tokens,
           sum(CASE WHEN q.t_admit_ns >= u.warmup_ns THEN q.generated_tokens END) AS output_tokens,
           total(CASE WHEN q.status = 'completed' AND q.t_arrive_ns >= u.warmup_ns
                 THEN 1.0 * (q.t_end_ns - q.t_arrive_ns) / nullif(q.t_end_ns - q.t_admit_ns, 0) END) AS slowdowns,
           count(CASE WHEN q.status = 'completed' AND q.t_arrive_ns >= u.warmup_ns AND q.t_end_ns > q.t_admit_ns THEN 1 END) AS n
    FROM run u, request q GROUP BY q.class
), of_class AS MATERIALIZED (
    SELECT c.id AS class, c.name, c.tenant, c.share, coalesce(q.requests, 0) AS requests, coalesce(q.admitted, 0) AS admitted,
           coalesce(q.input_tokens, 0) AS input_tokens, coalesce(q.output_tokens, 0) AS output_tokens,
           coalesce(q.slowdowns, 0.0) AS slowdowns, coalesce(q.n, 0) AS n, g.attainment
    FROM c LEFT JOIN q ON q.class = c.id LEFT JOIN class o ON o.id = c.id
    LEFT JOIN v_goodput g ON g.class = c.id AND coalesce(o.slo_ttft_ns, o.slo_tpot_ns, o.slo_e2el_ns) IS NOT NULL
    WHERE (SELECT log FROM run) <> 'summary'
), of_tenant AS MATERIALIZED (
    SELECT tenant, max(share) AS share, sum(requests) AS requests, sum(admitted) AS admitted, sum(input_tokens) AS input_tokens,
           sum(output_tokens) AS output_tokens, sum(slowdowns) AS slowdowns, sum(n) AS n FROM of_class GROUP BY tenant
), x AS ( -- of tenants that asked for anything
    SELECT sum(x) * sum(x) / nullif(count(*) * sum(x * x), 0) AS jain, sum(share) AS shares FROM (
        SELECT (input_tokens * k.input + output_tokens * k.output) / share AS x, share FROM of_tenant, k
            WHERE requests + admitted > 0)
), y AS (
    SELECT sum(attainment) * sum(attainment) / nullif(count(*) * sum(attainment * attainment), 0) AS jain FROM of_class
        WHERE attainment IS NOT NULL
), row AS (
    SELECT class, name, tenant, requests, admitted, input_tokens, output_tokens, slowdowns, n, NULL AS share, attainment,
           NULL AS jain, NULL AS jain_a FROM of_class
    UNION ALL SELECT NULL, NULL, tenant, requests, admitted, input_tokens, output_tokens, slowdowns, n, share, NULL, NULL,
           NULL FROM of_tenant
    UNION ALL SELECT NULL, NULL, NULL, sum(requests), sum(admitted), sum(input_tokens), sum(output_tokens), sum(slowdowns),
           sum(n), NULL, NULL,
                     (SELECT jain FROM x), (SELECT jain FROM y) FROM of_class HAVING count(*) > 0
)
SELECT row.class, CASE WHEN row.tenant IS NULL THEN 'all' ELSE row.name END AS class_name, row.tenant, row.requests,
       row.admitted, row.input_tokens, row.output_tokens,
       row.input_tokens * k.input + row.output_tokens * k.output AS service,
       (row.input_tokens * k.input + row.output_tokens * k.output)
           / nullif((SELECT total(input_tokens * k.input + output_tokens * k.output) FROM of_class), 0) AS service_share,
       CASE WHEN row.requests + row.admitted > 0 THEN row.share / x.shares END AS promised_share,
       row.slowdowns / nullif(row.n, 0) AS mean_slowdown, row.attainment, row.jain AS jain_service, row.jain_a AS jain_attainment
FROM row, k, x;
INSERT INTO doc VALUES
    ('v_fairness', NULL, 'who was served how much after warm-up: a row a class, a row a tenant (class_name NULL), one for all (tenant NULL) (any log level but summary)'),
    ('v_fairness', 'tenant', '[class NAME] tenant; without it, the class''s own name'),
    ('v_fairness', 'requests', 'that arrived after warm-up'),
    ('v_fairness', 'admitted', 'first admitted after warm-up: input_tokens are their prompts, output_tokens what they were given, ended or not'),
    ('v_fairness', 'service', 'input_weight x input_tokens + output_weight x output_tokens, as order = fair counts; 1 and 2 with other orders'),
    ('v_fairness', 'service_share', 'of all service. A run that drains gives each what it asked for: cut it with run.horizon while all have requests waiting'),
    ('v_fairness', 'promised_share', 'of a tenant that asked for anything: its [class NAME] share, of all such'),
    ('v_fairness', 'mean_slowdown', 'of completed requests that arrived after warm-up: (arrival to end) / (first admission to end)'),
    ('v_fairness', 'attainment', 'of a class with objectives: v_slo_by_class'),
    ('v_fairness', 'jain_service', 'Jain''s index, (sum x)^2 / (n sum x^2), of service / share over tenants that asked for anything'),
    ('v_fairness', 'jain_attainment', 'Jain''s index of attainment over the classes that have objectives');

-- A preemption's time lasts to the next token of its request, or until it is preempted again, ends, or the run does: so
-- times of a request do not overlap. What it has when its prompt goes on was swapped in or found in a cache.
CREATE VIEW v_preemption AS
WITH w AS MATERIALIZED (
    SELECT warmup_ns AS t, coalesce(t_end_ns, (SELECT max(t_end_ns) FROM step)) AS b FROM run WHERE log = 'all'
), hit AS MATERIALIZED (SELECT DISTINCT request FROM preempt
), event AS ( -- at one instant: tokens of the step that ends, 1 preemptions, 2 the step that begins, ends
    SELECT request, t_ns AS t, 1 AS what, replica, computed AS tokens, blocks FROM preempt
    UNION ALL SELECT request, t_start_ns, 2, NULL, computed, NULL FROM prefill WHERE request IN hit
    UNION ALL SELECT request, t_ns, 0, NULL, NULL, NULL FROM resume WHERE request IN hit
    UNION ALL SELECT request, t_ns, 0, NULL, NULL, NULL FROM first_token WHERE request IN hit
    UNION ALL SELECT request, t_ns, 3, NULL, NULL, NULL FROM finish WHERE request IN hit
), next AS ( -- of each event: the next that is no part of a prompt; the next at all, if it is one
    SELECT *, min(CASE WHEN what <> 2 THEN t END) OVER (o ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING) AS until,
           CASE lead(what) OVER o WHEN 2 THEN lead(t) OVER o END AS back,
               CASE lead(what) OVER o WHEN 2 THEN lead(tokens) OVER o END AS has
    FROM event WINDOW o AS (PARTITION BY request ORDER BY t, what)
), swapped AS MATERIALIZED (
    SELECT request, replica, t_start_ns AS t, sum(delivered) AS bytes FROM transfer
    WHERE NOT up AND kind IN (SELECT id FROM move_kind WHERE name = 'swap') GROUP BY request, replica, t_start_ns
), p AS MATERIALIZED (
    SELECT n.request, n.replica, q.class, n.t, n.tokens, n.blocks, min(n.tokens, n.has) AS kept,
           max(0, n.tokens - n.has) AS again,
           min(coalesce(n.back, n.until, w.b), w.b) - n.t AS away_ns, min(coalesce(n.until, w.b), w.b) - n.t AS lost_ns, x.bytes
    FROM w JOIN next n ON n.t >= w.t JOIN request q ON q.id = n.request
    LEFT JOIN swapped x ON x.request = n.request AND x.replica = n.replica AND x.t = n.t WHERE n.what = 1
), s AS MATERIALIZED (SELECT s.replica, count(*) AS n FROM w JOIN step s ON s.t_start_ns >= w.t GROUP BY s.replica
), tally AS (
    SELECT replica, class, count(*) AS preemptions, count(DISTINCT request) AS requests, sum(tokens) AS dropped_tokens,
           sum(blocks) AS dropped_blocks,
           sum(again) AS recomputed, sum(kept) AS kept, count(bytes) AS swaps, sum(bytes) AS swapped_bytes,
               total(away_ns) AS away_ns,
           total(lost_ns) AS lost_ns, count(DISTINCT t) AS times FROM p GROUP BY replica, class
    UNION ALL SELECT NULL, NULL, count(p.t), count(DISTINCT request), sum(tokens), sum(blocks), sum(again), sum(kept),
           count(bytes), sum(bytes),
                     total(away_ns), total(lost_ns), (SELECT count(*) FROM (SELECT DISTINCT replica, t FROM p)) FROM w
                         LEFT JOIN p GROUP BY w.t
)
SELECT y.replica, e.pool, y.class, CASE WHEN y.replica IS NULL THEN 'all' ELSE c.name END AS class_name, y.preemptions,
       y.requests,
       coalesce(y.dropped_tokens, 0) AS dropped_tokens, coalesce(y.dropped_blocks, 0) AS dropped_blocks,
       coalesce(y.recomputed, 0) AS recomputed_tokens, coalesce(y.kept, 0) AS kept_tokens,
       y.swaps, coalesce(y.swapped_bytes, 0) AS swapped_bytes, y.away_ns / 1e9 AS away_s, y.lost_ns / 1e9 AS lost_s,
       y.lost_ns / nullif(y.preemptions, 0) / 1e6 AS mean_lost_ms,
       1.0 * y.times / CASE WHEN y.replica IS NULL THEN (SELECT sum(n) FROM s) ELSE s.n END AS step_share
FROM tally y LEFT JOIN replica e ON e.id = y.replica LEFT JOIN class c ON c.id = y.class LEFT JOIN s ON s.replica = y.replica;
INSERT INTO doc VALUES
    ('v_preemption', NULL, 'preemptions after warm-up, also for KV lost to a fault, by replica and class, and in all (replica and class NULL) (log level all)'),
    ('v_preemption', 'requests', 'preempted there, each once'),
    ('v_preemption', 'dropped_tokens', 'that had KV when it was preempted; dropped_blocks: KV blocks freed'),
    ('v_preemption', 'recomputed_tokens', 'of these: not there when it was in a step again; kept_tokens: there, by a swap or from a cache; neither: it never was'),
    ('v_preemption', 'swaps', 'preemptions that wrote KV out; swapped_bytes: what arrived of it'),
    ('v_preemption', 'away_s', 'from preemption to the step in which its prompt goes on'),
    ('v_preemption', 'lost_s', 'from preemption to its next token; until it was preempted again, ended or the run did, if that came before'),
    ('v_preemption', 'step_share', 'instants at which it preempted, as a share of its steps: of the replica, or of all');

-- A pool that only decodes gets sequences with their KV: in the step that they join they pass as prompts of one token. A
-- step there with no longer ones counts as decode.
CREATE VIEW v_batch_composition AS
WITH RECURSIVE most AS MATERIALIZED (SELECT max(n_decode) AS n FROM step
), bucket(low, high) AS (
    VALUES (0, 0) UNION ALL SELECT CASE low WHEN 0 THEN 1 ELSE 2 * low END, CASE low WHEN 0 THEN 1 ELSE 4 * low - 1 END
        FROM bucket, most
    WHERE high < most.n
), s AS MATERIALIZED (
    SELECT r.pool, CASE WHEN x.n_prefill = 0 OR (r.role = 'decode' AND x.prefill_tokens = x.n_prefill) THEN 'decode'
                        WHEN x.n_decode = 0 THEN 'prefill' ELSE 'mixed' END AS kind, x.n_decode, count(*) AS steps,
           sum(x.t_end_ns - x.t_start_ns) AS ns, sum(x.n_prefill) AS chunks, sum(x.prefill_tokens) AS prefill_tokens
    FROM run u JOIN step x ON x.t_start_ns >= u.warmup_ns JOIN replica r ON r.id = x.replica GROUP BY r.pool, kind, x.n_decode
), g AS (
    SELECT s.pool, s.kind, b.low, b.high, sum(s.steps) AS steps, sum(s.ns) AS ns, sum(s.chunks) AS chunks,
           sum(s.prefill_tokens) AS prefill_tokens, sum(s.steps * s.n_decode) AS decode_tokens,
               total(1.0 * s.ns * s.n_decode) AS decode_ns
    FROM s JOIN bucket b ON s.n_decode BETWEEN b.low AND b.high GROUP BY s.pool, s.kind, b.low
)
SELECT pool, kind, low AS decode_from, high AS decode_to, steps, 1.0 * steps / sum(steps) OVER (PARTITION BY pool) AS step_share,
       ns / 1e9 AS busy_s, 1.0 * ns / nullif(sum(ns) OVER (PARTITION BY pool), 0) AS time_share, ns / 1e6 / steps AS mean_step_ms,
       prefill_tokens, decode_tokens, chunks, decode_ns / nullif(ns, 0) AS mean_batch,
           1.0 * prefill_tokens / nullif(chunks, 0) AS mean_chunk_tokens
FROM g;
INSERT INTO doc VALUES
    ('v_batch_composition', NULL, 'what steps after warm-up worked on, by pool, kind and sequences that decoded: sums over decode_from tell of a kind (log level step or all)'),
    ('v_batch_composition', 'kind', 'prefill: prompts only; decode: decodes only (of a pool that only decodes, also with sequences that come with their KV); mixed: both'),
    ('v_batch_composition', 'decode_from', 'sequences that decoded together, from this to decode_to: 0, 1, 2 to 3, 4 to 7 and so on'),
    ('v_batch_composition', 'step_share', 'of the pool''s steps; time_share: of the time of its steps'),
    ('v_batch_composition', 'decode_tokens', 'decoded, one of each sequence (with speculation, v_speculation has what they gave); prefill_tokens: of prompts, recomputed ones included, in so many chunks'),
    ('v_batch_composition', 'mean_batch', 'sequences that decoded, weighted by the time of the step');

-- Bounds as in v_batch_composition. Tokens that a step gave are those of answers: what was drawn beyond the last is not.
CREATE VIEW v_speculation AS
WITH RECURSIVE most AS MATERIALIZED (SELECT max(sequences) AS n FROM speculation
), bucket(low, high) AS (
    VALUES (1, 1) UNION ALL SELECT 2 * low, 4 * low - 1 FROM bucket, most WHERE high < most.n
), s AS MATERIALIZED (
    SELECT r.pool, x.sequences, x.drafted, x.accepted, x.tokens, x.draft_ns, p.t_end_ns - p.t_start_ns AS ns, p.n_prefill
    FROM run u JOIN speculation x ON x.t_ns >= u.warmup_ns JOIN replica r ON r.id = x.replica
    JOIN step p ON p.replica = x.replica AND p.t_start_ns = x.t_ns
)
SELECT s.pool, b.low AS decode_from, b.high AS decode_to, count(*) AS steps, sum(s.ns) / 1e9 AS busy_s, sum(s.ns) / 1e6 / count(*) AS mean_step_ms,
       sum(s.sequences) AS verifications, sum(s.drafted) AS drafted, sum(s.accepted) AS accepted, sum(s.tokens) AS tokens,
       1.0 * sum(s.accepted) / nullif(sum(s.drafted), 0) AS acceptance_rate,
       1.0 * sum(s.sequences + s.accepted) / sum(s.sequences) AS acceptance_length, 1.0 * sum(s.tokens) / count(*) AS tokens_per_step,
       1.0 * sum(s.draft_ns) / nullif(sum(s.ns), 0) AS draft_share, sum(s.tokens) * 1e9 / nullif(sum(s.ns), 0) AS tokens_per_s
FROM s JOIN bucket b ON s.sequences BETWEEN b.low AND b.high GROUP BY s.pool, b.low;
INSERT INTO doc VALUES
    ('v_speculation', NULL, 'steps after warm-up that verified drafts, by pool and sequences that decoded together (log level step or all)'),
    ('v_speculation', 'decode_from', 'sequences that decoded together, from this to decode_to: 1, 2 to 3, 4 to 7 and so on'),
    ('v_speculation', 'acceptance_length', 'tokens that a sequence has of a verification, mean: its accepted drafts and the model''s own token after them'),
    ('v_speculation', 'acceptance_rate', 'accepted drafts, of those verified: also those after one that was wrong'),
    ('v_speculation', 'draft_share', 'time of drafting by the cost model, of the time of the steps'),
    ('v_speculation', 'tokens', 'of answers; tokens_per_step, tokens_per_s: of all sequences together, in the time of these steps');
