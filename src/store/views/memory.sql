-- memory.sql - Memories, transfers, what waited for them. What holds for all views stands in requests.sql.

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
    ('v_tier', 'bytes_in', 'of transfers that ended there, begun after warm-up; log level all, as the columns up to evicted_bytes'),
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
    ('v_hit_rate', 'tokens', 'found there; of all tiers: log level all'),
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
