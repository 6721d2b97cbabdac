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

-- Memories. Bytes and evictions after warm-up (log all), occupancy and use of ports from samples (log step, all): means
-- over the samples, each of which stands for the interval before it.
CREATE VIEW v_tier AS
WITH w AS (SELECT warmup_ns AS t, t_end_ns - warmup_ns AS duration FROM run),
room AS MATERIALIZED (
    SELECT r.tier, r.unit, avg(r.weights_bytes) AS weights, avg(r.running_bytes) AS running, avg(r.cached_bytes) AS cached,
           avg(r.expert_bytes) AS experts, avg(r.table_bytes) AS tables,
           max(r.running_bytes) AS peak_running, max(r.cached_bytes) AS peak_cached,
           max(r.running_bytes + r.cached_bytes) AS peak,
           max(1.0 * (r.running_bytes + r.cached_bytes) / nullif(r.capacity_bytes, 0)) AS peak_share,
           avg(1.0 * (r.running_bytes + r.cached_bytes) / nullif(r.capacity_bytes, 0)) AS mean_share
    FROM w, room_sample r WHERE r.t_ns > w.t GROUP BY r.tier, r.unit
), x AS MATERIALIZED (
    SELECT tier, unit, replica, up, kind, sum(delivered) AS bytes, count(*) AS n
    FROM w, transfer WHERE t_start_ns >= w.t GROUP BY tier, unit, replica, up, kind
), ends AS MATERIALIZED ( -- each transfer at its lower end, and at HBM where that is the other
    SELECT tier, unit, 1 - up AS arrives, bytes, n FROM x
    UNION ALL SELECT 0, replica, up, bytes, n FROM x WHERE replica IS NOT NULL
), moved AS MATERIALIZED (
    SELECT tier, unit, sum(bytes * arrives) AS bytes_in, sum(n * arrives) AS writes,
           sum(bytes * (1 - arrives)) AS bytes_out, sum(n * (1 - arrives)) AS reads
    FROM ends GROUP BY tier, unit
), gone AS MATERIALIZED (
    SELECT e.tier, e.unit, sum(e.blocks) AS blocks, sum(e.bytes) AS bytes,
           sum(CASE WHEN e.tier > 0 AND e.to_tier IS NOT NULL THEN e.bytes END) AS passed,
           count(CASE WHEN e.tier > 0 THEN e.to_tier END) AS passes
    FROM w, evict e WHERE e.t_ns >= w.t GROUP BY e.tier, e.unit
), span AS MATERIALIZED (SELECT max(p.t_ns) - coalesce((SELECT max(q.t_ns) FROM port_sample q WHERE q.t_ns <= w.t), 0) AS ns
            FROM w, port_sample p WHERE p.t_ns > w.t
), busy AS MATERIALIZED (
    SELECT p.tier, p.unit, total(s.busy_ns) AS ns
    FROM w, port_sample s JOIN port p ON p.id = s.port WHERE s.t_ns > w.t AND p.tier IS NOT NULL GROUP BY p.tier, p.unit
), units(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM units WHERE n + 1 < (SELECT max(units) FROM tier)
), wear AS MATERIALIZED ( -- programmed a day, as a share of what a unit holds
    SELECT m.tier, m.unit, m.bytes_in * t.write_amplification AS bytes,
           m.bytes_in * t.write_amplification / t.hardware_bytes / nullif(w.duration / 86400e9, 0) AS per_day
    FROM w, moved m JOIN tier t ON t.id = m.tier WHERE t.write_amplification IS NOT NULL
)
SELECT t.id AS tier, t.name, t.kind, u.n AS unit, t.capacity_bytes, t.hardware_bytes,
       room.weights AS weights_bytes, room.running AS running_bytes, room.cached AS cached_bytes,
       room.experts AS expert_bytes, room.tables AS table_bytes,
       room.mean_share,
       room.peak_running AS peak_running_bytes, room.peak_cached AS peak_cached_bytes, room.peak AS peak_bytes, room.peak_share,
       CASE WHEN log = 'all' THEN coalesce(moved.bytes_in, 0) END AS bytes_in,
       CASE WHEN log = 'all' THEN coalesce(moved.bytes_out, 0) + coalesce(gone.passed, 0) END AS bytes_out,
       CASE WHEN log = 'all' THEN coalesce(moved.writes, 0) END AS writes,
       CASE WHEN log = 'all' THEN coalesce(moved.reads, 0) + coalesce(gone.passes, 0) END AS reads,
       CASE WHEN log = 'all' THEN coalesce(gone.blocks, 0) END AS evicted_blocks,
       CASE WHEN log = 'all' THEN coalesce(gone.bytes, 0) END AS evicted_bytes,
       busy.ns / span.ns AS utilisation,
       wear.bytes AS programmed_bytes, wear.per_day AS drive_writes_per_day,
       t.drive_writes_per_day * t.warranty_years / nullif(wear.per_day, 0) AS life_years
