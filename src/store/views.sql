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

-- The time of each replica from warm-up to the end of the run, cut into what its GPUs did: a replica's GPUs step together.
--
--   a step   |== own work ==============|-- waits for what ended last --|      a step that spans warm-up counts by its part after it
--               less what it lost at its port, by whom                         between steps: absent, starting, down, KV on its way,
--                                                                            idle: the first that holds
--
-- The end of the own work is told by its record `contention`, or by the transfers that begin after it; where nothing ended
-- with the step that it waits for, it is the step's. Else it is not recorded: the step is `unsplit`.
-- Members (ranks, micro_batches = apart; table replica) have a row each, with their part of the GPUs. While any of a replica is in
-- a step, what one does not work by member_step is bubble: the wait for the slowest rank or for stages that others are in, and
-- the time of one that has nothing to do; also where KV for it is on its way then.
-- Not known: bubbles between pipeline stages of one batch (in the time of the step); a step under way at the end or lost to a fault, which
-- has no row (idle); replicas that are down because a module or a tier that they need is (idle).
CREATE VIEW v_gpu_slots AS
WITH span AS MATERIALIZED (
    SELECT log = 'all' AS moves, warmup_ns AS a, coalesce(t_end_ns, (SELECT max(t_end_ns) FROM step)) AS b FROM run
        WHERE log IN ('step', 'all')
), param AS MATERIALIZED (SELECT key, value_text, value_num, rowid AS id FROM run_param
), of_pool AS MATERIALIZED (
    SELECT pool, count(*) AS n, min(id) AS first, min(gpus) AS gpus,
           coalesce((SELECT value_num FROM param WHERE key = 'replica ' || r.pool || '.pp'),
               (SELECT value_num FROM param WHERE key = 'replica.pp'), 1) AS pp,
           CAST(coalesce((SELECT value_num FROM param WHERE key = 'node ' || r.pool || '.gpus'),
                         (SELECT value_num FROM param WHERE key = 'node.gpus'), 1) AS INTEGER) AS node
    FROM replica r GROUP BY pool
), numbered AS MATERIALIZED ( -- replicas a node, nodes a replica; the first node and GPU of the pool
    SELECT *, max(1, node / gpus) AS each, (gpus + node - 1) / node AS nodes,
           coalesce(sum(CASE WHEN gpus > node THEN n * ((gpus + node - 1) / node) ELSE (n + node / gpus - 1) / (node / gpus) END)
               OVER (ORDER BY first ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS first_node,
           coalesce(sum(n * gpus) OVER (ORDER BY first ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS first_gpu
    FROM of_pool
), member AS MATERIALIZED (
    SELECT id, first_member AS of FROM replica
        WHERE first_member IN (SELECT first_member FROM replica GROUP BY first_member HAVING count(*) > 1)
), together AS MATERIALIZED ( -- time in which any member of a replica was in a step: these begin and end in the same order
    SELECT of, total(ns) AS ns FROM (
        SELECT m.of, max(s.t_end_ns - max(s.t_start_ns, lag(s.t_end_ns, 1, 0) OVER (PARTITION BY m.of ORDER BY s.rowid), span.a), 0) AS ns
        FROM span, step s JOIN member m ON m.id = s.replica)
    GROUP BY of
), fault_of AS (
    SELECT row_number() OVER (ORDER BY id) - 1 AS fault, value_text AS what, substr(key, 1, length(key) - 5) AS section
        FROM param WHERE key GLOB 'fault *.what'
), outage AS MATERIALIZED (
    SELECT o.what, f.unit, f.begins, f.t_ns AS t0, lead(f.t_ns) OVER (PARTITION BY f.fault, f.unit ORDER BY f.t_ns, f.rowid) AS t1
    FROM fault f JOIN fault_of o ON o.fault = f.fault
    WHERE o.what IN ('gpu', 'host') AND coalesce((SELECT value_num FROM param WHERE key = o.section || '.speed'), 0) = 0
), scaled AS (
    SELECT replica, what, t_ns AS t0, lead(t_ns) OVER (PARTITION BY replica ORDER BY rowid) AS t1 FROM scale
    UNION ALL SELECT e.id, 3, 0, min(c.t_ns) FROM replica e LEFT JOIN scale c ON c.replica = e.id
        WHERE EXISTS (SELECT 1 FROM scale) GROUP BY e.id
), away AS MATERIALIZED ( -- what keeps a replica from stepping: that it is not there (off), starts, is down, or KV on its way
    SELECT y.replica, max(y.t0, span.a) AS t0, min(coalesce(y.t1, span.b), span.b) AS t1, y.what <> 0 AS off,
           y.what = 0 AS starts, 0 AS down, 0 AS kv
    FROM span, scaled y WHERE y.what IN (0, 3, 4)
    UNION ALL
    SELECT e.id, max(o.t0, span.a), min(coalesce(o.t1, span.b), span.b), 0, 0, 1, 0
    FROM span, outage o, numbered p JOIN replica e ON e.pool = p.pool
    WHERE o.begins AND o.unit BETWEEN CASE WHEN o.what = 'gpu' THEN p.first_gpu + (e.id - p.first) * p.gpus
                                           ELSE p.first_node + (e.id - p.first) / p.each * p.nodes END
                              AND CASE WHEN o.what = 'gpu' THEN p.first_gpu + (e.id - p.first + 1) * p.gpus - 1
                                       ELSE p.first_node + (e.id - p.first) / p.each * p.nodes + p.nodes - 1 END
    UNION ALL
    SELECT x.replica, max(x.t_start_ns, span.a), min(x.t_end_ns, span.b), 0, 0, 0, 1 FROM span, transfer x
        JOIN move_kind k ON k.id = x.kind
    WHERE x.request IS NOT NULL AND x.replica IS NOT NULL AND x.replica NOT IN (SELECT id FROM member)
        AND ((x.up AND k.name IN ('restore', 'prefetch', 'handoff')) OR k.name = 'swap')
), pause AS MATERIALIZED ( -- steps, of replicas that these are about
    SELECT replica, max(lag(t_end_ns, 1, 0) OVER (PARTITION BY replica ORDER BY rowid), (SELECT a FROM span)) AS t0,
           t_start_ns AS t1
    FROM step WHERE replica IN (SELECT replica FROM away)
    UNION ALL SELECT y.replica, max(coalesce(max(s.t_end_ns), 0), span.a), span.b
              FROM span, (SELECT DISTINCT replica FROM away) y LEFT JOIN step s ON s.replica = y.replica GROUP BY y.replica
), edge AS (
    SELECT replica, t0 AS t, off, starts, down, kv, 0 AS free FROM away WHERE t0 < t1
    UNION ALL SELECT replica, t1, -off, -starts, -down, -kv, 0 FROM away WHERE t0 < t1
    UNION ALL SELECT replica, t0, 0, 0, 0, 0, 1 FROM pause WHERE t0 < t1
    UNION ALL SELECT replica, t1, 0, 0, 0, 0, -1 FROM pause WHERE t0 < t1
), segment AS (
    SELECT replica, lead(t) OVER o - t AS ns, sum(off) OVER o AS off, sum(starts) OVER o AS starts, sum(down) OVER o AS down,
           sum(kv) OVER o AS kv, sum(free) OVER o AS free
    FROM edge WINDOW o AS (PARTITION BY replica ORDER BY t ROWS UNBOUNDED PRECEDING)
), gap AS MATERIALIZED (
    SELECT replica, total(CASE what WHEN 1 THEN ns END) AS off_ns, total(CASE what WHEN 2 THEN ns END) AS start_ns,
           total(CASE what WHEN 3 THEN ns END) AS down_ns, total(CASE what WHEN 4 THEN ns END) AS kv_ns, sum(ns) AS ns
    FROM (SELECT *, CASE WHEN off > 0 THEN 1 WHEN starts > 0 THEN 2 WHEN down > 0 THEN 3 WHEN kv > 0 THEN 4 END AS what
        FROM segment WHERE free > 0 AND ns > 0)
    WHERE what IS NOT NULL GROUP BY replica
), kind AS MATERIALIZED ( -- 1 KV, 2 experts, 3 others
    SELECT id, name = 'step' AS own, name IN ('read', 'expert', 'table') AS need, name IN ('restore', 'prefetch') AS load,
           CASE WHEN name IN ('restore', 'prefetch', 'write', 'swap', 'read',
               'handoff') THEN 1 WHEN name = 'expert' THEN 2 ELSE 3 END AS what
    FROM move_kind
), mark AS MATERIALIZED ( -- what steps wait for and lose; loads: of a prompt that the step computes
    SELECT x.replica, x.t_end_ns AS t, x.t_start_ns AS t_start, k.need, k.what, NULL AS lost FROM transfer x
        JOIN kind k ON k.id = x.kind WHERE k.need
    UNION ALL SELECT p.replica, x.t_end_ns, x.t_start_ns, 0, k.what, NULL FROM kind k JOIN transfer x ON x.kind = k.id
                     JOIN prefill p ON p.request = x.request AND p.t_end_ns = x.t_end_ns WHERE k.load
    UNION ALL SELECT c.replica, c.t_ns, NULL, 0, b.what, c.lost_ns FROM contention c JOIN kind k ON k.id = c.kind
        JOIN kind b ON b.id = c.by_kind WHERE k.own
), line AS (
    SELECT replica, t_end_ns AS t, 1 AS ends, rowid AS step, NULL AS t_start, NULL AS need, NULL AS what, NULL AS lost FROM step
    WHERE replica IN (SELECT replica FROM mark)
    UNION ALL SELECT replica, t, 0, NULL, t_start, need, what, lost FROM mark
), placed AS ( -- in the step that ends next
    SELECT *, min(step) OVER (PARTITION BY replica ORDER BY t DESC, ends DESC ROWS UNBOUNDED PRECEDING) AS of_step FROM line
), told AS MATERIALIZED ( -- last: 10 where it began after the own work, + what it was
    SELECT CAST(p.of_step AS INTEGER) AS step, max(CASE WHEN p.lost IS NOT NULL THEN p.t END) AS own_t,
           max(CASE WHEN p.need AND p.t_start > s.t_start_ns THEN p.t_start END) AS after_t,
           max(CASE WHEN p.lost IS NULL AND p.t = s.t_end_ns THEN p.what + 10 * (p.need
               AND p.t_start > s.t_start_ns) END) AS last,
           total(p.lost) AS lost, total(CASE p.what WHEN 1 THEN p.lost END) AS by_kv,
               total(CASE p.what WHEN 2 THEN p.lost END) AS by_experts
    FROM placed p JOIN step s ON s.rowid = p.of_step
    WHERE p.ends = 0 AND p.t > s.t_start_ns AND (NOT p.need OR p.t_start >= s.t_start_ns) GROUP BY p.of_step
), cut AS ( -- own: of a step that says when its own work ended, else NULL
    SELECT s.replica, r.role, s.n_prefill, s.n_decode, s.prefill_tokens, s.t_end_ns - max(s.t_start_ns, span.a) AS ns,
           1.0 * (s.t_end_ns - max(s.t_start_ns, span.a)) / nullif(s.t_end_ns - s.t_start_ns, 0) AS f,
               s.t_end_ns - s.t_start_ns AS whole,
           coalesce(m.own_ns + coalesce(t.lost, 0.0),
                    coalesce(t.own_t, t.after_t, CASE WHEN t.last IS NULL THEN s.t_end_ns END) - s.t_start_ns) AS own, t.last % 10 AS what,
           m.own_ns IS NULL AS alone, coalesce(t.lost, 0.0) AS lost, coalesce(t.by_kv, 0.0) AS by_kv, coalesce(t.by_experts, 0.0) AS by_experts
    FROM span JOIN step s ON s.t_end_ns > span.a JOIN replica r ON r.id = s.replica LEFT JOIN told t ON t.step = s.rowid
        LEFT JOIN member_step m ON m.replica = s.replica AND m.t_end_ns = s.t_end_ns
), part AS (
    SELECT *, f * (own - min(lost, own)) AS own_ns, alone * f * (whole - own) AS wait_ns, f * min(1.0, own / nullif(lost, 0)) AS g,
           CASE WHEN n_prefill = 0 OR (role = 'decode'
               AND prefill_tokens = n_prefill) THEN 2 WHEN n_decode = 0 THEN 1 ELSE 3 END AS did
    FROM cut
), busy AS MATERIALIZED (
    SELECT replica, sum(ns) AS ns, total(CASE did WHEN 1 THEN own_ns END) AS prefill,
           total(CASE did WHEN 2 THEN own_ns END) AS decode,
           total(CASE did WHEN 3 THEN own_ns END) AS mixed, total(CASE WHEN own IS NULL THEN ns END) AS unsplit,
           total(CASE what WHEN 1 THEN wait_ns END) + total(g * by_kv) AS kv,
               total(CASE what WHEN 2 THEN wait_ns END) + total(g * by_experts) AS experts,
           total(CASE WHEN coalesce(what, 3) = 3 THEN wait_ns END) + total(g * (lost - by_kv - by_experts)) AS other
    FROM part GROUP BY replica
), slot AS (
    SELECT e.id AS replica, e.pool, e.gpus, p.pp, y.ns AS together_ns, span.moves, CAST(nullif(max(span.b - span.a, 0), 0) AS REAL) AS span_ns,
           b.*, coalesce(y.ns, b.ns) AS busy_ns, g.off_ns, g.start_ns, g.down_ns, g.kv_ns, g.ns AS gap_ns
    FROM span, replica e JOIN of_pool p ON p.pool = e.pool LEFT JOIN busy b ON b.replica = e.id LEFT
        JOIN gap g ON g.replica = e.id LEFT JOIN together y ON y.of = e.first_member
)
SELECT replica, pool, gpus, span_ns / 1e9 AS window_s, coalesce(prefill, 0) / span_ns AS prefill,
       coalesce(decode, 0) / span_ns AS decode,
       coalesce(mixed, 0) / span_ns AS mixed,
       CASE WHEN moves THEN (coalesce(kv, 0) + coalesce(kv_ns, 0)) / span_ns END AS waiting_kv,
       CASE WHEN moves THEN coalesce(experts, 0) / span_ns END AS waiting_experts,
       CASE WHEN moves THEN coalesce(other, 0) / span_ns END AS waiting_other,
       CASE WHEN moves THEN coalesce(unsplit, 0) / span_ns END AS unsplit,
       CASE WHEN together_ns IS NOT NULL THEN (together_ns - coalesce(prefill + decode + mixed + kv + experts + other, 0)) / span_ns
            WHEN pp = 1 THEN 0.0 END AS bubble, coalesce(off_ns, 0) / span_ns AS absent,
           coalesce(start_ns, 0) / span_ns AS starting,
       coalesce(down_ns, 0) / span_ns AS down, (span_ns - coalesce(busy_ns, 0) - coalesce(gap_ns, 0)) / span_ns AS idle
FROM slot;
INSERT INTO doc VALUES
    ('v_gpu_slots', NULL, 'what the GPUs of each replica did with the time from warm-up to the end, in shares that add up to 1 (log level step or all)'),
    ('v_gpu_slots', 'window_s', 'that time'),
    ('v_gpu_slots', 'prefill', 'own work of steps that computed prompts only; decode, mixed: kinds as in v_batch_composition. At log level step with what they waited for'),
    ('v_gpu_slots', 'waiting_kv', 'steps longer for transfers of KV (restores, reads in place, others at its port), and no step while KV of its requests was on its way; log all'),
    ('v_gpu_slots', 'waiting_experts', 'steps longer for expert weights; log all'),
    ('v_gpu_slots', 'waiting_other', 'steps longer for rows of tables, weights of a replica that starts, background load; log all'),
    ('v_gpu_slots', 'unsplit', 'steps that ended with something they waited for, and of whose own work no end is recorded: up to that much more waiting; log all'),
    ('v_gpu_slots', 'bubble', 'of ranks and micro-batches that are apart: not at work while another of their replica is in a step. Else 0 without pipeline stages; NULL with them: not recorded, in the shares of steps'),
    ('v_gpu_slots', 'absent', '[autoscale] had no replica there; starting: it started, and its weights loaded'),
    ('v_gpu_slots', 'down', 'by faults of a gpu or a host; others count as idle'),
    ('v_gpu_slots', 'idle', 'no step and nothing of the above; steps that never ended (cut at the horizon, lost to a fault) too');

-- Agents (workload/agents.h). A task's path is the chain of calls, tools and sub-agents that determined its end; its parts add up
-- to its time.
CREATE VIEW v_agent_step AS
SELECT s.task, t.class, c.name AS class_name, s.branch, a.name AS agent_name, s.parent, s.parent_step, s.step, s.compaction,
       s.request, s.answered, s.t_start_ns, (s.t_end_ns - s.t_start_ns) / 1e6 AS step_ms,
       s.retry_ns / 1e6 AS retry_ms, s.queue_ns / 1e6 AS queue_ms, s.restore_ns / 1e6 AS restore_ms,
       s.prefill_ns / 1e6 AS prefill_ms, s.handoff_ns / 1e6 AS handoff_ms, s.decode_ns / 1e6 AS decode_ms,
       s.tool_ns / 1e6 AS tool_ms, s.join_ns / 1e6 AS join_ms, s.join_branch, s.tool_calls, s.subs,
       s.input_tokens, s.repeated_tokens, s.hit_tokens, s.output_tokens, s.reasoning_tokens,
       s.alone_ns / 1e6 AS alone_ms, 1.0 * (s.t_call_end_ns - s.t_start_ns) / s.alone_ns AS slowdown
FROM agent_step s JOIN agent a ON a.id = s.agent LEFT JOIN (SELECT id, class FROM agent_task) t ON t.id = s.task
     LEFT JOIN class c ON c.id = t.class;
INSERT INTO doc VALUES
    ('v_agent_step', NULL, 'LLM calls of agents with what followed them: step = retry + queue + restore + prefill + handoff + decode + tool + join'),
    ('v_agent_step', 'class', 'NULL where its task has not ended'),
    ('v_agent_step', 'slowdown', 'time of the call over what it takes on an idle machine');

CREATE VIEW v_agent_task AS
SELECT t.id AS task, t.class, c.name AS class_name, a.name AS agent_name, t.session, t.number,
       t.answered, t.t_start_ns >= u.warmup_ns AS counted, t.steps, t.calls, t.tool_calls, t.subs, t.compactions,
       (t.t_end_ns - t.t_start_ns) / 1e6 AS task_ms, t.path_retry_ns / 1e6 AS retry_ms, t.path_queue_ns / 1e6 AS queue_ms,
       t.path_restore_ns / 1e6 AS restore_ms, t.path_prefill_ns / 1e6 AS prefill_ms, t.path_handoff_ns / 1e6 AS handoff_ms,
       t.path_decode_ns / 1e6 AS decode_ms, t.path_tool_ns / 1e6 AS tool_ms,
       (t.path_alone_ns + t.path_tool_ns) / 1e6 AS alone_ms,
       1.0 * (t.t_end_ns - t.t_start_ns) / (t.path_alone_ns + t.path_tool_ns) AS slowdown,
       t.deadline_ns / 1e6 AS deadline_ms, t.answered AND t.t_end_ns - t.t_start_ns <= t.deadline_ns AS in_time,
       1.0 * (t.path_tokens - t.path_calls) AS slower_token_ms, 0.1 * t.path_tool_ns / 1e6 AS slower_tools_ms,
       (t.path_queue_ns + t.path_retry_ns) / 1e6 AS without_queue_ms
FROM run u, agent_task t JOIN agent a ON a.id = t.agent LEFT JOIN class c ON c.id = t.class;
INSERT INTO doc VALUES
    ('v_agent_task', NULL, 'tasks of agents: task = retry + queue + restore + prefill + handoff + decode + tool, each on the task''s path'),
    ('v_agent_task', 'alone_ms', 'its path on an idle machine: its calls alone, its tools'),
    ('v_agent_task', 'slower_token_ms', 'what if: so much longer, at least, if every token after a call''s first took 1 ms more'),
    ('v_agent_task', 'slower_tools_ms', 'what if: so much longer, at least, if tools took 10 % more'),
    ('v_agent_task', 'without_queue_ms', 'what if: so much shorter, at most, without queueing and retries (another path may then be the longest)');

CREATE VIEW v_critical_path AS
WITH RECURSIVE chain(task, branch) AS (
    SELECT id, 0 FROM agent_task
    UNION ALL
    SELECT s.task, s.join_branch FROM chain c JOIN agent_step s ON s.task = c.task AND s.branch = c.branch
    WHERE s.join_branch IS NOT NULL
)
SELECT s.task, row_number() OVER (PARTITION BY s.task ORDER BY s.t_start_ns, s.branch) - 1 AS place,
       s.branch, a.name AS agent_name, s.step, s.compaction, s.request, s.t_start_ns,
       (s.t_call_end_ns - s.t_start_ns) / 1e6 AS call_ms, s.retry_ns / 1e6 AS retry_ms, s.queue_ns / 1e6 AS queue_ms,
       s.restore_ns / 1e6 AS restore_ms, s.prefill_ns / 1e6 AS prefill_ms, s.handoff_ns / 1e6 AS handoff_ms,
       s.decode_ns / 1e6 AS decode_ms, CASE WHEN s.join_branch IS NULL THEN s.tool_ns / 1e6 ELSE 0.0 END AS tool_ms,
       s.alone_ns / 1e6 AS alone_ms, s.output_tokens
FROM chain c JOIN agent_step s ON s.task = c.task AND s.branch = c.branch JOIN agent a ON a.id = s.agent;
INSERT INTO doc VALUES
    ('v_critical_path', NULL, 'the steps on each task''s path, in order: their call_ms and tool_ms add up to the task''s time'),
    ('v_critical_path', 'place', 'in the path, from 0'),
    ('v_critical_path', 'tool_ms', '0 where the step waited for a sub-agent: that one''s steps are in the path instead');

-- Percentiles are linear between ranks (type 7). Steps are the agent's own, sub-agents in their joins.
CREATE VIEW v_agent_compounding AS
WITH RECURSIVE bin(lo) AS (SELECT 1 UNION ALL SELECT 2 * lo FROM bin WHERE lo < 1 << 20),
t AS MATERIALIZED (
    SELECT class, b.lo, steps, task_ms, alone_ms, row_number() OVER w - 1 AS rank, count(*) OVER (PARTITION BY class, b.lo) AS n
    FROM v_agent_task JOIN bin b ON steps >= b.lo AND steps < 2 * b.lo WHERE answered AND counted
    WINDOW w AS (PARTITION BY class, b.lo ORDER BY task_ms)
), s AS MATERIALIZED (
    SELECT s.class, step_ms, row_number() OVER w - 1 AS rank, count(*) OVER (PARTITION BY s.class) AS n
    FROM v_agent_step s JOIN v_agent_task k ON k.task = s.task WHERE k.answered AND k.counted AND s.branch = 0
    WINDOW w AS (PARTITION BY s.class ORDER BY step_ms)
), each AS MATERIALIZED (
    SELECT class, avg(step_ms) AS mean, avg(step_ms * step_ms) - avg(step_ms) * avg(step_ms) AS variance,
           total(step_ms * max(0, 1 - abs(0.5 * (n - 1) - rank))) AS p50,
           total(step_ms * max(0, 1 - abs(0.99 * (n - 1) - rank))) AS p99
    FROM s GROUP BY class
), g AS (
    SELECT class, lo, n AS tasks, avg(steps) AS steps, avg(steps * steps) - avg(steps) * avg(steps) AS steps_variance,
           avg(task_ms) AS mean_ms, avg(task_ms * task_ms) - avg(task_ms) * avg(task_ms) AS variance, avg(alone_ms) AS alone_ms,
           total(task_ms * max(0, 1 - abs(0.5 * (n - 1) - rank))) AS p50_ms,
           total(task_ms * max(0, 1 - abs(0.9 * (n - 1) - rank))) AS p90_ms,
           total(task_ms * max(0, 1 - abs(0.99 * (n - 1) - rank))) AS p99_ms
    FROM t GROUP BY class, lo
)
SELECT g.class, c.name AS class_name, g.lo AS steps_from, 2 * g.lo - 1 AS steps_to, g.tasks, g.steps AS mean_steps,
       g.mean_ms, g.p50_ms, g.p90_ms, g.p99_ms, g.alone_ms AS mean_alone_ms, g.mean_ms / g.alone_ms AS slowdown,
       g.steps * e.p50 AS p50_of_steps_ms, g.steps * e.p99 AS p99_of_steps_ms,
       g.steps * e.mean AS mean_of_steps_ms,
       g.steps * e.mean + 1.2815515655446004 * sqrt(max(0, g.steps * e.variance + g.steps_variance * e.mean * e.mean)) AS p90_if_independent_ms,
       g.steps * e.mean + 2.3263478740408408 * sqrt(max(0, g.steps * e.variance + g.steps_variance * e.mean * e.mean)) AS p99_if_independent_ms,
       g.variance / nullif(g.steps * e.variance + g.steps_variance * e.mean * e.mean, 0) AS variance_ratio
FROM g JOIN each e ON e.class = g.class LEFT JOIN class c ON c.id = g.class;
INSERT INTO doc VALUES
    ('v_agent_compounding', NULL, 'how the time of a task grows with its number of steps: tasks that began after warm-up and were answered, by powers of two of their steps'),
    ('v_agent_compounding', 'tasks', 'how many there are: a p99 of fewer than some hundred is their maximum'),
    ('v_agent_compounding', 'p50_of_steps_ms', 'median time of all steps of the class, times mean_steps'),
    ('v_agent_compounding', 'p99_of_steps_ms', 'their 99th percentile, times mean_steps: as if all steps of a task were slow together'),
    ('v_agent_compounding', 'p99_if_independent_ms', 'if steps were independent: mean + 2.33 standard deviations of a sum of so many, by the normal law (too low for few steps with a heavy tail)'),
    ('v_agent_compounding', 'variance_ratio', 'variance of the time over that of independent steps: above 1, slow steps come together in a task');

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
           max(CASE name WHEN 'steps_running' THEN value END) AS stepping,
           max(CASE name WHEN 'member_busy_ns' THEN value END) AS member_busy,
           max(CASE name WHEN 'member_own_ns' THEN value END) AS member_own
    FROM counter
), g AS ( -- agents: the model's counts
    SELECT max(CASE name WHEN 'agent_tasks_begun' THEN value END) AS tasks, max(CASE name WHEN 'agent_tasks_ended' THEN value END) AS tasks_ended,
           max(CASE name WHEN 'agent_tasks_live' THEN value END) AS tasks_live, max(CASE name WHEN 'agent_calls_begun' THEN value END) AS calls,
           max(CASE name WHEN 'agent_calls_ended' THEN value END) AS calls_ended, max(CASE name WHEN 'agent_calls_live' THEN value END) AS calls_live,
           max(CASE name WHEN 'agent_steps_joining' THEN value END) AS joining, max(CASE name WHEN 'agent_tool_calls' THEN value END) AS tool_calls
    FROM counter
), p AS ( -- and the rows
    SELECT count(*) AS steps, coalesce(sum(t_end_ns - t_start_ns <> retry_ns + queue_ns + restore_ns + prefill_ns + handoff_ns
                                           + decode_ns + tool_ns + join_ns), 0) AS wrong
    FROM agent_step
), a AS (
    SELECT count(*) AS tasks, coalesce(sum(t_end_ns - t_start_ns <> path_retry_ns + path_queue_ns + path_restore_ns + path_prefill_ns
                                           + path_handoff_ns + path_decode_ns + path_tool_ns), 0) AS wrong
    FROM agent_task
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
           coalesce(sum(n_decode), 0) + (SELECT coalesce(sum(tokens - sequences), 0) FROM speculation) AS decoded
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
), member AS MATERIALIZED ( -- of replicas that have several
    SELECT id, first_member AS of, count(*) OVER (PARTITION BY first_member) AS n FROM replica
        WHERE first_member IN (SELECT first_member FROM replica GROUP BY first_member HAVING count(*) > 1)
), together AS (
    SELECT m.n, max(s.t_end_ns - max(s.t_start_ns, lag(s.t_end_ns, 1, 0) OVER (PARTITION BY m.of ORDER BY s.rowid)), 0) AS ns
    FROM step s JOIN member m ON m.id = s.replica
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
    UNION ALL SELECT 'steps of members = rows of step beside them', (SELECT count(*) FROM member_step),
                     (SELECT count(*) FROM step s JOIN member m ON m.id = s.replica) FROM l WHERE steps AND EXISTS (SELECT 1 FROM member)
    UNION ALL SELECT 'own work of members = rows of member_step (ns)', member_own, (SELECT coalesce(sum(own_ns), 0) FROM member_step)
              FROM k, l WHERE steps
    UNION ALL SELECT 'time of members in and beside steps = rows of step (ns)', member_busy, (SELECT coalesce(sum(n * ns), 0) FROM together)
              FROM k, l WHERE steps
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
    UNION ALL SELECT 'agents: tasks begun = ended + live', tasks, tasks_ended + tasks_live FROM g
    UNION ALL SELECT 'agents: LLM calls begun = ended + live', calls, calls_ended + calls_live FROM g
    UNION ALL SELECT 'agents: tasks ended = rows of agent_task', g.tasks_ended, a.tasks FROM g, a, l WHERE requests
    UNION ALL SELECT 'agents: LLM calls ended = rows of agent_step + steps that wait for sub-agents', g.calls_ended, p.steps + g.joining
              FROM g, p, l WHERE requests
    UNION ALL SELECT 'agents: tool calls = rows of tool_call', tool_calls, (SELECT count(*) FROM tool_call) FROM g, l WHERE events
    UNION ALL SELECT 'agents: steps whose parts are not their time = 0', p.wrong, 0 FROM g, p, l WHERE requests AND g.tasks IS NOT NULL
    UNION ALL SELECT 'agents: tasks whose path is not their time = 0', a.wrong, 0 FROM g, a, l WHERE requests AND g.tasks IS NOT NULL
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
