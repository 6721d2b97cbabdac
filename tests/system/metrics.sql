-- metrics.sql - every metric of a results file (log level all), from its rows alone, by the definitions of
-- src/report/collect.h. Prints one line for each that differs from the table metric by more than 1e-9 of itself, or
-- that only one of the two has; then how many were compared.

CREATE TEMP VIEW param AS
SELECT warmup_ns AS w, t_end_ns AS t_end, max(t_end_ns - warmup_ns, 0) / 1e9 AS T,
       (SELECT count(DISTINCT first_member) FROM replica) AS replicas, (SELECT count(*) FROM replica) AS members,
       (SELECT sum(gpus) FROM replica) AS gpus
FROM run;

-- Requests that count, once under their class and once under NULL (all).
CREATE TEMP TABLE q AS
SELECT r.*, c.slo_ttft_ns IS NOT NULL OR c.slo_tpot_ns IS NOT NULL OR c.slo_e2el_ns IS NOT NULL AS has_slo,
       r.status = 'completed' AND r.t_first_ns - r.t_call_ns <= coalesce(c.slo_ttft_ns, 9e18)
           AND r.t_end_ns - r.t_call_ns <= coalesce(c.slo_e2el_ns, 9e18)
           AND (r.output_tokens = 1 OR r.t_end_ns - r.t_first_ns <= coalesce(c.slo_tpot_ns, 9e12) * (r.output_tokens - 1)) AS met
FROM request r JOIN class c ON c.id = r.class, param WHERE r.t_arrive_ns >= w AND r.t_end_ns IS NOT NULL;
CREATE TEMP TABLE tally AS
WITH part AS (SELECT class, * FROM q UNION ALL SELECT NULL, * FROM q)
SELECT k.id AS class, coalesce(sum(p.status = 'completed'), 0) AS completed, coalesce(sum(p.status <> 'completed' AND NOT p.retried), 0) AS failed,
       coalesce(sum(p.status = 'rejected'), 0) AS rejected, coalesce(sum(p.status = 'timed_out'), 0) AS timed_out,
       coalesce(sum(p.retried), 0) AS retried,
       coalesce(sum(p.met), 0) AS met,
       coalesce(sum(CASE p.status WHEN 'completed' THEN p.input_tokens END), 0) AS tokens_in,
       coalesce(sum(CASE p.status WHEN 'completed' THEN p.output_tokens END), 0) AS tokens_out,
       EXISTS (SELECT 1 FROM class c WHERE (k.id IS NULL OR c.id = k.id)
               AND (c.slo_ttft_ns IS NOT NULL OR c.slo_tpot_ns IS NOT NULL OR c.slo_e2el_ns IS NOT NULL)) AS has_slo
FROM (SELECT id FROM class UNION ALL SELECT NULL) k LEFT JOIN part p ON p.class IS k.id
GROUP BY k.id;

-- Values with how often each stands: all latencies as one table.
CREATE TEMP TABLE value AS
WITH v(class, family, x, n) AS (
    SELECT class, 'ttft', t_first_ns - t_arrive_ns, 1 FROM q WHERE status = 'completed'
    UNION ALL SELECT class, 'e2el', t_end_ns - t_arrive_ns, 1 FROM q WHERE status = 'completed'
    UNION ALL SELECT class, 'queue', t_admit_ns - t_arrive_ns, 1 FROM q WHERE status = 'completed'
    UNION ALL SELECT class, 'tpot', 1.0 * (t_end_ns - t_first_ns) / (output_tokens - 1), 1 FROM q
              WHERE status = 'completed' AND output_tokens > 1
)
SELECT class, family, x, sum(n) AS n FROM v GROUP BY 1, 2, 3
UNION ALL SELECT NULL, family, x, sum(n) FROM v GROUP BY 2, 3
UNION ALL SELECT NULL, 'itl', x, sum(n) FROM (
    SELECT gap_ns AS x, n_decode AS n FROM step, param WHERE t_start_ns >= w AND n_decode > 0
    UNION ALL SELECT gap_ns, 1 FROM resume, param WHERE t_ns >= w) GROUP BY 3;