FROM run, tier t JOIN units u ON u.n < t.units LEFT JOIN span
LEFT JOIN room ON room.tier = t.id AND room.unit = u.n
LEFT JOIN moved ON moved.tier = t.id AND moved.unit = u.n
LEFT JOIN gone ON gone.tier = t.id AND gone.unit = u.n
LEFT JOIN busy ON busy.tier = t.id AND busy.unit = u.n
LEFT JOIN wear ON wear.tier = t.id AND wear.unit = u.n;
INSERT INTO doc VALUES
    ('v_tier', NULL, 'each unit of each memory after warm-up: what fills it, what went in and out, use of its port, wear'),
    ('v_tier', 'unit', 'of HBM: the replica'),
    ('v_tier', 'running_bytes', 'mean; so weights_bytes, cached_bytes, expert_bytes and table_bytes'),
    ('v_tier', 'mean_share', 'KV, running and cached, of the room for it at each sample; so peak_share'),
    ('v_tier', 'bytes_in', 'of transfers that ended there, begun after warm-up; log all, as the columns up to evicted_bytes'),
    ('v_tier', 'bytes_out', 'of transfers that began there, and what it evicted to the next tier'),
    ('v_tier', 'utilisation', 'share of the time that its port was in use'),
    ('v_tier', 'programmed_bytes', 'NAND: bytes in x write amplification'),
    ('v_tier', 'drive_writes_per_day', 'programmed_bytes / hardware_bytes, a day'),
    ('v_tier', 'life_years', 'at that rate: tier.drive_writes_per_day x warranty_years / drive_writes_per_day');

CREATE VIEW v_transfer AS
SELECT x.rowid AS id, k.name AS kind, x.request, x.replica, t.name AS tier, x.unit,
       CASE x.up WHEN 1 THEN 'up' ELSE 'down' END AS direction, x.bytes, x.delivered, x.t_start_ns, x.t_end_ns,
       (x.t_end_ns - x.t_start_ns) / 1e6 AS duration_ms, x.waited_ns / 1e6 AS queueing_ms,
       (x.t_end_ns - x.t_start_ns - x.waited_ns) / 1e6 AS service_ms, x.solo_ns / 1e6 AS solo_ms,
       1.0 * (x.t_end_ns - x.t_start_ns) / nullif(x.solo_ns, 0) AS slowdown,
       1.0 * x.delivered / nullif(x.t_end_ns - x.t_start_ns, 0) AS GBps
FROM transfer x JOIN move_kind k ON k.id = x.kind JOIN tier t ON t.id = x.tier;
INSERT INTO doc VALUES
    ('v_transfer', NULL, 'transfers with names for ids (log level all)'),
    ('v_transfer', 'direction', 'up: towards HBM'),
    ('v_transfer', 'queueing_ms', 'before its first byte moved, at a port that serves in order'),
    ('v_transfer', 'slowdown', 'duration / what it would have taken alone'),
    ('v_transfer', 'GBps', '1e9 bytes per second, over its whole duration');

