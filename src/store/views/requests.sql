-- requests.sql - Requests, steps and what the report says of them.
--
-- Views are the questions that people ask of a results file, over its facts.
--
-- Times are in ms, s or ns as the names say. "Counted" requests are those that completed and arrived at or after
-- warm-up; steps count when they started at or after it: the same rules as for the table metric (report/collect.h).
-- A view over a record table is empty where the run's log level left that table out (run.log).
-- Means weighted by time are computed in floating point, so that no product of ns can overflow.

CREATE VIEW v_latency AS
SELECT q.id AS request, q.class, c.name AS class_name, q.replica, q.status,
       q.status = 'completed' AND q.t_arrive_ns >= u.warmup_ns AS counted,
       q.input_tokens, q.output_tokens, q.preemptions,
       (q.t_admit_ns - q.t_arrive_ns) / 1e6 AS queue_ms,
       (q.t_first_ns - q.t_arrive_ns) / 1e6 AS ttft_ms,
       CASE WHEN q.output_tokens > 1 THEN (q.t_end_ns - q.t_first_ns) / 1e6 / (q.output_tokens - 1) END AS tpot_ms,
       CASE WHEN q.status = 'completed' THEN (q.t_end_ns - q.t_arrive_ns) / 1e6 END AS e2el_ms,
       q.t_arrive_ns
FROM run u, request q LEFT JOIN class c ON c.id = q.class;
INSERT INTO doc VALUES
    ('v_latency', NULL, 'latencies of each request: queue (arrival to first admission), TTFT, TPOT, end to end'),
    ('v_latency', 'counted', '1: the request is one of those that the table metric counts'),
    ('v_latency', 'tpot_ms', 'time per output token after the first; NULL for outputs of one token');

-- A call that was rejected, given up or failed for good meets nothing; one that was sent again is its attempts together,
-- measured from the first. Objectives are inclusive and compared in whole ns; one that a class does
-- not have, or a TPOT that is not defined, is met.
CREATE VIEW v_goodput AS
WITH ended AS (
    SELECT q.class,
           q.status = 'completed' AS completed,
           q.status = 'completed'
               AND (c.slo_ttft_ns IS NULL OR q.t_first_ns - q.t_call_ns <= c.slo_ttft_ns)
               AND (c.slo_e2el_ns IS NULL OR q.t_end_ns - q.t_call_ns <= c.slo_e2el_ns)
               AND (c.slo_tpot_ns IS NULL OR q.output_tokens < 2
                    OR q.t_end_ns - q.t_first_ns <= c.slo_tpot_ns * (q.output_tokens - 1)) AS met
    FROM run u, request q JOIN class c ON c.id = q.class
    WHERE q.t_end_ns IS NOT NULL AND NOT q.retried AND q.t_arrive_ns >= u.warmup_ns
), per_class AS (
    SELECT class, sum(completed) AS completed, count(*) - sum(completed) AS failed, sum(met) AS met
    FROM ended GROUP BY class
), with_all AS (
    SELECT class, completed, failed, met FROM per_class
    UNION ALL
    SELECT NULL, sum(completed), sum(failed), sum(met) FROM per_class
)
SELECT w.class, coalesce(c.name, 'all') AS class_name, w.completed, w.failed, w.met,
       1.0 * w.met / (w.completed + w.failed) AS attainment,
       w.met * 1e9 / nullif(u.t_end_ns - u.warmup_ns, 0) AS goodput_per_s,
       w.completed * 1e9 / nullif(u.t_end_ns - u.warmup_ns, 0) AS completed_per_s
FROM run u, with_all w LEFT JOIN class c ON c.id = w.class
WHERE w.completed IS NOT NULL;
INSERT INTO doc VALUES
    ('v_goodput', NULL, 'requests that met every objective of their class, per class and for all (class NULL)'),
    ('v_goodput', 'attainment', 'met as a share of the calls that ended: completed, and failed (rejected, timed out or lost to a fault, and not sent again)'),
    ('v_goodput', 'goodput_per_s', 'met per second of simulated time after warm-up');

CREATE VIEW v_utilisation AS
WITH sum_of AS (
    SELECT s.replica, count(*) AS steps, total(s.t_end_ns - s.t_start_ns) AS busy_ns,
           total(s.tokens_out) AS tokens_out, total(s.prefill_tokens) AS prefill_tokens,
           total(1.0 * s.n_decode * (s.t_end_ns - s.t_start_ns)) AS decode_ns,
           total((s.t_end_ns - s.t_start_ns) * (s.n_prefill = 0)) AS only_decode_ns,
           total((s.t_end_ns - s.t_start_ns) * (s.n_decode = 0)) AS only_prefill_ns,
           total((s.t_end_ns - s.t_start_ns) * (s.n_decode > 0 AND s.n_prefill > 0)) AS mixed_ns
    FROM run u, step s WHERE s.t_start_ns >= u.warmup_ns GROUP BY s.replica
)
SELECT r.id AS replica, r.gpus, coalesce(s.steps, 0) AS steps, coalesce(s.busy_ns, 0) / 1e9 AS busy_s,
       coalesce(s.busy_ns, 0.0) / nullif(u.t_end_ns - u.warmup_ns, 0) AS busy_share,
       coalesce(s.tokens_out, 0) * 1e9 / nullif(u.t_end_ns - u.warmup_ns, 0) AS output_tokens_per_s,
       coalesce(s.prefill_tokens, 0) * 1e9 / nullif(u.t_end_ns - u.warmup_ns, 0) AS prefill_tokens_per_s,
       s.decode_ns / s.busy_ns AS mean_batch, s.only_decode_ns / s.busy_ns AS decode_share,
       s.only_prefill_ns / s.busy_ns AS prefill_share, s.mixed_ns / s.busy_ns AS mixed_share