-- Ranks lo .. hi - 1 hold x.
CREATE TEMP TABLE ranked AS
SELECT *, sum(n) OVER w AS hi, sum(n) OVER w - n AS lo, sum(n) OVER (PARTITION BY class, family) AS total
FROM value WINDOW w AS (PARTITION BY class, family ORDER BY x ROWS UNBOUNDED PRECEDING);
CREATE TEMP TABLE moment AS
SELECT class, family, total, total(x * 1.0 * n) / total AS mean FROM ranked GROUP BY class, family;

-- The memories (report/collect_memory.h), where there is more than HBM without a prefix cache.
CREATE TEMP TABLE memory AS
WITH done AS (SELECT count(*) AS n, sum(input_tokens) AS tokens, sum(hit_tokens) AS hit_tokens, sum(blocks) AS blocks,
                sum(hit_blocks) AS hit_blocks, sum(restore_ns) AS restore_ns FROM q WHERE status = 'completed'),
hits AS (SELECT h.tier, sum(h.blocks) AS blocks, sum(h.tokens) AS tokens, sum(h.bytes) AS bytes
         FROM hit h JOIN q ON q.id = h.request WHERE q.status = 'completed' GROUP BY h.tier),
moves AS (SELECT x.* FROM transfer x, param WHERE t_start_ns >= w),
evicted AS (SELECT tier, sum(blocks) AS blocks, sum(bytes) AS bytes FROM evict, param WHERE t_ns >= w GROUP BY tier),
written AS (SELECT tier, sum(bytes) AS bytes, max(bytes) AS most
            FROM (SELECT tier, unit, sum(delivered) AS bytes FROM moves WHERE up = 0 GROUP BY tier, unit) GROUP BY tier),
wear AS (SELECT t.*, coalesce(most, 0) * write_amplification / hardware_bytes / (T / 86400) AS per_day
         FROM param, tier t LEFT JOIN written ON written.tier = t.id),
lost AS (SELECT kind, port, by_kind, sum(lost_ns) AS ns FROM contention, param WHERE t_ns >= w GROUP BY 1, 2, 3)
SELECT 'prefix_hit_rate' AS name, 1.0 * hit_tokens / tokens AS value FROM done, tier WHERE id = 0 AND caches
UNION ALL SELECT 'prefix_block_hit_rate', 1.0 * hit_blocks / nullif(blocks, 0) FROM done, tier WHERE id = 0 AND caches
UNION ALL SELECT 'mean_restore_ms', restore_ns / 1e6 / n FROM done, tier WHERE id = 0 AND caches
UNION ALL SELECT 'hit_blocks/' || name, coalesce(blocks, 0) FROM tier LEFT JOIN hits ON tier = id WHERE caches
UNION ALL SELECT 'hit_tokens/' || name, coalesce(tokens, 0) FROM tier LEFT JOIN hits ON tier = id WHERE caches
UNION ALL SELECT 'hit_bytes/' || name, coalesce(bytes, 0) FROM tier LEFT JOIN hits ON tier = id WHERE caches
UNION ALL SELECT 'hit_rate/' || name, 1.0 * coalesce(hits.tokens, 0) / done.tokens FROM done, tier LEFT JOIN hits ON tier = id WHERE caches
UNION ALL SELECT 'transfers/' || name, count(*) FROM moves m JOIN move_kind k ON k.id = m.kind GROUP BY k.id
UNION ALL SELECT 'moved_bytes/' || name, sum(delivered) FROM moves m JOIN move_kind k ON k.id = m.kind GROUP BY k.id
UNION ALL SELECT 'evicted_blocks/' || name, coalesce(blocks, 0) FROM tier LEFT JOIN evicted ON tier = id WHERE caches
UNION ALL SELECT 'evicted_bytes/' || name, coalesce(bytes, 0) FROM tier LEFT JOIN evicted ON tier = id WHERE caches
UNION ALL SELECT 'written_bytes/' || name, coalesce(bytes, 0) FROM tier LEFT JOIN written ON tier = id WHERE id > 0
UNION ALL SELECT 'drive_writes_per_day/' || name, per_day FROM wear WHERE kind = 'nand'
UNION ALL SELECT 'drive_life_years/' || name, drive_writes_per_day * warranty_years / nullif(per_day, 0) FROM wear WHERE kind = 'nand'
UNION ALL SELECT 'steps_slowed_share',
              (SELECT total(lost_ns) FROM v_step_contention, param WHERE t_end_ns >= w)
                  / (SELECT total(t_end_ns - t_start_ns) FROM step, param WHERE t_end_ns >= w)
          WHERE EXISTS (SELECT 1 FROM port)
