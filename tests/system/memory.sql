-- memory.sql - what must hold in any results file with tiers (log level all): prints a line for each law that does not.
-- block_bytes: bytes of a block of the prefix cache; transfers are of whole ones, but for swaps.

SELECT 'bytes of a transfer that are no whole blocks: ' || count(*) FROM transfer JOIN move_kind k ON k.id = kind
WHERE bytes % (SELECT n FROM block_bytes) <> 0 AND k.name <> 'swap' HAVING count(*) > 0;
SELECT 'bytes of hits that are no whole blocks: ' || count(*) FROM hit WHERE bytes <> blocks * (SELECT n FROM block_bytes) HAVING count(*) > 0;
SELECT 'bytes of evictions that are no whole blocks: ' || count(*) FROM evict WHERE bytes <> blocks * (SELECT n FROM block_bytes) HAVING count(*) > 0;
SELECT 'hits of request ' || id || ' do not add up' FROM request LEFT JOIN hit ON request = id
GROUP BY id HAVING total(hit.blocks) <> hit_blocks OR total(restored) <> hit_tokens LIMIT 5;
SELECT 'a transfer faster than alone: ' || count(*) FROM transfer WHERE t_end_ns - t_start_ns < solo_ns HAVING count(*) > 0;

-- Transfers that end together for the same request stand for one another in the table contention. Each of its rows is
-- rounded down, and none is written below 1 ns: 12 places a transfer at most.
WITH late AS (SELECT kind, request, replica, t_end_ns AS t, count(*) AS n, sum(t_end_ns - t_start_ns - solo_ns) AS ns FROM transfer GROUP BY 1, 2, 3, 4),
lost AS (SELECT kind, request, replica, t_ns AS t, sum(lost_ns) AS ns FROM contention
         WHERE kind <> (SELECT id FROM move_kind WHERE name = 'step') GROUP BY 1, 2, 3, 4),
both AS (SELECT kind, request, replica, t, n, ns, 0 AS told FROM late UNION ALL SELECT kind, request, replica, t, 0, 0, ns FROM lost)
SELECT 'time lost at ports is not what transfers were late by: at ' || t || ': ' || sum(ns) || ', told ' || sum(told)
FROM both GROUP BY kind, request, replica, t HAVING sum(ns) - sum(told) NOT BETWEEN -1 AND 12 * sum(n) + 1 LIMIT 5;

SELECT 'port ' || port || ' in use for more than the time there was' FROM (
    SELECT port, busy_ns, t_ns - lag(t_ns, 1, 0) OVER (PARTITION BY port ORDER BY t_ns) AS ns FROM port_sample)
WHERE busy_ns > ns + 1 LIMIT 5;
SELECT 'utilisation of ' || name || ' ' || unit || ': ' || utilisation FROM v_tier WHERE utilisation NOT BETWEEN 0 AND 1;
SELECT 'more in ' || name || ' ' || unit || ' than it holds' FROM v_tier WHERE peak_share > 1;
SELECT 'no use of ' || name || ' is known' FROM v_tier WHERE utilisation IS NULL OR cached_bytes IS NULL;
SELECT 'bytes up differ: transfers ' || (SELECT total(delivered) FROM transfer WHERE up) || ', HBM ' || total(bytes_in)
FROM v_tier WHERE tier = 0 HAVING total(bytes_in) <> (SELECT total(delivered) FROM transfer WHERE up);
SELECT 'bytes into ' || t.name || ' differ' FROM (SELECT tier, name, sum(bytes_in) AS n FROM v_tier WHERE tier > 0 GROUP BY tier) t
WHERE n <> (SELECT total(delivered) FROM transfer x WHERE x.tier = t.tier AND NOT up);

SELECT 'TTFT of request ' || request || ' is not the sum of its parts' FROM v_kv_breakdown
WHERE abs(ttft_ms - queue_ms - restore_ms - recompute_ms - prefill_ms - rest_ms) > 1e-6 LIMIT 5;
SELECT 'a part of the TTFT of request ' || request || ' is negative' FROM v_kv_breakdown
WHERE min(queue_ms, restore_ms, recompute_ms, prefill_ms, rest_ms) < -1e-9 LIMIT 5;
SELECT 'tokens of the prompt of request ' || request || ' do not add up' FROM v_kv_breakdown JOIN request r ON r.id = request
WHERE r.preemptions = 0 AND recomputed_tokens + prefilled_tokens + (SELECT min(computed) FROM prefill p WHERE p.request = r.id) <> r.input_tokens LIMIT 5;
SELECT 'restores of request ' || request || ': ' || restore_ms || ' ms by transfers, ' || r.restore_ns || ' ns by the model'
FROM v_kv_breakdown JOIN request r ON r.id = request
WHERE r.preemptions = 0 AND (SELECT value_text FROM run_param WHERE key = 'cache.overlap') = 'no' AND abs(restore_ms * 1e6 - r.restore_ns) > 1 LIMIT 5;

SELECT 'v_hit_rate: tiers and their sum differ' FROM (
    SELECT total(CASE WHEN tier >= 0 THEN blocks END) AS b, total(CASE WHEN tier IS NULL THEN blocks END) AS all_b,
           total(CASE WHEN tier >= 0 THEN used_tokens END) AS t, total(CASE WHEN tier IS NULL THEN used_tokens END) AS all_t
    FROM v_hit_rate) WHERE b <> all_b OR t <> all_t;
SELECT 'v_transfer leaves out transfers' WHERE (SELECT count(*) FROM v_transfer) <> (SELECT count(*) FROM transfer);
SELECT 'v_contention leaves out time' FROM run WHERE warmup_ns = 0
    AND (SELECT total(lost_ns) FROM v_contention) <> (SELECT total(lost_ns) FROM contention);
SELECT 'v_request_contention leaves out time'
WHERE (SELECT total(lost_ns) FROM v_request_contention) <> (SELECT total(lost_ns) FROM contention WHERE request IS NOT NULL);
SELECT 'conservation: ' || name FROM v_conservation WHERE NOT ok;
SELECT 'a reference that leads nowhere: ' || "table" || ' to ' || parent FROM pragma_foreign_key_check LIMIT 5;
SELECT 'no word on ' || s.name FROM sqlite_schema s WHERE s.type IN ('table', 'view') AND s.name NOT GLOB 'sqlite_*'
    AND NOT EXISTS (SELECT 1 FROM doc WHERE table_name = s.name AND column_name IS NULL);
