-- slots.sql - What GPU slots did, by time. What holds for all views stands in requests.sql.

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
    ('v_gpu_slots', NULL, 'what the GPUs of each replica did with the time from warm-up to the end, in shares that add up to 1 (log level step or all; what steps waited for is NULL at step)'),
    ('v_gpu_slots', 'window_s', 'that time'),
    ('v_gpu_slots', 'prefill', 'own work of steps that computed prompts only; decode, mixed: kinds as in v_batch_composition. At log level step with what they waited for'),
    ('v_gpu_slots', 'waiting_kv', 'steps longer for transfers of KV (restores, reads in place, others at its port), and no step while KV of its requests was on its way; log level all'),
    ('v_gpu_slots', 'waiting_experts', 'steps longer for expert weights; log level all'),
    ('v_gpu_slots', 'waiting_other', 'steps longer for rows of tables, weights of a replica that starts, background load; log level all'),
    ('v_gpu_slots', 'unsplit', 'steps that ended with something they waited for, and of whose own work no end is recorded: up to that much more waiting; log level all'),
    ('v_gpu_slots', 'bubble', 'of ranks and micro-batches that are apart: not at work while another of their replica is in a step. Else 0 without pipeline stages; NULL with them: not recorded, in the shares of steps'),
    ('v_gpu_slots', 'absent', '[autoscale] had no replica there; starting: it started, and its weights loaded'),
    ('v_gpu_slots', 'down', 'by faults of a gpu or a host; others count as idle'),
    ('v_gpu_slots', 'idle', 'no step and nothing of the above; steps that never ended (cut at the horizon, lost to a fault) too');