UNION ALL SELECT 'itl_contention_ms', (SELECT total(n_decode * lost_ns) FROM v_step_contention WHERE counted) / 1e6 / n
          FROM (SELECT total(n_decode) AS n FROM step, param WHERE t_start_ns >= w) WHERE EXISTS (SELECT 1 FROM port)
UNION ALL SELECT 'itl_contention_ms/' || kind || '/' || port || '/' || by_kind, total(c.n_decode * lost_ns) / 1e6 / n
          FROM v_step_contention c, (SELECT total(n_decode) AS n FROM step, param WHERE t_start_ns >= w) WHERE counted
          GROUP BY kind, port, by_kind HAVING total(c.n_decode * lost_ns) > 0
UNION ALL SELECT 'contention_s/' || k.name || '/' || p.name || coalesce('.' || p.direction, '') || '/' || b.name, sum(l.ns) / 1e9
          FROM lost l JOIN move_kind k ON k.id = l.kind JOIN move_kind b ON b.id = l.by_kind JOIN port p ON p.id = l.port
          GROUP BY k.id, p.name, p.direction, b.id HAVING sum(l.ns) > 0;
DELETE FROM memory WHERE (SELECT count(*) = 1 AND NOT max(caches) FROM tier);

-- The verdict (report/verdict.h): times in bins whose width is the least 2^k ns, k >= 20, so that the last is below 4096.
CREATE TEMP TABLE happened AS
WITH least AS (SELECT CAST(round(1e9 * min(value_num) FILTER (WHERE key GLOB 'engine*.request_latency')) AS INTEGER) AS latency,
                      CAST(round(1e9 * min(value_num) FILTER (WHERE key GLOB 'engine*.request_service')) AS INTEGER) AS service,
                      CAST(round(1e9 * min(value_num) FILTER (WHERE key GLOB 'engine*.token_service')) AS INTEGER) AS token FROM run_param),
q AS (SELECT *, t_arrive_ns + latency + service + input_tokens * token AS t_to_queue, coalesce(t_admit_ns, t_end_ns) AS t_from_queue
      FROM request, least),
waits AS (SELECT * FROM q WHERE status <> 'rejected' AND (t_from_queue IS NULL OR t_from_queue > t_to_queue))
SELECT t_arrive_ns AS t, 1 AS offered, 0 AS answered, 0 AS waiting, 0 AS in_system, 0 AS sojourn FROM q WHERE attempt = 0
UNION ALL SELECT t_arrive_ns, 0, 0, 0, 1, 0 FROM q WHERE status <> 'rejected'
UNION ALL SELECT t_to_queue, 0, 0, 1, 0, 0 FROM waits
UNION ALL SELECT t_from_queue, 0, 0, -1, 0, 0 FROM waits WHERE t_from_queue IS NOT NULL
UNION ALL SELECT t_end_ns, 0, status = 'completed', 0, -1, (status = 'completed') * (t_end_ns - t_call_ns)
          FROM q WHERE status <> 'rejected' AND t_end_ns IS NOT NULL;
CREATE TEMP TABLE clock AS
WITH RECURSIVE k(width) AS (SELECT 1048576 UNION ALL SELECT 2 * width FROM k WHERE (SELECT max(t) FROM happened) / width >= 4096),
widest AS (SELECT max(width) AS width FROM k),
s AS (SELECT width, coalesce(total(sojourn) / sum(answered), 0) AS s FROM happened h, widest, param
      WHERE h.t / width >= min(CAST(1.0 * w / width + 0.5 AS INTEGER), 4096)),