FROM run u, replica r LEFT JOIN sum_of s ON s.replica = r.id;
INSERT INTO doc VALUES
    ('v_utilisation', NULL, 'what each replica did with its time after warm-up, from its steps'),
    ('v_utilisation', 'mean_batch', 'decoding sequences a step, weighted by the time of the step'),
    ('v_utilisation', 'decode_share', 'share of the busy time in steps that only decoded'),
    ('v_utilisation', 'prefill_share', 'share of the busy time in steps that only computed prompts'),
    ('v_utilisation', 'mixed_share', 'share of the busy time in steps that did both');

CREATE VIEW v_queue AS
SELECT t_start_ns / 1000000000 AS second, replica, count(*) AS steps,
       avg(n_waiting) AS mean_waiting, max(n_waiting) AS max_waiting,
       avg(n_running) AS mean_running, max(n_running) AS max_running
FROM step GROUP BY second, replica;
INSERT INTO doc VALUES
    ('v_queue', NULL, 'requests waiting and running at each replica, by second of simulated time; means over the steps that began in it');

CREATE VIEW v_batch AS
SELECT s.n_decode, count(*) AS steps, total(s.t_end_ns - s.t_start_ns) / 1e9 AS busy_s,
       total(s.t_end_ns - s.t_start_ns) / sum(total(s.t_end_ns - s.t_start_ns)) OVER () AS share
FROM run u, step s WHERE s.t_start_ns >= u.warmup_ns
GROUP BY s.n_decode;
INSERT INTO doc VALUES
    ('v_batch', NULL, 'how many sequences decoded together: steps, time and share of the busy time by batch size, after warm-up');

CREATE VIEW v_kv AS
SELECT s.t_start_ns / 1000000000 AS second, s.replica,
       total(1.0 * s.kv_blocks * (s.t_end_ns - s.t_start_ns)) / sum(s.t_end_ns - s.t_start_ns) AS mean_blocks,
       max(s.kv_blocks) AS peak_blocks, r.kv_blocks AS capacity_blocks,
       total(1.0 * s.kv_blocks * (s.t_end_ns - s.t_start_ns)) / sum(s.t_end_ns - s.t_start_ns) / r.kv_blocks AS mean_share,
       1.0 * max(s.kv_blocks) / r.kv_blocks AS peak_share
FROM step s JOIN replica r ON r.id = s.replica
GROUP BY second, s.replica;
INSERT INTO doc VALUES
    ('v_kv', NULL, 'KV blocks in use at each replica, by second of simulated time (steps that began in it): max(peak_share) is the run''s peak');

CREATE VIEW v_itl AS
SELECT s.replica, s.t_end_ns AS t_ns, s.gap_ns, s.n_decode AS weight, s.t_start_ns >= u.warmup_ns AS counted
FROM run u, step s WHERE s.n_decode > 0
UNION ALL
SELECT e.replica, e.t_ns, e.gap_ns, 1, e.t_ns >= u.warmup_ns FROM run u, resume e;
INSERT INTO doc VALUES
    ('v_itl', NULL, 'gaps between tokens of a request: each stands for `weight` of them (the sequences that decoded in the step)');

-- Left unordered, so that WHERE request = N reaches into each table (a scan) instead of sorting all of them first.
CREATE VIEW v_request_event AS
SELECT request, t_ns, 1 AS life, 'arrive' AS event, NULL AS replica,
       'class ' || class || ', input ' || input_tokens || ', output ' || output_tokens AS detail FROM arrive
UNION ALL
SELECT request, t_ns, 2, 'route', replica, outstanding || ' outstanding there' FROM route
UNION ALL
SELECT request, t_ns, 3, 'admit', replica, prompt_left || ' tokens to compute, ' || n_running || ' running' FROM admit
UNION ALL
SELECT request, t_end_ns, 4, 'prefill', replica,
       tokens || ' tokens after ' || computed || ', begun at ' || t_start_ns || ' ns' FROM prefill
UNION ALL
SELECT request, t_ns, 5, 'first_token', replica, NULL FROM first_token
UNION ALL
SELECT request, t_ns, 6, 'resume', replica, gap_ns || ' ns since its last token' FROM resume
UNION ALL
SELECT request, t_ns, 7, 'preempt', replica, computed || ' tokens and ' || blocks || ' blocks dropped' FROM preempt
UNION ALL
SELECT request, t_ns, 8, 'finish', replica, status FROM finish;
INSERT INTO doc VALUES
    ('v_request_event', NULL, 'all that happened to each request (log level all): WHERE request = N ORDER BY t_ns, life'),
    ('v_request_event', 'life', 'orders events of the same instant');