-- Of counted requests. What a tier had is told for the warmest that had it, so that tiers add up.
CREATE VIEW v_hit_rate AS
WITH q AS MATERIALIZED (
    SELECT count(*) AS n, total(input_tokens) AS tokens, total(blocks) AS blocks, total(hit_blocks) AS hit_blocks,
           total(hit_tokens) AS hit_tokens, total(hit_blocks > 0) AS requests
    FROM run u, request r WHERE r.status = 'completed' AND r.t_arrive_ns >= u.warmup_ns
), h AS MATERIALIZED (
    SELECT h.tier, count(*) AS requests, sum(h.blocks) AS blocks, sum(h.tokens) AS tokens, sum(h.bytes) AS bytes,
           sum(h.restored) AS used_tokens
    FROM run u, hit h JOIN request r ON r.id = h.request
    WHERE r.status = 'completed' AND r.t_arrive_ns >= u.warmup_ns GROUP BY h.tier
), of_all AS (
    SELECT t.id AS tier, t.name, coalesce(h.requests, 0) AS requests, coalesce(h.blocks, 0) AS blocks,
           coalesce(h.tokens, 0) AS tokens, coalesce(h.bytes, 0) AS bytes, coalesce(h.used_tokens, 0) AS used_tokens
    FROM tier t LEFT JOIN h ON h.tier = t.id WHERE t.caches AND (SELECT log FROM run) = 'all'
    UNION ALL
    SELECT NULL, 'all', CAST(requests AS INTEGER), CAST(hit_blocks AS INTEGER), (SELECT sum(tokens) FROM h), (SELECT sum(bytes) FROM h), CAST(hit_tokens AS INTEGER)
    FROM q WHERE n > 0
)
SELECT a.tier, a.name, a.requests, a.blocks, a.tokens, a.bytes, a.used_tokens,
       a.blocks / nullif(q.blocks, 0) AS block_share, a.tokens / nullif(q.tokens, 0) AS token_share,
       a.used_tokens / nullif(q.tokens, 0) AS used_share
FROM of_all a, q;
INSERT INTO doc VALUES
    ('v_hit_rate', NULL, 'what the prompts of counted requests found in each tier when first looked up, and in all (tier NULL)'),
    ('v_hit_rate', 'requests', 'that found something there'),
    ('v_hit_rate', 'tokens', 'found there; of all tiers: log all'),
    ('v_hit_rate', 'used_tokens', 'of them, those that were not computed again'),
    ('v_hit_rate', 'block_share', 'blocks as a share of all prompt blocks whose content is known'),
    ('v_hit_rate', 'token_share', 'tokens as a share of all prompt tokens; used_share so of used_tokens');

CREATE VIEW v_request_contention AS
SELECT c.request, k.name AS kind, p.name || coalesce('.' || p.direction, '') AS port, p.unit, b.name AS by_kind,
       sum(c.lost_ns) AS lost_ns
FROM contention c JOIN move_kind k ON k.id = c.kind JOIN move_kind b ON b.id = c.by_kind JOIN port p ON p.id = c.port
WHERE c.request IS NOT NULL GROUP BY c.request, c.kind, c.port, c.by_kind;
INSERT INTO doc VALUES
    ('v_request_contention', NULL, 'what the transfers of each request lost at each port, and to what (log level all)');

CREATE VIEW v_contention AS
WITH c AS MATERIALIZED (
    SELECT kind, port, by_kind, count(*) AS n, sum(lost_ns) AS lost_ns FROM run u, contention
    WHERE t_ns >= u.warmup_ns GROUP BY kind, port, by_kind
), done AS MATERIALIZED (
    SELECT count(*) AS n FROM run u, request r WHERE r.status = 'completed' AND r.t_arrive_ns >= u.warmup_ns
)
SELECT k.name AS kind, p.name || coalesce('.' || p.direction, '') AS port, p.kind AS port_kind, b.name AS by_kind,
       sum(c.n) AS times, sum(c.lost_ns) AS lost_ns, 1.0 * sum(c.lost_ns) / nullif(done.n, 0) AS lost_ns_per_request