ends AS (SELECT (SELECT width FROM widest) AS width, coalesce((SELECT s FROM s), 0) AS s, max(t) AS last FROM happened WHERE offered)
SELECT width, s, last, w, min(last + s, t_end) AS stop, last >= w AS any FROM ends, param;
CREATE TEMP TABLE edges AS
WITH e AS (SELECT *, CAST(1.0 * w / width + 0.5 AS INTEGER) AS first, CAST((1.0 * w + stop) / 2 / width + 0.5 AS INTEGER) AS middle,
                  CAST(1.0 * stop / width + 0.5 AS INTEGER) AS final, CAST(1.0 * s / width + 0.5 AS INTEGER) AS shift,
                  CAST(1.0 * min(last, stop) / width + 0.5 AS INTEGER) AS arrived FROM clock),
f AS (SELECT *, max(arrived, first + 1) AS came FROM e)
SELECT *, min(came - (came - first) / 4, came - 1) AS quarter FROM f;
CREATE TEMP TABLE verdict AS
WITH n AS (SELECT total(offered * (t / width >= max(middle - shift, 0) AND t / width < max(final - shift, 0))) AS a,
                  total(answered * (t / width >= middle AND t / width < final)) AS c,
                  total(1.0 * waiting * max(min(came, 4096) - max(quarter, t / width), 0)) / (min(came, 4096) - quarter) AS q,
                  total(1.0 * in_system * max(min(came, 4096) - max(quarter, t / width), 0)) / (min(came, 4096) - quarter) AS n,
                  edges.* FROM happened, edges)
SELECT CASE WHEN NOT any THEN 0 WHEN last - w >= s AND a - c > 3 * sqrt(a + c) AND a - c > a / 50 THEN 2
            WHEN q > sqrt(a + c) / 2 AND q > n / 10 THEN 1 ELSE 0 END AS verdict,
       CASE WHEN any THEN a / ((final - middle) * width * 1e-9) END AS offered,
       CASE WHEN any THEN c / ((final - middle) * width * 1e-9) END AS answered, CASE WHEN any THEN q ELSE 0 END AS waiting FROM n;
CREATE TEMP VIEW present AS
SELECT CASE count(scale.t_ns) WHEN 0 THEN T * replicas
       ELSE sum(CASE what WHEN 0 THEN 1 WHEN 3 THEN -1 WHEN 4 THEN -1 ELSE 0 END * max(t_end - max(t_ns, w), 0)) / 1e9 END AS s
FROM param LEFT JOIN scale ON true;
CREATE TEMP VIEW pools AS
WITH n AS (SELECT pool, count(*) AS replicas FROM replica GROUP BY pool),
handed AS (SELECT count(*) AS n, sum(handoff_ns) AS handoff, sum(t_first_ns - t_arrive_ns) AS ttft FROM request, param
           WHERE status = 'completed' AND t_arrive_ns >= w AND prefill_replica IS NOT NULL),
s AS (SELECT e.pool, total(x.t_end_ns - x.t_start_ns) AS busy, total(1.0 * x.n_decode * (x.t_end_ns - x.t_start_ns)) AS decode
      FROM param, replica e LEFT JOIN step x ON x.replica = e.id AND x.t_start_ns >= w GROUP BY e.pool),
all_of AS (SELECT 'utilisation/' || s.pool AS name, busy / 1e9 / (T * n.replicas) AS value FROM s JOIN n ON n.pool = s.pool, param
    UNION ALL SELECT 'mean_batch/' || pool, decode / nullif(busy, 0) FROM s
    UNION ALL SELECT 'handed', n FROM handed
    UNION ALL SELECT 'mean_handoff_ms', 1.0 * handoff / n / 1e6 FROM handed
    UNION ALL SELECT 'handoff_share', 1.0 * handoff / ttft FROM handed)
SELECT name, value FROM all_of WHERE (SELECT count(*) FROM n) > 1;
-- Tasks of agents (report/collect_agents.h).
CREATE TEMP TABLE agents AS
WITH k AS (SELECT *, t_end_ns - t_start_ns AS x FROM agent_task, param WHERE t_start_ns >= w),
t AS (SELECT * FROM k WHERE answered),
r AS (SELECT x, row_number() OVER (ORDER BY x) - 1 AS i, count(*) OVER () AS n FROM t),
p(name, p) AS (VALUES ('median_task_ms', 0.5), ('p90_task_ms', 0.9), ('p99_task_ms', 0.99)),
part(name, ns) AS (SELECT 'retry', sum(path_retry_ns) FROM t UNION ALL SELECT 'queue', sum(path_queue_ns) FROM t
    UNION ALL SELECT 'restore', sum(path_restore_ns) FROM t UNION ALL SELECT 'prefill', sum(path_prefill_ns) FROM t
    UNION ALL SELECT 'handoff', sum(path_handoff_ns) FROM t UNION ALL SELECT 'decode', sum(path_decode_ns) FROM t
    UNION ALL SELECT 'tool', sum(path_tool_ns) FROM t)
