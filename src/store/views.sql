-- views.sql - the questions people ask of a results file, as views over its facts.
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

-- A request that was rejected meets nothing. Objectives are inclusive and compared in whole ns; one that a class does
-- not have, or a TPOT that is not defined, is met.
CREATE VIEW v_goodput AS
WITH ended AS (
    SELECT q.class,
           q.status = 'completed' AS completed,
           q.status = 'completed'
               AND (c.slo_ttft_ns IS NULL OR q.t_first_ns - q.t_arrive_ns <= c.slo_ttft_ns)
               AND (c.slo_e2el_ns IS NULL OR q.t_end_ns - q.t_arrive_ns <= c.slo_e2el_ns)
               AND (c.slo_tpot_ns IS NULL OR q.output_tokens < 2
                    OR q.t_end_ns - q.t_first_ns <= c.slo_tpot_ns * (q.output_tokens - 1)) AS met
    FROM run u, request q JOIN class c ON c.id = q.class
    WHERE q.status IN ('completed', 'rejected') AND q.t_arrive_ns >= u.warmup_ns
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
    ('v_goodput', 'attainment', 'met as a share of those that ended: completed and failed (rejected)'),
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

-- Each law: two independent ways to the same number. A law is left out where the run did not log what it needs, or ended
-- without counters. Sums of ns go by halves of 32 bits, modulo 2^64 like the model's own.
CREATE VIEW v_conservation AS
WITH k AS (
    SELECT max(CASE name WHEN 'requests_arrived' THEN value END) AS arrived,
           max(CASE name WHEN 'requests_completed' THEN value END) AS completed,
           max(CASE name WHEN 'requests_rejected' THEN value END) AS rejected,
           max(CASE name WHEN 'requests_waiting' THEN value END) AS waiting,
           max(CASE name WHEN 'requests_running' THEN value END) AS running,
           max(CASE name WHEN 'requests_held' THEN value END) AS held,
           max(CASE name WHEN 'tokens_in_arrived' THEN value END) AS in_arrived,
           max(CASE name WHEN 'tokens_in_done' THEN value END) AS in_done,
           max(CASE name WHEN 'tokens_out_done' THEN value END) AS out_done,
           max(CASE name WHEN 'tokens_out_partial' THEN value END) AS out_partial,
           max(CASE name WHEN 'tokens_out_steps' THEN value END) AS out_steps,
           max(CASE name WHEN 'prefill_tokens_computed' THEN value END) AS prefilled,
           max(CASE name WHEN 'decode_tokens_computed' THEN value END) AS decoded,
           max(CASE name WHEN 'kv_tokens_done' THEN value END) AS kv_done,
           max(CASE name WHEN 'kv_tokens_held' THEN value END) AS kv_held,
           max(CASE name WHEN 'kv_tokens_dropped' THEN value END) AS kv_dropped,
           max(CASE name WHEN 'kv_blocks_allocated' THEN value END) AS taken,
           max(CASE name WHEN 'kv_blocks_freed' THEN value END) AS freed,
           max(CASE name WHEN 'kv_blocks_held' THEN value END) AS in_use,
           max(CASE name WHEN 'preemptions' THEN value END) AS preemptions,
           max(CASE name WHEN 'little_area_ns' THEN value END) AS area,
           max(CASE name WHEN 'little_sojourn_ns' THEN value END) AS sojourn,
           max(CASE name WHEN 'steps_started' THEN value END) AS started,
           max(CASE name WHEN 'steps_ended' THEN value END) AS ended,
           max(CASE name WHEN 'steps_running' THEN value END) AS stepping
    FROM counter
), q AS ( -- log request, step, all
    SELECT count(*) AS n, total(status = 'completed') AS completed, total(status = 'rejected') AS rejected,
           total(status IN ('waiting', 'running')) AS in_flight,
           coalesce(sum(input_tokens), 0) AS tokens_in,
           coalesce(sum(CASE status WHEN 'completed' THEN input_tokens END), 0) AS in_done,
           coalesce(sum(CASE status WHEN 'completed' THEN output_tokens END), 0) AS out_done,
           coalesce(sum(CASE WHEN status IN ('waiting', 'running') THEN generated_tokens END), 0) AS out_partial,
           coalesce(sum(generated_tokens), 0) AS generated,
           coalesce(sum(preemptions), 0) AS preemptions, count(t_first_ns) AS first_tokens,
           coalesce(sum((min(coalesce(t_end_ns, u.t_end), u.t_end) - t_arrive_ns) & 4294967295), 0) AS sojourn_low,
           coalesce(sum((min(coalesce(t_end_ns, u.t_end), u.t_end) - t_arrive_ns) >> 32), 0) AS sojourn_high
    FROM request, (SELECT t_end_ns AS t_end FROM run) u
    WHERE (SELECT log FROM run) <> 'summary'
), s AS ( -- log step, all
    SELECT count(*) AS n, coalesce(sum(tokens_out), 0) AS tokens_out, coalesce(sum(prefill_tokens), 0) AS prefill,
           coalesce(sum(n_decode), 0) AS decoded
    FROM step WHERE (SELECT log FROM run) IN ('step', 'all')
), l(requests, steps, events, last) AS ( -- last: the run came to its last commit, which brings generated_tokens up to date
    SELECT log <> 'summary', log IN ('step', 'all'), log = 'all', EXISTS (SELECT 1 FROM counter) FROM run
), law(name, "left", "right") AS (
    SELECT 'requests: arrived = completed + rejected + waiting + running + held', arrived,
           completed + rejected + waiting + running + held FROM k
    UNION ALL SELECT 'output tokens: of steps = of completed + of those in flight', out_steps, out_done + out_partial FROM k
    UNION ALL SELECT 'KV tokens: prefilled + decoded = of completed + held + dropped by preemption', prefilled + decoded,
                     kv_done + kv_held + kv_dropped FROM k
    UNION ALL SELECT 'KV blocks: allocated = freed + held', taken, freed + in_use FROM k
    UNION ALL SELECT 'steps: started = ended + running', started, ended + stepping FROM k
    UNION ALL SELECT 'Little: integral of requests in system = sum of sojourns (ns)', area, sojourn FROM k
    UNION ALL SELECT 'requests: arrived = rows of request', arrived, q.n FROM k, q, l WHERE requests
    UNION ALL SELECT 'requests: completed = rows of request', k.completed, CAST(q.completed AS INTEGER) FROM k, q, l WHERE requests
    UNION ALL SELECT 'requests: rejected = rows of request', k.rejected, CAST(q.rejected AS INTEGER) FROM k, q, l WHERE requests
    UNION ALL SELECT 'requests: in flight = rows of request', waiting + running + held, CAST(in_flight AS INTEGER) FROM k, q, l WHERE requests
    UNION ALL SELECT 'prompt tokens: arrived = rows of request', in_arrived, tokens_in FROM k, q, l WHERE requests
    UNION ALL SELECT 'prompt tokens: of completed = rows of request', k.in_done, q.in_done FROM k, q, l WHERE requests
    UNION ALL SELECT 'output tokens: of completed = rows of request', k.out_done, q.out_done FROM k, q, l WHERE requests
    UNION ALL SELECT 'output tokens: in flight = rows of request', k.out_partial, q.out_partial FROM k, q, l WHERE requests
    UNION ALL SELECT 'preemptions: counted = rows of request', k.preemptions, q.preemptions FROM k, q, l WHERE requests
    UNION ALL SELECT 'Little: sum of sojourns = rows of request (ns)', sojourn,
                     ((sojourn_high + (sojourn_low >> 32)) << 32) | (sojourn_low & 4294967295) FROM k, q, l WHERE requests
    UNION ALL SELECT 'steps: ended = rows of step', ended, s.n FROM k, s, l WHERE steps
    UNION ALL SELECT 'output tokens: of steps = rows of step', out_steps, tokens_out FROM k, s, l WHERE steps
    UNION ALL SELECT 'tokens decoded = rows of step', k.decoded, s.decoded FROM k, s, l WHERE steps
    UNION ALL SELECT 'prompt tokens: prefilled = rows of step', prefilled, s.prefill FROM k, s, l WHERE steps
    UNION ALL SELECT 'output tokens: rows of step = rows of request', tokens_out, generated FROM s, q, l WHERE steps AND last
    UNION ALL SELECT 'prompt tokens: rows of step = rows of prefill', s.prefill,
                     (SELECT coalesce(sum(tokens), 0) FROM prefill) FROM s, l WHERE events
    UNION ALL SELECT 'requests: rows of arrive = rows of request', (SELECT count(*) FROM arrive), q.n FROM q, l WHERE events
    UNION ALL SELECT 'requests: rows of finish = ended rows of request', (SELECT count(*) FROM finish),
                     CAST(q.completed + q.rejected AS INTEGER) FROM q, l WHERE events
    UNION ALL SELECT 'first tokens: rows of first_token = rows of request', (SELECT count(*) FROM first_token), q.first_tokens
              FROM q, l WHERE events
    UNION ALL SELECT 'preemptions: rows of preempt = rows of request', (SELECT count(*) FROM preempt), q.preemptions
              FROM q, l WHERE events
)
SELECT name, "left", "right", "left" - "right" AS difference, "left" = "right" AS ok
FROM law WHERE "left" IS NOT NULL AND "right" IS NOT NULL;
INSERT INTO doc VALUES
    ('v_conservation', NULL, 'conservation laws: what went in came out or is still there; ok is 1 where a law holds');