FROM done, c JOIN move_kind k ON k.id = c.kind JOIN move_kind b ON b.id = c.by_kind JOIN port p ON p.id = c.port
GROUP BY k.id, p.name, p.direction, b.id;
INSERT INTO doc VALUES
    ('v_contention', NULL, 'who slowed whom after warm-up: time that transfers of a kind, or engine steps, lost at ports of a name to another kind'),
    ('v_contention', 'port', 'a link''s with its direction: up is towards HBM'),
    ('v_contention', 'lost_ns_per_request', 'lost_ns / counted requests');

-- A step is its own work, transfers beside it and such as begin after it; it lost what it took beyond what these take alone.
-- That is put down to the losses of the path that ended last, each by its share (report/collect_steps.h).
CREATE VIEW v_step_contention AS
WITH own AS (SELECT id FROM move_kind WHERE name = 'step'),
waits AS (SELECT id FROM move_kind WHERE name IN ('read', 'expert', 'table')),
line AS ( -- all that steps end with, a step after it
    SELECT replica, t_end_ns AS t, 1 AS ends, rowid AS step, NULL AS kind, NULL AS t_start, NULL AS solo, NULL AS loss FROM step
    UNION ALL SELECT replica, t_end_ns, 0, NULL, kind, t_start_ns, solo_ns, NULL FROM transfer WHERE kind IN waits
    UNION ALL SELECT replica, t_ns, 0, NULL, kind, NULL, NULL, rowid FROM contention WHERE kind IN waits OR kind IN own
), placed AS MATERIALIZED (
    SELECT *, min(step) OVER (PARTITION BY replica ORDER BY t DESC, ends DESC ROWS UNBOUNDED PRECEDING) AS of_step FROM line
), need AS MATERIALIZED (
    SELECT s.rowid AS step, p.kind, p.t, p.t_start, p.solo, p.t_start > s.t_start_ns AS after
    FROM placed p JOIN step s ON s.rowid = p.of_step WHERE p.solo IS NOT NULL AND p.t_start >= s.t_start_ns
), needs AS MATERIALIZED (
    SELECT step, max(CASE WHEN after THEN t_start END) AS own_end, max(CASE WHEN after THEN solo ELSE 0 END) AS after_solo,
           max(CASE WHEN after THEN 0 ELSE solo END) AS beside_solo
    FROM need GROUP BY step
), last AS MATERIALIZED ( -- bare columns are those of the row with the maximum
    SELECT step, kind, after, t, max(2 * t + after) AS at FROM need GROUP BY step
), lost AS MATERIALIZED (
    SELECT s.rowid AS step, p.kind IN own AS is_own, p.t, c.kind, c.port, c.by_kind, c.lost_ns
    FROM placed p JOIN step s ON s.rowid = p.of_step JOIN contention c ON c.rowid = p.loss WHERE p.t > s.t_start_ns
), at_own AS MATERIALIZED (
    SELECT step, max(t) AS t, sum(lost_ns) AS ns FROM lost WHERE is_own GROUP BY step
), path AS MATERIALIZED (
    SELECT l.step, l.kind, l.port, l.by_kind, l.lost_ns, sum(l.lost_ns) OVER (PARTITION BY l.step) AS all_ns,
           s.t_end_ns - s.t_start_ns - max(coalesce(n.beside_solo, 0), coalesce(n.after_solo, 0) + max(0,
               coalesce(o.t, n.own_end, CASE WHEN z.t = s.t_end_ns THEN s.t_start_ns ELSE s.t_end_ns END)
               - s.t_start_ns - coalesce(o.ns, 0))) AS beyond_ns
    FROM lost l JOIN step s ON s.rowid = l.step LEFT JOIN needs n ON n.step = l.step
    LEFT JOIN last z ON z.step = l.step LEFT JOIN at_own o ON o.step = l.step
    WHERE CASE WHEN l.is_own THEN z.t IS NULL OR z.t < s.t_end_ns OR z.after
          ELSE z.t = s.t_end_ns AND l.kind = z.kind AND l.t = z.t END
)
SELECT s.replica, s.t_start_ns, s.t_end_ns, s.n_decode, s.t_start_ns >= u.warmup_ns AS counted, k.name AS kind,
       p.name || coalesce('.' || p.direction, '') AS port, p.unit, b.name AS by_kind,
       x.lost_ns * min(1.0, 1.0 * max(0, x.beyond_ns) / x.all_ns) AS lost_ns