SELECT 'agent_tasks' AS name, (SELECT count(*) FROM t) AS value
UNION ALL SELECT 'agent_tasks_failed', count(*) FROM k WHERE NOT answered
UNION ALL SELECT 'agent_attainment', 1.0 * sum(answered AND x <= deadline_ns) / nullif(count(deadline_ns), 0) FROM k
UNION ALL SELECT 'mean_task_ms', avg(x) / 1e6 FROM t
UNION ALL SELECT name, sum(x * max(0, 1 - abs(p * (n - 1) - i))) / 1e6 FROM p LEFT JOIN r GROUP BY name
UNION ALL SELECT 'mean_task_steps', avg(steps) FROM t
UNION ALL SELECT 'task_slowdown', 1.0 * sum(x) / sum(path_alone_ns + path_tool_ns) FROM t
UNION ALL SELECT 'task_share/' || name, 1.0 * ns / (SELECT sum(x) FROM t) FROM part;
DELETE FROM agents WHERE NOT EXISTS (SELECT 1 FROM agent_task, param WHERE t_start_ns >= w);
CREATE TEMP TABLE again AS
WITH p(stat, p) AS (VALUES ('median', 0.5), ('p90', 0.9), ('p95', 0.95), ('p99', 0.99)),
index_of AS (SELECT m.class, m.family, p.stat, CAST(p.p * (m.total - 1) AS INTEGER) AS i,
                    p.p * (m.total - 1) - CAST(p.p * (m.total - 1) AS INTEGER) AS d FROM moment m, p)
SELECT i.class, i.stat || '_' || i.family || '_ms' AS name,
       sum(r.x * ((1 - i.d) * (r.lo <= i.i AND i.i < r.hi) + i.d * (r.lo <= i.i + 1 AND i.i + 1 < r.hi))) / 1e6 AS value
FROM index_of i JOIN ranked r ON r.class IS i.class AND r.family = i.family AND r.lo <= i.i + 1 AND r.hi > i.i
GROUP BY i.class, i.family, i.stat
UNION ALL SELECT class, 'mean_' || family || '_ms', mean / 1e6 FROM moment
UNION ALL SELECT m.class, 'std_' || m.family || '_ms', sqrt(total((r.x - m.mean) * (r.x - m.mean) * r.n) / m.total) / 1e6
          FROM moment m JOIN ranked r ON r.class IS m.class AND r.family = m.family GROUP BY m.class, m.family
UNION ALL SELECT class, 'completed', completed FROM tally
UNION ALL SELECT class, 'failed', failed FROM tally
UNION ALL SELECT class, 'rejected', rejected FROM tally
UNION ALL SELECT class, 'timed_out', timed_out FROM tally
UNION ALL SELECT class, 'retried', retried FROM tally
UNION ALL SELECT class, 'total_input_tokens', tokens_in FROM tally
UNION ALL SELECT class, 'total_output_tokens', tokens_out FROM tally
UNION ALL SELECT class, 'request_throughput', completed / T FROM tally, param
UNION ALL SELECT class, 'request_goodput', CASE WHEN has_slo THEN met / T END FROM tally, param
UNION ALL SELECT class, 'slo_attainment', CASE WHEN has_slo THEN 1.0 * met / (completed + failed) END FROM tally
UNION ALL SELECT class, 'output_throughput', tokens_out / T FROM tally, param
UNION ALL SELECT class, 'total_token_throughput', (tokens_in + tokens_out) / T FROM tally, param
UNION ALL SELECT NULL, 'output_throughput_per_gpu', tokens_out / T / gpus FROM tally, param WHERE class IS NULL
UNION ALL SELECT NULL, 'duration', T FROM param
UNION ALL SELECT NULL, 'max_output_tokens_per_s', max(n) FROM (
              SELECT sum(tokens_out) AS n FROM step, param WHERE t_start_ns >= w GROUP BY t_end_ns / 1000000000)
