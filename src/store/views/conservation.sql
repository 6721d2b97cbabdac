-- conservation.sql - Laws that hold in each complete run. What holds for all views stands in requests.sql.

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
           max(CASE name WHEN 'member_own_ns' THEN value END) AS member_own,
           max(CASE name WHEN 'share_steps_ns' THEN value END) AS share_steps,
           max(CASE name WHEN 'share_ended_ns' THEN value END) AS share_ended,
           max(CASE name WHEN 'share_held_ns' THEN value END) AS share_held
    FROM counter
), g AS ( -- agents: the model's counts
    SELECT max(CASE name WHEN 'agent_tasks_begun' THEN value END) AS tasks, max(CASE name WHEN 'agent_tasks_ended' THEN value END) AS tasks_ended,
           max(CASE name WHEN 'agent_tasks_live' THEN value END) AS tasks_live, max(CASE name WHEN 'agent_calls_begun' THEN value END) AS calls,
           max(CASE name WHEN 'agent_calls_ended' THEN value END) AS calls_ended, max(CASE name WHEN 'agent_calls_live' THEN value END) AS calls_live,
           max(CASE name WHEN 'agent_steps_joining' THEN value END) AS joining, max(CASE name WHEN 'agent_tool_calls' THEN value END) AS tool_calls
    FROM counter
), t AS ( -- traces whose calls wait for others
    SELECT max(CASE name WHEN 'trace_calls' THEN value END) AS calls, max(CASE name WHEN 'trace_calls_came' THEN value END) AS came,
           max(CASE name WHEN 'trace_calls_coming' THEN value END) AS coming, max(CASE name WHEN 'trace_calls_waiting' THEN value END) AS waits,
           max(CASE name WHEN 'trace_calls_left_out' THEN value END) AS left_out
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
    UNION ALL SELECT 'cost: time of steps = of requests that ended + of those in flight (ns)', share_steps, share_ended + share_held FROM k
    UNION ALL SELECT 'cost: time of steps = rows of step_share (ns)', share_steps, (SELECT coalesce(sum(prefill_ns + decode_ns), 0) FROM step_share)
              FROM k, l WHERE steps
    UNION ALL SELECT 'cost: time of steps = rows of step (ns)', share_steps, (SELECT coalesce(sum(t_end_ns - t_start_ns), 0) FROM step)
              FROM k, l WHERE steps
    UNION ALL SELECT 'cost: time of requests that ended = rows of request_cost (ns)', share_ended,
                     (SELECT coalesce(sum(prefill_ns + decode_ns), 0) FROM request_cost) FROM k, l WHERE requests
    UNION ALL SELECT 'cost: parts of the bill that are not the sum of their shares (to 1e-9) = 0',
                     (SELECT count(*) FROM v_bill b JOIN (SELECT part, sum(usd) AS usd, sum(full_usd) AS full_usd, min(min(usd, full_usd)) AS least FROM cost
                                                          GROUP BY part) c ON c.part = b.part
                      WHERE abs(c.usd - coalesce(b.usd, c.usd)) > 1e-9 * c.usd OR abs(c.full_usd - c.usd) > 1e-9 * c.usd OR c.least < 0), 0
              FROM l WHERE EXISTS (SELECT 1 FROM cost)
    UNION ALL SELECT 'cost: parts of the bill = parts of cost', (SELECT count(*) FROM bill), (SELECT count(DISTINCT part) FROM cost)
              FROM l WHERE EXISTS (SELECT 1 FROM cost)
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
    UNION ALL SELECT 'trace: calls of what began = came + wait for others + left out', calls, came + waits + left_out FROM t
    UNION ALL SELECT 'trace: calls that came = first attempts in request + on their way', came, CAST(q.n - q.retries AS INTEGER) + coming FROM t, q, l WHERE requests
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