FROM run u, path x JOIN step s ON s.rowid = x.step JOIN move_kind k ON k.id = x.kind JOIN move_kind b ON b.id = x.by_kind
JOIN port p ON p.id = x.port;
INSERT INTO doc VALUES
    ('v_step_contention', NULL, 'what each step lost at each port, and to what: only what it ended later for (log level all)'),
    ('v_step_contention', 'kind', 'step: its own work; else the transfer that it waited for'),
    ('v_step_contention', 'counted', '1: begun after warm-up'),
    ('v_step_contention', 'lost_ns', 'sum(n_decode * lost_ns) / the sum of n_decode over all steps: that part of the mean ITL');

-- TTFT = queue + restore + recompute + prefill + handoff + rest. A chunk's step is split by tokens: those below `known` had been in a
-- cache before, at look-up or until a preemption. Restores that overlap with computing count as prefill.
CREATE VIEW v_kv_breakdown AS
WITH load AS MATERIALIZED ( -- of the time before admission, what transfers up cover, counted once where they overlap
    SELECT x.request, x.t_start_ns AS a, min(x.t_end_ns, q.t_admit_ns) AS b,
           max(x.t_end_ns) OVER (PARTITION BY x.request ORDER BY x.t_start_ns, x.rowid
                                 ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before
    FROM transfer x JOIN request q ON q.id = x.request WHERE x.up AND x.t_start_ns < q.t_admit_ns
), restore AS MATERIALIZED (
    SELECT request, sum(max(0, b - max(a, coalesce(before, a)))) AS ns FROM load GROUP BY request
), found AS MATERIALIZED (SELECT request, sum(tokens) AS tokens FROM hit GROUP BY request
), lost AS MATERIALIZED (SELECT request, t_ns, computed FROM preempt
), chunk AS MATERIALIZED (
    SELECT p.request, p.t_end_ns - p.t_start_ns AS ns, p.tokens, p.computed,
           max(coalesce(f.tokens, 0), CASE WHEN q.preemptions > 0 THEN coalesce(
               (SELECT max(l.computed) FROM lost l WHERE l.request = p.request AND l.t_ns <= p.t_start_ns), 0) ELSE 0 END) AS known
    FROM request q JOIN prefill p ON p.request = q.id LEFT JOIN found f ON f.request = p.request
    WHERE p.t_end_ns <= q.t_first_ns
), work AS MATERIALIZED (
    SELECT request, sum(ns) AS ns,
           total(1.0 * ns * max(0, min(computed + tokens, known) - computed) / tokens) AS again_ns,
           sum(max(0, min(computed + tokens, known) - computed)) AS again_tokens, sum(tokens) AS tokens
    FROM chunk GROUP BY request
)
SELECT q.id AS request, q.class, q.status = 'completed' AND q.t_arrive_ns >= u.warmup_ns AS counted,
       (q.t_first_ns - q.t_arrive_ns) / 1e6 AS ttft_ms,
       (q.t_admit_ns - q.t_arrive_ns - coalesce(r.ns, 0)) / 1e6 AS queue_ms,
       coalesce(r.ns, 0) / 1e6 AS restore_ms,
       coalesce(w.again_ns, 0) / 1e6 AS recompute_ms,
       (coalesce(w.ns, 0) - coalesce(w.again_ns, 0)) / 1e6 AS prefill_ms,
       q.handoff_ns / 1e6 AS handoff_ms,
       (q.t_first_ns - q.t_admit_ns - coalesce(w.ns, 0) - q.handoff_ns) / 1e6 AS rest_ms,
       q.input_tokens, q.hit_tokens, coalesce(w.again_tokens, 0) AS recomputed_tokens,
       coalesce(w.tokens, 0) - coalesce(w.again_tokens, 0) AS prefilled_tokens
FROM run u, request q LEFT JOIN restore r ON r.request = q.id LEFT JOIN work w ON w.request = q.id
WHERE q.t_first_ns IS NOT NULL AND u.log = 'all';
INSERT INTO doc VALUES
    ('v_kv_breakdown', NULL, 'TTFT of each request = queue + restore + recompute + prefill + handoff + rest (log level all)'),
    ('v_kv_breakdown', 'queue_ms', 'arrival to first admission, without the time that its KV was on its way'),
    ('v_kv_breakdown', 'restore_ms', 'before admission, while its KV was on its way from lower tiers'),
    ('v_kv_breakdown', 'recompute_ms', 'steps that held it, up to the first token: the share of tokens that had been cached or computed before'),
    ('v_kv_breakdown', 'prefill_ms', 'the share of the other tokens'),
    ('v_kv_breakdown', 'handoff_ms', 'from the end of its prompt at the replica that computed it to its admission where it is answered'),
    ('v_kv_breakdown', 'rest_ms', 'steps between that held none of its prompt, and waits after a preemption');

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
    ('v_verdict', 'waiting', 'mean number of requests that waited, towards the end of the arrivals');

CREATE VIEW v_scale AS
SELECT s.t_ns / 1e9 AS t_s, s.replica,
       CASE s.what WHEN 0 THEN 'starts' WHEN 1 THEN 'ready' WHEN 2 THEN 'drains' WHEN 3 THEN 'ended' ELSE 'failed' END AS event,
       (s.t_ns - max(CASE WHEN s.what IN (0, 2) THEN s.t_ns END) OVER (PARTITION BY s.replica ORDER BY s.rowid)) / 1e9 AS took_s,
       s.ready, s.starting, s.draining, s.ready + s.starting + s.draining AS present, s.waiting, s.blocks
FROM scale s;
INSERT INTO doc VALUES
    ('v_scale', NULL, 'replicas that started, took requests, drained and ended ([autoscale]), in order of time; log step, all'),
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
    SELECT pool, min(role) AS role, min(id) AS first, count(*) AS replicas, sum(gpus) AS gpus, sum(kv_blocks) AS kv_blocks
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
       1.0 * coalesce(s.busy_ns, 0) / nullif(r.replicas * (span.b - span.a), 0) AS utilisation,
       s.decode_ns / nullif(s.busy_ns, 0) AS mean_decode_batch, s.waiting_ns / nullif(s.busy_ns, 0) AS mean_waiting,
       s.kv_ns / nullif(s.busy_ns, 0) * r.replicas / r.kv_blocks AS mean_kv_share,
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

-- Each law: two independent ways to the same number. A law is left out where the run did not log what it needs, or ended
-- without counters. Sums of ns go by halves of 32 bits, modulo 2^64 like the model's own.
CREATE VIEW v_conservation AS
WITH k AS (
    SELECT max(CASE name WHEN 'requests_arrived' THEN value END) AS arrived,
           max(CASE name WHEN 'requests_completed' THEN value END) AS completed,
           max(CASE name WHEN 'requests_rejected' THEN value END) AS rejected,
           max(CASE name WHEN 'requests_failed' THEN value END) AS failed,
           max(CASE name WHEN 'requests_timed_out' THEN value END) AS timed_out,
           max(CASE name WHEN 'requests_refused' THEN value END) AS refused,
           max(CASE name WHEN 'requests_retries' THEN value END) AS retries,
           max(CASE name WHEN 'calls_between_attempts' THEN value END) AS between_attempts,
           max(CASE name WHEN 'tokens_out_failed' THEN value END) AS out_failed,
           max(CASE name WHEN 'steps_abandoned' THEN value END) AS abandoned,
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
           max(CASE name WHEN 'cached_tokens_used' THEN value END) AS cached,
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
           total(status = 'failed') AS failed, total(status = 'timed_out') AS timed_out, total(attempt > 0) AS retries, total(retried) AS retried,
           coalesce(sum(CASE WHEN status IN ('failed', 'timed_out') THEN generated_tokens END), 0) AS out_failed,
           total(status IN ('waiting', 'running')) AS in_flight,
           coalesce(sum(input_tokens), 0) AS tokens_in,
           coalesce(sum(CASE status WHEN 'completed' THEN input_tokens END), 0) AS in_done,
           coalesce(sum(CASE status WHEN 'completed' THEN output_tokens END), 0) AS out_done,
           coalesce(sum(CASE WHEN status IN ('waiting', 'running') THEN generated_tokens END), 0) AS out_partial,
           coalesce(sum(generated_tokens), 0) AS generated,
           coalesce(sum(preemptions), 0) AS preemptions, count(t_first_ns) AS first_tokens,
           coalesce(sum(hit_blocks), 0) AS hit_blocks, coalesce(sum(hit_tokens), 0) AS hit_tokens,
           coalesce(sum((min(coalesce(t_end_ns, u.t_end), u.t_end) - t_arrive_ns) & 4294967295), 0) AS sojourn_low,
           coalesce(sum((min(coalesce(t_end_ns, u.t_end), u.t_end) - t_arrive_ns) >> 32), 0) AS sojourn_high
    FROM request, (SELECT t_end_ns AS t_end FROM run) u
    WHERE (SELECT log FROM run) <> 'summary'
), s AS ( -- log step, all
    SELECT count(*) AS n, coalesce(sum(tokens_out), 0) AS tokens_out, coalesce(sum(prefill_tokens), 0) AS prefill,
           coalesce(sum(n_decode), 0) AS decoded
    FROM step WHERE (SELECT log FROM run) IN ('step', 'all')
), h AS ( -- log all
    SELECT coalesce(sum(blocks), 0) AS blocks, coalesce(sum(restored), 0) AS restored FROM hit
), m AS ( -- of each kind: the model's counts
    SELECT k.id, k.name, max(CASE c.name WHEN 'moves_' || k.name || '_started' THEN c.value END) AS started,
           max(CASE c.name WHEN 'moves_' || k.name || '_running' THEN c.value END) AS running,
           max(CASE c.name WHEN 'moves_' || k.name || '_bytes_started' THEN c.value END) AS bytes,
           max(CASE c.name WHEN 'moves_' || k.name || '_bytes_left' THEN c.value END) AS left_bytes,
           max(CASE c.name WHEN 'moves_' || k.name || '_bytes_delivered' THEN c.value END) AS delivered,
           max(CASE c.name WHEN 'moves_' || k.name || '_bytes_cancelled' THEN c.value END) AS cancelled
    FROM move_kind k JOIN counter c ON c.name GLOB 'moves_' || k.name || '_*' GROUP BY k.id
), x AS ( -- log all: and the rows
    SELECT kind, count(*) AS n, sum(bytes) AS bytes, sum(delivered) AS delivered, sum(bytes - delivered) AS cancelled
    FROM transfer GROUP BY kind
), l(requests, steps, events, last) AS ( -- last: the run came to its last commit, which brings generated_tokens up to date
    SELECT log <> 'summary', log IN ('step', 'all'), log = 'all', EXISTS (SELECT 1 FROM counter) FROM run
), law(name, "left", "right") AS (
    SELECT 'requests: arrived = completed + rejected + failed + timed out + waiting + running + held', arrived,
           completed + rejected + failed + timed_out + waiting + running + held FROM k
    UNION ALL SELECT 'output tokens: of steps = of completed + of failed + of those in flight', out_steps,
                     out_done + out_failed + out_partial FROM k
    UNION ALL SELECT 'KV tokens: prefilled + decoded + from the cache = of completed + held + dropped', prefilled + decoded + cached,
                     kv_done + kv_held + kv_dropped FROM k
    UNION ALL SELECT 'KV blocks: allocated = freed + held', taken, freed + in_use FROM k
    UNION ALL SELECT 'steps: started = ended + abandoned + running', started, ended + abandoned + stepping FROM k
    UNION ALL SELECT 'Little: integral of requests in system = sum of sojourns (ns)', area, sojourn FROM k
    UNION ALL SELECT 'requests: arrived = rows of request', arrived, q.n FROM k, q, l WHERE requests
    UNION ALL SELECT 'requests: completed = rows of request', k.completed, CAST(q.completed AS INTEGER) FROM k, q, l WHERE requests
    UNION ALL SELECT 'requests: rejected = rows of request', k.rejected, CAST(q.rejected AS INTEGER) FROM k, q, l WHERE requests
    UNION ALL SELECT 'requests: failed = rows of request', k.failed, CAST(q.failed AS INTEGER) FROM k, q, l WHERE requests
    UNION ALL SELECT 'requests: timed out = rows of request', k.timed_out, CAST(q.timed_out AS INTEGER) FROM k, q, l WHERE requests
    UNION ALL SELECT 'requests: attempts after the first = rows of request', k.retries, CAST(q.retries AS INTEGER) FROM k, q, l WHERE requests
    UNION ALL SELECT 'calls tried again = attempts after the first + those still to come', CAST(q.retried AS INTEGER), k.retries + between_attempts
              FROM k, q, l WHERE requests
    UNION ALL SELECT 'requests: refused = rows of reject', refused, (SELECT count(*) FROM reject WHERE refused) FROM k, l WHERE events
    UNION ALL SELECT 'output tokens: of failed = rows of request', k.out_failed, q.out_failed FROM k, q, l WHERE requests
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
                     CAST(q.completed + q.rejected + q.failed + q.timed_out AS INTEGER) FROM q, l WHERE events
    UNION ALL SELECT 'first tokens: rows of first_token = rows of request', (SELECT count(*) FROM first_token), q.first_tokens
              FROM q, l WHERE events
    UNION ALL SELECT 'preemptions: rows of preempt = rows of request', (SELECT count(*) FROM preempt), q.preemptions
              FROM q, l WHERE events
    UNION ALL SELECT 'blocks found: rows of hit = rows of request', h.blocks, q.hit_blocks FROM h, q, l WHERE events
    UNION ALL SELECT 'prompt tokens from the cache: rows of hit = rows of request', h.restored, q.hit_tokens FROM h, q, l
              WHERE events
    UNION ALL SELECT 'bytes of ' || name || ': started = delivered + cancelled + left', bytes, delivered + cancelled + left_bytes
              FROM m
    UNION ALL SELECT 'transfers of ' || m.name || ': started = rows of transfer + running', started, coalesce(x.n, 0) + running
              FROM l, m LEFT JOIN x ON x.kind = m.id WHERE events
    UNION ALL SELECT 'bytes of ' || m.name || ': started = rows of transfer + left', m.bytes, coalesce(x.bytes, 0) + left_bytes
              FROM l, m LEFT JOIN x ON x.kind = m.id WHERE events
    UNION ALL SELECT 'bytes of ' || m.name || ': delivered = rows of transfer', m.delivered, coalesce(x.delivered, 0)
              FROM l, m LEFT JOIN x ON x.kind = m.id WHERE events
    UNION ALL SELECT 'bytes of ' || m.name || ': cancelled = rows of transfer', m.cancelled, coalesce(x.cancelled, 0)
              FROM l, m LEFT JOIN x ON x.kind = m.id WHERE events
)
SELECT name, "left", "right", "left" - "right" AS difference, "left" = "right" AS ok
FROM law WHERE "left" IS NOT NULL AND "right" IS NOT NULL;
INSERT INTO doc VALUES
    ('v_conservation', NULL, 'conservation laws: what went in came out or is still there; ok is 1 where a law holds');