UNION ALL SELECT NULL, 'max_concurrent_requests', max(n) FROM (
              SELECT sum(d) OVER (ORDER BY t, d ROWS UNBOUNDED PRECEDING) AS n FROM (
                  SELECT t_arrive_ns AS t, 1 AS d FROM request WHERE status <> 'rejected'
                  UNION ALL SELECT t_end_ns, -1 FROM request WHERE status <> 'rejected' AND t_end_ns IS NOT NULL))
UNION ALL SELECT NULL, 'steps', count(*) FROM step, param WHERE t_start_ns >= w
UNION ALL SELECT NULL, 'mean_batch', total(1.0 * n_decode * (t_end_ns - t_start_ns)) / sum(t_end_ns - t_start_ns)
          FROM step, param WHERE t_start_ns >= w
UNION ALL SELECT NULL, 'utilisation', total(t_end_ns - t_start_ns) / 1e9 / (SELECT s FROM present) * replicas / members FROM step, param WHERE t_start_ns >= w
UNION ALL SELECT NULL, 'replica_seconds', s FROM present
UNION ALL SELECT NULL, 'verdict', verdict FROM verdict
UNION ALL SELECT NULL, 'verdict_offered', offered FROM verdict
UNION ALL SELECT NULL, 'verdict_answered', answered FROM verdict
UNION ALL SELECT NULL, 'verdict_waiting', waiting FROM verdict
UNION ALL SELECT NULL, 'scale_outs', count(*) FROM scale, param WHERE what = 0 AND t_ns > 0 AND t_ns >= w
UNION ALL SELECT NULL, 'scale_ins', count(*) FROM scale, param WHERE what = 2 AND t_ns >= w
UNION ALL SELECT NULL, 'prefill_tokens', total(prefill_tokens) FROM step, param WHERE t_start_ns >= w
UNION ALL SELECT NULL, 'mean_kv_blocks', total(1.0 * kv_blocks * (t_end_ns - t_start_ns)) / sum(t_end_ns - t_start_ns)
          FROM step, param WHERE t_start_ns >= w
UNION ALL SELECT NULL, 'peak_kv_blocks', max(kv_blocks) FROM step, param WHERE t_start_ns >= w
UNION ALL SELECT NULL, 'peak_waiting', max(n_waiting) FROM step, param WHERE t_start_ns >= w
UNION ALL SELECT NULL, 'preemptions', count(*) FROM preempt, param WHERE t_ns >= w
UNION ALL SELECT NULL, 'acceptance_length', total(sequences + accepted) / sum(sequences) FROM speculation, param WHERE t_ns >= w HAVING count(*) > 0
UNION ALL SELECT NULL, 'decode_tokens_per_step', total(tokens) / count(*) FROM speculation, param WHERE t_ns >= w HAVING count(*) > 0
UNION ALL SELECT NULL, 'draft_share', total(draft_ns) / (SELECT sum(t_end_ns - t_start_ns) FROM step, param WHERE t_start_ns >= w)
          FROM speculation, param WHERE t_ns >= w HAVING count(*) > 0
UNION ALL SELECT NULL, name, value FROM pools
UNION ALL SELECT NULL, name, value FROM agents
UNION ALL SELECT NULL, name, value FROM memory;

SELECT 'differs: ' || coalesce(m.class, 'all') || ' ' || m.name || ': metric ' || quote(m.value) || ', by SQL ' || quote(a.value)
FROM metric m LEFT JOIN again a ON a.class IS m.class AND a.name = m.name
WHERE (m.value IS NULL) <> (a.value IS NULL) OR abs(m.value - a.value) > 1e-9 * abs(a.value);
SELECT 'not in the table metric: ' || a.name FROM again a
WHERE NOT EXISTS (SELECT 1 FROM metric m WHERE m.class IS a.class AND m.name = a.name);
SELECT 'approximate though logged: ' || name FROM metric WHERE approximate;
SELECT 'compared ' || count(*) || ', with a value ' || sum(m.value IS NOT NULL)
FROM metric m JOIN again a ON a.class IS m.class AND a.name = m.name;
